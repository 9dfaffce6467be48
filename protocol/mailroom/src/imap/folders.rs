//! LIST, STATUS, SELECT, CREATE, DELETE.

use std::io;

use imap_codec::imap_types::mailbox::{ListMailbox, Mailbox as MailboxName};
use imap_codec::imap_types::status::StatusDataItemName;

use super::session::{Done, Known, Session, State};
use super::syntax::{folder_name, quoted};
use super::view::View;
use crate::boxes::Folder;
use crate::faults::Fault;

/// Folders of one mailbox.
const FOLDER_LIMIT: usize = 1_000;

impl Session {
    pub(super) async fn list(
        &mut self,
        command: &str,
        known: &Known,
        wanted: &ListMailbox<'_>,
    ) -> io::Result<Done> {
        let pattern = match wanted {
            ListMailbox::Token(token) => String::from_utf8_lossy(token.as_ref()).into_owned(),
            ListMailbox::String(string) => String::from_utf8_lossy(string.as_ref()).into_owned(),
        };
        if pattern.is_empty() {
            // RFC 3501 section 6.3.8: an empty name asks for the delimiter.
            self.untagged(format!("{command} (\\Noselect) \"/\" \"\""))
                .await?;
            return Ok(Done::ok("that is all"));
        }
        for (name, special_use) in known.mailbox.folder_names() {
            if !matches_pattern(&pattern, &name) {
                continue;
            }
            let special = special_use.filter(|_| self.office.options.special_use);
            let attributes = match special {
                Some(attribute) => format!("\\HasNoChildren {attribute}"),
                None => "\\HasNoChildren".to_owned(),
            };
            let name = quoted(&name);
            self.untagged(format!("{command} ({attributes}) \"/\" {name}"))
                .await?;
        }
        Ok(Done::ok("that is all"))
    }

    pub(super) async fn status(
        &mut self,
        known: &Known,
        name: &MailboxName<'_>,
        items: &[StatusDataItemName],
    ) -> io::Result<Done> {
        let name = folder_name(name);
        let faults = self.numbering_faults();
        let found = known.mailbox.look(&name, |folder| {
            let item = |item: &StatusDataItemName| status_item(folder, item, faults);
            items.iter().filter_map(item).collect::<Vec<_>>().join(" ")
        });
        let Some(values) = found else {
            return Ok(no_such_folder());
        };
        self.untagged(format!("STATUS {} ({values})", quoted(&name)))
            .await?;
        Ok(Done::ok("that is all"))
    }

    pub(super) async fn select(
        &mut self,
        known: Known,
        name: &MailboxName<'_>,
        read_only: bool,
    ) -> io::Result<Done> {
        // RFC 3501 section 6.3.1: a SELECT that fails leaves nothing selected.
        self.state = State::Known(known.clone());
        if self.wants_id() {
            return Ok(Done::no("unsafe login, say ID first"));
        }
        let name = folder_name(name);
        let faults = self.numbering_faults();
        let found = known.mailbox.look(&name, |folder| {
            let numbers = (faults.validity(folder), faults.next(folder));
            (View::of(folder, read_only), numbers)
        });
        let Some((view, (uid_validity, uid_next))) = found else {
            return Ok(no_such_folder());
        };
        let flags = "\\Answered \\Flagged \\Deleted \\Seen \\Draft";
        self.untagged(format!("FLAGS ({flags})")).await?;
        let permanent = if read_only {
            String::new()
        } else {
            format!("{flags} \\*")
        };
        self.untagged(format!("OK [PERMANENTFLAGS ({permanent})] flags"))
            .await?;
        self.untagged(format!("{} EXISTS", view.uids.len())).await?;
        self.untagged("0 RECENT").await?;
        self.untagged(format!("OK [UIDVALIDITY {uid_validity}] UIDs valid"))
            .await?;
        if let Some(uid_next) = uid_next {
            self.untagged(format!("OK [UIDNEXT {uid_next}] next UID"))
                .await?;
        }
        self.state = State::Selected(known, view);
        Ok(Done::ok(if read_only {
            "[READ-ONLY] selected"
        } else {
            "[READ-WRITE] selected"
        }))
    }

    pub(super) fn create(known: &Known, name: &MailboxName<'_>) -> Done {
        let name = folder_name(name);
        known.mailbox.change_folders(|folders| {
            if folders.contains_key(&name) || name.is_empty() {
                return Done::no("[ALREADYEXISTS] there is such a folder");
            }
            if folders.len() >= FOLDER_LIMIT {
                return Done::no("[LIMIT] too many folders");
            }
            let folder = Folder::new(&name, None);
            folders.insert(name, folder);
            Done::ok("created")
        })
    }

    pub(super) fn delete(known: &Known, name: &MailboxName<'_>) -> Done {
        let name = folder_name(name);
        if name == "INBOX" {
            return Done::no("[CANNOT] INBOX stays");
        }
        let deleted = known
            .mailbox
            .change_folders(|folders| folders.remove(&name));
        deleted.map_or_else(no_such_folder, |_| Done::ok("deleted"))
    }

    fn wants_id(&self) -> bool {
        let user = self.wire.user.as_deref();
        let faults = &self.office.faults;
        !self.said_id && faults.strikes(user, &Fault::SelectWantsId)
    }

    fn numbering_faults(&self) -> NumberingFaults {
        let user = self.wire.user.as_deref();
        let faults = &self.office.faults;
        NumberingFaults {
            validity_zero: faults.strikes(user, &Fault::UidValidityZero),
            next_missing: faults.strikes(user, &Fault::UidNextMissing),
            next_back: faults.strikes(user, &Fault::UidNextGoesBack),
        }
    }
}

#[derive(Clone, Copy)]
struct NumberingFaults {
    validity_zero: bool,
    next_missing: bool,
    next_back: bool,
}

impl NumberingFaults {
    fn validity(self, folder: &Folder) -> u32 {
        if self.validity_zero {
            0
        } else {
            folder.uid_validity
        }
    }

    fn next(self, folder: &Folder) -> Option<u32> {
        let next = if self.next_back { 1 } else { folder.uid_next };
        (!self.next_missing).then_some(next)
    }
}

pub(super) fn no_such_folder() -> Done {
    Done::no("[NONEXISTENT] no such folder")
}

fn status_item(
    folder: &Folder,
    item: &StatusDataItemName,
    faults: NumberingFaults,
) -> Option<String> {
    let count = |flag: &str, wanted: bool| {
        let counted = |letter: &&crate::boxes::Letter| letter.flags.contains(flag) == wanted;
        folder.letters.iter().filter(counted).count()
    };
    match item {
        StatusDataItemName::Messages => Some(format!("MESSAGES {}", folder.letters.len())),
        StatusDataItemName::Recent => Some("RECENT 0".to_owned()),
        StatusDataItemName::UidNext => {
            let next = faults.next(folder)?;
            Some(format!("UIDNEXT {next}"))
        }
        StatusDataItemName::UidValidity => Some(format!("UIDVALIDITY {}", faults.validity(folder))),
        StatusDataItemName::Unseen => Some(format!("UNSEEN {}", count("\\Seen", false))),
        StatusDataItemName::Deleted => Some(format!("DELETED {}", count("\\Deleted", true))),
        StatusDataItemName::DeletedStorage => None,
    }
}

/// `*` matches anything, `%` anything but the delimiter; INBOX in any case.
fn matches_pattern(pattern: &str, name: &str) -> bool {
    if name == "INBOX" && pattern.eq_ignore_ascii_case(name) {
        return true;
    }
    // One row of the usual table: which prefixes of the name the pattern so far can match.
    let name: Vec<char> = name.chars().collect();
    let mut reached = vec![false; name.len() + 1];
    if let Some(start) = reached.first_mut() {
        *start = true;
    }
    for wanted in pattern.chars() {
        let mut next = vec![false; reached.len()];
        let mut carried = false;
        for (index, cell) in next.iter_mut().enumerate() {
            let here = reached.get(index).copied().unwrap_or(false);
            let before = index.checked_sub(1).and_then(|at| name.get(at)).copied();
            let from_before = index
                .checked_sub(1)
                .and_then(|at| reached.get(at))
                .copied()
                .unwrap_or(false);
            *cell = match wanted {
                '*' => here || carried,
                '%' => here || (carried && before != Some('/')),
                plain => from_before && before == Some(plain),
            };
            carried = *cell;
        }
        reached = next;
    }
    reached.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_as_rfc_3501_says() {
        for (pattern, name, matches) in [
            ("*", "Work/Bills", true),
            ("%", "Sent", true),
            ("%", "Work/Bills", false),
            ("Work/%", "Work/Bills", true),
            ("W*s", "Work/Bills", true),
            ("W%s", "Work/Bills", false),
            ("inbox", "INBOX", true),
            ("sent", "Sent", false),
            ("Sent", "Sent", true),
        ] {
            assert_eq!(matches_pattern(pattern, name), matches, "{pattern} {name}");
        }
    }
}
