//! Trades that were ordered in a shop, and are expected (protocol 9).

use tradepost_buyer::Act;
use tradepost_buyer::view::{self, ExpectedView};
use tradepost_statements::TradeRef;
use tradepost_statements::link::ExpectedOrder;

use super::{Answer, AskError};
use crate::ledger::{LedgerEntry, LedgerHost, enter};

/// Expects a trade, and tells how it stands then.
pub(super) fn expect(host: &LedgerHost, order: ExpectedOrder) -> Result<Answer, AskError> {
    let trade = order.trade.clone();
    let now = host.now();
    let act = Act::Expect { order };
    enter(host, vec![LedgerEntry::Act { act, now }])?;
    let expected = all(host).into_iter().find(|e| name(e) == trade);
    let expected = expected.ok_or_else(|| not_expected(&trade))?;
    Ok(Answer::NowExpected(expected))
}

/// Expects a trade no longer.
pub(super) fn forget(host: &LedgerHost, named: &str) -> Result<Answer, AskError> {
    let mut found: Vec<TradeRef> = all(host)
        .iter()
        .map(name)
        .filter(|trade| trade.id.as_str() == named || is(trade, named))
        .collect();
    let trade = match (found.pop(), found.is_empty()) {
        (Some(only), true) => only,
        (None, _) => return Err(not_expected(named)),
        (Some(_), false) => {
            return Err(AskError::NotFound(format!(
                "trades of several shops are expected by the id {named:?}; name it as shop/id"
            )));
        }
    };
    let now = host.now();
    let act = Act::Forget {
        trade: trade.clone(),
    };
    enter(host, vec![LedgerEntry::Act { act, now }])?;
    Ok(Answer::Forgotten(trade))
}

fn all(host: &LedgerHost) -> Vec<ExpectedView> {
    host.view(view::expected)
}

fn name(expected: &ExpectedView) -> TradeRef {
    TradeRef {
        shop: expected.shop.clone(),
        id: expected.id.clone(),
    }
}

/// Whether a person means it by `shop/id`.
fn is(trade: &TradeRef, named: &str) -> bool {
    named.rsplit_once('/').is_some_and(|(shop, id)| {
        shop.parse().is_ok_and(|shop| trade.shop == shop) && trade.id.as_str() == id
    })
}

fn not_expected(named: impl std::fmt::Display) -> AskError {
    AskError::NotFound(format!(
        "{named} is not expected; `tradepost expect --list` shows what is"
    ))
}
