//! Waits for one letter to turn up in the mailbox, wherever the provider may file it.

use std::time::Duration;

use super::failure::{CommandFailure, unless_denied};
use super::fetch::{Choice, FetchSource, fetch};
use super::folders::{MailFolder, choose_junk, examine, list};
use super::look::{look_at, seen_of_newest};
use super::memory::WatchState;
use super::session::Session;
use super::{ImapSettings, RawMail, login};
use crate::net::tls::TlsClient;
use crate::trouble::Error;

/// Newest letters of a folder that are looked at: what is sought has just been sent.
const NEWEST: u32 = 50;
/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);

/// Looks for a letter whose Message-ID or Subject holds `token`, in these folders and in the one
/// for junk, again and again until it is there. Give it a time limit.
///
/// # Errors
/// What is wrong with the way to the mailbox.
pub async fn seek(
    settings: &ImapSettings,
    folders: &[String],
    token: &str,
) -> Result<RawMail, Error> {
    settings.server().check()?;
    let tls = TlsClient::new(settings.ca_file.as_deref(), "[imap]")?;
    let (mut session, _) = login::open(settings, &tls).await?;
    let found = seek_with(&mut session, folders, token).await;
    let server = session.server.clone();
    if !matches!(found, Err(CommandFailure::Broken(_))) {
        session.log_out().await;
    }
    found.map_err(|e| e.into_error(&server, "the search for a letter"))
}

async fn seek_with(
    session: &mut Session,
    folders: &[String],
    token: &str,
) -> Result<RawMail, CommandFailure> {
    let mut all: Vec<MailFolder> = folders
        .iter()
        .map(|f| MailFolder::named(f, false))
        .collect();
    if let Some(listed) = unless_denied(list(session).await)? {
        let junk = choose_junk(&listed);
        all.extend(junk.filter(|junk| !folders.contains(&junk.name)));
    }
    loop {
        for folder in &all {
            if let Some(letter) = look_in(session, folder, token).await? {
                return Ok(letter);
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Opened anew each time: that shows what came meanwhile on every server.
async fn look_in(
    session: &mut Session,
    folder: &MailFolder,
    token: &str,
) -> Result<Option<RawMail>, CommandFailure> {
    let Some(mailbox) = unless_denied(examine(session, folder).await)? else {
        return Ok(None);
    };
    let newest = seen_of_newest(session, "MESSAGE-ID SUBJECT", NEWEST).await?;
    let Some(uid) = newest.iter().find(|s| s.holds(token)).map(|s| s.uid) else {
        return Ok(None);
    };
    for seen in look_at(session, &[uid]).await?.seen {
        let choice = [Choice::of(uid, seen.size, false)];
        let from = FetchSource {
            folder: &folder.name,
            uid_validity: mailbox.uid_validity,
            pause: EVERY,
        };
        let fetched = fetch(session, &mut WatchState::default(), from, &choice).await;
        if let Some((_, failure)) = fetched.failed {
            return Err(failure);
        }
        if let Some(letter) = fetched.mails.into_iter().next() {
            return Ok(Some(letter));
        }
    }
    Ok(None)
}
