//! From what the person wants said to letters that wait in the outbox, and what is told about them.

use tradepost_agent::host::{Page, fresh_ids};
use tradepost_agent::outbox::NewItem;
use tradepost_agent::party::Decision;
use tradepost_buyer::{ActRefusal, Saying, view};
use tradepost_statements::TradeRef;
use tradepost_store::Position;
use tradepost_trades::rows::Rows;

use super::{Answer, AskError, SendState, Sending, Sendings};
use crate::ledger::{Ledger, LedgerError, LedgerHost, Say, what};

/// Has one statement made, and its letter queued.
pub(super) fn say(
    host: &LedgerHost,
    decide: impl FnOnce(&dyn Rows) -> Result<Saying, ActRefusal>,
) -> Result<Answer, AskError> {
    host.party().needs_way_out()?;
    let queued = host.write(|page| {
        let saying = decide(page.rows())?;
        queue(host, page, vec![Say::New(Box::new(saying))])
    })?;
    Ok(one(queued))
}

/// Says something to each of several parties, or to none of them.
pub(super) fn say_each(
    host: &LedgerHost,
    decide: impl FnOnce(&dyn Rows) -> Result<Vec<Saying>, ActRefusal>,
) -> Result<Answer, AskError> {
    host.party().needs_way_out()?;
    let queued = host.write(|page| {
        let sayings = decide(page.rows())?;
        queue(
            host,
            page,
            sayings
                .into_iter()
                .map(|said| Say::New(Box::new(said)))
                .collect(),
        )
    })?;
    Ok(Answer::Sendings(Sendings::Each(queued)))
}

/// Brings letters into the outbox, in their order; what is told of each.
pub(super) fn queue(
    host: &LedgerHost,
    page: &mut Page<'_, '_, Ledger>,
    say: Vec<Say>,
) -> Result<Vec<Sending>, LedgerError> {
    let mut decision = Decision::nothing(None);
    decision.send = say;
    let recorded = page.record(decision, &[], host.now(), &mut fresh_ids()?)?;
    Ok(recorded.queued.into_iter().map(sending).collect())
}

/// The only letter is queued.
pub(super) fn one(queued: Vec<Sending>) -> Answer {
    let mut queued = queued;
    match queued.pop() {
        Some(only) => Answer::Sendings(Sendings::One(Box::new(only))),
        None => Answer::Sendings(Sendings::Each(queued)),
    }
}

/// The trade that the person names.
pub(super) fn found(host: &LedgerHost, name: &str) -> Result<TradeRef, AskError> {
    host.view(|rows| view::find(rows, name))
        .map_err(|e| AskError::NotFound(e.to_string()))
}

/// What is told of a letter that is queued.
fn sending((at, item): (Position, NewItem)) -> Sending {
    Sending {
        kind: what(item.kind).to_owned(),
        request: item.request.as_ref().map(ToString::to_string),
        statement: Some(item.statement),
        trade: item.trade,
        to: item.to.as_written().to_owned(),
        message_id: Some(item.message_id),
        state: SendState::Queued,
        text: None,
        item: Some(at),
    }
}
