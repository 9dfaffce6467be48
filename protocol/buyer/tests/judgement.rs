//! Protocol 5, line by line: which line decides, for every line and for every pair of lines that
//! can compete. Each refused letter stands beside the same letter without the fault, which is accepted.
#![allow(clippy::unwrap_used, missing_docs)]

mod lies;
mod support;

use lies::{Fault, cases, faults_of_any, under_way};
use serde_json::{Value, json};
use support::*;
use tradepost_buyer::{Verdict, WarningKind};
use tradepost_statements::Evidence;

/// Judges the letter on a copy of the ledger, and says whether it changed any trade.
fn judged(letter: &Letter) -> (Verdict, Option<u8>, Option<WarningKind>, bool) {
    let mut ledger = under_way();
    let before = ledger.trades();
    let judgement = ledger.receive(letter);
    (
        judgement.verdict,
        judgement.rule,
        judgement.warning,
        ledger.trades() != before,
    )
}

// Requirements: E16
#[test]
fn every_genuine_letter_is_accepted() {
    for (name, letter, _) in cases() {
        let (verdict, rule, warning, _) = judged(&letter);
        assert!(
            matches!(verdict, Verdict::Applied | Verdict::Adopted),
            "{name}: {verdict} {warning:?}"
        );
        assert_eq!((rule, warning), (Some(16), None), "{name}");
    }
}

// Requirements: E6, E16
#[test]
fn every_fault_is_named_by_its_line_and_changes_no_trade() {
    for (name, genuine, own_faults) in cases() {
        for fault in faults_of_any().into_iter().chain(own_faults) {
            let mut letter = genuine.clone();
            (fault.make)(&mut letter);
            let expected = (Verdict::Warned, Some(fault.line), Some(fault.kind), false);
            let mut judged = judged(&letter);
            // Of two letters that contradict each other one counts, whichever that is.
            judged.3 &= fault.kind != WarningKind::ConflictingStatus;
            assert_eq!(judged, expected, "{name}: {}", letter.statement);
        }
    }
}

// Requirements: E17
#[test]
fn of_two_faults_the_lower_line_decides() {
    let mut pairs = 0;
    for (name, genuine, own_faults) in cases() {
        let faults: Vec<Fault> = faults_of_any().into_iter().chain(own_faults).collect();
        for lower in &faults {
            for higher in faults.iter().filter(|f| f.line > lower.line) {
                let mut letter = genuine.clone();
                (higher.make)(&mut letter);
                (lower.make)(&mut letter);
                let (verdict, rule, warning, _) = judged(&letter);
                let expected = (Verdict::Warned, Some(lower.line), Some(lower.kind));
                assert_eq!(
                    (verdict, rule, warning),
                    expected,
                    "{name}, with line {}: {}",
                    higher.line,
                    letter.statement
                );
                pairs += 1;
            }
        }
    }
    assert!(pairs > 300, "only {pairs} pairs competed");
}

#[test]
fn a_statement_that_is_somewhat_ahead_is_held_until_its_time() {
    let mut ledger = under_way();
    let mut early = Letter::of(delivery_status(300, "T-1", 3, "out-for-delivery"));
    early.statement["sent"] = json!(at(11).to_string());
    let held = ledger.receive(&early);
    assert_eq!((held.verdict, held.rule), (Verdict::Held, Some(4)));
    assert_eq!(ledger.trade("T-1")["delivery"][0]["state"], "in-transit");
    let _ = ledger.tick(at(10));
    assert_eq!(ledger.wake(), Some(at(11)));
    let _ = ledger.tick(at(11));
    assert_eq!(
        ledger.trade("T-1")["delivery"][0]["state"],
        "out-for-delivery"
    );

    let mut in_time = early.clone();
    in_time.statement["sent"] = json!(at(10).to_string());
    assert_eq!(under_way().receive(&in_time).verdict, Verdict::Applied);
}

#[test]
fn the_same_statement_again_is_a_duplicate_and_so_are_the_same_octets() {
    let mut ledger = under_way();
    let letter = Letter::of(delivery_status(300, "T-1", 3, "out-for-delivery"));
    assert_eq!(ledger.receive_as(&letter, "d").verdict, Verdict::Applied);
    let again = ledger.receive_as(&letter, "d");
    assert_eq!((again.verdict, again.rule), (Verdict::Duplicate, None));
    let in_another_letter = ledger.receive_as(&letter, "e");
    assert_eq!(
        (in_another_letter.verdict, in_another_letter.rule),
        (Verdict::Duplicate, Some(7))
    );
    let repeated = delivery_status(301, "T-1", 3, "out-for-delivery");
    assert_eq!(ledger.hear(repeated).verdict, Verdict::Duplicate);
    let states: Vec<Value> = ledger.show("T-1")["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|h| h["outcome"].clone())
        .collect();
    assert_eq!(states.iter().filter(|o| **o == "duplicate").count(), 1);
}

#[test]
fn a_letter_that_was_not_proven_is_judged_again_when_it_comes_proven() {
    let mut ledger = under_way();
    let proven = Letter::of(delivery_status(300, "T-1", 3, "out-for-delivery"));
    let unproven = Letter {
        evidence: Evidence::None,
        ..proven.clone()
    };
    assert_eq!(
        ledger.receive_as(&unproven, "d").warning,
        Some(WarningKind::UnprovenSender)
    );
    assert!(ledger.open().contains(&"unproven-sender".to_owned()));
    assert_eq!(ledger.receive_as(&proven, "d").verdict, Verdict::Applied);
    assert!(!ledger.open().contains(&"unproven-sender".to_owned()));
    assert_eq!(
        ledger.receive_as(&unproven, "d").verdict,
        Verdict::Duplicate
    );
}

#[test]
fn a_copy_of_an_own_statement_is_no_letter_to_judge() {
    let mut ledger = under_way();
    let before = ledger.open();
    let copy = Letter {
        evidence: Evidence::None,
        ..Letter::of(order(1, SHOP))
    };
    assert_eq!(ledger.receive(&copy).verdict, Verdict::Sent);
    assert_eq!(ledger.open(), before);
    let mut changed = copy.clone();
    changed.statement["body"]["total"] = eur("99.00");
    assert_eq!(ledger.receive(&changed).verdict, Verdict::Warned);
}

#[test]
fn a_kind_that_is_never_said_to_a_buyer_is_from_a_wrong_sender() {
    let body = json!({ "kind": "refund", "amount": eur("58.00"), "refunded": eur("1.00") });
    let judged = under_way().hear(about(statement(400, SHOP, ANN, body), "T-1"));
    assert_eq!(
        (judged.rule, judged.warning),
        (Some(13), Some(WarningKind::WrongSender))
    );
    let judged = under_way().hear(with(
        with(order(401, ANN), "from", SHOP),
        "request",
        format!("{}:{SHOP}", uuid(401)),
    ));
    // Its request id is not ours, which is asked first.
    assert_eq!(
        (judged.rule, judged.warning),
        (Some(8), Some(WarningKind::UnknownRequest))
    );
}

#[test]
fn another_shops_trade_id_is_told_from_no_trade_at_all() {
    let named = |from: &str, shop: &str| {
        let mut s = with(delivery_status(402, "T-1", 3, "in-transit"), "from", from);
        s["trade"]["shop"] = json!(shop);
        let judged = under_way().hear(s);
        (judged.rule, judged.warning)
    };
    assert_eq!(named(CARRIER, SHOP), (Some(16), None));
    assert_eq!(
        named(EVIL, "shop@evil.example"),
        (Some(12), Some(WarningKind::WrongSender))
    );
    assert_eq!(
        named(CARRIER, "shop@evil.example"),
        (Some(12), Some(WarningKind::NoSuchTrade))
    );
}

#[test]
fn what_was_paid_is_said_in_the_trades_currency() {
    let paid = |amount: Value| {
        let mut letter = Letter::of(payment_status(301, "T-1", 2, "partly-paid"));
        letter.statement["body"]["paid"] = amount;
        let (verdict, rule, warning, _) = judged(&letter);
        (verdict, rule, warning)
    };
    assert_eq!(paid(eur("10.00")), (Verdict::Applied, Some(16), None));
    assert_eq!(
        paid(json!({ "amount": "10.00", "currency": "USD" })),
        (Verdict::Warned, Some(14), Some(WarningKind::WrongAmount))
    );
}

#[test]
fn only_the_shop_decides_about_a_return_though_the_carrier_was_asked_something() {
    let decision = |asked: &Value, n: u64| {
        let to = asked["to"].as_str().unwrap();
        let body = json!({ "kind": "return-decision", "accepted": true, "refund": eur("5.00") });
        let said = about(statement(n, to, ANN, body), "T-1");
        with(said, "answers", asked["id"].clone())
    };
    let question = statement(410, ANN, CARRIER, json!({ "kind": "status-request" }));
    let wish = statement(411, ANN, SHOP, json!({ "kind": "return" }));
    let (question, wish) = (about(question, "T-1"), about(wish, "T-1"));
    let mut ledger = under_way();
    let _ = (ledger.say(&question), ledger.say(&wish));

    let by_the_carrier = ledger.hear(decision(&question, 412));
    assert_eq!(
        (by_the_carrier.rule, by_the_carrier.warning),
        (Some(9), Some(WarningKind::WrongSender))
    );
    let by_the_shop = ledger.hear(decision(&wish, 413));
    assert_eq!(
        (by_the_shop.rule, by_the_shop.verdict),
        (Some(16), Verdict::Applied)
    );
}
