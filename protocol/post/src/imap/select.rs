//! Which letters of a folder may hold a statement, found out without fetching them.
//!
//! A backlog is searched for the `Tradepost` header field, by the server. What is new is looked at
//! more closely, because the field is only a hint that providers may strip: a letter whose type
//! could hold a statement, or a bounce, is fetched as well when it is small.

use tradepost_statements::Time;

/// Protocol 6: a letter of at most 10 MiB is read.
pub(super) const LARGEST: u64 = 10 * 1024 * 1024;

/// Largest letter without the field that is fetched on suspicion; statements are far smaller.
const LARGEST_SUSPECT: u64 = 1024 * 1024;

/// A letter as its header shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LetterHeader {
    pub(super) uid: u32,
    /// None where the server does not tell.
    pub(super) size: Option<u64>,
    pub(super) received: Option<Time>,
    pub(super) header: Vec<u8>,
    /// There is more of it than was read.
    pub(super) is_cut: bool,
    /// One of its fields is longer than any that a letter of ours has.
    pub(super) is_over_a_limit: bool,
}

impl LetterHeader {
    pub(super) fn is_marked(&self) -> bool {
        field(&self.header, "tradepost").is_some()
    }

    /// Whether a fetched header field holds a text of ASCII without blanks.
    pub(super) fn holds(&self, text: &str) -> bool {
        // Fields may be folded amid a long word by servers that count octets.
        let octets = self.header.iter().filter(|b| !b.is_ascii_whitespace());
        let header: Vec<u8> = octets.copied().collect();
        !text.is_empty() && header.windows(text.len()).any(|w| w == text.as_bytes())
    }

    /// Reports about letters that come back are not all marked as such.
    fn is_from_a_mail_system(&self) -> bool {
        let from = field(&self.header, "from").unwrap_or_default();
        let from = from.to_ascii_lowercase();
        let names = ["mailer-daemon", "postmaster", "mail-daemon"];
        names.iter().any(|name| from.contains(name))
            || field(&self.header, "x-failed-recipients").is_some()
    }

    /// Whether it may hold a statement, or is a bounce.
    pub(super) fn may_matter(&self) -> bool {
        if self.is_marked() {
            return true;
        }
        let size = self.size.unwrap_or(0);
        if self.is_from_a_mail_system() && size <= LARGEST_SUSPECT {
            return true;
        }
        let Some(content_type) = field(&self.header, "content-type") else {
            return false;
        };
        let content_type = content_type.trim_start().to_ascii_lowercase();
        if content_type.starts_with("multipart/report") {
            return size <= LARGEST;
        }
        // Protocol 6: the part may stand anywhere in the tree.
        let holds_parts = ["multipart/", "message/", "application/vnd.tradepost+json"];
        holds_parts.iter().any(|t| content_type.starts_with(t)) && size <= LARGEST_SUSPECT
    }
}

/// The first field of that name (in lower case), unfolded as far as its first line.
pub(super) fn field(header: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(header);
    let unfolded = text.replace("\r\n ", " ").replace("\r\n\t", " ");
    unfolded.lines().find_map(|line| {
        let (n, value) = line.split_once(':')?;
        (n.trim_end().to_ascii_lowercase() == name).then(|| value.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(header: &str, size: u64) -> bool {
        let header = header.as_bytes().to_vec();
        LetterHeader {
            uid: 1,
            size: Some(size),
            received: None,
            header,
            is_cut: false,
            is_over_a_limit: false,
        }
        .may_matter()
    }

    #[test]
    fn what_may_hold_a_statement_is_fetched_and_other_mail_is_not() {
        const MIB: u64 = 1024 * 1024;
        let rows = [
            ("Tradepost: v=1\r\n", 1, true),
            (
                "TRADEPOST : v=1\r\nContent-Type: text/plain\r\n",
                20 * MIB,
                true,
            ),
            (
                "Content-Type: multipart/alternative;\r\n boundary=x\r\n",
                MIB,
                true,
            ),
            ("Content-Type: multipart/alternative\r\n", MIB + 1, false),
            ("Content-Type:\r\n Multipart/Report\r\n", 5 * MIB, true),
            ("Content-Type: multipart/report\r\n", 11 * MIB, false),
            ("Content-Type: message/rfc822\r\n", 1, true),
            ("Content-Type: application/vnd.tradepost+json\r\n", 1, true),
            ("Content-Type: text/html\r\n", 1, false),
            ("X-Tradepost: v=1\r\n", 1, false),
            ("", 1, false),
        ];
        for (header, size, expected) in rows {
            assert_eq!(letter(header, size), expected, "{header} of {size}");
        }
    }
}
