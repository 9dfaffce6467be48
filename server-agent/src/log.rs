//! Log lines for people, on standard error.

use std::fmt::{self, Debug};
use std::io::{self, IsTerminal};

use tracing::field::Field;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::prelude::*;
use tradepost_agent::log::{directives, may_be_logged};
use tradepost_letters::untrusted;

/// Starts logging. `TRADEPOST_LOG` says how much: `warn`, `info`, `debug`, or per target; else
/// `run` tells what happens, and a command only what it prints itself.
pub(crate) fn start(runs: bool) {
    let usual = if runs { "info" } else { "off" };
    let wanted = EnvFilter::builder().parse_lossy(directives(usual));
    let allowed = filter_fn(|line| may_be_logged(line.target(), *line.level()));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_target(false)
        .fmt_fields(debug_fn(escaped).delimited(" "))
        .with_ansi(io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none());
    let filters = tracing_subscriber::registry().with(wanted).with(allowed);
    // systemd writes the time beside every line itself.
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        filters.with(lines.without_time()).init();
    } else {
        filters.with(lines).init();
    }
}

/// One line of what was said, whoever is quoted in it.
fn escaped(line: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> fmt::Result {
    let text = untrusted::show_some(&format!("{value:?}"), LONGEST_LINE);
    match field.name() {
        "message" => line.write_str(&text),
        name => write!(line, "{name}={text}"),
    }
}

/// Characters of a log line: what a mail server or a letter is quoted with has far fewer.
const LONGEST_LINE: usize = 4000;
