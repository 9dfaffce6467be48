//! What the journal has lost of what was acknowledged, in words.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tradepost_trades::rows::Rows;

use super::Position;
use super::segment::{self, Ending};

/// Names the records of a part of the journal that rows know of, in words for people.
pub type RecallRecords = fn(&dyn Rows, Range<Position>) -> Vec<String>;

/// A part of the journal that is not there, or can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// The segment's file, be it there or not.
    pub file: PathBuf,
    /// The first lost record's place in it.
    pub offset: u64,
    /// How many octets, of one record or of several; none where that is not known.
    pub bytes: Option<u64>,
    /// What is wrong with them.
    pub what: String,
    /// The same place, to look for in rows.
    #[serde(skip)]
    pub(super) range: (Position, Position),
}

impl Loss {
    pub(super) fn new(
        journal: &Path,
        segment: u32,
        offset: u32,
        bytes: Option<u32>,
        what: &str,
    ) -> Loss {
        let end = bytes.map_or(u32::MAX, |bytes| offset.saturating_add(bytes));
        Loss {
            file: segment::path(journal, segment),
            offset: u64::from(offset),
            bytes: bytes.map(u64::from),
            what: what.to_owned(),
            range: (Position::new(segment, offset), Position::new(segment, end)),
        }
    }

    /// A whole segment.
    pub(super) fn of_file(journal: &Path, segment: u32, ending: Option<Ending>) -> Loss {
        let bytes = ending.map(|e| e.length);
        Loss::new(journal, segment, 0, bytes, "the file is missing, or empty")
    }

    /// The end of a segment that was longer than now.
    pub(super) fn of_end(journal: &Path, segment: u32, offset: u32, end: u32, now: u32) -> Loss {
        let what = shorter(end, now);
        Loss::new(
            journal,
            segment,
            offset,
            Some(end.saturating_sub(offset)),
            &what,
        )
    }

    /// A journal that goes another way than the one that is known.
    pub(super) fn of_another_course(journal: &Path, last: Position, end: Position) -> Loss {
        let bytes = end.offset().saturating_sub(last.offset());
        let what = "other records stand where the last known one was, as in a backup that was \
                    restored and went on";
        Loss::new(journal, last.segment(), last.offset(), Some(bytes), what)
    }
}

/// A record may begin before the place where the file ends now.
pub(super) fn shorter(end: u32, now: u32) -> String {
    match end.saturating_sub(now) {
        0 => "zeros stand there".to_owned(),
        gone => format!("the file has become {gone} octets shorter"),
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Loss {
            file, offset, what, ..
        } = self;
        let file = file.display();
        match self.bytes {
            Some(bytes) => write!(f, "{file}, {bytes} octets from octet {offset} on: {what}"),
            None => write!(f, "{file}, from octet {offset} on: {what}"),
        }
    }
}

/// Records that were acknowledged are not in the journal any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Octets of the journal in all.
    pub octets: u64,
    /// The parts of the journal that they were in.
    pub losses: Vec<Loss>,
    /// What the index still knows of them.
    pub recalled: Recalled,
}

/// What the index still knows of lost records, in words for people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Recalled {
    /// At most [`Recalled::SHOWN`] of them, as [`RecallRecords`] names them.
    pub events: Vec<String>,
    /// How many more there are.
    pub more: usize,
}

impl Recalled {
    /// As many as a screen shows beside the message.
    pub const SHOWN: usize = 10;

    pub(super) fn of(losses: &[Loss], rows: &dyn Rows, recall: RecallRecords) -> Recalled {
        let mut events: Vec<String> = losses
            .iter()
            .flat_map(|loss| recall(rows, loss.range.0..loss.range.1))
            .collect();
        let more = events.len().saturating_sub(Recalled::SHOWN);
        events.truncate(Recalled::SHOWN);
        Recalled { events, more }
    }
}

impl fmt::Display for Recalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.events.is_empty() {
            return write!(f, "What they held is not known here any more.");
        }
        write!(f, "Of what they held, the index still knows:")?;
        for event in &self.events {
            write!(f, "\n- {event}")?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, "\n- and {more} more"),
        }
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let octets = self.octets;
        write!(
            f,
            "the journal has lost {octets} octets of records that were acknowledged:"
        )?;
        for loss in &self.losses {
            write!(f, "\n- {loss}")?;
        }
        write!(
            f,
            "\n{}\nNothing was changed. Put the journal's files back from a backup; where there is \
             none, `repair` says what is lost and `repair --yes` accepts it.",
            self.recalled
        )
    }
}
