//! What a sender may say next about its own track: the fold of protocol 4, seen from the side
//! that must never make a reader warn.

use std::fmt::Display;

use serde::{Deserialize, Serialize};
use tradepost_statements::progress::Progress;
use tradepost_statements::{Sequence, Time};

/// What a statement of the shop changed of a track of ours, which decides who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TrackReport {
    /// Another: everybody is told.
    News,
    /// What it was, and the shop is told why it stays so.
    Remarked,
    /// What it was.
    Same,
}

/// How far a track has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing<State> {
    /// The state with the highest rank so far, the newest of several; none: only such without rank.
    pub highest: Option<State>,
}

/// Why a state cannot follow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepRefused {
    /// Its rank is below what was said before.
    #[error("{to} cannot follow {from}: that would run backwards")]
    RunsBackwards {
        /// The state with the highest rank that was said.
        from: String,
        /// The state of a lower rank that was to follow.
        to: String,
    },
    /// It is another end of the same rank.
    #[error("{to} cannot follow {from}: the track has ended otherwise")]
    EndedOtherwise {
        /// The end state that was said.
        from: String,
        /// The state of the same rank that was to follow.
        to: String,
    },
    /// A state without rank after the end.
    #[error("{to} cannot follow {from}: the track has ended")]
    AfterTheEnd {
        /// The end state that was said.
        from: String,
        /// The state without rank that was to follow.
        to: String,
    },
    /// There is no sequence left.
    #[error("this track has no sequence left")]
    NoSequenceLeft,
}

impl<State: Progress + Display> Standing<State> {
    /// Before anything was said: any state may come first.
    #[must_use]
    pub fn start() -> Self {
        Standing { highest: None }
    }

    /// The standing once `next` is said.
    ///
    /// # Errors
    /// [`StepRefused`] where a reader's walk would step over it.
    pub fn step(self, next: State) -> Result<Self, StepRefused> {
        let Some(from) = self.highest else {
            let highest = next.rank().map(|_| next);
            return Ok(Standing { highest });
        };
        let reached = from.rank().unwrap_or(0);
        let texts = || (from.to_string(), next.to_string());
        match next.rank() {
            None if from.is_end() => {
                let (from, to) = texts();
                Err(StepRefused::AfterTheEnd { from, to })
            }
            None => Ok(self),
            Some(rank) if rank < reached => {
                let (from, to) = texts();
                Err(StepRefused::RunsBackwards { from, to })
            }
            Some(rank)
                if rank == reached
                    && from.is_end()
                    && from != next
                    && !from.end_may_change_within_rank() =>
            {
                let (from, to) = texts();
                Err(StepRefused::EndedOtherwise { from, to })
            }
            Some(_) => Ok(Standing {
                highest: Some(next),
            }),
        }
    }
}

/// The sequence and time of the next status of a track: `at` never runs backwards within it
/// (protocol 3), whatever the clock or the merchant's system says.
///
/// # Errors
/// [`StepRefused::NoSequenceLeft`].
pub fn next_place(
    last: Option<(Sequence, Time)>,
    at: Time,
) -> Result<(Sequence, Time), StepRefused> {
    match last {
        None => Ok((Sequence::FIRST, at)),
        Some((sequence, before)) => {
            let next = sequence.next().ok_or(StepRefused::NoSequenceLeft)?;
            Ok((next, at.max(before)))
        }
    }
}
