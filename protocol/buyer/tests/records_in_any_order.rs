//! Protocol 4: a trade is a function of the set of its letters, and of the order of arrival of its trade
//! records alone. Random records and statuses, in all orders that keep the records among themselves in
//! their order, end in what an independent reference predicts; ids change nothing.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};
use support::*;
use tradepost_buyer::{self as buyer, OwnHow, view};
use tradepost_statements::Body;

const PAYEES: [&str; 2] = [PAY, EVIL];
/// By the price of the shipping. The order allows no more than the second.
const TOTALS: [(&str, &str); 3] = [("4.00", "57.00"), ("5.00", "58.00"), ("6.00", "59.00")];
const ALLOWED: usize = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    version: u32,
    payee: usize,
    total: usize,
}

/// What a processor says: who, the sequence, whether it is settled, and of which total.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Paid {
    payee: usize,
    settled: bool,
    total: usize,
}

#[derive(Debug, Clone)]
struct Story {
    has_order: bool,
    records: Vec<Version>,
    /// Each the first of its sequence.
    payments: Vec<Paid>,
    shipped: bool,
}

fn stories() -> impl Strategy<Value = Story> {
    let version = (1u32..4, 0usize..2, 0usize..3).prop_map(|(version, payee, total)| Version {
        version,
        payee,
        total,
    });
    let paid = (0usize..2, any::<bool>(), 0usize..3).prop_map(|(payee, settled, total)| Paid {
        payee,
        settled,
        total,
    });
    (
        any::<bool>(),
        prop::collection::vec(version, 1..6),
        prop::collection::vec(paid, 0..4),
        any::<bool>(),
    )
        .prop_map(|(has_order, records, payments, shipped)| Story {
            has_order,
            records,
            payments,
            shipped,
        })
}

/// What counts in the end, and how many warnings are open of each kind.
#[derive(Debug, Default, PartialEq, Eq)]
struct End {
    /// Whom the trade has paid, which version counts and what it costs; none where no record counts.
    trade: Option<(&'static str, u32, &'static str)>,
    paid: bool,
    changed: usize,
    conflicting: usize,
}

/// The reference: walks the records as they arrived.
fn predict(story: &Story) -> End {
    let mut end = End::default();
    let (mut told, mut counting): (Vec<Version>, Vec<Version>) = (Vec::new(), Vec::new());
    let mut totals = BTreeSet::new();
    let mut current: Option<Version> = None;
    for record in &story.records {
        let first = counting.first().copied();
        let beyond_the_order = story.has_order && record.total > ALLOWED;
        let differs = first.is_some_and(|f| {
            record.payee != f.payee || (!story.has_order && record.total != f.total)
        });
        let is_higher = first.is_some_and(|f| record.version > f.version);
        if told.contains(record) {
            // It says again what was said.
        } else if beyond_the_order || (is_higher && differs) {
            end.changed += 1;
        } else {
            told.push(*record);
            let another = counting.iter().any(|c| c.version == record.version);
            if another || first.is_some_and(|f| f.payee != record.payee) {
                end.conflicting += 1;
                continue;
            }
            counting.push(*record);
            if current.is_none_or(|c| c.version < record.version) {
                current = Some(*record);
            }
            if story.has_order || first.is_none_or(|f| f.total == record.total) {
                totals.insert(record.total);
            }
        }
    }
    if let Some(current) = current {
        end.trade = Some((
            PAYEES[current.payee],
            current.version,
            TOTALS[current.total].1,
        ));
        let counts = |p: &&Paid| p.payee == current.payee && totals.contains(&p.total);
        // Of those that count, once settled it stays settled: the others are of lower rank. So much is paid
        // as the last says that settled it.
        let mut settled = story.payments.iter().filter(counts).filter(|p| p.settled);
        end.paid = settled
            .next_back()
            .is_some_and(|p| p.total >= current.total);
    }
    end
}

fn record_of(story: &Story, n: u64, record: &Version) -> Value {
    let (shipping, total) = TOTALS[record.total];
    let mut said = support::record(n, "T-1", record.version);
    said["body"]["payment"]["processor"] = json!(PAYEES[record.payee]);
    said["body"]["charges"][0]["price"] = eur(shipping);
    said["body"]["total"] = eur(total);
    // So that one can ask which version counts.
    said["body"]["confirm_by"] = json!(at(100_000).to_string());
    if story.has_order {
        said["request"] = json!(request(1));
    }
    said
}

/// What is heard: an own order too, which may be found in Sent after its answers came.
#[derive(Clone)]
enum Heard {
    Own(Value),
    Letter(Value),
}

fn all_of(story: &Story, ids: &[u64]) -> (Vec<Heard>, Vec<Heard>) {
    let mut ids = ids.iter().copied();
    let mut next = || ids.next().unwrap();
    let records = story.records.iter();
    let records = records
        .map(|r| Heard::Letter(record_of(story, next(), r)))
        .collect();
    let mut others: Vec<Heard> = Vec::new();
    for (sequence, paid) in (1..).zip(&story.payments) {
        let state = if paid.settled { "settled" } else { "pending" };
        let mut said = payment_status(next(), "T-1", sequence, state);
        said["from"] = json!(PAYEES[paid.payee]);
        said["body"]["amount"] = eur(TOTALS[paid.total].1);
        others.push(Heard::Letter(said));
    }
    if story.shipped {
        others.push(Heard::Letter(order_status(next(), "T-1", 1, "shipped")));
    }
    if story.has_order {
        others.push(Heard::Own(order(1, SHOP)));
    }
    (records, others)
}

/// What people and programs see at the end, whatever the numbers of letters and warnings are.
fn run(story: &Story, ids: &[u64], arrival: &[u32]) -> (End, Value) {
    let (records, others) = all_of(story, ids);
    let total = records.len() + others.len();
    // Each place gets a key: sorted by those, the places are dealt out again.
    let mut places: Vec<usize> = (0..total).collect();
    places.sort_by_key(|i| (arrival[i % arrival.len()].rotate_left((*i % 31) as u32), *i));
    let mut records = records.into_iter();
    let mut others: Vec<Option<Heard>> = others.into_iter().map(Some).collect();
    let count = records.len();
    let mut ledger = Ledger::new();
    for place in places {
        let heard = if place < count {
            records.next().unwrap()
        } else {
            others[place - count].take().unwrap()
        };
        match heard {
            Heard::Letter(letter) => {
                let _ = ledger.hear(letter);
            }
            Heard::Own(own) => {
                let (settings, rows, now) = (&ledger.settings, &ledger.rows, ledger.now);
                let text = own.to_string();
                let found = buyer::own(settings, rows, &text, None, OwnHow::FoundInSent, now);
                let _ = ledger.take(found);
            }
        }
    }
    seen(&ledger)
}

fn seen(ledger: &Ledger) -> (End, Value) {
    let trade = ledger.trade("T-1");
    let warnings = view::warnings(&ledger.rows, false);
    let of = |kind: &str| warnings.iter().filter(|w| w.kind.word() == kind).count();
    let mut end = End {
        changed: of("changed-contents"),
        conflicting: of("conflicting-status"),
        ..End::default()
    };
    let mut told: Vec<Value> = warnings
        .iter()
        .map(|w| json!([w.kind, w.rule, w.received, w.expected, w.payee]))
        .collect();
    told.sort_by_key(Value::to_string);
    let mut shown = Value::Null;
    if !trade.is_null() {
        shown = ledger.show("T-1");
        let known = |all: &[&'static str], text: &Value| {
            *all.iter().find(|known| *text == **known).unwrap()
        };
        let payee = known(&PAYEES, &shown["parties"]["processor"]);
        let total = known(&TOTALS.map(|t| t.1), &shown["total"]["amount"]);
        let named = support::trade(SHOP, "T-1");
        let version = buyer::confirm(&ledger.rows, &named).unwrap();
        let Body::Confirm(confirm) = version.unwrap().body else {
            panic!("what is said to confirm is no confirmation")
        };
        end.trade = Some((payee, confirm.version.number(), total));
        end.paid = trade["paid"] == json!(true);
        // A lower sequence that came later is marked as late; by which way it came says nothing.
        shown["history"]
            .as_array_mut()
            .unwrap()
            .iter_mut()
            .for_each(|h| {
                h.as_object_mut()
                    .unwrap()
                    .retain(|k, _| k != "outcome" && k != "message_id");
            });
        let history = shown["history"].as_array_mut().unwrap();
        history.sort_by_key(Value::to_string);
    }
    let stats = serde_json::to_value(view::stats(&ledger.rows)).unwrap();
    (
        end,
        json!({ "trade": shown, "warnings": told, "stats": stats }),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    // Requirements: E16
    #[test]
    fn all_orders_that_keep_the_records_in_theirs_give_one_end_whatever_the_ids(
        story in stories(),
        one in prop::collection::vec(any::<u32>(), 12),
        another in prop::collection::vec(any::<u32>(), 12),
        shuffled in Just((2000u64..2020).collect::<Vec<u64>>()).prop_shuffle(),
    ) {
        let ids: Vec<u64> = (2000..2020).collect();
        let (end, seen) = run(&story, &ids, &one);
        let expected = predict(&story);
        prop_assert_eq!(&end, &expected);
        let (_, again) = run(&story, &ids, &another);
        prop_assert_eq!(&seen, &again);
        let (end, other_ids) = run(&story, &shuffled, &another);
        prop_assert_eq!(&end, &expected);
        prop_assert_eq!(&seen["trade"]["parties"], &other_ids["trade"]["parties"]);
        prop_assert_eq!(&seen["trade"]["payment"], &other_ids["trade"]["payment"]);
        prop_assert_eq!(&seen["warnings"], &other_ids["warnings"]);
        prop_assert_eq!(&seen["stats"], &other_ids["stats"]);
    }
}
