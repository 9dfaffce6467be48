//! What one decision wants to be recorded.

use tradepost_trades::rows::{Overlay, Row, Rows};

use super::frame::{self, Seal};
use super::index::Index;
use super::journal::BATCH_LIMIT;
use super::{Position, Record, StoreError};

/// A batch in the making, inside [`Store::write`](super::Store::write). As rows, it shows what is
/// stored with the batch's own rows laid over it.
pub struct Batch<'s> {
    rows: Overlay<'s>,
    has_rows: bool,
    seal: Seal,
    start: u32,
    /// The frames as they will be written.
    frames: Vec<u8>,
    /// Where in them the last one starts.
    last: Option<usize>,
}

/// A batch as it is written.
pub(super) struct Finished {
    pub(super) frames: Vec<u8>,
    /// Where in them the last one starts.
    pub(super) last: u32,
    /// The CRC of that one's header, which no other frame has.
    pub(super) check: u32,
    pub(super) rows: Vec<Row>,
}

impl<'s> Batch<'s> {
    pub(super) fn new(index: &'s Index, seal: Seal, start: Position) -> Batch<'s> {
        Batch {
            rows: Overlay::new(index),
            has_rows: false,
            seal,
            start: start.offset(),
            frames: Vec::new(),
            last: None,
        }
    }

    /// Adds a record. Returns the position that it will have, so that rows may name it.
    ///
    /// # Errors
    /// The record is above its limits, or the batch above 64 MiB: write what you have, and the
    /// rest in another batch.
    pub fn record(&mut self, record: &Record) -> Result<Position, StoreError> {
        record.check()?;
        let place = self.frames.len();
        let bytes = place + frame::HEADER + record.head.len() + record.blob.len();
        if bytes > BATCH_LIMIT {
            return Err(StoreError::TooLarge {
                what: "a batch of records",
                bytes,
                limit: BATCH_LIMIT,
            });
        }
        let offset = self.offset(place);
        frame::encode(&mut self.frames, offset, self.start, &self.seal, record);
        self.last = Some(place);
        Ok(Position::new(self.seal.segment, offset))
    }

    /// Adds rows that follow from the batch's records, in their order.
    pub fn put(&mut self, rows: impl IntoIterator<Item = Row>) {
        let mut rows = rows.into_iter().peekable();
        self.has_rows |= rows.peek().is_some();
        self.rows.apply(rows);
    }

    /// None when there is nothing to write.
    pub(super) fn finish(mut self) -> Result<Option<Finished>, StoreError> {
        let Some(last) = self.last else {
            return match self.has_rows {
                true => Err(StoreError::RowsWithoutRecord),
                false => Ok(None),
            };
        };
        let offset = self.offset(last);
        let frame = self.frames.get_mut(last..).unwrap_or_default();
        let check = frame::close_batch(frame, offset, &self.seal);
        Ok(Some(Finished {
            frames: self.frames,
            last: last as u32,
            check,
            rows: self.rows.into_rows(),
        }))
    }

    fn offset(&self, place: usize) -> u32 {
        self.start + place as u32
    }
}

impl Rows for Batch<'_> {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.rows.get(key)
    }

    fn scan_from(&self, prefix: &[u8], from: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.rows.scan_from(prefix, from, limit)
    }
}
