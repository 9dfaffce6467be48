//! What can go wrong with the store, in words that say where and what to do.

use std::io;
use std::path::{Path, PathBuf};

use super::Position;
use super::lost::Lost;

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The data folder holds private letters.
    #[error(
        "the data folder {} can be read by others on this computer (mode {mode:03o}); \
         run: chmod 700 '{}'", .folder.display(), .folder.display()
    )]
    OthersCanRead {
        /// The data folder, or one inside it.
        folder: PathBuf,
        /// Its permission bits; those of group and others have to be 0.
        mode: u32,
    },
    /// Another process has the store open.
    #[error(
        "the data folder {} is in use by another process{}; stop that one, or use another folder",
        .folder.display(), .pid.map(|p| format!(" (process id {p})")).unwrap_or_default()
    )]
    InUse {
        /// The data folder, whose `lock` that process holds.
        folder: PathBuf,
        /// The process, where it could be read.
        pid: Option<u32>,
    },
    /// Something stands where a file of the store should be.
    #[error("{} is {what}; move it away", .path.display())]
    Unexpected {
        /// The folder of the data, the journal or the index, or the file `lock`.
        path: PathBuf,
        /// What it is, in the words of the message: `not a folder`.
        what: &'static str,
    },
    /// The journal was changed or hurt after it was written.
    #[error(
        "the journal is damaged: {} at byte {offset}: {what}. Nothing was changed. \
         `repair` says what would be lost; a backup of the file may be better",
        .file.display()
    )]
    Damaged {
        /// The segment's file, such as `00000001.journal`.
        file: PathBuf,
        /// The octet at which what does not fit starts; 0: it is the header.
        offset: u64,
        /// What does not fit, for people.
        what: &'static str,
    },
    /// The journal lacks records that were acknowledged.
    #[error("{0}")]
    Lost(Box<Lost>),
    /// There is an index, but not the journal that it was made from.
    #[error(
        "the journal in {} is missing, though there is an index made from one ({}). Nothing was \
         changed. Put the journal's files back from a backup; where there is none, \
         `repair --yes` accepts that they are lost, and what is recorded next begins a new one",
        .journal.display(), .index.display()
    )]
    JournalMissing {
        /// Where the journal should be.
        journal: PathBuf,
        /// The folder of that index.
        index: PathBuf,
    },
    /// Written by a later version.
    #[error(
        "{} was written by a newer version of Tradepost (format {format}); use that version",
        .file.display()
    )]
    Newer {
        /// The segment's file, whose header says so.
        file: PathBuf,
        /// The number in that header, higher than the one that this version writes.
        format: u32,
    },
    /// Written by an earlier version.
    #[error(
        "{} was written by an older version of Tradepost (format {format}), which this one does not read; nothing \
         was changed. Set that data folder aside: `rebuild --from-mailbox` makes a ledger anew from the mailbox",
        .file.display()
    )]
    Older {
        /// The segment's file, whose header says so.
        file: PathBuf,
        /// The number in that header, lower than the one that this version reads.
        format: u32,
    },
    /// The caller's rows had another form then.
    #[error(
        "{} holds rows of form {found}, and this program makes rows of form {wanted}; nothing was changed. {}",
        .file.display(), remedy(*found, *wanted)
    )]
    OtherRows {
        /// The segment's file.
        file: PathBuf,
        /// The number of their form.
        found: u32,
        /// And of the one that is made now.
        wanted: u32,
    },
    /// The rows of a record are not written as this program writes them.
    #[error(
        "the record at byte {offset} of {} holds {what}; nothing was changed. Use the version of Tradepost that \
         wrote it, or set that data folder aside: `rebuild --from-mailbox` makes a ledger anew from the mailbox",
        .file.display()
    )]
    Rows {
        /// The segment's file.
        file: PathBuf,
        /// Where the record starts.
        offset: u64,
        /// What is wrong with them.
        what: String,
    },
    /// More than one record or one batch may hold.
    #[error("{what} of {bytes} bytes can't be stored: at most {limit} bytes")]
    TooLarge {
        /// `a record`, `a letter` or `a batch of records`.
        what: &'static str,
        /// How large it is or would be, in octets.
        bytes: usize,
        /// `Record::HEAD_LIMIT`, `Record::BLOB_LIMIT`, or 64 MiB of a batch.
        limit: usize,
    },
    /// The position is not that of a record.
    #[error("there is no record at position {position} of the journal")]
    NoSuchRecord {
        /// Where no record starts, or a repair gave up the one that did.
        position: Position,
    },
    /// An earlier error left the store in doubt; it takes nothing more until it is opened again.
    #[error("the store stopped after an error and must be opened again: {why}")]
    Broken {
        /// The first error, as text; every later write gets it too.
        why: String,
    },
    /// The operating system refused; the same call may succeed later.
    #[error("can't {doing} {}: {source}", .path.display())]
    Io {
        /// What was tried, as a verb of the message: `open`.
        doing: &'static str,
        /// The file or folder that it was tried on.
        path: PathBuf,
        /// The system's answer, such as that the disk is full.
        source: io::Error,
    },
    /// What was written may not be on the disk; trying again would prove nothing.
    #[error("can't sync {}: {source}", .path.display())]
    Unsynced {
        /// The file or folder whose sync failed.
        path: PathBuf,
        /// What the system answered to the sync.
        source: io::Error,
    },
}

impl StoreError {
    /// Whether the same call may succeed later without anybody mending anything here: the disk
    /// was full, say.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, StoreError::Io { .. } | StoreError::InUse { .. })
    }

    /// The same, for another who waited for the same fence.
    pub(super) fn to_another(&self) -> StoreError {
        if let StoreError::Io {
            doing,
            path,
            source,
        } = self
        {
            let source = match source.raw_os_error() {
                Some(number) => io::Error::from_raw_os_error(number),
                None => io::Error::new(source.kind(), source.to_string()),
            };
            return StoreError::Io {
                doing,
                path: path.clone(),
                source,
            };
        }
        let why = if let StoreError::Broken { why } = self {
            why.clone()
        } else {
            self.to_string()
        };
        StoreError::Broken { why }
    }

    pub(super) fn io(
        doing: &'static str,
        path: impl AsRef<Path>,
    ) -> impl FnOnce(io::Error) -> StoreError {
        let path = path.as_ref().to_path_buf();
        move |source| StoreError::Io {
            doing,
            path,
            source,
        }
    }
}

/// What to do about rows of another form.
fn remedy(found: u32, wanted: u32) -> &'static str {
    if found > wanted {
        "Use the newer version of Tradepost that wrote them"
    } else {
        "Set that data folder aside: `rebuild --from-mailbox` makes a ledger anew from the mailbox"
    }
}
