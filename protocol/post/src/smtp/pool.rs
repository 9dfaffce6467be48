//! The few connections, and which of them a letter takes.

use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use lettre::address::Address;
use tokio::sync::Semaphore;

use super::cause::SubmissionStep;
use super::connection::{EnvelopedLetter, SmtpConnection};
use super::reply::{SendFailure, no_answer, not_connected};
use super::{SmtpProbe, SmtpSettings, Submission, Whose};
use crate::net::tls::TlsClient;
use crate::trouble::Error;

/// Submits letters; clones share the connections.
#[derive(Clone)]
pub struct Submitter(Arc<Shared>);

struct Shared {
    settings: SmtpSettings,
    tls: TlsClient,
    unused: Mutex<Vec<SmtpConnection>>,
    /// One permit for each letter under way.
    places: Semaphore,
    /// Whether somebody waits to close what stays unused.
    closing: AtomicBool,
    opening: Opening,
}

/// Connections are opened side by side only while that works: a password that was refused is not sent
/// once more by each letter that waits, lest the account be locked, and a server that is down is not
/// tried by all of them.
#[derive(Default)]
struct Opening {
    /// The last one succeeded.
    works: AtomicBool,
    /// Held by the only one that tries, as long as it is not known to work.
    turn: tokio::sync::Mutex<()>,
    /// How many have failed.
    failures: AtomicU64,
    last: Mutex<Option<Error>>,
}

impl std::fmt::Debug for Submitter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Submitter").field(&self.0.settings).finish()
    }
}

impl Submitter {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// Plain text to another computer; a `ca_file` that can't be read.
    pub fn new(settings: SmtpSettings) -> Result<Submitter, Error> {
        settings.server().check()?;
        let tls = TlsClient::new(settings.ca_file.as_deref(), "[smtp]")?;
        let places = Semaphore::new(settings.connections.max(1));
        Ok(Submitter(Arc::new(Shared {
            settings,
            tls,
            unused: Mutex::new(Vec::new()),
            places,
            closing: AtomicBool::new(false),
            opening: Opening::default(),
        })))
    }

    /// Submits one letter to one recipient; `from` and `to` go on the envelope. May be called
    /// many times at once: as many as configured are under way, the others wait.
    pub async fn submit(&self, from: &str, to: &str, bytes: &[u8]) -> Submission {
        let letter = match prepare(from, to, bytes) {
            Ok(letter) => letter,
            Err(text) => return Submission::Refused { code: None, text },
        };
        // The semaphore is never closed; if it were, the letter would simply wait for its next try.
        let Ok(_place) = self.0.places.acquire().await else {
            return Submission::TryAgain {
                text: "shutting down".to_owned(),
                whose: Whose::Letter,
            };
        };
        while let Some(connection) = self.unused() {
            match self.send(connection, &letter).await {
                Ok(submission) => return submission,
                Err((failure, step)) if failure.is_stale_connection(step) => {}
                Err((failure, step)) => {
                    return self.submission(failure, step, from);
                }
            }
        }
        match self.open().await {
            Err(e) => not_connected(e),
            Ok(connection) => match self.send(connection, &letter).await {
                Ok(submission) => submission,
                Err((failure, step)) => self.submission(failure, step, from),
            },
        }
    }

    fn submission(&self, failure: SendFailure, step: SubmissionStep, from: &str) -> Submission {
        let settings = &self.0.settings;
        failure.submission(step, &settings.server(), (&settings.user, from))
    }

    /// Opens a connection. Who waited for another's try, and saw it fail, does not try once more.
    async fn open(&self) -> Result<SmtpConnection, Error> {
        let opening = &self.0.opening;
        let before = opening.failures.load(Ordering::SeqCst);
        let turn = if opening.works.load(Ordering::SeqCst) {
            None
        } else {
            Some(opening.turn.lock().await)
        };
        if turn.is_some() && opening.failures.load(Ordering::SeqCst) != before {
            let last = opening.last.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(e) = last.as_ref() {
                return Err(e.clone());
            }
        }
        let opened = SmtpConnection::open(&self.0.settings, &self.0.tls).await;
        opening.works.store(opened.is_ok(), Ordering::SeqCst);
        if let Err(e) = &opened {
            let mut last = opening.last.lock().unwrap_or_else(PoisonError::into_inner);
            *last = Some(e.clone());
            opening.failures.fetch_add(1, Ordering::SeqCst);
        }
        opened.map(|(connection, _)| connection)
    }

    /// Gets the password now, where one is needed: what runs for a person tells first that there is none.
    ///
    /// # Errors
    /// It can't be had.
    pub async fn prepare(&self) -> Result<(), Error> {
        let settings = &self.0.settings;
        if !settings.user.is_empty() {
            settings.password.secret().await?;
        }
        Ok(())
    }

    /// Connects, begins TLS and logs in; sends nothing.
    ///
    /// # Errors
    /// What is wrong with the way to the server.
    pub async fn probe(&self) -> Result<SmtpProbe, Error> {
        let (connection, probe) = SmtpConnection::open(&self.0.settings, &self.0.tls).await?;
        connection.quit().await;
        Ok(probe)
    }

    /// Sends over this connection; keeps it only when all went well.
    async fn send(
        &self,
        mut connection: SmtpConnection,
        letter: &EnvelopedLetter<'_>,
    ) -> Result<Submission, (SendFailure, SubmissionStep)> {
        if let Some(lacking) = connection.lacks_for(letter) {
            self.keep(connection);
            let server = self.0.settings.server();
            return Ok(Submission::Refused {
                code: None,
                text: format!("{server} does not offer {lacking}"),
            });
        }
        let mut step = SubmissionStep::Sender;
        let limit = self.0.settings.send_timeout;
        match tokio::time::timeout(limit, connection.send(letter, &mut step)).await {
            Ok(Ok(reply)) => {
                self.keep(connection);
                Ok(Submission::Accepted { reply })
            }
            Ok(Err(failure)) => Err((failure, step)),
            Err(_) => Ok(no_answer(step, &self.0.settings.server(), "it was silent")),
        }
    }

    /// An unused connection that the server has probably not closed yet.
    fn unused(&self) -> Option<SmtpConnection> {
        let mut unused = self.lock();
        unused.retain(|c| c.last_used.elapsed() < self.0.settings.idle);
        unused.pop()
    }

    fn keep(&self, connection: SmtpConnection) {
        self.lock().push(connection);
        if !self.0.closing.swap(true, Ordering::SeqCst) {
            tokio::spawn(close_unused(Arc::downgrade(&self.0)));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<SmtpConnection>> {
        self.0.lock()
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<SmtpConnection>> {
        self.unused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says goodbye on connections that stayed unused; ends when none is left.
async fn close_unused(shared: std::sync::Weak<Shared>) {
    loop {
        let Some(idle) = shared.upgrade().map(|s| s.settings.idle) else {
            return;
        };
        tokio::time::sleep(idle).await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        let (old, none_left) = {
            let mut unused = shared.lock();
            let (old, young): (Vec<_>, Vec<_>) = unused
                .drain(..)
                .partition(|c| c.last_used.elapsed() >= idle);
            *unused = young;
            let none_left = unused.is_empty();
            if none_left {
                // Under the lock, so that whoever keeps the next one starts the next closing.
                shared.closing.store(false, Ordering::SeqCst);
            }
            (old, none_left)
        };
        for connection in old {
            connection.quit().await;
        }
        if none_left {
            return;
        }
    }
}

/// Checks what SMTP can't carry.
fn prepare<'a>(from: &str, to: &str, bytes: &'a [u8]) -> Result<EnvelopedLetter<'a>, String> {
    let letter = EnvelopedLetter {
        from: address(from)?,
        to: address(to)?,
        bytes,
    };
    // RFC 5321 section 2.3.8: a bare CR or LF could end the text early on some servers.
    let bare = bytes.iter().enumerate().any(|(i, b)| match b {
        b'\n' => i == 0 || bytes.get(i - 1) != Some(&b'\r'),
        b'\r' => bytes.get(i + 1) != Some(&b'\n'),
        _ => false,
    });
    if bare {
        return Err(
            "the letter has lines that do not end in CRLF: it was not composed by Tradepost"
                .to_owned(),
        );
    }
    Ok(letter)
}

/// An address as SMTP wants it: the domain in ASCII, so that SMTPUTF8 is needed only for a local
/// part that needs it.
fn address(text: &str) -> Result<Address, String> {
    let bad = || format!("{text:?} is not an e-mail address");
    let (local, domain) = text.rsplit_once('@').ok_or_else(bad)?;
    let domain = idna::domain_to_ascii(domain).map_err(|_| bad())?;
    Address::from_str(&format!("{local}@{domain}")).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_as_smtp_can_say_them() {
        for good in [
            "ann@home.example",
            "ann+shop@home.example",
            "\"ann b\"@home.example",
            "änn@home.example",
        ] {
            assert!(address(good).is_ok(), "{good}");
        }
        let domain = address("ann@bücher.example").map(|a| a.domain().to_owned());
        assert_eq!(domain.as_deref(), Ok("xn--bcher-kva.example"));
        for bad in [
            "ann",
            "",
            "@home.example",
            "ann@",
            "ann@home.example>\r\nRCPT TO:<x@y.example",
            "a b@home.example",
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn bare_line_ends_are_refused() {
        let ok = prepare("a@b.example", "c@d.example", b"A: b\r\n\r\nx\r\n.\r\n");
        assert!(ok.is_ok());
        for bad in [&b"A: b\n\r\n"[..], b"A: b\r\r\n", b"\n", b"x\r"] {
            assert!(
                prepare("a@b.example", "c@d.example", bad).is_err(),
                "{bad:?}"
            );
        }
    }
}
