//! All printing goes through `agent::terminal`: there text of others is escaped, and one place knows whether a person
//! looks on.

use std::collections::BTreeSet;

use crate::house::HOUSE;
use crate::sources::sources;
use crate::tokens::{Token, texts, tokens};

const TERMINAL: [&str; 2] = [
    "protocol/agent/src/terminal.rs",
    "protocol/agent/src/terminal/",
];

/// A file that may say a word all the same, and why.
const EXCEPTIONS: [(&str, &str, &str); 1] = [(
    "protocol/agent/src/log.rs",
    "stderr",
    "the log is no answer to anybody: its library writes the lines, and needs the place and whether it takes colour",
)];

#[test]
fn all_printing_goes_through_the_terminal() {
    let mut found = Vec::new();
    let mut excused = BTreeSet::new();
    for source in HOUSE.iter().flat_map(|member| sources(&member.src())) {
        if TERMINAL.iter().any(|place| source.path.starts_with(place)) {
            continue;
        }
        for (line, word) in printed(&source.code) {
            let exception = EXCEPTIONS
                .iter()
                .position(|(path, may, _)| *path == source.path && *may == word);
            match exception {
                Some(at) => {
                    excused.insert(at);
                }
                None => found.push(format!("{}:{line}: {word}", source.path)),
            }
        }
    }
    assert!(
        found.is_empty(),
        "have `agent::terminal` print it:\n{}",
        found.join("\n")
    );
    for (at, (path, word, _)) in EXCEPTIONS.iter().enumerate() {
        assert!(
            excused.contains(&at),
            "{path} no longer says {word}: take it off the list"
        );
    }
}

/// Where the code prints, or asks what its output is: the lines and the words.
fn printed(code: &[Token]) -> Vec<(usize, &str)> {
    let words = code.iter().enumerate().filter(|(at, token)| {
        let next = code.get(at + 1).map(|token| token.text.as_str());
        let before = at.checked_sub(1).map(|at| code[at].text.as_str());
        match token.text.as_str() {
            "println" | "eprintln" | "print" | "eprint" | "dbg" => next == Some("!"),
            // A child process has methods of that name, and a struct may have members.
            "stdout" | "stderr" => {
                before == Some("::")
                    || next == Some("(") && !matches!(before, Some("." | "fn"))
                    || is_taken(code, *at)
            }
            _ => false,
        }
    });
    words
        .map(|(_, token)| (token.line, token.text.as_str()))
        .collect()
}

/// Whether the word stands in the braces of a `use`.
fn is_taken(code: &[Token], at: usize) -> bool {
    let start = code[..at]
        .iter()
        .rposition(|token| matches!(token.text.as_str(), ";" | "use"));
    start.is_some_and(|start| texts(&code[start..], &["use"]))
}

#[test]
fn printing_is_seen_in_every_form() {
    for (text, words) in [
        (
            "println!(\"{a}\"); eprint!(\"b\")",
            &["println", "eprint"][..],
        ),
        ("std::dbg!(a)", &["dbg"]),
        (
            "let a = io::stdout().lock(); with_writer(std::io::stderr)",
            &["stdout", "stderr"],
        ),
        (
            "use std::io::{self, stdout, Write}; stdout().lock()",
            &["stdout", "stdout"],
        ),
        (
            "io::stderr().is_terminal() && ProgressDrawTarget::stderr()",
            &["stderr", "stderr"],
        ),
        (
            "command.stdout(Stdio::piped()); let (stdout, stderr) = (a.stdout, b.stderr.take());",
            &[],
        ),
        (
            "// println!(\"a\")\nlet print = \"println!\"; print(a) != b; f(terminal::print)",
            &[],
        ),
        ("fn stdout() {}", &[]),
    ] {
        let code = tokens(text);
        let found: Vec<&str> = printed(&code).into_iter().map(|(_, word)| word).collect();
        assert_eq!(found, words, "{text}");
    }
}
