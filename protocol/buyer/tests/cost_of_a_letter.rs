//! A letter costs the same at the tenth and after thousands, whatever came before it. Cost is what is read
//! and written: rows and their octets, not time.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::cell::Cell;

use serde_json::{Value, json};
use support::*;
use tradepost_buyer::{self as buyer, Verdict, WarningKind};
use tradepost_statements::Evidence;
use tradepost_trades::letter::{Content, LetterFacts, Received};
use tradepost_trades::rows::{MemoryRows, Rows};

/// Rows that count what is read of them.
struct CountedRows<'r> {
    rows: &'r MemoryRows,
    read: Cell<usize>,
    octets: Cell<usize>,
}

impl CountedRows<'_> {
    fn count(&self, rows: usize, octets: usize) {
        self.read.set(self.read.get() + rows);
        self.octets.set(self.octets.get() + octets);
    }
}

impl Rows for CountedRows<'_> {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let value = self.rows.get(key);
        self.count(1, value.as_ref().map_or(0, Vec::len));
        value
    }

    fn scan_from(&self, prefix: &[u8], from: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let found = self.rows.scan_from(prefix, from, limit);
        let octets = found.iter().map(|(k, v)| k.len() + v.len()).sum();
        self.count(1 + found.len(), octets);
        found
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    rows_read: usize,
    octets_read: usize,
    rows_written: usize,
    octets_written: usize,
}

impl Cost {
    fn most(self, other: Cost) -> Cost {
        Cost {
            rows_read: self.rows_read.max(other.rows_read),
            octets_read: self.octets_read.max(other.octets_read),
            rows_written: self.rows_written.max(other.rows_written),
            octets_written: self.octets_written.max(other.octets_written),
        }
    }

    /// What is kept in a window, and looked at each time, has a few dozen rows when it is full.
    fn is_no_more_than(self, early: Cost) -> bool {
        self.rows_read <= 3 * early.rows_read
            && self.octets_read <= 3 * early.octets_read
            && self.rows_written <= 2 * early.rows_written
            && self.octets_written <= 2 * early.octets_written
    }
}

/// A letter as a provider brings it.
fn letter(ledger: &Ledger, n: u64, statement: &Value) -> Received {
    let from = statement["from"].as_str().unwrap();
    Received {
        letter: LetterFacts {
            message_id: Some(format!(
                "<{n:08}-4933-767d-a52a-36ccef375e07@carrier.example>"
            )),
            from: Some(format!("\"Swift Parcels\" <{from}>")),
            subject: Some("Parcel for order T-1: in transit".to_owned()),
            date: Some(ledger.now),
            size: 6_600,
        },
        author: Some(address(from)),
        evidence: Evidence::Relay,
        undecided: None,
        proof: "mx.home.example says dkim=pass header.d=carrier.example".to_owned(),
        digest: format!("{n:064x}"),
        received_at: ledger.now,
        content: Content::of_json(statement.to_string()),
    }
}

fn enter(ledger: &mut Ledger, n: u64, statement: &Value) -> (buyer::Judgement, Cost) {
    let received = letter(ledger, n, statement);
    let counted = CountedRows {
        rows: &ledger.rows,
        read: Cell::new(0),
        octets: Cell::new(0),
    };
    let change = buyer::receive(&ledger.settings, &counted, &received, ledger.now);
    let octets =
        |r: &tradepost_trades::rows::Row| r.key.len() + r.value.as_ref().map_or(0, Vec::len);
    let cost = Cost {
        rows_read: counted.read.get(),
        octets_read: counted.octets.get(),
        rows_written: change.rows.len(),
        octets_written: change.rows.iter().map(octets).sum(),
    };
    (ledger.take(change).judgement.unwrap(), cost)
}

fn with_a_trade() -> Ledger {
    let mut ledger = Ledger::new();
    let _ = ledger.say(&order(1, SHOP));
    let judged = ledger.hear(with(record(10, "T-1", 1), "request", request(1)));
    assert_eq!(judged.verdict, Verdict::Applied);
    ledger
}

/// Enters so many letters of a kind and compares the last fifty with the sixth to the tenth. Gives the
/// ledger and how the last was judged.
fn check(what: &str, letters: u64, make: impl Fn(u64) -> Value) -> (Ledger, buyer::Judgement) {
    let mut ledger = with_a_trade();
    let (mut early, mut late) = (Cost::default(), Cost::default());
    let mut last = None;
    for n in 1..=letters {
        let (judged, cost) = enter(&mut ledger, 1_000 + n, &make(n));
        if (6..=10).contains(&n) {
            early = early.most(cost);
        } else if n > letters - 50 {
            late = late.most(cost);
        }
        last = Some(judged);
    }
    println!("{what}: {early:?} and after {letters} {late:?}");
    assert!(
        late.is_no_more_than(early),
        "{what}: {late:?} after {early:?}"
    );
    // What is neither of that kind nor about that track costs what it does in a new ledger.
    let genuine = payment_status(900_000, "T-1", 1, "pending");
    let (judged, after) = enter(&mut ledger, 900_000, &genuine);
    assert_eq!(judged.verdict, Verdict::Applied, "{what}");
    let (_, alone) = enter(&mut with_a_trade(), 900_000, &genuine);
    assert!(
        after.is_no_more_than(alone),
        "{what}: {after:?} after {alone:?}"
    );
    (ledger, last.unwrap())
}

/// Enough that anything which grows with them shows: the tenth is compared with the last.
const MANY: u64 = 2_000;

fn sequence(n: u64) -> u32 {
    u32::try_from(n).unwrap()
}

#[test]
fn the_last_of_thousands_of_statuses_of_a_track_costs_what_the_tenth_did() {
    let (ledger, last) = check("statuses", MANY, |n| {
        let state = if n % 2 == 0 {
            "in-transit"
        } else {
            "at-terminal"
        };
        delivery_status(100_000 + n, "T-1", sequence(n), state)
    });
    assert_eq!(last.verdict, Verdict::Applied);
    assert_eq!(ledger.trade("T-1")["delivery"][0]["state"], "in-transit");
}

#[test]
fn the_last_of_thousands_of_parcels_of_a_trade_costs_what_the_tenth_did() {
    let (ledger, last) = check("parcels", MANY, |n| {
        let mut said = delivery_status(100_000 + n, "T-1", 2, "in-transit");
        said["body"]["parcel"] = json!(format!("P{n}"));
        said["body"]["delivery"]["planned"] = json!(at(100_000 - 5 * n as i64).to_string());
        said
    });
    assert_eq!(last.verdict, Verdict::Applied);
    let promised = at(100_000 - 5 * MANY as i64);
    let pending = buyer::view::pending(&ledger.rows, ledger.now);
    assert_eq!(pending[0].promised, Some(promised));
}

#[test]
fn the_last_of_many_duplicates_conflicts_and_refused_letters_costs_what_the_tenth_did() {
    const LETTERS: u64 = 300;
    let (_, last) = check("duplicates", LETTERS, |n| {
        delivery_status(100_000 + n, "T-1", 1, "in-transit")
    });
    assert_eq!(last.verdict, Verdict::Duplicate);
    // The lower the id, the more it counts: each is first for a moment.
    let (_, last) = check("duplicates with ever lower ids", LETTERS, |n| {
        delivery_status(200_000 - n, "T-1", 1, "in-transit")
    });
    assert_eq!(last.verdict, Verdict::Applied);
    for sign in [1, -1] {
        let (_, last) = check("conflicts", LETTERS, |n| {
            let id = 200_000_i64 + sign * n as i64;
            let mut said = delivery_status(id.unsigned_abs(), "T-1", 1, "in-transit");
            said["body"]["place"] = json!(format!("Springfield {n}"));
            said
        });
        assert_eq!(last.warning, Some(WarningKind::ConflictingStatus));
    }
    let (_, last) = check("steps that cannot follow", LETTERS, |n| {
        let state = if n == 1 { "delivered" } else { "announced" };
        delivery_status(100_000 + n, "T-1", sequence(n), state)
    });
    assert_eq!(last.warning, Some(WarningKind::ImpossibleStep));
    let (_, last) = check("statuses that come backwards", LETTERS, |n| {
        delivery_status(100_000 + n, "T-1", sequence(100_000 - n), "in-transit")
    });
    assert_eq!(last.verdict, Verdict::Late);
    let (_, last) = check("statuses of a stranger", LETTERS, |n| {
        let said = delivery_status(100_000 + n, "T-1", sequence(n), "in-transit");
        with(said, "from", EVIL)
    });
    assert_eq!(last.warning, Some(WarningKind::WrongSender));
    let (_, last) = check("letters about a trade that is not there", LETTERS, |n| {
        delivery_status(100_000 + n, "T-404", sequence(n), "in-transit")
    });
    assert_eq!(last.warning, Some(WarningKind::NoSuchTrade));
}

#[test]
fn the_last_of_many_trade_records_costs_what_the_tenth_did() {
    const RECORDS: u64 = 100;
    let versions = |n: u64| {
        let said = record(100_000 + n, "T-1", sequence(n + 1));
        with(said, "request", request(1))
    };
    let (ledger, last) = check("versions", RECORDS, versions);
    assert_eq!(last.verdict, Verdict::Applied);
    let named = trade(SHOP, "T-1");
    let version = buyer::confirm(&ledger.rows, &named).unwrap().unwrap();
    assert!(format!("{:?}", version.body).contains(&(RECORDS + 1).to_string()));
    let (_, last) = check("versions with other carriers", RECORDS, |n| {
        let mut said = versions(n);
        said["body"]["delivery"]["carriers"] =
            json!([{ "address": CARRIER }, { "address": format!("van-{n}@carrier.example") }]);
        said
    });
    assert_eq!(last.verdict, Verdict::Applied);
    let (_, last) = check("offers", RECORDS, |n| {
        let mut said = versions(n);
        said["body"]["payment"]["processor"] = json!(EVIL);
        said
    });
    assert_eq!(last.warning, Some(WarningKind::ChangedContents));
    let (_, last) = check("records that contradict the first", RECORDS, |n| {
        let mut said = with(record(100_000 + n, "T-1", 1), "request", request(1));
        said["body"]["shop_name"] = json!(format!("Shop {n}"));
        said
    });
    assert_eq!(last.warning, Some(WarningKind::ConflictingStatus));
    let (_, last) = check("the same record again", RECORDS, |n| {
        with(record(100_000 + n, "T-1", 1), "request", request(1))
    });
    assert_eq!(last.verdict, Verdict::Duplicate);
}

#[test]
fn another_version_is_no_reason_to_judge_again_what_passed() {
    const ROUNDS: u64 = 100;
    for with_carriers in [false, true] {
        let mut ledger = with_a_trade();
        let (mut early, mut late) = (Cost::default(), Cost::default());
        for n in 1..=ROUNDS {
            let mut said = with(
                record(100_000 + n, "T-1", sequence(n + 1)),
                "request",
                request(1),
            );
            if with_carriers {
                said["body"]["delivery"]["carriers"] = json!([{ "address": CARRIER }, { "address": format!("van-{n}@carrier.example") }]);
            }
            let (judged, cost) = enter(&mut ledger, 2 * n, &said);
            assert_eq!(judged.verdict, Verdict::Applied);
            // By then as many versions are open as ever are.
            match n {
                30..=35 => early = early.most(cost),
                95.. => late = late.most(cost),
                _ => {}
            }
            let status = delivery_status(200_000 + n, "T-1", sequence(n), "in-transit");
            let (judged, _) = enter(&mut ledger, 2 * n + 1, &status);
            assert_eq!(judged.verdict, Verdict::Applied);
            assert!(
                !is_left(&ledger),
                "version {n}: something is to be looked at again"
            );
        }
        assert!(late.is_no_more_than(early), "{late:?} after {early:?}");
    }
}

/// Whether time alone has something to look at now.
fn is_left(ledger: &Ledger) -> bool {
    buyer::next_wake(&ledger.rows, ledger.now) == Some(ledger.now)
}

#[test]
fn what_is_written_for_a_status_comes_to_about_as_much_as_its_letter() {
    let mut ledger = with_a_trade();
    let first = delivery_status(100_000, "T-1", 1, "announced");
    let _ = enter(&mut ledger, 1_000, &first);
    let said = delivery_status(100_001, "T-1", 2, "in-transit");
    let (judged, cost) = enter(&mut ledger, 1_001, &said);
    assert_eq!(judged.verdict, Verdict::Applied);
    println!(
        "{cost:?}, the statement has {} octets",
        said.to_string().len()
    );
    assert!(cost.octets_written <= 1_536, "{cost:?}");
}
