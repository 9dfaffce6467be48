//! Mailboxes, their folders and letters; all in memory, shared by all connections.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use thiserror::Error;
use tokio::sync::watch;

use crate::options::Options;

/// A letter as it lies in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The folder it is in.
    pub folder: String,
    /// Its UID there, from 1; a new UIDVALIDITY gives it another.
    pub uid: u32,
    /// Its flags as IMAP writes them, e.g. `\Seen`.
    pub flags: BTreeSet<String>,
    /// When it was filed (INTERNALDATE).
    pub internal_date: Timestamp,
    /// All of its octets, trace fields included.
    pub bytes: Arc<[u8]>,
}

impl Letter {
    /// The letter as text, for assertions; octets that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// A condition on a mailbox did not come true in time.
#[derive(Debug, Error)]
#[error(
    "waited {seconds} s in vain for a condition on the mailbox {user}, which holds {} letters: {}",
    .letters.len(), summary(.letters)
)]
pub struct WaitedInVain {
    /// The user whose mailbox it is, as the caller named it.
    pub user: String,
    /// How long was waited, in whole seconds.
    pub seconds: u64,
    /// What the mailbox held in the end.
    pub letters: Vec<Letter>,
}

fn summary(letters: &[Letter]) -> String {
    let one = |letter: &Letter| format!("{} {}", letter.folder, letter.uid);
    letters.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// How a connection to a mailbox is ended from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dismissal {
    Bye,
    Cut,
}

/// One address's folders.
#[derive(Debug)]
pub(crate) struct Mailbox {
    pub(crate) address: String,
    folders: Mutex<BTreeMap<String, Folder>>,
    /// Counts changes; whoever waits subscribes.
    changes: watch::Sender<u64>,
    dismissals: watch::Sender<Dismissal>,
}

#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) name: String,
    /// The SPECIAL-USE attribute (RFC 6154), e.g. `\Sent`.
    pub(crate) special_use: Option<&'static str>,
    pub(crate) uid_validity: u32,
    pub(crate) uid_next: u32,
    /// In the order of their UIDs.
    pub(crate) letters: Vec<Letter>,
    /// Grows when a letter comes or goes.
    pub(crate) generation: u64,
}

impl Mailbox {
    pub(crate) fn new(address: String, options: &Options) -> Mailbox {
        let special = [
            ("INBOX", None),
            ("Drafts", Some("\\Drafts")),
            ("Junk", Some("\\Junk")),
            (options.sent_folder.as_str(), Some("\\Sent")),
            ("Trash", Some("\\Trash")),
        ];
        let folders = special
            .map(|(name, special_use)| (name.to_owned(), Folder::new(name, special_use)))
            .into_iter()
            .collect();
        Mailbox {
            address,
            folders: Mutex::new(folders),
            changes: watch::Sender::new(0),
            dismissals: watch::Sender::new(Dismissal::Bye),
        }
    }

    /// Files a letter; None where there is no such folder.
    pub(crate) fn file(
        &self,
        folder: &str,
        bytes: Arc<[u8]>,
        flags: BTreeSet<String>,
        internal_date: Timestamp,
    ) -> Option<u32> {
        self.change(folder, |folder| folder.add(bytes, flags, internal_date))
    }

    /// Reads one folder as it is now; None where there is none of that name.
    pub(crate) fn look<T>(&self, folder: &str, read: impl FnOnce(&Folder) -> T) -> Option<T> {
        self.folders().get(folder).map(read)
    }

    /// Changes one folder, and wakes whoever waits for a change.
    pub(crate) fn change<T>(
        &self,
        folder: &str,
        write: impl FnOnce(&mut Folder) -> T,
    ) -> Option<T> {
        let written = self.folders().get_mut(folder).map(write)?;
        self.changes.send_modify(|count| *count += 1);
        Some(written)
    }

    /// Changes the set of folders.
    pub(crate) fn change_folders<T>(
        &self,
        write: impl FnOnce(&mut BTreeMap<String, Folder>) -> T,
    ) -> T {
        let written = write(&mut self.folders());
        self.changes.send_modify(|count| *count += 1);
        written
    }

    pub(crate) fn folder_names(&self) -> Vec<(String, Option<&'static str>)> {
        self.folders()
            .values()
            .map(|folder| (folder.name.clone(), folder.special_use))
            .collect()
    }

    /// All letters, folder by folder.
    pub(crate) fn letters(&self) -> Vec<Letter> {
        self.folders()
            .values()
            .flat_map(|folder| folder.letters.iter().cloned())
            .collect()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(crate) fn dismiss(&self, how: Dismissal) {
        self.dismissals.send_replace(how);
    }

    pub(crate) fn dismissals(&self) -> watch::Receiver<Dismissal> {
        self.dismissals.subscribe()
    }

    fn folders(&self) -> MutexGuard<'_, BTreeMap<String, Folder>> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Folder {
    pub(crate) fn new(name: &str, special_use: Option<&'static str>) -> Folder {
        Folder {
            name: name.to_owned(),
            special_use,
            uid_validity: fresh_uid_validity(),
            uid_next: 1,
            letters: Vec::new(),
            generation: 0,
        }
    }

    pub(crate) fn add(
        &mut self,
        bytes: Arc<[u8]>,
        flags: BTreeSet<String>,
        internal_date: Timestamp,
    ) -> u32 {
        let uid = self.uid_next;
        self.uid_next = uid.saturating_add(1);
        self.generation += 1;
        self.letters.push(Letter {
            folder: self.name.clone(),
            uid,
            flags,
            internal_date,
            bytes,
        });
        uid
    }

    pub(crate) fn letter(&self, uid: u32) -> Option<&Letter> {
        let at = self.position(uid)?;
        self.letters.get(at)
    }

    pub(crate) fn letter_mut(&mut self, uid: u32) -> Option<&mut Letter> {
        let at = self.position(uid)?;
        self.letters.get_mut(at)
    }

    /// Removes letters; their UIDs are not given again.
    pub(crate) fn remove(&mut self, gone: impl Fn(&Letter) -> bool) {
        let before = self.letters.len();
        self.letters.retain(|letter| !gone(letter));
        if self.letters.len() != before {
            self.generation += 1;
        }
    }

    /// A new UIDVALIDITY: the same letters under UIDs from 1.
    pub(crate) fn renumber(&mut self) {
        self.uid_validity = fresh_uid_validity().max(self.uid_validity.saturating_add(1));
        self.uid_next = 1;
        self.generation += 1;
        for letter in &mut self.letters {
            letter.uid = self.uid_next;
            self.uid_next = self.uid_next.saturating_add(1);
        }
    }

    fn position(&self, uid: u32) -> Option<usize> {
        self.letters
            .binary_search_by_key(&uid, |letter| letter.uid)
            .ok()
    }
}

/// Differs from that of every other folder, also of a mailroom started later: a client must
/// never take a new mailbox for one that it has read before.
fn fresh_uid_validity() -> u32 {
    static MADE: AtomicU32 = AtomicU32::new(1);
    /// 2025-01-01; tenths of a second from there fit into 32 bits until 2038.
    const EPOCH_SECONDS: i64 = 1_735_689_600;
    let tenths = Timestamp::now().as_millisecond() / 100 - EPOCH_SECONDS * 10;
    let base = u32::try_from(tenths).unwrap_or(1);
    base.wrapping_add(MADE.fetch_add(1, Ordering::Relaxed))
        .max(1)
}
