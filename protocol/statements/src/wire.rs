//! Statements as I-JSON (RFC 7493), strictly and within bounds (protocol 2).
//!
//! [`decode`] refuses what the protocol forbids, each fault by its own name; [`encode`] writes one
//! statement one way only.

mod json;
mod members;
mod rules;

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::statement::{Body, Kind, Statement};

pub use json::{
    JsonError, MOST_DEPTH, MOST_OCTETS, MOST_STRING_OCTETS, Place, parse as parse_json,
};
pub use rules::{MOST_CARRIERS, RuleError};

/// The version of the protocol that is spoken here: the member `tradepost`.
pub const VERSION: u64 = 1;

/// A statement, and the JSON it was read from: "same content" is equality of JSON values, of
/// members that are not known here too (protocol 2).
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// What was understood: the members that are known here.
    pub statement: Statement,
    /// The whole object, members that are not known here too.
    pub value: Value,
}

/// Why octets are not a statement that can be read here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not I-JSON within the bounds.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// Another version of the protocol.
    #[error("this is version {0} of the Tradepost protocol, and only version 1 is known here")]
    UnknownVersion(String),
    /// A kind that is not known here.
    #[error("statements of the kind {0:?} are not known here")]
    UnknownKind(String),
    /// A state that is not known here.
    #[error("the state {state:?} of {at} is not known here")]
    UnknownState {
        /// The member that holds it.
        at: &'static str,
        /// Its word, cut to 64 characters.
        state: String,
    },
    /// A member is missing, or of a wrong form.
    #[error("{at}: {problem}")]
    Member {
        /// Which one, e.g. `body.lines[0].quantity`.
        at: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The members contradict one another.
    #[error(transparent)]
    Rule(#[from] RuleError),
}

impl DecodeError {
    /// Whether a newer program could read it: it is kept and judged again after an upgrade
    /// (protocol 2, `unsupported-statement`).
    #[must_use]
    pub fn is_unsupported(&self) -> bool {
        match self {
            DecodeError::UnknownVersion(_)
            | DecodeError::UnknownKind(_)
            | DecodeError::UnknownState { .. } => true,
            DecodeError::Json(_) | DecodeError::Member { .. } | DecodeError::Rule(_) => false,
        }
    }
}

/// Reads the octets of a Tradepost part.
///
/// # Errors
/// [`DecodeError`], which names the place.
pub fn decode(octets: &[u8]) -> Result<Decoded, DecodeError> {
    let value = json::parse(octets)?;
    let statement = from_value(&value)?;
    Ok(Decoded { statement, value })
}

/// Writes a statement; the same statement gives the same text.
#[must_use]
pub fn encode(statement: &Statement) -> String {
    to_value(statement).to_string()
}

/// Writes a statement of one's own, and reads it back: what every reader would refuse is found
/// before it leaves.
///
/// # Errors
/// [`DecodeError`], which names the place.
pub fn encode_checked(statement: &Statement) -> Result<String, DecodeError> {
    let text = encode(statement);
    decode(text.as_bytes()).map(|_| text)
}

/// What a statement says apart from who sent it when: two statuses with one sequence have the
/// same content when these are equal (protocol 2).
#[must_use]
pub fn trade_and_body(value: &Value) -> (Option<&Value>, Option<&Value>) {
    (value.get("trade"), value.get("body"))
}

/// Reads a statement from a JSON value that [`parse_json`] made.
///
/// # Errors
/// [`DecodeError`], which names the place.
pub fn from_value(value: &Value) -> Result<Statement, DecodeError> {
    let object = value
        .as_object()
        .ok_or_else(|| member("the statement", "is not an object"))?;
    match object.get("tradepost") {
        Some(v) if v.as_u64() == Some(VERSION) => {}
        Some(Value::Number(other)) => return Err(DecodeError::UnknownVersion(other.to_string())),
        Some(_) => return Err(member("tradepost", "is not a number")),
        None => return Err(member("tradepost", "is missing")),
    }
    let body = object
        .get("body")
        .ok_or_else(|| member("body", "is missing"))?;
    let statement = Statement {
        id: required(object, "id")?,
        from: required(object, "from")?,
        to: required(object, "to")?,
        sent: required(object, "sent")?,
        trade: optional(object, "trade")?,
        request: optional(object, "request")?,
        answers: optional(object, "answers")?,
        body: read_body(body)?,
    };
    rules::check(&statement)?;
    rules::check_keys(&statement.body, body)?;
    Ok(statement)
}

fn read_body(value: &Value) -> Result<Body, DecodeError> {
    let object = value
        .as_object()
        .ok_or_else(|| member("body", "is not an object"))?;
    let word = match object.get("kind") {
        Some(Value::String(word)) => word,
        Some(_) => return Err(member("body.kind", "is not a string")),
        None => return Err(member("body.kind", "is missing")),
    };
    let kind: Kind = word
        .parse()
        .map_err(|_| DecodeError::UnknownKind(shortened(word)))?;
    rules::check_states_are_known(kind, object)?;
    Ok(match kind {
        Kind::Order => Body::Order(Box::new(read(value)?)),
        Kind::TradeRecord => Body::TradeRecord(Box::new(read(value)?)),
        Kind::OrderRejected => Body::OrderRejected(read(value)?),
        Kind::Confirm => Body::Confirm(read(value)?),
        Kind::Cancel => Body::Cancel(read(value)?),
        Kind::Return => Body::Return(read(value)?),
        Kind::ReturnDecision => Body::ReturnDecision(read(value)?),
        Kind::StatusRequest => Body::StatusRequest,
        Kind::Notify => Body::Notify(read(value)?),
        Kind::UnknownTrade => Body::UnknownTrade,
        Kind::OrderStatus => Body::OrderStatus(read(value)?),
        Kind::DeliveryStatus => Body::DeliveryStatus(Box::new(read(value)?)),
        Kind::PaymentStatus => Body::PaymentStatus(read(value)?),
        Kind::Authorize => Body::Authorize(Box::new(read(value)?)),
        Kind::Authorization => Body::Authorization(read(value)?),
        Kind::PaymentInstruction => Body::PaymentInstruction(Box::new(read(value)?)),
        Kind::DeliveryInstruction => Body::DeliveryInstruction(Box::new(read(value)?)),
        Kind::Refund => Body::Refund(read(value)?),
        Kind::Recall => Body::Recall(read(value)?),
    })
}

fn read<T: DeserializeOwned>(body: &Value) -> Result<T, DecodeError> {
    members::read("body", body)
}

fn required<T: DeserializeOwned>(
    object: &Map<String, Value>,
    name: &str,
) -> Result<T, DecodeError> {
    optional(object, name)?.ok_or_else(|| member(name, "is missing"))
}

fn optional<T: DeserializeOwned>(
    object: &Map<String, Value>,
    name: &str,
) -> Result<Option<T>, DecodeError> {
    object
        .get(name)
        .map(|value| members::read(name, value))
        .transpose()
}

/// The statement as a JSON value, members in alphabetical order.
#[must_use]
pub fn to_value(statement: &Statement) -> Value {
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
    put("tradepost", Value::from(VERSION));
    put("id", json_of(&statement.id));
    put("from", json_of(&statement.from));
    put("to", json_of(&statement.to));
    put("sent", json_of(&statement.sent));
    if let Some(trade) = &statement.trade {
        put("trade", json_of(trade));
    }
    if let Some(request) = &statement.request {
        put("request", json_of(request));
    }
    if let Some(answers) = &statement.answers {
        put("answers", json_of(answers));
    }
    put("body", body_to_value(&statement.body));
    Value::Object(object)
}

/// The body as a JSON value, with its `kind`.
#[must_use]
pub fn body_to_value(body: &Body) -> Value {
    let mut value = match body {
        Body::Order(b) => json_of(b),
        Body::TradeRecord(b) => json_of(b),
        Body::OrderRejected(b) => json_of(b),
        Body::Confirm(b) => json_of(b),
        Body::Cancel(b) => json_of(b),
        Body::Return(b) => json_of(b),
        Body::ReturnDecision(b) => json_of(b),
        Body::StatusRequest | Body::UnknownTrade => Value::Object(Map::new()),
        Body::Notify(b) => json_of(b),
        Body::OrderStatus(b) => json_of(b),
        Body::DeliveryStatus(b) => json_of(b),
        Body::PaymentStatus(b) => json_of(b),
        Body::Authorize(b) => json_of(b),
        Body::Authorization(b) => json_of(b),
        Body::PaymentInstruction(b) => json_of(b),
        Body::DeliveryInstruction(b) => json_of(b),
        Body::Refund(b) => json_of(b),
        Body::Recall(b) => json_of(b),
    };
    if let Value::Object(object) = &mut value {
        object.insert("kind".to_owned(), Value::from(body.kind().word()));
    }
    value
}

/// The protocol's types have string keys and finite numbers only, so they always have a JSON form.
fn json_of<T: Serialize + fmt::Debug>(part: &T) -> Value {
    serde_json::to_value(part).expect("a protocol type always has a JSON form")
}

fn member(at: &str, problem: &str) -> DecodeError {
    DecodeError::Member {
        at: shortened(at),
        problem: shortened(problem),
    }
}

/// What comes from a letter is quoted in an error only so far.
fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
}
