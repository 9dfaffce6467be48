//! Letters that DNS has not decided: held, tried again, judged at last, and never without limit.

use serde_json::json;
use tradepost_parties::kernel::held::{awaiting_proof, next_proof};
use tradepost_parties::kernel::{Ignored, PartyOutcome};
use tradepost_statements::{Evidence, Time};
use tradepost_trades::letter::Received;
use tradepost_trades::rows::Rows;

use crate::server::{ANN, REQUEST, Server, order_body};

const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;

/// An order whose DKIM signature waits for its key.
fn undecided(shop: &mut Server, digest: &str) -> Received {
    let statement = shop.statement(ANN, json!({ "request": REQUEST }), order_body());
    let mut letter = Server::letter(ANN, &statement);
    digest.clone_into(&mut letter.digest);
    letter.evidence = Evidence::None;
    letter.undecided = Some(Evidence::Dkim);
    letter.received_at = shop.now;
    letter.letter.size = 6_000;
    letter
}

fn decided(letter: &Received, evidence: Evidence) -> Received {
    Received {
        evidence,
        undecided: None,
        ..letter.clone()
    }
}

fn held_until(outcome: &PartyOutcome) -> Time {
    let PartyOutcome::HeldForProof { until } = outcome else {
        panic!("{outcome:?}");
    };
    *until
}

#[test]
fn a_letter_is_judged_when_dns_answers_and_makes_the_trade_that_it_would_have_made() {
    for evidence in [Evidence::Dkim, Evidence::None] {
        let mut shop = Server::shop();
        let letter = undecided(&mut shop, "d1");
        let came = shop.receive(letter.clone());
        let until = held_until(&came.outcome);
        assert!(came.said.is_empty());
        assert_eq!(until, shop.now.plus(std::time::Duration::from_secs(MINUTE)));
        assert_eq!(next_proof(&shop.rows), Some(until));
        assert_eq!(awaiting_proof(&shop.rows, shop.now, 10), vec![]);
        let received_at = shop.now;
        shop.later(MINUTE);
        let due = awaiting_proof(&shop.rows, shop.now, 10);
        assert_eq!(due.len(), 1);
        assert_eq!(
            (due[0].0.as_str(), due[0].1.received_at),
            ("d1", received_at)
        );
        let came = shop.proven_again(&decided(&letter, evidence));
        if evidence == Evidence::Dkim {
            assert!(matches!(came.outcome, PartyOutcome::TradeMade(_)));
        } else {
            assert!(matches!(
                came.outcome,
                PartyOutcome::Ignored(Ignored::SenderIsNotProven { .. })
            ));
            assert!(came.said.is_empty());
        }
        assert_eq!(next_proof(&shop.rows), None);
        assert!(shop.rows.scan(b"s/u/").is_empty());
        // Whatever is proven later of the same letter, it was judged.
        let again = shop.proven_again(&decided(&letter, Evidence::Dkim));
        assert_eq!(again.outcome, PartyOutcome::Ignored(Ignored::SameLetter));
    }
}

#[test]
fn the_waits_double_to_an_hour_and_after_seven_days_it_is_judged_as_it_is() {
    let mut shop = Server::shop();
    let start = shop.now;
    let letter = undecided(&mut shop, "d1");
    let mut until = held_until(&shop.receive(letter.clone()).outcome);
    let mut waits = Vec::new();
    let last = loop {
        let before = shop.now;
        shop.now = until;
        waits.push(until.since(before).as_secs() / MINUTE);
        let outcome = shop.proven_again(&letter).outcome;
        let PartyOutcome::HeldForProof { until: next } = outcome else {
            break outcome;
        };
        until = next;
    };
    assert_eq!(waits[..8], [1, 2, 4, 8, 16, 32, 60, 60]);
    assert!(matches!(
        last,
        PartyOutcome::Ignored(Ignored::SenderIsNotProven { .. })
    ));
    let waited = shop.now.since(start).as_secs();
    assert!((7 * DAY..7 * DAY + 60 * MINUTE).contains(&waited));
    assert_eq!(next_proof(&shop.rows), None);
}

#[test]
fn only_what_could_reach_the_minimum_is_held() {
    for (minimum, evidence, is_held) in [
        (Evidence::Relay, Evidence::None, true),
        (Evidence::Dkim, Evidence::Relay, true),
        // It is proven well enough already.
        (Evidence::Relay, Evidence::Relay, false),
        // DNS could not make it good enough.
        (Evidence::Signed, Evidence::None, false),
    ] {
        for by_party in [false, true] {
            let mut shop = Server::shop();
            if by_party {
                shop.settings
                    .minimum_of
                    .insert(ANN.parse().unwrap(), minimum);
            } else {
                shop.settings.minimum = minimum;
            }
            let mut letter = undecided(&mut shop, "d1");
            letter.evidence = evidence;
            let outcome = shop.receive(letter).outcome;
            let held = matches!(outcome, PartyOutcome::HeldForProof { .. });
            assert_eq!(held, is_held, "{minimum} {evidence}: {outcome:?}");
        }
    }
}

#[test]
fn the_same_letter_better_proven_is_judged_at_once_and_waits_no_longer() {
    let mut shop = Server::shop();
    let letter = undecided(&mut shop, "d1");
    shop.receive(letter.clone());
    let again = shop.receive(letter.clone()).outcome;
    assert_eq!(again, PartyOutcome::Ignored(Ignored::SameLetter));
    let came = shop.receive(decided(&letter, Evidence::Dkim));
    assert!(matches!(came.outcome, PartyOutcome::TradeMade(_)));
    assert_eq!(next_proof(&shop.rows), None);
    let worse = shop.receive(letter).outcome;
    assert_eq!(worse, PartyOutcome::Ignored(Ignored::SameLetter));
}

#[test]
fn a_copy_without_its_signature_does_not_end_the_wait() {
    let mut shop = Server::shop();
    let letter = undecided(&mut shop, "d1");
    let until = held_until(&shop.receive(letter.clone()).outcome);
    let copy = shop.receive(decided(&letter, Evidence::None)).outcome;
    assert_eq!(copy, PartyOutcome::Ignored(Ignored::SameLetter));
    assert_eq!(next_proof(&shop.rows), Some(until));
    shop.later(MINUTE);
    let came = shop.proven_again(&decided(&letter, Evidence::Dkim));
    assert!(matches!(came.outcome, PartyOutcome::TradeMade(_)));
}

#[test]
fn a_strangers_flood_leaves_room_for_others() {
    let mut shop = Server::shop();
    let genuine = undecided(&mut shop, "genuine");
    let stranger = |n: u32, domain: &str| {
        let mut letter = genuine.clone();
        letter.author = Some(format!("evil@{domain}").parse().unwrap());
        letter.digest = format!("{domain} {n}");
        letter
    };
    let mut held = 0;
    for n in 0..1_000 {
        let outcome = shop.receive(stranger(n, "evil.example")).outcome;
        if let PartyOutcome::HeldForProof { .. } = outcome {
            held += 1;
        } else {
            let full = Ignored::TooManyWait("evil.example".to_owned());
            assert_eq!(outcome, PartyOutcome::Ignored(full));
        }
    }
    assert_eq!(held, 200);
    assert!(matches!(
        shop.receive(genuine.clone()).outcome,
        PartyOutcome::HeldForProof { .. }
    ));
    // What was decided makes room again.
    let first = stranger(0, "evil.example");
    let _ = shop.proven_again(&decided(&first, Evidence::None));
    assert!(matches!(
        shop.receive(stranger(1_001, "evil.example")).outcome,
        PartyOutcome::HeldForProof { .. }
    ));
    // Many domains, each with the largest letters: a day has a limit, and the next day a new one.
    let mut held = 0;
    for n in 0..100 {
        let mut large = stranger(n, &format!("evil{n}.example"));
        large.letter.size = 10 * 1024 * 1024;
        if let PartyOutcome::HeldForProof { .. } = shop.receive(large).outcome {
            held += 1;
        }
    }
    assert_eq!(held, 25);
    shop.later(DAY);
    let mut large = stranger(0, "another.example");
    large.letter.size = 10 * 1024 * 1024;
    assert!(matches!(
        shop.receive(large).outcome,
        PartyOutcome::HeldForProof { .. }
    ));
}
