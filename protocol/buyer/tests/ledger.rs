//! What the ledger does beside judging single letters: orders and their answers, adoption,
//! acts of the person, letters that overtake one another, counts, limits and reminders.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use serde_json::{Value, json};
use support::*;
use tradepost_buyer::{self as buyer, Act, Adopt, Verdict, WarningKind, view};
use tradepost_statements::Evidence;

fn ordered() -> Ledger {
    let mut ledger = Ledger::new();
    assert_eq!(
        ledger.say(&order(1, SHOP)).judgement.unwrap().verdict,
        Verdict::Sent
    );
    ledger
}

fn answer(n: u64, version: u32) -> Value {
    with(
        with(record(n, "T-1", version), "request", request(1)),
        "answers",
        uuid(1),
    )
}

fn warning_ids(ledger: &Ledger) -> Vec<u64> {
    view::warnings(&ledger.rows, false)
        .iter()
        .map(|w| w.id)
        .collect()
}

#[test]
fn a_status_that_overtakes_its_record_counts_once_the_record_is_there() {
    let mut ledger = ordered();
    let early = ledger.hear(delivery_status(20, "T-1", 1, "in-transit"));
    assert_eq!(
        (early.rule, early.warning),
        (Some(12), Some(WarningKind::NoSuchTrade))
    );
    assert_eq!(ledger.trades(), Vec::<Value>::new());
    assert_eq!(ledger.hear(answer(10, 1)).verdict, Verdict::Applied);
    assert_eq!(ledger.trade("T-1")["delivery"][0]["state"], "in-transit");
    assert_eq!(ledger.open(), Vec::<String>::new());
    let closed = view::warning(&ledger.rows, early.warning_id.unwrap()).unwrap();
    assert_eq!(closed.state.to_string(), "resolved");
}

#[test]
fn an_answer_counts_once_the_order_is_found_in_sent() {
    let mut ledger = Ledger::new();
    let judged = ledger.hear(answer(10, 1));
    assert_eq!(
        (judged.rule, judged.warning),
        (Some(8), Some(WarningKind::UnknownRequest))
    );
    let found = buyer::own(
        &ledger.settings,
        &ledger.rows,
        &order(1, SHOP).to_string(),
        None,
        buyer::OwnHow::FoundInSent,
        ledger.now,
    );
    let found = ledger.take(found);
    assert_eq!(found.judgement.unwrap().verdict, Verdict::Sent);
    assert_eq!(ledger.trade("T-1")["origin"], "placed");
    assert_eq!(ledger.open(), Vec::<String>::new());
    // Who found it does not send it again: the client that sent it does.
    assert_eq!(ledger.wake(), None);
}

#[test]
fn a_changed_record_is_an_offer_that_counts_once_it_is_accepted() {
    let mut ledger = ordered();
    let mut changed = answer(10, 1);
    changed["body"]["payment"]["processor"] = json!("cash@evil.example");
    changed["body"]["total"] = eur("57.00");
    changed["body"]["discounts"] = json!([{ "name": "Sale", "price": eur("1.00") }]);
    assert_eq!(
        ledger.hear(changed.clone()).verdict,
        Verdict::Applied,
        "a lower total is no change for the worse"
    );

    let mut ledger = ordered();
    changed["body"]["charges"][0]["price"] = eur("10.00");
    changed["body"]["total"] = eur("62.00");
    let judged = ledger.hear(changed);
    assert_eq!(
        (judged.rule, judged.warning),
        (Some(11), Some(WarningKind::ChangedContents))
    );
    assert_eq!(ledger.trades(), Vec::<Value>::new());
    let from_new_processor = with(
        payment_status(30, "T-1", 1, "pending"),
        "from",
        "cash@evil.example",
    );
    assert_eq!(
        ledger.hear(from_new_processor).warning,
        Some(WarningKind::NoSuchTrade)
    );
    let accepted = ledger.act(&Act::Accept {
        warning: judged.warning_id.unwrap(),
    });
    assert_eq!(accepted.judgement.unwrap().verdict, Verdict::Applied);
    assert_eq!(ledger.trade("T-1")["total"], eur("62.00"));
    assert_eq!(
        ledger.show("T-1")["parties"]["processor"],
        "cash@evil.example"
    );
    assert_eq!(
        ledger.open(),
        ["wrong-amount"],
        "its status names the other total"
    );
}

#[test]
fn an_accepted_letter_is_judged_on_from_the_next_line() {
    let mut ledger = ordered();
    let _ = ledger.hear(answer(10, 1));
    let letter = Letter {
        evidence: Evidence::None,
        ..Letter::of(with(
            delivery_status(20, "T-1", 1, "in-transit"),
            "to",
            "bob@home.example",
        ))
    };
    let first = ledger.receive(&letter);
    assert_eq!(
        (first.rule, first.warning),
        (Some(3), Some(WarningKind::UnprovenSender))
    );
    let second = ledger
        .act(&Act::Accept {
            warning: first.warning_id.unwrap(),
        })
        .judgement
        .unwrap();
    assert_eq!(
        (second.rule, second.warning),
        (Some(6), Some(WarningKind::WrongRecipient))
    );
    let third = ledger
        .act(&Act::Accept {
            warning: second.warning_id.unwrap(),
        })
        .judgement
        .unwrap();
    assert_eq!(third.verdict, Verdict::Applied);
    assert_eq!(ledger.trade("T-1")["delivery"][0]["state"], "in-transit");
    let history = ledger.show("T-1")["history"].clone();
    assert_eq!(history[0]["evidence"], "none");
    let closed = buyer::act(
        &ledger.settings,
        &ledger.rows,
        &Act::Accept {
            warning: first.warning_id.unwrap(),
        },
        ledger.now,
    );
    assert!(closed.is_err());
}

#[test]
fn a_dismissed_warning_stays_dismissed() {
    let mut ledger = ordered();
    let _ = ledger.hear(answer(10, 1));
    let judged = ledger.hear(with(
        delivery_status(20, "T-1", 1, "in-transit"),
        "from",
        EVIL,
    ));
    let _ = ledger.act(&Act::Dismiss {
        warning: judged.warning_id.unwrap(),
    });
    assert_eq!(ledger.open(), Vec::<String>::new());
    let _ = ledger.hear(delivery_status(21, "T-1", 1, "in-transit"));
    assert_eq!(ledger.open(), Vec::<String>::new());
    assert_eq!(
        view::warnings(&ledger.rows, true)[0].state.to_string(),
        "dismissed"
    );
}

#[test]
fn an_impossible_step_counts_when_the_person_says_so() {
    let mut ledger = ordered();
    let _ = ledger.hear(answer(10, 1));
    let _ = ledger.hear(delivery_status(20, "T-1", 1, "delivered"));
    let step = ledger.hear(delivery_status(21, "T-1", 2, "in-transit"));
    assert_eq!(
        (step.rule, step.warning),
        (Some(16), Some(WarningKind::ImpossibleStep))
    );
    assert_eq!(ledger.trade("T-1")["delivery"][0]["state"], "delivered");
    let _ = ledger.act(&Act::Accept {
        warning: step.warning_id.unwrap(),
    });
    assert_eq!(ledger.trade("T-1")["delivery"][0]["state"], "in-transit");
    assert_eq!(ledger.open(), Vec::<String>::new());
}

#[test]
fn an_order_placed_elsewhere_is_adopted_as_the_person_decided() {
    let mut ledger = Ledger::new();
    assert_eq!(ledger.hear(record(10, "T-1", 1)).verdict, Verdict::Adopted);
    assert_eq!(ledger.trade("T-1")["origin"], "adopted");
    let stats = view::stats(&ledger.rows);
    assert_eq!((stats.trades, stats.adopted, stats.unpaid), (0, 1, 0));
    let _ = ledger.act(&Act::ConfirmAdopted {
        trade: trade(SHOP, "T-1"),
    });
    let stats = view::stats(&ledger.rows);
    assert_eq!((stats.trades, stats.adopted, stats.unpaid), (1, 0, 1));
    // A later version that costs more is no longer what was adopted.
    let mut dearer = record(11, "T-1", 2);
    dearer["body"]["payment"]["processor"] = json!("cash@evil.example");
    assert_eq!(
        ledger.hear(dearer).warning,
        Some(WarningKind::ChangedContents)
    );

    for adopt in [Adopt::Ask, Adopt::Off] {
        let mut ledger = Ledger::new();
        ledger.settings.adopt = adopt;
        let judged = ledger.hear(record(10, "T-1", 1));
        assert_eq!(
            (judged.rule, judged.warning),
            (Some(12), Some(WarningKind::NoSuchTrade))
        );
        let accepted = ledger.act(&Act::Accept {
            warning: judged.warning_id.unwrap(),
        });
        assert_eq!(accepted.judgement.unwrap().verdict, Verdict::Adopted);
        assert_eq!(ledger.hear(record(11, "T-1", 2)).verdict, Verdict::Applied);
    }
}

#[test]
fn a_rejected_order_is_answered_and_a_trade_for_it_is_a_second_answer() {
    let rejection = |n| {
        let body = json!({ "kind": "order-rejected", "reason": "declined", "text": "No." });
        with(
            with(statement(n, SHOP, ANN, body), "request", request(1)),
            "answers",
            uuid(1),
        )
    };
    let mut ledger = ordered();
    assert_eq!(ledger.hear(rejection(10)).verdict, Verdict::Applied);
    let asked = &view::requests(&ledger.rows)[0];
    assert_eq!(
        (asked.state, asked.reason.as_deref()),
        (view::RequestState::Refused, Some("declined"))
    );
    assert_eq!(
        ledger.hear(answer(11, 1)).warning,
        Some(WarningKind::SecondTrade)
    );

    let mut ledger = ordered();
    assert_eq!(ledger.hear(answer(11, 1)).verdict, Verdict::Applied);
    assert_eq!(
        ledger.hear(rejection(10)).warning,
        Some(WarningKind::SecondTrade)
    );
    let asked = &view::requests(&ledger.rows)[0];
    assert_eq!(asked.state, view::RequestState::Answered);
}

#[test]
fn an_unanswered_order_is_sent_again_and_after_three_days_there_is_a_warning() {
    let mut ledger = Ledger::new();
    let _ = ledger.say(&order(1, SHOP));
    let mut wake = ledger.wake().unwrap();
    assert!((at(9)..=at(11)).contains(&wake), "{wake}");
    let mut sent_again = 0;
    while wake < at(3 * 24 * 60) {
        let change = ledger.tick(wake);
        assert_eq!(change.say_again.len(), 1);
        sent_again += 1;
        assert_eq!(ledger.open(), Vec::<String>::new());
        let _ = ledger.say(&order(1, SHOP));
        wake = ledger.wake().unwrap();
    }
    assert!((8..20).contains(&sent_again), "{sent_again}");
    let _ = ledger.tick(wake);
    assert_eq!(ledger.open(), ["no-answer"]);
    assert_eq!(ledger.hear(answer(10, 1)).verdict, Verdict::Applied);
    assert_eq!(ledger.open(), Vec::<String>::new());
    assert_eq!(ledger.tick(at(99 * 24 * 60)).say_again, Vec::new());
}

// Requirements: Q4
#[test]
fn a_shop_that_never_saw_the_order_gets_it_again() {
    let mut ledger = ordered();
    let ask = with(
        statement(2, ANN, SHOP, json!({ "kind": "status-request" })),
        "request",
        request(1),
    );
    let _ = ledger.say(&ask);
    let unknown = |asked| {
        Letter::of(with(
            statement(10, SHOP, ANN, json!({ "kind": "unknown-trade" })),
            "answers",
            uuid(asked),
        ))
    };
    let change = ledger.clone().change_by(&unknown(2), "d");
    let again: Vec<String> = change.say_again.iter().map(ToString::to_string).collect();
    assert_eq!(again, [uuid(1)]);

    // Once the shop has answered the order, there is nothing to send again.
    let _ = ledger.hear(answer(11, 1));
    let change = ledger.change_by(&unknown(2), "d");
    assert_eq!(
        (change.judgement.unwrap().verdict, change.say_again),
        (Verdict::Applied, Vec::new())
    );
}

// Requirements: E20
#[test]
fn the_unpaid_limit_warns_once_for_each_time_that_it_is_reached() {
    let mut ledger = ordered();
    ledger.settings.unpaid_limits = vec!["58.00 EUR".parse().unwrap()];
    assert_eq!(ledger.open(), Vec::<String>::new());
    let _ = ledger.hear(answer(10, 1));
    assert_eq!(ledger.open(), ["unpaid-limit"]);
    let _ = ledger.hear(payment_status(30, "T-1", 1, "pending"));
    assert_eq!(ledger.open(), ["unpaid-limit"]);
    let _ = ledger.hear(payment_status(31, "T-1", 2, "settled"));
    assert_eq!(ledger.open(), Vec::<String>::new());
    assert_eq!(view::stats(&ledger.rows).unpaid_total, Vec::new());

    let mut below = ordered();
    below.settings.unpaid_limits = vec!["58.01 EUR".parse().unwrap()];
    let _ = below.hear(answer(10, 1));
    assert_eq!(below.open(), Vec::<String>::new());
}

#[test]
fn a_promise_that_has_passed_is_overdue_until_it_is_kept() {
    let mut ledger = ordered();
    let _ = ledger.hear(answer(10, 1));
    let mut planned = delivery_status(20, "T-1", 1, "in-transit");
    planned["body"]["delivery"]["planned"] = json!(at(100).to_string());
    let _ = ledger.hear(planned);
    let _ = ledger.tick(at(99));
    assert_eq!(
        (ledger.open(), &ledger.trade("T-1")["overdue"]),
        (Vec::new(), &json!(false))
    );
    let _ = ledger.tick(at(101));
    assert_eq!(
        (ledger.open(), &ledger.trade("T-1")["overdue"]),
        (vec!["overdue-delivery".to_owned()], &json!(true))
    );
    let _ = ledger.hear(delivery_status(21, "T-1", 2, "delivered"));
    assert_eq!(
        (ledger.open(), &ledger.trade("T-1")["overdue"]),
        (Vec::new(), &json!(false))
    );
}

#[test]
fn a_flood_of_unproven_letters_is_grouped() {
    let mut ledger = ordered();
    let _ = ledger.hear(answer(10, 1));
    for n in 0..50 {
        let forged = Letter {
            evidence: Evidence::None,
            ..Letter::of(delivery_status(100 + n, "T-1", 1, "delivered"))
        };
        assert_eq!(
            ledger.receive(&forged).warning,
            Some(WarningKind::UnprovenSender)
        );
    }
    let open = view::warnings(&ledger.rows, false);
    assert_eq!(open.len(), 20);
    assert_eq!(open.last().unwrap().more, 30);
    assert_eq!(ledger.trade("T-1")["delivery"], json!([]));
}

// Requirements: E16
#[test]
fn pending_shrinks_to_nothing_and_the_trade_ends() {
    let mut ledger = ordered();
    let _ = ledger.hear(answer(10, 1));
    let steps: [(Value, &str); 5] = [
        (order_status(11, "T-1", 1, "shipped"), "undelivered unpaid"),
        (
            delivery_status(20, "T-1", 1, "in-transit"),
            "undelivered unpaid",
        ),
        (
            payment_status(30, "T-1", 1, "authorized"),
            "undelivered unpaid",
        ),
        (payment_status(31, "T-1", 2, "settled"), "undelivered"),
        (delivery_status(21, "T-1", 2, "delivered"), ""),
    ];
    for (statement, expected) in steps {
        assert_eq!(ledger.hear(statement).verdict, Verdict::Applied);
        let t = ledger.trade("T-1");
        let mut words = Vec::new();
        if !view::pending(&ledger.rows, ledger.now).is_empty() {
            words.push("undelivered");
        }
        if t["paid"] == json!(false) {
            words.push("unpaid");
        }
        assert_eq!(words.join(" "), expected);
        assert_eq!(t["ended"], json!(expected.is_empty()));
    }
    assert_eq!(ledger.show("T-1")["history"].as_array().unwrap().len(), 5);
    assert!(warning_ids(&ledger).is_empty());
}

#[test]
fn two_shops_with_one_trade_id_are_told_apart_by_name() {
    let mut ledger = Ledger::new();
    let _ = ledger.hear(record(10, "T-1", 1));
    let mut other = with(record(11, "T-1", 1), "from", "orders@other.example");
    other["trade"]["shop"] = json!("orders@other.example");
    assert_eq!(ledger.hear(other).verdict, Verdict::Adopted);
    assert!(matches!(
        view::find(&ledger.rows, "T-1"),
        Err(view::FindError::Several { .. })
    ));
    assert_eq!(
        view::find(&ledger.rows, "orders@other.example/T-1"),
        Ok(trade("orders@other.example", "T-1"))
    );
    assert_eq!(
        view::find(&ledger.rows, "T-2"),
        Err(view::FindError::None("T-2".to_owned()))
    );
}

#[test]
fn an_adopted_trade_keeps_its_lines_and_its_total_unless_the_person_agrees() {
    let mut ledger = Ledger::new();
    assert_eq!(ledger.hear(record(10, "T-1", 1)).verdict, Verdict::Adopted);
    let total = |n: u64, version: u32, shipping: &str, total: &str| {
        let mut other = record(n, "T-1", version);
        other["body"]["charges"][0]["price"] = eur(shipping);
        other["body"]["total"] = eur(total);
        other
    };
    assert_eq!(
        ledger.hear(total(13, 2, "5.00", "58.00")).verdict,
        Verdict::Applied
    );
    let cheaper = ledger.hear(total(14, 3, "4.00", "57.00"));
    let dearer = ledger.hear(total(11, 4, "6.00", "59.00"));
    for judged in [cheaper, dearer.clone()] {
        assert_eq!(judged.warning, Some(WarningKind::ChangedContents));
    }
    assert_eq!(ledger.trade("T-1")["total"], eur("58.00"));
    let _ = ledger.act(&Act::Accept {
        warning: dearer.warning_id.unwrap(),
    });
    assert_eq!(ledger.trade("T-1")["total"], eur("59.00"));
    let mut other = record(12, "T-1", 5);
    other["body"]["lines"][0]["price"] = eur("23.00");
    other["body"]["charges"][0]["price"] = eur("7.00");
    assert_eq!(
        ledger.hear(other).warning,
        Some(WarningKind::ChangedContents)
    );
}

#[test]
fn what_was_refused_is_no_part_of_the_history() {
    let mut ledger = ordered();
    let _ = ledger.hear(answer(10, 1));
    let _ = ledger.hear(with(
        delivery_status(20, "T-1", 1, "in-transit"),
        "from",
        EVIL,
    ));
    assert_eq!(ledger.show("T-1")["history"], json!([]));
    let _ = ledger.hear(delivery_status(21, "T-1", 1, "in-transit"));
    let _ = ledger.hear(delivery_status(22, "T-1", 2, "announced"));
    let outcomes: Vec<Value> = ledger.show("T-1")["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|h| h["outcome"].clone())
        .collect();
    assert_eq!(outcomes, [json!("applied"), json!("warned")]);
}

#[test]
fn a_placed_trade_is_confirmed_to_the_shop_and_an_adopted_one_only_where_it_waits() {
    let said = |ledger: &Ledger| buyer::confirm(&ledger.rows, &trade(SHOP, "T-1")).unwrap();
    let mut ledger = ordered();
    let _ = ledger.hear(answer(10, 1));
    let buyer::Saying { to, body, .. } = said(&ledger).unwrap();
    assert_eq!(to, address(SHOP));
    let json = tradepost_statements::wire::body_to_value(&body);
    assert_eq!(json, json!({ "kind": "confirm", "version": 1 }));

    let mut adopted = Ledger::new();
    let _ = adopted.hear(record(10, "T-1", 1));
    assert_eq!(said(&adopted), None);
    let mut waiting = Ledger::new();
    let mut waits = record(10, "T-1", 1);
    waits["body"]["confirm_by"] = json!(at(99).to_string());
    let _ = waiting.hear(waits);
    assert!(said(&waiting).is_some());
}
