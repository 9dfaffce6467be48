//! Writing the pieces that answers are made of.

use imap_codec::imap_types::mailbox::Mailbox as MailboxName;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The name of a folder as it is kept: `INBOX` in capitals, others as written.
pub(super) fn folder_name(mailbox: &MailboxName<'_>) -> String {
    match mailbox {
        MailboxName::Inbox => "INBOX".to_owned(),
        MailboxName::Other(other) => String::from_utf8_lossy(other.as_ref()).into_owned(),
    }
}

/// A quoted string (RFC 3501 section 4.3).
pub(super) fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

/// A literal: its length, then its octets.
pub(super) fn put_literal(answer: &mut Vec<u8>, octets: &[u8]) {
    answer.extend_from_slice(format!("{{{}}}\r\n", octets.len()).as_bytes());
    answer.extend_from_slice(octets);
}

/// `"17-Jul-1996 02:44:25 +0000"`.
pub(super) fn date_time(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC)
        .strftime("\"%d-%b-%Y %H:%M:%S +0000\"")
        .to_string()
}

/// Numbers as a set: `1:3,7`.
pub(super) fn set_of(numbers: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, to)) if to.checked_add(1) == Some(*number) => *to = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    let one = |(from, to): &(u32, u32)| match from == to {
        true => from.to_string(),
        false => format!("{from}:{to}"),
    };
    ranges.iter().map(one).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_written_as_a_range() {
        assert_eq!(set_of(&[1, 2, 3, 7, 9, 10]), "1:3,7,9:10");
        assert_eq!(set_of(&[u32::MAX]), u32::MAX.to_string());
        assert_eq!(set_of(&[]), "");
    }

    #[test]
    fn quotes_and_backslashes_are_escaped() {
        assert_eq!(quoted("a\"b\\c"), "\"a\\\"b\\\\c\"");
    }
}
