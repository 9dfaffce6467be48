//! All records, one after another.

use super::journal::JournalReader;
use super::segment::{self, Segment};
use super::{Position, Record, StoreError};

/// The records of the journal in order; see [`Store::records`](super::Store::records). Holds one
/// segment in memory at a time. Ends after the first error.
#[derive(Debug)]
pub struct Records {
    reader: JournalReader,
    segment: Option<Segment>,
    next: Position,
    end: Position,
}

impl Records {
    pub(super) fn all(reader: JournalReader, end: Position) -> Records {
        Records {
            reader,
            segment: None,
            next: Position::new(1, segment::HEADER),
            end,
        }
    }

    /// Those behind the one at a position.
    pub(super) fn behind(
        reader: JournalReader,
        after: Position,
        end: Position,
    ) -> Result<Records, StoreError> {
        Ok(Records {
            next: reader.behind(after)?,
            ..Records::all(reader, end)
        })
    }

    fn step(&mut self) -> Result<Option<(Position, Record)>, StoreError> {
        while self.next < self.end {
            let segment = match &self.segment {
                Some(segment) => segment,
                None => {
                    let loaded = self.reader.load(self.next.segment(), self.next.offset())?;
                    self.segment.insert(loaded)
                }
            };
            let at = self.next;
            match segment.frame_at(at.offset()) {
                None => {
                    self.next = Position::new(at.segment() + 1, segment::HEADER);
                    self.segment = None;
                }
                Some(frame) => {
                    let frame = frame.map_err(|bad| segment.damaged(bad))?;
                    self.next = Position::new(at.segment(), at.offset() + frame.length() as u32);
                    if !frame.lost {
                        return Ok(Some((at, frame.to_record())));
                    }
                }
            }
        }
        Ok(None)
    }
}

impl Iterator for Records {
    type Item = Result<(Position, Record), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if step.is_err() {
            self.end = self.next;
        }
        step.transpose()
    }
}
