//! What a web shop is answered: 2xx for all that can never be told, so that it does not switch the
//! webhook off for the orders that can.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::deliver::{
    SECRET, deliver, deliver_as, fulfillment, recorded, sample, shopify, signature, states,
    with_hooks, woo,
};
use crate::support::http::Answer;
use crate::support::{ALL_ROLES, ANN, PATIENCE, Running, room};

// Requirements: E8
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

/// Sends a body with its right signature; the answer, whatever it is.
fn send(running: &Running, topic: &str, body: &Value) -> Answer {
    let text = body.to_string();
    let id = uuid::Uuid::now_v7().to_string();
    deliver_as(running, topic, &signature(SECRET, &text), &text, &id)
}

fn wait_for_log(running: &Running, words: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !running.log().contains(words) {
        assert!(Instant::now() < deadline, "{words}: {}", running.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The counter of what was left out, of these labels.
fn left_out(running: &Running, labels: &str) -> u64 {
    let text = running.get("/metrics").body;
    let line = text
        .lines()
        .find(|l| l.starts_with("tradepost_webhook_left_out_total{") && l.contains(labels));
    line.map_or(0, |l| l.rsplit(' ').next().unwrap().parse().unwrap())
}

// Requirements: E8
#[tokio::test(flavor = "multi_thread")]
async fn what_can_never_be_told_is_answered_with_its_reason_and_counted_and_the_operator_sees_it() {
    let room = room().await;
    let (_shop, running) = with_hooks(&room, ALL_ROLES);
    let mut order = woo(1, "processing");
    (order["id"], order["number"]) = (json!(8813), json!("8813"));
    for (member, value, reason, word) in [
        (
            "payment_method",
            json!("cod"),
            "configuration",
            "[webhook.payment]",
        ),
        ("currency", json!("XXX"), "content", "currency"),
        ("total", json!("a lot"), "content", "a lot"),
        ("total", json!(null), "content", "total: there is none"),
        ("total", json!("-5.00"), "content", "no amount"),
        (
            "billing",
            json!({ "first_name": "Ann" }),
            "mail",
            "no address to mail to",
        ),
        ("line_items", json!([]), "lines", "there are no lines"),
        ("date_modified_gmt", json!(null), "content", "API v3"),
        ("id", json!(null), "content", "id: the order has none"),
        ("status", json!("checkout-draft"), "not-yet", "none yet"),
    ] {
        let mut body = order.clone();
        body[member] = value;
        let labels = format!("shop=\"woocommerce\",topic=\"order.updated\",reason=\"{reason}\"");
        let before = left_out(&running, &labels);
        let answer = send(&running, "order.updated", &body);
        assert_eq!(answer.status, 200, "{member}: {answer:?}");
        let answer = answer.json();
        assert_eq!(answer["recorded"], 0, "{member}: {answer}");
        assert!(
            answer["left_out"][0].as_str().unwrap().contains(word),
            "{answer}"
        );
        wait_for_log(&running, word);
        assert_eq!(left_out(&running, &labels), before + 1, "{labels}");
    }
    let nowhere = json!({ "address_1": "", "address_2": "", "city": "", "country": "" });
    let mut virtual_goods = order.clone();
    for part in ["billing", "shipping"] {
        let part = virtual_goods[part].as_object_mut().unwrap();
        part.extend(nowhere.as_object().unwrap().clone());
    }
    let answer = deliver(&running, "order.created", &virtual_goods);
    assert!(
        answer["left_out"][0]
            .as_str()
            .unwrap()
            .contains("virtual goods"),
        "{answer}"
    );
    // Whoever can write a body makes no labels.
    deliver(&running, "order.of-my-own", &order);
    assert_eq!(left_out(&running, "topic=\"other\",reason=\"topic\""), 1);
    assert!(!running.get("/metrics").body.contains("of-my-own"));
    // Once it can be told, it is.
    assert_eq!(running.get("/v1/trades/W-8813").status, 404);
    assert_eq!(recorded(&running, "order.updated", &order), 3);
    assert!(!running.log().contains(SECRET));
}

#[tokio::test(flavor = "multi_thread")]
async fn over_the_wire_every_body_but_one_that_is_no_json_is_answered_with_2xx() {
    let room = room().await;
    let (_shop, running) = with_hooks(&room, ALL_ROLES);
    let deep = format!("{}1{}", "[".repeat(300), "]".repeat(300));
    for (body, status) in [
        ("[]", 200),
        ("null", 200),
        ("\"order\"", 200),
        ("1e999", 200),
        ("{}", 200),
        ("{\"id\":\"\\ud800\"}", 200),
        (deep.as_str(), 200),
        ("", 400),
        ("{", 400),
        ("{\"id\":1}}", 400),
        ("id=1", 400),
    ] {
        for topic in ["order.updated", "orders/updated", "fulfillments/update"] {
            let answer = deliver_as(&running, topic, &signature(SECRET, body), body, "1");
            assert_eq!(answer.status, status, "{topic} {body}: {answer:?}");
        }
    }
    // Each member of the samples in its turn, spoilt, as a web shop sends it.
    for (topic, order) in [
        ("order.created", sample("woocommerce-order.json")),
        ("orders/create", sample("shopify-order.json")),
    ] {
        for name in order.as_object().unwrap().keys() {
            for value in [
                json!(null),
                json!([{ "x": -1 }]),
                json!("x".repeat(100_000)),
            ] {
                let mut body = order.clone();
                body[name.as_str()] = value;
                let answer = send(&running, topic, &body);
                assert_eq!(answer.status, 200, "{topic} {name}: {answer:?}");
            }
        }
        assert_eq!(send(&running, topic, &order).status, 200);
    }
    assert_eq!(states(&running, "W-8812").0, "preparing");
    assert_eq!(states(&running, "S-1001").0, "confirmed");
}

#[tokio::test(flavor = "multi_thread")]
async fn parcels_of_an_unknown_order_are_asked_for_again_a_few_times_and_then_left_out() {
    let room = room().await;
    let (_shop, running) = with_hooks(&room, ALL_ROLES);
    let body = fulfillment(1, None);
    let mut answers = Vec::new();
    for _ in 0..12 {
        answers.push(send(&running, "fulfillments/update", &body).status);
    }
    assert_eq!(answers[0], 404, "the order may come yet");
    assert!(
        answers.iter().filter(|s| **s == 404).count() < 6,
        "{answers:?}"
    );
    assert_eq!(answers.last(), Some(&200));
    let mut in_a_row = 0;
    for number in 0..20 {
        let mut other = body.clone();
        other["order_id"] = json!(7_000 + number);
        let refused = send(&running, "fulfillments/update", &other).status == 404;
        in_a_row = if refused { in_a_row + 1 } else { 0 };
        assert!(in_a_row < 6, "a web shop gives up");
    }
    // The order came late, and brings its parcels itself.
    let mut order = shopify(2);
    order["fulfillments"] = json!([fulfillment(1, None)]);
    assert_eq!(recorded(&running, "orders/updated", &order), 4);
    assert_eq!(
        recorded(
            &running,
            "fulfillments/update",
            &fulfillment(3, Some("delivered"))
        ),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_of_each_webhook_where_it_is_when_it_came_and_what_was_left_out() {
    let room = room().await;
    let (shop, running) = with_hooks(&room, ALL_ROLES);
    let said = || {
        // Other things of this room are not as doctor wants them.
        let out = shop.say(&["doctor", "--json"], "");
        let checks: Value = serde_json::from_slice(&out.stdout).unwrap();
        let checks = checks.as_array().unwrap().clone();
        let of_hooks = checks.into_iter().filter(|c| c["name"] == "webhook");
        of_hooks
            .map(|c| format!("{} {} {}", c["ok"], c["found"], c["remedy"]))
            .collect::<Vec<_>>()
    };
    let before = said();
    assert_eq!(before.len(), 2, "{before:?}");
    for (name, line) in ["woo", "shopify"].iter().zip(&before) {
        assert!(line.contains(&format!("POST /v1/hooks/{name}")), "{line}");
        assert!(line.contains("nothing came yet"), "{line}");
    }
    assert_eq!(
        recorded(&running, "order.created", &woo(1, "processing")),
        3
    );
    let mut nobody = woo(2, "processing");
    (nobody["id"], nobody["billing"]["email"]) = (json!(9), json!(""));
    deliver(&running, "order.created", &nobody);
    let older = json!({ "order": woo(1, "processing") });
    deliver(&running, "order.created", &older);
    let is_told = |after: Vec<String>| {
        assert!(
            after[0].contains("last delivery 20") && after[0].contains("mail 1"),
            "{after:?}"
        );
        assert!(
            after[1].contains("(version)") && after[1].contains("API"),
            "{after:?}"
        );
        assert!(after[2].contains("nothing came yet"), "{after:?}");
    };
    is_told(said());
    // It is in the book, not in the process.
    running.kill();
    is_told(said());
}
