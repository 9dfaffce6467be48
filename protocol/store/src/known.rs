//! How far the journal is known to go.
//!
//! After each batch that is on the disk, its end is noted in `index.use`, beside the index: 256
//! octets, written over in place and not synced. So it is never ahead of the journal's own sync. A
//! process that is killed leaves it exact, and a machine that goes down leaves it old at worst: what
//! it names was acknowledged. A journal that lacks that has lost records.
//!
//! The same file says whether the index can be what was last written to it. sled's files are not
//! synced while it is in use, so after the machine went down (not only the process) parts of them
//! may be missing without its noticing.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::disk::{self, OpenFile};
use super::{Position, StoreError};

/// The end of what was acknowledged, with what tells its last record from any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    /// The journal's, which no other journal has.
    pub(super) salt: u64,
    /// Where the last record starts; the same as `end` before there is any.
    pub(super) last: Position,
    /// Behind the last record.
    pub(super) end: Position,
    /// The CRC of the last record's header, which covers its place and content; 0 for none.
    pub(super) check: u32,
    /// Octets of the whole journal up to `end`.
    pub(super) octets: u64,
}

impl Known {
    /// Of a new journal, whose first record will stand at `start`.
    pub(super) fn nothing(salt: u64, start: Position) -> Known {
        Known {
            salt,
            last: start,
            end: start,
            check: 0,
            octets: u64::from(start.offset()),
        }
    }
}

/// Whether an index can be trusted to be what was written to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum KnownState {
    /// It was closed, and every file of it synced.
    Closed,
    /// In use, in this run of the machine: as good as the memory of the system.
    InUse(String),
    /// A sync of it failed, or there is none.
    Doubtful,
}

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Noted {
    state: KnownState,
    pub(super) known: Option<Known>,
}

/// Room for the longest note; within one sector of a disk.
const OCTETS: usize = 256;
const CRC_OCTETS: usize = 8;

impl Noted {
    /// None: there is no note, or none that is whole.
    pub(super) fn read(root: &Path) -> Option<Noted> {
        let mut text = String::new();
        let file = File::open(path(root)).ok()?;
        file.take(OCTETS as u64).read_to_string(&mut text).ok()?;
        let (json, crc) = text.trim_end().rsplit_once(' ')?;
        let json = json.trim_end();
        let crc = u32::from_str_radix(crc, 16).ok()?;
        (crc == crc32c::crc32c(json.as_bytes()))
            .then(|| serde_json::from_str(json).ok())
            .flatten()
    }

    pub(super) fn index_is_trustworthy(&self) -> bool {
        match &self.state {
            KnownState::Closed => true,
            KnownState::InUse(run) => *run == this_run(),
            KnownState::Doubtful => false,
        }
    }

    /// The end of what is on the disk, where more may lie behind it that is in the memory of the system
    /// alone: a process was killed before its last sync.
    pub(super) fn synced_end(&self) -> Option<Position> {
        let end = self.known.map(|known| known.end);
        match &self.state {
            KnownState::InUse(run) if *run == this_run() => end,
            // The machine has started since: what can be read is on the disk.
            KnownState::InUse(_) | KnownState::Closed | KnownState::Doubtful => None,
        }
    }

    /// Always of the same length, so that a shorter one leaves nothing of a longer one behind.
    fn to_bytes(&self) -> Vec<u8> {
        let json = serde_json::to_string(self).expect("a note is made of texts and numbers");
        let crc = crc32c::crc32c(json.as_bytes());
        let room = OCTETS - CRC_OCTETS - 2;
        format!("{json:room$} {crc:08x}\n").into_bytes()
    }
}

/// The note, while the store is open.
#[derive(Debug)]
pub(super) struct Use {
    root: PathBuf,
    file: OpenFile,
    noted: Noted,
}

impl Use {
    /// Notes that the index is in use from now on, durably.
    pub(super) fn begin(root: &Path, known: Option<Known>) -> Result<Use, StoreError> {
        let state = KnownState::InUse(this_run());
        let noted = Noted { state, known };
        let file = write(root, &noted)?;
        Ok(Use {
            root: root.to_path_buf(),
            file,
            noted,
        })
    }

    /// Notes the end of what is on the disk. An error is no harm: an older note knows less.
    pub(super) fn acknowledged(&mut self, known: Known) {
        self.noted.known = Some(known);
        let _ = self.file.write_all_at(&self.noted.to_bytes(), 0);
    }

    /// Notes that every file of the index is on the disk, durably.
    pub(super) fn end(&mut self) -> Result<(), StoreError> {
        self.noted.state = KnownState::Closed;
        self.file = write(&self.root, &self.noted)?;
        Ok(())
    }

    /// The index is to be made anew: a sync of it failed, after which another one proves nothing.
    pub(super) fn doubt(&mut self) {
        self.noted.state = KnownState::Doubtful;
        let _ = self.file.write_all_at(&self.noted.to_bytes(), 0);
    }
}

/// Notes how far the journal goes, durably, where there is no index.
pub(super) fn note_without_index(root: &Path, known: Option<Known>) -> Result<(), StoreError> {
    let state = KnownState::Doubtful;
    write(root, &Noted { state, known }).map(drop)
}

fn write(root: &Path, noted: &Noted) -> Result<OpenFile, StoreError> {
    let file = disk::replace(&path(root), &noted.to_bytes())?;
    disk::sync_folder(root)?;
    Ok(file)
}

fn path(root: &Path) -> PathBuf {
    root.join("index.use")
}

/// One text from boot to shutdown. Where the system tells none, every unclean end counts as one
/// of the machine: the text then is different for each process.
fn this_run() -> String {
    match fs::read_to_string("/proc/sys/kernel/random/boot_id") {
        Ok(id) => format!("boot {}", id.trim()),
        Err(_) => format!("process {}", std::process::id()),
    }
}
