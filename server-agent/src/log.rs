//! Log lines for people, on standard error.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::prelude::*;
use tradepost_post::log::{directives, may_be_logged};

/// Starts logging. `TRADEPOST_LOG` says how much: `warn`, `info`, `debug`, or per target; else
/// `run` tells what happens, and a command only what it prints itself.
pub(crate) fn start(runs: bool) {
    let usual = if runs { "info" } else { "off" };
    let wanted = EnvFilter::builder().parse_lossy(directives(usual));
    let allowed = filter_fn(|line| may_be_logged(line.target(), *line.level()));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_target(false)
        .with_ansi(io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none());
    let filters = tracing_subscriber::registry().with(wanted).with(allowed);
    // systemd writes the time beside every line itself.
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        filters.with(lines.without_time()).init();
    } else {
        filters.with(lines).init();
    }
}
