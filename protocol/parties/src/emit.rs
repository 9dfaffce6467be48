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
use tradepost_statements::{StatementId, Time, wire};

use crate::server::book::{self, EmitKey};
use crate::server::judge::content_hash;
use crate::server::{FreshIds, Ignored, PartyCase, PartyChange, PartyOutcome, PartySettings};
use tradepost_trades::rows::Rows;

/// What becomes of a line: the answer is true once the change is recorded.
#[derive(Debug)]
pub struct Emitted {
    /// What to record and send; nothing of a line that was refused.
    pub change: PartyChange,
    /// The statement that the line made, or why it made none.
    pub answer: Result<StatementId, LineRefusal>,
}

/// Longest key: it is a name, not a text.
const LONGEST_KEY: usize = 256;

/// Decides about one line: a JSON object.
pub fn emit(
    settings: &PartySettings,
    rows: &dyn Rows,
    line: &[u8],
    now: Time,
    ids: &mut FreshIds,
) -> Emitted {
    let mut case = PartyCase::new(settings, rows, now, ids);
    match decide(&mut case, line) {
        Ok(TakenLine::New(id)) => Emitted {
            change: case.finish(PartyOutcome::Emitted(id)),
            answer: Ok(id),
        },
        Ok(TakenLine::Before(id)) => Emitted {
            change: case.finish(PartyOutcome::EmittedBefore(id)),
            answer: Ok(id),
        },
        Err(refusal) => Emitted {
            // A new case: what was prepared before the fault was found is forgotten.
            change: PartyCase::new(settings, rows, now, ids).finish(Ignored::NothingDue.into()),
            answer: Err(refusal),
        },
    }
}

enum TakenLine {
    New(StatementId),
    Before(StatementId),
}

fn decide(case: &mut PartyCase<'_>, line: &[u8]) -> Result<TakenLine, LineRefusal> {
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
