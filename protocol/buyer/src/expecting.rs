//! Expected orders (protocol 9): ordered in the shop, and known here beforehand, from a link that
//! the shop showed. From then on the trade is judged as if this program had placed the order: this
//! address, this id, at most this total.

use tradepost_statements::TradeRef;
use tradepost_statements::link::ExpectedOrder;

use super::backlog::{self, Which};
use super::case::BuyerCase;
use super::evaluate::reconsider;
use super::expected::{Expected, of_trade};
use super::progress::TradeOrigin;
use super::refusal::ActRefusal;
use super::trade::BuyerTrade;
use super::{keys, namesakes};

/// Expects a trade; what was said before about the same trade is replaced.
pub(super) fn expect(case: &mut BuyerCase<'_>, order: &ExpectedOrder) -> Result<(), ActRefusal> {
    let trade = &order.trade;
    if state_is(case, trade, |origin| origin == TradeOrigin::Placed) {
        return Err(ActRefusal::WasOrderedHere(trade.clone()));
    }
    let before = of_trade(case.rows(), trade);
    let since = before.as_ref().map_or(case.now, |b| b.since);
    let expected = Expected {
        order: order.clone(),
        since,
    };
    if before.as_ref() != Some(&expected) {
        case.put(&keys::expected(trade), &expected);
        case.mark(&keys::expected_by_id(trade));
        judge_again(case, trade);
    }
    Ok(())
}

/// Expects a trade no longer; one that was made is there, and can be cancelled.
pub(super) fn forget(case: &mut BuyerCase<'_>, trade: &TradeRef) -> Result<(), ActRefusal> {
    if of_trade(case.rows(), trade).is_none() {
        return Err(ActRefusal::NotExpected(trade.clone()));
    }
    if state_is(case, trade, |origin| origin == TradeOrigin::Expected) {
        return Err(ActRefusal::HasCome(trade.clone()));
    }
    case.delete(&keys::expected(trade));
    case.delete(&keys::expected_by_id(trade));
    judge_again(case, trade);
    Ok(())
}

fn state_is(case: &BuyerCase<'_>, trade: &TradeRef, wanted: impl Fn(TradeOrigin) -> bool) -> bool {
    let state = case.trade(trade).and_then(|t: BuyerTrade| t.state);
    state.is_some_and(|s| wanted(s.origin))
}

/// What was adopted or warned before, and, for line 12, what another shop said of a trade of this id.
fn judge_again(case: &mut BuyerCase<'_>, trade: &TradeRef) {
    reconsider(case, trade);
    for namesake in namesakes::waiting(case.rows(), trade) {
        backlog::look_at_trade(case, &namesake, Which::RefusedAndRecords);
    }
}
