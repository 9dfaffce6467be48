//! What a connection has been told about its selected folder: sequence numbers.

use std::io;

use imap_codec::imap_types::sequence::{SeqOrUid, Sequence, SequenceSet};

use super::session::{Session, State};
use crate::boxes::Folder;

/// The selected folder as this client knows it.
#[derive(Clone)]
pub(super) struct View {
    pub(super) folder: String,
    pub(super) read_only: bool,
    /// UIDs by sequence number, from 1.
    pub(super) uids: Vec<u32>,
    /// The folder's generation when `uids` was made.
    generation: u64,
}

/// A letter that a command names.
#[derive(Clone, Copy)]
pub(super) struct Picked {
    pub(super) sequence: usize,
    pub(super) uid: u32,
}

impl View {
    pub(super) fn of(folder: &Folder, read_only: bool) -> View {
        View {
            folder: folder.name.clone(),
            read_only,
            uids: folder.letters.iter().map(|letter| letter.uid).collect(),
            generation: folder.generation,
        }
    }

    /// The letters of a set, in their order. Numbers that don't exist name nothing.
    pub(super) fn pick(&self, set: &SequenceSet, by_uid: bool) -> Vec<Picked> {
        let last = if by_uid {
            self.uids.last().copied().unwrap_or(0)
        } else {
            u32::try_from(self.uids.len()).unwrap_or(u32::MAX)
        };
        let ranges = ranges(set, last);
        self.picked()
            .filter(|picked| {
                let number = if by_uid {
                    picked.uid
                } else {
                    u32::try_from(picked.sequence).unwrap_or(u32::MAX)
                };
                contains(&ranges, number)
            })
            .collect()
    }

    /// All letters of the view, with their sequence numbers.
    pub(super) fn picked(&self) -> impl Iterator<Item = Picked> + '_ {
        self.uids.iter().enumerate().map(|(index, uid)| Picked {
            sequence: index + 1,
            uid: *uid,
        })
    }
}

/// `*` is the largest number there is, and a range may be written backwards: `559:*` always
/// names the last letter (RFC 3501 section 6.4.8).
pub(super) fn ranges(set: &SequenceSet, last: u32) -> Vec<(u32, u32)> {
    let number = |end: &SeqOrUid| match end {
        SeqOrUid::Value(value) => value.get(),
        SeqOrUid::Asterisk => last,
    };
    let range = |sequence: &Sequence| match sequence {
        Sequence::Single(one) => (number(one), number(one)),
        Sequence::Range(one, other) => {
            let (one, other) = (number(one), number(other));
            (one.min(other), one.max(other))
        }
    };
    set.0.as_ref().iter().map(range).collect()
}

pub(super) fn contains(ranges: &[(u32, u32)], number: u32) -> bool {
    ranges
        .iter()
        .any(|(from, to)| (*from..=*to).contains(&number))
}

impl Session {
    /// Tells what has come and gone in the selected folder since the client was last told.
    pub(super) fn tell_news(&mut self, expunges_too: bool) -> io::Result<()> {
        let State::Selected(known, view) = &mut self.state else {
            return Ok(());
        };
        let Some((now, generation)) = known.mailbox.look(&view.folder, |folder| {
            let changed = folder.generation != view.generation;
            let uids = || folder.letters.iter().map(|letter| letter.uid).collect();
            (changed.then(uids), folder.generation)
        }) else {
            return Ok(());
        };
        let Some(now): Option<Vec<u32>> = now else {
            return Ok(());
        };
        let gone = |uid: &u32| now.binary_search(uid).is_err();
        let expunged: Vec<usize> = (1..=view.uids.len())
            .rev()
            .filter(|sequence| view.uids.get(sequence - 1).is_some_and(gone))
            .collect();
        if expunges_too {
            for sequence in &expunged {
                self.wire.put(format!("* {sequence} EXPUNGE\r\n"));
            }
            view.uids.retain(|uid| !gone(uid));
        }
        let known_up_to = view.uids.last().copied().unwrap_or(0);
        let arrived = now.iter().filter(|uid| **uid > known_up_to);
        let before = view.uids.len();
        view.uids.extend(arrived);
        if view.uids.len() > before {
            let count = view.uids.len();
            self.wire.put(format!("* {count} EXISTS\r\n* 0 RECENT\r\n"));
        }
        if expunges_too || expunged.is_empty() {
            view.generation = generation;
        }
        Ok(())
    }
}
