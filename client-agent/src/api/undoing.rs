//! Taking back what was ordered: cancelling and returning (E7, E23).

use tradepost_buyer::{self as buyer, Back, view};
use tradepost_statements::{Kind, RequestId};

use super::saying::{found, say};
use super::{Answer, AskError};
use crate::ledger::LedgerHost;

/// Cancels a trade, or an order by its request id; without a name, the only order that no shop has
/// answered yet.
pub(super) fn cancel(
    host: &LedgerHost,
    what: Option<&str>,
    text: Option<String>,
) -> Result<Answer, AskError> {
    let request = match what.map(str::parse::<RequestId>) {
        Some(Ok(request)) => Some(request),
        Some(Err(_)) => None,
        None => Some(only_open_order(host)?),
    };
    match request {
        Some(request) => say(host, |rows| buyer::cancel_request(rows, &request, text)),
        None => {
            let trade = found(host, what.unwrap_or_default())?;
            say(host, |rows| buyer::cancel_trade(rows, &trade, text))
        }
    }
}

fn only_open_order(host: &LedgerHost) -> Result<RequestId, AskError> {
    let mut open: Vec<RequestId> = host
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
    host: &LedgerHost,
    trade: &str,
    lines: &[Back],
    reason: Option<String>,
) -> Result<Answer, AskError> {
    let trade = found(host, trade)?;
    say(host, |rows| {
        buyer::return_goods(rows, &trade, lines, reason)
    })
}
