//! Webhooks of WooCommerce and Shopify, with the sample orders of `examples/webhooks` (E8): signatures,
//! what becomes what, and that deliveries may come twice, late, and in any order.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use support::http::{Answer, http_section};
use support::{ALL_ROLES, ANN, CARRIER, PATIENCE, PROCESSOR, Room, Running, SHOP, Server, room};
use tradepost_statements::{Body, Kind};

const SECRET: &str = "s3cr3t of the web shop";

fn sample(name: &str) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/webhooks/");
    serde_json::from_str(&std::fs::read_to_string(format!("{folder}{name}")).unwrap()).unwrap()
}

fn secret_file(room: &Room) {
    let file = room.folder.path().join("hook-secret");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
}

fn with_hooks(room: &Room, roles: &str) -> (Server, Running) {
    secret_file(room);
    let hooks = "[[webhook]]\nname = \"woo\"\nkind = \"woocommerce\"\nsecret_file = \"hook-secret\"\ntrade_prefix = \"W-\"\n\
                 [[webhook]]\nname = \"shopify\"\nkind = \"shopify\"\nsecret_file = \"hook-secret\"\ntrade_prefix = \"S-\"\n";
    let shop = room.server(SHOP, &format!("{roles}{}{hooks}", http_section(room)));
    let running = shop.run();
    (shop, running)
}

fn signature(secret: &str, body: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    STANDARD.encode(mac.chain_update(body).finalize().into_bytes())
}

fn deliver_as(running: &Running, topic: &str, signature: &str, body: &str, id: &str) -> Answer {
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

fn deliver(running: &Running, topic: &str, body: &Value) -> Value {
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

fn recorded(running: &Running, topic: &str, body: &Value) -> u64 {
    deliver(running, topic, body)["recorded"].as_u64().unwrap()
}

/// The states of a trade: order, payment, and the parcels by their names.
fn states(running: &Running, id: &str) -> (Value, Value, Vec<(String, String)>) {
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
fn woo(minute: u32, status: &str) -> Value {
    let mut order = sample("woocommerce-order.json");
    order["status"] = json!(status);
    order["date_modified_gmt"] = json!(format!("2026-11-20T10:{minute:02}:00"));
    if matches!(status, "completed") {
        order["date_completed_gmt"] = order["date_modified_gmt"].clone();
    }
    order
}

fn tracked(mut order: Value) -> Value {
    order["meta_data"] = json!([{ "id": 42, "key": "_wc_shipment_tracking_items", "value": [{
        "tracking_provider": "royal-mail", "custom_tracking_provider": "", "custom_tracking_link": "",
        "tracking_number": "RM123456785GB", "tracking_product_code": "", "date_shipped": "1795190400" }] }]);
    order
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_woocommerce_is_told_from_its_record_to_its_shipping_and_never_as_delivered() {
    let room = room().await;
    let (_shop, running) = with_hooks(&room, ALL_ROLES);
    let order = woo(1, "processing");
    assert_eq!(recorded(&running, "order.created", &order), 3);
    let there = room.until(ANN, |s| s.len() == 3).await;
    let Body::TradeRecord(record) = &there[0].body else {
        panic!("{:?}", there[0].body.kind());
    };
    let record = serde_json::to_value(record).unwrap();
    assert_eq!(
        record["lines"],
        json!([{ "name": "Red kettle", "sku": "KET-R", "quantity": 2,
        "price": { "amount": "49.00", "currency": "EUR" } }])
    );
    assert_eq!(record["discounts"][0]["name"], "Discount (autumn)");
    assert_eq!(record["discounts"][0]["price"]["amount"], "10.00");
    assert_eq!(record["charges"][0]["price"]["amount"], "4.99");
    assert_eq!(record["total"]["amount"], "92.99");
    assert_eq!(
        record["buyer"]["address"]["street"],
        "1 High Street, Flat 2"
    );
    assert_eq!(record["deliver_to"]["name"], "Bob Example");
    assert_eq!(record["payment"]["method"], "credit-card");
    assert_eq!(there[0].to.as_str(), ANN);
    assert_eq!(
        states(&running, "W-8812"),
        (json!("preparing"), json!("settled"), vec![])
    );

    // Twice, and with something changed that is nobody's business.
    assert_eq!(recorded(&running, "order.updated", &order), 0);
    let mut noted = woo(2, "processing");
    noted["customer_note"] = json!("ring twice");
    assert_eq!(recorded(&running, "order.updated", &noted), 0);

    // "Completed" means shipped.
    let done = tracked(woo(10, "completed"));
    assert_eq!(recorded(&running, "order.updated", &done), 2);
    let parcel = ("RM123456785GB".to_owned(), "announced".to_owned());
    assert_eq!(
        states(&running, "W-8812"),
        (json!("shipped"), json!("settled"), vec![parcel.clone()])
    );
    assert_eq!(recorded(&running, "order.updated", &done), 0);

    // An old one that was delivered late; one that goes back.
    let late = deliver(&running, "order.updated", &woo(5, "on-hold"));
    assert_eq!(
        (
            &late["recorded"],
            late["left_out"].as_array().unwrap().len()
        ),
        (&json!(0), 1),
        "{late}"
    );
    let back = deliver(&running, "order.updated", &tracked(woo(11, "processing")));
    assert_eq!(back["recorded"], 0, "{back}");
    assert!(
        back["left_out"][0].as_str().unwrap().contains("backwards"),
        "{back}"
    );

    // A refund of a part, then of all.
    let mut refund = tracked(woo(20, "completed"));
    refund["refunds"] = json!([{ "id": 9001, "reason": "scratch", "total": "-10.00" }]);
    assert_eq!(recorded(&running, "order.updated", &refund), 1);
    assert_eq!(states(&running, "W-8812").1, "partly-refunded");
    let mut refund = tracked(woo(21, "refunded"));
    refund["date_completed_gmt"] = json!("2026-11-20T10:10:00");
    refund["refunds"] =
        json!([{ "id": 9001, "total": "-10.00" }, { "id": 9002, "total": "-82.99" }]);
    assert_eq!(recorded(&running, "order.updated", &refund), 1);
    assert_eq!(
        states(&running, "W-8812"),
        (json!("shipped"), json!("refunded"), vec![parcel])
    );
    let there = room.until(ANN, |s| s.len() == 7).await;
    assert!(
        !serde_json::to_string(
            &there
                .iter()
                .map(tradepost_statements::wire::to_value)
                .collect::<Vec<_>>()
        )
        .unwrap()
        .contains("\"delivered\"")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_status_of_woocommerce_has_its_meaning() {
    let room = room().await;
    let (_shop, running) = with_hooks(&room, ALL_ROLES);
    for (number, (status, paid, order, payment)) in (9000..).zip([
        (
            "pending",
            false,
            json!("awaiting-payment"),
            json!("pending"),
        ),
        (
            "failed",
            false,
            json!("awaiting-payment"),
            json!("declined"),
        ),
        ("on-hold", false, json!("on-hold"), json!("pending")),
        ("processing", true, json!("preparing"), json!("settled")),
        ("completed", true, json!("shipped"), json!("settled")),
        ("cancelled", false, json!("cancelled"), json!("voided")),
        ("refunded", true, json!("cancelled"), json!("refunded")),
        ("trash", false, json!(null), json!(null)),
        ("checkout-draft", false, json!(null), json!(null)),
    ]) {
        let mut body = woo(1, status);
        body["number"] = json!(number.to_string());
        if !paid {
            body["date_paid_gmt"] = json!(null);
        }
        let answer = deliver(&running, "order.updated", &body);
        let id = format!("W-{number}");
        if order.is_null() {
            assert_eq!(answer["recorded"], 0, "{status}: {answer}");
            assert_eq!(
                running.get(&format!("/v1/trades/{id}")).status,
                404,
                "{status}"
            );
        } else {
            let (o, p, _) = states(&running, &id);
            assert_eq!((o, p), (order, payment), "{status}: {answer}");
        }
    }
    let deleted = deliver(&running, "order.deleted", &json!({ "id": 9000 }));
    assert_eq!(deleted["recorded"], 0);
    assert_eq!(states(&running, "W-9000").0, "awaiting-payment");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_web_shops_signature_nothing_changes() {
    let room = room().await;
    let (shop, running) = with_hooks(&room, ALL_ROLES);
    for (topic, body) in [
        ("order.updated", sample("woocommerce-order.json")),
        ("orders/updated", sample("shopify-order.json")),
    ] {
        let before = shop.json(&["trades", "--json"]);
        let body = body.to_string();
        let right = signature(SECRET, &body);
        let hex: String = STANDARD
            .decode(&right)
            .unwrap()
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        for wrong in [
            String::new(),
            signature("another secret", &body),
            signature(SECRET, &format!("{body} ")),
            right.trim_end_matches('=').to_owned(),
            STANDARD.encode(&STANDARD.decode(&right).unwrap()[..16]),
            hex,
        ] {
            let answer = deliver_as(&running, topic, &wrong, &body, "1");
            assert_eq!(
                (answer.status, answer.problem()),
                (401, "SignatureIsWrong".to_owned()),
                "{wrong}"
            );
        }
        let altered = body.replace("49.00", "4.90").replace("92.99", "2.99");
        assert_eq!(
            deliver_as(&running, topic, &right, &altered, "1").status,
            401
        );
        assert_eq!(shop.json(&["trades", "--json"]), before);
        let answer = deliver_as(&running, topic, &right, &body, "1");
        assert_eq!(
            (answer.status, &answer.json()["recorded"]),
            (200, &json!(3)),
            "{answer:?}"
        );
        // The same delivery again, and the same content as another delivery.
        for id in ["1", "2"] {
            assert_eq!(
                deliver_as(&running, topic, &right, &body, id).json()["recorded"],
                0
            );
        }
    }
    assert_eq!(room.until(ANN, |s| s.len() == 6).await.len(), 6);
    // When a webhook is made, WooCommerce asks whether anybody is there, without signature.
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let ping = running.call_as("POST", "/v1/hooks/woo", &[form], "webhook_id=7");
    assert_eq!((ping.status, &ping.json()["recorded"]), (200, &json!(0)));
    let other = running.call_as("POST", "/v1/hooks/woo", &[form], "webhook_id=7&order=1");
    assert_eq!(other.status, 401);
    assert_eq!(
        running.call_as("POST", "/v1/hooks/other", &[], "{}").status,
        404
    );
    assert!(!running.log().contains(SECRET));
}

fn shopify(minute: u32) -> Value {
    let mut order = sample("shopify-order.json");
    order["updated_at"] = json!(format!("2026-11-20T15:{minute:02}:00+00:00"));
    order
}

fn fulfillment(minute: u32, shipment_status: Option<&str>) -> Value {
    let mut body = sample("shopify-fulfillment.json");
    body["updated_at"] = json!(format!("2026-11-20T15:{minute:02}:00+00:00"));
    body["shipment_status"] = json!(shipment_status);
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_shopify_and_its_fulfillments_are_told_and_the_carriers_word_alone_is_delivery()
{
    let room = room().await;
    let (_shop, running) = with_hooks(&room, ALL_ROLES);
    // Overtaken: the web shop delivers it again later.
    let body = fulfillment(1, None).to_string();
    let early = deliver_as(
        &running,
        "fulfillments/create",
        &signature(SECRET, &body),
        &body,
        "f",
    );
    assert_eq!(
        (early.status, early.problem()),
        (404, "NoSuchTrade".to_owned())
    );

    let order = sample("shopify-order.json");
    assert_eq!(recorded(&running, "orders/create", &order), 3);
    assert_eq!(
        recorded(&running, "orders/paid", &order),
        0,
        "another topic, the same order"
    );
    let there = room.until(ANN, |s| s.len() == 3).await;
    let Body::TradeRecord(record) = &there[0].body else {
        panic!("{:?}", there[0].body.kind());
    };
    let record = serde_json::to_value(record).unwrap();
    assert_eq!(record["lines"][0]["price"]["amount"], "49.00");
    assert_eq!(record["discounts"][0]["name"], "Discount (TEN)");
    let charges: Vec<&Value> = record["charges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["price"]["amount"])
        .collect();
    assert_eq!(charges, ["4.99", "16.76"]);
    assert_eq!(record["total"]["amount"], "109.95");
    assert_eq!(
        states(&running, "S-1001"),
        (json!("confirmed"), json!("settled"), vec![])
    );

    let parcel = |state: &str| vec![("1001.1".to_owned(), state.to_owned())];
    assert_eq!(
        recorded(&running, "fulfillments/create", &fulfillment(0, None)),
        1
    );
    assert_eq!(
        states(&running, "S-1001"),
        (json!("confirmed"), json!("settled"), parcel("announced"))
    );
    let mut sent = shopify(1);
    sent["fulfillment_status"] = json!("fulfilled");
    sent["fulfillments"] = json!([fulfillment(0, None)]);
    assert_eq!(recorded(&running, "orders/fulfilled", &sent), 1);
    assert_eq!(
        states(&running, "S-1001"),
        (json!("shipped"), json!("settled"), parcel("announced"))
    );
    for (minute, word, state) in [
        (10, "in_transit", "in-transit"),
        (20, "out_for_delivery", "out-for-delivery"),
        (30, "attempted_delivery", "attempt-failed"),
        (40, "out_for_delivery", "out-for-delivery"),
        (50, "delivered", "delivered"),
    ] {
        assert_eq!(
            recorded(
                &running,
                "fulfillments/update",
                &fulfillment(minute, Some(word))
            ),
            1,
            "{word}"
        );
        assert_eq!(
            recorded(
                &running,
                "fulfillments/update",
                &fulfillment(minute, Some(word))
            ),
            0,
            "{word}"
        );
        assert_eq!(states(&running, "S-1001").2, parcel(state));
    }
    // One that was overtaken.
    let late = deliver(
        &running,
        "fulfillments/update",
        &fulfillment(10, Some("in_transit")),
    );
    assert_eq!(late["recorded"], 0);
    let there = room.until(ANN, |s| s.len() == 10).await;
    let shipped = there.iter().find_map(|s| {
        let Body::OrderStatus(status) = &s.body else {
            return None;
        };
        status.ship.actual.is_some().then(|| status.clone())
    });
    assert_eq!(shipped.unwrap().parcels.unwrap(), ["1001.1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_state_of_an_order_of_shopify_has_its_meaning() {
    let room = room().await;
    let (_shop, running) = with_hooks(&room, ALL_ROLES);
    let refund = json!([{ "id": 1, "transactions": [
        { "kind": "refund", "status": "success", "amount": "9.95" },
        { "kind": "refund", "status": "failure", "amount": "50.00" }] }]);
    for (number, (changes, order, payment)) in (2000..).zip([
        (
            json!({ "financial_status": "pending" }),
            "awaiting-payment",
            "pending",
        ),
        (
            json!({ "financial_status": "authorized" }),
            "confirmed",
            "authorized",
        ),
        (
            json!({ "financial_status": "partially_paid", "total_outstanding": "9.95" }),
            "confirmed",
            "partly-paid",
        ),
        (
            json!({ "financial_status": "partially_refunded", "refunds": refund }),
            "confirmed",
            "partly-refunded",
        ),
        (
            json!({ "financial_status": "refunded", "cancelled_at": "2026-11-20T15:00:00Z" }),
            "cancelled",
            "refunded",
        ),
        (
            json!({ "financial_status": "voided", "cancelled_at": "2026-11-20T15:00:00Z" }),
            "cancelled",
            "voided",
        ),
        (
            json!({ "fulfillment_status": "partial" }),
            "partly-shipped",
            "settled",
        ),
        (
            json!({ "fulfillment_status": "fulfilled" }),
            "shipped",
            "settled",
        ),
        (
            json!({ "fulfillment_status": "fulfilled", "cancelled_at": "2026-11-20T15:00:00Z" }),
            "shipped",
            "settled",
        ),
    ]) {
        let mut body = shopify(5);
        body["name"] = json!(format!("#{number}"));
        body.as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        deliver(&running, "orders/updated", &body);
        let (o, p, _) = states(&running, &format!("S-{number}"));
        assert_eq!((o, p), (json!(order), json!(payment)), "{changes}");
    }
    let mut test = shopify(6);
    test["test"] = json!(true);
    assert_eq!(recorded(&running, "orders/create", &test), 0);
    assert_eq!(
        recorded(&running, "products/update", &json!({ "id": 1 })),
        0
    );
    let shown = running.get("/v1/trades/S-2002").json();
    assert_eq!(shown["total"]["amount"], "109.95");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_with_a_carrier_and_processor_of_its_own_leaves_their_tracks_to_them() {
    let room = room().await;
    let roles = format!(
        "roles = [\"shop\"]\n[shop.payment.credit-card]\nprocessor = \"{PROCESSOR}\"\n\
         [shop.delivery.courier]\ncarrier = \"{CARRIER}\"\n"
    );
    let (_shop, running) = with_hooks(&room, &roles);
    assert_eq!(
        recorded(&running, "order.updated", &tracked(woo(10, "completed"))),
        2
    );
    let there = room.until(ANN, |s| s.len() == 2).await;
    assert_eq!(there[1].body.kind(), Kind::OrderStatus);
    let status = tradepost_statements::wire::to_value(&there[1]);
    assert_eq!(status["body"]["text"], "Tracking: royal-mail RM123456785GB");
    assert_eq!(
        status["body"].get("parcels"),
        None,
        "the carrier names them"
    );
    let record = tradepost_statements::wire::to_value(&there[0]);
    assert_eq!(record["body"]["payment"]["processor"], PROCESSOR);
    assert_eq!(
        record["body"]["delivery"]["carriers"][0]["address"],
        CARRIER
    );

    // What cannot be told says why, and can come again once it can.
    let mut strange = woo(1, "processing");
    strange["number"] = json!("8813");
    for (member, value, word) in [
        ("payment_method", json!("cod"), "[webhook.payment]"),
        (
            "payment_method",
            json!("bacs"),
            "[shop.payment.bank-transfer]",
        ),
        ("currency", json!("XXX"), "currency"),
        ("total", json!("a lot"), "a lot"),
        ("billing", json!({ "first_name": "Ann" }), "billing.email"),
        ("date_modified_gmt", json!(null), "date_modified_gmt"),
    ] {
        let mut body = strange.clone();
        body[member] = value;
        let body = body.to_string();
        let answer = deliver_as(
            &running,
            "order.updated",
            &signature(SECRET, &body),
            &body,
            "x",
        );
        assert_eq!(
            (answer.status, answer.problem()),
            (422, "Refused".to_owned()),
            "{member}"
        );
        assert!(answer.body.contains(word), "{member}: {answer:?}");
        // The operator can see it.
        let deadline = Instant::now() + PATIENCE;
        while !running.log().contains(word) {
            assert!(Instant::now() < deadline, "{word}: {}", running.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    assert_eq!(running.get("/v1/trades/W-8813").status, 404);
    assert_eq!(recorded(&running, "order.updated", &strange), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_configured_with_a_name_of_its_own_and_a_private_secret() {
    let room = room().await;
    secret_file(&room);
    let http = http_section(&room);
    let hook =
        "[[webhook]]\nname = \"woo\"\nkind = \"woocommerce\"\nsecret_file = \"hook-secret\"\n";
    let look = |toml: &str| {
        let shop = room.server(SHOP, &format!("{ALL_ROLES}{toml}"));
        let out = shop.say(&["trades"], "");
        (
            out.status.success(),
            String::from_utf8_lossy(&out.stderr).into_owned(),
        )
    };
    for (toml, fault) in [
        (hook.to_owned(), Some("without [http]")),
        (
            format!("{http}{hook}{hook}"),
            Some("another one has that name"),
        ),
        (
            format!("{http}{}", hook.replace("woo\"", "w o\"")),
            Some("name"),
        ),
        (
            format!("{http}{}", hook.replace("woocommerce", "magento")),
            Some("magento"),
        ),
        (
            format!("{http}{}", hook.replace("hook-secret", "nowhere")),
            Some("nowhere"),
        ),
        (
            format!("{http}{hook}trade_prefix = \"W/\"\n"),
            Some("trade_prefix"),
        ),
        (
            format!("{http}{hook}[webhook.payment]\ncod = \"cash\"\n"),
            Some("cash"),
        ),
        (
            format!("{http}{hook}{}", hook.replace("\"woo\"", "\"woo2\"")),
            None,
        ),
        (
            format!(
                "{http}{hook}mail = false\ndelivery = \"electronic\"\n[webhook.payment]\n\"*\" = \"e-money\"\n"
            ),
            None,
        ),
    ] {
        let (accepted, said) = look(&toml);
        assert_eq!(accepted, fault.is_none(), "{toml}: {said}");
        assert!(said.contains(fault.unwrap_or_default()), "{toml}: {said}");
    }
    std::fs::set_permissions(
        room.folder.path().join("hook-secret"),
        PermissionsExt::from_mode(0o644),
    )
    .unwrap();
    let (accepted, said) = look(&format!("{http}{hook}"));
    assert!(!accepted && said.contains("chmod 600"), "{said}");
}
