//! JSONTestSuite (`corpora/json-test-suite`) against the reader of I-JSON: what must be refused is refused, and what
//! must be accepted is, but for what RFC 7493 and protocol 2 forbid beyond RFC 8259.
#![allow(clippy::unwrap_used, missing_docs)]

mod figures;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use tradepost_statements::wire::{JsonError, parse_json};

/// By file name: `y_` must be accepted, `n_` must be refused, `i_` is left to the reader.
fn suite() -> BTreeMap<String, Vec<u8>> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpora/json-test-suite/test_parsing");
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, std::fs::read(entry.path()).unwrap())
        })
        .collect()
}

fn named<'a>(
    suite: &'a BTreeMap<String, Vec<u8>>,
    prefix: &str,
) -> impl Iterator<Item = (&'a String, &'a Vec<u8>)> {
    suite
        .iter()
        .filter(move |(name, _)| name.starts_with(prefix))
}

/// Why a text that RFC 8259 allows is refused here.
fn stricter_because(fault: &JsonError) -> Option<&'static str> {
    match fault {
        JsonError::NumberOutOfRange(_) => {
            Some("a number beyond double precision (RFC 7493 section 2.2)")
        }
        JsonError::DuplicateMember(..) => {
            Some("a member name twice in one object (RFC 7493 section 2.3)")
        }
        JsonError::Noncharacter(..) => {
            Some("a code point that is no character, such as U+FFFF (RFC 7493 section 2.1)")
        }
        JsonError::NotUtf8(_) => Some("UTF-16 (RFC 7493 section 2.1: UTF-8 only)"),
        JsonError::TooLarge(_)
        | JsonError::ByteOrderMark
        | JsonError::LoneSurrogate(_)
        | JsonError::TooDeep(_)
        | JsonError::StringTooLong(_)
        | JsonError::TrailingOctets(_)
        | JsonError::Syntax(_) => None,
    }
}

#[test]
fn what_must_be_accepted_is_but_for_what_i_json_forbids() {
    let suite = suite();
    let mut deviations = BTreeMap::new();
    let mut faults = Vec::new();
    for (name, octets) in named(&suite, "y_") {
        match parse_json(octets) {
            Ok(read) => {
                let as_others_read: Value = serde_json::from_slice(octets).unwrap();
                assert!(is_same(&read, &as_others_read), "{name}: read as {read}");
            }
            Err(fault) => match stricter_because(&fault) {
                Some(reason) => *deviations.entry(reason).or_insert(0_usize) += 1,
                None => faults.push(format!("{name}: {fault}")),
            },
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let deviations: Vec<_> = deviations.into_iter().collect();
    figures::stand_in_the_security_notes("JSONTestSuite", suite.len(), &deviations);
}

#[test]
fn what_must_be_refused_is() {
    let suite = suite();
    for (name, octets) in named(&suite, "n_") {
        assert!(parse_json(octets).is_err(), "{name} is accepted");
    }
}

/// Half surrogates, other encodings, byte order marks, 500 levels: whatever a reader may choose.
#[test]
fn what_is_left_to_the_reader_is_refused() {
    let suite = suite();
    for (name, octets) in named(&suite, "i_") {
        let fault = parse_json(octets).unwrap_err();
        assert!(!matches!(fault, JsonError::Syntax(_)), "{name}: {fault}");
    }
}

#[test]
fn the_suite_is_whole() {
    let suite = suite();
    let counts = ["y_", "n_", "i_"].map(|prefix| named(&suite, prefix).count());
    assert_eq!(counts, [102, 179, 20]);
    assert_eq!(suite.len(), 301);
}

/// Whole numbers are kept as whole here, however they are written.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(name, a)| b.get(name).is_some_and(|b| is_same(a, b)))
        }
        (a, b) => a == b,
    }
}
