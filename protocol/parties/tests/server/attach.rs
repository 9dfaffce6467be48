//! Statements that travel in mails of the merchant's own system: told once, by that mail, and by the
//! server itself where no such mail comes (E14).

use serde_json::{Value, json};
use tradepost_parties::emit::LineRefusal;
use tradepost_parties::emit::attach::{Wanted, What};
use tradepost_parties::kernel::Ignored;
use tradepost_parties::roles::lines::attach;
use tradepost_statements::{Kind, wire};

use crate::server::{ANN, Came, Server, buyer, eur};

const HOUR: u64 = 3600;

fn shop_with_a_record(more: &Value) -> (Server, Came) {
    let mut shop = Server::all_in_one();
    let own = shop.settings.address.clone();
    let record = json!({ "trade": "W-1", "buyer_mail": ANN, "total": eur("98.00"), "buyer": buyer(),
        "lines": [{ "name": "Kettle", "quantity": 2, "price": eur("49.00") }],
        "payment": { "method": "credit-card", "processor": own },
        "delivery": { "method": "courier", "carriers": [{ "address": own }] } });
    let mut line = json!({ "key": "r", "record": record });
    line.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let (_, came) = shop.emit(&line).unwrap();
    (shop, came)
}

fn line(key: &str, state: &str) -> Value {
    json!({ "key": key, "trade": "W-1", "track": "order", "state": state, "mail": false })
}

/// The statement for a mail, which is not in what the server mails itself.
fn attached(shop: &mut Server, what: What) -> Result<Value, LineRefusal> {
    let wanted = Wanted {
        trade: "W-1".parse().unwrap(),
        shop: None,
        what,
    };
    let mut ids = shop.fresh();
    let attached = attach(&shop.settings, &shop.rows, &wanted, shop.now, &mut ids);
    let came = shop.apply(attached.change);
    assert_eq!(came.kinds(), [""; 0], "the mail brings it");
    let sending = attached.answer?;
    let octets = sending.octets.unwrap();
    assert_eq!(
        wire::decode(octets.as_bytes()).unwrap().statement,
        sending.statement
    );
    Ok(serde_json::from_str(&octets).unwrap())
}

fn all_that_is_due(shop: &mut Server) -> Vec<String> {
    (0..20).flat_map(|_| shop.tick().kinds()).collect()
}

// Requirements: E14
#[test]
fn what_a_mail_of_the_merchants_own_brings_is_not_mailed_by_the_server() {
    let (mut shop, came) = shop_with_a_record(&json!({ "mail": false }));
    assert_eq!(came.kinds(), [""; 0]);
    assert_eq!(
        shop_with_a_record(&json!({})).1.kinds(),
        ["trade-record ann"]
    );
    assert_eq!(
        shop_with_a_record(&json!({ "mail": true })).1.kinds(),
        ["trade-record ann"]
    );
    let record = attached(&mut shop, What::Record).unwrap();
    assert_eq!(
        (&record["to"], &record["body"]["kind"]),
        (&json!(ANN), &json!("trade-record"))
    );

    let (told, came) = shop.emit(&line("s", "shipped")).unwrap();
    assert_eq!(came.kinds(), [""; 0]);
    let status = attached(&mut shop, What::Order).unwrap();
    assert_eq!(status["id"], json!(told), "the statement that emit named");
    assert_eq!(status["body"]["state"], "shipped");
    shop.later(48 * HOUR);
    assert_eq!(all_that_is_due(&mut shop), [""; 0], "nor later");
}

// Requirements: E14
#[test]
fn what_no_mail_brought_in_time_is_mailed_after_all_once_and_the_newest_only() {
    let (mut shop, _) = shop_with_a_record(&json!({}));
    shop.emit(&line("p", "preparing")).unwrap();
    shop.later(HOUR / 2);
    let (told, _) = shop.emit(&line("s", "shipped")).unwrap();
    shop.later(HOUR / 2);
    assert_eq!(all_that_is_due(&mut shop), [""; 0], "it still waits");
    shop.later(HOUR / 2);
    let mut came = shop.tick();
    while came.said.is_empty() && came.outcome != Ignored::NothingDue.into() {
        came = shop.tick();
    }
    assert_eq!(came.kinds(), ["order-status ann"]);
    assert_eq!(
        came.of(Kind::OrderStatus, ANN).id,
        told,
        "the same statement"
    );
    // The machine slept.
    shop.later(7 * 24 * HOUR);
    assert_eq!(all_that_is_due(&mut shop), [""; 0]);
}

#[test]
fn a_statement_has_the_same_octets_in_every_mail_until_there_is_something_new_to_say() {
    let (mut shop, _) = shop_with_a_record(&json!({}));
    shop.emit(&line("p", "preparing")).unwrap();
    let first = attached(&mut shop, What::Order).unwrap();
    shop.later(60);
    assert_eq!(attached(&mut shop, What::Order).unwrap(), first);
    // Mailed by the server itself: a mail that tells it again is known by its sequence.
    let mut mailed = line("s", "shipped");
    mailed["mail"] = json!(true);
    let (_, came) = shop.emit(&mailed).unwrap();
    let by_us = came.body(Kind::OrderStatus, ANN);
    let next = attached(&mut shop, What::Order).unwrap();
    assert_eq!(next["body"], by_us);
    assert_ne!(next["id"], first["id"]);
    assert_eq!(attached(&mut shop, What::Order).unwrap(), next);
}

#[test]
fn every_track_can_be_attached_once_something_was_told_of_it() {
    let (mut shop, _) = shop_with_a_record(&json!({}));
    for (what, track, state) in [
        (What::Order, "order", "preparing"),
        (What::Payment, "payment", "settled"),
        (What::Delivery(None), "delivery", "in-transit"),
        (
            What::Delivery(Some("P2".to_owned())),
            "delivery",
            "in-transit",
        ),
    ] {
        let refused = attached(&mut shop, what.clone()).unwrap_err();
        assert!(
            matches!(
                refused,
                LineRefusal::TrackIsNotOurs { .. } | LineRefusal::UnknownParcel { .. }
            ),
            "{refused}"
        );
        let mut line =
            json!({ "key": format!("{what:?}"), "trade": "W-1", "track": track, "state": state });
        if let What::Delivery(Some(parcel)) = &what {
            line["parcel"] = json!(parcel);
        }
        shop.emit(&line).unwrap();
        assert_eq!(attached(&mut shop, what).unwrap()["body"]["state"], state);
    }
    // Which one of two is not guessed at.
    let refused = attached(&mut shop, What::Delivery(None)).unwrap_err();
    assert!(refused.to_string().contains("P2"), "{refused}");
    let wanted = Wanted {
        trade: "W-9".parse().unwrap(),
        shop: None,
        what: What::Order,
    };
    let mut ids = shop.fresh();
    let none = attach(&shop.settings, &shop.rows, &wanted, shop.now, &mut ids);
    assert_eq!(
        none.answer.unwrap_err(),
        LineRefusal::NoSuchTrade("W-9".to_owned())
    );
}

#[test]
fn a_change_that_the_buyer_does_not_wish_to_hear_of_waits_for_no_mail() {
    let (mut shop, _) = shop_with_a_record(&json!({}));
    let wishes = json!({ "kind": "notify", "on": ["delivery"] });
    let own = shop.settings.address.to_string();
    shop.hears(
        ANN,
        json!({ "trade": { "shop": own, "id": "W-1" } }),
        wishes,
    );
    shop.emit(&line("p", "preparing")).unwrap();
    shop.later(2 * HOUR);
    assert_eq!(all_that_is_due(&mut shop), [""; 0], "Q7");
}
