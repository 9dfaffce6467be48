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
    frames: &'s mut NewFrames,
    /// Where in them those of this batch start; before it stand those of others that share its fence.
    from: Mark,
}

impl<'s> Batch<'s> {
    pub(super) fn new(base: &'s dyn Rows, frames: &'s mut NewFrames) -> Batch<'s> {
        Batch {
            rows: Overlay::new(base),
            from: frames.mark(),
            frames,
        }
    }

    /// The position that the next record will have, so that its rows may name it.
    #[must_use]
    pub fn next(&self) -> Position {
        self.frames.next()
    }

    /// Adds a record, and lays its rows over those that are stored. Returns its position.
    ///
    /// # Errors
    /// The record is above its limits, or the batch above 64 MiB: write what you have, and the
    /// rest in another batch.
    pub fn record(&mut self, record: Record) -> Result<Position, StoreError> {
        record.check()?;
        let parts = [record.head.len(), record.rows_octets(), record.blob.len()];
        let own = self.frames.octets() - self.from.octets;
        let bytes = own + frame::HEADER + parts.iter().sum::<usize>();
        if bytes > BATCH_LIMIT {
            return Err(StoreError::TooLarge {
                what: "a batch of records",
                bytes,
                limit: BATCH_LIMIT,
            });
        }
        let at = self.next();
        self.frames.add(&record);
        self.rows.apply(record.rows);
        Ok(at)
    }

    /// The rows of its records.
    pub(super) fn keep(self) -> Vec<Row> {
        self.rows.into_rows()
    }

    /// Takes its records back.
    pub(super) fn give_up(self) {
        self.frames.cut(self.from);
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

/// Records as they will be written, with one call.
#[derive(Debug)]
pub(super) struct NewFrames {
    seal: Seal,
    start: u32,
    octets: Vec<u8>,
    runs: Runs,
    /// Where in them the last one starts.
    last: Option<usize>,
}

/// An end that frames had once.
#[derive(Debug, Clone, Copy)]
struct Mark {
    octets: usize,
    last: Option<usize>,
}

/// NewFrames that end: their last one is marked.
pub(super) struct Finished {
    pub(super) octets: Vec<u8>,
    /// Where in them the last one starts.
    pub(super) last: u32,
    /// The CRC of that one's header, which no other frame has.
    pub(super) check: u32,
}

impl NewFrames {
    pub(super) fn new(seal: Seal, start: Position) -> NewFrames {
        NewFrames {
            seal,
            start: start.offset(),
            octets: Vec::new(),
            runs: Runs::default(),
            last: None,
        }
    }

    pub(super) fn octets(&self) -> usize {
        self.octets.len()
    }

    fn next(&self) -> Position {
        Position::new(self.seal.segment, self.offset(self.octets.len()))
    }

    fn add(&mut self, record: &Record) {
        let place = self.octets.len();
        let place_in_segment = (self.start, self.offset(place));
        frame::encode(
            &mut self.octets,
            &mut self.runs,
            place_in_segment,
            &self.seal,
            record,
        );
        self.last = Some(place);
    }

    fn mark(&self) -> Mark {
        Mark {
            octets: self.octets.len(),
            last: self.last,
        }
    }

    /// What was noted of the runs behind the mark stays: they are compared before they are used.
    fn cut(&mut self, mark: Mark) {
        self.octets.truncate(mark.octets);
        self.last = mark.last;
    }

    /// None when there is nothing to write.
    pub(super) fn finish(&mut self) -> Option<Finished> {
        let last = self.last?;
        let offset = self.offset(last);
        let frame = self.octets.get_mut(last..).unwrap_or_default();
        let check = frame::close_batch(frame, offset, &self.seal);
        Some(Finished {
            octets: std::mem::take(&mut self.octets),
            last: last as u32,
            check,
        })
    }

    fn offset(&self, place: usize) -> u32 {
        self.start + place as u32
    }
}
