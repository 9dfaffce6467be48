//! Orders of the merchant's own system: two never become one trade, and one never becomes two. What
//! costs nothing is a trade as well.

use serde_json::{Value, json};
use tradepost_parties::kernel::book::by_origin;
use tradepost_statements::Kind;

use crate::scene::told;
use crate::server::{ANN, CARRIER, SHOP, Server, buyer, eur, with};

fn record(id: &str, price: &str, method: &str) -> Value {
    json!({ "trade": id, "buyer_mail": ANN, "buyer": buyer(), "total": eur(price),
        "lines": [{ "name": "Guide", "quantity": 1, "price": eur(price) }],
        "payment": { "method": method, "processor": SHOP },
        "delivery": { "method": "courier", "carriers": [{ "address": CARRIER }] } })
}

#[test]
fn an_order_of_the_merchants_own_system_is_one_trade_and_that_trade_no_other_orders() {
    let mut shop = Server::all_in_one();
    let line = |key: &str, origin: &str, id: &str| json!({ "key": key, "origin": origin, "record": record(id, "9.00", "credit-card") });
    shop.emit(&line("1", "woo/1", "W-1")).unwrap();
    assert_eq!(by_origin(&shop.rows, "woo/1").unwrap().to_string(), "W-1");
    let mut next = line("2", "woo/1", "W-1");
    next["record"]["shop_name"] = json!("Example & Co");
    let (_, came) = shop.emit(&next).unwrap();
    assert_eq!(came.body(Kind::TradeRecord, ANN)["version"], 2);
    // A trade that was told without one has no room for one either.
    shop.emit(&json!({ "key": "3", "record": record("W-3", "9.00", "credit-card") }))
        .unwrap();
    for (key, origin, id, says) in [
        ("4", "woo/2", "W-1", "is of another order"),
        ("5", "woo/1", "W-2", "\"woo/1\" is the trade W-1"),
        ("6", "woo/3", "W-3", "is of another order"),
        ("7", "", "W-4", "origin"),
        ("8", &"x".repeat(257), "W-4", "origin"),
    ] {
        let why = shop.emit(&line(key, origin, id)).err().unwrap();
        assert!(why.to_string().contains(says), "{origin} {id}: {why}");
    }
    shop.emit(&line("4", "woo/2", "W-2")).unwrap();
    assert_eq!(shop.trades().len(), 3);
}

#[test]
fn what_costs_nothing_is_settled_at_once_by_the_shop_which_needs_no_other_role_for_it() {
    for mut shop in [Server::shop(), Server::all_in_one()] {
        let came = told(
            &mut shop,
            json!({ "record": record("W-1", "0.00", "none") }),
        );
        assert_eq!(came.kinds(), ["trade-record ann", "payment-status ann"]);
        let status = came.body(Kind::PaymentStatus, ANN);
        assert_eq!(status["state"], "settled");
        assert_eq!(status["settle"]["actual"], json!(shop.now));
        let again = json!({ "trade": "W-1", "track": "payment", "state": "settled" });
        assert!(told(&mut shop, again).said.is_empty());
    }
    // What costs something is paid somehow.
    let mut shop = Server::all_in_one();
    let line = json!({ "key": "1", "record": record("W-1", "0.01", "none") });
    let why = shop.emit(&line).err().unwrap().to_string();
    assert!(why.contains("none"), "{why}");
    let paid = with(line, "record/payment/method", json!("credit-card"));
    shop.emit(&paid).unwrap();
}

#[test]
fn a_shop_that_is_no_payment_processor_tells_of_no_other_payments() {
    let mut shop = Server::shop();
    let foreign = with(
        record("W-1", "9.00", "credit-card"),
        "payment/processor",
        json!("billing@pay.example"),
    );
    told(&mut shop, json!({ "record": foreign }));
    let line = json!({ "key": "1", "trade": "W-1", "track": "payment", "state": "settled" });
    let why = shop.emit(&line).err().unwrap().to_string();
    assert!(why.contains("no payment processor"), "{why}");
}

#[test]
fn an_order_by_mail_is_paid_by_none_only_where_it_costs_nothing() {
    use crate::server::{REQUEST, order_body};
    use tradepost_parties::kernel::settings::PaymentProcedure;
    use tradepost_statements::order::PaymentMethod;

    for (price, made) in [("0.00", true), ("49.00", false)] {
        let mut shop = Server::all_in_one();
        let table = &mut shop.settings.shop.as_mut().unwrap().payment;
        let own = PaymentProcedure::at(SHOP.parse().unwrap());
        table.insert(PaymentMethod::Nothing, own);
        let body = with(order_body(), "payment", json!({ "method": "none" }));
        let body = with(body, "lines/0/price", eur(price));
        let came = shop.hears(ANN, json!({ "request": REQUEST }), body);
        assert_eq!(shop.trades().len(), usize::from(made), "{:?}", came.kinds());
        if made {
            let status = came.body(Kind::PaymentStatus, ANN);
            assert_eq!(status["state"], "settled");
        } else {
            assert_eq!(
                came.body(Kind::OrderRejected, ANN)["reason"],
                "invalid-order"
            );
        }
    }
}
