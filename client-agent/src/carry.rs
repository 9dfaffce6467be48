//! The way out: what waits in the outbox is submitted, and a copy of what has left is put into
//! the Sent folder, so that the person and their other programs see it.

use std::sync::Arc;
use std::time::Duration;

use tradepost_agent::outbox::{self, Carriage, Due, Failure, Item, Outcome, Tried};
use tradepost_agent::terminal::time::local;
use tradepost_buyer::Returned;
use tradepost_letters::untrusted::show;
use tradepost_post::imap;
use tradepost_post::smtp::{Submission, Submitter};
use tradepost_post::stop::Stop;
use tradepost_statements::Time;
use tradepost_trades::rows::Rows;

use crate::ledger::{Entry, Input, copies, tried};
use crate::office::Office;

/// The office as the outbox needs it.
pub(crate) struct Carrier {
    pub(crate) office: Arc<Office>,
    pub(crate) submitter: Submitter,
    /// Whether copies belong into the Sent folder.
    pub(crate) copy: bool,
}

/// While a person waits for a letter to leave, it is tried again so soon.
const WHILE_SOMEBODY_WAITS: Duration = Duration::from_secs(2);

impl Carrier {
    /// Protocol 7 lets a letter wait 5 minutes after a failure; the person who has just asked for
    /// it waits beside the screen.
    fn sooner(&self, item_queued_at: Time, now: Time, tried: &mut Tried) {
        if let Outcome::Later { next_try, .. } = &mut tried.outcome
            && now.since(item_queued_at) < self.office.config.wait_to_send
        {
            let soon = now.plus(WHILE_SOMEBODY_WAITS);
            *next_try = (*next_try).min(soon);
            if let Some(pause) = &mut tried.pause {
                pause.until = pause.until.min(soon);
                // The person's patience is not the server's: the next waits are no longer for it.
                pause.failures = 1;
            }
        }
    }
}

/// What may leave. A letter that was never tried is tried once, whatever the others wait for: somebody
/// has just asked for it.
pub(crate) fn due(rows: &dyn Rows, now: Time, n: usize) -> Due {
    /// So many of those that wait are looked at for it.
    const LOOKED_AT: usize = 256;
    let due = Due::read(rows, now, n);
    if !due.is_paused(now) {
        return due;
    }
    let mut new = Due::read(rows, now, LOOKED_AT.max(n));
    new.items.retain(|item| item.attempts == 0);
    new.items.truncate(n);
    if new.items.is_empty() {
        return due;
    }
    if let Some(pause) = &mut new.pause {
        pause.until = now;
    }
    new
}

impl Carriage for Carrier {
    fn now(&self) -> Time {
        self.office.ledger.now()
    }

    fn jitter(&self) -> f64 {
        rand::random()
    }

    async fn due(&self, now: Time, n: usize) -> Result<Due, Failure> {
        Ok(self
            .office
            .work(move |o| o.ledger.view(|rows| due(rows, now, n)))
            .await)
    }

    async fn letter(&self, item: &Item) -> Result<Vec<u8>, Failure> {
        self.office.letter(item.id).await.map_err(Failure::new)
    }

    async fn submit(&self, item: &Item, bytes: &[u8]) -> Submission {
        let (from, to) = (item.from.as_written(), item.to.as_written());
        self.submitter.submit(from, to, bytes).await
    }

    async fn record(&self, all: Vec<Tried>) -> Result<(), Failure> {
        let now = self.now();
        let mut inputs = Vec::new();
        let mut has_left = false;
        for mut one in all {
            let id = one.id;
            let item = self
                .office
                .work(move |o| o.ledger.view(|r| outbox::item(r, id)))
                .await;
            let Some(item) = item else { continue };
            self.sooner(item.queued_at, now, &mut one);
            has_left |= matches!(one.outcome, Outcome::Accepted { .. });
            let came_back = tell(&item, &one);
            inputs.push(tried(one, self.copy));
            // The person is to see that it did not go out, as if it had come back.
            inputs.extend(came_back.map(|text| {
                let returned = BouncedLetter {
                    message_ids: vec![item.message_id.clone()],
                    text,
                    ..BouncedLetter::default()
                };
                Input::of(Entry::Bounced { returned, now })
            }));
        }
        self.office.enter(inputs).await.map_err(Failure::new)?;
        self.office.letter_was_tried();
        if has_left {
            self.office.copies.notify_one();
        }
        Ok(())
    }
}

/// A line for people; and what is to be warned of.
fn tell(item: &Item, tried: &Tried) -> Option<String> {
    let (kind, to) = (item.kind, show(item.to.as_written()));
    match &tried.outcome {
        Outcome::Accepted { .. } => {
            tracing::info!("sent the {kind} to {to}");
            None
        }
        Outcome::Later { next_try, text } => {
            let until = local(tried.next_try().unwrap_or(*next_try));
            tracing::warn!("the {kind} to {to} waits until {until}: {}", show(text));
            None
        }
        Outcome::Refused { text, .. } => {
            tracing::error!("the {kind} to {to} was refused: {}", show(text));
            Some(text.clone())
        }
        Outcome::Expired { text } => {
            tracing::error!(
                "the {kind} to {to} could not be sent for days: {}",
                show(text)
            );
            Some(text.clone())
        }
    }
}

/// Puts copies into the Sent folder whenever something has left, until asked to stop.
pub(crate) async fn keep_copies(
    office: Arc<Office>,
    settings: imap::ImapSettings,
    sent: imap::SentFolder,
    mut stop: Stop,
) {
    /// After a failure; a copy is no hurry.
    const AGAIN: Duration = Duration::from_secs(5 * 60);
    loop {
        let done = copy_what_left(&office, &settings, &sent).await;
        if let Err(e) = &done {
            tracing::warn!(
                "no copy could be put into the Sent folder yet: {}",
                show(&e.to_string())
            );
        }
        let wait = if done.is_ok() { Duration::MAX } else { AGAIN };
        tokio::select! {
            () = office.copies.notified() => {}
            () = tokio::time::sleep(wait) => {}
            () = stop.stopped() => return,
        }
    }
}

/// Puts copies of what has left into the Sent folder, each once.
pub(crate) async fn copy_what_left(
    office: &Arc<Office>,
    settings: &imap::ImapSettings,
    sent: &imap::SentFolder,
) -> anyhow::Result<()> {
    for id in office.work(|o| o.ledger.view(copies)).await {
        let item = office
            .work(move |o| o.ledger.view(|rows| outbox::item(rows, id)))
            .await;
        if let Some(item) = item {
            let letter = office.letter(id).await?;
            imap::append(settings, sent, &letter, &item.message_id).await?;
        }
        office
            .enter(vec![Input::of(Entry::Copied { item: id })])
            .await?;
    }
    Ok(())
}
