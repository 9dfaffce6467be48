//! Lines of the merchant's own system (`tradepost-server emit`): what happened to a trade, and
//! trades that were placed elsewhere (protocol 9).
//!
//! A line is refused as a whole, with one reason, or it is recorded as a whole. The same key with
//! the same content gets the same answer and does nothing; with other content it is refused.

pub mod attach;
mod authorize;
mod decision;
mod members;
mod money;
mod parcel;
mod record;
mod refusal;
mod status;

pub use refusal::Refusal;

use serde_json::{Map, Value};
use tradepost_statements::{StatementId, Time, wire};

use crate::server::book::{self, EmitKey};
use crate::server::judge::content_hash;
use crate::server::{Change, Desk, FreshIds, Ignored, Outcome, Settings};
use tradepost_trades::rows::Rows;

/// What becomes of a line: the answer is true once the change is recorded.
#[derive(Debug)]
pub struct Emitted {
    /// What to record and send; nothing of a line that was refused.
    pub change: Change,
    /// The statement that the line made, or why it made none.
    pub answer: Result<StatementId, Refusal>,
}

/// Longest key: it is a name, not a text.
const LONGEST_KEY: usize = 256;

/// Decides about one line: a JSON object.
pub fn emit(
    settings: &Settings,
    rows: &dyn Rows,
    line: &[u8],
    now: Time,
    ids: &mut FreshIds,
) -> Emitted {
    let mut desk = Desk::new(settings, rows, now, ids);
    match decide(&mut desk, line) {
        Ok(Decided::New(id)) => Emitted {
            change: desk.finish(Outcome::Emitted(id)),
            answer: Ok(id),
        },
        Ok(Decided::Before(id)) => Emitted {
            change: desk.finish(Outcome::EmittedBefore(id)),
            answer: Ok(id),
        },
        Err(refusal) => Emitted {
            // A new desk: what was prepared before the fault was found is forgotten.
            change: Desk::new(settings, rows, now, ids).finish(Ignored::NothingDue.into()),
            answer: Err(refusal),
        },
    }
}

enum Decided {
    New(StatementId),
    Before(StatementId),
}

fn decide(desk: &mut Desk<'_>, line: &[u8]) -> Result<Decided, Refusal> {
    decide_value(desk, &wire::parse_json(line)?)
}

/// Takes a line as part of another decision, whose change is given up when the line is refused.
pub(crate) fn take(desk: &mut Desk<'_>, line: &Value) -> Result<StatementId, Refusal> {
    decide_value(desk, line).map(|decided| match decided {
        Decided::New(id) | Decided::Before(id) => id,
    })
}

fn decide_value(desk: &mut Desk<'_>, value: &Value) -> Result<Decided, Refusal> {
    let Value::Object(object) = value else {
        return Err(Refusal::IsNotAnObject);
    };
    let key = key_of(object)?;
    let content = content_hash(value);
    let row = book::emit_key(&key);
    if let Some(before) = desk.read::<EmitKey>(&row) {
        return if before.content == content {
            Ok(Decided::Before(before.statement))
        } else {
            Err(Refusal::KeyWasUsedForOtherContent(key))
        };
    }
    let (by_own_mail, said) = attach::own_mail(object)?;
    let statement = match said.get("record") {
        Some(record) => {
            let known = ["key", "record", "origin", "at"];
            members::only(&said, &known, "beside record, or mail")?;
            let told = record::Told {
                origin: members::optional(&said, "origin")?,
                at: members::optional(&said, "at")?,
            };
            record::record(desk, record, told)?
        }
        None if object.contains_key("authorize") => authorize::authorize(desk, object)?,
        None if object.contains_key("return") => decision::decision(desk, object)?,
        None => status::status(desk, &said)?,
    };
    if by_own_mail {
        attach::withhold(desk, statement);
    }
    desk.put(row, &EmitKey { content, statement });
    Ok(Decided::New(statement))
}

fn key_of(object: &Map<String, Value>) -> Result<String, Refusal> {
    let key: String = members::required(object, "key")?;
    if key.is_empty() || key.len() > LONGEST_KEY {
        return Err(Refusal::Member {
            name: "key".to_owned(),
            problem: format!("a key has 1 to {LONGEST_KEY} octets"),
        });
    }
    Ok(key)
}
