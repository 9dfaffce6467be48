//! Which trade an order of a web shop is, and whose: two orders never become one trade, one order
//! never becomes two, and what is told goes to who bought it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tradepost_statements::Statement;

use crate::deliver::{
    deliver, fulfillment, recorded, sample, secret_file, shopify, states, with_hooks, woo,
};
use crate::support::http::http_section;
use crate::support::{ALL_ROLES, ANN, PATIENCE, Room, SHOP, eur, room};

const BOB: &str = "bob@home.example";

/// An order of WooCommerce by its key and number, of this buyer.
fn numbered(id: u64, number: &str, buyer: &str) -> Value {
    let mut order = woo(1, "processing");
    (order["id"], order["number"]) = (json!(id), json!(number));
    order["billing"]["email"] = json!(buyer);
    order
}

/// The trades that letters to this address are about.
fn trades_of(letters: &[Statement]) -> Vec<String> {
    let mut ids: Vec<String> = letters
        .iter()
        .map(|s| s.trade.as_ref().unwrap().id.to_string())
        .collect();
    ids.sort();
    ids.dedup();
    ids
}

async fn letters_to(room: &Room, address: &str, count: usize) -> Vec<Statement> {
    room.until(address, |s| s.len() >= count).await
}

// Requirements: E8
#[tokio::test(flavor = "multi_thread")]
async fn orders_whose_numbers_look_alike_are_trades_of_their_own() {
    let room = room().await;
    let (_shop, running) = with_hooks(&room, ALL_ROLES);
    for (id, number, buyer, trade) in [
        (1, "2026/11/1", ANN, "W-2026_2f11_2f1"),
        (2, "2026/1/11", BOB, "W-2026_2f1_2f11"),
        (3, "2026_1_11", ANN, "W-2026_5f1_5f11"),
        (4, "2026111", BOB, "W-2026111"),
        // The same number once more, as plugins begin to count anew each year.
        (5, "2026111", ANN, "W-2026111_i5"),
    ] {
        let answer = deliver(&running, "order.created", &numbered(id, number, buyer));
        assert_eq!(answer["recorded"], 3, "{number}: {answer}");
        let shown = running.get(&format!("/v1/trades/{trade}")).json();
        assert_eq!(shown["buyer"], buyer, "{number}");
        // A later state finds its own.
        let mut done = numbered(id, number, buyer);
        done["status"] = json!("completed");
        done["date_modified_gmt"] = json!("2026-11-20T10:30:00");
        assert_eq!(recorded(&running, "order.updated", &done), 1);
        assert_eq!(states(&running, trade).0, "shipped", "{number}");
    }
    assert_eq!(
        trades_of(&letters_to(&room, BOB, 8).await),
        ["W-2026111", "W-2026_2f1_2f11"]
    );
    // Of one number, a very long one that begins alike, and one without.
    let long = "9".repeat(100);
    assert_eq!(
        recorded(&running, "order.created", &numbered(6, &long, ANN)),
        3
    );
    assert_eq!(
        recorded(
            &running,
            "order.created",
            &numbered(7, &format!("{long}9"), ANN)
        ),
        3
    );
    let mut without = numbered(8, "", ANN);
    without.as_object_mut().unwrap().remove("number");
    assert_eq!(recorded(&running, "order.created", &without), 3);
    assert_eq!(states(&running, "W-8").0, "preparing");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_number_changes_stays_one_trade() {
    let room = room().await;
    let (_shop, running) = with_hooks(&room, ALL_ROLES);
    assert_eq!(
        recorded(&running, "order.created", &numbered(77, "77", ANN)),
        3
    );
    let mut later = numbered(77, "INV-2026-5", ANN);
    later["status"] = json!("completed");
    later["date_modified_gmt"] = json!("2026-11-20T10:30:00");
    assert_eq!(recorded(&running, "order.updated", &later), 1);
    assert_eq!(states(&running, "W-77").0, "shipped");
    assert_eq!(running.get("/v1/trades/W-INV-2026-5").status, 404);
    // Another order has the number that the first had for a while.
    assert_eq!(
        recorded(&running, "order.created", &numbered(78, "77", BOB)),
        3
    );
    assert_eq!(running.get("/v1/trades/W-77").json()["buyer"], ANN);
    assert_eq!(running.get("/v1/trades/W-77_i78").json()["buyer"], BOB);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_web_shops_of_one_server_have_equal_numbers_and_no_trade_in_common() {
    let room = room().await;
    secret_file(&room);
    let hook = |name: &str, prefix: &str| {
        format!(
            "[[webhook]]\nname = \"{name}\"\nkind = \"woocommerce\"\nsecret_file = \"hook-secret\"\n{prefix}"
        )
    };
    let hooks = format!("{}{}", hook("woo", ""), hook("woo2", ""));
    let shop = room.server(SHOP, &format!("{ALL_ROLES}{}{hooks}", http_section(&room)));
    let running = shop.run();
    let order = |buyer: &str| numbered(1, "1", buyer).to_string();
    for (name, buyer, trade) in [("woo", ANN, "1"), ("woo2", BOB, "1_i1")] {
        let body = order(buyer);
        let signature = crate::deliver::signature(crate::deliver::SECRET, &body);
        let headers = [
            ("Content-Type", "application/json"),
            ("X-WC-Webhook-Topic", "order.created"),
            ("X-WC-Webhook-Signature", signature.as_str()),
        ];
        let answer = running.call_as("POST", &format!("/v1/hooks/{name}"), &headers, &body);
        assert_eq!(
            (answer.status, &answer.json()["recorded"]),
            (200, &json!(3))
        );
        assert_eq!(
            running.get(&format!("/v1/trades/{trade}")).json()["buyer"],
            buyer
        );
    }
    // Such prefixes are no good idea.
    let said = String::from_utf8(shop.say(&["doctor"], "").stdout).unwrap();
    assert!(
        said.contains("woo2: its trade_prefix is also that of woo"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_shopify_are_told_apart_and_fulfillments_find_their_order() {
    let room = room().await;
    let (_shop, running) = with_hooks(&room, ALL_ROLES);
    for (n, (name, trade)) in (1u32..).zip([
        ("#1001", "S-1001"),
        ("1001", "S-1001_i91_2f1001"),
        ("EN#1001", "S-EN_231001"),
        ("#10.01", "S-10.01"),
    ]) {
        let mut order = shopify(1);
        (order["id"], order["name"]) = (json!(if n == 2 { 91 } else { 500 + n }), json!(name));
        assert_eq!(recorded(&running, "orders/create", &order), 3, "{name}");
        let mut parcel = fulfillment(5, None);
        (parcel["order_id"], parcel["name"]) = (order["id"].clone(), json!(format!("{name}.1")));
        assert_eq!(
            recorded(&running, "fulfillments/create", &parcel),
            1,
            "{name}"
        );
        assert_eq!(states(&running, trade).2.len(), 1, "{name} is {trade}");
    }
}

// Requirements: E8
#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_address_is_told_and_the_old_one_hears_nothing_more() {
    let room = room().await;
    let (_shop, running) = with_hooks(&room, ALL_ROLES);
    let mut order = numbered(8812, "8812", BOB);
    assert_eq!(recorded(&running, "order.created", &order), 3);
    letters_to(&room, BOB, 3).await;
    order["billing"]["email"] = json!(ANN);
    order["date_modified_gmt"] = json!("2026-11-20T10:05:00");
    assert_eq!(recorded(&running, "order.updated", &order), 1);
    assert_eq!(recorded(&running, "order.updated", &order), 0, "again");
    // One that was overtaken still has the old address.
    let mut late = numbered(8812, "8812", BOB);
    late["customer_note"] = json!("ring twice");
    late["date_modified_gmt"] = json!("2026-11-20T10:04:00");
    let late = deliver(&running, "order.updated", &late);
    assert_eq!(late["recorded"], 0, "{late}");
    assert!(
        late["left_out"][0].as_str().unwrap().contains("older"),
        "{late}"
    );
    order["status"] = json!("completed");
    order["date_modified_gmt"] = json!("2026-11-20T10:09:00");
    assert_eq!(recorded(&running, "order.updated", &order), 1);
    let there = letters_to(&room, ANN, 4).await;
    let kinds: Vec<String> = there.iter().map(|s| s.body.kind().to_string()).collect();
    assert_eq!(
        kinds,
        [
            "trade-record",
            "order-status",
            "payment-status",
            "order-status"
        ]
    );
    assert_eq!(letters_to(&room, BOB, 3).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_customers_data_was_erased_is_told_on_to_the_stored_address() {
    let room = room().await;
    let (_shop, running) = with_hooks(&room, ALL_ROLES);
    // As WooCommerce erases, and as Shopify does.
    assert_eq!(
        recorded(&running, "order.created", &woo(1, "processing")),
        3
    );
    let mut erased = woo(5, "completed");
    for part in ["billing", "shipping"] {
        for name in ["first_name", "last_name", "address_1", "city"] {
            erased[part][name] = json!("[deleted]");
        }
        erased[part]["country"] = json!("");
    }
    erased["billing"]["email"] = json!("deleted@site.invalid");
    assert_eq!(recorded(&running, "order.updated", &erased), 1);
    let trade = running.get("/v1/trades/W-8812").json();
    assert_eq!(
        (&trade["buyer"], &trade["version"], &trade["order"]["state"]),
        (&json!(ANN), &json!(1), &json!("shipped"))
    );
    let mut order = sample("shopify-order.json");
    assert_eq!(recorded(&running, "orders/create", &order), 3);
    for name in [
        "email",
        "contact_email",
        "billing_address",
        "shipping_address",
        "customer",
    ] {
        order[name] = json!(null);
    }
    order["fulfillment_status"] = json!("fulfilled");
    order["updated_at"] = json!("2026-11-20T16:00:00Z");
    assert_eq!(recorded(&running, "orders/updated", &order), 1);
    let trade = running.get("/v1/trades/S-1001").json();
    assert_eq!(
        (&trade["buyer"], &trade["version"]),
        (&json!(ANN), &json!(1))
    );
    assert_eq!(states(&running, "S-1001").0, "shipped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_waits_for_the_old_address_does_not_leave_once_it_was_corrected() {
    let room = room().await;
    let shop = room.server(SHOP, ALL_ROLES);
    let record = |buyer_mail: &str| {
        json!({ "trade": "W-1", "buyer_mail": buyer_mail, "total": eur("98.00"),
            "lines": [{ "name": "Kettle", "quantity": 2, "price": eur("49.00") }],
            "payment": { "method": "credit-card", "processor": SHOP },
            "delivery": { "method": "courier", "carriers": [{ "address": SHOP }] },
            "buyer": { "name": "Ann", "address": { "street": "1", "city": "York", "country": "GB" } } })
    };
    // Nobody sends yet.
    for (key, buyer_mail) in [("1", BOB), ("2", ANN)] {
        let answer = shop.emit(&json!({ "key": key, "record": record(buyer_mail) }));
        assert_eq!(answer["accepted"], true, "{answer}");
    }
    let running = shop.run();
    assert_eq!(letters_to(&room, ANN, 1).await.len(), 1);
    let deadline = Instant::now() + PATIENCE;
    let (bob, ann) = loop {
        let all = shop.json(&["outbox", "--all", "--json"]);
        let of = |to: &str| {
            let mut all = all.as_array().unwrap().iter();
            all.find(|i| i["to"] == to).unwrap().clone()
        };
        if of(BOB)["state"] != "queued" && of(ANN)["state"] != "queued" {
            break (of(BOB), of(ANN));
        }
        assert!(Instant::now() < deadline, "{all}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(
        (&bob["state"], &ann["state"]),
        (&json!("refused"), &json!("accepted"))
    );
    assert!(
        bob["text"].as_str().unwrap().contains("was corrected"),
        "{bob}"
    );
    // Nor by hand.
    shop.say(&["outbox", "retry"], "");
    assert_eq!(letters_to(&room, ANN, 1).await.len(), 1);
    assert!(room.statements(BOB).is_empty());
    drop(running);
}
