//! Lines of the merchant's own system.

use serde_json::{Value, json};
use tradepost_parties::emit::LineRefusal;
use tradepost_statements::Kind;

use crate::server::{ANN, CARRIER, PROCESSOR, SHOP, Server, buyer, eur, order_body, trade, with};

fn carrier_with_a_trade() -> Server {
    let mut carrier = Server::carrier();
    let body = json!({ "kind": "delivery-instruction",
        "lines": [{ "line": 0, "quantity": 2, "name": "Kettle" }], "deliver_to": buyer(), "buyer_mail": ANN });
    carrier.hears(SHOP, trade("T-1"), body);
    carrier
}

fn processor_with_a_trade() -> Server {
    let mut processor = Server::processor();
    let body = json!({ "kind": "payment-instruction", "amount": eur("98.00"),
        "method": "credit-card", "buyer_mail": ANN });
    processor.hears(SHOP, trade("T-1"), body);
    processor
}

fn on(track: &str, key: &str, state: &str) -> Value {
    json!({ "key": key, "shop": SHOP, "trade": "T-1", "track": track, "state": state })
}

// Requirements: E11, E14
#[test]
fn a_line_becomes_a_status_for_the_buyer_and_the_shop() {
    let mut carrier = carrier_with_a_trade();
    carrier.later(60);
    let mut line = on("delivery", "woo-8812", "in-transit");
    line["planned"] = json!("2026-11-22T12:00:00Z");
    line["tracking_number"] = json!("X1");
    let (id, came) = carrier.emit(&line).unwrap();
    assert_eq!(
        came.kinds(),
        ["delivery-status shop", "delivery-status ann"]
    );
    assert_eq!(came.of(Kind::DeliveryStatus, ANN).id, id);
    assert!(came.said.iter().all(|s| s.answers.is_none()));
    let body = came.body(Kind::DeliveryStatus, ANN);
    let expected = json!({ "kind": "delivery-status", "sequence": 2, "state": "in-transit",
        "at": "2026-11-20T10:01:00Z", "delivery": { "planned": "2026-11-22T12:00:00Z" },
        "tracking_number": "X1" });
    assert_eq!(body, expected);
    // A status is a snapshot: what was known and is not told anew still holds.
    let (_, came) = carrier
        .emit(&on("delivery", "2", "out-for-delivery"))
        .unwrap();
    let body = came.body(Kind::DeliveryStatus, ANN);
    assert_eq!(body["delivery"]["planned"], "2026-11-22T12:00:00Z");
    assert_eq!(body["tracking_number"], "X1");
}

// Requirements: E11
#[test]
fn actual_is_the_time_of_the_event_where_the_state_requires_it() {
    let mut carrier = carrier_with_a_trade();
    let (_, came) = carrier.emit(&on("delivery", "1", "delivered")).unwrap();
    let body = came.body(Kind::DeliveryStatus, ANN);
    assert_eq!(body["delivery"]["actual"], "2026-11-20T10:00:00Z");
    let mut processor = processor_with_a_trade();
    let mut line = on("payment", "1", "settled");
    line["at"] = json!("2026-11-19T08:00:00Z");
    let (_, came) = processor.emit(&line).unwrap();
    let body = came.body(Kind::PaymentStatus, ANN);
    assert_eq!(body["settle"]["actual"], "2026-11-19T08:00:00Z");
    assert_eq!(body["amount"], eur("98.00"));
    // `at` never runs backwards within a track (protocol 3).
    assert_eq!(body["at"], "2026-11-20T10:00:00Z");
}

// Requirements: E14
#[test]
fn the_same_key_with_the_same_content_gets_the_same_answer_and_sends_nothing() {
    let mut carrier = carrier_with_a_trade();
    let line = on("delivery", "1", "in-transit");
    let (id, _) = carrier.emit(&line).unwrap();
    let reordered = format!(
        "{{\"state\":\"in-transit\",\"track\":\"delivery\",\"trade\":\"T-1\", \"shop\":\"{SHOP}\",\"key\":\"1\"}}"
    );
    for text in [line.to_string(), reordered] {
        let (again, came) = carrier.emit_text(&text).unwrap();
        assert_eq!(again, id);
        assert!(came.said.is_empty());
    }
    let refused = carrier.emit(&on("delivery", "1", "sorted")).err();
    let expected = LineRefusal::KeyWasUsedForOtherContent("1".to_owned());
    assert_eq!(refused, Some(expected));
    // A line that was refused left nothing behind: its key is free.
    assert!(carrier.emit(&on("delivery", "2", "announced")).is_err());
    assert!(carrier.emit(&on("delivery", "2", "sorted")).is_ok());
}

/// A line that is refused, changed in one place from one that is accepted.
fn check_refused(server: fn() -> Server, good: &Value, path: &str, bad: Value, says: &str) {
    let line = with(good.clone(), path, bad.clone());
    match server().emit(&line) {
        Ok(_) => panic!("accepted {line}"),
        Err(why) => assert!(why.to_string().contains(says), "{path} {bad}: {why}"),
    }
    if let Err(why) = server().emit(good) {
        panic!("{good}: {why}");
    }
}

// Requirements: E13
#[test]
fn what_a_line_cannot_say_is_refused_with_its_reason() {
    let delivery = json!({ "key": "1", "shop": SHOP, "trade": "T-1", "track": "delivery",
        "state": "in-transit", "lines": [{ "line": 0, "quantity": 2 }] });
    let rows: [(&str, Value, &str); 16] = [
        ("key", json!(null), "key: is missing"),
        ("key", json!(""), "key: "),
        ("key", json!(7), "key: "),
        ("trade", json!(null), "trade: is missing"),
        ("trade", json!("T-2"), "there is no trade"),
        ("trade", json!("a trade"), "trade: "),
        ("shop", json!("orders@other.example"), "there is no trade"),
        ("track", json!("parcel"), "track: "),
        ("track", json!("order"), "no shop"),
        ("state", json!("flying"), "flying"),
        ("state", json!(null), "state"),
        ("state", json!("shipped"), "shipped"),
        (
            "planed",
            json!("2026-11-22T12:00:00Z"),
            "unknown member \"planed\"",
        ),
        ("planned", json!("tomorrow"), "planned"),
        ("at", json!("2026-11-20T10:11:00Z"), "future"),
        ("lines", json!([{ "line": 1, "quantity": 1 }]), "no line 1"),
    ];
    for (path, bad, says) in rows {
        check_refused(carrier_with_a_trade, &delivery, path, bad, says);
    }
    let more: [(&str, Value, &str); 6] = [
        (
            "lines",
            json!([{ "line": 0, "quantity": 3 }]),
            "of which there are 3",
        ),
        ("tracking_url", json!("http://x.example"), "tracking_url"),
        ("reason", json!("bad luck"), "reason"),
        ("sequence", json!(7), "unknown member \"sequence\""),
        ("amount", eur("98.00"), "unknown member \"amount\""),
        ("parcel", json!(1), "parcel"),
    ];
    for (path, bad, says) in more {
        check_refused(carrier_with_a_trade, &delivery, path, bad, says);
    }
    let payment = json!({ "key": "1", "trade": "T-1", "track": "payment", "state": "partly-paid",
        "amount": eur("98.00"), "paid": eur("30.00") });
    let rows: [(&str, Value, &str); 6] = [
        ("amount", eur("97.00"), "not the trade's total"),
        (
            "amount",
            json!({ "amount": "98.00", "currency": "USD" }),
            "not the trade's total",
        ),
        ("paid", eur("98.01"), "more than 98.00 EUR"),
        (
            "paid",
            json!({ "amount": "30.00", "currency": "USD" }),
            "not in the trade's currency",
        ),
        ("refunded", eur("30.01"), "more than 30.00 EUR"),
        ("paid", json!("30.00"), "paid"),
    ];
    for (path, bad, says) in rows {
        check_refused(processor_with_a_trade, &payment, path, bad, says);
    }
    let planned = json!({ "key": "1", "trade": "T-1", "track": "payment", "state": "scheduled",
        "planned": "2026-12-01T00:00:00Z" });
    check_refused(
        processor_with_a_trade,
        &planned,
        "planned",
        json!(null),
        "settle.planned",
    );
}

#[test]
fn what_is_no_json_object_is_refused() {
    let mut carrier = carrier_with_a_trade();
    for text in [
        "",
        "{",
        "[]",
        "7",
        "{\"key\":\"1\",\"key\":\"2\"}",
        "{} {}",
        "\u{feff}{}",
    ] {
        assert!(carrier.emit_text(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_step_that_readers_would_warn_about_is_refused() {
    let rows = [
        (
            "delivery",
            vec!["in-transit", "delivered"],
            "in-transit",
            false,
        ),
        ("delivery", vec!["delivered"], "stopped", false),
        ("delivery", vec!["delivered"], "exception", false),
        ("delivery", vec!["delivered"], "delivered", true),
        ("delivery", vec!["delivered"], "returning", true),
        (
            "delivery",
            vec!["in-transit", "exception"],
            "in-transit",
            true,
        ),
        ("delivery", vec!["in-transit"], "announced", false),
        ("payment", vec!["settled"], "pending", false),
        ("payment", vec!["settled"], "partly-refunded", true),
        ("payment", vec!["settled", "disputed"], "settled", true),
        ("payment", vec!["refunded"], "voided", false),
        ("payment", vec!["authorized"], "pending", true),
    ];
    for (track, before, next, accepted) in rows {
        let mut server = match track {
            "delivery" => carrier_with_a_trade(),
            _ => processor_with_a_trade(),
        };
        for (i, state) in before.iter().enumerate() {
            server
                .emit(&on(track, &format!("before {i}"), state))
                .unwrap();
        }
        let mut line = on(track, "next", next);
        if next == "partly-refunded" {
            line["refunded"] = eur("30.00");
        }
        let said = server.emit(&line);
        assert_eq!(said.is_ok(), accepted, "{before:?} {next}");
    }
    let mut shop = Server::shop();
    let id = shop.order();
    let line = |key: &str, state: &str| json!({ "key": key, "trade": id, "track": "order", "state": state });
    let why = shop.emit(&line("1", "returned")).err().unwrap();
    assert!(why.to_string().contains("nothing has shipped"), "{why}");
    shop.emit(&line("2", "shipped")).unwrap();
    assert!(shop.emit(&line("3", "returned")).is_ok());
}

#[test]
fn without_an_instruction_a_carrier_has_nothing_to_tell() {
    let mut carrier = Server::carrier();
    let why = carrier
        .emit(&on("delivery", "1", "in-transit"))
        .err()
        .unwrap();
    assert!(why.to_string().contains("instruction"), "{why}");
}

#[test]
fn a_trade_id_that_two_shops_have_needs_the_shop() {
    let other = "orders@other.example";
    let mut carrier = carrier_with_a_trade();
    carrier
        .settings
        .carrier
        .as_mut()
        .unwrap()
        .shops
        .insert(other.parse().unwrap());
    let without = with(on("delivery", "1", "in-transit"), "shop", json!(null));
    let body = json!({ "kind": "delivery-instruction",
        "lines": [{ "line": 0, "quantity": 1, "name": "Cup" }], "deliver_to": buyer(), "buyer_mail": ANN });
    let about = json!({ "trade": { "shop": other, "id": "T-1" } });
    carrier.hears(other, about, body);
    let why = carrier.emit(&without).err().unwrap();
    assert!(why.to_string().contains(other), "{why}");
    assert!(carrier.emit(&on("delivery", "1", "in-transit")).is_ok());
    assert!(carrier_with_a_trade().emit(&without).is_ok());
}

// Requirements: E12
#[test]
fn named_parcels_are_told_by_name() {
    let body = |parcel: &str| {
        json!({ "kind": "delivery-instruction", "parcel": parcel,
            "lines": [{ "line": 0, "quantity": 1, "name": "Kettle" }], "deliver_to": buyer(), "buyer_mail": ANN })
    };
    let mut carrier = Server::carrier();
    let came = carrier.hears(SHOP, trade("T-1"), body("P1"));
    let status = came.body(Kind::DeliveryStatus, ANN);
    assert_eq!(status["parcel"], "P1");
    assert_eq!(status["lines"], json!([{ "line": 0, "quantity": 1 }]));
    // The only one needs no name.
    let (_, came) = carrier.emit(&on("delivery", "1", "picked-up")).unwrap();
    assert_eq!(came.body(Kind::DeliveryStatus, ANN)["parcel"], "P1");
    carrier.hears(SHOP, trade("T-1"), body("P2"));
    let why = carrier
        .emit(&on("delivery", "2", "picked-up"))
        .err()
        .unwrap();
    assert!(why.to_string().contains("P1, P2"), "{why}");
    let mut line = on("delivery", "2", "picked-up");
    line["parcel"] = json!("P2");
    let (_, came) = carrier.emit(&line).unwrap();
    assert_eq!(came.body(Kind::DeliveryStatus, ANN)["sequence"], 2);
    // Where the shop named none, the carrier may name its own.
    let mut carrier = carrier_with_a_trade();
    assert!(carrier.emit(&line).is_ok());
}

#[test]
fn a_shop_that_cancels_calls_carrier_and_processor_off() {
    let mut shop = Server::shop();
    let id = shop.order();
    let line = json!({ "key": "1", "trade": id, "track": "order", "state": "cancelled",
        "reason": "merchant-out-of-stock" });
    let (_, came) = shop.emit(&line).unwrap();
    let expected = ["order-status ann", "refund processor", "recall carrier"];
    assert_eq!(came.kinds(), expected);
    assert!(came.of(Kind::Recall, CARRIER).trade.is_some());
    assert!(came.of(Kind::Refund, PROCESSOR).trade.is_some());
}

fn record() -> Value {
    json!({ "trade": "W-77", "buyer_mail": ANN, "shop_name": "Example",
        "lines": order_body()["lines"], "total": eur("98.00"),
        "payment": { "method": "credit-card", "processor": PROCESSOR },
        "delivery": { "method": "courier", "carriers": [{ "address": CARRIER }] }, "buyer": buyer() })
}

#[test]
fn a_record_makes_a_trade_of_an_order_that_was_placed_elsewhere() {
    let mut shop = Server::shop();
    let (id, came) = shop
        .emit(&json!({ "key": "1", "record": record() }))
        .unwrap();
    assert_eq!(
        came.kinds(),
        ["trade-record ann"],
        "no instructions are sent"
    );
    let said = came.of(Kind::TradeRecord, ANN);
    assert_eq!(said.id, id);
    assert!(said.request.is_none() && said.answers.is_none());
    let body = came.body(Kind::TradeRecord, ANN);
    assert_eq!(
        (&body["version"], &body["placed"]),
        (&json!(1), &json!("2026-11-20T10:00:00Z"))
    );
    assert!(body.get("buyer_mail").is_none() && body.get("trade").is_none());
    // The same key: the same answer. The same body under another key: the same answer.
    for key in ["1", "2"] {
        let (again, came) = shop
            .emit(&json!({ "key": key, "record": record() }))
            .unwrap();
        assert_eq!(again, id);
        assert!(came.said.is_empty());
    }
    // Another body is the next version.
    shop.later(60);
    let changed = with(record(), "lines/0/name", json!("Red kettle"));
    let (_, came) = shop
        .emit(&json!({ "key": "3", "record": changed }))
        .unwrap();
    let body = came.body(Kind::TradeRecord, ANN);
    assert_eq!(
        (&body["version"], &body["placed"]),
        (&json!(2), &json!("2026-11-20T10:00:00Z"))
    );
    // Its order track can be told now.
    let line = json!({ "key": "4", "trade": "W-77", "track": "order", "state": "shipped" });
    let (_, came) = shop.emit(&line).unwrap();
    assert_eq!(came.body(Kind::OrderStatus, ANN)["sequence"], 1);
}

#[test]
fn a_record_that_no_reader_would_take_is_refused() {
    let good = json!({ "key": "1", "record": record() });
    let rows: [(&str, Value, &str); 12] = [
        ("record/total", eur("97.00"), "98.00 EUR"),
        (
            "record/total",
            json!({ "amount": "98.00", "currency": "USD" }),
            "record.total",
        ),
        ("record/lines", json!([]), "no lines"),
        ("record/lines", json!(null), "record.lines"),
        ("record/buyer", json!(null), "buyer"),
        ("record/buyer_mail", json!(null), "buyer_mail: is missing"),
        ("record/buyer_mail", json!("ann"), "buyer_mail"),
        ("record/trade", json!("a b"), "trade"),
        (
            "record/trade",
            json!({ "shop": "x@other.example", "id": "W-1" }),
            "another shop",
        ),
        ("record/discount", json!([]), "unknown member \"discount\""),
        (
            "record/payment/processor",
            json!("nobody"),
            "record.payment.processor",
        ),
        ("state", json!("shipped"), "unknown member \"state\""),
    ];
    for (path, bad, says) in rows {
        check_refused(Server::shop, &good, path, bad, says);
    }
    let why = Server::carrier().emit(&good).err().unwrap();
    assert!(why.to_string().contains("no shop"), "{why}");
}

#[test]
fn a_later_record_must_be_for_the_same_buyer_and_a_higher_version() {
    let mut shop = Server::shop();
    let line = |key: &str, path: &str, value: Value| {
        let changed = with(record(), "shop_name", json!(format!("Shop {key}")));
        json!({ "key": key, "record": with(changed, path, value) })
    };
    shop.emit(&line("1", "version", json!(3))).unwrap();
    let why = shop.emit(&line("2", "version", json!(3))).err().unwrap();
    assert!(why.to_string().contains("version 3"), "{why}");
    shop.emit(&line("3", "version", json!(5))).unwrap();
}

#[test]
fn a_version_of_a_trade_that_was_ordered_carries_its_request() {
    let mut shop = Server::shop();
    let id = shop.order();
    let changed = with(record(), "trade", json!(id));
    let changed = with(changed, "shop_name", json!("Example & Co"));
    let (_, came) = shop
        .emit(&json!({ "key": "1", "record": changed }))
        .unwrap();
    let said = came.of(Kind::TradeRecord, ANN);
    assert!(said.request.is_some());
    assert_eq!(came.body(Kind::TradeRecord, ANN)["version"], 2);
}

#[test]
fn one_server_tells_all_tracks_of_a_trade_that_was_placed_elsewhere() {
    let mut server = Server::all_in_one();
    let own = with(record(), "payment/processor", json!(SHOP));
    let own = with(own, "delivery/carriers", json!([{ "address": SHOP }]));
    server.emit(&json!({ "key": "0", "record": own })).unwrap();
    for (key, track, state) in [
        ("1", "delivery", "in-transit"),
        ("2", "payment", "settled"),
        ("3", "order", "shipped"),
    ] {
        let line = json!({ "key": key, "trade": "W-77", "track": track, "state": state });
        let (_, came) = server.emit(&line).unwrap();
        assert_eq!(came.kinds(), [format!("{track}-status ann")]);
    }
    // Of another's parcels it knows nothing.
    let foreign = with(record(), "trade", json!("W-78"));
    server
        .emit(&json!({ "key": "4", "record": foreign }))
        .unwrap();
    let line = json!({ "key": "5", "trade": "W-78", "track": "delivery", "state": "in-transit" });
    let why = server.emit(&line).err().unwrap();
    assert!(
        why.to_string()
            .contains("does not work on the delivery track"),
        "{why}"
    );
}
