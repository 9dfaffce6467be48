//! Beginning an order with what is known of others (E24), and looking at it before it leaves.

use serde::{Deserialize, Serialize};
use tradepost_buyer::{self as buyer, OrderOnce};
use tradepost_letters::{Story, as_read};

use super::saying::found;
use super::{Answer, AskError, acting};
use crate::ledger::{LedgerError, LedgerHost};
use crate::order_form::OrderForm;

/// An order as its shop will read it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Preview {
    /// The person's address that orders, as written.
    pub(crate) from: String,
    /// The shop's address, as written.
    pub(crate) to: String,
    /// Of the letter.
    pub(crate) subject: String,
    /// Of the letter, for people.
    pub(crate) text: String,
}

/// What a trade was ordered with.
pub(super) fn reorder(host: &LedgerHost, trade: &str) -> Result<Answer, AskError> {
    let trade = found(host, trade)?;
    let once = host.view(|rows| buyer::reorder(rows, &trade));
    let once = once.map_err(LedgerError::from)?;
    Ok(Answer::Form(Some(Box::new(form(host, once)))))
}

/// The order that was made last.
pub(super) fn last(host: &LedgerHost) -> Answer {
    let last = host.view(buyer::last_order);
    Answer::Form(last.map(|once| Box::new(form(host, once))))
}

/// An order may have been made by an address that is not the person's any more.
fn form(host: &LedgerHost, once: OrderOnce) -> OrderForm {
    OrderForm {
        to: once.to,
        from: once.from.filter(|from| host.party().is_ours(from)),
        order: once.order,
    }
}

/// What the shop will read.
pub(super) fn preview(host: &LedgerHost, form: &OrderForm) -> Result<Answer, AskError> {
    let statement = acting::order_statement(host, form)?;
    let (subject, text) = as_read(&statement, &Story::default());
    Ok(Answer::Preview(Preview {
        from: statement.from.as_written().to_owned(),
        to: statement.to.as_written().to_owned(),
        subject,
        text,
    }))
}
