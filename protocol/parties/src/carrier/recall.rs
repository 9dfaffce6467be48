//! `recall`: stops what has not left, turns back what is under way, and says where neither is
//! possible any more; one that comes before its instruction leaves a mark.

use tradepost_statements::instruction::Recall;
use tradepost_statements::progress::Progress;
use tradepost_statements::status::DeliveryStatus;
use tradepost_statements::{DeliveryState, Kind, Statement, Time, TradeRef};

use super::{CarrierStep, advance, remark, tell};
use crate::kernel::book::{self, EarlyUndoing, MarkOf, PartyTrack, PartyTrade};
use crate::kernel::instructed::instructed_trade;
use crate::kernel::track::TrackReport;
use crate::kernel::{PartyCase, PartyOutcome};

/// `recall`, of another server or of this one's own shop (E27).
pub(crate) fn recalled(
    case: &mut PartyCase<'_>,
    statement: &Statement,
    recall: &Recall,
) -> PartyOutcome {
    let name = match instructed_trade(statement) {
        Ok(name) => name,
        Err(why) => return why.into(),
    };
    let known = case.trade(&name).filter(|t| {
        t.carrier.as_ref().is_some_and(|c| match &recall.parcel {
            Some(parcel) => c.parcels.contains_key(parcel),
            None => true,
        })
    });
    let Some(mut trade) = known else {
        mark(case, &name, statement, recall.parcel.as_deref(), None);
        return PartyOutcome::Marked(Kind::Recall);
    };
    if recall.parcel.is_none() {
        mark(case, &name, statement, None, Some(statement.sent));
    }
    let changed = turn_back(case, &mut trade, recall.parcel.as_deref(), statement);
    case.save(&mut trade);
    PartyOutcome::of(Kind::Recall, trade.trade, changed)
}

/// Whether a recall overtook what was sent at that time.
pub(super) fn is_recalled(
    case: &PartyCase<'_>,
    trade: &TradeRef,
    parcel: &str,
    sent: Time,
) -> bool {
    [MarkOf::Recall(None), MarkOf::Recall(Some(parcel))]
        .into_iter()
        .filter_map(|of| case.read::<EarlyUndoing>(&book::mark_key(trade, of)))
        .filter(|mark| case.now <= mark.until)
        .any(|mark| mark.sent_before.is_none_or(|recalled| sent <= recalled))
}

/// It overtook all instructions of the trade, or, where some are known, those still under way.
fn mark(
    case: &mut PartyCase<'_>,
    trade: &TradeRef,
    statement: &Statement,
    parcel: Option<&str>,
    sent_before: Option<Time>,
) {
    if case.hears_itself() {
        return;
    }
    let mark = EarlyUndoing {
        until: case.now.plus(book::MARK_COUNTS_FOR),
        sent_before,
        statement: statement.id,
    };
    case.put(book::mark_key(trade, MarkOf::Recall(parcel)), &mark);
}

/// Stops what has not left yet, turns back what is under way, leaves what has arrived; tells of
/// each. The caller saves the trade.
fn turn_back(
    case: &mut PartyCase<'_>,
    trade: &mut PartyTrade,
    parcel: Option<&str>,
    asked: &Statement,
) -> bool {
    let now = case.now;
    let Some(part) = &mut trade.carrier else {
        return false;
    };
    let meant: Vec<String> = part
        .parcels
        .keys()
        .filter(|name| parcel.is_none_or(|p| p == name.as_str()))
        .cloned()
        .collect();
    let mut report = Vec::new();
    for name in meant {
        let Some(possible) = part.parcels.get(&name).map(possible) else {
            continue;
        };
        let how = match possible {
            PossibleRecall::Step(step) if advance(part, &name, step, now) => TrackReport::News,
            PossibleRecall::Step(_) | PossibleRecall::Done => TrackReport::Same,
            // Our own shop sees where its parcels are; there is nobody to tell it to.
            PossibleRecall::No(_) if case.hears_itself() => TrackReport::Same,
            PossibleRecall::No(why) => remark(part, &name, why, now),
        };
        report.push((name, how));
    }
    for (name, how) in &report {
        tell(case, trade, name, *how, asked);
    }
    report.iter().any(|(_, how)| *how == TrackReport::News)
}

/// What a recall can do about a parcel.
enum PossibleRecall {
    Step(CarrierStep),
    /// Neither stop nor turn back, and why.
    No(&'static str),
    /// It is stopped, or on its way back.
    Done,
}

fn possible(track: &PartyTrack<DeliveryStatus, DeliveryState>) -> PossibleRecall {
    use DeliveryState as D;
    let rank = track.standing.highest.and_then(Progress::rank).unwrap_or(0);
    let stop = || {
        PossibleRecall::Step(CarrierStep::stopped(
            "The shop stopped this delivery before it left.",
        ))
    };
    let back = || {
        PossibleRecall::Step(CarrierStep {
            reason: Some("merchant-recalled"),
            text: Some("The shop called this parcel back: it is on its way back."),
            ..CarrierStep::to(D::Returning)
        })
    };
    match track.last.state {
        D::Announced => stop(),
        D::PickedUp
        | D::AtTerminal
        | D::Sorted
        | D::InTransit
        | D::OutForDelivery
        | D::AttemptFailed
        | D::ReadyForPickup => back(),
        // States without rank: what was reached before them decides.
        D::OnHold | D::Exception | D::Lost if rank > 3 => PossibleRecall::Done,
        D::Lost => PossibleRecall::No("This parcel is lost: there is nothing to turn back."),
        D::OnHold | D::Exception if rank < 2 => stop(),
        D::OnHold | D::Exception => back(),
        D::Delivered => {
            PossibleRecall::No("This parcel was delivered: it can no longer be called back.")
        }
        D::Stopped | D::Returning | D::Returned => PossibleRecall::Done,
    }
}
