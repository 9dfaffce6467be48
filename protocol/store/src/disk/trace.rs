//! What was done to the disk, in order, and what a disk in trouble does: for tests.

use std::cell::{Cell, RefCell};
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Op {
    Create(PathBuf),
    Write(PathBuf, u64, Vec<u8>),
    SetLength(PathBuf, u64),
    SyncFile(PathBuf),
    Rename(PathBuf, PathBuf),
    Link(PathBuf, PathBuf),
    MakeFolder(PathBuf),
    SyncFolder(PathBuf),
}

thread_local! {
    static OPS: RefCell<Option<Vec<Op>>> = const { RefCell::new(None) };
}

/// Records what this thread does until it is taken.
pub(crate) fn start() {
    OPS.with_borrow_mut(|ops| *ops = Some(Vec::new()));
}

/// How many calls were recorded so far.
pub(crate) fn count() -> usize {
    OPS.with_borrow(|ops| ops.as_ref().map_or(0, Vec::len))
}

pub(crate) fn take() -> Vec<Op> {
    OPS.with_borrow_mut(Option::take).unwrap_or_default()
}

pub(super) fn note(op: impl FnOnce() -> Op) {
    OPS.with_borrow_mut(|ops| {
        if let Some(ops) = ops {
            ops.push(op());
        }
    });
}

/// What a disk in trouble does with files of the journal, and with its folder.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Faults {
    /// A write stops after that many bytes, as on a full disk.
    pub(crate) write_only: Option<usize>,
    pub(crate) no_sync: bool,
    pub(crate) no_folder_sync: bool,
    pub(crate) no_cut: bool,
}

thread_local! {
    static FAULTS: Cell<Faults> = const { Cell::new(Faults {
        write_only: None,
        no_sync: false,
        no_folder_sync: false,
        no_cut: false,
    }) };
}

/// From now on the disk does that to this thread.
pub(crate) fn trouble(faults: Faults) {
    FAULTS.set(faults);
}

fn of(path: &Path) -> Faults {
    let is_journal = path.components().any(|c| c.as_os_str() == "journal");
    if is_journal {
        FAULTS.get()
    } else {
        Faults::default()
    }
}

/// What of these bytes finds room, and whether that is not all.
pub(super) fn room<'b>(path: &Path, bytes: &'b [u8]) -> (&'b [u8], bool) {
    match of(path).write_only {
        Some(some) => (bytes.get(..some).unwrap_or(bytes), true),
        None => (bytes, false),
    }
}

pub(super) fn may_sync(path: &Path) -> io::Result<()> {
    let faults = of(path);
    refuse(match path.is_dir() {
        true => faults.no_folder_sync,
        false => faults.no_sync,
    })
}

pub(super) fn may_cut(path: &Path) -> io::Result<()> {
    refuse(of(path).no_cut)
}

fn refuse(refused: bool) -> io::Result<()> {
    match refused {
        true => Err(io::Error::other("the disk does not answer (test)")),
        false => Ok(()),
    }
}
