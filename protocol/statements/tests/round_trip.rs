//! Writing and reading are inverse, and reading never panics.
#![allow(clippy::unwrap_used)]

mod samples;
mod strategies;

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use tradepost_statements::Statement;
use tradepost_statements::wire::{self, DecodeError};

use samples::{KINDS, statement};

proptest! {
    #[test]
    fn what_is_written_is_read_as_it_was(statement in strategies::statement()) {
        let text = wire::encode(&statement);
        let read = wire::decode(text.as_bytes()).map_err(|e| TestCaseError::fail(format!("{e}: {text}")))?;
        prop_assert_eq!(&read.statement, &statement);
        prop_assert_eq!(wire::to_value(&statement), read.value);
        prop_assert_eq!(wire::encode_checked(&statement), Ok(text));
    }

    #[test]
    fn what_was_read_is_written_the_same_whatever_it_was_read_from(statement in strategies::statement()) {
        let pretty = serde_json::to_string_pretty(&wire::to_value(&statement)).unwrap();
        let read = wire::decode(pretty.as_bytes()).unwrap().statement;
        prop_assert_eq!(wire::encode(&read), wire::encode(&statement));
    }

    #[test]
    fn a_stored_statement_is_the_statement(statement in strategies::statement()) {
        let stored = serde_json::to_vec(&statement).unwrap();
        prop_assert_eq!(serde_json::from_slice::<Statement>(&stored).unwrap(), statement);
    }

    #[test]
    fn any_octets_are_read_or_refused(octets in vec(any::<u8>(), 0..300)) {
        check_refusal(wire::decode(&octets).map(drop))?;
    }

    #[test]
    fn any_text_of_json_characters_is_read_or_refused(text in "[\\[\\]{}\":,.0-9eE+\\\\ud8cfntrlsa -]{0,80}") {
        check_refusal(wire::decode(text.as_bytes()).map(drop))?;
    }

    #[test]
    fn a_statement_with_octets_changed_is_read_or_refused(
        kind in 0..KINDS.len(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut octets = statement(KINDS[kind]).to_string().into_bytes();
        for (at, octet) in changes {
            *at.get_mut(&mut octets) = octet;
        }
        check_refusal(wire::decode(&octets).map(drop))?;
    }

    #[test]
    fn a_statement_cut_short_is_refused(kind in 0..KINDS.len(), at in any::<prop::sample::Index>()) {
        let text = statement(KINDS[kind]).to_string();
        let half = text.get(..at.index(text.len())).unwrap_or_default();
        let result = wire::decode(half.as_bytes()).map(drop);
        prop_assert!(matches!(result, Err(DecodeError::Json(_))), "{:?}", result);
    }

    #[test]
    fn a_statement_with_any_member_of_any_value_is_read_or_refused(
        kind in 0..KINDS.len(),
        at in any::<prop::sample::Index>(),
        value in json_value(),
    ) {
        let mut s = statement(KINDS[kind]);
        let mut paths = Vec::new();
        list_paths(&s, String::new(), &mut paths);
        let path: &String = at.get(&paths);
        *s.pointer_mut(path).unwrap() = value;
        check_refusal(wire::decode(s.to_string().as_bytes()).map(drop))?;
        check_refusal(wire::from_value(&s).map(drop))?;
    }
}

/// A refusal says something.
fn check_refusal(result: Result<(), DecodeError>) -> Result<(), TestCaseError> {
    if let Err(e) = result {
        let text = e.to_string();
        prop_assert!(!text.is_empty() && text.chars().count() < 800, "{}", text);
    }
    Ok(())
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|n| json!(n)),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 20, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((".{0,8}", inner), 0..4).prop_map(|pairs| pairs.into_iter().collect()),
        ]
    })
}

fn list_paths(value: &Value, at: String, paths: &mut Vec<String>) {
    match value {
        Value::Object(o) => o
            .iter()
            .for_each(|(name, inner)| list_paths(inner, format!("{at}/{name}"), paths)),
        Value::Array(items) => (items.iter().enumerate())
            .for_each(|(i, inner)| list_paths(inner, format!("{at}/{i}"), paths)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    paths.push(at);
}

#[test]
fn the_strategies_make_every_kind() {
    let mut runner = TestRunner::deterministic();
    let strategy = strategies::statement();
    let made: BTreeSet<&str> = (0..1000)
        .map(|_| strategy.new_tree(&mut runner).unwrap().current())
        .map(|statement| statement.body.kind().word())
        .collect();
    assert_eq!(made, BTreeSet::from(KINDS));
}

#[test]
fn every_sample_is_read_and_written_as_it_is() {
    for kind in KINDS {
        let sample = statement(kind);
        let read = wire::decode(sample.to_string().as_bytes()).unwrap();
        assert_eq!(read.statement.body.kind().word(), kind);
        assert_eq!(wire::to_value(&read.statement), sample, "{kind}");
    }
}

#[test]
fn the_written_form_is_pinned() {
    let read = wire::decode(statement("confirm").to_string().as_bytes()).unwrap();
    assert_eq!(
        wire::encode(&read.statement),
        concat!(
            r#"{"answers":"01932c07-9a2e-7c11-8f54-0f6a1c0d9e23","body":{"kind":"confirm","version":1},"#,
            r#""from":"ann@home.example","id":"01932c07-9a2e-7c11-8f54-0f6a1c0d9e22","#,
            r#""request":"01932c07-9a2e-7c11-8f54-0f6a1c0d9e21:ann@home.example","#,
            r#""sent":"2026-11-20T10:15:00Z","to":"orders@shop.example","#,
            r#""trade":{"id":"T-1001","shop":"orders@shop.example"},"tradepost":1}"#
        )
    );
}

#[test]
fn what_a_reader_would_refuse_is_found_before_it_leaves() {
    let read = |kind| {
        wire::decode(statement(kind).to_string().as_bytes())
            .unwrap()
            .statement
    };
    let mut order = read("order");
    assert!(wire::encode_checked(&order).is_ok());
    if let tradepost_statements::Body::Order(body) = &mut order.body {
        body.total = body.total.times(u32::MAX).times(u32::MAX);
    }
    let error = wire::encode_checked(&order).unwrap_err();
    assert_eq!(
        error.to_string(),
        "body.total: an amount has at most 15 digits"
    );

    let mut recall = read("recall");
    recall.trade = None;
    let error = wire::encode_checked(&recall).unwrap_err();
    assert_eq!(error.to_string(), "a recall needs the member trade");
}

/// The largest statements are read; a reader that is not linear would make this test crawl.
#[test]
fn a_statement_of_the_greatest_size_is_read() {
    let mut s = statement("cancel");
    for i in 0..10_000 {
        s[format!("member-{i:05}")] = json!(i);
    }
    let text = s.to_string();
    assert!((190_000..wire::MOST_OCTETS).contains(&text.len()));
    assert!(wire::decode(text.as_bytes()).is_ok());

    let mut order = statement("order");
    let line = order["body"]["lines"][1].clone();
    order["body"]["lines"] = json!(vec![line; 3_200]);
    let text = order.to_string();
    assert!((190_000..wire::MOST_OCTETS).contains(&text.len()));
    assert!(wire::decode(text.as_bytes()).is_ok());

    let mut record = statement("trade-record");
    let key = "0".repeat(40);
    record["body"]["keys"] = (0..3_400)
        .map(|i| (format!("a{i}@b{i}.example"), json!(key)))
        .collect();
    let text = record.to_string();
    assert!((190_000..wire::MOST_OCTETS).contains(&text.len()));
    assert!(wire::decode(text.as_bytes()).is_ok());
}
