//! JSON that is printed, with nothing in it that acts on a terminal
//! ([`untrusted::json`](tradepost_letters::untrusted::json)): strings in the ledger come from letters.

use serde::Serialize;
use tradepost_letters::untrusted;

/// On one line.
pub(crate) fn line<T: Serialize>(value: &T) -> serde_json::Result<String> {
    Ok(untrusted::json(&serde_json::to_string(value)?))
}

/// Over several lines, indented.
pub(crate) fn pretty<T: Serialize>(value: &T) -> serde_json::Result<String> {
    Ok(untrusted::json(&serde_json::to_string_pretty(value)?))
}
