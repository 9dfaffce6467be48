//! Which folders there are, which is the Sent folder, and opening one for reading.

use async_imap::imap_proto::{
    MailboxDatum, NameAttribute, Response, ResponseCode, Status, StatusAttribute,
};

use super::SentFolder;
use super::failure::{CommandFailure, unless_denied};
use super::names::{decode, encode, quote, quote_raw};
use super::search::{NEWEST, uids_in};
use super::session::{SMALL, Session};
use crate::trouble::{Error, TroubleKind};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MailFolder {
    /// As people know it, and as events and cursors name it.
    pub(super) name: String,
    /// As the server knows it.
    wire: String,
    /// Holds what was sent from here.
    pub(super) sent: bool,
}

impl MailFolder {
    pub(super) fn named(name: &str, sent: bool) -> MailFolder {
        MailFolder {
            name: name.to_owned(),
            wire: encode(name),
            sent,
        }
    }

    /// The name as an argument of a command.
    pub(super) fn argument(&self) -> Result<String, CommandFailure> {
        quote(&self.wire)
            .or_else(|| quote_raw(&self.wire))
            .ok_or_else(|| self.cannot_be_said())
    }

    /// The name as the server knows it, where it can stand in a command.
    pub(super) fn wire(&self) -> Result<&str, CommandFailure> {
        self.argument()?;
        Ok(&self.wire)
    }

    fn cannot_be_said(&self) -> CommandFailure {
        CommandFailure::Broken(Error::new(
            TroubleKind::Configuration,
            format!("{:?} can't be a folder's name", self.name),
        ))
    }
}

/// A folder as LIST tells of it.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    folder: MailFolder,
    marked_sent: bool,
    marked_junk: bool,
    delimiter: Option<String>,
}

impl Listed {
    pub(super) fn name(&self) -> &str {
        &self.folder.name
    }
}

/// Names that servers and mail programs give the Sent folder, where none is marked.
const USUAL_NAMES: [&str; 13] = [
    "Sent",
    "Sent Items",
    "Sent Messages",
    "Sent Mail",
    "Gesendet",
    "Gesendete Objekte",
    "Gesendete Elemente",
    "Envoyés",
    "Éléments envoyés",
    "Enviados",
    "Elementos enviados",
    "Posta inviata",
    "Verzonden",
];

/// All folders that can be opened; a thousand names are some 60 KiB.
pub(super) async fn list(session: &mut Session) -> Result<Vec<Listed>, CommandFailure> {
    // RFC 6154 section 2: the attributes may be left out unless they are asked for.
    let asked = ["SPECIAL-USE", "LIST-EXTENDED"]
        .iter()
        .all(|c| session.capabilities.contains(*c));
    let extended = if asked { " RETURN (SPECIAL-USE)" } else { "" };
    let mut found = Vec::new();
    let command = format!("LIST \"\" \"*\"{extended}");
    session
        .run(&command, SMALL, |response| {
            if let Response::MailboxData(MailboxDatum::List(entry)) = response {
                let attributes = &entry.name_attributes;
                let has = |a: &NameAttribute<'_>| attributes.contains(a);
                // A name that can't stand in a command is nobody's folder.
                let can_be_said = !entry.name.contains(char::is_control);
                if can_be_said && !has(&NameAttribute::NoSelect) {
                    found.push(Listed {
                        folder: MailFolder {
                            name: decode(&entry.name),
                            wire: entry.name.to_string(),
                            sent: false,
                        },
                        marked_sent: has(&NameAttribute::Sent),
                        marked_junk: has(&NameAttribute::Junk),
                        delimiter: entry.delimiter.as_deref().map(str::to_owned),
                    });
                }
            }
        })
        .await?;
    Ok(found)
}

/// The Sent folder among them.
pub(super) fn choose_sent(wanted: &SentFolder, listed: &[Listed]) -> Option<MailFolder> {
    let chosen = match wanted {
        SentFolder::Off => return None,
        SentFolder::Named(name) => return Some(MailFolder::named(name, true)),
        SentFolder::Auto => listed
            .iter()
            .find(|l| l.marked_sent)
            .or_else(|| USUAL_NAMES.iter().find_map(|name| with_name(listed, name)))?,
    };
    Some(MailFolder {
        sent: true,
        ..chosen.folder.clone()
    })
}

/// Names of the folder for junk, where none is marked.
const USUAL_JUNK: [&str; 4] = ["Junk", "Spam", "Junk E-mail", "Bulk Mail"];

/// The folder that the provider files suspicious letters in.
pub(super) fn choose_junk(listed: &[Listed]) -> Option<MailFolder> {
    let marked = listed.iter().find(|l| l.marked_junk);
    let chosen = marked.or_else(|| USUAL_JUNK.iter().find_map(|name| with_name(listed, name)))?;
    Some(chosen.folder.clone())
}

/// By the last part of its name: some servers keep all folders under INBOX.
fn with_name<'a>(listed: &'a [Listed], name: &str) -> Option<&'a Listed> {
    listed.iter().find(|l| {
        let last = match l.delimiter.as_deref() {
            Some(d) if !d.is_empty() => l.folder.name.rsplit(d).next(),
            _ => None,
        };
        last.unwrap_or(&l.folder.name).to_lowercase() == name.to_lowercase()
    })
}

/// A folder as it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct FolderStatus {
    /// 0 where the server gives none: then nothing is known of it after this connection.
    pub(super) uid_validity: u32,
    /// None where the server does not say.
    pub(super) uid_next: Option<u32>,
}

/// Opens a folder for reading (EXAMINE: no flag changes, not even `\Recent`).
pub(super) async fn examine(
    session: &mut Session,
    folder: &MailFolder,
) -> Result<FolderStatus, CommandFailure> {
    match examine_as(session, &folder.argument()?).await {
        // Some servers know it by its name in UTF-8, as they list it.
        Err(CommandFailure::Denied(said)) if !folder.name.is_ascii() => {
            match quote_raw(&folder.name) {
                Some(raw) => unless_denied(examine_as(session, &raw).await)?
                    .ok_or(CommandFailure::Denied(said)),
                None => Err(CommandFailure::Denied(said)),
            }
        }
        outcome => outcome,
    }
}

async fn examine_as(session: &mut Session, argument: &str) -> Result<FolderStatus, CommandFailure> {
    let mut mailbox = FolderStatus::default();
    let mut is_counted = false;
    session.exists = 0;
    let command = format!("EXAMINE {argument}");
    session
        .run(&command, SMALL, |response| {
            is_counted |= matches!(response, Response::MailboxData(MailboxDatum::Exists(_)));
            if let Response::Data {
                status: Status::Ok,
                outcome,
            } = response
            {
                match outcome.code {
                    Some(ResponseCode::UidValidity(n)) => mailbox.uid_validity = n,
                    Some(ResponseCode::UidNext(n)) => mailbox.uid_next = Some(n).filter(|n| *n > 0),
                    _ => {}
                }
            }
        })
        .await?;
    if !is_counted {
        let uids = uids_in(session, (1, NEWEST)).await?;
        session.exists = session
            .exists
            .max(u32::try_from(uids.len()).unwrap_or(u32::MAX));
    }
    // The count of letters that EXAMINE gives is no news.
    session.news = false;
    Ok(mailbox)
}

/// The same of a folder that is not open. Some servers refuse it; then nothing is known.
pub(super) async fn status(
    session: &mut Session,
    folder: &MailFolder,
) -> Result<Option<FolderStatus>, CommandFailure> {
    let mut mailbox = None;
    let command = format!("STATUS {} (UIDNEXT UIDVALIDITY)", folder.argument()?);
    let asked = session
        .run(&command, SMALL, |response| {
            if let Response::MailboxData(MailboxDatum::Status { status, .. }) = response {
                let seen = mailbox.get_or_insert_with(FolderStatus::default);
                for attribute in status {
                    if let StatusAttribute::UidNext(n) = attribute {
                        seen.uid_next = Some(*n);
                    } else if let StatusAttribute::UidValidity(n) = attribute {
                        seen.uid_validity = *n;
                    }
                }
            }
        })
        .await;
    Ok(unless_denied(asked)?.and(mailbox))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(name: &str, marked_sent: bool) -> Listed {
        Listed {
            folder: MailFolder::named(name, false),
            marked_sent,
            marked_junk: false,
            delimiter: Some("/".to_owned()),
        }
    }

    #[test]
    fn the_sent_folder_is_the_marked_one_else_the_one_with_a_usual_name() {
        let name = |wanted: &SentFolder, all: &[Listed]| choose_sent(wanted, all).map(|f| f.name);
        let usual = [listed("INBOX", false), listed("INBOX/sent items", false)];
        let marked = [listed("Sent", false), listed("Ausgang", true)];
        assert_eq!(name(&SentFolder::Auto, &marked).as_deref(), Some("Ausgang"));
        assert_eq!(
            name(&SentFolder::Auto, &usual).as_deref(),
            Some("INBOX/sent items")
        );
        assert_eq!(name(&SentFolder::Auto, &usual[..1]), None);
        assert_eq!(name(&SentFolder::Off, &marked), None);
        let named = SentFolder::Named("Postausgang".to_owned());
        assert_eq!(name(&named, &marked).as_deref(), Some("Postausgang"));
    }
}
