//! The judgement is a table, and no row of it stands for nothing: judged by all rows but one, a letter of the
//! corpus is judged otherwise than by all.
#![allow(clippy::unwrap_used, missing_docs)]

mod lies;
mod support;

use lies::{Expected, Lie, genuine, ledger, lies};
use support::Letter;
use tradepost_buyer::{RULES, Rule, Verdict, receive_by};

/// What becomes of a letter by these rows.
fn judged_by(rules: &[Rule], letter: &Letter) -> Expected {
    let ledger = ledger();
    let received = ledger.received(letter, "the letter");
    let change = receive_by(rules, &ledger.settings, &ledger.rows, &received, ledger.now);
    let judgement = change.judgement.unwrap();
    Expected {
        verdict: judgement.verdict,
        // None where a letter was stopped by no row.
        line: judgement.rule.unwrap_or(0),
        warning: judgement.warning,
    }
}

#[test]
fn by_the_whole_table_every_genuine_letter_counts_and_every_lie_gets_its_verdict() {
    for (name, letter) in genuine() {
        let judged = judged_by(RULES, &letter);
        let counts = matches!(judged.verdict, Verdict::Applied | Verdict::Adopted);
        assert!(counts && judged.line == 16, "{name}: {judged:?}");
    }
    for lie in lies() {
        assert_eq!(judged_by(RULES, &lie.letter), lie.expected, "{}", lie.name);
    }
}

// Requirements: E16
#[test]
fn without_any_row_some_lie_is_judged_otherwise() {
    let lies = lies();
    let mut unnoticed = Vec::new();
    for (n, row) in RULES.iter().enumerate() {
        let without: Vec<Rule> = [&RULES[..n], &RULES[n + 1..]].concat();
        let is_noticed = |lie: &Lie| judged_by(&without, &lie.letter) != lie.expected;
        let mut of_its_line = lies.iter().filter(|lie| lie.expected.line == row.line);
        if !of_its_line.any(is_noticed) {
            unnoticed.push(row.to_string());
        }
    }
    let noticed = RULES.len() - unnoticed.len();
    println!("{} rows tried, {noticed} noticed", RULES.len());
    assert_eq!(unnoticed, [""; 0], "no lie needs these rows");
}

#[test]
fn the_rows_stand_in_the_order_of_the_lines_from_2_to_15() {
    let lines: Vec<u8> = RULES.iter().map(|row| row.line).collect();
    assert!(lines.is_sorted(), "{lines:?}");
    let mut once = lines;
    once.dedup();
    assert_eq!(once, Vec::from_iter(2..=15));
}
