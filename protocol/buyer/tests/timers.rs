//! The buyer's timers (protocol 7) and the warnings of the ledger itself (E20), in simulated time:
//! each thing once, also after a week of sleep, and by the settings that hold now.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::time::Duration;

use serde_json::json;
use support::{
    ANN, CARRIER, Ledger, PAY, SHOP, about, at, delivery_status, order, payment_status, record,
    request, statement, uuid, with,
};
use tradepost_buyer::view::RequestState;
use tradepost_buyer::{self as buyer, BouncedLetter, BuyerChange, Notice, view};
use tradepost_statements::Time;
use tradepost_trades::letter::LetterFacts;

const DAY: i64 = 24 * 60;

fn ordered() -> Ledger {
    let mut ledger = Ledger::new();
    let _ = ledger.say(&order(1, SHOP));
    ledger
}

fn with_trade() -> Ledger {
    let mut ledger = ordered();
    let _ = ledger.hear(with(record(10, "T-1", 1), "request", request(1)));
    ledger
}

fn warned(change: &BuyerChange) -> Vec<String> {
    let mut kinds = Vec::new();
    for notice in &change.notices {
        if let Notice::Warned { kind, .. } = notice {
            kinds.push(kind.to_string());
        }
    }
    kinds
}

/// Ticks as the shell does until then: when it is woken up, saying again what is to be said again.
/// The times at which something was said again.
fn live_until(ledger: &mut Ledger, statement: &serde_json::Value, end: Time) -> Vec<Time> {
    let mut said = Vec::new();
    let _ = ledger.tick(ledger.now);
    let mut wake = ledger.wake();
    while let Some(next) = wake.filter(|t| *t <= end) {
        let change = ledger.tick(next);
        wake = ledger.wake();
        if !change.say_again.is_empty() {
            said.push(next);
            let _ = ledger.say(statement);
            wake = ledger.wake();
        }
        assert!(wake.is_none_or(|w| w > next), "it would wake up for ever");
    }
    said
}

fn request_state(ledger: &Ledger, n: u64) -> RequestState {
    let id = uuid(n).parse().unwrap();
    view::request(&ledger.rows, id).unwrap().state
}

/// Protocol 7: an answer, again after 10 minutes, doubling to 12 hours; a warning after 3 days.
#[test]
fn what_nobody_answers_is_sent_again_ever_more_seldom_and_given_up_after_a_month() {
    let mut ledger = ordered();
    let order = order(1, SHOP);
    let said = live_until(&mut ledger, &order, at(3 * DAY - 1));
    let waits: Vec<u64> = said
        .windows(2)
        .map(|w| w[1].since(w[0]).as_secs() / 60)
        .collect();
    assert!((9..=11).contains(&said[0].since(at(0)).as_secs().div_euclid(60)));
    assert!(
        waits.iter().all(|w| (18..=12 * 66).contains(w)),
        "{waits:?}"
    );
    assert!(
        waits.windows(2).take(5).all(|w| w[1] > w[0] * 3 / 2),
        "{waits:?}"
    );
    assert_eq!(ledger.open(), [""; 0]);

    let said = live_until(&mut ledger, &order, at(29 * DAY));
    assert_eq!(ledger.open(), ["no-answer"]);
    assert!((40..=60).contains(&said.len()), "{}", said.len());
    assert_eq!(request_state(&ledger, 1), RequestState::Sent);
    let _ = live_until(&mut ledger, &order, at(31 * DAY));
    assert_eq!(request_state(&ledger, 1), RequestState::GivenUp);
    assert_eq!(live_until(&mut ledger, &order, at(365 * DAY)), []);
    assert_eq!(
        ledger.open(),
        ["no-answer"],
        "it stays until it is dismissed"
    );

    // An answer that comes after all counts.
    let _ = ledger.hear(with(record(10, "T-1", 1), "request", request(1)));
    assert_eq!(request_state(&ledger, 1), RequestState::Answered);
    assert_eq!(ledger.open(), [""; 0]);
}

/// A machine that slept a week does each thing once.
#[test]
fn after_a_week_of_sleep_each_thing_is_done_once() {
    let mut ledger = with_trade();
    let mut promise = delivery_status(20, "T-1", 1, "in-transit");
    promise["body"]["delivery"]["planned"] = json!(at(DAY).to_string());
    let _ = ledger.hear(promise);
    let mut due = payment_status(21, "T-1", 1, "due");
    due["body"]["settle"]["planned"] = json!(at(2 * DAY).to_string());
    let _ = ledger.hear(due);
    for (n, to) in [(30, SHOP), (31, CARRIER), (32, PAY)] {
        let question = statement(n, ANN, to, json!({ "kind": "status-request" }));
        let _ = ledger.say(&about(question, "T-1"));
    }
    let change = ledger.tick(at(8 * DAY));
    assert_eq!(change.say_again.len(), 3);
    let mut kinds = warned(&change);
    kinds.sort();
    assert_eq!(
        kinds,
        [
            "no-answer",
            "no-answer",
            "no-answer",
            "overdue-delivery",
            "overdue-payment"
        ]
    );
    for n in [30, 31, 32] {
        let to = view::request(&ledger.rows, uuid(n).parse().unwrap())
            .unwrap()
            .to;
        let question = statement(n, ANN, to.as_str(), json!({ "kind": "status-request" }));
        let _ = ledger.say(&about(question, "T-1"));
    }
    // The next time comes 18 minutes later at the earliest.
    for minutes in 1..18 {
        let change = ledger.tick(at(8 * DAY + minutes));
        assert_eq!((change.say_again, change.notices), (Vec::new(), Vec::new()));
    }
}

/// Nobody needs to know any more how a trade goes on that has ended.
#[test]
fn a_question_about_a_trade_that_has_ended_is_given_up_without_a_warning() {
    let mut ledger = with_trade();
    let question = about(
        statement(30, ANN, CARRIER, json!({ "kind": "status-request" })),
        "T-1",
    );
    let _ = ledger.say(&question);
    let mut lived = ledger.clone();
    let _ = live_until(&mut lived, &question, at(4 * DAY));
    assert_eq!(lived.open(), ["no-answer"]);
    let _ = lived.hear(support::order_status(40, "T-1", 1, "cancelled"));
    let _ = live_until(&mut lived, &question, at(5 * DAY));
    assert_eq!(lived.open(), [""; 0]);
    assert_eq!(request_state(&lived, 30), RequestState::GivenUp);

    let _ = ledger.hear(support::order_status(40, "T-1", 1, "cancelled"));
    let _ = live_until(&mut ledger, &question, at(5 * DAY));
    assert_eq!(view::warnings(&ledger.rows, true), Vec::new());
}

/// Configuration changes while entries exist: what waits follows shorter timers.
#[test]
fn what_was_put_off_for_long_follows_shorter_timers() {
    let mut ledger = ordered();
    let order = order(1, SHOP);
    let _ = live_until(&mut ledger, &order, at(2 * DAY));
    let before = view::requests(&ledger.rows)[0].again.unwrap();
    assert!(before > at(2 * DAY + 60));
    ledger.settings.timers.answer_longest = Duration::from_secs(600);
    let _ = ledger.tick(at(2 * DAY));
    let wake = ledger.wake().unwrap();
    assert!(wake <= at(2 * DAY + 11), "{wake}");
    assert_eq!(ledger.tick(wake).say_again.len(), 1);

    // A clock that ran ahead put it off for years.
    let mut ledger = ordered();
    ledger.now = at(1000 * DAY);
    let _ = ledger.say(&order);
    let _ = ledger.tick(at(1));
    assert!(ledger.wake().unwrap() <= at(1 + 12 * 66));
}

/// E20: once per crossing, also when the limit is what changes.
// Requirements: E20
#[test]
fn a_limit_that_is_lowered_or_taken_away_is_looked_at_when_time_passes() {
    let mut ledger = with_trade();
    let limit = |ledger: &mut Ledger, limits: &[&str]| {
        ledger.settings.unpaid_limits = limits.iter().map(|l| l.parse().unwrap()).collect();
        let now = ledger.now;
        warned(&ledger.tick(now))
    };
    assert_eq!(limit(&mut ledger, &["58.01 EUR"]), [""; 0]);
    assert_eq!(limit(&mut ledger, &["58.00 EUR"]), ["unpaid-limit"]);
    assert_eq!(limit(&mut ledger, &["40.00 EUR"]), [""; 0], "it was told");
    assert_eq!(ledger.open(), ["unpaid-limit"]);
    assert_eq!(limit(&mut ledger, &["1.00 USD"]), [""; 0]);
    assert_eq!(ledger.open(), [""; 0], "there is no such limit any more");
    assert_eq!(limit(&mut ledger, &["58.00 EUR"]), ["unpaid-limit"]);
    let _ = ledger.hear(payment_status(22, "T-1", 1, "settled"));
    assert_eq!(ledger.open(), [""; 0]);
}

fn returned(
    ledger: &mut Ledger,
    message_id: &str,
    change: impl FnOnce(&mut BouncedLetter),
) -> BuyerChange {
    let mut returned = BouncedLetter {
        message_ids: vec![message_id.to_owned()],
        text: "550 no such user".to_owned(),
        letter: Some(LetterFacts {
            from: Some("mailer-daemon@shop.example".to_owned()),
            ..LetterFacts::default()
        }),
        ..BouncedLetter::default()
    };
    change(&mut returned);
    let change = buyer::bounced(&ledger.settings, &ledger.rows, &returned, ledger.now);
    ledger.take(change)
}

fn message_id(n: u64) -> String {
    format!("<{}@home.example>", uuid(n))
}

/// A bounce is shown with its reason and counts like no answer: the statement is sent again.
#[test]
fn a_bounce_is_shown_and_the_statement_is_sent_again() {
    let mut ledger = ordered();
    assert_eq!(
        warned(&returned(&mut ledger, &message_id(1), |_| ())),
        ["undeliverable"]
    );
    let seen = &view::requests(&ledger.rows)[0];
    assert_eq!(
        (seen.state, seen.bounce.as_deref()),
        (RequestState::Bounced, Some("550 no such user"))
    );
    assert_eq!(ledger.tick(at(11)).say_again.len(), 1);
    let _ = ledger.say(&order(1, SHOP));
    assert_eq!(
        request_state(&ledger, 1),
        RequestState::Sent,
        "the new letter may arrive"
    );
    assert_eq!(
        warned(&returned(&mut ledger, &message_id(1), |_| ())),
        [""; 0],
        "told once"
    );
    let _ = ledger.hear(with(record(10, "T-1", 1), "request", request(1)));
    assert_eq!(ledger.open(), [""; 0]);
}

/// A forged bounce changes nothing but adds a warning.
#[test]
fn a_forged_bounce_changes_nothing_but_adds_a_warning() {
    let forge =
        |r: &mut BouncedLetter| r.doubt = Some("it was submitted by evil@evil.example".to_owned());
    let mut ledger = ordered();
    let before = view::requests(&ledger.rows);
    let change = returned(&mut ledger, &message_id(1), forge);
    assert_eq!(warned(&change), ["unproven-sender"]);
    assert_eq!(view::requests(&ledger.rows), before);
    let warning = &view::warnings(&ledger.rows, false)[0];
    assert!(warning.received.contains("550 no such user"), "{warning:?}");
    assert!(
        warning.expected.contains("submitted by evil@evil.example"),
        "{warning:?}"
    );
    assert_eq!(
        warned(&returned(&mut ledger, &message_id(1), forge)),
        [""; 0],
        "a flood is one warning"
    );
    assert_eq!(
        ledger.tick(at(11)).say_again.len(),
        1,
        "it is sent again as if nothing had come"
    );

    // Nor does one about a letter that nobody here has sent.
    let mut ledger = ordered();
    assert_eq!(
        warned(&returned(&mut ledger, "made@up.example", |r| r
            .claims_to_be_ours =
            true)),
        ["unproven-sender"]
    );
    assert_eq!(view::requests(&ledger.rows), before);
    // What came back of other mail of the person's is none of our business.
    let nothing = returned(&mut ledger, "private@home.example", |_| ());
    assert_eq!((nothing.rows, nothing.notices), (Vec::new(), Vec::new()));
}
