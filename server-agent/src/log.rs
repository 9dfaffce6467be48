//! Log lines for people, on standard error.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

/// Starts logging. `TRADEPOST_LOG` says how much: `warn`, `info`, `debug`, or per target; else
/// `run` tells what happens, and a command only what it prints itself.
pub(crate) fn start(runs: bool) {
    let usual = if runs { "info" } else { "off" };
    let filter = EnvFilter::builder().parse_lossy(tradepost_post::log::directives(usual));
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
