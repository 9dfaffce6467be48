//! The index: rows made from the journal, in sled, so that a list costs what it shows.
//!
//! It may be lost, damaged or old at any time: it is made again from the journal. Each batch of
//! rows is written together with the journal's position up to which the rows hold. Nothing here
//! is synced; values should stay small (sled keeps those above some tens of kilobytes in files
//! of their own).

use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use tradepost_trades::rows::{Row, Rows};

use super::known::Known;
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
        let path = path(root);
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
        sync_tree(&path(&self.root))?;
        disk::sync_folder(&self.root)
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
        let start = stored_key(if from < prefix { prefix } else { from });
        let prefix = stored_key(prefix);
        self.guarded("read", || {
            let mut rows = Vec::new();
            for row in self.db.range(start..) {
                let (key, value) = row?;
                if rows.len() == limit || !key.starts_with(&prefix) {
                    break;
                }
                let key = key.get(1..).unwrap_or_default().to_vec();
                rows.push((key, value.to_vec()));
            }
            Ok(rows)
        })
        .unwrap_or_default()
    }
}

pub(super) fn path(root: &Path) -> PathBuf {
    root.join("index")
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

/// Moves an index out of the way, durably. The newest one set aside is kept, in case somebody wants
/// to know what was wrong with it. Gives its place, where there was an index.
pub(super) fn set_aside(root: &Path) -> Result<Option<PathBuf>, StoreError> {
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
    let index = path(root);
    if !index.exists() {
        return Ok(None);
    }
    let aside = root.join(format!("{NAME}{}", newest.saturating_add(1)));
    disk::rename(&index, &aside)?;
    disk::sync_folder(root)?;
    for path in old {
        fs::remove_dir_all(&path).map_err(StoreError::io("remove", &path))?;
    }
    Ok(Some(aside))
}
