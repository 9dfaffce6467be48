//! What commands are answered, whoever has the book.

mod returns;
mod unanswered;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use tradepost_agent::host::HostError;
use tradepost_agent::journal::set_aside;
use tradepost_agent::outbox::{self, Filter, Item, OutboxEntry};
use tradepost_agent::rpc::Reply;
use tradepost_agent::run::Answers;
use tradepost_parties::payment::authorizations;
use tradepost_parties::view::{self, PartyTradeView};
use tradepost_store::Position;

use crate::arrivals::Arrivals;
use crate::attach;
use crate::book::{Book, BookHost, arrivals};
use crate::intake;
use crate::jobs;
use crate::question::{Answered, Ask, LoopQuestion};

/// Shown at once; a book of more is for programs that read it in parts.
const MOST_TRADES: usize = 100_000;

impl Answers for Book {
    type Question = LoopQuestion;
    type Answer = Answered;

    fn answer(host: &BookHost, question: LoopQuestion) -> Result<Reply<Answered>, HostError> {
        match question {
            LoopQuestion::Lines(lines) => {
                Ok(Reply::Answer(Answered::Lines(intake::take(host, &lines)?)))
            }
            LoopQuestion::Ask(ask) => Ok(match to_command(host, &ask)? {
                Reply::Answer(value) => Reply::Answer(Answered::Value(value)),
                Reply::Refused(why) => Reply::Refused(why),
                Reply::Failed(why) => Reply::Failed(why),
                Reply::Stopping => Reply::Stopping,
            }),
        }
    }
}

/// Answers a command, whether `run` or the command itself has the book.
pub(crate) fn to_command(host: &BookHost, ask: &Ask) -> Result<Reply<Value>, HostError> {
    Ok(match ask {
        Ask::Emit => Reply::Refused("lines are taken one by one".to_owned()),
        Ask::Trades(id) => {
            let own = &host.party().config.settings.address;
            let all = host.view(|rows| view::trades(rows, own, MOST_TRADES));
            let wanted = |t: &&PartyTradeView| id.as_deref().is_none_or(|id| t.id.as_str() == id);
            to_reply(&all.iter().filter(wanted).collect::<Vec<_>>())
        }
        Ask::Authorizations => {
            let waiting =
                |rows: &dyn tradepost_trades::rows::Rows| authorizations(rows, MOST_TRADES);
            to_reply(&host.view(waiting))
        }
        Ask::Unanswered => unanswered::answer(host),
        Ask::Returns => returns::answer(host),
        Ask::Decide(line) => returns::decide(host, line)?,
        Ask::Outbox { all } => {
            let filter = if *all { Filter::All } else { Filter::Queued };
            let mut items = host.view(|r| outbox::list(r, filter, outbox::RECENT));
            if !all {
                let failed = |r: &dyn tradepost_trades::rows::Rows| {
                    outbox::list(r, Filter::Failed, outbox::RECENT)
                };
                items.extend(host.view(failed));
            }
            to_reply(&items)
        }
        Ask::Letter(id) => match find(host, id) {
            Ok(item) => {
                let letter = host.letter(item.id)?;
                let mut value = serde_json::to_value(&item).unwrap_or_default();
                if let Value::Object(object) = &mut value {
                    let text = String::from_utf8_lossy(&letter).into_owned();
                    object.insert("letter".to_owned(), Value::String(text));
                }
                Reply::Answer(value)
            }
            Err(text) => Reply::Refused(text),
        },
        Ask::Attach(ask) => attach::answer(host, ask)?,
        Ask::Retry(id) => retry(host, id.as_deref())?,
        Ask::SetAside => to_reply(&host.view(set_aside)),
        Ask::Jobs => to_reply(&jobs::report::list(host)),
        Ask::Arrivals => {
            let hooks = host
                .party()
                .config
                .http
                .iter()
                .flat_map(|http| http.hooks());
            let known: BTreeMap<&str, Arrivals> = host.view(|rows| {
                hooks
                    .filter_map(|hook| Some((hook.name(), arrivals(rows, hook.name())?)))
                    .collect()
            });
            to_reply(&known)
        }
        Ask::RetryJob(name) => jobs::report::retry(host, name)?,
    })
}

fn to_reply<T: Serialize>(value: &T) -> Reply<Value> {
    match serde_json::to_value(value) {
        Ok(value) => Reply::Answer(value),
        Err(e) => Reply::Refused(e.to_string()),
    }
}

fn find(host: &BookHost, id: &str) -> Result<Item, String> {
    let none = || {
        format!(
            "there is no letter {id:?} in the outbox; `tradepost-server outbox --all` lists them"
        )
    };
    let id: Position = id.parse().map_err(|_| none())?;
    host.view(|rows| outbox::item(rows, id)).ok_or_else(none)
}

fn retry(host: &BookHost, id: Option<&str>) -> Result<Reply<Value>, HostError> {
    let now = host.now();
    let entries: Vec<OutboxEntry> = match id {
        None => host.view(|rows| outbox::retry_all_now(rows, now)),
        Some(id) => {
            let item = match find(host, id) {
                Ok(item) => item,
                Err(text) => return Ok(Reply::Refused(text)),
            };
            match host.view(|rows| outbox::retry_now(rows, item.id, now)) {
                Ok(entry) => vec![entry],
                Err(e) => return Ok(Reply::Refused(e.to_string())),
            }
        }
    };
    let count = entries.len();
    host.write(|page| entries.into_iter().try_for_each(|entry| page.outbox(entry)))?;
    Ok(Reply::Answer(json!({ "retried": count })))
}
