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

pub use refusal::LineRefusal;

use serde_json::{Map, Value};
use tradepost_statements::{StatementId, wire};

use crate::kernel::PartyCase;
use crate::kernel::book::{self, EmitKey};
use crate::kernel::judge::content_hash;

/// Longest key: it is a name, not a text.
const LONGEST_KEY: usize = 256;

/// A line that is recorded, with the statement that it made.
pub(crate) enum TakenLine {
    New(StatementId),
    Before(StatementId),
}

/// Decides about one line: a JSON object.
pub(crate) fn decide(case: &mut PartyCase<'_>, line: &[u8]) -> Result<TakenLine, LineRefusal> {
    decide_value(case, &wire::parse_json(line)?)
}

/// Takes a line as part of another decision, whose change is given up when the line is refused.
pub(crate) fn take(case: &mut PartyCase<'_>, line: &Value) -> Result<StatementId, LineRefusal> {
    decide_value(case, line).map(|decided| match decided {
        TakenLine::New(id) | TakenLine::Before(id) => id,
    })
}

fn decide_value(case: &mut PartyCase<'_>, value: &Value) -> Result<TakenLine, LineRefusal> {
    let Value::Object(object) = value else {
        return Err(LineRefusal::IsNotAnObject);
    };
    let key = key_of(object)?;
    let content = content_hash(value);
    let row = book::emit_key(&key);
    if let Some(before) = case.read::<EmitKey>(&row) {
        return if before.content == content {
            Ok(TakenLine::Before(before.statement))
        } else {
            Err(LineRefusal::KeyWasUsedForOtherContent(key))
        };
    }
    let (by_own_mail, said) = attach::own_mail(object)?;
    let statement = match said.get("record") {
        Some(record) => {
            let known = ["key", "record", "origin", "at"];
            members::only(&said, &known, "beside record, or mail")?;
            let told = record::BesideRecord {
                origin: members::optional(&said, "origin")?,
                at: members::optional(&said, "at")?,
            };
            record::record(case, record, told)?
        }
        None if object.contains_key("authorize") => authorize::authorize(case, object)?,
        None if object.contains_key("return") => decision::decision(case, object)?,
        None => status::status(case, &said)?,
    };
    if by_own_mail {
        attach::withhold(case, statement);
    }
    case.put(row, &EmitKey { content, statement });
    Ok(TakenLine::New(statement))
}

fn key_of(object: &Map<String, Value>) -> Result<String, LineRefusal> {
    let key: String = members::required(object, "key")?;
    if key.is_empty() || key.len() > LONGEST_KEY {
        return Err(LineRefusal::Member {
            name: "key".to_owned(),
            problem: format!("a key has 1 to {LONGEST_KEY} octets"),
        });
    }
    Ok(key)
}
