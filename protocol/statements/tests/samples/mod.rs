//! One statement of every kind, with every member that it can have.
#![allow(dead_code, reason = "each test file uses some of it")]

use serde_json::{Value, json};

pub(crate) const REQUEST: &str = "01932c07-9a2e-7c11-8f54-0f6a1c0d9e21:ann@home.example";
pub(crate) const ID: &str = "01932c07-9a2e-7c11-8f54-0f6a1c0d9e22";
pub(crate) const ANSWERS: &str = "01932c07-9a2e-7c11-8f54-0f6a1c0d9e23";

/// Every kind, in the order of protocol 3.
pub(crate) const KINDS: [&str; 19] = [
    "order",
    "trade-record",
    "order-rejected",
    "confirm",
    "cancel",
    "return",
    "return-decision",
    "status-request",
    "notify",
    "unknown-trade",
    "order-status",
    "delivery-status",
    "payment-status",
    "authorize",
    "authorization",
    "payment-instruction",
    "delivery-instruction",
    "refund",
    "recall",
];

/// A statement of this kind with every member, of the envelope too.
pub(crate) fn statement(kind: &str) -> Value {
    let from_a_buyer = matches!(
        kind,
        "order" | "confirm" | "cancel" | "return" | "status-request" | "notify"
    );
    let (from, to) = if from_a_buyer {
        ("ann@home.example", "orders@shop.example")
    } else {
        ("orders@shop.example", "ann@home.example")
    };
    let mut body = body(kind);
    body["kind"] = json!(kind);
    json!({
        "tradepost": 1,
        "id": ID,
        "from": from,
        "to": to,
        "sent": "2026-11-20T10:15:00Z",
        "trade": trade(),
        "request": REQUEST,
        "answers": ANSWERS,
        "body": body,
    })
}

fn trade() -> Value {
    json!({ "shop": "orders@shop.example", "id": "T-1001" })
}

fn eur(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "EUR" })
}

fn recipient() -> Value {
    json!({
        "name": "Ann Miller",
        "address": {
            "street": "Hill Street 1",
            "city": "Springfield",
            "region": "North",
            "postal_code": "12345",
            "country": "DE",
        },
    })
}

fn buyer() -> Value {
    let mut buyer = recipient();
    buyer["phone"] = json!("+49 30 123456");
    buyer
}

fn lines() -> Value {
    json!([
        { "name": "Teapot", "sku": "TP-1", "quantity": 2, "price": eur("44.00") },
        { "name": "Tea", "quantity": 1, "price": eur("5.00") },
    ])
}

fn notify() -> Value {
    json!({ "on": ["order", "delivery.delivered"], "to": "ann@work.example" })
}

fn body(kind: &str) -> Value {
    match kind {
        "order" => json!({
            "lines": lines(),
            "total": eur("98.00"),
            "payment": { "method": "credit-card", "reference": "tok_5f3a" },
            "delivery": { "method": "courier" },
            "buyer": buyer(),
            "deliver_to": recipient(),
            "notify": notify(),
            "reorder_of": { "shop": "orders@shop.example", "id": "T-900" },
            "hub": "hub@hub.example",
            "region": { "country": "DE", "postal_code": "12345" },
            "details_hash": "a".repeat(64),
        }),
        "trade-record" => json!({
            "version": 1,
            "shop_name": "Example Shop",
            "placed": "2026-11-20T10:10:00Z",
            "lines": lines(),
            "charges": [{ "name": "Shipping", "price": eur("6.00") }],
            "discounts": [{ "name": "Welcome", "price": eur("1.00") }],
            "total": eur("98.00"),
            "payment": { "method": "credit-card", "processor": "billing@pay.example" },
            "delivery": {
                "method": "courier",
                "carriers": [{ "address": "track@carrier.example", "parcels": ["P1", "P2"] }],
            },
            "buyer": buyer(),
            "deliver_to": recipient(),
            "confirm_by": "2026-11-23T10:10:00Z",
            "hub": "hub@hub.example",
            "keys": { "orders@shop.example": "0123456789ABCDEF0123456789ABCDEF01234567" },
        }),
        "order-rejected" => json!({ "reason": "out-of-stock", "text": "Sold out." }),
        "confirm" => json!({ "version": 1 }),
        "cancel" => json!({ "text": "Ordered twice." }),
        "return" => json!({ "lines": [{ "line": 0, "quantity": 1 }], "reason": "Broken." }),
        "return-decision" => json!({
            "accepted": true,
            "text": "Please send it back.",
            "refund": eur("44.00"),
            "send_to": recipient(),
        }),
        "status-request" | "unknown-trade" => json!({}),
        "notify" => notify(),
        "order-status" => json!({
            "sequence": 4,
            "state": "shipped",
            "at": "2026-11-21T08:00:00Z",
            "ship": { "planned": "2026-11-21T12:00:00Z", "actual": "2026-11-21T08:00:00Z" },
            "parcels": ["P1", "P2"],
            "reason": "merchant-early",
            "text": "On its way.",
        }),
        "delivery-status" => json!({
            "sequence": 7,
            "parcel": "P1",
            "state": "delivered",
            "at": "2026-11-22T11:30:00Z",
            "delivery": {
                "planned": "2026-11-22T10:00:00Z",
                "planned_until": "2026-11-22T14:00:00Z",
                "actual": "2026-11-22T11:29:00Z",
            },
            "place": "Springfield",
            "tracking_number": "1Z999",
            "tracking_url": "https://carrier.example/t/1Z999?lang=en#now",
            "access": "https://shop.example/download/5f3a",
            "lines": [{ "line": 0, "quantity": 2 }],
            "reason": "carrier-left-with-neighbour",
            "text": "With the neighbour.",
        }),
        "payment-status" => json!({
            "sequence": 2,
            "state": "settled",
            "at": "2026-11-21T09:00:00Z",
            "amount": eur("98.00"),
            "paid": eur("98.00"),
            "refunded": eur("0.00"),
            "settle": { "planned": "2026-11-21T09:00:00Z", "actual": "2026-11-21T09:00:00Z" },
            "reason": "payment-on-time",
            "text": "Thank you.",
        }),
        "authorize" => json!({
            "amount": eur("98.00"),
            "method": "credit-card",
            "reference": "tok_5f3a",
            "buyer": buyer(),
            "buyer_mail": "ann@home.example",
        }),
        "authorization" => json!({
            "approved": true,
            "code": "00",
            "text": "Approved.",
            "until": "2026-11-27T10:00:00Z",
        }),
        "payment-instruction" => json!({
            "amount": eur("98.00"),
            "method": "bank-transfer",
            "reference": "tok_5f3a",
            "buyer_mail": "ann@home.example",
            "notify": notify(),
            "due": "2026-12-04",
        }),
        "delivery-instruction" => json!({
            "parcel": "P1",
            "lines": [{ "line": 0, "quantity": 2, "name": "Teapot" }],
            "deliver_to": recipient(),
            "buyer_mail": "ann@home.example",
            "notify": notify(),
            "ready": "2026-11-21T08:00:00Z",
        }),
        "refund" => json!({
            "amount": eur("98.00"),
            "refunded": eur("44.00"),
            "text": "One teapot.",
        }),
        "recall" => json!({ "parcel": "P1", "text": "Cancelled by the buyer." }),
        other => panic!("no sample of {other}"),
    }
}
