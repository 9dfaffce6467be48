//! Our own copy of what was submitted, in the Sent folder: the only thing ever written.

use super::failure::{CommandFailure, unless_denied};
use super::folders::{choose_sent, examine, list};
use super::look::headers_of_newest;
use super::names::quote;
use super::search::{NEWEST, search};
use super::select::field;
use super::session::Session;
use super::{ImapSettings, SentFolder, login};
use crate::net::tls::TlsClient;
use crate::trouble::{Error, TroubleKind};

/// What became of the copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    /// It was not there, and the server has stored it.
    Stored {
        /// The Sent folder, by its name for people.
        folder: String,
    },
    /// A copy was there already: the provider makes one itself, or an earlier try did.
    AlreadyThere {
        /// The Sent folder, by its name for people.
        folder: String,
    },
    /// There is no Sent folder, or none is wanted.
    NoSentFolder,
}

/// Puts a copy into the Sent folder, unless one with its Message-ID is there.
///
/// # Errors
/// What kept it from being stored. It may be tried again: no second copy is made.
pub async fn append(
    settings: &ImapSettings,
    sent: &SentFolder,
    bytes: &[u8],
    message_id: &str,
) -> Result<Appended, Error> {
    settings.server().check()?;
    if *sent == SentFolder::Off {
        return Ok(Appended::NoSentFolder);
    }
    let tls = TlsClient::new(settings.ca_file.as_deref(), "[imap]")?;
    let (mut session, _) = login::open(settings, &tls).await?;
    let outcome = append_with(&mut session, sent, bytes, message_id).await;
    let server = session.server.clone();
    if !matches!(outcome, Err(CommandFailure::Broken(_))) {
        session.log_out().await;
    }
    outcome.map_err(|failure| match failure {
        CommandFailure::Denied(said) => Error::new(
            TroubleKind::Folder,
            format!(
                "{server} did not take a copy into the Sent folder: {said} - check `sent` in [imap]"
            ),
        ),
        other @ (CommandFailure::Broken(_) | CommandFailure::NobodyListens) => {
            other.into_error(&server, "the copy")
        }
    })
}

async fn append_with(
    session: &mut Session,
    sent: &SentFolder,
    bytes: &[u8],
    message_id: &str,
) -> Result<Appended, CommandFailure> {
    let listed = match sent {
        SentFolder::Auto => list(session).await?,
        SentFolder::Named(_) | SentFolder::Off => Vec::new(),
    };
    let Some(folder) = choose_sent(sent, &listed) else {
        return Ok(Appended::NoSentFolder);
    };
    examine(session, &folder).await?;
    let name = folder.name.clone();
    if is_there(session, message_id).await? {
        return Ok(Appended::AlreadyThere { folder: name });
    }
    session.append(folder.wire()?, bytes).await?;
    Ok(Appended::Stored { folder: name })
}

/// Newest letters whose Message-ID is read: a search alone may lag behind, or not work.
const RECENT: u32 = 50;

async fn is_there(session: &mut Session, message_id: &str) -> Result<bool, CommandFailure> {
    let id = message_id.trim();
    let id = id
        .strip_prefix('<')
        .and_then(|i| i.strip_suffix('>'))
        .unwrap_or(id);
    let recent = headers_of_newest(session, "MESSAGE-ID", RECENT).await;
    for header in unless_denied(recent)?.unwrap_or_default() {
        let found = field(&header, "message-id").unwrap_or_default();
        if found.trim().trim_start_matches('<').trim_end_matches('>') == id {
            return Ok(true);
        }
    }
    let Some(quoted) = quote(id) else {
        return Ok(false);
    };
    let wanted = format!(" HEADER Message-ID {quoted}");
    // Where it is refused, the newest must do.
    let found = unless_denied(search(session, (1, NEWEST), &wanted).await)?;
    Ok(found.flatten().is_some_and(|f| !f.is_empty()))
}
