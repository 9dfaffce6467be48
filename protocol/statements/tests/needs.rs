//! Which members a statement of each kind needs (protocol 2, and the tables of protocol 3).
#![allow(clippy::unwrap_used)]

mod samples;

use serde_json::Value;
use tradepost_statements::wire::{DecodeError, RuleError, decode};

use samples::{KINDS, statement};

fn without(kind: &str, names: &[&str]) -> Value {
    let mut s = statement(kind);
    for name in names {
        s.as_object_mut().unwrap().remove(*name).unwrap();
    }
    s
}

fn read(value: &Value) -> Result<(), DecodeError> {
    decode(value.to_string().as_bytes()).map(drop)
}

/// `needs` as in the protocol's table; what is not in it may be missing.
#[track_caller]
fn check(kind: &str, needs: &str) {
    let optional: Vec<&str> = ["trade", "request", "answers"]
        .into_iter()
        .filter(|name| !needs.contains(name.get(..1).unwrap()))
        .collect();
    assert_eq!(read(&without(kind, &optional)), Ok(()), "{kind}");

    let refused = |names: &[&str], member: &str| {
        let error = read(&without(kind, names)).unwrap_err();
        assert!(
            matches!(error, DecodeError::Rule(RuleError::Needs { .. })),
            "{kind}: {error:?}"
        );
        let expected = format!("a {kind} needs the member {member}");
        assert_eq!(error.to_string(), expected);
    };
    for need in needs.split_whitespace() {
        match need {
            "t" => refused(&["trade"], "trade"),
            "r" => refused(&["request"], "request"),
            "a" => refused(&["answers"], "answers"),
            "t|r" => {
                assert_eq!(read(&without(kind, &["trade"])), Ok(()), "{kind}");
                assert_eq!(read(&without(kind, &["request"])), Ok(()), "{kind}");
                refused(&["trade", "request"], "trade or request");
            }
            other => panic!("{other}?"),
        }
    }
}

#[test]
fn every_kind_needs_what_the_table_says() {
    let table = [
        ("order", "r"),
        ("trade-record", "t"),
        ("order-rejected", "r a"),
        ("confirm", "t"),
        ("cancel", "t|r"),
        ("return", "t"),
        ("return-decision", "t a"),
        ("status-request", "t|r"),
        ("notify", "t|r"),
        ("unknown-trade", "a"),
        ("order-status", "t"),
        ("delivery-status", "t"),
        ("payment-status", "t"),
        ("authorize", "t"),
        ("authorization", "t a"),
        ("payment-instruction", "t"),
        ("delivery-instruction", "t"),
        ("refund", "t"),
        ("recall", "t"),
    ];
    assert_eq!(table.map(|(kind, _)| kind), KINDS);
    for (kind, needs) in table {
        check(kind, needs);
    }
}

#[test]
fn every_kind_needs_the_envelope() {
    for kind in KINDS {
        for name in ["tradepost", "id", "from", "to", "sent", "body"] {
            let error = read(&without(kind, &[name])).unwrap_err();
            assert_eq!(error.to_string(), format!("{name}: is missing"), "{kind}");
        }
    }
}

/// The members of `body` without a question mark in the tables of protocol 3; those with one may be
/// missing, all together and each alone.
#[test]
fn every_body_needs_the_members_that_are_not_optional() {
    let needed: [(&str, &[&str]); 19] = [
        ("order", &["lines", "total", "payment", "delivery"]),
        (
            "trade-record",
            &[
                "version",
                "shop_name",
                "placed",
                "lines",
                "total",
                "payment",
                "delivery",
            ],
        ),
        ("order-rejected", &["reason", "text"]),
        ("confirm", &["version"]),
        ("cancel", &[]),
        ("return", &[]),
        ("return-decision", &["accepted"]),
        ("status-request", &[]),
        ("notify", &["on"]),
        ("unknown-trade", &[]),
        ("order-status", &["sequence", "state", "at", "ship"]),
        ("delivery-status", &["sequence", "state", "at", "delivery"]),
        (
            "payment-status",
            &["sequence", "state", "at", "amount", "settle"],
        ),
        ("authorize", &["amount", "method", "buyer_mail"]),
        ("authorization", &["approved"]),
        ("payment-instruction", &["amount", "method", "buyer_mail"]),
        (
            "delivery-instruction",
            &["lines", "deliver_to", "buyer_mail"],
        ),
        ("refund", &["amount", "refunded"]),
        ("recall", &[]),
    ];
    assert_eq!(needed.map(|(kind, _)| kind), KINDS);
    for (kind, needed) in needed {
        let whole = statement(kind);
        let names: Vec<String> = whole["body"].as_object().unwrap().keys().cloned().collect();
        let mut least = whole.clone();
        for name in &names {
            let mut one_less = whole.clone();
            one_less["body"].as_object_mut().unwrap().remove(name);
            let result = read(&one_less);
            if name == "kind" {
                assert_eq!(result.unwrap_err().to_string(), "body.kind: is missing");
            } else if needed.contains(&name.as_str()) {
                let expected = format!("body.{name}: is missing");
                assert_eq!(result.unwrap_err().to_string(), expected, "{kind}");
            } else {
                assert_eq!(result, Ok(()), "{kind} without {name}");
                // Without a hub the buyer is needed: another test.
                if name != "buyer" {
                    least["body"].as_object_mut().unwrap().remove(name);
                }
            }
        }
        assert_eq!(read(&least), Ok(()), "{kind} with the least");
    }
}
