//! What can go wrong between this computer and a mail server, in words for people.

use std::time::Duration;

use secrecy::SecretString;

use crate::net::echo;

/// Something is wrong with the connection; it will be tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The sort of it, which its remedy and the next wait go by.
    pub kind: TroubleKind,
    /// What happened, where, and what to do: one line.
    pub text: String,
    /// How long until the next try.
    pub retry_in: Duration,
    /// The one folder that it is about; the others are read meanwhile. None: it is about all.
    pub folder: Option<String>,
    /// So often in a row the same has happened, from 1: what repeats itself is told ever more rarely
    /// ([`is_told`]).
    pub times: u32,
}

/// Whether what has happened so often in a row, from 1, is told to people: the first time, the second,
/// the fourth, the eighth and so on. A server that fails for a day is no reason for a log of megabytes.
#[must_use]
pub fn is_told(times: u32) -> bool {
    times.is_power_of_two()
}

/// The sorts of trouble; each calls for another remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TroubleKind {
    /// The host's name has no address.
    NameNotFound,
    /// Nothing answers at the host and port.
    CannotConnect,
    /// No protected connection: the certificate or the handshake.
    Tls,
    /// The server refused user and password.
    WrongPassword,
    /// The server does not let this account in, whatever its password: it wants OAuth2, say, or the
    /// provider has switched the account off.
    LoginRefused,
    /// The password can't be had at present: its file can't be read, its command fails.
    NoPassword,
    /// The server has a trouble of its own, or it had too much to do with us: it passes.
    Busy,
    /// The server refused to serve for another reason.
    Refused,
    /// The connection broke, or the server closed it.
    Lost,
    /// The server was silent for too long.
    TimedOut,
    /// The server answered something that can't be read.
    NotUnderstood,
    /// A folder can't be opened.
    Folder,
    /// The configuration can't work: trying again is useless until it is changed.
    Configuration,
}

/// Why something could not be done with a mail server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Error {
    /// The sort of it, which callers go by; `text` is for people.
    pub kind: TroubleKind,
    /// What happened, where, and what to do: one line.
    pub text: String,
}

impl Error {
    pub(crate) fn new(kind: TroubleKind, text: impl Into<String>) -> Error {
        Error {
            kind,
            text: text.into(),
        }
    }

    /// The same, should the server have repeated the password.
    pub(crate) fn without_login(self, user: &str, password: &SecretString) -> Error {
        let text = echo::without_login(&self.text, user, password);
        Error { text, ..self }
    }
}

/// The longest part of a server's own words that is repeated to a person.
const QUOTED_CHARACTERS: usize = 200;

/// What a server said, fit to stand in a line for people: no control characters, no end of line,
/// not too long. (Programs that print it escape it all the same.)
pub(crate) fn quoted(said: &str) -> String {
    let mut line: String = said
        .trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(QUOTED_CHARACTERS)
        .collect();
    if said.trim().chars().count() > QUOTED_CHARACTERS {
        line.push_str("...");
    }
    line
}
