//! Protocol 5 as servers apply it: each refusal beside the same letter without the fault.

use serde_json::json;
use tradepost_parties::kernel::{Ignored, PartyOutcome};
use tradepost_statements::Evidence;
use tradepost_trades::letter::{Content, Received, Unreadable};
use tradepost_trades::rows::MemoryRows;

use crate::server::{ANN, REQUEST, Server, order_body};

/// What is changed of a good letter, and how the refusal is named.
type Fault = (&'static str, fn(&mut Received));

#[test]
fn each_fault_is_ignored_and_the_same_letter_without_it_is_not() {
    let faults: [Fault; 8] = [
        ("SenderIsNotProven", |l| l.evidence = Evidence::None),
        ("SenderIsNotProven", |l| l.author = None),
        ("StatementIsUnreadable", |l| {
            l.content = Content::Unreadable {
                why: Unreadable::Unreadable,
                text: "two parts".to_owned(),
            };
        }),
        ("StatementIsUnreadable", |l| {
            l.content = Content::of_json("{".to_owned());
        }),
        ("StatementIsFromAnother", |l| {
            l.author = Some("bob@home.example".parse().unwrap());
        }),
        ("StatementIsForAnother", |l| {
            replace(
                l,
                "\"to\":\"orders@shop.example\"",
                "\"to\":\"orders@other.example\"",
            );
        }),
        ("SentIsFarAhead", |l| {
            replace(l, "\"sent\":\"2026-11-20", "\"sent\":\"2026-11-22");
        }),
        // The evidence is judged first.
        ("SenderIsNotProven", |l| {
            l.evidence = Evidence::None;
            l.content = Content::Unreadable {
                why: Unreadable::Unreadable,
                text: "two parts".to_owned(),
            };
        }),
    ];
    for (name, fault) in faults {
        let mut shop = Server::shop();
        let statement = shop.statement(ANN, json!({ "request": REQUEST }), order_body());
        let good = Server::letter(ANN, &statement);
        let mut bad = good.clone();
        fault(&mut bad);
        let came = shop.receive(bad);
        let PartyOutcome::Ignored(why) = &came.outcome else {
            panic!("{name}: {:?}", came.outcome);
        };
        assert!(format!("{why:?}").starts_with(name), "{why:?}");
        assert!(came.said.is_empty(), "{name}: silence");
        assert!(matches!(
            shop.receive(good).outcome,
            PartyOutcome::TradeMade(_)
        ));
    }
}

fn replace(letter: &mut Received, from: &str, to: &str) {
    let Content::Statement(read) = &letter.content else {
        panic!("no statement");
    };
    let changed = read.json().replace(from, to);
    assert_ne!(read.json(), changed);
    letter.content = Content::of_json(changed);
}

#[test]
fn nothing_is_kept_of_letters_of_unproven_senders() {
    let mut shop = Server::shop();
    let statement = shop.statement(ANN, json!({ "request": REQUEST }), order_body());
    let mut letter = Server::letter(ANN, &statement);
    letter.evidence = Evidence::None;
    shop.receive(letter);
    assert_eq!(shop.rows, MemoryRows::default());
}

#[test]
fn the_same_octets_are_judged_once_unless_they_are_better_proven_later() {
    let mut shop = Server::shop();
    let statement = shop.statement(ANN, json!({ "request": REQUEST }), order_body());
    let mut letter = Server::letter(ANN, &statement);
    letter.digest = "the same".to_owned();
    let mut unproven = letter.clone();
    unproven.evidence = Evidence::None;
    shop.receive(unproven);
    assert!(matches!(
        shop.receive(letter.clone()).outcome,
        PartyOutcome::TradeMade(_)
    ));
    // A second folder, a changed UIDVALIDITY: no stored answer is repeated.
    let again = shop.receive(letter);
    assert_eq!(again.outcome, PartyOutcome::Ignored(Ignored::SameLetter));
    assert!(again.said.is_empty());
}

#[test]
fn another_content_under_a_known_statement_id_is_ignored() {
    let mut shop = Server::shop();
    let statement = shop.statement(ANN, json!({ "request": REQUEST }), order_body());
    shop.receive(Server::letter(ANN, &statement));
    let mut other = statement.clone();
    other["body"]["total"]["amount"] = json!("99.00");
    let came = shop.receive(Server::letter(ANN, &other));
    assert_eq!(
        came.outcome,
        PartyOutcome::Ignored(Ignored::StatementIdWithOtherContent)
    );
    let same = shop.receive(Server::letter(ANN, &statement));
    assert_eq!(same.outcome, PartyOutcome::AnswerRepeated);
}

#[test]
fn a_letter_from_the_near_future_is_held_until_then() {
    let mut shop = Server::shop();
    let mut statement = shop.statement(ANN, json!({ "request": REQUEST }), order_body());
    statement["sent"] = json!("2026-11-20T10:09:00Z");
    let came = shop.receive(Server::letter(ANN, &statement));
    assert!(
        matches!(came.outcome, PartyOutcome::TradeMade(_)),
        "9 minutes ahead"
    );
    let mut shop = Server::shop();
    statement["sent"] = json!("2026-11-20T12:00:00Z");
    let came = shop.receive(Server::letter(ANN, &statement));
    assert!(matches!(came.outcome, PartyOutcome::Held(_)) && came.said.is_empty());
    assert_eq!(
        shop.tick().outcome,
        PartyOutcome::Ignored(Ignored::NothingDue)
    );
    shop.later(2 * 3600);
    assert!(matches!(shop.tick().outcome, PartyOutcome::TradeMade(_)));
    assert_eq!(
        shop.tick().outcome,
        PartyOutcome::Ignored(Ignored::NothingDue)
    );
}
