//! Events that the person's own program is still to be told of. They are rows, made together with
//! what they tell of, and stay until the program has taken them: so each is told at least once,
//! whatever dies between. While no program is configured, none are kept.

use serde::{Deserialize, Serialize};
use tradepost_buyer::Notice;
use tradepost_statements::Time;
use tradepost_store::Position;
use tradepost_trades::rows::{Row, Rows};

use super::entry::{LedgerEntry, put};

const ON: &[u8] = b"c/notify";
const QUEUE: &str = "c/tell/";

/// Which event: the entry of the journal that it came with, and its place among those of the entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EventId {
    at: Position,
    n: u32,
}

impl std::fmt::Display for EventId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.at, self.n)
    }
}

/// A notice that waits to be told to the person's own program.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LedgerEvent {
    /// The same whenever it is told.
    pub(crate) id: EventId,
    /// When the entry was made that it came with; it may be told much later.
    pub(crate) at: Time,
    pub(crate) notice: Notice,
}

/// Whether events are kept.
pub(super) fn is_on(rows: &dyn Rows) -> bool {
    rows.get(ON).is_some()
}

/// From here on they are kept, or are not any more; then nobody is told of those that wait either,
/// unless that is but for a while.
pub(super) fn switch(rows: &dyn Rows, on: bool, keeps_waiting: bool) -> Vec<Row> {
    if on {
        return vec![Row::put(ON, "")];
    }
    if keeps_waiting {
        return vec![Row::delete(ON)];
    }
    let waiting = rows.scan(QUEUE.as_bytes()).into_iter();
    let mut out: Vec<Row> = waiting.map(|(key, _)| Row::delete(key)).collect();
    out.push(Row::delete(ON));
    out
}

/// What an entry gives to tell.
pub(super) fn queue(
    rows: &dyn Rows,
    entry: Option<&LedgerEntry>,
    at: Position,
    notices: &[Notice],
) -> Vec<Row> {
    let now = entry.and_then(LedgerEntry::time);
    let Some(now) = now.filter(|_| !notices.is_empty() && is_on(rows)) else {
        return Vec::new();
    };
    (0..)
        .zip(notices)
        .flat_map(|(n, notice)| {
            let event = LedgerEvent {
                id: EventId { at, n },
                at: now,
                notice: notice.clone(),
            };
            put(key(event.id), &event)
        })
        .collect()
}

/// The event needs to be told no more.
pub(super) fn told(id: EventId) -> Vec<Row> {
    vec![Row::delete(key(id))]
}

/// The event that is to be told next.
pub(crate) fn next_event(rows: &dyn Rows) -> Option<LedgerEvent> {
    let first = rows.scan_from(QUEUE.as_bytes(), QUEUE.as_bytes(), 1);
    let (_, event) = first.into_iter().next()?;
    serde_json::from_slice(&event).ok()
}

fn key(id: EventId) -> String {
    format!("{QUEUE}{:016x}/{:08x}", id.at.as_u64(), id.n)
}
