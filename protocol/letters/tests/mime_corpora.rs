//! The MIME corpora of others (`corpora/`) against the reader of letters. Each letter is changed at every line so that
//! there may be a Tradepost part; Python's email package has read the same (`corpora/expect.py`). What is read here must
//! be the one part that is found there, octet for octet: never a part where another reader sees none.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../../statements/tests/figures/mod.rs"]
mod figures;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tradepost_letters::{
    BadAuthor, Letter, RelayPolicy, StatementPart, TRADEPOST_TYPE, UnreadablePart, open,
    organizational_domain, parse,
};
use tradepost_statements::Evidence;

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpora")
}

/// The letters of some folders, by their names in the tables.
fn letters(folders: &[&str]) -> BTreeMap<String, Vec<u8>> {
    let files = folders.iter().flat_map(|folder| {
        let entries = std::fs::read_dir(corpora().join(folder)).unwrap();
        entries.map(move |entry| (folder, entry.unwrap()))
    });
    files
        .filter_map(|(folder, entry)| {
            let name = entry.file_name().into_string().unwrap();
            let is_letter = name.ends_with(".eml") || name.ends_with(".txt");
            is_letter.then(|| {
                let raw = std::fs::read(entry.path()).unwrap();
                (format!("{folder}/{name}"), raw)
            })
        })
        .collect()
}

fn table(file: &str) -> String {
    std::fs::read_to_string(corpora().join(file)).unwrap()
}

/// A letter with something put in or taken for another; `line kind`, as in the table.
struct Change {
    what: String,
    raw: Vec<u8>,
    is_behind_a_closing_delimiter: bool,
}

fn changes(raw: &[u8]) -> Vec<Change> {
    let lines: Vec<&[u8]> = raw.split_inclusive(|b| *b == b'\n').collect();
    let has_crlf = lines.first().is_some_and(|line| line.ends_with(b"\r\n"));
    let end = if has_crlf { "\r\n" } else { "\n" };
    let field = format!("Content-Type: {TRADEPOST_TYPE}{end}").into_bytes();
    let part = [&field, format!("{end}{{}}{end}").as_bytes()].concat();
    let delimiters = delimiters(&lines);
    let mut out = Vec::new();
    for at in 0..=lines.len() {
        let (before, after) = (lines[..at].concat(), lines[at..].concat());
        let mut put = |kind: &str, text: &[u8], after: &[u8]| {
            out.push(Change {
                what: format!("{at} {kind}"),
                raw: [&before, text, after].concat(),
                is_behind_a_closing_delimiter: text.starts_with(b"--")
                    && text
                        .split(|b| *b == b'\n')
                        .next()
                        .map(trimmed_end)
                        .is_some_and(|line| line.ends_with(b"--")),
            });
        };
        put("field", &field, &after);
        put("part", &part, &after);
        for (number, delimiter) in delimiters.iter().enumerate() {
            let text = [delimiter, end.as_bytes(), &part].concat();
            put(&format!("delimited{number}"), &text, &after);
        }
        let is_type = |line: &&[u8]| line.to_ascii_lowercase().starts_with(b"content-type:");
        if lines.get(at).is_some_and(is_type) {
            let is_folded = |line: &&&[u8]| line.starts_with(b" ") || line.starts_with(b"\t");
            let folded = lines[at + 1..].iter().take_while(is_folded).count();
            put("instead", &field, &lines[at + 1 + folded..].concat());
        }
    }
    out
}

/// The different lines that look like delimiters, in their order.
fn delimiters<'a>(lines: &[&'a [u8]]) -> Vec<&'a [u8]> {
    let mut found: Vec<&[u8]> = Vec::new();
    for line in lines {
        let line = trimmed_end(line);
        if line.starts_with(b"--") && line.len() > 2 && !found.contains(&line) {
            found.push(line);
        }
    }
    found
}

fn trimmed_end(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|b| !b" \t\r\n".contains(b));
    &text[..end.map_or(0, |end| end + 1)]
}

/// How the tables name what is in a part: line ends, and blanks around it, are not compared.
fn content(octets: &[u8]) -> String {
    let text: Vec<u8> = octets.iter().copied().filter(|b| *b != b'\r').collect();
    let start = text.iter().position(|b| !b" \t\n".contains(b));
    let text = trimmed_end(&text[start.unwrap_or(text.len())..]);
    let digest = Sha256::digest(text);
    digest.iter().take(4).map(|b| format!("{b:02x}")).collect()
}

/// Where Python's reading is not that of the RFCs, and ours is: it leaves the line end in a folded boundary (RFC 5322
/// section 2.2.3), and does not know an encoding that blanks and a CR follow (RFC 2045 section 6.1).
fn is_misread_by_python(case: &str) -> bool {
    case.starts_with("dovecot/thirdparty/012.eml ")
        || case == "dovecot/thirdparty/003.eml 23 instead"
}

/// Why nothing is read here where Python finds one part.
fn stricter_because(letter: &Letter) -> &'static str {
    if matches!(letter.author, Err(BadAuthor::MalformedHeader(_))) {
        return "a line of the letter's header is no field, so the letter proves nothing (RFC 5322 section 2.2)";
    }
    match letter.statement {
        StatementPart::None => {
            "what follows a closing delimiter is no part (RFC 2046 section 5.1.1)"
        }
        StatementPart::Unreadable(why) => match why {
            UnreadablePart::AmbiguousPart => {
                "the part has Content-Type or Content-Transfer-Encoding twice"
            }
            UnreadablePart::MalformedHeader => "a line of the part's header is no field",
            UnreadablePart::ClashingBoundaries => {
                "a multipart's boundary is the closing one of another"
            }
            UnreadablePart::UnknownEncoding => {
                "the part's encoding is not one of RFC 2045, such as `8 bit`"
            }
            UnreadablePart::BrokenEncoding => "the part is not encoded as it says",
            UnreadablePart::TooLarge
            | UnreadablePart::TooDeep
            | UnreadablePart::TooManyParts
            | UnreadablePart::TwoParts => "no letter of the corpora is beyond the limits",
        },
        StatementPart::Part(_) | StatementPart::Encrypted => "no letter of the corpora is so",
    }
}

#[track_caller]
fn check(corpus: &str, folders: &[&str], count: usize) {
    let expected = table("mime.expected");
    let expected: BTreeMap<&str, Vec<&str>> = expected
        .lines()
        .map(|line| {
            let case_end = line.match_indices(' ').nth(2).unwrap().0;
            (&line[..case_end], line[case_end + 1..].split(' ').collect())
        })
        .collect();
    let letters = letters(folders);
    assert_eq!(letters.len(), count, "letters");
    let (mut cases, mut read) = (0, 0);
    let mut deviations = BTreeMap::new();
    let mut faults = Vec::new();
    for (name, raw) in &letters {
        for change in changes(raw) {
            cases += 1;
            let case = format!("{name} {}", change.what);
            let found = expected.get(case.as_str()).map_or(&[][..], Vec::as_slice);
            let letter = parse(&change.raw);
            let is_believable = !matches!(letter.author, Err(BadAuthor::MalformedHeader(_)));
            match &letter.statement {
                StatementPart::Part(octets) if is_believable => {
                    read += 1;
                    if found != [content(octets)] && !is_misread_by_python(&case) {
                        faults.push(format!("{case}: read here, and there {found:?}"));
                    }
                }
                StatementPart::None
                | StatementPart::Part(_)
                | StatementPart::Encrypted
                | StatementPart::Unreadable(_) => {
                    if found.len() == 1 {
                        let is_nothing = is_believable && letter.statement == StatementPart::None;
                        assert!(
                            !is_nothing || change.is_behind_a_closing_delimiter,
                            "{case}"
                        );
                        *deviations.entry(stricter_because(&letter)).or_insert(0) += 1;
                    }
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(read * 5 > cases, "only {read} of {cases} are read at all");
    let deviations: Vec<_> = deviations.into_iter().collect();
    figures::stand_in_the_security_notes(corpus, cases, &deviations);
}

const DOVECOT: [&str; 2] = ["dovecot/malformed", "dovecot/thirdparty"];
const PYTHON: [&str; 1] = ["python-email"];
const RSPAMD: [&str; 3] = [
    "rspamd/messages",
    "rspamd/messages/dmarc",
    "rspamd/messages/from",
];

#[test]
fn no_part_is_found_in_dovecots_letters_that_python_does_not_find() {
    check("MIME, Dovecot's letters", &DOVECOT, 43);
}

#[test]
fn no_part_is_found_in_pythons_letters_that_python_does_not_find() {
    check("MIME, Python's letters", &PYTHON, 48);
}

#[test]
fn no_part_is_found_in_rspamds_letters_that_python_does_not_find() {
    check("MIME, rspamd's letters", &RSPAMD, 122);
}

#[test]
fn an_author_is_the_one_whom_python_reads() {
    let letters = letters(&[&DOVECOT[..], &PYTHON[..], &RSPAMD[..]].concat());
    let table = table("from.expected");
    let mut deviations = BTreeMap::new();
    let mut read = 0;
    for row in table.lines() {
        let (name, others) = row.split_once(' ').unwrap_or((row, ""));
        match parse(&completed(&letters[name])).author {
            Ok(author) => {
                read += 1;
                assert_eq!(Ok(author), others.parse(), "{name}");
            }
            Err(why) if !others.is_empty() && !others.contains(' ') => {
                let reason = match why {
                    BadAuthor::MalformedHeader(_) => "a line of the header is no field".to_owned(),
                    BadAuthor::MixedLineEnds
                    | BadAuthor::Missing(_)
                    | BadAuthor::Repeated(_)
                    | BadAuthor::From(_) => why.to_string(),
                };
                *deviations.entry(reason).or_insert(0) += 1;
            }
            Err(_) => {}
        }
    }
    assert_eq!((table.lines().count(), read), (letters.len(), 114));
    let deviations: Vec<_> = deviations
        .iter()
        .map(|(why, n)| (why.as_str(), *n))
        .collect();
    figures::stand_in_the_security_notes("MIME, From fields", letters.len(), &deviations);
}

/// As the first line of a letter ends.
fn line_end(raw: &[u8]) -> &'static str {
    match raw.iter().position(|b| *b == b'\n') {
        Some(at) if raw[..at].ends_with(b"\r") => "\r\n",
        Some(_) | None => "\n",
    }
}

/// With the fields above it that every letter must have, so that From alone decides.
fn completed(raw: &[u8]) -> Vec<u8> {
    let mut raw = raw.to_vec();
    if raw.starts_with(b"From ") {
        let envelope = raw.iter().position(|b| *b == b'\n').unwrap();
        raw.drain(..=envelope);
    }
    let line_end = line_end(&raw);
    while let Err(BadAuthor::Missing(field)) = parse(&raw).author {
        if field == tradepost_letters::Field::From {
            break;
        }
        raw = [format!("{field}: x{line_end}").as_bytes(), &raw].concat();
    }
    raw
}

#[test]
fn what_a_letter_of_the_corpora_proves_is_what_the_provider_says_of_its_author() {
    let policy = RelayPolicy::new(vec!["mx.home.example".parse().unwrap()], None);
    let mut proven = 0;
    for (name, raw) in letters(&[&DOVECOT[..], &PYTHON[..], &RSPAMD[..]].concat()) {
        let raw = completed(&raw);
        let evidence = |signer: &str| {
            let stamp = format!(
                "Authentication-Results: mx.home.example; dkim=pass header.d={signer}{}",
                line_end(&raw)
            );
            open(&[stamp.as_bytes(), &raw].concat(), &policy).evidence
        };
        assert_eq!(open(&raw, &policy).evidence, Evidence::None, "{name}");
        assert_eq!(evidence("evil.example"), Evidence::None, "{name}");
        if let Ok(author) = parse(&raw).author
            && organizational_domain(author.domain()).is_some()
        {
            proven += 1;
            assert_eq!(evidence(author.domain()), Evidence::Relay, "{name}");
        }
    }
    assert!(proven > 80, "only {proven} could be proven");
}
