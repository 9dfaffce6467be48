//! `confirm`, `cancel`, `return`, `status-request`, `notify`.

use std::time::Duration;

use serde_json::json;
use tradepost_parties::kernel::PartyOutcome;
use tradepost_statements::Kind;

use crate::server::{ANN, CARRIER, PROCESSOR, REQUEST, SHOP, Server, order_body, trade, with};

fn confirm(version: u32) -> serde_json::Value {
    json!({ "kind": "confirm", "version": version })
}

// Requirements: E7
#[test]
fn a_confirmation_is_answered_by_the_order_status() {
    let mut shop = Server::shop();
    let id = shop.order();
    let came = shop.hears(ANN, trade(&id), confirm(1));
    assert_eq!(came.kinds(), ["order-status ann"]);
    assert!(came.said[0].answers.is_some());
    let body = came.body(Kind::OrderStatus, ANN);
    assert_eq!(
        (&body["state"], &body["sequence"]),
        (&json!("confirmed"), &json!(2))
    );
    assert_eq!(shop.trades()[0].confirmed, Some(1));
    // Once more changes nothing: the last body, as it was.
    let again = shop.hears(ANN, trade(&id), confirm(1));
    assert_eq!(again.outcome, PartyOutcome::Answered(Kind::Confirm));
    assert_eq!(again.body(Kind::OrderStatus, ANN), body);
}

#[test]
fn a_confirmation_of_another_version_is_answered_by_the_newest_record_and_changes_nothing() {
    let mut shop = Server::shop();
    let id = shop.order();
    let came = shop.hears(ANN, trade(&id), confirm(2));
    assert_eq!(came.kinds(), ["trade-record ann", "order-status ann"]);
    assert_eq!(came.body(Kind::OrderStatus, ANN)["state"], "received");
    assert_eq!(shop.trades()[0].confirmed, None);
}

#[test]
fn a_shop_that_waits_for_the_confirmation_instructs_nobody_before_it() {
    let mut shop = Server::shop();
    shop.settings.shop.as_mut().unwrap().confirm_within = Some(Duration::from_secs(3600));
    let came = shop.hears(ANN, json!({ "request": REQUEST }), order_body());
    assert_eq!(came.kinds(), ["trade-record ann", "order-status ann"]);
    let body = came.body(Kind::TradeRecord, ANN);
    assert_eq!(body["confirm_by"], "2026-11-20T11:00:00Z");
    let id = came.said[0].trade.as_ref().unwrap().id.to_string();
    let came = shop.hears(ANN, trade(&id), confirm(1));
    let expected = [
        "order-status ann",
        "payment-instruction processor",
        "delivery-instruction carrier",
    ];
    assert_eq!(came.kinds(), expected);
    assert_eq!(
        came.body(Kind::PaymentInstruction, PROCESSOR)["reference"],
        "tok_1"
    );
}

// Requirements: E7
#[test]
fn a_cancellation_before_shipping_stops_the_trade() {
    for by_request in [false, true] {
        let mut shop = Server::shop();
        let id = shop.order();
        let about = if by_request {
            json!({ "request": REQUEST })
        } else {
            trade(&id)
        };
        let came = shop.hears(ANN, about.clone(), json!({ "kind": "cancel" }));
        let expected = ["refund processor", "recall carrier", "order-status ann"];
        assert_eq!(came.kinds(), expected);
        assert_eq!(came.body(Kind::OrderStatus, ANN)["state"], "cancelled");
        assert!(came.of(Kind::OrderStatus, ANN).answers.is_some());
        let refund = came.body(Kind::Refund, PROCESSOR);
        assert_eq!(refund["amount"], refund["refunded"]);
        let again = shop.hears(ANN, about, json!({ "kind": "cancel" }));
        assert_eq!(again.kinds(), ["order-status ann"]);
        assert_eq!(again.outcome, PartyOutcome::Answered(Kind::Cancel));
    }
}

// Requirements: E7
#[test]
fn a_cancellation_after_shipping_is_a_wish_that_the_operator_decides() {
    for shipped_as_told_by in ["shop", "carrier"] {
        let mut shop = Server::shop();
        let id = shop.order();
        if shipped_as_told_by == "shop" {
            shop.emit(&json!({ "key": "1", "trade": id, "track": "order", "state": "shipped" }))
                .unwrap();
        } else {
            let body = json!({ "kind": "delivery-status", "sequence": 2, "state": "picked-up",
                               "at": "2026-11-20T10:00:00Z", "delivery": {} });
            shop.hears(CARRIER, trade(&id), body);
        }
        let came = shop.hears(ANN, trade(&id), json!({ "kind": "cancel" }));
        assert_eq!(came.kinds(), ["order-status ann"]);
        assert!(matches!(came.outcome, PartyOutcome::OperatorDecides { .. }));
        assert!(shop.trades()[0].wants_back);
        assert_ne!(came.body(Kind::OrderStatus, ANN)["state"], "cancelled");
    }
}

#[test]
fn a_cancellation_that_overtakes_the_order_cancels_it() {
    let mut shop = Server::shop();
    let came = shop.hears(
        ANN,
        json!({ "request": REQUEST }),
        json!({ "kind": "cancel" }),
    );
    assert_eq!(came.outcome, PartyOutcome::Marked(Kind::Cancel));
    assert_eq!(
        came.body(Kind::OrderRejected, ANN)["reason"],
        "cancelled-by-buyer"
    );
    let came = shop.hears(ANN, json!({ "request": REQUEST }), order_body());
    assert_eq!(
        came.body(Kind::OrderRejected, ANN)["reason"],
        "cancelled-by-buyer"
    );
    assert!(shop.trades().is_empty());
}

#[test]
fn a_mark_counts_for_thirty_days() {
    let mut shop = Server::shop();
    shop.hears(
        ANN,
        json!({ "request": REQUEST }),
        json!({ "kind": "cancel" }),
    );
    shop.later(31 * 24 * 3600);
    let came = shop.hears(ANN, json!({ "request": REQUEST }), order_body());
    assert!(matches!(came.outcome, PartyOutcome::TradeMade(_)));
}

// Requirements: E23
#[test]
fn a_return_before_shipping_is_a_cancellation_and_later_waits_for_the_operator() {
    let mut shop = Server::shop();
    let id = shop.order();
    let came = shop.hears(ANN, trade(&id), json!({ "kind": "return" }));
    assert_eq!(came.body(Kind::OrderStatus, ANN)["state"], "cancelled");
    let mut shop = Server::shop();
    let id = shop.order();
    shop.emit(&json!({ "key": "1", "trade": id, "track": "order", "state": "shipped" }))
        .unwrap();
    let came = shop.hears(ANN, trade(&id), json!({ "kind": "return" }));
    assert_eq!(came.kinds(), ["order-status ann"]);
    assert!(matches!(came.outcome, PartyOutcome::OperatorDecides { .. }));
}

// Requirements: E15
#[test]
fn a_status_request_is_answered_by_the_record_and_each_track_without_a_new_sequence() {
    let mut server = Server::all_in_one();
    let id = server.order();
    for about in [trade(&id), json!({ "request": REQUEST })] {
        let came = server.hears(ANN, about, json!({ "kind": "status-request" }));
        let expected = [
            "trade-record ann",
            "order-status ann",
            "delivery-status ann",
            "payment-status ann",
        ];
        assert_eq!(came.kinds(), expected);
        assert!(came.said.iter().all(|s| s.answers.is_some()));
        assert_eq!(came.body(Kind::OrderStatus, ANN)["sequence"], 1);
        assert_eq!(came.body(Kind::TradeRecord, ANN)["version"], 1);
        assert!(came.of(Kind::TradeRecord, ANN).request.is_some());
    }
}

// Requirements: Q4
#[test]
fn a_status_request_for_a_rejected_order_is_answered_by_the_rejection() {
    let mut shop = Server::shop();
    let body = with(order_body(), "payment/method", json!("e-money"));
    let first = shop.hears(ANN, json!({ "request": REQUEST }), body);
    let came = shop.hears(
        ANN,
        json!({ "request": REQUEST }),
        json!({ "kind": "status-request" }),
    );
    assert_eq!(came.said, first.said);
}

/// The answer may be lost like any other: the same question again is answered again.
#[test]
fn a_repeated_question_about_a_rejected_order_is_answered_by_the_rejection_again() {
    let mut shop = Server::shop();
    let body = with(order_body(), "payment/method", json!("e-money"));
    let first = shop.hears(ANN, json!({ "request": REQUEST }), body);
    let asks = json!({ "kind": "status-request" });
    let question = shop.statement(ANN, json!({ "request": REQUEST }), asks);
    for _ in 0..2 {
        let came = shop.receive(Server::letter(ANN, &question));
        assert_eq!(came.said, first.said);
    }
}

// Requirements: E15
#[test]
fn who_is_not_the_buyer_learns_nothing() {
    let mut shop = Server::shop();
    let id = shop.order();
    let bob = "bob@home.example";
    for body in [
        json!({ "kind": "status-request" }),
        json!({ "kind": "cancel" }),
        json!({ "kind": "return" }),
        json!({ "kind": "notify", "on": ["order"] }),
        confirm(1),
    ] {
        let of_ann = shop.hears(bob, trade(&id), body.clone());
        let of_nobody = shop.hears(bob, trade("T-0"), body.clone());
        assert_eq!(of_ann.kinds(), ["unknown-trade bob@home.example"], "{body}");
        assert_eq!(
            of_ann.body(Kind::UnknownTrade, bob),
            of_nobody.body(Kind::UnknownTrade, bob)
        );
        assert!(of_ann.said[0].trade.is_none());
    }
    assert_eq!(shop.trades()[0].order.as_ref().unwrap().sequence, 1);
}

// Requirements: Q4
#[test]
fn a_request_that_the_shop_never_saw_is_unknown_and_asked_for_again() {
    let mut shop = Server::shop();
    let came = shop.hears(
        ANN,
        json!({ "request": REQUEST }),
        json!({ "kind": "status-request" }),
    );
    assert_eq!(came.kinds(), ["unknown-trade ann"]);
    assert!(came.said[0].answers.is_some());
}

// Requirements: Q5, Q7
#[test]
fn later_wishes_replace_earlier_ones_and_are_answered_by_the_present_statuses() {
    let mut shop = Server::shop();
    let id = shop.order();
    let early = shop.statement(
        ANN,
        trade(&id),
        json!({ "kind": "notify", "on": ["order"] }),
    );
    shop.later(60);
    let came = shop.hears(
        ANN,
        trade(&id),
        json!({ "kind": "notify", "on": ["order.shipped"] }),
    );
    assert_eq!(came.kinds(), ["order-status ann"]);
    // It was overtaken: the one that was sent later counts.
    let came = shop.receive(Server::letter(ANN, &early));
    assert_eq!(came.outcome, PartyOutcome::Answered(Kind::Notify));
    let quiet = json!({ "key": "1", "trade": id, "track": "order", "state": "preparing" });
    assert!(shop.emit(&quiet).unwrap().1.said.is_empty());
    let told = json!({ "key": "2", "trade": id, "track": "order", "state": "shipped" });
    let (statement, came) = shop.emit(&told).unwrap();
    assert_eq!(came.kinds(), ["order-status ann"]);
    assert_eq!(came.said[0].id, statement);
    // Untold changes count in the sequence.
    assert_eq!(came.body(Kind::OrderStatus, ANN)["sequence"], 3);
}

// Requirements: Q6
#[test]
fn an_address_elsewhere_gets_notices_only_once_it_asked_for_them() {
    let mut shop = Server::shop();
    let wishes = json!({ "on": ["order"], "to": "bob@office.example" });
    let came = shop.hears(
        ANN,
        json!({ "request": REQUEST }),
        with(order_body(), "notify", wishes),
    );
    assert!(came.notices.is_empty());
    let id = came.said[0].trade.as_ref().unwrap().id.to_string();
    let notify = json!({ "kind": "notify", "on": ["delivery"] });
    let stranger = shop.hears("eve@office.example", trade(&id), notify.clone());
    assert_eq!(stranger.kinds(), ["unknown-trade eve@office.example"]);
    let consent = shop.hears("bob@office.example", trade(&id), notify);
    assert!(matches!(consent.outcome, PartyOutcome::ConsentNoted(_)) && consent.said.is_empty());
    let line = json!({ "key": "1", "trade": id, "track": "order", "state": "preparing" });
    let (_, came) = shop.emit(&line).unwrap();
    assert_eq!(came.notices, ["bob@office.example"]);
    assert_eq!(came.kinds(), ["order-status ann"]);
}

#[test]
fn what_has_answers_is_never_answered() {
    let mut shop = Server::shop();
    let id = shop.order();
    let mut about = trade(&id);
    about["answers"] = json!("01932c07-9a2e-7c11-8f54-0f6a1c0d9e99");
    let came = shop.hears(ANN, about, json!({ "kind": "status-request" }));
    assert!(came.said.is_empty());
    let _ = SHOP;
}
