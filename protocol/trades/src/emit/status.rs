//! A line that tells a status of one of this server's tracks.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tradepost_statements::instruction::PaymentInstruction;
use tradepost_statements::order::LineQuantity;
use tradepost_statements::progress::{Progress, Track as TrackKind};
use tradepost_statements::status::{DeliveryStatus, OrderStatus, PaymentStatus};
use tradepost_statements::{
    Address, Amount, Body, DeliveryState, OrderState, PaymentState, StatementId, Time, TradeId,
    TradeRef, wire,
};

use super::members::{as_in_the_line, only, optional, required};
use super::refusal::Refusal;
use crate::server::Desk;
use crate::server::book::{self, CarrierPart, Goods, PaymentPart, Track, Trade};
use crate::server::desk::{AskedBy, Told};
use crate::server::track::{Standing, StepRefused, next_place};
use crate::shop;

const IN_EVERY: [&str; 10] = [
    "key", "shop", "trade", "track", "state", "at", "planned", "actual", "reason", "text",
];
const IN_ORDER: [&str; 1] = ["parcels"];
const IN_DELIVERY: [&str; 7] = [
    "parcel",
    "planned_until",
    "place",
    "tracking_number",
    "tracking_url",
    "access",
    "lines",
];
const IN_PAYMENT: [&str; 3] = ["amount", "paid", "refunded"];

/// A merchant's clock may be this far ahead of ours.
const CLOCKS_DIFFER: Duration = Duration::from_secs(10 * 60);

pub(super) fn status(
    desk: &mut Desk<'_>,
    object: &Map<String, Value>,
) -> Result<StatementId, Refusal> {
    // A member whose name is mistyped is named before the one that is missing for it.
    let all: Vec<&str> = [&IN_EVERY[..], &IN_ORDER, &IN_DELIVERY, &IN_PAYMENT].concat();
    only(object, &all, "of a line")?;
    let track: TrackKind = required(object, "track")?;
    let (own, folded_into): (&[&str], _) = match track {
        TrackKind::Order => (&IN_ORDER, "ship"),
        TrackKind::Delivery => (&IN_DELIVERY, "delivery"),
        TrackKind::Payment => (&IN_PAYMENT, "settle"),
    };
    check_role(desk, track)?;
    let known: Vec<&str> = IN_EVERY.iter().chain(own).copied().collect();
    only(object, &known, &format!("of a line for the {track} track"))?;
    match track {
        TrackKind::Order => required::<OrderState>(object, "state").map(|_| ())?,
        TrackKind::Delivery => required::<DeliveryState>(object, "state").map(|_| ())?,
        TrackKind::Payment => required::<PaymentState>(object, "state").map(|_| ())?,
    }
    let mut trade = find(desk, object)?;
    let at: Time = optional(object, "at")?.unwrap_or(desk.now);
    if at > desk.now.plus(CLOCKS_DIFFER) {
        return Err(Refusal::AtLiesAhead(at));
    }
    if track == TrackKind::Payment && trade.payment.is_none() {
        // Before the members, whose defaults come from that part.
        own_part(desk, trade.shop.as_ref(), &trade.trade, &trade.buyer_mail)?;
    }
    let body = read_body(desk, &trade, object, track, folded_into, at)?;
    let order_before = trade.shop.as_ref().and_then(|s| s.order.as_ref());
    let was_cancelled = order_before.is_some_and(|t| t.last.state == OrderState::Cancelled);
    let told = if let Body::OrderStatus(status) = body {
        Told::Order(order(&mut trade, status)?)
    } else if let Body::DeliveryStatus(status) = body {
        Told::Delivery(Box::new(delivery(desk, &mut trade, *status)?))
    } else if let Body::PaymentStatus(status) = body {
        Told::Payment(payment(desk, &mut trade, status)?)
    } else {
        // `read_body` asks for one of these kinds.
        return Err(Refusal::IsNotAnObject);
    };
    let id = desk.tell(&trade, &told, AskedBy::Nobody);
    if let Told::Order(status) = &told
        && status.state == OrderState::Cancelled
        && !was_cancelled
    {
        shop::call_off(desk, &mut trade);
    }
    desk.save(&mut trade);
    Ok(id)
}

fn check_role(desk: &Desk<'_>, track: TrackKind) -> Result<(), Refusal> {
    let (has_it, role) = match track {
        TrackKind::Order => (desk.settings.shop.is_some(), "shop"),
        TrackKind::Delivery => (desk.settings.carrier.is_some(), "carrier"),
        TrackKind::Payment => (desk.settings.payment.is_some(), "payment processor"),
    };
    if has_it {
        return Ok(());
    }
    let track = track.word();
    Err(Refusal::RoleIsMissing { role, track })
}

/// `shop` may be left out where only one shop has that id.
fn find(desk: &Desk<'_>, object: &Map<String, Value>) -> Result<Trade, Refusal> {
    let id: TradeId = required(object, "trade")?;
    let shop: Option<Address> = optional(object, "shop")?;
    let names: Vec<TradeRef> = match shop {
        Some(shop) => vec![TradeRef {
            shop,
            id: id.clone(),
        }],
        // Two are enough to know that it is ambiguous; a few more make the message useful.
        None => book::shops_with(desk.rows(), &id, 8),
    };
    match names.as_slice() {
        [] => Err(Refusal::NoSuchTrade(id.to_string())),
        [name] => desk
            .trade(name)
            .ok_or_else(|| Refusal::NoSuchTrade(name.to_string())),
        several => Err(Refusal::SeveralShopsHaveThatTrade {
            id: id.to_string(),
            shops: several
                .iter()
                .map(|t| t.shop.to_string())
                .collect::<Vec<_>>()
                .join(", "),
        }),
    }
}

/// Reads the flat members as the body that they make, by the wire's own rules.
fn read_body(
    desk: &Desk<'_>,
    trade: &Trade,
    object: &Map<String, Value>,
    track: TrackKind,
    folded_into: &str,
    at: Time,
) -> Result<Body, Refusal> {
    let mut body = Map::new();
    let mut goal = Map::new();
    for (name, value) in object {
        if value.is_null() {
            continue;
        }
        match name.as_str() {
            "key" | "shop" | "trade" | "track" | "at" => {}
            "planned" | "planned_until" | "actual" => {
                goal.insert(name.clone(), value.clone());
            }
            _ => {
                body.insert(name.clone(), value.clone());
            }
        }
    }
    if needs_actual(object) && !goal.contains_key("actual") {
        goal.insert("actual".to_owned(), json!(at));
    }
    if let (TrackKind::Payment, Some(total)) = (track, trade.total()) {
        body.entry("amount").or_insert_with(|| json!(total));
    }
    body.insert("kind".to_owned(), json!(format!("{track}-status")));
    body.insert("sequence".to_owned(), json!(1));
    body.insert("at".to_owned(), json!(at));
    body.insert(folded_into.to_owned(), Value::Object(goal));
    let statement = json!({
        "tradepost": wire::VERSION,
        "id": "01932c07-9a2e-7c11-8f54-0f6a1c0d9e22",
        "from": desk.settings.address,
        "to": trade.buyer_mail,
        "sent": desk.now,
        "trade": trade.trade,
        "body": body,
    });
    let read = wire::from_value(&statement).map_err(|e| as_in_the_line(e, folded_into, ""))?;
    Ok(read.body)
}

/// Protocol 4: these states require `actual`; where the line has none, it happened at `at`.
fn needs_actual(object: &Map<String, Value>) -> bool {
    let state = object.get("state").and_then(Value::as_str);
    [
        OrderState::Shipped.word(),
        DeliveryState::Delivered.word(),
        PaymentState::Settled.word(),
    ]
    .iter()
    .any(|s| state == Some(*s))
}

fn order(trade: &mut Trade, mut status: OrderStatus) -> Result<OrderStatus, Refusal> {
    let shipped = shop::has_shipped(trade);
    let name = trade.trade.clone();
    let Some(part) = &mut trade.shop else {
        return Err(Refusal::TrackIsNotOurs {
            track: TrackKind::Order.word(),
            trade: name.to_string(),
            why: "the trade is another shop's",
        });
    };
    if status.state == OrderState::Returned && !shipped {
        return Err(StepRefused::NothingShippedYet.into());
    }
    let last = part.order.as_ref();
    let standing = last.map_or(Standing::start(), |t| t.standing);
    let standing = standing.step(status.state)?;
    let place = next_place(last.map(|t| (t.last.sequence, t.last.at)), status.at);
    (status.sequence, status.at) = place?;
    // A status is a snapshot (protocol 4): what was known before and is not told anew still holds.
    if let Some(track) = last {
        status.ship.planned = status.ship.planned.or(track.last.ship.planned);
        if status.state == track.last.state {
            status.parcels = status.parcels.or_else(|| track.last.parcels.clone());
        }
    }
    part.order = Some(Track {
        last: status.clone(),
        standing,
    });
    Ok(status)
}

fn delivery(
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

fn payment(
    desk: &Desk<'_>,
    trade: &mut Trade,
    mut status: PaymentStatus,
) -> Result<PaymentStatus, Refusal> {
    let part = match &mut trade.payment {
        Some(part) => part,
        none => none.insert(own_part(
            desk,
            trade.shop.as_ref(),
            &trade.trade,
            &trade.buyer_mail,
        )?),
    };
    let total = part.instruction.amount;
    if status.amount != total {
        return Err(Refusal::AmountIsNotTheTotal {
            stated: status.amount,
            total,
        });
    }
    let last = part.track.as_ref();
    let standing = last.map_or(Standing::start(), |t| t.standing);
    let standing = standing.step(status.state)?;
    let place = next_place(last.map(|t| (t.last.sequence, t.last.at)), status.at);
    (status.sequence, status.at) = place?;
    if let Some(track) = last {
        status.settle.planned = status.settle.planned.or(track.last.settle.planned);
        if status.state != PaymentState::Settled {
            status.paid = status.paid.or(track.last.paid);
        }
        status.refunded = status.refunded.or(track.last.refunded);
    }
    check_money(&status, total)?;
    part.track = Some(Track {
        last: status.clone(),
        standing,
    });
    Ok(status)
}

/// A trade that was placed elsewhere has no instruction; its record names us (E27).
fn own_part(
    desk: &Desk<'_>,
    shop: Option<&book::ShopPart>,
    trade: &TradeRef,
    buyer_mail: &Address,
) -> Result<PaymentPart, Refusal> {
    let names_us = shop.filter(|s| s.record.payment.processor == desk.settings.address);
    let Some(shop) = names_us else {
        return Err(Refusal::TrackIsNotOurs {
            track: TrackKind::Payment.word(),
            trade: trade.to_string(),
            why: "no payment-instruction of its shop has arrived",
        });
    };
    Ok(PaymentPart {
        instruction: PaymentInstruction {
            amount: shop.record.total,
            method: shop.record.payment.method,
            reference: None,
            buyer_mail: buyer_mail.clone(),
            notify: None,
            due: None,
        },
        track: None,
    })
}

/// Protocol 5, line 14: what a reader would warn about is not said.
fn check_money(status: &PaymentStatus, total: Amount) -> Result<(), Refusal> {
    for (member, amount) in [("paid", status.paid), ("refunded", status.refunded)] {
        if let Some(stated) = amount.filter(|a| a.currency() != total.currency()) {
            return Err(Refusal::OtherCurrency {
                member,
                stated,
                total,
            });
        }
    }
    if let Some(paid) = status.paid {
        if paid.is_more_than(total) {
            return Err(Refusal::MoreThanCanBe {
                member: "paid",
                stated: paid,
                most: total,
            });
        }
        if status.state == PaymentState::Settled && paid != total {
            return Err(Refusal::SettledIsAllOfIt { paid, total });
        }
    }
    let paid_so_far = match (status.state, status.paid) {
        (PaymentState::Settled, _) => total,
        (_, Some(paid)) => paid,
        (PaymentState::Refunded | PaymentState::Voided, None) => total,
        (state, None) if state.rank() == Some(2) => total,
        (_, None) => Amount::zero(total.currency()),
    };
    match status.refunded {
        Some(stated) if stated.is_more_than(paid_so_far) => Err(Refusal::MoreThanCanBe {
            member: "refunded",
            stated,
            most: paid_so_far,
        }),
        Some(_) | None => Ok(()),
    }
}
