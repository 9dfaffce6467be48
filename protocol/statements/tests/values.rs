//! Each fault of a value in the body (protocol 1, 3, 4).
#![allow(clippy::unwrap_used)]

mod faults;
mod samples;

use serde_json::{Value, json};

use faults::{
    Refused::{Member, Rule},
    check, read, with_member,
};
use samples::{KINDS, statement};

#[test]
fn numbers() {
    for bad in [
        json!(0),
        json!(-1),
        json!(1.5),
        json!(4_294_967_296_u64),
        json!("1"),
        json!(1e300),
    ] {
        let good = [json!(1), json!(2.0), json!(4_294_967_295_u64)];
        check(
            "order",
            "/body/lines/1/quantity",
            &good,
            &bad,
            Member,
            "body.lines[1].quantity: ",
        );
        check(
            "return",
            "/body/lines/0/quantity",
            &good,
            &bad,
            Member,
            "body.lines[0].quantity: ",
        );
    }
    for bad in [json!(-1), json!(0.5), json!(4_294_967_296_u64)] {
        let good = [json!(0), json!(1)];
        check(
            "return",
            "/body/lines/0/line",
            &good,
            &bad,
            Member,
            "body.lines[0].line: ",
        );
    }
    for bad in [
        json!(0),
        json!(2_147_483_648_u64),
        json!(-1),
        json!(1.5),
        json!("1"),
    ] {
        let good = [json!(1), json!(2_147_483_647)];
        for kind in ["order-status", "delivery-status", "payment-status"] {
            check(
                kind,
                "/body/sequence",
                &good,
                &bad,
                Member,
                "body.sequence: ",
            );
        }
        for kind in ["confirm", "trade-record"] {
            check(kind, "/body/version", &good, &bad, Member, "body.version: ");
        }
    }
    let message =
        "body.version: the version of a trade record is a whole number from 1 to 2147483647";
    check("confirm", "/body/version", &[], &json!(0), Member, message);
    let message = "body.sequence: a sequence is a whole number from 1 to 2147483647";
    check(
        "order-status",
        "/body/sequence",
        &[],
        &json!(0),
        Member,
        message,
    );
    for bad in [json!("true"), json!(1), json!(null)] {
        let good = [json!(true), json!(false)];
        check(
            "return-decision",
            "/body/accepted",
            &good,
            &bad,
            Member,
            "body.accepted: ",
        );
        check(
            "authorization",
            "/body/approved",
            &good,
            &bad,
            Member,
            "body.approved: ",
        );
    }
}

#[test]
fn amounts() {
    let of = |amount: &str, currency: &str| json!({ "amount": amount, "currency": currency });
    let good = [
        of("98.00", "EUR"),
        of("0.00", "EUR"),
        of("500", "JPY"),
        of("1.250", "BHD"),
        of("9999999999999.99", "EUR"),
    ];
    for (bad, message) in [
        (of("98.0", "EUR"), "an amount of EUR has exactly 2 decimals"),
        (of("98", "EUR"), "an amount of EUR has exactly 2 decimals"),
        (
            of("98.000", "EUR"),
            "an amount of EUR has exactly 2 decimals",
        ),
        (
            of("500.00", "JPY"),
            "an amount of JPY has exactly 0 decimals",
        ),
        (of("-1.00", "EUR"), "without sign"),
        (of("1e2", "EUR"), "a string of digits"),
        (of("1,00", "EUR"), "a string of digits"),
        (of("1 000.00", "EUR"), "a string of digits"),
        (of("١.٠٠", "EUR"), "a string of digits"),
        (of("", "EUR"), "a string of digits"),
        (of("10000000000000.00", "EUR"), "at most 15 digits"),
        (of("1.00", "XYZ"), "\"XYZ\" is not a currency code"),
        (of("1.00", "eur"), "\"eur\" is not a currency code"),
        (of("1", "XAU"), "\"XAU\" is not a currency code"),
        (
            json!({ "amount": 98.00, "currency": "EUR" }),
            "invalid type",
        ),
        (json!({ "currency": "EUR" }), "amount: is missing"),
        (json!({ "amount": "1.00" }), "currency: is missing"),
        (json!("98.00 EUR"), "an amount such as"),
        (json!(["98.00", "EUR"]), "an amount such as"),
        (json!(null), "an amount such as"),
    ] {
        for (kind, path, at) in [
            ("trade-record", "/body/total", "body.total"),
            (
                "trade-record",
                "/body/charges/0/price",
                "body.charges[0].price",
            ),
            ("payment-status", "/body/amount", "body.amount"),
            ("refund", "/body/refunded", "body.refunded"),
        ] {
            check(kind, path, &good, &bad, Member, message);
            check(kind, path, &good, &bad, Member, at);
        }
    }
}

#[test]
fn card_numbers() {
    for kind in ["order", "authorize", "payment-instruction"] {
        let (path, at) = match kind {
            "order" => ("/body/payment/reference", "body.payment.reference"),
            _ => ("/body/reference", "body.reference"),
        };
        let good = [
            json!("tok_4111111111111112"),
            json!("tok_411111111111"),
            json!("x"),
        ];
        for bad in [
            "tok_4111111111111111",
            "4111 1111 1111 1111 visa",
            "tok-4111-1111-1111-1111",
            "tok_4111 1111 1111 1111 12/27",
            "tok_378282246310005",
            "tok_4222222222222",
        ] {
            let message = format!("{at}: a payment reference must not contain a card number");
            check(kind, path, &good, &json!(bad), Member, &message);
        }
        for bad in ["", "123", "4111111111111112"] {
            let message = format!("{at}: a payment reference is a token with at least one letter");
            check(kind, path, &good, &json!(bad), Member, &message);
        }
    }
}

#[test]
fn words_countries_dates_reasons_and_links() {
    let row = |kind: &str, path: &str, good: &[&str], bad: &[&str], message: &str| {
        let good: Vec<Value> = good.iter().map(|g| json!(g)).collect();
        let at = path[1..].replace('/', ".");
        for bad in bad {
            check(kind, path, &good, &json!(bad), Member, &format!("{at}: "));
            check(kind, path, &good, &json!(bad), Member, message);
        }
    };
    let methods = ["credit-card", "e-money", "bank-transfer"];
    for (kind, path) in [
        ("order", "/body/payment/method"),
        ("trade-record", "/body/payment/method"),
        ("authorize", "/body/method"),
    ] {
        row(
            kind,
            path,
            &methods,
            &["cash", "CREDIT-CARD", ""],
            "is not a payment method; known are",
        );
    }
    row(
        "order",
        "/body/delivery/method",
        &["courier", "electronic"],
        &["drone"],
        "delivery method",
    );
    let reasons = [
        "declined",
        "out-of-stock",
        "unknown-item",
        "price-changed",
        "unsupported-method",
        "invalid-order",
        "not-authorized",
        "cancelled-by-buyer",
    ];
    row(
        "order-rejected",
        "/body/reason",
        &reasons,
        &["other"],
        "is not a reason of a rejection",
    );
    for path in [
        "/body/buyer/address/country",
        "/body/deliver_to/address/country",
    ] {
        let bad = ["de", "DEU", "UK", "XX", "Germany", ""];
        row(
            "order",
            path,
            &["DE", "GB", "US"],
            &bad,
            "two capital letters of ISO 3166-1",
        );
    }
    row(
        "order",
        "/body/region/country",
        &["FR"],
        &["EU"],
        "two capital letters",
    );
    let bad = [
        "2026-02-30",
        "04.12.2026",
        "2026-12-4",
        "2026-12-04T00:00:00Z",
        "",
    ];
    row(
        "payment-instruction",
        "/body/due",
        &["2024-02-29"],
        &bad,
        "a date looks like",
    );
    let good = [
        "merchant-a",
        "carrier-a",
        "recipient-absent",
        "customs-payment-due",
        "weather-storm-2",
        "payment-late",
    ];
    let bad = [
        "",
        "absent",
        "buyer-absent",
        "customs-",
        "customs",
        "customs-not paid",
        "customs-Paid",
    ];
    for kind in ["order-status", "delivery-status", "payment-status"] {
        row(
            kind,
            "/body/reason",
            &good,
            &bad,
            "a reason is a word after merchant-",
        );
    }
    let long = format!("https://carrier.example/{}", "a".repeat(16_000));
    let good = [
        "https://carrier.example",
        "HTTPS://c.example:8443/a?b=%20&c='(d)'#e",
        "https://[2001:db8::1]/",
        &long,
    ];
    let bad = [
        "http://carrier.example/t",
        "ftp://carrier.example/t",
        "javascript:alert(1)",
        "//carrier.example/t",
        "https:/carrier.example",
        "https://",
        "https:///t",
        "https://?t",
        "https://carrier.example/a b",
        "https://carrier.example/\u{202e}",
        "https://carrier.example/\"><b>",
        "https://carrier.example\\@evil.example",
        " https://carrier.example",
    ];
    for path in ["/body/tracking_url", "/body/access"] {
        row("delivery-status", path, &good, &bad, "https:// URL");
    }
    for (kind, path) in [
        ("trade-record", "/body/placed"),
        ("trade-record", "/body/confirm_by"),
        ("order-status", "/body/at"),
        ("order-status", "/body/ship/planned"),
        ("delivery-status", "/body/delivery/planned_until"),
        ("payment-status", "/body/settle/actual"),
        ("authorization", "/body/until"),
        ("delivery-instruction", "/body/ready"),
    ] {
        let good = ["2026-11-20T10:15:00-00:30"];
        row(
            kind,
            path,
            &good,
            &["2026-11-20T10:15:00", "tomorrow"],
            "a time looks like",
        );
    }
}

#[test]
fn fingerprints_and_hashes() {
    let keys = |pairs: Value| pairs;
    let v4 = "0123456789ABCDEF0123456789abcdef01234567";
    let v6 = format!("{v4}{}", "0".repeat(24));
    let good = [json!({}), json!({ "a@b.example": v4, "c@b.example": v6 })];
    for bad in [
        "",
        "0x0123",
        &v4[1..],
        &format!("{v4}0"),
        &v4.replace('0', "g"),
    ] {
        let bad = keys(json!({ "a@b.example": bad }));
        let message = "body.keys: what stands for a@b.example is not an OpenPGP fingerprint";
        check("trade-record", "/body/keys", &good, &bad, Rule, message);
    }
    let twice = json!({ "a@b.example": v4, "A@B.example": v4 });
    let message = "body.keys: one address occurs twice";
    check("trade-record", "/body/keys", &good, &twice, Rule, message);
    let control = json!({ "a\u{1b}[31m@b.example": v4 });
    check(
        "trade-record",
        "/body/keys",
        &good,
        &control,
        Member,
        "body.keys",
    );

    let good = [
        json!("0123456789abcdef".repeat(4)),
        json!("0123456789ABCDEF".repeat(4)),
    ];
    for bad in ["", "sha256", &"0".repeat(63), &"g".repeat(64)] {
        let message = "body.details_hash is not a SHA-256 hash";
        check(
            "order",
            "/body/details_hash",
            &good,
            &json!(bad),
            Rule,
            message,
        );
    }
}

/// No member may be null or of another type, at any depth; and an object is never an array.
#[test]
fn every_member_of_every_kind_is_of_its_type() {
    for kind in KINDS {
        let whole = statement(kind);
        let mut paths = Vec::new();
        list_paths(&whole, String::new(), &mut paths);
        for path in paths {
            let value = whole.pointer(&path).unwrap();
            let mut wrong = vec![Value::Null];
            match value {
                Value::Object(o) => wrong.extend([json!("x"), o.values().cloned().collect()]),
                Value::Array(_) => wrong.extend([json!("x"), json!({})]),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                    wrong.extend([json!([value]), json!({ "a": value })])
                }
            }
            for bad in wrong {
                let s = with_member(kind, &path, bad.clone());
                let Err(e) = read(&s) else {
                    panic!("{kind}: {path} was accepted as {bad}");
                };
                assert!(!e.is_unsupported(), "{kind} {path} {bad}: {e}");
            }
        }
    }
}

fn list_paths(value: &Value, at: String, paths: &mut Vec<String>) {
    match value {
        Value::Object(o) => {
            for (name, inner) in o {
                let path = format!("{at}/{name}");
                paths.push(path.clone());
                list_paths(inner, path, paths);
            }
        }
        Value::Array(items) => {
            for (i, inner) in items.iter().enumerate() {
                let path = format!("{at}/{i}");
                paths.push(path.clone());
                list_paths(inner, path, paths);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
