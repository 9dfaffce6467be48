//! Where one rule meets another: what a careless server would lose, repeat or say too often.

use std::time::Duration;

use serde_json::{Value, json};
use tradepost_parties::kernel::{Ignored, PartyOutcome};
use tradepost_parties::roles::due;
use tradepost_statements::{Kind, wire};

use crate::server::{
    ANN, CARRIER, PROCESSOR, REQUEST, SHOP, Server, buyer, eur, order_body, trade, with,
};

fn delivery_instruction(parcel: Value) -> Value {
    let body = json!({ "kind": "delivery-instruction",
        "lines": [{ "line": 0, "quantity": 2, "name": "Kettle" }], "deliver_to": buyer(), "buyer_mail": ANN });
    with(body, "parcel", parcel)
}

fn record(id: &str) -> Value {
    json!({ "trade": id, "buyer_mail": ANN, "shop_name": "Example",
        "lines": order_body()["lines"], "total": eur("98.00"),
        "payment": { "method": "credit-card", "processor": PROCESSOR },
        "delivery": { "method": "courier", "carriers": [{ "address": CARRIER }] }, "buyer": buyer() })
}

#[test]
fn a_wait_that_ends_within_a_millisecond_is_not_lost() {
    let mut shop = Server::shop();
    shop.order();
    shop.later(300);
    for _ in 0..2 {
        let change = shop.tick_with(0.123_456_7);
        assert_eq!(change.said.len(), 1);
    }
    // A clock that shows whole milliseconds, read the moment that something is due.
    for _ in 0..4 {
        let wake = due::next_wake(&shop.rows).unwrap();
        shop.now = wake;
        assert_eq!(shop.tick_with(0.123_456_7).said.len(), 1);
    }
}

#[test]
fn what_was_under_way_has_shipped_whatever_befell_it_later() {
    for later in ["exception", "on-hold"] {
        let mut shop = Server::shop();
        let id = shop.order();
        for (sequence, state) in [(2, "in-transit"), (3, later)] {
            let body = json!({ "kind": "delivery-status", "sequence": sequence, "state": state,
                               "at": "2026-11-20T10:00:00Z", "delivery": {} });
            shop.hears(CARRIER, trade(&id), body);
        }
        let came = shop.hears(ANN, trade(&id), json!({ "kind": "cancel" }));
        assert!(
            matches!(came.outcome, PartyOutcome::OperatorDecides { .. }),
            "{later}: {:?}",
            came.outcome
        );
        // Before it was under way, the same is no sign of shipping.
        let mut shop = Server::shop();
        let id = shop.order();
        let body = json!({ "kind": "delivery-status", "sequence": 2, "state": later,
                           "at": "2026-11-20T10:00:00Z", "delivery": {} });
        shop.hears(CARRIER, trade(&id), body);
        let came = shop.hears(ANN, trade(&id), json!({ "kind": "cancel" }));
        assert_eq!(came.body(Kind::OrderStatus, ANN)["state"], "cancelled");
    }
}

#[test]
fn a_step_that_arrives_late_still_says_that_something_shipped() {
    let mut shop = Server::shop();
    let id = shop.order();
    for (sequence, state) in [(3, "exception"), (2, "in-transit")] {
        let body = json!({ "kind": "delivery-status", "sequence": sequence, "state": state,
                           "at": "2026-11-20T10:00:00Z", "delivery": {} });
        shop.hears(CARRIER, trade(&id), body);
    }
    let came = shop.hears(ANN, trade(&id), json!({ "kind": "cancel" }));
    assert!(matches!(came.outcome, PartyOutcome::OperatorDecides { .. }));
}

// Requirements: Q7
#[test]
fn a_notice_goes_with_a_change_and_not_with_every_answer() {
    let mut shop = Server::shop();
    let wishes = json!({ "on": ["order"], "to": "family@home.example" });
    let came = shop.hears(
        ANN,
        json!({ "request": REQUEST }),
        with(order_body(), "notify", wishes),
    );
    assert_eq!(came.notices.len(), 1);
    let id = came.said[0].trade.as_ref().unwrap().id.to_string();
    let confirm = |version: u32| json!({ "kind": "confirm", "version": version });
    assert_eq!(shop.hears(ANN, trade(&id), confirm(1)).notices.len(), 1);
    for unchanging in [confirm(1), confirm(7)] {
        let came = shop.hears(ANN, trade(&id), unchanging);
        assert!(came.notices.is_empty());
    }
    let cancel = json!({ "kind": "cancel" });
    assert_eq!(shop.hears(ANN, trade(&id), cancel.clone()).notices.len(), 1);
    assert!(shop.hears(ANN, trade(&id), cancel).notices.is_empty());
}

#[test]
fn a_record_that_waits_for_its_confirmation_is_cancelled_when_none_comes() {
    for confirmed in [false, true] {
        let mut shop = Server::shop();
        let waits = with(record("W-1"), "confirm_by", json!("2026-11-21T10:00:00Z"));
        shop.emit(&json!({ "key": "1", "record": waits })).unwrap();
        if confirmed {
            shop.hears(
                ANN,
                trade("W-1"),
                json!({ "kind": "confirm", "version": 1 }),
            );
        }
        shop.later(24 * 3600 + 1);
        let said = shop.tick().said;
        assert_eq!(said.is_empty(), confirmed);
        let state = shop.trades()[0].order.as_ref().unwrap().state.word();
        assert_eq!(state, if confirmed { "confirmed" } else { "cancelled" });
    }
}

#[test]
fn a_later_version_may_put_the_end_of_the_wait_off() {
    let mut shop = Server::shop();
    shop.settings.shop.as_mut().unwrap().confirm_within = Some(Duration::from_secs(3600));
    let id = shop.order();
    let put_off = with(record(&id), "confirm_by", json!("2026-11-20T12:00:00Z"));
    shop.emit(&json!({ "key": "1", "record": put_off }))
        .unwrap();
    shop.later(3601);
    assert!(shop.tick().said.is_empty());
    shop.later(3600);
    let came = shop.tick();
    assert_eq!(came.body(Kind::OrderStatus, ANN)["state"], "cancelled");
}

#[test]
fn a_stored_answer_is_repeated_five_times_an_hour_however_it_is_asked_for() {
    let mut shop = Server::shop();
    let statement = shop.statement(ANN, json!({ "request": REQUEST }), order_body());
    shop.receive(Server::letter(ANN, &statement));
    let mut repeated = 0;
    for _ in 0..6 {
        repeated += shop.receive(Server::letter(ANN, &statement)).said.len();
        repeated += shop
            .hears(ANN, json!({ "request": REQUEST }), order_body())
            .said
            .len();
    }
    assert_eq!(repeated, 5);
}

#[test]
fn a_trade_that_is_cancelled_already_is_called_off_once() {
    let mut shop = Server::shop();
    let id = shop.order();
    let line =
        |key: &str| json!({ "key": key, "trade": id, "track": "order", "state": "cancelled" });
    let (_, came) = shop.emit(&line("1")).unwrap();
    let expected = ["order-status ann", "refund processor", "recall carrier"];
    assert_eq!(came.kinds(), expected);
    // Nor is anybody told again: it is no change (E14).
    let (_, came) = shop.emit(&line("2")).unwrap();
    assert!(came.said.is_empty());
}

#[test]
fn a_recall_of_everything_also_stops_the_parcel_that_it_overtook() {
    let mut carrier = Server::carrier();
    let late = carrier.statement(SHOP, trade("T-1"), delivery_instruction(json!("P2")));
    carrier.later(1);
    carrier.hears(SHOP, trade("T-1"), delivery_instruction(json!("P1")));
    carrier.later(1);
    carrier.hears(SHOP, trade("T-1"), json!({ "kind": "recall" }));
    let came = carrier.receive(Server::letter(SHOP, &late));
    assert_eq!(came.body(Kind::DeliveryStatus, ANN)["state"], "stopped");
    // One that was sent afterwards was not overtaken: the shop means it.
    carrier.later(1);
    let came = carrier.hears(SHOP, trade("T-1"), delivery_instruction(json!("P3")));
    assert_eq!(came.body(Kind::DeliveryStatus, ANN)["state"], "announced");
}

#[test]
fn the_unnamed_parcel_has_one_name() {
    let mut carrier = Server::carrier();
    carrier.hears(
        SHOP,
        trade("T-1"),
        json!({ "kind": "recall", "parcel": "" }),
    );
    let came = carrier.hears(SHOP, trade("T-1"), delivery_instruction(json!(null)));
    assert_eq!(came.body(Kind::DeliveryStatus, ANN)["state"], "stopped");
}

#[test]
fn an_order_whose_answer_could_not_be_read_is_rejected_in_words_that_can() {
    let long = "\u{1}".repeat(2600);
    let mut shop = Server::shop();
    shop.settings.shop.as_mut().unwrap().catalogue = Some(
        tradepost_parties::kernel::settings::Catalogue::new(Vec::new()),
    );
    let came = shop.hears(
        ANN,
        json!({ "request": REQUEST }),
        with(order_body(), "lines/0/sku", json!("x".repeat(16_384))),
    );
    assert_eq!(
        came.body(Kind::OrderRejected, ANN)["reason"],
        "unknown-item"
    );
    let other = REQUEST.replace("9e21", "9e22");
    let came = shop.hears(
        ANN,
        json!({ "request": other }),
        with(order_body(), "lines/0/sku", json!(long)),
    );
    assert_eq!(
        came.body(Kind::OrderRejected, ANN)["reason"],
        "unknown-item"
    );
    // An order as long as a statement may be: its record would be longer.
    let mut shop = Server::shop();
    shop.settings.name = "A shop ".repeat(600);
    let statement = shop.statement(ANN, json!({ "request": REQUEST }), order_body());
    let room = wire::MOST_OCTETS - statement.to_string().len() - 3_000;
    let pad = |n: usize| json!({ "name": "n".repeat(n), "quantity": 1, "price": eur("0.00") });
    let mut body = order_body();
    let lines = body["lines"].as_array_mut().unwrap();
    lines.extend((0..room / 16_000).map(|_| pad(15_900)));
    lines.push(pad(room % 16_000));
    let came = shop.hears(ANN, json!({ "request": REQUEST }), body);
    assert_eq!(
        came.body(Kind::OrderRejected, ANN)["reason"],
        "invalid-order"
    );
    assert!(shop.trades().is_empty());
}

#[test]
fn wishes_of_a_checkout_do_not_undo_what_the_buyer_wished_later() {
    let mut shop = Server::shop();
    let line = |key: &str, name: &str| {
        let body = with(record("W-1"), "shop_name", json!(name));
        json!({ "key": key, "record": with(body, "notify", json!({ "on": ["order"] })) })
    };
    shop.emit(&line("1", "One")).unwrap();
    shop.later(60);
    let silence = json!({ "kind": "notify", "on": [] });
    shop.hears(ANN, trade("W-1"), silence);
    shop.later(60);
    shop.emit(&line("2", "Two")).unwrap();
    let status = json!({ "key": "3", "trade": "W-1", "track": "order", "state": "preparing" });
    assert!(shop.emit(&status).unwrap().1.said.is_empty());
    // Without a word of the buyer, what the checkout says later counts, even alone.
    let mut shop = Server::shop();
    shop.emit(&json!({ "key": "1", "record": record("W-1") }))
        .unwrap();
    let quiet = with(record("W-1"), "notify", json!({ "on": [] }));
    shop.emit(&json!({ "key": "2", "record": quiet })).unwrap();
    assert!(shop.emit(&status).unwrap().1.said.is_empty());
}

#[test]
fn a_record_of_another_kind_is_refused() {
    let mut shop = Server::shop();
    let wrong = with(record("W-1"), "kind", json!("order-status"));
    let why = shop.emit(&json!({ "key": "1", "record": wrong })).err();
    assert!(why.unwrap().to_string().contains("kind"));
    let right = with(record("W-1"), "kind", json!("trade-record"));
    assert!(shop.emit(&json!({ "key": "1", "record": right })).is_ok());
}

#[test]
fn a_line_for_a_track_of_another_server_says_that_and_not_that_an_amount_is_missing() {
    let mut server = Server::carrier();
    server.settings.payment = Some(tradepost_parties::kernel::settings::PaymentSettings::default());
    server.hears(SHOP, trade("T-1"), delivery_instruction(json!(null)));
    let line = json!({ "key": "1", "trade": "T-1", "track": "payment", "state": "settled" });
    let why = server.emit(&line).err().unwrap().to_string();
    assert!(why.contains("no payment-instruction"), "{why}");
}

#[test]
fn a_statement_of_the_same_id_is_executed_once_also_when_it_was_not_answered_at_first() {
    let mut carrier = Server::carrier();
    let statement = carrier.statement(SHOP, trade("T-1"), delivery_instruction(json!(null)));
    carrier.settings.carrier.as_mut().unwrap().shops.clear();
    let came = carrier.receive(Server::letter(SHOP, &statement));
    assert!(matches!(
        came.outcome,
        PartyOutcome::Ignored(Ignored::SenderMayNotInstruct { .. })
    ));
    let shop = SHOP.parse().unwrap();
    carrier
        .settings
        .carrier
        .as_mut()
        .unwrap()
        .shops
        .insert(shop);
    assert_eq!(
        carrier.receive(Server::letter(SHOP, &statement)).said.len(),
        2
    );
    assert_eq!(
        carrier.receive(Server::letter(SHOP, &statement)).said.len(),
        1
    );
}

#[test]
fn an_order_through_a_request_of_somebody_else_is_silence() {
    let mut shop = Server::shop();
    let bob = "bob@home.example";
    for body in [
        order_body(),
        json!({ "kind": "cancel" }),
        json!({ "kind": "status-request" }),
    ] {
        let came = shop.hears(bob, json!({ "request": REQUEST }), body);
        assert!(came.said.is_empty() && matches!(came.outcome, PartyOutcome::Ignored(_)));
    }
    // Nothing of it stands in the way of the real one.
    shop.order();
    let came = shop.hears(
        bob,
        json!({ "request": REQUEST }),
        json!({ "kind": "notify", "on": [] }),
    );
    assert_eq!(came.kinds(), ["unknown-trade bob@home.example"]);
    assert!(came.said[0].request.is_none());
}

#[test]
fn a_returned_or_lost_delivery_of_its_own_counts_as_shipped() {
    let mut server = Server::all_in_one();
    let id = server.order();
    let line = json!({ "key": "1", "trade": id, "track": "delivery", "state": "lost" });
    server.emit(&line).unwrap();
    let came = server.hears(ANN, trade(&id), json!({ "kind": "cancel" }));
    assert!(matches!(came.outcome, PartyOutcome::OperatorDecides { .. }));
}

#[test]
fn a_carrier_cannot_grow_a_trade_without_end() {
    let mut shop = Server::shop();
    let id = shop.order();
    let status = |parcel: u32, sequence: u32| {
        json!({ "kind": "delivery-status", "sequence": sequence, "state": "in-transit",
            "parcel": format!("P{parcel}"), "at": "2026-11-20T10:00:00Z", "delivery": {} })
    };
    for parcel in 0..200 {
        let came = shop.hears(CARRIER, trade(&id), status(parcel, 1));
        assert!(matches!(came.outcome, PartyOutcome::Heard { .. }));
    }
    let came = shop.hears(CARRIER, trade(&id), status(200, 1));
    assert_eq!(came.outcome, PartyOutcome::Ignored(Ignored::TooManyParcels));
    let came = shop.hears(CARRIER, trade(&id), status(199, 2));
    assert!(matches!(came.outcome, PartyOutcome::Heard { .. }));
}
