//! A burst of letters that nobody vouches for, or of which DNS does not say whose they are: what is
//! kept of it is bounded, and it takes nothing from letters that count. Rows are counted, not time.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use serde_json::Value;
use support::*;
use tradepost_buyer::{
    self as buyer, Judgement, NewProof, Notice, Verdict, WarningKind, awaiting_proof, view,
};
use tradepost_statements::Evidence;
use tradepost_trades::letter::{Content, LetterFacts, Received};
use tradepost_trades::rows::Rows;

const BURST: u64 = 10_000;

fn under_way() -> Ledger {
    let mut ledger = Ledger::new();
    let _ = ledger.say(&order(1, SHOP));
    let judged = ledger.hear(with(record(10, "T-1", 1), "request", request(1)));
    assert_eq!(judged.verdict, Verdict::Applied);
    ledger
}

/// A letter of which nobody says who sent it.
fn unproven(statement: &Value) -> Received {
    Received {
        letter: LetterFacts {
            size: 10_000,
            ..LetterFacts::default()
        },
        author: Some(address(statement["from"].as_str().unwrap())),
        evidence: Evidence::None,
        undecided: None,
        proof: "nobody says so".to_owned(),
        digest: format!("{}-{}", statement["id"], statement["from"]),
        received_at: at(0),
        content: Content::of_json(statement.to_string()),
    }
}

/// The same, while DNS does not answer.
fn undecided(statement: &Value) -> Received {
    Received {
        undecided: Some(Evidence::Dkim),
        ..unproven(statement)
    }
}

fn enter(ledger: &mut Ledger, received: &Received) -> (Judgement, Vec<Notice>) {
    let change = buyer::receive(&ledger.settings, &ledger.rows, received, ledger.now);
    let change = ledger.take(change);
    (change.judgement.unwrap(), change.notices)
}

fn rows(ledger: &Ledger) -> usize {
    ledger.rows.scan(b"").len()
}

fn by_a_stranger(n: u64) -> Value {
    with(
        delivery_status(1000 + n, "T-404", 1, "delivered"),
        "from",
        EVIL,
    )
}

#[test]
fn of_a_burst_below_the_minimum_twenty_are_kept_and_the_rest_counted() {
    let mut ledger = under_way();
    let (before, trades) = (rows(&ledger), ledger.trades());
    let (mut told, mut at_twenty) = (0, 0);
    for n in 0..BURST {
        let (judged, notices) = enter(&mut ledger, &unproven(&by_a_stranger(n)));
        assert_eq!(judged.warning, Some(WarningKind::UnprovenSender));
        assert_eq!(
            judged.letter.is_some(),
            n < 20,
            "only what is kept has a number"
        );
        told += notices.len();
        if n == 19 {
            at_twenty = rows(&ledger);
        }
    }
    assert_eq!(told, 20, "a person is told of what is kept");
    assert!(at_twenty > before);
    assert_eq!(
        rows(&ledger),
        at_twenty + 1,
        "one row counts all that is not kept"
    );
    let warnings = view::warnings(&ledger.rows, true);
    assert_eq!(warnings.len(), 20);
    assert_eq!(warnings.last().unwrap().more, BURST - 20);
    assert_eq!(ledger.trades(), trades);
}

fn octets_written(change: &buyer::BuyerChange) -> usize {
    let of = |r: &tradepost_trades::rows::Row| r.key.len() + r.value.as_ref().map_or(0, Vec::len);
    change.rows.iter().map(of).sum()
}

/// What the journal has to say each time is short, whatever the first letters of the burst say of themselves.
#[test]
fn to_count_a_letter_or_to_ask_dns_again_writes_some_tens_of_octets_however_long_the_headers_are() {
    let long = |received: Received| Received {
        letter: LetterFacts {
            from: Some("x".repeat(4_000)),
            subject: Some("y".repeat(4_000)),
            ..received.letter.clone()
        },
        ..received
    };
    let mut ledger = under_way();
    for n in 0..40 {
        let received = long(unproven(&by_a_stranger(n)));
        let change = buyer::receive(&ledger.settings, &ledger.rows, &received, ledger.now);
        let octets = octets_written(&change);
        match n {
            0..20 => assert!(octets > 8_000, "letter {n} is kept: {octets} octets"),
            _ => assert!(octets <= 200, "letter {n}: {octets} octets"),
        }
        let _ = ledger.take(change);
    }

    let mut ledger = under_way();
    let received = long(undecided(&delivery_status(20, "T-1", 1, "in-transit")));
    let (judged, _) = enter(&mut ledger, &received);
    assert_eq!(judged.verdict, Verdict::Held);
    for _ in 0..10 {
        ledger.now = view::held(&ledger.rows)[0].next_try;
        let in_vain = NewProof {
            evidence: Evidence::None,
            undecided: Some(Evidence::Dkim),
            proof: "nobody says so".to_owned(),
        };
        let (settings, rows, no) = (&ledger.settings, &ledger.rows, judged.letter.unwrap());
        let change = buyer::proven_again(settings, rows, no, Some(&in_vain), ledger.now);
        let octets = octets_written(&change);
        assert!(octets <= 300, "{octets} octets");
        assert_eq!(
            ledger.take(change).judgement.unwrap().verdict,
            Verdict::Held
        );
    }
    assert_eq!(view::held(&ledger.rows)[0].tries, 10);
}

#[test]
fn of_a_burst_that_dns_could_prove_twenty_wait_and_all_end_in_one_group() {
    let mut ledger = under_way();
    for n in 0..BURST {
        let (judged, _) = enter(&mut ledger, &undecided(&by_a_stranger(n)));
        let expected = if n < 20 {
            Verdict::Held
        } else {
            Verdict::Warned
        };
        assert_eq!(judged.verdict, expected);
        assert_eq!(judged.letter.is_some(), n < 40);
    }
    assert_eq!(view::held(&ledger.rows).len(), 20);
    assert_eq!(view::warnings(&ledger.rows, true).len(), 20);

    // A letter of a party about what was bought finds room all the same.
    let genuine = undecided(&delivery_status(20, "T-1", 1, "in-transit"));
    assert_eq!(enter(&mut ledger, &genuine).0.verdict, Verdict::Held);
    let due = awaiting_proof(&ledger.rows, at(2), usize::MAX);
    assert_eq!(due.len(), 21);

    // DNS answers: the one counts, the others are no more than the group had already.
    let proven = Received {
        evidence: Evidence::Dkim,
        undecided: None,
        ..genuine
    };
    assert_eq!(enter(&mut ledger, &proven).0.verdict, Verdict::Applied);
    let refuted = NewProof {
        evidence: Evidence::None,
        undecided: None,
        proof: "DNS has no such key".to_owned(),
    };
    let waiting = awaiting_proof(&ledger.rows, at(2), usize::MAX);
    assert_eq!(waiting.len(), 20);
    for no in waiting {
        let (settings, rows, now) = (&ledger.settings, &ledger.rows, ledger.now);
        let change = buyer::proven_again(settings, rows, no, Some(&refuted), now);
        let change = ledger.take(change);
        let (judged, notices) = (change.judgement.unwrap(), change.notices);
        assert_eq!(judged.warning, Some(WarningKind::UnprovenSender));
        assert!(notices.is_empty());
    }
    assert!(view::held(&ledger.rows).is_empty());
    let warnings = view::warnings(&ledger.rows, true);
    assert_eq!(warnings.len(), 20);
    assert_eq!(warnings.last().unwrap().more, BURST - 20);
}

#[test]
fn many_strangers_do_not_take_the_room_of_a_party() {
    let mut ledger = under_way();
    let stranger = |n: u64| {
        let from = format!("n{n}@evil.example");
        with(
            delivery_status(1000 + n, "T-404", 1, "delivered"),
            "from",
            from,
        )
    };
    let held =
        |ledger: &mut Ledger, s: &Value| enter(ledger, &undecided(s)).0.verdict == Verdict::Held;
    let waiting = (0..3000)
        .filter(|n| held(&mut ledger, &stranger(*n)))
        .count();
    assert_eq!(waiting, 2000);
    assert!(held(
        &mut ledger,
        &delivery_status(20, "T-1", 1, "in-transit")
    ));
    // Nor does a forger in its name take the room of what the provider vouches for.
    ledger.settings.minimum = Evidence::Dkim;
    let forged = |n: u64| delivery_status(5000 + n, "T-1", 1, "delivered");
    let waiting = (0..300).filter(|n| held(&mut ledger, &forged(*n))).count();
    assert_eq!(waiting, 199);
    let vouched_for = Received {
        evidence: Evidence::Relay,
        ..undecided(&delivery_status(21, "T-1", 2, "in-transit"))
    };
    assert_eq!(enter(&mut ledger, &vouched_for).0.verdict, Verdict::Held);
    // The next day there is room again.
    let tomorrow = Received {
        received_at: at(24 * 60),
        ..undecided(&stranger(9000))
    };
    assert_eq!(enter(&mut ledger, &tomorrow).0.verdict, Verdict::Held);
}

#[test]
fn large_letters_take_the_room_that_they_need() {
    let mut ledger = under_way();
    let large = |n: u64| {
        let from = format!("n{n}@evil.example");
        let mut letter = undecided(&with(by_a_stranger(n), "from", from));
        letter.letter.size = 10 << 20;
        letter
    };
    let waiting = (0..20).filter(|n| enter(&mut ledger, &large(*n)).0.verdict == Verdict::Held);
    assert_eq!(waiting.count(), 6, "six times ten of 64 MiB");
}

#[test]
fn what_found_no_room_counts_once_it_comes_with_a_proof() {
    let mut ledger = under_way();
    let mut letter = undecided(&delivery_status(20, "T-1", 1, "in-transit"));
    letter.letter.size = u64::MAX;
    let (judged, _) = enter(&mut ledger, &letter);
    assert_eq!(judged.warning, Some(WarningKind::UnprovenSender));
    let warning = view::warnings(&ledger.rows, false).remove(0);
    assert!(warning.proof.contains("too many"), "{}", warning.proof);
    let proven = Received {
        evidence: Evidence::Dkim,
        undecided: None,
        ..letter
    };
    assert_eq!(enter(&mut ledger, &proven).0.verdict, Verdict::Applied);
    assert_eq!(ledger.open(), [""; 0]);
}
