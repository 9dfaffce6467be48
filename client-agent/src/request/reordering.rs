//! Beginning an order with what is known of others (E24), and looking at it before it leaves.

use serde::{Deserialize, Serialize};
use tradepost_buyer::{self as buyer, OrderOnce};
use tradepost_letters::{Story, as_read};

use super::saying::found;
use super::{Answer, AskError, acting, told};
use crate::ledger::{Ledger, LedgerError};
use crate::order_form::OrderForm;

/// An order as its shop will read it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Preview {
    /// Who orders.
    pub(crate) from: String,
    /// From whom.
    pub(crate) to: String,
    /// Of the letter.
    pub(crate) subject: String,
    /// Of the letter, for people.
    pub(crate) text: String,
}

/// What a trade was ordered with.
pub(super) fn reorder(ledger: &Ledger, trade: &str) -> Result<Answer, AskError> {
    let trade = found(ledger, trade)?;
    let once = ledger.view(|rows| buyer::reorder(rows, &trade));
    told(&form(ledger, once.map_err(LedgerError::from)?))
}

/// The order that was made last.
pub(super) fn last(ledger: &Ledger) -> Result<Answer, AskError> {
    let last = ledger.view(buyer::last_order);
    told(&last.map(|once| form(ledger, once)))
}

/// An order may have been made by an address that is not the person's any more.
fn form(ledger: &Ledger, once: OrderOnce) -> OrderForm {
    OrderForm {
        to: once.to,
        from: once.from.filter(|from| ledger.is_ours(from)),
        order: once.order,
    }
}

/// What the shop will read.
pub(super) fn preview(ledger: &Ledger, form: &OrderForm) -> Result<Answer, AskError> {
    let statement = ledger.view(|rows| acting::order_letter(ledger, rows, form))?;
    let statement = statement.statement;
    let (subject, text) = as_read(&statement, &Story::default());
    told(&Preview {
        from: statement.from.as_written().to_owned(),
        to: statement.to.as_written().to_owned(),
        subject,
        text,
    })
}
