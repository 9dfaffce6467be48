//! A row of a table of faults: the fault, and the same statement without it.
#![allow(dead_code, reason = "each test file uses some of it")]

use serde_json::Value;
use tradepost_statements::wire::{DecodeError, decode};

use crate::samples::statement;

/// What a refusal must be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Refused {
    /// `unsupported-statement`: another version, kind or state.
    Version,
    Kind,
    State,
    /// `unreadable-statement`.
    Member,
    Rule,
}
use Refused::{Kind, Member, Rule, State, Version};

pub(crate) fn read(value: &Value) -> Result<(), DecodeError> {
    decode(value.to_string().as_bytes()).map(drop)
}

/// In a statement of `kind`, the member at `path` is accepted with each of `good`, and refused with
/// `bad` as `how`, in words that contain `message`.
#[track_caller]
pub(crate) fn check(
    kind: &str,
    path: &str,
    good: &[Value],
    bad: &Value,
    how: Refused,
    message: &str,
) {
    let with = |value: &Value| {
        let mut s = statement(kind);
        *s.pointer_mut(path).unwrap() = value.clone();
        read(&s)
    };
    for value in good {
        if let Err(e) = with(value) {
            panic!("{kind} {path}: {value} was refused: {e}");
        }
    }
    let Err(error) = with(bad) else {
        panic!("{kind} {path}: {bad} was accepted");
    };
    let is_so = match how {
        Version => matches!(error, DecodeError::UnknownVersion(_)),
        Kind => matches!(error, DecodeError::UnknownKind(_)),
        State => matches!(error, DecodeError::UnknownState { .. }),
        Member => matches!(error, DecodeError::Member { .. }),
        Rule => matches!(error, DecodeError::Rule(_)),
    };
    assert!(is_so, "{kind} {path}: {bad}: {how:?} expected: {error:?}");
    let unsupported = matches!(how, Version | Kind | State);
    assert_eq!(error.is_unsupported(), unsupported, "{error}");
    let text = error.to_string();
    assert!(
        text.contains(message),
        "{kind} {path}: {bad}: {message:?} expected: {text}"
    );
}

pub(crate) fn with_member(kind: &str, path: &str, value: Value) -> Value {
    let mut s = statement(kind);
    *s.pointer_mut(path).unwrap() = value;
    s
}
