//! The decisions and the rows.

use std::time::Duration;

use proptest::prelude::*;
use tradepost_agent::outbox::{
    Due, Filter, OutboxEntry, Outcome, Policy, RECENT, RetryRefused, State, Waiting, due, list,
    next_wake, pause, retry_all_now, retry_now, tried,
};
use tradepost_post::smtp::{Submission, Whose};
use tradepost_statements::Time;
use tradepost_store::Position;
use tradepost_trades::rows::{MemoryRows, Rows as _};

use super::letters::{accepted, at, get, id, later, next_try, not_now, put, queue, refused};

fn try_it(rows: &mut MemoryRows, id: Position, submission: &Submission, now: Time) -> Outcome {
    let waited = pause(rows);
    let decided = tried(
        &get(rows, id),
        submission,
        waited.as_ref(),
        now,
        1.0,
        &Policy::default(),
    );
    put(
        rows,
        &OutboxEntry::Tried(decided.clone()),
        super::letters::id(999),
    );
    decided.outcome
}

fn ids(rows: &MemoryRows, filter: Filter) -> Vec<Position> {
    list(rows, filter, RECENT).iter().map(|i| i.id).collect()
}

#[test]
fn a_letter_is_due_at_once_and_ends_when_it_is_accepted() {
    let mut rows = MemoryRows::default();
    let one = queue(&mut rows, 1, at(0));
    assert_eq!(next_wake(&rows), Some(at(0)));
    assert_eq!(due(&rows, at(0), 9), [get(&rows, one)]);
    let outcome = try_it(&mut rows, one, &accepted(), at(1));
    assert!(matches!(outcome, Outcome::Accepted { .. }));
    assert_eq!((due(&rows, at(9), 9), next_wake(&rows)), (vec![], None));
    let item = get(&rows, one);
    assert_eq!((item.attempts, item.failures), (1, 0));
    assert!(
        matches!(&item.state, State::Accepted { at: t, reply } if *t == at(1) && reply.contains("4711"))
    );
    assert_eq!(ids(&rows, Filter::All), [one]);
    assert_eq!(ids(&rows, Filter::Accepted), [one]);
    assert_eq!(ids(&rows, Filter::Failed), []);
}

#[test]
fn a_refused_letter_stays_on_record_with_the_reason() {
    let mut rows = MemoryRows::default();
    let one = queue(&mut rows, 1, at(0));
    try_it(&mut rows, one, &refused(), at(1));
    let state = State::Refused {
        at: at(1),
        code: Some(550),
        text: "5.1.1 no such user".to_owned(),
    };
    assert_eq!(get(&rows, one).state, state);
    assert_eq!(ids(&rows, Filter::Failed), [one]);
    assert_eq!(next_wake(&rows), None);
}

#[test]
fn the_waits_grow_from_five_minutes_to_an_hour_for_five_days_and_then_it_expires() {
    let mut rows = MemoryRows::default();
    let one = queue(&mut rows, 1, at(0));
    let mut now = at(0);
    let mut waits = Vec::new();
    loop {
        match try_it(&mut rows, one, &later(), now) {
            Outcome::Later { next_try, text } => {
                assert_eq!(text, "4.3.2 not now");
                assert_eq!(next_wake(&rows), Some(next_try));
                assert_eq!(due(&rows, next_try.minus(Duration::from_millis(1)), 9), []);
                assert_eq!(due(&rows, next_try, 9).len(), 1);
                waits.push(next_try.since(now).as_secs() / 60);
                now = next_try;
            }
            Outcome::Expired { .. } => break,
            other @ (Outcome::Accepted { .. } | Outcome::Refused { .. }) => panic!("{other:?}"),
        }
    }
    assert_eq!(waits[..6], [5, 10, 20, 40, 60, 60]);
    let days = 24 * 60 * 60;
    assert_eq!(now, at(5 * days), "the last try is at the end of the time");
    assert!(matches!(
        &get(&rows, one).state,
        State::Expired { last_error, .. } if last_error == "4.3.2 not now"
    ));
    assert_eq!(next_wake(&rows), None);
}

#[test]
fn jitter_spreads_the_waits_and_durations_go_down_to_milliseconds() {
    let mut rows = MemoryRows::default();
    let one = queue(&mut rows, 1, at(0));
    let policy = Policy {
        first: Duration::from_millis(40),
        longest: Duration::from_millis(100),
        give_up_after: Duration::from_secs(60),
    };
    let item = get(&rows, one);
    let wait = |policy: &Policy, jitter| match tried(&item, &later(), None, at(1), jitter, policy)
        .outcome
    {
        Outcome::Later { next_try, .. } => next_try.since(at(1)).as_millis(),
        other @ (Outcome::Accepted { .. } | Outcome::Refused { .. } | Outcome::Expired { .. }) => {
            panic!("{other:?}")
        }
    };
    assert_eq!([0.0, 0.5, 1.0].map(|j| wait(&policy, j)), [20, 30, 40]);
    let no_wait = Policy {
        first: Duration::ZERO,
        ..policy
    };
    assert_eq!(wait(&no_wait, 0.0), 1, "never a loop without a pause");
}

#[test]
fn due_letters_come_in_the_order_of_their_times_and_no_more_than_asked_for() {
    let mut rows = MemoryRows::default();
    for (n, seconds) in [(1, 30), (2, 10), (3, 20), (4, 40)] {
        queue(&mut rows, n, at(seconds));
    }
    let due_ids = |now, n| -> Vec<Position> { due(&rows, now, n).iter().map(|i| i.id).collect() };
    assert_eq!(due_ids(at(9), 9), []);
    assert_eq!(due_ids(at(30), 9), [id(2), id(3), id(1)]);
    assert_eq!(due_ids(at(30), 2), [id(2), id(3)]);
    assert_eq!(due_ids(at(99), 9), [id(2), id(3), id(1), id(4)]);
    assert_eq!(next_wake(&rows), Some(at(10)));
}

#[test]
fn the_operator_has_waiting_and_failed_letters_tried_again_but_no_accepted_one() {
    let mut rows = MemoryRows::default();
    let all @ [waiting, lost, gone, fresh] = [1, 2, 3, 4].map(|n| queue(&mut rows, n, at(0)));
    try_it(&mut rows, waiting, &later(), at(1));
    try_it(&mut rows, lost, &refused(), at(1));
    try_it(&mut rows, gone, &accepted(), at(1));
    assert_eq!(
        retry_now(&rows, gone, at(2)),
        Err(RetryRefused::AlreadyAccepted {
            id: gone,
            at: at(1)
        })
    );
    assert_eq!(
        retry_now(&rows, id(77), at(2)),
        Err(RetryRefused::NoSuchLetter { id: id(77) })
    );
    assert_eq!(
        retry_all_now(&rows, at(2)),
        [OutboxEntry::RetryNow {
            id: waiting,
            at: at(2)
        }],
        "the fresh one is due anyway, the others have ended"
    );
    for again in [waiting, lost, fresh] {
        let entry = retry_now(&rows, again, at(2)).unwrap();
        put(&mut rows, &entry, id(999));
        assert_eq!(next_try(&get(&rows, again)), Some(at(2)));
    }
    assert_eq!(
        get(&rows, lost).waiting_since,
        at(2),
        "its five days start anew"
    );
    assert_eq!(get(&rows, waiting).waiting_since, at(0), "these go on");
    assert_eq!(ids(&rows, Filter::Queued).len(), 3);
    assert_eq!(ids(&rows, Filter::All).len(), all.len());
    let State::Queued { last_error, .. } = get(&rows, lost).state else {
        panic!("it waits");
    };
    assert_eq!(last_error.as_deref(), Some("5.1.1 no such user"));
}

#[test]
fn a_letter_that_came_back_is_listed_as_failed_and_may_be_sent_again() {
    let mut rows = MemoryRows::default();
    let one = queue(&mut rows, 1, at(0));
    let back = |when: u64, text: &str| OutboxEntry::CameBack {
        id: one,
        at: at(when),
        text: text.to_owned(),
    };
    // What has not left cannot come back.
    let before = rows.clone();
    put(&mut rows, &back(1, "forged"), id(999));
    assert_eq!(rows, before);
    try_it(&mut rows, one, &accepted(), at(2));
    assert_eq!(ids(&rows, Filter::Accepted), [one]);
    put(&mut rows, &back(3, "5.1.1 no such user"), id(999));
    // The first report counts.
    put(&mut rows, &back(4, "5.2.2 mailbox full"), id(999));
    assert_eq!(ids(&rows, Filter::Accepted), []);
    assert_eq!(ids(&rows, Filter::Failed), [one]);
    let came_back = get(&rows, one).came_back.unwrap();
    assert_eq!(
        (came_back.at, came_back.text.as_str()),
        (at(3), "5.1.1 no such user")
    );
    let entry = retry_now(&rows, one, at(5)).unwrap();
    put(&mut rows, &entry, id(999));
    assert_eq!(due(&rows, at(5), 9), [get(&rows, one)]);
    assert_eq!(get(&rows, one).came_back, None);
    try_it(&mut rows, one, &accepted(), at(6));
    assert_eq!(ids(&rows, Filter::Failed), []);
    assert_eq!(ids(&rows, Filter::Accepted), [one]);
    assert!(retry_now(&rows, one, at(7)).is_err());
}

/// When letters may leave again, in seconds since the start; none while nothing is in the way.
fn paused_until(rows: &MemoryRows) -> Option<Time> {
    pause(rows).map(|pause| pause.until)
}

#[test]
fn a_trouble_of_the_account_makes_all_letters_wait_ever_longer() {
    let mut rows = MemoryRows::default();
    let [first, second, third] = [1, 2, 3].map(|n| queue(&mut rows, n, at(0)));
    let limit = not_now(Whose::Account);
    try_it(&mut rows, first, &limit, at(0));
    assert_eq!(paused_until(&rows), Some(at(300)));
    assert_eq!(due(&rows, at(299), 9), []);
    // Another that was under way at the same time changes nothing.
    try_it(&mut rows, second, &limit, at(1));
    assert_eq!(paused_until(&rows), Some(at(300)));
    // Shown at each, with the reason, also at what was never tried.
    for item in list(&rows, Filter::Queued, 0) {
        let State::Queued {
            next_try,
            last_error,
        } = item.state
        else {
            panic!("it waits");
        };
        assert!(next_try >= at(300), "{next_try}");
        assert_eq!(last_error.as_deref(), Some("4.3.2 not now"));
    }
    // The one that was never tried comes first; what failed stands behind it.
    let tries = due(&rows, at(301), 9);
    assert_eq!(tries.first().map(|item| item.id), Some(third));
    try_it(&mut rows, third, &limit, at(301));
    assert_eq!(paused_until(&rows), Some(at(301 + 600)));
    let mut now = at(901);
    for _ in 0..9 {
        try_it(&mut rows, first, &limit, now);
        let until = paused_until(&rows).unwrap();
        assert!(until.since(now).as_secs() <= 60 * 60);
        now = until;
    }
    // Accepted: nothing is in the way any more.
    try_it(&mut rows, first, &accepted(), now);
    assert_eq!(paused_until(&rows), None);
    assert_eq!(due(&rows, now, 9).len(), 2);
    // A refusal of one letter is as good a sign.
    try_it(&mut rows, second, &limit, now);
    assert_eq!(due(&rows, now, 9), []);
    try_it(&mut rows, third, &refused(), now);
    assert_eq!(paused_until(&rows), None);
}

#[test]
fn what_waits_is_told_in_short() {
    let mut rows = MemoryRows::default();
    let queued = |rows: &MemoryRows| Waiting::of(&list(rows, Filter::Queued, 0));
    let [first, _] = [1, 2].map(|n| queue(&mut rows, n, at(0)));
    assert_eq!(queued(&rows), None, "these are on their way");
    try_it(&mut rows, first, &not_now(Whose::Account), at(0));
    let waiting = Waiting {
        count: 2,
        next_try: at(300),
        why: "4.3.2 not now".to_owned(),
    };
    assert_eq!(queued(&rows), Some(waiting));
}

#[test]
fn a_trouble_of_one_letter_keeps_no_other_and_one_of_the_server_only_for_seconds() {
    let mut rows = MemoryRows::default();
    let [first, second] = [1, 2].map(|n| queue(&mut rows, n, at(0)));
    try_it(&mut rows, first, &later(), at(0));
    assert_eq!(paused_until(&rows), None);
    assert_eq!(due(&rows, at(1), 9), [get(&rows, second)]);
    try_it(&mut rows, second, &not_now(Whose::Server), at(1));
    assert_eq!(paused_until(&rows), Some(at(6)));
    // The letter itself waits as the protocol says.
    assert_eq!(next_try(&get(&rows, second)), Some(at(301)));
    let mut now = at(6);
    for _ in 0..9 {
        try_it(&mut rows, second, &not_now(Whose::Server), now);
        let until = paused_until(&rows).unwrap();
        assert!(until.since(now).as_secs() <= 300);
        now = until;
    }
}

#[test]
fn a_retry_by_the_operator_ends_the_wait_of_all() {
    let mut rows = MemoryRows::default();
    let [first, second] = [1, 2].map(|n| queue(&mut rows, n, at(0)));
    try_it(&mut rows, first, &not_now(Whose::Account), at(0));
    let all = retry_all_now(&rows, at(2));
    assert_eq!(all.len(), 2, "the one that was never tried waits as well");
    for entry in all {
        put(&mut rows, &entry, id(999));
    }
    assert_eq!(due(&rows, at(2), 9).len(), 2);
    try_it(&mut rows, first, &not_now(Whose::Account), at(3));
    assert_eq!(due(&rows, at(4), 9), []);
    let entry = retry_now(&rows, second, at(4)).unwrap();
    put(&mut rows, &entry, id(999));
    assert_eq!(Due::read(&rows, at(4), 9).pause, None);
    assert_eq!(due(&rows, at(4), 9), [get(&rows, second)]);
}

#[test]
fn the_list_shows_all_that_wait_and_the_newest_that_have_ended() {
    let mut rows = MemoryRows::default();
    for n in 0..10 {
        let one = queue(&mut rows, n, at(n));
        let end = if n % 2 == 0 { accepted() } else { refused() };
        try_it(&mut rows, one, &end, at(100 + n));
    }
    queue(&mut rows, 20, at(300));
    queue(&mut rows, 21, at(200));
    let shown: Vec<_> = list(&rows, Filter::All, 3).iter().map(|i| i.id).collect();
    assert_eq!(shown, [21, 20, 9, 8, 7].map(id));
    let shown: Vec<_> = list(&rows, Filter::Failed, 2)
        .iter()
        .map(|i| i.id)
        .collect();
    assert_eq!(shown, [9, 7].map(id));
}

#[test]
fn what_is_said_about_a_letter_that_is_not_there_or_has_ended_changes_nothing() {
    let mut rows = MemoryRows::default();
    let one = queue(&mut rows, 1, at(0));
    let late = tried(
        &get(&rows, one),
        &later(),
        None,
        at(5),
        0.5,
        &Policy::default(),
    );
    let mut nowhere = late.clone();
    nowhere.id = id(50);
    try_it(&mut rows, one, &accepted(), at(1));
    let before = rows.clone();
    for entry in [
        OutboxEntry::Tried(late),
        OutboxEntry::Tried(nowhere),
        OutboxEntry::RetryNow { id: one, at: at(9) },
    ] {
        put(&mut rows, &entry, id(999));
        assert_eq!(rows, before, "{entry:?}");
    }
}

#[test]
fn a_server_that_talks_too_much_is_cut_short() {
    let mut rows = MemoryRows::default();
    let one = queue(&mut rows, 1, at(0));
    let text = "ä".repeat(100_000);
    let whose = Whose::Letter;
    try_it(&mut rows, one, &Submission::TryAgain { text, whose }, at(1));
    assert!(serde_json::to_string(&get(&rows, one)).unwrap().len() < 3_000);
}

#[test]
fn an_item_reads_well_as_json() {
    let mut rows = MemoryRows::default();
    let one = queue(&mut rows, 1, at(0));
    let json = serde_json::to_value(get(&rows, one)).unwrap();
    let expected = serde_json::json!({
        "id": "1:33",
        "from": "orders@shop.example",
        "to": "ann@home.example",
        "message_id": "1@shop.example",
        "statement": "01932c07-9a2e-7c11-8f54-0f6a1c0d9e22",
        "kind": "order-status",
        "trade": null,
        "request": null,
        "queued_at": "2026-11-20T10:00:00Z",
        "attempts": 0,
        "failures": 0,
        "waiting_since": "2026-11-20T10:00:00Z",
        "state": "queued",
        "next_try": "2026-11-20T10:00:00Z",
        "last_error": null,
    });
    assert_eq!(json, expected);
}

#[derive(Debug, Clone)]
enum Step {
    Queue,
    Try(prop::sample::Index, u8),
    Retry(prop::sample::Index),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Queue),
        4 => (any::<prop::sample::Index>(), 0_u8..3).prop_map(|(i, how)| Step::Try(i, how)),
        1 => any::<prop::sample::Index>().prop_map(Step::Retry),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_letter_is_in_exactly_one_list_whatever_happens(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut rows = MemoryRows::default();
        let mut all = Vec::new();
        for (seconds, step) in (0_u64..).zip(steps) {
            let now = at(seconds * 400);
            match step {
                Step::Queue => all.push(queue(&mut rows, seconds, now)),
                Step::Try(which, how) if !all.is_empty() => {
                    let id = *which.get(&all);
                    if next_try(&get(&rows, id)).is_some() {
                        let submission = [accepted(), refused(), later()][usize::from(how)].clone();
                        try_it(&mut rows, id, &submission, now);
                    }
                }
                Step::Retry(which) if !all.is_empty() => {
                    if let Ok(entry) = retry_now(&rows, *which.get(&all), now) {
                        put(&mut rows, &entry, id(5_000));
                    }
                }
                Step::Try(..) | Step::Retry(..) => {}
            }
            let mut listed: Vec<_> = [Filter::Queued, Filter::Failed, Filter::Accepted]
                .into_iter()
                .flat_map(|filter| ids(&rows, filter))
                .collect();
            listed.sort();
            prop_assert_eq!(&listed, &all);
            prop_assert_eq!(ids(&rows, Filter::All).len(), all.len());
            // An item and one place in a list, for each letter.
            prop_assert_eq!(rows.scan(b"").len(), 2 * all.len());
            let waiting: Vec<_> = all.iter().filter_map(|id| next_try(&get(&rows, *id))).collect();
            prop_assert_eq!(next_wake(&rows), waiting.iter().min().copied());
            let due_now = waiting.iter().filter(|t| **t <= now).count();
            prop_assert_eq!(due(&rows, now, 100).len(), due_now);
        }
    }
}
