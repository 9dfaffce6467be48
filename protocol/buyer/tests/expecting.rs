//! Expected orders (protocol 9): judged as if this program had placed them.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use serde_json::{Value, json};
use support::*;
use tradepost_buyer::{
    self as buyer, Act, ActRefusal, Adopt, Judgement, Verdict, WarningKind, view,
};

fn expect(link: &str) -> Act {
    Act::Expect {
        order: link.parse().unwrap(),
    }
}

const LINK: &str = "tradepost:orders@shop.example?trade=T-1&total=58.00EUR";

fn forget() -> Act {
    Act::Forget {
        trade: trade(SHOP, "T-1"),
    }
}

fn expecting() -> Ledger {
    let mut ledger = Ledger::new();
    let _ = ledger.act(&expect(LINK));
    ledger
}

fn warned(judgement: &Judgement) -> (Option<u8>, Option<WarningKind>) {
    (judgement.rule, judgement.warning)
}

/// A record of another shop with the same id.
fn of_another_shop(n: u64) -> Value {
    let mut other = record(n, "T-1", 1);
    other["from"] = json!(EVIL);
    other["trade"]["shop"] = json!(EVIL);
    other
}

#[test]
fn the_record_of_an_expected_trade_is_applied_and_counts_as_ones_own() {
    for adopt in [Adopt::List, Adopt::Ask, Adopt::Off] {
        let mut ledger = expecting();
        ledger.settings.adopt = adopt;
        assert_eq!(view::expected(&ledger.rows).len(), 1);
        assert!(!view::expected(&ledger.rows)[0].come);
        assert_eq!(ledger.hear(record(10, "T-1", 1)).verdict, Verdict::Applied);
        assert_eq!(ledger.trade("T-1")["origin"], "expected");
        let stats = view::stats(&ledger.rows);
        assert_eq!((stats.trades, stats.adopted, stats.undelivered), (1, 0, 1));
        assert!(view::expected(&ledger.rows)[0].come);
        let status = ledger.hear(delivery_status(20, "T-1", 1, "in-transit"));
        assert_eq!(status.verdict, Verdict::Applied);
        assert_eq!(ledger.open(), Vec::<String>::new());
        // What is not expected goes its own way.
        let other = ledger.hear(record(11, "T-2", 1));
        let adopted = other.verdict == Verdict::Adopted;
        assert_eq!(adopted, adopt == Adopt::List);
    }
}

/// Lines 9 and 12.
#[test]
fn another_shops_address_is_a_wrong_sender() {
    let mut ledger = expecting();
    ledger.settings.adopt = Adopt::Off;
    let mut in_the_shops_name = record(10, "T-1", 1);
    in_the_shops_name["from"] = json!(EVIL);
    let judged = ledger.hear(in_the_shops_name);
    assert_eq!(warned(&judged), (Some(9), Some(WarningKind::WrongSender)));
    let judged = ledger.hear(of_another_shop(11));
    assert_eq!(warned(&judged), (Some(12), Some(WarningKind::WrongSender)));
    assert_eq!(ledger.trades(), Vec::<Value>::new());
    assert_eq!(ledger.hear(record(12, "T-1", 1)).verdict, Verdict::Applied);
    assert_eq!(ledger.open(), ["wrong-sender", "wrong-sender"]);

    // Without the expectation it is one more trade that nobody knows.
    let mut ledger = Ledger::new();
    ledger.settings.adopt = Adopt::Off;
    let judged = ledger.hear(of_another_shop(11));
    assert_eq!(warned(&judged), (Some(12), Some(WarningKind::NoSuchTrade)));
    // Once it is expected, the same letter is judged again.
    let _ = ledger.act(&expect(LINK));
    assert_eq!(ledger.open(), ["wrong-sender"]);
    let _ = ledger.act(&forget());
    assert_eq!(ledger.open(), ["no-such-trade"]);
}

/// Line 11.
#[test]
fn more_than_the_expected_total_is_an_offer_that_needs_acceptance() {
    for (link, accepted) in [
        ("total=58.00EUR", true),
        ("total=60.00EUR", true),
        ("", true),
        ("total=57.99EUR", false),
        ("total=58.00USD", false),
    ] {
        let link = format!("tradepost:orders@shop.example?trade=T-1&{link}");
        let mut ledger = Ledger::new();
        let _ = ledger.act(&expect(&link));
        let judged = ledger.hear(record(10, "T-1", 1));
        if accepted {
            assert_eq!(judged.verdict, Verdict::Applied, "{link}");
            continue;
        }
        let changed = (Some(11), Some(WarningKind::ChangedContents));
        assert_eq!(warned(&judged), changed, "{link}");
        assert_eq!(ledger.trades(), Vec::<Value>::new());
        let _ = ledger.act(&Act::Accept {
            warning: judged.warning_id.unwrap(),
        });
        assert_eq!(ledger.trade("T-1")["origin"], "expected");
    }
}

#[test]
fn later_versions_may_not_cost_more_than_expected_either() {
    let mut ledger = Ledger::new();
    let _ = ledger.act(&expect(
        "tradepost:orders@shop.example?trade=T-1&total=60.00EUR",
    ));
    let _ = ledger.hear(record(10, "T-1", 1));
    let dearer = |n: u64, version: u32, shipping: &str, total: &str| {
        let mut record = record(n, "T-1", version);
        record["body"]["charges"][0]["price"] = eur(shipping);
        record["body"]["total"] = eur(total);
        record
    };
    assert_eq!(
        ledger.hear(dearer(11, 2, "7.00", "60.00")).verdict,
        Verdict::Applied
    );
    let judged = ledger.hear(dearer(12, 3, "7.01", "60.01"));
    assert_eq!(
        warned(&judged),
        (Some(11), Some(WarningKind::ChangedContents))
    );
    assert_eq!(ledger.trade("T-1")["total"], eur("60.00"));
}

#[test]
fn an_adopted_trade_becomes_expected_and_is_judged_again() {
    let mut ledger = Ledger::new();
    assert_eq!(ledger.hear(record(10, "T-1", 1)).verdict, Verdict::Adopted);
    assert_eq!(view::stats(&ledger.rows).adopted, 1);
    let mut dearer = ledger.clone();
    let _ = ledger.act(&expect(LINK));
    assert_eq!(ledger.trade("T-1")["origin"], "expected");
    let stats = view::stats(&ledger.rows);
    assert_eq!((stats.trades, stats.adopted), (1, 0));
    // The same link again changes nothing.
    let again = buyer::act(&ledger.settings, &ledger.rows, &expect(LINK), ledger.now).unwrap();
    assert!(again.rows.is_empty(), "{again:?}");

    let _ = dearer.act(&expect(
        "tradepost:orders@shop.example?trade=T-1&total=40.00EUR",
    ));
    assert_eq!(dearer.open(), ["changed-contents"]);
    assert_eq!(view::stats(&dearer.rows).adopted, 0);
    // Forgetting it gives back what was adopted.
    let _ = dearer.act(&forget());
    assert_eq!(dearer.trade("T-1")["origin"], "adopted");
    assert_eq!(dearer.open(), Vec::<String>::new());
}

#[test]
fn letters_that_were_warned_before_are_judged_again() {
    let mut ledger = Ledger::new();
    ledger.settings.adopt = Adopt::Off;
    let early = ledger.hear(delivery_status(20, "T-1", 1, "in-transit"));
    let judged = ledger.hear(record(10, "T-1", 1));
    for judged in [&early, &judged] {
        assert_eq!(warned(judged), (Some(12), Some(WarningKind::NoSuchTrade)));
    }
    let mut other_id = ledger.clone();
    let _ = ledger.act(&expect(LINK));
    assert_eq!(ledger.trade("T-1")["origin"], "expected");
    assert_eq!(ledger.trade("T-1")["delivery"][0]["state"], "in-transit");
    assert_eq!(ledger.open(), Vec::<String>::new());
    let _ = other_id.act(&expect("tradepost:orders@shop.example?trade=T-2"));
    assert_eq!(other_id.trades(), Vec::<Value>::new());
}

#[test]
fn what_was_expected_first_or_last_gives_the_same_ledger() {
    let letters = [
        record(10, "T-1", 1),
        of_another_shop(11),
        delivery_status(20, "T-1", 1, "in-transit"),
        payment_status(21, "T-1", 1, "settled"),
    ];
    let mut shown = Vec::new();
    for at in 0..=letters.len() {
        let mut ledger = Ledger::new();
        ledger.settings.adopt = Adopt::Off;
        for (i, letter) in letters.iter().enumerate() {
            if i == at {
                let _ = ledger.act(&expect(LINK));
            }
            let _ = ledger.hear(letter.clone());
        }
        if at == letters.len() {
            let _ = ledger.act(&expect(LINK));
        }
        shown.push((ledger.trades(), ledger.open()));
    }
    assert_eq!(shown[0].0.len(), 1);
    assert_eq!(shown[0].1, ["wrong-sender"]);
    assert!(shown.iter().all(|s| *s == shown[0]), "{shown:?}");
}

#[test]
fn what_was_ordered_here_is_not_expected_and_what_has_come_is_not_forgotten() {
    let refused = |ledger: &Ledger, act: &Act| {
        buyer::act(&ledger.settings, &ledger.rows, act, ledger.now).unwrap_err()
    };
    let name = trade(SHOP, "T-1");
    let mut ledger = Ledger::new();
    assert_eq!(
        refused(&ledger, &forget()),
        ActRefusal::NotExpected(name.clone())
    );
    let _ = ledger.say(&order(1, SHOP));
    let answer = with(record(10, "T-1", 1), "request", request(1));
    let _ = ledger.hear(with(answer, "answers", uuid(1)));
    assert_eq!(
        refused(&ledger, &expect(LINK)),
        ActRefusal::WasOrderedHere(name.clone())
    );
    let mut ledger = expecting();
    let mut unexpected = ledger.clone();
    let _ = unexpected.act(&forget());
    assert_eq!(view::expected(&unexpected.rows), []);
    assert_eq!(
        unexpected.hear(record(10, "T-1", 1)).verdict,
        Verdict::Adopted
    );
    let _ = ledger.hear(record(10, "T-1", 1));
    assert_eq!(refused(&ledger, &forget()), ActRefusal::HasCome(name));
}
