//! `cargo xtask requirement`: says what a requirement is, and which tests and scenarios show it.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use xtask::tree_tests::TreeTests;

use crate::test::workspace_root;
use crate::wrong_usage;

const USAGE: &str = "\
Lists the tests that show a requirement, and the scenarios that tell of it.

Usage: cargo xtask requirement ID

The ids, such as E7 or Q4, are those of section 12 of `protocol/README.md`. Ends with status 1 where nothing shows it.

Options:
  -h, --help      Print this text
";

pub(crate) fn run(arguments: &[OsString]) -> Result<ExitCode> {
    let words: Vec<&str> = arguments.iter().filter_map(|word| word.to_str()).collect();
    let id = match words[..] {
        ["--help" | "-h"] => {
            print!("{USAGE}");
            return Ok(ExitCode::SUCCESS);
        }
        [id] => id,
        _ => return Ok(wrong_usage("requirement needs one id", USAGE)),
    };
    let top = workspace_root();
    let specification = top.join("protocol/README.md");
    let text = fs::read_to_string(&specification)
        .with_context(|| format!("can't read {}", specification.display()))?;
    let Some(stated) = stated(&text, id) else {
        return Ok(wrong_usage(
            &format!("there is no requirement `{id}`"),
            USAGE,
        ));
    };
    println!("{id}: {stated}\n");
    let tests = TreeTests::read(&top)?;
    let mut shown = 0;
    for test in tests.showing(id) {
        println!("{}: {}", test.file, test.name);
        shown += 1;
    }
    for scenario in scenarios(&top, id)? {
        println!("{scenario}");
        shown += 1;
    }
    if shown == 0 {
        eprintln!("xtask: nothing shows {id}");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// What the specification demands under an id.
fn stated<'t>(specification: &'t str, id: &str) -> Option<&'t str> {
    let (_, below) = specification.split_once("\n## 12. Requirements\n")?;
    let row = format!("| {id} | ");
    let line = below.lines().find_map(|line| line.strip_prefix(&row));
    line.map(|line| line.trim_end_matches('|').trim())
}

/// The scenarios that name it in their `rows`.
fn scenarios(top: &Path, id: &str) -> Result<Vec<String>> {
    const FOLDER: &str = "protocol/simulation/scenarios";
    let mut found = Vec::new();
    for entry in fs::read_dir(top.join(FOLDER)).with_context(|| format!("can't read {FOLDER}"))? {
        let path = entry?.path();
        let text =
            fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
        let mut rows = text.lines().filter(|line| line.starts_with("rows = "));
        if rows.any(|line| line.split('"').skip(1).step_by(2).any(|row| row == id)) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            found.push(format!("{FOLDER}/{name}"));
        }
    }
    found.sort();
    Ok(found)
}
