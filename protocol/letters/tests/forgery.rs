//! The letter that finds out what becomes of forged results.
#![allow(clippy::unwrap_used, missing_docs)]

use tradepost_letters::forgery::{Forged, Forgery, IdSpelling, KeptForgery};
use tradepost_letters::{LetterContent, RelayPolicy, open};
use tradepost_statements::{Address, Evidence};

const TOKEN: &str = "3f0c9a4be1d24c7d9c1e5a0b7d6f8e21";
const OWN: &str = "mx.home.example";

/// What the reader takes for the provider's word.
const COUNTING: [IdSpelling; 9] = [
    IdSpelling::Plain,
    IdSpelling::Capitals,
    IdSpelling::SmallFieldName,
    IdSpelling::NoBlank,
    IdSpelling::NextLine,
    IdSpelling::NextLineSemicolon,
    IdSpelling::Version,
    IdSpelling::CommentBehind,
    IdSpelling::CommentsAndVersion,
];

/// What is found in the letter once its forged fields, one after the other, went through `change`,
/// which leaves out the one that it gives nothing for.
fn found(ids: &[&str], change: impl Fn(usize, &str) -> Option<String>) -> Vec<KeptForgery> {
    let policy = RelayPolicy::new(ids.iter().map(|id| id.parse().unwrap()).collect(), None);
    let address: Address = "ann@home.example".parse().unwrap();
    let forgery = Forgery {
        address: &address,
        token: TOKEN,
        policy: &policy,
        date: "2026-11-20T10:15:00Z".parse().unwrap(),
    };
    let letter = String::from_utf8(forgery.letter()).unwrap();
    let (forged, authors) = letter.split_at(letter.find("From: ").unwrap());
    let fields = forged.replace("\r\n\t", "\n").replace("\r\n", "\r");
    let fields: String = fields
        .split_terminator('\r')
        .map(|field| field.replace('\n', "\r\n\t"))
        .enumerate()
        .filter_map(|(i, field)| change(i % IdSpelling::ALL.len(), &field))
        .map(|field| field + "\r\n")
        .collect();
    let letter = format!("{fields}{authors}");
    let opened = open(letter.as_bytes(), &policy);
    assert!(matches!(opened.content, LetterContent::NotOurs));
    // Believed or not, it proves nobody.
    assert_eq!(opened.evidence, Evidence::None, "{}", opened.proof);
    match forgery.find(letter.as_bytes()) {
        Forged::Removed => Vec::new(),
        Forged::Kept(kept) => kept,
    }
}

fn same(_: usize, field: &str) -> Option<String> {
    Some(field.to_owned())
}

#[test]
fn every_spelling_is_forged_and_those_that_the_reader_takes_count() {
    let kept = found(&[OWN], same);
    let spellings: Vec<IdSpelling> = kept.iter().map(|k| k.spelling).collect();
    assert_eq!(spellings, IdSpelling::ALL);
    for k in &kept {
        assert!(k.id.eq_ignore_ascii_case(OWN), "{k:?}");
        assert_eq!(k.counts, COUNTING.contains(&k.spelling), "{k:?}");
    }
    // A pattern is forged by a name that it covers.
    let both = found(&[OWN, "*.mail.example"], same);
    let names = |id: &str| both.iter().filter(|k| k.id == id).count();
    assert_eq!(both.len(), 2 * IdSpelling::ALL.len());
    assert_eq!(
        names("mx.mail.example"),
        names(OWN),
        "all but the one in capitals"
    );
    assert_eq!(found(&[], same), []);
}

#[test]
fn each_spelling_that_came_back_is_told_by_itself() {
    for (i, spelling) in IdSpelling::ALL.into_iter().enumerate() {
        let kept = found(&[OWN], |n, field| (n == i).then(|| field.to_owned()));
        let told: Vec<_> = kept.iter().map(|k| (k.spelling, k.counts)).collect();
        assert_eq!(told, [(spelling, COUNTING.contains(&spelling))]);
        // The provider's own word stays, and is none of ours.
        let stamped = |n, field: &str| {
            let own =
                format!("Authentication-Results: {OWN}; auth=pass smtp.auth=bob@home.example");
            (n == i).then(|| format!("{own}\r\n{field}"))
        };
        assert_eq!(found(&[OWN], stamped), kept);
    }
}

#[test]
fn what_was_renamed_given_to_another_made_unreadable_or_emptied_was_removed() {
    let insensitive = |field: &str, from: &str, to: &str| {
        let at = field.to_ascii_lowercase().find(from).unwrap();
        format!("{}{to}{}", &field[..at], &field[at + from.len()..])
    };
    for (from, to) in [
        ("authentication-results:", "X-Old-Authentication-Results:"),
        ("x.home.example", "x.elsewhere.example"),
        (";", "(;"),
        (TOKEN, "other"),
    ] {
        for spelling in IdSpelling::ALL {
            let changed = |n, field: &str| {
                (IdSpelling::ALL[n] == spelling).then(|| insensitive(field, from, to))
            };
            assert_eq!(found(&[OWN], changed), [], "{spelling}: {to}");
        }
    }
    assert_eq!(found(&[OWN], |_, _| None), []);
}

#[test]
fn what_came_back_in_another_spelling_counts_as_it_came_back() {
    // The quotes and the comment were taken away: now it is believed.
    let bare = |n, field: &str| {
        (IdSpelling::ALL[n] == IdSpelling::CommentBeforeQuoted)
            .then(|| field.replace("(a) ", "").replace('"', ""))
    };
    let kept = found(&[OWN], bare);
    let told: Vec<_> = kept.iter().map(|k| (k.spelling, k.counts)).collect();
    assert_eq!(told, [(IdSpelling::CommentBeforeQuoted, true)]);
}
