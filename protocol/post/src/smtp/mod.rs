//! Submits letters, one recipient each (RFC 6409), over a few connections of its own.
//!
//! lettre speaks the commands; its pool is not used, because a send that was timed out leaves its
//! late answer in the pooled connection, and the next send takes it for its own. Here a
//! connection is thrown away after any error or timeout. What lettre does not take of a server's replies
//! is mended below it (`mend`).
//!
//! Nothing is tried again here, but for one case: a connection that the server closed while it
//! lay unused. When to try again is the outbox's decision.

mod cause;
mod connection;
mod mend;
mod pool;
mod reply;
mod verdict;
mod words;

use std::path::PathBuf;
use std::time::Duration;

use crate::net::{ServerAddress, Tls};
use crate::password::Password;
pub use crate::trouble::{Error, TroubleKind};
pub use pool::Submitter;

/// How the submission server is reached.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// Host name or IP address.
    pub host: String,
    /// Port, 465 or 587 as a rule.
    pub port: u16,
    /// Protection of the connection; [`Tls::None`] is refused to another computer.
    pub tls: Tls,
    /// User for the login; empty: no login (a relay on this computer).
    pub user: String,
    /// The password, not used where `user` is empty; it may be read again after a refused login.
    pub password: Password,
    /// Further certificates to trust, PEM.
    pub ca_file: Option<PathBuf>,
    /// Longest wait for a step before the letter: connection, TLS, greeting, login.
    pub timeout: Duration,
    /// Longest time for a whole letter, from MAIL to the answer after its end.
    pub send_timeout: Duration,
    /// How long an unused connection is kept.
    pub idle: Duration,
    /// How many letters may be under way at once.
    pub connections: usize,
}

impl SmtpSettings {
    /// With the usual times and four connections.
    #[must_use]
    pub fn new(
        host: impl Into<String>,
        port: u16,
        tls: Tls,
        user: impl Into<String>,
        password: impl Into<Password>,
    ) -> SmtpSettings {
        SmtpSettings {
            host: host.into(),
            port,
            tls,
            user: user.into(),
            password: password.into(),
            ca_file: None,
            timeout: Duration::from_secs(60),
            send_timeout: Duration::from_secs(300),
            idle: Duration::from_secs(20),
            connections: 4,
        }
    }

    fn server(&self) -> ServerAddress {
        ServerAddress {
            host: self.host.clone(),
            port: self.port,
            tls: self.tls,
            section: "[smtp]",
        }
    }
}

/// What became of one letter.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Submission {
    /// The server has it (code 250): it is the server's to deliver or to bounce.
    Accepted {
        /// The server's words, often its queue id.
        reply: String,
    },
    /// It will never be taken as it is.
    Refused {
        /// The server's code (5xx); none when this side found that it can't be sent.
        code: Option<u16>,
        /// Why, in words for people.
        text: String,
    },
    /// Not now, or not known: the same bytes are to be sent again later.
    TryAgain {
        /// Why, in words for people.
        text: String,
        /// Whether this letter has to wait, or all of them.
        whose: Whose,
    },
}

/// Whose trouble it is that a letter was not taken: what has to wait until the next try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// This letter's alone: others may be taken meanwhile.
    Letter,
    /// The account's: a limit of the provider, a setting, a password. No letter of it is taken now,
    /// and each try makes it worse.
    Account,
    /// The server's, or that of the way to it: no letter gets through now, and that passes by itself.
    Server,
}

/// What [`Submitter::probe`] saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpProbe {
    /// The server's words in its greeting, on one line. Untrusted text.
    pub greeting: String,
    /// TLS version; none in plain text.
    pub tls: Option<String>,
}
