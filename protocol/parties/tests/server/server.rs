//! A server in memory: rows, a clock, ids, and what it said.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tradepost_parties::emit::LineRefusal;
use tradepost_parties::kernel::{PartyOutcome, PartyRule, PartySettings, PartyTimers, settings};
use tradepost_parties::roles::lines::emit;
use tradepost_parties::roles::{due, receive, receive_by};
use tradepost_parties::{roles, view};
use tradepost_statements::order::{DeliveryMethod, PaymentMethod};
use tradepost_statements::{Evidence, Kind, Statement, StatementId, Time, wire};
use tradepost_trades::ids::FreshIds;
use tradepost_trades::letter::{Content, LetterFacts, Received};
use tradepost_trades::rows::MemoryRows;

pub(crate) const ANN: &str = "ann@home.example";
pub(crate) const SHOP: &str = "orders@shop.example";
pub(crate) const CARRIER: &str = "track@carrier.example";
pub(crate) const PROCESSOR: &str = "billing@pay.example";
pub(crate) const REQUEST: &str = "01932c07-9a2e-7c11-8f54-0f6a1c0d9e21:ann@home.example";

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) settings: PartySettings,
    pub(crate) rows: MemoryRows,
    pub(crate) now: Time,
    own_ids: u64,
    their_ids: u64,
    /// Of the statuses that another server told.
    pub(crate) sequence: u32,
}

/// What came of an input: the outcome, and what was said.
pub(crate) struct Came {
    pub(crate) outcome: PartyOutcome,
    pub(crate) said: Vec<Statement>,
    pub(crate) notices: Vec<String>,
}

impl Came {
    /// Each statement as "kind to", in order.
    pub(crate) fn kinds(&self) -> Vec<String> {
        let short = |s: &Statement| format!("{} {}", s.body.kind(), name(s.to.as_str()));
        self.said.iter().map(short).collect()
    }

    pub(crate) fn of(&self, kind: Kind, to: &str) -> &Statement {
        self.said
            .iter()
            .find(|s| s.body.kind() == kind && s.to.as_str() == to)
            .unwrap_or_else(|| panic!("no {kind} to {to} among {:?}", self.kinds()))
    }

    pub(crate) fn body(&self, kind: Kind, to: &str) -> Value {
        wire::to_value(self.of(kind, to))["body"].clone()
    }
}

fn name(address: &str) -> &str {
    match address {
        ANN => "ann",
        SHOP => "shop",
        CARRIER => "carrier",
        PROCESSOR => "processor",
        other => other,
    }
}

fn settings(address: &str) -> PartySettings {
    PartySettings {
        address: address.parse().unwrap(),
        name: "Example".to_owned(),
        minimum: Evidence::Relay,
        minimum_of: BTreeMap::new(),
        shop: None,
        carrier: None,
        payment: None,
        jobs: settings::FulfilmentSettings::default(),
        timers: PartyTimers::default(),
    }
}

fn shop_settings(processor: &str, carrier: &str) -> settings::ShopSettings {
    let procedure = settings::PaymentProcedure::at(processor.parse().unwrap());
    let by_courier = settings::DeliveryProcedure::by(carrier.parse().unwrap());
    settings::ShopSettings {
        catalogue: None,
        payment: BTreeMap::from([
            (PaymentMethod::CreditCard, procedure.clone()),
            (PaymentMethod::BankTransfer, procedure),
        ]),
        delivery: BTreeMap::from([
            (DeliveryMethod::Courier, by_courier),
            (
                DeliveryMethod::Electronic,
                settings::DeliveryProcedure {
                    carrier: None,
                    goods: false,
                },
            ),
        ]),
        confirm_within: None,
    }
}

impl Server {
    fn new(settings: PartySettings) -> Server {
        Server {
            settings,
            rows: MemoryRows::default(),
            now: "2026-11-20T10:00:00Z".parse().unwrap(),
            own_ids: 0,
            their_ids: 0,
            sequence: 0,
        }
    }

    pub(crate) fn shop() -> Server {
        let mut settings = settings(SHOP);
        settings.shop = Some(shop_settings(PROCESSOR, CARRIER));
        Server::new(settings)
    }

    pub(crate) fn carrier() -> Server {
        let mut settings = settings(CARRIER);
        settings.carrier = Some(settings::CarrierSettings {
            shops: [SHOP.parse().unwrap()].into(),
        });
        Server::new(settings)
    }

    pub(crate) fn processor() -> Server {
        let mut settings = settings(PROCESSOR);
        settings.payment = Some(settings::PaymentSettings {
            shops: [SHOP.parse().unwrap()].into(),
            ..settings::PaymentSettings::default()
        });
        Server::new(settings)
    }

    /// E27: all roles at the shop's address.
    pub(crate) fn all_in_one() -> Server {
        let mut settings = settings(SHOP);
        settings.shop = Some(shop_settings(SHOP, SHOP));
        settings.carrier = Some(settings::CarrierSettings::default());
        settings.payment = Some(settings::PaymentSettings::default());
        Server::new(settings)
    }

    pub(crate) fn later(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
    }

    pub(crate) fn fresh(&mut self) -> FreshIds {
        self.own_ids += 1;
        let id = format!("01932c07-9a2e-7000-8000-{:08x}0000", self.own_ids);
        FreshIds::starting_with(id.parse().unwrap())
    }

    pub(crate) fn their_id(&mut self) -> String {
        self.their_ids += 1;
        format!("01932c07-9a2e-7fff-8000-{:012x}", self.their_ids)
    }

    /// A statement for this server, as JSON, with a new id.
    pub(crate) fn statement(&mut self, from: &str, about: Value, body: Value) -> Value {
        let mut value = json!({
            "tradepost": 1, "id": self.their_id(), "from": from,
            "to": self.settings.address, "sent": self.now, "body": body,
        });
        value
            .as_object_mut()
            .unwrap()
            .extend(about.as_object().unwrap().clone());
        value
    }

    pub(crate) fn letter(author: &str, statement: &Value) -> Received {
        Received {
            letter: LetterFacts::default(),
            author: Some(author.parse().unwrap()),
            evidence: Evidence::Relay,
            undecided: None,
            proof: "auth=pass".to_owned(),
            digest: String::new(),
            received_at: serde_json::from_value(statement["sent"].clone()).unwrap(),
            content: Content::of_json(statement.to_string()),
        }
    }

    /// A new letter each time, so that its digest is new.
    pub(crate) fn receive(&mut self, mut letter: Received) -> Came {
        if letter.digest.is_empty() {
            letter.digest = format!("letter {}", self.their_id());
        }
        let mut ids = self.fresh();
        let change = receive(&self.settings, &self.rows, &letter, self.now, &mut ids);
        self.apply(change)
    }

    /// What would become of a letter by these rows of the judgement.
    pub(crate) fn outcome_by(&self, rules: &[PartyRule], letter: &Received) -> PartyOutcome {
        let mut ids = self.clone().fresh();
        receive_by(
            rules,
            &self.settings,
            &self.rows,
            letter,
            self.now,
            &mut ids,
        )
        .outcome
    }

    /// A letter that waited, after it was proven again.
    pub(crate) fn proven_again(&mut self, letter: &Received) -> Came {
        let mut ids = self.fresh();
        let change = roles::proven_again(&self.settings, &self.rows, letter, self.now, &mut ids);
        self.apply(change)
    }

    pub(crate) fn apply(&mut self, change: tradepost_parties::kernel::PartyChange) -> Came {
        self.rows.apply(change.rows);
        for sending in &change.send {
            // Whatever a server says, any reader of the protocol can read.
            let octets = match &sending.octets {
                Some(octets) => octets.clone(),
                None => wire::encode(&sending.statement),
            };
            let read = wire::decode(octets.as_bytes()).unwrap();
            assert_eq!(read.statement, sending.statement);
        }
        Came {
            outcome: change.outcome,
            said: change.send.into_iter().map(|s| s.statement).collect(),
            notices: change.notices.iter().map(|n| n.to.to_string()).collect(),
        }
    }

    /// From a proven sender, a new statement in a new letter.
    pub(crate) fn hears(&mut self, from: &str, about: Value, body: Value) -> Came {
        let statement = self.statement(from, about, body);
        self.receive(Server::letter(from, &statement))
    }

    pub(crate) fn tick(&mut self) -> Came {
        self.tick_with(0.0)
    }

    pub(crate) fn tick_with(&mut self, jitter: f64) -> Came {
        let mut ids = self.fresh();
        let change = due::tick(&self.settings, &self.rows, self.now, jitter, &mut ids);
        self.apply(change)
    }

    pub(crate) fn emit(&mut self, line: &Value) -> Result<(StatementId, Came), LineRefusal> {
        self.emit_text(&line.to_string())
    }

    pub(crate) fn emit_text(&mut self, line: &str) -> Result<(StatementId, Came), LineRefusal> {
        let mut ids = self.fresh();
        let emitted = emit(
            &self.settings,
            &self.rows,
            line.as_bytes(),
            self.now,
            &mut ids,
        );
        let nothing_to_do = emitted.change.rows.is_empty() && emitted.change.send.is_empty();
        assert!(emitted.answer.is_ok() || nothing_to_do);
        let came = self.apply(emitted.change);
        emitted.answer.map(|id| (id, came))
    }

    pub(crate) fn trades(&self) -> Vec<view::PartyTradeView> {
        view::trades(&self.rows, &self.settings.address, 1000)
    }

    /// Lets Ann order; gives the trade's id.
    pub(crate) fn order(&mut self) -> String {
        let came = self.hears(ANN, json!({ "request": REQUEST }), order_body());
        let PartyOutcome::TradeMade(trade) = came.outcome else {
            panic!("{:?}", came.outcome);
        };
        trade.id.to_string()
    }
}

pub(crate) fn trade(id: &str) -> Value {
    json!({ "trade": { "shop": SHOP, "id": id } })
}

pub(crate) fn order_body() -> Value {
    json!({
        "kind": "order",
        "lines": [{ "name": "Kettle", "sku": "K-1", "quantity": 2, "price": eur("49.00") }],
        "total": eur("98.00"),
        "payment": { "method": "credit-card", "reference": "tok_1" },
        "delivery": { "method": "courier" },
        "buyer": buyer(),
    })
}

pub(crate) fn buyer() -> Value {
    json!({ "name": "Ann Example", "address":
        { "street": "1 High Street", "city": "York", "postal_code": "YO1 1AA", "country": "GB" } })
}

pub(crate) fn eur(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "EUR" })
}

/// The body with one member replaced, at a path such as "payment/method"; null removes it.
pub(crate) fn with(mut body: Value, path: &str, value: Value) -> Value {
    let mut place = &mut body;
    let mut names = path.split('/').peekable();
    while let Some(name) = names.next() {
        if names.peek().is_some() {
            place = match name.parse::<usize>() {
                Ok(i) => &mut place[i],
                Err(_) => &mut place[name],
            };
        } else if value.is_null() {
            place.as_object_mut().unwrap().remove(name);
        } else {
            place[name] = value.clone();
        }
    }
    body
}
