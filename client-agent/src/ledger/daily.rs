//! When the clocks of a place show a time of day. Time zones are files that change now and then, so
//! this stands outside of what decides: it is given the times that came of it.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;
use tradepost_buyer::PlannedWhen;
use tradepost_statements::Time;

/// The name of the zone where no name is known, such as where only the system's rules are.
const HERE: &str = "local";

/// The name of the zone that this computer is in.
pub(crate) fn zone_here() -> String {
    TimeZone::system().iana_name().unwrap_or(HERE).to_owned()
}

/// The next time of a plan after `now`.
pub(crate) fn next(when: &PlannedWhen, now: Time) -> Time {
    match when {
        PlannedWhen::Every { span } => now.plus(*span),
        PlannedWhen::Daily { hour, minute, zone } => daily(*hour, *minute, &place(zone), now),
    }
}

/// A zone that this computer's time zone database does not know any more gives way to the system's.
fn place(zone: &str) -> TimeZone {
    if zone == HERE {
        return TimeZone::system();
    }
    TimeZone::get(zone).unwrap_or_else(|_| TimeZone::system())
}

fn daily(hour: u8, minute: u8, place: &TimeZone, now: Time) -> Time {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let (hour, minute) = (i8::try_from(hour), i8::try_from(minute));
    let clock = hour.ok().zip(minute.ok());
    let clock = clock.and_then(|(hour, minute)| civil::Time::new(hour, minute, 0, 0).ok());
    let date = now.timestamp().to_zoned(place.clone()).date();
    let mut days = (0..=2).filter_map(|n| date.checked_add(jiff::Span::new().days(n)).ok());
    // Where the clocks are set forward over it, an hour later; where they show it twice, the first time.
    let moment = |day: civil::Date| -> Option<Timestamp> {
        let zoned = day.to_datetime(clock?).to_zoned(place.clone()).ok()?;
        Some(zoned.timestamp())
    };
    let found = days.find_map(|day| moment(day).filter(|t| *t > now.timestamp()));
    found.map_or_else(|| now.plus(DAY), Time::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Time {
        text.parse().expect("a time")
    }

    fn next_in(zone: &str, hour: u8, minute: u8, now: &str) -> Time {
        let zone = zone.to_owned();
        next(&PlannedWhen::Daily { hour, minute, zone }, at(now))
    }

    #[test]
    fn a_daily_time_is_the_next_one_that_the_clocks_of_the_place_show() {
        for (now, expected) in [
            ("2026-11-20T06:59:00Z", "2026-11-20T07:00:00Z"),
            ("2026-11-20T07:00:00Z", "2026-11-21T07:00:00Z"),
            ("2026-07-20T06:30:00Z", "2026-07-21T06:00:00Z"),
            // The clocks are set back in the night of 2026-10-25, and forward on 2026-03-29.
            ("2026-10-24T07:00:00Z", "2026-10-25T07:00:00Z"),
            ("2026-03-28T12:00:00Z", "2026-03-29T06:00:00Z"),
        ] {
            assert_eq!(next_in("Europe/Berlin", 8, 0, now), at(expected), "{now}");
        }
    }

    #[test]
    fn a_time_that_the_clocks_skip_or_show_twice_comes_once() {
        let skipped = next_in("Europe/Berlin", 2, 30, "2026-03-28T12:00:00Z");
        assert_eq!(skipped, at("2026-03-29T01:30:00Z"));
        let first = next_in("Europe/Berlin", 2, 30, "2026-10-24T12:00:00Z");
        assert_eq!(first, at("2026-10-25T00:30:00Z"));
        let after_both = next_in("Europe/Berlin", 2, 30, "2026-10-25T00:30:00Z");
        assert_eq!(after_both, at("2026-10-26T01:30:00Z"));
    }
}
