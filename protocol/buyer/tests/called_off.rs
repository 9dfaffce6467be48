//! Protocol 4, "Counting": once the order is cancelled, parcels that have not set out count for nothing,
//! in whatever order the letters come.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use serde_json::{Value, json};
use support::*;
use tradepost_buyer::view;

/// Every order of so many letters.
fn orders(letters: usize) -> Vec<Vec<usize>> {
    let mut all: Vec<Vec<usize>> = vec![Vec::new()];
    for next in 0..letters {
        let longer = |order: &Vec<usize>| {
            (0..=order.len()).map({
                let order = order.clone();
                move |place| {
                    let mut order = order.clone();
                    order.insert(place, next);
                    order
                }
            })
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

/// The record names `P1`, and `P2` of another carrier.
fn two_parcels() -> Value {
    let mut record = with(record(10, "T-1", 1), "request", request(1));
    record["body"]["delivery"]["carriers"] = json!([
        { "address": CARRIER, "parcels": ["P1"] },
        { "address": "van@swift.example", "parcels": ["P2"] }
    ]);
    record
}

fn parcel(n: u64, sequence: u32, state: &str, planned: Option<i64>) -> Value {
    let mut status = delivery_status(n, "T-1", sequence, state);
    status["body"]["parcel"] = json!("P1");
    if let Some(minute) = planned {
        status["body"]["delivery"]["planned"] = json!(at(minute).to_string());
    }
    status
}

/// What the trade comes to when these letters and the record come in every order.
fn trade_after(letters: &[Value]) -> Value {
    let letters: Vec<Value> = [two_parcels()].iter().chain(letters).cloned().collect();
    let mut end: Option<Value> = None;
    for order_of_arrival in orders(letters.len()) {
        let mut ledger = Ledger::new();
        let _ = ledger.say(&order(1, SHOP));
        for i in order_of_arrival {
            let _ = ledger.hear(letters[i].clone());
        }
        assert_eq!(ledger.open(), Vec::<String>::new());
        let mut trade = ledger.trade("T-1");
        let found = view::find(&ledger.rows, "T-1").unwrap();
        let seen = view::show(&ledger.rows, &found, ledger.now).unwrap().trade;
        trade["promised"] = json!(seen.promised);
        assert_eq!(end.get_or_insert_with(|| trade.clone()), &trade);
    }
    end.unwrap()
}

fn cancelled() -> Value {
    order_status(20, "T-1", 1, "cancelled")
}

// Requirements: E16
#[test]
fn parcels_that_are_only_named_or_announced_do_not_keep_a_cancelled_trade_open() {
    for told in [vec![], vec![parcel(30, 1, "announced", Some(60))]] {
        let open = trade_after(&told);
        assert_eq!(open["ended"], false);
        assert_eq!(open["promised"].is_null(), told.is_empty());
        assert_eq!(open["delivery"].as_array().unwrap().len(), 2);

        let off = trade_after(&[told, vec![cancelled()]].concat());
        assert_eq!(off["ended"], true, "{off}");
        assert_eq!(
            (&off["delivery"], &off["promised"]),
            (&json!([]), &Value::Null)
        );
    }
}

#[test]
fn what_is_under_way_counts_until_it_comes_to_an_end() {
    let mut told = vec![cancelled(), parcel(30, 1, "in-transit", Some(60))];
    let off = trade_after(&told);
    assert_eq!(
        (&off["ended"], &off["delivered"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(off["delivery"].as_array().unwrap().len(), 1);
    assert_eq!(off["promised"], json!(at(60)));
    for state in ["stopped", "delivered"] {
        told.push(parcel(31, 2, state, None));
        let off = trade_after(&told);
        assert_eq!(
            (&off["ended"], &off["delivered"]),
            (&json!(true), &json!(true)),
            "{state}"
        );
        told.pop();
    }
}

/// Protocol 4, "Ended": what was paid has to come back first.
#[test]
fn money_that_was_paid_keeps_a_cancelled_trade_open_until_it_is_back() {
    let mut told = vec![cancelled(), payment_status(40, "T-1", 1, "settled")];
    assert_eq!(trade_after(&told)["ended"], false);
    told.push(payment_status(41, "T-1", 2, "refunded"));
    let mut ended = trade_after(&told);
    assert_eq!(ended["ended"].take(), true);
}
