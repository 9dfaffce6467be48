//! Reading the members of a line.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tradepost_statements::wire::DecodeError;

use super::refusal::LineRefusal;

/// Refuses members that are not among the known ones: a typing error would lose a fact.
pub(super) fn only(
    object: &Map<String, Value>,
    known: &[&str],
    place: &str,
) -> Result<(), LineRefusal> {
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(LineRefusal::UnknownMember {
            name: name.chars().take(64).collect(),
            place: place.to_owned(),
            known: known.join(", "),
        }),
    }
}

/// A member that may be absent or null.
pub(super) fn optional<T: DeserializeOwned>(
    object: &Map<String, Value>,
    name: &str,
) -> Result<Option<T>, LineRefusal> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => T::deserialize(value)
            .map(Some)
            .map_err(|e| LineRefusal::Member {
                name: name.to_owned(),
                problem: e.to_string(),
            }),
    }
}

/// A member that must be there.
pub(super) fn required<T: DeserializeOwned>(
    object: &Map<String, Value>,
    name: &str,
) -> Result<T, LineRefusal> {
    optional(object, name)?.ok_or_else(|| LineRefusal::Member {
        name: name.to_owned(),
        problem: "is missing".to_owned(),
    })
}

/// The wire's fault, with the member named as it stands in the line.
pub(super) fn as_in_the_line(error: DecodeError, folded_into: &str, place: &str) -> LineRefusal {
    match &error {
        DecodeError::Member { at, problem } => {
            let inner = at.strip_prefix("body.").unwrap_or(at);
            let inner = inner
                .strip_prefix(folded_into)
                .and_then(|rest| rest.strip_prefix('.'))
                .unwrap_or(inner);
            LineRefusal::Member {
                name: format!("{place}{inner}"),
                problem: problem.clone(),
            }
        }
        DecodeError::Json(_)
        | DecodeError::UnknownVersion(_)
        | DecodeError::UnknownKind(_)
        | DecodeError::UnknownState { .. }
        | DecodeError::Rule(_) => LineRefusal::CannotBeSaid(error.to_string()),
    }
}
