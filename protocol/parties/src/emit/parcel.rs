//! A line about a parcel: which one it means, what it may hold, and what still holds of what was
//! told before (E12).

use tradepost_statements::DeliveryState;
use tradepost_statements::order::LineQuantity;
use tradepost_statements::progress::{Progress, Track as TrackKind};
use tradepost_statements::status::DeliveryStatus;

use super::refusal::LineRefusal;
use super::status::step;
use crate::carrier;
use crate::kernel::PartyCase;
use crate::kernel::book::{CarrierPart, PartyTrack, PartyTrade, StatedLines};
use crate::kernel::track::{Standing, next_place};

/// Moves a parcel's track on as the line says; none: it has ended, and the line says nothing new.
pub(super) fn delivery(
    case: &PartyCase<'_>,
    trade: &mut PartyTrade,
    mut status: DeliveryStatus,
    says_when: bool,
) -> Result<Option<DeliveryStatus>, LineRefusal> {
    let goods_of_record = trade.shop.as_ref().map(|s| s.record.lines.clone());
    let carriers = trade.shop.iter().flat_map(|s| &s.record.delivery.carriers);
    let as_carrier = carriers
        .filter(|c| c.address == case.settings.address)
        .collect::<Vec<_>>();
    let names_us = !as_carrier.is_empty();
    let of_record: Vec<String> = as_carrier
        .iter()
        .flat_map(|c| c.parcels.iter().flatten().cloned())
        .collect();
    if trade.carrier.is_none() && !names_us {
        return Err(LineRefusal::TrackIsNotOurs {
            track: TrackKind::Delivery.word(),
            trade: trade.trade.to_string(),
            why: "no delivery-instruction of its shop has arrived",
        });
    }
    let part = trade.carrier.get_or_insert_with(CarrierPart::default);
    name_parcel(part, &of_record, &mut status)?;
    if carrier::is_full(part, &status.parcel) {
        return Err(LineRefusal::TooManyParcels(carrier::MOST_PARCELS));
    }
    if let Some(lines) = &status.lines {
        let goods = match &goods_of_record {
            Some(lines) => StatedLines::Record(lines),
            None => StatedLines::Instructions(&part.instructions),
        };
        check_lines(goods, lines)?;
    }
    if let (Some(from), Some(until)) = (status.delivery.planned, status.delivery.planned_until)
        && until < from
    {
        return Err(LineRefusal::Member {
            name: "planned_until".to_owned(),
            problem: format!("{until} is before planned, {from}"),
        });
    }
    let last = part.parcels.get(&status.parcel);
    let standing = last.map_or(Standing::start(), |t| t.standing);
    let standing = step(standing, status.state, DeliveryState::ALL)?;
    let place = next_place(last.map(|t| (t.last.sequence, t.last.at)), status.at);
    (status.sequence, status.at) = place?;
    if let Some(track) = last {
        keep_what_holds(&mut status, &track.last);
        if says_nothing_new(&mut status, &track.last, says_when) {
            return Ok(None);
        }
    }
    let track = PartyTrack {
        last: status.clone(),
        standing,
    };
    part.parcels.insert(status.parcel.clone(), track);
    Ok(Some(status))
}

/// A status is a snapshot (protocol 4): what was known before and is not told anew still holds.
fn keep_what_holds(status: &mut DeliveryStatus, before: &DeliveryStatus) {
    let says_when = status.delivery.planned.is_some() || status.delivery.planned_until.is_some();
    if !says_when && still_comes(status.state) {
        status.delivery.planned = before.delivery.planned;
        status.delivery.planned_until = before.delivery.planned_until;
    }
    let number = status.tracking_number.take();
    status.tracking_number = number.or_else(|| before.tracking_number.clone());
    let url = status.tracking_url.take();
    status.tracking_url = url.or_else(|| before.tracking_url.clone());
    status.access = status.access.take().or_else(|| before.access.clone());
    status.lines = status.lines.take().or_else(|| before.lines.clone());
}

/// Whether a day that was planned still stands.
fn still_comes(state: DeliveryState) -> bool {
    use DeliveryState as D;
    match state {
        D::Announced
        | D::PickedUp
        | D::AtTerminal
        | D::Sorted
        | D::InTransit
        | D::OutForDelivery
        | D::AttemptFailed
        | D::ReadyForPickup
        | D::OnHold
        | D::Exception
        | D::Delivered => true,
        D::Lost | D::Stopped | D::Returning | D::Returned => false,
    }
}

/// Whether the parcel had ended, and the line says what was said before. `actual` is the time of the
/// line where it says none.
fn says_nothing_new(status: &mut DeliveryStatus, before: &DeliveryStatus, says_when: bool) -> bool {
    if status.state != before.state || !status.state.is_end() {
        return false;
    }
    let actual = status.delivery.actual.filter(|_| says_when);
    status.delivery.actual = actual.or(before.delivery.actual);
    let again = DeliveryStatus {
        sequence: before.sequence,
        at: before.at,
        place: status.place.clone().or_else(|| before.place.clone()),
        reason: status.reason.clone().or_else(|| before.reason.clone()),
        text: status.text.clone().or_else(|| before.text.clone()),
        ..status.clone()
    };
    again == *before
}

/// A line without parcel means the only one that there is; a named one must be among those that
/// the shop named, if it named all: in its instructions, or else in its record.
fn name_parcel(
    part: &CarrierPart,
    of_record: &[String],
    status: &mut DeliveryStatus,
) -> Result<(), LineRefusal> {
    let instructed = part.instructions.iter().filter_map(|i| i.parcel.as_ref());
    let instructed: Vec<&String> = instructed.collect();
    let (named, all_named) = if part.instructions.is_empty() {
        (of_record.iter().collect(), !of_record.is_empty())
    } else {
        let all = instructed.len() == part.instructions.len();
        (instructed, all)
    };
    match (status.parcel.as_str(), named.as_slice()) {
        ("", [only]) if all_named => status.parcel.clone_from(only),
        (parcel, _) if all_named && !named.iter().any(|n| *n == parcel) => {
            let known: Vec<&str> = named.iter().map(|n| n.as_str()).collect();
            return Err(LineRefusal::UnknownParcel {
                named: parcel.to_owned(),
                known: known.join(", "),
            });
        }
        _ => {}
    }
    Ok(())
}

fn check_lines(goods: StatedLines<'_>, lines: &[LineQuantity]) -> Result<(), LineRefusal> {
    for l in lines {
        if goods.quantity(l.line).is_none_or(|most| l.quantity > most) {
            return Err(LineRefusal::LineIsNotInTheTrade {
                line: l.line,
                quantity: l.quantity.get(),
            });
        }
    }
    Ok(())
}
