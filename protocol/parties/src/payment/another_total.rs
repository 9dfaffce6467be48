//! The shop instructs a payment anew, with another total: its record has a new version (protocol 4,
//! "Versions").
//!
//! ```text
//! not settled   the track goes on with the new total; it is settled where that is paid already
//! settled       what was settled stays so, under its own `amount`; the rest is to be paid
//! more is paid  nothing changes: what is too much goes back by a refund
//! ```

use tradepost_statements::instruction::PaymentInstruction;
use tradepost_statements::progress::Progress;
use tradepost_statements::status::PaymentStatus;
use tradepost_statements::{Amount, PaymentState, Time};
use tradepost_trades::paid::paid_so_far;

use super::{PaymentStep, advance, end_of, remark, report_of};
use crate::kernel::book::PaymentPart;
use crate::kernel::track::{TrackReport, next_place};

/// Takes the new total, if that can be. `is_authorized`: an authorization (E3) covers it.
pub(super) fn instruct(
    part: &mut PaymentPart,
    instruction: PaymentInstruction,
    is_authorized: bool,
    now: Time,
) -> TrackReport {
    use PaymentState as P;
    let total = instruction.amount;
    let last = part.track.as_ref().map(|t| t.last.clone());
    let state = last.as_ref().map_or(P::Pending, |s| s.state);
    let paid = last
        .as_ref()
        .map(|s| paid_so_far(s.state, s.paid, s.amount));
    let paid = paid.unwrap_or(Amount::zero(total.currency()));
    let need_not_be = part.wanted_back.unwrap_or(Amount::zero(total.currency()));
    if matches!(state, P::Voided | P::Refunded) {
        let text = "The instructions for this payment can no longer be changed.";
        return remark(part, text, now);
    }
    if paid.is_more_than(total) || need_not_be.is_more_than(total) {
        let text = format!("More than {total} was paid; what is too much goes back by a refund.");
        return remark(part, &text, now);
    }
    let due = instruction.due.and_then(end_of);
    let is_another_token = part.instruction.reference != instruction.reference;
    part.instruction = instruction;
    let is_settled = part.track.as_ref().and_then(|t| t.standing.highest);
    if is_settled.and_then(Progress::rank) > P::Pending.rank() {
        return rest_is_due(part, paid, due, now);
    }
    let is_ahead = due.is_some_and(|at| at > now);
    let next = match state {
        _ if paid == total => P::Settled,
        P::Authorized if !is_authorized => P::Pending,
        P::PastDue if is_ahead => P::Due,
        P::Declined if is_another_token => P::Pending,
        P::Pending
        | P::Due
        | P::Declined
        | P::PartlyPaid
        | P::PastDue
        | P::Authorized
        | P::Scheduled
        | P::Settled
        | P::Disputed
        | P::RefundPending
        | P::PartlyRefunded
        | P::Refunded
        | P::Voided => state,
    };
    let step = PaymentStep {
        planned: due,
        ..PaymentStep::to(next).saying(format!("The total is {total} now."))
    };
    report_of(advance(part, step, now))
}

/// Protocol 4: no state says at rank 2 that something is due, so the state stays what it is, and so does
/// its `amount`, which is what is paid.
fn rest_is_due(part: &mut PaymentPart, paid: Amount, due: Option<Time>, now: Time) -> TrackReport {
    let total = part.instruction.amount;
    let Some(track) = &mut part.track else {
        return TrackReport::Same;
    };
    let last = &mut track.last;
    let Ok((sequence, at)) = next_place(Some((last.sequence, last.at)), now) else {
        return TrackReport::Same;
    };
    (last.sequence, last.at) = (sequence, at);
    last.settle.planned = due;
    last.text = Some(match total.minus(paid) {
        Ok(rest) if !rest.is_zero() => format!("The total is {total} now: {rest} is to be paid."),
        Ok(_) | Err(_) => format!("The total is {total} now: nothing more is to be paid."),
    });
    TrackReport::News
}

/// What a status that follows has to say of a payment that was settled under another total: how much of
/// the present one is paid.
pub(crate) fn paid_of_another_total(before: &PaymentStatus, total: Amount) -> Option<Amount> {
    let was_settled = before.state.rank() == PaymentState::Settled.rank();
    (was_settled && before.amount != total)
        .then(|| paid_so_far(before.state, before.paid, before.amount))
}
