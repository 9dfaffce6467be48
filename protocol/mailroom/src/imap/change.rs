//! STORE, COPY, MOVE, EXPUNGE, APPEND.

use std::collections::BTreeSet;
use std::io;

use imap_codec::imap_types::datetime::DateTime;
use imap_codec::imap_types::extensions::binary::LiteralOrLiteral8;
use imap_codec::imap_types::flag::{Flag, StoreResponse, StoreType};
use imap_codec::imap_types::mailbox::Mailbox as MailboxName;
use jiff::Timestamp;

use super::fetch;
use super::session::{Done, Known, Session};
use super::syntax::{folder_name, set_of};
use super::view::{Picked, View};
use crate::boxes::Letter;

impl Session {
    pub(super) async fn store(
        &mut self,
        known: &Known,
        view: &View,
        wanted: &[Picked],
        (kind, response): (StoreType, StoreResponse),
        flags: &[Flag<'_>],
        by_uid: bool,
    ) -> io::Result<Done> {
        if view.read_only {
            return Ok(Done::no("[READ-ONLY] opened with EXAMINE"));
        }
        let flags = names(flags);
        let stored = known.mailbox.change(&view.folder, |folder| {
            let mut stored = Vec::new();
            for picked in wanted {
                let Some(letter) = folder.letter_mut(picked.uid) else {
                    continue;
                };
                match kind {
                    StoreType::Replace => letter.flags = flags.clone(),
                    StoreType::Add => letter.flags.extend(flags.iter().cloned()),
                    StoreType::Remove => letter.flags.retain(|flag| !flags.contains(flag)),
                }
                stored.push((picked.sequence, picked.uid, fetch::flags(letter)));
            }
            stored
        });
        if response == StoreResponse::Answer {
            for (sequence, uid, flags) in stored.unwrap_or_default() {
                let uid = if by_uid {
                    format!("UID {uid} ")
                } else {
                    String::new()
                };
                self.untagged(format!("{sequence} FETCH ({uid}{flags})"))
                    .await?;
            }
        }
        Ok(Done::ok("stored"))
    }

    pub(super) fn copy(
        known: &Known,
        view: &View,
        wanted: &[Picked],
        target: &MailboxName<'_>,
    ) -> Done {
        match copy_letters(known, view, wanted, target) {
            Some(code) => Done::Ok(format!("{code}copied")),
            None => Done::no("[TRYCREATE] no such folder"),
        }
    }

    pub(super) async fn move_letters(
        &mut self,
        known: &Known,
        view: &View,
        wanted: &[Picked],
        target: &MailboxName<'_>,
    ) -> io::Result<Done> {
        if view.read_only {
            return Ok(Done::no("[READ-ONLY] opened with EXAMINE"));
        }
        let Some(code) = copy_letters(known, view, wanted, target) else {
            return Ok(Done::no("[TRYCREATE] no such folder"));
        };
        // RFC 6851 section 4.3: COPYUID goes before the EXPUNGEs.
        self.untagged(format!("OK {code}moved")).await?;
        known.mailbox.change(&view.folder, |folder| {
            folder.remove(|letter| wanted.iter().any(|picked| picked.uid == letter.uid));
        });
        Ok(Done::ok("moved"))
    }

    /// Removes letters marked as deleted: all, or those of these.
    pub(super) fn expunge(known: &Known, view: &View, among: Option<&[Picked]>) -> Done {
        if view.read_only {
            return Done::no("[READ-ONLY] opened with EXAMINE");
        }
        let meant = |uid| among.is_none_or(|these| these.iter().any(|picked| picked.uid == uid));
        known.mailbox.change(&view.folder, |folder| {
            folder.remove(|letter| letter.flags.contains("\\Deleted") && meant(letter.uid));
        });
        Done::ok("expunged")
    }

    pub(super) fn append(
        known: &Known,
        target: &MailboxName<'_>,
        flags: &[Flag<'_>],
        date: Option<DateTime>,
        message: &LiteralOrLiteral8<'_>,
    ) -> Done {
        let octets = match message {
            LiteralOrLiteral8::Literal(literal) => literal.data(),
            LiteralOrLiteral8::Literal8(literal) => literal.data.as_ref(),
        };
        let written = date.and_then(|date| {
            let seconds = date.as_ref().timestamp();
            Timestamp::from_second(seconds).ok()
        });
        let at = written.unwrap_or_else(Timestamp::now);
        let appended = known.mailbox.change(&folder_name(target), |folder| {
            let uid = folder.add(octets.into(), names(flags), at);
            (folder.uid_validity, uid)
        });
        match appended {
            Some((uid_validity, uid)) => {
                Done::Ok(format!("[APPENDUID {uid_validity} {uid}] appended"))
            }
            None => Done::no("[TRYCREATE] no such folder"),
        }
    }
}

/// Copies letters and returns the `COPYUID` code with a blank behind it (RFC 4315 section 3),
/// or nothing where nothing was copied. None where there is no such folder.
fn copy_letters(
    known: &Known,
    view: &View,
    wanted: &[Picked],
    target: &MailboxName<'_>,
) -> Option<String> {
    let letters: Vec<Letter> = known
        .mailbox
        .look(&view.folder, |folder| {
            let letter = |picked: &Picked| folder.letter(picked.uid).cloned();
            wanted.iter().filter_map(letter).collect()
        })
        .unwrap_or_default();
    let from: Vec<u32> = letters.iter().map(|letter| letter.uid).collect();
    known.mailbox.change(&folder_name(target), |folder| {
        let mut to = Vec::new();
        for letter in letters {
            to.push(folder.add(letter.bytes, letter.flags, letter.internal_date));
        }
        if to.is_empty() {
            return String::new();
        }
        let validity = folder.uid_validity;
        format!("[COPYUID {validity} {} {}] ", set_of(&from), set_of(&to))
    })
}

fn names(flags: &[Flag<'_>]) -> BTreeSet<String> {
    flags.iter().map(ToString::to_string).collect()
}
