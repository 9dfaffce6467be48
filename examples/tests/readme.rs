//! What the READMEs tell people to type: every command and every option in them must be there.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One command as a README shows it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Typed {
    program: String,
    /// The command, and what may be a command of it.
    words: Vec<String>,
    options: Vec<String>,
}

#[test]
fn every_command_and_option_that_a_readme_shows_is_there() {
    let mut typed = BTreeSet::new();
    for readme in readmes() {
        typed.extend(commands_in(&fs::read_to_string(readme).unwrap()));
    }
    assert!(typed.len() > 25, "{typed:#?}");
    for command in &typed {
        assert_eq!(fault(command), None, "{command:?}");
    }
}

#[test]
fn a_command_or_option_that_is_not_there_is_found() {
    let read = |text: &str| commands_in(text).into_iter().next().unwrap();
    for (right, wrong) in [
        ("`tradepost list --unpaid`", "`tradepost list --unpayed`"),
        ("`tradepost list`", "`tradepost lists`"),
        (
            "```console\n$ tradepost-server --config x.toml outbox retry --all   # all\n```",
            "```console\n$ tradepost-server --config x.toml outbox retry --everything\n```",
        ),
        (
            "```console\nshop$ echo '{}' | tradepost-server emit\n```",
            "```console\nshop$ echo '{}' | tradepost-server emits\n```",
        ),
    ] {
        assert_eq!(fault(&read(right)), None, "{right}");
        assert!(fault(&read(wrong)).is_some(), "{wrong}");
    }
}

fn fault(typed: &Typed) -> Option<String> {
    let program = Path::new(env!("CARGO_BIN_EXE_story")).with_file_name(&typed.program);
    let output = Command::new(program)
        .args(&typed.words)
        .arg("--help")
        .output()
        .unwrap();
    if !output.status.success() {
        return Some(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let help = String::from_utf8_lossy(&output.stdout);
    let known: BTreeSet<&str> = help
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .collect();
    let unknown = typed.options.iter().find(|o| !known.contains(o.as_str()));
    unknown.map(|option| format!("there is no {option}"))
}

/// What stands behind a prompt in a block for the terminal, and what stands in backquotes.
fn commands_in(readme: &str) -> Vec<Typed> {
    let mut found = Vec::new();
    let mut block = None;
    for line in readme.lines() {
        match (block, line.strip_prefix("```")) {
            (None, Some(language)) => block = Some(language),
            (Some(_), Some(_)) => block = None,
            (Some("console"), None) => {
                if let Some((_, typed)) = line.split_once("$ ") {
                    found.extend(commands_of(typed));
                }
            }
            (Some(_), None) => {}
            (None, None) => {
                let spans = line.split('`').skip(1).step_by(2);
                found.extend(spans.flat_map(commands_of));
            }
        }
    }
    found
}

/// The commands of ours in a line of a shell.
fn commands_of(line: &str) -> Vec<Typed> {
    let parts = line.split(['|', ';', '&', '#', '<', '>', '(', ')']);
    parts.filter_map(one).collect()
}

fn one(part: &str) -> Option<Typed> {
    let mut words = part.split_whitespace().map(str::to_owned).peekable();
    let ours = |word: &String| ["tradepost", "tradepost-server"].contains(&word.as_str());
    let program = words.next().filter(ours)?;
    while words.next_if(|word| word.starts_with("--")).is_some() {
        words.next(); // The value of --config or --data.
    }
    let mut typed = Typed {
        program,
        words: Vec::new(),
        options: Vec::new(),
    };
    for word in words {
        if word.starts_with("--") {
            typed.options.push(word);
        } else if typed.options.is_empty() && typed.words.len() < 2 && is_a_name(&word) {
            typed.words.push(word);
        }
    }
    (!typed.words.is_empty()).then_some(typed)
}

/// Commands are words of small letters; what else stands there is for them to read.
fn is_a_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
}

fn readmes() -> Vec<PathBuf> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = vec![
        examples.join("README.md"),
        examples.with_file_name("README.md"),
    ];
    for entry in fs::read_dir(examples).unwrap() {
        let readme = entry.unwrap().path().join("README.md");
        if readme.is_file() {
            found.push(readme);
        }
    }
    found
}
