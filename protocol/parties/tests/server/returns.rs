//! What the buyer gives back (E23): cancelled while nothing has shipped, decided by the operator
//! later.

use serde_json::{Value, json};
use tradepost_parties::emit::LineRefusal;
use tradepost_parties::kernel::{Ignored, PartyOutcome, settings};
use tradepost_parties::shop;
use tradepost_statements::Kind;

use crate::server::{ANN, CARRIER, Came, PROCESSOR, REQUEST, Server, eur, order_body, trade, with};

/// Two kettles at 49.00, and three cups at 5.00.
fn order(shop: &mut Server) -> String {
    let cups = json!({ "name": "Cup", "quantity": 3, "price": eur("5.00") });
    let kettles = order_body()["lines"][0].clone();
    let body = with(order_body(), "lines", json!([kettles, cups]));
    let body = with(body, "total", eur("113.00"));
    let came = shop.hears(ANN, json!({ "request": REQUEST }), body);
    let PartyOutcome::TradeMade(name) = came.outcome else {
        panic!("{:?}", came.outcome);
    };
    name.id.to_string()
}

fn ordered() -> (Server, String) {
    let mut shop = Server::shop();
    let id = order(&mut shop);
    (shop, id)
}

fn shipped() -> (Server, String) {
    let (mut shop, id) = ordered();
    emit(
        &mut shop,
        json!({ "trade": id, "track": "order", "state": "shipped" }),
    );
    (shop, id)
}

fn emit(shop: &mut Server, line: Value) -> Came {
    try_emit(shop, line).unwrap().1
}

fn try_emit(
    shop: &mut Server,
    mut line: Value,
) -> Result<(tradepost_statements::StatementId, Came), LineRefusal> {
    let key = shop.their_id();
    line["key"] = json!(key);
    shop.emit(&line)
}

fn wants(shop: &mut Server, id: &str, lines: Value) -> Came {
    let mut body = json!({ "kind": "return" });
    if !lines.is_null() {
        body["lines"] = lines;
    }
    shop.hears(ANN, trade(id), body)
}

fn line(line: u32, quantity: u32) -> Value {
    json!({ "line": line, "quantity": quantity })
}

fn carrier_says(shop: &mut Server, id: &str, sequence: u32, state: &str) -> Came {
    let mut body = json!({ "kind": "delivery-status", "sequence": sequence, "state": state,
                           "at": shop.now, "delivery": {} });
    if state == "delivered" {
        body["delivery"]["actual"] = json!(shop.now);
    }
    shop.hears(CARRIER, trade(id), body)
}

fn waiting(shop: &Server) -> Vec<shop::ReturnView> {
    shop::returns(&shop.rows, &shop.settings.address, 10)
}

// Requirements: E23
#[test]
fn lines_that_have_not_shipped_are_cancelled_and_paid_back_at_once() {
    let (mut shop, id) = ordered();
    let came = wants(&mut shop, &id, json!([line(1, 2)]));
    let expected = [
        "return-decision ann",
        "refund processor",
        "delivery-instruction carrier",
    ];
    assert_eq!(came.kinds(), expected);
    let decision = came.body(Kind::ReturnDecision, ANN);
    assert_eq!(
        (&decision["accepted"], &decision["refund"]),
        (&json!(true), &eur("10.00"))
    );
    assert!(came.of(Kind::ReturnDecision, ANN).answers.is_some());
    let refund = came.body(Kind::Refund, PROCESSOR);
    assert_eq!(
        (&refund["amount"], &refund["refunded"]),
        (&eur("113.00"), &eur("10.00"))
    );
    let rest = came.body(Kind::DeliveryInstruction, CARRIER);
    assert_eq!(
        rest["lines"],
        json!([{ "line": 0, "quantity": 2, "name": "Kettle" },
               { "line": 1, "quantity": 1, "name": "Cup" }])
    );
    assert!(matches!(came.outcome, PartyOutcome::OperatorActs { .. }));
    assert!(waiting(&shop).is_empty());
    // The record keeps its lines and total; the next refund is the sum of both.
    let came = wants(&mut shop, &id, json!([line(0, 1)]));
    assert_eq!(came.body(Kind::ReturnDecision, ANN)["refund"], eur("49.00"));
    assert_eq!(came.body(Kind::Refund, PROCESSOR)["refunded"], eur("59.00"));
    let asks = json!({ "kind": "status-request" });
    let record = shop
        .hears(ANN, trade(&id), asks)
        .body(Kind::TradeRecord, ANN);
    assert_eq!(record["total"], eur("113.00"));
    assert_eq!(record["version"], 1);
}

#[test]
fn the_last_lines_that_have_not_shipped_cancel_the_trade() {
    let (mut shop, id) = ordered();
    wants(&mut shop, &id, json!([line(1, 3)]));
    let came = wants(&mut shop, &id, json!([line(0, 2)]));
    assert_eq!(came.body(Kind::OrderStatus, ANN)["state"], "cancelled");
    assert_eq!(
        came.body(Kind::Refund, PROCESSOR)["refunded"],
        eur("113.00")
    );
    assert!(came.kinds().contains(&"recall carrier".to_owned()));
    // Once more: nothing changes.
    let again = wants(&mut shop, &id, json!(null));
    assert_eq!(again.kinds(), ["order-status ann"]);
    assert_eq!(
        again.body(Kind::OrderStatus, ANN),
        came.body(Kind::OrderStatus, ANN)
    );
}

/// Protocol 5, line 15: in the same words for what never was and what is no longer there.
#[test]
fn what_the_trade_does_not_have_is_refused_without_the_operator() {
    let rows = [
        (json!([line(2, 1)]), false),
        (json!([line(1, 4)]), false),
        (json!([line(1, 2), line(1, 2)]), false),
        (json!([line(1, 3)]), true),
        (json!([line(1, 2), line(1, 1)]), true),
    ];
    for (lines, accepted) in rows {
        let (mut shop, id) = ordered();
        let came = wants(&mut shop, &id, lines.clone());
        let decision = came.body(Kind::ReturnDecision, ANN);
        assert_eq!(decision["accepted"], accepted, "{lines}");
        assert_eq!(came.kinds().len() == 1, !accepted, "{lines}");
        assert_eq!(decision.get("refund").is_some(), accepted);
    }
    // What was cancelled before is not there any more.
    let (mut shop, id) = ordered();
    wants(&mut shop, &id, json!([line(1, 2)]));
    let came = wants(&mut shop, &id, json!([line(1, 2)]));
    let decision = came.body(Kind::ReturnDecision, ANN);
    assert_eq!(decision["accepted"], false);
    assert!(decision["text"].as_str().unwrap().contains("1 are left"));
}

// Requirements: E23
#[test]
fn once_something_has_shipped_the_operator_decides_and_the_buyer_is_told_so_at_once() {
    for (body, says) in [
        (json!({ "kind": "cancel" }), "can no longer be stopped"),
        (json!({ "kind": "return" }), "We decide"),
        (
            json!({ "kind": "return", "lines": [line(0, 1)] }),
            "We decide",
        ),
    ] {
        let (mut shop, id) = shipped();
        let came = shop.hears(ANN, trade(&id), body.clone());
        assert_eq!(came.kinds(), ["order-status ann"], "{body}");
        let status = came.body(Kind::OrderStatus, ANN);
        assert_eq!(status["state"], "shipped");
        assert!(status["ship"]["actual"].is_string());
        assert_eq!(status["sequence"], 3);
        assert!(status["text"].as_str().unwrap().contains(says), "{status}");
        assert!(came.of(Kind::OrderStatus, ANN).answers.is_some());
        assert!(matches!(came.outcome, PartyOutcome::OperatorDecides { .. }));
        assert_eq!(waiting(&shop).len(), 1);
        assert!(shop.trades()[0].wants_back);
    }
}

#[test]
fn what_waits_is_shown_with_what_it_would_cost() {
    let (mut shop, id) = shipped();
    let body = json!({ "kind": "return", "lines": [line(0, 1), line(1, 3)], "reason": "too loud" });
    shop.hears(ANN, trade(&id), body);
    let view = serde_json::to_value(&waiting(&shop)[0]).unwrap();
    assert_eq!(view["id"], id);
    assert_eq!(view["buyer"], ANN);
    assert_eq!(view["since"], json!(shop.now));
    assert_eq!(
        view["lines"],
        json!([{ "line": 0, "quantity": 1, "name": "Kettle" },
               { "line": 1, "quantity": 3, "name": "Cup" }])
    );
    assert_eq!(view["refund"], eur("64.00"));
    assert_eq!(
        (&view["everything"], &view["text"]),
        (&json!(false), &json!("too loud"))
    );
}

// Requirements: E23
#[test]
fn an_accepted_return_tells_the_buyer_and_has_the_money_paid_back() {
    let (mut shop, id) = shipped();
    let wish = shop.statement(
        ANN,
        trade(&id),
        json!({ "kind": "return", "lines": [line(0, 1)] }),
    );
    shop.receive(Server::letter(ANN, &wish));
    let send_to = json!({ "name": "Returns", "address":
        { "street": "2 Mill Lane", "city": "York", "country": "GB" } });
    let came = emit(
        &mut shop,
        json!({ "trade": id, "return": "accept", "text": "Please use the box it came in.",
                "send_to": send_to }),
    );
    assert_eq!(came.kinds(), ["return-decision ann", "refund processor"]);
    let said = came.of(Kind::ReturnDecision, ANN);
    assert_eq!(json!(said.answers), wish["id"]);
    let decision = came.body(Kind::ReturnDecision, ANN);
    assert_eq!(
        (
            &decision["accepted"],
            &decision["refund"],
            &decision["send_to"]
        ),
        (&json!(true), &eur("49.00"), &send_to)
    );
    assert_eq!(came.body(Kind::Refund, PROCESSOR)["refunded"], eur("49.00"));
    assert!(waiting(&shop).is_empty());
    assert!(!shop.trades()[0].wants_back);
}

#[test]
fn a_refused_return_pays_nothing_back_and_the_buyer_may_ask_again() {
    let (mut shop, id) = shipped();
    wants(&mut shop, &id, json!(null));
    let came = emit(
        &mut shop,
        json!({ "trade": id, "return": "refuse", "text": "It is a hygiene article." }),
    );
    assert_eq!(came.kinds(), ["return-decision ann"]);
    let decision = came.body(Kind::ReturnDecision, ANN);
    assert_eq!(
        (&decision["accepted"], &decision["text"]),
        (&json!(false), &json!("It is a hygiene article."))
    );
    assert!(decision.get("refund").is_none());
    wants(&mut shop, &id, json!([line(1, 1)]));
    assert_eq!(waiting(&shop)[0].lines.len(), 1);
    let came = emit(&mut shop, json!({ "trade": id, "return": "accept" }));
    assert_eq!(came.body(Kind::ReturnDecision, ANN)["refund"], eur("5.00"));
}

#[test]
fn the_refund_may_be_another_amount_but_all_of_them_at_most_the_total() {
    for (refund, accepted) in [
        (eur("0.00"), true),
        (eur("20.00"), true),
        (eur("103.00"), true),
        (eur("103.01"), false),
        (json!({ "amount": "20.00", "currency": "GBP" }), false),
        (json!(20), false),
    ] {
        let (mut shop, id) = ordered();
        // Paid back before: 10.00.
        wants(&mut shop, &id, json!([line(1, 2)]));
        emit(
            &mut shop,
            json!({ "trade": id, "track": "order", "state": "shipped" }),
        );
        wants(&mut shop, &id, json!([line(0, 1)]));
        let decision = json!({ "trade": id, "return": "accept", "refund": refund });
        let decided = try_emit(&mut shop, decision);
        assert_eq!(decided.is_ok(), accepted, "{refund}");
        let Ok((_, came)) = decided else {
            assert_eq!(waiting(&shop).len(), 1);
            continue;
        };
        assert_eq!(came.body(Kind::ReturnDecision, ANN)["refund"], refund);
        let refunded = came.kinds().contains(&"refund processor".to_owned());
        assert_eq!(refunded, refund != eur("0.00"));
        if refund == eur("103.00") {
            assert_eq!(
                came.body(Kind::Refund, PROCESSOR)["refunded"],
                eur("113.00")
            );
        }
    }
}

/// Charges and discounts are in the total: only the shop can say what a line is worth.
#[test]
fn a_part_of_a_trade_with_charges_is_paid_back_as_the_operator_says() {
    let with_charges = |charges: bool| {
        let mut shop = Server::shop();
        let mut record = json!({ "trade": "W-1", "buyer_mail": ANN, "lines": order_body()["lines"],
            "total": eur("98.00"), "buyer": order_body()["buyer"],
            "payment": { "method": "credit-card", "processor": PROCESSOR },
            "delivery": { "method": "courier", "carriers": [{ "address": CARRIER }] } });
        if charges {
            record["charges"] = json!([{ "name": "Postage", "price": eur("4.00") }]);
            record["total"] = eur("102.00");
        }
        emit(&mut shop, json!({ "record": record }));
        emit(
            &mut shop,
            json!({ "trade": "W-1", "track": "order", "state": "shipped" }),
        );
        wants(&mut shop, "W-1", json!([line(0, 1)]));
        shop
    };
    let mut plain = with_charges(false);
    let accept = json!({ "trade": "W-1", "return": "accept" });
    let came = emit(&mut plain, accept.clone());
    // Placed elsewhere: nobody was instructed by this server, so the merchant's system pays back.
    assert_eq!(came.kinds(), ["return-decision ann"]);
    let mut shop = with_charges(true);
    assert_eq!(waiting(&shop)[0].refund, None);
    let refused = try_emit(&mut shop, accept).map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("say how much"), "{refused}");
    emit(
        &mut shop,
        json!({ "trade": "W-1", "return": "accept", "refund": eur("51.00") }),
    );
    // All that is left needs no sum.
    let came = wants(&mut shop, "W-1", json!(null));
    assert!(matches!(came.outcome, PartyOutcome::OperatorDecides { .. }));
    assert_eq!(waiting(&shop)[0].refund, Some("51.00 EUR".parse().unwrap()));
}

/// Protocol 3, `return`: cancelled before anything shipped, whoever decides what it is worth.
#[test]
fn the_carrier_is_told_what_is_left_when_a_part_is_taken_back_before_anything_shipped() {
    for has_shipped in [false, true] {
        let mut shop = Server::shop();
        let table = &mut shop.settings.shop.as_mut().unwrap().payment;
        for procedure in table.values_mut() {
            procedure.charge = settings::Charge::OnShipping;
        }
        let id = shop.order();
        let record = json!({ "trade": id, "buyer_mail": ANN, "lines": order_body()["lines"],
            "charges": [{ "name": "Postage", "price": eur("4.00") }], "total": eur("102.00"),
            "buyer": order_body()["buyer"],
            "payment": { "method": "credit-card", "processor": PROCESSOR },
            "delivery": { "method": "courier", "carriers": [{ "address": CARRIER }] } });
        emit(&mut shop, json!({ "record": record }));
        if has_shipped {
            let line = json!({ "trade": id, "track": "order", "state": "partly-shipped" });
            emit(&mut shop, line);
        }
        wants(&mut shop, &id, json!([line(0, 1)]));
        let accept = json!({ "trade": id, "return": "accept", "refund": eur("49.00") });
        let came = emit(&mut shop, accept);
        let told = "delivery-instruction carrier".to_owned();
        assert_eq!(came.kinds().contains(&told), !has_shipped);
        if !has_shipped {
            let left = came.body(Kind::DeliveryInstruction, CARRIER)["lines"].clone();
            assert_eq!(left.as_array().map(Vec::len), Some(1));
            assert_eq!(left[0]["quantity"], 1);
        }
    }
}

// Requirements: E23
#[test]
fn wishes_that_come_while_one_waits_are_joined_and_decided_together() {
    let (mut shop, id) = shipped();
    wants(&mut shop, &id, json!([line(1, 1)]));
    let second = wants(&mut shop, &id, json!([line(0, 1)]));
    assert!(matches!(
        second.outcome,
        PartyOutcome::OperatorDecides { .. }
    ));
    // What is wanted already is no news.
    let third = wants(&mut shop, &id, json!([line(1, 1)]));
    assert_eq!(third.outcome, PartyOutcome::Answered(Kind::Return));
    assert_eq!(
        third.body(Kind::OrderStatus, ANN),
        second.body(Kind::OrderStatus, ANN)
    );
    let waits = waiting(&shop);
    assert_eq!(waits.len(), 1);
    assert_eq!(waits[0].lines.len(), 2);
    assert_eq!(waits[0].refund, Some("54.00 EUR".parse().unwrap()));
    let came = emit(&mut shop, json!({ "trade": id, "return": "accept" }));
    assert_eq!(came.body(Kind::ReturnDecision, ANN)["refund"], eur("54.00"));
    let left = wants(&mut shop, &id, json!([line(1, 3)]));
    assert_eq!(left.body(Kind::ReturnDecision, ANN)["accepted"], false);
}

// Requirements: E23
#[test]
fn a_repeated_decision_is_answered_the_same_and_does_nothing() {
    let (mut shop, id) = shipped();
    wants(&mut shop, &id, json!([line(0, 1)]));
    let accept = json!({ "trade": id, "return": "accept", "refund": eur("40.00") });
    let (first, _) = try_emit(&mut shop, accept.clone()).unwrap();
    let (again, came) = try_emit(&mut shop, accept).unwrap();
    assert_eq!(again, first);
    assert!(came.said.is_empty());
    // Another one is refused: it was decided.
    for line in [
        json!({ "trade": id, "return": "accept", "refund": eur("41.00") }),
        json!({ "trade": id, "return": "refuse" }),
    ] {
        let refused = try_emit(&mut shop, line).map(|_| ()).unwrap_err();
        assert!(
            matches!(refused, LineRefusal::NothingToDecide { .. }),
            "{refused}"
        );
    }
    // Until the buyer wants something else back.
    wants(&mut shop, &id, json!([line(1, 1)]));
    assert!(try_emit(&mut shop, json!({ "trade": id, "return": "refuse" })).is_ok());
}

#[test]
fn wrong_decisions_are_refused_with_what_is_wrong() {
    let good = |id: &str| json!({ "trade": id, "return": "accept" });
    let rows: [(&str, Value, &str); 7] = [
        ("return", json!("maybe"), "neither"),
        ("trade", json!("T-9"), "no trade"),
        ("refnd", json!(1), "unknown member"),
        ("shop", json!(CARRIER), "own trades"),
        ("text", json!("x".repeat(9000)), "longer"),
        ("send_to", json!({ "name": "Returns" }), "send_to"),
        ("track", json!("order"), "unknown member"),
    ];
    for (member, value, says) in rows {
        let (mut shop, id) = shipped();
        wants(&mut shop, &id, json!(null));
        let refused = try_emit(&mut shop, with(good(&id), member, value))
            .map(|_| ())
            .unwrap_err();
        assert!(refused.to_string().contains(says), "{member}: {refused}");
        assert!(try_emit(&mut shop, good(&id)).is_ok());
    }
    let (mut shop, id) = shipped();
    wants(&mut shop, &id, json!(null));
    let both = json!({ "trade": id, "return": "refuse", "refund": eur("1.00") });
    assert!(try_emit(&mut shop, both).is_err());
    assert!(try_emit(&mut shop, json!({ "trade": id, "return": "refuse" })).is_ok());
    // Nobody wants anything back.
    let (mut shop, id) = shipped();
    let refused = try_emit(&mut shop, good(&id)).map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("wanted nothing back"));
    let mut carrier = Server::carrier();
    assert!(matches!(
        try_emit(&mut carrier, good(&id)),
        Err(LineRefusal::RoleIsMissing { .. })
    ));
}

// Requirements: E23
#[test]
fn what_is_under_way_turns_back_and_the_order_is_returned_once_it_is_there() {
    for (state, recalled) in [("in-transit", true), ("delivered", false)] {
        let (mut shop, id) = shipped();
        carrier_says(&mut shop, &id, 2, state);
        wants(&mut shop, &id, json!(null));
        let came = emit(&mut shop, json!({ "trade": id, "return": "accept" }));
        let kinds = came.kinds();
        assert_eq!(kinds.contains(&"recall carrier".to_owned()), recalled);
        assert!(kinds.contains(&"refund processor".to_owned()));
        let back = carrier_says(&mut shop, &id, 3, "returning");
        assert!(back.said.is_empty());
        let back = carrier_says(&mut shop, &id, 4, "returned");
        assert_eq!(back.kinds(), ["order-status ann"]);
        assert_eq!(back.body(Kind::OrderStatus, ANN)["state"], "returned");
        // Once.
        assert!(carrier_says(&mut shop, &id, 5, "returned").said.is_empty());
    }
}

#[test]
fn a_part_that_is_taken_back_recalls_nothing_and_does_not_end_the_order() {
    let (mut shop, id) = shipped();
    carrier_says(&mut shop, &id, 2, "in-transit");
    wants(&mut shop, &id, json!([line(0, 1)]));
    let came = emit(&mut shop, json!({ "trade": id, "return": "accept" }));
    assert_eq!(came.kinds(), ["return-decision ann", "refund processor"]);
    assert!(carrier_says(&mut shop, &id, 4, "returned").said.is_empty());
    assert_eq!(
        shop.trades()[0].order.as_ref().unwrap().state.word(),
        "shipped"
    );
}

/// E27.
// Requirements: E27
#[test]
fn one_server_with_all_roles_takes_back_without_letters_to_itself() {
    let mut server = Server::all_in_one();
    let id = order(&mut server);
    let steps = [
        json!({ "trade": id, "track": "payment", "state": "settled" }),
        json!({ "trade": id, "track": "order", "state": "shipped" }),
        json!({ "trade": id, "track": "delivery", "state": "in-transit" }),
    ];
    for step in steps {
        emit(&mut server, step);
    }
    wants(&mut server, &id, json!(null));
    let came = emit(&mut server, json!({ "trade": id, "return": "accept" }));
    let kinds = came.kinds();
    assert_eq!(kinds[0], "return-decision ann");
    assert!(kinds.iter().all(|k| k.ends_with(" ann")), "{kinds:?}");
    assert_eq!(
        came.body(Kind::PaymentStatus, ANN)["state"],
        "refund-pending"
    );
    assert_eq!(came.body(Kind::DeliveryStatus, ANN)["state"], "returning");
    let came = emit(
        &mut server,
        json!({ "trade": id, "track": "delivery", "state": "returned" }),
    );
    assert_eq!(came.body(Kind::OrderStatus, ANN)["state"], "returned");
}

/// E27: its own carrier is told what is left, as another server would be.
#[test]
fn one_server_with_all_roles_tells_what_is_left_of_a_delivery() {
    let mut server = Server::all_in_one();
    let id = order(&mut server);
    let came = wants(&mut server, &id, json!([line(0, 1)]));
    let expected = [
        "return-decision ann",
        "payment-status ann",
        "delivery-status ann",
    ];
    assert_eq!(came.kinds(), expected);
    let status = came.body(Kind::DeliveryStatus, ANN);
    assert_eq!(status["state"], "announced");
    assert_eq!(
        status["text"],
        "The shop changed the instructions for this delivery."
    );
}

#[test]
fn a_trade_that_the_merchant_cancels_leaves_nothing_to_decide() {
    let (mut shop, id) = ordered();
    emit(
        &mut shop,
        json!({ "trade": id, "track": "order", "state": "partly-shipped" }),
    );
    wants(&mut shop, &id, json!(null));
    assert_eq!(waiting(&shop).len(), 1);
    emit(
        &mut shop,
        json!({ "trade": id, "track": "order", "state": "cancelled" }),
    );
    assert!(waiting(&shop).is_empty());
}

#[test]
fn only_the_buyer_gives_back() {
    for (who, heard) in [(ANN, true), ("bob@home.example", false)] {
        let (mut shop, id) = shipped();
        let came = shop.hears(who, trade(&id), json!({ "kind": "return" }));
        assert_eq!(!waiting(&shop).is_empty(), heard);
        assert_eq!(came.said[0].body.kind() == Kind::UnknownTrade, !heard);
    }
    let mut carrier = Server::carrier();
    let came = carrier.hears(ANN, trade("T-1"), json!({ "kind": "return" }));
    let expected = PartyOutcome::Ignored(Ignored::NotForThisServer(Kind::Return));
    assert_eq!(came.outcome, expected);
}

/// Not charged yet: the charge tells of both, in this order.
#[test]
fn lines_cancelled_before_the_charge_are_paid_back_with_it() {
    let mut shop = Server::shop();
    let table = &mut shop.settings.shop.as_mut().unwrap().payment;
    for procedure in table.values_mut() {
        procedure.charge = settings::Charge::OnShipping;
    }
    let id = order(&mut shop);
    let came = wants(&mut shop, &id, json!([line(0, 1)]));
    assert!(!came.kinds().contains(&"refund processor".to_owned()));
    let came = emit(
        &mut shop,
        json!({ "trade": id, "track": "order", "state": "shipped" }),
    );
    let to_processor: Vec<String> = came
        .kinds()
        .into_iter()
        .filter(|k| k.ends_with("processor"))
        .collect();
    assert_eq!(
        to_processor,
        ["payment-instruction processor", "refund processor"]
    );
    assert_eq!(
        came.body(Kind::PaymentInstruction, PROCESSOR)["amount"],
        eur("113.00")
    );
    assert_eq!(came.body(Kind::Refund, PROCESSOR)["refunded"], eur("49.00"));
}

/// What is no longer possible is the operator's to know.
#[test]
fn an_answer_that_says_that_it_is_too_late_is_shown_to_the_operator() {
    for text in [
        Some("This parcel was delivered: it can no longer be called back."),
        None,
    ] {
        let (mut shop, id) = shipped();
        carrier_says(&mut shop, &id, 2, "in-transit");
        wants(&mut shop, &id, json!(null));
        let came = emit(&mut shop, json!({ "trade": id, "return": "accept" }));
        let mut about = trade(&id);
        about["answers"] = json!(came.of(Kind::Recall, CARRIER).id);
        let mut status = json!({ "kind": "delivery-status", "sequence": 3, "state": "delivered",
                                 "at": shop.now, "delivery": { "actual": shop.now } });
        if let Some(text) = text {
            status["text"] = json!(text);
        }
        let heard = shop.hears(CARRIER, about, status);
        match text {
            Some(text) => {
                let said = heard.outcome.to_string();
                assert!(matches!(heard.outcome, PartyOutcome::OperatorActs { .. }));
                assert!(said.contains(text), "{said}");
            }
            None => assert!(matches!(heard.outcome, PartyOutcome::Heard { .. })),
        }
        assert_eq!(shop.trades()[0].delivery[0].text.as_deref(), text);
        // It was answered: it is not sent again.
        shop.later(301);
        let said: Vec<String> = (0..9).flat_map(|_| shop.tick().kinds()).collect();
        assert!(!said.contains(&"recall carrier".to_owned()), "{said:?}");
    }
}

/// The `order-status` at once ended the buyer's asking, so a lost decision would be lost for good.
#[test]
fn a_decision_is_said_again_octet_for_octet_to_a_buyer_who_asks_how_the_trade_stands() {
    let (mut shop, id) = shipped();
    let asks = json!({ "kind": "status-request" });
    wants(&mut shop, &id, json!([line(0, 1)]));
    let before = shop.hears(ANN, trade(&id), asks.clone());
    assert_eq!(before.kinds(), ["trade-record ann", "order-status ann"]);
    let came = emit(&mut shop, json!({ "trade": id, "return": "accept" }));
    let after = shop.hears(ANN, trade(&id), asks.clone());
    let expected = [
        "trade-record ann",
        "order-status ann",
        "return-decision ann",
    ];
    assert_eq!(after.kinds(), expected);
    assert_eq!(
        after.of(Kind::ReturnDecision, ANN),
        came.of(Kind::ReturnDecision, ANN)
    );
    // Nobody else hears it.
    let bob = shop.hears("bob@home.example", trade(&id), asks);
    assert_eq!(bob.said[0].body.kind(), Kind::UnknownTrade);
}

/// What was decided about one wish says nothing of another; what the shop decided by itself is said
/// again as well, and the same question, asked again, is answered by all of it.
// Requirements: E23
#[test]
fn the_newest_decision_about_each_wish_is_said_again() {
    let (mut shop, id) = shipped();
    let mut decided = Vec::new();
    for (cups, word) in [(1, "accept"), (1, "refuse"), (1, "accept")] {
        wants(&mut shop, &id, json!([line(1, cups)]));
        let came = emit(&mut shop, json!({ "trade": id, "return": word }));
        decided.push(came.of(Kind::ReturnDecision, ANN).clone());
        shop.later(60);
    }
    let too_many = wants(&mut shop, &id, json!([line(1, 9)]));
    decided.push(too_many.of(Kind::ReturnDecision, ANN).clone());
    let question = shop.statement(ANN, trade(&id), json!({ "kind": "status-request" }));
    for _ in 0..2 {
        let came = shop.receive(Server::letter(ANN, &question));
        let kinds = came.kinds();
        assert_eq!(kinds[..2], ["trade-record ann", "order-status ann"]);
        assert_eq!(came.said[2..], decided);
    }
}

/// However many wishes a buyer has, a question is answered by so many letters at most.
#[test]
fn of_ever_more_decisions_the_last_are_said_again() {
    let (mut shop, id) = shipped();
    let mut decided = Vec::new();
    for _ in 0..20 {
        let came = wants(&mut shop, &id, json!([line(1, 9)]));
        decided.push(came.of(Kind::ReturnDecision, ANN).clone());
        shop.later(60);
    }
    let came = shop.hears(ANN, trade(&id), json!({ "kind": "status-request" }));
    assert_eq!(came.said[2..], decided[4..]);
}
