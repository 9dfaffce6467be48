//! No octet of what is signed can be another one.

use tradepost_letters::RelayPolicy;
use tradepost_proof::dkim::Unproven;
use tradepost_statements::Evidence;

use crate::signing::{Key, Tags, genuine, prover, received_at, signed};

/// Bits that make the most trouble: the lowest, the one of case and blanks, one beyond ASCII.
const MASKS: [u8; 3] = [0x01, 0x20, 0x80];

async fn still_proven(c: &str) -> Vec<(usize, u8, Vec<u8>)> {
    let key = Key::ed25519();
    let letter = signed(genuine(), &Tags::good(key).with("c", c), key);
    // The value of b= is not signed: whatever is changed in it, no other letter becomes proven.
    let b = letter
        .windows(4)
        .position(|w| w == b"\tb=/" || w.starts_with(b"\tb="))
        .unwrap();
    let end = b + letter[b..].windows(2).position(|w| w == b"\r\n").unwrap();
    let places = (0..letter.len()).filter(|at| !(b + 3..end).contains(at));
    let flips: Vec<(usize, u8)> = places.flat_map(|at| MASKS.map(|mask| (at, mask))).collect();
    let letters = flips.iter().map(|(at, mask)| {
        let mut octets = letter.clone();
        octets[*at] ^= mask;
        Unproven {
            octets,
            received_at: Some(received_at()),
        }
    });
    let policy = RelayPolicy::default();
    let prover = prover(&key.record());
    let proven = prover
        .prove(letters.collect(), &policy, received_at())
        .await;
    assert!(proven.len() > 3000, "only {} letters", proven.len());
    let is_proven = |evidence| evidence == Evidence::Dkim;
    let pairs = flips.into_iter().zip(proven);
    pairs
        .filter(|(_, p)| is_proven(p.opened.evidence))
        .map(|((at, mask), _)| (at, mask, letter.clone()))
        .collect()
}

#[tokio::test]
async fn under_simple_no_octet_of_the_letter_can_be_another() {
    let found = still_proven("simple/simple").await;
    let places: Vec<_> = found.iter().map(|(at, mask, _)| (at, mask)).collect();
    assert!(places.is_empty(), "{places:?}");
}

#[tokio::test]
async fn under_relaxed_only_the_case_of_field_names_can_be_another() {
    let found = still_proven("relaxed/relaxed").await;
    for (at, mask, letter) in found {
        let line = letter[..at]
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |n| n + 1);
        let is_in_name = letter[line..].first().is_some_and(u8::is_ascii_alphabetic)
            && !letter[line..=at].contains(&b':');
        let is_case = mask == 0x20 && letter[at].is_ascii_alphabetic();
        let seen = String::from_utf8_lossy(&letter[line..at + 5]);
        assert!(is_in_name && is_case, "octet {at}, {mask:#x}: {seen}");
    }
}
