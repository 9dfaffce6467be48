//! Statements that travel in mails of the merchant's own system, so that a customer gets one mail
//! and not two: a line with `"mail": false` is recorded and not mailed, and `tradepost-server attach`
//! puts its statement into the mail that goes out instead.
//!
//! ```text
//! emit, "mail": false ─► Unmailed ──attach──► Unmailed, attached (the same octets in every such mail)
//!                            │ nobody attached it in time
//!                            └──────────────► mailed after all: the buyer is told (E14)
//! ```

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tradepost_statements::{Address, Body, StatementId, TradeId, wire};

use super::refusal::LineRefusal;
use super::status;
use crate::kernel::book::{PartyTrade, unmailed_key};
use crate::kernel::case::Naming;
use crate::kernel::change::Occasion;
use crate::kernel::{PartyCase, PartyOutcome, StatementToSend};
use crate::shop;

/// What a mail is to carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The id that its shop gave it.
    pub trade: TradeId,
    /// Of which shop, where several have a trade of that id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shop: Option<Address>,
    /// Its record, or the track whose present status the mail tells.
    pub what: What,
}

/// What is told of a trade: its record, or how far a track has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// The newest version of the trade record.
    Record,
    /// The present order status, which only the trade's shop has.
    Order,
    /// The delivery track of a parcel; none: of the only one.
    Delivery(Option<String>),
    /// The present payment status, where this server processes the payment.
    Payment,
}

/// A statement to the buyer that is not mailed by this server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Unmailed {
    octets: String,
    attached: bool,
}

/// The statement for a mail to the buyer: the one that waits for it, else the present status again.
pub(crate) fn take(
    case: &mut PartyCase<'_>,
    wanted: &Wanted,
) -> Result<StatementToSend, LineRefusal> {
    let mut object = Map::from_iter([("trade".to_owned(), json!(wanted.trade))]);
    object.extend(
        wanted
            .shop
            .iter()
            .map(|shop| ("shop".to_owned(), json!(shop))),
    );
    let trade = status::find(case, &object)?;
    let fresh = say(case, &trade, &wanted.what)?;
    let Some(fresh) = case.withhold(fresh) else {
        return Err(nothing_told(&trade, "trade"));
    };
    let key = unmailed_key(&trade.trade, &thing(&fresh.statement.body));
    // Octets that were made for a mail before, as long as they are what there is to say.
    if let Some(kept) = case.read::<Unmailed>(&key)
        && let Ok(decoded) = wire::decode(kept.octets.as_bytes())
        && decoded.statement.body == fresh.statement.body
        && decoded.statement.to == fresh.statement.to
    {
        case.say_again(&kept.octets, Occasion::News);
        let sending = case.withhold(decoded.statement.id);
        case.put(
            key,
            &Unmailed {
                attached: true,
                ..kept
            },
        );
        return sending.ok_or_else(|| nothing_told(&trade, "trade"));
    }
    let octets = wire::encode(&fresh.statement);
    case.put(
        key,
        &Unmailed {
            octets: octets.clone(),
            attached: true,
        },
    );
    Ok(StatementToSend {
        octets: Some(octets),
        ..fresh
    })
}

/// Says what there is to say, to the buyer.
fn say(
    case: &mut PartyCase<'_>,
    trade: &PartyTrade,
    what: &What,
) -> Result<StatementId, LineRefusal> {
    let body = match what {
        What::Record if trade.shop.is_some() => return Ok(shop::announce_record(case, trade)),
        What::Record => return Err(nothing_told(trade, "order")),
        What::Order => {
            let track = trade.shop.as_ref().and_then(|s| s.order.as_ref());
            let track = track.ok_or_else(|| nothing_told(trade, "order"))?;
            Body::OrderStatus(track.last.clone())
        }
        What::Delivery(parcel) => {
            Body::DeliveryStatus(Box::new(parcel_of(trade, parcel.as_deref())?))
        }
        What::Payment => {
            let track = trade.payment.as_ref().and_then(|p| p.track.as_ref());
            let track = track.ok_or_else(|| nothing_told(trade, "payment"))?;
            Body::PaymentStatus(track.last.clone())
        }
    };
    let naming = Naming {
        trade: Some(trade.trade.clone()),
        ..Naming::default()
    };
    let to = trade.buyer_mail.clone();
    Ok(case.say(&to, naming, body, Some(trade)))
}

fn parcel_of(
    trade: &PartyTrade,
    parcel: Option<&str>,
) -> Result<tradepost_statements::status::DeliveryStatus, LineRefusal> {
    let parcels = trade.carrier.as_ref().map(|c| &c.parcels);
    let parcels = parcels
        .filter(|p| !p.is_empty())
        .ok_or_else(|| nothing_told(trade, "delivery"))?;
    let found = match parcel {
        Some(name) => parcels.get(name),
        None if parcels.len() == 1 => parcels.values().next(),
        None => None,
    };
    found.map(|track| track.last.clone()).ok_or_else(|| {
        let known: Vec<&str> = parcels.keys().map(String::as_str).collect();
        LineRefusal::UnknownParcel {
            named: parcel.unwrap_or_default().to_owned(),
            known: known.join(", "),
        }
    })
}

fn nothing_told(trade: &PartyTrade, track: &'static str) -> LineRefusal {
    LineRefusal::TrackIsNotOurs {
        track,
        trade: trade.trade.to_string(),
        why: "nothing was told of it here; tell it first (emit, with \"mail\": false)",
    }
}

/// The name of what a statement tells, in the key of its row.
fn thing(body: &Body) -> String {
    if let Body::DeliveryStatus(status) = body {
        return format!("{}/{}", body.kind().word(), status.parcel);
    }
    body.kind().word().to_owned()
}

/// A line with `"mail": false`: what it says to the buyer waits for a mail that carries it.
pub(super) fn withhold(case: &mut PartyCase<'_>, told: StatementId) {
    let Some(sending) = case.withhold(told) else {
        // The buyer does not wish to be told (Q7), or it was told before.
        return;
    };
    let statement = &sending.statement;
    let Some(trade) = &statement.trade else {
        return;
    };
    let key = unmailed_key(trade, &thing(&statement.body));
    let octets = sending.octets.unwrap_or_else(|| wire::encode(statement));
    let due = case.now.plus(case.settings.timers.attach_within);
    case.due_at(due, &format!("unmailed/{}/{key}", statement.id));
    case.put(
        key,
        &Unmailed {
            octets,
            attached: false,
        },
    );
}

/// E14: the buyer is told whenever a status changes, be it by a letter of our own.
pub(crate) fn mail_after_all(case: &mut PartyCase<'_>, what: &str) -> Option<PartyOutcome> {
    let (id, key) = what.split_once('/')?;
    let kept = case.read::<Unmailed>(key).filter(|kept| !kept.attached)?;
    let statement = wire::decode(kept.octets.as_bytes()).ok()?.statement;
    if statement.id.to_string() != id {
        // Something newer waits there.
        return None;
    }
    case.say_again(&kept.octets, Occasion::News);
    case.delete(key);
    Some(PartyOutcome::WasDue(format!(
        "mailed the {} to {}, since no mail was made to carry it",
        statement.body.kind(),
        statement.to
    )))
}

/// Whether the merchant's own mail brings it; the line without that member.
pub(super) fn own_mail(
    object: &Map<String, Value>,
) -> Result<(bool, Map<String, Value>), LineRefusal> {
    let mut rest = object.clone();
    if !object.contains_key("record") && !object.contains_key("track") {
        // What else a line tells is mailed; there the member is not known.
        return Ok((false, rest));
    }
    let by_us: bool = super::members::optional(object, "mail")?.unwrap_or(true);
    rest.remove("mail");
    Ok((!by_us, rest))
}
