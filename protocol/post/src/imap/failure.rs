//! Why a command did not succeed, by what may be done next on the same connection.

use crate::net::ServerAddress;
use crate::trouble::{Error, TroubleKind};

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
    pub(super) fn into_error(self, place: &ServerAddress, doing: &str) -> Error {
        match self {
            CommandFailure::Denied(said) => Error::new(
                TroubleKind::Refused,
                format!("{place} refused {doing}: {said}"),
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
