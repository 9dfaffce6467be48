//! The way out: what waits in the outbox is submitted, and what became of it recorded.

use std::sync::Arc;

use tradepost_letters::untrusted;
use tradepost_post::outbox::{Carriage, Due, Failure, Item, Outcome, Tried};
use tradepost_post::smtp::{Submission, Submitter};
use tradepost_statements::Time;

use crate::book::{self, view};
use crate::desk::Desk;

/// The desk as the outbox needs it.
pub(crate) struct Carrier {
    pub(crate) desk: Arc<Desk>,
    pub(crate) submitter: Submitter,
}

/// Letters of one trade to one receiver leave one after the other: that many more are looked at to
/// fill the connections.
const LOOK_AHEAD: usize = 16;

impl Carriage for Carrier {
    fn now(&self) -> Time {
        self.desk.now()
    }

    fn jitter(&self) -> f64 {
        rand::random()
    }

    async fn due(&self, now: Time, n: usize) -> Result<Due, Failure> {
        let claim = move |desk: &Desk| desk.book.claim_outbox(now, n.saturating_mul(LOOK_AHEAD));
        Ok(self.desk.work(claim).await)
    }

    async fn letter(&self, item: &Item) -> Result<Vec<u8>, Failure> {
        let id = item.id;
        let letter = self.desk.work(move |desk| desk.book.letter(id)).await;
        Ok(letter?)
    }

    async fn submit(&self, item: &Item, bytes: &[u8]) -> Submission {
        let (from, to) = (item.from.as_written(), item.to.as_written());
        self.submitter.submit(from, to, bytes).await
    }

    async fn record(&self, tried: Vec<Tried>) -> Result<(), Failure> {
        let told = tried.clone();
        let entries = book::tried(tried);
        let retire = move |desk: &Desk| {
            let items: Vec<Option<Item>> = view(&*desk.book, |rows| {
                told.iter().map(|t| book::item(rows, t.id)).collect()
            });
            desk.book.retire(entries)?;
            for (item, tried) in items.iter().zip(&told) {
                if let Some(item) = item {
                    tell(item, &tried.outcome);
                }
            }
            Ok(())
        };
        self.desk.work(retire).await
    }
}

fn tell(item: &Item, outcome: &Outcome) {
    let (kind, to) = (item.kind, untrusted::show(item.to.as_written()));
    match outcome {
        Outcome::Accepted { .. } => tracing::info!("sent the {kind} to {to}"),
        Outcome::Later { next_try, text } => {
            let text = untrusted::show(text);
            tracing::warn!("the {kind} to {to} waits until {next_try}: {text}");
        }
        Outcome::Refused { text, .. } => {
            let text = untrusted::show(text);
            tracing::error!("the {kind} to {to} was refused: {text}");
        }
        Outcome::Expired { text } => {
            let text = untrusted::show(text);
            tracing::error!("the {kind} to {to} could not be sent for days: {text}");
        }
    }
}
