//! JSON that is printed, with nothing in it that acts on a terminal
//! ([`untrusted::json`](tradepost_letters::untrusted::json)): strings in it come from letters.

use serde::Serialize;
use tradepost_letters::untrusted;

/// On one line.
///
/// # Errors
/// The value has no form in JSON, such as a map whose keys are no strings.
pub fn line<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<String> {
    Ok(untrusted::json(&serde_json::to_string(value)?))
}

/// Over several lines, indented.
///
/// # Errors
/// As of [`line`].
pub fn pretty<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<String> {
    Ok(untrusted::json(&serde_json::to_string_pretty(value)?))
}
