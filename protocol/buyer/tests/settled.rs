//! Protocol 4: what lies far back is settled, and what was refused is looked at again some letters at a
//! time. Neither changes what a trade comes to where a reader has everything open.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use serde_json::json;
use support::*;
use tradepost_buyer::{Verdict, WarningKind, view};

/// So many steps of a track stay open, and so many records of a trade.
const OPEN_STEPS: u32 = 32;
const OPEN_RECORDS: u32 = 24;
/// So many letters are looked at again at once.
const AT_ONCE: u64 = 64;

fn with_a_trade() -> Ledger {
    let mut ledger = Ledger::new();
    let _ = ledger.say(&order(1, SHOP));
    let judged = ledger.hear(with(record(10, "T-1", 1), "request", request(1)));
    assert_eq!(judged.verdict, Verdict::Applied);
    ledger
}

fn version(n: u32) -> serde_json::Value {
    let said = record(10_000 + u64::from(n), "T-1", n);
    with(said, "request", request(1))
}

#[test]
fn what_comes_for_a_settled_step_is_history_and_changes_no_state() {
    // The lowest step that is open, and the highest that is settled.
    for (missing, is_open) in [(3, true), (2, false)] {
        let mut ledger = with_a_trade();
        let last = OPEN_STEPS + 3;
        for sequence in (1..=last).filter(|s| *s != missing) {
            let n = 1000 + u64::from(sequence);
            let judged = ledger.hear(delivery_status(n, "T-1", sequence, "in-transit"));
            assert_eq!(judged.verdict, Verdict::Applied);
        }
        let late = ledger.hear(delivery_status(5000, "T-1", missing, "delivered"));
        assert_eq!(late.verdict, Verdict::Late);
        // Delivered before it was under way: where that step is open, those after it cannot follow.
        let state = if is_open { "delivered" } else { "in-transit" };
        assert_eq!(
            ledger.trade("T-1")["delivery"][0]["state"],
            state,
            "{missing}"
        );
        assert_eq!(ledger.open().is_empty(), !is_open, "{missing}");
        // Either way it is in the history, and what comes next is judged by the state.
        let shown = ledger.show("T-1");
        let history = shown["history"].as_array().unwrap();
        assert!(
            history
                .iter()
                .any(|h| h["sequence"] == missing && h["state"] == "delivered")
        );
        let _ = ledger.hear(delivery_status(6000, "T-1", last + 1, "delivered"));
        assert_eq!(ledger.trade("T-1")["delivery"][0]["state"], "delivered");
    }
}

#[test]
fn an_end_that_is_settled_still_bounds_what_may_follow() {
    let mut ledger = with_a_trade();
    let _ = ledger.hear(delivery_status(1000, "T-1", 1, "delivered"));
    for sequence in 2..=3 * OPEN_STEPS {
        let n = 1000 + u64::from(sequence);
        let judged = ledger.hear(delivery_status(n, "T-1", sequence, "delivered"));
        assert_eq!(judged.verdict, Verdict::Applied);
    }
    let next = 3 * OPEN_STEPS + 1;
    let judged = ledger.hear(delivery_status(5000, "T-1", next, "announced"));
    assert_eq!(judged.warning, Some(WarningKind::ImpossibleStep));
    assert_eq!(ledger.trade("T-1")["delivery"][0]["state"], "delivered");
    let judged = ledger.hear(delivery_status(5001, "T-1", next + 1, "returning"));
    assert_eq!(judged.verdict, Verdict::Applied);
}

#[test]
fn what_ships_names_the_parcels_also_when_it_is_settled() {
    let mut ledger = with_a_trade();
    let mut shipped = order_status(1000, "T-1", 1, "shipped");
    shipped["body"]["parcels"] = json!(["P1", "P2"]);
    let _ = ledger.hear(shipped);
    for sequence in 2..=2 * OPEN_STEPS {
        // A wish to have it all back: the order ends as returned, and stays shipped.
        let n = 1000 + u64::from(sequence);
        let judged = ledger.hear(order_status(n, "T-1", sequence, "returned"));
        assert_eq!(judged.verdict, Verdict::Applied);
    }
    let parcels = ledger.trade("T-1")["delivery"].clone();
    let names: Vec<_> = parcels
        .as_array()
        .unwrap()
        .iter()
        .map(|p| &p["parcel"])
        .collect();
    assert_eq!(names, ["P1", "P2"]);
}

#[test]
fn a_version_that_is_not_above_the_settled_ones_is_history_and_its_carriers_are_no_parties() {
    let mut ledger = with_a_trade();
    let last = 3 * OPEN_RECORDS;
    for n in (2..=last).filter(|n| *n != 5) {
        let mut said = version(n);
        said["body"]["delivery"]["carriers"] =
            json!([{ "address": CARRIER }, { "address": format!("van-{n}@carrier.example") }]);
        assert_eq!(ledger.hear(said).verdict, Verdict::Applied);
    }
    let status =
        |n: u64, from: &str| with(delivery_status(n, "T-1", 1, "in-transit"), "from", from);
    // The carriers of versions that are settled stay parties.
    assert_eq!(
        ledger.hear(status(5000, "van-2@carrier.example")).verdict,
        Verdict::Applied
    );
    let mut late = version(5);
    late["body"]["delivery"]["carriers"] = json!([{ "address": "late@carrier.example" }]);
    assert_eq!(ledger.hear(late.clone()).verdict, Verdict::Late);
    let judged = ledger.hear(status(5001, "late@carrier.example"));
    assert_eq!(judged.warning, Some(WarningKind::WrongSender));
    // Where that version is open, the same letter makes its carrier a party.
    let mut ledger = with_a_trade();
    let _ = ledger.hear(version(6));
    assert_eq!(ledger.hear(late).verdict, Verdict::Late);
    assert_eq!(
        ledger.hear(status(5001, "late@carrier.example")).verdict,
        Verdict::Applied
    );
}

#[test]
fn what_was_refused_is_looked_at_again_some_letters_at_a_time() {
    let letters = 3 * AT_ONCE;
    let parcel = |n: u64| {
        let mut said = delivery_status(1000 + n, "T-1", 1, "delivered");
        said["body"]["parcel"] = json!(format!("P{n}"));
        said
    };
    let mut ledger = Ledger::new();
    let _ = ledger.say(&order(1, SHOP));
    for n in 0..letters {
        let judged = ledger.hear(parcel(n));
        assert_eq!(judged.warning, Some(WarningKind::NoSuchTrade));
    }
    let _ = ledger.hear(with(record(10, "T-1", 1), "request", request(1)));
    let counted = |ledger: &Ledger| {
        let trade = ledger.trade("T-1");
        trade["delivery"].as_array().unwrap().len() as u64
    };
    assert_eq!(counted(&ledger), AT_ONCE);
    // The rest is due at once, and then nothing is.
    let mut ticks = 0;
    while ledger.wake() == Some(ledger.now) {
        let now = ledger.now;
        let _ = ledger.tick(now);
        ticks += 1;
        assert!(ticks < 10, "it comes to an end");
    }
    assert_eq!(counted(&ledger), letters);
    assert_eq!(ledger.open(), Vec::<String>::new());
    assert!(ledger.trade("T-1")["delivered"] == json!(true));
    // As if the record had come first.
    let mut first = with_a_trade();
    (0..letters).for_each(|n| {
        let _ = first.hear(parcel(n));
    });
    assert_eq!(ledger.trades(), first.trades());
    assert_eq!(view::stats(&ledger.rows), view::stats(&first.rows));
}

/// A step that is told in a few ways counts once: what contradicts it puts nothing else away.
#[test]
fn the_thirty_two_highest_steps_stay_open_however_many_letters_contradict_each_of_them() {
    const STATES: [&str; 4] = ["at-terminal", "sorted", "in-transit", "out-for-delivery"];
    let mut rivals = Vec::new();
    for step in 1..=8 {
        for (n, state) in (0..).zip(STATES) {
            let id = 100 + 10 * u64::from(step) + n;
            rivals.push(delivery_status(id, "T-1", step, state));
        }
    }
    rivals.push(delivery_status(900, "T-1", 9, "ready-for-pickup"));
    // Its id is the lowest: of those that tell step 1, it is the one that counts, and nothing can follow it.
    let counts = delivery_status(20, "T-1", 1, "delivered");
    let end = |letters: Vec<serde_json::Value>| {
        let mut ledger = with_a_trade();
        for letter in letters {
            let _ = ledger.hear(letter);
        }
        (ledger.trade("T-1"), ledger.open().len())
    };
    let first = end([vec![counts.clone()], rivals.clone()].concat());
    assert_eq!(first.0["delivery"][0]["state"], "delivered");
    assert_eq!(end([rivals, vec![counts]].concat()), first);
}
