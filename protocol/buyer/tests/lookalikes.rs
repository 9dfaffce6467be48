//! `lookalike-sender`: given beside the verdict when a letter borrows a party's name under a domain
//! that resembles the party's, and never otherwise.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use serde_json::{Value, json};
use support::*;
use tradepost_buyer::{self as buyer, Act, ActRefusal, Verdict, WarningKind, view};
use tradepost_statements::Evidence;

/// Ann ordered at the shop, and the shop made the trade T-1.
fn under_way() -> Ledger {
    let mut ledger = ordered();
    assert_eq!(ledger.hear(answer()).verdict, Verdict::Applied);
    ledger
}

fn ordered() -> Ledger {
    let mut ledger = Ledger::new();
    let _ = ledger.say(&order(1, SHOP));
    ledger
}

fn answer() -> Value {
    with(record(10, "T-1", 1), "request", request(1))
}

fn from(statement: Value, sender: &str) -> Value {
    with(statement, "from", sender)
}

/// A record of the trade of another shop, as that shop would write it.
fn record_of(n: u64, shop: &str, id: &str, name: &str) -> Value {
    let mut record = from(record(n, id, 1), shop);
    record["trade"]["shop"] = json!(shop);
    record["body"]["shop_name"] = json!(name);
    record
}

/// The kinds of warning about the last letter.
fn warned(ledger: &mut Ledger, letter: &Letter) -> Vec<String> {
    let before = ledger.open().len();
    let _ = ledger.receive(letter);
    ledger.open().split_off(before)
}

#[test]
fn a_stranger_in_a_partys_clothes_is_warned_of_beside_the_verdict() {
    let status = || delivery_status(20, "T-1", 1, "delivered");
    let said_by_the_shop = || order_status(20, "T-1", 1, "confirmed");
    for (statement, lookalike, plain) in [
        (status(), "track@carr1er.example", "track@evil.example"),
        (
            status(),
            "track@carrier.example.evil.example",
            "track@evil.example",
        ),
        (status(), "track@carier.example", "track@evil.example"),
        (status(), "track@сarrier.example", "track@evil.example"),
        (status(), "x@mail.shop.evil.example", "x@mail.evil.example"),
        (
            said_by_the_shop(),
            "orders@sh0p.example",
            "orders@evil.example",
        ),
        (said_by_the_shop(), "orders@shop.test", "orders@evil.test"),
    ] {
        for evidence in [Evidence::Relay, Evidence::None] {
            let about = |sender: &str| Letter {
                evidence,
                ..Letter::of(from(statement.clone(), sender))
            };
            let verdict = if evidence == Evidence::None {
                "unproven-sender"
            } else {
                "wrong-sender"
            };
            let ledger = under_way();
            let mut deceived = ledger.clone();
            assert_eq!(
                warned(&mut deceived, &about(lookalike)),
                [verdict, "lookalike-sender"],
                "{lookalike}"
            );
            assert_eq!(deceived.trades(), ledger.trades());
            let mut other = ledger.clone();
            assert_eq!(warned(&mut other, &about(plain)), [verdict], "{plain}");
        }
    }
}

#[test]
fn a_letter_of_the_party_itself_is_not_warned_of() {
    for (sender, verdict) in [
        (SHOP, Verdict::Applied),
        ("orders@mail.shop.example", Verdict::Warned),
        ("sales@shop.example", Verdict::Warned),
    ] {
        let mut ledger = under_way();
        let judged = ledger.hear(from(order_status(20, "T-1", 1, "confirmed"), sender));
        assert_eq!(judged.verdict, verdict);
        let kinds = ledger.open();
        assert!(!kinds.contains(&"lookalike-sender".to_owned()), "{sender}");
    }
}

#[test]
fn a_new_trade_in_the_name_of_a_known_shop_is_warned_of() {
    let evil = "orders@shop-example.evil.example";
    let own_name = "Evil & Sons";
    for (shop, name, lookalike) in [
        // Its whole domain looks like the shop's, or holds it.
        ("orders@sh0p.example", own_name, true),
        ("orders@shop.example.evil.example", own_name, true),
        // It calls itself as the shop does, and its domain resembles the shop's.
        (evil, "Example Shop", true),
        (evil, "EXAMPLE SH0P", true),
        ("orders@shopp.example", "Example Shop", true),
        // The one or the other alone happens among honest shops.
        (evil, own_name, false),
        ("orders@shopp.example", own_name, false),
        ("orders@tea.example", "Example Shop", false),
    ] {
        let mut ledger = under_way();
        let letter = Letter::of(record_of(20, shop, "T-2", name));
        assert_eq!(
            warned(&mut ledger, &letter),
            if lookalike {
                &["lookalike-sender"][..]
            } else {
                &[]
            },
            "{shop} as {name}"
        );
        // It is adopted all the same: the warning stands beside the verdict.
        assert_eq!(ledger.trade("T-2")["origin"], "adopted");
        // One warning for each letter, and its statuses are those of a party.
        let status = from(order_status(21, "T-2", 1, "confirmed"), shop);
        let status = with(status, "trade", json!({ "shop": shop, "id": "T-2" }));
        assert_eq!(warned(&mut ledger, &Letter::of(status)), [""; 0]);
    }
}

#[test]
fn an_answer_from_a_lookalike_of_whom_was_asked_is_warned_of_before_there_is_a_trade() {
    let mut ledger = ordered();
    let said = with(
        record_of(20, "orders@shopp.example", "T-1", "Evil"),
        "request",
        request(1),
    );
    assert_eq!(
        warned(&mut ledger, &Letter::of(said)),
        ["wrong-sender", "lookalike-sender"]
    );
    let other = with(
        record_of(21, "orders@evil.example", "T-1", "Evil"),
        "request",
        request(1),
    );
    assert_eq!(warned(&mut ledger, &Letter::of(other)), ["wrong-sender"]);
    // The real answer counts all the same.
    assert_eq!(ledger.hear(answer()).verdict, Verdict::Applied);
}

#[test]
fn a_known_party_is_not_taken_for_another_one() {
    let mut ledger = under_way();
    let twin = "orders@shopp.example";
    let status = |n: u64| Letter::of(from(order_status(n, "T-1", 1, "confirmed"), twin));
    // A stranger, and after its own record an adopted one, is warned of..
    assert_eq!(
        warned(&mut ledger.clone(), &status(30)),
        ["wrong-sender", "lookalike-sender"]
    );
    let _ = ledger.hear(record_of(20, twin, "T-9", "The Twin"));
    assert_eq!(
        warned(&mut ledger.clone(), &status(31)),
        ["wrong-sender", "lookalike-sender"]
    );
    // ..until the person says that the trade is theirs.
    let trade = trade(twin, "T-9");
    let _ = ledger.act(&Act::ConfirmAdopted { trade });
    assert_eq!(warned(&mut ledger, &status(32)), ["wrong-sender"]);
}

#[test]
fn the_warning_is_void_once_the_shop_names_the_sender() {
    let mut ledger = under_way();
    let van = "van@carriers.example";
    let early = Letter::of(from(delivery_status(20, "T-1", 1, "in-transit"), van));
    assert_eq!(
        warned(&mut ledger, &early),
        ["wrong-sender", "lookalike-sender"]
    );
    let mut second = with(record(11, "T-1", 2), "request", request(1));
    second["body"]["delivery"]["carriers"] = json!([{ "address": CARRIER }, { "address": van }]);
    assert_eq!(ledger.hear(second).verdict, Verdict::Applied);
    assert_eq!(ledger.open(), [""; 0]);
}

#[test]
fn there_is_nothing_to_accept_and_it_can_be_dismissed() {
    let mut ledger = under_way();
    let _ = ledger.hear(from(
        order_status(20, "T-1", 1, "confirmed"),
        "orders@sh0p.example",
    ));
    let warning = view::warnings(&ledger.rows, false).pop().unwrap();
    assert_eq!(warning.kind, WarningKind::LookalikeSender);
    assert_eq!(warning.rule, None);
    assert_eq!(
        warning.received,
        "a letter from sh0p.example, which looks the same as shop.example"
    );
    let id = warning.id;
    let accept = Act::Accept { warning: id };
    let refused = buyer::act(&ledger.settings, &ledger.rows, &accept, ledger.now).unwrap_err();
    assert_eq!(refused, ActRefusal::NothingRefused(id));
    let _ = ledger.act(&Act::Dismiss { warning: id });
    assert_eq!(ledger.open(), ["wrong-sender"]);
    // It stays dismissed when the trade is judged again.
    let _ = ledger.hear(with(record(11, "T-1", 2), "request", request(1)));
    assert_eq!(ledger.open(), ["wrong-sender"]);
}
