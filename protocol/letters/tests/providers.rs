//! Authentication-Results as providers and mail servers write them, in whole letters.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::PathBuf;

use tradepost_letters::{LetterContent, OpenedLetter, PROVIDERS, RelayPolicy, open, provider_of};
use tradepost_statements::Evidence;

const EXPECTED: &str = include_str!("providers/expected.txt");
const FOR_PEOPLE: &str = include_str!("../../../examples/mailbox/PROVIDERS.md");

/// A provider or a mail server, and the letters in its shape.
struct Dialect {
    starts: &'static str,
    name: &'static str,
    authserv_ids: Vec<&'static str>,
    /// None: the default.
    own_hosts: Option<Vec<&'static str>>,
    letters: Vec<Row>,
}

struct Row {
    file: &'static str,
    evidence: &'static str,
    says: &'static str,
}

fn listed(column: &'static str) -> Option<Vec<&'static str>> {
    (column != "-").then(|| column.split(", ").collect())
}

fn dialects() -> Vec<Dialect> {
    let mut dialects: Vec<Dialect> = Vec::new();
    for line in EXPECTED.lines().filter(|l| !l.starts_with('#')) {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        if let [starts, name, ids, own_hosts] = columns[..] {
            dialects.push(Dialect {
                starts: starts.strip_prefix("@ ").unwrap(),
                name,
                authserv_ids: listed(ids).unwrap_or_default(),
                own_hosts: listed(own_hosts),
                letters: Vec::new(),
            });
        } else if let [file, evidence, says] = columns[..] {
            dialects.last_mut().unwrap().letters.push(Row {
                file,
                evidence,
                says,
            });
        } else {
            panic!("{line}");
        }
    }
    dialects
}

impl Dialect {
    fn policy(&self) -> RelayPolicy {
        let own_hosts = self.own_hosts.as_ref();
        RelayPolicy::new(
            self.authserv_ids
                .iter()
                .map(|id| id.parse().unwrap())
                .collect(),
            own_hosts.map(|hosts| hosts.iter().map(|h| h.parse().unwrap()).collect()),
        )
    }

    fn proves(&self) -> bool {
        !self.authserv_ids.is_empty()
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/providers")
}

fn raw(file: &str) -> Vec<u8> {
    let path = folder().join(format!("{file}.eml"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn is_whole(opened: &OpenedLetter) -> bool {
    opened.letter.author.is_ok() && matches!(opened.content, LetterContent::Statement(_))
}

#[test]
fn every_letter_proves_what_the_table_says() {
    let mut faults = Vec::new();
    for dialect in dialects() {
        for row in &dialect.letters {
            let opened = open(&raw(row.file), &dialect.policy());
            let is_expected = opened.evidence.to_string() == row.evidence
                && opened.proof.contains(row.says)
                && is_whole(&opened);
            if !is_expected {
                faults.push(format!(
                    "{} | {} | {}",
                    row.file, opened.evidence, opened.proof
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_dialect_has_a_genuine_a_failed_and_a_forged_letter() {
    for dialect in dialects() {
        for (kind, evidence) in [("genuine", "relay"), ("failed", "none"), ("forged", "none")] {
            let prefix = format!("{}-{kind}", dialect.starts);
            let mut rows = dialect
                .letters
                .iter()
                .filter(|r| r.file.starts_with(&prefix))
                .peekable();
            assert!(rows.peek().is_some(), "{prefix}");
            let expected = if dialect.proves() { evidence } else { "none" };
            for row in rows {
                assert_eq!(row.evidence, expected, "{}", row.file);
            }
        }
    }
}

/// What the forgers wrote is good in all but its place: on top, where only the provider writes, it
/// would prove the carrier.
#[test]
fn forged_results_fail_by_their_place_alone() {
    for dialect in dialects().iter().filter(|d| d.proves()) {
        let letter = raw(&format!("{}-forged", dialect.starts));
        assert_eq!(open(&letter, &dialect.policy()).evidence, Evidence::None);
        let text = String::from_utf8(letter).unwrap();
        let field = text
            .split("\r\nFrom: ")
            .nth(1)
            .and_then(|author| author.split_once("\r\n"))
            .and_then(|(_, rest)| rest.split_once("\r\nTo: "))
            .map(|(field, _)| field)
            .unwrap();
        assert!(field.starts_with("Authentication-Results:"), "{field}");
        let on_top = open(format!("{field}\r\n{text}").as_bytes(), &dialect.policy());
        assert_eq!(on_top.evidence, Evidence::Relay, "{}", dialect.starts);
    }
}

/// The envelope's sender ended the provider's comment from within its quoted local part.
#[test]
fn a_sender_that_ends_a_comment_makes_the_field_say_nothing() {
    for dialect in ["gmail", "icloud", "rspamd"] {
        let dialect = dialects()
            .into_iter()
            .find(|d| d.starts == dialect)
            .unwrap();
        let letter = raw(&format!("{}-forged-in-a-comment", dialect.starts));
        assert_eq!(open(&letter, &dialect.policy()).evidence, Evidence::None);
        let text = String::from_utf8(letter).unwrap();
        // Without the quotes nobody could tell: this is what the forger hoped for.
        let local = "x) ; dkim=pass header.d=carrier.example header.i=@carrier.example (y";
        let unquoted = text.replace(
            &format!("domain of \"{local}\"@"),
            &format!("domain of {local}@"),
        );
        assert_ne!(text, unquoted);
        assert_eq!(
            open(unquoted.as_bytes(), &dialect.policy()).evidence,
            Evidence::Relay,
            "{}",
            dialect.starts
        );
    }
}

/// mox writes a host name beyond ASCII behind its form in ASCII, in a comment.
#[test]
fn an_id_behind_a_comment_is_none_and_the_same_id_without_it_is_one() {
    let policy = RelayPolicy::new(vec!["møx.home.example".parse().unwrap()], None);
    let letter = raw("mox-idn-genuine");
    let opened = open(&letter, &policy);
    assert_eq!(opened.evidence, Evidence::None);
    assert!(
        opened.proof.contains("could not be read"),
        "{}",
        opened.proof
    );
    let text = String::from_utf8(letter).unwrap();
    let bare = text.replacen("Results: (xn--mx-lka.home.example) ", "Results: ", 1);
    assert_ne!(text, bare);
    let opened = open(bare.as_bytes(), &policy);
    assert_eq!(opened.evidence, Evidence::Relay, "{}", opened.proof);
}

#[test]
fn the_table_has_every_file_of_the_folder() {
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".eml").map(str::to_owned))
        .collect();
    let dialects = dialects();
    let rows = dialects.iter().flat_map(|d| &d.letters);
    assert_eq!(files, rows.map(|row| row.file.to_owned()).collect());
}

#[test]
fn what_the_program_advises_is_what_the_letters_were_read_with() {
    let dialects = dialects();
    for provider in &PROVIDERS {
        let dialect = dialects
            .iter()
            .find(|d| d.name == provider.name)
            .unwrap_or_else(|| panic!("no letters of {}", provider.name));
        assert_eq!(dialect.authserv_ids, provider.authserv_ids);
        assert_eq!(
            dialect.own_hosts.clone().unwrap_or_default(),
            provider.own_hosts
        );
        for host in provider.mailbox_hosts {
            assert_eq!(provider_of(host), Some(provider));
        }
    }
    assert_eq!(provider_of("IMAP.gmail.com.").unwrap().name, "Gmail");
    // Where letters are altered, no signature holds: nobody is sent to them.
    let advice = |host: &str| provider_of(host).unwrap().remark;
    assert!(advice("mail.mailo.com").contains("minimum = \"dkim\""));
    assert!(!advice("outlook.office365.com").contains("minimum"));
    assert!(advice("outlook.office365.com").contains("OAuth2"));
    assert_eq!(provider_of("imap.gmail.com.evil.example"), None);
}

#[test]
fn the_table_for_people_says_the_same() {
    let quoted = |texts: &[&str]| {
        let quoted: Vec<String> = texts.iter().map(|t| format!("`\"{t}\"`")).collect();
        quoted.join(", ")
    };
    for provider in &PROVIDERS {
        let ids = match provider.authserv_ids {
            [] => "-".to_owned(),
            ids => quoted(ids),
        };
        let own_hosts = match (provider.authserv_ids, provider.own_hosts) {
            ([], _) => "-".to_owned(),
            (_, []) => "default".to_owned(),
            (_, hosts) => quoted(hosts),
        };
        let row = format!(
            "| {} | {ids} | {own_hosts} | {} |",
            provider.name, provider.remark
        );
        assert!(FOR_PEOPLE.contains(&row), "{row}");
    }
    let rows = FOR_PEOPLE.lines().filter(|l| l.starts_with("| ")).count();
    assert_eq!(rows, PROVIDERS.len() + 1, "one for each, and the head");
}
