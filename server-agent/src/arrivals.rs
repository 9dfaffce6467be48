//! When the deliveries of a webhook came, and what of them was left out: what `doctor` needs to say
//! that a webhook may have been switched off at the web shop, which tells nobody.
//!
//! How long silence is usual differs from shop to shop, so it is learned: a webhook is silent once
//! nothing has come for several times the longest wait that there was lately. Deliveries come in
//! bursts (an order is made, paid and packed within minutes), so waits within the hour say nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tradepost_statements::Time;

/// Deliveries within it are one burst; and so often the book is written at most, with what else is new.
const BURST: Duration = Duration::from_secs(3600);
/// Waits that are remembered: some weeks of a busy shop, a year of one with an order a month.
const MOST_WAITS: usize = 16;
/// From fewer, nothing is learned.
const FEWEST_WAITS: usize = 3;
/// So many times the longest wait: a holiday is no end.
const TIMES: u32 = 3;
/// While nothing is learned: a shop with an order a month has been silent for that long by nature.
const NOT_LEARNED: Duration = Duration::from_secs(35 * 24 * 3600);
/// Days whose reasons are counted.
const MOST_DAYS: usize = 7;

/// What is known of one webhook's deliveries.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Arrivals {
    last: Option<Time>,
    /// The waits between bursts, in seconds, newest last.
    #[serde(default)]
    waits: Vec<u64>,
    /// How often something was left out, by day (UTC) and reason.
    #[serde(default)]
    left_out: BTreeMap<String, BTreeMap<String, u64>>,
    /// The newest thing left out that somebody may want to mend.
    #[serde(default)]
    newest: Option<LeftOut>,
    /// When this was recorded last, and how much of it: only what is new is worth a write.
    #[serde(default)]
    recorded: Option<Time>,
}

/// Something that was left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LeftOut {
    /// The word of a `LeftReason`, as in the metrics.
    pub(crate) reason: String,
    /// A web shop's every day: nobody has to do anything.
    pub(crate) is_usual: bool,
    pub(crate) text: String,
    pub(crate) at: Time,
}

impl Arrivals {
    /// A delivery came. Whether it is time to record that: for the first one of a burst and once an hour,
    /// and when a reason is new on this day.
    #[must_use]
    pub(crate) fn came(&mut self, now: Time, left: Vec<LeftOut>) -> bool {
        if let Some(last) = self.last {
            let wait = now.since(last);
            if wait >= BURST {
                self.waits.push(wait.as_secs());
                let over = self.waits.len().saturating_sub(MOST_WAITS);
                self.waits.drain(..over);
            }
        }
        self.last = Some(self.last.map_or(now, |last| last.max(now)));
        let mut is_news = false;
        for left in left {
            let day = self.left_out.entry(day_of(now)).or_default();
            let count = day.entry(left.reason.clone()).or_insert(0);
            *count += 1;
            is_news |= *count == 1;
            if !left.is_usual {
                self.newest = Some(left);
            }
        }
        while self.left_out.len() > MOST_DAYS {
            self.left_out.pop_first();
        }
        let is_due = self.recorded.is_none_or(|at| now.since(at) >= BURST);
        if is_due || is_news {
            self.recorded = Some(now);
        }
        is_due || is_news
    }

    pub(crate) fn last(&self) -> Option<Time> {
        self.last
    }

    /// How long it has been silent, once that is longer than `least` and than it ever was lately.
    pub(crate) fn is_silent(&self, now: Time, least: Duration) -> Option<Duration> {
        let silence = now.since(self.last?);
        let longest = self.waits.iter().max().copied().unwrap_or_default();
        let usual = Duration::from_secs(longest).saturating_mul(TIMES);
        let not_learned = if self.waits.len() < FEWEST_WAITS {
            NOT_LEARNED
        } else {
            Duration::ZERO
        };
        (silence > least.max(usual).max(not_learned)).then_some(silence)
    }

    /// What was left out in the last days, by reason.
    pub(crate) fn left_out(&self, now: Time) -> BTreeMap<&str, u64> {
        let days = Duration::from_secs(24 * 3600).saturating_mul(MOST_DAYS.try_into().unwrap_or(7));
        let first = day_of(now.minus(days));
        let mut all = BTreeMap::new();
        for (reason, count) in self.left_out.range(first..).flat_map(|(_, day)| day) {
            *all.entry(reason.as_str()).or_insert(0) += count;
        }
        all
    }

    /// The newest thing left out that somebody may want to mend, of the last days.
    pub(crate) fn newest(&self, now: Time) -> Option<&LeftOut> {
        let days = Duration::from_secs(24 * 3600).saturating_mul(MOST_DAYS.try_into().unwrap_or(7));
        self.newest
            .as_ref()
            .filter(|left| now.since(left.at) < days)
    }
}

fn day_of(at: Time) -> String {
    at.to_string().chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HOUR: u64 = 3600;
    const DAY: u64 = 24 * HOUR;
    const LEAST: Duration = Duration::from_secs(3 * DAY);

    fn at(seconds: u64) -> Time {
        let start: Time = "2026-11-20T10:00:00Z".parse().unwrap();
        start.plus(Duration::from_secs(seconds))
    }

    /// Deliveries at these seconds, and after how many days of silence it is said.
    fn said_after(deliveries: &[u64]) -> u64 {
        let mut arrivals = Arrivals::default();
        for seconds in deliveries {
            let _ = arrivals.came(at(*seconds), Vec::new());
        }
        let last = deliveries.last().copied().unwrap();
        (0..400)
            .find(|days| arrivals.is_silent(at(last + days * DAY), LEAST).is_some())
            .unwrap()
    }

    #[test]
    fn silence_is_what_is_long_for_this_shop() {
        let hourly: Vec<u64> = (0..200).map(|n| n * 2 * HOUR).collect();
        assert_eq!(said_after(&hourly), 4, "after more than 3 days");
        // Closed from Friday to Monday, and three deliveries in a burst each time.
        let weekdays: Vec<u64> = (0..30)
            .filter(|day| day % 7 < 5)
            .flat_map(|day| [0, 60, 90].map(|s| day * DAY + s))
            .collect();
        assert_eq!(said_after(&weekdays), 9);
        let monthly: Vec<u64> = (0..6)
            .flat_map(|month| [0, 30, 2 * DAY].map(|s| month * 30 * DAY + s))
            .collect();
        assert_eq!(said_after(&monthly), 85, "three times 28 days");
        // Nothing is known yet of one that has just begun, however many deliveries an order makes.
        assert_eq!(said_after(&[0, 5, 10, 20, 3_000]), 36);
        assert!(
            Arrivals::default()
                .is_silent(at(400 * DAY), LEAST)
                .is_none()
        );
    }

    #[test]
    fn the_book_is_written_once_an_hour_and_for_what_is_new() {
        let mut arrivals = Arrivals::default();
        let left = |reason: &str, seconds| LeftOut {
            reason: reason.to_owned(),
            is_usual: false,
            text: "why".to_owned(),
            at: at(seconds),
        };
        assert!(arrivals.came(at(0), Vec::new()));
        let written = (1..HOUR).filter(|s| arrivals.came(at(*s), vec![left("mail", *s)]));
        assert_eq!(written.count(), 1, "the reason is new once");
        assert!(arrivals.came(at(HOUR + 1), Vec::new()));
        assert!(arrivals.came(at(HOUR + 2), vec![left("address", HOUR + 2)]));
        let counted = arrivals.left_out(at(HOUR + 3));
        assert_eq!(
            counted,
            BTreeMap::from([("address", 1), ("mail", HOUR - 1)])
        );
        assert_eq!(arrivals.newest(at(HOUR)).unwrap().reason, "address");
        // A week later it is history.
        assert!(arrivals.left_out(at(9 * DAY)).is_empty());
        assert!(arrivals.newest(at(9 * DAY)).is_none());
        for day in 0..30 {
            let _ = arrivals.came(at(day * DAY), vec![left("mail", day * DAY)]);
        }
        assert!(arrivals.left_out.len() <= MOST_DAYS && arrivals.waits.len() <= MOST_WAITS);
    }

    #[test]
    fn a_clock_that_was_set_back_is_no_wait() {
        let mut arrivals = Arrivals::default();
        let _ = arrivals.came(at(10 * DAY), Vec::new());
        let _ = arrivals.came(at(0), Vec::new());
        assert_eq!(arrivals.last(), Some(at(10 * DAY)));
        assert!(arrivals.waits.is_empty());
    }
}
