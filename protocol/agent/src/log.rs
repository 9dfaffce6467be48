//! Log lines for people, on standard error: one form for both programs, and a limit to what may be
//! logged at all.

use std::fmt::{self, Debug};
use std::io::{self, IsTerminal};

use tracing::Level;
use tracing::field::Field;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::prelude::*;
use tradepost_letters::untrusted;

use crate::clock::{Clock as _, SystemClock};
use crate::terminal::time;

/// Log targets, of libraries that this crate uses, and how much they may say at most. The first
/// three print whole protocol lines, passwords and letters among them, at `debug` and `trace`;
/// the last one tells as an error what this crate tells in its own words.
const HELD: [(&str, Option<Level>); 4] = [
    ("lettre", Some(Level::WARN)),
    ("async_imap", Some(Level::WARN)),
    ("imap_proto", Some(Level::WARN)),
    ("rustls_platform_verifier", None),
];

/// Characters of a log line: what a mail server or a letter is quoted with has far fewer.
const LONGEST_LINE: usize = 4000;

/// Starts logging. `TRADEPOST_LOG` says how much: `warn`, `info`, `debug`, or per target
/// (`tracing_subscriber`'s `EnvFilter`); else as much as is `usual`.
///
/// # Panics
/// When it is called twice in a process.
pub fn start(usual: LevelFilter) {
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
        filters.with(lines.with_timer(LocalTime)).init();
    }
}

fn directives(usual: LevelFilter) -> String {
    let asked = std::env::var("TRADEPOST_LOG").unwrap_or_default();
    if asked.trim().is_empty() {
        usual.to_string()
    } else {
        asked
    }
}

/// Whether a line may be logged at all, whatever was asked for. A filter of its own, because directives
/// can't forbid anything: `async_imap::imap_stream=trace` is more exact than `async_imap=warn`, and so it
/// counts.
fn may_be_logged(target: &str, level: Level) -> bool {
    HELD.iter()
        .find(|(held, _)| {
            target
                .strip_prefix(held)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        })
        .is_none_or(|(_, most)| most.is_some_and(|most| level <= most))
}

/// One line of what was said, whoever is quoted in it.
fn escaped(line: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> fmt::Result {
    let text = untrusted::show_some(&format!("{value:?}"), LONGEST_LINE);
    match field.name() {
        "message" => line.write_str(&text),
        name => write!(line, "{name}={text}"),
    }
}

/// A log is read days later, too: the day stands in it.
struct LocalTime;

impl FormatTime for LocalTime {
    fn format_time(&self, w: &mut Writer<'_>) -> fmt::Result {
        w.write_str(&time::to_the_second(SystemClock.now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_that_print_passwords_are_held_at_warn_in_all_their_modules() {
        for (target, level, may) in [
            ("async_imap", Level::TRACE, false),
            ("async_imap::imap_stream", Level::TRACE, false),
            ("async_imap::imap_stream", Level::INFO, false),
            ("async_imap::imap_stream", Level::WARN, true),
            ("lettre::transport::smtp::client", Level::DEBUG, false),
            ("imap_proto", Level::DEBUG, false),
            ("rustls_platform_verifier", Level::ERROR, false),
            ("async_imap_of_others", Level::TRACE, true),
            ("tradepost_post::imap", Level::TRACE, true),
        ] {
            assert_eq!(may_be_logged(target, level), may, "{target} at {level}");
        }
    }
}
