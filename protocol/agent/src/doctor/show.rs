//! What was found: a line for each check, and what to do below those that are not as they should be; or
//! as JSON.

use std::io;
use std::process::ExitCode;

use tradepost_letters::untrusted::show as safe;

use super::{Check, CheckState};
use crate::terminal::wrap::wrapped;
use crate::terminal::{json, output};

/// Prints the checks; status 1 where one of them failed.
///
/// # Errors
/// Standard output cannot be written.
pub fn show(checks: &[Check], is_json: bool) -> io::Result<ExitCode> {
    if is_json {
        output::data(&json::pretty(checks)?)?;
    } else {
        output::page(&in_words(checks))?;
    }
    Ok(if checks.iter().all(Check::is_ok) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn in_words(checks: &[Check]) -> String {
    let mut lines = Vec::new();
    for check in checks {
        let mark = match check.state {
            CheckState::Ok => "ok     ",
            CheckState::Doubtful => "doubt  ",
            CheckState::Failed => "PROBLEM",
        };
        lines.push(format!("{mark}  {}: {}", check.name, safe(&check.found)));
        if let Some(remedy) = &check.remedy {
            lines.push(wrapped(&format!("-> {}", safe(remedy)), "         "));
        }
    }
    lines.push(String::new());
    lines.push(match checks.iter().filter(|c| !c.is_ok()).count() {
        0 => "Everything is set up.".to_owned(),
        1 => "1 problem to solve.".to_owned(),
        n => format!("{n} problems to solve."),
    });
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_doubtful_counts_as_no_problem_and_hidden_characters_are_seen() {
        let mut checks = vec![
            Check::ok("DNS", "answers"),
            Check::doubtful("letters", "one\u{1b}[2J", "look at it"),
        ];
        let doubt = "doubt    letters: one\\u{1b}[2J\n         -> look at it";
        let page = format!("ok       DNS: answers\n{doubt}\n\n");
        assert_eq!(in_words(&checks), format!("{page}Everything is set up."));
        checks.push(Check::error("mailbox", "it is away"));
        let page = format!("ok       DNS: answers\n{doubt}\nPROBLEM  mailbox: it is away\n\n");
        assert_eq!(in_words(&checks), format!("{page}1 problem to solve."));
    }

    #[test]
    fn a_program_reads_of_each_check_whether_it_is_well_and_what_to_do() {
        let checks = [
            Check::doubtful("letters", "one", "look at it"),
            Check::error("mailbox", "it is away"),
        ];
        assert_eq!(
            serde_json::to_value(checks).unwrap(),
            serde_json::json!([
                { "name": "letters", "ok": true, "state": "doubtful", "found": "one", "remedy": "look at it" },
                { "name": "mailbox", "ok": false, "state": "failed", "found": "it is away", "remedy": null },
            ])
        );
    }
}
