//! Letters that lie: each case is a genuine letter with one change. The genuine one, on a copy of the same ledger,
//! changes it as it should; the changed one changes no byte of the trades and gives the warning that is named.
//!
//! A table has the kinds of lies ([`kinds`]), a program makes the letters: of each kind one for each scene, that is,
//! for each letter that could be the real one, and for both ways to prove its sender ([`world`]). Each is
//! tried before the real letter, after it, and instead of it ([`trial`]).
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod by_import;
mod draft;
mod kind;
mod kinds;
mod name_server;
mod signing;
mod stories;
#[path = "../support/mod.rs"]
mod support;
mod trial;
mod world;

use std::collections::BTreeSet;

use tradepost_buyer::WarningKind;

use crate::kind::Kind;
use crate::trial::{believe_all, letters_of, try_all};

// Requirements: E16
#[test]
fn who_wrote_the_letter() {
    try_all(&kinds::author::kinds());
}

// Requirements: E6, E16
#[test]
fn from_which_address_it_comes() {
    try_all(&kinds::addresses::kinds());
}

#[test]
fn who_signed_the_letter() {
    try_all(&kinds::signatures::kinds());
}

#[test]
fn what_became_of_it_on_the_way() {
    try_all(&kinds::transit::kinds());
}

#[test]
fn what_the_provider_found() {
    try_all(&kinds::results::kinds());
}

#[test]
fn which_part_holds_the_statement() {
    try_all(&kinds::mime::kinds());
}

#[test]
fn what_the_statement_is_made_of() {
    try_all(&kinds::json::kinds());
}

#[test]
fn what_a_proven_sender_has_no_say_in() {
    try_all(&kinds::protocol::kinds());
}

// Requirements: E6, E17
#[test]
fn what_a_party_cannot_say() {
    try_all(&kinds::trades::kinds());
}

#[test]
fn what_looks_odd_and_is_no_lie_is_believed() {
    believe_all(&kinds::honest::letters());
}

/// Warnings that a letter can get; the ledger gives the others by itself, and OpenPGP is not here yet.
const OF_LETTERS: [WarningKind; 17] = [
    WarningKind::UnprovenSender,
    WarningKind::UnreadableStatement,
    WarningKind::UnsupportedStatement,
    WarningKind::Undecryptable,
    WarningKind::WrongSender,
    WarningKind::WrongRecipient,
    WarningKind::ConflictingStatement,
    WarningKind::UnknownRequest,
    WarningKind::SecondTrade,
    WarningKind::ChangedContents,
    WarningKind::NoSuchTrade,
    WarningKind::WrongAmount,
    WarningKind::WrongItems,
    WarningKind::ConflictingStatus,
    WarningKind::ImpossibleStep,
    WarningKind::SequenceRestarted,
    WarningKind::LookalikeSender,
];

#[test]
fn the_tables_are_as_long_as_they_were_and_give_every_warning() {
    let kinds: Vec<Kind> = kinds::all();
    let names: BTreeSet<&str> = kinds.iter().map(|k| k.name).collect();
    assert_eq!(names.len(), kinds.len(), "each kind has a name of its own");
    let letters: usize = kinds.iter().map(letters_of).sum();
    println!("{} kinds of lies, {letters} letters", kinds.len());
    assert!(kinds.len() >= 540 && letters >= 9_000);
    let mut warnings: BTreeSet<WarningKind> =
        kinds.iter().filter_map(|k| k.expected.warning()).collect();
    warnings.extend(
        kinds
            .iter()
            .any(|k| k.lookalike)
            .then_some(WarningKind::LookalikeSender),
    );
    assert_eq!(warnings, BTreeSet::from(OF_LETTERS));
}
