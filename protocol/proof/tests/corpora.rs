//! DKIM against the word of other implementations: vectors that they published (`corpora/dkim-published`), and letters
//! signed in many ways that two of them judged (`corpora/dkim-signed`). Nothing is proven here that they do not verify.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../../statements/tests/figures/mod.rs"]
mod figures;

use std::collections::BTreeMap;
use std::io::Write;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tradepost_letters::dkim::{proof, signatures};
use tradepost_letters::{RelayPolicy, open};
use tradepost_proof::dkim::{KeySource, Prover};
use tradepost_statements::Evidence;

fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpora")
        .join(name)
}

/// Lines of a name and what is said of it.
fn table(text: &str) -> BTreeMap<String, String> {
    let rows = text.lines().filter_map(|line| line.split_once(' '));
    rows.map(|(name, said)| (name.to_owned(), said.to_owned()))
        .collect()
}

fn read_table(corpus: &Path, file: &str) -> BTreeMap<String, String> {
    table(&std::fs::read_to_string(corpus.join(file)).unwrap())
}

/// With these keys and no others: the name server is a port at which nobody listens.
fn prover(fixed: BTreeMap<String, String>) -> Prover {
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap();
    let keys = KeySource {
        fixed,
        resolver: Some(nobody.local_addr().unwrap()),
        budget: Duration::from_millis(200),
        ..KeySource::default()
    };
    Prover::new(keys).unwrap()
}

/// Whether a letter's sender is proven by DKIM, and how or why not.
async fn proven(prover: &Prover, raw: &[u8], received_at: &str) -> (bool, String) {
    let opened = open(raw, &RelayPolicy::default());
    let found = signatures(raw, &opened.letter, received_at.parse().unwrap());
    let verified = prover.verify(&found).await;
    let proof = proof(&opened, &found, &verified);
    assert_ne!(proof.evidence, Evidence::Relay);
    (proof.evidence == Evidence::Dkim, proof.text)
}

/// The rule that refuses what others verify, by the words of the proof.
fn stricter_because(proof: &str) -> Option<&'static str> {
    let rules = [
        (
            "has no ",
            "From, To, MIME-Version or Content-Type is missing (protocol 5)",
        ),
        (
            "more than one ",
            "To, Subject or Content-Type is there twice (protocol 5)",
        ),
        (
            "which is not the sender's",
            "signed by a domain that is not the sender's (protocol 5)",
        ),
        (
            "(l=)",
            "only a part of the body is signed, or may be (`l=`, protocol 5)",
        ),
        (
            "cover Content-Transfer-Encoding",
            "Content-Transfer-Encoding is not signed, and none of 7bit, 8bit and binary (protocol 5)",
        ),
        (
            "does not cover",
            "To, Subject or Date is not signed (protocol 5)",
        ),
        ("only rsa-sha256 and", "rsa-sha1 (RFC 8301)"),
        ("(t=y)", "the key is for testing (RFC 6376 section 3.6.1)"),
        (
            "begin with v=DKIM1",
            "the key's version is not its first tag (RFC 6376 section 3.6.1)",
        ),
        (
            "key cannot be read",
            "the key is not valid base64 (RFC 6376 section 3.6.1)",
        ),
        (
            "it expired at",
            "expired when it was received, by less than ten hours (protocol 5)",
        ),
        (
            "it was made at",
            "signed an hour after it was received (protocol 5)",
        ),
    ];
    let rule = rules.iter().find(|(words, _)| proof.contains(words));
    let without_signature = "no Authentication-Results field counts";
    let domain_keys = "signed by DomainKeys alone (RFC 4870), which is not DKIM";
    rule.map(|(_, reason)| *reason)
        .or_else(|| proof.ends_with(without_signature).then_some(domain_keys))
}

#[derive(Default)]
struct Outcome {
    cases: usize,
    proven: usize,
    deviations: BTreeMap<&'static str, usize>,
    faults: Vec<String>,
}

impl Outcome {
    fn take(&mut self, name: &str, is_verified_by_others: bool, (is_proven, text): (bool, String)) {
        self.cases += 1;
        self.proven += usize::from(is_proven);
        match (is_proven, is_verified_by_others) {
            (true, false) => self.faults.push(format!("{name} is proven: {text}")),
            (false, true) => match stricter_because(&text) {
                Some(reason) => *self.deviations.entry(reason).or_default() += 1,
                None => self.faults.push(format!("{name} is not proven: {text}")),
            },
            (true, true) | (false, false) => {}
        }
    }

    #[track_caller]
    fn check(self, corpus: &str, proven: usize) {
        assert!(self.faults.is_empty(), "{}", self.faults.join("\n"));
        assert_eq!(self.proven, proven, "proven letters");
        let deviations: Vec<_> = self.deviations.into_iter().collect();
        figures::stand_in_the_security_notes(corpus, self.cases, &deviations);
    }
}

#[tokio::test]
async fn no_published_vector_is_believed_that_others_refuse() {
    let folder = corpus("dkim-published");
    let mut outcome = Outcome::default();
    for (name, said) in read_table(&folder, "expected.txt") {
        let vector = std::fs::read(folder.join(format!("{name}.vector"))).unwrap();
        let keys_end = vector.windows(2).position(|two| two == b"\n\n").unwrap();
        let keys = table(std::str::from_utf8(&vector[..keys_end]).unwrap());
        let letter = with_crlf(&vector[keys_end + 2..]);
        let (received_at, verdict) = said.split_once(' ').unwrap();
        let proven = proven(&prover(keys), &letter, received_at).await;
        outcome.take(&name, verdict == "pass", proven);
    }
    outcome.check("DKIM, published vectors", 5);
}

fn with_crlf(letter: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = letter.split(|b| *b == b'\n').collect();
    lines.join(&b"\r\n"[..])
}

/// Where OpenDKIM is stricter than the RFCs: it does not end a last line for the relaxed body (RFC 6376 section 3.4.4),
/// nor reads a key in the form of PKCS #1, which RFC 6376 section 3.6.1 names.
const REFUSED_BY_OPENDKIM_ALONE: [&str; 5] = [
    "key-rsa-pkcs1",
    "shape-no-line-end-at-the-end-relaxed-relaxed-ed",
    "shape-no-line-end-at-the-end-simple-relaxed-ed",
    "way-line-end-at-the-end-removed-relaxed-relaxed",
    "way-line-end-at-the-end-removed-simple-relaxed",
];

#[tokio::test]
async fn no_letter_is_believed_that_dkimpy_or_opendkim_refuses() {
    let folder = corpus("dkim-signed");
    let prover = prover(read_table(&folder, "keys.txt"));
    let opendkim = read_table(&folder, "opendkim.txt");
    let mut outcome = Outcome::default();
    for (name, dkimpy) in read_table(&folder, "dkimpy.txt") {
        let letter = std::fs::read(folder.join(format!("{name}.eml"))).unwrap();
        let is_refused = opendkim[&name] == "fail";
        let is_alone = REFUSED_BY_OPENDKIM_ALONE.contains(&name.as_str());
        let is_verified = dkimpy == "pass" && (!is_refused || is_alone);
        let proven = proven(&prover, &letter, "2026-11-20T10:15:03Z").await;
        outcome.take(&name, is_verified, proven);
    }
    outcome.check("DKIM, letters judged by dkimpy and OpenDKIM", 131);
}

/// The corpus of Mail::DKIM, which is fetched as `corpora/ORIGIN.md` says; the word of its authors stands in their test.
#[tokio::test]
async fn no_letter_of_mail_dkim_is_believed_that_its_authors_refuse() {
    let folder = corpus("fetched/mail-dkim");
    let Ok(verifier) = std::fs::read_to_string(folder.join("verifier.t")) else {
        return skipped(
            "the corpus of Mail::DKIM is not here; protocol/proof/tests/corpora/ORIGIN.md says how to fetch it",
        );
    };
    let keys = read_table(&folder, "FAKE_DNS.dat");
    let keys = keys
        .into_iter()
        .filter(|(name, _)| !name.starts_with(['#', ';']));
    let no_answer = |record: &str| record == "NXDOMAIN" || record.starts_with("~~");
    let keys = keys.map(|(name, record)| (name, record.trim().to_owned()));
    let prover = prover(keys.filter(|(_, record)| !no_answer(record)).collect());
    let mut outcome = Outcome::default();
    for line in verifier
        .lines()
        .filter(|line| line.starts_with("test_email("))
    {
        let words: Vec<&str> = line.split('"').collect();
        let (name, verdict) = (words[1], words[3]);
        let letter = std::fs::read(folder.join("corpus").join(name)).unwrap();
        let proven = proven(&prover, &letter, "2024-11-14T00:00:00Z").await;
        outcome.take(name, verdict == "pass", proven);
    }
    outcome.check("DKIM, Mail::DKIM (not included)", 1);
}

/// Says loudly that a test did not run. Not `eprintln!`, whose output the test runner keeps when a test passes.
fn skipped(why: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
    if let Some(file) = std::env::var_os("TRADEPOST_SKIPPED_FILE") {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.append(true).create(true).open(file).unwrap();
        writeln!(file, "{test}: {why}").unwrap();
    }
}

#[test]
fn each_letter_was_judged() {
    for (folder, table, ending) in [
        ("dkim-published", "expected.txt", ".vector"),
        ("dkim-signed", "dkimpy.txt", ".eml"),
        ("dkim-signed", "opendkim.txt", ".eml"),
    ] {
        let folder = corpus(folder);
        let entries = std::fs::read_dir(&folder).unwrap();
        let mut files: Vec<String> = entries
            .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
            .filter_map(|name| name.strip_suffix(ending).map(str::to_owned))
            .collect();
        files.sort();
        let judged: Vec<String> = read_table(&folder, table).into_keys().collect();
        assert_eq!(files, judged);
    }
}
