//! Lines for what a web shop says and the book does not have yet.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tradepost_statements::order::DeliveryMethod;
use tradepost_statements::progress::Progress;
use tradepost_statements::{OrderState, Time};
use tradepost_trades::server;
use tradepost_trades::server::book::Trade;

use super::config::Settings;
use super::facts::{Facts, OrderFact, ParcelFact, PaymentFact, Placed, Unfit};

/// The lines, and what was left out and why.
type Lines = (Vec<Value>, Vec<String>);

/// A server without the role, or of another address, tells nothing of that track: its own carrier or
/// payment processor does.
struct Plays {
    carrier: bool,
    processor: bool,
}

pub(super) fn lines(
    hook: &Settings,
    server: &server::Settings,
    facts: &Facts,
    known: Option<&Trade>,
) -> Result<Lines, Unfit> {
    let mut out = Vec::new();
    let mut left_out = Vec::new();
    let recorded = known.and_then(|t| t.shop.as_ref()).map(|s| &s.record);
    let own = &server.address;
    let mut plays = Plays {
        carrier: recorded.is_some_and(|r| r.delivery.carriers.iter().any(|c| c.address == *own)),
        processor: recorded.is_some_and(|r| r.payment.processor == *own),
    };
    if let Some(placed) = &facts.placed {
        let record = record(hook, server, facts, placed)?;
        plays = Plays {
            carrier: record["delivery"]["carriers"][0]["address"] == json!(own),
            processor: record["payment"]["processor"] == json!(own),
        };
        let told_at = known
            .and_then(|t| t.shop.as_ref())
            .and_then(|s| s.order.as_ref());
        let is_older = told_at.is_some_and(|t| t.last.at > facts.modified);
        if !is_as_recorded(&record, known) {
            if is_older {
                left_out.push("the order is older than what was told of it before".to_owned());
            } else {
                out.push(json!({ "record": record }));
            }
        }
    }
    plays.carrier &= server.carrier.is_some();
    plays.processor &= server.payment.is_some();
    if let Some(order) = &facts.order {
        match order_line(facts, order, &plays, known) {
            Ok(line) => out.extend(line),
            Err(why) => left_out.push(why),
        }
    }
    if let Some(payment) = facts.payment.as_ref().filter(|_| plays.processor) {
        match payment_line(facts, payment, known) {
            Ok(line) => out.extend(line),
            Err(why) => left_out.push(why),
        }
    }
    for parcel in facts.parcels.iter().filter(|_| plays.carrier) {
        match parcel_line(parcel, known) {
            Ok(line) => out.extend(line),
            Err(why) => left_out.push(why),
        }
    }
    let named = out.into_iter().map(|line| named(hook, facts, line));
    Ok((named.collect(), left_out))
}

/// The whole line. Its key is made of what it says: the same again is answered the same.
fn named(hook: &Settings, facts: &Facts, line: Value) -> Value {
    let Value::Object(mut line) = line else {
        return line;
    };
    if !line.contains_key("record") {
        line.insert("trade".to_owned(), json!(facts.trade));
    }
    if hook.own_mail {
        line.insert("mail".to_owned(), json!(false));
    }
    let modified = facts.modified.unix_millis();
    let content = Value::Object(line.clone()).to_string();
    let hash: String = Sha256::digest(content)
        .iter()
        .take(8)
        .map(|b| format!("{b:02x}"))
        .collect();
    let key = format!("{}:{}:{modified}:{hash}", hook.name, facts.trade);
    line.insert("key".to_owned(), json!(key));
    Value::Object(line)
}

fn record(
    hook: &Settings,
    server: &server::Settings,
    facts: &Facts,
    placed: &Placed,
) -> Result<Value, Unfit> {
    let Some(shop) = &server.shop else {
        return Err(Unfit(
            "this server is no shop: add \"shop\" to roles".to_owned(),
        ));
    };
    let Some(payment) = shop.payment.get(&placed.method) else {
        return Err(Unfit(format!(
            "the order is paid by {0}, and there is no [shop.payment.{0}] in the configuration",
            placed.method
        )));
    };
    let method = if placed.is_shipped {
        hook.delivery
    } else {
        DeliveryMethod::Electronic
    };
    let Some(delivery) = shop.delivery.get(&method) else {
        return Err(Unfit(format!(
            "the order goes by {method}, and there is no [shop.delivery.{method}] in the configuration"
        )));
    };
    // Electronic goods come from the shop itself.
    let carrier = delivery
        .carrier
        .clone()
        .unwrap_or_else(|| server.address.clone());
    let mut record = Map::from_iter([
        ("trade".to_owned(), json!(facts.trade)),
        ("buyer_mail".to_owned(), json!(placed.buyer_mail)),
        ("placed".to_owned(), json!(placed.at)),
        ("buyer".to_owned(), placed.buyer.clone()),
        (
            "payment".to_owned(),
            json!({ "method": placed.method, "processor": payment.processor }),
        ),
        (
            "delivery".to_owned(),
            json!({ "method": method, "carriers": [{ "address": carrier }] }),
        ),
    ]);
    if let Some(deliver_to) = &placed.deliver_to {
        record.insert("deliver_to".to_owned(), deliver_to.clone());
    }
    for (name, value) in placed.sums.to_record()? {
        record.insert(name.to_owned(), value);
    }
    Ok(Value::Object(record))
}

/// Whether the book has the record with the same content, so that there is no next version to tell.
fn is_as_recorded(record: &Value, known: Option<&Trade>) -> bool {
    let Some(shop) = known.and_then(|t| t.shop.as_ref()) else {
        return false;
    };
    let recorded = serde_json::to_value(&shop.record).unwrap_or_default();
    let members = [
        "lines",
        "charges",
        "discounts",
        "total",
        "payment",
        "delivery",
        "buyer",
        "deliver_to",
    ];
    members.iter().all(|name| record[*name] == recorded[*name])
}

/// Deliveries overtake one another: what is older than what was told last is told only when it is a
/// step forward, as when somebody else told of this track in between.
fn check_age<S: Progress + Copy>(
    at: Time,
    state: S,
    last: Option<(Time, S)>,
) -> Result<(), String> {
    match last {
        Some((last_at, last)) if last_at > at && state.rank() <= last.rank() => {
            Err("it is older than what was told of it before".to_owned())
        }
        Some(_) | None => Ok(()),
    }
}

fn order_line(
    facts: &Facts,
    fact: &OrderFact,
    plays: &Plays,
    known: Option<&Trade>,
) -> Result<Option<Value>, String> {
    let last = known
        .and_then(|t| t.shop.as_ref())
        .and_then(|s| s.order.as_ref());
    check_age(
        facts.modified,
        fact.state,
        last.map(|t| (t.last.at, t.last.state)),
    )?;
    if last.is_some_and(|t| t.last.state == fact.state) {
        return Ok(None);
    }
    let mut line = json!({ "track": "order", "state": fact.state, "at": facts.modified });
    if let Some(reason) = fact.reason {
        line["reason"] = json!(reason);
    }
    if fact.state == OrderState::Shipped {
        line["actual"] = json!(fact.actual.unwrap_or(facts.modified));
        let parcels: Vec<&str> = facts.parcels.iter().map(|p| p.parcel.as_str()).collect();
        if plays.carrier && !parcels.is_empty() {
            line["parcels"] = json!(parcels);
        }
    }
    let ships = matches!(fact.state, OrderState::Shipped | OrderState::PartlyShipped);
    let numbers: Vec<String> = facts.parcels.iter().filter_map(tracking).collect();
    if ships && !plays.carrier && !numbers.is_empty() {
        // Who delivers it tells the rest; people may look it up until then.
        line["text"] = json!(format!("Tracking: {}", numbers.join(", ")));
    }
    Ok(Some(line))
}

fn tracking(parcel: &ParcelFact) -> Option<String> {
    let number = parcel.number.as_ref()?;
    Some(match &parcel.carrier {
        Some(carrier) => format!("{carrier} {number}"),
        None => number.clone(),
    })
}

fn payment_line(
    facts: &Facts,
    fact: &PaymentFact,
    known: Option<&Trade>,
) -> Result<Option<Value>, String> {
    let Some(currency) = facts.placed.as_ref().map(|p| p.sums.currency) else {
        return Ok(None);
    };
    let paid = fact.paid.and_then(|m| m.amount(currency));
    let refunded = fact.refunded.and_then(|m| m.amount(currency));
    let last = known
        .and_then(|t| t.payment.as_ref())
        .and_then(|p| p.track.as_ref());
    check_age(
        facts.modified,
        fact.state,
        last.map(|t| (t.last.at, t.last.state)),
    )?;
    if let Some(last) = last.map(|t| &t.last)
        && last.state == fact.state
        && (paid.is_none() || last.paid == paid)
        && (refunded.is_none() || last.refunded == refunded)
    {
        return Ok(None);
    }
    let mut line = json!({ "track": "payment", "state": fact.state, "at": facts.modified });
    if let Some(actual) = fact.actual {
        line["actual"] = json!(actual);
    }
    for (name, amount) in [("paid", paid), ("refunded", refunded)] {
        if let Some(amount) = amount {
            line[name] = json!(amount);
        }
    }
    Ok(Some(line))
}

fn parcel_line(fact: &ParcelFact, known: Option<&Trade>) -> Result<Option<Value>, String> {
    let parcels = known.and_then(|t| t.carrier.as_ref()).map(|c| &c.parcels);
    let last = parcels.and_then(|p| p.get(&fact.parcel)).map(|t| &t.last);
    check_age(fact.at, fact.state, last.map(|l| (l.at, l.state)))?;
    let url = fact
        .url
        .as_deref()
        .filter(|url| url.starts_with("https://"));
    if let Some(last) = last
        && last.state == fact.state
        && (fact.number.is_none() || last.tracking_number == fact.number)
        && (url.is_none() || last.tracking_url.as_ref().map(|u| u.as_str()) == url)
    {
        return Ok(None);
    }
    let mut line =
        json!({ "track": "delivery", "parcel": fact.parcel, "state": fact.state, "at": fact.at });
    if let Some(number) = &fact.number {
        line["tracking_number"] = json!(number);
    }
    if let Some(url) = url {
        line["tracking_url"] = json!(url);
    }
    if let Some(carrier) = &fact.carrier {
        line["text"] = json!(format!("Sent with {carrier}"));
    }
    Ok(Some(line))
}
