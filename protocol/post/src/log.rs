//! How much a program that uses this crate may log. What lines look like is the program's own.

/// Log targets, of libraries that this crate uses, and how much they may say at most. The first
/// three print whole protocol lines, passwords and letters among them, at `debug` and `trace`;
/// the last one tells as an error what this crate tells in its own words.
const HELD: [(&str, &str); 4] = [
    ("lettre", "warn"),
    ("async_imap", "warn"),
    ("imap_proto", "warn"),
    ("rustls_platform_verifier", "off"),
];

/// The directives for a filter of log lines (`tracing_subscriber`'s `EnvFilter`): what
/// `TRADEPOST_LOG` asks for, else `usual`; but never what must not be logged.
#[must_use]
pub fn directives(usual: &str) -> String {
    let asked = std::env::var("TRADEPOST_LOG").unwrap_or_default();
    let wanted = if asked.trim().is_empty() {
        usual
    } else {
        &asked
    };
    let mut all = wanted.to_owned();
    for (target, most) in HELD {
        all.push_str(&format!(",{target}={most}"));
    }
    all
}
