//! Which signatures could prove a sender: hostile headers cost no more than their size, and never make
//! reading fail. What each condition refuses is tested with real signatures where they are verified.
#![allow(clippy::unwrap_used)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use tradepost_letters::dkim::{
    Flaw, KeyRecord, MOST_SIGNATURES, RawLetter, Signatures, signatures,
};
use tradepost_letters::parse;
use tradepost_statements::Time;

const BODY: &str = "Hello.\r\n";

fn received_at() -> Time {
    "2026-11-20T10:15:03Z".parse().unwrap()
}

/// A letter with this in front of its fields.
fn letter(front: &str) -> String {
    format!(
        "{front}From: a@shop.example\r\nTo: b@home.example\r\nSubject: x\r\n\
         Date: Fri, 20 Nov 2026 10:15:00 +0000\r\nMessage-ID: <x@shop.example>\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n{BODY}"
    )
}

/// A signature that lacks nothing but a key, with these names in `h=` beside those it needs.
fn signature(domain: &str, more: &str) -> String {
    let hash = STANDARD.encode(Sha256::digest(BODY));
    format!(
        "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d={domain}; s=s1; \
         h=From:To:Subject:Date:Content-Type{more}; bh={hash}; b=AAAA\r\n"
    )
}

fn found(letter: &str) -> Signatures {
    let letter = letter.as_bytes();
    signatures(letter, &parse(letter), received_at())
}

#[test]
fn a_letter_with_a_hundred_thousand_signatures_has_five() {
    let good = signature("shop.example", "");
    assert_eq!(found(&letter(&good)).to_try.len(), 1);
    let many = found(&letter(&good.repeat(20_000)));
    assert_eq!(many.to_try.len(), MOST_SIGNATURES);
    assert!(many.is_cut_off);
    let foreign = signature("list.example", "").repeat(20_000);
    let many = found(&letter(&foreign));
    assert_eq!((many.to_try.len(), many.foreign.len()), (0, 1));
}

#[test]
fn a_signature_that_names_ten_thousand_fields_is_only_long() {
    let fields = "X: y\r\n".repeat(100_000);
    let good = signature("shop.example", &":x".repeat(10_000));
    let one = found(&letter(&format!("{good}{fields}")));
    let [candidate] = one.to_try.as_slice() else {
        panic!("{:?}", one.refused);
    };
    let signed = String::from_utf8_lossy(&candidate.signed);
    assert_eq!(signed.matches("x:y\r\n").count(), 10_000);
    // Beyond all reason it is not read at all.
    let long = found(&letter(&signature("shop.example", &":x".repeat(100_000))));
    assert!(long.to_try.is_empty());
    assert_eq!(long.unreadable.unwrap().flaw, Flaw::TooLong);
}

#[test]
fn the_lowest_field_is_covered_first_and_a_missing_one_is_nothing() {
    let signature = signature("shop.example", ":x:X:x:nothing");
    let found = found(&letter(&format!("X: top\r\n{signature}X:  low \r\n")));
    let signed = String::from_utf8_lossy(&found.to_try[0].signed).into_owned();
    let (fields, itself) = signed.split_once("dkim-signature:").unwrap();
    assert!(
        fields.ends_with("content-type:text/plain\r\nx:low\r\nx:top\r\n"),
        "{fields}"
    );
    assert!(itself.ends_with("; b="), "{itself}");
}

#[test]
fn all_fields_and_the_body_are_read_whatever_their_names() {
    let raw = b"From x\nA: b\n c\nReceived:d\n\nbody\n\nmore";
    let letter = RawLetter::read(raw);
    let fields: Vec<_> = letter.fields.iter().map(|(n, v)| [*n, *v]).collect();
    assert_eq!(fields, [[&b"A"[..], b" b\n c"], [b"Received", b"d"]]);
    assert_eq!(letter.body, b"body\n\nmore");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_signature_makes_reading_fail(
        values in proptest::collection::vec(
            "( ?(v|a|c|d|i|s|t|x|l|q|h|b|bh|[a-z]{1,3}) ?=[ -~\t\u{e9}]{0,20}(\r\n )?;?){0,12}",
            0..4,
        )
    ) {
        let fields: String = values.iter().map(|v| format!("DKIM-Signature:{v}\r\n")).collect();
        let found = found(&letter(&fields));
        prop_assert!(found.to_try.is_empty());
        // The same letter has one that could count.
        let good = signature("shop.example", "");
        let found = self::found(&letter(&format!("{good}{fields}")));
        prop_assert_eq!(found.to_try.len(), 1);
    }

    #[test]
    fn no_octets_make_a_signature(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut raw = b"DKIM-Signature:".to_vec();
        raw.extend(octets);
        raw.extend_from_slice(letter("\r\n").trim_start().as_bytes());
        prop_assert!(signatures(&raw, &parse(&raw), received_at()).to_try.is_empty());
    }

    #[test]
    fn no_text_makes_reading_a_key_fail(text in "((v|k|p|h|s|t|[a-z]{1,2})=[ -~\u{0}]{0,12};){0,8}") {
        if let Ok(record) = KeyRecord::read(&text) {
            prop_assert!(text.contains("p="), "{:?}", record);
        }
    }
}
