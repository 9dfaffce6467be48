//! Ordering once more (E24): what the next order begins with.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use serde_json::{Value, json};
use support::*;
use tradepost_buyer::{self as buyer, Act, ActRefusal, OrderOnce};

fn again(ledger: &Ledger) -> OrderOnce {
    buyer::reorder(&ledger.rows, &trade(SHOP, "T-1")).unwrap()
}

fn json_of(once: &OrderOnce) -> Value {
    serde_json::to_value(&once.order).unwrap()
}

fn answer(n: u64) -> Value {
    let record = with(record(n, "T-1", 1), "request", request(1));
    with(record, "answers", uuid(1))
}

// Requirements: E24
#[test]
fn an_order_is_repeated_as_it_was_made_to_the_same_shop_naming_the_old_trade() {
    let mut ledger = Ledger::new();
    let mut first = order(1, SHOP);
    first["body"]["notify"] = json!({ "on": ["delivery.delivered"] });
    first["body"]["deliver_to"] = json!({ "name": "Bob", "address": buyer_json()["address"] });
    let _ = ledger.say(&first);
    let _ = ledger.hear(answer(10));
    let once = again(&ledger);
    assert_eq!(
        (once.to.as_str(), once.from.clone()),
        (SHOP, Some(address(ANN)))
    );
    let mut expected = first["body"].clone();
    expected["reorder_of"] = json!({ "shop": SHOP, "id": "T-1" });
    expected.as_object_mut().unwrap().remove("kind");
    assert_eq!(json_of(&once), expected);
    assert_eq!(
        buyer::reorder(&ledger.rows, &trade(SHOP, "T-2")),
        Err(ActRefusal::NoSuchTrade(trade(SHOP, "T-2")))
    );
}

// Requirements: E24
#[test]
fn what_was_accepted_instead_of_the_order_is_what_is_ordered_again() {
    let mut ledger = Ledger::new();
    let _ = ledger.say(&order(1, SHOP));
    let mut other = answer(10);
    other["body"]["lines"][0]["name"] = json!("Blue kettle");
    let judged = ledger.hear(other);
    let _ = ledger.act(&Act::Accept {
        warning: judged.warning_id.unwrap(),
    });
    let order = json_of(&again(&ledger));
    assert_eq!(order["lines"][0]["name"], "Blue kettle");
    assert_eq!(order["total"], eur("58.00"));
    assert_eq!(order["buyer"], buyer_json());
}

#[test]
fn an_adopted_trade_is_repeated_as_its_newest_record_tells() {
    let mut ledger = Ledger::new();
    let mut first = record(10, "T-1", 1);
    // Protocol 8: with a hub, the buyer is not told before the commit.
    first["body"]["hub"] = json!("hub@hub.example");
    first["body"].as_object_mut().unwrap().remove("buyer");
    let mut newer = first.clone();
    newer["id"] = json!(uuid(11));
    newer["body"]["version"] = json!(2);
    newer["body"]["charges"][0]["price"] = eur("7.00");
    newer["body"]["total"] = eur("60.00");
    let _ = ledger.hear(first);
    // It costs more, so the person has to agree to it.
    let offer = ledger.hear(newer);
    let _ = ledger.act(&Act::Accept {
        warning: offer.warning_id.unwrap(),
    });
    let once = again(&ledger);
    let order = json_of(&once);
    assert_eq!(once.from, Some(address(ANN)));
    assert_eq!(
        (&order["lines"], &order["total"]),
        (&lines(), &eur("60.00"))
    );
    assert_eq!(order["payment"], json!({ "method": "credit-card" }));
    assert_eq!(order["delivery"], json!({ "method": "courier" }));
    assert_eq!(order.get("buyer"), None);

    // Where the record names no buyer, it is the one of the last order.
    let _ = ledger.say(&support::order(1, SHOP));
    assert_eq!(json_of(&again(&ledger))["buyer"], buyer_json());
}

#[test]
fn the_last_order_is_the_one_that_was_sent_last() {
    let mut ledger = Ledger::new();
    assert_eq!(buyer::last_order(&ledger.rows), None);
    let mut later = order(1, "books@other.example");
    later["sent"] = json!(at(5).to_string());
    let _ = ledger.say(&later);
    let _ = ledger.say(&order(2, SHOP));
    let last = buyer::last_order(&ledger.rows).unwrap();
    assert_eq!(last.to.as_str(), "books@other.example");
}
