//! Letters of a mailbox that is read from its beginning, put into the order in which they were received
//! before any is judged: of two trade records the one that arrived first counts (protocol 4,
//! "Versions"), in whatever folders they lie.
//!
//! By INTERNALDATE, then folder, then UID. Letters are large and many, so their octets lie in a file
//! without a name in the data folder, and only their places are kept in memory.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use tradepost_post::imap::RawMail;
use tradepost_statements::Time;

use tradepost_agent::arrival::FoundIn;
use tradepost_agent::aside::AsideChange;
use tradepost_post::imap::Cursor;

/// So many letters, and octets of letters, are put in order at a time: 64 MB of places, and what a disk
/// bears. What comes beyond is put in order by itself, behind these.
const MOST_LETTERS: usize = 1_000_000;
const MOST_OCTETS: u64 = 8 << 30;

/// So many letters, or octets of letters, are judged in one durable write.
const LETTERS: usize = 256;
const OCTETS: usize = 8 << 20;

/// What was gathered so far.
pub(super) struct Gathered {
    file: File,
    end: u64,
    /// The folders, in the order in which they are read.
    folders: Vec<String>,
    places: Vec<GatheredLetter>,
    /// How far each folder was read, and what could not be had: recorded behind the letters.
    with: Vec<Behind>,
}

/// How far a folder was read with a batch, and what of it could not be had.
#[derive(Debug)]
pub(super) struct Behind {
    pub(super) folder: String,
    pub(super) cursor: Cursor,
    pub(super) aside: Option<AsideChange>,
}

/// A letter that was gathered; sorted, in the order of receipt.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct GatheredLetter {
    /// Of what the server does not tell when it came, nothing says that it came before others.
    has_no_time: bool,
    received_at: Option<Time>,
    folder: usize,
    uid: u32,
    is_sent: bool,
    start: u64,
    length: usize,
}

/// Letters that were found in one kind of folder, one after the other in the order of receipt.
pub(super) struct Run {
    pub(super) found_in: FoundIn,
    pub(super) letters: Vec<(Option<Time>, Vec<u8>)>,
}

impl Gathered {
    pub(super) fn new(data: &Path) -> io::Result<Gathered> {
        Ok(Gathered {
            file: nameless(&data.join("rebuild.letters"))?,
            end: 0,
            folders: Vec::new(),
            places: Vec::new(),
            with: Vec::new(),
        })
    }

    /// Letters of one folder, and what is recorded with them.
    pub(super) fn add(
        &mut self,
        found_in: FoundIn,
        mails: &[RawMail],
        with: Behind,
    ) -> io::Result<()> {
        for mail in mails {
            let known = self.folders.iter().position(|f| *f == mail.folder);
            let folder = known.unwrap_or_else(|| {
                self.folders.push(mail.folder.clone());
                self.folders.len() - 1
            });
            self.file.write_all_at(&mail.bytes, self.end)?;
            self.places.push(GatheredLetter {
                has_no_time: mail.internal_date.is_none(),
                received_at: mail.internal_date,
                folder,
                uid: mail.uid,
                is_sent: found_in == FoundIn::Sent,
                start: self.end,
                length: mail.bytes.len(),
            });
            self.end += mail.bytes.len() as u64;
        }
        self.with.push(with);
        Ok(())
    }

    pub(super) fn is_full(&self) -> bool {
        self.places.len() >= MOST_LETTERS || self.end >= MOST_OCTETS
    }

    /// All of it, in order; nothing is gathered then.
    pub(super) fn sorted(self) -> Sorted {
        let mut places = self.places;
        places.sort_unstable();
        Sorted {
            file: self.file,
            places: places.into(),
            with: self.with,
        }
    }
}

/// A file that only its owner can open, and soon nobody can: it ends with this process.
fn nameless(path: &Path) -> io::Result<File> {
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    std::fs::remove_file(path)?;
    Ok(file)
}

/// Letters in the order of their receipt, read as they are wanted.
pub(super) struct Sorted {
    file: File,
    places: VecDeque<GatheredLetter>,
    /// To be recorded once all letters are.
    pub(super) with: Vec<Behind>,
}

impl Sorted {
    /// The next letters; none when these were all.
    pub(super) fn next_run(&mut self) -> io::Result<Option<Run>> {
        let Some(is_sent) = self.places.front().map(|p| p.is_sent) else {
            return Ok(None);
        };
        let (mut letters, mut octets) = (Vec::new(), 0);
        while letters.len() < LETTERS
            && octets < OCTETS
            && let Some(place) = self.places.pop_front_if(|p| p.is_sent == is_sent)
        {
            let mut bytes = vec![0; place.length];
            self.file.read_exact_at(&mut bytes, place.start)?;
            octets += bytes.len();
            letters.push((place.received_at, bytes));
        }
        let found_in = if is_sent {
            FoundIn::Sent
        } else {
            FoundIn::Inbox
        };
        Ok(Some(Run { found_in, letters }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn mail(folder: &str, uid: u32, minute: Option<i64>) -> RawMail {
        RawMail {
            folder: folder.to_owned(),
            uid_validity: 1,
            uid,
            internal_date: minute.map(|m| Time::from_unix_millis(m * 60_000)),
            bytes: format!("{folder} {uid}").into_bytes(),
        }
    }

    #[test]
    fn letters_come_by_their_date_then_by_folder_and_uid_and_at_last_what_has_no_date() {
        let data = tempfile::tempdir().unwrap();
        let mut gathered = Gathered::new(data.path()).unwrap();
        let cursor = || Behind {
            folder: "INBOX".to_owned(),
            cursor: Cursor {
                uid_validity: 1,
                last_uid: 1,
            },
            aside: None,
        };
        let inbox = [
            mail("INBOX", 7, Some(30)),
            mail("INBOX", 8, None),
            mail("INBOX", 9, Some(10)),
            mail("INBOX", 12, Some(30)),
        ];
        gathered.add(FoundIn::Inbox, &inbox, cursor()).unwrap();
        gathered
            .add(FoundIn::Sent, &[mail("Sent", 1, Some(20))], cursor())
            .unwrap();
        let archive = [mail("Archive", 3, Some(30)), mail("Archive", 4, Some(5))];
        gathered.add(FoundIn::Inbox, &archive, cursor()).unwrap();
        let mut sorted = gathered.sorted();
        let mut read = Vec::new();
        while let Some(run) = sorted.next_run().unwrap() {
            for (_, octets) in run.letters {
                read.push((run.found_in, String::from_utf8(octets).unwrap()));
            }
        }
        let inbox = |text: &str| (FoundIn::Inbox, text.to_owned());
        let expected = [
            inbox("Archive 4"),
            inbox("INBOX 9"),
            (FoundIn::Sent, "Sent 1".to_owned()),
            inbox("INBOX 7"),
            inbox("INBOX 12"),
            inbox("Archive 3"),
            inbox("INBOX 8"),
        ];
        assert_eq!(read, expected);
        assert_eq!(sorted.with.len(), 3);
        assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0);
    }
}
