//! A line that tells the record of a trade: one that was placed elsewhere (protocol 9), or the
//! next version of one that is known. No instructions are sent.

use serde_json::{Map, Value, json};
use tradepost_statements::record::TradeRecord;
use tradepost_statements::wish::Wishes;
use tradepost_statements::{Address, Body, Kind, StatementId, Time, TradeId, TradeRef, wire};

use super::members::{as_in_the_line, only, optional, required};
use super::refusal::LineRefusal;
use super::status::CLOCKS_DIFFER;
use crate::kernel::PartyCase;
use crate::kernel::book::{self, KeptWishes, PartyTrade, ShopPart};
use crate::kernel::readdress::{CorrectedTooOften, readdress, tell_how_it_stands};
use crate::shop;

/// A name, not a text.
const LONGEST_ORIGIN: usize = 256;

/// The members of a trade record's body, and what the line has in addition.
const KNOWN: [&str; 18] = [
    "trade",
    "buyer_mail",
    "notify",
    "kind",
    "version",
    "shop_name",
    "placed",
    "lines",
    "charges",
    "discounts",
    "total",
    "payment",
    "delivery",
    "buyer",
    "deliver_to",
    "confirm_by",
    "hub",
    "keys",
];

/// What the line says beside the record.
pub(super) struct BesideRecord {
    /// What the merchant's own system calls the order: the same is always the same trade, and a trade
    /// that has one is no other order's.
    pub(super) origin: Option<String>,
    /// Since when the order is like that: what is older than what was told comes too late.
    pub(super) at: Option<Time>,
}

pub(super) fn record(
    case: &mut PartyCase<'_>,
    value: &Value,
    told: BesideRecord,
) -> Result<StatementId, LineRefusal> {
    if case.settings.shop.is_none() {
        return Err(LineRefusal::RoleIsMissing {
            role: "shop",
            track: "order",
        });
    }
    let Value::Object(object) = value else {
        return Err(LineRefusal::Member {
            name: "record".to_owned(),
            problem: "is not an object".to_owned(),
        });
    };
    only(object, &KNOWN, "of a record")?;
    if optional::<String>(object, "kind")?.is_some_and(|kind| kind != Kind::TradeRecord.word()) {
        return Err(LineRefusal::Member {
            name: "record.kind".to_owned(),
            problem: "is not trade-record; it can be left out".to_owned(),
        });
    }
    let name = name_of(case, object)?;
    let buyer_mail: Address = required(object, "buyer_mail")?;
    let notify: Option<Wishes> = optional(object, "notify")?;
    let known = case.trade(&name);
    if let Some(origin) = told.origin {
        remember_origin(case, origin, &name, known.as_ref())?;
    }
    if let Some(at) = told.at {
        check_time(case, at, known.as_ref())?;
    }
    let record = read_record(case, object, &name, &buyer_mail, known.as_ref())?;
    let mut trade = match known {
        Some(trade) => trade,
        None => PartyTrade::new(name, buyer_mail.clone()),
    };
    let is_corrected = trade.buyer_mail != buyer_mail;
    if is_corrected {
        correct_address(case, &mut trade, &buyer_mail)?;
    }
    // They were stated with the order: what the buyer wished since then stands (Q7).
    let sent = record.placed.min(case.now);
    let known = trade.wishes.as_ref();
    if let Some(wishes) = notify.filter(|_| known.is_none_or(|k| k.sent <= sent)) {
        trade.wishes = Some(KeptWishes { wishes, sent });
    }
    let how = Keeping {
        is_corrected,
        at: told.at,
    };
    keep(case, trade, object, record, how)
}

/// Deliveries of a web shop overtake one another: one of an earlier time would take back what was told
/// since, and the address it goes to.
fn check_time(
    case: &PartyCase<'_>,
    at: Time,
    known: Option<&PartyTrade>,
) -> Result<(), LineRefusal> {
    if at > case.now.plus(CLOCKS_DIFFER) {
        return Err(LineRefusal::AtLiesAhead(at));
    }
    let told = known.and_then(|t| t.shop.as_ref()).and_then(|s| s.as_of);
    match told.filter(|told| *told > at) {
        Some(told) => Err(LineRefusal::RecordIsOlder { at, told }),
        None => Ok(()),
    }
}

fn remember_origin(
    case: &mut PartyCase<'_>,
    origin: String,
    name: &TradeRef,
    known: Option<&PartyTrade>,
) -> Result<(), LineRefusal> {
    if origin.is_empty() || origin.len() > LONGEST_ORIGIN {
        return Err(LineRefusal::Member {
            name: "origin".to_owned(),
            problem: format!("has 1 to {LONGEST_ORIGIN} octets"),
        });
    }
    match book::by_origin(case.rows(), &origin) {
        Some(id) if id == name.id => {}
        Some(id) => {
            return Err(LineRefusal::OriginIsAnotherTrade {
                origin,
                trade: id.to_string(),
            });
        }
        None if known.is_some() => {
            let trade = name.id.to_string();
            return Err(LineRefusal::TradeIsOfAnotherOrder(trade, origin));
        }
        None => case.put(book::origin_key(&origin), &name.id),
    }
    Ok(())
}

/// Protocol 9: the shop may correct the address of an order that was placed elsewhere; whoever ordered
/// by mail is who sent the order, for good.
fn correct_address(
    case: &mut PartyCase<'_>,
    trade: &mut PartyTrade,
    to: &Address,
) -> Result<(), LineRefusal> {
    let was_placed_elsewhere = trade.shop.as_ref().is_some_and(|s| s.request.is_none());
    if !was_placed_elsewhere {
        return Err(LineRefusal::BuyerIsAnother {
            trade: trade.trade.to_string(),
            known: trade.buyer_mail.to_string(),
        });
    }
    readdress(case, trade, to).map_err(|CorrectedTooOften| LineRefusal::Member {
        name: "record.buyer_mail".to_owned(),
        problem: format!(
            "{} stays: it was corrected too often already",
            trade.buyer_mail
        ),
    })
}

/// `trade` is the id; the pair of shop and id is understood as well.
fn name_of(case: &PartyCase<'_>, object: &Map<String, Value>) -> Result<TradeRef, LineRefusal> {
    let own = case.settings.address.clone();
    if let Some(Value::Object(_)) = object.get("trade") {
        let name: TradeRef = required(object, "trade")?;
        return if name.shop == own {
            Ok(name)
        } else {
            Err(LineRefusal::RecordOfAnotherShop(name.shop.to_string()))
        };
    }
    let id: TradeId = required(object, "trade")?;
    Ok(TradeRef { shop: own, id })
}

/// The body by the wire's own rules, with what the server makes when it is absent.
fn read_record(
    case: &PartyCase<'_>,
    object: &Map<String, Value>,
    name: &TradeRef,
    buyer_mail: &Address,
    known: Option<&PartyTrade>,
) -> Result<TradeRecord, LineRefusal> {
    let before = known.and_then(|t| t.shop.as_ref()).map(|s| &s.record);
    let mut body: Map<String, Value> = object
        .iter()
        .filter(|(name, value)| {
            !matches!(name.as_str(), "trade" | "buyer_mail" | "notify") && !value.is_null()
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let version = before.map_or(1, |r| r.version.number());
    let placed = before.map_or(case.now, |r| r.placed);
    body.entry("version").or_insert_with(|| json!(version));
    body.entry("placed").or_insert_with(|| json!(placed));
    body.entry("shop_name")
        .or_insert_with(|| json!(case.settings.name));
    body.insert("kind".to_owned(), json!("trade-record"));
    let statement = json!({
        "tradepost": wire::VERSION,
        "id": "01932c07-9a2e-7c11-8f54-0f6a1c0d9e22",
        "from": case.settings.address,
        "to": buyer_mail,
        "sent": case.now,
        "trade": name,
        "body": body,
    });
    let read = wire::from_value(&statement).map_err(|e| as_in_the_line(e, "", "record."))?;
    let Body::TradeRecord(record) = read.body else {
        return Err(LineRefusal::IsNotAnObject);
    };
    match record.sum() {
        Ok(sum) if sum == record.total && !shop::fits(case, buyer_mail, None, &record) => {
            let text = "the record is longer than a statement may be";
            Err(LineRefusal::CannotBeSaid(text.to_owned()))
        }
        Ok(sum) if sum == record.total => Ok(*record),
        Ok(sum) => Err(LineRefusal::TotalIsNotTheSum {
            total: record.total,
            sum: sum.to_string(),
        }),
        Err(e) => Err(LineRefusal::TotalIsNotTheSum {
            total: record.total,
            sum: format!("impossible: {e}"),
        }),
    }
}

/// How a record is kept.
struct Keeping {
    /// It goes to another address than before.
    is_corrected: bool,
    /// Since when the order is as the line says; none: the line does not say it.
    at: Option<Time>,
}

/// The first version, the next one, or the very one that is known.
fn keep(
    case: &mut PartyCase<'_>,
    mut trade: PartyTrade,
    object: &Map<String, Value>,
    mut record: TradeRecord,
    how: Keeping,
) -> Result<StatementId, LineRefusal> {
    let Keeping { is_corrected, at } = how;
    let before = trade.shop.as_ref().map(|s| s.record.clone());
    if let Some(shop) = &mut trade.shop {
        shop.as_of = at.or(shop.as_of);
        if shop.record == record && !is_corrected {
            let known = shop.record_statement;
            case.save(&mut trade);
            return Ok(known);
        }
        let newest = shop.record.version;
        if optional::<u64>(object, "version")?.is_none() {
            record.version = newest.next();
        } else if record.version <= newest {
            return Err(LineRefusal::VersionIsNotNew {
                known: newest.number(),
            });
        }
        check_payment(shop, &record)?;
        check_total(case, &trade, &record)?;
        if let Some(shop) = &mut trade.shop {
            if shop.record.total != record.total {
                book::note_total(&mut shop.former_totals, shop.record.total);
            }
            shop.record = record;
        }
    } else {
        // The statement is replaced below, once it is made.
        trade.shop = Some(ShopPart {
            as_of: at,
            ..ShopPart::new(record, case.fresh_id())
        });
    }
    if let Some(by) = trade.shop.as_ref().and_then(|s| s.record.confirm_by) {
        // Protocol 7: without a confirmation by then it is cancelled.
        case.due_at(by, &format!("confirm/{}", trade.trade.id));
    }
    let id = shop::announce_record(case, &trade);
    if let Some(shop) = &mut trade.shop {
        shop.record_statement = id;
    }
    if let Some(before) = &before {
        shop::follow_total(case, &mut trade, before.total);
    }
    shop::settle_what_costs_nothing(case, &mut trade);
    if let Some(before) = before {
        shop::deliver_otherwise(case, &mut trade, &before);
    }
    if is_corrected {
        tell_how_it_stands(case, &trade);
    }
    case.save(&mut trade);
    Ok(id)
}

/// Only the payment processor that was told can pay back or void: another version moves the payment not
/// away from under it.
fn check_payment(shop: &ShopPart, record: &TradeRecord) -> Result<(), LineRefusal> {
    let told = if shop::was_charged(shop) {
        "take"
    } else if shop.authorization.is_some() {
        "authorize"
    } else {
        return Ok(());
    };
    let known = &shop.record;
    if known.payment == record.payment {
        return Ok(());
    }
    Err(LineRefusal::Member {
        name: "record.payment".to_owned(),
        problem: format!(
            "{} was told to {told} the payment by {}; both stay: for others, cancel this trade",
            known.payment.processor, known.payment.method
        ),
    })
}

fn check_total(
    case: &PartyCase<'_>,
    trade: &PartyTrade,
    record: &TradeRecord,
) -> Result<(), LineRefusal> {
    shop::check_total(case, trade, record).map_err(|why| LineRefusal::Member {
        name: "record.total".to_owned(),
        problem: why.to_string(),
    })
}
