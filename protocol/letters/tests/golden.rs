//! The golden letters: each bad one beside the good one that it spoils.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::PathBuf;

use tradepost_letters::{LetterContent, OpenedLetter, RelayPolicy, open};
use tradepost_statements::Evidence;

const EXPECTED: &str = include_str!("letters/expected.txt");

struct Row<'a> {
    file: &'a str,
    beside: &'a str,
    evidence: &'a str,
    content: &'a str,
    says: &'a str,
}

fn rows() -> Vec<Row<'static>> {
    let lines = EXPECTED.lines().filter(|l| !l.starts_with('#'));
    lines
        .map(|line| {
            let mut columns = line.split('|').map(str::trim);
            let mut next = || columns.next().unwrap_or("");
            Row {
                file: next(),
                beside: next(),
                evidence: next(),
                content: next(),
                says: next(),
            }
        })
        .collect()
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/letters")
}

fn opened(file: &str) -> OpenedLetter {
    let path = folder().join(format!("{file}.eml"));
    let raw = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let policy = RelayPolicy::new(vec!["mx.home.example".parse().unwrap()], None);
    open(&raw, &policy)
}

fn content(opened: &OpenedLetter) -> String {
    match &opened.content {
        LetterContent::NotOurs => "not-ours".to_owned(),
        LetterContent::Statement(_) => "statement".to_owned(),
        LetterContent::Unreadable { why, .. } => why.to_string(),
    }
}

#[test]
fn every_golden_letter_proves_and_says_what_the_table_says() {
    let mut faults = Vec::new();
    for row in rows() {
        let opened = opened(row.file);
        let seen = format!("{} {}", opened.evidence, content(&opened));
        let text = match &opened.content {
            LetterContent::Unreadable { text, .. } => text.as_str(),
            LetterContent::NotOurs | LetterContent::Statement(_) => "",
        };
        let words = if opened.evidence == Evidence::None {
            &opened.proof
        } else {
            text
        };
        if seen != format!("{} {}", row.evidence, row.content) || !words.contains(row.says) {
            faults.push(format!("{}: {seen}: {} {text}", row.file, opened.proof));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_bad_letter_stands_beside_a_good_one() {
    let mut bad = 0;
    for row in rows().iter().filter(|row| row.beside != "-") {
        let good = opened(row.beside);
        assert_eq!(
            (good.evidence, content(&good).as_str()),
            (Evidence::Relay, "statement"),
            "{}",
            row.beside
        );
        bad += 1;
    }
    assert!(bad >= 60, "only {bad} bad letters");
}

#[test]
fn the_table_has_every_file_of_the_folder() {
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".eml").map(str::to_owned))
        .collect();
    let named: BTreeSet<String> = rows().iter().map(|row| row.file.to_owned()).collect();
    assert_eq!(files, named);
}
