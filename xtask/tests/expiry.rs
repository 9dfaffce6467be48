//! Nothing in the tree expires: tests pass on any day. Keys and certificates are made when a test needs them, and
//! what is signed says no end, or is judged at a time of its own.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};

/// 2200-01-01, in seconds since 1970: none of us will mend it.
const FAR_ENOUGH: u64 = 7_258_118_400;

/// Letters that end are the point here; `protocol/proof/tests/corpora.rs` receives each at a time of its own.
const JUDGED_AT_A_TIME_OF_THEIR_OWN: &str = "protocol/proof/tests/corpora/";

#[test]
fn no_signature_in_the_tree_expires() {
    let mut signed = 0;
    for (path, text) in texts() {
        signed += usize::from(text.to_ascii_lowercase().contains("dkim-signature:"));
        if path.starts_with(JUDGED_AT_A_TIME_OF_THEIR_OWN) {
            continue;
        }
        for end in ends_of_signatures(&text) {
            assert!(end > FAR_ENOUGH, "{path}: a signature ends at {end}");
        }
    }
    assert!(signed > 300, "only {signed} signed letters were read");
}

#[test]
fn the_end_of_a_signature_is_seen_wherever_it_stands() {
    for (text, ends) in [
        (
            "DKIM-Signature: v=1; d=a.example; x=1999999999; s=b",
            &[1_999_999_999][..],
        ),
        ("dkim-signature: v=1;x=1999999999", &[1_999_999_999]),
        (
            "DKIM-Signature: v=1;\r\n\tx = 1999999999;",
            &[1_999_999_999],
        ),
        ("\"d=esp.example; x=1999999999; z=\"", &[1_999_999_999]),
        ("max=1999999999; index=1999999999; x=12; b=x9", &[]),
    ] {
        assert_eq!(ends_of_signatures(text), ends, "{text}");
    }
}

/// Certificates and OpenPGP keys carry a date on which they end; keys in PEM carry none.
#[test]
fn no_certificate_and_no_openpgp_key_lies_in_the_tree() {
    let begin = |what: &str| format!("-----BEGIN {what}");
    let forms = [
        begin("CERTIFICATE"),
        begin("TRUSTED CERTIFICATE"),
        begin("X509 CERTIFICATE"),
        begin("PGP PUBLIC KEY"),
        begin("PGP PRIVATE KEY"),
    ];
    let endings = ["crt", "cer", "der", "p12", "pfx", "jks", "gpg", "pgp"];
    for (path, text) in texts() {
        for form in &forms {
            assert!(!holds_armor(&text, form), "{path}: make it in the test");
        }
        let ending = Path::new(&path).extension().and_then(|e| e.to_str());
        assert!(
            ending.is_none_or(|ending| !endings.contains(&ending)),
            "{path}: make it in the test"
        );
    }
    let certificate = format!("{}-----\nMIIBszCCAVmgAwIBAgIU\n", forms[0]);
    assert!(holds_armor(&certificate, &forms[0]));
}

/// Whether the armor is followed by what it holds; code may name the first line alone.
fn holds_armor(text: &str, form: &str) -> bool {
    let is_content = |line: &str| {
        line.len() >= 16
            && line
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+/=".contains(c))
    };
    text.match_indices(form).any(|(at, _)| {
        let mut lines = text[at..].lines().skip(1).map(str::trim);
        lines.by_ref().take(6).any(is_content)
    })
}

/// The times that tags `x=` name (RFC 6376 section 3.5), of nine digits or more: since 1973.
fn ends_of_signatures(text: &str) -> Vec<u64> {
    let mut ends = Vec::new();
    for (at, _) in text.match_indices('x') {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '-') {
            continue;
        }
        let Some(value) = text[at + 1..].trim_start().strip_prefix('=') else {
            continue;
        };
        let digits: String = value
            .trim_start()
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        if digits.len() >= 9 {
            ends.push(digits.parse().unwrap_or(u64::MAX));
        }
    }
    ends
}

/// Every file of the tree with its path, but what was built and this file.
fn texts() -> impl Iterator<Item = (String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    collect(root, &mut files);
    files.into_iter().filter_map(move |path| {
        let name = path.strip_prefix(root).unwrap().to_str()?.to_owned();
        let octets = fs::read(&path).unwrap();
        (name != "xtask/tests/expiry.rs")
            .then(|| (name, String::from_utf8_lossy(&octets).into_owned()))
    })
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        let name = entry.file_name();
        if kind.is_dir() && name != "target" && name != ".git" {
            collect(&entry.path(), files);
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
}
