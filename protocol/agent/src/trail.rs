//! What records were about, in a few words each: rows of the agents, so that whoever has lost a
//! part of the journal is told which records those were.
//!
//! | key | value |
//! |---|---|
//! | `n/<position>` | the words |
//!
//! A letter of the outbox needs no such row: its item names the record that holds it.

use std::ops::Range;

use tradepost_letters::untrusted;
use tradepost_trades::rows::{Row, Rows};

use crate::outbox::{self, Item};
use tradepost_store::Position;

const TRAIL: &str = "n/";

/// Of subjects and keys of others: enough to know a record again.
const MOST_CHARACTERS: usize = 120;

/// The row that says what the record at a position is about. The words may be those of others.
#[must_use]
pub fn trail(at: Position, words: &str) -> Row {
    Row::put(key(at), untrusted::show_some(words, MOST_CHARACTERS))
}

/// What rows know of the records in a part of the journal, in their order: see [`trail`], and the
/// letters of the outbox.
#[must_use]
pub fn recall(rows: &dyn Rows, part: Range<Position>) -> Vec<String> {
    let mut found: Vec<(Position, String)> = Vec::new();
    let mut from = key(part.start);
    // Row by row: a ledger has many, and what is lost is at its end.
    while let Some((row, words)) = rows
        .scan_from(TRAIL.as_bytes(), from.as_bytes(), 1)
        .into_iter()
        .next()
    {
        let Some(at) = position(&row).filter(|at| *at < part.end) else {
            break;
        };
        found.push((at, String::from_utf8_lossy(&words).into_owned()));
        from = key(Position::from_u64(at.as_u64().saturating_add(1)));
    }
    let items = outbox::queued_in(rows, &part);
    found.extend(items.into_iter().map(|item| (item.id, words(&item))));
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, words)| words).collect()
}

fn words(item: &Item) -> String {
    let kind = item.kind;
    let about = match (&item.trade, &item.request) {
        (Some(trade), _) => format!("trade {} of {}", trade.id, trade.shop),
        (None, Some(request)) => format!("request {}", request.key()),
        (None, None) => "no trade".to_owned(),
    };
    let (statement, to, at) = (item.statement, &item.to, item.queued_at);
    format!("letter to {to}: {kind}, {about} (statement {statement}, {at})")
}

fn key(at: Position) -> String {
    format!("{TRAIL}{:020}", at.as_u64())
}

fn position(key: &[u8]) -> Option<Position> {
    let number = std::str::from_utf8(key).ok()?.strip_prefix(TRAIL)?;
    number.parse().ok().map(Position::from_u64)
}
