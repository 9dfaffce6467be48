//! Carrier and payment processor: what they take, from whom, and what they tell of it.

use serde_json::{Value, json};
use tradepost_parties::kernel::{Ignored, PartyOutcome};
use tradepost_statements::Kind;

use crate::server::{ANN, CARRIER, Came, PROCESSOR, SHOP, Server, buyer, eur, trade, with};

fn delivery() -> Value {
    json!({ "kind": "delivery-instruction", "lines": [{ "line": 0, "quantity": 2, "name": "Kettle" }],
            "deliver_to": buyer(), "buyer_mail": ANN })
}

fn payment() -> Value {
    json!({ "kind": "payment-instruction", "amount": eur("98.00"), "method": "credit-card",
            "reference": "tok_1", "buyer_mail": ANN })
}

fn refund(amount: &str, refunded: &str) -> Value {
    json!({ "kind": "refund", "amount": eur(amount), "refunded": eur(refunded) })
}

fn recall() -> Value {
    json!({ "kind": "recall" })
}

// Requirements: E9, E10
#[test]
fn an_instruction_makes_an_entry_and_is_told_to_the_shop_as_answer_and_to_the_buyer_as_news() {
    for (mut server, body, kind, state) in [
        (
            Server::carrier(),
            delivery(),
            Kind::DeliveryStatus,
            "announced",
        ),
        (
            Server::processor(),
            payment(),
            Kind::PaymentStatus,
            "pending",
        ),
    ] {
        let came = server.hears(SHOP, trade("T-1"), body);
        assert_eq!(
            came.kinds(),
            [format!("{kind} shop"), format!("{kind} ann")]
        );
        assert!(came.of(kind, SHOP).answers.is_some());
        // E14; and an answer to somebody else's question would be warned about.
        assert!(came.of(kind, ANN).answers.is_none());
        assert_eq!(came.body(kind, ANN), came.body(kind, SHOP));
        assert_ne!(came.said[0].id, came.said[1].id);
        assert_eq!(came.body(kind, ANN)["state"], state);
        assert_eq!(came.body(kind, ANN)["sequence"], 1);
        assert_eq!(server.trades()[0].buyer.as_str(), ANN);
    }
}

// Requirements: E13
#[test]
fn a_bank_transfer_is_due_until_the_end_of_its_day() {
    let mut server = Server::processor();
    let body = with(payment(), "method", json!("bank-transfer"));
    let body = with(body, "due", json!("2026-12-01"));
    let came = server.hears(SHOP, trade("T-1"), body);
    let status = came.body(Kind::PaymentStatus, ANN);
    assert_eq!(status["state"], "due");
    assert_eq!(status["settle"]["planned"], "2026-12-01T23:59:59Z");
}

// Requirements: E9
#[test]
fn only_a_configured_shop_instructs_and_only_about_its_own_trades() {
    let other = "orders@other.example";
    for (mut server, bodies) in [
        (Server::carrier(), vec![delivery(), recall()]),
        (
            Server::processor(),
            vec![payment(), refund("98.00", "98.00")],
        ),
    ] {
        for body in bodies {
            let of_other = json!({ "trade": { "shop": other, "id": "T-1" } });
            for (from, about) in [
                (other, of_other),
                (other, trade("T-1")),
                (ANN, trade("T-1")),
            ] {
                let came = server.hears(from, about, body.clone());
                let refused = matches!(
                    came.outcome,
                    PartyOutcome::Ignored(Ignored::SenderMayNotInstruct { .. })
                );
                assert!(refused && came.said.is_empty(), "{from} {body}");
            }
            let came = server.hears(SHOP, trade("T-1"), body.clone());
            assert!(!matches!(came.outcome, PartyOutcome::Ignored(_)), "{body}");
        }
    }
}

// Requirements: E10
#[test]
fn servers_take_only_instructions_of_their_own_role() {
    let mut carrier = Server::carrier();
    let came = carrier.hears(SHOP, trade("T-1"), payment());
    let expected = Ignored::NotForThisServer(Kind::PaymentInstruction);
    assert_eq!(came.outcome, PartyOutcome::Ignored(expected));
}

#[test]
fn the_same_instruction_again_is_answered_again_and_does_nothing_twice() {
    let mut carrier = Server::carrier();
    let statement = carrier.statement(SHOP, trade("T-1"), delivery());
    let first = carrier.receive(Server::letter(SHOP, &statement));
    let again = carrier.receive(Server::letter(SHOP, &statement));
    assert_eq!(again.said, [first.said[0].clone()]);
    let restated = carrier.hears(SHOP, trade("T-1"), delivery());
    assert_eq!(restated.kinds(), ["delivery-status shop"]);
    assert_eq!(restated.body(Kind::DeliveryStatus, SHOP)["sequence"], 1);
}

fn state(came: &Came, kind: Kind) -> Value {
    came.body(kind, ANN)["state"].clone()
}

#[test]
fn a_recall_stops_what_waits_and_turns_back_what_is_under_way() {
    for (said_before, expected) in [
        (None, Some("stopped")),
        (Some("in-transit"), Some("returning")),
        (Some("delivered"), None),
    ] {
        let mut carrier = Server::carrier();
        carrier.hears(SHOP, trade("T-1"), delivery());
        if let Some(state) = said_before {
            let line = json!({ "key": "1", "trade": "T-1", "track": "delivery", "state": state });
            carrier.emit(&line).unwrap();
        }
        let came = carrier.hears(SHOP, trade("T-1"), recall());
        assert!(came.of(Kind::DeliveryStatus, SHOP).answers.is_some());
        match expected {
            Some(expected) => assert_eq!(state(&came, Kind::DeliveryStatus), expected),
            None => assert_eq!(came.kinds(), ["delivery-status shop"]),
        }
    }
}

// Requirements: E23
#[test]
fn a_refund_voids_what_was_not_settled_and_gives_back_what_was() {
    for (said_before, expected) in [
        (None, Some("voided")),
        (Some("authorized"), Some("voided")),
        (Some("settled"), Some("refund-pending")),
        (Some("voided"), None),
    ] {
        let mut server = Server::processor();
        server.hears(SHOP, trade("T-1"), payment());
        if let Some(state) = said_before {
            let line = json!({ "key": "1", "trade": "T-1", "track": "payment", "state": state });
            server.emit(&line).unwrap();
        }
        let wrong = server.hears(SHOP, trade("T-1"), refund("97.00", "97.00"));
        assert!(wrong.said.is_empty());
        let came = server.hears(SHOP, trade("T-1"), refund("98.00", "98.00"));
        assert!(came.of(Kind::PaymentStatus, SHOP).answers.is_some());
        match expected {
            Some(expected) => assert_eq!(state(&came, Kind::PaymentStatus), expected),
            None => assert_eq!(came.kinds(), ["payment-status shop"]),
        }
    }
}

#[test]
fn a_part_of_what_was_not_settled_is_not_told_as_paid_back() {
    for (said_before, refunded, expected) in [
        (None, "30.00", "pending"),
        (Some("authorized"), "30.00", "authorized"),
        (Some("settled"), "30.00", "refund-pending"),
        (Some("partly-paid"), "98.00", "refund-pending"),
    ] {
        let mut server = Server::processor();
        server.hears(SHOP, trade("T-1"), payment());
        if let Some(state) = said_before {
            let mut line =
                json!({ "key": "1", "trade": "T-1", "track": "payment", "state": state });
            if state == "partly-paid" {
                line["paid"] = eur("40.00");
            }
            server.emit(&line).unwrap();
        }
        let came = server.hears(SHOP, trade("T-1"), refund("98.00", refunded));
        assert_eq!(state(&came, Kind::PaymentStatus), expected);
    }
    // Before the instruction, only all of it stops the payment.
    let mut server = Server::processor();
    let came = server.hears(SHOP, trade("T-1"), refund("98.00", "30.00"));
    assert!(came.said.is_empty());
    let came = server.hears(SHOP, trade("T-1"), payment());
    assert_eq!(state(&came, Kind::PaymentStatus), "pending");
}

#[test]
fn what_overtakes_its_instruction_leaves_a_mark_and_nothing_starts() {
    let mut carrier = Server::carrier();
    let early = carrier.statement(SHOP, trade("T-1"), recall());
    let came = carrier.receive(Server::letter(SHOP, &early));
    assert_eq!(came.outcome, PartyOutcome::Marked(Kind::Recall));
    let came = carrier.hears(SHOP, trade("T-1"), delivery());
    assert_eq!(state(&came, Kind::DeliveryStatus), "stopped");
    // The shop asks again for want of an answer, and gets one now.
    let came = carrier.receive(Server::letter(SHOP, &early));
    assert_eq!(came.kinds(), ["delivery-status shop"]);

    let mut processor = Server::processor();
    let came = processor.hears(SHOP, trade("T-1"), refund("98.00", "98.00"));
    assert_eq!(came.outcome, PartyOutcome::Marked(Kind::Refund));
    let came = processor.hears(SHOP, trade("T-1"), payment());
    assert_eq!(state(&came, Kind::PaymentStatus), "voided");
    // A mark counts for 30 days.
    let mut carrier = Server::carrier();
    carrier.hears(SHOP, trade("T-1"), recall());
    carrier.later(31 * 24 * 3600);
    let came = carrier.hears(SHOP, trade("T-1"), delivery());
    assert_eq!(state(&came, Kind::DeliveryStatus), "announced");
}

#[test]
fn a_buyer_may_ask_a_carrier_and_others_may_not() {
    let mut carrier = Server::carrier();
    carrier.hears(SHOP, trade("T-1"), delivery());
    let ask = json!({ "kind": "status-request" });
    let came = carrier.hears(ANN, trade("T-1"), ask.clone());
    assert_eq!(came.kinds(), ["delivery-status ann"]);
    let came = carrier.hears("bob@home.example", trade("T-1"), ask);
    assert_eq!(came.kinds(), ["unknown-trade bob@home.example"]);
}

#[test]
fn authorization_is_declined_unless_configured_otherwise() {
    let body = json!({ "kind": "authorize", "amount": eur("98.00"), "method": "credit-card",
                       "buyer_mail": ANN });
    for (answer, approved) in [
        (
            tradepost_parties::kernel::settings::AuthorizeAnswer::Decline,
            false,
        ),
        (
            tradepost_parties::kernel::settings::AuthorizeAnswer::Approve,
            true,
        ),
    ] {
        let mut server = Server::processor();
        server.settings.payment.as_mut().unwrap().authorize = answer;
        let came = server.hears(SHOP, trade("T-1"), body.clone());
        assert_eq!(came.body(Kind::Authorization, SHOP)["approved"], approved);
    }
}

#[test]
fn a_shop_notes_what_its_own_carrier_and_processor_tell_and_nobody_else() {
    let mut shop = Server::shop();
    let id = shop.order();
    let status = |sequence: u32| {
        json!({ "kind": "delivery-status", "sequence": sequence, "state": "in-transit",
                "at": "2026-11-20T10:00:00Z", "delivery": {} })
    };
    let came = shop.hears(PROCESSOR, trade(&id), status(1));
    let no_party = matches!(
        came.outcome,
        PartyOutcome::Ignored(Ignored::SenderIsNoPartyOfTheTrade { .. })
    );
    // The payment processor was told something about this trade, but it is no carrier of it.
    assert!(no_party, "{:?}", came.outcome);
    let came = shop.hears(CARRIER, trade(&id), status(2));
    assert!(matches!(came.outcome, PartyOutcome::Heard { .. }));
    let late = shop.hears(CARRIER, trade(&id), status(1));
    assert_eq!(late.outcome, PartyOutcome::Ignored(Ignored::StatusIsOld));
    let money = |amount| {
        json!({ "kind": "payment-status", "sequence": 1, "state": "pending", "amount": eur(amount),
                "at": "2026-11-20T10:00:00Z", "settle": {} })
    };
    let came = shop.hears(PROCESSOR, trade(&id), money("97.00"));
    assert!(matches!(
        came.outcome,
        PartyOutcome::Ignored(Ignored::AmountIsNotTheTotal { .. })
    ));
    let came = shop.hears(PROCESSOR, trade(&id), money("98.00"));
    assert!(matches!(came.outcome, PartyOutcome::Heard { .. }));
    let nowhere = shop.hears(CARRIER, trade("T-0"), status(3));
    assert!(matches!(
        nowhere.outcome,
        PartyOutcome::Ignored(Ignored::NoSuchTrade(_))
    ));
}
