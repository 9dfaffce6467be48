//! `cargo xtask demo`: builds the programs and tells the story of the `demo` example with them.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::test::{cargo, workspace_root};
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
    build_the_programs()?;
    let status = cargo()
        .args([
            "run",
            "--quiet",
            "--package",
            "tradepost-examples",
            "--bin",
            "demo",
            "--",
        ])
        .args(passed_on)
        .status()
        .context("cannot run cargo")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The story starts `tradepost` and `tradepost-server` from the folder its own program lies in.
fn build_the_programs() -> Result<()> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || workspace_root().join("target"),
        |dir| workspace_root().join(dir),
    );
    if !target.join("debug/tradepost").exists() {
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
