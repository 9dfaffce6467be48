//! The documented samples, and what is done to them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::config::WebhookKind;

pub(super) const WOO: &str =
    include_str!("../../../../../examples/webhooks/woocommerce-order.json");
pub(super) const SHOPIFY: &str =
    include_str!("../../../../../examples/webhooks/shopify-order.json");
pub(super) const FULFILLMENT: &str =
    include_str!("../../../../../examples/webhooks/shopify-fulfillment.json");

/// Every place of a sample, as a JSON pointer (RFC 6901).
pub(super) fn places(value: &Value, at: &str, all: &mut BTreeSet<String>) {
    if !at.is_empty() {
        all.insert(at.to_owned());
    }
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                places(value, &format!("{at}/{name}"), all);
            }
        }
        Value::Array(items) => {
            for (i, value) in items.iter().enumerate() {
                places(value, &format!("{at}/{i}"), all);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What a field is spoilt with; none: it is left out.
pub(super) fn spoilt() -> Vec<(&'static str, Option<Value>)> {
    vec![
        ("absent", None),
        ("null", Some(Value::Null)),
        ("empty", Some(json!(""))),
        ("blank", Some(json!(" \t"))),
        ("zero", Some(json!(0))),
        ("negative", Some(json!(-1))),
        ("negative text", Some(json!("-1.00"))),
        ("fraction", Some(json!(0.5))),
        ("fraction text", Some(json!("0.333333333333333333333333"))),
        ("whole float", Some(json!(2.0))),
        ("huge", Some(json!(1e300))),
        ("large", Some(json!(u64::MAX))),
        ("large text", Some(json!("99999999999999999999999999"))),
        ("word", Some(json!("a lot"))),
        ("true", Some(json!(true))),
        ("list", Some(json!([]))),
        ("object", Some(json!({}))),
        ("list of nothing", Some(json!([null, 1, "x", [], {}]))),
        (
            "object of lists",
            Some(json!({ "1": [], "x": { "y": null } })),
        ),
        ("very long", Some(json!("x".repeat(20_000)))),
        (
            "strange",
            Some(json!("a\u{0}b\u{202e}c\r\nd\u{1b}[2J é 🫖")),
        ),
    ]
}

pub(super) fn spoil(sample: &Value, place: &str, with: Option<&Value>) -> Value {
    let mut body = sample.clone();
    match with {
        Some(value) => *body.pointer_mut(place).unwrap() = value.clone(),
        None => {
            let (parent, name) = place.rsplit_once('/').unwrap();
            match body.pointer_mut(parent).unwrap() {
                Value::Object(members) => {
                    members.remove(name);
                }
                Value::Array(items) => {
                    items.remove(name.parse().unwrap());
                }
                other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                    panic!("{other}")
                }
            }
        }
    }
    body
}

pub(super) fn woo_sample() -> Value {
    let mut order: Value = serde_json::from_str(WOO).unwrap();
    order["fee_lines"] =
        json!([{ "id": 505, "name": "Wrapping", "total": "2.00", "total_tax": "0.00" }]);
    order["total"] = json!("94.99");
    order["meta_data"] = json!([{ "id": 42, "key": "_wc_shipment_tracking_items", "value": [{
        "tracking_provider": "royal-mail", "custom_tracking_provider": "", "custom_tracking_link": "",
        "tracking_number": "RM123456785GB", "date_shipped": "1795190400" }] }]);
    order["refunds"] = json!([{ "id": 9001, "reason": "scratch", "total": "-10.00" }]);
    order
}

pub(super) fn shopify_sample() -> Value {
    let mut order: Value = serde_json::from_str(SHOPIFY).unwrap();
    let fulfillment: Value = serde_json::from_str(FULFILLMENT).unwrap();
    order["fulfillments"] = json!([fulfillment]);
    order["refunds"] = json!([{ "id": 7, "transactions": [
        { "kind": "refund", "status": "success", "amount": "9.95" }] }]);
    order["financial_status"] = json!("partially_refunded");
    order["customer"]["default_address"] = order["billing_address"].clone();
    order
}

/// What other topics bring, as their documentation shows it.
pub(super) fn others() -> Vec<(WebhookKind, &'static str, Value)> {
    vec![
        (
            WebhookKind::Woocommerce,
            "order.deleted",
            json!({ "id": 8812 }),
        ),
        (
            WebhookKind::Woocommerce,
            "product.updated",
            json!({ "id": 77, "name": "Red kettle", "price": "49.00" }),
        ),
        (
            WebhookKind::Shopify,
            "orders/edited",
            json!({ "order_edit": { "id": 1, "app_id": null, "created_at": "2026-11-20T12:00:00+00:00",
                "notify_customer": false, "order_id": 5550000000001u64, "staff_note": "", "user_id": 5,
                "line_items": { "additions": [], "removals": [{ "id": 661, "delta": 1 }] },
                "discounts": { "line_item": { "additions": [], "removals": [] } },
                "shipping_lines": { "additions": [], "removals": [] } } }),
        ),
        (
            WebhookKind::Shopify,
            "refunds/create",
            json!({ "id": 7, "order_id": 5550000000001u64, "created_at": "2026-11-20T12:00:00+00:00",
                "note": "scratch", "user_id": 5, "restock": true, "duties": [], "order_adjustments": [],
                "refund_line_items": [{ "id": 8, "line_item_id": 661, "quantity": 1, "subtotal": 49.0 }],
                "transactions": [{ "id": 9, "kind": "refund", "status": "success", "amount": "9.95" }] }),
        ),
        (
            WebhookKind::Shopify,
            "orders/delete",
            json!({ "id": 5550000000001u64 }),
        ),
        (
            WebhookKind::Shopify,
            "products/update",
            json!({ "id": 771 }),
        ),
        (WebhookKind::Shopify, "", json!({ "id": 771 })),
    ]
}
