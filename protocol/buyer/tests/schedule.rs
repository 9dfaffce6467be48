//! What the client asks by itself (E22), in simulated time: when, whom, how often, and until when.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use support::{
    ANN, CARRIER, Ledger, PAY, SHOP, about, at, delivery_status, order, order_status,
    payment_status, record, request, statement, trade, uuid, with,
};
use tradepost_buyer::{
    self as buyer, Act, ActRefusal, AskedParty, BuyerChange, Plan, Planned, PlannedWhen, Until,
    Verdict, view,
};
use tradepost_statements::Time;

const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;

fn order_and_record(ledger: &mut Ledger, n: u64, id: &str) {
    let _ = ledger.say(&order(n, SHOP));
    let answer = with(record(100 + n, id, 1), "request", request(n));
    assert_eq!(ledger.hear(answer).verdict, Verdict::Applied);
}

fn with_trade() -> Ledger {
    let mut ledger = Ledger::new();
    order_and_record(&mut ledger, 1, "T-1");
    ledger
}

fn minutes(n: i64) -> Duration {
    Duration::from_secs(60 * n.unsigned_abs())
}

fn plan(id: &str, every: i64) -> Plan {
    Plan {
        about: Planned::Trade {
            trade: trade(SHOP, id),
        },
        parties: BTreeSet::new(),
        when: PlannedWhen::Every {
            span: minutes(every),
        },
        until: Until::Ended,
    }
}

fn all_pending(every: i64) -> Plan {
    Plan {
        about: Planned::AllPending,
        ..plan("T-1", every)
    }
}

fn only(party: AskedParty, plan: Plan) -> Plan {
    Plan {
        parties: BTreeSet::from([party]),
        ..plan
    }
}

fn add(ledger: &mut Ledger, plan: Plan, next: Time) -> BuyerChange {
    ledger.act(&Act::Schedule { plan, next })
}

fn refusal(ledger: &Ledger, act: &Act) -> ActRefusal {
    buyer::act(&ledger.settings, &ledger.rows, act, ledger.now).unwrap_err()
}

fn asked(change: &BuyerChange) -> Vec<&str> {
    change.say.iter().map(|s| s.to.as_str()).collect()
}

/// Says what the ledger wants said, as the shell does, from the number `n` on.
fn say(ledger: &mut Ledger, change: &BuyerChange, n: u64) {
    for (n, saying) in (n..).zip(&change.say) {
        let question = statement(
            n,
            ANN,
            saying.to.as_str(),
            json!({ "kind": "status-request" }),
        );
        let question = with(question, "sent", ledger.now.to_string());
        let id = saying.trade.as_ref().unwrap().id.as_str().to_owned();
        let _ = ledger.say(&about(question, &id));
    }
}

fn plans(ledger: &Ledger) -> Vec<view::PlanView> {
    view::plans(&ledger.rows)
}

/// E22: which trades, when; the client then asks by itself.
// Requirements: E22
#[test]
fn a_plan_asks_again_and_again_in_its_rhythm() {
    let mut ledger = with_trade();
    let change = add(&mut ledger, plan("T-1", 12 * HOUR), at(12 * HOUR));
    assert!(ledger.wake().unwrap() <= at(12 * HOUR));
    assert_eq!(change.say, Vec::new(), "adding a plan asks nothing yet");
    assert_eq!(asked(&ledger.tick(at(12 * HOUR - 1))), [""; 0]);

    let mut numbers = 200;
    for round in 1..=4 {
        let change = ledger.tick(at(round * 12 * HOUR));
        assert_eq!(asked(&change), [SHOP, CARRIER, PAY], "round {round}");
        let again = ledger.tick(ledger.now);
        assert_eq!(again.say, Vec::new(), "nothing is due twice");
        say(&mut ledger, &change, numbers);
        let told = order_status(
            300 + numbers,
            "T-1",
            u32::try_from(round).unwrap(),
            "preparing",
        );
        let _ = ledger.hear(with(told, "answers", uuid(numbers)));
        for (n, from) in [(numbers + 1, CARRIER), (numbers + 2, PAY)] {
            let nothing = statement(400 + n, from, ANN, json!({ "kind": "unknown-trade" }));
            let _ = ledger.hear(with(nothing, "answers", uuid(n)));
        }
        numbers += 10;
    }
    let [plan] = plans(&ledger).try_into().unwrap();
    assert_eq!(
        (plan.last, plan.next),
        (Some(at(48 * HOUR)), Some(at(60 * HOUR)))
    );
    assert_eq!(plan.asked, 12);
}

/// E22: a machine that slept a week asks once, and then goes on in the same rhythm.
// Requirements: E22
#[test]
fn a_machine_that_slept_a_week_asks_once() {
    let mut ledger = with_trade();
    let _ = add(&mut ledger, plan("T-1", 12 * HOUR), at(12 * HOUR));
    let _ = add(&mut ledger, all_pending(6 * HOUR), at(6 * HOUR));
    let change = ledger.tick(at(7 * DAY + 30));
    assert_eq!(
        asked(&change),
        [SHOP, CARRIER, PAY],
        "two plans, one question each"
    );
    say(&mut ledger, &change, 200);
    let next: Vec<Option<Time>> = plans(&ledger).iter().map(|p| p.next).collect();
    assert_eq!(
        next,
        [Some(at(7 * DAY + 12 * HOUR)), Some(at(7 * DAY + 6 * HOUR))]
    );
    assert_eq!(ledger.tick(at(7 * DAY + 31)).say, Vec::new());
}

/// No two requests for the same trade and server while the first waits for its answer; what was
/// asked and never answered is a `no-answer` warning.
// Requirements: E22
#[test]
fn an_open_question_is_not_asked_again_and_becomes_a_warning() {
    let mut ledger = with_trade();
    ledger.settings.timers.answer_first = minutes(30 * DAY);
    ledger.settings.timers.answer_longest = minutes(30 * DAY);
    let _ = add(
        &mut ledger,
        only(AskedParty::Carrier, plan("T-1", 12 * HOUR)),
        at(12 * HOUR),
    );
    let change = ledger.tick(at(12 * HOUR));
    assert_eq!(asked(&change), [CARRIER]);
    say(&mut ledger, &change, 200);
    for round in 2..=6 {
        assert_eq!(
            ledger.tick(at(round * 12 * HOUR)).say,
            Vec::new(),
            "round {round}"
        );
    }
    assert_eq!(ledger.open(), [""; 0]);
    let _ = ledger.tick(at(12 * HOUR + 3 * DAY));
    assert_eq!(ledger.open(), ["no-answer"]);

    let told = with(
        delivery_status(20, "T-1", 1, "in-transit"),
        "answers",
        uuid(200),
    );
    assert_eq!(ledger.hear(told).verdict, Verdict::Applied);
    assert_eq!(ledger.open(), [""; 0], "the answer resolves it");
    assert_eq!(asked(&ledger.tick(at(4 * DAY))), [CARRIER]);
}

/// A server is not asked about the same trade again within the time that it needs, whoever asked.
#[test]
fn what_was_just_asked_is_not_asked_by_a_plan() {
    for (apart, expected) in [(31, vec![SHOP, PAY]), (30, vec![SHOP, CARRIER, PAY])] {
        let mut ledger = with_trade();
        ledger.settings.timers.ask_apart = minutes(apart);
        let _ = add(&mut ledger, plan("T-1", 12 * HOUR), at(12 * HOUR));
        ledger.now = at(12 * HOUR - 30);
        let question = statement(200, ANN, CARRIER, json!({ "kind": "status-request" }));
        let question = with(question, "sent", ledger.now.to_string());
        let _ = ledger.say(&about(question, "T-1"));
        let told = with(
            delivery_status(20, "T-1", 1, "in-transit"),
            "answers",
            uuid(200),
        );
        assert_eq!(ledger.hear(told).verdict, Verdict::Applied);
        assert_eq!(
            asked(&ledger.tick(at(12 * HOUR))),
            expected,
            "{apart} minutes apart"
        );
    }
}

/// E22: which trades. Those that are pending at the time; adopted ones only once confirmed.
// Requirements: E22
#[test]
fn a_plan_for_all_pending_asks_about_what_is_undelivered_then() {
    let mut ledger = with_trade();
    let _ = add(
        &mut ledger,
        only(AskedParty::Shop, all_pending(12 * HOUR)),
        at(12 * HOUR),
    );
    let _ = ledger.hear(record(110, "T-9", 1));
    order_and_record(&mut ledger, 2, "T-2");
    let _ = ledger.hear(order_status(20, "T-1", 1, "cancelled"));
    let about = |change: &BuyerChange| -> Vec<String> {
        let named = change
            .say
            .iter()
            .map(|s| s.trade.as_ref().unwrap().id.to_string());
        named.collect()
    };
    assert_eq!(about(&ledger.tick(at(12 * HOUR))), ["T-2"]);
    let _ = ledger.act(&Act::ConfirmAdopted {
        trade: trade(SHOP, "T-9"),
    });
    assert_eq!(about(&ledger.tick(at(24 * HOUR))), ["T-2", "T-9"]);
    assert_eq!(plans(&ledger).len(), 1, "it stands until it is removed");
}

/// E22: a plan ends by itself.
#[test]
fn a_plan_ends_with_what_it_waits_for() {
    let arrive = |ledger: &mut Ledger| {
        let _ = ledger.hear(order_status(20, "T-1", 1, "shipped"));
        let _ = ledger.hear(delivery_status(21, "T-1", 1, "delivered"));
    };
    let pay = |ledger: &mut Ledger| {
        let _ = ledger.hear(payment_status(22, "T-1", 1, "settled"));
    };
    for (until, left_when_delivered, left_when_paid) in [
        (Until::Delivered, 0, 1),
        (Until::Paid, 1, 0),
        (Until::Ended, 1, 1),
    ] {
        let mut ledger = with_trade();
        let plan = Plan {
            until,
            ..plan("T-1", 12 * HOUR)
        };
        let _ = add(&mut ledger, plan, at(12 * HOUR));
        let (mut delivered, mut paid) = (ledger.clone(), ledger);
        arrive(&mut delivered);
        assert_eq!(plans(&delivered).len(), left_when_delivered, "{until}");
        pay(&mut paid);
        assert_eq!(plans(&paid).len(), left_when_paid, "{until}");
        arrive(&mut paid);
        assert_eq!(plans(&paid).len(), 0, "the trade has ended ({until})");
        assert_eq!(paid.tick(at(12 * HOUR)).say, Vec::new());
    }
}

/// E22: removed, it asks no more.
#[test]
fn a_removed_plan_asks_no_more() {
    let mut ledger = with_trade();
    let _ = add(&mut ledger, plan("T-1", 12 * HOUR), at(12 * HOUR));
    let kept = ledger.clone().tick(at(12 * HOUR));
    assert_eq!(asked(&kept), [SHOP, CARRIER, PAY]);
    let _ = ledger.act(&Act::Unschedule { plan: 1 });
    assert_eq!(plans(&ledger), Vec::new());
    assert_eq!(ledger.tick(at(12 * HOUR)).say, Vec::new());
    assert_eq!(
        refusal(&ledger, &Act::Unschedule { plan: 1 }),
        ActRefusal::NoSuchPlan(1)
    );
}

/// A daily plan is told its times from outside, and asks once for each.
#[test]
fn a_daily_plan_asks_once_and_waits_for_its_next_time() {
    let mut ledger = with_trade();
    let daily = Plan {
        when: PlannedWhen::Daily {
            hour: 8,
            minute: 0,
            zone: "Europe/Berlin".to_owned(),
        },
        ..only(AskedParty::Shop, plan("T-1", 1))
    };
    let _ = add(&mut ledger, daily.clone(), at(600));
    assert_eq!(buyer::without_time(&ledger.rows), Vec::new());
    assert_eq!(asked(&ledger.tick(at(600))), [SHOP]);
    assert_eq!(buyer::without_time(&ledger.rows), [(1, daily.when)]);
    assert_eq!(ledger.tick(at(601)).say, Vec::new());
    let _ = ledger.act(&Act::ScheduleNext {
        plan: 1,
        next: at(600 + DAY),
    });
    assert!(ledger.wake().unwrap() <= at(600 + DAY));
    assert_eq!(buyer::without_time(&ledger.rows), Vec::new());
    assert_eq!(asked(&ledger.tick(at(600 + DAY))), [SHOP]);
}

#[test]
fn what_asks_for_nothing_or_too_often_is_refused() {
    let mut ledger = with_trade();
    let next = at(HOUR);
    let refused = |ledger: &Ledger, plan: Plan| refusal(ledger, &Act::Schedule { plan, next });
    let unknown = ActRefusal::NoSuchTrade(trade(SHOP, "T-7"));
    assert_eq!(refused(&ledger, plan("T-7", HOUR)), unknown);
    assert_eq!(
        refused(&ledger, plan("T-1", 9)),
        ActRefusal::AsksTooOften { least: minutes(10) }
    );
    let _ = add(&mut ledger, plan("T-1", 10), next);
    let _ = ledger.hear(payment_status(22, "T-1", 1, "settled"));
    let until_paid = Plan {
        until: Until::Paid,
        ..plan("T-1", HOUR)
    };
    assert_eq!(
        refused(&ledger, until_paid),
        ActRefusal::NothingToWaitFor(trade(SHOP, "T-1"), Until::Paid)
    );
    let _ = add(&mut ledger, plan("T-1", HOUR), next);
}

/// Other settings hold for the plans that there are; a clock that ran ahead puts off none for good.
#[test]
fn plans_follow_changed_settings_and_a_mended_clock() {
    let mut ledger = with_trade();
    let _ = add(
        &mut ledger,
        only(AskedParty::Shop, plan("T-1", HOUR)),
        at(HOUR),
    );
    let change = ledger.tick(at(HOUR));
    say(&mut ledger, &change, 200);
    let told = with(
        order_status(20, "T-1", 1, "preparing"),
        "answers",
        uuid(200),
    );
    let _ = ledger.hear(told);
    ledger.settings.timers.ask_apart = minutes(90);
    assert_eq!(ledger.tick(at(2 * HOUR)).say, Vec::new());
    assert_eq!(asked(&ledger.tick(at(3 * HOUR))), [SHOP]);

    let _ = ledger.tick(at(365 * DAY));
    assert_eq!(plans(&ledger)[0].next, Some(at(365 * DAY + HOUR)));
    let _ = ledger.tick(at(4 * HOUR));
    assert_eq!(plans(&ledger)[0].next, Some(at(5 * HOUR)));
    assert_eq!(asked(&ledger.tick(at(5 * HOUR))), [SHOP]);
}
