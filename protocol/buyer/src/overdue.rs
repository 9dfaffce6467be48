//! Warnings that a promise has passed: goods that are not there, payments that are not made.

use tradepost_statements::Time;

use super::case::{BuyerCase, own_warning};
use super::keys;
use super::trade::BuyerTrade;
use super::warning::{Warning, WarningKind};

/// A promise can have passed before it came: no time will bring it up again.
pub(super) fn warn_if_overdue(case: &mut BuyerCase<'_>, trade: &BuyerTrade) {
    let Some(counted) = trade.counted.as_ref().filter(|c| !c.apart) else {
        return;
    };
    let passed = |t: Option<Time>| t.is_some_and(|t| t < case.now);
    let parcel = counted.undelivered && passed(counted.promised);
    let payment = !counted.unpaid.is_zero() && passed(counted.due);
    if parcel {
        warn_of_trade(case, trade, WarningKind::OverdueDelivery);
    }
    if payment {
        warn_of_trade(case, trade, WarningKind::OverduePayment);
    }
}

/// Warns of a trade, once for each of both.
pub(super) fn warn_of_trade(case: &mut BuyerCase<'_>, known: &BuyerTrade, kind: WarningKind) {
    let (received, expected) = if kind == WarningKind::OverduePayment {
        unpaid_words(known)
    } else {
        undelivered_words(known)
    };
    let base = own_warning(kind, case);
    case.warn_of_own(
        &keys::trade_key(&known.trade),
        Warning {
            trade: Some(known.trade.clone()),
            received,
            expected,
            ..base
        },
    );
}

fn undelivered_words(trade: &BuyerTrade) -> (String, String) {
    let promised = trade
        .counted
        .as_ref()
        .and_then(|c| c.promised)
        .map(|t| t.to_string())
        .unwrap_or_default();
    (
        "not delivered".to_owned(),
        format!("delivered by {promised}"),
    )
}

fn unpaid_words(trade: &BuyerTrade) -> (String, String) {
    let counted = trade.counted.as_ref();
    let unpaid = counted.map(|c| c.unpaid.to_string()).unwrap_or_default();
    let due = counted
        .and_then(|c| c.due)
        .map(|t| t.to_string())
        .unwrap_or_default();
    (format!("{unpaid} unpaid"), format!("paid by {due}"))
}
