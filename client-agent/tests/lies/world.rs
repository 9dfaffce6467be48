//! Ann's ledger as the letters find it, and the letters that change it: scenes.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Value, json};
use tradepost_client::in_process::{ArrivedLetter, InProcessAgent};
use tradepost_statements::Time;

use crate::draft::{Letter, Said};
use crate::{name_server, signing};

pub const ANN: &str = "ann@home.example";
pub const SHOP: &str = "orders@shop.example";
pub const CARRIER: &str = "track@carrier.example";
/// Below its organizational domain, so that there is a parent and a sibling.
pub const PAY: &str = "billing@eu.pay.example";
/// Another shop that Ann buys from, honest so far.
pub const OTHER: &str = "sales@other.example";
/// Owns a domain, and has it signed and vouched for as anybody can.
pub const EVIL: &str = "evil@evil.example";

/// The trade of which version 2 came first.
pub const SIXTH: &str = "T-1006";

/// What Ann's provider calls itself.
pub const PROVIDER: &str = "mx.home.example";

/// How the senders of a trade's letters are proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flavour {
    /// By the word of Ann's provider.
    Relay,
    /// By signatures that the agent verifies itself; the provider's word is not enough.
    Dkim,
}

pub const FLAVOURS: [Flavour; 2] = [Flavour::Relay, Flavour::Dkim];

/// The present, in all that is tried here.
pub fn now() -> Time {
    minute(0)
}

pub fn minute(minutes: i64) -> Time {
    Time::from_unix_millis(1_795_000_000_000 + minutes * 60_000)
}

pub fn at(minutes: i64) -> Value {
    json!(minute(minutes).to_string())
}

pub fn uuid(n: u64) -> String {
    format!("01932c07-9a2e-7c11-8f54-{n:012x}")
}

pub fn request(n: u64) -> String {
    format!("{}:{ANN}", uuid(n))
}

pub fn eur(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "EUR" })
}

/// An empty ledger.
pub fn agent(flavour: Flavour) -> InProcessAgent {
    InProcessAgent::new(&configuration(flavour)).unwrap()
}

/// Ann's configuration.
pub fn configuration(flavour: Flavour) -> String {
    let minimum = match flavour {
        Flavour::Relay => "relay",
        Flavour::Dkim => "dkim",
    };
    let keys: String = signing::records()
        .iter()
        .map(|(name, record)| format!("\"{name}\" = \"{record}\"\n"))
        .collect();
    let resolver = name_server::address();
    format!(
        "address = \"{ANN}\"\n[trust]\nauthserv_ids = [\"{PROVIDER}\"]\nminimum = \"{minimum}\"\n\
         resolver = \"{resolver}\"\ndns_budget = \"300 ms\"\n[trust.keys]\n{keys}"
    )
}

/// A letter as the mailbox gives it.
pub fn arrival(octets: Vec<u8>) -> ArrivedLetter {
    ArrivedLetter {
        octets,
        received_at: Some(now()),
    }
}

/// Which letter is the real one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scene {
    /// The shop's record of an order of Ann's.
    Record,
    /// The second version of a record.
    Version,
    /// The record of a trade that Ann ordered elsewhere.
    Adopted,
    /// The shop has shipped.
    Order,
    /// The carrier has delivered.
    Delivery,
    /// The payment is settled.
    Payment,
    /// The shop rejects an order.
    Rejected,
    /// The shop answers a return.
    Decision,
}

pub const SCENES: [Scene; 8] = [
    Scene::Record,
    Scene::Version,
    Scene::Adopted,
    Scene::Order,
    Scene::Delivery,
    Scene::Payment,
    Scene::Rejected,
    Scene::Decision,
];

impl Scene {
    /// What its sender says.
    pub fn said(self, flavour: Flavour) -> Said {
        let statement = match self {
            Scene::Record => with(record(101, "T-1002", 1), "request", json!(request(2))),
            Scene::Version => {
                let mut second = with(record(102, "T-1001", 2), "request", json!(request(1)));
                second["body"]["delivery"]["carriers"] = json!([
                    { "address": CARRIER }, { "address": "van@second.example" }
                ]);
                second
            }
            Scene::Adopted => record(103, "T-3003", 1),
            Scene::Order => order_status(104, 5, "shipped"),
            Scene::Delivery => delivery_status(105, 5, "delivered"),
            Scene::Payment => payment_status(106, 5, "settled"),
            Scene::Rejected => {
                let body = json!({ "kind": "order-rejected", "reason": "out-of-stock", "text": "No more kettles." });
                let mut rejected = statement(107, SHOP, body);
                rejected["request"] = json!(request(3));
                rejected["answers"] = json!(uuid(3));
                rejected
            }
            Scene::Decision => {
                let body =
                    json!({ "kind": "return-decision", "accepted": true, "refund": eur("24.00") });
                with(
                    about(statement(108, SHOP, body), SHOP, "T-1001"),
                    "answers",
                    json!(uuid(11)),
                )
            }
        };
        Said::new(statement, flavour)
    }

    /// The ledger before that letter comes, as a copy.
    pub fn ledger(flavour: Flavour) -> InProcessAgent {
        static LEDGERS: OnceLock<BTreeMap<Flavour, InProcessAgent>> = OnceLock::new();
        let ledgers = LEDGERS.get_or_init(|| FLAVOURS.map(|f| (f, furnished(agent(f), f))).into());
        ledgers[&flavour].clone()
    }
}

/// With what Ann ordered and heard so far.
fn furnished(mut agent: InProcessAgent, flavour: Flavour) -> InProcessAgent {
    agent
        .find_in_sent(own(flavour).map(arrival).collect(), now())
        .unwrap();
    for letter in heard(flavour) {
        let judged = agent
            .receive(vec![arrival(letter.0)], now())
            .unwrap()
            .remove(0);
        let judged = judged.unwrap();
        assert!(
            judged.warning.is_none() && judged.rule == Some(16),
            "{judged:?}"
        );
    }
    agent
}

/// What Ann has sent.
pub fn own(flavour: Flavour) -> impl Iterator<Item = Vec<u8>> {
    let own = [
        order(1, SHOP),
        order(2, SHOP),
        order(3, SHOP),
        order(4, OTHER),
        order(5, SHOP),
        order(6, SHOP),
        own_return(),
    ];
    own.into_iter()
        .map(move |statement| Said::new(statement, flavour).draft().unstamped())
}

/// What Ann has heard.
pub fn heard(flavour: Flavour) -> impl Iterator<Item = Letter> {
    let heard = [
        with(record(21, "T-1001", 1), "request", json!(request(1))),
        order_status(22, 1, "received"),
        order_status(23, 2, "preparing"),
        delivery_status(24, 1, "announced"),
        delivery_status(25, 2, "in-transit"),
        payment_status(26, 1, "authorized"),
        parcel("P-2", delivery_status(29, 3, "delivered")),
        parcel("P-3", delivery_status(30, 1, "picked-up")),
        parcel("P-3", delivery_status(31, 9, "in-transit")),
        others_record(),
        rejection_of_the_fifth(),
        second_version_of_the_sixth(),
        of_the_sixth(payment_status(33, 1, "settled")),
    ];
    heard
        .into_iter()
        .map(move |statement| Said::new(statement, flavour).seal())
}

pub fn parcel(name: &str, mut status: Value) -> Value {
    status["body"]["parcel"] = json!(name);
    status
}

fn others_record() -> Value {
    let mut record = with(record(27, "T-2002", 1), "request", json!(request(4)));
    record["from"] = json!(OTHER);
    record["trade"]["shop"] = json!(OTHER);
    record["body"]["delivery"]["carriers"] = json!([{ "address": "bikes@courier.example" }]);
    record
}

fn rejection_of_the_fifth() -> Value {
    let mut rejected = statement(
        28,
        SHOP,
        json!({ "kind": "order-rejected", "reason": "declined", "text": "no" }),
    );
    rejected["request"] = json!(request(5));
    rejected["answers"] = json!(uuid(5));
    rejected
}

/// A trade whose second version came before its first one, and which is paid.
fn second_version_of_the_sixth() -> Value {
    with(record(32, SIXTH, 2), "request", json!(request(6)))
}

fn of_the_sixth(statement: Value) -> Value {
    about(statement, SHOP, SIXTH)
}

pub fn statement(n: u64, from: &str, body: Value) -> Value {
    json!({
        "tradepost": 1, "id": uuid(n), "from": from, "to": ANN, "sent": at(-30), "body": body,
    })
}

pub fn about(statement: Value, shop: &str, id: &str) -> Value {
    with(statement, "trade", json!({ "shop": shop, "id": id }))
}

pub fn with(mut statement: Value, member: &str, value: Value) -> Value {
    statement[member] = value;
    statement
}

pub fn buyer() -> Value {
    json!({ "name": "Ann Buyer", "address": {
        "street": "1 Main Street", "city": "Berlin", "postal_code": "10115", "country": "DE",
    } })
}

fn lines() -> Value {
    json!([
        { "name": "Red kettle", "sku": "K-1", "quantity": 2, "price": eur("24.00") },
        { "name": "Tea", "quantity": 1, "price": eur("5.00") },
    ])
}

fn order(n: u64, shop: &str) -> Value {
    let body = json!({
        "kind": "order", "lines": lines(), "total": eur("58.00"),
        "payment": { "method": "credit-card", "reference": "tok_abc" },
        "delivery": { "method": "courier" }, "buyer": buyer(),
    });
    let mut order = statement(n, ANN, body);
    order["to"] = json!(shop);
    with(order, "request", json!(request(n)))
}

fn own_return() -> Value {
    let mut back = about(
        statement(11, ANN, json!({ "kind": "return", "reason": "dented" })),
        SHOP,
        "T-1001",
    );
    back["to"] = json!(SHOP);
    back
}

pub fn record(n: u64, id: &str, version: u32) -> Value {
    let body = json!({
        "kind": "trade-record", "version": version, "shop_name": "Example Shop", "placed": at(-90),
        "lines": lines(), "charges": [{ "name": "Shipping", "price": eur("5.00") }],
        "total": eur("58.00"),
        "payment": { "method": "credit-card", "processor": PAY },
        "delivery": { "method": "courier", "carriers": [{ "address": CARRIER }] },
        "buyer": buyer(),
    });
    about(statement(n, SHOP, body), SHOP, id)
}

pub fn order_status(n: u64, sequence: i64, state: &str) -> Value {
    let mut body = json!({
        "kind": "order-status", "sequence": sequence, "state": state, "at": at(-60 + sequence), "ship": {},
    });
    if state == "shipped" {
        body["ship"]["actual"] = at(-60 + sequence);
    }
    about(statement(n, SHOP, body), SHOP, "T-1001")
}

pub fn delivery_status(n: u64, sequence: i64, state: &str) -> Value {
    let mut body = json!({
        "kind": "delivery-status", "sequence": sequence, "state": state, "at": at(-60 + sequence),
        "delivery": {}, "place": "Leipzig",
    });
    if state == "delivered" {
        body["delivery"]["actual"] = at(-60 + sequence);
    }
    about(statement(n, CARRIER, body), SHOP, "T-1001")
}

pub fn payment_status(n: u64, sequence: i64, state: &str) -> Value {
    let mut body = json!({
        "kind": "payment-status", "sequence": sequence, "state": state, "at": at(-60 + sequence),
        "amount": eur("58.00"), "settle": {},
    });
    if state == "settled" {
        body["settle"]["actual"] = at(-60 + sequence);
    }
    about(statement(n, PAY, body), SHOP, "T-1001")
}
