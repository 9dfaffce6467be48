//! How much a program that uses this crate may log. What lines look like is the program's own.

use tracing::Level;

/// Log targets, of libraries that this crate uses, and how much they may say at most. The first
/// three print whole protocol lines, passwords and letters among them, at `debug` and `trace`;
/// the last one tells as an error what this crate tells in its own words.
const HELD: [(&str, Option<Level>); 4] = [
    ("lettre", Some(Level::WARN)),
    ("async_imap", Some(Level::WARN)),
    ("imap_proto", Some(Level::WARN)),
    ("rustls_platform_verifier", None),
];

/// The directives for a filter of log lines (`tracing_subscriber`'s `EnvFilter`): what
/// `TRADEPOST_LOG` asks for, else `usual`.
#[must_use]
pub fn directives(usual: &str) -> String {
    let asked = std::env::var("TRADEPOST_LOG").unwrap_or_default();
    if asked.trim().is_empty() {
        usual.to_owned()
    } else {
        asked
    }
}

/// Whether a line may be logged at all, whatever was asked for. A filter of its own, because directives
/// can't forbid anything: `async_imap::imap_stream=trace` is more exact than `async_imap=warn`, and so it
/// counts.
#[must_use]
pub fn may_be_logged(target: &str, level: Level) -> bool {
    HELD.iter()
        .find(|(held, _)| {
            target
                .strip_prefix(held)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        })
        .is_none_or(|(_, most)| most.is_some_and(|most| level <= most))
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
