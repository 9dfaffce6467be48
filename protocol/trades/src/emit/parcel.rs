//! A line about a parcel: which one it means, what it may hold, and what still holds of what was
//! told before (E12).

use tradepost_statements::order::LineQuantity;
use tradepost_statements::progress::Track as TrackKind;
use tradepost_statements::status::DeliveryStatus;

use super::refusal::Refusal;
use crate::server::Desk;
use crate::server::book::{CarrierPart, Goods, Track, Trade};
use crate::server::track::{Standing, next_place};

/// Moves a parcel's track on as the line says.
pub(super) fn delivery(
    desk: &Desk<'_>,
    trade: &mut Trade,
    mut status: DeliveryStatus,
) -> Result<DeliveryStatus, Refusal> {
    let goods_of_record = trade.shop.as_ref().map(|s| s.record.lines.clone());
    let names_us = trade.shop.as_ref().is_some_and(|s| {
        let carriers = &s.record.delivery.carriers;
        carriers.iter().any(|c| c.address == desk.settings.address)
    });
    if trade.carrier.is_none() && !names_us {
        return Err(Refusal::TrackIsNotOurs {
            track: TrackKind::Delivery.word(),
            trade: trade.trade.to_string(),
            why: "no delivery-instruction of its shop has arrived",
        });
    }
    let part = trade.carrier.get_or_insert_with(CarrierPart::default);
    name_parcel(part, &mut status)?;
    if let Some(lines) = &status.lines {
        let goods = match &goods_of_record {
            Some(lines) => Goods::Record(lines),
            None => Goods::Instructions(&part.instructions),
        };
        check_lines(goods, lines)?;
    }
    if let (Some(from), Some(until)) = (status.delivery.planned, status.delivery.planned_until)
        && until < from
    {
        return Err(Refusal::Member {
            name: "planned_until".to_owned(),
            problem: format!("{until} is before planned, {from}"),
        });
    }
    let last = part.parcels.get(&status.parcel);
    let standing = last.map_or(Standing::start(), |t| t.standing);
    let standing = standing.step(status.state)?;
    let place = next_place(last.map(|t| (t.last.sequence, t.last.at)), status.at);
    (status.sequence, status.at) = place?;
    if let Some(track) = last {
        let before = &track.last;
        if status.delivery.planned.is_none() && status.delivery.planned_until.is_none() {
            status.delivery.planned = before.delivery.planned;
            status.delivery.planned_until = before.delivery.planned_until;
        }
        let number = status.tracking_number;
        status.tracking_number = number.or_else(|| before.tracking_number.clone());
        status.tracking_url = status.tracking_url.or_else(|| before.tracking_url.clone());
        status.access = status.access.or_else(|| before.access.clone());
        status.lines = status.lines.or_else(|| before.lines.clone());
    }
    let track = Track {
        last: status.clone(),
        standing,
    };
    part.parcels.insert(status.parcel.clone(), track);
    Ok(status)
}

/// A line without parcel means the only one that there is; a named one must be among those that
/// the shop named, if it named all.
fn name_parcel(part: &CarrierPart, status: &mut DeliveryStatus) -> Result<(), Refusal> {
    let named: Vec<&String> = part
        .instructions
        .iter()
        .filter_map(|i| i.parcel.as_ref())
        .collect();
    let all_named = !named.is_empty() && named.len() == part.instructions.len();
    match (status.parcel.as_str(), named.as_slice()) {
        ("", [only]) if all_named => status.parcel.clone_from(only),
        (parcel, _) if all_named && !named.iter().any(|n| *n == parcel) => {
            let known: Vec<&str> = named.iter().map(|n| n.as_str()).collect();
            return Err(Refusal::UnknownParcel {
                named: parcel.to_owned(),
                known: known.join(", "),
            });
        }
        _ => {}
    }
    Ok(())
}

fn check_lines(goods: Goods<'_>, lines: &[LineQuantity]) -> Result<(), Refusal> {
    for l in lines {
        if goods.quantity(l.line).is_none_or(|most| l.quantity > most) {
            return Err(Refusal::LineIsNotInTheTrade {
                line: l.line,
                quantity: l.quantity.get(),
            });
        }
    }
    Ok(())
}
