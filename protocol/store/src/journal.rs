//! The journal: the only copy of what happened. Records are added at its end and never changed.
//!
//! A batch of records is written with one call and brought to the disk with one `fdatasync`; only
//! then is it acknowledged. It lies in one segment, and its last frame is marked. So what a crash
//! leaves behind is a batch without its end, which nobody was told of: it is cut off when the
//! journal is opened. What is whole then is synced before anything rests on it, since a process that
//! was killed may have left it in the system's memory alone.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::batch::Finished;
use super::disk::{self, OpenFile};
use super::frame::{self, Seal};
use super::known::Known;
use super::lost::{Loss, Lost, Recalled};
use super::segment::{self, Ending, Segment};
use super::{Options, Position, Record, StoreError, tail};

/// Held in memory while it is made, and as long as its segment is read. At 256 KiB a letter
/// (what is kept of a warned one) it has room for 256 of them.
pub(super) const BATCH_LIMIT: usize = 64 << 20;

/// The writing end.
#[derive(Debug)]
pub(super) struct Journal {
    folder: PathBuf,
    seal: Seal,
    file: OpenFile,
    /// Bytes of the segment up to the end of the last acknowledged batch.
    length: u32,
    /// Bytes of all segments up to there.
    octets: u64,
    /// The end of the last acknowledged batch, in this segment or the one before.
    known: Known,
    segment_bytes: u64,
    /// The caller's number for the form of its rows.
    rows: u32,
}

/// Whether the journal can be written to after a write that failed.
#[derive(Debug)]
pub(super) enum AppendError {
    /// Nothing of the batch is left; the next append may succeed.
    Undone(StoreError),
    /// What the disk holds is not known.
    InDoubt(StoreError),
}

/// What opening the journal found.
#[derive(Debug)]
pub(super) struct FoundJournal {
    pub(super) journal: Journal,
    pub(super) torn_bytes: u64,
    /// There was none: it has just been made.
    pub(super) new: bool,
}

impl Journal {
    /// Opens the journal, or makes one, cuts off a batch that was never acknowledged, and brings
    /// the rest to the disk. What is known of it must be there.
    pub(super) fn open(
        folder: &Path,
        options: &Options,
        known: &[Known],
    ) -> Result<FoundJournal, StoreError> {
        let Some(seen) = Seen::all(folder, options.format, known)? else {
            return Journal::make(folder, options, known);
        };
        let Seen {
            numbers,
            tail,
            whole,
            octets,
        } = &seen;
        let file = settle(folder, numbers, tail, whole.length, known)?;
        Ok(FoundJournal {
            torn_bytes: u64::from(tail.length() - whole.length),
            journal: Journal {
                folder: folder.to_path_buf(),
                seal: tail.seal,
                file,
                length: whole.length,
                octets: *octets,
                known: seen.end(folder)?,
                segment_bytes: options.segment_limit(),
                rows: options.format,
            },
            new: false,
        })
    }

    fn make(folder: &Path, options: &Options, known: &[Known]) -> Result<FoundJournal, StoreError> {
        must_be_new(folder, known)?;
        // Before there is a journal nothing rests on these folders; afterwards all does.
        disk::sync_way_to(folder)?;
        let seal = Seal {
            salt: rand::random(),
            segment: 1,
        };
        let file = segment::create(folder, seal, Ending::default(), options.format)?;
        let known = Known::nothing(seal.salt, Position::new(1, segment::HEADER));
        Ok(FoundJournal {
            journal: Journal {
                folder: folder.to_path_buf(),
                seal,
                file,
                length: segment::HEADER,
                octets: known.octets,
                known,
                segment_bytes: options.segment_limit(),
                rows: options.format,
            },
            torn_bytes: 0,
            new: true,
        })
    }

    pub(super) fn reader(&self) -> JournalReader {
        JournalReader::of(&self.folder, self.seal.salt)
    }

    pub(super) fn seal(&self) -> Seal {
        self.seal
    }

    /// Where the next record will be, unless a new segment is begun first.
    pub(super) fn end(&self) -> Position {
        Position::new(self.seal.segment, self.length)
    }

    /// The end of what was acknowledged.
    pub(super) fn known(&self) -> Known {
        self.known
    }

    /// Where the next batch will be: begins a new segment when this one is full.
    pub(super) fn begin(&mut self) -> Result<Position, AppendError> {
        if self.length > segment::HEADER && u64::from(self.length) >= self.segment_bytes {
            let seal = Seal {
                segment: self.seal.segment + 1,
                ..self.seal
            };
            let previous = Ending {
                length: self.length,
                last: self.known.last.offset(),
                check: self.known.check,
            };
            self.file =
                segment::create(&self.folder, seal, previous, self.rows).map_err(|e| {
                    match matches!(e, StoreError::Unsynced { .. }) {
                        true => AppendError::InDoubt(e),
                        false => AppendError::Undone(e),
                    }
                })?;
            self.seal = seal;
            self.length = segment::HEADER;
            self.octets += u64::from(segment::HEADER);
        }
        Ok(self.end())
    }

    /// Writes a whole batch and brings it to the disk.
    pub(super) fn append(&mut self, batch: &Finished) -> Result<(), AppendError> {
        let end = u64::from(self.length);
        if let Err(e) = self.file.write_all_at(&batch.octets, end) {
            let fault = StoreError::io("write", &self.file.path)(e);
            let undone = self.file.set_len(end).and_then(|()| self.file.sync_data());
            return Err(match undone {
                Ok(()) => AppendError::Undone(fault),
                Err(_) => AppendError::InDoubt(fault),
            });
        }
        if let Err(source) = self.file.sync_data() {
            // After a failed sync the kernel may have dropped the pages and call them clean:
            // asking again would answer yes. What is there is seen when the file is read again.
            let _ = self.file.set_len(end);
            return Err(AppendError::InDoubt(StoreError::Unsynced {
                path: self.file.path.clone(),
                source,
            }));
        }
        let last = Position::new(self.seal.segment, self.length + batch.last);
        self.length += batch.octets.len() as u32;
        self.octets += batch.octets.len() as u64;
        self.known = Known {
            salt: self.seal.salt,
            last,
            end: self.end(),
            check: batch.check,
            octets: self.octets,
        };
        Ok(())
    }
}

/// A journal that has all that is known of it, as it lies there. Nothing is changed by looking.
pub(super) struct Seen {
    numbers: Vec<u32>,
    /// The newest segment.
    tail: Segment,
    /// The end of its last whole batch.
    whole: Ending,
    /// Of all segments up to there.
    octets: u64,
}

impl Seen {
    /// Reads the newest segment, and the headers of all. None: there is no journal.
    pub(super) fn all(
        folder: &Path,
        rows: u32,
        known: &[Known],
    ) -> Result<Option<Seen>, StoreError> {
        Seen::behind(folder, rows, known, None)
    }

    /// The same, reading the newest segment only from the last known record on.
    pub(super) fn end_of(
        folder: &Path,
        rows: u32,
        known: &[Known],
    ) -> Result<Option<Seen>, StoreError> {
        if let Some(known_end) = tail::furthest(known)
            && let Ok(seen) = Seen::behind(folder, rows, known, Some(known_end))
        {
            return Ok(seen);
        }
        // What is wrong is told by its whole extent.
        Seen::all(folder, rows, known)
    }

    fn behind(
        folder: &Path,
        rows: u32,
        known: &[Known],
        from: Option<&Known>,
    ) -> Result<Option<Seen>, StoreError> {
        let numbers = tail::with_header(folder, segment::list(folder)?, known)?;
        let Some(&newest) = numbers.last() else {
            return Ok(None);
        };
        tail::same_rows(folder, &numbers, rows)?;
        let (mut losses, before) = tail::older_losses(folder, &numbers)?;
        let from = from.filter(|from| from.end.segment() == newest);
        let from = from.map_or(segment::HEADER, |from| from.last.offset());
        let tail = Segment::load_from(folder, newest, None, from)?;
        if let Some(foreign) = known.iter().find(|known| known.salt != tail.seal.salt) {
            return Err(lost(foreign.octets, vec![of_another(folder, foreign)]));
        }
        let examined = tail::examine(&tail, from, tail::acknowledged_in(newest, known))?;
        let mut octets: u64 = losses.iter().filter_map(|loss| loss.bytes).sum();
        if let (Some(from), Some(known)) = (examined.short_from, tail::furthest(known)) {
            octets += known.octets.saturating_sub(before + u64::from(from));
            let tail = (from, tail.length());
            losses.extend(tail::losses_at_the_end(folder, newest, tail, before, known));
        }
        let reader = JournalReader::of(folder, tail.seal.salt);
        if losses.is_empty()
            && let Some(known) = known.iter().find(|known| !reader.holds(known))
        {
            let loss = Loss::of_another_course(folder, known.last, known.end);
            octets = loss.bytes.unwrap_or(0);
            losses.push(loss);
        }
        if !losses.is_empty() {
            return Err(lost(octets, losses));
        }
        Ok(Some(Seen {
            numbers,
            whole: examined.whole,
            octets: before + u64::from(examined.whole.length),
            tail,
        }))
    }

    /// The end of the last whole batch.
    pub(super) fn end(&self, folder: &Path) -> Result<Known, StoreError> {
        end_of(folder, &self.tail, self.whole, self.octets)
    }
}

/// Refuses where there is no journal although something is known of one.
pub(super) fn must_be_new(folder: &Path, known: &[Known]) -> Result<(), StoreError> {
    match tail::furthest(known).filter(|known| known.last < known.end) {
        None => Ok(()),
        Some(known) => {
            let losses = tail::losses_at_the_end(folder, 0, (0, 0), 0, known);
            Err(lost(known.octets, losses))
        }
    }
}

/// Cuts off what is torn, and brings to the disk what was read. Gives the newest segment.
fn settle(
    folder: &Path,
    numbers: &[u32],
    tail: &Segment,
    length: u32,
    known: &[Known],
) -> Result<OpenFile, StoreError> {
    let newest = tail.seal.segment;
    for number in numbers.iter().filter(|number| **number != newest) {
        disk::sync_file(&segment::path(folder, *number))?;
    }
    let file = OpenFile::open(&tail.path)?;
    if tail.length() > length {
        file.set_len(u64::from(length))
            .map_err(StoreError::io("cut the torn end off", &tail.path))?;
    }
    // Behind the known end, a sync may have been tried and failed: the system then calls octets
    // clean that the disk does not have. Written once more, they are not.
    if !known.is_empty() {
        let from = tail::acknowledged_in(newest, known).max(segment::HEADER);
        let unsure = tail.bytes.get(from as usize..length as usize);
        file.write_all_at(unsure.unwrap_or_default(), u64::from(from))
            .map_err(StoreError::io("write", &tail.path))?;
    }
    file.sync_all().map_err(|source| StoreError::Unsynced {
        path: tail.path.clone(),
        source,
    })?;
    disk::sync_folder(folder)?;
    Ok(file)
}

/// The end of the last whole batch; where the newest segment has none yet, in the one before.
fn end_of(folder: &Path, tail: &Segment, whole: Ending, octets: u64) -> Result<Known, StoreError> {
    let Seal { salt, segment } = tail.seal;
    let (segment, ending, octets) = if whole.last == 0 && segment > 1 {
        let previous = segment::read_header_of(folder, segment)?.previous;
        (segment - 1, previous, octets - u64::from(segment::HEADER))
    } else {
        (segment, whole, octets)
    };
    let end = Position::new(segment, ending.length);
    Ok(match ending.last {
        0 => Known {
            octets,
            ..Known::nothing(salt, end)
        },
        last => Known {
            salt,
            last: Position::new(segment, last),
            end,
            check: ending.check,
            octets,
        },
    })
}

/// Another journal stands in the place of the one that is known.
pub(super) fn of_another(folder: &Path, known: &Known) -> Loss {
    let what = "the journal that stands here is another one";
    Loss {
        range: (Position::new(1, 0), known.end),
        ..Loss::new(folder, 1, 0, None, what)
    }
}

fn lost(octets: u64, losses: Vec<Loss>) -> StoreError {
    StoreError::Lost(Box::new(Lost {
        octets,
        losses,
        recalled: Recalled::default(),
    }))
}

/// The reading end, for everything that was acknowledged.
#[derive(Debug, Clone)]
pub(super) struct JournalReader {
    folder: PathBuf,
    salt: u64,
}

impl JournalReader {
    pub(super) fn of(folder: &Path, salt: u64) -> JournalReader {
        JournalReader {
            folder: folder.to_path_buf(),
            salt,
        }
    }

    pub(super) fn salt(&self) -> u64 {
        self.salt
    }

    pub(super) fn path(&self, at: Position) -> PathBuf {
        segment::path(&self.folder, at.segment())
    }

    /// A segment, as far as it is needed.
    pub(super) fn load(&self, segment: u32, from: u32) -> Result<Segment, StoreError> {
        Segment::load_from(&self.folder, segment, Some(self.salt), from)
    }

    /// Where the record ends that stands at a position.
    pub(super) fn behind(&self, at: Position) -> Result<Position, StoreError> {
        let path = self.path(at);
        let file = File::open(&path).map_err(StoreError::io("open", &path))?;
        let length = self.frame_bytes(&file, &path, at)?.len() as u32;
        Ok(Position::new(at.segment(), at.offset() + length))
    }

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

    /// Whether something was made from this journal, as it is.
    pub(super) fn has(&self, known: &Known) -> bool {
        known.salt == self.salt && self.holds(known)
    }

    /// Whether the journal's last known record is where it was.
    pub(super) fn holds(&self, known: &Known) -> bool {
        let at = known.last;
        let path = self.path(at);
        if at == known.end {
            let found = fs::metadata(path);
            return found.is_ok_and(|m| m.len() >= u64::from(at.offset()));
        }
        let mut bytes = [0; frame::HEADER];
        let read = File::open(path).and_then(|f| f.read_exact_at(&mut bytes, at.offset().into()));
        let found = frame::length_and_check(&bytes, at.offset(), &self.seal(at));
        let length = (known.end.offset() - at.offset()) as usize;
        read.is_ok() && found == Ok((length, known.check))
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
        let (length, _) = frame::length_and_check(&bytes, at.offset(), &self.seal(at))
            .map_err(|_| no_record(path, at))?;
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
