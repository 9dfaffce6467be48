//! Each fault between members of the body (protocol 3, 4, 8).
#![allow(clippy::unwrap_used)]

mod faults;
mod samples;

use serde_json::json;
use tradepost_statements::wire::{DecodeError, RuleError};

use faults::{Refused::Rule, check, read, with_member};
use samples::statement;

#[test]
fn an_order_is_in_one_currency() {
    let usd = json!({ "amount": "44.00", "currency": "USD" });
    let eur = json!({ "amount": "43.00", "currency": "EUR" });
    let message = "EUR and USD stand in one order";
    check("order", "/body/lines/0/price", &[eur], &usd, Rule, message);
    // A record that breaks it is a changed one, which is judged, not refused.
    assert!(read(&with_member("trade-record", "/body/lines/0/price", usd)).is_ok());
}

#[test]
fn orders_records_and_instructions_have_lines() {
    for kind in ["order", "trade-record", "delivery-instruction"] {
        let good = [statement(kind)["body"]["lines"].clone()];
        check(
            kind,
            "/body/lines",
            &good,
            &json!([]),
            Rule,
            "there are no lines",
        );
    }
}

#[test]
fn a_record_names_at_most_thirty_two_carriers() {
    let named = |n: usize| {
        let carriers = (0..n).map(|n| json!({ "address": format!("van-{n}@carrier.example") }));
        let mut s = statement("trade-record");
        s["body"]["delivery"]["carriers"] = carriers.collect();
        s
    };
    assert!(read(&named(32)).is_ok());
    let error = read(&named(33)).unwrap_err();
    assert_eq!(error, DecodeError::Rule(RuleError::Carriers(33)));
}

#[test]
fn only_with_a_hub_may_the_buyer_be_missing() {
    for kind in ["order", "trade-record"] {
        let mut s = statement(kind);
        s["body"].as_object_mut().unwrap().remove("buyer");
        assert!(read(&s).is_ok(), "{kind} with a hub");
        s["body"].as_object_mut().unwrap().remove("hub");
        let error = read(&s).unwrap_err();
        assert_eq!(error, DecodeError::Rule(RuleError::NoBuyer));
        assert_eq!(error.to_string(), "body.buyer is missing");
    }
}

#[test]
fn only_what_costs_nothing_is_paid_by_none() {
    let mut s = statement("trade-record");
    s["body"]["payment"]["method"] = "none".into();
    let error = read(&s).unwrap_err();
    assert!(
        matches!(error, DecodeError::Rule(RuleError::PaidByNothing(_))),
        "{error}"
    );
    s["body"]["total"]["amount"] = "0.00".into();
    assert!(read(&s).is_ok());
}

// Requirements: E11
#[test]
fn states_that_require_a_time() {
    for (kind, state, other, object, member) in [
        (
            "order-status",
            "shipped",
            "partly-shipped",
            "ship",
            "actual",
        ),
        (
            "delivery-status",
            "delivered",
            "out-for-delivery",
            "delivery",
            "actual",
        ),
        ("payment-status", "settled", "due", "settle", "actual"),
        (
            "payment-status",
            "scheduled",
            "authorized",
            "settle",
            "planned",
        ),
    ] {
        let mut s = statement(kind);
        s["body"]["state"] = json!(state);
        assert!(read(&s).is_ok(), "{kind} {state} with {member}");
        s["body"][object].as_object_mut().unwrap().remove(member);
        let error = read(&s).unwrap_err();
        assert!(matches!(error, DecodeError::Rule(_)), "{error:?}");
        let expected = format!("the state {state} requires {object}.{member}");
        assert_eq!(error.to_string(), expected);
        s["body"]["state"] = json!(other);
        assert!(read(&s).is_ok(), "{kind} {other} without {member}");
    }
}
