//! Deliveries as the web shops make them, to a server with a webhook of each kind.

use std::os::unix::fs::PermissionsExt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::http::{Answer, http_section};
use crate::support::{Room, Running, SHOP, Server};

pub(crate) const SECRET: &str = "s3cr3t of the web shop";

pub(crate) fn sample(name: &str) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/webhooks/");
    serde_json::from_str(&std::fs::read_to_string(format!("{folder}{name}")).unwrap()).unwrap()
}

pub(crate) fn secret_file(room: &Room) {
    let file = room.folder.path().join("hook-secret");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
}

pub(crate) fn with_hooks(room: &Room, roles: &str) -> (Server, Running) {
    secret_file(room);
    let hooks = "[[webhook]]\nname = \"woo\"\nkind = \"woocommerce\"\nsecret_file = \"hook-secret\"\ntrade_prefix = \"W-\"\n\
                 [[webhook]]\nname = \"shopify\"\nkind = \"shopify\"\nsecret_file = \"hook-secret\"\ntrade_prefix = \"S-\"\n";
    let shop = room.server(SHOP, &format!("{roles}{}{hooks}", http_section(room)));
    let running = shop.run();
    (shop, running)
}

pub(crate) fn signature(secret: &str, body: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    STANDARD.encode(mac.chain_update(body).finalize().into_bytes())
}

pub(crate) fn deliver_as(
    running: &Running,
    topic: &str,
    signature: &str,
    body: &str,
    id: &str,
) -> Answer {
    let json_type = ("Content-Type", "application/json");
    if topic.contains('/') {
        let headers = [
            json_type,
            ("X-Shopify-Topic", topic),
            ("X-Shopify-Hmac-Sha256", signature),
            ("X-Shopify-Webhook-Id", id),
        ];
        running.call_as("POST", "/v1/hooks/shopify", &headers, body)
    } else {
        let headers = [
            json_type,
            ("X-WC-Webhook-Topic", topic),
            ("X-WC-Webhook-Signature", signature),
            ("X-WC-Webhook-Delivery-ID", id),
        ];
        running.call_as("POST", "/v1/hooks/woo", &headers, body)
    }
}

pub(crate) fn deliver(running: &Running, topic: &str, body: &Value) -> Value {
    let body = body.to_string();
    let answer = deliver_as(
        running,
        topic,
        &signature(SECRET, &body),
        &body,
        &uuid::Uuid::now_v7().to_string(),
    );
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

pub(crate) fn recorded(running: &Running, topic: &str, body: &Value) -> u64 {
    deliver(running, topic, body)["recorded"].as_u64().unwrap()
}

/// The states of a trade: order, payment, and the parcels by their names.
pub(crate) fn states(running: &Running, id: &str) -> (Value, Value, Vec<(String, String)>) {
    let trade = running.get(&format!("/v1/trades/{id}")).json();
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    let parcels = trade["delivery"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| (text(&d["parcel"]), text(&d["state"])));
    (
        trade["order"]["state"].clone(),
        trade["payment"]["state"].clone(),
        parcels.collect(),
    )
}

/// The sample order of WooCommerce, some minutes later, in another state.
pub(crate) fn woo(minute: u32, status: &str) -> Value {
    let mut order = sample("woocommerce-order.json");
    order["status"] = json!(status);
    order["date_modified_gmt"] = json!(format!("2026-11-20T10:{minute:02}:00"));
    if matches!(status, "completed") {
        order["date_completed_gmt"] = order["date_modified_gmt"].clone();
    }
    order
}

pub(crate) fn tracked(mut order: Value) -> Value {
    order["meta_data"] = json!([{ "id": 42, "key": "_wc_shipment_tracking_items", "value": [{
        "tracking_provider": "royal-mail", "custom_tracking_provider": "", "custom_tracking_link": "",
        "tracking_number": "RM123456785GB", "tracking_product_code": "", "date_shipped": "1795190400" }] }]);
    order
}

pub(crate) fn shopify(minute: u32) -> Value {
    let mut order = sample("shopify-order.json");
    order["updated_at"] = json!(format!("2026-11-20T15:{minute:02}:00+00:00"));
    order
}

pub(crate) fn fulfillment(minute: u32, shipment_status: Option<&str>) -> Value {
    let mut body = sample("shopify-fulfillment.json");
    body["updated_at"] = json!(format!("2026-11-20T15:{minute:02}:00+00:00"));
    body["shipment_status"] = json!(shipment_status);
    body
}
