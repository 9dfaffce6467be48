//! Expected orders (protocol 9): ordered in the shop, and known here beforehand, from a link that
//! the shop showed. From then on the trade is judged as if this program had placed the order: this
//! address, this id, at most this total.

use serde::{Deserialize, Serialize};
use tradepost_statements::link::ExpectedOrder;
use tradepost_statements::{Time, TradeRef};

use tradepost_trades::rows::Rows;

use super::act::Refusal;
use super::desk::{Desk, read};
use super::evaluate::reconsider;
use super::keys;
use super::state::{Origin, Trade};

/// What is expected, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Expected {
    pub(super) order: ExpectedOrder,
    pub(super) since: Time,
}

pub(super) fn of_trade(rows: &dyn Rows, trade: &TradeRef) -> Option<Expected> {
    read(rows, &keys::expected(trade))
}

/// Expects a trade; what was said before about the same trade is replaced.
pub(super) fn expect(desk: &mut Desk<'_>, order: &ExpectedOrder) -> Result<(), Refusal> {
    let trade = &order.trade;
    if state_is(desk, trade, |origin| origin == Origin::Placed) {
        return Err(Refusal::WasOrderedHere(trade.clone()));
    }
    let before = of_trade(desk.rows(), trade);
    let since = before.as_ref().map_or(desk.now, |b| b.since);
    let expected = Expected {
        order: order.clone(),
        since,
    };
    if before.as_ref() != Some(&expected) {
        desk.put(&keys::expected(trade), &expected);
        desk.mark(&keys::expected_by_id(trade));
        judge_again(desk, trade);
    }
    Ok(())
}

/// Expects a trade no longer; one that was made is there, and can be cancelled.
pub(super) fn forget(desk: &mut Desk<'_>, trade: &TradeRef) -> Result<(), Refusal> {
    if of_trade(desk.rows(), trade).is_none() {
        return Err(Refusal::NotExpected(trade.clone()));
    }
    if state_is(desk, trade, |origin| origin == Origin::Expected) {
        return Err(Refusal::HasCome(trade.clone()));
    }
    desk.delete(&keys::expected(trade));
    desk.delete(&keys::expected_by_id(trade));
    judge_again(desk, trade);
    Ok(())
}

fn state_is(desk: &Desk<'_>, trade: &TradeRef, wanted: impl Fn(Origin) -> bool) -> bool {
    let state = desk.trade(trade).and_then(|t: Trade| t.state);
    state.is_some_and(|s| wanted(s.origin))
}

/// What was adopted or warned before, and, for line 12, what another shop said of a trade of this id.
fn judge_again(desk: &mut Desk<'_>, trade: &TradeRef) {
    reconsider(desk, trade);
    for namesake in desk.waiting_namesakes(trade) {
        reconsider(desk, &namesake);
    }
}
