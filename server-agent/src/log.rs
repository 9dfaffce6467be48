//! Log lines for people, on standard error.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

/// Starts logging. `TRADEPOST_LOG` says how much: `warn`, `info`, `debug`, or per target; else
/// `run` tells what happens, and a command only what it prints itself.
pub(crate) fn start(runs: bool) {
    let usual = if runs { "info" } else { "off" };
    let wanted = std::env::var("TRADEPOST_LOG").unwrap_or_else(|_| usual.to_owned());
    // These print whole lines, passwords and letters among them, when they are let (design 4).
    let quiet = tradepost_post::QUIET_TARGETS
        .iter()
        .map(|target| format!("{target}=warn"));
    let directives: Vec<String> = std::iter::once(wanted).chain(quiet).collect();
    let filter = EnvFilter::builder().parse_lossy(directives.join(","));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false)
        .with_ansi(io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none());
    // systemd writes the time beside every line itself.
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        lines.without_time().init();
    } else {
        lines.init();
    }
}
