//! What a carrier does: it takes delivery instructions from its shops (E10), keeps a track for each
//! parcel (E12), and turns back what is recalled.
//!
//! ```text
//! delivery-instruction ─► announced ─► picked-up .. out-for-delivery ─► delivered   (`emit`)
//!            recall ─► stopped ◄┘            └─► returning ─► returned
//! ```

mod recall;

pub(crate) use recall::recalled;

use tradepost_statements::instruction::DeliveryInstruction;
use tradepost_statements::order::LineQuantity;
use tradepost_statements::progress::Progress;
use tradepost_statements::status::{DeliveryStatus, Reason, Window};
use tradepost_statements::{DeliveryState, Kind, Statement, Time};

use crate::kernel::book::{CarrierPart, PartyTrack, PartyTrade};
use crate::kernel::instructed::{entry_for, instructed_trade};
use crate::kernel::own_status::OwnStatus;
use crate::kernel::readdress::tell_how_it_stands;
use crate::kernel::track::{Standing, TrackReport, next_place};
use crate::kernel::{Ignored, PartyCase, PartyOutcome};

/// Parcels of one trade: a trade is one entry of the book, written whole.
pub(crate) const MOST_PARCELS: usize = 200;

/// `delivery-instruction` (E10), of another server or of this one's own shop (E27).
pub(crate) fn instructed(
    case: &mut PartyCase<'_>,
    statement: &Statement,
    instruction: &DeliveryInstruction,
) -> PartyOutcome {
    let name = match instructed_trade(statement) {
        Ok(name) => name,
        Err(why) => return why.into(),
    };
    let known = case.trade(&name);
    let parcel = instruction.parcel.as_deref().unwrap_or_default();
    let part = known.as_ref().and_then(|t| t.carrier.as_ref());
    if part.is_some_and(|c| is_full(c, parcel)) {
        return Ignored::TooManyParcels.into();
    }
    let (mail, notify) = (&instruction.buyer_mail, instruction.notify.as_ref());
    let mut trade = match entry_for(case, name, mail, notify, statement) {
        Ok(trade) => trade,
        Err(why) => return why.into(),
    };
    // One that was overtaken by a correction of the address still says the rest.
    let instruction = DeliveryInstruction {
        buyer_mail: trade.buyer_mail.clone(),
        ..instruction.clone()
    };
    let changed = begin(case, &mut trade, &instruction, statement);
    if known.is_some_and(|known| known.buyer_mail != trade.buyer_mail) {
        tell_how_it_stands(case, &trade);
    }
    case.save(&mut trade);
    PartyOutcome::of(Kind::DeliveryInstruction, trade.trade, changed)
}

/// Whether no track can be begun for this parcel.
pub(crate) fn is_full(part: &CarrierPart, parcel: &str) -> bool {
    part.parcels.len() >= MOST_PARCELS && !part.parcels.contains_key(parcel)
}

/// Makes the book entry of a parcel and tells of it; a parcel that is known is told as it is, or
/// with what the shop changed. The caller saves the trade.
fn begin(
    case: &mut PartyCase<'_>,
    trade: &mut PartyTrade,
    instruction: &DeliveryInstruction,
    asked: &Statement,
) -> bool {
    let parcel = instruction.parcel.clone().unwrap_or_default();
    let recalled = recall::is_recalled(case, &trade.trade, &parcel, asked.sent);
    let now = case.now;
    let part = trade.carrier.get_or_insert_with(CarrierPart::default);
    let report = if part.parcels.contains_key(&parcel) {
        instruct_again(part, &parcel, instruction, now)
    } else {
        part.instructions.push(instruction.clone());
        let step = if recalled {
            CarrierStep::stopped("The shop called this delivery off before it began.")
        } else {
            CarrierStep::to(DeliveryState::Announced)
        };
        advance(part, &parcel, step, now);
        if let Some(track) = part.parcels.get_mut(&parcel) {
            track.last.lines = lines_in_parcel(instruction);
        }
        TrackReport::News
    };
    tell(case, trade, &parcel, report, asked);
    report == TrackReport::News
}

/// The shop says more, or something else, about a parcel that is known.
fn instruct_again(
    part: &mut CarrierPart,
    parcel: &str,
    instruction: &DeliveryInstruction,
    now: Time,
) -> TrackReport {
    let known = part.instructions.iter_mut();
    let known = known.into_iter().find(|i| i.parcel == instruction.parcel);
    if known
        .as_ref()
        .is_some_and(|k| says_the_same(k, instruction))
    {
        return TrackReport::Same;
    }
    let reached = part.parcels.get(parcel).and_then(|t| t.standing.highest);
    let can_change = reached
        .and_then(Progress::rank)
        .is_none_or(|rank| rank <= 2);
    if !can_change {
        let text = "The instructions for this parcel can no longer be changed.";
        return remark(part, parcel, text, now);
    }
    let text = match known {
        Some(known) => {
            known.clone_from(instruction);
            "The shop changed the instructions for this delivery."
        }
        None => {
            part.instructions.push(instruction.clone());
            "The shop gave instructions for this delivery."
        }
    };
    if let Some(track) = part.parcels.get_mut(parcel) {
        let lines = lines_in_parcel(instruction);
        if lines.is_some() {
            track.last.lines = lines;
        }
        // Another content is another sequence, whatever the text was (protocol 2).
        track.last.text = None;
    }
    match remark(part, parcel, text, now) {
        TrackReport::Remarked => TrackReport::News,
        same @ (TrackReport::News | TrackReport::Same) => same,
    }
}

/// Wishes are the buyer's, not the shop's instructions.
fn says_the_same(known: &DeliveryInstruction, again: &DeliveryInstruction) -> bool {
    let unwished = |i: &DeliveryInstruction| DeliveryInstruction {
        notify: None,
        ..i.clone()
    };
    unwished(known) == unwished(again)
}

/// A named parcel says what is in it; an unnamed one holds everything.
fn lines_in_parcel(instruction: &DeliveryInstruction) -> Option<Vec<LineQuantity>> {
    instruction.parcel.as_ref()?;
    let lines = instruction.lines.iter().map(|l| LineQuantity {
        line: l.line,
        quantity: l.quantity,
    });
    Some(lines.collect())
}

/// Tells how a parcel stands.
fn tell(
    case: &mut PartyCase<'_>,
    trade: &PartyTrade,
    parcel: &str,
    report: TrackReport,
    asked: &Statement,
) {
    let track = trade.carrier.as_ref().and_then(|p| p.parcels.get(parcel));
    if let Some(track) = track {
        let status = OwnStatus::Delivery(Box::new(track.last.clone()));
        case.tell_track(trade, &status, report, Some(asked));
    }
}

/// A step that the carrier takes by itself, and what it says of it.
#[derive(Clone, Copy)]
struct CarrierStep {
    state: DeliveryState,
    reason: Option<&'static str>,
    text: Option<&'static str>,
}

impl CarrierStep {
    fn to(state: DeliveryState) -> CarrierStep {
        CarrierStep {
            state,
            reason: None,
            text: None,
        }
    }

    fn stopped(text: &'static str) -> CarrierStep {
        CarrierStep {
            state: DeliveryState::Stopped,
            reason: Some("merchant-recalled"),
            text: Some(text),
        }
    }
}

/// Moves a parcel's track on by the carrier's own decision.
fn advance(part: &mut CarrierPart, parcel: &str, step: CarrierStep, now: Time) -> bool {
    let last = part.parcels.get(parcel);
    let standing = last.map_or(Standing::start(), |t| t.standing);
    let place = next_place(last.map(|t| (t.last.sequence, t.last.at)), now);
    let (Ok(standing), Ok((sequence, at))) = (standing.step(step.state), place) else {
        return false;
    };
    let status = DeliveryStatus {
        sequence,
        parcel: parcel.to_owned(),
        state: step.state,
        at,
        delivery: Window::default(),
        place: None,
        tracking_number: last.and_then(|t| t.last.tracking_number.clone()),
        tracking_url: last.and_then(|t| t.last.tracking_url.clone()),
        access: None,
        lines: last.and_then(|t| t.last.lines.clone()),
        reason: step.reason.and_then(|r| r.parse::<Reason>().ok()),
        text: step.text.map(str::to_owned),
    };
    part.parcels.insert(
        parcel.to_owned(),
        PartyTrack {
            last: status,
            standing,
        },
    );
    true
}

/// Says more about the present state. That is a change with a sequence of its own: what has one
/// sequence has one content (protocol 2, "Same content").
fn remark(part: &mut CarrierPart, parcel: &str, text: &str, now: Time) -> TrackReport {
    let Some(track) = part.parcels.get_mut(parcel) else {
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
