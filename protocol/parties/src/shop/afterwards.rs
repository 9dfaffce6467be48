//! What a buyer says about a trade that was made: `confirm` and `cancel` (E7).

use tradepost_statements::order::{Cancel, Confirm, RejectionReason};
use tradepost_statements::{Kind, OrderState, Statement};

use super::asked::{AskedAbout, find};
use super::instruct::{self, instruct};
use super::total::asked;
use super::{
    advance, answer_order, authorize, charge, has_shipped, record_again, returns, tell_order,
};
use crate::kernel::answers::{not_for_us, rejection, unknown_trade};
use crate::kernel::book::{self, Charging, Instructed, OrderRequest, PartyTrade};
use crate::kernel::case::{AskedBy, Naming};
use crate::kernel::{PartyCase, PartyOutcome};

/// `confirm`: of an older version it changes nothing.
pub(crate) fn confirm(
    case: &mut PartyCase<'_>,
    statement: &Statement,
    confirm: &Confirm,
) -> PartyOutcome {
    if case.settings.shop.is_none() {
        return not_for_us(statement);
    }
    let mut trade = match find(case, statement) {
        AskedAbout::Trade(trade) if trade.shop.is_some() => trade,
        AskedAbout::Trade(_)
        | AskedAbout::Rejected(_)
        | AskedAbout::Authorizing(_)
        | AskedAbout::Unknown => {
            return unknown_trade(case, statement);
        }
    };
    let Some(shop) = &mut trade.shop else {
        return unknown_trade(case, statement);
    };
    if confirm.version != shop.record.version {
        record_again(case, &trade, statement);
        super::begin_track(case, &mut trade);
        answer_order(case, &trade, statement);
        return PartyOutcome::Answered(Kind::Confirm);
    }
    let is_news = shop.confirmed != Some(confirm.version);
    shop.confirmed = Some(confirm.version);
    let waits = match shop.order.as_ref().map(|t| t.last.state) {
        None | Some(OrderState::Received) => true,
        Some(
            OrderState::Confirmed
            | OrderState::Preparing
            | OrderState::AwaitingPayment
            | OrderState::OnHold
            | OrderState::PartlyShipped
            | OrderState::Shipped
            | OrderState::Cancelled
            | OrderState::Returned,
        ) => false,
    };
    if waits && advance(shop, OrderState::Confirmed, None, case.now) {
        tell_order(case, &trade, AskedBy::Buyer(statement));
    } else {
        answer_order(case, &trade, statement);
    }
    instruct(case, &mut trade);
    case.save(&mut trade);
    PartyOutcome::of(Kind::Confirm, trade.trade, is_news)
}

/// `cancel`, by trade or by request.
pub(crate) fn cancel(
    case: &mut PartyCase<'_>,
    statement: &Statement,
    cancel: &Cancel,
) -> PartyOutcome {
    if case.settings.shop.is_none() {
        return not_for_us(statement);
    }
    match find(case, statement) {
        AskedAbout::Trade(mut trade) if trade.shop.is_some() => {
            if has_shipped(&trade) {
                return returns::want_all_back(case, statement, *trade, cancel.text.clone());
            }
            let changed = stop(case, &mut trade, Some("recipient-cancelled"));
            if changed {
                tell_order(case, &trade, AskedBy::Buyer(statement));
            } else {
                answer_order(case, &trade, statement);
            }
            case.save(&mut trade);
            PartyOutcome::of(Kind::Cancel, trade.trade, changed)
        }
        AskedAbout::Rejected(_) => {
            reject_as_cancelled(case, statement);
            PartyOutcome::Answered(Kind::Cancel)
        }
        AskedAbout::Authorizing(waits) => authorize::withdraw(case, statement, *waits),
        AskedAbout::Unknown if is_by_own_request(statement) => {
            mark(case, statement);
            reject_as_cancelled(case, statement);
            PartyOutcome::Marked(Kind::Cancel)
        }
        AskedAbout::Trade(_) | AskedAbout::Unknown => unknown_trade(case, statement),
    }
}

fn is_by_own_request(statement: &Statement) -> bool {
    statement.trade.is_none()
        && statement
            .request
            .as_ref()
            .is_some_and(|r| *r.buyer() == statement.from)
}

/// It overtook the order: that will be answered as cancelled.
fn mark(case: &mut PartyCase<'_>, statement: &Statement) {
    if let Some(request) = &statement.request {
        let entry = OrderRequest {
            answer: None,
            trade: None,
            authorizing: None,
            cancelled_until: Some(case.now.plus(book::MARK_COUNTS_FOR)),
            repeated: Vec::new(),
        };
        case.put(book::request_key(request), &entry);
    }
}

fn reject_as_cancelled(case: &mut PartyCase<'_>, statement: &Statement) {
    let naming = Naming {
        trade: None,
        request: statement.request.clone(),
        answers: Some(statement.id),
    };
    let body = rejection(
        RejectionReason::CancelledByBuyer,
        "You cancelled this order; no trade was made of it.",
    );
    case.say(&statement.from, naming, body, None);
}

/// Stops a trade of which nothing has shipped: payment voided or refunded, deliveries recalled.
fn stop(case: &mut PartyCase<'_>, trade: &mut PartyTrade, reason: Option<&str>) -> bool {
    let Some(shop) = &mut trade.shop else {
        return false;
    };
    let ended = shop.order.as_ref().map(|t| t.last.state) == Some(OrderState::Cancelled);
    if ended || !advance(shop, OrderState::Cancelled, reason, case.now) {
        return false;
    }
    call_off(case, trade);
    true
}

/// Takes back what carrier and payment processor were told. The caller saves the trade.
pub(crate) fn call_off(case: &mut PartyCase<'_>, trade: &mut PartyTrade) {
    let all = asked(trade);
    let (Some(shop), Some(all)) = (&mut trade.shop, all) else {
        return;
    };
    let record = shop.record.clone();
    let was_instructed = shop.instructed == Instructed::Yes;
    let was_charged = charge::was_charged(shop);
    // Everything is given back: there is nothing left to decide.
    if shop.wants_back.take().is_some() {
        case.delete(book::returns_key(&trade.trade.id));
    }
    if was_charged || trade.payment.is_some() {
        shop.refunded = Some(all);
    }
    if matches!(shop.instructed, Instructed::AfterConfirm { .. }) {
        shop.instructed = Instructed::Never;
    }
    if matches!(shop.charging, Charging::OnceShipped { .. }) {
        shop.charging = Charging::Never;
    }
    if trade.payment.is_some() || was_charged {
        charge::pay_back(case, trade, all, None);
    } else {
        charge::void_authorization(case, trade);
    }
    if trade.carrier.is_some() {
        let own = case.settings.address.clone();
        instruct::recall(case, trade, &own, None);
    }
    for carrier in &record.delivery.carriers {
        if was_instructed && carrier.address != case.settings.address {
            instruct::recall(case, trade, &carrier.address, None);
        }
    }
}

/// `confirm_by` has passed without a `confirm` (protocol 7): the trade is cancelled.
pub(crate) fn cancel_unconfirmed(case: &mut PartyCase<'_>, trade: &mut PartyTrade) -> bool {
    let Some(shop) = &trade.shop else {
        return false;
    };
    let stands = shop.order.as_ref().map(|t| t.last.state);
    let waits = match &shop.instructed {
        Instructed::AfterConfirm { .. } => true,
        // Placed elsewhere: until the buyer confirms it or the merchant goes on with it.
        Instructed::Never => {
            shop.confirmed != Some(shop.record.version)
                && stands.is_none_or(|s| s == OrderState::Received)
        }
        Instructed::Yes => false,
    };
    let passed = shop.record.confirm_by.is_some_and(|by| by <= case.now);
    if !waits
        || !passed
        || has_shipped(trade)
        || !stop(case, trade, Some("recipient-did-not-confirm"))
    {
        return false;
    }
    tell_order(case, trade, AskedBy::Nobody);
    case.save(trade);
    true
}
