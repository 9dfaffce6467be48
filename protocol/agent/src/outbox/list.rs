//! The outbox as the operator sees it, and what the operator can do.

use tradepost_statements::Time;
use tradepost_trades::rows::Rows;

use super::rows::{ACCEPTED, DUE, FAILED, item, read_place};
use super::{Item, OutboxEntry, State};
use tradepost_store::Position;

/// How many ended letters are listed where nobody says otherwise.
pub const RECENT: usize = 1_000;

/// Which letters [`list`] gives, and in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// What waits, then what has ended.
    All,
    /// What waits, the next to be tried first.
    Queued,
    /// What was refused, has expired or came back, the newest first.
    Failed,
    /// What was accepted, the newest first.
    Accepted,
}

/// The letters of the outbox: all that wait, and of those that have ended at most `limit`, the
/// newest first.
#[must_use]
pub fn list(rows: &dyn Rows, filter: Filter, limit: usize) -> Vec<Item> {
    let (queued, ended): (bool, &[&str]) = match filter {
        Filter::All => (true, &[ACCEPTED, FAILED]),
        Filter::Queued => (true, &[]),
        Filter::Failed => (false, &[FAILED]),
        Filter::Accepted => (false, &[ACCEPTED]),
    };
    let mut ids = Vec::new();
    if queued {
        ids.extend(places(rows, DUE, usize::MAX));
    }
    let mut ends: Vec<_> = ended
        .iter()
        .flat_map(|list| places(rows, list, limit))
        .collect();
    ends.sort_unstable();
    ends.truncate(limit);
    ids.extend(ends);
    ids.into_iter()
        .filter_map(|(_, id)| item(rows, id))
        .collect()
}

fn places(rows: &dyn Rows, list: &str, limit: usize) -> Vec<(u64, Position)> {
    rows.scan_from(list.as_bytes(), list.as_bytes(), limit)
        .into_iter()
        .filter_map(|(key, _)| read_place(list, &key))
        .collect()
}

/// How many letters wait after a failure, and for what, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// How many letters wait because they were not taken.
    pub count: usize,
    /// When the first of them is tried again.
    pub next_try: Time,
    /// Why the one that is tried next was not taken, in words for people. Untrusted: a server's words
    /// are among them.
    pub why: String,
}

impl Waiting {
    /// None where every letter that is queued is still to be tried for the first time.
    #[must_use]
    pub fn of(queued: &[Item]) -> Option<Waiting> {
        let waits = |item: &Item| match &item.state {
            State::Queued {
                next_try,
                last_error: Some(why),
            } => Some((*next_try, why.clone())),
            State::Queued {
                last_error: None, ..
            }
            | State::Accepted { .. }
            | State::Refused { .. }
            | State::Expired { .. } => None,
        };
        let all: Vec<(Time, String)> = queued.iter().filter_map(waits).collect();
        let (next_try, why) = all.iter().min_by_key(|(next_try, _)| *next_try)?.clone();
        Some(Waiting {
            count: all.len(),
            next_try,
            why,
        })
    }
}

/// Why a letter is not tried again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RetryRefused {
    /// There is none of that id.
    #[error("there is no letter {id} in the outbox")]
    NoSuchLetter {
        /// The id that was asked for.
        id: Position,
    },
    /// Sending it again is not trying again.
    #[error("the letter {id} was accepted by the mail server at {at}; it is not sent twice")]
    AlreadyAccepted {
        /// The id that was asked for.
        id: Position,
        /// When the mail server accepted it.
        at: Time,
    },
}

/// Has a letter tried at once: one that waits, or one that was refused, has expired or came back,
/// whose time then starts anew. The entry is to be recorded, and the outbox woken.
///
/// # Errors
/// There is no such letter, or it was accepted.
pub fn retry_now(rows: &dyn Rows, id: Position, now: Time) -> Result<OutboxEntry, RetryRefused> {
    let item = item(rows, id).ok_or(RetryRefused::NoSuchLetter { id })?;
    match item.state {
        State::Accepted { at, .. } if item.came_back.is_none() => {
            Err(RetryRefused::AlreadyAccepted { id, at })
        }
        State::Accepted { .. }
        | State::Queued { .. }
        | State::Refused { .. }
        | State::Expired { .. } => Ok(OutboxEntry::RetryNow { id, at: now }),
    }
}

/// Has all letters tried at once that wait for a later time: the mail server works again, say.
#[must_use]
pub fn retry_all_now(rows: &dyn Rows, now: Time) -> Vec<OutboxEntry> {
    list(rows, Filter::Queued, 0)
        .into_iter()
        .filter(|item| matches!(item.state, State::Queued { next_try, .. } if next_try > now))
        .map(|item| OutboxEntry::RetryNow {
            id: item.id,
            at: now,
        })
        .collect()
}
