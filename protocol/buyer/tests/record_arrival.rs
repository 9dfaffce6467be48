//! Protocol 4, "Versions": when a trade record has arrived. What waits for DNS keeps the place where it
//! came; what nobody vouches for takes none before it is believed.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use serde_json::{Value, json};
use support::*;
use tradepost_buyer::{self as buyer, Act, Judgement, NewProof, Verdict, WarningKind, view};
use tradepost_statements::Evidence;
use tradepost_trades::letter::{Content, LetterFacts, Received};

const CONFLICT: (Option<u8>, Option<WarningKind>) =
    (Some(16), Some(WarningKind::ConflictingStatus));

fn warned(judged: &Judgement) -> (Option<u8>, Option<WarningKind>) {
    (judged.rule, judged.warning)
}

fn ordered() -> Ledger {
    let mut ledger = Ledger::new();
    let _ = ledger.say(&order(1, SHOP));
    ledger
}

fn answer(n: u64, version: u32) -> Value {
    with(record(n, "T-1", version), "request", request(1))
}

fn paid_to(mut record: Value, payee: &str) -> Value {
    record["body"]["payment"]["processor"] = json!(payee);
    record
}

fn says_evil(n: u64, sequence: u32, state: &str) -> Value {
    with(payment_status(n, "T-1", sequence, state), "from", EVIL)
}

fn payee_and_payment(ledger: &Ledger) -> (Value, Value) {
    let shown = ledger.show("T-1");
    (
        shown["parties"]["processor"].clone(),
        shown["payment"]["state"].clone(),
    )
}

fn accept(ledger: &mut Ledger, judged: &Judgement) -> Judgement {
    let warning = judged.warning_id.unwrap();
    ledger.act(&Act::Accept { warning }).judgement.unwrap()
}

fn received(n: u64, statement: &Value, evidence: Evidence, may: Option<Evidence>) -> Received {
    Received {
        letter: LetterFacts::default(),
        author: Some(address(statement["from"].as_str().unwrap())),
        evidence,
        undecided: may,
        proof: "as the test says".to_owned(),
        digest: format!("record-{n}"),
        received_at: at(0),
        content: Content::of_json(statement.to_string()),
    }
}

fn take(ledger: &mut Ledger, received: &Received) -> Judgement {
    let change = buyer::receive(&ledger.settings, &ledger.rows, received, ledger.now);
    ledger.take(change).judgement.unwrap()
}

fn prove(ledger: &mut Ledger, no: u64, evidence: Evidence) -> Judgement {
    let proof = NewProof {
        evidence,
        undecided: None,
        proof: "proven anew".to_owned(),
    };
    let (settings, rows, now) = (&ledger.settings, &ledger.rows, ledger.now);
    let change = buyer::proven_again(settings, rows, no, Some(&proof), now);
    ledger.take(change).judgement.unwrap()
}

/// A record that DNS cannot prove yet.
fn held(ledger: &mut Ledger, n: u64, statement: &Value) -> u64 {
    let judged = take(
        ledger,
        &received(n, statement, Evidence::None, Some(Evidence::Dkim)),
    );
    assert_eq!((judged.verdict, judged.rule), (Verdict::Held, Some(2)));
    judged.letter.unwrap()
}

#[test]
fn a_record_that_waits_for_dns_has_arrived_when_it_came() {
    let mut ledger = ordered();
    let waits = held(&mut ledger, 5, &answer(5, 1));
    let second = ledger.hear(paid_to(answer(2, 1), EVIL));
    assert_eq!(
        second.verdict,
        Verdict::Applied,
        "it is all there is so far"
    );
    assert_eq!(
        ledger.hear(says_evil(30, 1, "settled")).verdict,
        Verdict::Applied
    );
    let first = prove(&mut ledger, waits, Evidence::Dkim);
    assert_eq!(first.verdict, Verdict::Applied);
    // The first one counts, and what was told meanwhile is not taken back.
    assert_eq!(payee_and_payment(&ledger), (json!(PAY), json!("settled")));
    assert_eq!(ledger.open(), ["conflicting-status"]);
    assert_eq!(view::stats(&ledger.rows).unpaid, 0);
}

#[test]
fn a_record_that_waits_for_dns_in_vain_claims_no_place() {
    let mut ledger = ordered();
    let waits = held(&mut ledger, 2, &paid_to(answer(2, 1), EVIL));
    assert_eq!(ledger.hear(answer(5, 1)).verdict, Verdict::Applied);
    let before = ledger.trade("T-1");
    let no = prove(&mut ledger, waits, Evidence::None);
    assert_eq!(no.warning, Some(WarningKind::UnprovenSender));
    assert_eq!(ledger.trade("T-1"), before);
    assert_eq!(ledger.hear(answer(6, 2)).verdict, Verdict::Applied);
}

#[test]
fn a_copy_that_was_proven_at_once_stands_where_the_first_one_came() {
    let mut ledger = ordered();
    let waits = held(&mut ledger, 5, &answer(5, 1));
    let _ = ledger.hear(paid_to(answer(2, 1), EVIL));
    // The same statement in another letter, which is proven.
    let copy = take(
        &mut ledger,
        &received(6, &answer(5, 1), Evidence::Relay, None),
    );
    assert_eq!(warned(&copy), CONFLICT);
    let first = prove(&mut ledger, waits, Evidence::Dkim);
    assert_eq!((first.verdict, first.rule), (Verdict::Duplicate, Some(7)));
    assert_eq!(ledger.show("T-1")["parties"]["processor"], json!(PAY));
}

#[test]
fn a_record_that_nobody_vouched_for_arrives_when_it_is_believed() {
    type Believe = fn(&mut Ledger, &Judgement) -> Judgement;
    let ways: [Believe; 3] = [
        |l, j| prove(l, j.letter.unwrap(), Evidence::Dkim),
        accept,
        // The same letter from another folder, with a stamp.
        |l, _| {
            take(
                l,
                &received(2, &paid_to(answer(2, 1), EVIL), Evidence::Relay, None),
            )
        },
    ];
    for believe in ways {
        let mut ledger = ordered();
        let forged = paid_to(answer(2, 1), EVIL);
        let unproven = take(&mut ledger, &received(2, &forged, Evidence::None, None));
        assert_eq!(unproven.warning, Some(WarningKind::UnprovenSender));
        assert_eq!(ledger.hear(answer(5, 1)).verdict, Verdict::Applied);
        let _ = ledger.hear(payment_status(30, "T-1", 1, "settled"));
        let believed = believe(&mut ledger, &unproven);
        assert_eq!(warned(&believed), CONFLICT);
        assert_eq!(payee_and_payment(&ledger), (json!(PAY), json!("settled")));
        assert_eq!(ledger.open(), ["conflicting-status"]);
    }
}

#[test]
fn a_record_in_two_folders_is_one() {
    let mut ledger = ordered();
    let letter = Letter::of(answer(5, 1));
    let _ = ledger.receive_as(&letter, "one");
    let _ = ledger.hear(paid_to(answer(2, 1), EVIL));
    assert_eq!(
        ledger.receive_as(&letter, "one").verdict,
        Verdict::Duplicate
    );
    assert_eq!(
        ledger.receive_as(&letter, "two").verdict,
        Verdict::Duplicate
    );
    assert_eq!(ledger.open(), ["conflicting-status"]);
    assert_eq!(ledger.show("T-1")["parties"]["processor"], json!(PAY));
}
