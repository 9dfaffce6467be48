//! An agent with a store that is real and a mail server that is not.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;
use tradepost_agent::clock::{Clock as _, ManualClock};
use tradepost_agent::outbox::{
    self, Carriage, Due, Failure, Filter, Item, OutboxEntry, OutboxSignal, Pace, Tried, list,
};
use tradepost_agent::trail::recall;
use tradepost_post::smtp::Submission;
use tradepost_post::stop::{self, Stopper};
use tradepost_statements::Time;
use tradepost_store::{Options, Position, Record, Store, StoreError};

use super::letters::{at, letter};

pub(crate) fn open(dir: &Path) -> Arc<Store> {
    let opened = Store::open(dir, &Options::new(1, recall), &mut |_| {});
    Arc::new(opened.unwrap().0)
}

pub(crate) fn write(
    store: &Store,
    entries: &[(OutboxEntry, &[u8])],
) -> Result<Vec<Position>, StoreError> {
    store.write(|batch| {
        entries
            .iter()
            .map(|(entry, blob)| {
                let head = serde_json::to_vec(entry).unwrap();
                let rows = outbox::apply(&*batch, entry, batch.next());
                batch.record(Record::new(head).with_rows(rows).with_blob(*blob))
            })
            .collect()
    })
}

/// What the mail server says to a letter with these bytes, at its nth try.
pub(crate) type Answer = dyn Fn(&[u8], usize) -> Submission + Send + Sync;

pub(crate) struct Agent {
    pub(crate) store: Arc<Store>,
    pub(crate) clock: ManualClock,
    pub(crate) answer: Box<Answer>,
    /// Letters handed over, byte for byte, in the order of their coming.
    pub(crate) handed_over: Mutex<Vec<Vec<u8>>>,
    /// The server takes a letter only with a permit.
    pub(crate) permits: Semaphore,
    pub(crate) at_once: AtomicUsize,
    pub(crate) most_at_once: AtomicUsize,
    /// A fence takes until nothing is under way any more, as on a slow disk.
    pub(crate) gather: bool,
    /// How many ends were recorded with each fence.
    pub(crate) fences: Mutex<Vec<usize>>,
}

impl Agent {
    pub(crate) fn new(
        store: Arc<Store>,
        answer: impl Fn(&[u8], usize) -> Submission + Send + Sync + 'static,
    ) -> Agent {
        Agent {
            store,
            clock: ManualClock::new(at(0)),
            answer: Box::new(answer),
            handed_over: Mutex::default(),
            permits: Semaphore::new(Semaphore::MAX_PERMITS),
            at_once: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
            gather: false,
            fences: Mutex::default(),
        }
    }

    pub(crate) fn tries(&self) -> BTreeMap<Vec<u8>, usize> {
        let mut tries = BTreeMap::new();
        for bytes in self.handed_over.lock().unwrap().iter() {
            *tries.entry(bytes.clone()).or_default() += 1;
        }
        tries
    }

    pub(crate) fn listed(&self, filter: Filter) -> Vec<Item> {
        self.store.view(|rows| list(rows, filter, 10_000))
    }
}

impl Carriage for Agent {
    fn now(&self) -> Time {
        self.clock.now()
    }

    fn jitter(&self) -> f64 {
        1.0
    }

    async fn due(&self, now: Time, n: usize) -> Result<Due, Failure> {
        let store = Arc::clone(&self.store);
        let due = spawn_blocking(move || store.view(|rows| Due::read(rows, now, n)));
        due.await.map_err(Failure::new)
    }

    async fn letter(&self, item: &Item) -> Result<Vec<u8>, Failure> {
        let (store, id) = (Arc::clone(&self.store), item.id);
        let read = spawn_blocking(move || store.read(id)).await;
        Ok(read.map_err(Failure::new)?.map_err(Failure::new)?.blob)
    }

    async fn submit(&self, _: &Item, bytes: &[u8]) -> Submission {
        let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(now, Ordering::SeqCst);
        let nth = {
            let mut all = self.handed_over.lock().unwrap();
            all.push(bytes.to_vec());
            all.iter().filter(|b| *b == bytes).count()
        };
        self.permits.acquire().await.unwrap().forget();
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        (self.answer)(bytes, nth)
    }

    async fn record(&self, tried: Vec<Tried>) -> Result<(), Failure> {
        while self.gather && self.at_once.load(Ordering::SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
        self.fences.lock().unwrap().push(tried.len());
        let store = Arc::clone(&self.store);
        let written = spawn_blocking(move || {
            let entries: Vec<_> = tried
                .into_iter()
                .map(|t| (OutboxEntry::Tried(t), &b""[..]))
                .collect();
            write(&store, &entries)
        });
        written
            .await
            .map_err(Failure::new)?
            .map_err(Failure::new)
            .map(drop)
    }
}

pub(crate) struct Running {
    pub(crate) agent: Arc<Agent>,
    pub(crate) signal: OutboxSignal,
    pub(crate) stopper: Stopper,
    pub(crate) task: JoinHandle<Result<(), Failure>>,
}

pub(crate) fn run(agent: Agent, pace: Pace) -> Running {
    let agent = Arc::new(agent);
    let signal = OutboxSignal::new();
    let (stopper, stop) = stop::channel();
    let task = tokio::spawn(outbox::send(Arc::clone(&agent), pace, signal.clone(), stop));
    Running {
        agent,
        signal,
        stopper,
        task,
    }
}

impl Running {
    pub(crate) async fn until(&self, what: &str, condition: impl Fn(&Agent) -> bool) {
        let waiting = async {
            while !condition(&self.agent) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(60), waiting).await.expect(what);
    }

    pub(crate) async fn stop(self) -> Agent {
        self.stopper.stop();
        let ended = timeout(Duration::from_secs(60), self.task).await;
        ended.unwrap().unwrap().unwrap();
        Arc::into_inner(self.agent).unwrap()
    }
}

pub(crate) fn queue(store: &Store, letters: impl Iterator<Item = u64>) {
    let entries: Vec<_> = letters
        .map(|n| (OutboxEntry::Queued(letter(n, at(0))), format!("letter {n}")))
        .collect();
    let entries: Vec<_> = entries
        .iter()
        .map(|(entry, bytes)| (entry.clone(), bytes.as_bytes()))
        .collect();
    write(store, &entries).unwrap();
}
