//! The specification for the public says what is so: its examples are read, and it has the words.
#![allow(clippy::unwrap_used)]

mod samples;

use tradepost_statements::order::{DeliveryMethod, PaymentMethod, RejectionReason};
use tradepost_statements::progress::Track;
use tradepost_statements::wire;
use tradepost_statements::{DeliveryState, Kind, OrderState, PaymentState};

const README: &str = include_str!("../../README.md");

struct Example {
    heading: String,
    json: String,
}

/// Every block marked as JSON, with the heading that it stands under.
fn examples() -> Vec<Example> {
    let mut examples = Vec::new();
    let mut heading = String::new();
    let mut block: Option<String> = None;
    for line in README.lines() {
        match (&mut block, line) {
            (None, "```json") => block = Some(String::new()),
            (None, line) => {
                if let Some(text) = line.strip_prefix("##") {
                    heading = text.trim_start_matches('#').trim().replace('`', "");
                }
            }
            (Some(json), "```") => {
                examples.push(Example {
                    heading: heading.clone(),
                    json: std::mem::take(json),
                });
                block = None;
            }
            (Some(json), line) => {
                json.push_str(line);
                json.push('\n');
            }
        }
    }
    assert!(block.is_none(), "a block does not end");
    examples
}

#[test]
fn every_example_is_read_and_holds_nothing_that_is_not_known() {
    for Example { heading, json } in examples() {
        let read = wire::decode(json.as_bytes()).unwrap_or_else(|e| panic!("{heading}: {e}"));
        assert_eq!(wire::to_value(&read.statement), read.value, "{heading}");
    }
}

#[test]
fn there_is_an_example_of_every_kind_with_its_letter() {
    let mut shown = Vec::new();
    for Example { heading, json } in examples() {
        let kind = wire::decode(json.as_bytes()).unwrap().statement.body.kind();
        if heading == kind.word() {
            shown.push(heading);
        } else {
            assert_eq!(heading, "2. The statement");
        }
    }
    assert_eq!(shown, samples::KINDS);
    assert_eq!(Kind::ALL.len(), samples::KINDS.len());
    for kind in Kind::ALL {
        let letter = format!("examples/{kind}.eml");
        assert!(
            README.contains(&format!("[`{letter}`]({letter})")),
            "{kind}"
        );
    }
}

#[test]
fn every_word_of_the_types_stands_in_the_specification() {
    let words = [
        Kind::ALL.iter().map(|w| w.word()).collect::<Vec<_>>(),
        Track::ALL.iter().map(|w| w.word()).collect(),
        OrderState::ALL.iter().map(|w| w.word()).collect(),
        DeliveryState::ALL.iter().map(|w| w.word()).collect(),
        PaymentState::ALL.iter().map(|w| w.word()).collect(),
        PaymentMethod::ALL.iter().map(|w| w.word()).collect(),
        DeliveryMethod::ALL.iter().map(|w| w.word()).collect(),
        RejectionReason::ALL.iter().map(|w| w.word()).collect(),
    ];
    for word in words.concat() {
        assert!(README.contains(&format!("`{word}`")), "{word} is missing");
    }
}
