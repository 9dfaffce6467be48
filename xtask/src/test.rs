//! `cargo xtask test`: every test of the workspace, those against real mail servers included.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result};

use crate::packages::{self, Servers};
use crate::schemathesis;
use crate::wrong_usage;

const USAGE: &str = "\
Runs every test. As root on Debian or Ubuntu it first installs the mail servers that tests talk to
(Dovecot, Postfix, OpenDKIM and dnsmasq; they are not started as services of the system), and fetches
schemathesis from PyPI into the target folder. Then it builds all programs, and runs the doc tests and,
with cargo nextest where that is installed, else with cargo test, all others.

Usage: cargo xtask test [--clock OFFSET] [-- ARGUMENT..]

Arguments after `--` go to the test runner, for instance a part of the name of a test; the doc tests are
left out then.

Options:
      --clock OFFSET  Run the tests with the clock moved by so much (+800d, +36h, -90m, +5s), by libfaketime;
                      those that need mail servers of the system are skipped, and doc tests left out
  -h, --help          Print this text

Environment:
  TRADEPOST_REQUIRE_SERVERS=1   A test that cannot have its mail servers or programs fails instead of being skipped
";

/// Names the file in which a test that was skipped, for want of mail servers or of data, leaves a line.
const SKIPPED_FILE: &str = "TRADEPOST_SKIPPED_FILE";

pub(crate) fn run(arguments: &[OsString]) -> Result<ExitCode> {
    let (clock, arguments) = match arguments {
        [option, offset, rest @ ..] if option == "--clock" => {
            let Some(clock) = offset.to_str().and_then(Clock::moved_by) else {
                let what = format!(
                    "--clock takes a sign, a number and d, h, m or s, such as +800d, not `{}`",
                    offset.to_string_lossy()
                );
                return Ok(wrong_usage(&what, USAGE));
            };
            (Some(clock), rest)
        }
        all => (None, all),
    };
    let passed_on = match arguments.first().and_then(|first| first.to_str()) {
        None if arguments.is_empty() => &[],
        Some("--help" | "-h") => {
            print!("{USAGE}");
            return Ok(ExitCode::SUCCESS);
        }
        Some("--") => arguments.get(1..).unwrap_or_default(),
        Some(_) | None => {
            let what = format!(
                "test knows no argument `{0}`; what goes to the test runner stands after `--`: \
                 cargo xtask test -- {0}",
                arguments[0].to_string_lossy()
            );
            return Ok(wrong_usage(&what, USAGE));
        }
    };
    if clock.is_some() {
        packages::install_libfaketime()?;
    }
    if let Servers::Absent(why) = packages::install_what_is_missing()? {
        eprintln!("Tests against real mail servers cannot run: {why}.");
    } else if !packages::is_root() {
        eprintln!("Tests against real mail servers cannot run: Postfix needs root.");
    }
    if let Some(why) = schemathesis::install_if_missing()? {
        eprintln!("The OpenAPI document cannot be tested: {why}.");
    }
    let skipped_file =
        std::env::temp_dir().join(format!("tradepost-skipped-{}", std::process::id()));
    let _ = fs::remove_file(&skipped_file);
    let all_passed = build_and_test(passed_on, clock.as_ref(), &skipped_file);
    let skipped = fs::read_to_string(&skipped_file).unwrap_or_default();
    let _ = fs::remove_file(&skipped_file);
    report_skipped(&skipped);
    Ok(if all_passed? {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Another time than the true one, for the tests and the programs that they start.
struct Clock(String);

impl Clock {
    /// Reads an offset as libfaketime takes it. All processes of a run share it, so that their clocks agree; it is
    /// never a point of time, at which each of them would begin anew.
    fn moved_by(offset: &str) -> Option<Clock> {
        let number = offset.strip_prefix(['+', '-'])?;
        let number = number.strip_suffix(['d', 'h', 'm', 's'])?;
        let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| Clock(offset.to_owned()))
    }

    /// What cargo and nextest put before each test program. Their own clocks stay right, for the age of files.
    fn runner(&self) -> String {
        format!(
            "env LD_PRELOAD={} FAKETIME={} FAKETIME_DONT_FAKE_MONOTONIC=1",
            packages::LIBFAKETIME,
            self.0
        )
    }
}

/// The name of cargo's variable for what it runs test programs by on this platform.
fn runner_variable() -> Result<String> {
    let version = cargo().arg("-vV").output().context("cannot run cargo")?;
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("cargo -vV names no host")?;
    let host = host.to_ascii_uppercase().replace(['-', '.'], "_");
    Ok(format!("CARGO_TARGET_{host}_RUNNER"))
}

fn build_and_test(
    passed_on: &[OsString],
    clock: Option<&Clock>,
    skipped_file: &Path,
) -> Result<bool> {
    // The end-to-end tests start the programs, which cargo does not build for the tests of another package.
    let built = cargo()
        .args(["build", "--workspace", "--all-targets"])
        .status()
        .context("cannot run cargo")?;
    if !built.success() {
        return Ok(false);
    }
    let doc_tests_passed = if passed_on.is_empty() && clock.is_none() {
        let status = cargo()
            .args(["test", "--workspace", "--doc"])
            .status()
            .context("cannot run cargo")?;
        status.success()
    } else {
        true
    };
    let mut runner = cargo();
    if nextest_is_installed() {
        runner.args(["nextest", "run", "--workspace", "--no-fail-fast"]);
    } else {
        runner.args(["test", "--workspace", "--all-targets", "--no-fail-fast"]);
    }
    if let Some(clock) = clock {
        runner.env(runner_variable()?, clock.runner());
    }
    let status = runner
        .args(passed_on)
        .env(SKIPPED_FILE, skipped_file)
        .status()
        .context("cannot run cargo")?;
    Ok(status.success() && doc_tests_passed)
}

pub(crate) fn nextest_is_installed() -> bool {
    cargo()
        .args(["nextest", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn report_skipped(lines: &str) {
    let count = lines.lines().count();
    if count == 0 {
        return;
    }
    eprintln!(
        "\nSKIPPED: {count} test{}",
        if count == 1 { "" } else { "s" }
    );
    for line in lines.lines() {
        eprintln!("  {line}");
    }
    eprintln!(
        "Those that need mail servers run with `cargo xtask test` as root on Debian or Ubuntu."
    );
}

/// The cargo that started us, in the workspace's folder.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace_root());
    command
}

pub(crate) fn workspace_root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}
