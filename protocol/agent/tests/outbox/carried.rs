//! The loop that sends, with a store that is real and a mail server that is not.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;
use tradepost_agent::outbox::{
    self, Carriage, Due, Failure, Filter, Item, OutboxSignal, Pace, State, Tried, list,
};
use tradepost_post::smtp::Submission;
use tradepost_post::stop;
use tradepost_statements::Time;

use super::agent::{Agent, open, queue, run};
use super::letters::{accepted, at, later, refused};

#[tokio::test]
async fn every_letter_goes_once_several_at_a_time_and_their_ends_share_fences() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("data"));
    queue(&store, 0..100);
    let mut agent = Agent::new(store, |_, _| accepted());
    agent.gather = true;
    let running = run(agent, Pace::default());
    running
        .until("all are accepted", |a| {
            a.listed(Filter::Accepted).len() == 100
        })
        .await;
    let agent = running.stop().await;
    assert_eq!(agent.handed_over.lock().unwrap().len(), 100);
    assert_eq!(agent.tries().len(), 100);
    assert!(agent.most_at_once.load(Ordering::SeqCst) <= 8);
    let fences = agent.fences.lock().unwrap();
    assert_eq!(fences.iter().sum::<usize>(), 100);
    assert!(fences.len() < 60, "{fences:?}");
}

#[tokio::test]
async fn the_server_is_never_given_more_letters_at_once_than_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("data"));
    queue(&store, 0..20);
    let mut agent = Agent::new(store, |_, _| accepted());
    agent.permits = Semaphore::new(0);
    let pace = Pace {
        in_flight: 3,
        ..Pace::default()
    };
    let running = run(agent, pace);
    running
        .until("three are under way", |a| {
            a.at_once.load(Ordering::SeqCst) == 3
        })
        .await;
    running.signal.wake();
    running.agent.permits.add_permits(20);
    running
        .until("all are accepted", |a| {
            a.listed(Filter::Accepted).len() == 20
        })
        .await;
    let agent = running.stop().await;
    assert_eq!(agent.most_at_once.load(Ordering::SeqCst), 3);
    assert_eq!(agent.handed_over.lock().unwrap().len(), 20);
}

#[tokio::test]
async fn a_letter_that_fails_is_tried_again_later_with_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("data"));
    queue(&store, 0..3);
    let agent = Agent::new(store, |bytes, nth| match (bytes, nth) {
        (b"letter 0", 1 | 2) => later(),
        (b"letter 1", _) => refused(),
        _ => accepted(),
    });
    let running = run(agent, Pace::default());
    let has_failed = |times: u32| {
        move |a: &Agent| {
            a.listed(Filter::Queued)
                .first()
                .is_some_and(|i| i.failures == times)
        }
    };
    running.until("the first try", has_failed(1)).await;
    // Not before its time, however often somebody rings.
    running.agent.clock.set(at(299));
    running.signal.wake();
    running
        .until("the others ended", |a| {
            a.listed(Filter::All).len() == 3 && a.listed(Filter::Queued).len() == 1
        })
        .await;
    assert_eq!(running.agent.tries()[&b"letter 0"[..]], 1);
    running.agent.clock.set(at(300));
    running.signal.wake();
    running.until("the second try", has_failed(2)).await;
    running.agent.clock.set(at(300 + 600));
    running.signal.wake();
    running
        .until("it is accepted", |a| a.listed(Filter::Accepted).len() == 2)
        .await;
    let agent = running.stop().await;
    let tries = agent.tries();
    assert_eq!(tries.into_values().collect::<Vec<_>>(), [3, 1, 1]);
    let failed = agent.listed(Filter::Failed);
    assert!(matches!(
        &failed[..],
        [Item {
            state: State::Refused {
                code: Some(550),
                ..
            },
            ..
        }]
    ));
}

#[tokio::test]
async fn the_loop_wakes_up_by_itself_when_a_letter_is_due() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("data"));
    queue(&store, 0..1);
    let agent = Agent::new(store, |_, nth| if nth < 4 { later() } else { accepted() });
    let mut pace = Pace {
        look_again: Duration::from_millis(20),
        ..Pace::default()
    };
    pace.policy.first = Duration::from_millis(30);
    pace.policy.longest = Duration::from_millis(30);
    let running = run(agent, pace);
    // Nobody rings; only the clock goes on.
    running
        .until("it is accepted", |a| {
            a.clock.advance(Duration::from_millis(5));
            a.listed(Filter::Accepted).len() == 1
        })
        .await;
    assert_eq!(running.stop().await.handed_over.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn a_letter_that_is_queued_while_the_loop_sleeps_goes_when_it_is_woken() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("data"));
    let running = run(
        Agent::new(Arc::clone(&store), |_, _| accepted()),
        Pace::default(),
    );
    for n in 0..5 {
        queue(&store, n..=n);
        running.signal.wake();
        running
            .until("it is accepted", |a| {
                a.listed(Filter::Accepted).len() as u64 == n + 1
            })
            .await;
    }
    running.stop().await;
}

#[tokio::test]
async fn a_stop_waits_for_what_is_under_way_and_starts_nothing_new() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("data"));
    queue(&store, 0..10);
    let mut agent = Agent::new(store, |_, _| accepted());
    agent.permits = Semaphore::new(0);
    let pace = Pace {
        in_flight: 2,
        grace: Duration::from_secs(60),
        ..Pace::default()
    };
    let running = run(agent, pace);
    running
        .until("two are under way", |a| {
            a.at_once.load(Ordering::SeqCst) == 2
        })
        .await;
    running.stopper.stop();
    running.agent.permits.add_permits(10);
    let agent = running.stop().await;
    assert_eq!(agent.listed(Filter::Accepted).len(), 2);
    assert_eq!(agent.listed(Filter::Queued).len(), 8);
    assert_eq!(agent.handed_over.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn what_was_under_way_when_the_process_ended_goes_again() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let store = open(&data);
    queue(&store, 0..2);
    let mut agent = Agent::new(store, |_, _| accepted());
    agent.permits = Semaphore::new(0);
    let pace = Pace {
        grace: Duration::ZERO,
        ..Pace::default()
    };
    let running = run(agent, pace.clone());
    running
        .until("both are under way", |a| {
            a.at_once.load(Ordering::SeqCst) == 2
        })
        .await;
    // No time to wait for them: the server may have taken them, nobody knows.
    drop(running.stop().await);

    let store = open(&data);
    let running = run(Agent::new(store, |_, _| accepted()), pace);
    running
        .until("both are accepted", |a| {
            a.listed(Filter::Accepted).len() == 2
        })
        .await;
    let agent = running.stop().await;
    assert_eq!(
        agent.tries().into_keys().collect::<Vec<_>>(),
        [b"letter 0".to_vec(), b"letter 1".to_vec()]
    );
}

#[tokio::test]
async fn a_panic_while_sending_is_a_failed_try_and_the_others_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("data"));
    queue(&store, 0..5);
    let agent = Agent::new(store, |bytes, _| match bytes {
        b"letter 3" => panic!("on purpose"),
        _ => accepted(),
    });
    let running = run(agent, Pace::default());
    running
        .until("the others are accepted, it waits", |a| {
            a.listed(Filter::Accepted).len() == 4
                && a.listed(Filter::Queued).iter().all(|i| i.failures == 1)
        })
        .await;
    assert_eq!(running.stop().await.listed(Filter::Queued).len(), 1);
}

#[tokio::test]
async fn an_end_that_cannot_be_recorded_ends_the_loop() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("data"));
    queue(&store, 0..5);
    let agent = Agent::new(Arc::clone(&store), |_, _| accepted());
    let broken = run(Broken(agent), Pace::default());
    let ended = timeout(Duration::from_secs(60), broken).await.unwrap();
    assert_eq!(ended.unwrap_err().to_string(), "the disk is gone");
    assert_eq!(store.view(|rows| list(rows, Filter::Queued, 0)).len(), 5);

    struct Broken(Agent);
    impl Carriage for Broken {
        fn now(&self) -> Time {
            self.0.now()
        }
        fn jitter(&self) -> f64 {
            self.0.jitter()
        }
        async fn due(&self, now: Time, n: usize) -> Result<Due, Failure> {
            self.0.due(now, n).await
        }
        async fn letter(&self, item: &Item) -> Result<Vec<u8>, Failure> {
            self.0.letter(item).await
        }
        async fn submit(&self, item: &Item, bytes: &[u8]) -> Submission {
            self.0.submit(item, bytes).await
        }
        async fn record(&self, _: Vec<Tried>) -> Result<(), Failure> {
            Err(Failure::new("the disk is gone"))
        }
    }
    async fn run(broken: Broken, pace: Pace) -> Result<(), Failure> {
        let (_stopper, stop) = stop::channel();
        outbox::send(Arc::new(broken), pace, OutboxSignal::new(), stop).await
    }
}

#[test]
fn a_thousand_statuses_are_queued_with_one_fence() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let store = open(&data);
    queue(&store, 0..1_000);
    assert_eq!(
        store.view(|rows| list(rows, Filter::Queued, 0)).len(),
        1_000
    );
    drop(store);
    std::fs::remove_dir_all(data.join("index")).unwrap();
    let store = open(&data);
    let waiting = store.view(|rows| list(rows, Filter::Queued, 0));
    assert_eq!(waiting.len(), 1_000);
    assert_eq!(store.read(waiting[7].id).unwrap().blob, b"letter 7");
}
