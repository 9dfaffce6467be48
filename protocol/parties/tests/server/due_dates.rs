//! A payment that is not there when its due date has passed is `past-due`, said once, by a timer that
//! a restart or a week of sleep does no harm to (E13, protocol 7).

use std::time::Duration;

use serde_json::{Value, json};
use tradepost_parties::roles::due;
use tradepost_statements::Time;

use crate::scene::{all_that_is_due, invoice, on, payment, payment_to, refund, told};
use crate::server::{ANN, SHOP, Server, eur, trade, with};

const DAY: u64 = 24 * 3600;

/// A payment of 98 EUR by bank transfer, due on 1 December.
fn due_in_december() -> Server {
    let mut server = Server::processor();
    server.hears(SHOP, trade("T-1"), invoice("2026-12-01"));
    server
}

fn at(server: &mut Server, time: &str) -> Vec<Value> {
    server.now = time.parse().unwrap();
    let came = all_that_is_due(server);
    let told = came.iter().filter(|c| !c.said.is_empty());
    told.map(|c| payment_to(c, ANN)).collect()
}

fn wakes_at(server: &Server) -> Option<Time> {
    due::next_wake(&server.rows)
}

// Requirements: E13
#[test]
fn an_unpaid_payment_is_past_due_a_day_after_its_due_date_and_both_are_told_once() {
    let mut server = due_in_december();
    assert!(at(&mut server, "2026-12-02T23:59:58Z").is_empty());
    server.now = "2026-12-03T00:00:00Z".parse().unwrap();
    let came = all_that_is_due(&mut server);
    assert_eq!(came.len(), 1);
    assert_eq!(
        came[0].kinds(),
        ["payment-status shop", "payment-status ann"]
    );
    let status = payment_to(&came[0], ANN);
    assert_eq!(status["state"], "past-due");
    assert_eq!(status["settle"]["planned"], "2026-12-01T23:59:59Z");
    let text = status["text"].as_str().unwrap();
    assert!(
        text.contains("due by 2026-12-01 and has not arrived"),
        "{text}"
    );
    assert_eq!(wakes_at(&server), None);
    assert!(at(&mut server, "2027-12-03T00:00:00Z").is_empty());
}

#[test]
fn how_long_a_payment_may_be_late_is_configured() {
    for (grace, past_due_at) in [
        (0, "2026-12-01T23:59:59Z"),
        (3 * DAY, "2026-12-04T23:59:59Z"),
    ] {
        let mut server = Server::processor();
        server.settings.timers.past_due = Duration::from_secs(grace);
        server.hears(SHOP, trade("T-1"), invoice("2026-12-01"));
        assert_eq!(wakes_at(&server), Some(past_due_at.parse().unwrap()));
        assert_eq!(at(&mut server, past_due_at).len(), 1);
    }
}

#[test]
fn a_longer_patience_configured_meanwhile_counts_and_loses_nothing() {
    let mut server = due_in_december();
    server.settings.timers.past_due = Duration::from_secs(5 * DAY);
    assert!(at(&mut server, "2026-12-03T00:00:00Z").is_empty());
    assert_eq!(at(&mut server, "2026-12-07T00:00:00Z").len(), 1);
}

#[test]
fn what_was_paid_voided_reserved_or_is_paid_by_itself_is_never_past_due() {
    let scheduled = with(
        on("payment", "scheduled"),
        "planned",
        json!("2026-12-01T10:00:00Z"),
    );
    for line in [
        on("payment", "settled"),
        on("payment", "voided"),
        on("payment", "authorized"),
        scheduled,
    ] {
        let mut server = due_in_december();
        assert!(wakes_at(&server).is_some());
        told(&mut server, line.clone());
        assert_eq!(
            wakes_at(&server),
            None,
            "an ended wait leaves no timer: {line}"
        );
        assert!(at(&mut server, "2027-01-01T00:00:00Z").is_empty());
    }
    let mut server = due_in_december();
    server.hears(SHOP, trade("T-1"), refund("98.00"));
    assert_eq!(wakes_at(&server), None);
}

#[test]
fn a_part_payment_and_a_declined_one_are_past_due_as_well() {
    let paid = with(on("payment", "partly-paid"), "paid", eur("40.00"));
    for (line, says) in [
        (paid, "has not arrived in full"),
        (on("payment", "declined"), "has not arrived."),
    ] {
        let mut server = due_in_december();
        told(&mut server, line);
        let said = at(&mut server, "2026-12-10T00:00:00Z");
        assert_eq!(said.len(), 1);
        assert_eq!(said[0]["state"], "past-due");
        assert!(said[0]["text"].as_str().unwrap().contains(says), "{said:?}");
    }
}

#[test]
fn a_part_that_comes_late_is_told_and_the_same_date_is_not_said_to_have_passed_again() {
    let mut server = due_in_december();
    assert_eq!(at(&mut server, "2026-12-10T00:00:00Z").len(), 1);
    let paid = with(on("payment", "partly-paid"), "paid", eur("40.00"));
    assert_eq!(
        payment_to(&told(&mut server, paid), ANN)["state"],
        "partly-paid"
    );
    assert!(at(&mut server, "2026-12-20T00:00:00Z").is_empty());
    // Another date is another matter.
    let later = with(
        on("payment", "due"),
        "planned",
        json!("2026-12-24T00:00:00Z"),
    );
    told(&mut server, later);
    assert_eq!(at(&mut server, "2026-12-26T00:00:00Z").len(), 1);
    told(&mut server, on("payment", "settled"));
    assert_eq!(wakes_at(&server), None);
}

#[test]
fn what_the_operator_said_to_be_past_due_is_not_said_again_by_the_timer() {
    let mut server = due_in_december();
    server.now = "2026-12-02T00:00:00Z".parse().unwrap();
    told(&mut server, on("payment", "past-due"));
    let paid = with(on("payment", "partly-paid"), "paid", eur("40.00"));
    told(&mut server, paid);
    assert_eq!(wakes_at(&server), None);
}

// Requirements: E9
#[test]
fn the_shop_can_put_the_due_date_off_and_the_buyer_is_told() {
    let mut server = due_in_december();
    let came = server.hears(SHOP, trade("T-1"), invoice("2026-12-15"));
    assert_eq!(came.kinds(), ["payment-status shop", "payment-status ann"]);
    assert_eq!(
        payment_to(&came, ANN)["settle"]["planned"],
        "2026-12-15T23:59:59Z"
    );
    assert!(at(&mut server, "2026-12-10T00:00:00Z").is_empty());
    assert_eq!(at(&mut server, "2026-12-17T00:00:00Z").len(), 1);
    // Even after it had passed: it is due again.
    let came = server.hears(SHOP, trade("T-1"), invoice("2026-12-31"));
    assert_eq!(payment_to(&came, ANN)["state"], "due");
    assert_eq!(at(&mut server, "2027-01-02T00:00:00Z").len(), 1);
}

#[test]
fn without_a_due_date_nothing_is_ever_past_due() {
    let mut server = Server::processor();
    server.hears(SHOP, trade("T-1"), payment());
    assert_eq!(wakes_at(&server), None);
    // When the processor expects to be done is no date for the buyer.
    let expected = with(
        on("payment", "pending"),
        "planned",
        json!("2026-11-21T00:00:00Z"),
    );
    told(&mut server, expected);
    assert_eq!(wakes_at(&server), None);
    let mut server = Server::processor();
    let body = with(payment(), "due", json!("2026-12-01"));
    server.hears(SHOP, trade("T-1"), body);
    assert_eq!(at(&mut server, "2026-12-03T00:00:00Z").len(), 1);
}

// Requirements: E13
#[test]
fn a_processor_that_slept_a_week_says_each_late_payment_once() {
    let mut server = Server::processor();
    for (id, due) in [
        ("T-1", "2026-11-21"),
        ("T-2", "2026-11-22"),
        ("T-3", "2026-12-31"),
    ] {
        server.hears(SHOP, trade(id), invoice(due));
    }
    server.later(8 * DAY);
    let came = all_that_is_due(&mut server);
    let late: Vec<_> = came
        .iter()
        .map(|c| c.said[0].trade.as_ref().unwrap().id.to_string())
        .collect();
    assert_eq!(late, ["T-1", "T-2"]);
    assert_eq!(
        wakes_at(&server),
        Some("2027-01-01T23:59:59Z".parse().unwrap())
    );
}

#[test]
fn two_shops_with_one_trade_id_have_a_due_date_each() {
    let other = "orders@other.example";
    let mut server = Server::processor();
    let shops = &mut server.settings.payment.as_mut().unwrap().shops;
    shops.insert(other.parse().unwrap());
    server.hears(SHOP, trade("T-1"), invoice("2026-11-25"));
    let of_other = json!({ "trade": { "shop": other, "id": "T-1" } });
    server.hears(other, of_other, invoice("2026-11-25"));
    let settled = with(on("payment", "settled"), "shop", json!(SHOP));
    told(&mut server, settled);
    server.now = "2026-11-28T00:00:00Z".parse().unwrap();
    let came = all_that_is_due(&mut server);
    assert_eq!(came.len(), 1);
    assert_eq!(came[0].said[0].to.as_str(), other);
}
