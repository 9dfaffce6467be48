//! What anybody can make long in a letter costs no more than its length, and is not told at length.
#![allow(clippy::unwrap_used)]

use tradepost_letters::dkim::{proof, signatures};
use tradepost_letters::{RelayPolicy, open};
use tradepost_statements::{Evidence, Time};

const LONG: usize = 1 << 20;

fn policy() -> RelayPolicy {
    RelayPolicy::new(vec!["mx.home.example".parse().unwrap()], None)
}

fn received_at() -> Time {
    "2026-11-20T10:15:03Z".parse().unwrap()
}

/// A letter with this in front of its fields.
fn letter(front: &str) -> Vec<u8> {
    format!(
        "{front}From: a@shop.example\r\nTo: b@home.example\r\nSubject: x\r\n\
         Date: Fri, 20 Nov 2026 10:15:00 +0000\r\nMessage-ID: <x@shop.example>\r\n\
         MIME-Version: 1.0\r\nContent-Type: application/vnd.tradepost+json\r\n\r\n{{}}\r\n"
    )
    .into_bytes()
}

#[test]
fn a_proof_is_short_whatever_it_tells_of() {
    let good = "Authentication-Results: mx.home.example; dkim=pass header.d=shop.example\r\n";
    let long = "x".repeat(LONG / 8);
    for front in [
        format!("Authentication-Results: {long}; dkim=pass\r\n"),
        format!("Authentication-Results: mx.home.example; dkim=pass header.d={long}\r\n"),
        format!("Authentication-Results: mx.home.example; {long}={long}\r\n"),
        format!("Received: by {long}; x\r\n{good}"),
        format!("DKIM-Signature: v=1; d=shop.example; a={long}\r\n"),
        "DKIM-Signature: v=1; d=shop.example\r\n".repeat(1000),
    ] {
        for (front, evidence) in [
            (front.clone(), Evidence::None),
            // Below what counts, it changes nothing.
            (format!("{good}{front}"), Evidence::Relay),
        ] {
            let raw = letter(&front);
            let opened = open(&raw, &policy());
            let found = signatures(&raw, &opened.letter, received_at());
            let proven = proof(&opened, &found, &[]);
            assert_eq!(proven.evidence, evidence, "{}", proven.text);
            for text in [&opened.proof, &proven.text] {
                assert!(text.len() < 3000, "{} octets", text.len());
            }
        }
    }
}
