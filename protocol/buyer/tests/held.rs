//! Letters whose sender DNS may yet prove: when it is asked again, and what comes of it
//! (protocol 5, line 2).
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::time::Duration;

use support::*;
use tradepost_buyer::{
    self as buyer, BuyerTimers, Judgement, NewProof, Verdict, WarningKind, awaiting_proof,
    last_letter, proven_again, view,
};
use tradepost_statements::{Evidence, Time};
use tradepost_trades::letter::{Content, LetterFacts, Received};

/// Ann ordered, and the shop answered.
fn under_way() -> Ledger {
    let mut ledger = Ledger::new();
    let _ = ledger.say(&order(1, SHOP));
    let judged = ledger.hear(with(record(10, "T-1", 1), "request", request(1)));
    assert_eq!(judged.verdict, Verdict::Applied);
    ledger
}

/// A status of the carrier, of which DNS has not said yet whether it is the carrier's.
fn undecided() -> Received {
    Received {
        letter: LetterFacts {
            subject: Some("on its way".to_owned()),
            ..LetterFacts::default()
        },
        author: Some(address(CARRIER)),
        evidence: Evidence::None,
        undecided: Some(Evidence::Dkim),
        proof: "DNS did not answer".to_owned(),
        digest: "the letter".to_owned(),
        received_at: at(0),
        content: Content::of_json(delivery_status(20, "T-1", 1, "in-transit").to_string()),
    }
}

fn enter(ledger: &mut Ledger, received: &Received) -> Judgement {
    let change = buyer::receive(&ledger.settings, &ledger.rows, received, ledger.now);
    ledger.take(change).judgement.unwrap()
}

fn enter_again(ledger: &mut Ledger, received: &Received) -> Judgement {
    let proof = NewProof {
        evidence: received.evidence,
        undecided: received.undecided,
        proof: received.proof.clone(),
    };
    let no = last_letter(&ledger.rows);
    let change = proven_again(&ledger.settings, &ledger.rows, no, Some(&proof), ledger.now);
    ledger.take(change).judgement.unwrap()
}

fn next_try(ledger: &Ledger) -> Option<Time> {
    view::held(&ledger.rows).first().map(|h| h.next_try)
}

#[test]
fn dns_is_asked_again_less_and_less_often_and_never_forgotten() {
    let mut ledger = under_way();
    assert_eq!(enter(&mut ledger, &undecided()).verdict, Verdict::Held);
    let mut waits = Vec::new();
    while let Some(next) = next_try(&ledger) {
        let just_before = Time::from_unix_millis(next.unix_millis() - 1);
        assert_eq!(
            awaiting_proof(&ledger.rows, just_before, usize::MAX),
            [0; 0]
        );
        assert_eq!(awaiting_proof(&ledger.rows, next, usize::MAX).len(), 1);
        waits.push(next.since(ledger.now).as_secs() / 60);
        ledger.now = next;
        let _ = enter_again(&mut ledger, &undecided());
        assert_eq!(
            ledger.wake().is_some(),
            next_try(&ledger).is_some(),
            "somebody wakes up for it"
        );
        assert!(waits.len() < 1000);
    }
    assert_eq!(waits.get(..8).unwrap(), [1, 2, 4, 8, 16, 32, 60, 60]);
    // After seven days it is judged by the evidence that there is.
    assert_eq!(waits.iter().sum::<u64>(), 7 * 24 * 60);
    assert_eq!(ledger.open(), ["unproven-sender"]);
    assert_eq!(
        awaiting_proof(&ledger.rows, at(1_000_000), usize::MAX),
        [0; 0]
    );
}

#[test]
fn a_held_letter_counts_once_dns_answers() {
    for (evidence, open) in [
        (Evidence::Dkim, &[][..]),
        (Evidence::None, &["unproven-sender"]),
    ] {
        let mut ledger = under_way();
        let before = ledger.trades();
        let _ = enter(&mut ledger, &undecided());
        assert_eq!(ledger.trades(), before, "a held letter changes nothing");
        let held = view::held(&ledger.rows);
        assert_eq!(held.len(), 1);
        assert_eq!(
            (held[0].rule, held[0].why.as_str()),
            (2, "DNS did not answer")
        );
        assert_eq!(held[0].subject.as_deref(), Some("on its way"));
        assert_eq!(view::stats(&ledger.rows).held, 1);

        let _ = ledger.tick(at(1));
        ledger.now = at(2);
        let answered = Received {
            evidence,
            undecided: None,
            ..undecided()
        };
        let _ = enter_again(&mut ledger, &answered);
        assert_eq!(ledger.open(), open);
        assert_eq!(ledger.trades() != before, open.is_empty());
        assert!(view::held(&ledger.rows).is_empty());
    }
}

#[test]
fn what_was_established_before_dns_answered_stays() {
    let mut ledger = under_way();
    ledger.settings.minimum = Evidence::Dkim;
    let vouched_for = Received {
        evidence: Evidence::Relay,
        proof: "the provider says so".to_owned(),
        ..undecided()
    };
    let _ = enter(&mut ledger, &vouched_for);
    let refuted = Received {
        evidence: Evidence::None,
        undecided: None,
        ..undecided()
    };
    assert_eq!(
        enter_again(&mut ledger, &refuted).warning,
        Some(WarningKind::UnprovenSender)
    );
    let warning = view::warnings(&ledger.rows, false).remove(0);
    assert_eq!(warning.evidence, Evidence::Relay);
    assert_eq!(warning.proof, "the provider says so");
}

#[test]
fn a_copy_without_its_signature_does_not_end_the_wait() {
    let mut ledger = under_way();
    let _ = enter(&mut ledger, &undecided());
    let next = next_try(&ledger);
    let without = Received {
        undecided: None,
        proof: "it has no signature".to_owned(),
        ..undecided()
    };
    assert_eq!(enter(&mut ledger, &without).verdict, Verdict::Duplicate);
    assert_eq!((ledger.open(), next_try(&ledger)), (vec![], next));
    // What DNS says is about the letter that waits, and decides.
    let proven = Received {
        evidence: Evidence::Dkim,
        ..without
    };
    assert_eq!(enter_again(&mut ledger, &proven).verdict, Verdict::Applied);
}

#[test]
fn asking_again_in_vain_changes_nothing() {
    let mut ledger = under_way();
    let _ = enter(&mut ledger, &undecided());
    let before = ledger.rows.clone();
    let again = enter_again(&mut ledger, &undecided());
    assert_eq!(again.verdict, Verdict::Held);
    assert_eq!(ledger.rows, before);
    // Better evidence counts, though DNS has still not answered.
    let vouched_for = Received {
        evidence: Evidence::Relay,
        ..undecided()
    };
    assert_eq!(
        enter_again(&mut ledger, &vouched_for).verdict,
        Verdict::Applied
    );
}

#[test]
fn what_a_clock_that_ran_ahead_put_off_is_tried_once_the_clock_is_right() {
    const YEAR: i64 = 366 * 24 * 60;
    let mut ledger = under_way();
    ledger.now = at(YEAR);
    assert_eq!(enter(&mut ledger, &undecided()).verdict, Verdict::Held);
    // A year too early, and that is now.
    assert_eq!(awaiting_proof(&ledger.rows, at(1), usize::MAX).len(), 1);
    ledger.now = at(1);
    let _ = enter_again(&mut ledger, &undecided());
    assert_eq!(next_try(&ledger), Some(at(2)));
    assert_eq!(awaiting_proof(&ledger.rows, at(1), usize::MAX), [0; 0]);
    // The patience begins with the right time, too.
    let _ = ledger.tick(at(7 * 24 * 60));
    assert!(ledger.open().is_empty());
    let _ = ledger.tick(at(7 * 24 * 60 + 1));
    assert_eq!(ledger.open(), ["unproven-sender"]);
}

#[test]
fn a_letter_that_waits_for_its_time_asks_nothing_of_dns() {
    let mut ledger = under_way();
    let mut early = undecided();
    early.evidence = Evidence::Relay;
    early.undecided = None;
    let said = with(
        delivery_status(20, "T-1", 1, "in-transit"),
        "sent",
        at(30).to_string(),
    );
    early.content = Content::of_json(said.to_string());
    assert_eq!(enter(&mut ledger, &early).rule, Some(4));
    let held = view::held(&ledger.rows);
    assert_eq!((held[0].rule, held[0].next_try), (4, at(30)));
    assert_eq!(awaiting_proof(&ledger.rows, at(31), usize::MAX), [0; 0]);
    let _ = ledger.tick(at(31));
    assert_eq!(ledger.trade("T-1")["delivery"][0]["state"], "in-transit");
}

/// A letter of somebody whom nobody knows, with a domain of his own.
fn of_a_stranger(n: u64) -> Received {
    let from = format!("orders@shop{n}.example");
    let said = with(
        with(record(1000 + n, "T-9", 1), "from", from.clone()),
        "trade",
        serde_json::json!({ "shop": from, "id": "T-9" }),
    );
    Received {
        author: Some(address(&from)),
        digest: format!("letter {n}"),
        content: Content::of_json(said.to_string()),
        ..undecided()
    }
}

#[test]
fn whoever_waits_behind_letters_that_dns_never_answers_is_asked_about_too() {
    const MANY: u64 = 300;
    let mut ledger = under_way();
    for n in 0..MANY {
        let judged = enter(&mut ledger, &of_a_stranger(n));
        assert_eq!(judged.verdict, Verdict::Held);
    }
    let _ = enter(&mut ledger, &undecided());
    let last = last_letter(&ledger.rows);
    ledger.now = at(1);
    let all = awaiting_proof(&ledger.rows, ledger.now, usize::MAX);
    assert_eq!(all.len(), MANY as usize + 1);

    // A round asks about some; time alone moves nobody on who was not asked about.
    let mut asked = 0;
    while !awaiting_proof(&ledger.rows, ledger.now, 1).contains(&last) {
        let some = awaiting_proof(&ledger.rows, ledger.now, 64);
        for no in &some {
            assert_eq!(ask_in_vain(&mut ledger, *no).verdict, Verdict::Held);
        }
        asked += some.len();
        let before = ledger.rows.clone();
        let _ = ledger.tick(ledger.now);
        assert_eq!(ledger.rows, before);
        let left = awaiting_proof(&ledger.rows, ledger.now, usize::MAX);
        assert_eq!(left, all[asked..]);
        if left.len() <= 64 {
            break;
        }
    }
    let answered = Received {
        evidence: Evidence::Dkim,
        undecided: None,
        ..undecided()
    };
    assert_eq!(
        enter_again(&mut ledger, &answered).verdict,
        Verdict::Applied
    );
}

fn ask_in_vain(ledger: &mut Ledger, no: u64) -> Judgement {
    let proof = NewProof {
        evidence: Evidence::None,
        undecided: Some(Evidence::Dkim),
        proof: "DNS did not answer".to_owned(),
    };
    let change = proven_again(&ledger.settings, &ledger.rows, no, Some(&proof), ledger.now);
    ledger.take(change).judgement.unwrap()
}

#[test]
fn a_letter_that_waits_for_its_time_does_not_wait_for_those_that_wait_for_dns() {
    let mut ledger = under_way();
    for n in 0..300 {
        let _ = enter(&mut ledger, &of_a_stranger(n));
    }
    let said = with(
        delivery_status(20, "T-1", 1, "in-transit"),
        "sent",
        at(15).to_string(),
    );
    let early = Received {
        evidence: Evidence::Relay,
        undecided: None,
        content: Content::of_json(said.to_string()),
        ..undecided()
    };
    assert_eq!(enter(&mut ledger, &early).rule, Some(4));
    let _ = ledger.tick(at(14));
    assert_eq!(ledger.trade("T-1")["delivery"], serde_json::json!([]));
    let _ = ledger.tick(at(15));
    assert_eq!(ledger.trade("T-1")["delivery"][0]["state"], "in-transit");
    assert_eq!(view::stats(&ledger.rows).held, 300);
}

#[test]
fn settings_of_a_time_before_held_letters_read_back() {
    let old = r#"{"answer_first":{"secs":1,"nanos":0},"answer_longest":{"secs":2,"nanos":0},"answer_patience":{"secs":3,"nanos":0}}"#;
    let timers: BuyerTimers = serde_json::from_str(old).unwrap();
    assert_eq!(timers.answer_longest, Duration::from_secs(2));
    assert_eq!(timers.held_first, BuyerTimers::default().held_first);
}

#[test]
fn every_status_says_how_its_sender_was_proven() {
    let mut ledger = under_way();
    let _ = enter(
        &mut ledger,
        &Received {
            evidence: Evidence::Dkim,
            undecided: None,
            proof: "signed by carrier.example".to_owned(),
            ..undecided()
        },
    );
    let history = ledger.show("T-1")["history"].clone();
    assert_eq!(history[0]["evidence"], "dkim");
    assert_eq!(history[0]["proof"], "signed by carrier.example");
}

/// The first copy had lost its signature on the way, and DNS is silent when the signed one comes.
#[test]
fn a_signed_copy_of_a_letter_that_was_not_believed_waits_for_dns() {
    let unsigned = Received {
        undecided: None,
        proof: "no signature".to_owned(),
        ..undecided()
    };
    let mut ledger = under_way();
    let judged = enter(&mut ledger, &unsigned);
    assert_eq!(judged.warning, Some(WarningKind::UnprovenSender));
    assert_eq!(enter(&mut ledger, &unsigned).verdict, Verdict::Duplicate);
    let held = enter(&mut ledger, &undecided());
    assert_eq!((held.verdict, held.letter), (Verdict::Held, judged.letter));
    assert_eq!(
        ledger.open(),
        [""; 0],
        "nobody knows yet whether it is to be believed"
    );
    let proven = Received {
        evidence: Evidence::Dkim,
        undecided: None,
        ..undecided()
    };
    assert_eq!(enter_again(&mut ledger, &proven).verdict, Verdict::Applied);
    assert_eq!(ledger.trade("T-1")["delivery"][0]["state"], "in-transit");
}

/// A copy that came another way says nothing about what DNS will say.
#[test]
fn better_evidence_that_is_not_enough_ends_no_wait_for_dns() {
    let mut ledger = under_way();
    ledger.settings.minimum = Evidence::Dkim;
    assert_eq!(enter(&mut ledger, &undecided()).verdict, Verdict::Held);
    let copy = |evidence| Received {
        evidence,
        undecided: None,
        proof: "the provider says so".to_owned(),
        ..undecided()
    };
    let mut enough = ledger.clone();
    assert_eq!(
        enter(&mut ledger, &copy(Evidence::Relay)).verdict,
        Verdict::Held
    );
    assert_eq!(ledger.open(), [""; 0]);
    let proven = enter_again(&mut ledger, &copy(Evidence::Dkim));
    assert_eq!(proven.verdict, Verdict::Applied);
    assert_eq!(
        enter(&mut enough, &copy(Evidence::Dkim)).verdict,
        Verdict::Applied
    );
}
