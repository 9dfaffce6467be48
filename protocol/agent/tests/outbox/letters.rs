//! Letters to test with.

use std::time::Duration;

use tradepost_agent::outbox::{Item, NewItem, OutboxEntry, State, apply, item};
use tradepost_post::smtp::{Submission, Whose};
use tradepost_statements::{Kind, Time};
use tradepost_store::Position;
use tradepost_trades::rows::MemoryRows;

pub(crate) fn at(seconds: u64) -> Time {
    let start: Time = "2026-11-20T10:00:00Z".parse().unwrap();
    start.plus(Duration::from_secs(seconds))
}

pub(crate) fn id(n: u64) -> Position {
    Position::from_u64((1 << 32) + 32 + n)
}

pub(crate) fn letter(n: u64, queued_at: Time) -> NewItem {
    NewItem {
        from: "orders@shop.example".parse().unwrap(),
        to: "ann@home.example".parse().unwrap(),
        message_id: format!("{n}@shop.example"),
        statement: "01932c07-9a2e-7c11-8f54-0f6a1c0d9e22".parse().unwrap(),
        kind: Kind::OrderStatus,
        trade: None,
        request: None,
        queued_at,
    }
}

pub(crate) fn put(rows: &mut MemoryRows, entry: &OutboxEntry, at: Position) {
    // As it is journalled and read again.
    let json = serde_json::to_string(entry).unwrap();
    let read: OutboxEntry = serde_json::from_str(&json).unwrap();
    assert_eq!(&read, entry);
    let new = apply(rows, &read, at);
    rows.apply(new);
}

pub(crate) fn queue(rows: &mut MemoryRows, n: u64, queued_at: Time) -> Position {
    put(rows, &OutboxEntry::Queued(letter(n, queued_at)), id(n));
    id(n)
}

pub(crate) fn accepted() -> Submission {
    Submission::Accepted {
        reply: "2.0.0 queued as 4711".to_owned(),
    }
}

pub(crate) fn refused() -> Submission {
    Submission::Refused {
        code: Some(550),
        text: "5.1.1 no such user".to_owned(),
    }
}

pub(crate) fn later() -> Submission {
    not_now(Whose::Letter)
}

pub(crate) fn not_now(whose: Whose) -> Submission {
    Submission::TryAgain {
        text: "4.3.2 not now".to_owned(),
        whose,
    }
}

pub(crate) fn get(rows: &MemoryRows, id: Position) -> Item {
    item(rows, id).unwrap()
}

pub(crate) fn next_try(item: &Item) -> Option<Time> {
    match item.state {
        State::Queued { next_try, .. } => Some(next_try),
        State::Accepted { .. } | State::Refused { .. } | State::Expired { .. } => None,
    }
}
