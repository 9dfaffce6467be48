//! The shop hands its trades to the merchant's fulfilment system, asks it how far they are, and
//! takes what it answers (E8).

use std::time::Duration;

use serde_json::{Value, json};
use tradepost_parties::fulfilment;
use tradepost_parties::fulfilment::{Job, JobKind, JobResult};
use tradepost_parties::kernel::settings::Fulfilment;
use tradepost_parties::kernel::{Ignored, PartyOutcome};
use tradepost_parties::roles::jobs;
use tradepost_statements::Kind;

use crate::server::{ANN, Came, SHOP, Server, trade};

fn with_fulfilment(mut shop: Server) -> Server {
    shop.settings.jobs.fulfilment = Some(Fulfilment {
        progress_every: Some(Duration::from_secs(1800)),
    });
    shop
}

fn due(shop: &Server) -> Vec<Job> {
    fulfilment::due(&shop.rows, shop.now, 100)
}

fn names(shop: &Server) -> Vec<String> {
    due(shop).iter().map(Job::name).collect()
}

fn answer(value: &Value) -> JobResult {
    JobResult::Answered(value.to_string().into_bytes())
}

fn failed(why: &str) -> JobResult {
    JobResult::Failed(why.to_owned())
}

impl Server {
    fn done(&mut self, id: &str, result: &JobResult) -> Came {
        let mut ids = self.fresh();
        let change = jobs::done(
            &self.settings,
            &self.rows,
            id,
            result,
            self.now,
            0.0,
            &mut ids,
        );
        self.apply(change)
    }
}

// Requirements: E8
#[test]
fn a_trade_is_handed_over_once_and_what_fulfilment_answers_is_told_to_the_buyer() {
    let mut shop = with_fulfilment(Server::shop());
    let id = shop.order();
    let jobs = due(&shop);
    assert_eq!(names(&shop), [format!("{id}.hand-over")]);
    let input = fulfilment::input_of(&shop.rows, &jobs[0]).unwrap();
    assert_eq!(input["version"], 1);
    assert_eq!(input["kind"], "hand-over");
    assert_eq!(input["trade"], json!(id));
    assert_eq!(input["buyer"], ANN);
    assert_eq!(input["record"]["lines"][0]["quantity"], 2);
    assert_eq!(input["record"]["buyer"]["address"]["city"], "York");
    assert_eq!(input["order"]["state"], "received");
    // The token is for the payment processor alone.
    assert!(!input.to_string().contains("tok_1"), "{input}");

    let events = json!({ "version": 1, "events": [
        { "track": "order", "state": "preparing", "planned": "2026-11-21T10:00:00Z" },
    ]});
    let came = shop.done(&jobs[0].id, &answer(&events));
    assert_eq!(
        came.outcome,
        PartyOutcome::JobDone(format!("{id}.hand-over"))
    );
    assert_eq!(came.body(Kind::OrderStatus, ANN)["state"], "preparing");
    assert_eq!(names(&shop), Vec::<String>::new());
    // Other changes of the trade do not hand it over again.
    shop.hears(ANN, trade(&id), json!({ "kind": "confirm", "version": 1 }));
    assert_eq!(names(&shop), Vec::<String>::new());
}

#[test]
fn without_a_fulfilment_system_nothing_is_handed_over() {
    let mut shop = Server::shop();
    shop.order();
    assert_eq!(names(&shop), Vec::<String>::new());
    assert_eq!(fulfilment::next_due(&shop.rows), None);
}

#[test]
fn a_trade_that_waits_for_the_buyers_confirm_is_not_handed_over_before() {
    let mut shop = with_fulfilment(Server::shop());
    shop.settings.shop.as_mut().unwrap().confirm_within = Some(Duration::from_secs(3600));
    let id = shop.order();
    assert_eq!(names(&shop), Vec::<String>::new());
    shop.hears(ANN, trade(&id), json!({ "kind": "confirm", "version": 1 }));
    assert_eq!(names(&shop), [format!("{id}.hand-over")]);
}

// Requirements: E8
#[test]
fn progress_is_asked_for_on_a_schedule_until_the_order_has_ended() {
    let mut shop = with_fulfilment(Server::shop());
    let id = shop.order();
    let hand_over = format!("{id}.hand-over");
    let progress = format!("{id}.progress");
    shop.done(&hand_over, &answer(&json!({})));
    for round in 1..4 {
        assert_eq!(names(&shop), Vec::<String>::new());
        let at = fulfilment::next_due(&shop.rows).unwrap();
        assert_eq!(at.since(shop.now), Duration::from_secs(1800));
        shop.later(1800);
        assert_eq!(names(&shop), [format!("{progress}.{round}")]);
        shop.done(&progress, &answer(&json!({ "events": [] })));
    }
    // Two steps at once, the second of which ends the track.
    shop.later(1800);
    let both = json!({ "events": [
        { "track": "order", "state": "preparing" }, { "track": "order", "state": "shipped" },
    ]});
    let came = shop.done(&progress, &answer(&both));
    let states: Vec<_> = came.kinds();
    assert_eq!(states, ["order-status ann", "order-status ann"]);
    assert_eq!(fulfilment::next_due(&shop.rows), None);
}

#[test]
fn a_machine_that_slept_a_week_asks_for_progress_once() {
    let mut shop = with_fulfilment(Server::shop());
    let id = shop.order();
    shop.done(&format!("{id}.hand-over"), &answer(&json!({})));
    shop.later(7 * 24 * 3600);
    assert_eq!(names(&shop), [format!("{id}.progress.1")]);
    shop.done(&format!("{id}.progress"), &answer(&json!({})));
    assert_eq!(names(&shop), Vec::<String>::new());
}

#[test]
fn parcels_that_the_shop_itself_carries_are_asked_for_until_they_have_arrived() {
    let mut shop = with_fulfilment(Server::all_in_one());
    let id = shop.order();
    let events = json!({ "events": [{ "track": "order", "state": "shipped" }] });
    shop.done(&format!("{id}.hand-over"), &answer(&events));
    shop.later(1800);
    assert_eq!(names(&shop), [format!("{id}.progress.1")]);
    let events = json!({ "events": [{ "track": "delivery", "state": "delivered" }] });
    shop.done(&format!("{id}.progress"), &answer(&events));
    assert_eq!(fulfilment::next_due(&shop.rows), None);
}

#[test]
fn an_answer_counts_as_a_whole_or_not_at_all() {
    let mut shop = with_fulfilment(Server::shop());
    let id = shop.order();
    let job = format!("{id}.hand-over");
    let good = json!({ "track": "order", "state": "preparing" });
    let bad: [(Value, &str); 8] = [
        (
            json!({ "events": [good, { "track": "order", "state": "lost" }] }),
            "events[1]",
        ),
        (
            json!({ "events": [good, { "track": "delivery", "state": "delivered" }] }),
            "events[1]",
        ),
        (
            json!({ "events": [{ "track": "order", "state": "preparing", "key": "k" }] }),
            "key",
        ),
        (
            json!({ "events": [{ "track": "order", "state": "preparing", "trade": "T-2" }] }),
            "trade",
        ),
        (json!({ "events": [good], "event": [] }), "unknown member"),
        (json!({ "version": 2, "events": [good] }), "version"),
        (json!({ "events": { "track": "order" } }), "list"),
        (json!([good]), "no JSON object"),
    ];
    for (answered, part) in bad {
        let came = shop.done(&job, &answer(&answered));
        let PartyOutcome::JobFailed { why, .. } = &came.outcome else {
            panic!("{answered}: {:?}", came.outcome);
        };
        assert!(why.contains(part), "{answered}: {why}");
        assert_eq!(came.kinds(), Vec::<String>::new(), "{answered}");
    }
    let garbage = shop.done(&job, &JobResult::Answered(b"{\"events\": [".to_vec()));
    assert!(matches!(garbage.outcome, PartyOutcome::JobFailed { .. }));
    // Without the fault, the same job with the same event is done.
    let came = shop.done(&job, &answer(&json!({ "version": 1, "events": [good] })));
    assert_eq!(came.kinds(), ["order-status ann"]);
}

#[test]
fn a_job_that_fails_is_tried_again_with_doubling_waits_and_the_operator_is_told_once() {
    let mut shop = with_fulfilment(Server::shop());
    shop.settings.jobs.retry_first = Duration::from_secs(60);
    shop.settings.jobs.retry_longest = Duration::from_secs(3600);
    let id = shop.order();
    let job = format!("{id}.hand-over");
    let mut waits = Vec::new();
    let mut told = 0;
    for attempt in 1..60 {
        let input = fulfilment::input_of(&shop.rows, &due(&shop)[0]).unwrap();
        assert_eq!(input["attempt"], attempt);
        assert_eq!(input["job"], json!(job), "its name stays the same");
        let came = shop.done(&job, &failed("it ended with status 1"));
        told += i32::from(matches!(came.outcome, PartyOutcome::JobFailsForLong { .. }));
        let next = fulfilment::next_due(&shop.rows).unwrap().since(shop.now);
        waits.push(next.as_secs());
        assert_eq!(names(&shop), Vec::<String>::new());
        shop.later(next.as_secs());
    }
    assert_eq!(waits[..8], [60, 120, 240, 480, 960, 1920, 3600, 3600]);
    assert_eq!(told, 1);
    let listed = fulfilment::all(&shop.rows, 10);
    assert_eq!(
        listed[0].last_error.as_deref(),
        Some("it ended with status 1")
    );
    // What was wrong is mended: it is done after all.
    let came = shop.done(&job, &answer(&json!({})));
    assert_eq!(came.outcome, PartyOutcome::JobDone(job));
}

#[test]
fn a_result_that_comes_twice_changes_nothing_the_second_time() {
    let mut shop = with_fulfilment(Server::shop());
    let id = shop.order();
    let job = format!("{id}.hand-over");
    let events = json!({ "events": [{ "track": "order", "state": "preparing" }] });
    assert_eq!(
        shop.done(&job, &answer(&events)).kinds(),
        ["order-status ann"]
    );
    let before = shop.rows.clone();
    let again = shop.done(&job, &answer(&events));
    assert_eq!(
        again.outcome,
        PartyOutcome::Ignored(Ignored::JobIsOver(job))
    );
    assert_eq!(shop.rows, before);
}

// Requirements: E23
#[test]
fn fulfilment_is_told_when_a_trade_is_called_off() {
    let mut shop = with_fulfilment(Server::shop());
    let id = shop.order();
    shop.done(&format!("{id}.hand-over"), &answer(&json!({})));
    shop.hears(ANN, trade(&id), json!({ "kind": "cancel" }));
    assert_eq!(names(&shop), [format!("{id}.called-off")]);
    // It stays so until it was told, and nothing else is asked about the trade.
    shop.later(7 * 24 * 3600);
    assert_eq!(names(&shop), [format!("{id}.called-off")]);
    let input = fulfilment::input_of(&shop.rows, &due(&shop)[0]).unwrap();
    assert_eq!(input["order"]["state"], "cancelled");
    shop.done(&format!("{id}.called-off"), &answer(&json!({})));
    assert_eq!(fulfilment::next_due(&shop.rows), None);
}

// Requirements: E23
#[test]
fn fulfilment_is_told_when_the_buyer_cancels_a_part_before_anything_shipped() {
    for runs_meanwhile in [false, true] {
        let mut shop = with_fulfilment(Server::shop());
        let id = shop.order();
        let done = answer(&json!({}));
        let hand_over = format!("{id}.hand-over");
        if !runs_meanwhile {
            shop.done(&hand_over, &done);
        }
        let one = json!({ "kind": "return", "lines": [{ "line": 0, "quantity": 1 }] });
        shop.hears(ANN, trade(&id), one);
        if runs_meanwhile {
            shop.done(&hand_over, &done);
        }
        assert_eq!(names(&shop), [format!("{id}.changed.1")]);
        let input = fulfilment::input_of(&shop.rows, &due(&shop)[0]).unwrap();
        assert_eq!(input["remaining"], json!([{ "line": 0, "quantity": 1 }]));
        shop.done(&format!("{id}.changed.1"), &done);
        assert_eq!(names(&shop), Vec::<String>::new());
        // Told once; what ends the trade is all that matters then.
        shop.hears(ANN, trade(&id), json!({ "kind": "status-request" }));
        assert_eq!(names(&shop), Vec::<String>::new());
        shop.hears(ANN, trade(&id), json!({ "kind": "cancel" }));
        assert_eq!(names(&shop), [format!("{id}.called-off")]);
    }
}

#[test]
fn a_hand_over_that_runs_while_the_buyer_cancels_changes_nothing_and_is_called_off() {
    let mut shop = with_fulfilment(Server::shop());
    let id = shop.order();
    let running = due(&shop).remove(0);
    assert_eq!(running.kind, JobKind::HandOver);
    shop.hears(ANN, trade(&id), json!({ "kind": "cancel" }));
    let events = json!({ "events": [{ "track": "order", "state": "shipped" }] });
    let came = shop.done(&running.id, &answer(&events));
    assert_eq!(
        came.outcome,
        PartyOutcome::Ignored(Ignored::JobIsOver(running.id))
    );
    assert_eq!(names(&shop), [format!("{id}.called-off")]);
}

#[test]
fn what_the_operator_told_meanwhile_is_not_asked_again() {
    let mut shop = with_fulfilment(Server::shop());
    let id = shop.order();
    let line =
        json!({ "key": "1", "shop": SHOP, "trade": id, "track": "order", "state": "shipped" });
    shop.emit(&line).unwrap();
    assert_eq!(fulfilment::next_due(&shop.rows), None);
}
