//! Those who wait for the disk at the same time share a fence, and what becomes of it.

use std::sync::atomic::Ordering;

use super::*;

const MANY: usize = 20;

/// What became of a caller, and how often it synced the journal.
type Done = (thread::Result<Result<Position, StoreError>>, usize);

/// Has one caller decide until all others wait behind it, so that they are one group whatever the machine
/// does. Each decides by its number, on a disk of its own trouble.
fn at_once(
    store: &Store,
    faults: Faults,
    decide: impl Fn(usize, &mut Batch<'_>) -> Result<Position, StoreError> + Sync,
) -> Vec<Done> {
    let call = |n: usize| {
        trouble(faults);
        trace::start();
        let done = catch_unwind(AssertUnwindSafe(|| {
            store.write(|batch| {
                while n == 0 && store.waiting.load(Ordering::SeqCst) < MANY - 1 {
                    thread::yield_now();
                }
                decide(n, batch)
            })
        }));
        let is_sync = |op: &&Op| matches!(op, Op::SyncFile(path) if in_journal(path));
        (done, trace::take().iter().filter(is_sync).count())
    };
    thread::scope(|scope| {
        let first = scope.spawn(|| call(0));
        // The first has the writer before anybody else may ask for it.
        while store.writer.try_lock().is_ok() {
            thread::yield_now();
        }
        let others: Vec<_> = (1..MANY).map(|n| scope.spawn(move || call(n))).collect();
        let all = std::iter::once(first).chain(others);
        all.map(|caller| caller.join().unwrap()).collect()
    })
}

fn in_journal(path: &Path) -> bool {
    path.components().any(|c| c.as_os_str() == "journal")
}

fn write(n: usize, batch: &mut Batch<'_>) -> Result<Position, StoreError> {
    let row = Row::put(format!("row {n}"), batch.next().to_string());
    batch.record(Record::new(format!("{n}")).with_rows([row]))
}

fn in_order(mut words: Vec<String>) -> Vec<usize> {
    let mut numbers: Vec<usize> = words.drain(..).map(|w| w.parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn all_who_wait_at_the_same_time_are_durable_by_one_sync() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let store = open(&data);
    let all = at_once(&store, NONE, write);
    assert_eq!(all.iter().map(|(_, syncs)| syncs).sum::<usize>(), 1);
    let places: Vec<Position> = all.into_iter().map(|(p, _)| p.unwrap().unwrap()).collect();
    for (n, at) in places.iter().enumerate() {
        assert_eq!(store.read(*at).unwrap().head, n.to_string().as_bytes());
        let row = store.get(format!("row {n}").as_bytes()).unwrap();
        assert_eq!(row, at.to_string().as_bytes());
    }
    drop(store);
    assert_eq!(in_order(words(&open(&data))), (0..MANY).collect::<Vec<_>>());
}

#[test]
fn who_refuses_or_panics_takes_nothing_of_the_others_back() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let store = open(&data);
    let all = at_once(&store, NONE, |n, batch| {
        let at = write(n, batch)?;
        match n % 3 {
            0 => Ok(at),
            1 => Err(StoreError::NoSuchRecord { position: at }),
            _ => panic!("on purpose"),
        }
    });
    for (n, (done, _)) in all.iter().enumerate() {
        match n % 3 {
            0 => assert!(matches!(done, Ok(Ok(_))), "{n}"),
            1 => assert!(
                matches!(done, Ok(Err(StoreError::NoSuchRecord { .. }))),
                "{n}"
            ),
            _ => assert!(done.is_err(), "{n}"),
        }
    }
    let kept: Vec<usize> = (0..MANY).step_by(3).collect();
    assert_eq!(in_order(words(&store)), kept);
    assert_eq!(store.scan(b"row ").len(), kept.len());
    add(&store, "99").unwrap();
    drop(store);
    let store = open(&data);
    assert_eq!(in_order(words(&store)), [kept, vec![99]].concat());
}

#[test]
fn a_full_disk_refuses_all_who_share_a_fence_and_takes_them_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("data"));
    add(&store, "0").unwrap();
    let full = Faults {
        write_only: Some(30),
        ..NONE
    };
    for (done, _) in at_once(&store, full, write) {
        let error = done.unwrap().unwrap_err();
        assert!(error.may_pass(), "{error}");
        assert!(error.to_string().contains("the disk is full"), "{error}");
    }
    assert_eq!(words(&store), ["0"]);
    assert_eq!(store.scan(b"row ").len(), 0);
    for (done, _) in at_once(&store, NONE, write) {
        done.unwrap().unwrap();
    }
    assert_eq!(words(&store).len(), 1 + MANY);
}

#[test]
fn a_sync_that_fails_is_told_to_all_who_share_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("data"));
    let faults = Faults {
        no_sync: true,
        ..NONE
    };
    for (done, _) in at_once(&store, faults, write) {
        let error = done.unwrap().unwrap_err();
        assert!(!error.may_pass(), "{error}");
        assert!(error.to_string().contains("sync"), "{error}");
    }
    assert_eq!(store.scan(b"row ").len(), 0, "nothing is shown as done");
}

#[test]
fn who_only_reads_what_another_wrote_waits_for_it_to_be_durable() {
    // Each sees what those before it wrote, and the first who sees something writes nothing itself.
    let look = |n: usize, batch: &mut Batch<'_>| match batch.scan(b"row ").first() {
        Some((_, at)) => Ok(String::from_utf8(at.clone()).unwrap().parse().unwrap()),
        None => write(n, batch),
    };
    let full = Faults {
        write_only: Some(30),
        ..NONE
    };
    for (faults, is_durable) in [(full, false), (NONE, true)] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir.path().join("data"));
        let all = at_once(&store, faults, look);
        for (done, _) in all {
            match done.unwrap() {
                Ok(at) => {
                    assert!(is_durable);
                    assert_eq!(store.read(at).unwrap().head, b"0");
                }
                Err(e) => assert!(!is_durable && e.may_pass(), "{e}"),
            }
        }
        assert_eq!(words(&store).len(), usize::from(is_durable));
    }
}
