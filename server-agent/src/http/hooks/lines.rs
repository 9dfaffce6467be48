//! Lines for what a web shop says and the book does not have yet.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tradepost_parties::kernel;
use tradepost_parties::kernel::book::PartyTrade;
use tradepost_statements::order::{DeliveryMethod, PaymentMethod};
use tradepost_statements::progress::Progress;
use tradepost_statements::record::TradeRecord;
use tradepost_statements::status::HttpsUrl;
use tradepost_statements::{OrderState, Time, TradeId};

use super::facts::{Facts, OrderFact, ParcelFact, PaymentFact, Placed, Told, shortened};
use super::left::{Left, LeftReason};
use super::money::Money;
use crate::config::WebhookSettings;

/// What there is to tell, and what is left out.
pub(super) struct Lines {
    pub(super) lines: Vec<Value>,
    pub(super) left: Vec<Left>,
}

/// What a line is made of: the webhook and its server, the trade that the order is, and what the book
/// has of it.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) hook: &'a WebhookSettings,
    pub(super) server: &'a kernel::PartySettings,
    pub(super) trade: &'a TradeId,
    pub(super) known: Option<&'a PartyTrade>,
}

impl<'a> About<'a> {
    fn recorded(&self) -> Option<&'a TradeRecord> {
        let shop = self.known.and_then(|t| t.shop.as_ref());
        shop.map(|s| &s.record)
    }
}

/// A server without the role, or of another address, tells nothing of that track: its own carrier or
/// payment processor does.
struct Plays {
    carrier: bool,
    processor: bool,
}

pub(super) fn lines(about: About<'_>, facts: &Facts) -> Lines {
    let mut lines = Vec::new();
    let mut left = Vec::new();
    let known = about.known;
    match record_line(about, facts) {
        Ok(line) => lines.extend(line),
        Err(why) if known.is_none() => {
            // Without its record there is no trade, and nothing more to tell.
            return Lines {
                lines,
                left: vec![why],
            };
        }
        Err(why) => left.push(why),
    }
    let plays = plays(about, lines.first());
    let mut tell = |line: Result<Option<Value>, Left>| match line {
        Ok(line) => lines.extend(line),
        Err(why) => left.push(why),
    };
    if let Some(order) = &facts.order {
        tell(order_line(facts, order, &plays, known));
    }
    if let Some(payment) = facts.payment.as_ref().filter(|_| plays.processor) {
        tell(payment_line(facts, payment, known));
    }
    for parcel in facts.parcels.iter().filter(|_| plays.carrier) {
        tell(parcel_line(parcel, known));
    }
    let lines = lines.into_iter();
    Lines {
        lines: lines.map(|line| named(about, facts, line)).collect(),
        left,
    }
}

/// By the record that is told with it, else by the one in the book.
fn plays(about: About<'_>, line: Option<&Value>) -> Plays {
    let own = json!(about.server.address);
    let recorded = about.recorded().map(serde_json::to_value);
    let recorded = recorded.and_then(Result::ok).unwrap_or_default();
    let record = line.map_or(&recorded, |line| &line["record"]);
    let carriers = record["delivery"]["carriers"].as_array();
    Plays {
        carrier: about.server.carrier.is_some()
            && carriers.is_some_and(|all| all.iter().any(|c| c["address"] == own)),
        // What costs nothing is settled with its record.
        processor: about.server.payment.is_some()
            && record["payment"]["processor"] == own
            && record["payment"]["method"] != json!(PaymentMethod::Nothing),
    }
}

/// The record, where it says something else than the book.
fn record_line(about: About<'_>, facts: &Facts) -> Result<Option<Value>, Left> {
    let placed = match &facts.placed {
        Told::Is(placed) => placed,
        Told::Unfit(left) => return Err(left.clone()),
        Told::Nothing => return Ok(None),
    };
    let record = record(about, placed)?;
    if is_as_recorded(&record, about.known) {
        return Ok(None);
    }
    let told = about.known.and_then(|t| t.shop.as_ref());
    let of_order = told.and_then(|s| s.order.as_ref()).map(|t| t.last.at);
    let of_record = told.and_then(|s| s.as_of);
    if of_order
        .max(of_record)
        .is_some_and(|at| at > facts.modified)
    {
        let text = "the order is older than what was told of it before";
        return Err(Left::new(LeftReason::Older, text));
    }
    let origin = facts.name.origin(about.hook.name());
    let line = json!({ "record": record, "origin": origin, "at": facts.modified });
    Ok(Some(line))
}

/// The whole line. Its key is made of what it says: the same again is answered the same.
fn named(about: About<'_>, facts: &Facts, line: Value) -> Value {
    let About { hook, trade, .. } = about;
    let Value::Object(mut line) = line else {
        return line;
    };
    if !line.contains_key("record") {
        line.insert("trade".to_owned(), json!(trade));
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
    let key = format!("{}:{}:{modified}:{hash}", hook.name, trade);
    line.insert("key".to_owned(), json!(key));
    Value::Object(line)
}

/// The record of a trade, with what the book has where the web shop no longer says it: customers may
/// have their data erased (E14: what follows goes to the stored address).
fn record(about: About<'_>, placed: &Placed) -> Result<Value, Left> {
    let recorded = about.recorded();
    let stored = about.known.map(|t| &t.buyer_mail);
    let buyer_mail = placed.buyer_mail.as_ref().or(stored).ok_or_else(|| {
        let text = "there is no address to mail to (the billing e-mail of WooCommerce, `email` of Shopify)";
        Left::new(LeftReason::Mail, text)
    })?;
    let (buyer, deliver_to) = match (&placed.buyer, recorded) {
        (Some(buyer), _) => (buyer.clone(), placed.deliver_to.clone()),
        (None, Some(recorded)) => (
            json!(recorded.buyer),
            recorded.deliver_to.as_ref().map(|to| json!(to)),
        ),
        (None, None) => {
            let text = "the buyer's name, street, city or country is missing, which a trade record needs \
                        (protocol 3): let the checkout ask for them, for virtual goods too";
            return Err(Left::new(LeftReason::Address, text));
        }
    };
    let mut record = Map::from_iter([
        ("trade".to_owned(), json!(about.trade)),
        ("buyer_mail".to_owned(), json!(buyer_mail)),
        ("placed".to_owned(), json!(placed.at)),
        ("buyer".to_owned(), buyer),
        ("payment".to_owned(), payment(about, placed)?),
        ("delivery".to_owned(), delivery(about, placed)?),
    ]);
    record.extend(deliver_to.map(|to| ("deliver_to".to_owned(), to)));
    for (name, value) in placed.sums.to_record()? {
        record.insert(name.to_owned(), value);
    }
    Ok(Value::Object(record))
}

fn configuration(text: String) -> Left {
    Left::new(LeftReason::Configuration, text)
}

/// How it is paid, and who says so. What costs nothing is paid by none, unless it cost something when
/// it was recorded.
fn payment(about: About<'_>, placed: &Placed) -> Result<Value, Left> {
    let Some(shop) = &about.server.shop else {
        let text = "this server is no shop: add \"shop\" to roles";
        return Err(configuration(text.to_owned()));
    };
    let recorded = about.recorded().map(|r| &r.payment);
    if placed.sums.total == Money(0) {
        if let Some(recorded) = recorded {
            return Ok(json!(recorded));
        }
        let procedure = shop.payment.get(&PaymentMethod::Nothing);
        let processor = procedure.map_or(&about.server.address, |p| &p.processor);
        return Ok(json!({ "method": PaymentMethod::Nothing, "processor": processor }));
    }
    let method = about.hook.payment_method(&placed.gateway).ok_or_else(|| {
        let theirs = shortened(&placed.gateway, LONGEST_GATEWAY);
        configuration(format!(
            "the order is paid by {theirs:?}; say what that is: [webhook.payment] {theirs:?} = \"credit-card\", \
             \"e-money\" or \"bank-transfer\", or \"*\" for all others"
        ))
    });
    let procedure = method.and_then(|method| match shop.payment.get(&method) {
        Some(procedure) => Ok(json!({ "method": method, "processor": procedure.processor })),
        None => Err(configuration(format!(
            "the order is paid by {method}, and there is no [shop.payment.{method}] in the configuration"
        ))),
    });
    match recorded.filter(|r| r.method != PaymentMethod::Nothing) {
        // The web shop no longer says it.
        Some(recorded) if procedure.is_err() => Ok(json!(recorded)),
        Some(_) | None => procedure,
    }
}

fn delivery(about: About<'_>, placed: &Placed) -> Result<Value, Left> {
    let method = if placed.is_shipped {
        about.hook.delivery
    } else {
        DeliveryMethod::Electronic
    };
    let shop = about.server.shop.as_ref();
    let Some(delivery) = shop.and_then(|s| s.delivery.get(&method)) else {
        return Err(configuration(format!(
            "the order goes by {method}, and there is no [shop.delivery.{method}] in the configuration"
        )));
    };
    // Electronic goods come from the shop itself.
    let carrier = delivery.carrier.as_ref().unwrap_or(&about.server.address);
    Ok(json!({ "method": method, "carriers": [{ "address": carrier }] }))
}

/// Whether the book has the record with the same content, so that there is no next version to tell.
fn is_as_recorded(record: &Value, known: Option<&PartyTrade>) -> bool {
    let Some((trade, shop)) = known.and_then(|t| Some((t, t.shop.as_ref()?))) else {
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
    let mail = record["buyer_mail"].as_str().and_then(|m| m.parse().ok());
    mail.as_ref() == Some(&trade.buyer_mail)
        && members.iter().all(|name| record[*name] == recorded[*name])
}

/// Deliveries overtake one another: what is older than what was told last is told only when it is a
/// step forward, as when somebody else told of this track in between.
fn check_age<S: Progress + Copy>(at: Time, state: S, last: Option<(Time, S)>) -> Result<(), Left> {
    match last {
        Some((last_at, last)) if last_at > at && state.rank() <= last.rank() => {
            let text = "it is older than what was told of it before";
            Err(Left::new(LeftReason::Older, text))
        }
        Some(_) | None => Ok(()),
    }
}

fn order_line(
    facts: &Facts,
    fact: &OrderFact,
    plays: &Plays,
    known: Option<&PartyTrade>,
) -> Result<Option<Value>, Left> {
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
    known: Option<&PartyTrade>,
) -> Result<Option<Value>, Left> {
    let Told::Is(placed) = &facts.placed else {
        return Ok(None);
    };
    let currency = placed.sums.currency;
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

/// What servers and browsers take.
const LONGEST_URL: usize = 2_000;

fn parcel_line(fact: &ParcelFact, known: Option<&PartyTrade>) -> Result<Option<Value>, Left> {
    let parcels = known.and_then(|t| t.carrier.as_ref()).map(|c| &c.parcels);
    let last = parcels.and_then(|p| p.get(&fact.parcel)).map(|t| &t.last);
    check_age(fact.at, fact.state, last.map(|l| (l.at, l.state)))?;
    let url = fact.url.as_deref();
    let url = url.filter(|url| url.len() <= LONGEST_URL && url.parse::<HttpsUrl>().is_ok());
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

/// A name, not a text.
const LONGEST_GATEWAY: usize = 60;
