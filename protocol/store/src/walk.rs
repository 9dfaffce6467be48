//! The journal from one place to another, frame by frame.

use tradepost_trades::rows::Row;

use super::frame::{self, Frame};
use super::journal::JournalReader;
use super::known::Known;
use super::packed;
use super::segment::{self, Segment};
use super::{Position, StoreError};

/// One frame, and where the walk is behind it.
pub(super) struct WalkedRecord<'s> {
    segment: &'s Segment,
    pub(super) at: Position,
    pub(super) frame: Frame<'s>,
    /// Behind the frame.
    pub(super) known: Known,
}

impl WalkedRecord<'_> {
    /// The rows of its record; none of one that was lost.
    ///
    /// # Errors
    /// They are of a form that this program does not read.
    pub(super) fn rows(&self) -> Result<Vec<Row>, StoreError> {
        let head = self.at.offset() as usize + frame::HEADER + self.frame.head.len();
        let batch = self.segment.bytes.get(self.frame.batch as usize..head);
        packed::unpack(self.frame.rows, batch.unwrap_or_default()).map_err(|fault| {
            StoreError::Rows {
                file: self.segment.path.clone(),
                offset: u64::from(self.at.offset()),
                what: fault.to_string(),
            }
        })
    }
}

/// The place before the first record.
pub(super) fn beginning(salt: u64) -> Known {
    Known::nothing(salt, Position::new(1, segment::HEADER))
}

/// Goes from behind one place up to another, which was acknowledged.
///
/// # Errors
/// Of the journal, and those of `each`.
pub(super) fn walk(
    reader: &JournalReader,
    behind: Known,
    to: Position,
    each: &mut dyn FnMut(WalkedRecord<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let from = behind.end;
    let mut octets = behind.octets;
    for number in from.segment()..=to.segment() {
        let mut offset = if number == from.segment() {
            from.offset()
        } else {
            octets += u64::from(segment::HEADER);
            segment::HEADER
        };
        if Position::new(number, offset) >= to {
            break;
        }
        let segment = reader.load(number, offset)?;
        while Position::new(number, offset) < to
            && let Some(frame) = segment.frame_at(offset)
        {
            let frame = frame.map_err(|bad| segment.damaged(bad))?;
            let at = Position::new(number, offset);
            offset += frame.length() as u32;
            octets += frame.length() as u64;
            let known = Known {
                salt: behind.salt,
                last: at,
                end: Position::new(number, offset),
                check: frame.check,
                octets,
            };
            each(WalkedRecord {
                segment: &segment,
                at,
                frame,
                known,
            })?;
        }
    }
    Ok(())
}
