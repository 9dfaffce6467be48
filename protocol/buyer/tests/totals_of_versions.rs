//! Protocol 4, "Counting": a version of the record may have another total than the one by which a payment
//! was settled. What is paid is what the status that settled says, in whatever order the letters come.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use serde_json::{Value, json};
use support::*;

/// Ann agrees to at most 80 EUR; the first record comes to 58.
fn ordered() -> Ledger {
    let mut ledger = Ledger::new();
    let mut order = order(1, SHOP);
    order["body"]["total"] = eur("80.00");
    let _ = ledger.say(&order);
    ledger
}

/// A version with so much for shipping.
fn version(n: u32, shipping: &str, total: &str) -> Value {
    let mut record = with(record(100 + u64::from(n), "T-1", n), "request", request(1));
    record["body"]["charges"][0]["price"] = eur(shipping);
    record["body"]["total"] = eur(total);
    record
}

fn first() -> Value {
    version(1, "5.00", "58.00")
}

fn dearer() -> Value {
    version(2, "27.00", "80.00")
}

fn cheaper() -> Value {
    let mut record = version(2, "5.00", "50.00");
    record["body"]["discounts"] = json!([{ "name": "A scratch", "price": eur("8.00") }]);
    record
}

fn pays(sequence: u32, state: &str, amount: &str) -> Value {
    let mut status = payment_status(200 + u64::from(sequence), "T-1", sequence, state);
    status["body"]["amount"] = eur(amount);
    status
}

/// What the trade comes to, which is the same in every order of arrival that keeps the records in theirs.
fn trade_after(records: &[Value], statuses: &[Value]) -> Value {
    let rest = [
        order_status(300, "T-1", 1, "shipped"),
        delivery_status(301, "T-1", 1, "delivered"),
    ];
    let mut end: Option<Value> = None;
    for order_of_arrival in interleaved(records, statuses) {
        let mut ledger = ordered();
        for letter in order_of_arrival.into_iter().chain(rest.clone()) {
            let _ = ledger.hear(letter);
        }
        assert_eq!(ledger.open(), Vec::<String>::new());
        let totals = serde_json::to_value(tradepost_buyer::view::stats(&ledger.rows)).unwrap();
        let mut trade = ledger.trade("T-1");
        trade["stats"] = totals;
        assert_eq!(end.get_or_insert_with(|| trade.clone()), &trade);
    }
    end.unwrap()
}

/// All orders of both that keep `records` in theirs.
fn interleaved(records: &[Value], statuses: &[Value]) -> Vec<Vec<Value>> {
    let mut all = vec![records.to_vec()];
    for status in statuses {
        all = all
            .iter()
            .flat_map(|order| {
                (0..=order.len()).map(|place| {
                    let mut order = order.clone();
                    order.insert(place, status.clone());
                    order
                })
            })
            .collect();
    }
    all
}

fn unpaid(trade: &Value) -> Value {
    trade["stats"]["unpaid_total"].clone()
}

// Requirements: E19
#[test]
fn a_payment_that_was_settled_by_a_lower_total_leaves_the_rest_unpaid() {
    let settled = pays(1, "settled", "58.00");
    let before = trade_after(&[first()], std::slice::from_ref(&settled));
    assert_eq!(
        (&before["paid"], &before["ended"]),
        (&json!(true), &json!(true))
    );

    let after = trade_after(&[first(), dearer()], std::slice::from_ref(&settled));
    assert_eq!(
        (&after["paid"], &after["ended"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(unpaid(&after), json!([eur("22.00")]), "{after}");

    // It is told of what was settled, and then the rest is.
    let again = pays(2, "settled", "58.00");
    let after = trade_after(&[first(), dearer()], &[settled.clone(), again.clone()]);
    assert_eq!(unpaid(&after), json!([eur("22.00")]));
    let all = pays(3, "settled", "80.00");
    let after = trade_after(&[first(), dearer()], &[settled.clone(), again, all]);
    assert_eq!(
        (&after["paid"], &after["ended"]),
        (&json!(true), &json!(true))
    );

    // A dispute about it says how much of the new total is paid.
    let mut disputed = pays(2, "disputed", "80.00");
    disputed["body"]["paid"] = eur("58.00");
    let after = trade_after(&[first(), dearer()], &[settled, disputed]);
    assert_eq!(unpaid(&after), json!([eur("22.00")]));
}

#[test]
fn what_is_too_much_after_a_lower_total_goes_back_and_nothing_is_unpaid() {
    let settled = pays(1, "settled", "58.00");
    let after = trade_after(&[first(), cheaper()], std::slice::from_ref(&settled));
    assert_eq!(
        (&after["paid"], &after["ended"]),
        (&json!(true), &json!(true))
    );
    let pending = pays(2, "refund-pending", "58.00");
    let mut back = pays(3, "partly-refunded", "58.00");
    back["body"]["refunded"] = eur("8.00");
    let after = trade_after(&[first(), cheaper()], &[settled, pending, back]);
    assert_eq!(
        (&after["paid"], &after["ended"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(after["payment"]["state"], "partly-refunded");
}

/// Protocol 5, line 14: no more is paid, or paid back, than the total that the status tells of.
#[test]
fn amounts_are_compared_with_the_total_that_the_status_tells_of() {
    for (member, amount, fits) in [
        ("paid", "58.00", true),
        ("paid", "58.01", false),
        ("refunded", "58.00", true),
        ("refunded", "58.01", false),
    ] {
        let mut ledger = ordered();
        let _ = ledger.hear(first());
        let _ = ledger.hear(dearer());
        let mut status = pays(1, "disputed", "58.00");
        status["body"][member] = eur(amount);
        let rule = ledger.hear(status).rule;
        assert_eq!(rule, Some(if fits { 16 } else { 14 }), "{member} {amount}");
    }
}

// Requirements: E17
#[test]
fn a_status_that_overtakes_the_version_whose_total_it_tells_counts_once_that_is_there() {
    let mut ledger = ordered();
    let _ = ledger.hear(first());
    let early = pays(1, "settled", "80.00");
    assert_eq!(ledger.hear(early).rule, Some(14));
    assert_eq!(ledger.open(), ["wrong-amount"]);
    assert_eq!(ledger.trade("T-1")["payment"]["state"], Value::Null);
    let _ = ledger.hear(dearer());
    assert_eq!(ledger.open(), Vec::<String>::new());
    assert_eq!(ledger.trade("T-1")["paid"], true);
    // What no version says is still refused.
    assert_eq!(ledger.hear(pays(2, "settled", "79.00")).rule, Some(14));
}
