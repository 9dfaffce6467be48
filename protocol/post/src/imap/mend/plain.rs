//! Which responses go through as they came: those in a form that the parser surely takes for what it is.
//!
//! That it takes a response is not enough. It panics on `INTERNALDATE NIL` and on a code in brackets with
//! another than an ASCII character behind it, calls itself for each level of lists, leaves the
//! backslashes in quoted strings, and cuts codes off words that are meant for people.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::restate::{attribute, is_our_tag, status_of};
use super::tokens::{HERE, ImapToken, ImapTokens, Literal, ResponseWords, digits};

/// Lists in lists, as in `FETCH (BODY[HEADER.FIELDS (DATE)] ...)`.
const DEEPEST: usize = 3;

/// A response put together again.
pub(super) fn as_it_came(text: &[u8], literals: &[Literal]) -> Vec<u8> {
    let mut whole = Vec::new();
    let mut literals = literals.iter();
    for (n, part) in text.split(|b| *b == HERE).enumerate() {
        if n > 0
            && let Some(literal) = literals.next()
        {
            whole.extend(format!("{{{}}}\r\n", literal.octets.len()).into_bytes());
            whole.extend_from_slice(&literal.octets);
        }
        whole.extend_from_slice(part);
    }
    whole.extend_from_slice(b"\r\n");
    whole
}

/// Whether a response without its line end is of such a form. Whether all of it is well-formed is left to the
/// parser.
pub(super) fn is_plain(text: &[u8]) -> bool {
    let mut words = ResponseWords::of(text);
    match words.next() {
        Some(b"*") => is_plain_untagged(words, text),
        Some(first) if first.first() == Some(&b'+') => is_plain_challenge(text),
        Some(tag) if is_our_tag(tag) => match words.next().and_then(status_of) {
            Some(status @ ("OK" | "NO" | "BAD")) => is_plain_condition(status, words.rest),
            Some(_) | None => false,
        },
        Some(_) | None => false,
    }
}

fn is_plain_untagged(mut words: ResponseWords<'_>, text: &[u8]) -> bool {
    let Some(word) = words.next() else {
        return false;
    };
    if let Some(status) = status_of(word) {
        return is_plain_condition(status, words.rest);
    }
    if !is_flat(text) {
        return false;
    }
    let is = |word: &[u8], names: &[&str]| {
        names
            .iter()
            .any(|name| word.eq_ignore_ascii_case(name.as_bytes()))
    };
    if is(word, &["LIST"]) {
        return is_plain_list(text);
    }
    if is(word, &["SEARCH", "FLAGS", "STATUS", "CAPABILITY"]) {
        return true;
    }
    let what = words.next().unwrap_or_default();
    let is_number = digits(word).is_some();
    is_number
        && (is(what, &["EXISTS", "RECENT", "EXPUNGE"])
            || (is(what, &["FETCH"]) && is_plain_fetch(text)))
}

/// Base64, or nothing.
fn is_plain_challenge(text: &[u8]) -> bool {
    match text {
        b"+" => true,
        [b'+', b' ', challenge @ ..] => STANDARD.decode(challenge).is_ok(),
        _ => false,
    }
}

/// A code is of use where all went well, and belongs to what people are told where it did not.
fn is_plain_condition(status: &str, text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    let Some(code) = text.strip_prefix(b"[") else {
        return !text.is_empty();
    };
    let Some(end) = code.iter().position(|b| *b == b']') else {
        return false;
    };
    let (code, behind) = code.split_at(end);
    status == "OK"
        && text.is_ascii()
        && matches!(behind, [b']'] | [b']', b' ', ..])
        && !is_of_a_large_number(code)
}

/// The two codes that are of use, in a form that the parser takes for a part of the words.
fn is_of_a_large_number(code: &[u8]) -> bool {
    let mut words = code.split(|b| *b == b' ');
    let name = words.next().unwrap_or_default();
    let number = words.next().and_then(digits);
    [&b"UIDVALIDITY"[..], b"UIDNEXT"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
        && (number.is_none_or(|n| u32::try_from(n).is_err()) || words.next().is_some())
}

/// Few lists in lists, and no backslash in a quoted string.
fn is_flat(text: &[u8]) -> bool {
    let (mut depth, mut is_quoted) = (0_usize, false);
    for b in text {
        match b {
            b'"' => is_quoted = !is_quoted,
            b'\\' if is_quoted => return false,
            b'(' if !is_quoted => depth += 1,
            b')' if !is_quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return false;
        }
    }
    !is_quoted
}

/// A name in UTF-8, and no attribute that is of use by another name.
fn is_plain_list(text: &[u8]) -> bool {
    let mut words = ImapTokens::of(text, 1);
    words.next();
    let is_other = |token: ImapToken<'_>| match token {
        ImapToken::Word(w) => attribute(w).is_some_and(|a| !w.eq_ignore_ascii_case(a.as_bytes())),
        ImapToken::Open | ImapToken::Close | ImapToken::Quoted(_) | ImapToken::Literal(_) => false,
    };
    std::str::from_utf8(text).is_ok() && !text.contains(&HERE) && !words.any(is_other)
}

/// No other items than those that are asked for or come by themselves.
fn is_plain_fetch(text: &[u8]) -> bool {
    let mut tokens = ImapTokens::of(text, 1);
    let (Some(_), Some(_), Some(ImapToken::Open)) = (tokens.next(), tokens.next(), tokens.next())
    else {
        return false;
    };
    loop {
        let name = match tokens.next() {
            Some(ImapToken::Word(name)) => name.to_ascii_uppercase(),
            Some(ImapToken::Close) => return tokens.next().is_none(),
            Some(ImapToken::Open | ImapToken::Quoted(_) | ImapToken::Literal(_)) | None => {
                return false;
            }
        };
        let is_plain = match (name.as_slice(), tokens.next()) {
            (b"UID" | b"RFC822.SIZE", Some(ImapToken::Word(w))) => digits(w).is_some(),
            (b"INTERNALDATE", Some(ImapToken::Quoted(_))) => true,
            (b"FLAGS" | b"MODSEQ", Some(ImapToken::Open)) => {
                tokens.skip_group();
                true
            }
            (section, Some(value)) if is_section(section) => match value {
                ImapToken::Quoted(_) | ImapToken::Literal(_) => true,
                ImapToken::Word(w) => w.eq_ignore_ascii_case(b"NIL"),
                ImapToken::Open | ImapToken::Close => false,
            },
            _ => false,
        };
        if !is_plain {
            return false;
        }
    }
}

fn is_section(name: &[u8]) -> bool {
    (name.starts_with(b"BODY[]") || name.starts_with(b"BODY[HEADER")) && !name.contains(&HERE)
}
