//! The shop changes carriers, parcels or goods of a trade by another version of its record (E10).

use serde_json::{Value, json};
use tradepost_parties::kernel::PartyOutcome;
use tradepost_parties::kernel::settings::AuthorizeAnswer;
use tradepost_statements::Kind;

use crate::server::{
    ANN, CARRIER, Came, PROCESSOR, REQUEST, SHOP, Server, eur, order_body, trade, with,
};

const OTHER: &str = "track@swift.example";

fn record(id: &str, carriers: Value) -> Value {
    json!({ "trade": id, "buyer_mail": ANN, "lines": order_body()["lines"], "total": eur("98.00"),
            "payment": { "method": "credit-card", "processor": PROCESSOR },
            "delivery": { "method": "courier", "carriers": carriers },
            "buyer": order_body()["buyer"] })
}

fn emit(shop: &mut Server, record: Value) -> Came {
    let key = shop.their_id();
    let line = json!({ "key": key, "record": record });
    shop.emit(&line).unwrap().1
}

fn carrier(address: &str) -> Value {
    json!([{ "address": address }])
}

fn parcels(names: &[&str]) -> Value {
    json!([{ "address": CARRIER, "parcels": names }])
}

// Requirements: E10
#[test]
fn another_carrier_is_instructed_and_the_old_one_recalled() {
    let mut shop = Server::shop();
    let id = shop.order();
    let came = emit(&mut shop, record(&id, carrier(OTHER)));
    let expected = [
        "trade-record ann".to_owned(),
        "recall carrier".to_owned(),
        format!("delivery-instruction {OTHER}"),
    ];
    assert_eq!(came.kinds(), expected);
    assert_eq!(came.body(Kind::TradeRecord, ANN)["version"], 2);
    let instruction = came.body(Kind::DeliveryInstruction, OTHER);
    assert_eq!(instruction["deliver_to"]["name"], "Ann Example");
    // Both are waited for, and both stay parties (protocol 4, "Versions").
    let mut about = trade(&id);
    about["answers"] = json!(came.of(Kind::Recall, CARRIER).id);
    for (from, about, state) in [
        (CARRIER, about, "stopped"),
        (OTHER, trade(&id), "announced"),
    ] {
        let status = json!({ "kind": "delivery-status", "sequence": 2, "state": state,
                             "at": shop.now, "delivery": {} });
        let came = shop.hears(from, about, status);
        assert!(
            matches!(came.outcome, PartyOutcome::Heard { .. }),
            "{from} {:?}",
            came.outcome
        );
    }
    // The very same record again does nothing.
    let again = emit(
        &mut shop,
        with(record(&id, carrier(OTHER)), "version", json!(2)),
    );
    assert!(!again.kinds().contains(&"recall carrier".to_owned()));
}

// Requirements: E10
#[test]
fn parcels_that_are_named_later_are_instructed_and_those_left_out_recalled() {
    let mut shop = Server::shop();
    let id = shop.order();
    let came = emit(&mut shop, record(&id, parcels(&["A", "B"])));
    let named: Vec<Value> = came
        .said
        .iter()
        .map(|s| tradepost_statements::wire::to_value(s)["body"].clone())
        .filter(|b| b["kind"] == "delivery-instruction" || b["kind"] == "recall")
        .map(|b| json!([b["kind"], b["parcel"]]))
        .collect();
    // The unnamed one is recalled by its empty name, which leaves the others alone.
    let expected = [
        json!(["recall", ""]),
        json!(["delivery-instruction", "A"]),
        json!(["delivery-instruction", "B"]),
    ];
    assert_eq!(named, expected);
    let came = emit(&mut shop, record(&id, parcels(&["B", "C"])));
    assert_eq!(came.body(Kind::Recall, CARRIER)["parcel"], "A");
    assert_eq!(came.body(Kind::DeliveryInstruction, CARRIER)["parcel"], "C");
    assert_eq!(came.kinds().len(), 3);
}

#[test]
fn other_goods_or_another_place_are_told_to_the_carrier_that_stays() {
    let mut shop = Server::shop();
    let id = shop.order();
    let mut other = record(&id, carrier(CARRIER));
    other["deliver_to"] = json!({ "name": "Bob", "address": order_body()["buyer"]["address"] });
    let came = emit(&mut shop, other);
    assert_eq!(
        came.kinds(),
        ["trade-record ann", "delivery-instruction carrier"]
    );
    let told = came.body(Kind::DeliveryInstruction, CARRIER);
    assert_eq!(told["deliver_to"]["name"], "Bob");
}

#[test]
fn nobody_is_instructed_anew_where_nobody_was_or_the_trade_is_cancelled() {
    // Placed elsewhere.
    let mut shop = Server::shop();
    emit(&mut shop, record("W-1", carrier(CARRIER)));
    let came = emit(&mut shop, record("W-1", carrier(OTHER)));
    assert_eq!(came.kinds(), ["trade-record ann"]);
    // Not confirmed yet: the confirmation instructs the newest.
    let mut shop = Server::shop();
    let wait = std::time::Duration::from_secs(3600);
    shop.settings.shop.as_mut().unwrap().confirm_within = Some(wait);
    let id = shop.order();
    let came = emit(&mut shop, record(&id, carrier(OTHER)));
    assert_eq!(came.kinds(), ["trade-record ann"]);
    let confirm = json!({ "kind": "confirm", "version": 2 });
    let came = shop.hears(ANN, trade(&id), confirm);
    assert!(
        came.kinds()
            .contains(&format!("delivery-instruction {OTHER}"))
    );
    assert!(
        !came
            .kinds()
            .contains(&"delivery-instruction carrier".to_owned())
    );
    // Cancelled.
    let mut shop = Server::shop();
    let id = shop.order();
    shop.hears(ANN, trade(&id), json!({ "kind": "cancel" }));
    let came = emit(&mut shop, record(&id, carrier(OTHER)));
    assert_eq!(came.kinds(), ["trade-record ann"]);
}

/// E27: the shop brings it itself, and then does not.
#[test]
fn a_shop_that_is_its_own_carrier_stops_its_own_parcel() {
    let mut server = Server::all_in_one();
    let id = server.order();
    let mut other = record(&id, carrier(OTHER));
    other["payment"]["processor"] = json!(SHOP);
    let came = emit(&mut server, other);
    assert_eq!(came.body(Kind::DeliveryStatus, ANN)["state"], "stopped");
    assert!(
        came.kinds()
            .contains(&format!("delivery-instruction {OTHER}"))
    );
}

/// E27: whoever is shop and payment processor knows one total, and voids what was authorized of another.
#[test]
fn a_total_that_changed_after_the_authorization_is_called_off_all_the_same() {
    let mut server = Server::all_in_one();
    server.settings.payment.as_mut().unwrap().authorize = AuthorizeAnswer::Approve;
    let table = &mut server.settings.shop.as_mut().unwrap().payment;
    for procedure in table.values_mut() {
        procedure.charge = tradepost_parties::kernel::settings::Charge::OnShipping;
        procedure.authorize = true;
    }
    let id = server.order();
    let mut cheaper = record(&id, carrier(SHOP));
    cheaper["payment"]["processor"] = json!(SHOP);
    cheaper["discounts"] = json!([{ "name": "Voucher", "price": eur("8.00") }]);
    cheaper["total"] = eur("90.00");
    emit(&mut server, cheaper);
    let came = server.hears(ANN, trade(&id), json!({ "kind": "cancel" }));
    assert!(matches!(
        came.outcome,
        PartyOutcome::Done {
            kind: Kind::Cancel,
            ..
        }
    ));
    // Nothing was taken, and nothing is told of it.
    assert!(!came.kinds().contains(&"payment-status ann".to_owned()));
    assert!(server.trades()[0].payment.is_none());
}

/// A shop that charges on shipping, and an order whose payment was authorized, charged, or neither.
fn told_to(what: &str) -> (Server, String) {
    let mut shop = Server::shop();
    let table = &mut shop.settings.shop.as_mut().unwrap().payment;
    for procedure in table.values_mut() {
        procedure.charge = tradepost_parties::kernel::settings::Charge::OnShipping;
        procedure.authorize = what == "authorize";
    }
    if what != "authorize" {
        let id = shop.order();
        if what == "take" {
            let line =
                json!({ "key": "s", "trade": id, "track": "order", "state": "partly-shipped" });
            shop.emit(&line).unwrap();
        }
        return (shop, id);
    }
    let came = shop.hears(ANN, json!({ "request": REQUEST }), order_body());
    let asked = came.of(Kind::Authorize, PROCESSOR);
    let id = asked.trade.as_ref().unwrap().id.to_string();
    let about = with(trade(&id), "answers", json!(asked.id));
    let approved = json!({ "kind": "authorization", "approved": true });
    let came = shop.hears(PROCESSOR, about, approved);
    assert!(matches!(came.outcome, PartyOutcome::TradeMade(_)));
    (shop, id)
}

/// Only who was told to authorize or take it can void it or pay it back (E3, E9, E23). A payment that was
/// charged follows the total; an authorization is of one.
#[test]
fn processor_and_method_stay_once_the_processor_was_told_to_authorize_or_take_it() {
    let voucher = json!([{ "name": "Voucher", "price": eur("8.00") }]);
    for (what, told) in [("authorize", true), ("take", true), ("neither", false)] {
        for (path, value) in [
            ("payment/processor", json!("pay@swift.example")),
            ("payment/method", json!("bank-transfer")),
            ("total", eur("90.00")),
        ] {
            let refused = told && !(what == "take" && path == "total");
            let (mut shop, id) = told_to(what);
            let mut other = with(record(&id, carrier(CARRIER)), path, value);
            if path == "total" {
                other["discounts"] = voucher.clone();
            }
            let line = json!({ "key": "v", "record": other });
            let came = shop.emit(&line);
            assert_eq!(came.is_err(), refused, "{what}, {path}");
            if let Err(why) = came {
                assert!(
                    why.to_string().contains(&format!("told to {what}")),
                    "{why}"
                );
            }
            // Another version of the same terms is always taken.
            let line = json!({ "key": "c", "record": record(&id, carrier(OTHER)) });
            if refused {
                shop.emit(&line).unwrap();
            }
        }
    }
}

/// E3, E23: the operator takes everything back before anything shipped.
#[test]
fn an_authorization_is_voided_once_all_that_was_taken_back_has_been_stopped() {
    for all in [true, false] {
        let (mut shop, id) = told_to("authorize");
        let mut parts = record(&id, carrier(CARRIER));
        parts["lines"] = json!([{ "name": "Kettle", "quantity": 1, "price": eur("49.00") },
                                { "name": "Lid", "quantity": 1, "price": eur("45.00") }]);
        parts["charges"] = json!([{ "name": "Postage", "price": eur("4.00") }]);
        emit(&mut shop, parts);
        for line in if all { vec![0, 1] } else { vec![0] } {
            let wish = json!({ "kind": "return", "lines": [{ "line": line, "quantity": 1 }] });
            shop.hears(ANN, trade(&id), wish);
        }
        let line = json!({ "key": "r", "trade": id, "return": "accept", "refund": eur("40.00") });
        shop.emit(&line).unwrap();
        let status = json!({ "kind": "delivery-status", "sequence": 1, "state": "stopped",
                             "at": shop.now, "delivery": {} });
        let came = shop.hears(CARRIER, trade(&id), status);
        let voided = came.kinds().contains(&"refund processor".to_owned());
        assert_eq!(voided, all);
        if all {
            assert_eq!(came.body(Kind::OrderStatus, ANN)["state"], "cancelled");
            let refund = came.body(Kind::Refund, PROCESSOR);
            assert_eq!(refund["refunded"], refund["amount"]);
        }
    }
}
