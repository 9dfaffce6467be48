//! The way out: what waits in the outbox is submitted, and what became of it recorded.

use std::sync::Arc;

use tradepost_agent::outbox::{Carriage, Due, Entry, Failure, Item, Outcome, Tried};
use tradepost_letters::untrusted;
use tradepost_parties::fulfilment::LetterEnd;
use tradepost_parties::kernel::FreshIds;
use tradepost_parties::kernel::readdress::{Addressed, is_for_a_former_address};
use tradepost_parties::roles::jobs::letter_ended;
use tradepost_post::smtp::{Submission, Submitter};
use tradepost_statements::Time;

use crate::book::{self, BookError, Input};
use crate::desk::{Desk, fresh_ids};
use crate::jobs;

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
        if self.is_for_a_former_address(item).await {
            return Submission::Refused {
                code: None,
                text:
                    "not sent: the buyer's address was corrected, and nothing more goes to this one"
                        .to_owned(),
            };
        }
        let (from, to) = (item.from.as_written(), item.to.as_written());
        self.submitter.submit(from, to, bytes).await
    }

    async fn record(&self, tried: Vec<Tried>) -> Result<(), Failure> {
        Ok(self.desk.work(move |desk| record(desk, &tried)).await?)
    }
}

impl Carrier {
    /// A letter that was written before the buyer's address was corrected (protocol 9).
    async fn is_for_a_former_address(&self, item: &Item) -> bool {
        if item.trade.is_none() {
            return false;
        }
        let item = item.clone();
        let look = move |desk: &Desk| {
            let about = Addressed {
                kind: item.kind,
                to: &item.to,
                trade: item.trade.as_ref(),
            };
            book::view(&*desk.book, |rows| is_for_a_former_address(rows, &about))
        };
        self.desk.work(look).await
    }
}

/// What became of letters, and what follows from it, in one durable write: electronic goods count as
/// delivered once their letter was accepted (E2).
fn record(desk: &Desk, tried: &[Tried]) -> Result<(), BookError> {
    let ids: Vec<FreshIds> = tried.iter().map(|_| fresh_ids()).collect();
    let mut ended = Vec::new();
    desk.book.decide(&mut |page| {
        ended.clear();
        let now = desk.now();
        for (tried, ids) in tried.iter().zip(&ids) {
            let item = book::item(page.rows(), tried.id);
            page.retire(Entry::Tried(tried.clone()))?;
            let follows = item.as_ref().and_then(|item| {
                let end = end_of(&tried.outcome)?;
                let settings = &desk.config.settings;
                let mut ids = ids.clone();
                letter_ended(settings, page.rows(), item.statement, &end, now, &mut ids)
            });
            let outcome = follows.as_ref().map(|change| change.outcome.clone());
            if let Some(change) = follows {
                page.record(&Input::Time, change, now)?;
            }
            ended.push((item, tried, outcome));
        }
        Ok(())
    })?;
    for (item, tried, follows) in &ended {
        if let Some(item) = item {
            tell(item, tried);
        }
        if let Some(outcome) = follows {
            jobs::tell(outcome);
            desk.bell.ring();
        }
    }
    Ok(())
}

fn end_of(outcome: &Outcome) -> Option<LetterEnd> {
    match outcome {
        Outcome::Accepted { .. } => Some(LetterEnd::Accepted),
        Outcome::Refused { text, .. } | Outcome::Expired { text } => {
            Some(LetterEnd::Failed(text.clone()))
        }
        Outcome::Later { .. } => None,
    }
}

fn tell(item: &Item, tried: &Tried) {
    let (kind, to) = (item.kind, untrusted::show(item.to.as_written()));
    match &tried.outcome {
        Outcome::Accepted { .. } => tracing::info!("sent the {kind} to {to}"),
        Outcome::Later { next_try, text } => {
            let text = untrusted::show(text);
            let until = tried.next_try().unwrap_or(*next_try);
            tracing::warn!("the {kind} to {to} waits until {until}: {text}");
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
