//! Times as people read them: where they are, to the minute. Programs get RFC 3339 in UTC, from JSON.

use jiff::tz::TimeZone;
use tradepost_statements::Time;

/// `2026-11-20 14:41`, in the time zone of the computer.
#[must_use]
pub fn local(t: Time) -> String {
    shown(t, "%Y-%m-%d %H:%M")
}

/// `2026-11-20`, the day that it is there then.
#[must_use]
pub fn day(t: Time) -> String {
    shown(t, "%Y-%m-%d")
}

/// `2026-11-20 14:41:07`, for lines of a log.
pub(crate) fn to_the_second(t: Time) -> String {
    shown(t, "%Y-%m-%d %H:%M:%S")
}

fn shown(t: Time, format: &str) -> String {
    t.timestamp()
        .to_zoned(TimeZone::system())
        .strftime(format)
        .to_string()
}
