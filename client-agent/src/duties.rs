//! What the daemon does beside its loop: telling the person's own program what happened (`[notify]`), one
//! event after the other, in their order; and proving letters again whose senders a new `[trust]` may
//! believe ([`crate::ledger`]).
//!
//! An event is done with once the program has taken it; one that it would not take for a day is given up.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinSet;
use tradepost_agent::arrival::Reader;
use tradepost_agent::command::{self, CommandLimits};
use tradepost_agent::host::HostError;
use tradepost_agent::run::Background;
use tradepost_agent::terminal::json;
use tradepost_buyer::Notice;
use tradepost_letters::untrusted;
use tradepost_proof::joined;
use tradepost_statements::Time;

use crate::config::{Config, NotifyConfig};
use crate::ledger::{
    JudgedAgain, Ledger, LedgerEntry, LedgerError, LedgerEvent, LedgerHost, Slice, enter,
    is_left_to_read, left_to_prove, next_event, prove_slice, read_slice, take_slice,
};
use crate::notify::in_words;

/// Before a program that failed is started again; doubles up to [`LONGEST`].
const FIRST: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_secs(3600);

/// News of yesterday that nobody would take hold up the news of today no longer.
const GIVE_UP: Duration = Duration::from_secs(24 * 3600);

/// What a program prints is not looked at; one that prints without end is ended.
const OUTPUT: usize = 1024 * 1024;

/// What stands on the program's standard input.
#[derive(Serialize)]
struct EventToTell<'e> {
    id: String,
    at: Time,
    #[serde(flatten)]
    notice: &'e Notice,
    message: String,
}

/// A piece of work beside the loop that has ended.
pub(crate) enum Duty {
    /// Letters were read again, or could not be.
    Read(Result<Option<JudgedAgain>, LedgerError>),
    /// Letters were proven again, or could not be.
    Proven(Result<Option<Slice>, LedgerError>),
    /// The program was told, or would not take it.
    Told {
        event: Box<LedgerEvent>,
        taken: Result<(), String>,
    },
}

/// What runs, and what was put off.
pub(crate) struct Duties {
    notify: Option<NotifyConfig>,
    reader: Reader,
    tasks: JoinSet<Duty>,
    is_proving: bool,
    cannot_prove: bool,
    judged: JudgedAgain,
    is_telling: bool,
    /// Who runs once tells at the end, when everything has come in.
    tells: bool,
    /// Since when the daemon runs, where it runs on: what happened before is tried as long.
    since: Option<Time>,
    /// After the program failed: how long it is left alone next, and until when it is now.
    wait: Duration,
    not_before: Option<Time>,
}

impl Duties {
    pub(crate) fn new(config: &Config, reader: Reader, once: bool, now: Time) -> Duties {
        Duties {
            notify: config.notify.clone(),
            reader,
            tasks: JoinSet::new(),
            is_proving: false,
            cannot_prove: false,
            judged: JudgedAgain::default(),
            is_telling: false,
            tells: !once,
            since: (!once).then_some(now),
            wait: FIRST,
            not_before: None,
        }
    }

    fn prove_what_is_left(&mut self, host: &Arc<LedgerHost>) {
        if self.is_proving || self.cannot_prove {
            return;
        }
        if host.view(is_left_to_read) {
            self.is_proving = true;
            let host = Arc::clone(host);
            self.tasks
                .spawn(async move { Duty::Read(host.work(read_slice).await) });
            return;
        }
        if host.view(left_to_prove).is_none() {
            return;
        }
        self.is_proving = true;
        let (host, reader) = (Arc::clone(host), self.reader.clone());
        self.tasks
            .spawn(async move { Duty::Proven(prove_slice(&host, &reader).await) });
    }

    fn tell_what_waits(&mut self, host: &Arc<LedgerHost>) -> Option<Time> {
        let config = self.notify.as_ref().filter(|_| self.tells)?;
        if self.is_telling {
            return None;
        }
        let event = host.view(next_event)?;
        if let Some(at) = self.not_before.filter(|at| *at > host.now()) {
            return Some(at);
        }
        self.is_telling = true;
        let config = config.clone();
        self.tasks.spawn(async move {
            let taken = tell(&config, &event).await;
            let event = Box::new(event);
            Duty::Told { event, taken }
        });
        None
    }

    async fn proven(
        &mut self,
        host: &Arc<LedgerHost>,
        proven: Result<Option<Slice>, LedgerError>,
    ) -> Result<(), LedgerError> {
        if let Some(slice) = proven? {
            let done = host.work(move |host| take_slice(host, &slice)).await?;
            self.judged.add(done);
        }
        self.tell_what_was_judged(host);
        Ok(())
    }

    fn read(
        &mut self,
        host: &Arc<LedgerHost>,
        read: Result<Option<JudgedAgain>, LedgerError>,
    ) -> Result<(), LedgerError> {
        self.judged.add(read?.unwrap_or_default());
        self.tell_what_was_judged(host);
        Ok(())
    }

    fn judged_again(&mut self, done: Result<(), LedgerError>) -> Result<(), LedgerError> {
        self.is_proving = false;
        if let Err(e) = &done {
            // The next start tries again.
            self.cannot_prove = true;
            tracing::error!("letters cannot be judged again: {e}");
        }
        done
    }

    fn tell_what_was_judged(&mut self, host: &Arc<LedgerHost>) {
        if !host.view(is_left_to_read) && host.view(left_to_prove).is_none() {
            let judged = std::mem::take(&mut self.judged);
            if judged.is_something() {
                tracing::info!("{judged}");
            }
        }
    }

    async fn told(
        &mut self,
        host: &Arc<LedgerHost>,
        event: LedgerEvent,
        taken: Result<(), String>,
    ) -> Result<(), LedgerError> {
        self.is_telling = false;
        let is_given_up = is_given_up(event.at, self.since, host.now());
        match taken {
            Ok(()) => {}
            Err(why) if !is_given_up => {
                tracing::warn!(
                    "the [notify] command did not take an event, and is tried again: {why}"
                );
                self.not_before = Some(host.now().plus(self.wait));
                self.wait = self.wait.saturating_mul(2).min(LONGEST);
                return Ok(());
            }
            Err(why) => tracing::warn!(
                "the [notify] command was not told what happened at {}: {why}",
                event.at
            ),
        }
        let told = LedgerEntry::Told { event: event.id };
        host.work(move |host| enter(host, vec![told])).await?;
        if host.view(next_event).is_none() {
            self.wait = FIRST;
        }
        self.not_before = None;
        Ok(())
    }
}

impl Background<Ledger> for Duties {
    type Ended = Duty;

    fn start_what_is_due(&mut self, host: &Arc<LedgerHost>) -> Option<Time> {
        self.prove_what_is_left(host);
        self.tell_what_waits(host)
    }

    async fn next(&mut self) -> Duty {
        match self.tasks.join_next().await {
            Some(ended) => joined(std::future::ready(ended)).await,
            None => std::future::pending().await,
        }
    }

    async fn take(&mut self, host: &Arc<LedgerHost>, ended: Duty) -> Result<(), HostError> {
        let done = match ended {
            Duty::Read(read) => {
                let done = self.read(host, read);
                self.judged_again(done)
            }
            Duty::Proven(proven) => {
                let done = self.proven(host, proven).await;
                self.judged_again(done)
            }
            Duty::Told { event, taken } => self.told(host, *event, taken).await,
        };
        match done {
            Ok(()) => Ok(()),
            Err(LedgerError::Host(e)) => Err(e),
            // Nobody has asked for it.
            Err(LedgerError::Refused(_) | LedgerError::NotOurs(_) | LedgerError::NoWayOut) => {
                Ok(())
            }
        }
    }

    fn is_at_work(&self) -> bool {
        !self.tasks.is_empty()
    }

    fn come_to_an_end(&mut self) {
        self.tells = true;
        self.since = None;
    }

    async fn end(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Whether an event is given up that the program would not take: for a day after it happened, and for
/// a day of a daemon that runs `since` then. What happened while none ran is tried as long.
fn is_given_up(happened: Time, since: Option<Time>, now: Time) -> bool {
    now.since(since.map_or(happened, |since| since.max(happened))) >= GIVE_UP
}

async fn tell(config: &NotifyConfig, event: &LedgerEvent) -> Result<(), String> {
    let message = in_words(&event.notice);
    #[cfg(feature = "desktop")]
    if config.desktop {
        crate::notify::desktop::show(&message).await;
    }
    let Some(program) = &config.command else {
        return Ok(());
    };
    let told = EventToTell {
        id: event.id.to_string(),
        at: event.at,
        notice: &event.notice,
        message,
    };
    let json = json::line(&told).map_err(|e| e.to_string())? + "\n";
    let limits = CommandLimits {
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
