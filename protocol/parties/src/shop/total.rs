//! Another version of the record has another total (protocol 4, "Versions"): the payment follows it.
//!
//! ```text
//! no more is paid than the new total   payment-instruction with the new total
//! more is                              refund of what is less
//! ```
//!
//! What is paid is the processor's word, which may be on its way while the new total is on its own: then
//! the processor answers with what it knows, and what is too much goes back upon that answer.

use tradepost_statements::progress::Progress;
use tradepost_statements::record::TradeRecord;
use tradepost_statements::{Amount, PaymentState};
use tradepost_trades::paid::paid_so_far;

use super::charge;
use crate::kernel::PartyCase;
use crate::kernel::book::{HeardState, PartyTrade, ShopPart};

/// Why a version with another total is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TotalStays {
    /// What is charged is at most what was authorized (E3).
    #[error(
        "the payment processor was told to authorize {total}; the total stays until it is charged"
    )]
    IsAuthorized { total: Amount },
    /// Amounts of different currencies are never added (protocol 1).
    #[error("the payment is made in {}; the currency stays", total.currency().code())]
    InItsCurrency { total: Amount },
    /// The track of the payment is at its last rank.
    #[error("the payment is {state}: for another total, make another trade")]
    IsOver { state: PaymentState },
    /// The sum of refunds is never less than it was.
    #[error("what was too much is on its way back already: for a higher total, make another trade")]
    GoesBack,
    /// More is paid back than there would be to pay.
    #[error("{refunded} is paid back already, or need not be paid; the total is no less than that")]
    IsPaidBack { refunded: Amount },
}

/// How the payment stands, by the word of its processor.
struct KnownPayment {
    state: PaymentState,
    /// The total that it is told of.
    amount: Amount,
    paid: Amount,
}

impl KnownPayment {
    fn of(trade: &PartyTrade) -> Option<KnownPayment> {
        let own = trade.payment.as_ref().and_then(|p| p.track.as_ref());
        let own = own.map(|t| (t.last.state, t.last.amount, t.last.paid));
        let (state, amount, paid) = own.or_else(|| heard(trade.shop.as_ref()?))?;
        Some(KnownPayment {
            state,
            amount,
            paid: paid_so_far(state, paid, amount),
        })
    }
}

fn heard(shop: &ShopPart) -> Option<(PaymentState, Amount, Option<Amount>)> {
    let processor = &shop.record.payment.processor;
    let heard = shop.heard.iter().filter(|h| h.from == *processor);
    heard
        .filter_map(|h| match &h.state {
            HeardState::Payment {
                state,
                amount,
                paid,
            } => Some((*state, *amount, *paid)),
            HeardState::Delivery { .. } => None,
        })
        .next()
}

/// The total that the payment processor was told last; before it was told any, what it will be.
pub(super) fn asked(trade: &PartyTrade) -> Option<Amount> {
    let shop = trade.shop.as_ref();
    let paid_here = trade.payment.as_ref().map(|p| p.instruction.amount);
    shop.and_then(|s| s.asked)
        .or(paid_here)
        .or(shop.map(|s| s.record.total))
}

/// Whether the payment can follow another version of the record.
///
/// # Errors
/// [`TotalStays`] where no statement to the payment processor could tell it.
pub(crate) fn check_total(
    case: &PartyCase<'_>,
    trade: &PartyTrade,
    record: &TradeRecord,
) -> Result<(), TotalStays> {
    let Some(shop) = &trade.shop else {
        return Ok(());
    };
    let (before, total) = (shop.record.total, record.total);
    if before == total || charge::is_cancelled(shop) {
        return Ok(());
    }
    if !charge::was_charged(shop) && trade.payment.is_none() {
        let is_elsewhere = shop.record.payment.processor != case.settings.address;
        return if shop.authorization.is_some() && is_elsewhere {
            Err(TotalStays::IsAuthorized { total: before })
        } else {
            Ok(())
        };
    }
    if before.currency() != total.currency() {
        return Err(TotalStays::InItsCurrency { total: before });
    }
    let state = KnownPayment::of(trade).map(|known| known.state);
    if let Some(state) = state.filter(|s| s.rank() > PaymentState::Settled.rank()) {
        return Err(TotalStays::IsOver { state });
    }
    let nothing = Amount::zero(total.currency());
    // What a lower total left too much, which goes back.
    let too_much = asked(trade).and_then(|asked| asked.minus(before).ok());
    let too_much = too_much.unwrap_or(nothing);
    if !too_much.is_zero() && total.is_more_than(before) {
        return Err(TotalStays::GoesBack);
    }
    let refunded = shop.refunded.unwrap_or(nothing);
    let refunded = refunded.minus(too_much).unwrap_or(nothing);
    if refunded.is_more_than(total) {
        return Err(TotalStays::IsPaidBack { refunded });
    }
    Ok(())
}

/// Has the payment processor follow the total of the newest record; the one before had another. The
/// caller saves the trade.
pub(crate) fn follow_total(case: &mut PartyCase<'_>, trade: &mut PartyTrade, before: Amount) {
    let (Some(asked), Some(shop)) = (asked(trade), &trade.shop) else {
        return;
    };
    let total = shop.record.total;
    let is_told = charge::was_charged(shop) || trade.payment.is_some();
    if before == total || !is_told || charge::is_cancelled(shop) {
        return;
    }
    let paid = KnownPayment::of(trade).map(|known| known.paid);
    // Once a part goes back, more of it does.
    if asked.is_more_than(before) || paid.is_some_and(|paid| paid.is_more_than(total)) {
        pay_back_more(case, trade, asked, before.minus(total).ok());
    } else {
        charge::instruct_payment(case, trade, None);
    }
}

/// The payment processor has taken more than it was told last: the payment was made before it heard of a
/// lower total. The caller saves the trade.
pub(super) fn pay_back_what_crossed(case: &mut PartyCase<'_>, trade: &mut PartyTrade) {
    let (Some(asked), Some(known), Some(shop)) =
        (asked(trade), KnownPayment::of(trade), &trade.shop)
    else {
        return;
    };
    let is_too_much = known.paid.is_more_than(shop.record.total) || charge::is_cancelled(shop);
    if charge::was_charged(shop) && known.amount.is_more_than(asked) && is_too_much {
        pay_back_more(case, trade, known.amount, known.amount.minus(asked).ok());
    }
}

/// Of a payment of `asked`, so much more goes back.
fn pay_back_more(
    case: &mut PartyCase<'_>,
    trade: &mut PartyTrade,
    asked: Amount,
    more: Option<Amount>,
) {
    let (Some(shop), Some(more)) = (&mut trade.shop, more) else {
        return;
    };
    shop.asked = Some(asked);
    let before = shop.refunded.unwrap_or(Amount::zero(asked.currency()));
    let sum = before.plus(more).unwrap_or(before);
    shop.refunded = Some(sum);
    let text = format!("The total is {} now.", shop.record.total);
    charge::pay_back(case, trade, sum, Some(text));
}
