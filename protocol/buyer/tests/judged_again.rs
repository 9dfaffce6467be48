//! What is judged again when more becomes known, and what nothing that comes later may undo.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use serde_json::{Value, json};
use support::*;
use tradepost_buyer::{
    self as buyer, Act, Adopt, BouncedLetter, NewProof, OwnHow, Verdict, WarningKind, view,
};
use tradepost_statements::Evidence;
use tradepost_trades::letter::{Content, LetterFacts, Received};

fn ordered() -> Ledger {
    let mut ledger = Ledger::new();
    assert_eq!(
        ledger.say(&order(1, SHOP)).judgement.unwrap().verdict,
        Verdict::Sent
    );
    ledger
}

fn answer(n: u64, id: &str, version: u32) -> Value {
    with(
        with(record(n, id, version), "request", request(1)),
        "answers",
        uuid(1),
    )
}

fn rejection(n: u64) -> Value {
    let body = json!({ "kind": "order-rejected", "reason": "declined", "text": "No." });
    with(
        with(statement(n, SHOP, ANN, body), "request", request(1)),
        "answers",
        uuid(1),
    )
}

fn found_in_sent(ledger: &mut Ledger, statement: &Value) {
    let change = buyer::own(
        &ledger.settings,
        &ledger.rows,
        &statement.to_string(),
        None,
        OwnHow::FoundInSent,
        ledger.now,
    );
    let _ = ledger.take(change);
}

fn state_of_request(ledger: &Ledger, statement: u64) -> String {
    let requests = view::requests(&ledger.rows);
    let asked = requests
        .iter()
        .find(|r| r.statement.to_string() == uuid(statement));
    asked.unwrap().state.to_string()
}

#[test]
fn an_adopted_trade_stays_when_adoption_is_turned_off_later() {
    for adopt in [Adopt::Ask, Adopt::Off] {
        let mut ledger = Ledger::new();
        assert_eq!(ledger.hear(record(10, "T-1", 1)).verdict, Verdict::Adopted);
        let _ = ledger.act(&Act::ConfirmAdopted {
            trade: trade(SHOP, "T-1"),
        });
        ledger.settings.adopt = adopt;
        let judged = ledger.hear(delivery_status(20, "T-1", 1, "in-transit"));
        assert_eq!(judged.verdict, Verdict::Applied);
        assert_eq!(ledger.trade("T-1")["delivery"][0]["state"], "in-transit");
        // What was not there yet is refused.
        let judged = ledger.hear(record(11, "T-2", 1));
        assert_eq!(judged.warning, Some(WarningKind::NoSuchTrade));
    }
}

#[test]
fn a_record_that_answers_without_request_is_not_adopted_where_none_is() {
    let mut ledger = ordered();
    ledger.settings.adopt = Adopt::Off;
    let no_request = with(record(10, "T-1", 1), "answers", uuid(1));
    let judged = ledger.hear(no_request);
    assert_eq!(
        (judged.rule, judged.warning),
        (Some(12), Some(WarningKind::NoSuchTrade))
    );
    assert_eq!(ledger.trades(), Vec::<Value>::new());
    let _ = ledger.hear(answer(11, "T-1", 1));
    assert_eq!(ledger.trade("T-1")["origin"], "placed");
    assert_eq!(ledger.open(), Vec::<String>::new());
}

#[test]
fn a_record_that_names_no_request_does_not_hide_the_one_that_does() {
    let letters = [record(10, "T-1", 1), answer(11, "T-1", 1)];
    for order_of_arrival in [[0, 1], [1, 0]] {
        let mut ledger = ordered();
        for i in order_of_arrival {
            let _ = ledger.hear(letters[i].clone());
        }
        let shown = ledger.trade("T-1");
        assert_eq!(
            (&shown["origin"], &shown["request"]),
            (&json!("placed"), &json!(request(1)))
        );
        assert_eq!(view::stats(&ledger.rows).trades, 1);
    }
}

#[test]
fn a_cancellation_is_not_answered_by_what_came_before_it() {
    let mut ledger = ordered();
    let mut dearer = answer(10, "T-1", 1);
    dearer["body"]["charges"][0]["price"] = eur("10.00");
    dearer["body"]["total"] = eur("63.00");
    let judged = ledger.hear(dearer);
    assert_eq!(judged.warning, Some(WarningKind::ChangedContents));
    let cancel = with(
        statement(2, ANN, SHOP, json!({ "kind": "cancel" })),
        "request",
        request(1),
    );
    let _ = ledger.say(&cancel);
    assert!(ledger.wake().is_some());
    assert_eq!(state_of_request(&ledger, 2), "sent");
    let status = with(
        order_status(11, "T-1", 1, "cancelled"),
        "request",
        request(1),
    );
    let _ = ledger.hear(with(status, "answers", uuid(2)));
}

#[test]
fn a_stored_answer_that_is_repeated_answers_what_asked_for_it() {
    let mut ledger = ordered();
    assert_eq!(ledger.hear(rejection(10)).verdict, Verdict::Applied);
    let ask = with(
        statement(2, ANN, SHOP, json!({ "kind": "status-request" })),
        "request",
        request(1),
    );
    let _ = ledger.say(&ask);
    let again = ledger.hear(rejection(10));
    assert_eq!((again.verdict, again.rule), (Verdict::Duplicate, Some(7)));
    assert_ne!(state_of_request(&ledger, 2), "sent");
}

#[test]
fn an_answer_that_overtakes_the_record_of_its_sender_answers_once_that_is_there() {
    const VAN: &str = "van@late-carrier.example";
    let mut ledger = ordered();
    let _ = ledger.hear(answer(10, "T-1", 1));
    let ask = about(
        statement(2, ANN, VAN, json!({ "kind": "status-request" })),
        "T-1",
    );
    let _ = ledger.say(&ask);
    let told = with(delivery_status(20, "T-1", 1, "in-transit"), "from", VAN);
    let judged = ledger.hear(with(told, "answers", uuid(2)));
    assert_eq!(judged.warning, Some(WarningKind::WrongSender));
    assert_eq!(state_of_request(&ledger, 2), "sent");
    let mut second = answer(11, "T-1", 2);
    second["body"]["delivery"]["carriers"] = json!([{ "address": CARRIER }, { "address": VAN }]);
    assert_eq!(ledger.hear(second).verdict, Verdict::Applied);
    assert_eq!(ledger.open(), Vec::<String>::new());
    assert_eq!(state_of_request(&ledger, 2), "answered");
}

#[test]
fn a_bounce_and_an_answer_leave_the_same_whichever_comes_first() {
    let bounce = |ledger: &mut Ledger| {
        let returned = BouncedLetter {
            message_ids: vec![format!("<{}@home.example>", uuid(1))],
            text: "full".to_owned(),
            ..BouncedLetter::default()
        };
        let change = buyer::bounced(&ledger.settings, &ledger.rows, &returned, ledger.now);
        let _ = ledger.take(change);
    };
    let mut ledger = ordered();
    bounce(&mut ledger);
    assert_eq!(ledger.open(), ["undeliverable"]);
    let _ = ledger.hear(answer(10, "T-1", 1));
    assert_eq!(ledger.open(), Vec::<String>::new());

    let mut ledger = ordered();
    let _ = ledger.hear(answer(10, "T-1", 1));
    bounce(&mut ledger);
    assert_eq!(ledger.open(), Vec::<String>::new());
}

#[test]
fn nobody_answering_is_told_after_three_days_and_not_hours_later() {
    let mut ledger = Ledger::new();
    let _ = ledger.say(&order(1, SHOP));
    let mut wake = ledger.wake().unwrap();
    while wake < at(3 * 24 * 60) {
        let _ = ledger.tick(wake);
        let _ = ledger.say(&order(1, SHOP));
        wake = ledger.wake().unwrap();
    }
    assert_eq!(wake, at(3 * 24 * 60));
    let _ = ledger.tick(wake);
    assert_eq!(ledger.open(), ["no-answer"]);
    let _ = ledger.say(&order(1, SHOP));
    assert!(ledger.wake().unwrap() > at(3 * 24 * 60 + 60));
}

#[test]
fn one_version_with_the_same_body_is_a_duplicate_however_the_shop_is_written() {
    let mut ledger = ordered();
    assert_eq!(ledger.hear(answer(10, "T-1", 1)).verdict, Verdict::Applied);
    let mut again = answer(11, "T-1", 1);
    again["trade"]["shop"] = json!("Orders@Shop.Example");
    assert_eq!(ledger.hear(again).verdict, Verdict::Duplicate);
    assert_eq!(ledger.open(), Vec::<String>::new());
}

#[test]
fn of_two_records_of_one_version_the_one_that_came_first_counts_and_the_other_is_warned() {
    let later = |name: &str, n: u64| {
        let mut record = answer(n, "T-1", 2);
        record["body"]["shop_name"] = json!(name);
        record
    };
    for turned in [false, true] {
        let mut ledger = ordered();
        assert_eq!(ledger.hear(answer(10, "T-1", 1)).verdict, Verdict::Applied);
        let mut rivals = [later("Lower", 11), later("Higher", 12)];
        if turned {
            rivals.reverse();
        }
        let [first, second] = rivals;
        let expected = first["body"]["shop_name"].clone();
        // Alone it is accepted.
        assert_eq!(ledger.hear(first).verdict, Verdict::Applied);
        assert_eq!(ledger.open(), Vec::<String>::new());
        let second = ledger.hear(second);
        assert_eq!(
            (second.verdict, second.rule, second.warning),
            (
                Verdict::Warned,
                Some(16),
                Some(WarningKind::ConflictingStatus)
            )
        );
        assert_eq!(ledger.open(), ["conflicting-status"]);
        let show = view::show(&ledger.rows, &trade(SHOP, "T-1"), ledger.now).unwrap();
        assert_eq!(json!(show.trade.shop_name), expected);
    }
}

#[test]
fn a_record_that_line_8_refuses_is_not_the_first_answer() {
    let mut ledger = ordered();
    let stray = with(
        with(record(10, "T-9", 1), "request", request(1)),
        "answers",
        uuid(77),
    );
    assert_eq!(
        ledger.hear(stray).warning,
        Some(WarningKind::UnknownRequest)
    );
    assert_eq!(ledger.hear(answer(11, "T-1", 1)).verdict, Verdict::Applied);
}

#[test]
fn the_words_of_open_warnings_do_not_go_by_arrival() {
    let words = |letters: &[Value]| {
        let mut ledger = ordered();
        letters.iter().for_each(|l| {
            let _ = ledger.hear(l.clone());
        });
        let open = view::warnings(&ledger.rows, false);
        let mut words: Vec<_> = open
            .into_iter()
            .map(|w| (w.kind.to_string(), w.received, w.expected))
            .collect();
        words.sort();
        words
    };
    let mut second = answer(11, "T-1", 2);
    second["body"]["delivery"]["carriers"] =
        json!([{ "address": CARRIER }, { "address": "van@late-carrier.example" }]);
    let letters = [
        answer(10, "T-1", 1),
        second,
        delivery_status(20, "T-1", 2, "in-transit"),
        delivery_status(21, "T-1", 3, "announced"),
        delivery_status(22, "T-1", 4, "delivered"),
        with(delivery_status(23, "T-1", 1, "delivered"), "from", EVIL),
        with(payment_status(24, "T-1", 1, "settled"), "from", EVIL),
    ];
    let mut backwards = letters.clone();
    backwards.reverse();
    assert_eq!(words(&letters), words(&backwards));
    assert_eq!(words(&letters).len(), 3);
}

fn undecided(n: u64, evidence: Evidence, undecided: Option<Evidence>, ledger: &Ledger) -> Received {
    let statement = delivery_status(n, "T-1", 1, "in-transit");
    Received {
        letter: LetterFacts::default(),
        author: Some(address(CARRIER)),
        evidence,
        undecided,
        proof: "as the test says".to_owned(),
        digest: format!("undecided-{n}"),
        received_at: ledger.now,
        content: Content::of_json(statement.to_string()),
    }
}

#[test]
fn a_held_letter_is_judged_again_when_dns_answers_no() {
    let mut ledger = ordered();
    let _ = ledger.hear(answer(10, "T-1", 1));
    let held = undecided(20, Evidence::None, Some(Evidence::Dkim), &ledger);
    let change = buyer::receive(&ledger.settings, &ledger.rows, &held, ledger.now);
    let judged = ledger.take(change).judgement.unwrap();
    assert_eq!((judged.verdict, judged.rule), (Verdict::Held, Some(2)));
    let no = judged.letter.unwrap();
    let decided = NewProof {
        evidence: Evidence::None,
        undecided: None,
        proof: "DNS has no such key".to_owned(),
    };
    let (settings, rows, now) = (&ledger.settings, &ledger.rows, ledger.now);
    let change = buyer::proven_again(settings, rows, no, Some(&decided), now);
    let judged = ledger.take(change).judgement.unwrap();
    assert_eq!(
        (judged.verdict, judged.warning),
        (Verdict::Warned, Some(WarningKind::UnprovenSender))
    );
    assert_eq!(ledger.open(), ["unproven-sender"]);
}

#[test]
fn a_letter_is_held_for_dns_for_seven_days_at_most() {
    let mut ledger = ordered();
    let _ = ledger.hear(answer(10, "T-1", 1));
    let held = undecided(20, Evidence::None, Some(Evidence::Dkim), &ledger);
    let change = buyer::receive(&ledger.settings, &ledger.rows, &held, ledger.now);
    let _ = ledger.take(change);
    let _ = ledger.tick(at(7 * 24 * 60 - 20));
    assert!(!ledger.open().contains(&"unproven-sender".to_owned()));
    let _ = ledger.tick(at(7 * 24 * 60 + 20));
    assert!(ledger.open().contains(&"unproven-sender".to_owned()));
}

#[test]
fn a_copy_of_an_own_statement_that_came_first_is_no_warning_once_it_is_known() {
    for evidence in [Evidence::None, Evidence::Relay] {
        let mut ledger = Ledger::new();
        let copy = Letter {
            evidence,
            ..Letter::of(order(1, SHOP))
        };
        assert_eq!(ledger.receive(&copy).verdict, Verdict::Warned);
        let mut changed = copy.clone();
        changed.statement["body"]["total"] = eur("99.00");
        assert_eq!(ledger.receive(&changed).verdict, Verdict::Warned);
        assert_eq!(ledger.open().len(), 2);
        found_in_sent(&mut ledger, &order(1, SHOP));
        assert_eq!(ledger.open().len(), 1, "the other one is no copy");
    }
}

#[test]
fn an_accepted_payment_status_shows() {
    let mut ledger = ordered();
    let _ = ledger.hear(answer(10, "T-1", 1));
    let _ = ledger.hear(payment_status(30, "T-1", 1, "pending"));
    let settled = with(
        payment_status(31, "T-1", 2, "settled"),
        "from",
        "case@pay.example",
    );
    let judged = ledger.hear(settled);
    assert_eq!(judged.warning, Some(WarningKind::WrongSender));
    assert_eq!(ledger.trade("T-1")["payment"]["state"], "pending");
    let _ = ledger.act(&Act::Accept {
        warning: judged.warning_id.unwrap(),
    });
    assert_eq!(ledger.trade("T-1")["payment"]["state"], "settled");
}

// Requirements: E20
#[test]
fn two_limits_of_one_currency_do_not_undo_one_another() {
    let mut ledger = ordered();
    ledger.settings.unpaid_limits =
        vec!["50.00 EUR".parse().unwrap(), "100.00 EUR".parse().unwrap()];
    let _ = ledger.hear(answer(10, "T-1", 1));
    assert_eq!(ledger.open(), ["unpaid-limit"]);
}
#[test]
fn a_promise_that_had_passed_when_it_came_is_overdue_at_once() {
    let mut ledger = ordered();
    let _ = ledger.hear(answer(10, "T-1", 1));
    ledger.now = at(100);
    let mut late = delivery_status(20, "T-1", 1, "in-transit");
    late["body"]["delivery"]["planned"] = json!(at(50).to_string());
    let _ = ledger.hear(late);
    assert_eq!(ledger.trade("T-1")["overdue"], json!(true));
    assert_eq!(ledger.open(), ["overdue-delivery"]);
}
