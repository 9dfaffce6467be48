//! What a server announces that it can do.

use std::collections::BTreeSet;

/// Names in upper case, as in `IDLE` and `AUTH=PLAIN`.
pub(super) type Capabilities = BTreeSet<String>;

/// What stands behind CAPABILITY, in a line of its own or in brackets; whatever the words look like:
/// async-imap's parser gives up on lines that some servers write.
pub(super) fn capabilities_in(line: &str) -> Option<Capabilities> {
    let upper = line.to_ascii_uppercase();
    let (before, list) = upper.split_once("CAPABILITY ")?;
    let list = if before.ends_with('[') {
        list.split(']').next().unwrap_or_default()
    } else if before.trim() == "*" {
        list
    } else {
        return None;
    };
    Some(list.split_ascii_whitespace().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_read_from_any_line_that_has_them() {
        let of =
            |line: &str| capabilities_in(line).map(|c| c.into_iter().collect::<Vec<_>>().join(" "));
        for (line, expected) in [
            ("* CAPABILITY IMAP4rev1 idle", Some("IDLE IMAP4REV1")),
            ("* OK [CAPABILITY IMAP4rev1 ID] ready", Some("ID IMAP4REV1")),
            // Lines that async-imap's parser gives up on.
            ("* CAPABILITY IDLE (broken \"{x", Some("\"{X (BROKEN IDLE")),
            ("* CAPABILITY  IDLE ", Some("IDLE")),
            ("* OK no CAPABILITY here", None),
            ("* OK ready", None),
        ] {
            assert_eq!(of(line).as_deref(), expected, "{line}");
        }
    }
}
