//! Developer commands of Tradepost: `cargo xtask test`, `demo`, `story`, `requirement`.
//!
//! They call other programs (cargo, apt) and say what they do, or read the files of the tree; nothing of the project
//! itself is built into them, so that they compile in a moment.

mod demo;
mod packages;
mod requirement;
mod schemathesis;
mod story;
mod test;

use std::ffi::OsString;
use std::process::ExitCode;

const USAGE: &str = "\
Developer commands of Tradepost

Usage: cargo xtask <COMMAND>

Commands:
  demo          Show a purchase from order to doorstep, told by mail
  requirement   List the tests that show a requirement
  story         Tell one of the stories of examples/
  test          Install what the tests need, build everything, run every test

`cargo xtask <COMMAND> --help` says more.
";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let command = arguments.next();
    let rest: Vec<OsString> = arguments.collect();
    let outcome = match command.as_deref().and_then(|name| name.to_str()) {
        Some("demo") => demo::run(&rest),
        Some("requirement") => requirement::run(&rest),
        Some("story") => story::run(&rest),
        Some("test") => test::run(&rest),
        Some("help" | "--help" | "-h") => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Some(other) => return wrong_usage(&format!("there is no command `{other}`"), USAGE),
        None => return wrong_usage("a command is missing", USAGE),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Says on stderr what was wrong with the command line; exit status 2.
fn wrong_usage(what: &str, usage: &str) -> ExitCode {
    eprintln!("xtask: {what}\n\n{usage}");
    ExitCode::from(2)
}
