//! The outbox's rows.
//!
//! | key | value |
//! |---|---|
//! | `out/item/<id>` | the item, as JSON |
//! | `out/due/<next try>/<id>` | nothing |
//! | `out/accepted/<end, newest first>/<id>` | nothing |
//! | `out/failed/<end, newest first>/<id>` | nothing |
//! | `out/pause` | what all letters wait for, as JSON |

use std::ops::Range;

use tradepost_statements::Time;
use tradepost_trades::rows::{Row, Rows};

use super::{CameBack, Item, LONGEST_TEXT, NewItem, OutboxEntry, Outcome, Pause, State, Tried};
use tradepost_store::Position;

const ITEM: &str = "out/item/";
pub(super) const DUE: &str = "out/due/";
pub(super) const ACCEPTED: &str = "out/accepted/";
pub(super) const FAILED: &str = "out/failed/";
const PAUSE: &str = "out/pause";

/// Turns what happened into rows. `at` is the position of the journal's record that holds the
/// entry. An entry about an item that is not there, or that has ended meanwhile, changes nothing.
#[must_use]
pub fn apply(rows: &dyn Rows, entry: &OutboxEntry, at: Position) -> Vec<Row> {
    match entry {
        OutboxEntry::Queued(new) => write(None, &queued(new.clone(), at)),
        OutboxEntry::Tried(tried) => {
            let mut new = change(rows, tried.id, |item| after_try(item, tried));
            if !new.is_empty() {
                new.extend(after_pause(rows, tried));
            }
            new
        }
        OutboxEntry::RetryNow { id, at } => {
            let mut new = change(rows, *id, |item| retried(item, *at));
            // Somebody has mended something, or wants to know.
            if !new.is_empty() && pause(rows).is_some() {
                new.push(Row::delete(PAUSE));
            }
            new
        }
        OutboxEntry::CameBack { id, at, text } => {
            change(rows, *id, |item| came_back(item, *at, text))
        }
    }
}

/// What all letters wait for; none where nothing is known to be in the way.
#[must_use]
pub fn pause(rows: &dyn Rows) -> Option<Pause> {
    serde_json::from_slice(&rows.get(PAUSE.as_bytes())?).ok()
}

/// An answer about a letter shows that the account is served again.
fn after_pause(rows: &dyn Rows, tried: &Tried) -> Option<Row> {
    if let Some(pause) = &tried.pause {
        let value = serde_json::to_vec(pause).expect("a pause is made of texts and numbers");
        return Some(Row::put(PAUSE, value));
    }
    match tried.outcome {
        Outcome::Accepted { .. } | Outcome::Refused { .. } => {
            pause(rows).map(|_| Row::delete(PAUSE))
        }
        Outcome::Expired { .. } | Outcome::Later { .. } => None,
    }
}

fn queued(new: NewItem, id: Position) -> Item {
    Item {
        id,
        from: new.from,
        to: new.to,
        message_id: new.message_id,
        statement: new.statement,
        kind: new.kind,
        trade: new.trade,
        request: new.request,
        queued_at: new.queued_at,
        attempts: 0,
        failures: 0,
        waiting_since: new.queued_at,
        came_back: None,
        state: State::Queued {
            next_try: new.queued_at,
            last_error: None,
        },
    }
}

fn after_try(mut item: Item, tried: &Tried) -> Option<Item> {
    if !matches!(item.state, State::Queued { .. }) {
        return None;
    }
    let at = tried.at;
    item.attempts = item.attempts.saturating_add(1);
    item.state = match tried.outcome.clone() {
        Outcome::Accepted { reply } => State::Accepted { at, reply },
        Outcome::Refused { code, text } => State::Refused { at, code, text },
        Outcome::Expired { text } => State::Expired {
            at,
            last_error: text,
        },
        Outcome::Later { next_try, text } => {
            item.failures = item.failures.saturating_add(1);
            State::Queued {
                next_try,
                last_error: Some(text),
            }
        }
    };
    Some(item)
}

/// What was not accepted cannot have come back; and the first report counts.
fn came_back(mut item: Item, at: Time, text: &str) -> Option<Item> {
    let is_news = item.came_back.is_none() && matches!(item.state, State::Accepted { .. });
    let text = text.chars().take(LONGEST_TEXT).collect();
    item.came_back = Some(CameBack { at, text });
    is_news.then_some(item)
}

fn retried(mut item: Item, at: Time) -> Option<Item> {
    let came_back = item.came_back.take();
    let last_error = match &item.state {
        State::Accepted { .. } => Some(came_back?.text),
        State::Queued { last_error, .. } => last_error.clone(),
        State::Refused { text, .. } => Some(text.clone()),
        State::Expired { last_error, .. } => Some(last_error.clone()),
    };
    if !matches!(item.state, State::Queued { .. }) {
        item.failures = 0;
        item.waiting_since = at;
    }
    item.state = State::Queued {
        next_try: at,
        last_error,
    };
    Some(item)
}

fn change(rows: &dyn Rows, id: Position, by: impl FnOnce(Item) -> Option<Item>) -> Vec<Row> {
    let Some(old) = stored(rows, id) else {
        return Vec::new();
    };
    match by(old.clone()) {
        Some(new) => write(Some(&old), &new),
        None => Vec::new(),
    }
}

fn write(old: Option<&Item>, new: &Item) -> Vec<Row> {
    let mut rows: Vec<Row> = old.map(|old| Row::delete(place(old))).into_iter().collect();
    let value = serde_json::to_vec(new).expect("an item is made of texts and numbers");
    rows.push(Row::put(item_key(new.id), value));
    rows.push(Row::put(place(new), Vec::new()));
    rows
}

fn item_key(id: Position) -> String {
    format!("{ITEM}{:020}", id.as_u64())
}

/// The key of the row that lists the item.
fn place(item: &Item) -> String {
    let (list, number) = match &item.state {
        State::Queued { next_try, .. } => (DUE, millis(*next_try)),
        State::Accepted { at, .. } => match &item.came_back {
            Some(back) => (FAILED, u64::MAX - millis(back.at)),
            None => (ACCEPTED, u64::MAX - millis(*at)),
        },
        State::Refused { at, .. } | State::Expired { at, .. } => (FAILED, u64::MAX - millis(*at)),
    };
    format!("{list}{number:020}/{:020}", item.id.as_u64())
}

/// Times before 1970 count as 1970: keys are ordered as texts.
fn millis(time: Time) -> u64 {
    u64::try_from(time.unix_millis()).unwrap_or(0)
}

/// The number and the item's id in the key of a list's row.
pub(super) fn read_place(list: &str, key: &[u8]) -> Option<(u64, Position)> {
    let key = std::str::from_utf8(key).ok()?.strip_prefix(list)?;
    let (number, id) = key.split_once('/')?;
    Some((number.parse().ok()?, Position::from_u64(id.parse().ok()?)))
}

/// An item, whatever its state. One that waits with all others shows for what, and until when.
#[must_use]
pub fn item(rows: &dyn Rows, id: Position) -> Option<Item> {
    let mut item = stored(rows, id)?;
    if let State::Queued {
        next_try,
        last_error,
    } = &mut item.state
        && let Some(pause) = pause(rows)
        && pause.until > *next_try
    {
        *next_try = pause.until;
        last_error.get_or_insert(pause.text);
    }
    Some(item)
}

fn stored(rows: &dyn Rows, id: Position) -> Option<Item> {
    serde_json::from_slice(&rows.get(item_key(id).as_bytes())?).ok()
}

/// The items whose letters lie in a part of the journal, in their order.
pub(crate) fn queued_in(rows: &dyn Rows, part: &Range<Position>) -> Vec<Item> {
    let mut found = Vec::new();
    let mut from = item_key(part.start);
    while let Some((_, value)) = rows
        .scan_from(ITEM.as_bytes(), from.as_bytes(), 1)
        .into_iter()
        .next()
    {
        let item: Option<Item> = serde_json::from_slice(&value).ok();
        let Some(item) = item.filter(|item| item.id < part.end) else {
            break;
        };
        from = item_key(Position::from_u64(item.id.as_u64().saturating_add(1)));
        found.push(item);
    }
    found
}

/// At most `n` letters that are to be tried now, the longest due first. Costs what it returns.
#[must_use]
pub fn due(rows: &dyn Rows, now: Time, n: usize) -> Vec<Item> {
    let due = Due::read(rows, now, n);
    if due.is_paused(now) {
        return Vec::new();
    }
    due.items
}

/// When the next letter is to be tried; none when none waits.
#[must_use]
pub fn next_wake(rows: &dyn Rows) -> Option<Time> {
    Due::read(rows, Time::from_unix_millis(0), 0).next_wake
}

/// What is to be tried now, and when to look again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Due {
    /// The longest due first.
    pub items: Vec<Item>,
    /// When the first letter is due that is not among these; none when none waits.
    pub next_wake: Option<Time>,
    /// What all letters wait for, or have waited for up to now: then one of them tries.
    pub pause: Option<Pause>,
}

impl Due {
    /// Whether none of them may leave yet.
    #[must_use]
    pub fn is_paused(&self, now: Time) -> bool {
        self.pause.as_ref().is_some_and(|p| p.until > now)
    }

    /// At most `n` letters that are due `now`.
    #[must_use]
    pub fn read(rows: &dyn Rows, now: Time, n: usize) -> Due {
        let found = rows.scan_from(DUE.as_bytes(), DUE.as_bytes(), n.saturating_add(1));
        let mut due = Due {
            pause: pause(rows),
            ..Due::default()
        };
        for (key, _) in found {
            let Some((at, id)) = read_place(DUE, &key) else {
                continue;
            };
            if due.items.len() == n || at > millis(now) {
                let at = i64::try_from(at).unwrap_or(i64::MAX);
                due.next_wake = Some(Time::from_unix_millis(at));
                break;
            }
            due.items.extend(stored(rows, id));
        }
        due
    }
}
