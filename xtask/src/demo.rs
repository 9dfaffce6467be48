//! `cargo xtask demo`: builds the programs and tells the story of the `demo` example with them.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::test::cargo;
use crate::wrong_usage;

const USAGE: &str = "\
Shows a purchase from order to doorstep: a mail server, three servers and a buyer's daemon run as
separate processes in a temporary folder, on this machine only.

Usage: cargo xtask demo [--keep]

Options:
      --keep   Leave everything running at the end and print the commands to play on
  -h, --help   Print this text
";

pub(crate) fn run(arguments: &[OsString]) -> Result<ExitCode> {
    let mut passed_on = Vec::new();
    for argument in arguments {
        match argument.to_str() {
            Some("--keep") => passed_on.push("--keep"),
            Some("--help" | "-h") => {
                print!("{USAGE}");
                return Ok(ExitCode::SUCCESS);
            }
            Some(_) | None => {
                let what = format!("demo knows no argument `{}`", argument.to_string_lossy());
                return Ok(wrong_usage(&what, USAGE));
            }
        }
    }
    build_and_become("demo", &passed_on)
}

/// Builds the programs and becomes one of them.
pub(crate) fn build_and_become(name: &str, arguments: &[&str]) -> Result<ExitCode> {
    let beside_us = std::env::current_exe().context("cannot find the folder of the programs")?;
    build_the_programs(&beside_us)?;
    // Started directly: `cargo run` would compile many crates once more, for the features that this one
    // program needs. And put in our place, so that Ctrl-C and the exit status are its own.
    let program = beside_us.with_file_name(name);
    let error = Command::new(&program).args(arguments).exec();
    Err(error).with_context(|| format!("cannot start {}", program.display()))
}

/// The story starts `tradepost` and `tradepost-server` from the folder its own program lies in.
fn build_the_programs(beside_us: &Path) -> Result<()> {
    if !beside_us.with_file_name("demo").exists() {
        eprintln!(
            "Compiling Tradepost for the first time; this takes a few minutes, later starts a second."
        );
    }
    let status = cargo()
        .args(["build", "--workspace", "--bins"])
        .status()
        .context("cannot run cargo")?;
    anyhow::ensure!(
        status.success(),
        "the programs could not be built; the messages of the compiler are above"
    );
    Ok(())
}
