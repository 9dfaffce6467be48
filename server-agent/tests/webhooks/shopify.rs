//! What becomes of orders and fulfillments of Shopify.

use serde_json::{Value, json};
use tradepost_statements::Body;

use crate::deliver::SECRET;
use crate::deliver::{
    deliver, deliver_as, fulfillment, recorded, sample, shopify, signature, states, with_hooks,
};
use crate::support::{ALL_ROLES, ANN, room};

// Requirements: E8
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
