//! What a provider writes above a letter that passes through it, and what it takes away.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::header;
use crate::options::ForgedResults;

/// How a letter came in.
pub(crate) struct Passage<'a> {
    pub(crate) authserv_id: &'a str,
    /// What the other side called itself.
    pub(crate) greeting: &'a str,
    /// The word after `with`: SMTP, ESMTP, ESMTPA, ESMTPSA (RFC 3848).
    pub(crate) protocol: &'static str,
    pub(crate) mail_from: &'a str,
    pub(crate) recipient: &'a str,
    /// What stands after the authserv-id, e.g. `auth=pass smtp.auth=ann@home.example`.
    pub(crate) results: &'a str,
    /// Which results that claim to be this provider's own are taken away.
    pub(crate) forged: ForgedResults,
    pub(crate) number: u64,
    pub(crate) at: Timestamp,
}

/// The letter with its trace fields on top, without fields that claim this provider's id.
pub(crate) fn stamp(passage: &Passage<'_>, letter: &[u8]) -> Vec<u8> {
    let Passage {
        authserv_id,
        greeting,
        protocol,
        results,
        number,
        ..
    } = passage;
    let mail_from = written(passage.mail_from);
    let recipient = written(passage.recipient);
    let date = rfc_5322_date(passage.at);
    let mut stamped = format!(
        "Return-Path: <{mail_from}>\r\n\
         Received: from {greeting} ([127.0.0.1])\r\n\
         \tby {authserv_id} (mailroom) with {protocol} id {number:08}\r\n\
         \tfor <{recipient}>; {date}\r\n\
         Authentication-Results: {authserv_id};\r\n\
         \t{results}\r\n"
    )
    .into_bytes();
    // A letter that starts with a blank would go on our own field, results and all. Such a
    // letter has no header section: what it has is a body.
    if matches!(letter.first(), Some(b' ' | b'\t')) {
        stamped.extend_from_slice(b"\r\n");
        stamped.extend_from_slice(letter);
        return stamped;
    }
    stamped.extend(without_own_results(letter, authserv_id, passage.forged));
    stamped
}

/// An address as a field holds it: the local part a dot-atom as it is, anything else quoted
/// (RFC 8601 section 2.2, pvalue), never with a control character.
pub(crate) fn written(address: &str) -> String {
    let address: String = address.chars().filter(|c| !c.is_control()).collect();
    let Some((local, domain)) = address.rsplit_once('@') else {
        return address;
    };
    let plain = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    let is_quoted = local.len() > 1 && local.starts_with('"') && local.ends_with('"');
    if is_quoted || local.chars().all(plain) {
        return address;
    }
    let escaped = local.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"@{domain}")
}

/// RFC 8601 section 5: fields that claim our authserv-id are removed before we add our own.
fn without_own_results(letter: &[u8], authserv_id: &str, forged: ForgedResults) -> Vec<u8> {
    let verbatim = format!("Authentication-Results: {authserv_id};");
    let mut kept = Vec::with_capacity(letter.len());
    let mut read = 0;
    for field in header::fields(letter) {
        read += field.raw.len();
        let own = field.is_named("Authentication-Results")
            && authserv_id_of(field.value).eq_ignore_ascii_case(authserv_id);
        let is_seen = match forged {
            ForgedResults::Removed => true,
            ForgedResults::RemovedWhereBare => {
                !matches!(field.value.trim_ascii_start().first(), Some(b'(' | b'"'))
            }
            ForgedResults::RemovedWhereVerbatim => field.raw.starts_with(verbatim.as_bytes()),
            ForgedResults::Kept => false,
        };
        if !(own && is_seen) {
            kept.extend_from_slice(field.raw);
        }
    }
    kept.extend_from_slice(letter.get(read..).unwrap_or_default());
    kept
}

/// The authserv-id of a field's value, without comments, quotes and folding (RFC 8601
/// section 2.2: `[CFWS] authserv-id`, a value as in RFC 2045: token or quoted-string).
fn authserv_id_of(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    let mut id = String::new();
    let mut comment_depth = 0_usize;
    let mut quoted = false;
    let mut characters = text.chars().filter(|c| *c != '\r' && *c != '\n');
    while let Some(character) = characters.next() {
        match character {
            '\\' if quoted => id.extend(characters.next()),
            '\\' if comment_depth > 0 => drop(characters.next()),
            '"' if quoted => break,
            _ if quoted => id.push(character),
            '(' => comment_depth += 1,
            ')' if comment_depth > 0 => comment_depth -= 1,
            _ if comment_depth > 0 => {}
            '"' if id.is_empty() => quoted = true,
            ' ' | '\t' if id.is_empty() => {}
            ' ' | '\t' | ';' | '"' => break,
            _ => id.push(character),
        }
        // A comment straight after the token ends it.
        if comment_depth > 0 && !id.is_empty() && !quoted {
            break;
        }
    }
    id
}

fn rfc_5322_date(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC)
        .strftime("%a, %d %b %Y %H:%M:%S +0000")
        .to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn own_results_are_removed_in_every_spelling() {
        for own in [
            "Authentication-Results: mx.room.example; auth=pass smtp.auth=x@y.example\r\n",
            "authentication-results:MX.Room.Example;none\r\n",
            "Authentication-Results : mx.room.example 1; none\r\n",
            "Authentication-Results: (a (nested) \\) comment) mx.room.example; none\r\n",
            "Authentication-Results:\r\n (c)\r\n\t\"mx.room.example\" 1; none\r\n",
            "Authentication-Results: \"mx.\\room.example\"; none\r\n",
            "Authentication-Results: mx.room.example(c); none\r\n",
            "Authentication-Results: mx.room.example\r\n",
        ] {
            let letter = format!("Subject: a\r\n{own}To: b\r\n\r\nbody\r\n");
            let removed = |forged| {
                let kept = without_own_results(letter.as_bytes(), "mx.room.example", forged);
                let kept = String::from_utf8(kept).unwrap();
                let without = "Subject: a\r\nTo: b\r\n\r\nbody\r\n";
                assert!(kept == letter || kept == without, "{own}");
                kept != letter
            };
            assert!(removed(ForgedResults::Removed), "{own}");
            let (_, value) = own.split_once(':').unwrap();
            assert_eq!(
                removed(ForgedResults::RemovedWhereBare),
                !value.trim_start().starts_with(['(', '"']),
                "{own}"
            );
            assert_eq!(
                removed(ForgedResults::RemovedWhereVerbatim),
                own.starts_with("Authentication-Results: mx.room.example;"),
                "{own}"
            );
            assert!(!removed(ForgedResults::Kept), "{own}");
        }
    }

    #[test]
    fn what_is_not_an_own_result_stays_octet_for_octet() {
        for other in [
            "Authentication-Results: mx.other.example; auth=pass\r\n",
            "Authentication-Results: not.mx.room.example; auth=pass\r\n",
            "Authentication-Results: other.example (mx.room.example); none\r\n",
            "X-Authentication-Results: mx.room.example; none\r\n",
            "ARC-Authentication-Results: i=1; mx.room.example; none\r\n",
        ] {
            let letter =
                format!("{other}To: b\n\nAuthentication-Results: mx.room.example; none\r\n");
            let kept =
                without_own_results(letter.as_bytes(), "mx.room.example", ForgedResults::Removed);
            assert_eq!(String::from_utf8_lossy(&kept), letter, "{other}");
        }
    }

    #[test]
    fn odd_local_parts_are_quoted_in_the_result() {
        for (address, field) in [
            ("ann@home.example", "ann@home.example"),
            ("a b@home.example", "\"a b\"@home.example"),
            ("a;b@home.example", "\"a;b\"@home.example"),
            ("a\"b\\@home.example", "\"a\\\"b\\\\\"@home.example"),
            ("\"a b\"@home.example", "\"a b\"@home.example"),
            ("a\r\nb@home.example", "ab@home.example"),
            ("", ""),
        ] {
            assert_eq!(written(address), field);
        }
    }

    #[test]
    fn a_letter_that_starts_with_a_blank_does_not_go_on_our_field() {
        let passage = Passage {
            authserv_id: "mx.room.example",
            greeting: "c.example",
            protocol: "ESMTPA",
            mail_from: "mallory@evil.example",
            recipient: "ann@home.example",
            results: "auth=pass smtp.auth=mallory@evil.example",
            forged: ForgedResults::Removed,
            number: 1,
            at: Timestamp::UNIX_EPOCH,
        };
        let goes_on = "\t; dkim=pass header.d=shop.example\r\nFrom: a@shop.example\r\n";
        for (letter, empty_line) in [(goes_on, true), (goes_on.trim_start(), false)] {
            let stamped = String::from_utf8(stamp(&passage, letter.as_bytes())).unwrap();
            let end = format!("mallory@evil.example\r\n\r\n{letter}");
            assert_eq!(stamped.ends_with(&end), empty_line, "{stamped}");
            assert!(stamped.ends_with(letter));
        }
    }
}
