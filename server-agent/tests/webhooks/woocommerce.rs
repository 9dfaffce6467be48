//! What becomes of orders of WooCommerce.

use serde_json::json;
use tradepost_statements::Body;

use crate::deliver::{deliver, recorded, states, tracked, with_hooks, woo};
use crate::support::{ALL_ROLES, ANN, room};

// Requirements: E8
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
        body["id"] = json!(number);
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
