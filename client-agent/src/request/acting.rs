//! What the person does: orders, confirms, decides about warnings.

use tradepost_buyer::{self as buyer, Act, view};
use tradepost_statements::{Address, Body, Kind, TradeRef};
use tradepost_trades::rows::Rows;

use super::saying::{about_to_send, found, queued};
use super::{Answer, AskError, SendState, Sending, no_such_warning, told, told_after};
use crate::ledger::send::{About, Outgoing, request_id, what};
use crate::ledger::{Entry, Input, Ledger, LedgerError, kept_letter};
use crate::order_form::OrderForm;

/// Dismisses a warning.
pub(super) fn dismiss(ledger: &Ledger, id: u64) -> Result<Answer, AskError> {
    decide_about(ledger, id, Act::Dismiss { warning: id })
}

/// Accepts the letter that a warning is about.
pub(super) fn accept(ledger: &Ledger, id: u64) -> Result<Answer, AskError> {
    decide_about(ledger, id, Act::Accept { warning: id })
}

fn decide_about(ledger: &Ledger, id: u64, act: Act) -> Result<Answer, AskError> {
    let entered = ledger.enter(vec![Input::of(Entry::Act {
        act,
        now: ledger.now(),
    })])?;
    let warning = ledger.view(|rows| view::warning(rows, id));
    told_after(&warning.ok_or_else(|| no_such_warning(id))?, entered)
}

/// The letter that a warning is about, where it was kept.
pub(super) fn letter_of_warning(ledger: &Ledger, id: u64) -> Result<Answer, AskError> {
    let at = ledger.view(|rows| kept_letter(rows, view::warning(rows, id)?.letter_no?));
    match at {
        Some(at) => {
            let letter = ledger.store().read(at).map_err(LedgerError::from)?.blob;
            told(&String::from_utf8_lossy(&letter))
        }
        None => Err(AskError::NotFound(format!(
            "the letter of warning {id} was not kept; `tradepost warnings show {id}` says what is known of it"
        ))),
    }
}

/// Orders: makes request id, statement and letter, and records them together (Q1).
pub(super) fn order(ledger: &Ledger, form: &OrderForm) -> Result<Answer, AskError> {
    ledger.has_way_out()?;
    let (entered, sending) = ledger.decide_and_enter(|rows| {
        let outgoing = order_letter(ledger, rows, form)?;
        let sending = about_to_send(&outgoing);
        Ok((vec![outgoing.into_input()], sending))
    })?;
    queued(entered, sending)
}

/// The letter that an order would be.
pub(super) fn dry_run(ledger: &Ledger, form: &OrderForm) -> Result<Answer, AskError> {
    let outgoing = ledger.view(|rows| order_letter(ledger, rows, form))?;
    told(&String::from_utf8_lossy(&outgoing.letter))
}

pub(super) fn order_letter(
    ledger: &Ledger,
    rows: &dyn Rows,
    form: &OrderForm,
) -> Result<Outgoing, LedgerError> {
    let from = sender(ledger, form.from.as_ref())?;
    let about = About {
        trade: None,
        request: Some(request_id(from)?),
    };
    let body = Body::Order(Box::new(form.order.clone()));
    Ok(ledger.pen(rows).say(from, &form.to, about, body)?)
}

fn sender<'l>(ledger: &'l Ledger, wanted: Option<&'l Address>) -> Result<&'l Address, LedgerError> {
    match wanted {
        Some(address) if ledger.is_ours(address) => Ok(address),
        Some(address) => Err(LedgerError::NotOurs(address.clone())),
        None => Ok(ledger.first_address()),
    }
}

/// Confirms a trade record: says so to the shop where it waits for that, and takes an adopted
/// trade as the person's own.
pub(super) fn confirm(ledger: &Ledger, trade: &str) -> Result<Answer, AskError> {
    let trade = found(ledger, trade)?;
    let now = ledger.now();
    let (entered, sending) = ledger.decide_and_enter(|rows| {
        let mut inputs = Vec::new();
        let shown = view::show(rows, &trade, now);
        if shown.is_some_and(|s| s.trade.apart) {
            let act = Act::ConfirmAdopted {
                trade: trade.clone(),
            };
            inputs.push(Input::of(Entry::Act { act, now }));
        }
        // Protocol 9: confirming is a local act where the shop does not wait for it.
        let sending = match buyer::confirm(rows, &trade)? {
            Some(saying) => {
                ledger.has_way_out()?;
                let outgoing = ledger.letter_of(rows, saying)?;
                let sending = about_to_send(&outgoing);
                inputs.push(outgoing.into_input());
                sending
            }
            None => noted(&trade, inputs.is_empty()),
        };
        Ok((inputs, sending))
    })?;
    queued(entered, sending)
}

fn noted(trade: &TradeRef, nothing_to_note: bool) -> Sending {
    let text = if nothing_to_note {
        "the shop does not wait for a confirmation, and the trade is yours already"
    } else {
        "the trade is yours now; the shop does not wait for a confirmation"
    };
    Sending {
        kind: what(Kind::Confirm).to_owned(),
        request: None,
        statement: None,
        trade: Some(trade.clone()),
        to: trade.shop.as_written().to_owned(),
        message_id: None,
        state: SendState::Noted,
        text: Some(text.to_owned()),
        item: None,
    }
}
