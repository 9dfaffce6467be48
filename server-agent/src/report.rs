//! What commands are answered, whoever has the book.

mod returns;
mod unanswered;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use tradepost_agent::outbox::{self, Entry, Filter, Item};
use tradepost_parties::payment::authorizations;
use tradepost_parties::server::view::{self, TradeView};
use tradepost_store::Position;

use crate::arrivals::Arrivals;
use crate::attach;
use crate::book::{BookError, arrivals, item, set_aside, view as read};
use crate::desk::Desk;
use crate::jobs;
use crate::socket::{Ask, Reply};

/// Shown at once; a book of more is for programs that read it in parts.
const MOST_TRADES: usize = 100_000;

/// Answers a command, whether `run` or the command itself has the book.
pub(crate) fn answer(desk: &Desk, ask: &Ask) -> Result<Reply, BookError> {
    Ok(match ask {
        Ask::Emit => Reply::Refused("lines are taken one by one".to_owned()),
        Ask::Trades(id) => {
            let own = &desk.config.settings.address;
            let all = read(&*desk.book, |rows| view::trades(rows, own, MOST_TRADES));
            let wanted = |t: &&PartyTradeView| id.as_deref().is_none_or(|id| t.id.as_str() == id);
            to_reply(&all.iter().filter(wanted).collect::<Vec<_>>())
        }
        Ask::Authorizations => {
            let waiting =
                |rows: &dyn tradepost_trades::rows::Rows| authorizations(rows, MOST_TRADES);
            to_reply(&read(&*desk.book, waiting))
        }
        Ask::Unanswered => unanswered::answer(desk),
        Ask::Returns => returns::answer(desk),
        Ask::Decide(line) => returns::decide(desk, line)?,
        Ask::Outbox { all } => {
            let filter = if *all { Filter::All } else { Filter::Queued };
            let mut items = read(&*desk.book, |r| outbox::list(r, filter, outbox::RECENT));
            if !all {
                let failed = |r: &dyn tradepost_trades::rows::Rows| {
                    outbox::list(r, Filter::Failed, outbox::RECENT)
                };
                items.extend(read(&*desk.book, failed));
            }
            to_reply(&items)
        }
        Ask::Letter(id) => match find(desk, id) {
            Ok(item) => {
                let letter = desk.book.letter(item.id)?;
                let mut value = serde_json::to_value(&item).unwrap_or_default();
                if let Value::Object(object) = &mut value {
                    let text = String::from_utf8_lossy(&letter).into_owned();
                    object.insert("letter".to_owned(), Value::String(text));
                }
                Reply::Answer(value)
            }
            Err(text) => Reply::Refused(text),
        },
        Ask::Attach(ask) => attach::answer(desk, ask)?,
        Ask::Retry(id) => retry(desk, id.as_deref())?,
        Ask::SetAside => to_reply(&read(&*desk.book, set_aside)),
        Ask::Jobs => to_reply(&jobs::report::list(desk)),
        Ask::Arrivals => {
            let hooks = desk.config.http.iter().flat_map(|http| http.hooks());
            let known: BTreeMap<&str, Arrivals> = read(&*desk.book, |rows| {
                hooks
                    .filter_map(|hook| Some((hook.name(), arrivals(rows, hook.name())?)))
                    .collect()
            });
            to_reply(&known)
        }
        Ask::RetryJob(name) => jobs::report::retry(desk, name)?,
    })
}

fn to_reply<T: Serialize>(value: &T) -> Reply {
    match serde_json::to_value(value) {
        Ok(value) => Reply::Answer(value),
        Err(e) => Reply::Refused(e.to_string()),
    }
}

fn find(desk: &Desk, id: &str) -> Result<Item, String> {
    let none = || {
        format!(
            "there is no letter {id:?} in the outbox; `tradepost-server outbox --all` lists them"
        )
    };
    let id: Position = id.parse().map_err(|_| none())?;
    read(&*desk.book, |rows| item(rows, id)).ok_or_else(none)
}

fn retry(desk: &Desk, id: Option<&str>) -> Result<Reply, BookError> {
    let now = desk.now();
    let entries: Vec<Entry> = match id {
        None => read(&*desk.book, |rows| outbox::retry_all_now(rows, now)),
        Some(id) => {
            let item = match find(desk, id) {
                Ok(item) => item,
                Err(text) => return Ok(Reply::Refused(text)),
            };
            match read(&*desk.book, |rows| outbox::retry_now(rows, item.id, now)) {
                Ok(entry) => vec![entry],
                Err(e) => return Ok(Reply::Refused(e.to_string())),
            }
        }
    };
    let count = entries.len();
    desk.book.retire(entries)?;
    desk.bell.ring();
    Ok(Reply::Answer(json!({ "retried": count })))
}
