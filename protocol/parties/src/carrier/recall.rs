//! `recall`: stops what has not left, turns back what is under way, and says where neither is
//! possible any more; one that comes before its instruction leaves a mark.

use tradepost_statements::instruction::Recall;
use tradepost_statements::progress::Progress;
use tradepost_statements::status::DeliveryStatus;
use tradepost_statements::{DeliveryState, Kind, Statement, Time, TradeRef};

use super::{Step, advance, instructed_trade, remark, tell};
use crate::server::ask::not_for_us;
use crate::server::book::{self, Mark, MarkOf, Track, Trade};
use crate::server::track::Became;
use crate::server::{Desk, Outcome};

/// `recall` of another server.
pub(crate) fn recalled(desk: &mut Desk<'_>, statement: &Statement, recall: &Recall) -> Outcome {
    let Some(settings) = &desk.settings.carrier else {
        return not_for_us(statement);
    };
    let name = match instructed_trade(statement, &settings.shops) {
        Ok(name) => name,
        Err(why) => return why.into(),
    };
    let known = desk.trade(&name).filter(|t| {
        t.carrier.as_ref().is_some_and(|c| match &recall.parcel {
            Some(parcel) => c.parcels.contains_key(parcel),
            None => true,
        })
    });
    let Some(mut trade) = known else {
        mark(desk, &name, statement, recall.parcel.as_deref(), None);
        return Outcome::Marked(Kind::Recall);
    };
    if recall.parcel.is_none() {
        mark(desk, &name, statement, None, Some(statement.sent));
    }
    let changed = turn_back(desk, &mut trade, recall.parcel.as_deref(), Some(statement));
    desk.save(&mut trade);
    Outcome::of(Kind::Recall, trade.trade, changed)
}

/// Whether a recall overtook what was sent at that time.
pub(super) fn is_recalled(desk: &Desk<'_>, trade: &TradeRef, parcel: &str, sent: Time) -> bool {
    [MarkOf::Recall(None), MarkOf::Recall(Some(parcel))]
        .into_iter()
        .filter_map(|of| desk.read::<Mark>(&book::mark_key(trade, of)))
        .filter(|mark| desk.now <= mark.until)
        .any(|mark| mark.sent_before.is_none_or(|recalled| sent <= recalled))
}

/// It overtook all instructions of the trade, or, where some are known, those still under way.
fn mark(
    desk: &mut Desk<'_>,
    trade: &TradeRef,
    statement: &Statement,
    parcel: Option<&str>,
    sent_before: Option<Time>,
) {
    let mark = Mark {
        until: desk.now.plus(book::MARK_COUNTS_FOR),
        sent_before,
        statement: statement.id,
    };
    desk.put(book::mark_key(trade, MarkOf::Recall(parcel)), &mark);
}

/// Stops what has not left yet, turns back what is under way, leaves what has arrived; tells of
/// each. The caller saves the trade.
pub(crate) fn turn_back(
    desk: &mut Desk<'_>,
    trade: &mut Trade,
    parcel: Option<&str>,
    asked: Option<&Statement>,
) -> bool {
    let now = desk.now;
    let Some(part) = &mut trade.carrier else {
        return false;
    };
    let meant: Vec<String> = part
        .parcels
        .keys()
        .filter(|name| parcel.is_none_or(|p| p == name.as_str()))
        .cloned()
        .collect();
    let mut became = Vec::new();
    for name in meant {
        let Some(possible) = part.parcels.get(&name).map(possible) else {
            continue;
        };
        let how = match possible {
            Possible::Step(step) if advance(part, &name, step, now) => Became::News,
            Possible::Step(_) | Possible::Done => Became::Same,
            // Our own shop sees where its parcels are; there is nobody to tell it to.
            Possible::No(_) if asked.is_none() => Became::Same,
            Possible::No(why) => remark(part, &name, why, now),
        };
        became.push((name, how));
    }
    for (name, how) in &became {
        tell(desk, trade, name, *how, asked);
    }
    became.iter().any(|(_, how)| *how == Became::News)
}

/// What a recall can do about a parcel.
enum Possible {
    Step(Step),
    /// Neither stop nor turn back, and why.
    No(&'static str),
    /// It is stopped, or on its way back.
    Done,
}

fn possible(track: &Track<DeliveryStatus, DeliveryState>) -> Possible {
    use DeliveryState as D;
    let rank = track.standing.highest.and_then(Progress::rank).unwrap_or(0);
    let stop = || {
        Possible::Step(Step::stopped(
            "The shop stopped this delivery before it left.",
        ))
    };
    let back = || {
        Possible::Step(Step {
            reason: Some("merchant-recalled"),
            text: Some("The shop called this parcel back: it is on its way back."),
            ..Step::to(D::Returning)
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
        D::OnHold | D::Exception | D::Lost if rank > 3 => Possible::Done,
        D::Lost => Possible::No("This parcel is lost: there is nothing to turn back."),
        D::OnHold | D::Exception if rank < 2 => stop(),
        D::OnHold | D::Exception => back(),
        D::Delivered => Possible::No("This parcel was delivered: it can no longer be called back."),
        D::Stopped | D::Returning | D::Returned => Possible::Done,
    }
}
