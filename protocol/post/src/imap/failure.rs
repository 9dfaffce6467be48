//! Why a command did not succeed, by what may be done next on the same connection.

use super::mend::TooMuch;
use crate::net::{ServerAddress, lost};
use crate::trouble::{Error, TroubleKind, quoted};

#[derive(Debug)]
pub(super) enum CommandFailure {
    /// The server said NO or BAD; the connection is sound.
    Denied(String),
    /// The connection is of no further use.
    Broken(Error),
    /// Nobody takes the events any more.
    NobodyListens,
}

impl CommandFailure {
    /// For callers to whom NO means that the thing can't be done at all.
    pub(super) fn into_error(self, server: &ServerAddress, doing: &str) -> Error {
        match self {
            CommandFailure::Denied(said) => Error::new(
                TroubleKind::Refused,
                format!("{server} refused {doing}: {said}"),
            ),
            CommandFailure::Broken(e) => e,
            CommandFailure::NobodyListens => Error::new(TroubleKind::Lost, "shutting down"),
        }
    }
}

impl CommandFailure {
    /// Where something was denied, that in words for people.
    pub(super) fn in_words(self, words: impl FnOnce(String) -> String) -> CommandFailure {
        match self {
            CommandFailure::Denied(said) => CommandFailure::Denied(words(said)),
            other @ (CommandFailure::Broken(_) | CommandFailure::NobodyListens) => other,
        }
    }
}

/// None where the server said NO, for commands that the rest can do without.
pub(super) fn unless_denied<T>(
    outcome: Result<T, CommandFailure>,
) -> Result<Option<T>, CommandFailure> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(CommandFailure::Denied(_)) => Ok(None),
        Err(e @ (CommandFailure::Broken(_) | CommandFailure::NobodyListens)) => Err(e),
    }
}

impl From<Error> for CommandFailure {
    fn from(e: Error) -> CommandFailure {
        CommandFailure::Broken(e)
    }
}

/// What async-imap says of a connection that is of no further use.
pub(super) fn broken(server: &ServerAddress, doing: &str, e: &async_imap::error::Error) -> Error {
    if let async_imap::error::Error::Io(e) = e {
        return unreadable(server, doing, e);
    }
    // The others are no errors of a connection, or say nothing more.
    lost(server, None)
}

/// async-imap gives what it can't parse as an I/O error with the whole text in it, which may be
/// a letter: not repeated.
pub(super) fn unreadable(server: &ServerAddress, doing: &str, e: &std::io::Error) -> Error {
    if e.get_ref().is_some_and(|e| e.is::<TooMuch>()) {
        return Error::new(
            TroubleKind::NotUnderstood,
            format!("{server} sends more than was asked for ({doing})"),
        );
    }
    if e.kind() == std::io::ErrorKind::Other {
        return Error::new(
            TroubleKind::NotUnderstood,
            format!("{server} gave an answer that can't be read ({doing})"),
        );
    }
    lost(server, Some(e))
}

/// The server ended the connection, and what it said.
pub(super) fn closed(server: &ServerAddress, kind: TroubleKind, said: &str) -> Error {
    Error::new(
        kind,
        format!("{server} closed the connection: {}", quoted(said)),
    )
}
