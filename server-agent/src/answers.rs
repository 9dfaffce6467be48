//! What commands are answered, whoever has the book.

mod reading;
mod returns;

use serde::Serialize;
use serde_json::{Value, json};
use tradepost_agent::host::HostError;
use tradepost_agent::outbox::{self, Item, OutboxEntry};
use tradepost_agent::rpc::Reply;
use tradepost_agent::run::Answers;
use tradepost_store::Position;
use tradepost_trades::rows::Rows;

use crate::attach;
use crate::book::{Book, BookHost};
use crate::intake;
use crate::jobs;
use crate::question::{Answered, Ask, LoopQuestion};

pub(crate) use reading::read;

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
    match host.reading(|of| read(of, &host.party().config, ask)) {
        Some(reply) => reply,
        None => done(host, ask),
    }
}

/// The answer to what does more than ask.
fn done(host: &BookHost, ask: &Ask) -> Result<Reply<Value>, HostError> {
    match ask {
        Ask::Emit => Ok(Reply::Refused("lines are taken one by one".to_owned())),
        Ask::Decide(line) => returns::decide(host, line),
        Ask::Attach(ask) => attach::answer(host, ask),
        Ask::Retry(id) => retry(host, id.as_deref()),
        Ask::RetryJob(name) => jobs::report::retry(host, name),
        Ask::Trades(_)
        | Ask::Authorizations
        | Ask::Unanswered
        | Ask::Returns
        | Ask::Outbox { .. }
        | Ask::Letter(_)
        | Ask::SetAside
        | Ask::Arrivals
        | Ask::Jobs => Ok(Reply::Refused(
            "this only asks, and does nothing".to_owned(),
        )),
    }
}

fn to_reply<T: Serialize>(value: &T) -> Reply<Value> {
    match serde_json::to_value(value) {
        Ok(value) => Reply::Answer(value),
        Err(e) => Reply::Refused(e.to_string()),
    }
}

fn find(rows: &dyn Rows, id: &str) -> Result<Item, String> {
    let none = || {
        format!(
            "there is no letter {id:?} in the outbox; `tradepost-server outbox --all` lists them"
        )
    };
    let id: Position = id.parse().map_err(|_| none())?;
    outbox::item(rows, id).ok_or_else(none)
}

fn retry(host: &BookHost, id: Option<&str>) -> Result<Reply<Value>, HostError> {
    let now = host.now();
    let entries: Vec<OutboxEntry> = match id {
        None => host.view(|rows| outbox::retry_all_now(rows, now)),
        Some(id) => {
            let item = match host.view(|rows| find(rows, id)) {
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
