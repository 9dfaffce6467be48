//! What a server said, said again so that the parser takes it.
//!
//! imap-proto gives up on lines that servers do send - `FLAGS NIL`, numbers of 13 digits, names in raw
//! UTF-8, items that nobody asked for - and then the connection is lost; on a few it panics. So such a
//! response is taken apart here, leniently, and only what is of use is said again, in the one form
//! that is surely understood. Whatever is of no use is passed over. The octets of letters are handed on
//! as they came.

use super::CUT;
use super::tokens::{ImapToken, ImapTokens, Literal, ResponseWords, digits};
use crate::imap::dates::internal_date;

/// Most numbers of a set that are told one by one; a window has far fewer.
const MOST_NUMBERS: u64 = 100_000;

/// Whether a response that begins so may have literals: what is said to people has none, whatever
/// it ends with.
pub(super) fn may_have_literals(text: &[u8]) -> bool {
    let mut words = ResponseWords::of(text);
    words.next() == Some(b"*")
        && !words
            .next()
            .is_some_and(|w| status_of(w).is_some() || w.eq_ignore_ascii_case(b"PREAUTH"))
}

/// What is of use of a response without its line end; empty when nothing is.
pub(super) fn restate(text: &[u8], literals: &mut [Literal]) -> Vec<u8> {
    let mut words = ResponseWords::of(text);
    match words.next() {
        Some(b"*") => untagged(words, text, literals).unwrap_or_default(),
        // Words, which `authenticate` gives up on: it wants base64.
        Some(first) if first.first() == Some(&b'+') => b"+ \r\n".to_vec(),
        Some(tag) if is_our_tag(tag) => tagged(tag, words),
        Some(_) | None => Vec::new(),
    }
}

/// As async-imap makes them: `A0001`.
pub(super) fn is_our_tag(tag: &[u8]) -> bool {
    matches!(tag.split_first(), Some((b'A', rest)) if rest.len() == 4 && rest.iter().all(u8::is_ascii_digit))
}

pub(super) fn status_of(word: &[u8]) -> Option<&'static str> {
    ["OK", "NO", "BAD", "BYE"]
        .into_iter()
        .find(|s| word.eq_ignore_ascii_case(s.as_bytes()))
}

fn tagged(tag: &[u8], mut words: ResponseWords<'_>) -> Vec<u8> {
    let status = match words.next().and_then(status_of) {
        Some(status @ ("OK" | "NO")) => status,
        // Whatever it may mean, the command was not obeyed.
        Some(_) | None => "BAD",
    };
    let tag = String::from_utf8_lossy(tag);
    format!("{tag} {status} {}\r\n", for_people(words.rest)).into_bytes()
}

/// For people: a code in brackets stays readable, and is no code any more.
pub(in crate::imap) fn for_people(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text.trim_ascii());
    let plain = |c: char| match c {
        '[' => '(',
        ']' => ')',
        c if c.is_control() => ' ',
        c => c,
    };
    let text: String = text.chars().map(plain).collect();
    if text.is_empty() {
        "-".to_owned()
    } else {
        text
    }
}

fn untagged(
    mut words: ResponseWords<'_>,
    text: &[u8],
    literals: &mut [Literal],
) -> Option<Vec<u8>> {
    let word = words.next()?;
    if let Some(status) = status_of(word) {
        return Some(condition(status, words.rest));
    }
    let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    if is("SEARCH") {
        return Some(found(numbers_in(words)));
    }
    // Behind the asterisk.
    let mut tokens = ImapTokens::of(text, 1);
    if is("ESEARCH") {
        return esearch(tokens).map(found);
    }
    if is("LIST") {
        tokens.next();
        return list(tokens, literals);
    }
    if is("STATUS") {
        return mailbox_status(tokens);
    }
    let number = digits(word)?;
    let what = words.next()?;
    let small = u32::try_from(number).ok();
    if what.eq_ignore_ascii_case(b"EXISTS") {
        return small.map(|n| format!("* {n} EXISTS\r\n").into_bytes());
    }
    if what.eq_ignore_ascii_case(b"EXPUNGE") {
        return small.map(|n| format!("* {n} EXPUNGE\r\n").into_bytes());
    }
    if what
        .get(..5)
        .is_some_and(|w| w.eq_ignore_ascii_case(b"FETCH"))
    {
        tokens.next();
        tokens.next();
        return fetched(small.unwrap_or(0), tokens, literals);
    }
    None
}

/// OK, NO, BAD, BYE on the side of a command. Of the codes only two are of use.
fn condition(status: &str, text: &[u8]) -> Vec<u8> {
    let trimmed = text.trim_ascii_start();
    if let Some(code) = trimmed.strip_prefix(b"[") {
        let mut words = ResponseWords::of(code.split(|b| *b == b']').next().unwrap_or_default());
        let (name, number) = (words.next().unwrap_or_default(), words.next());
        if let Some(number) = number.and_then(digits) {
            if name.eq_ignore_ascii_case(b"UIDVALIDITY") {
                let n = validity(number);
                return format!("* OK [UIDVALIDITY {n}] -\r\n").into_bytes();
            }
            if name.eq_ignore_ascii_case(b"UIDNEXT")
                && let Ok(n) = u32::try_from(number)
            {
                return format!("* OK [UIDNEXT {n}] -\r\n").into_bytes();
            }
        }
    }
    format!("* {status} {}\r\n", for_people(text)).into_bytes()
}

/// Some servers give a time in milliseconds. All that counts is that the same stays the same.
fn validity(number: u64) -> u32 {
    u32::try_from(number).unwrap_or_else(|_| {
        u32::try_from(number % u64::from(u32::MAX))
            .unwrap_or(0)
            .max(1)
    })
}

fn found(numbers: Vec<u32>) -> Vec<u8> {
    let mut line = b"* SEARCH".to_vec();
    for n in numbers {
        line.extend(format!(" {n}").into_bytes());
    }
    line.extend(b"\r\n");
    line
}

/// What else stands there (`(MODSEQ 7)`) is of no use.
fn numbers_in(words: ResponseWords<'_>) -> Vec<u32> {
    let text = words.rest.split(|b| *b == b'(').next().unwrap_or_default();
    ResponseWords::of(text)
        .filter_map(|w| u32::try_from(digits(w)?).ok())
        .collect()
}

/// RFC 4731: `ESEARCH (TAG "t1") UID ALL 1:3,5`. None where that is not what was found, all of it.
fn esearch(mut tokens: ImapTokens<'_>) -> Option<Vec<u32>> {
    let mut all = None;
    tokens.next();
    while let Some(token) = tokens.next() {
        match token {
            ImapToken::Open => tokens.skip_group(),
            ImapToken::Word(w) if w.eq_ignore_ascii_case(b"UID") => all = all.or(Some(Vec::new())),
            ImapToken::Word(w) if w.eq_ignore_ascii_case(b"ALL") => {
                let Some(ImapToken::Word(set)) = tokens.next() else {
                    return None;
                };
                all = Some(numbers_of(set)?);
            }
            ImapToken::Word(_)
            | ImapToken::Close
            | ImapToken::Quoted(_)
            | ImapToken::Literal(_) => {}
        }
    }
    all
}

fn numbers_of(set: &[u8]) -> Option<Vec<u32>> {
    let mut all = Vec::new();
    for part in set.split(|b| *b == b',') {
        let mut ends = part.split(|b| *b == b':');
        let first = u32::try_from(digits(ends.next()?)?).ok()?;
        let last = match ends.next() {
            Some(last) => u32::try_from(digits(last)?).ok()?,
            None => first,
        };
        let (low, high) = (first.min(last), first.max(last));
        if all.len() as u64 + u64::from(high - low) >= MOST_NUMBERS {
            return None;
        }
        all.extend(low..=high);
    }
    Some(all)
}

fn list(mut tokens: ImapTokens<'_>, literals: &mut [Literal]) -> Option<Vec<u8>> {
    let mut attributes = Vec::new();
    // NIL in place of the list, where it is not there.
    if let ImapToken::Open = tokens.next()? {
        while let Some(token) = tokens.next() {
            match token {
                ImapToken::Close => break,
                ImapToken::Word(w) => attributes.extend(attribute(w)),
                ImapToken::Open => tokens.skip_group(),
                ImapToken::Quoted(_) | ImapToken::Literal(_) => {}
            }
        }
    }
    let delimiter = match tokens.next()? {
        ImapToken::Word(w) if w.eq_ignore_ascii_case(b"NIL") => None,
        token @ (ImapToken::Word(_) | ImapToken::Quoted(_) | ImapToken::Literal(_)) => {
            Some(token.text(literals)?)
        }
        ImapToken::Open | ImapToken::Close => return None,
    };
    let mut name = tokens.next()?.text(literals)?;
    // A name with blanks, without its quotes.
    while let Some(ImapToken::Word(more)) = tokens.next() {
        name = [&*name, b" ", more].concat();
    }
    std::str::from_utf8(&name).ok()?;
    let delimiter = match delimiter.as_deref() {
        Some([c]) if c.is_ascii_graphic() && !b"\"\\".contains(c) => {
            format!("\"{}\"", char::from(*c))
        }
        Some(b"\\") => "\"\\\\\"".to_owned(),
        Some(_) | None => "NIL".to_owned(),
    };
    let head = format!(
        "* LIST ({}) {delimiter} {{{}}}\r\n",
        attributes.join(" "),
        name.len()
    );
    Some([head.as_bytes(), &name, b"\r\n"].concat())
}

/// RFC 9051 section 7.3.1, RFC 6154: the attributes that are of use, by the names that the parser knows.
pub(super) fn attribute(word: &[u8]) -> Option<&'static str> {
    [
        ("\\Noselect", "\\Noselect"),
        ("\\NonExistent", "\\Noselect"),
        ("\\Sent", "\\Sent"),
        ("\\Junk", "\\Junk"),
        ("\\Spam", "\\Junk"),
    ]
    .into_iter()
    .find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()))
    .map(|(_, known)| known)
}

/// The name is not of use: only one folder is asked about at a time. It may be of any form.
fn mailbox_status(mut tokens: ImapTokens<'_>) -> Option<Vec<u8>> {
    let mut items: Vec<String> = Vec::new();
    while let Some(token) = tokens.next() {
        match token {
            ImapToken::Open => items.clear(),
            ImapToken::Word(w) if w.eq_ignore_ascii_case(b"UIDVALIDITY") => {
                let number = tokens.number();
                items.extend(number.map(|n| format!("UIDVALIDITY {}", validity(n))));
            }
            ImapToken::Word(w) if w.eq_ignore_ascii_case(b"UIDNEXT") => {
                let number = tokens.number().and_then(|n| u32::try_from(n).ok());
                items.extend(number.map(|n| format!("UIDNEXT {n}")));
            }
            ImapToken::Word(_)
            | ImapToken::Close
            | ImapToken::Quoted(_)
            | ImapToken::Literal(_) => {}
        }
    }
    (!items.is_empty()).then(|| format!("* STATUS x ({})\r\n", items.join(" ")).into_bytes())
}

/// The items of one message that are of use; [`CUT`] says that a text was cut here.
fn fetched(number: u32, mut tokens: ImapTokens<'_>, literals: &mut [Literal]) -> Option<Vec<u8>> {
    let mut out = format!("* {number} FETCH (").into_bytes();
    let empty = out.len();
    // Those that come without a list around them are read all the same.
    while let Some(token) = tokens.next() {
        let ImapToken::Word(name) = token else {
            continue;
        };
        let upper = name.to_ascii_uppercase();
        let item = match upper.as_slice() {
            b"UID" => tokens
                .number()
                .and_then(|n| u32::try_from(n).ok())
                .map(|n| format!("UID {n}").into_bytes()),
            b"RFC822.SIZE" => tokens.number().map(|n| {
                let size = u32::try_from(n).unwrap_or(u32::MAX);
                format!("RFC822.SIZE {size}").into_bytes()
            }),
            b"INTERNALDATE" => tokens.next().and_then(|token| {
                let text = String::from_utf8(token.text(literals)?).ok()?;
                internal_date(&text)?;
                let text = text.replace(['"', '\\'], "");
                Some(format!("INTERNALDATE \"{text}\"").into_bytes())
            }),
            section if section.starts_with(b"BODY[]") => body("BODY[]", &mut tokens, literals),
            section if section.starts_with(b"BODY[HEADER") => {
                body("BODY[HEADER]", &mut tokens, literals)
            }
            // FLAGS, ENVELOPE, BODYSTRUCTURE and whatever else.
            _ => {
                tokens.skip_value();
                None
            }
        };
        if let Some(item) = item {
            if out.len() > empty {
                out.push(b' ');
            }
            out.extend(item);
        }
    }
    if out.len() == empty {
        return None;
    }
    out.extend(b")\r\n");
    Some(out)
}

fn body(name: &str, tokens: &mut ImapTokens<'_>, literals: &mut [Literal]) -> Option<Vec<u8>> {
    let (octets, is_cut) = match tokens.next()? {
        ImapToken::Literal(n) => {
            let literal = std::mem::take(literals.get_mut(n)?);
            (literal.octets, literal.is_cut)
        }
        ImapToken::Quoted(text) => (text, false),
        ImapToken::Word(w) if w.eq_ignore_ascii_case(b"NIL") => {
            return Some(format!("{name} NIL").into_bytes());
        }
        ImapToken::Word(_) | ImapToken::Open | ImapToken::Close => return None,
    };
    let cut = if is_cut {
        format!("<{CUT}>")
    } else {
        String::new()
    };
    let mut item = format!("{name}{cut} {{{}}}\r\n", octets.len()).into_bytes();
    item.extend(octets);
    Some(item)
}
