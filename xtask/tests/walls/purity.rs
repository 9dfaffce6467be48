//! What is read from the source text about the world outside: the pure crates do not reach for the clock, the disk or
//! the network through the standard library either, and programs are started in one place.

use crate::house::{HOUSE, root};
use crate::imports::paths;
use crate::sources::sources;
use crate::tokens::{Token, texts, tokens};

/// What a pure crate never says outside its tests.
const IMPURE: [&str; 17] = [
    "std::fs",
    "std::net",
    "std::process",
    "std::env",
    "std::thread",
    "SystemTime",
    "SystemTimeError",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "now_v7",
    "new_v4",
    "RandomState",
    "println!",
    "eprintln!",
    "print!",
    "eprint!",
];

/// Where programs are started, and the secrets of the environment withheld from them.
const STARTS_PROGRAMS: &str = "protocol/agent/src/command/environment.rs";

#[test]
fn the_pure_crates_have_no_clock_no_randomness_and_touch_nothing_outside() {
    let mut found = Vec::new();
    for member in HOUSE.iter().filter(|member| member.is_pure) {
        let sources = sources(&member.src());
        assert!(!sources.is_empty());
        for source in &sources {
            for word in impure(&source.code) {
                found.push(format!("{}: {word}", source.path));
            }
        }
    }
    assert!(
        found.is_empty(),
        "time, ids and bytes are arguments in the pure crates:\n{}",
        found.join("\n")
    );
}

fn impure(code: &[Token]) -> Vec<&'static str> {
    let used = paths(code).used;
    let says = |word: &&str| {
        let word = tokens(word);
        let wanted: Vec<&str> = word.iter().map(|token| token.text.as_str()).collect();
        let names: Vec<&str> = wanted
            .iter()
            .copied()
            .filter(|text| *text != "::")
            .collect();
        (0..code.len()).any(|at| texts(&code[at..], &wanted))
            || used
                .iter()
                .any(|path| path.windows(names.len()).any(|part| part == names))
    };
    IMPURE.into_iter().filter(says).collect()
}

#[test]
fn what_is_impure_is_seen_in_every_form() {
    for (text, words) in [
        ("let a = std::env::var(b);", &["std::env"][..]),
        ("use std::{fmt, fs::{self, File}};", &["std::fs"]),
        ("let id = Uuid::now_v7();", &["now_v7"]),
        (
            "fn f() { let t = jiff :: Timestamp::now(); println!(\"a\") }",
            &["Timestamp::now", "println!"],
        ),
        ("use std::time::SystemTime as Time;", &["SystemTime"]),
        (
            "// std::fs\nlet a = \"std::net\"; let now = statement.now();",
            &[],
        ),
    ] {
        assert_eq!(impure(&tokens(text)), words, "{text}");
    }
}

#[test]
fn agents_start_programs_in_the_one_place_that_withholds_secrets() {
    let impure = HOUSE.iter().filter(|member| !member.is_pure);
    let sources = impure.flat_map(|member| sources(&member.src()));
    let starting = sources.filter(|source| starts_a_program(&source.code));
    let found: Vec<String> = starting.map(|source| source.path).collect();
    assert_eq!(
        found,
        [STARTS_PROGRAMS],
        "have `Environment::command` make it, or no command at all"
    );
}

fn starts_a_program(code: &[Token]) -> bool {
    (0..code.len()).any(|at| texts(&code[at..], &["Command", "::", "new", "("]))
}

#[test]
fn a_start_of_a_program_is_seen() {
    assert!(starts_a_program(&tokens(
        "let a = std::process::Command::new(b);"
    )));
    assert!(!starts_a_program(&tokens(
        "// Command::new(\nlet a = Command::name(\"Command::new(\");"
    )));
}

#[test]
fn the_exception_is_there() {
    assert!(root().join(STARTS_PROGRAMS).is_file());
}
