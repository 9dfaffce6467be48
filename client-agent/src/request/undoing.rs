//! Taking back what was ordered: cancelling and returning (E7, E23).

use tradepost_buyer::{self as buyer, Back, view};
use tradepost_statements::{Kind, RequestId};

use super::saying::{found, say};
use super::{Answer, AskError};
use crate::ledger::Ledger;

/// Cancels a trade, or an order by its request id; without a name, the only order that no shop has
/// answered yet.
pub(super) fn cancel(
    ledger: &Ledger,
    what: Option<&str>,
    text: Option<String>,
) -> Result<Answer, AskError> {
    let request = match what.map(str::parse::<RequestId>) {
        Some(Ok(request)) => Some(request),
        Some(Err(_)) => None,
        None => Some(only_open_order(ledger)?),
    };
    match request {
        Some(request) => say(ledger, |rows| buyer::cancel_request(rows, &request, text)),
        None => {
            let trade = found(ledger, what.unwrap_or_default())?;
            say(ledger, |rows| buyer::cancel_trade(rows, &trade, text))
        }
    }
}

fn only_open_order(ledger: &Ledger) -> Result<RequestId, AskError> {
    let mut open: Vec<RequestId> = ledger
        .view(view::requests)
        .into_iter()
        .filter(|r| r.kind == Kind::Order && r.answer.is_none())
        .filter_map(|r| r.request)
        .collect();
    match (open.pop(), open.len()) {
        (Some(only), 0) => Ok(only),
        (Some(_), more) => Err(AskError::NotFound(format!(
            "{} orders wait for an answer: name the one to cancel; `tradepost requests` lists them",
            more + 1
        ))),
        (None, _) => Err(AskError::NotFound(
            "no order waits for an answer: name the trade to cancel; `tradepost list` shows all"
                .to_owned(),
        )),
    }
}

/// Asks the shop to take goods back.
pub(super) fn give_back(
    ledger: &Ledger,
    trade: &str,
    lines: &[Back],
    reason: Option<String>,
) -> Result<Answer, AskError> {
    let trade = found(ledger, trade)?;
    say(ledger, |rows| {
        buyer::return_goods(rows, &trade, lines, reason)
    })
}
