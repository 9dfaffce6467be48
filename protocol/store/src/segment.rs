//! A file of the journal: a header that says which one it is, then frames.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};

use super::StoreError;
use super::disk::{self, OpenFile};
use super::frame::{self, Frame, FrameFault, Seal};

/// Bytes before the first frame: magic 8, format 4, number 4, salt 8, of the segment before: its
/// length 4, where its last frame starts 4, that one's check 4; form of the rows 4; CRC-32C 4.
pub(super) const HEADER: u32 = 44;

/// The line end shows a copy that was made as text.
const MAGIC: [u8; 8] = *b"TPJRNL\r\n";
const FORMAT: u32 = 4;

/// A segment in memory: at most the configured size and one batch.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    pub(super) seal: Seal,
    pub(super) bytes: Vec<u8>,
}

/// Bytes in a segment that are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bad {
    pub(super) offset: u32,
    pub(super) fault: FrameFault,
}

pub(super) fn path(journal: &Path, number: u32) -> PathBuf {
    journal.join(format!("{number:08}.journal"))
}

/// The numbers of the segments that there are, in order.
pub(super) fn list(journal: &Path) -> Result<Vec<u32>, StoreError> {
    let fault = |source| StoreError::Io {
        doing: "list",
        path: journal.to_path_buf(),
        source,
    };
    let mut numbers = Vec::new();
    for entry in fs::read_dir(journal).map_err(fault)? {
        let name = entry.map_err(fault)?.file_name();
        let number: Option<u32> = name
            .to_str()
            .and_then(|n| n.strip_suffix(".journal"))
            .filter(|n| n.len() == 8 && n.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|n| n.parse().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// How a segment ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Ending {
    pub(super) length: u32,
    /// Where its last frame starts; 0 where there is none.
    pub(super) last: u32,
    /// That frame's check, which no other frame has.
    pub(super) check: u32,
}

/// Makes an empty segment, behind one that ends so. It appears under its name only when it is
/// whole.
pub(super) fn create(
    journal: &Path,
    seal: Seal,
    previous: Ending,
    rows: u32,
) -> Result<OpenFile, StoreError> {
    let path = path(journal, seal.segment);
    let file = disk::replace(&path, &header(seal, previous, rows))?;
    disk::sync_folder(journal)?;
    Ok(file)
}

pub(super) fn header(seal: Seal, previous: Ending, rows: u32) -> Vec<u8> {
    let mut header = MAGIC.to_vec();
    header.extend_from_slice(&FORMAT.to_le_bytes());
    header.extend_from_slice(&seal.segment.to_le_bytes());
    header.extend_from_slice(&seal.salt.to_le_bytes());
    for number in [previous.length, previous.last, previous.check, rows] {
        header.extend_from_slice(&number.to_le_bytes());
    }
    let crc = crc32c::crc32c(&header);
    header.extend_from_slice(&crc.to_le_bytes());
    header
}

impl Segment {
    /// Reads a segment whole. `salt`: the journal's, where it is known already.
    pub(super) fn load(
        journal: &Path,
        number: u32,
        salt: Option<u64>,
    ) -> Result<Segment, StoreError> {
        Segment::load_from(journal, number, salt, HEADER)
    }

    /// Reads the end of a segment: what lies between the header and `from` reads as zeros.
    pub(super) fn load_from(
        journal: &Path,
        number: u32,
        salt: Option<u64>,
        from: u32,
    ) -> Result<Segment, StoreError> {
        let path = path(journal, number);
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(&path)?;
            let mut bytes = Vec::new();
            (&file).take(u64::from(HEADER)).read_to_end(&mut bytes)?;
            if from > HEADER && bytes.len() == HEADER as usize {
                bytes.resize(from as usize, 0);
                file.seek(io::SeekFrom::Start(u64::from(from)))?;
            }
            file.read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().map_err(StoreError::io("read", &path))?;
        let seal = read_header(&path, &bytes, number)?.seal;
        if salt.is_some_and(|s| s != seal.salt) {
            return Err(StoreError::Damaged {
                file: path,
                offset: 0,
                what: "it belongs to another journal",
            });
        }
        Ok(Segment { path, seal, bytes })
    }

    /// The frames from an offset on, in order, each with its offset. Ends after the first bad one.
    pub(super) fn frames_from(&self, offset: u32) -> Frames<'_> {
        Frames {
            segment: self,
            offset,
        }
    }

    /// The frame at an offset; none at the end.
    pub(super) fn frame_at(&self, offset: u32) -> Option<Result<Frame<'_>, Bad>> {
        let rest = self.bytes.get(offset as usize..)?;
        if rest.is_empty() {
            return None;
        }
        Some(frame::decode(rest, offset, &self.seal).map_err(|fault| Bad { offset, fault }))
    }

    pub(super) fn length(&self) -> u32 {
        u32::try_from(self.bytes.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn damaged(&self, bad: Bad) -> StoreError {
        StoreError::Damaged {
            file: self.path.clone(),
            offset: u64::from(bad.offset),
            what: match bad.fault {
                FrameFault::CutShort => "the file ends inside a record, and is not the last one",
                FrameFault::Wrong => "these are not the bytes that were written",
            },
        }
    }
}

/// What a segment's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) seal: Seal,
    /// How the segment before it ended when this one was begun; zeros for the first.
    pub(super) previous: Ending,
    /// The caller's number for the form of the rows in it.
    pub(super) rows: u32,
}

/// The header alone, from the disk.
pub(super) fn read_header_of(journal: &Path, number: u32) -> Result<SegmentHeader, StoreError> {
    let path = path(journal, number);
    let mut bytes = Vec::new();
    File::open(&path)
        .and_then(|f| f.take(u64::from(HEADER)).read_to_end(&mut bytes))
        .map_err(StoreError::io("read", &path))?;
    read_header(&path, &bytes, number)
}

pub(super) fn read_header(
    path: &Path,
    bytes: &[u8],
    number: u32,
) -> Result<SegmentHeader, StoreError> {
    let damaged = |what| StoreError::Damaged {
        file: path.to_path_buf(),
        offset: 0,
        what,
    };
    let header = bytes
        .first_chunk::<{ HEADER as usize }>()
        .ok_or_else(|| damaged("the file ends inside its header"))?;
    let (fields, crc) = header
        .split_last_chunk::<4>()
        .ok_or_else(|| damaged("the file ends inside its header"))?;
    if !fields.starts_with(&MAGIC) || u32::from_le_bytes(*crc) != crc32c::crc32c(fields) {
        return Err(damaged("its header is not the one that was written"));
    }
    let field = |at: usize| {
        fields
            .get(at..)
            .and_then(|b| b.first_chunk::<4>())
            .map_or(0, |b| u32::from_le_bytes(*b))
    };
    let format = field(8);
    if format > FORMAT {
        return Err(StoreError::Newer {
            file: path.to_path_buf(),
            format,
        });
    }
    if format < FORMAT {
        return Err(StoreError::Older {
            file: path.to_path_buf(),
            format,
        });
    }
    if field(12) != number {
        return Err(damaged("it was another segment; a file was renamed"));
    }
    Ok(SegmentHeader {
        seal: Seal {
            salt: u64::from(field(20)) << 32 | u64::from(field(16)),
            segment: number,
        },
        previous: Ending {
            length: field(24),
            last: field(28),
            check: field(32),
        },
        rows: field(36),
    })
}

/// See [`Segment::frames_from`].
pub(super) struct Frames<'s> {
    segment: &'s Segment,
    offset: u32,
}

impl<'s> Iterator for Frames<'s> {
    type Item = Result<(u32, Frame<'s>), Bad>;

    fn next(&mut self) -> Option<Self::Item> {
        let offset = self.offset;
        match self.segment.frame_at(offset)? {
            Ok(frame) => {
                self.offset = offset.saturating_add(frame.length() as u32);
                Some(Ok((offset, frame)))
            }
            Err(bad) => {
                self.offset = u32::MAX;
                Some(Err(bad))
            }
        }
    }
}
