//! What a proven stranger can make the ledger do: each letter of a flood costs what the first one
//! did. Rows read are counted, not time.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::cell::Cell;

use serde_json::{Value, json};
use support::*;
use tradepost_buyer::{self as buyer, Act, WarningKind};
use tradepost_trades::letter::{Content, LetterFacts, Received};
use tradepost_trades::rows::{MemoryRows, Rows};

struct Counting<'r> {
    rows: &'r MemoryRows,
    read: Cell<usize>,
}

impl Rows for Counting<'_> {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.read.set(self.read.get() + 1);
        self.rows.get(key)
    }

    fn scan_from(&self, prefix: &[u8], from: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let found = self.rows.scan_from(prefix, from, limit);
        self.read.set(self.read.get() + 1 + found.len());
        found
    }
}

/// Judges a letter, and says how many rows were read and whether it was warned.
fn cost(ledger: &mut Ledger, n: u64, statement: &Value) -> (usize, Option<WarningKind>) {
    let received = Received {
        letter: LetterFacts::default(),
        author: Some(address(statement["from"].as_str().unwrap())),
        evidence: tradepost_statements::Evidence::Relay,
        undecided: None,
        proof: "as the test says".to_owned(),
        digest: format!("flood-{n}"),
        received_at: ledger.now,
        content: Content::of_json(statement.to_string()),
    };
    let rows = ledger.rows.clone();
    let counting = Counting {
        rows: &rows,
        read: Cell::new(0),
    };
    let change = buyer::receive(&ledger.settings, &counting, &received, ledger.now);
    let judged = ledger.take(change).judgement.unwrap();
    (counting.read.get(), judged.warning)
}

fn with_a_trade() -> Ledger {
    let mut ledger = Ledger::new();
    let _ = ledger.say(&order(1, SHOP));
    let _ = ledger.hear(with(record(10, "T-1", 1), "request", request(1)));
    ledger
}

#[test]
fn the_last_letter_of_a_flood_costs_what_the_first_did() {
    let floods: [fn(u64) -> Value; 4] = [
        |n| {
            with(
                delivery_status(1000 + n, "T-1", 1, "delivered"),
                "from",
                EVIL,
            )
        },
        |n| with(record(1000 + n, "T-1", 2), "from", EVIL),
        |n| {
            with(
                delivery_status(1000 + n, "T-404", 1, "delivered"),
                "from",
                EVIL,
            )
        },
        |n| {
            let mut s = with(
                delivery_status(1000 + n, "T-1", 1, "delivered"),
                "from",
                EVIL,
            );
            s["trade"]["shop"] = json!(format!("shop-{n}@evil.example"));
            s
        },
    ];
    for flood in floods {
        let mut ledger = with_a_trade();
        let (first, warning) = cost(&mut ledger, 0, &flood(0));
        assert!(warning.is_some());
        let last = (1..200).map(|n| cost(&mut ledger, n, &flood(n)).0).last();
        let last = last.unwrap();
        assert!(last <= first + 2, "{last} rows after {first}");
        // And a letter that counts does not pay for them either.
        let mut alone = with_a_trade();
        let genuine = delivery_status(5000, "T-1", 1, "in-transit");
        let (expected, _) = cost(&mut alone, 900, &genuine);
        let (with_flood, warning) = cost(&mut ledger, 900, &genuine);
        assert_eq!(warning, None);
        assert!(with_flood <= expected + 2, "{with_flood} after {expected}");
    }
}

#[test]
fn what_was_set_aside_enters_the_history_once_it_is_accepted() {
    let mut ledger = with_a_trade();
    let strange = with(delivery_status(20, "T-1", 1, "delivered"), "from", EVIL);
    let judged = ledger.hear(strange);
    assert_eq!(judged.warning, Some(WarningKind::WrongSender));
    let _ = ledger.hear(delivery_status(21, "T-1", 1, "in-transit"));
    let outcomes = |ledger: &Ledger| -> Vec<Value> {
        let shown = ledger.show("T-1");
        let history = shown["history"].as_array().unwrap();
        history.iter().map(|h| h["outcome"].clone()).collect()
    };
    assert_eq!(outcomes(&ledger), ["applied"]);
    let _ = ledger.act(&Act::Accept {
        warning: judged.warning_id.unwrap(),
    });
    assert_eq!(outcomes(&ledger), ["applied", "applied"]);
    assert_eq!(ledger.trade("T-1")["delivery"].as_array().unwrap().len(), 2);
}

#[test]
fn a_tick_does_not_read_what_is_not_due() {
    let ticked = |trades: u64| {
        let mut ledger = Ledger::new();
        for n in 0..trades {
            let _ = ledger.hear(record(2 * n, &format!("T-{n}"), 1));
            let mut planned = delivery_status(2 * n + 1, &format!("T-{n}"), 1, "in-transit");
            planned["body"]["delivery"]["planned"] = json!(at(1000).to_string());
            let _ = ledger.hear(planned);
        }
        let counting = Counting {
            rows: &ledger.rows,
            read: Cell::new(0),
        };
        let _ = buyer::tick(&ledger.settings, &counting, at(1));
        assert_eq!(buyer::next_wake(&counting, at(1)), Some(at(1000)));
        counting.read.get()
    };
    assert_eq!(ticked(100), ticked(200));
}
