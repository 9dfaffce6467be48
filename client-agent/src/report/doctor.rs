//! What `doctor` found: a line for each check, and what to do below those that failed.

use super::words::{count, safe};
use crate::doctor::Check;
use tradepost_agent::terminal::wrap::wrapped;

/// All checks.
pub(crate) fn checks(checks: &[Check]) -> String {
    let mut lines = Vec::new();
    for check in checks {
        let mark = match (check.ok, &check.remedy) {
            (true, None) => "ok     ",
            (true, Some(_)) => "doubt  ",
            (false, _) => "PROBLEM",
        };
        lines.push(format!("{mark}  {}: {}", check.name, safe(&check.text)));
        if let Some(remedy) = &check.remedy {
            lines.push(wrapped(&format!("-> {}", safe(remedy)), "         "));
        }
    }
    let wrong = checks.iter().filter(|c| !c.ok).count();
    lines.push(String::new());
    lines.push(match wrong {
        0 => "Everything is set up.".to_owned(),
        n => format!("{} to solve.", count(n, "problem")),
    });
    lines.join("\n")
}
