//! `cargo xtask mutants`: is there a test for every rule?

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::test::{cargo, nextest_is_installed, workspace_root};
use crate::wrong_usage;

const USAGE: &str = "\
Takes away one rule of the protocol after the other, and expects a test to fail each time. It makes one build
with the feature `mutants`, in which the environment variable TRADEPOST_MUTANT names the rule to leave out; the
rules are the names that the sources pass to `in_force`. It takes many minutes.

Usage: cargo xtask mutants [PART-OF-A-NAME..]

Exit status 1 when a rule could be removed without a test failing.

Options:
  -l, --list   Print the names of the rules and end
  -h, --help   Print this text
";

/// The crates that have rules, or tests of them.
const PACKAGES: [&str; 5] = [
    "tradepost-statements",
    "tradepost-buyer",
    "tradepost-letters",
    "tradepost-proof",
    "tradepost-client",
];

/// These tests start no servers.
const QUICK: &str = "package(tradepost-statements) + package(tradepost-letters) \
    + package(tradepost-buyer) + (package(tradepost-proof) & binary(dkim)) \
    + (package(tradepost-client) & binary(lies))";

pub(crate) fn run(arguments: &[OsString]) -> Result<ExitCode> {
    let mut parts = Vec::new();
    let mut only_list = false;
    for argument in arguments {
        match argument.to_str() {
            Some("--help" | "-h") => {
                print!("{USAGE}");
                return Ok(ExitCode::SUCCESS);
            }
            Some("--list" | "-l") => only_list = true,
            Some(part) if !part.starts_with('-') => parts.push(part),
            Some(_) | None => {
                let what = format!("mutants knows no option {}", argument.to_string_lossy());
                return Ok(wrong_usage(&what, USAGE));
            }
        }
    }
    let mut rules = rules()?;
    rules.retain(|rule| parts.is_empty() || parts.iter().any(|part| rule.contains(part)));
    if only_list {
        for rule in &rules {
            println!("{rule}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    if rules.is_empty() {
        bail!("no rule has such a name; `cargo xtask mutants --list` prints them");
    }
    build()?;
    if !tests(None, None)?.success() {
        bail!("the tests fail although no rule is removed: mend that first");
    }
    let mut missed = Vec::new();
    for (number, rule) in rules.iter().enumerate() {
        let start = Instant::now();
        let caught = is_caught(rule)?;
        println!(
            "{:>3}/{} {} {rule} ({:.0} s)",
            number + 1,
            rules.len(),
            if caught { "caught" } else { "MISSED" },
            start.elapsed().as_secs_f64()
        );
        if !caught {
            missed.push(rule);
        }
    }
    println!(
        "{} of {} rules are missed by a test when they are gone.",
        rules.len() - missed.len(),
        rules.len()
    );
    Ok(if missed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The names that the sources pass to `in_force`.
fn rules() -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for name in ["letters", "trades", "post"] {
        let folder = workspace_root().join("protocol").join(name).join("src");
        collect(&folder, &mut found)
            .with_context(|| format!("cannot read {}", folder.display()))?;
    }
    Ok(found)
}

fn collect(folder: &Path, found: &mut BTreeSet<String>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path)?;
            for rest in text.split("in_force(").skip(1) {
                let name = rest.trim_start().strip_prefix('"');
                found.extend(
                    name.and_then(|n| n.split_once('"'))
                        .map(|(name, _)| name.to_owned()),
                );
            }
        }
    }
    Ok(())
}

fn build() -> Result<()> {
    let mut command = tests_command();
    command.arg("--no-run");
    if !command.status().context("cannot run cargo")?.success() {
        bail!("the tests do not build");
    }
    Ok(())
}

/// Whether a test fails when a rule is gone. The tests of the decisions take seconds, the others minutes, so
/// these come first; what they miss is tried by all others.
fn is_caught(rule: &str) -> Result<bool> {
    if !nextest_is_installed() {
        return Ok(!tests(Some(rule), None)?.success());
    }
    let others = format!("not ({QUICK})");
    Ok(!tests(Some(rule), Some(QUICK))?.success() || !tests(Some(rule), Some(&others))?.success())
}

/// Stops at the first test that fails, and all others with it.
fn tests(without: Option<&str>, which: Option<&str>) -> Result<std::process::ExitStatus> {
    let mut command = tests_command();
    if let Some(which) = which {
        command.args(["-E", which]);
    }
    if nextest_is_installed() {
        command.arg("--max-fail=1:immediate");
    }
    if let Some(rule) = without {
        command.env("TRADEPOST_MUTANT", rule);
    }
    command.stdin(Stdio::null());
    if std::env::var_os("TRADEPOST_MUTANTS_OUTPUT").is_none() {
        command.stdout(Stdio::null()).stderr(Stdio::null());
    }
    command.status().context("cannot run cargo")
}

fn tests_command() -> Command {
    let mut command = cargo();
    if nextest_is_installed() {
        command.args(["nextest", "run"]);
    } else {
        command.arg("test");
    }
    for package in PACKAGES {
        command.args(["-p", package]);
    }
    command.args(["--features", "tradepost-statements/mutants"]);
    command
}
