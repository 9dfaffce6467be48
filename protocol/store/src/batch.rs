//! What one decision wants to be recorded.

use tradepost_trades::rows::{Overlay, Row, Rows};

use super::frame::{self, Seal};
use super::journal::BATCH_LIMIT;
use super::packed::Runs;
use super::{Position, Record, StoreError};

/// A batch in the making, inside [`Store::write`](super::Store::write). As rows, it shows what is
/// stored with the batch's own rows laid over it.
pub struct Batch<'s> {
    rows: Overlay<'s>,
    seal: Seal,
    start: u32,
    /// The frames as they will be written.
    frames: Vec<u8>,
    runs: Runs,
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
    pub(super) fn new(base: &'s dyn Rows, seal: Seal, start: Position) -> Batch<'s> {
        Batch {
            rows: Overlay::new(base),
            seal,
            start: start.offset(),
            frames: Vec::new(),
            runs: Runs::default(),
            last: None,
        }
    }

    /// The position that the next record will have, so that its rows may name it.
    #[must_use]
    pub fn next(&self) -> Position {
        Position::new(self.seal.segment, self.offset(self.frames.len()))
    }

    /// Adds a record, and lays its rows over those that are stored. Returns its position.
    ///
    /// # Errors
    /// The record is above its limits, or the batch above 64 MiB: write what you have, and the
    /// rest in another batch.
    pub fn record(&mut self, record: Record) -> Result<Position, StoreError> {
        record.check()?;
        let at = self.next();
        let place = self.frames.len();
        let parts = [record.head.len(), record.rows_octets(), record.blob.len()];
        let bytes = place + frame::HEADER + parts.iter().sum::<usize>();
        if bytes > BATCH_LIMIT {
            return Err(StoreError::TooLarge {
                what: "a batch of records",
                bytes,
                limit: BATCH_LIMIT,
            });
        }
        let place_in_segment = (self.start, at.offset());
        frame::encode(
            &mut self.frames,
            &mut self.runs,
            place_in_segment,
            &self.seal,
            &record,
        );
        self.last = Some(place);
        self.rows.apply(record.rows);
        Ok(at)
    }

    /// None when there is nothing to write.
    pub(super) fn finish(mut self) -> Option<Finished> {
        let last = self.last?;
        let offset = self.offset(last);
        let frame = self.frames.get_mut(last..).unwrap_or_default();
        let check = frame::close_batch(frame, offset, &self.seal);
        Some(Finished {
            frames: self.frames,
            last: last as u32,
            check,
            rows: self.rows.into_rows(),
        })
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
