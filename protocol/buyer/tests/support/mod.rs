//! A buyer's ledger in memory, and letters written as JSON by hand: nothing here uses the code
//! under test to say what is expected.
#![allow(dead_code, clippy::unwrap_used, missing_docs, unreachable_pub)]

use serde_json::{Value, json};
use tradepost_buyer::{self as buyer, Act, BuyerChange, BuyerSettings, Judgement, OwnHow, view};
use tradepost_statements::{Address, Evidence, Time, TradeRef};
use tradepost_trades::letter::{Content, LetterFacts, Received, Unreadable};
use tradepost_trades::rows::MemoryRows;

pub const ANN: &str = "ann@home.example";
pub const SHOP: &str = "orders@shop.example";
pub const CARRIER: &str = "track@carrier.example";
pub const PAY: &str = "billing@pay.example";
pub const EVIL: &str = "evil@evil.example";

pub fn address(text: &str) -> Address {
    text.parse().unwrap()
}

pub fn uuid(n: u64) -> String {
    format!("01932c07-9a2e-7c11-8f54-{n:012x}")
}

pub fn request(n: u64) -> String {
    format!("{}:{ANN}", uuid(n))
}

pub fn at(minute: i64) -> Time {
    Time::from_unix_millis(1_795_000_000_000 + minute * 60_000)
}

/// A ledger of Ann's.
#[derive(Clone)]
pub struct Ledger {
    pub settings: BuyerSettings,
    pub rows: MemoryRows,
    pub now: Time,
    letters: u64,
}

/// A letter: who its From says wrote it, how that is proven, or may yet be, and its statement.
#[derive(Clone, Debug)]
pub struct Letter {
    pub author: String,
    pub evidence: Evidence,
    pub undecided: Option<Evidence>,
    pub statement: Value,
    /// Why nothing of the statement can be read, if so.
    pub unreadable: Option<Unreadable>,
}

impl Letter {
    pub fn of(statement: Value) -> Letter {
        Letter {
            author: statement["from"].as_str().unwrap().to_owned(),
            evidence: Evidence::Relay,
            undecided: None,
            statement,
            unreadable: None,
        }
    }
}

impl Ledger {
    pub fn new() -> Ledger {
        Ledger {
            settings: BuyerSettings::new([address(ANN)]),
            rows: MemoryRows::default(),
            now: at(0),
            letters: 0,
        }
    }

    pub fn take(&mut self, change: BuyerChange) -> BuyerChange {
        self.rows.apply(change.rows.clone());
        change
    }

    pub fn say(&mut self, statement: &Value) -> BuyerChange {
        let id = format!("<{}@home.example>", statement["id"].as_str().unwrap());
        let change = buyer::own(
            &self.settings,
            &self.rows,
            &statement.to_string(),
            Some(&id),
            OwnHow::Sending,
            self.now,
        );
        self.take(change)
    }

    pub fn receive(&mut self, letter: &Letter) -> Judgement {
        self.letters += 1;
        self.receive_as(letter, &format!("digest-{}", self.letters))
    }

    pub fn receive_as(&mut self, letter: &Letter, digest: &str) -> Judgement {
        self.change_by(letter, digest).judgement.unwrap()
    }

    pub fn change_by(&mut self, letter: &Letter, digest: &str) -> BuyerChange {
        let received = self.received(letter, digest);
        let change = buyer::receive(&self.settings, &self.rows, &received, self.now);
        self.take(change)
    }

    /// A letter as it comes in now.
    pub fn received(&self, letter: &Letter, digest: &str) -> Received {
        Received {
            letter: LetterFacts {
                message_id: Some(format!("<{digest}@somewhere.example>")),
                from: Some(letter.author.clone()),
                subject: Some("a letter".to_owned()),
                date: Some(self.now),
                size: 1000,
            },
            author: Some(address(&letter.author)),
            evidence: letter.evidence,
            undecided: letter.undecided,
            proof: "as the test says".to_owned(),
            digest: digest.to_owned(),
            received_at: self.now,
            content: match letter.unreadable {
                Some(why) => Content::Unreadable {
                    why,
                    text: "as the test says".to_owned(),
                },
                None => Content::of_json(letter.statement.to_string()),
            },
        }
    }

    pub fn hear(&mut self, statement: Value) -> Judgement {
        self.receive(&Letter::of(statement))
    }

    pub fn act(&mut self, act: &Act) -> BuyerChange {
        let change = buyer::act(&self.settings, &self.rows, act, self.now).unwrap();
        self.take(change)
    }

    pub fn tick(&mut self, now: Time) -> BuyerChange {
        self.now = now;
        let change = buyer::tick(&self.settings, &self.rows, now);
        self.take(change)
    }

    /// When the ledger has something to do by itself.
    pub fn wake(&self) -> Option<Time> {
        buyer::next_wake(&self.rows, self.now)
    }

    /// The trades as `list --json` has them, without the number of warnings.
    pub fn trades(&self) -> Vec<Value> {
        let all = view::trades(&self.rows, self.now);
        all.iter()
            .map(|t| {
                let mut t = serde_json::to_value(t).unwrap();
                t.as_object_mut().unwrap().remove("warnings");
                t
            })
            .collect()
    }

    pub fn trade(&self, id: &str) -> Value {
        self.trades()
            .into_iter()
            .find(|t| t["id"] == id)
            .unwrap_or(Value::Null)
    }

    pub fn show(&self, id: &str) -> Value {
        let trade = view::find(&self.rows, id).unwrap();
        serde_json::to_value(view::show(&self.rows, &trade, self.now).unwrap()).unwrap()
    }

    /// The open warnings: kinds, in the order they were given.
    pub fn open(&self) -> Vec<String> {
        view::warnings(&self.rows, false)
            .iter()
            .map(|w| w.kind.to_string())
            .collect()
    }
}

pub fn trade(shop: &str, id: &str) -> TradeRef {
    TradeRef {
        shop: address(shop),
        id: id.parse().unwrap(),
    }
}

/// A statement in its envelope.
pub fn statement(n: u64, from: &str, to: &str, body: Value) -> Value {
    json!({ "tradepost": 1, "id": uuid(n), "from": from, "to": to, "sent": at(0).to_string(), "body": body })
}

pub fn about(mut statement: Value, id: &str) -> Value {
    statement["trade"] = json!({ "shop": SHOP, "id": id });
    statement
}

pub fn with(mut statement: Value, member: &str, value: impl Into<Value>) -> Value {
    statement[member] = value.into();
    statement
}

pub fn eur(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "EUR" })
}

pub fn buyer_json() -> Value {
    json!({ "name": "Ann Example", "address": { "street": "1 Long Lane", "city": "Springfield", "postal_code": "12345", "country": "US" } })
}

pub fn lines() -> Value {
    json!([
        { "name": "Red kettle", "sku": "K-1", "quantity": 2, "price": eur("24.00") },
        { "name": "Tea", "quantity": 1, "price": eur("5.00") },
    ])
}

/// Ann orders; the request has the number of the statement.
pub fn order(n: u64, to: &str) -> Value {
    let body = json!({
        "kind": "order", "lines": lines(), "total": eur("58.00"),
        "payment": { "method": "credit-card", "reference": "tok_abc" }, "delivery": { "method": "courier" },
        "buyer": buyer_json(),
    });
    with(statement(n, ANN, to, body), "request", request(n))
}

/// The shop's record, as the order says, with shipping for 5 EUR.
pub fn record(n: u64, id: &str, version: u32) -> Value {
    let body = json!({
        "kind": "trade-record", "version": version, "shop_name": "Example Shop", "placed": at(0).to_string(),
        "lines": lines(), "charges": [{ "name": "Shipping", "price": eur("5.00") }], "total": eur("58.00"),
        "payment": { "method": "credit-card", "processor": PAY },
        "delivery": { "method": "courier", "carriers": [{ "address": CARRIER }] },
        "buyer": buyer_json(),
    });
    about(statement(n, SHOP, ANN, body), id)
}

pub fn order_status(n: u64, id: &str, sequence: u32, state: &str) -> Value {
    let mut body = json!({ "kind": "order-status", "sequence": sequence, "state": state, "at": at(i64::from(sequence)).to_string(), "ship": {} });
    if state == "shipped" {
        body["ship"]["actual"] = json!(at(i64::from(sequence)).to_string());
    }
    about(statement(n, SHOP, ANN, body), id)
}

pub fn delivery_status(n: u64, id: &str, sequence: u32, state: &str) -> Value {
    let mut body = json!({ "kind": "delivery-status", "sequence": sequence, "state": state, "at": at(i64::from(sequence)).to_string(), "delivery": {} });
    if state == "delivered" {
        body["delivery"]["actual"] = json!(at(i64::from(sequence)).to_string());
    }
    about(statement(n, CARRIER, ANN, body), id)
}

pub fn payment_status(n: u64, id: &str, sequence: u32, state: &str) -> Value {
    let mut body = json!({
        "kind": "payment-status", "sequence": sequence, "state": state, "at": at(i64::from(sequence)).to_string(),
        "amount": eur("58.00"), "settle": {},
    });
    if state == "settled" {
        body["settle"]["actual"] = json!(at(i64::from(sequence)).to_string());
    }
    about(statement(n, PAY, ANN, body), id)
}
