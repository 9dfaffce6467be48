//! Due dates: a payment that is not there when its time has passed is `past-due`, said once for each
//! date. The wait is a row of the due list, one for each payment at most.

use tradepost_statements::{PaymentState, Time, TradeRef};

use super::{PaymentStep, advance, tell};
use crate::kernel::book::{self, PartyTrade, PaymentPart};
use crate::kernel::track::TrackReport;
use crate::kernel::{PartyCase, PartyOutcome};

/// Puts the payment's date on the due list, or takes it off. To be called whenever its track
/// changed; the caller saves the trade.
pub(crate) fn watch(case: &mut PartyCase<'_>, trade: &mut PartyTrade) {
    let grace = case.settings.timers.past_due;
    let what = what(&trade.trade);
    let Some(part) = &mut trade.payment else {
        return;
    };
    if let Some(last) = part.track.as_ref().map(|t| &t.last)
        && last.state == PaymentState::PastDue
    {
        // The operator may have said so before the time came.
        part.past_due = last.settle.planned.or(part.past_due);
    }
    let until = awaited(part).map(|planned| planned.plus(grace));
    if part.watched == until {
        return;
    }
    let before = std::mem::replace(&mut part.watched, until);
    if let Some(at) = before {
        case.delete(book::due_key(at, &what));
    }
    if let Some(at) = until {
        case.due_at(at, &what);
    }
}

fn what(trade: &TradeRef) -> String {
    format!(
        "{}/{}/{}",
        PaymentState::PastDue,
        trade.shop.as_str(),
        trade.id
    )
}

/// The trade that a row of the due list names.
pub(crate) fn named(rest: &str) -> Option<TradeRef> {
    // A trade id has no slash, an address may have one.
    let (shop, id) = rest.rsplit_once('/')?;
    Some(TradeRef {
        shop: shop.parse().ok()?,
        id: id.parse().ok()?,
    })
}

/// Until when somebody is to pay, unless that is settled, reserved, or was said to be past.
fn awaited(part: &PaymentPart) -> Option<Time> {
    use PaymentState as P;
    let last = &part.track.as_ref()?.last;
    let planned = last
        .settle
        .planned
        .filter(|at| part.past_due != Some(*at))?;
    match last.state {
        P::Due | P::PartlyPaid | P::Declined => Some(planned),
        // Otherwise it is only when the processor expects to be done.
        P::Pending => part.instruction.due.map(|_| planned),
        P::PastDue
        | P::Authorized
        | P::Scheduled
        | P::Settled
        | P::Disputed
        | P::RefundPending
        | P::PartlyRefunded
        | P::Refunded
        | P::Voided => None,
    }
}

/// The time of a payment's due date, and what it is granted beyond, has come.
pub(crate) fn passed(case: &mut PartyCase<'_>, name: &TradeRef) -> Option<PartyOutcome> {
    let mut trade = case.trade(name)?;
    let now = case.now;
    let grace = case.settings.timers.past_due;
    let part = trade.payment.as_mut()?;
    // This row is gone; `watch` makes another where one is needed.
    part.watched = None;
    let planned = awaited(part);
    let is_past = planned.is_some_and(|planned| planned.plus(grace) <= now);
    let mut report = TrackReport::Same;
    if let (true, Some(planned)) = (is_past, planned) {
        part.past_due = Some(planned);
        let paid = part.track.as_ref().and_then(|t| t.last.paid);
        let how = match paid.filter(|p| !p.is_zero()) {
            Some(_) => "has not arrived in full",
            None => "has not arrived",
        };
        let text = format!("The payment was due by {} and {how}.", day(planned));
        if advance(
            part,
            PaymentStep::to(PaymentState::PastDue).saying(text),
            now,
        ) {
            report = TrackReport::News;
        }
    }
    watch(case, &mut trade);
    tell(case, &trade, report, None);
    case.save(&mut trade);
    (report == TrackReport::News)
        .then(|| PartyOutcome::WasDue(format!("said that the payment of {name} is past due")))
}

/// The day of a time, in UTC.
fn day(at: Time) -> String {
    let text = at.to_string();
    text.split('T').next().unwrap_or_default().to_owned()
}
