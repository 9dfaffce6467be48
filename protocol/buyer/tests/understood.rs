//! Letters whose statements an earlier version did not understand are judged again by one that does
//! (protocol 2).
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use serde_json::Value;
use support::{Ledger, address, order_status, record};
use tradepost_buyer::{self as buyer, Judgement, Verdict, WarningKind};
use tradepost_statements::Evidence;
use tradepost_trades::letter::{Content, LetterFacts, Received, Unreadable};

/// A letter as a version sees it that does not understand what it holds.
fn not_understood(ledger: &mut Ledger, statement: &Value, why: Unreadable) -> u64 {
    let id = statement["id"].as_str().unwrap();
    let author = statement["from"].as_str().unwrap();
    let received = Received {
        letter: LetterFacts {
            message_id: Some(format!("<{id}@somewhere.example>")),
            from: Some(author.to_owned()),
            size: 1000,
            ..LetterFacts::default()
        },
        author: Some(address(author)),
        evidence: Evidence::Relay,
        undecided: None,
        proof: "as the test says".to_owned(),
        digest: format!("digest of {id}"),
        received_at: ledger.now,
        content: Content::Unreadable {
            why,
            text: "the kind is not known".to_owned(),
        },
    };
    let change = buyer::receive(&ledger.settings, &ledger.rows, &received, ledger.now);
    let judged = ledger.take(change).judgement.unwrap();
    assert_eq!((judged.verdict, judged.rule), (Verdict::Warned, Some(4)));
    judged.letter.unwrap()
}

fn read_again(ledger: &mut Ledger, letter: u64, statement: &Value) -> Option<Judgement> {
    let content = Content::of_json(statement.to_string());
    let change = buyer::read_again(&ledger.settings, &ledger.rows, letter, &content, ledger.now);
    ledger.take(change).judgement
}

#[test]
fn what_is_understood_now_counts_as_if_it_had_been_understood_when_it_came() {
    let mut understood = Ledger::new();
    let mut ledger = Ledger::new();
    let _ = understood.hear(record(10, "T-1", 1));
    let _ = ledger.hear(record(10, "T-1", 1));
    let status = order_status(20, "T-1", 1, "confirmed");
    let _ = understood.hear(status.clone());
    let letter = not_understood(&mut ledger, &status, Unreadable::Unsupported);
    assert_eq!(ledger.open(), ["unsupported-statement"]);
    assert_eq!(buyer::unsupported(&ledger.rows, 1, 9), [letter]);

    let judged = read_again(&mut ledger, letter, &status).unwrap();
    assert_eq!(judged.verdict, Verdict::Applied);
    assert_eq!(judged.letter, Some(letter));
    assert_eq!(ledger.open(), [""; 0]);
    assert_eq!(
        ledger.trade("T-1")["order"],
        understood.trade("T-1")["order"]
    );
    // Once is enough.
    assert_eq!(buyer::unsupported(&ledger.rows, 1, 9), [0; 0]);
    assert_eq!(read_again(&mut ledger, letter, &status), None);
}

#[test]
fn what_is_understood_now_and_breaks_the_protocol_is_warned_of_as_that() {
    let mut ledger = Ledger::new();
    let _ = ledger.hear(record(10, "T-1", 1));
    let mut status = order_status(20, "T-1", 1, "confirmed");
    let letter = not_understood(&mut ledger, &status, Unreadable::Unsupported);
    status["from"] = "other@shop.example".into();
    let judged = read_again(&mut ledger, letter, &status).unwrap();
    assert_eq!(judged.warning, Some(WarningKind::WrongSender));
    assert_eq!(ledger.open(), ["wrong-sender"]);
}

#[test]
fn only_what_was_not_understood_is_read_again() {
    let mut ledger = Ledger::new();
    let _ = ledger.hear(record(10, "T-1", 1));
    let status = order_status(20, "T-1", 1, "confirmed");
    let broken = not_understood(&mut ledger, &status, Unreadable::Unreadable);
    assert_eq!(buyer::unsupported(&ledger.rows, 1, 9), [0; 0]);
    assert_eq!(read_again(&mut ledger, broken, &status), None);
    assert_eq!(ledger.open(), ["unreadable-statement"]);
    // Slices are as long as they may be, and begin where they should.
    let letters: Vec<u64> = (30..34)
        .map(|n| {
            let status = order_status(n, "T-1", 2, "confirmed");
            not_understood(&mut ledger, &status, Unreadable::Unsupported)
        })
        .collect();
    assert_eq!(buyer::unsupported(&ledger.rows, 1, 2), letters[..2]);
    assert_eq!(
        buyer::unsupported(&ledger.rows, letters[2], 9),
        letters[2..]
    );
}
