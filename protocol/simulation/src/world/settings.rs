//! What a scenario says of configurations and orders, as the decisions need it. Only what scenarios
//! use is understood; anything else is a slip.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use toml::Table;
use tradepost_buyer as buyer;
use tradepost_buyer::Back;
use tradepost_parties::kernel::{PartySettings, PartyTimers, settings};
use tradepost_statements::order::Order;
use tradepost_statements::wish::Wishes;
use tradepost_statements::{Address, Body, Evidence, wire};

use crate::play::amount;
use crate::scenario::span;

/// The settings of a server, from its table in the scenario.
pub(super) fn server(address: &str, table: &Table) -> PartySettings {
    knows(
        table,
        &["roles", "name", "shop", "carrier", "payment", "timers"],
    );
    let roles = texts(table, "roles");
    let plays = |role: &str| roles.iter().any(|r| r == role);
    let section = |name: &str| sub(table, name);
    let own_shop = plays("shop").then(|| super::address(address));
    let shops = |section: &Table| -> BTreeSet<Address> {
        let named = texts(section, "shops");
        let named = named.iter().map(|text| super::address(text));
        named.chain(own_shop.clone()).collect()
    };
    let timers = section("timers");
    knows(
        &timers,
        &["answer_first", "answer_longest", "tell_operator"],
    );
    let usual = PartyTimers::default();
    PartySettings {
        address: super::address(address),
        name: table
            .get("name")
            .and_then(toml::Value::as_str)
            .unwrap_or(address)
            .to_owned(),
        minimum: Evidence::Relay,
        minimum_of: BTreeMap::new(),
        shop: plays("shop").then(|| shop_settings(address, &section("shop"))),
        carrier: plays("carrier").then(|| settings::CarrierSettings {
            shops: shops(&section("carrier")),
        }),
        payment: plays("payment").then(|| payment_settings(&section("payment"), &shops)),
        timers: PartyTimers {
            answer_first: time(&timers, "answer_first").unwrap_or(usual.answer_first),
            answer_longest: time(&timers, "answer_longest").unwrap_or(usual.answer_longest),
            tell_operator: time(&timers, "tell_operator").unwrap_or(usual.tell_operator),
            ..usual
        },
        jobs: tradepost_parties::kernel::settings::FulfilmentSettings::default(),
    }
}

fn shop_settings(own: &str, table: &Table) -> settings::ShopSettings {
    knows(table, &["payment", "delivery", "confirm_within"]);
    let methods = |name: &str| sub(table, name);
    let payment = methods("payment").into_iter().map(|(method, value)| {
        let procedure = value.as_table().expect("a method has a table");
        knows(
            procedure,
            &["processor", "authorize", "charge", "due_within"],
        );
        let processor = text(procedure, "processor").unwrap_or(own.to_owned());
        let authorize = procedure.get("authorize").and_then(toml::Value::as_bool);
        let procedure = settings::PaymentProcedure {
            processor: super::address(&processor),
            authorize: authorize.unwrap_or_default(),
            charge: charge(procedure),
        };
        (from_word(&method), procedure)
    });
    let delivery = methods("delivery").into_iter().map(|(method, value)| {
        let procedure = value.as_table().expect("a method has a table");
        knows(procedure, &["carrier", "goods_command"]);
        let procedure = settings::DeliveryProcedure {
            goods: procedure.contains_key("goods_command"),
            carrier: text(procedure, "carrier")
                .or_else(|| {
                    procedure
                        .contains_key("goods_command")
                        .then(|| own.to_owned())
                })
                .map(|carrier| super::address(&carrier)),
        };
        (from_word(&method), procedure)
    });
    settings::ShopSettings {
        catalogue: None,
        payment: payment.collect(),
        delivery: delivery.collect(),
        confirm_within: time(table, "confirm_within"),
    }
}

fn charge(procedure: &Table) -> settings::Charge {
    match text(procedure, "charge").as_deref() {
        None | Some("on-confirmation") => settings::Charge::OnConfirmation,
        Some("on-shipping") => settings::Charge::OnShipping,
        Some("on-invoice") => settings::Charge::OnInvoice {
            due_within: time(procedure, "due_within").expect("an invoice is due within a time"),
        },
        Some(other) => panic!("charge = {other:?}?"),
    }
}

fn payment_settings(
    table: &Table,
    shops: &dyn Fn(&Table) -> BTreeSet<Address>,
) -> settings::PaymentSettings {
    knows(table, &["shops", "authorize"]);
    settings::PaymentSettings {
        shops: shops(table),
        authorize: match text(table, "authorize").as_deref() {
            None | Some("decline") => settings::AuthorizeAnswer::Decline,
            Some("approve") => settings::AuthorizeAnswer::Approve,
            Some(other) => panic!("authorize = {other:?}?"),
        },
    }
}

/// The settings of the buyer, from the table in the scenario.
pub(super) fn buyer(address: &str, table: &Table) -> buyer::BuyerSettings {
    knows(table, &["limits", "adopt"]);
    let mut settings = buyer::BuyerSettings::new([super::address(address)]);
    let limits = texts(&sub(table, "limits"), "unpaid");
    settings.unpaid_limits = limits
        .iter()
        .filter_map(|limit| amount(limit))
        .map(|limit| serde_json::from_value(limit).expect("a limit is an amount"))
        .collect();
    if let Some(adopt) = text(table, "adopt") {
        settings.adopt = from_word(&adopt);
    }
    settings
}

/// An order as a person writes it, and the shop that it goes to.
pub(super) fn order(form: &Table) -> (Address, Order) {
    let mut body = json!(form);
    let object = body.as_object_mut().expect("a table is an object");
    let to = object.remove("to").expect("an order goes to a shop");
    object.insert("kind".to_owned(), json!("order"));
    amounts(&mut body);
    let to = super::address(to.as_str().expect("an address is a text"));
    let statement = json!({
        "tradepost": wire::VERSION, "id": "01932c07-9a2e-7c11-8f54-0f6a1c0d9e22",
        "from": "ann@home.example", "to": to, "sent": "2026-11-20T10:00:00Z",
        "request": "01932c07-9a2e-7c11-8f54-0f6a1c0d9e21:ann@home.example", "body": body,
    });
    let read = wire::from_value(&statement).unwrap_or_else(|e| panic!("{e}: {statement:#}"));
    let Body::Order(order) = read.body else {
        panic!("the kind is there above: {statement:#}");
    };
    (to, *order)
}

/// `2` or `2:1`: a line, counted from 1, and how many of it.
pub(super) fn back(text: &str) -> Back {
    let (line, quantity) = match text.split_once(':') {
        Some((line, quantity)) => (line, Some(quantity)),
        None => (text, None),
    };
    let line: u32 = line.parse().expect("lines are counted");
    Back {
        line: line.checked_sub(1).expect("lines are counted from 1"),
        quantity: quantity.map(|q| q.parse().expect("there are some of a line")),
    }
}

/// What the buyer wants to be told of.
pub(super) fn wishes(on: &[String]) -> Wishes {
    serde_json::from_value(json!({ "on": on })).unwrap_or_else(|e| panic!("{on:?}: {e}"))
}

/// `"49.00 EUR"` wherever an amount stands.
pub(super) fn amounts(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(amount) = amount(text) {
                *value = amount;
            }
        }
        Value::Array(list) => list.iter_mut().for_each(amounts),
        Value::Object(object) => object.values_mut().for_each(amounts),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn knows(table: &Table, known: &[&str]) {
    let unknown = table.keys().find(|key| !known.contains(&key.as_str()));
    assert!(unknown.is_none(), "what is {unknown:?}? ({known:?})");
}

fn from_word<T: serde::de::DeserializeOwned>(word: &str) -> T {
    serde_json::from_value(json!(word)).unwrap_or_else(|e| panic!("{word}: {e}"))
}

fn sub(table: &Table, name: &str) -> Table {
    let found = table.get(name).and_then(toml::Value::as_table);
    found.cloned().unwrap_or_default()
}

fn text(table: &Table, name: &str) -> Option<String> {
    table.get(name)?.as_str().map(str::to_owned)
}

fn texts(table: &Table, name: &str) -> Vec<String> {
    let list = table.get(name).and_then(toml::Value::as_array);
    let texts = list.into_iter().flatten();
    texts
        .filter_map(|text| text.as_str().map(str::to_owned))
        .collect()
}

fn time(table: &Table, name: &str) -> Option<Duration> {
    let text = text(table, name)?;
    Some(span(&text).unwrap_or_else(|| panic!("{name} = {text:?}?")))
}
