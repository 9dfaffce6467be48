//! `refund` at every stage of a payment: voided, paid back, in part, or too late, and said so
//! (E9, E13, E23).

use serde_json::{Value, json};
use tradepost_parties::kernel::{Ignored, PartyOutcome};

use crate::scene::{on, payment, payment_to, processor, refund, refused, told};
use crate::server::{ANN, SHOP, Server, eur, trade, with};

fn partly_paid(paid: &str) -> Value {
    with(on("payment", "partly-paid"), "paid", eur(paid))
}

fn partly_refunded(refunded: &str) -> Value {
    with(on("payment", "partly-refunded"), "refunded", eur(refunded))
}

/// After these lines, a refund of this sum makes this state of the payment and says this.
fn check(before: &[Value], refunded: &str, state: &str, says: &str, buyer_is_told: bool) {
    let mut server = processor();
    for line in before {
        told(&mut server, line.clone());
    }
    let came = server.hears(SHOP, trade("T-1"), refund(refunded));
    let answer = payment_to(&came, SHOP);
    let what = format!("{before:?} and a refund of {refunded}");
    assert_eq!(answer["state"], state, "{what}");
    let text = answer["text"].as_str().unwrap_or_default();
    assert!(text.contains(says), "{what}: {text}");
    let to_ann = came.said.iter().filter(|s| s.to.as_str() == ANN).count();
    assert_eq!(to_ann, usize::from(buyer_is_told), "{what}");
    // The same sum once more: answered as it is, nothing twice.
    let again = server.hears(SHOP, trade("T-1"), refund(refunded));
    assert_eq!(again.kinds(), ["payment-status shop"], "{what}");
    assert_eq!(payment_to(&again, SHOP), answer, "{what}");
}

// Requirements: E23
#[test]
fn a_refund_of_what_was_not_paid_voids_it() {
    for state in ["pending", "authorized", "declined", "due", "past-due"] {
        let before = [on("payment", state)];
        check(
            &before,
            "98.00",
            "voided",
            "before anything was taken",
            true,
        );
    }
    let planned = json!("2026-12-01T00:00:00Z");
    let scheduled = with(on("payment", "scheduled"), "planned", planned);
    check(
        &[scheduled],
        "98.00",
        "voided",
        "called this payment off",
        true,
    );
}

#[test]
fn a_refund_of_what_was_settled_is_on_its_way_back() {
    let settled = || on("payment", "settled");
    check(
        &[settled()],
        "98.00",
        "refund-pending",
        "98.00 EUR is on its way back",
        true,
    );
    check(
        &[settled()],
        "30.00",
        "refund-pending",
        "30.00 EUR is on its way back",
        true,
    );
    let disputed = [settled(), on("payment", "disputed")];
    check(&disputed, "98.00", "refund-pending", "98.00 EUR", true);
}

// Requirements: E23
#[test]
fn a_refund_gives_no_more_back_than_was_paid() {
    let says = "40.00 EUR is on its way back; 58.00 EUR was not paid and need not be.";
    check(
        &[partly_paid("40.00")],
        "98.00",
        "refund-pending",
        says,
        true,
    );
    let says = "12.00 EUR is on its way back; 58.00 EUR was not paid and need not be.";
    check(
        &[partly_paid("40.00")],
        "70.00",
        "refund-pending",
        says,
        true,
    );
    // Less than what is unpaid: nothing is to be paid back, there is less to pay.
    check(
        &[partly_paid("40.00")],
        "30.00",
        "partly-paid",
        "30.00 EUR of it need not be paid",
        true,
    );
    check(
        &[],
        "30.00",
        "pending",
        "30.00 EUR of it need not be paid",
        true,
    );
}

#[test]
fn what_was_given_back_before_is_not_given_back_again() {
    let paid_back = [on("payment", "settled"), partly_refunded("30.00")];
    check(&paid_back, "30.00", "partly-refunded", "", false);
    check(
        &paid_back,
        "50.00",
        "refund-pending",
        "20.00 EUR is on its way back",
        true,
    );
    let all_back = [on("payment", "settled"), on("payment", "refunded")];
    check(&all_back, "98.00", "refunded", "", false);
}

#[test]
fn a_refund_of_a_voided_payment_says_that_nothing_was_taken() {
    check(
        &[on("payment", "voided")],
        "98.00",
        "voided",
        "nothing was taken",
        false,
    );
}

#[test]
fn a_sum_of_refunds_that_a_higher_one_overtook_changes_nothing() {
    let mut server = processor();
    told(&mut server, on("payment", "settled"));
    let early = server.statement(SHOP, trade("T-1"), refund("30.00"));
    let came = server.hears(SHOP, trade("T-1"), refund("50.00"));
    let status = payment_to(&came, SHOP);
    let came = server.receive(Server::letter(SHOP, &early));
    assert_eq!(came.kinds(), ["payment-status shop"]);
    assert_eq!(payment_to(&came, SHOP), status);
}

#[test]
fn a_refund_above_the_total_or_of_another_total_is_refused() {
    let bad = [
        refund("98.01"),
        with(refund("98.00"), "amount", eur("97.00")),
        with(
            refund("98.00"),
            "refunded",
            json!({ "amount": "98.00", "currency": "USD" }),
        ),
    ];
    for body in bad {
        let mut server = processor();
        told(&mut server, on("payment", "settled"));
        let came = server.hears(SHOP, trade("T-1"), body.clone());
        let is_refused = matches!(
            came.outcome,
            PartyOutcome::Ignored(Ignored::AmountIsNotTheTotal { .. })
        );
        assert!(is_refused && came.said.is_empty(), "{body}");
        let came = server.hears(SHOP, trade("T-1"), refund("98.00"));
        assert_eq!(payment_to(&came, SHOP)["state"], "refund-pending");
    }
}

#[test]
fn what_need_not_be_paid_goes_back_once_all_was_settled() {
    let mut server = processor();
    server.hears(SHOP, trade("T-1"), refund("30.00"));
    let came = told(&mut server, on("payment", "settled"));
    let states: Vec<_> = came
        .said
        .iter()
        .filter(|s| s.to.as_str() == ANN)
        .map(|s| tradepost_statements::wire::to_value(s)["body"]["state"].clone())
        .collect();
    assert_eq!(states, ["settled", "refund-pending"]);
    // Without a word, the operator's line means what the shop asked for.
    let came = told(&mut server, on("payment", "partly-refunded"));
    let status = payment_to(&came, ANN);
    assert_eq!(status["refunded"], eur("30.00"));
    assert_eq!(status["amount"], eur("98.00"));
    // Where the bank refuses the way back, that can be told, and is not contradicted at once.
    let mut server = processor();
    told(&mut server, on("payment", "settled"));
    server.hears(SHOP, trade("T-1"), refund("30.00"));
    let came = told(&mut server, on("payment", "settled"));
    assert_eq!(payment_to(&came, ANN)["state"], "settled");
    assert_eq!(came.kinds(), ["payment-status shop", "payment-status ann"]);
}

// Requirements: E13
#[test]
fn refunds_in_part_add_up_until_all_was_given_back() {
    let mut server = processor();
    told(&mut server, on("payment", "settled"));
    told(&mut server, partly_refunded("30.00"));
    let came = told(&mut server, partly_refunded("50.00"));
    assert_eq!(payment_to(&came, ANN)["refunded"], eur("50.00"));
    let why = refused(&mut server, partly_refunded("49.99"));
    assert!(why.contains("sum so far, which was 50.00 EUR"), "{why}");
    let why = refused(&mut server, partly_refunded("98.00"));
    assert!(why.contains("say refunded instead"), "{why}");
    let why = refused(&mut server, partly_refunded("98.01"));
    assert!(why.contains("more than 98.00 EUR"), "{why}");
    let all = with(on("payment", "refunded"), "refunded", eur("97.00"));
    let why = refused(&mut server, all);
    assert!(why.contains("say partly-refunded instead"), "{why}");
    let came = told(&mut server, on("payment", "refunded"));
    assert_eq!(payment_to(&came, ANN)["refunded"], eur("98.00"));
}

#[test]
fn what_was_paid_is_refunded_and_not_voided() {
    for before in [on("payment", "settled"), partly_paid("40.00")] {
        let mut server = processor();
        let mut unpaid = processor();
        told(&mut server, before);
        let why = refused(&mut server, on("payment", "voided"));
        assert!(why.contains("say refunded instead"), "{why}");
        told(&mut unpaid, on("payment", "voided"));
    }
    // Of a part that was paid, all is that part.
    let mut server = processor();
    told(&mut server, partly_paid("40.00"));
    let came = told(&mut server, on("payment", "refunded"));
    assert_eq!(payment_to(&came, ANN)["refunded"], eur("40.00"));
}

#[test]
fn a_payment_that_a_refund_overtook_begins_voided_and_says_why() {
    let mut server = Server::processor();
    server.hears(SHOP, trade("T-1"), refund("98.00"));
    let came = server.hears(SHOP, trade("T-1"), payment());
    let status = payment_to(&came, ANN);
    assert_eq!(status["state"], "voided");
    assert!(status["text"].as_str().unwrap().contains("before it began"));
    let again = server.hears(SHOP, trade("T-1"), refund("98.00"));
    assert_eq!(payment_to(&again, SHOP), status);
}
