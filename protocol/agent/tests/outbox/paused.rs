//! What all letters wait for: a trouble of the account, or of the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tradepost_agent::outbox::{Filter, Pace, State};
use tradepost_post::smtp::Whose;

use super::agent::{Agent, open, queue, run};
use super::letters::{accepted, at, not_now};

#[tokio::test]
async fn while_the_account_is_limited_one_letter_at_a_time_finds_out_whether_it_still_is() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("data"));
    queue(&store, 0..50);
    let limited = Arc::new(AtomicUsize::new(1));
    let is_limited = limited.clone();
    let agent = Agent::new(store, move |_, _| {
        if is_limited.load(Ordering::SeqCst) == 1 {
            not_now(Whose::Account)
        } else {
            accepted()
        }
    });
    let running = run(
        agent,
        Pace {
            in_flight: 4,
            ..Pace::default()
        },
    );
    // What is recorded counts: the clock goes on only then.
    let tries = |a: &Agent| -> u32 { a.listed(Filter::Queued).iter().map(|i| i.attempts).sum() };
    running
        .until("the first have failed", |a| tries(a) == 4)
        .await;
    for (n, seconds) in (1..).zip([300, 900, 2_100]) {
        // Whoever rings: none goes before its time.
        running.agent.clock.set(at(seconds - 1));
        running.signal.wake();
        assert_eq!(tries(&running.agent), 3 + n);
        running.agent.clock.set(at(seconds));
        running.signal.wake();
        running
            .until("one more has tried", |a| tries(a) == 4 + n)
            .await;
    }
    // Each try was another letter: what it is that is limited is not known.
    assert_eq!(running.agent.tries().len(), 4 + 3);
    limited.store(0, Ordering::SeqCst);
    running.agent.clock.set(at(24 * 3600));
    running.signal.wake();
    running
        .until("all have left", |a| a.listed(Filter::Accepted).len() == 50)
        .await;
    running.stop().await;
}

#[tokio::test]
async fn letters_whose_time_ends_while_all_wait_are_expired_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("data"));
    queue(&store, 0..20);
    let agent = Agent::new(store, |_, _| not_now(Whose::Account));
    let running = run(
        agent,
        Pace {
            in_flight: 2,
            ..Pace::default()
        },
    );
    running
        .until("the first have failed", |a| {
            a.handed_over.lock().unwrap().len() == 2
        })
        .await;
    running.agent.clock.set(at(5 * 24 * 3600));
    running.signal.wake();
    running
        .until("all have expired", |a| a.listed(Filter::Failed).len() == 20)
        .await;
    let agent = running.stop().await;
    assert!(agent.handed_over.lock().unwrap().len() <= 4);
    for item in agent.listed(Filter::Failed) {
        assert!(
            matches!(&item.state, State::Expired { last_error, .. } if last_error == "4.3.2 not now"),
            "{item:?}"
        );
    }
}

#[tokio::test]
async fn a_start_tries_once_since_somebody_may_have_mended_it() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let store = open(&data);
    queue(&store, 0..10);
    let agent = Agent::new(store, |_, _| not_now(Whose::Account));
    let running = run(agent, Pace::default());
    running
        .until("it is known that all wait", |a| {
            a.listed(Filter::Queued).iter().all(|i| {
                i.attempts > 0
                    || !matches!(
                        i.state,
                        State::Queued {
                            last_error: None,
                            ..
                        }
                    )
            })
        })
        .await;
    drop(running.stop().await);
    let running = run(Agent::new(open(&data), |_, _| accepted()), Pace::default());
    running
        .until("what was never tried has left", |a| {
            a.listed(Filter::Accepted).len() >= 2
        })
        .await;
    running.stop().await;
}
