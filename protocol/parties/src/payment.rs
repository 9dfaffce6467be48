//! What a payment processor does: it authorizes payments (E3), takes payment instructions from its
//! shops (E9), keeps the payment's track (E13), says when a due date has passed, and gives money back
//! on the shop's word (E23).
//!
//! ```text
//! authorize ─► approve | decline | ask the operator (`emit`)
//! payment-instruction ─► pending | due | authorized ─► partly-paid .. ─► settled ─► partly-refunded
//!             refund ─► voided ◄┘ │                                        └─► refund-pending ─► refunded
//!                   due date ─► past-due ─► settled ..                               (`emit`)
//! ```

mod another_total;
mod authorize;
mod due_date;
mod refund;

pub(crate) use another_total::paid_of_another_total;
pub(crate) use authorize::{
    AskedAuthorization, authorize, begin_authorized, find as find_authorization,
    settle as settle_authorization,
};
pub use authorize::{WaitingAuthorization, waiting as authorizations};
pub(crate) use due_date::{
    named as due_date_of, passed as due_date_passed, watch as watch_due_date,
};
pub(crate) use refund::{owe_after_settling, owed, refund};

use tradepost_statements::instruction::PaymentInstruction;
use tradepost_statements::order::PaymentMethod;
use tradepost_statements::progress::Progress;
use tradepost_statements::status::{PaymentStatus, When};
use tradepost_statements::{Amount, Date, Kind, PaymentState, Statement, Time};

use crate::kernel::book::{self, EarlyUndoing, MarkOf, PartyTrack, PartyTrade, PaymentPart};
use crate::kernel::instructed::{entry_for, instructed_trade};
use crate::kernel::own_status::OwnStatus;
use crate::kernel::readdress::tell_how_it_stands;
use crate::kernel::track::{Standing, TrackReport, next_place};
use crate::kernel::{Ignored, PartyCase, PartyOutcome};

/// `payment-instruction` (E9), of another server or of this one's own shop (E27).
pub(crate) fn instructed(
    case: &mut PartyCase<'_>,
    statement: &Statement,
    instruction: &PaymentInstruction,
) -> PartyOutcome {
    let name = match instructed_trade(statement) {
        Ok(name) => name,
        Err(why) => return why.into(),
    };
    let known = case.trade(&name);
    let total = known.as_ref().and_then(|t| t.payment.as_ref());
    if let Some(total) = total.map(|p| p.instruction.amount)
        && total.currency() != instruction.amount.currency()
    {
        return not_the_total(instruction.amount, total);
    }
    let (mail, notify) = (&instruction.buyer_mail, instruction.notify.as_ref());
    let mut trade = match entry_for(case, name, mail, notify, statement) {
        Ok(trade) => trade,
        Err(why) => return why.into(),
    };
    // One that was overtaken by a correction of the address still says the rest.
    let instruction = PaymentInstruction {
        buyer_mail: trade.buyer_mail.clone(),
        ..instruction.clone()
    };
    let changed = begin(case, &mut trade, &instruction, statement);
    if known.is_some_and(|known| known.buyer_mail != trade.buyer_mail) {
        tell_how_it_stands(case, &trade);
    }
    case.save(&mut trade);
    PartyOutcome::of(Kind::PaymentInstruction, trade.trade, changed)
}

/// Protocol 5, line 14 (E17).
fn not_the_total(stated: Amount, total: Amount) -> PartyOutcome {
    Ignored::AmountIsNotTheTotal {
        stated: stated.to_string(),
        total: total.to_string(),
    }
    .into()
}

/// Makes the book entry and tells of it; one that is there is told as it is, or with what the shop
/// changed. The caller saves the trade.
fn begin(
    case: &mut PartyCase<'_>,
    trade: &mut PartyTrade,
    instruction: &PaymentInstruction,
    asked: &Statement,
) -> bool {
    let now = case.now;
    let was = trade.payment.as_ref().and_then(|p| p.track.as_ref());
    let was = was.map(|t| t.last.clone());
    let is_authorized = authorize::holds(case, &trade.trade, instruction.amount);
    let report = match &mut trade.payment {
        Some(part) => {
            book::note_total(&mut part.totals, instruction.amount);
            if part.sent.is_some_and(|sent| asked.sent < sent) {
                // Another one has overtaken it.
                TrackReport::Same
            } else {
                part.sent = Some(asked.sent);
                instruct_again(part, instruction, is_authorized, now)
            }
        }
        None => {
            let mut part = PaymentPart::of(instruction.clone());
            part.sent = Some(asked.sent);
            let first = first_step(case, trade, instruction);
            if first.state == PaymentState::Voided {
                part.wanted_back = Some(instruction.amount);
            }
            advance(&mut part, first, now);
            trade.payment = Some(part);
            TrackReport::News
        }
    };
    tell(case, trade, report, Some(asked));
    if report == TrackReport::News {
        owe_after_settling(case, trade, was.as_ref());
    }
    watch_due_date(case, trade);
    report == TrackReport::News
}

fn first_step(
    case: &PartyCase<'_>,
    trade: &PartyTrade,
    instruction: &PaymentInstruction,
) -> PaymentStep {
    let mark = case.read::<EarlyUndoing>(&book::mark_key(&trade.trade, MarkOf::Refund));
    if mark.is_some_and(|m| case.now <= m.until) {
        let text = "The shop called this payment off before it began.";
        return PaymentStep::to(PaymentState::Voided).saying(text);
    }
    let state = match instruction.method {
        // The buyer is to act.
        PaymentMethod::BankTransfer => PaymentState::Due,
        // Protocol 3: it costs nothing.
        PaymentMethod::Nothing => PaymentState::Settled,
        PaymentMethod::CreditCard | PaymentMethod::EMoney => {
            if authorize::holds(case, &trade.trade, instruction.amount) {
                PaymentState::Authorized
            } else {
                PaymentState::Pending
            }
        }
    };
    PaymentStep {
        planned: instruction.due.and_then(end_of),
        ..PaymentStep::to(state)
    }
}

/// A due date lasts until the day ends, in UTC.
fn end_of(date: Date) -> Option<Time> {
    format!("{date}T23:59:59Z").parse().ok()
}

/// The shop says more, or something else, about a payment that is known.
fn instruct_again(
    part: &mut PaymentPart,
    instruction: &PaymentInstruction,
    is_authorized: bool,
    now: Time,
) -> TrackReport {
    let known = part.instruction.reference.clone();
    let instruction = PaymentInstruction {
        // The shop does not keep the token: without one, what it told before holds.
        reference: instruction.reference.clone().or(known),
        ..instruction.clone()
    };
    if says_the_same(&part.instruction, &instruction) {
        return TrackReport::Same;
    }
    if part.instruction.amount != instruction.amount {
        return another_total::instruct(part, instruction, is_authorized, now);
    }
    let reached = part.track.as_ref().and_then(|t| t.standing.highest);
    if reached
        .and_then(Progress::rank)
        .is_some_and(|rank| rank > 1)
    {
        let text = "The instructions for this payment can no longer be changed.";
        return remark(part, text, now);
    }
    let before = std::mem::replace(&mut part.instruction, instruction.clone());
    let state = part.track.as_ref().map(|t| t.last.state);
    let due = instruction.due.and_then(end_of);
    if before.due != instruction.due {
        let is_ahead = due.is_some_and(|at| at > now);
        let state = match state {
            // It has another day.
            Some(PaymentState::PastDue) if is_ahead => PaymentState::Due,
            Some(state) => state,
            None => PaymentState::Pending,
        };
        let step = PaymentStep {
            planned: due,
            ..PaymentStep::to(state).saying("The shop changed until when this payment is due.")
        };
        return report_of(advance(part, step, now));
    }
    let is_another_token = before.reference != instruction.reference;
    if is_another_token && state == Some(PaymentState::Declined) {
        let step = PaymentStep {
            planned: due,
            ..PaymentStep::to(PaymentState::Pending).saying("The payment is tried again.")
        };
        return report_of(advance(part, step, now));
    }
    TrackReport::Same
}

fn report_of(advanced: bool) -> TrackReport {
    if advanced {
        TrackReport::News
    } else {
        TrackReport::Same
    }
}

/// Wishes are the buyer's, not the shop's instructions.
fn says_the_same(known: &PaymentInstruction, again: &PaymentInstruction) -> bool {
    let unwished = |i: &PaymentInstruction| PaymentInstruction {
        notify: None,
        ..i.clone()
    };
    unwished(known) == unwished(again)
}

/// Tells how the payment stands.
fn tell(
    case: &mut PartyCase<'_>,
    trade: &PartyTrade,
    report: TrackReport,
    asked: Option<&Statement>,
) {
    let track = trade.payment.as_ref().and_then(|p| p.track.as_ref());
    if let Some(track) = track {
        let status = OwnStatus::Payment(track.last.clone());
        case.tell_track(trade, &status, report, asked);
    }
}

/// A step that the processor takes by itself, and what it says of it.
struct PaymentStep {
    state: PaymentState,
    /// Until when it is due; none: what was planned before holds.
    planned: Option<Time>,
    text: Option<String>,
}

impl PaymentStep {
    fn to(state: PaymentState) -> PaymentStep {
        PaymentStep {
            state,
            planned: None,
            text: None,
        }
    }

    fn saying(self, text: impl Into<String>) -> PaymentStep {
        PaymentStep {
            text: Some(text.into()),
            ..self
        }
    }
}

/// Moves the payment's track on by the processor's own decision.
fn advance(part: &mut PaymentPart, step: PaymentStep, now: Time) -> bool {
    let last = part.track.as_ref();
    let standing = last.map_or(Standing::start(), |t| t.standing);
    let place = next_place(last.map(|t| (t.last.sequence, t.last.at)), now);
    let (Ok(standing), Ok((sequence, at))) = (standing.step(step.state), place) else {
        return false;
    };
    let settle = last.map_or(When::default(), |t| t.last.settle);
    let amount = part.instruction.amount;
    let of_another_total = last.and_then(|t| paid_of_another_total(&t.last, amount));
    let status = PaymentStatus {
        sequence,
        state: step.state,
        at,
        amount,
        paid: last.and_then(|t| t.last.paid).or(of_another_total),
        refunded: last.and_then(|t| t.last.refunded),
        settle: When {
            planned: step.planned.or(settle.planned),
            actual: settle
                .actual
                .or((step.state == PaymentState::Settled).then_some(at)),
        },
        reason: None,
        text: step.text,
    };
    part.track = Some(PartyTrack {
        last: status,
        standing,
    });
    true
}

/// Says more about the present state. That is a change with a sequence of its own: what has one
/// sequence has one content (protocol 2, "Same content").
fn remark(part: &mut PaymentPart, text: &str, now: Time) -> TrackReport {
    let Some(track) = &mut part.track else {
        return TrackReport::Same;
    };
    let last = &mut track.last;
    let place = next_place(Some((last.sequence, last.at)), now);
    let (false, Ok((sequence, at))) = (last.text.as_deref() == Some(text), place) else {
        return TrackReport::Same;
    };
    (last.sequence, last.at) = (sequence, at);
    last.text = Some(text.to_owned());
    TrackReport::Remarked
}
