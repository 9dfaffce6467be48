//! All rows as they were at one place of the journal, in one sorted file that is on the disk.
//!
//! From a checkpoint and the journal behind it the index is made anew in a fraction of the time that the
//! whole journal takes, and whoever only reads needs no index at all.
//!
//! ```text
//! index/checkpoint-<end, 16 hex digits>
//!   block | block | ..     rows in order: length and octets of key and value, some 16 KiB of them
//!   directory              per block: place, length, CRC-32C, length and octets of its first key
//!   footer                 what the file is, how far it goes, where the directory is; CRC-32C
//! ```
//!
//! It is written beside its name, synced, and renamed, and its folder synced: under its name it is whole. A
//! damaged one is noticed by its CRCs, and passed over. The two newest are kept.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tradepost_trades::rows::Rows;

use super::disk::{self, OpenFile};
use super::known::Known;
use super::memtable::{Newer, merged};
use super::packed::{self, Rest};
use super::{Position, StoreError, index};

const MAGIC: [u8; 8] = *b"TPROWS\r\n";
/// Of this file; the number of the rows' form stands beside it.
const FORMAT: u32 = 1;
/// A block is closed when it has so many octets: little enough to read for one row, enough that the
/// directory of a large ledger is small.
const BLOCK: usize = 16 << 10;
/// So much is written with one call.
const WRITE: usize = 1 << 20;
/// Magic 8, format 4, rows' form 4, salt 8, last 8, end 8, check 4, octets 8, rows 8, directory: place 8,
/// length 4, CRC 4; CRC-32C of all that 4.
const FOOTER: usize = 80;
/// Blocks that are kept in memory for the next reads.
const CACHED: usize = 256;
const NAME: &str = "checkpoint-";
/// So many are kept: the older one in case that the newer is hurt.
const KEPT: usize = 2;

/// A block, and the key that it starts with.
#[derive(Debug)]
struct Block {
    first: Vec<u8>,
    place: u64,
    length: u32,
    crc: u32,
}

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// A checkpoint that is open to be read. Blocks are read when they are needed.
#[derive(Debug)]
pub(super) struct Checkpoint {
    path: PathBuf,
    file: File,
    /// How far its rows go.
    pub(super) known: Known,
    pub(super) rows: u64,
    /// Octets of the file.
    pub(super) size: u64,
    directory: Vec<Block>,
    cached: Mutex<BTreeMap<usize, Arc<Pairs>>>,
    is_hurt: AtomicBool,
}

/// The checkpoints of a data folder, the newest first; their names are their places in the journal.
pub(super) fn list(root: &Path) -> Vec<PathBuf> {
    let is_digits = |name: &str| name.len() == 16 && name.bytes().all(|b| b.is_ascii_hexdigit());
    let mut found = named(&index::path(root), is_digits);
    found.sort();
    found.reverse();
    found
}

/// The files of a folder that are named as checkpoints are, with the rest of the name as it should be.
fn named(folder: &Path, rest: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let is_one = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.and_then(|name| name.strip_prefix(NAME))
            .is_some_and(&rest)
    };
    paths.filter(is_one).collect()
}

/// Those of a data folder that can be opened, the newest first.
pub(super) fn all(root: &Path, form: u32) -> Vec<Checkpoint> {
    let opened = list(root).into_iter();
    opened
        .filter_map(|path| Checkpoint::open(&path, form))
        .collect()
}

impl Checkpoint {
    /// Opens one, where footer and directory are whole and the rows have this form. `None` is no error: the
    /// next older one, or the journal, says the same.
    pub(super) fn open(path: &Path, form: u32) -> Option<Checkpoint> {
        let file = File::open(path).ok()?;
        let size = file.metadata().ok()?.len();
        let mut footer = [0; FOOTER];
        file.read_exact_at(&mut footer, size.checked_sub(FOOTER as u64)?)
            .ok()?;
        let (fields, crc) = footer.split_last_chunk::<4>()?;
        if u32::from_le_bytes(*crc) != crc32c::crc32c(fields) || !fields.starts_with(&MAGIC) {
            return None;
        }
        let small = |at: usize| Some(u32::from_le_bytes(*fields.get(at..)?.first_chunk()?));
        let large = |at: usize| Some(u64::from_le_bytes(*fields.get(at..)?.first_chunk()?));
        if small(8)? != FORMAT || small(12)? != form {
            return None;
        }
        let known = Known {
            salt: large(16)?,
            last: Position::from_u64(large(24)?),
            end: Position::from_u64(large(32)?),
            check: small(40)?,
            octets: large(44)?,
        };
        let (rows, place, length) = (large(52)?, large(60)?, small(68)?);
        if place + u64::from(length) + FOOTER as u64 != size {
            return None;
        }
        let mut octets = vec![0; length as usize];
        file.read_exact_at(&mut octets, place).ok()?;
        if crc32c::crc32c(&octets) != small(72)? {
            return None;
        }
        Some(Checkpoint {
            path: path.to_path_buf(),
            file,
            known,
            rows,
            size,
            directory: directory(&octets)?,
            cached: Mutex::default(),
            is_hurt: AtomicBool::new(false),
        })
    }

    /// Whether a block turned out to be hurt: what was read is not all there is.
    pub(super) fn is_hurt(&self) -> bool {
        self.is_hurt.load(Ordering::Relaxed)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// All its rows, block by block; none for a block that is hurt.
    pub(super) fn blocks(&self) -> impl Iterator<Item = Option<Pairs>> {
        (0..self.directory.len()).map(|n| self.read(n))
    }

    fn read(&self, n: usize) -> Option<Pairs> {
        let block = self.directory.get(n)?;
        let mut octets = vec![0; block.length as usize];
        let pairs = self
            .file
            .read_exact_at(&mut octets, block.place)
            .ok()
            .filter(|()| crc32c::crc32c(&octets) == block.crc)
            .and_then(|()| pairs(&octets));
        if pairs.is_none() {
            self.is_hurt.store(true, Ordering::Relaxed);
        }
        pairs
    }

    fn block(&self, n: usize) -> Option<Arc<Pairs>> {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(block) = cached.get(&n) {
            return Some(Arc::clone(block));
        }
        let block = Arc::new(self.read(n)?);
        if cached.len() >= CACHED {
            cached.clear();
        }
        cached.insert(n, Arc::clone(&block));
        Some(block)
    }

    /// The number of the block that a key stands in, if it stands anywhere.
    fn block_of(&self, key: &[u8]) -> usize {
        let behind = self
            .directory
            .partition_point(|b| b.first.as_slice() <= key);
        behind.saturating_sub(1)
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let block = self.block(self.block_of(key))?;
        let at = block
            .binary_search_by(|(k, _)| k.as_slice().cmp(key))
            .ok()?;
        block.get(at).map(|(_, value)| value.clone())
    }

    /// The rows from a key on, in order.
    fn from<'c>(&'c self, key: &'c [u8]) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> + 'c {
        let first = self.block_of(key);
        (first..self.directory.len())
            .map_while(|n| self.block(n))
            .flat_map(move |block| {
                let start = block.partition_point(|(k, _)| k.as_slice() < key);
                (start..block.len()).filter_map(move |n| block.get(n).cloned())
            })
    }
}

/// A checkpoint, or nothing, with the rows of the journal behind it laid over.
#[derive(Debug)]
pub(super) struct CheckpointRows {
    pub(super) base: Option<Checkpoint>,
    pub(super) over: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl CheckpointRows {
    /// Those of a checkpoint as it is.
    pub(super) fn of(base: Option<Checkpoint>) -> CheckpointRows {
        CheckpointRows {
            base,
            over: BTreeMap::new(),
        }
    }
}

impl Rows for CheckpointRows {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        match self.over.get(key) {
            Some(value) => value.clone(),
            None => self.base.as_ref()?.get(key),
        }
    }

    fn scan_from(&self, prefix: &[u8], from: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let start = if from < prefix { prefix } else { from };
        let newer = self.over.range(start.to_vec()..).map(|(key, value)| Newer {
            key,
            value: value.as_deref(),
        });
        let base = self.base.iter().flat_map(|base| base.from(start));
        merged(newer, base, prefix, limit)
    }
}

fn directory(octets: &[u8]) -> Option<Vec<Block>> {
    let mut rest = Rest(octets);
    let mut blocks = Vec::new();
    while !rest.0.is_empty() {
        let place = u64::from_le_bytes(*rest.octets(8).ok()?.first_chunk()?);
        let length = u32::from_le_bytes(*rest.octets(4).ok()?.first_chunk()?);
        let crc = u32::from_le_bytes(*rest.octets(4).ok()?.first_chunk()?);
        let key = rest.number().ok()?;
        let first = rest.octets(key).ok()?.to_vec();
        blocks.push(Block {
            first,
            place,
            length,
            crc,
        });
    }
    Some(blocks)
}

fn pairs(octets: &[u8]) -> Option<Pairs> {
    let mut rest = Rest(octets);
    let mut pairs = Vec::new();
    while !rest.0.is_empty() {
        let length = rest.number().ok()?;
        let key = rest.octets(length).ok()?.to_vec();
        let length = rest.number().ok()?;
        pairs.push((key, rest.octets(length).ok()?.to_vec()));
    }
    Some(pairs)
}

/// Writes a checkpoint of rows, which come in order, and removes those that are not needed any more. Gives
/// its size.
///
/// # Errors
/// Of the disk, or of `rows`. Nothing depends on it; what was written is removed.
pub(super) fn write(
    root: &Path,
    form: u32,
    known: Known,
    rows: &mut dyn Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>>,
) -> Result<u64, StoreError> {
    let folder = index::path(root);
    let path = folder.join(format!("{NAME}{:016x}", known.end.as_u64()));
    let new = path.with_extension("new");
    let written = Writing::begin(&new).and_then(|writing| writing.all(form, known, rows));
    let size = match written {
        Ok(size) => size,
        Err(e) => {
            let _ = fs::remove_file(&new);
            return Err(e);
        }
    };
    disk::rename(&new, &path)?;
    disk::sync_folder(&folder)?;
    disk::sync_folder(root)?;
    // One that cannot be removed is only in the way.
    for old in list(root).into_iter().skip(KEPT) {
        let _ = fs::remove_file(old);
    }
    for begun in named(&folder, |name| name.ends_with(".new")) {
        let _ = fs::remove_file(begun);
    }
    Ok(size)
}

/// A checkpoint that is being written.
struct Writing {
    file: OpenFile,
    /// What is in the file.
    at: u64,
    waiting: Vec<u8>,
    block: Vec<u8>,
    first: Vec<u8>,
    directory: Vec<u8>,
    rows: u64,
}

impl Writing {
    fn begin(path: &Path) -> Result<Writing, StoreError> {
        Ok(Writing {
            file: OpenFile::create(path)?,
            at: 0,
            waiting: Vec::new(),
            block: Vec::new(),
            first: Vec::new(),
            directory: Vec::new(),
            rows: 0,
        })
    }

    fn all(
        mut self,
        form: u32,
        known: Known,
        rows: &mut dyn Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>>,
    ) -> Result<u64, StoreError> {
        for row in rows {
            let (key, value) = row?;
            if self.block.is_empty() {
                self.first.clone_from(&key);
            }
            packed::number(&mut self.block, key.len());
            self.block.extend_from_slice(&key);
            packed::number(&mut self.block, value.len());
            self.block.extend_from_slice(&value);
            self.rows += 1;
            if self.block.len() >= BLOCK {
                self.close_block()?;
            }
        }
        self.close_block()?;
        let place = self.place();
        let directory = std::mem::take(&mut self.directory);
        let mut footer = MAGIC.to_vec();
        footer.extend(FORMAT.to_le_bytes());
        footer.extend(form.to_le_bytes());
        footer.extend(known.salt.to_le_bytes());
        footer.extend(known.last.as_u64().to_le_bytes());
        footer.extend(known.end.as_u64().to_le_bytes());
        footer.extend(known.check.to_le_bytes());
        footer.extend(known.octets.to_le_bytes());
        footer.extend(self.rows.to_le_bytes());
        footer.extend(place.to_le_bytes());
        footer.extend((directory.len() as u32).to_le_bytes());
        footer.extend(crc32c::crc32c(&directory).to_le_bytes());
        footer.extend(crc32c::crc32c(&footer).to_le_bytes());
        self.waiting.extend(directory);
        self.waiting.extend(footer);
        self.write()?;
        self.file
            .sync_all()
            .map_err(|source| StoreError::Unsynced {
                path: self.file.path.clone(),
                source,
            })?;
        Ok(self.at)
    }

    fn place(&self) -> u64 {
        self.at + self.waiting.len() as u64
    }

    fn close_block(&mut self) -> Result<(), StoreError> {
        if self.block.is_empty() {
            return Ok(());
        }
        let place = self.place();
        self.directory.extend(place.to_le_bytes());
        self.directory
            .extend((self.block.len() as u32).to_le_bytes());
        self.directory
            .extend(crc32c::crc32c(&self.block).to_le_bytes());
        packed::number(&mut self.directory, self.first.len());
        self.directory.extend_from_slice(&self.first);
        self.waiting.append(&mut self.block);
        if self.waiting.len() >= WRITE {
            self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), StoreError> {
        self.file
            .write_all_at(&self.waiting, self.at)
            .map_err(StoreError::io("write", &self.file.path))?;
        self.at += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }
}
