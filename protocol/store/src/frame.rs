//! How a record stands in a segment.
//!
//! ```text
//! "tpR2" | flags | bytes of head | bytes of rows | bytes of blob | start of the batch | CRC-32C of the body | CRC-32C
//!   | head | rows | blob      (the body)
//! ```
//!
//! Eight numbers of 4 bytes, little-endian. The last CRC covers the seven before it, together with
//! the journal's secret salt, the segment's number and the frame's place: so that bytes which
//! look like a frame, in a letter that somebody sent, are never taken for one. A frame says where
//! its batch starts, so that of a batch that reached the disk in part it is known what belongs to it.

use tradepost_trades::rows::Row;

use super::StoreError;
use super::packed::{self, Runs};

/// The journal's truth about one thing that happened: what came, and the rows that were decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// What happened, as JSON of the caller's own: for people, an export, and for judging again.
    /// Nothing here reads it. At most [`Record::HEAD_LIMIT`] bytes.
    pub head: Vec<u8>,
    /// What was decided, written or deleted in this order. At most [`Record::ROWS_LIMIT`] bytes in
    /// all. One that is read has none: they are among the rows.
    pub rows: Vec<Row>,
    /// A whole letter, byte for byte, or nothing. At most [`Record::BLOB_LIMIT`] bytes.
    pub blob: Vec<u8>,
}

impl Record {
    /// A statement has 256 KiB at most (protocol 2); as a string in JSON, escaped, six times that.
    pub const HEAD_LIMIT: usize = 4 << 20;
    /// A decision writes a bounded number of rows, of which a few may be as large as a statement.
    pub const ROWS_LIMIT: usize = 32 << 20;
    /// A letter that is read has 10 MiB at most (protocol 6).
    pub const BLOB_LIMIT: usize = 16 << 20;

    /// A record without a letter.
    #[must_use]
    pub fn new(head: impl Into<Vec<u8>>) -> Record {
        Record {
            head: head.into(),
            rows: Vec::new(),
            blob: Vec::new(),
        }
    }

    /// The same with the rows that it made.
    #[must_use]
    pub fn with_rows(self, rows: impl Into<Vec<Row>>) -> Record {
        Record {
            rows: rows.into(),
            ..self
        }
    }

    /// The same with a letter.
    #[must_use]
    pub fn with_blob(self, blob: impl Into<Vec<u8>>) -> Record {
        Record {
            blob: blob.into(),
            ..self
        }
    }

    /// Octets that its rows take in the journal.
    #[must_use]
    pub fn rows_octets(&self) -> usize {
        packed::length(&self.rows)
    }

    pub(super) fn check(&self) -> Result<(), StoreError> {
        let within = |what, bytes, limit| {
            if bytes <= limit {
                Ok(())
            } else {
                Err(StoreError::TooLarge { what, bytes, limit })
            }
        };
        within("a record", self.head.len(), Record::HEAD_LIMIT)?;
        within(
            "the rows of a record",
            self.rows_octets(),
            Record::ROWS_LIMIT,
        )?;
        within("a letter", self.blob.len(), Record::BLOB_LIMIT)
    }
}

/// Bytes before the head.
pub(super) const HEADER: usize = 32;

const MAGIC: [u8; 4] = *b"tpR2";
/// The batch ends with this frame: a batch without such an end was never acknowledged.
const LAST: u32 = 1;
/// Stands where a damaged record was (see `repair`), so that the others keep their places.
const LOST: u32 = 2;

/// What binds frames to one segment of one journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seal {
    pub(super) salt: u64,
    pub(super) segment: u32,
}

/// A frame, whole and unhurt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame<'b> {
    pub(super) last: bool,
    pub(super) lost: bool,
    /// Where the first frame of its batch stands in the segment.
    pub(super) batch: u32,
    /// The CRC of its header: no other frame of this journal has it.
    pub(super) check: u32,
    pub(super) head: &'b [u8],
    /// Packed.
    pub(super) rows: &'b [u8],
    pub(super) blob: &'b [u8],
}

impl Frame<'_> {
    /// Bytes from its first to the next frame's first.
    pub(super) fn length(&self) -> usize {
        HEADER + self.head.len() + self.rows.len() + self.blob.len()
    }

    /// What came; the rows are in the index.
    pub(super) fn to_record(self) -> Record {
        Record::new(self.head).with_blob(self.blob)
    }
}

/// Why bytes are not a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameFault {
    /// The bytes end before the frame does: what an interrupted append leaves.
    CutShort,
    /// These are not the bytes that were written.
    Wrong,
}

/// The frame at the start of `bytes`, which stands at `offset` of its segment.
pub(super) fn decode<'b>(
    bytes: &'b [u8],
    offset: u32,
    seal: &Seal,
) -> Result<Frame<'b>, FrameFault> {
    let header = FrameHeader::read(bytes, offset, seal)?;
    let body = bytes
        .get(HEADER..header.frame_length())
        .ok_or(FrameFault::CutShort)?;
    if crc32c::crc32c(body) != header.body_crc {
        return Err(FrameFault::Wrong);
    }
    let (head, rest) = body
        .split_at_checked(header.head_length as usize)
        .ok_or(FrameFault::Wrong)?;
    let (rows, blob) = rest
        .split_at_checked(header.rows_length as usize)
        .ok_or(FrameFault::Wrong)?;
    Ok(Frame {
        last: header.flags & LAST != 0,
        lost: header.flags & LOST != 0,
        batch: header.batch,
        check: header.crc(offset, seal),
        head,
        rows,
        blob,
    })
}

/// How long the frame is that starts with these bytes, and the CRC of its header.
pub(super) fn length_and_check(
    bytes: &[u8],
    offset: u32,
    seal: &Seal,
) -> Result<(usize, u32), FrameFault> {
    let header = FrameHeader::read(bytes, offset, seal)?;
    Ok((header.frame_length(), header.crc(offset, seal)))
}

/// Where the next frame starts at or after `from`, in bytes of a segment that are damaged there.
pub(super) fn find(segment: &[u8], from: usize, seal: &Seal) -> Option<usize> {
    let mut at = from;
    loop {
        let rest = segment.get(at..)?;
        at += rest.windows(MAGIC.len()).position(|w| w == MAGIC)?;
        let offset = u32::try_from(at).ok()?;
        if decode(segment.get(at..)?, offset, seal).is_ok() {
            return Some(at);
        }
        at += 1;
    }
}

/// Writes a record's frame to the end of its batch, where it will stand at `offset`; the batch starts at
/// `start`. `runs` are those of the batch.
pub(super) fn encode(
    batch: &mut Vec<u8>,
    runs: &mut Runs,
    (start, offset): (u32, u32),
    seal: &Seal,
    record: &Record,
) {
    let place = batch.len();
    let body = place + HEADER;
    batch.resize(body, 0);
    batch.extend_from_slice(&record.head);
    runs.note(batch, body);
    let rows = packed::pack(&record.rows, batch, runs);
    batch.extend_from_slice(&rows);
    runs.note(batch, body + record.head.len());
    batch.extend_from_slice(&record.blob);
    let header = FrameHeader {
        flags: 0,
        head_length: record.head.len() as u32,
        rows_length: rows.len() as u32,
        blob_length: record.blob.len() as u32,
        batch: start,
        body_crc: crc32c::crc32c(batch.get(body..).unwrap_or_default()),
    };
    if let Some(room) = batch.get_mut(place..body) {
        room.copy_from_slice(&header.bytes(offset, seal));
    }
}

/// Marks the frame at the start of `bytes` as the last one of its batch. Gives its check.
pub(super) fn close_batch(bytes: &mut [u8], offset: u32, seal: &Seal) -> u32 {
    let Ok(mut header) = FrameHeader::read(bytes, offset, seal) else {
        return 0;
    };
    header.flags |= LAST;
    if let Some(place) = bytes.first_chunk_mut::<HEADER>() {
        *place = header.bytes(offset, seal);
    }
    header.crc(offset, seal)
}

/// A frame of `length` bytes in the place of what was lost; at the end of a file, where fewer
/// bytes may be left than a header has, a longer one.
pub(super) fn lost(length: usize, offset: u32, seal: &Seal) -> Vec<u8> {
    let body = vec![0; length.saturating_sub(HEADER)];
    let header = FrameHeader {
        flags: LAST | LOST,
        head_length: 0,
        rows_length: 0,
        blob_length: body.len() as u32,
        batch: offset,
        body_crc: crc32c::crc32c(&body),
    };
    [header.bytes(offset, seal).as_slice(), &body].concat()
}

struct FrameHeader {
    flags: u32,
    head_length: u32,
    rows_length: u32,
    blob_length: u32,
    batch: u32,
    body_crc: u32,
}

impl FrameHeader {
    fn read(bytes: &[u8], offset: u32, seal: &Seal) -> Result<FrameHeader, FrameFault> {
        let header = bytes.first_chunk::<HEADER>().ok_or(FrameFault::CutShort)?;
        let (fields, crc) = header.split_last_chunk::<4>().ok_or(FrameFault::CutShort)?;
        let number = |at: usize| -> u32 {
            fields
                .get(at..)
                .and_then(|b| b.first_chunk::<4>())
                .map_or(0, |b| u32::from_le_bytes(*b))
        };
        if !fields.starts_with(&MAGIC)
            || u32::from_le_bytes(*crc) != header_crc(fields, offset, seal)
        {
            return Err(FrameFault::Wrong);
        }
        Ok(FrameHeader {
            flags: number(4),
            head_length: number(8),
            rows_length: number(12),
            blob_length: number(16),
            batch: number(20),
            body_crc: number(24),
        })
    }

    fn fields(&self) -> Vec<u8> {
        let mut fields = MAGIC.to_vec();
        for number in [
            self.flags,
            self.head_length,
            self.rows_length,
            self.blob_length,
            self.batch,
            self.body_crc,
        ] {
            fields.extend_from_slice(&number.to_le_bytes());
        }
        fields
    }

    fn crc(&self, offset: u32, seal: &Seal) -> u32 {
        header_crc(&self.fields(), offset, seal)
    }

    fn bytes(&self, offset: u32, seal: &Seal) -> [u8; HEADER] {
        let mut fields = self.fields();
        let crc = header_crc(&fields, offset, seal);
        fields.extend_from_slice(&crc.to_le_bytes());
        let mut header = [0; HEADER];
        header.copy_from_slice(&fields);
        header
    }

    fn frame_length(&self) -> usize {
        let body = [self.head_length, self.rows_length, self.blob_length];
        HEADER + body.map(|n| n as usize).iter().sum::<usize>()
    }
}

fn header_crc(fields: &[u8], offset: u32, seal: &Seal) -> u32 {
    let crc = crc32c::crc32c(&seal.salt.to_le_bytes());
    let crc = crc32c::crc32c_append(crc, &seal.segment.to_le_bytes());
    let crc = crc32c::crc32c_append(crc, &offset.to_le_bytes());
    crc32c::crc32c_append(crc, fields)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const SEAL: Seal = Seal {
        salt: 77,
        segment: 3,
    };

    fn framed(record: &Record, offset: u32) -> Vec<u8> {
        let mut out = Vec::new();
        encode(&mut out, &mut Runs::default(), (32, offset), &SEAL, record);
        out
    }

    proptest! {
        #[test]
        fn a_frame_is_read_as_it_was_written(
            head: Vec<u8>, key: Vec<u8>, value: Option<Vec<u8>>, blob: Vec<u8>, offset: u32, last: bool,
            behind: Vec<u8>,
        ) {
            let record = Record { head, rows: vec![Row { key, value }], blob };
            let mut bytes = framed(&record, offset);
            if last {
                close_batch(&mut bytes, offset, &SEAL);
            }
            let length = bytes.len();
            bytes.extend(behind);
            let frame = decode(&bytes, offset, &SEAL).unwrap();
            prop_assert_eq!((frame.last, frame.batch), (last, 32));
            prop_assert_eq!(frame.length(), length);
            prop_assert_eq!((frame.head, frame.blob), (&*record.head, &*record.blob));
            let before = &bytes[..HEADER + record.head.len()];
            prop_assert_eq!(packed::unpack(frame.rows, before).unwrap(), record.rows);
        }

        #[test]
        fn any_changed_bit_is_noticed(
            head in prop::collection::vec(any::<u8>(), 0..40),
            at: prop::sample::Index,
            bit in 0_u8..8,
        ) {
            let mut bytes = framed(&Record::new(head), 32);
            prop_assert!(decode(&bytes, 32, &SEAL).is_ok());
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(decode(&bytes, 32, &SEAL), Err(FrameFault::Wrong));
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>, offset: u32) {
            let _ = decode(&bytes, offset, &SEAL);
            let _ = find(&bytes, offset as usize, &SEAL);
        }
    }

    #[test]
    fn a_frame_counts_only_in_its_own_place() {
        let bytes = framed(&Record::new("{}").with_blob("letter"), 32);
        assert!(decode(&bytes, 32, &SEAL).is_ok());
        assert_eq!(decode(&bytes, 33, &SEAL), Err(FrameFault::Wrong));
        let other_segment = Seal { segment: 4, ..SEAL };
        assert_eq!(decode(&bytes, 32, &other_segment), Err(FrameFault::Wrong));
        let other_journal = Seal { salt: 78, ..SEAL };
        assert_eq!(decode(&bytes, 32, &other_journal), Err(FrameFault::Wrong));
    }

    #[test]
    fn a_frame_inside_a_letter_is_not_taken_for_a_record() {
        // What a sender can know: the format and, by luck, the place; not the salt.
        let forged = {
            let mut out = Vec::new();
            let guessed = Seal { salt: 0, ..SEAL };
            let runs = &mut Runs::default();
            encode(
                &mut out,
                runs,
                (32, 32 + 30),
                &guessed,
                &Record::new("forged"),
            );
            out
        };
        let mut segment = vec![0; 62];
        segment.extend(forged);
        assert_eq!(find(&segment, 0, &SEAL), None);
        let real = framed(&Record::new("real"), segment.len() as u32);
        let place = segment.len();
        segment.extend(real);
        assert_eq!(find(&segment, 0, &SEAL), Some(place));
    }
}
