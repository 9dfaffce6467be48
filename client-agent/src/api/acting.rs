//! What the person does: orders, confirms, decides about warnings.

use tradepost_buyer::{self as buyer, Act, view};
use tradepost_statements::{Address, Body, Kind, Statement, TradeRef};

use super::saying::{found, one, queue};
use super::{Answer, AskError, SendState, Sending, no_such_warning};
use crate::ledger::{
    LedgerEntry, LedgerError, LedgerHost, Say, enter, enter_one, request_id, what,
};
use crate::order_form::OrderForm;

pub(super) fn dismiss(host: &LedgerHost, id: u64) -> Result<Answer, AskError> {
    decide_about(host, id, Act::Dismiss { warning: id })
}

/// Accepts the letter that a warning is about.
pub(super) fn accept(host: &LedgerHost, id: u64) -> Result<Answer, AskError> {
    decide_about(host, id, Act::Accept { warning: id })
}

fn decide_about(host: &LedgerHost, id: u64, act: Act) -> Result<Answer, AskError> {
    let now = host.now();
    enter(host, vec![LedgerEntry::Act { act, now }])?;
    let warning = host.view(|rows| view::warning(rows, id));
    let warning = warning.ok_or_else(|| no_such_warning(id))?;
    Ok(Answer::Warning(Box::new(warning)))
}

/// Orders: makes request id, statement and letter, and records them together (Q1).
pub(super) fn order(host: &LedgerHost, form: &OrderForm) -> Result<Answer, AskError> {
    host.party().needs_way_out()?;
    let say = order_of(host, form)?;
    let queued = host.write(|page| queue(host, page, vec![say]))?;
    Ok(one(queued))
}

/// The letter that an order would be.
pub(super) fn dry_run(host: &LedgerHost, form: &OrderForm) -> Result<Answer, AskError> {
    let letters = host.compose(vec![order_of(host, form)?]);
    let letters = letters.map_err(LedgerError::from)?;
    let letter = letters.first().map(|l| l.octets.as_slice());
    let text = String::from_utf8_lossy(letter.unwrap_or_default());
    Ok(Answer::Letter(text.into_owned()))
}

/// The statement that an order would be.
pub(super) fn order_statement(host: &LedgerHost, form: &OrderForm) -> Result<Statement, AskError> {
    let letters = host.compose(vec![order_of(host, form)?]);
    let letters = letters.map_err(LedgerError::from)?;
    let statement = letters.into_iter().next().map(|l| l.statement);
    statement.ok_or_else(|| AskError::NotFound("the order has no letter".to_owned()))
}

fn order_of(host: &LedgerHost, form: &OrderForm) -> Result<Say, LedgerError> {
    let from = sender(host, form.from.as_ref())?;
    Ok(Say::Order {
        request: request_id(&from)?,
        from,
        to: form.to.clone(),
        body: Box::new(Body::Order(Box::new(form.order.clone()))),
    })
}

fn sender(host: &LedgerHost, wanted: Option<&Address>) -> Result<Address, LedgerError> {
    match wanted {
        Some(address) if host.party().is_ours(address) => Ok(address.clone()),
        Some(address) => Err(LedgerError::NotOurs(address.clone())),
        None => Ok(host.party().first_address().clone()),
    }
}

/// Confirms a trade record: says so to the shop where it waits for that, and takes an adopted
/// trade as the person's own.
pub(super) fn confirm(host: &LedgerHost, trade: &str) -> Result<Answer, AskError> {
    let trade = found(host, trade)?;
    let now = host.now();
    let sending = host.write(|page| {
        let shown = view::show(page.rows(), &trade, now);
        let adopted = shown.is_some_and(|s| s.trade.apart);
        // Protocol 9: confirming is a local act where the shop does not wait for it.
        let saying = buyer::confirm(page.rows(), &trade)?;
        if adopted {
            let trade = trade.clone();
            let act = Act::ConfirmAdopted { trade };
            enter_one(host, page, LedgerEntry::Act { act, now })?;
        }
        match saying {
            Some(saying) => {
                host.party().needs_way_out()?;
                queue(host, page, vec![Say::New(Box::new(saying))])
            }
            None => Ok(vec![noted(&trade, !adopted)]),
        }
    })?;
    Ok(one(sending))
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
