//! The loop that empties the outbox: several letters under way at once, their ends recorded
//! together.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tradepost_statements::Time;

use super::{Due, Item, Pause, Policy, Tried, over, tried};
use tradepost_post::smtp::{Submission, Whose};
use tradepost_post::stop::Stop;
use tradepost_store::Position;

/// What the loop needs from the agent that runs it.
pub trait Carriage: Send + Sync + 'static {
    /// The present time, by which letters are due and expire.
    fn now(&self) -> Time;

    /// A random number from 0 to 1.
    fn jitter(&self) -> f64;

    /// What is to be tried ([`Due::read`]).
    fn due(&self, now: Time, n: usize) -> impl Future<Output = Result<Due, Failure>> + Send;

    /// The bytes of a letter. One whose bytes can't be read is tried later, and says so.
    fn letter(&self, item: &Item) -> impl Future<Output = Result<Vec<u8>, Failure>> + Send;

    /// Hands a letter to the submission server. Must come back in finite time.
    fn submit(&self, item: &Item, bytes: &[u8]) -> impl Future<Output = Submission> + Send;

    /// Records ends durably, all in one batch ([`super::OutboxEntry::Tried`]).
    fn record(&self, tried: Vec<Tried>) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// The agent's store does not work any more; in words for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(String);

impl Failure {
    /// With the reason; of an `anyhow` error, the whole chain.
    #[must_use]
    pub fn new(why: impl fmt::Display) -> Failure {
        Failure(format!("{why:#}"))
    }
}

/// How many letters [`send`] has under way, and how long it waits for what.
#[derive(Debug, Clone)]
pub struct Pace {
    /// So many letters may be under way at once. More than the connections to the server are of
    /// no use.
    pub in_flight: usize,
    /// When to try again, and when to give up.
    pub policy: Policy,
    /// The longest sleep: the clock may be set meanwhile.
    pub look_again: Duration,
    /// When asked to stop: how long to wait for what is under way.
    pub grace: Duration,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            in_flight: 8,
            policy: Policy::default(),
            look_again: Duration::from_secs(60),
            grace: Duration::from_secs(10),
        }
    }
}

/// Wakes the loop: something was queued, or is to be tried at once. It also says what is under way.
#[derive(Debug, Clone, Default)]
pub struct OutboxSignal(Arc<Signalled>);

#[derive(Debug, Default)]
struct Signalled {
    wake: Notify,
    /// The Message-IDs of letters that were handed to the submission server, and whose end is not recorded.
    under_way: watch::Sender<BTreeSet<String>>,
}

impl OutboxSignal {
    /// A signal of its own.
    #[must_use]
    pub fn new() -> OutboxSignal {
        OutboxSignal::default()
    }

    /// Wakes it. A signal that nobody waits for at the moment is noticed later.
    pub fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// Waits until the ends of those letters that are under way are recorded, but not longer than `most`:
    /// what a mail system says of a letter may be here before the answer by which it took it.
    pub async fn until_recorded(&self, message_ids: &[String], most: Duration) {
        let mut under_way = self.0.under_way.subscribe();
        let recorded = under_way.wait_for(|ids| !message_ids.iter().any(|id| ids.contains(id)));
        // After that time, it is judged by what is known.
        let _ = timeout(most, recorded).await;
    }
}

/// Submits what is due, again and again, until it is asked to stop. What is under way then has
/// [`Pace::grace`] to arrive; what has not arrived goes again at the next start. While all letters wait
/// for the same ([`Pause`]), one at a time tries whether it has passed; the first at the start, since
/// somebody may have mended it.
///
/// # Errors
/// What is due could not be read, or an end could not be recorded.
pub async fn send<C: Carriage>(
    carriage: Arc<C>,
    pace: Pace,
    signal: OutboxSignal,
    mut stop: Stop,
) -> Result<(), Failure> {
    let mut under_way = UnderWay {
        carriage,
        policy: pace.policy,
        signal,
        tasks: JoinSet::new(),
        items: HashMap::new(),
        pause: None,
        is_fresh: true,
    };
    let in_flight = pace.in_flight.max(1);
    while !stop.is_stopped() {
        let next_wake = under_way.start_what_is_due(in_flight).await?;
        let wait = next_wake.map_or(pace.look_again, |at| {
            at.since(under_way.carriage.now()).min(pace.look_again)
        });
        // Two letters may be due in the same millisecond as the clock shows: no busy loop.
        let wait = wait.max(Duration::from_millis(1));
        let is_full = under_way.is_full(in_flight);
        tokio::select! {
            Some(first) = under_way.tasks.join_next_with_id() => under_way.record(first).await?,
            () = under_way.signal.0.wake.notified() => {}
            () = sleep(wait), if !is_full => {}
            () = stop.stopped() => {}
        }
    }
    let deadline = Instant::now() + pace.grace;
    while let Ok(Some(first)) = timeout_at(deadline, under_way.tasks.join_next_with_id()).await {
        under_way.record(first).await?;
    }
    Ok(())
}

struct UnderWay<C> {
    carriage: Arc<C>,
    policy: Policy,
    signal: OutboxSignal,
    tasks: JoinSet<Submission>,
    /// What each task carries. A letter under way is still due in the rows: if the process ends
    /// now, it goes again.
    items: HashMap<Id, Item>,
    /// What all letters wait for, as last known.
    pause: Option<Pause>,
    /// Nothing was tried yet.
    is_fresh: bool,
}

impl<C: Carriage> UnderWay<C> {
    /// One letter is enough to find out whether a trouble of all has passed.
    fn is_full(&self, in_flight: usize) -> bool {
        let most = if self.pause.is_some() { 1 } else { in_flight };
        self.items.len() >= most
    }

    /// Returns when the next one is due.
    async fn start_what_is_due(&mut self, in_flight: usize) -> Result<Option<Time>, Failure> {
        if self.items.len() >= in_flight {
            return Ok(None);
        }
        let now = self.carriage.now();
        let due = self.carriage.due(now, in_flight).await?;
        self.pause.clone_from(&due.pause);
        if let Some(pause) = due.pause.as_ref().filter(|p| p.until > now)
            && !self.is_fresh
        {
            let until = pause.until;
            return self.expire(&due, pause, now).await.map(|some| {
                let wake = if some { now } else { until };
                Some(wake)
            });
        }
        if self.is_full(in_flight) {
            return Ok(None);
        }
        let free = if self.pause.is_some() {
            1
        } else {
            in_flight - self.items.len()
        };
        self.is_fresh &= due.items.is_empty();
        let mut started: Vec<Position> = self.items.values().map(|i| i.id).collect();
        let new: Vec<Item> = due
            .items
            .into_iter()
            .filter(|item| !started.contains(&item.id))
            .take(free)
            .collect();
        for item in new {
            started.push(item.id);
            let carriage = Arc::clone(&self.carriage);
            let carried = item.clone();
            let task = self.tasks.spawn(async move {
                match carriage.letter(&carried).await {
                    Ok(bytes) => carriage.submit(&carried, &bytes).await,
                    Err(e) => Submission::TryAgain {
                        text: format!("the letter could not be read from the store: {e}"),
                        whose: Whose::Letter,
                    },
                }
            });
            let message_id = item.message_id.clone();
            self.items.insert(task.id(), item);
            self.signal.0.under_way.send_modify(|ids| {
                ids.insert(message_id);
            });
        }
        Ok(due.next_wake)
    }

    /// Records the ends of letters whose time is over while all wait; false when there are none.
    async fn expire(&self, due: &Due, pause: &Pause, now: Time) -> Result<bool, Failure> {
        let started = |item: &Item| self.items.values().any(|i| i.id == item.id);
        let waiting = due.items.iter().filter(|item| !started(item));
        let ended: Vec<Tried> = waiting
            .filter_map(|item| over(item, pause, now, &self.policy))
            .collect();
        let some = !ended.is_empty();
        if some {
            self.carriage.record(ended).await?;
        }
        Ok(some)
    }

    /// Records the end of a letter, and of all others that have ended meanwhile, with one fence.
    async fn record(&mut self, first: Result<(Id, Submission), JoinError>) -> Result<(), Failure> {
        let now = self.carriage.now();
        let mut ended = Vec::new();
        let mut next = Some(first);
        while let Some(end) = next {
            let (task, submission) = match end {
                Ok((task, submission)) => (task, submission),
                Err(e) => {
                    let text = "the program failed while it sent this letter".to_owned();
                    let whose = Whose::Letter;
                    (e.id(), Submission::TryAgain { text, whose })
                }
            };
            if let Some(item) = self.items.get(&task) {
                let jitter = self.carriage.jitter();
                let pause = self.pause.as_ref();
                let tried = tried(item, &submission, pause, now, jitter, &self.policy);
                if tried.pause.is_some() {
                    self.pause.clone_from(&tried.pause);
                }
                ended.push((task, tried));
            }
            next = self.tasks.try_join_next_with_id();
        }
        let all = ended.iter().map(|(_, tried)| tried.clone()).collect();
        self.carriage.record(all).await?;
        for (task, _) in ended {
            if let Some(item) = self.items.remove(&task) {
                self.signal.0.under_way.send_modify(|ids| {
                    ids.remove(&item.message_id);
                });
            }
        }
        Ok(())
    }
}

impl<C> Drop for UnderWay<C> {
    /// Nobody waits for an end that is recorded no more.
    fn drop(&mut self) {
        self.signal.0.under_way.send_modify(BTreeSet::clear);
    }
}
