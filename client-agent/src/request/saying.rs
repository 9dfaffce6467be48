//! From what the person wants said to letters that wait in the outbox, and what is told about them.

use tradepost_buyer::{ActRefusal, Saying, view};
use tradepost_statements::TradeRef;
use tradepost_trades::rows::Rows;

use super::{Answer, AskError, SendState, Sending, Sendings, told_after};
use crate::ledger::send::{Outgoing, what};
use crate::ledger::{Entered, Ledger};

/// Says one thing.
pub(super) fn say(
    ledger: &Ledger,
    decide: impl FnOnce(&dyn Rows) -> Result<Saying, ActRefusal>,
) -> Result<Answer, AskError> {
    ledger.has_way_out()?;
    let (entered, sending) = ledger.decide_and_enter(|rows| {
        let outgoing = ledger.letter_of(rows, decide(rows)?)?;
        let sending = about_to_send(&outgoing);
        Ok((vec![outgoing.into_input()], sending))
    })?;
    queued(entered, sending)
}

/// Says something to each of several parties, or to none of them.
pub(super) fn say_each(
    ledger: &Ledger,
    decide: impl FnOnce(&dyn Rows) -> Result<Vec<Saying>, ActRefusal>,
) -> Result<Answer, AskError> {
    ledger.has_way_out()?;
    let (entered, sendings) = ledger.decide_and_enter(|rows| {
        let (mut inputs, mut sendings) = (Vec::new(), Vec::new());
        for saying in decide(rows)? {
            let outgoing = ledger.letter_of(rows, saying)?;
            sendings.push(about_to_send(&outgoing));
            inputs.push(outgoing.into_input());
        }
        Ok((inputs, sendings))
    })?;
    queued_each(entered, sendings)
}

/// The trade that the person names.
pub(super) fn found(ledger: &Ledger, name: &str) -> Result<TradeRef, AskError> {
    ledger
        .view(|rows| view::find(rows, name))
        .map_err(|e| AskError::NotFound(e.to_string()))
}

/// What is told of a letter that is about to be queued.
pub(super) fn about_to_send(outgoing: &Outgoing) -> Sending {
    let statement = &outgoing.statement;
    Sending {
        kind: what(statement.body.kind()).to_owned(),
        request: statement.request.as_ref().map(ToString::to_string),
        statement: Some(statement.id),
        trade: statement.trade.clone(),
        to: statement.to.as_written().to_owned(),
        message_id: Some(outgoing.message_id().to_owned()),
        state: SendState::Queued,
        text: None,
        item: None,
    }
}

/// The letter is queued, if there is one.
pub(super) fn queued(entered: Entered, mut sending: Sending) -> Result<Answer, AskError> {
    sending.item = entered.queued.last().copied();
    let mut answer = told_after(&sending, entered)?;
    answer.sendings = Some(Sendings::One(Box::new(sending)));
    Ok(answer)
}

/// The letters are queued, in their order.
pub(super) fn queued_each(
    entered: Entered,
    mut sendings: Vec<Sending>,
) -> Result<Answer, AskError> {
    for (sending, item) in sendings.iter_mut().zip(&entered.queued) {
        sending.item = Some(*item);
    }
    let mut answer = told_after(&sendings, entered)?;
    answer.sendings = Some(Sendings::Each(sendings));
    Ok(answer)
}
