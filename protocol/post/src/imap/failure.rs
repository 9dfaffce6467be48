//! Why a command did not succeed, by what may be done next on the same connection.

use crate::net::Place;
use crate::trouble::{Error, TroubleKind};

#[derive(Debug)]
pub(super) enum Failure {
    /// The server said NO or BAD; the connection is sound.
    Denied(String),
    /// The connection is of no further use.
    Broken(Error),
    /// Nobody takes the events any more.
    NobodyListens,
}

impl Failure {
    /// For callers to whom NO means that the thing can't be done at all.
    pub(super) fn into_error(self, place: &Place, doing: &str) -> Error {
        match self {
            Failure::Denied(said) => Error::new(
                TroubleKind::Refused,
                format!("{place} refused {doing}: {said}"),
            ),
            Failure::Broken(e) => e,
            Failure::NobodyListens => Error::new(TroubleKind::Lost, "shutting down"),
        }
    }
}

impl Failure {
    /// Where something was denied, that in words for people.
    pub(super) fn in_words(self, words: impl FnOnce(String) -> String) -> Failure {
        match self {
            Failure::Denied(said) => Failure::Denied(words(said)),
            other @ (Failure::Broken(_) | Failure::NobodyListens) => other,
        }
    }
}

/// None where the server said NO, for commands that the rest can do without.
pub(super) fn unless_denied<T>(outcome: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(Failure::Denied(_)) => Ok(None),
        Err(e @ (Failure::Broken(_) | Failure::NobodyListens)) => Err(e),
    }
}

impl From<Error> for Failure {
    fn from(e: Error) -> Failure {
        Failure::Broken(e)
    }
}
