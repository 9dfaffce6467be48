//! Each fault of the envelope, and of what a reader does not know (protocol 1, 2).
#![allow(clippy::unwrap_used)]

mod faults;
mod samples;

use serde_json::{Value, json};
use tradepost_statements::wire::decode;

use faults::{
    Refused::{Kind, Member, Rule, State, Version},
    check, read, with_member,
};

#[test]
fn the_envelope() {
    let cancel = |path: &str, good: &[Value], bad: Value, how, message: &str| {
        check("cancel", path, good, &bad, how, message);
    };
    for (bad, said) in [(json!(0), "0"), (json!(2), "2"), (json!(1.5), "1.5")] {
        let message = format!("version {said} of the Tradepost protocol, and only version 1");
        cancel("/tradepost", &[json!(1)], bad, Version, &message);
    }
    cancel("/tradepost", &[json!(1.0)], json!(-1), Version, "-1");
    for bad in [json!("1"), json!(null), json!(true), json!([1])] {
        cancel(
            "/tradepost",
            &[json!(1)],
            bad,
            Member,
            "tradepost: is not a number",
        );
    }

    let upper = samples::ID.to_uppercase();
    for bad in [
        "01932c07-9a2e-4c11-8f54-0f6a1c0d9e22",
        "01932c07-9a2e-7c11-cf54-0f6a1c0d9e22",
        "{01932c07-9a2e-7c11-8f54-0f6a1c0d9e22}",
        "urn:uuid:01932c07-9a2e-7c11-8f54-0f6a1c0d9e22",
        "01932c079a2e7c118f540f6a1c0d9e22",
        "01932c07-9a2e-7c11-8f54-0f6a1c0d9e2",
        "01932c079-a2e-7c11-8f54-0f6a1c0d9e22",
        "",
    ] {
        for path in ["/id", "/answers"] {
            let message = format!("{}: a statement id is a UUID of version 7", &path[1..]);
            cancel(path, &[json!(upper)], json!(bad), Member, &message);
        }
    }
    for path in ["/from", "/to"] {
        let name = &path[1..];
        for (bad, message) in [
            ("Ann <ann@home.example>", "the part before the @"),
            ("ann", "name@domain"),
            ("ann@[192.0.2.1]", "the part after the @"),
            ("@relay.example:ann@home.example", "the part before the @"),
        ] {
            let s = |v| with_member("recall", path, v);
            assert!(read(&s(json!("\"ann b\"@xn--bcher-kva.example"))).is_ok());
            let error = read(&s(json!(bad))).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{name}: ")), "{error}");
            assert!(error.contains(message), "{error}");
        }
    }
    for bad in [
        "2026-11-20T10:15:00",
        "2026-11-20 10:15:00Z",
        "2026-11-20",
        "2026-02-30T10:15:00Z",
        "2026-11-20T10:15:00+24:00",
        "Fri, 20 Nov 2026 10:15:00 +0000",
    ] {
        let good = [
            json!("2026-11-20T10:15:00.123456+01:00"),
            json!("2026-11-20t10:15:00z"),
        ];
        cancel(
            "/sent",
            &good,
            json!(bad),
            Member,
            "sent: a time looks like",
        );
    }
    cancel(
        "/sent",
        &[],
        json!(1_795_169_700),
        Member,
        "sent: invalid type: integer",
    );
}

// Requirements: Q2
#[test]
fn trade_ids_and_request_ids() {
    let good = [json!("a"), json!("A-z_0.9"), json!("x".repeat(64))];
    for bad in ["", "T 1", "T/1", "é", "T\n1", &"x".repeat(65)] {
        let message = "trade.id: a trade id has 1 to 64 characters";
        check("recall", "/trade/id", &good, &json!(bad), Member, message);
    }
    check(
        "recall",
        "/trade/id",
        &good,
        &json!(1001),
        Member,
        "trade.id: invalid type",
    );
    check(
        "recall",
        "/trade/shop",
        &[],
        &json!("shop"),
        Member,
        "trade.shop: ",
    );

    let good = [
        json!(samples::REQUEST),
        json!(samples::REQUEST.to_uppercase()),
    ];
    for bad in [
        "ann@home.example",
        "01932c07-9a2e-7c11-8f54-0f6a1c0d9e21",
        "01932c07-9a2e-7c11-8f54-0f6a1c0d9e21:",
        "01932c07-9a2e-7c11-8f54-0f6a1c0d9e21:ann",
        "01932c07-9a2e-4c11-8f54-0f6a1c0d9e21:ann@home.example",
        "01932c07-9a2e-7c11-8f54-0f6a1c0d9e21 :ann@home.example",
    ] {
        let message = "request: a request id is a UUID of version 7, a colon and";
        check("cancel", "/request", &good, &json!(bad), Member, message);
    }
}

// Requirements: Q2
#[test]
fn the_request_of_a_buyer_holds_the_address_of_the_buyer() {
    let bob = json!("01932c07-9a2e-7c11-8f54-0f6a1c0d9e21:bob@home.example");
    let ann = json!("01932c07-9a2e-7c11-8f54-0f6a1c0d9e21:Ann@HOME.example");
    for kind in ["order", "confirm", "cancel", "return", "status-request"] {
        let message = "the request is one of bob@home.example, and ann@home.example is who says it";
        check(
            kind,
            "/request",
            std::slice::from_ref(&ann),
            &bob,
            Rule,
            message,
        );
    }
    // The address named for notices consents so; and a shop answers requests that are not its own.
    for kind in ["notify", "trade-record", "order-rejected", "order-status"] {
        assert!(read(&with_member(kind, "/request", bob.clone())).is_ok());
    }
}

#[test]
fn kinds_and_states_that_are_not_known_are_unsupported() {
    let not_known = [
        "transaction-opened",
        "transaction-noted",
        "transaction-waiting",
        "finalize",
        "prepare",
        "vote",
        "commit",
        "abort",
        "finalized",
        "inquire",
        "outcome",
        "catch-up",
        "summary",
        "log-query",
        "log",
        "Order",
        "",
    ];
    for kind in not_known {
        let good = [json!("unknown-trade")];
        let message = format!("{kind:?} are not known here");
        check(
            "unknown-trade",
            "/body/kind",
            &good,
            &json!(kind),
            Kind,
            &message,
        );
    }
    check(
        "recall",
        "/body/kind",
        &[],
        &json!(1),
        Member,
        "body.kind: is not a string",
    );

    for (kind, good, bad) in [
        ("order-status", "on-hold", "delivered"),
        ("delivery-status", "on-hold", "settled"),
        ("payment-status", "voided", "shipped"),
        ("payment-status", "due", "Due"),
    ] {
        let message = format!("the state {bad:?} of body.state is not known here");
        check(
            kind,
            "/body/state",
            &[json!(good)],
            &json!(bad),
            State,
            &message,
        );
        check(
            kind,
            "/body/state",
            &[],
            &json!(1),
            Member,
            "body.state: invalid type",
        );
    }
    for (kind, path, at) in [
        ("notify", "/body/on", "body.on"),
        ("order", "/body/notify/on", "body.notify.on"),
        ("payment-instruction", "/body/notify/on", "body.notify.on"),
        ("delivery-instruction", "/body/notify/on", "body.notify.on"),
    ] {
        let good = [json!([]), json!(["order", "delivery", "payment.past-due"])];
        for bad in [
            "refund",
            "delivery.shipped",
            "delivery.",
            ".",
            "order.shipped.x",
        ] {
            let message = format!("the state {bad:?} of {at} is not known here");
            check(kind, path, &good, &json!(["order", bad]), State, &message);
        }
        check(kind, path, &good, &json!("order"), Member, at);
    }
}

#[test]
fn every_state_of_every_track_is_known() {
    use tradepost_statements::{DeliveryState, OrderState, PaymentState};
    let read_state = |kind, state: &str| read(&with_member(kind, "/body/state", json!(state)));
    for s in OrderState::ALL {
        assert!(read_state("order-status", s.word()).is_ok(), "{s}");
    }
    for s in DeliveryState::ALL {
        assert!(read_state("delivery-status", s.word()).is_ok(), "{s}");
    }
    for s in PaymentState::ALL {
        assert!(read_state("payment-status", s.word()).is_ok(), "{s}");
    }
    assert_eq!(
        (
            OrderState::ALL.len(),
            DeliveryState::ALL.len(),
            PaymentState::ALL.len()
        ),
        (9, 15, 13)
    );
}

#[test]
fn what_an_error_quotes_is_short_and_escaped() {
    let nasty = format!("\u{1b}[31m\u{202e}{}", "x".repeat(5_000));
    let long_key = json!({ nasty.clone(): "0" });
    for (kind, path, bad) in [
        ("recall", "/body/kind", json!(nasty)),
        ("order-status", "/body/state", json!(nasty)),
        ("notify", "/body/on", json!([nasty])),
        ("order", "/body/payment/method", json!(nasty)),
        ("order", "/body/total/currency", json!(nasty)),
        ("order", "/body/total/amount", json!(nasty)),
        ("order", "/body/lines", json!(nasty)),
        ("trade-record", "/body/keys", long_key),
        ("recall", "/trade", json!(nasty)),
        ("recall", "/id", json!(nasty)),
    ] {
        let text = read(&with_member(kind, path, bad)).unwrap_err().to_string();
        assert!(text.chars().count() < 500, "{path}: {} long", text.len());
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{path}: {text:?}");
    }
    let twice = format!("{{\"{0}\":1,\"{0}\":1}}", "\\u001b".repeat(100));
    let text = decode(twice.as_bytes()).unwrap_err().to_string();
    assert!(!text.contains('\u{1b}') && text.len() < 700, "{text:?}");
}
