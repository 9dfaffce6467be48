//! kill -9 of a process that writes: everything it acknowledged is there, once, in order.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use super::tally::{Add, add_all, all_rows, open, options, small_segments, try_open, words};

const DATA: &str = "TRADEPOST_TEST_DATA";
const ROUNDS: usize = 20;

/// The process to be killed: goes on from what is there, and says on its output what was
/// acknowledged.
#[test]
#[ignore = "started by the test below, which kills it"]
fn a_process_that_writes_until_it_is_killed() {
    let Ok(data) = std::env::var(DATA) else {
        return;
    };
    let (store, _) = try_open(Path::new(&data), &small_segments()).unwrap();
    let mut next = words(&store).len();
    let mut out = std::io::stdout().lock();
    loop {
        let batch: Vec<Add> = (next..next + 1 + next % 4)
            .map(|n| Add::new(&(n % 3).to_string(), n))
            .collect();
        next += batch.len();
        add_all(&store, &batch, &vec![b'x'; next % 97]).unwrap();
        writeln!(out, "acknowledged {next}").unwrap();
    }
}

#[test]
fn nothing_acknowledged_is_lost_by_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "killed::a_process_that_writes_until_it_is_killed",
            ])
            .args(["--ignored", "--nocapture"])
            .env(DATA, &data)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Killed after another number of batches each time, at whatever it is doing then.
        let mut wanted = 1 + round * 7 % 23;
        let mut read = |line: std::io::Result<String>| {
            let line = line.unwrap();
            if let Some(n) = line.strip_prefix("acknowledged ") {
                acknowledged = n.parse().unwrap();
                return true;
            }
            false
        };
        while wanted > 0 {
            let line = lines
                .next()
                .expect("the process goes on until it is killed");
            wanted -= usize::from(read(line));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines {
            read(line);
        }
        let (store, _) = try_open(&data, &small_segments()).unwrap();
        let found = words(&store);
        // The last batch may have become durable without the word getting out: at most 4 records.
        assert!(
            (acknowledged..=acknowledged + 4).contains(&found.len()),
            "round {round}: {acknowledged} acknowledged, {} found",
            found.len()
        );
        let expected: Vec<String> = (0..found.len()).map(|n| n.to_string()).collect();
        assert_eq!(found, expected, "round {round}");
        let verified = store.verify(&mut |_| {}).unwrap();
        assert_eq!(verified.differing, Vec::<Vec<u8>>::new(), "round {round}");
    }
    let (store, _) = try_open(&data, &options()).unwrap();
    let rows = all_rows(&store);
    drop(store);
    std::fs::remove_dir_all(data.join("index")).unwrap();
    assert_eq!(all_rows(&open(&data).0), rows);
}
