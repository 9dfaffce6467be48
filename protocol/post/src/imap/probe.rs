//! A look at the mailbox for the doctor: what works, and what the provider stamps.

use std::collections::BTreeMap;
use std::time::Duration;

use tradepost_letters::{ResultsOf, results_of};
use tradepost_statements::Time;

use super::failure::{CommandFailure, unless_denied};
use super::folders::{MailFolder, choose_sent, examine, list};
use super::look::{headers_of_newest, newest_received};
use super::search::{HeaderSearch, try_search};
use super::select::field;
use super::session::Session;
use super::{ImapSettings, SentFolder, login};
use crate::net::tls::TlsClient;
use crate::trouble::{Error, TroubleKind};

/// What [`probe`] saw of the server, its folders and INBOX.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImapProbe {
    /// The server's words in its greeting, on one line. Untrusted text.
    pub greeting: String,
    /// TLS version; none in plain text.
    pub tls: Option<String>,
    /// What the server announces after the login.
    pub capabilities: Vec<String>,
    /// Whether new letters can be noticed at once.
    pub idle: bool,
    /// The Sent folder that would be used.
    pub sent: Option<String>,
    /// All folders that can be opened, by their names for people.
    pub folders: Vec<String>,
    /// Letters in INBOX.
    pub letters: u32,
    /// The authserv-id of the topmost Authentication-Results field (RFC 8601) of the newest 50
    /// letters and how many have it, the most frequent first. Untrusted text.
    pub authserv_ids: Vec<(String, usize)>,
    /// How many of these letters have such a field on top that names no authserv-id.
    pub nameless_results: usize,
    /// Whether old letters of ours are found by a search; otherwise all headers are read.
    pub header_search: HeaderSearch,
    /// When the newest letter came, by the server's clock.
    pub newest: Option<Time>,
}

impl ImapProbe {
    /// By how many seconds the newest letter lies in our future, if it does: one of the clocks is wrong.
    #[must_use]
    pub fn clock_ahead(&self, now: Time) -> Option<i64> {
        let ahead = self.newest?.since(now).as_secs();
        i64::try_from(ahead).ok().filter(|s| *s > 0)
    }
}

/// Letters whose stamps are read.
const NEWEST: u32 = 50;

/// A limit on connections passes soon, as a rule: so often and after such waits it is tried again
/// while a person waits for the answer.
const WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// Logs in and looks around. A server that has no time is asked a few times.
///
/// # Errors
/// What is wrong with the way to the mailbox.
pub async fn probe(settings: &ImapSettings, sent: &SentFolder) -> Result<ImapProbe, Error> {
    settings.server().check()?;
    let tls = TlsClient::new(settings.ca_file.as_deref(), "[imap]")?;
    let (mut session, greeting) = open_patiently(settings, &tls).await?;
    let looked = look_around(&mut session, sent, greeting).await;
    session.log_out().await;
    looked.map_err(|e| e.into_error(&session.server, "a look at INBOX"))
}

async fn open_patiently(
    settings: &ImapSettings,
    tls: &TlsClient,
) -> Result<(Session, String), Error> {
    for wait in WAITS {
        match login::open(settings, tls).await {
            Err(e) if e.kind == TroubleKind::Busy => tokio::time::sleep(wait).await,
            done => return done,
        }
    }
    login::open(settings, tls).await
}

async fn look_around(
    session: &mut Session,
    sent: &SentFolder,
    greeting: String,
) -> Result<ImapProbe, CommandFailure> {
    // What a server does not tell is not known; the rest is.
    let listed = unless_denied(list(session).await)?.unwrap_or_default();
    examine(session, &MailFolder::named("INBOX", false)).await?;
    let mut ids: BTreeMap<String, usize> = BTreeMap::new();
    let mut nameless_results = 0;
    let headers = headers_of_newest(session, "AUTHENTICATION-RESULTS", NEWEST).await;
    for header in unless_denied(headers)?.unwrap_or_default() {
        match field(&header, "authentication-results").map(|f| results_of(f.as_bytes())) {
            Some(ResultsOf::Id(id)) => *ids.entry(id).or_default() += 1,
            Some(ResultsOf::Nobody) => nameless_results += 1,
            Some(ResultsOf::Unreadable) | None => {}
        }
    }
    let mut authserv_ids: Vec<_> = ids.into_iter().collect();
    authserv_ids.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let newest = newest_received(session).await?;
    let header_search = try_search(session).await?;
    Ok(ImapProbe {
        greeting,
        tls: session.tls_version(),
        idle: session.capabilities.contains("IDLE"),
        capabilities: session.capabilities.iter().cloned().collect(),
        sent: choose_sent(sent, &listed).map(|f| f.name),
        folders: listed.iter().map(|l| l.name().to_owned()).collect(),
        letters: session.exists,
        authserv_ids,
        nameless_results,
        newest,
        header_search,
    })
}
