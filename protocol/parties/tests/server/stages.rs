//! `cancel` at every stage of a trade (E7, E23), and trades of two shops with one id.

use std::time::Duration;

use serde_json::{Value, json};
use tradepost_parties::kernel::{Ignored, PartyOutcome, settings};
use tradepost_parties::shop;
use tradepost_statements::Kind;

use crate::server::{ANN, CARRIER, Came, REQUEST, SHOP, Server, eur, order_body, trade};

fn emit(server: &mut Server, mut line: Value) -> Came {
    let key = server.their_id();
    line["key"] = json!(key);
    server.emit(&line).unwrap().1
}

fn order_is(server: &mut Server, id: &str, state: &str) {
    emit(
        server,
        json!({ "trade": id, "track": "order", "state": state }),
    );
}

fn parcel_is(server: &mut Server, id: &str, state: &str) {
    let mut body = json!({ "kind": "delivery-status", "sequence": 5, "state": state,
                           "at": server.now, "delivery": {} });
    if state == "delivered" {
        body["delivery"]["actual"] = json!(server.now);
    }
    server.hears(CARRIER, trade(id), body);
}

/// What the buyer is told, and whether the operator has to decide.
// Requirements: E7
#[test]
fn a_cancel_stops_what_has_not_shipped_and_asks_for_everything_back_later() {
    type Stage = (&'static str, fn(&mut Server, &str));
    let stages: [(Stage, &str, bool); 12] = [
        (("ordered", |_, _| {}), "cancelled", false),
        (
            ("confirmed", |s, id| order_is(s, id, "confirmed")),
            "cancelled",
            false,
        ),
        (
            ("preparing", |s, id| order_is(s, id, "preparing")),
            "cancelled",
            false,
        ),
        (
            ("on-hold", |s, id| order_is(s, id, "on-hold")),
            "cancelled",
            false,
        ),
        (
            ("awaiting", |s, id| order_is(s, id, "awaiting-payment")),
            "cancelled",
            false,
        ),
        (
            ("announced", |s, id| parcel_is(s, id, "announced")),
            "cancelled",
            false,
        ),
        (
            ("picked-up", |s, id| parcel_is(s, id, "picked-up")),
            "received",
            true,
        ),
        (
            ("partly", |s, id| order_is(s, id, "partly-shipped")),
            "partly-shipped",
            true,
        ),
        (
            ("shipped", |s, id| order_is(s, id, "shipped")),
            "shipped",
            true,
        ),
        (
            ("delivered", |s, id| parcel_is(s, id, "delivered")),
            "received",
            true,
        ),
        (
            ("cancelled", |s, id| order_is(s, id, "cancelled")),
            "cancelled",
            false,
        ),
        (
            ("taken back", |s, id| {
                order_is(s, id, "shipped");
                s.hears(ANN, trade(id), json!({ "kind": "return" }));
                emit(s, json!({ "trade": id, "return": "accept" }));
            }),
            "shipped",
            false,
        ),
    ];
    for by_request in [false, true] {
        for ((stage, reach), state, decides) in stages {
            let mut server = Server::shop();
            let id = server.order();
            reach(&mut server, &id);
            let about = if by_request {
                json!({ "request": REQUEST })
            } else {
                trade(&id)
            };
            let came = server.hears(ANN, about.clone(), json!({ "kind": "cancel" }));
            let status = came.body(Kind::OrderStatus, ANN);
            assert_eq!(status["state"], state, "{stage}");
            assert!(came.of(Kind::OrderStatus, ANN).answers.is_some());
            let waits = shop::returns(&server.rows, &server.settings.address, 9);
            assert_eq!(waits.len() == 1, decides, "{stage}");
            // Again: nothing more happens.
            let again = server.hears(ANN, about, json!({ "kind": "cancel" }));
            assert_eq!(again.kinds(), ["order-status ann"], "{stage}");
            assert_eq!(again.body(Kind::OrderStatus, ANN), status, "{stage}");
        }
    }
}

#[test]
fn before_it_is_confirmed_a_cancel_concerns_nobody_else() {
    let mut server = Server::shop();
    let wait = Duration::from_secs(3600);
    server.settings.shop.as_mut().unwrap().confirm_within = Some(wait);
    let id = server.order();
    let came = server.hears(ANN, trade(&id), json!({ "kind": "cancel" }));
    assert_eq!(came.kinds(), ["order-status ann"]);
    let confirm = json!({ "kind": "confirm", "version": 1 });
    let late = server.hears(ANN, trade(&id), confirm);
    assert_eq!(late.kinds(), ["order-status ann"]);
    assert_eq!(late.body(Kind::OrderStatus, ANN)["state"], "cancelled");
    // And nothing is due any more.
    server.later(7 * 24 * 3600);
    loop {
        let came = server.tick();
        assert!(came.said.is_empty());
        if came.outcome == PartyOutcome::Ignored(Ignored::NothingDue) {
            break;
        }
    }
}

/// E7: what the buyer has not agreed to is neither shipped nor, unnoticed, never charged.
#[test]
fn nothing_is_told_to_have_shipped_before_the_buyer_has_confirmed() {
    let mut server = Server::shop();
    let wait = Duration::from_secs(3600);
    server.settings.shop.as_mut().unwrap().confirm_within = Some(wait);
    let id = server.order();
    let line = |key: &str, state: &str| json!({ "key": key, "trade": id, "track": "order", "state": state });
    let refused = server.emit(&line("k1", "shipped")).err().unwrap();
    assert!(
        refused.to_string().contains("has not confirmed"),
        "{refused}"
    );
    assert!(server.emit(&line("k2", "preparing")).is_ok());
    let confirm = json!({ "kind": "confirm", "version": 1 });
    let came = server.hears(ANN, trade(&id), confirm);
    assert!(
        came.kinds()
            .iter()
            .any(|k| k.starts_with("payment-instruction"))
    );
    assert!(server.emit(&line("k1", "shipped")).is_ok());
}

/// Protocol 3, "Overtaking".
// Requirements: E7
#[test]
fn a_cancel_that_overtakes_its_order_counts_for_thirty_days() {
    for (days, rejected) in [(29, true), (31, false)] {
        let mut server = Server::shop();
        let by_request = json!({ "request": REQUEST });
        let came = server.hears(ANN, by_request.clone(), json!({ "kind": "cancel" }));
        assert_eq!(
            came.body(Kind::OrderRejected, ANN)["reason"],
            "cancelled-by-buyer"
        );
        server.later(days * 24 * 3600);
        let came = server.hears(ANN, by_request, order_body());
        assert_eq!(came.kinds()[0] == "order-rejected ann", rejected, "{days}");
        assert_eq!(server.trades().is_empty(), rejected);
    }
}

/// A trade is always named by the pair (protocol 1).
#[test]
fn trades_of_two_shops_with_one_id_are_apart() {
    const OTHER: &str = "orders@other.example";
    let bob = "bob@home.example";
    let mut server = Server::processor();
    server.settings.payment = Some(settings::PaymentSettings {
        shops: [SHOP.parse().unwrap(), OTHER.parse().unwrap()].into(),
        ..settings::PaymentSettings::default()
    });
    let about = |shop: &str| json!({ "trade": { "shop": shop, "id": "T-1" } });
    for (shop, buyer, amount) in [(SHOP, ANN, "98.00"), (OTHER, bob, "5.00")] {
        let body = json!({ "kind": "payment-instruction", "amount": eur(amount),
                           "method": "credit-card", "buyer_mail": buyer });
        let came = server.hears(shop, about(shop), body);
        assert_eq!(came.said[0].to.as_str(), shop);
    }
    // One of them is voided; the other goes on.
    let refund = json!({ "kind": "refund", "amount": eur("5.00"), "refunded": eur("5.00") });
    server.hears(OTHER, about(OTHER), refund);
    let states: Vec<(String, String)> = server
        .trades()
        .iter()
        .map(|t| {
            let state = t.payment.as_ref().unwrap().state.word();
            (t.shop.to_string(), state.to_owned())
        })
        .collect();
    let expected = [(OTHER, "voided"), (SHOP, "pending")];
    assert_eq!(states, expected.map(|(s, t)| (s.to_owned(), t.to_owned())));
    // Nobody may speak of the other's.
    let refund = json!({ "kind": "refund", "amount": eur("98.00"), "refunded": eur("98.00") });
    let came = server.hears(OTHER, about(SHOP), refund);
    assert!(matches!(
        came.outcome,
        PartyOutcome::Ignored(Ignored::SenderMayNotInstruct { .. })
    ));
    let asks = json!({ "kind": "status-request" });
    let foreign = server.hears(bob, about(SHOP), asks.clone());
    assert_eq!(foreign.said[0].body.kind(), Kind::UnknownTrade);
    let own = server.hears(ANN, about(SHOP), asks);
    assert_eq!(own.body(Kind::PaymentStatus, ANN)["state"], "pending");
    // A line has to say which one it means.
    let line = json!({ "key": "1", "trade": "T-1", "track": "payment", "state": "settled" });
    assert!(server.emit(&line).is_err());
    let mut named = line;
    named["shop"] = json!(SHOP);
    assert!(server.emit(&named).is_ok());
}

/// Protocol 7: each thing once, not a hundred times, and only what still matters.
#[test]
fn a_shop_that_slept_a_week_does_each_thing_once() {
    let mut server = Server::shop();
    let wait = Duration::from_secs(3 * 24 * 3600);
    server.settings.shop.as_mut().unwrap().confirm_within = Some(wait);
    // One that nobody confirmed, and one whose instructions were not answered.
    let unconfirmed = server.order();
    let request = REQUEST.replace("9e21", "9e22");
    let came = server.hears(ANN, json!({ "request": request }), order_body());
    let PartyOutcome::TradeMade(name) = came.outcome else {
        panic!("{:?}", came.outcome);
    };
    let confirm = json!({ "kind": "confirm", "version": 1 });
    let came = server.hears(ANN, trade(name.id.as_str()), confirm);
    assert!(
        came.kinds()
            .contains(&"payment-instruction processor".to_owned())
    );
    server.later(7 * 24 * 3600);
    let mut said = Vec::new();
    let mut told = 0;
    loop {
        let came = server.tick();
        if came.outcome == PartyOutcome::Ignored(Ignored::NothingDue) {
            break;
        }
        told += i32::from(matches!(came.outcome, PartyOutcome::OperatorTold { .. }));
        said.extend(came.kinds());
    }
    said.sort();
    let expected = [
        "delivery-instruction carrier",
        "order-status ann",
        "payment-instruction processor",
    ];
    assert_eq!(said, expected);
    assert_eq!(told, 2, "once for each that was not answered");
    let cancelled: Vec<String> = server
        .trades()
        .iter()
        .filter(|t| t.order.as_ref().unwrap().state.word() == "cancelled")
        .map(|t| t.id.to_string())
        .collect();
    assert_eq!(cancelled, [unconfirmed]);
}
