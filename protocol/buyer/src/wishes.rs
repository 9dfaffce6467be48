//! What the person wants to be told of unasked, and where (Q5, Q6).

use std::collections::BTreeSet;

use tradepost_statements::wish::Wishes;
use tradepost_statements::{Body, RequestId, TradeRef};
use tradepost_trades::rows::Rows;

use super::keys;
use super::refusal::{ActRefusal, known_trade};
use super::saying::Saying;
use super::state::{OwnRequest, RequestAnswer, read};

/// What to say for wishes about a trade: to each of its servers, since each tells its own track.
///
/// # Errors
/// [`ActRefusal::NoSuchTrade`].
pub fn wishes_for_trade(
    rows: &dyn Rows,
    trade: &TradeRef,
    wishes: &Wishes,
) -> Result<Vec<Saying>, ActRefusal> {
    let known = known_trade(rows, trade)?;
    let state = known.state.iter();
    let others = state.flat_map(|s| s.carriers.iter().chain([&s.processor]));
    // E27: one server may be all of them.
    let mut told = BTreeSet::new();
    let servers = std::iter::once(&trade.shop).chain(others);
    Ok(servers
        .filter(|server| told.insert(*server))
        .map(|server| Saying::of_trade(trade, server, Body::Notify(wishes.clone())))
        .collect())
}

/// The same for an order that was not answered yet: the shop hands the wishes on.
///
/// # Errors
/// [`ActRefusal`] when there is no such request, or it was answered.
pub fn wishes_for_order(
    rows: &dyn Rows,
    id: &RequestId,
    wishes: &Wishes,
) -> Result<Vec<Saying>, ActRefusal> {
    let request: OwnRequest =
        read(rows, &keys::request(id)).ok_or_else(|| ActRefusal::NoSuchRequest(id.clone()))?;
    match &request.answer {
        Some(RequestAnswer::Record { trade }) if known_trade(rows, trade).is_ok() => {
            wishes_for_trade(rows, trade, wishes)
        }
        Some(RequestAnswer::Rejected { reason, .. }) => {
            Err(ActRefusal::OrderWasRejected(reason.clone()))
        }
        Some(RequestAnswer::Record { .. }) | None => Ok(vec![Saying::of_request(
            request,
            Body::Notify(wishes.clone()),
        )]),
    }
}
