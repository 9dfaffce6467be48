//! Telling the person's own program, and the desktop, what happened (`[notify]`): one event after
//! the other, in their order, beside everything else. An event is done with once the program has
//! taken it; one that it would not take for a day is given up.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tradepost_agent::command::{self, Limits};
use tradepost_agent::terminal::json;
use tradepost_buyer::Notice;
use tradepost_letters::untrusted;
use tradepost_post::stop::Stop;
use tradepost_statements::Time;

use super::in_words;
use crate::config::NotifyConfig;
use crate::ledger::{Entry, Event, Input, LedgerError, next_event};
use crate::office::Office;

/// Before a program that failed is started again; doubles up to [`LONGEST`].
const FIRST: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_secs(3600);

/// News of yesterday that nobody would take hold up the news of today no longer.
const GIVE_UP: Duration = Duration::from_secs(24 * 3600);

/// What a program prints is not looked at; one that prints without end is ended.
const OUTPUT: usize = 1024 * 1024;

/// What stands on the program's standard input.
#[derive(Serialize)]
struct Told<'e> {
    id: String,
    at: Time,
    #[serde(flatten)]
    notice: &'e Notice,
    message: String,
}

/// Whether everything that waited was told.
enum Telling {
    /// All of it.
    Done,
    /// The program failed; the rest waits.
    Failed,
}

/// Tells what waits and what comes, until it is stopped.
pub(crate) async fn keep_telling(office: Arc<Office>, stop: Stop) -> Result<(), LedgerError> {
    let mut wait = FIRST;
    let since = Some(office.ledger.now());
    let mut stopped = stop.clone();
    loop {
        let telling = tokio::select! {
            telling = tell_all(&office, since) => telling?,
            () = stopped.stopped() => return Ok(()),
        };
        let pause = match telling {
            Telling::Done => {
                wait = FIRST;
                None
            }
            Telling::Failed => {
                let pause = wait;
                wait = wait.saturating_mul(2).min(LONGEST);
                Some(pause)
            }
        };
        let again = async {
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => office.events.notified().await,
            }
        };
        tokio::select! {
            () = again => {}
            () = stopped.stopped() => return Ok(()),
        }
    }
}

/// Tells what waits now; what the program would not take stays.
pub(crate) async fn tell_what_waits(office: &Arc<Office>) -> Result<(), LedgerError> {
    match tell_all(office, None).await? {
        Telling::Done | Telling::Failed => Ok(()),
    }
}

/// Whether an event is given up that the program would not take: for a day after it happened, and for
/// a day of a daemon that runs `since` then. What happened while none ran is tried as long.
fn is_given_up(happened: Time, since: Option<Time>, now: Time) -> bool {
    now.since(since.map_or(happened, |since| since.max(happened))) >= GIVE_UP
}

async fn tell_all(office: &Arc<Office>, since: Option<Time>) -> Result<Telling, LedgerError> {
    let Some(config) = &office.config.notify else {
        return Ok(Telling::Done);
    };
    loop {
        let next = office.work(|office| office.ledger.view(next_event)).await;
        let Some(event) = next else {
            return Ok(Telling::Done);
        };
        let taken = tell(config, &event).await;
        let is_given_up = is_given_up(event.at, since, office.ledger.now());
        match taken {
            Ok(()) => {}
            Err(why) if !is_given_up => {
                tracing::warn!(
                    "the [notify] command did not take an event, and is tried again: {why}"
                );
                return Ok(Telling::Failed);
            }
            Err(why) => tracing::warn!(
                "the [notify] command was not told what happened at {}: {why}",
                event.at
            ),
        }
        let told = Entry::Told { event: event.id };
        office.enter(vec![Input::of(told)]).await?;
    }
}

async fn tell(config: &NotifyConfig, event: &Event) -> Result<(), String> {
    let message = in_words(&event.notice);
    #[cfg(feature = "desktop")]
    if config.desktop {
        super::desktop::show(&message).await;
    }
    let Some(program) = &config.command else {
        return Ok(());
    };
    let told = Told {
        id: event.id.to_string(),
        at: event.at,
        notice: &event.notice,
        message,
    };
    let json = json::line(&told).map_err(|e| e.to_string())? + "\n";
    let limits = Limits {
        time: config.timeout,
        output: OUTPUT,
    };
    let ran = command::run(program, json.as_bytes(), limits).await;
    let said = untrusted::show(ran.errors.trim());
    match ran.output {
        Ok(_) => Ok(()),
        Err(failed) if said.is_empty() => Err(failed.to_string()),
        Err(failed) => Err(format!("{failed}; it says: {said}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_while_no_daemon_ran_is_tried_for_a_day_too() {
        let at = |text: &str| -> Time { text.parse().expect("a time") };
        let happened = at("2026-11-20T10:00:00Z");
        let a_week_later = Some(at("2026-11-27T10:00:00Z"));
        for (since, now, expected) in [
            (a_week_later, "2026-11-27T10:00:01Z", false),
            (a_week_later, "2026-11-28T09:59:59Z", false),
            (a_week_later, "2026-11-28T10:00:00Z", true),
            (None, "2026-11-21T09:59:59Z", false),
            (None, "2026-11-21T10:00:00Z", true),
        ] {
            assert_eq!(is_given_up(happened, since, at(now)), expected, "{now}");
        }
        let before = Some(at("2026-11-01T10:00:00Z"));
        assert!(!is_given_up(happened, before, at("2026-11-21T09:59:59Z")));
        assert!(is_given_up(happened, before, at("2026-11-21T10:00:00Z")));
    }
}
