//! What the person wants said to shops, carriers and payment processors. Here it is decided what
//! is said, to whom, and by which of the person's addresses; ids, time and the letter are made
//! by whoever sends it.

use tradepost_statements::order::{Cancel, Confirm};
use tradepost_statements::record::Version;
use tradepost_statements::{Body, RequestId, TradeRef};
use tradepost_trades::rows::Rows;

use super::keys;
use super::progress::TradeOrigin;
use super::refusal::{ActRefusal, known_trade};
use super::saying::Saying;
use super::state::{OwnRequest, RequestAnswer, read};

/// What to say to agree to a trade record (E7); none for an adopted trade whose shop does not wait
/// for it (no `confirm_by`): confirming that one is a local act (protocol 9).
///
/// # Errors
/// [`ActRefusal::NoSuchTrade`].
pub fn confirm(rows: &dyn Rows, trade: &TradeRef) -> Result<Option<Saying>, ActRefusal> {
    let known = known_trade(rows, trade)?;
    let version = known
        .state
        .filter(|s| s.origin != TradeOrigin::Adopted || s.confirm_by.is_some())
        .map(|s| s.version);
    let version = version.and_then(|v| Version::try_from(u64::from(v)).ok());
    Ok(version
        .map(|version| Saying::of_trade(trade, &trade.shop, Body::Confirm(Confirm { version }))))
}

/// What to say to cancel a trade (E7).
///
/// # Errors
/// [`ActRefusal::NoSuchTrade`].
pub fn cancel_trade(
    rows: &dyn Rows,
    trade: &TradeRef,
    text: Option<String>,
) -> Result<Saying, ActRefusal> {
    known_trade(rows, trade)?;
    Ok(Saying::of_trade(
        trade,
        &trade.shop,
        Body::Cancel(Cancel { text }),
    ))
}

/// What to say to cancel an order that was not answered yet.
///
/// # Errors
/// [`ActRefusal`] when there is no such request, or it was answered.
pub fn cancel_request(
    rows: &dyn Rows,
    id: &RequestId,
    text: Option<String>,
) -> Result<Saying, ActRefusal> {
    let request: OwnRequest =
        read(rows, &keys::request(id)).ok_or_else(|| ActRefusal::NoSuchRequest(id.clone()))?;
    match &request.answer {
        Some(RequestAnswer::Rejected { reason, .. }) => {
            Err(ActRefusal::OrderWasRejected(reason.clone()))
        }
        Some(RequestAnswer::Record { trade }) if known_trade(rows, trade).is_ok() => {
            Err(ActRefusal::OrderBecameATrade(trade.clone()))
        }
        // A record that does not count (line 11) is no trade: the order can be cancelled all the same.
        Some(RequestAnswer::Record { .. }) | None => {
            Ok(Saying::of_request(request, Body::Cancel(Cancel { text })))
        }
    }
}
