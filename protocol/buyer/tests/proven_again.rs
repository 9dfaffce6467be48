//! Letters whose sender was not believed, judged again by another proof, or because less is asked
//! for (protocol 5).
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use serde_json::{Value, json};
use support::*;
use tradepost_buyer::{
    self as buyer, Act, Counted, Judgement, NewProof, Verdict, WarningKind, last_letter,
    proven_again, unbelieved, view,
};
use tradepost_statements::Evidence;
use tradepost_trades::letter::{Content, LetterFacts, Received};

fn under_way() -> Ledger {
    let mut ledger = Ledger::new();
    let _ = ledger.say(&order(1, SHOP));
    let judged = ledger.hear(with(record(10, "T-1", 1), "request", request(1)));
    assert_eq!(judged.verdict, Verdict::Applied);
    ledger
}

fn letter(n: u64, statement: &Value, evidence: Evidence) -> Received {
    Received {
        letter: LetterFacts::default(),
        author: Some(address(statement["from"].as_str().unwrap())),
        evidence,
        undecided: None,
        proof: format!("at first: {evidence}"),
        digest: format!("letter {n}"),
        received_at: at(0),
        content: Content::of_json(statement.to_string()),
    }
}

fn enter(ledger: &mut Ledger, received: &Received) -> Judgement {
    let change = buyer::receive(&ledger.settings, &ledger.rows, received, ledger.now);
    ledger.take(change).judgement.unwrap()
}

fn on_its_way() -> Value {
    delivery_status(20, "T-1", 1, "in-transit")
}

fn proof(evidence: Evidence) -> NewProof {
    NewProof {
        evidence,
        undecided: None,
        proof: format!("then: {evidence}"),
    }
}

fn undecided() -> NewProof {
    NewProof {
        undecided: Some(Evidence::Dkim),
        ..proof(Evidence::None)
    }
}

fn again(ledger: &mut Ledger, no: u64, proof: Option<&NewProof>) -> Option<Judgement> {
    let change = proven_again(&ledger.settings, &ledger.rows, no, proof, ledger.now);
    ledger.take(change).judgement
}

fn all_unbelieved(ledger: &Ledger) -> Vec<u64> {
    unbelieved(&ledger.settings, &ledger.rows, 0, usize::MAX)
}

fn delivery(ledger: &Ledger) -> Value {
    ledger.trade("T-1")["delivery"][0]["state"].clone()
}

#[test]
fn what_is_proven_now_counts_whatever_became_of_its_warning() {
    for act in [None, Some(Act::Dismiss { warning: 1 })] {
        let mut ledger = under_way();
        let no = enter(&mut ledger, &letter(1, &on_its_way(), Evidence::None));
        assert_eq!(no.warning, Some(WarningKind::UnprovenSender));
        let no = no.letter.unwrap();
        if let Some(act) = &act {
            let _ = ledger.act(act);
        }
        assert_eq!(all_unbelieved(&ledger), [no]);
        assert_eq!(last_letter(&ledger.rows), no);
        // Without a better proof nothing counts, and no new warning is given.
        let open = ledger.open();
        for same in [None, Some(proof(Evidence::None))] {
            let judged = again(&mut ledger, no, same.as_ref()).unwrap();
            assert_eq!(judged.warning, Some(WarningKind::UnprovenSender));
            assert_eq!(ledger.open(), open);
            assert_eq!(delivery(&ledger), json!(null));
        }
        let judged = again(&mut ledger, no, Some(&proof(Evidence::Relay))).unwrap();
        assert_eq!(judged.verdict, Verdict::Applied);
        assert_eq!(delivery(&ledger), "in-transit");
        assert_eq!(ledger.open(), [""; 0]);
        let warning = view::warning(&ledger.rows, 1).unwrap();
        assert_eq!(warning.state.word(), "resolved");
        // Once it counts nothing is judged again.
        assert_eq!(all_unbelieved(&ledger), [0; 0]);
        assert_eq!(again(&mut ledger, no, Some(&proof(Evidence::None))), None);
        assert_eq!(delivery(&ledger), "in-transit");
    }
}

#[test]
fn a_lower_minimum_is_enough_and_a_higher_one_takes_nothing_away() {
    let mut ledger = under_way();
    ledger.settings.minimum = Evidence::Dkim;
    let received = letter(1, &on_its_way(), Evidence::Relay);
    let no = enter(&mut ledger, &received).letter.unwrap();
    assert_eq!(
        again(&mut ledger, no, None).unwrap().warning,
        Some(WarningKind::UnprovenSender)
    );
    let carrier = (address(CARRIER), Evidence::Relay);
    ledger.settings.minimum_of = [carrier].into();
    assert_eq!(
        again(&mut ledger, no, None).unwrap().verdict,
        Verdict::Applied
    );
    assert_eq!(delivery(&ledger), "in-transit");

    // More is asked for than this letter has, even when it comes with a better proof.
    ledger.settings.minimum_of.clear();
    ledger.settings.minimum = Evidence::Signed;
    assert_eq!(all_unbelieved(&ledger), [0; 0]);
    let better = Received {
        evidence: Evidence::Dkim,
        ..received
    };
    assert_eq!(enter(&mut ledger, &better).verdict, Verdict::Duplicate);
    assert_eq!(delivery(&ledger), "in-transit");
    assert_eq!(ledger.open(), [""; 0]);
    assert_eq!(ledger.show("T-1")["history"][0]["evidence"], "dkim");
    // A new letter with the same proof is not believed.
    let next = letter(
        2,
        &delivery_status(21, "T-1", 2, "delivered"),
        Evidence::Dkim,
    );
    assert_eq!(
        enter(&mut ledger, &next).warning,
        Some(WarningKind::UnprovenSender)
    );
}

#[test]
fn evidence_only_grows() {
    let mut ledger = under_way();
    ledger.settings.minimum = Evidence::Dkim;
    let no = enter(&mut ledger, &letter(1, &on_its_way(), Evidence::Relay))
        .letter
        .unwrap();
    let _ = again(&mut ledger, no, Some(&proof(Evidence::None)));
    let warning = view::warnings(&ledger.rows, false).remove(0);
    assert_eq!(warning.evidence, Evidence::Relay);
    assert_eq!(warning.proof, "at first: relay");
}

#[test]
fn what_dns_does_not_decide_waits_and_joins_no_group_twice() {
    let mut ledger = under_way();
    let no = enter(&mut ledger, &letter(1, &on_its_way(), Evidence::None))
        .letter
        .unwrap();
    let judged = again(&mut ledger, no, Some(&undecided())).unwrap();
    assert_eq!((judged.verdict, judged.rule), (Verdict::Held, Some(2)));
    assert_eq!(ledger.open(), [""; 0]);
    assert_eq!(view::held(&ledger.rows).len(), 1);
    assert_eq!(all_unbelieved(&ledger), [no]);
    let mut answered = ledger.clone();
    let judged = again(&mut answered, no, Some(&proof(Evidence::Dkim)));
    assert_eq!(judged.unwrap().verdict, Verdict::Applied);

    // DNS says no: the old warning stands again, and the group has one letter as before.
    let judged = again(&mut ledger, no, Some(&proof(Evidence::None))).unwrap();
    assert_eq!(judged.warning_id, Some(1));
    assert_eq!(ledger.open(), ["unproven-sender"]);
    for n in 2..=21 {
        let said = with(on_its_way(), "id", uuid(100 + n));
        let judged = enter(&mut ledger, &letter(n, &said, Evidence::None));
        assert_eq!(judged.letter.is_some(), n <= 20);
    }
    assert_eq!(view::warnings(&ledger.rows, true).len(), 20);
}

#[test]
fn what_the_person_accepted_is_shown_as_proven_once_it_is() {
    let mut ledger = under_way();
    let judged = enter(&mut ledger, &letter(1, &on_its_way(), Evidence::None));
    let _ = ledger.act(&Act::Accept {
        warning: judged.warning_id.unwrap(),
    });
    assert_eq!(delivery(&ledger), "in-transit");
    let no = judged.letter.unwrap();
    assert_eq!(all_unbelieved(&ledger), [no]);
    assert_eq!(again(&mut ledger, no, Some(&undecided())), None);
    assert_eq!(ledger.show("T-1")["history"][0]["accepted"], true);
    assert_eq!(ledger.show("T-1")["history"][0]["evidence"], "none");
    let _ = again(&mut ledger, no, Some(&proof(Evidence::Dkim)));
    assert_eq!(ledger.show("T-1")["history"][0]["evidence"], "dkim");
    assert_eq!(delivery(&ledger), "in-transit");
}

#[test]
fn a_proof_does_not_help_what_another_line_refuses() {
    let mut ledger = under_way();
    let by_evil = with(on_its_way(), "from", EVIL);
    let no = enter(&mut ledger, &letter(1, &by_evil, Evidence::None))
        .letter
        .unwrap();
    let trades = ledger.trades();
    let judged = again(&mut ledger, no, Some(&proof(Evidence::Dkim))).unwrap();
    assert_eq!(
        (judged.rule, judged.warning),
        (Some(13), Some(WarningKind::WrongSender))
    );
    assert_eq!(ledger.open(), ["wrong-sender"]);
    assert_eq!(ledger.trades(), trades);
}

#[test]
fn they_are_found_page_by_page() {
    let mut ledger = under_way();
    let mut expected = Vec::new();
    for n in 0..300 {
        let from = format!("n{n}@evil.example");
        let said = with(
            delivery_status(1000 + n, "T-1", 1, "delivered"),
            "from",
            from,
        );
        let evidence = if n % 3 == 0 {
            Evidence::Relay
        } else {
            Evidence::None
        };
        let judged = enter(&mut ledger, &letter(n, &said, evidence));
        if n % 3 != 0 {
            expected.push(judged.letter.unwrap());
        }
    }
    assert_eq!(all_unbelieved(&ledger), expected);
    let mut found = Vec::new();
    loop {
        let from = found.last().map_or(0, |no| no + 1);
        let some = unbelieved(&ledger.settings, &ledger.rows, from, 7);
        if some.is_empty() {
            break;
        }
        found.extend(some);
    }
    assert_eq!(found, expected);
}

#[test]
fn to_count_a_letter_by_its_number_makes_the_same_rows() {
    let mut ledger = under_way();
    let mut judge = |n: u64| {
        let said = with(on_its_way(), "id", uuid(100 + n));
        let received = letter(n, &said, Evidence::None);
        let change = buyer::receive(&ledger.settings, &ledger.rows, &received, ledger.now);
        let counted = change.counted;
        let mut replayed = ledger.clone();
        let _ = ledger.take(change);
        if let Some(counted) = counted {
            let change = buyer::count(&replayed.settings, &replayed.rows, counted, at(9));
            let _ = replayed.take(change);
            assert_eq!(replayed.rows, ledger.rows, "letter {n}");
        }
        counted
    };
    for n in 0..20 {
        assert_eq!(judge(n), None, "it is kept");
    }
    assert_eq!(judge(20), Some(Counted::InGroup(20)));
    assert_eq!(judge(21), Some(Counted::InGroup(20)));
    // The one with the record was the first.
    assert_eq!(judge(0), Some(Counted::Again(2)));
    assert_eq!(view::warning(&ledger.rows, 20).unwrap().more, 2);
}
