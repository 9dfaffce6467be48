//! A power cut at every moment: what was acknowledged, or shown, is there afterwards.
//!
//! The calls of a run are recorded. A model of the system's memory and of the disk under it says which
//! states of the disk a power cut could leave: of what was not synced, any part. Each state is made
//! as a folder, and opened.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::super::disk::trace::{self, Op};
use super::{add_all, open_with, words};

const SECTOR: usize = 512;
const SEGMENT: u64 = 900;

/// A file, whatever its names.
#[derive(Debug, Clone, Default)]
struct Inode {
    cached: Vec<u8>,
    durable: Vec<u8>,
    /// Octets written and not synced.
    dirty: Vec<(usize, Vec<u8>)>,
}

#[derive(Debug, Clone)]
enum Named {
    File(usize),
    Folder,
}

/// A change of names in a folder.
#[derive(Debug, Clone)]
enum Change {
    Put(PathBuf, Named),
    Move(PathBuf, PathBuf),
}

/// What the system holds in memory, and what of it is on the disk.
#[derive(Debug, Clone, Default)]
struct Machine {
    inodes: Vec<Inode>,
    cached: BTreeMap<PathBuf, Named>,
    durable: BTreeMap<PathBuf, Named>,
    /// Changes of names that are not synced, in order.
    pending: Vec<Change>,
}

fn change(names: &mut BTreeMap<PathBuf, Named>, change: &Change) {
    match change {
        Change::Put(path, named) => {
            names.insert(path.clone(), named.clone());
        }
        Change::Move(from, to) => {
            if let Some(named) = names.remove(from) {
                names.insert(to.clone(), named);
            }
        }
    }
}

impl Machine {
    fn inode(&mut self, path: &Path) -> &mut Inode {
        match self.cached.get(path) {
            Some(Named::File(n)) => &mut self.inodes[*n],
            other => panic!("{path:?}: {other:?}"),
        }
    }

    fn rename(&mut self, new: Change) {
        change(&mut self.cached, &new);
        self.pending.push(new);
    }

    fn put(&mut self, path: &Path, named: Named) {
        self.rename(Change::Put(path.to_path_buf(), named));
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::MakeFolder(path) => self.put(path, Named::Folder),
            Op::Create(path) => {
                if !self.cached.contains_key(path) {
                    self.inodes.push(Inode::default());
                    self.put(path, Named::File(self.inodes.len() - 1));
                }
                self.inode(path).cached.clear();
            }
            Op::Write(path, at, bytes) => {
                let at = *at as usize;
                let inode = self.inode(path);
                let end = inode.cached.len().max(at + bytes.len());
                inode.cached.resize(end, 0);
                inode.cached[at..at + bytes.len()].copy_from_slice(bytes);
                inode.dirty.push((at, bytes.clone()));
            }
            Op::SetLength(path, length) => self.inode(path).cached.resize(*length as usize, 0),
            Op::SyncFile(path) => {
                let inode = self.inode(path);
                inode.durable = inode.cached.clone();
                inode.dirty.clear();
            }
            Op::Rename(from, to) => self.rename(Change::Move(from.clone(), to.clone())),
            Op::Link(file, name) => {
                let named = self.cached[file].clone();
                self.put(name, named);
            }
            Op::SyncFolder(folder) => {
                let (synced, pending) =
                    std::mem::take(&mut self.pending)
                        .into_iter()
                        .partition(|c: &Change| {
                            let (Change::Put(path, _) | Change::Move(_, path)) = c;
                            path.parent() == Some(folder)
                        });
                self.pending = pending;
                let synced: Vec<Change> = synced;
                for c in &synced {
                    change(&mut self.durable, c);
                }
            }
        }
    }

    /// What the process sees that comes after one that was killed.
    fn seen(&self) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        contents(&self.cached, |n| self.inodes[n].cached.clone())
    }

    /// What a power cut leaves: of each thing that is not synced, what `luck` says.
    fn cut_off(&self, luck: &mut Luck) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        let mut names = self.durable.clone();
        for c in &self.pending {
            if luck.holds() {
                change(&mut names, c);
            }
        }
        let inodes: Vec<Vec<u8>> = self
            .inodes
            .iter()
            .map(|inode| {
                let mut left = inode.durable.clone();
                let length = match luck.holds() {
                    true => inode.cached.len(),
                    false => inode.durable.len(),
                };
                left.resize(length, 0);
                for (at, bytes) in &inode.dirty {
                    let (mut from, end) = (*at, at + bytes.len());
                    while from < end {
                        let to = end.min((from / SECTOR + 1) * SECTOR);
                        if luck.holds() && to <= length {
                            left[from..to].copy_from_slice(&bytes[from - at..to - at]);
                        }
                        from = to;
                    }
                }
                left
            })
            .collect();
        contents(&names, |n| inodes[n].clone())
    }
}

/// Files with their content, and folders; only what lies in folders that are there.
fn contents(
    names: &BTreeMap<PathBuf, Named>,
    content: impl Fn(usize) -> Vec<u8>,
) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let is_there = |path: &Path| {
        let mut above = path
            .ancestors()
            .skip(1)
            .filter(|p| !p.as_os_str().is_empty());
        above.all(|folder| matches!(names.get(folder), Some(Named::Folder)))
    };
    names
        .iter()
        .filter(|(path, _)| is_there(path))
        .map(|(path, named)| match named {
            Named::File(n) => (path.clone(), Some(content(*n))),
            Named::Folder => (path.clone(), None),
        })
        .collect()
}

/// What happens to be on the disk. The same seed decides the same.
enum Luck {
    None,
    All,
    Some(u64),
}

impl Luck {
    fn of(seed: u64) -> Luck {
        match seed {
            0 => Luck::None,
            1 => Luck::All,
            seed => Luck::Some(seed),
        }
    }

    fn holds(&mut self) -> bool {
        match self {
            Luck::None => false,
            Luck::All => true,
            Luck::Some(state) => {
                // Knuth's MMIX generator: its upper bits are good enough to toss coins.
                *state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                *state >> 63 == 1
            }
        }
    }
}

/// Seeds for each moment.
const SEEDS: u64 = 6;

fn make(root: &Path, files: &BTreeMap<PathBuf, Option<Vec<u8>>>) {
    for (path, content) in files {
        let path = root.join(path);
        match content {
            None => fs::DirBuilder::new().mode(0o700).create(path).unwrap(),
            Some(bytes) => {
                fs::write(&path, bytes).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            }
        }
    }
}

/// The calls below `root`, with paths from there on.
fn below(root: &Path, ops: Vec<Op>) -> Vec<Op> {
    let real = fs::canonicalize(root).unwrap();
    let short = |path: PathBuf| {
        let short = path
            .strip_prefix(root)
            .or_else(|_| path.strip_prefix(&real));
        short.map(Path::to_path_buf).ok()
    };
    ops.into_iter()
        .filter_map(|op| {
            Some(match op {
                Op::Create(p) => Op::Create(short(p)?),
                Op::Write(p, at, bytes) => Op::Write(short(p)?, at, bytes),
                Op::SetLength(p, n) => Op::SetLength(short(p)?, n),
                Op::SyncFile(p) => Op::SyncFile(short(p)?),
                Op::Rename(p, q) => Op::Rename(short(p)?, short(q)?),
                Op::Link(p, q) => Op::Link(short(p)?, short(q)?),
                Op::MakeFolder(p) => Op::MakeFolder(short(p)?),
                Op::SyncFolder(p) => Op::SyncFolder(short(p)?),
            })
        })
        .collect()
}

/// Batches of different sizes, over several sectors and segments.
fn batches() -> Vec<Vec<String>> {
    (0..7_usize)
        .map(|n| {
            (0..1 + n % 3)
                .map(|part| format!("{n}.{part} {}", "x".repeat(n * 97 % 400)))
                .collect()
        })
        .collect()
}

/// Runs a process that writes all batches: its calls, and after how many each was acknowledged.
fn run(root: &Path) -> (Vec<Op>, Vec<usize>) {
    trace::start();
    let store = open_with(&root.join("deep/data"), SEGMENT);
    let mut acknowledged = Vec::new();
    for batch in batches() {
        add_all(&store, &batch).unwrap();
        acknowledged.push(trace::count());
    }
    drop(store);
    let ops = trace::take();
    let all = ops.len();
    let ops = below(root, ops);
    // Nothing was called elsewhere but syncs of the folders above, before the first batch.
    let elsewhere = all - ops.len();
    let acknowledged = acknowledged.iter().map(|n| n - elsewhere).collect();
    (ops, acknowledged)
}

/// Opens what is left in a folder of its own: the first so many batches must be there, whole.
fn check(left: &BTreeMap<PathBuf, Option<Vec<u8>>>, at_least: usize, what: &str) {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path(), left);
    let store = open_with(&dir.path().join("deep/data"), SEGMENT);
    let found = words(&store);
    let batches = batches();
    let whole = (at_least..=batches.len()).find(|n| batches[..*n].concat() == found);
    assert!(
        whole.is_some(),
        "{what}: {at_least} acknowledged, {found:?}"
    );
    add_all(&store, &["and on".to_owned()]).unwrap();
}

#[test]
fn after_a_power_cut_at_any_moment_everything_acknowledged_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let (ops, acknowledged) = run(dir.path());
    let mut machine = Machine::default();
    for (n, op) in ops.iter().enumerate() {
        machine.apply(op);
        let at_least = acknowledged.iter().filter(|after| **after <= n + 1).count();
        for seed in 0..SEEDS {
            let seed = if seed < 2 {
                seed
            } else {
                seed + (n as u64) * SEEDS
            };
            let left = machine.cut_off(&mut Luck::of(seed));
            check(&left, at_least, &format!("after call {n}, seed {seed}"));
        }
    }
    check(&machine.seen(), batches().len(), "without a power cut");
}

#[test]
fn what_a_process_shows_after_another_was_killed_is_there_after_a_power_cut() {
    let dir = tempfile::tempdir().unwrap();
    let (ops, _) = run(dir.path());
    let mut machine = Machine::default();
    for (n, op) in ops.iter().enumerate() {
        machine.apply(op);
        let dir = tempfile::tempdir().unwrap();
        make(dir.path(), &machine.seen());
        trace::start();
        let store = open_with(&dir.path().join("deep/data"), SEGMENT);
        let opening = below(dir.path(), trace::take());
        let shown = words(&store);
        let mut machine = machine.clone();
        opening.iter().for_each(|op| machine.apply(op));
        let batches = batches();
        let whole = (0..=batches.len()).find(|n| batches[..*n].concat() == shown);
        let whole = whole.unwrap_or_else(|| panic!("killed after call {n}: {shown:?}"));
        for seed in 0..SEEDS / 2 {
            let left = machine.cut_off(&mut Luck::of(seed));
            check(&left, whole, &format!("killed after call {n}, seed {seed}"));
        }
    }
}
