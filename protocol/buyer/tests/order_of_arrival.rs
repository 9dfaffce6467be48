//! Protocol 4: ledger and open warnings depend on which letters came, not on their order or
//! number. Random sets of letters, in random orders and with duplicates, all end in what an
//! independent reference predicts that only sorts by sequence and walks.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};
use support::*;

const LATE_CARRIER: &str = "van@late-carrier.example";

/// One status, as the test means it.
#[derive(Debug, Clone)]
struct Told {
    sender: &'static str,
    parcel: &'static str,
    sequence: u32,
    state: &'static str,
    /// Of the statement: which of two that contradict each other counts.
    id: u64,
}

fn rank(track: &str, state: &str) -> (Option<u8>, bool) {
    match (track, state) {
        ("order", "confirmed" | "preparing") => (Some(1), false),
        ("order", "partly-shipped") => (Some(2), false),
        ("order", "shipped" | "cancelled") => (Some(3), true),
        ("delivery", "announced") => (Some(1), false),
        ("delivery", "in-transit" | "out-for-delivery") => (Some(2), false),
        ("delivery", "delivered" | "stopped") => (Some(3), true),
        ("delivery", "returning") => (Some(4), false),
        ("payment", "pending" | "authorized") => (Some(1), false),
        ("payment", "settled" | "partly-refunded") => (Some(2), true),
        ("payment", "disputed") => (Some(2), false),
        ("payment", "refunded" | "voided") => (Some(3), true),
        (_, "on-hold" | "exception") => (None, false),
        other => panic!("{other:?} is not in the test's table"),
    }
}

/// The reference: sort by sequence, walk. Gives the state of the track and its warnings.
fn predict(track: &str, told: &[Told]) -> (Option<&'static str>, Vec<(u64, &'static str)>) {
    let mut by_sequence: BTreeMap<u32, Vec<&Told>> = BTreeMap::new();
    told.iter()
        .for_each(|t| by_sequence.entry(t.sequence).or_default().push(t));
    let (mut state, mut warnings, mut top) = (None, Vec::new(), None::<(u8, bool, &str, u32)>);
    for (sequence, mut rivals) in by_sequence.clone() {
        rivals.sort_by_key(|t| t.id);
        let mut states: Vec<&Told> = Vec::new();
        for rival in rivals {
            if !states.iter().any(|s| s.state == rival.state) {
                states.push(rival);
            }
        }
        if states.len() > 1 {
            warnings.extend(states.iter().map(|t| (t.id, "conflicting-status")));
        }
        let winner = states[0];
        let (its_rank, its_end) = rank(track, winner.state);
        let fits = match (top, its_rank) {
            (None, _) => true,
            (Some((rank, ..)), Some(its)) if its != rank => its > rank,
            (Some((rank, end, at_end, _)), Some(_)) => {
                !(end && its_end && at_end != winner.state) || (track == "payment" && rank == 2)
            }
            (Some((_, end, _, since)), None) => {
                !end || (since + 1..sequence).any(|n| !by_sequence.contains_key(&n))
            }
        };
        if fits {
            state = Some(winner.state);
            if let Some(rank) = its_rank {
                top = Some((rank, its_end, winner.state, sequence));
            }
        } else {
            warnings.push((winner.id, "impossible-step"));
        }
    }
    (state, warnings)
}

fn letter(t: &Told) -> Value {
    let mut s = match t.sender {
        SHOP => order_status(t.id, "T-1", t.sequence, t.state),
        PAY => payment_status(t.id, "T-1", t.sequence, t.state),
        carrier => with(
            delivery_status(t.id, "T-1", t.sequence, t.state),
            "from",
            carrier,
        ),
    };
    if !t.parcel.is_empty() {
        s["body"]["parcel"] = json!(t.parcel);
    }
    s
}

fn records() -> [Value; 2] {
    let first = with(record(1001, "T-1", 1), "request", request(1));
    let mut second = with(record(1002, "T-1", 2), "request", request(1));
    second["body"]["delivery"]["carriers"] =
        json!([{ "address": CARRIER }, { "address": LATE_CARRIER, "parcels": ["p9"] }]);
    [first, second]
}

fn statuses() -> impl Strategy<Value = Vec<Told>> {
    let track = |sender: &'static str, parcel: &'static str, states: &'static [&'static str]| {
        prop::collection::vec((1u32..7, 0..states.len()), 0..7).prop_map(move |drawn| {
            let drawn = drawn
                .into_iter()
                .map(|(sequence, state)| (sequence, states[state]));
            drawn
                .map(|(sequence, state)| Told {
                    sender,
                    parcel,
                    sequence,
                    state,
                    id: 0,
                })
                .collect::<Vec<_>>()
        })
    };
    const DELIVERY: &[&str] = &[
        "announced",
        "in-transit",
        "out-for-delivery",
        "exception",
        "delivered",
        "stopped",
        "returning",
    ];
    (
        track(
            SHOP,
            "",
            &[
                "confirmed",
                "preparing",
                "on-hold",
                "partly-shipped",
                "shipped",
                "cancelled",
            ],
        ),
        track(CARRIER, "p1", DELIVERY),
        track(CARRIER, "p2", DELIVERY),
        track(LATE_CARRIER, "p9", DELIVERY),
        track(
            PAY,
            "",
            &[
                "pending",
                "authorized",
                "settled",
                "disputed",
                "partly-refunded",
                "refunded",
                "voided",
            ],
        ),
        any::<u64>(),
    )
        .prop_map(|(order, p1, p2, p9, payment, shuffle)| {
            let mut all: Vec<Told> = [order, p1, p2, p9, payment].concat();
            // Which statement id is the lower one is drawn as well.
            let n = all.len() as u64;
            for (i, told) in all.iter_mut().enumerate() {
                told.id = 2000 + (i as u64 * 7919 + shuffle % 97) % (8 * n + 101) * 64 + i as u64;
            }
            all
        })
}

fn run(told: &[Told], order_of_arrival: &[usize]) -> (Value, BTreeSet<(String, String)>) {
    let mut ledger = Ledger::new();
    assert!(ledger.say(&order(1, SHOP)).judgement.is_some());
    let [first, second] = records();
    let mut letters: Vec<Value> = told.iter().map(letter).collect();
    letters.extend([first, second]);
    for i in order_of_arrival {
        let _ = ledger.hear(letters[i % letters.len()].clone());
    }
    // Whatever the draw left out comes at last.
    letters.into_iter().for_each(|l| {
        let _ = ledger.hear(l);
    });
    let warnings = tradepost_buyer::view::warnings(&ledger.rows, false);
    // The digest of a letter differs with its arrival; the statement's sequence and state do not.
    let told_of = warnings
        .iter()
        .map(|w| (w.kind.to_string(), w.received.clone()))
        .collect();
    (ledger.trade("T-1"), told_of)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_state_is_what_the_reference_predicts_whatever_the_order(
        told in statuses(),
        arrival in prop::collection::vec(0usize..60, 0..60),
        another in prop::collection::vec(0usize..60, 0..60),
    ) {
        let (trade, warnings) = run(&told, &arrival);
        prop_assert_eq!(&run(&told, &another), &(trade.clone(), warnings.clone()));

        let of = |sender: &str, parcel: &str| -> Vec<Told> {
            told.iter().filter(|t| t.sender == sender && t.parcel == parcel).cloned().collect()
        };
        let mut expected = 0;
        let (order, w) = predict("order", &of(SHOP, ""));
        expected += w.len();
        prop_assert_eq!(trade["order"]["state"].as_str(), order);
        let (payment, w) = predict("payment", &of(PAY, ""));
        expected += w.len();
        prop_assert_eq!(trade["payment"]["state"].as_str(), payment);
        for (carrier, parcel) in [(CARRIER, "p1"), (CARRIER, "p2"), (LATE_CARRIER, "p9")] {
            let (state, w) = predict("delivery", &of(carrier, parcel));
            expected += w.len();
            let shown = trade["delivery"].as_array().unwrap().iter().find(|p| p["parcel"] == parcel);
            // Once something shipped without naming its parcels, announced ones do not count.
            let hidden = state == Some("announced") && shown.is_none();
            prop_assert!(hidden || shown.and_then(|p| p["state"].as_str()) == state, "{parcel}: {shown:?} is not {state:?}");
        }
        // Two statuses of one step and track can give the same words: at most as many as predicted.
        prop_assert!(warnings.len() <= expected, "{warnings:?}");
        prop_assert_eq!(warnings.is_empty(), expected == 0);
    }
}

/// A set with all that the random ones have, and its end worked out by hand.
#[test]
fn two_versions_two_parcels_three_senders_a_contradiction_and_a_late_carrier() {
    let told = |sender, parcel, sequence, state, id| Told {
        sender,
        parcel,
        sequence,
        state,
        id,
    };
    let letters = [
        told(SHOP, "", 1, "confirmed", 10),
        told(SHOP, "", 2, "shipped", 11),
        told(CARRIER, "p1", 1, "in-transit", 20),
        told(CARRIER, "p1", 2, "delivered", 21),
        told(CARRIER, "p2", 1, "in-transit", 30),
        told(CARRIER, "p2", 2, "announced", 31),
        told(LATE_CARRIER, "p9", 1, "in-transit", 40),
        told(PAY, "", 1, "settled", 51),
        told(PAY, "", 1, "pending", 50),
    ];
    let forwards: Vec<usize> = (0..11).collect();
    let backwards: Vec<usize> = (0..11).rev().collect();
    for arrival in [&forwards, &backwards] {
        let (trade, warnings) = run(&letters, arrival);
        assert_eq!(trade["order"]["state"], "shipped");
        assert_eq!(trade["payment"]["state"], "pending");
        let states: Vec<&Value> = trade["delivery"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| &p["state"])
            .collect();
        assert_eq!(states, ["delivered", "in-transit", "in-transit"]);
        assert_eq!(
            (&trade["delivered"], &trade["paid"], &trade["ended"]),
            (&json!(false), &json!(false), &json!(false))
        );
        let kinds: Vec<&str> = warnings.iter().map(|w| w.0.as_str()).collect();
        assert_eq!(
            kinds,
            [
                "conflicting-status",
                "conflicting-status",
                "impossible-step"
            ]
        );
    }
}
