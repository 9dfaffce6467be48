//! The index: the rows of the journal, in sled, so that a list costs what it shows.
//!
//! It may be lost, damaged or old at any time: it is made again from a checkpoint and the journal. Each
//! batch of rows is written together with the journal's position up to which the rows hold. While it is in
//! use nothing here is synced; values should stay small (sled keeps those above some tens of kilobytes in
//! files of their own).

use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use tradepost_trades::rows::{Row, Rows};

use super::known::Known;
use super::memtable::{Memtable, merged};
use super::{StoreError, disk, folder};

/// Rows have this before their keys, so that none can be mistaken for the mark.
const ROW: u8 = b'r';
const MARK: &[u8] = b"mark";

/// The first trouble of the store; from then on it takes nothing more.
pub(super) type IndexTrouble = Arc<OnceLock<String>>;

#[derive(Debug)]
pub(super) struct Index {
    root: PathBuf,
    db: sled::Db,
    trouble: IndexTrouble,
}

impl Index {
    /// Opens the index of a data folder, or makes an empty one.
    ///
    /// The error is why it can't be used; sled panics on some damage, so it is opened on a
    /// thread of its own.
    pub(super) fn open(
        root: &Path,
        cache_bytes: u64,
        trouble: IndexTrouble,
    ) -> Result<Index, String> {
        folder::make_private(&path(root)).map_err(|e| e.to_string())?;
        let path = sled_path(root);
        folder::make_private(&path).map_err(|e| e.to_string())?;
        wait_for_lock(&path)?;
        let opening = thread::Builder::new()
            .name("index".to_owned())
            .spawn(move || {
                sled::Config::default()
                    .path(path)
                    .cache_capacity(cache_bytes)
                    .flush_every_ms(None)
                    .open()
            })
            .map_err(|e| format!("no thread could be started: {e}"))?;
        let db = match opening.join() {
            Ok(Ok(db)) => db,
            Ok(Err(e)) => return Err(e.to_string()),
            Err(_) => return Err("reading it failed (the reason is printed above)".to_owned()),
        };
        Ok(Index {
            root: root.to_path_buf(),
            db,
            trouble,
        })
    }

    /// The journal that its rows are from, and how far: the records before its end are in. None: there
    /// is nothing in it yet.
    pub(super) fn mark(&self) -> Result<Option<Known>, String> {
        match catch_unwind(AssertUnwindSafe(|| self.db.get(MARK))) {
            Ok(Ok(Some(mark))) => serde_json::from_slice(&mark)
                .map(Some)
                .map_err(|e| format!("its mark can't be read: {e}")),
            Ok(Ok(None)) if self.db.is_empty() => Ok(None),
            Ok(Ok(None)) => Err("its mark is missing".to_owned()),
            Ok(Err(e)) => Err(e.to_string()),
            Err(_) => Err("reading it failed (the reason is printed above)".to_owned()),
        }
    }

    /// Puts rows into an index that has none yet. Until it is marked, it counts for nothing.
    pub(super) fn fill(&self, rows: Vec<(Vec<u8>, Vec<u8>)>) -> Result<(), StoreError> {
        // One by one: a batch has each page written again and again.
        self.guarded("write", || {
            for (key, value) in &rows {
                self.db.insert(stored_key(key), value.as_slice())?;
            }
            Ok(())
        })
        .ok_or_else(|| self.broken())
    }

    /// Writes rows and the mark that they make true, all or nothing.
    pub(super) fn apply(&self, rows: Vec<Row>, mark: Known) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        for row in rows {
            match row.value {
                Some(value) => batch.insert(stored_key(&row.key), value),
                None => batch.remove(stored_key(&row.key)),
            }
        }
        let mark = serde_json::to_vec(&mark).expect("a mark is made of numbers");
        batch.insert(MARK, mark);
        self.guarded("write", || self.db.apply_batch(batch))
            .ok_or_else(|| self.broken())
    }

    pub(super) fn flush(&self) -> Result<(), StoreError> {
        self.guarded("flush", || self.db.flush().map(drop))
            .ok_or_else(|| self.broken())
    }

    /// Brings every file of the index to the disk, and its name: sled's flush alone does not.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.flush()?;
        sync_tree(&sled_path(&self.root))?;
        disk::sync_folder(&path(&self.root))?;
        disk::sync_folder(&self.root)
    }

    /// All rows, in order.
    pub(super) fn all(&self) -> impl Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>> {
        let mut range = self
            .db
            .range::<&[u8], _>([ROW].as_slice()..[ROW + 1].as_slice());
        std::iter::from_fn(move || {
            let read = self.guarded("read", || range.next().transpose());
            match read {
                None => Some(Err(self.broken())),
                Some(row) => row.map(|(key, value)| Ok(unstored(&key, &value))),
            }
        })
    }

    fn broken(&self) -> StoreError {
        StoreError::Broken {
            why: self.trouble.get().cloned().unwrap_or_default(),
        }
    }

    /// None after an error or panic of sled; it is remembered as the store's trouble.
    fn guarded<T>(&self, doing: &str, work: impl FnOnce() -> sled::Result<T>) -> Option<T> {
        let fault = match catch_unwind(AssertUnwindSafe(work)) {
            Ok(Ok(done)) => return Some(done),
            Ok(Err(e)) => e.to_string(),
            Err(_) => "the reason is printed above".to_owned(),
        };
        let _ = self
            .trouble
            .set(format!("the index could not {doing}: {fault}"));
        None
    }
}

impl Rows for Index {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.guarded("read", || self.db.get(stored_key(key)))
            .flatten()
            .map(|v| v.to_vec())
    }

    fn scan_from(&self, prefix: &[u8], from: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.scan_under(&Memtable::default(), prefix, from, limit)
    }
}

impl Index {
    /// A scan with newer rows laid over.
    pub(super) fn scan_under(
        &self,
        newer: &Memtable,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> Vec<(Vec<u8>, Vec<u8>)> {
        let start = if from < prefix { prefix } else { from };
        self.guarded("read", || {
            let mut fault = None;
            let base = self
                .db
                .range(stored_key(start)..)
                .map_while(|row| match row {
                    // The keys of rows come last: behind them there is nothing else.
                    Ok((key, value)) => Some(unstored(&key, &value)),
                    Err(e) => {
                        fault = Some(e);
                        None
                    }
                });
            let rows = merged(newer.from(start), base, prefix, limit);
            fault.map_or(Ok(rows), Err)
        })
        .unwrap_or_default()
    }
}

/// The folder of the index: sled's own, and checkpoints beside it.
pub(super) fn path(root: &Path) -> PathBuf {
    root.join("index")
}

/// sled's folder.
pub(super) fn sled_path(root: &Path) -> PathBuf {
    path(root).join("sled")
}

fn unstored(key: &[u8], value: &[u8]) -> (Vec<u8>, Vec<u8>) {
    (key.get(1..).unwrap_or_default().to_vec(), value.to_vec())
}

fn stored_key(key: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(key.len() + 1);
    stored.push(ROW);
    stored.extend_from_slice(key);
    stored
}

/// sled's lock may outlive a closed index by a moment: a thread of its own has it, or a program
/// that is just being started. Other processes don't matter here: the data folder is ours.
fn wait_for_lock(index: &Path) -> Result<(), String> {
    let Ok(file) = File::open(index.join("db")) else {
        return Ok(());
    };
    let deadline = Instant::now() + Duration::from_secs(10);
    while file.try_lock().is_err() {
        if Instant::now() > deadline {
            return Err("another part of this program holds it".to_owned());
        }
        thread::sleep(Duration::from_millis(5));
    }
    // Not left to closing the file: see the data folder's lock.
    file.unlock().map_err(|e| e.to_string())
}

fn sync_tree(folder: &Path) -> Result<(), StoreError> {
    let fault = |source| StoreError::Io {
        doing: "sync",
        path: folder.to_path_buf(),
        source,
    };
    for entry in fs::read_dir(folder).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        if path.is_dir() {
            sync_tree(&path)?;
        } else {
            match File::open(&path).and_then(|f| f.sync_all()) {
                Ok(()) => {}
                // sled removes old files in the background.
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(source) => return Err(StoreError::Unsynced { path, source }),
            }
        }
    }
    disk::sync_folder(folder)
}

/// Moves the index, or what of it is named, out of the way, durably. The newest one set aside is kept, in
/// case somebody wants to know what was wrong with it. Gives its place, where there was one.
pub(super) fn set_aside(root: &Path, what: &Path) -> Result<Option<PathBuf>, StoreError> {
    const NAME: &str = "index.aside-";
    let fault = |source| StoreError::Io {
        doing: "list",
        path: root.to_path_buf(),
        source,
    };
    let mut newest = 0;
    let mut old = Vec::new();
    for entry in fs::read_dir(root).map_err(fault)? {
        let entry = entry.map_err(fault)?;
        let number = entry
            .file_name()
            .to_str()
            .and_then(|n| n.strip_prefix(NAME))
            .and_then(|n| n.parse::<u32>().ok());
        if let Some(number) = number {
            newest = newest.max(number);
            old.push(entry.path());
        }
    }
    if !what.exists() {
        return Ok(None);
    }
    let aside = root.join(format!("{NAME}{}", newest.saturating_add(1)));
    disk::rename(what, &aside)?;
    if let Some(above) = what.parent().filter(|above| *above != root) {
        disk::sync_folder(above)?;
    }
    disk::sync_folder(root)?;
    for path in old {
        fs::remove_dir_all(&path).map_err(StoreError::io("remove", &path))?;
    }
    Ok(Some(aside))
}
