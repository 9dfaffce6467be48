//! The way of a payment: in parts, declined and tried again, disputed, and what a line about it must
//! say (E9, E13).

use serde_json::json;
use tradepost_parties::kernel::PartyOutcome;
use tradepost_statements::Kind;

use crate::scene::{invoice, on, payment, payment_to, processor, refused, told};
use crate::server::{ANN, SHOP, Server, eur, order_body, trade, with};

fn partly(paid: &str) -> serde_json::Value {
    with(on("payment", "partly-paid"), "paid", eur(paid))
}

// Requirements: E9, E13
#[test]
fn part_payments_are_told_as_the_sum_so_far() {
    let mut server = processor();
    assert_eq!(
        payment_to(&told(&mut server, partly("40.00")), ANN)["paid"],
        eur("40.00")
    );
    let came = told(&mut server, partly("70.00"));
    assert_eq!(payment_to(&came, ANN)["paid"], eur("70.00"));
    assert_eq!(payment_to(&came, ANN)["amount"], eur("98.00"));
    for (bad, says) in [
        (partly("69.99"), "sum so far, which was 70.00 EUR"),
        (partly("98.00"), "say settled instead"),
        (partly("0.00"), "sum so far"),
        (
            with(on("payment", "settled"), "paid", eur("70.00")),
            "say partly-paid instead",
        ),
    ] {
        let why = refused(&mut server, bad);
        assert!(why.contains(says), "{why}");
    }
    let came = told(&mut server, on("payment", "settled"));
    assert!(payment_to(&came, ANN).get("paid").is_none(), "all of it");
    // How much belongs to the first line; a line that follows may leave it as it was.
    let mut server = processor();
    let why = refused(&mut server, on("payment", "partly-paid"));
    assert!(why.contains("paid: is missing"), "{why}");
    let why = refused(&mut server, partly("0.00"));
    assert!(why.contains("nothing is paid; say due instead"), "{why}");
    told(&mut server, partly("40.00"));
    told(
        &mut server,
        with(on("payment", "partly-paid"), "text", json!("Thank you.")),
    );
}

// Requirements: E13
#[test]
fn a_declined_payment_can_be_paid_after_all() {
    let mut server = processor();
    let declined = with(
        on("payment", "declined"),
        "reason",
        json!("payment-declined"),
    );
    assert_eq!(
        payment_to(&told(&mut server, declined), ANN)["state"],
        "declined"
    );
    told(&mut server, on("payment", "authorized"));
    let came = told(&mut server, on("payment", "settled"));
    assert_eq!(payment_to(&came, ANN)["state"], "settled");
}

// Requirements: E9
#[test]
fn another_token_after_a_decline_is_tried_and_told() {
    let mut server = processor();
    told(&mut server, on("payment", "declined"));
    let other = with(payment(), "reference", json!("tok_2"));
    let came = server.hears(SHOP, trade("T-1"), other.clone());
    assert_eq!(came.kinds(), ["payment-status shop", "payment-status ann"]);
    assert_eq!(payment_to(&came, ANN)["state"], "pending");
    let came = server.hears(SHOP, trade("T-1"), other);
    assert_eq!(
        came.outcome,
        PartyOutcome::Answered(Kind::PaymentInstruction)
    );
}

#[test]
fn instructions_for_a_settled_payment_come_too_late() {
    let mut server = Server::processor();
    server.hears(SHOP, trade("T-1"), invoice("2026-12-01"));
    told(&mut server, on("payment", "settled"));
    let came = server.hears(SHOP, trade("T-1"), invoice("2026-12-15"));
    assert_eq!(came.kinds(), ["payment-status shop"]);
    let status = payment_to(&came, SHOP);
    assert_eq!(
        (&status["state"], &status["sequence"]),
        (&json!("settled"), &json!(3))
    );
    assert!(
        status["text"]
            .as_str()
            .unwrap()
            .contains("can no longer be changed")
    );
    let again = server.hears(SHOP, trade("T-1"), invoice("2026-12-15"));
    assert_eq!(payment_to(&again, SHOP), status);
}

#[test]
fn a_disputed_payment_that_the_bank_took_back_in_part_says_what_is_left() {
    let mut server = processor();
    told(&mut server, on("payment", "settled"));
    let disputed = with(on("payment", "disputed"), "paid", eur("58.00"));
    let came = told(&mut server, disputed);
    assert_eq!(payment_to(&came, ANN)["paid"], eur("58.00"));
    let settled = told(&mut server, on("payment", "settled"));
    assert_eq!(payment_to(&settled, ANN)["state"], "settled");
}

#[test]
fn when_a_payment_was_settled_is_still_said_when_it_goes_back() {
    let mut server = processor();
    told(&mut server, on("payment", "settled"));
    server.later(3600);
    let line = with(on("payment", "partly-refunded"), "refunded", eur("30.00"));
    let status = payment_to(&told(&mut server, line), ANN);
    assert_eq!(status["settle"]["actual"], "2026-11-20T10:00:00Z");
}

#[test]
fn a_record_with_another_total_is_followed_by_the_payment_of_the_same_server() {
    let record = |total: &str| {
        let order = order_body();
        let lines = json!([{ "name": "Kettle", "quantity": 1, "price": eur(total) }]);
        json!({ "trade": "W-1", "buyer_mail": ANN, "lines": lines, "total": eur(total),
            "payment": { "method": "bank-transfer", "processor": SHOP },
            "delivery": { "method": "courier", "carriers": [{ "address": SHOP }] },
            "buyer": order["buyer"] })
    };
    let line = |state: &str| with(on("payment", state), "trade", json!("W-1"));
    for (before, says_so) in [("due", true), ("settled", false)] {
        let mut server = Server::all_in_one();
        let first = json!({ "key": "1", "record": record("98.00") });
        server.emit(&first).unwrap();
        told(&mut server, line(before));
        let next = json!({ "key": "2", "record": record("90.00") });
        let (_, came) = server.emit(&next).unwrap();
        if says_so {
            assert_eq!(came.kinds(), ["trade-record ann", "payment-status ann"]);
            let status = payment_to(&came, ANN);
            assert_eq!(
                (&status["amount"], &status["state"]),
                (&eur("90.00"), &json!("due"))
            );
            let came = told(&mut server, line("settled"));
            assert_eq!(payment_to(&came, ANN)["amount"], eur("90.00"));
        } else {
            // It was settled as it was, and what is less goes back.
            assert_eq!(came.kinds(), ["trade-record ann", "payment-status ann"]);
            let status = payment_to(&came, ANN);
            assert_eq!(
                (&status["amount"], &status["state"]),
                (&eur("98.00"), &json!("refund-pending"))
            );
            let came = told(&mut server, line("partly-refunded"));
            assert_eq!(payment_to(&came, ANN)["refunded"], eur("8.00"));
        }
    }
}
