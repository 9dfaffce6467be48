//! The journal: the only copy of what happened. Records are added at its end and never changed.
//!
//! A batch of records is written with one call and brought to the disk with one `fdatasync`; only
//! then is it acknowledged. It lies in one segment, and its last frame is marked. So what a crash
//! leaves behind is a batch without its end, which nobody was told of: it is cut off when the
//! journal is opened.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::frame::{self, Fault, Seal};
use super::segment::{self, Bad, Segment};
use super::{Position, Record, StoreError};

/// Held in memory while it is made, and as long as its segment is read. At 256 KiB a letter
/// (what is kept of a warned one) it has room for 256 of them.
pub(super) const BATCH_LIMIT: usize = 64 << 20;

/// The writing end.
#[derive(Debug)]
pub(super) struct Journal {
    folder: PathBuf,
    seal: Seal,
    file: Tail,
    /// Bytes of the segment up to the end of the last acknowledged batch.
    length: u32,
    segment_bytes: u64,
}

/// Whether the journal can be written to after an append that failed.
#[derive(Debug)]
pub(super) enum AppendError {
    /// Nothing of the batch is left; the next append may succeed.
    Undone(StoreError),
    /// What the disk holds is not known.
    InDoubt(StoreError),
}

/// What opening the journal found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) journal: Journal,
    pub(super) torn_bytes: u64,
    /// There was none: it has just been made.
    pub(super) new: bool,
}

impl Journal {
    /// Opens the journal, or makes one, and cuts off a batch that was never acknowledged.
    pub(super) fn open(folder: &Path, segment_bytes: u64) -> Result<Found, StoreError> {
        let numbers = segment::list(folder)?;
        let Some(&newest) = numbers.last() else {
            let seal = Seal {
                salt: rand::random(),
                segment: 1,
            };
            let (path, file) = segment::create(folder, seal, 0)?;
            return Ok(Found {
                journal: Journal {
                    folder: folder.to_path_buf(),
                    seal,
                    file: Tail::new(path, file),
                    length: segment::HEADER,
                    segment_bytes,
                },
                torn_bytes: 0,
                new: true,
            });
        };
        check_lengths(folder, &numbers)?;
        let tail = Segment::load(folder, newest, None)?;
        let length = whole_length(&tail)?;
        let torn_bytes = u64::from(tail.length() - length);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&tail.path)
            .map_err(StoreError::io("open", &tail.path))?;
        if torn_bytes > 0 {
            file.set_len(u64::from(length))
                .and_then(|()| file.sync_all())
                .map_err(StoreError::io("cut the torn end off", &tail.path))?;
        }
        Ok(Found {
            journal: Journal {
                folder: folder.to_path_buf(),
                seal: tail.seal,
                file: Tail::new(tail.path, file),
                length,
                segment_bytes,
            },
            torn_bytes,
            new: false,
        })
    }

    pub(super) fn reader(&self) -> Reader {
        Reader {
            folder: self.folder.clone(),
            salt: self.seal.salt,
        }
    }

    pub(super) fn seal(&self) -> Seal {
        self.seal
    }

    /// Where the next record will be, unless a new segment is begun first.
    pub(super) fn end(&self) -> Position {
        Position::new(self.seal.segment, self.length)
    }

    /// Where the next batch will be: begins a new segment when this one is full.
    pub(super) fn begin(&mut self) -> Result<Position, StoreError> {
        if self.length > segment::HEADER && u64::from(self.length) >= self.segment_bytes {
            let seal = Seal {
                segment: self.seal.segment + 1,
                ..self.seal
            };
            let (path, file) = segment::create(&self.folder, seal, self.length)?;
            self.file = Tail::new(path, file);
            self.seal = seal;
            self.length = segment::HEADER;
        }
        Ok(self.end())
    }

    /// Writes a whole batch and brings it to the disk.
    pub(super) fn append(&mut self, batch: &[u8]) -> Result<(), AppendError> {
        let end = u64::from(self.length);
        if let Err(e) = self.file.write_all_at(batch, end) {
            let fault = StoreError::io("write", &self.file.path)(e);
            let undone = self.file.set_len(end).and_then(|()| self.file.sync_data());
            return Err(match undone {
                Ok(()) => AppendError::Undone(fault),
                Err(_) => AppendError::InDoubt(fault),
            });
        }
        if let Err(e) = self.file.sync_data() {
            // After a failed sync the kernel may have dropped the pages and call them clean:
            // asking again would answer yes. What is there is seen when the file is read again.
            let _ = self.file.set_len(end);
            return Err(AppendError::InDoubt(StoreError::io(
                "sync",
                &self.file.path,
            )(e)));
        }
        self.length += batch.len() as u32;
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn faults(&mut self) -> &mut Faults {
        &mut self.file.faults
    }
}

/// No segment may be missing, or have another length than when the next one was begun.
fn check_lengths(folder: &Path, numbers: &[u32]) -> Result<(), StoreError> {
    let mut previous = 0;
    for (expected, found) in (1..).zip(numbers) {
        let path = segment::path(folder, expected);
        if expected != *found {
            return Err(StoreError::Damaged {
                file: path,
                offset: 0,
                what: "the file is missing",
            });
        }
        let header = segment::read_header_of(folder, expected)?;
        if u64::from(header.previous) != previous {
            return Err(StoreError::Damaged {
                file: segment::path(folder, expected.saturating_sub(1)),
                offset: previous.min(u64::from(header.previous)),
                what: "the file has another length than when the next one was begun",
            });
        }
        let found = fs::metadata(&path).map_err(StoreError::io("look at", &path))?;
        previous = found.len();
    }
    Ok(())
}

/// Where the last whole batch of the newest segment ends.
fn whole_length(tail: &Segment) -> Result<u32, StoreError> {
    let mut whole = segment::HEADER;
    for frame in tail.frames() {
        match frame {
            Ok((offset, frame)) if frame.last => whole = offset + frame.length() as u32,
            Ok(_) => {}
            Err(bad) if is_torn(tail, bad) => break,
            Err(bad) => return Err(tail.damaged(bad)),
        }
    }
    Ok(whole)
}

/// An interrupted append leaves the first bytes of a frame, and zeros where a file system made
/// the file longer before it wrote the bytes. Anything else was whole once.
pub(super) fn is_torn(tail: &Segment, bad: Bad) -> bool {
    match bad.fault {
        Fault::CutShort => true,
        Fault::Wrong => {
            tail.bytes.last() == Some(&0)
                && frame::find(&tail.bytes, bad.offset as usize + 1, &tail.seal).is_none()
        }
    }
}

/// The reading end, for everything that was acknowledged.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    folder: PathBuf,
    salt: u64,
}

impl Reader {
    pub(super) fn salt(&self) -> u64 {
        self.salt
    }

    pub(super) fn path(&self, at: Position) -> PathBuf {
        segment::path(&self.folder, at.segment())
    }

    pub(super) fn load(&self, segment: u32) -> Result<Segment, StoreError> {
        Segment::load(&self.folder, segment, Some(self.salt))
    }

    /// One record.
    pub(super) fn read(&self, at: Position) -> Result<Record, StoreError> {
        let path = self.path(at);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::NoSuchRecord { position: at });
            }
            Err(e) => return Err(StoreError::io("open", &path)(e)),
        };
        let bytes = self.frame_bytes(&file, &path, at)?;
        let frame =
            frame::decode(&bytes, at.offset(), &self.seal(at)).map_err(|_| no_record(&path, at))?;
        if frame.lost {
            return Err(StoreError::NoSuchRecord { position: at });
        }
        Ok(frame.to_record())
    }

    /// Whether a record starts there, or a segment ends.
    pub(super) fn is_between_records(&self, at: Position) -> bool {
        let path = self.path(at);
        let Ok(file) = File::open(&path) else {
            return false;
        };
        file.metadata()
            .is_ok_and(|m| m.len() == u64::from(at.offset()))
            || self.frame_bytes(&file, &path, at).is_ok()
    }

    fn seal(&self, at: Position) -> Seal {
        Seal {
            salt: self.salt,
            segment: at.segment(),
        }
    }

    /// As many bytes as the frame's header says.
    fn frame_bytes(&self, file: &File, path: &Path, at: Position) -> Result<Vec<u8>, StoreError> {
        let start = u64::from(at.offset());
        let mut bytes = vec![0; frame::HEADER];
        match file.read_exact_at(&mut bytes, start) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(StoreError::NoSuchRecord { position: at });
            }
            Err(e) => return Err(StoreError::io("read", path)(e)),
        }
        let length =
            frame::length(&bytes, at.offset(), &self.seal(at)).map_err(|_| no_record(path, at))?;
        // The length is ours, as its CRC says: the frame was written in one piece.
        bytes.resize(length, 0);
        if let Some(body) = bytes.get_mut(frame::HEADER..) {
            file.read_exact_at(body, start + frame::HEADER as u64)
                .map_err(StoreError::io("read", path))?;
        }
        Ok(bytes)
    }

    /// Bytes of the journal from one position to another.
    pub(super) fn distance(&self, from: Position, to: Position) -> u64 {
        let whole: u64 = (from.segment()..to.segment())
            .map(|n| fs::metadata(segment::path(&self.folder, n)).map_or(0, |m| m.len()))
            .sum();
        (whole + u64::from(to.offset())).saturating_sub(u64::from(from.offset()))
    }
}

fn no_record(path: &Path, at: Position) -> StoreError {
    StoreError::Damaged {
        file: path.to_path_buf(),
        offset: u64::from(at.offset()),
        what: "there is no whole record here, though one was named",
    }
}

/// The newest segment's file.
#[derive(Debug)]
struct Tail {
    path: PathBuf,
    file: File,
    #[cfg(test)]
    faults: Faults,
}

/// What a disk in trouble does, for tests.
#[cfg(test)]
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Faults {
    /// A write stops after that many bytes, as on a full disk.
    pub(super) write_only: Option<usize>,
    pub(super) no_sync: bool,
    pub(super) no_cut: bool,
}

impl Tail {
    fn new(path: PathBuf, file: File) -> Tail {
        Tail {
            path,
            file,
            #[cfg(test)]
            faults: Faults::default(),
        }
    }

    fn write_all_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        #[cfg(test)]
        if let Some(some) = self.faults.write_only {
            self.file
                .write_all_at(&bytes[..some.min(bytes.len())], at)?;
            return Err(io::Error::other("the disk is full (test)"));
        }
        self.file.write_all_at(bytes, at)
    }

    fn sync_data(&self) -> io::Result<()> {
        #[cfg(test)]
        if self.faults.no_sync {
            return Err(io::Error::other("the disk does not answer (test)"));
        }
        self.file.sync_data()
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        #[cfg(test)]
        if self.faults.no_cut {
            return Err(io::Error::other("the disk does not answer (test)"));
        }
        self.file.set_len(length)
    }
}
