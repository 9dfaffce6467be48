//! The shop corrects the address of a buyer whose order was placed elsewhere (protocol 9): from then on
//! the new one is told, and the old one, which may be a stranger's, nothing more.

use serde_json::{Value, json};
use tradepost_parties::emit::attach::{Wanted, What};
use tradepost_parties::kernel::readdress::{Addressed, is_for_a_former_address};
use tradepost_parties::roles::lines::attach;
use tradepost_statements::Kind;

use crate::scene::{carrier, delivery, on, payment, processor, told};
use crate::server::{
    ANN, CARRIER, Came, REQUEST, SHOP, Server, buyer, eur, order_body, trade, with,
};

const BOB: &str = "bob@home.example";
const DAY: u64 = 24 * 3600;

fn record(buyer_mail: &str) -> Value {
    json!({ "trade": "W-1", "buyer_mail": buyer_mail, "lines": order_body()["lines"],
        "total": eur("98.00"), "buyer": buyer(),
        "payment": { "method": "credit-card", "processor": SHOP },
        "delivery": { "method": "courier", "carriers": [{ "address": SHOP }] } })
}

fn says(server: &mut Server, line: Value) -> Came {
    told(server, line)
}

/// One server for all tracks, which knows an order of Ann's that was placed elsewhere and has moved on.
fn with_an_order() -> Server {
    let mut shop = Server::all_in_one();
    says(&mut shop, json!({ "record": record(ANN) }));
    for (track, state) in [
        ("order", "preparing"),
        ("payment", "settled"),
        ("delivery", "announced"),
    ] {
        says(
            &mut shop,
            json!({ "trade": "W-1", "track": track, "state": state }),
        );
    }
    shop
}

fn ask() -> Value {
    json!({ "kind": "status-request" })
}

/// Nothing that came from the old address holds any longer, though it became the right one again.
#[test]
fn a_decision_about_what_was_wished_from_a_former_address_is_not_said_again() {
    for is_corrected in [false, true] {
        let mut shop = with_an_order();
        let shipped = json!({ "trade": "W-1", "track": "order", "state": "shipped" });
        says(&mut shop, shipped);
        shop.hears(ANN, trade("W-1"), json!({ "kind": "return" }));
        says(&mut shop, json!({ "trade": "W-1", "return": "refuse" }));
        if is_corrected {
            says(&mut shop, json!({ "record": record(BOB) }));
            assert_eq!(shop.hears(BOB, trade("W-1"), ask()).kinds().len(), 4);
            says(&mut shop, json!({ "record": record(ANN) }));
        }
        let kinds = shop.hears(ANN, trade("W-1"), ask()).kinds();
        let again = kinds.contains(&"return-decision ann".to_owned());
        assert_eq!(again, !is_corrected, "{kinds:?}");
    }
}

// Requirements: E14
#[test]
fn the_next_version_and_the_present_statuses_go_to_the_corrected_address_and_nothing_more_to_the_old()
 {
    let mut shop = with_an_order();
    let question = shop.statement(ANN, trade("W-1"), ask());
    let answered = shop.receive(Server::letter(ANN, &question));
    assert_eq!(answered.kinds().len(), 4, "Ann is the buyer");

    let came = says(&mut shop, json!({ "record": record(BOB) }));
    let mut kinds = came.kinds();
    kinds.sort();
    assert_eq!(
        kinds,
        [
            format!("delivery-status {BOB}"),
            format!("order-status {BOB}"),
            format!("payment-status {BOB}"),
            format!("trade-record {BOB}")
        ]
    );
    assert_eq!(came.body(Kind::TradeRecord, BOB)["version"], 2);
    assert_eq!(came.body(Kind::OrderStatus, BOB)["state"], "preparing");
    let later = says(
        &mut shop,
        json!({ "trade": "W-1", "track": "order", "state": "shipped" }),
    );
    assert_eq!(later.kinds(), [format!("order-status {BOB}")]);

    // Who has the old address may ask: the same question again, another one, or anything else.
    assert!(
        shop.receive(Server::letter(ANN, &question))
            .kinds()
            .is_empty()
    );
    for body in [
        ask(),
        json!({ "kind": "cancel" }),
        json!({ "kind": "return" }),
        json!({ "kind": "notify", "on": [] }),
    ] {
        let came = shop.hears(ANN, trade("W-1"), body);
        assert_eq!(came.kinds(), ["unknown-trade ann"]);
    }
    assert_eq!(shop.hears(BOB, trade("W-1"), ask()).kinds().len(), 4);
    // A letter that waits in the outbox is held back by the same rule; what was never Ann's is not.
    let (ann, bob) = (ANN.parse().unwrap(), BOB.parse().unwrap());
    let name = tradepost_statements::TradeRef {
        shop: SHOP.parse().unwrap(),
        id: "W-1".parse().unwrap(),
    };
    for (to, kind, held_back) in [
        (&ann, Kind::OrderStatus, true),
        (&ann, Kind::TradeRecord, true),
        (&bob, Kind::OrderStatus, false),
        (&ann, Kind::UnknownTrade, false),
    ] {
        let about = Addressed {
            kind,
            to,
            trade: Some(&name),
        };
        assert_eq!(
            is_for_a_former_address(&shop.rows, &about),
            held_back,
            "{kind}"
        );
    }

    // Back again: the first one was right after all.
    let came = says(&mut shop, json!({ "record": record(ANN) }));
    assert_eq!(came.body(Kind::TradeRecord, ANN)["version"], 3);
    assert!(came.kinds().iter().all(|k| k.ends_with(" ann")));
    let came = shop.hears(ANN, trade("W-1"), ask());
    assert_eq!(came.kinds().len(), 4);
}

#[test]
fn the_same_record_with_the_same_address_is_no_correction() {
    let mut shop = with_an_order();
    let same = says(&mut shop, json!({ "record": record(ANN) }));
    assert!(same.said.is_empty());
    // Two spellings of one address (protocol 1).
    let spelt = says(&mut shop, json!({ "record": record("Ann@HOME.example") }));
    assert!(spelt.said.is_empty());
}

#[test]
fn a_record_of_an_earlier_time_takes_back_no_correction() {
    let mut shop = Server::all_in_one();
    let line =
        |key: &str, at: &str, to: &str| json!({ "key": key, "at": at, "record": record(to) });
    shop.emit(&line("1", "2026-11-20T09:00:00Z", ANN)).unwrap();
    shop.emit(&line("2", "2026-11-20T09:20:00Z", BOB)).unwrap();
    let late = line("3", "2026-11-20T09:10:00Z", ANN);
    let why = shop.emit(&late).err().unwrap().to_string();
    assert!(why.contains("older"), "{why}");
    assert_eq!(shop.trades()[0].buyer.as_str(), BOB);
    let ahead = line("3", "2026-11-20T12:00:00Z", ANN);
    let why = shop.emit(&ahead).err().unwrap().to_string();
    assert!(why.contains("future"), "{why}");
    shop.emit(&line("3", "2026-11-20T09:30:00Z", ANN)).unwrap();
    assert_eq!(shop.trades()[0].buyer.as_str(), ANN);
}

// Requirements: E14
#[test]
fn the_address_of_an_order_that_came_by_mail_never_changes() {
    let mut shop = Server::shop();
    let came = shop.hears(ANN, json!({ "request": REQUEST }), order_body());
    let id = came.of(Kind::TradeRecord, ANN).trade.clone().unwrap().id;
    let again = with(
        with(record(BOB), "trade", json!(id)),
        "payment/processor",
        json!("billing@pay.example"),
    );
    let again = with(
        again,
        "delivery/carriers",
        json!([{ "address": "track@carrier.example" }]),
    );
    let why = shop
        .emit(&json!({ "key": "1", "record": again }))
        .err()
        .unwrap()
        .to_string();
    assert!(why.contains("came by mail") && why.contains(ANN), "{why}");
    let hers = with(again, "buyer_mail", json!(ANN));
    shop.emit(&json!({ "key": "1", "record": hers })).unwrap();
}

#[test]
fn what_the_old_address_wished_and_wanted_back_is_forgotten() {
    let mut shop = with_an_order();
    let wishes =
        json!({ "kind": "notify", "on": ["delivery.delivered"], "to": "ann2@home.example" });
    shop.hears(ANN, trade("W-1"), wishes);
    says(
        &mut shop,
        json!({ "trade": "W-1", "track": "order", "state": "shipped" }),
    );
    shop.hears(ANN, trade("W-1"), json!({ "kind": "return" }));
    assert!(shop.trades()[0].wants_back);
    says(&mut shop, json!({ "record": record(BOB) }));
    assert!(!shop.trades()[0].wants_back);
    let came = says(
        &mut shop,
        json!({ "trade": "W-1", "track": "delivery", "state": "in-transit" }),
    );
    assert_eq!(came.kinds(), [format!("delivery-status {BOB}")]);
    let came = says(
        &mut shop,
        json!({ "trade": "W-1", "track": "delivery", "state": "delivered" }),
    );
    assert!(came.notices.is_empty());
    let decision = json!({ "key": "d", "trade": "W-1", "return": "accept" });
    let why = shop.emit(&decision).err().unwrap().to_string();
    assert!(why.contains("waits for a decision"), "{why}");
}

#[test]
fn what_waited_for_a_mail_to_the_old_address_is_mailed_to_nobody() {
    let mut shop = Server::all_in_one();
    says(&mut shop, json!({ "record": record(ANN), "mail": false }));
    says(
        &mut shop,
        json!({ "trade": "W-1", "track": "order", "state": "preparing", "mail": false }),
    );
    says(&mut shop, json!({ "record": record(BOB) }));
    shop.later(DAY);
    for _ in 0..5 {
        assert!(shop.tick().said.is_empty());
    }
    let wanted = Wanted {
        trade: "W-1".parse().unwrap(),
        shop: None,
        what: What::Order,
    };
    let mut ids = shop.fresh();
    let attached = attach(&shop.settings, &shop.rows, &wanted, shop.now, &mut ids);
    assert_eq!(attached.answer.unwrap().statement.to.as_str(), BOB);
}

#[test]
fn a_trade_whose_address_was_corrected_too_often_keeps_the_last_one() {
    let mut shop = with_an_order();
    let mut accepted = 0;
    let why = loop {
        let next = format!("b{accepted}@home.example");
        let line = json!({ "key": format!("c{accepted}"), "record": record(&next) });
        match shop.emit(&line) {
            Ok(_) => accepted += 1,
            Err(why) => break why.to_string(),
        }
        assert!(accepted < 100);
    };
    assert!(accepted >= 8 && why.contains("too often"), "{why}");
    let last = format!("b{}@home.example", accepted - 1);
    assert_eq!(shop.trades()[0].buyer.as_str(), last);
}

/// A server, the instruction that it has, and what it tells.
type Instructed = (Server, Value, &'static str);

fn instructed() -> [Instructed; 2] {
    [
        (carrier(), delivery(), "delivery"),
        (processor(), payment(), "payment"),
    ]
}

// Requirements: E14
#[test]
fn a_carrier_and_a_payment_processor_learn_a_corrected_address_from_the_trades_shop() {
    for (mut server, body, track) in instructed() {
        server.later(60);
        let overtaken = server.statement(SHOP, trade("T-1"), body.clone());
        server.later(60);
        let corrected = with(body.clone(), "buyer_mail", json!(BOB));
        let came = server.hears(SHOP, trade("T-1"), corrected.clone());
        let mut kinds = came.kinds();
        kinds.sort();
        assert_eq!(
            kinds,
            [
                format!("{track}-status {BOB}"),
                format!("{track}-status shop")
            ]
        );
        let state = ["in-transit", "settled"][usize::from(track == "payment")];
        let later = told(&mut server, on(track, state));
        assert_eq!(
            later.kinds(),
            [
                format!("{track}-status shop"),
                format!("{track}-status {BOB}")
            ]
        );
        assert_eq!(
            server.hears(ANN, trade("T-1"), ask()).kinds(),
            ["unknown-trade ann"]
        );
        // The same again is nobody's news.
        let again = server.hears(SHOP, trade("T-1"), corrected);
        assert_eq!(again.kinds(), [format!("{track}-status shop")]);
        // An instruction that the correction overtook takes nothing back.
        let late = server.receive(Server::letter(SHOP, &overtaken));
        assert!(
            late.kinds().iter().all(|k| k.ends_with(" shop")),
            "{:?}",
            late.kinds()
        );
        assert_eq!(server.trades()[0].buyer.as_str(), BOB);
    }
}

#[test]
fn nobody_but_the_trades_shop_corrects_an_address() {
    for (mut server, body, _) in instructed() {
        let corrected = with(body, "buyer_mail", json!(BOB));
        for from in [ANN, BOB, CARRIER, "orders@other.example"] {
            server.later(60);
            let came = server.hears(from, trade("T-1"), corrected.clone());
            assert!(came.said.is_empty(), "{from}: {:?}", came.kinds());
            assert_eq!(server.trades()[0].buyer.as_str(), ANN, "{from}");
        }
        server.hears(SHOP, trade("T-1"), corrected);
        assert_eq!(server.trades()[0].buyer.as_str(), BOB);
    }
    // Nor does a letter of a buyer at the shop, whatever it is.
    let mut shop = with_an_order();
    for body in [
        ask(),
        json!({ "kind": "notify", "on": ["order"], "to": BOB }),
    ] {
        shop.hears(ANN, trade("W-1"), body);
        assert_eq!(shop.trades()[0].buyer.as_str(), ANN);
    }
}
