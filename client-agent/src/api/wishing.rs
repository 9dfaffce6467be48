//! What the person wants to be told of unasked (Q5, Q6).

use tradepost_buyer as buyer;
use tradepost_statements::RequestId;
use tradepost_statements::wish::Wishes;

use super::saying::{found, say_each};
use super::{Answer, AskError};
use crate::ledger::LedgerHost;

/// Tells the servers of a trade, or the shop of an order, what to tell.
pub(super) fn wish(host: &LedgerHost, what: &str, wishes: &Wishes) -> Result<Answer, AskError> {
    match what.parse::<RequestId>() {
        Ok(request) => say_each(host, |rows| buyer::wishes_for_order(rows, &request, wishes)),
        Err(_) => {
            let trade = found(host, what)?;
            say_each(host, |rows| buyer::wishes_for_trade(rows, &trade, wishes))
        }
    }
}
