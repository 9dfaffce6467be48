//! When the payment is charged (E9), and an authorization that ends before that (E3).
//!
//! ```text
//! on-confirmation, on-invoice   with the other instructions
//! on-shipping                   once the shop or a carrier says that something has shipped
//! ```

use tradepost_statements::instruction::{Authorization, Authorize, PaymentInstruction, Refund};
use tradepost_statements::order::{PaymentMethod, Reference};
use tradepost_statements::{Body, Date, Kind, OrderState, Time, TradeId, TradeRef};

use super::instruct::tell;
use super::total::asked;
use super::{advance, has_shipped, shortened, tell_order};
use crate::kernel::book::{Approved, Charging, Instructed, PartyTrade, ShopPart};
use crate::kernel::case::AskedBy;
use crate::kernel::settings::Charge;
use crate::kernel::{Ignored, PartyCase, PartyOutcome};

/// Whether the payment processor was told to take the payment.
pub(crate) fn was_charged(shop: &ShopPart) -> bool {
    match shop.charging {
        Charging::WithTheOthers => shop.instructed == Instructed::Yes,
        Charging::Told => true,
        Charging::OnceShipped { .. } | Charging::Never => false,
    }
}

/// Where the other instructions leave: the payment's too, unless it waits for the goods to ship.
pub(super) fn with_the_others(
    case: &mut PartyCase<'_>,
    trade: &mut PartyTrade,
    reference: Option<Reference>,
) {
    let Some(shop) = &mut trade.shop else {
        return;
    };
    match shop.charge {
        Charge::OnConfirmation | Charge::OnInvoice { .. } => charge(case, trade, reference),
        Charge::OnShipping => {
            shop.charging = Charging::OnceShipped { reference };
            once_shipped(case, trade);
        }
    }
}

/// Charges what waited for the goods to ship, if they have. The caller saves the trade.
pub(super) fn once_shipped(case: &mut PartyCase<'_>, trade: &mut PartyTrade) {
    let shipped = has_shipped(trade);
    let Some(shop) = &mut trade.shop else {
        return;
    };
    let Charging::OnceShipped { reference } = &shop.charging else {
        return;
    };
    if shipped && !is_cancelled(shop) {
        let reference = reference.clone();
        // The token is not kept once it is with the payment processor.
        shop.charging = Charging::Told;
        charge(case, trade, reference);
    }
}

pub(super) fn is_cancelled(shop: &ShopPart) -> bool {
    shop.order.as_ref().map(|t| t.last.state) == Some(OrderState::Cancelled)
}

fn charge(case: &mut PartyCase<'_>, trade: &mut PartyTrade, reference: Option<Reference>) {
    instruct_payment(case, trade, reference);
    // Lines that were cancelled before are not paid (E23).
    if let Some(refunded) = trade.shop.as_ref().and_then(|s| s.refunded) {
        pay_back(case, trade, refunded, None);
    }
}

/// Has the payment processor take the total as the newest record has it. Without `reference`, what was
/// told before holds: the token is not kept once it is told. The caller saves the trade.
pub(super) fn instruct_payment(
    case: &mut PartyCase<'_>,
    trade: &mut PartyTrade,
    reference: Option<Reference>,
) {
    let Some(shop) = &mut trade.shop else {
        return;
    };
    shop.asked = Some(shop.record.total);
    let instruction = PaymentInstruction {
        amount: shop.record.total,
        method: shop.record.payment.method,
        reference,
        buyer_mail: trade.buyer_mail.clone(),
        notify: trade.wishes.as_ref().map(|w| w.wishes.clone()),
        due: match shop.charge {
            Charge::OnConfirmation | Charge::OnShipping => None,
            // Never a day that has passed: the buyer may have confirmed late.
            Charge::OnInvoice { due_within } => {
                date_of(shop.record.placed.plus(due_within).max(case.now))
            }
        },
    };
    let processor = shop.record.payment.processor.clone();
    let body = Body::PaymentInstruction(Box::new(instruction));
    tell(case, trade, &processor, body);
}

/// A trade that was placed elsewhere costs nothing, and nobody else processes that: its payment is
/// settled at once, told by the shop itself (protocol 3). The caller saves the trade.
pub(crate) fn settle_what_costs_nothing(case: &mut PartyCase<'_>, trade: &mut PartyTrade) {
    let Some(shop) = trade.shop.as_ref().filter(|_| trade.payment.is_none()) else {
        return;
    };
    let payment = shop.record.payment.clone();
    if payment.method != PaymentMethod::Nothing || payment.processor != case.settings.address {
        return;
    }
    let instruction = PaymentInstruction {
        amount: shop.record.total,
        method: payment.method,
        reference: None,
        buyer_mail: trade.buyer_mail.clone(),
        notify: None,
        due: None,
    };
    let body = Body::PaymentInstruction(Box::new(instruction));
    tell(case, trade, &payment.processor, body);
}

/// The day of a time, in UTC.
fn date_of(at: Time) -> Option<Date> {
    at.to_string().get(..10)?.parse().ok()
}

/// Has the payment processor pay back, or void, so much in all. The caller saves the trade.
pub(super) fn pay_back(
    case: &mut PartyCase<'_>,
    trade: &mut PartyTrade,
    refunded: tradepost_statements::Amount,
    text: Option<String>,
) {
    let (Some(shop), Some(amount)) = (&trade.shop, asked(trade)) else {
        return;
    };
    let processor = match &trade.payment {
        // Paid here, whoever the record names.
        Some(_) => case.settings.address.clone(),
        None => shop.record.payment.processor.clone(),
    };
    let refund = Refund {
        amount,
        refunded,
        text,
    };
    tell(case, trade, &processor, Body::Refund(refund));
}

/// Voids an authorization that nothing will be charged on. The caller saves the trade.
pub(super) fn void_authorization(case: &mut PartyCase<'_>, trade: &mut PartyTrade) {
    let Some(all) = asked(trade) else {
        return;
    };
    let shop = trade.shop.as_mut();
    if shop.and_then(|s| s.authorization.take()).is_some() {
        pay_back(case, trade, all, None);
    }
}

/// Nothing is left to be paid: what was not charged never is, and its authorization is voided. The
/// caller saves the trade.
pub(super) fn never(case: &mut PartyCase<'_>, trade: &mut PartyTrade) {
    let Some(shop) = &mut trade.shop else {
        return;
    };
    if was_charged(shop) || trade.payment.is_some() {
        return;
    }
    if matches!(shop.charging, Charging::OnceShipped { .. }) {
        shop.charging = Charging::Never;
    }
    void_authorization(case, trade);
}

/// Has the authorization looked at when it ends, unless nothing is charged on it any more.
pub(super) fn watch(case: &mut PartyCase<'_>, trade: &PartyTrade) {
    let Some(shop) = &trade.shop else {
        return;
    };
    let until = shop.authorization.and_then(|a| a.until);
    if let (Some(until), false) = (until, was_charged(shop)) {
        // What has passed already is looked at once, not in a circle.
        let at = until.max(case.now.plus(case.settings.timers.answer_first));
        case.due_at(at, &format!("authorized/{}", trade.trade.id));
    }
}

/// An authorization has ended before the payment was charged: it is asked for again.
pub(crate) fn authorize_again(case: &mut PartyCase<'_>, id: TradeId) -> Option<PartyOutcome> {
    let shop = case.settings.address.clone();
    let mut trade = case.trade(&TradeRef { shop, id })?;
    let shop = trade.shop.as_ref()?;
    let reference = match (&shop.charging, &shop.instructed) {
        (Charging::OnceShipped { reference }, _)
        | (Charging::WithTheOthers, Instructed::AfterConfirm { reference }) => reference.clone(),
        (Charging::Told | Charging::Never, _)
        | (Charging::WithTheOthers, Instructed::Yes | Instructed::Never) => return None,
    };
    let ended = shop.authorization?.until? <= case.now;
    if !ended || is_cancelled(shop) {
        return None;
    }
    let wanted = Authorize {
        amount: shop.record.total,
        method: shop.record.payment.method,
        reference,
        buyer: shop.record.buyer.clone(),
        buyer_mail: trade.buyer_mail.clone(),
    };
    let processor = shop.record.payment.processor.clone();
    let name = trade.trade.clone();
    let body = Body::Authorize(Box::new(wanted));
    tell(case, &mut trade, &processor, body);
    case.save(&mut trade);
    Some(PartyOutcome::WasDue(format!(
        "the authorization of {name} has ended before anything shipped; asked for another one"
    )))
}

/// The answer: without authorization the operator decides whether the goods leave.
pub(super) fn authorized_again(
    case: &mut PartyCase<'_>,
    name: &TradeRef,
    answer: &Authorization,
) -> PartyOutcome {
    let Some(mut trade) = case.trade(name) else {
        return Ignored::NoSuchTrade(name.to_string()).into();
    };
    let Some(shop) = &mut trade.shop else {
        return Ignored::NoSuchTrade(name.to_string()).into();
    };
    if was_charged(shop) || is_cancelled(shop) {
        return Ignored::StatusIsOld.into();
    }
    let outcome = if answer.approved {
        shop.authorization = Some(Approved {
            until: answer.until,
        });
        watch(case, &trade);
        PartyOutcome::Heard {
            kind: Kind::Authorization,
            from: shop_processor(&trade),
            trade: name.clone(),
        }
    } else {
        shop.authorization = None;
        let why = answer.text.as_deref().map(shortened);
        if advance(
            shop,
            OrderState::OnHold,
            Some("payment-not-authorized"),
            case.now,
        ) {
            tell_order(case, &trade, AskedBy::Nobody);
        }
        let why = why.map_or_else(String::new, |why| format!(" ({why})"));
        PartyOutcome::OperatorActs {
            trade: name.clone(),
            text: format!(
                "its authorization has ended, and the payment processor declined another one{why}; \
                 the order is on hold: cancel it, or go on with it, by emit"
            ),
        }
    };
    case.save(&mut trade);
    outcome
}

fn shop_processor(trade: &PartyTrade) -> tradepost_statements::Address {
    match &trade.shop {
        Some(shop) => shop.record.payment.processor.clone(),
        None => trade.trade.shop.clone(),
    }
}
