//! `refund`: voids what was not paid, gives back what was, and says where neither is possible.
//!
//! The shop says the sum of all refunds. What of it is to be paid back is what the sum leaves of the
//! total below what was paid: of 98 EUR with 40 paid, a refund of 30 gives nothing back, one of 70
//! gives back 12.

use tradepost_statements::instruction::Refund;
use tradepost_statements::progress::Progress;
use tradepost_statements::status::PaymentStatus;
use tradepost_statements::{Amount, Kind, PaymentState, Statement, TradeRef};
use tradepost_trades::paid::{paid_for_refund, paid_so_far};

use super::{
    PaymentStep, advance, authorize, not_the_total, remark, report_of, tell, watch_due_date,
};
use crate::kernel::book::{self, EarlyUndoing, MarkOf, PartyTrade, PaymentPart};
use crate::kernel::case::AskedBy;
use crate::kernel::instructed::instructed_trade;
use crate::kernel::own_status::OwnStatus;
use crate::kernel::track::TrackReport;
use crate::kernel::{Ignored, PartyCase, PartyOutcome};

/// `refund` (E23), of another server or of this one's own shop (E27).
pub(crate) fn refund(
    case: &mut PartyCase<'_>,
    statement: &Statement,
    refund: &Refund,
) -> PartyOutcome {
    let name = match instructed_trade(statement) {
        Ok(name) => name,
        Err(why) => return why.into(),
    };
    let known = case.trade(&name).filter(|t| t.payment.is_some());
    let Some(mut trade) = known else {
        return before_the_instruction(case, statement, refund, &name);
    };
    let part = trade.payment.as_ref();
    let total = part.map_or(refund.amount, |p| p.instruction.amount);
    // An instruction with another total may have overtaken it.
    let was_told = part.is_some_and(|p| p.totals.contains(&refund.amount));
    if !was_told || refund.refunded.currency() != total.currency() {
        return not_the_total(refund.amount, total);
    }
    if refund.refunded.is_more_than(refund.amount) {
        return not_the_total(refund.refunded, refund.amount);
    }
    let refunded = if refund.refunded.is_more_than(total) {
        total
    } else {
        refund.refunded
    };
    let changed = give_back(case, &mut trade, statement, refunded);
    case.save(&mut trade);
    PartyOutcome::of(Kind::Refund, trade.trade, changed)
}

/// Only all of it says something about a payment that has not begun: that it never will.
fn before_the_instruction(
    case: &mut PartyCase<'_>,
    statement: &Statement,
    refund: &Refund,
    name: &TradeRef,
) -> PartyOutcome {
    if refund.refunded != refund.amount {
        // A part says nothing against the payment as a whole; the shop asks again.
        return Ignored::NoSuchTrade(name.to_string()).into();
    }
    let mark = EarlyUndoing {
        until: case.now.plus(book::MARK_COUNTS_FOR),
        sent_before: None,
        statement: statement.id,
    };
    let authorized = match authorize::call_off(case, name, refund.amount) {
        Ok(wanted) => wanted,
        Err(total) => return not_the_total(refund.amount, total),
    };
    let is_our_shop = case.hears_itself();
    if !is_our_shop {
        case.put(book::mark_key(name, MarkOf::Refund), &mark);
    }
    let Some(wanted) = authorized else {
        return PartyOutcome::Marked(Kind::Refund);
    };
    // It was authorized, and the buyer has heard nothing of it: only the shop is answered.
    let mut trade = case
        .trade(name)
        .unwrap_or_else(|| PartyTrade::new(name.clone(), wanted.buyer_mail.clone()));
    let mut part = PaymentPart::of(authorize::as_instruction(&wanted));
    let text = "The shop called this payment off before anything was taken.";
    advance(
        &mut part,
        PaymentStep::to(PaymentState::Voided).saying(text),
        case.now,
    );
    part.wanted_back = Some(refund.refunded);
    trade.payment = Some(part);
    tell(case, &trade, TrackReport::Remarked, Some(statement));
    if !is_our_shop {
        // The book of our own shop has the order, or the trade, of which nothing was taken.
        case.save(&mut trade);
    }
    PartyOutcome::of(Kind::Refund, trade.trade, true)
}

/// Voids what was not settled; what was is on its way back, until `emit` tells that it is there.
/// `refunded` is the sum of all refunds; one that is not higher than before changes nothing. The
/// caller saves the trade.
fn give_back(
    case: &mut PartyCase<'_>,
    trade: &mut PartyTrade,
    asked: &Statement,
    refunded: Amount,
) -> bool {
    let now = case.now;
    let Some(part) = &mut trade.payment else {
        return false;
    };
    let was_wanted = part
        .wanted_back
        .unwrap_or(Amount::zero(refunded.currency()));
    let report = if refunded.is_more_than(was_wanted) {
        part.wanted_back = Some(refunded);
        match possible(part, refunded) {
            PossibleRefund::Step(step) => report_of(advance(part, step, now)),
            PossibleRefund::Less(text) => match remark(part, &text, now) {
                TrackReport::Remarked => TrackReport::News,
                same @ (TrackReport::News | TrackReport::Same) => same,
            },
            PossibleRefund::No(text) => remark(part, text, now),
            PossibleRefund::Done => TrackReport::Same,
        }
    } else {
        TrackReport::Same
    };
    watch_due_date(case, trade);
    tell(case, trade, report, Some(asked));
    report == TrackReport::News
}

/// What a refund can do about a payment.
enum PossibleRefund {
    Step(PaymentStep),
    /// There is less to pay: the state stays, and everybody is told.
    Less(String),
    /// Nothing, and why.
    No(&'static str),
    /// All that is owed was paid back before.
    Done,
}

fn possible(part: &PaymentPart, wanted: Amount) -> PossibleRefund {
    use PaymentState as P;
    let total = part.instruction.amount;
    let nothing = Amount::zero(total.currency());
    let last = part.track.as_ref().map(|t| &t.last);
    let state = last.map_or(P::Pending, |s| s.state);
    let paid = paid(part);
    let given_back = last.and_then(|s| s.refunded).unwrap_or(nothing);
    let owed = less(wanted, less(total, paid));
    match state {
        P::Voided => PossibleRefund::No(
            "This payment was voided: nothing was taken, so nothing can be paid back.",
        ),
        P::Refunded => PossibleRefund::Done,
        _ if owed.is_more_than(given_back) => {
            let now_owed = less(owed, given_back);
            let text = if less(wanted, owed).is_zero() {
                format!("{now_owed} is on its way back.")
            } else {
                format!(
                    "{now_owed} is on its way back; {} was not paid and need not be.",
                    less(wanted, owed)
                )
            };
            PossibleRefund::Step(PaymentStep::to(P::RefundPending).saying(text))
        }
        P::Pending
        | P::Due
        | P::Declined
        | P::PartlyPaid
        | P::PastDue
        | P::Authorized
        | P::Scheduled => {
            if wanted == total && paid.is_zero() {
                let text = "The shop called this payment off before anything was taken.";
                PossibleRefund::Step(PaymentStep::to(P::Voided).saying(text))
            } else {
                PossibleRefund::Less(format!("{wanted} of it need not be paid."))
            }
        }
        P::Settled | P::Disputed | P::RefundPending | P::PartlyRefunded => {
            if total.is_more_than(paid) {
                // It was settled under a lower total, and the rest is to be paid.
                PossibleRefund::Less(format!("{wanted} of it need not be paid."))
            } else {
                PossibleRefund::Done
            }
        }
    }
}

fn paid(part: &PaymentPart) -> Amount {
    let total = part.instruction.amount;
    let last = part.track.as_ref().map(|t| &t.last);
    last.map_or(Amount::zero(total.currency()), |s| {
        paid_for_refund(s.state, s.paid, s.amount)
    })
}

/// The sum that is to be paid back by the shop's word; none: it asked for no refund.
pub(crate) fn owed(part: &PaymentPart) -> Option<Amount> {
    let unpaid = less(part.instruction.amount, paid(part));
    part.wanted_back.map(|wanted| less(wanted, unpaid))
}

/// What is left of an amount; nothing where more is taken away.
fn less(from: Amount, taken: Amount) -> Amount {
    from.minus(taken).unwrap_or(Amount::zero(from.currency()))
}

/// A part that need not be paid was refused before all of it was settled: that part goes back.
/// The caller saves the trade.
pub(crate) fn owe_after_settling(
    case: &mut PartyCase<'_>,
    trade: &mut PartyTrade,
    before: Option<&PaymentStatus>,
) {
    let now = case.now;
    let Some(part) = &mut trade.payment else {
        return;
    };
    let settled = before.filter(|s| s.state.rank() > PaymentState::Pending.rank());
    if settled.is_some_and(|s| paid_so_far(s.state, s.paid, s.amount) == paid(part)) {
        return;
    }
    let Some(wanted) = part.wanted_back else {
        return;
    };
    let is_owed = match possible(part, wanted) {
        PossibleRefund::Step(step) if step.state == PaymentState::RefundPending => {
            advance(part, step, now)
        }
        PossibleRefund::Step(_)
        | PossibleRefund::Less(_)
        | PossibleRefund::No(_)
        | PossibleRefund::Done => false,
    };
    let track = part.track.clone();
    if let (true, Some(track)) = (is_owed, track) {
        case.tell(trade, &OwnStatus::Payment(track.last), AskedBy::Nobody);
    }
}
