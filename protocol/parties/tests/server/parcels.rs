//! Parcels of one trade, each with its own way: steps, places, windows, failed attempts, pickup points
//! (E10, E12).

use serde_json::{Value, json};
use tradepost_parties::kernel::{Ignored, PartyOutcome};

use crate::scene::{carrier, delivery, delivery_to, on, parcel, refused, told};
use crate::server::{ANN, SHOP, Server, eur, order_body, trade, with};

fn step(name: &str, state: &str) -> Value {
    with(on("delivery", state), "parcel", json!(name))
}

fn two_parcels() -> Server {
    let mut carrier = Server::carrier();
    carrier.hears(SHOP, trade("T-1"), parcel("P1"));
    carrier.hears(SHOP, trade("T-1"), parcel("P2"));
    carrier
}

// Requirements: E12
#[test]
fn each_parcel_has_a_track_and_a_sequence_of_its_own() {
    let mut carrier = two_parcels();
    for (name, state, sequence) in [
        ("P1", "picked-up", 2),
        ("P1", "in-transit", 3),
        ("P2", "picked-up", 2),
        ("P1", "delivered", 4),
        ("P2", "lost", 3),
    ] {
        let status = delivery_to(&told(&mut carrier, step(name, state)), ANN);
        let expected = (json!(name), json!(state), json!(sequence));
        let is = (&status["parcel"], &status["state"], &status["sequence"]);
        assert_eq!(is, (&expected.0, &expected.1, &expected.2));
    }
    let view = carrier.trades();
    let states: Vec<_> = view[0].delivery.iter().map(|d| d.state.word()).collect();
    assert_eq!(states, ["delivered", "lost"]);
}

// Requirements: E12
#[test]
fn the_way_of_a_parcel_is_told_step_by_step_with_its_places() {
    let mut carrier = carrier();
    let steps = [
        ("picked-up", Some("Leeds")),
        ("at-terminal", Some("Leeds terminal")),
        ("sorted", None),
        ("in-transit", Some("A1")),
        ("out-for-delivery", None),
        ("attempt-failed", Some("1 High Street")),
        ("ready-for-pickup", Some("Kiosk, 3 High Street")),
        ("delivered", None),
    ];
    for (state, place) in steps {
        let mut line = on("delivery", state);
        if let Some(place) = place {
            line["place"] = json!(place);
        }
        let status = delivery_to(&told(&mut carrier, line), ANN);
        assert_eq!(status["state"], state);
        // A place belongs to its step: the parcel is not there any more.
        assert_eq!(status["place"].as_str(), place, "{state}");
    }
}

// Requirements: E12
#[test]
fn a_planned_window_holds_until_another_is_planned_and_falls_with_the_delivery() {
    let mut carrier = carrier();
    let mut line = on("delivery", "in-transit");
    line["planned"] = json!("2026-11-22T12:00:00Z");
    line["planned_until"] = json!("2026-11-22T14:00:00Z");
    let window =
        json!({ "planned": "2026-11-22T12:00:00Z", "planned_until": "2026-11-22T14:00:00Z" });
    assert_eq!(
        delivery_to(&told(&mut carrier, line.clone()), ANN)["delivery"],
        window
    );
    for state in ["out-for-delivery", "on-hold", "attempt-failed"] {
        let status = delivery_to(&told(&mut carrier, on("delivery", state)), ANN);
        assert_eq!(status["delivery"], window, "{state}");
    }
    let next = with(
        on("delivery", "in-transit"),
        "planned",
        json!("2026-11-23T12:00:00Z"),
    );
    let status = delivery_to(&told(&mut carrier, next), ANN);
    assert_eq!(
        status["delivery"],
        json!({ "planned": "2026-11-23T12:00:00Z" })
    );
    for state in ["lost", "returning", "returned"] {
        let status = delivery_to(&told(&mut carrier, on("delivery", state)), ANN);
        assert_eq!(
            status["delivery"],
            json!({}),
            "nobody waits for it any more: {state}"
        );
    }
    line["planned_until"] = json!("2026-11-22T11:00:00Z");
    let mut other = self::carrier();
    let why = refused(&mut other, line.clone());
    assert!(why.contains("before planned"), "{why}");
    line["planned_until"] = json!("2026-11-22T12:00:00Z");
    told(&mut other, line);
}

#[test]
fn a_parcel_can_be_held_lost_found_and_delivered() {
    let mut carrier = carrier();
    let mut held = on("delivery", "on-hold");
    held["reason"] = json!("customs-payment-due");
    held["text"] = json!("Please pay the duty to the customs office.");
    let status = delivery_to(&told(&mut carrier, held.clone()), ANN);
    assert_eq!(status["reason"], "customs-payment-due");
    for state in ["in-transit", "lost", "in-transit", "exception", "delivered"] {
        let status = delivery_to(&told(&mut carrier, on("delivery", state)), ANN);
        assert!(
            status.get("reason").is_none(),
            "a reason belongs to its state"
        );
    }
    held["reason"] = json!("duty");
    let why = refused(&mut self::carrier(), held);
    assert!(why.contains("reason"), "{why}");
}

#[test]
fn a_line_without_parcel_is_refused_where_several_are_named() {
    let mut carrier = two_parcels();
    let why = refused(&mut carrier, on("delivery", "in-transit"));
    assert!(why.contains("P1, P2"), "{why}");
    told(&mut carrier, step("P2", "in-transit"));
}

// Requirements: E10
#[test]
fn a_parcel_that_the_shop_names_later_gets_a_track_and_one_that_is_known_is_changed() {
    let mut carrier = two_parcels();
    told(&mut carrier, step("P1", "in-transit"));
    let came = carrier.hears(SHOP, trade("T-1"), parcel("P3"));
    assert_eq!(delivery_to(&came, ANN)["state"], "announced");
    // The same again: answered, nothing else.
    let came = carrier.hears(SHOP, trade("T-1"), parcel("P1"));
    assert_eq!(came.kinds(), ["delivery-status shop"]);
    assert_eq!(delivery_to(&came, SHOP)["sequence"], 2);
    // Another address: the parcel goes on, and both are told.
    let elsewhere = with(parcel("P1"), "deliver_to/address/city", json!("Leeds"));
    let came = carrier.hears(SHOP, trade("T-1"), elsewhere.clone());
    assert_eq!(
        came.kinds(),
        ["delivery-status shop", "delivery-status ann"]
    );
    let status = delivery_to(&came, ANN);
    assert_eq!(
        (&status["state"], &status["sequence"]),
        (&json!("in-transit"), &json!(3))
    );
    assert!(
        status["text"]
            .as_str()
            .unwrap()
            .contains("changed the instructions")
    );
    assert!(
        !status.to_string().contains("Leeds"),
        "no address in a status"
    );
    let fewer = with(elsewhere, "lines/0/quantity", json!(1));
    let came = carrier.hears(SHOP, trade("T-1"), fewer.clone());
    let status = delivery_to(&came, ANN);
    assert_eq!(status["lines"], json!([{ "line": 0, "quantity": 1 }]));
    assert_eq!(status["sequence"], 4, "other content is another sequence");
    // Too late.
    told(&mut carrier, step("P1", "delivered"));
    let came = carrier.hears(SHOP, trade("T-1"), parcel("P1"));
    assert_eq!(came.kinds(), ["delivery-status shop"]);
    let status = delivery_to(&came, SHOP);
    assert_eq!(status["state"], "delivered");
    assert!(
        status["text"]
            .as_str()
            .unwrap()
            .contains("can no longer be changed")
    );
    let again = carrier.hears(SHOP, trade("T-1"), fewer);
    assert_eq!(
        delivery_to(&again, SHOP),
        status,
        "what counts is what counted last"
    );
}

#[test]
fn a_carrier_names_parcels_of_its_own_up_to_a_limit() {
    let mut carrier = carrier();
    for number in 1..200 {
        told(&mut carrier, step(&format!("C{number}"), "picked-up"));
    }
    let why = refused(&mut carrier, step("C200", "picked-up"));
    assert!(why.contains("200 parcels already"), "{why}");
    told(&mut carrier, step("C199", "in-transit"));
    let came = carrier.hears(SHOP, trade("T-1"), parcel("P1"));
    assert_eq!(came.outcome, PartyOutcome::Ignored(Ignored::TooManyParcels));
    let came = carrier.hears(SHOP, trade("T-1"), delivery());
    assert_eq!(
        came.outcome,
        PartyOutcome::Answered(tradepost_statements::Kind::DeliveryInstruction)
    );
}

#[test]
fn parcels_that_a_record_names_are_the_only_ones() {
    let mut server = Server::all_in_one();
    let record = json!({ "trade": "W-1", "buyer_mail": ANN, "shop_name": "Example",
        "lines": order_body()["lines"], "total": eur("98.00"),
        "payment": { "method": "credit-card", "processor": SHOP },
        "delivery": { "method": "courier", "carriers": [{ "address": SHOP, "parcels": ["P1", "P2"] }] },
        "buyer": order_body()["buyer"] });
    server
        .emit(&json!({ "key": "0", "record": record }))
        .unwrap();
    let line = |name: &str| with(step(name, "in-transit"), "trade", json!("W-1"));
    let why = refused(&mut server, line("P3"));
    assert!(why.contains("P1, P2"), "{why}");
    told(&mut server, line("P2"));
}
