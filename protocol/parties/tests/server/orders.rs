//! `order`: trades, rejections, and the same request again.

use serde_json::{Value, json};
use tradepost_parties::kernel::settings::{Article, Catalogue};
use tradepost_parties::kernel::{Ignored, PartyOutcome};
use tradepost_statements::{Kind, RequestId};

use crate::server::{ANN, CARRIER, PROCESSOR, REQUEST, SHOP, Server, eur, order_body, trade, with};

fn order(server: &mut Server, body: Value) -> crate::server::Came {
    server.hears(ANN, json!({ "request": REQUEST }), body)
}

// Requirements: E4, E5, E9, E10, Q3
#[test]
fn an_order_becomes_a_trade_with_its_record_status_and_instructions_in_one_change() {
    let mut shop = Server::shop();
    let statement = shop.statement(ANN, json!({ "request": REQUEST }), order_body());
    let came = shop.receive(Server::letter(ANN, &statement));
    let expected = [
        "trade-record ann",
        "order-status ann",
        "payment-instruction processor",
        "delivery-instruction carrier",
    ];
    assert_eq!(came.kinds(), expected);
    let record = came.of(Kind::TradeRecord, ANN);
    assert_eq!(record.answers.unwrap().to_string(), statement["id"]);
    assert_eq!(record.request, Some(REQUEST.parse::<RequestId>().unwrap()));
    let body = came.body(Kind::TradeRecord, ANN);
    assert_eq!(body["version"], 1);
    assert_eq!(body["total"], eur("98.00"));
    assert_eq!(body["payment"]["processor"], PROCESSOR);
    assert_eq!(
        body["delivery"]["carriers"],
        json!([{ "address": CARRIER }])
    );
    assert_eq!(body["buyer"], order_body()["buyer"]);
    assert_eq!(body["lines"], order_body()["lines"]);
    assert!(body.get("confirm_by").is_none());
    let status = came.body(Kind::OrderStatus, ANN);
    assert_eq!(
        (&status["sequence"], &status["state"]),
        (&json!(1), &json!("received"))
    );
    let payment = came.body(Kind::PaymentInstruction, PROCESSOR);
    assert_eq!(payment["amount"], eur("98.00"));
    assert_eq!(payment["reference"], "tok_1");
    assert_eq!(payment["buyer_mail"], ANN);
    let delivery = came.body(Kind::DeliveryInstruction, CARRIER);
    assert_eq!(
        delivery["lines"],
        json!([{ "line": 0, "quantity": 2, "name": "Kettle" }])
    );
    assert_eq!(delivery["deliver_to"]["name"], "Ann Example");
    let ids: Vec<_> = came.said.iter().map(|s| s.trade.clone().unwrap()).collect();
    assert!(ids.iter().all(|t| *t == ids[0] && t.shop.as_str() == SHOP));
}

// Requirements: E2
#[test]
fn what_a_shop_rejects_stands_beside_what_it_accepts() {
    let catalogue = Catalogue::new(vec![
        Article {
            sku: Some("K-1".to_owned()),
            name: "Kettle".to_owned(),
            price: "49.00 EUR".parse().unwrap(),
            in_stock: true,
        },
        Article {
            sku: None,
            name: "Cup".to_owned(),
            price: "5.00 EUR".parse().unwrap(),
            in_stock: true,
        },
        Article {
            sku: Some("K-0".to_owned()),
            name: "Old kettle".to_owned(),
            price: "49.00 EUR".parse().unwrap(),
            in_stock: false,
        },
    ]);
    let rows: [(&str, Value, Option<&str>); 13] = [
        ("lines/0/sku", json!("K-0"), Some("out-of-stock")),
        ("", json!(null), None),
        ("lines/0/sku", json!("K-2"), Some("unknown-item")),
        ("lines/0/sku", json!(null), None),
        ("lines/0/price", eur("48.00"), Some("price-changed")),
        ("total", eur("99.00"), None),
        ("total", eur("97.99"), Some("invalid-order")),
        ("payment/method", json!("bank-transfer"), None),
        (
            "payment/method",
            json!("e-money"),
            Some("unsupported-method"),
        ),
        ("delivery/method", json!("electronic"), None),
        ("hub", json!("hub@hub.example"), Some("invalid-order")),
        (
            "deliver_to",
            json!({ "name": "Bob", "address": order_body()["buyer"]["address"] }),
            None,
        ),
        ("lines/0/name", json!("Pot"), None),
    ];
    for (path, value, reason) in rows {
        let mut shop = Server::shop();
        shop.settings.shop.as_mut().unwrap().catalogue = Some(catalogue.clone());
        let body = if path.is_empty() {
            order_body()
        } else {
            with(order_body(), path, value.clone())
        };
        let came = order(&mut shop, body);
        match reason {
            None => assert_eq!(
                came.said[0].body.kind(),
                Kind::TradeRecord,
                "{path} {value}"
            ),
            Some(reason) => {
                assert_eq!(came.kinds(), ["order-rejected ann"], "{path} {value}");
                let body = came.body(Kind::OrderRejected, ANN);
                assert_eq!(body["reason"], reason, "{path} {value}");
                assert!(came.said[0].answers.is_some() && came.said[0].request.is_some());
                assert!(shop.trades().is_empty());
            }
        }
    }
}

#[test]
fn without_a_catalogue_the_shop_accepts_what_is_asked() {
    let mut shop = Server::shop();
    let came = order(
        &mut shop,
        with(order_body(), "lines/0/sku", json!("anything")),
    );
    assert!(matches!(came.outcome, PartyOutcome::TradeMade(_)));
}

#[test]
fn a_hub_order_without_details_is_refused_because_no_hub_is_configured() {
    let mut shop = Server::shop();
    let mut body = with(order_body(), "hub", json!("hub@hub.example"));
    body.as_object_mut().unwrap().remove("buyer");
    let body = with(body, "payment/reference", json!(null));
    let came = order(&mut shop, body);
    assert_eq!(
        came.body(Kind::OrderRejected, ANN)["reason"],
        "not-authorized"
    );
}

#[test]
fn an_order_whose_record_would_not_fit_into_a_letter_is_refused() {
    for (lines, accepted) in [(15, true), (16, false)] {
        let line = json!({ "name": "x".repeat(15_000), "quantity": 1, "price": eur("1.00") });
        let body = with(order_body(), "lines", Value::Array(vec![line; lines]));
        let came = order(&mut Server::shop(), body);
        assert_eq!(
            matches!(came.outcome, PartyOutcome::TradeMade(_)),
            accepted,
            "{lines}"
        );
    }
}

#[test]
fn an_order_that_was_sent_more_than_thirty_days_ago_is_refused() {
    for (days, accepted) in [(29, true), (31, false)] {
        let mut shop = Server::shop();
        let statement = shop.statement(ANN, json!({ "request": REQUEST }), order_body());
        shop.later(days * 24 * 3600);
        let came = shop.receive(Server::letter(ANN, &statement));
        assert_eq!(
            matches!(came.outcome, PartyOutcome::TradeMade(_)),
            accepted,
            "{days}"
        );
    }
}

// Requirements: Q8
#[test]
fn the_same_request_again_is_answered_again_and_never_makes_a_second_trade() {
    let mut shop = Server::shop();
    let first = order(&mut shop, order_body());
    // Q8: "whatever it says".
    let other = with(order_body(), "lines/0/quantity", json!(1));
    for body in [order_body(), other] {
        let again = order(&mut shop, body);
        assert_eq!(again.outcome, PartyOutcome::AnswerRepeated);
        assert_eq!(again.said, [first.said[0].clone()]);
    }
    assert_eq!(shop.trades().len(), 1);
    // Request ids are kept at least 60 days.
    shop.later(70 * 24 * 3600);
    let again = order(&mut shop, order_body());
    assert_eq!(again.said, [first.said[0].clone()]);
}

// Requirements: Q8
#[test]
fn a_rejection_is_remembered_like_a_trade() {
    let mut shop = Server::shop();
    let first = order(&mut shop, with(order_body(), "total", eur("1.00")));
    let again = order(&mut shop, order_body());
    assert_eq!(again.said, first.said);
    assert!(shop.trades().is_empty());
}

#[test]
fn a_stored_answer_is_repeated_at_most_five_times_an_hour() {
    let mut shop = Server::shop();
    let statement = shop.statement(ANN, json!({ "request": REQUEST }), order_body());
    let letter = Server::letter(ANN, &statement);
    shop.receive(letter.clone());
    for _ in 0..5 {
        assert_eq!(
            shop.receive(letter.clone()).outcome,
            PartyOutcome::AnswerRepeated
        );
    }
    let sixth = shop.receive(letter.clone());
    assert_eq!(
        sixth.outcome,
        PartyOutcome::Ignored(Ignored::RepeatedOftenEnough(5))
    );
    assert!(sixth.said.is_empty());
    shop.later(3601);
    assert_eq!(shop.receive(letter).outcome, PartyOutcome::AnswerRepeated);
}

// Requirements: Q3
#[test]
fn two_orders_make_two_trades_with_different_ids() {
    let mut shop = Server::shop();
    let other = REQUEST.replace("9e21", "9e22");
    shop.order();
    let came = shop.hears(ANN, json!({ "request": other }), order_body());
    assert!(matches!(came.outcome, PartyOutcome::TradeMade(_)));
    let trades = shop.trades();
    assert_eq!(trades.len(), 2);
    assert_ne!(trades[0].id, trades[1].id);
}

// Requirements: E2
#[test]
fn electronic_goods_without_a_carrier_are_instructed_to_nobody_but_the_payment_processor() {
    let mut shop = Server::shop();
    let came = order(
        &mut shop,
        with(order_body(), "delivery/method", json!("electronic")),
    );
    let expected = [
        "trade-record ann",
        "order-status ann",
        "payment-instruction processor",
    ];
    assert_eq!(came.kinds(), expected);
    assert_eq!(
        came.body(Kind::TradeRecord, ANN)["delivery"]["carriers"],
        json!([])
    );
}

// Requirements: Q7
#[test]
fn wishes_are_kept_and_passed_on() {
    let mut shop = Server::shop();
    let wishes = json!({ "on": ["delivery.delivered", "order"], "to": "family@home.example" });
    let came = order(&mut shop, with(order_body(), "notify", wishes.clone()));
    assert_eq!(
        came.body(Kind::PaymentInstruction, PROCESSOR)["notify"],
        wishes
    );
    assert_eq!(
        came.body(Kind::DeliveryInstruction, CARRIER)["notify"],
        wishes
    );
    // The address for people is on the buyer's own domain.
    assert_eq!(came.notices, ["family@home.example"]);
    let mut shop = Server::shop();
    let only_delivery = json!({ "on": ["delivery"] });
    let came = order(&mut shop, with(order_body(), "notify", only_delivery));
    // An order status is not wished; the trade record is no status.
    assert!(!came.kinds().contains(&"order-status ann".to_owned()));
    assert_eq!(came.kinds()[0], "trade-record ann");
}

// Requirements: E27
#[test]
fn one_server_with_all_roles_instructs_itself_without_letters() {
    let mut server = Server::all_in_one();
    let came = order(&mut server, order_body());
    let expected = [
        "trade-record ann",
        "order-status ann",
        "payment-status ann",
        "delivery-status ann",
    ];
    assert_eq!(came.kinds(), expected);
    assert_eq!(came.body(Kind::PaymentStatus, ANN)["state"], "pending");
    assert_eq!(came.body(Kind::DeliveryStatus, ANN)["state"], "announced");
    let trade = &server.trades()[0];
    assert!(trade.order.is_some() && trade.payment.is_some() && trade.delivery.len() == 1);
}

/// What a role hears of another one of this server needs no proof: no letter may pass for it.
#[test]
fn a_letter_from_the_servers_own_address_is_not_a_role_of_it() {
    let mut server = Server::all_in_one();
    let id = server.order();
    let came = server.hears(SHOP, trade(&id), json!({ "kind": "recall" }));
    assert!(matches!(
        came.outcome,
        PartyOutcome::Ignored(Ignored::SenderMayNotInstruct { .. })
    ));
    assert!(came.said.is_empty());
    assert_eq!(server.trades()[0].delivery[0].state.word(), "announced");
}

/// E27: each part is told as by a server of its own, once, and after what caused it.
// Requirements: E27
#[test]
fn one_server_with_all_roles_calls_off_all_its_parts() {
    let mut server = Server::all_in_one();
    let id = server.order();
    let came = server.hears(ANN, trade(&id), json!({ "kind": "cancel" }));
    let expected = [
        "order-status ann",
        "payment-status ann",
        "delivery-status ann",
    ];
    assert_eq!(came.kinds(), expected);
    assert_eq!(came.body(Kind::OrderStatus, ANN)["state"], "cancelled");
    assert_eq!(came.body(Kind::PaymentStatus, ANN)["state"], "voided");
    assert_eq!(came.body(Kind::DeliveryStatus, ANN)["state"], "stopped");
    // Nobody waits for an answer of this server itself.
    server.later(24 * 3600);
    assert!(server.tick().said.is_empty());
}

#[test]
fn an_order_to_a_carrier_is_not_answered() {
    let mut carrier = Server::carrier();
    let came = order(&mut carrier, order_body());
    assert_eq!(
        came.outcome,
        PartyOutcome::Ignored(Ignored::NotForThisServer(Kind::Order))
    );
    assert!(came.said.is_empty());
}
