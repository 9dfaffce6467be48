//! `recall` at every stage of a delivery: what is possible is done, and what is not is said
//! (E10, E12, E23).

use serde_json::json;

use crate::scene::{carrier, delivery, delivery_to, on, parcel, recall, refused, told};
use crate::server::{ANN, SHOP, Server, trade, with};

/// After these states, a recall makes this of the parcel and says this.
fn check(before: &[&str], state: &str, says: &str, buyer_is_told: bool) {
    let mut carrier = carrier();
    for state in before {
        told(&mut carrier, on("delivery", state));
    }
    let sequence = u64::try_from(before.len()).unwrap() + 1;
    let came = carrier.hears(SHOP, trade("T-1"), recall());
    let answer = delivery_to(&came, SHOP);
    assert_eq!(answer["state"], state, "{before:?}");
    let text = answer["text"].as_str().unwrap_or_default();
    assert!(text.contains(says), "{before:?}: {text}");
    let said_something = !says.is_empty();
    assert_eq!(
        answer["sequence"],
        sequence + u64::from(said_something),
        "what is said anew has a sequence of its own: {before:?}"
    );
    let to_ann = came.said.iter().filter(|s| s.to.as_str() == ANN).count();
    assert_eq!(to_ann, usize::from(buyer_is_told), "{before:?}");
    // Asked once more, it is answered as it is, and nothing is done twice.
    let again = carrier.hears(SHOP, trade("T-1"), recall());
    assert_eq!(again.kinds(), ["delivery-status shop"], "{before:?}");
    assert_eq!(delivery_to(&again, SHOP), answer, "{before:?}");
}

#[test]
fn a_recall_stops_what_has_not_left() {
    check(&[], "stopped", "stopped this delivery before it left", true);
    check(&["on-hold"], "stopped", "stopped", true);
    check(&["exception"], "stopped", "stopped", true);
}

// Requirements: E23
#[test]
fn a_recall_turns_back_what_is_under_way() {
    for state in [
        "picked-up",
        "at-terminal",
        "sorted",
        "in-transit",
        "out-for-delivery",
        "attempt-failed",
        "ready-for-pickup",
    ] {
        check(&[state], "returning", "on its way back", true);
    }
    check(&["in-transit", "on-hold"], "returning", "way back", true);
    check(&["in-transit", "exception"], "returning", "way back", true);
}

// Requirements: E23
#[test]
fn a_recall_of_what_was_delivered_or_lost_says_that_it_comes_too_late() {
    check(
        &["delivered"],
        "delivered",
        "can no longer be called back",
        false,
    );
    check(
        &["in-transit", "lost"],
        "lost",
        "nothing to turn back",
        false,
    );
}

#[test]
fn a_recall_of_what_is_stopped_or_on_its_way_back_changes_nothing() {
    check(&["stopped"], "stopped", "", false);
    check(&["returning"], "returning", "", false);
    check(&["returning", "lost"], "lost", "", false);
    check(&["returned"], "returned", "", false);
}

#[test]
fn a_delivery_that_could_not_be_recalled_keeps_what_was_told_of_it() {
    let mut carrier = carrier();
    let mut line = on("delivery", "delivered");
    line["place"] = json!("front door");
    let before = delivery_to(&told(&mut carrier, line), ANN);
    let came = carrier.hears(SHOP, trade("T-1"), recall());
    let after = delivery_to(&came, SHOP);
    for member in ["state", "delivery", "place"] {
        assert_eq!(after[member], before[member]);
    }
    // The buyer hears of it when asking: it is what the track says now.
    let asked = carrier.hears(ANN, trade("T-1"), json!({ "kind": "status-request" }));
    assert_eq!(delivery_to(&asked, ANN), after);
}

// Requirements: E10
#[test]
fn a_recall_of_one_parcel_leaves_the_others_alone() {
    let mut carrier = Server::carrier();
    for name in ["P1", "P2", "P3"] {
        carrier.hears(SHOP, trade("T-1"), parcel(name));
    }
    let line = |name: &str, state: &str| with(on("delivery", state), "parcel", json!(name));
    told(&mut carrier, line("P2", "in-transit"));
    let one = with(recall(), "parcel", json!("P1"));
    let came = carrier.hears(SHOP, trade("T-1"), one);
    assert_eq!(
        came.kinds(),
        ["delivery-status shop", "delivery-status ann"]
    );
    assert_eq!(delivery_to(&came, SHOP)["parcel"], "P1");
    // All: each says what became of it.
    told(&mut carrier, line("P3", "delivered"));
    let came = carrier.hears(SHOP, trade("T-1"), recall());
    let answers: Vec<_> = came
        .said
        .iter()
        .filter(|s| s.to.as_str() == SHOP)
        .map(|s| {
            assert!(s.answers.is_some());
            let body = &tradepost_statements::wire::to_value(s)["body"];
            (body["parcel"].clone(), body["state"].clone())
        })
        .collect();
    let expected = [("P1", "stopped"), ("P2", "returning"), ("P3", "delivered")];
    assert_eq!(answers, expected.map(|(p, s)| (json!(p), json!(s))));
}

#[test]
fn what_came_back_after_a_recall_is_told_until_it_is_there() {
    let mut carrier = carrier();
    told(&mut carrier, on("delivery", "in-transit"));
    carrier.hears(SHOP, trade("T-1"), recall());
    let why = refused(&mut carrier, on("delivery", "delivered"));
    assert!(why.contains("run backwards"), "{why}");
    assert!(why.contains("possible are"), "{why}");
    let came = told(&mut carrier, on("delivery", "returned"));
    assert_eq!(
        came.kinds(),
        ["delivery-status shop", "delivery-status ann"]
    );
}

#[test]
fn a_parcel_that_a_recall_overtook_begins_stopped_and_says_why() {
    let mut carrier = Server::carrier();
    carrier.hears(SHOP, trade("T-1"), recall());
    let came = carrier.hears(SHOP, trade("T-1"), delivery());
    let status = delivery_to(&came, ANN);
    assert_eq!(status["state"], "stopped");
    assert_eq!(status["reason"], "merchant-recalled");
    assert!(status["text"].as_str().unwrap().contains("before it began"));
}
