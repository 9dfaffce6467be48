//! What the buyer is told without asking, and who else (Q5 to Q7, E14), at a carrier and a payment
//! processor of their own.

use serde_json::{Value, json};
use tradepost_statements::Kind;

use crate::scene::{
    carrier, delivery, delivery_to, on, payment, payment_to, processor, refused, told,
};
use crate::server::{ANN, SHOP, Server, trade, with};

fn wishing(body: Value, on: &[&str], to: Option<&str>) -> Value {
    let mut wishes = json!({ "on": on });
    if let Some(to) = to {
        wishes["to"] = json!(to);
    }
    with(body, "notify", wishes)
}

fn ask() -> Value {
    json!({ "kind": "status-request" })
}

// Requirements: Q5
#[test]
fn the_shop_hears_everything_and_the_buyer_what_was_wished() {
    let mut carrier = Server::carrier();
    let body = wishing(delivery(), &["delivery.delivered"], None);
    let came = carrier.hears(SHOP, trade("T-1"), body);
    assert_eq!(
        came.kinds(),
        ["delivery-status shop"],
        "announced was not wished"
    );
    for state in ["picked-up", "in-transit"] {
        assert_eq!(
            told(&mut carrier, on("delivery", state)).kinds(),
            ["delivery-status shop"]
        );
    }
    let came = told(&mut carrier, on("delivery", "delivered"));
    assert_eq!(
        came.kinds(),
        ["delivery-status shop", "delivery-status ann"]
    );
    // Untold changes count in the sequence.
    assert_eq!(delivery_to(&came, ANN)["sequence"], 4);
}

#[test]
fn wishes_of_another_track_leave_this_one_untold_and_none_at_all_mean_everything() {
    let mut server = Server::processor();
    let body = wishing(payment(), &["delivery", "order.shipped"], None);
    assert_eq!(
        server.hears(SHOP, trade("T-1"), body).kinds(),
        ["payment-status shop"]
    );
    let mut server = Server::processor();
    let body = wishing(payment(), &["payment"], None);
    assert_eq!(
        server.hears(SHOP, trade("T-1"), body).kinds(),
        ["payment-status shop", "payment-status ann"]
    );
    let mut server = Server::processor();
    let body = wishing(payment(), &[], None);
    assert_eq!(
        server.hears(SHOP, trade("T-1"), body).kinds(),
        ["payment-status shop"]
    );
    assert_eq!(
        Server::processor()
            .hears(SHOP, trade("T-1"), payment())
            .kinds(),
        ["payment-status shop", "payment-status ann"]
    );
}

#[test]
fn an_answer_goes_to_the_buyer_whatever_was_wished() {
    let mut carrier = Server::carrier();
    carrier.hears(SHOP, trade("T-1"), wishing(delivery(), &[], None));
    told(&mut carrier, on("delivery", "in-transit"));
    let came = carrier.hears(ANN, trade("T-1"), ask());
    assert_eq!(came.kinds(), ["delivery-status ann"]);
    assert_eq!(delivery_to(&came, ANN)["sequence"], 2);
    assert!(came.said[0].answers.is_some());
}

// Requirements: Q7
#[test]
fn a_notify_at_the_carrier_replaces_the_wishes_of_the_order_and_a_later_instruction_does_not() {
    let mut carrier = Server::carrier();
    carrier.hears(SHOP, trade("T-1"), wishing(delivery(), &["delivery"], None));
    carrier.later(60);
    let notify = json!({ "kind": "notify", "on": ["delivery.delivered"] });
    let came = carrier.hears(ANN, trade("T-1"), notify);
    assert_eq!(
        came.kinds(),
        ["delivery-status ann"],
        "answered by the present status"
    );
    carrier.later(60);
    let again = wishing(delivery(), &["delivery"], None);
    carrier.hears(SHOP, trade("T-1"), again);
    let came = told(&mut carrier, on("delivery", "in-transit"));
    assert_eq!(came.kinds(), ["delivery-status shop"]);
    let came = told(&mut carrier, on("delivery", "delivered"));
    assert_eq!(
        came.kinds(),
        ["delivery-status shop", "delivery-status ann"]
    );
}

// Requirements: Q6
#[test]
fn a_notice_goes_to_the_buyers_own_domain_at_once_and_elsewhere_after_consent() {
    for (to, at_once) in [("phone@home.example", true), ("bob@office.example", false)] {
        let mut carrier = Server::carrier();
        let body = wishing(delivery(), &["delivery"], Some(to));
        let came = carrier.hears(SHOP, trade("T-1"), body);
        assert_eq!(came.notices.len(), usize::from(at_once), "{to}");
        // The buyer is told all the same.
        assert_eq!(
            came.kinds(),
            ["delivery-status shop", "delivery-status ann"]
        );
        let consent = json!({ "kind": "notify", "on": ["payment"], "to": "evil@evil.example" });
        let came = carrier.hears(to, trade("T-1"), consent);
        assert!(came.said.is_empty(), "consent is not answered");
        // It changes no wish: neither where notices go nor what is told.
        let came = told(&mut carrier, on("delivery", "in-transit"));
        assert_eq!(came.notices, [to]);
        assert_eq!(
            came.kinds(),
            ["delivery-status shop", "delivery-status ann"]
        );
    }
}

// Requirements: Q7
#[test]
fn a_notice_tells_only_what_was_wished_and_no_answers() {
    let mut carrier = Server::carrier();
    let wishes = wishing(
        delivery(),
        &["delivery.delivered"],
        Some("phone@home.example"),
    );
    assert!(carrier.hears(SHOP, trade("T-1"), wishes).notices.is_empty());
    assert!(
        told(&mut carrier, on("delivery", "in-transit"))
            .notices
            .is_empty()
    );
    assert!(carrier.hears(ANN, trade("T-1"), ask()).notices.is_empty());
    let came = told(&mut carrier, on("delivery", "delivered"));
    assert_eq!(came.notices, ["phone@home.example"]);
}

// Requirements: E14
#[test]
fn once_a_track_has_ended_only_questions_are_answered() {
    let mut carrier = carrier();
    told(&mut carrier, on("delivery", "delivered"));
    carrier.later(60);
    // The same end once more, as a shop system says it again and again: accepted, and no news.
    let came = told(&mut carrier, on("delivery", "delivered"));
    assert!(came.said.is_empty());
    let came = carrier.hears(ANN, trade("T-1"), ask());
    let status = delivery_to(&came, ANN);
    assert_eq!(
        (&status["state"], &status["sequence"]),
        (&json!("delivered"), &json!(2))
    );
    assert_eq!(status["delivery"]["actual"], "2026-11-20T10:00:00Z");
    // What cannot follow is refused, and the line's author is told what could.
    let why = refused(&mut carrier, on("delivery", "exception"));
    assert!(
        why.contains("exception cannot follow delivered: the track has ended"),
        "{why}"
    );
    assert!(
        why.contains("possible are delivered, returning, returned"),
        "{why}"
    );
    // A correction is a change.
    let mut corrected = on("delivery", "delivered");
    corrected["actual"] = json!("2026-11-20T09:30:00Z");
    let came = told(&mut carrier, corrected);
    assert_eq!(delivery_to(&came, ANN)["sequence"], 3);

    let mut server = processor();
    told(&mut server, on("payment", "settled"));
    server.later(60);
    assert!(told(&mut server, on("payment", "settled")).said.is_empty());
    let why = refused(&mut server, on("payment", "pending"));
    assert!(why.contains("possible are settled, disputed"), "{why}");
    let came = server.hears(ANN, trade("T-1"), ask());
    assert_eq!(payment_to(&came, ANN)["sequence"], 2);
}

// Requirements: E15
#[test]
fn each_server_answers_with_every_track_that_it_works_on_and_repeats_what_did_not_change() {
    let mut carrier = Server::carrier();
    for name in ["P1", "P2"] {
        let body = with(delivery(), "parcel", json!(name));
        carrier.hears(SHOP, trade("T-1"), body);
    }
    let first = carrier.hears(ANN, trade("T-1"), ask());
    assert_eq!(
        first.kinds(),
        ["delivery-status ann", "delivery-status ann"]
    );
    carrier.later(3600);
    let again = carrier.hears(ANN, trade("T-1"), ask());
    let bodies = |came: &crate::server::Came| {
        came.said
            .iter()
            .map(|s| tradepost_statements::wire::to_value(s)["body"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(bodies(&first), bodies(&again));
    // One server for the delivery and the payment of another's trades.
    let mut both = Server::carrier();
    both.settings.payment = Server::processor().settings.payment;
    both.hears(SHOP, trade("T-1"), delivery());
    both.hears(SHOP, trade("T-1"), payment());
    let came = both.hears(ANN, trade("T-1"), ask());
    assert_eq!(came.kinds(), ["delivery-status ann", "payment-status ann"]);
}

// Requirements: E15
#[test]
fn a_foreign_trade_and_one_that_does_not_exist_get_the_same_answer() {
    for mut server in [carrier(), processor()] {
        let bob = "bob@home.example";
        let foreign = server.hears(bob, trade("T-1"), ask());
        let missing = server.hears(bob, trade("T-0"), ask());
        for came in [&foreign, &missing] {
            assert_eq!(came.kinds(), ["unknown-trade bob@home.example"]);
            assert!(came.said[0].trade.is_none() && came.said[0].answers.is_some());
        }
        assert_eq!(
            foreign.body(Kind::UnknownTrade, bob),
            missing.body(Kind::UnknownTrade, bob)
        );
        // A request id is the shop's business.
        let by_request = json!({ "request": crate::server::REQUEST });
        let came = server.hears(ANN, by_request, ask());
        assert_eq!(came.kinds(), ["unknown-trade ann"]);
    }
}
