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

impl From<Error> for Failure {
    fn from(e: Error) -> Failure {
        Failure::Broken(e)
    }
}
