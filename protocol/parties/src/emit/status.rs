//! A line that tells a status of one of this server's tracks.

use std::fmt::Display;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tradepost_statements::progress::{Progress, Track as TrackKind};
use tradepost_statements::status::{OrderStatus, When};
use tradepost_statements::{
    Address, Body, DeliveryState, OrderState, PaymentState, StatementId, Time, TradeId, TradeRef,
    wire,
};

use super::members::{as_in_the_line, only, optional, required};
use super::money::{own_part, payment as pay};
use super::parcel::delivery;
use super::refusal::LineRefusal;
use crate::kernel::PartyCase;
use crate::kernel::book::{self, Instructed, PartyTrack, PartyTrade};
use crate::kernel::case::AskedBy;
use crate::kernel::own_status::OwnStatus;
use crate::kernel::track::{Standing, next_place};
use crate::{payment, shop};

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
pub(super) const CLOCKS_DIFFER: Duration = Duration::from_secs(10 * 60);

pub(super) fn status(
    case: &mut PartyCase<'_>,
    object: &Map<String, Value>,
) -> Result<StatementId, LineRefusal> {
    // A member whose name is mistyped is named before the one that is missing for it.
    let all: Vec<&str> = [&IN_EVERY[..], &IN_ORDER, &IN_DELIVERY, &IN_PAYMENT].concat();
    only(object, &all, "of a line")?;
    let track: TrackKind = required(object, "track")?;
    let (own, folded_into): (&[&str], _) = match track {
        TrackKind::Order => (&IN_ORDER, "ship"),
        TrackKind::Delivery => (&IN_DELIVERY, "delivery"),
        TrackKind::Payment => (&IN_PAYMENT, "settle"),
    };
    check_role(case, track)?;
    let known: Vec<&str> = IN_EVERY.iter().chain(own).copied().collect();
    only(object, &known, &format!("of a line for the {track} track"))?;
    match track {
        TrackKind::Order => required::<OrderState>(object, "state").map(|_| ())?,
        TrackKind::Delivery => required::<DeliveryState>(object, "state").map(|_| ())?,
        TrackKind::Payment => required::<PaymentState>(object, "state").map(|_| ())?,
    }
    let mut trade = find(case, object)?;
    if track == TrackKind::Payment {
        check_processor(case, &trade)?;
    }
    let at: Time = optional(object, "at")?.unwrap_or(case.now);
    if at > case.now.plus(CLOCKS_DIFFER) {
        return Err(LineRefusal::AtLiesAhead(at));
    }
    if track == TrackKind::Payment && trade.payment.is_none() {
        // Before the members, whose defaults come from that part.
        own_part(case, trade.shop.as_ref(), &trade.trade, &trade.buyer_mail)?;
    }
    let body = read_body(case, &trade, object, track, folded_into, at)?;
    let order_before = trade.shop.as_ref().and_then(|s| s.order.as_ref());
    let was_cancelled = order_before.is_some_and(|t| t.last.state == OrderState::Cancelled);
    let payment_before = trade.payment.as_ref().and_then(|p| p.track.as_ref());
    let payment_before = payment_before.map(|t| t.last.clone());
    let says_when = object.get("actual").is_some_and(|v| !v.is_null());
    let told = if let Body::OrderStatus(status) = body {
        order(&mut trade, status, says_when)?.map(OwnStatus::Order)
    } else if let Body::DeliveryStatus(status) = body {
        let status = delivery(case, &mut trade, *status, says_when)?;
        status.map(|s| OwnStatus::Delivery(Box::new(s)))
    } else if let Body::PaymentStatus(status) = body {
        pay(case, &mut trade, status, says_when)?.map(OwnStatus::Payment)
    } else {
        // `read_body` asks for one of these kinds.
        return Err(LineRefusal::IsNotAnObject);
    };
    let Some(told) = told else {
        // E14: once a track has ended, what is said once more is nobody's news.
        return Ok(case.fresh_id());
    };
    let id = case.tell(&trade, &told, AskedBy::Nobody);
    if let OwnStatus::Payment(_) = &told {
        payment::owe_after_settling(case, &mut trade, payment_before.as_ref());
        payment::watch_due_date(case, &mut trade);
    }
    if let OwnStatus::Order(status) = &told
        && status.state == OrderState::Cancelled
        && !was_cancelled
    {
        shop::call_off(case, &mut trade);
    }
    if let OwnStatus::Order(_) = &told {
        shop::moved_on(case, &mut trade);
    }
    case.save(&mut trade);
    Ok(id)
}

fn check_role(case: &PartyCase<'_>, track: TrackKind) -> Result<(), LineRefusal> {
    let (has_it, role) = match track {
        TrackKind::Order => (case.settings.shop.is_some(), "shop"),
        TrackKind::Delivery => (case.settings.carrier.is_some(), "carrier"),
        // `check_processor` says more, once the trade is known.
        TrackKind::Payment => (
            case.settings.payment.is_some() || case.settings.shop.is_some(),
            PROCESSOR,
        ),
    };
    if has_it {
        return Ok(());
    }
    let track = track.word();
    Err(LineRefusal::RoleIsMissing { role, track })
}

const PROCESSOR: &str = "payment processor";

/// A shop that is no payment processor tells of its own payments where nobody else processes them
/// (protocol 3, `none`).
fn check_processor(case: &PartyCase<'_>, trade: &PartyTrade) -> Result<(), LineRefusal> {
    let own = &case.settings.address;
    let record = trade.shop.as_ref().map(|s| &s.record);
    let nobody_else = record.is_some_and(|r| r.payment.processor == *own);
    if case.settings.payment.is_some() || nobody_else {
        return Ok(());
    }
    Err(LineRefusal::RoleIsMissing {
        role: PROCESSOR,
        track: TrackKind::Payment.word(),
    })
}

/// `shop` may be left out where only one shop has that id.
pub(super) fn find(
    case: &PartyCase<'_>,
    object: &Map<String, Value>,
) -> Result<PartyTrade, LineRefusal> {
    let id: TradeId = required(object, "trade")?;
    let shop: Option<Address> = optional(object, "shop")?;
    let names: Vec<TradeRef> = match shop {
        Some(shop) => vec![TradeRef {
            shop,
            id: id.clone(),
        }],
        // Two are enough to know that it is ambiguous; a few more make the message useful.
        None => book::shops_with(case.rows(), &id, 8),
    };
    match names.as_slice() {
        [] => Err(LineRefusal::NoSuchTrade(id.to_string())),
        [name] => case
            .trade(name)
            .ok_or_else(|| LineRefusal::NoSuchTrade(name.to_string())),
        several => Err(LineRefusal::SeveralShopsHaveThatTrade {
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
    case: &PartyCase<'_>,
    trade: &PartyTrade,
    object: &Map<String, Value>,
    track: TrackKind,
    folded_into: &str,
    at: Time,
) -> Result<Body, LineRefusal> {
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
        "from": case.settings.address,
        "to": trade.buyer_mail,
        "sent": case.now,
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

/// Moves the order track on as the line says; none: it has ended, and the line says nothing new.
fn order(
    trade: &mut PartyTrade,
    mut status: OrderStatus,
    says_when: bool,
) -> Result<Option<OrderStatus>, LineRefusal> {
    let shipped = shop::has_shipped(trade);
    let name = trade.trade.clone();
    let Some(part) = &mut trade.shop else {
        return Err(LineRefusal::TrackIsNotOurs {
            track: TrackKind::Order.word(),
            trade: name.to_string(),
            why: "the trade is another shop's",
        });
    };
    if status.state == OrderState::Returned && !shipped {
        return Err(LineRefusal::NothingShippedYet);
    }
    let ships = matches!(
        status.state,
        OrderState::PartlyShipped | OrderState::Shipped
    );
    if ships && matches!(part.instructed, Instructed::AfterConfirm { .. }) {
        return Err(LineRefusal::NotConfirmedYet(name.to_string()));
    }
    let last = part.order.as_ref();
    let standing = last.map_or(Standing::start(), |t| t.standing);
    let standing = step(standing, status.state, OrderState::ALL)?;
    let place = next_place(last.map(|t| (t.last.sequence, t.last.at)), status.at);
    (status.sequence, status.at) = place?;
    // A status is a snapshot (protocol 4): what was known before and is not told anew still holds.
    if let Some(track) = last {
        status.ship.planned = status.ship.planned.or(track.last.ship.planned);
        if status.state == track.last.state {
            status.parcels = status.parcels.or_else(|| track.last.parcels.clone());
        }
        if status.state == track.last.state && status.state.is_end() {
            let before = &track.last;
            let again = OrderStatus {
                sequence: before.sequence,
                at: before.at,
                ship: When {
                    actual: status
                        .ship
                        .actual
                        .filter(|_| says_when)
                        .or(before.ship.actual),
                    ..status.ship
                },
                reason: status.reason.clone().or_else(|| before.reason.clone()),
                text: status.text.clone().or_else(|| before.text.clone()),
                ..status.clone()
            };
            if again == *before {
                return Ok(None);
            }
            status.ship.actual = again.ship.actual;
        }
    }
    part.order = Some(PartyTrack {
        last: status.clone(),
        standing,
    });
    Ok(Some(status))
}

/// The standing once the line's state is said; a refusal names what could be said instead.
pub(super) fn step<State: Progress + Display + 'static>(
    standing: Standing<State>,
    next: State,
    all: &'static [State],
) -> Result<Standing<State>, LineRefusal> {
    standing.step(next).map_err(|why| {
        let could = all.iter().filter(|state| standing.step(**state).is_ok());
        let could: Vec<String> = could.map(ToString::to_string).collect();
        LineRefusal::Step {
            why,
            could: could.join(", "),
        }
    })
}
