//! What can go wrong with the store, in words that say where and what to do.

use std::io;
use std::path::{Path, PathBuf};

use super::Position;
use super::lost::Lost;

/// An error of a caller's own function, as [`Store::open`](super::Store::open) takes it.
pub type ApplyError = Box<dyn std::error::Error + Send + Sync>;

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
        /// The folder.
        folder: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Another process has the store open.
    #[error(
        "the data folder {} is in use by another process{}; stop that one, or use another folder",
        .folder.display(), .pid.map(|p| format!(" (process id {p})")).unwrap_or_default()
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The process, where it could be read.
        pid: Option<u32>,
    },
    /// Something stands where a file of the store should be.
    #[error("{} is {what}; move it away", .path.display())]
    Unexpected {
        /// The place.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// The journal was changed or hurt after it was written.
    #[error(
        "the journal is damaged: {} at byte {offset}: {what}. Nothing was changed. \
         `repair` says what would be lost; a backup of the file may be better",
        .file.display()
    )]
    Damaged {
        /// The segment's file.
        file: PathBuf,
        /// Where in the file.
        offset: u64,
        /// What does not fit.
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
        /// The index.
        index: PathBuf,
    },
    /// Written by a later version.
    #[error(
        "{} was written by a newer version of Tradepost (format {format}); use that version",
        .file.display()
    )]
    Newer {
        /// The segment's file.
        file: PathBuf,
        /// Its format number.
        format: u32,
    },
    /// More than one record or one batch may hold.
    #[error("{what} of {bytes} bytes can't be stored: at most {limit} bytes")]
    TooLarge {
        /// Which part.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Rows that could not be made again from the journal.
    #[error("rows were to be written without a record in the journal that they follow from")]
    RowsWithoutRecord,
    /// The position is not that of a record.
    #[error("there is no record at position {position} of the journal")]
    NoSuchRecord {
        /// The position.
        position: Position,
    },
    /// An earlier error left the store in doubt; it takes nothing more until it is opened again.
    #[error("the store stopped after an error and must be opened again: {why}")]
    Broken {
        /// The first error.
        why: String,
    },
    /// The operating system refused.
    #[error("can't {doing} {}: {source}", .path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Its answer.
        source: io::Error,
    },
    /// What was written may not be on the disk; trying again would prove nothing.
    #[error("can't sync {}: {source}", .path.display())]
    Unsynced {
        /// Which file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A record could not be turned into rows.
    #[error(
        "the record at byte {offset} of {} can't be read by this version: {source}", .file.display()
    )]
    Apply {
        /// The segment's file.
        file: PathBuf,
        /// Where the record starts.
        offset: u64,
        /// Why.
        source: ApplyError,
    },
}

impl StoreError {
    /// Whether the same call may succeed later without anybody mending anything here: the disk
    /// was full, say.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, StoreError::Io { .. } | StoreError::InUse { .. })
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
