//! The letter that finds out what becomes of forged results.
#![allow(clippy::unwrap_used, missing_docs)]

use tradepost_letters::forgery::{Forged, Forgery};
use tradepost_letters::{LetterContent, RelayPolicy, open, parse};
use tradepost_statements::{Address, Evidence};

const TOKEN: &str = "3f0c9a4be1d24c7d9c1e5a0b7d6f8e21";

fn check(ids: &[&str], change: impl Fn(String) -> String, expected: &[&str]) {
    let policy = RelayPolicy::new(ids.iter().map(|id| id.parse().unwrap()).collect(), None);
    let address: Address = "ann@home.example".parse().unwrap();
    let forgery = Forgery {
        address: &address,
        token: TOKEN,
        policy: &policy,
        date: "2026-11-20T10:15:00Z".parse().unwrap(),
    };
    let letter = change(String::from_utf8(forgery.letter()).unwrap());
    let opened = open(letter.as_bytes(), &policy);
    assert!(matches!(opened.content, LetterContent::NotOurs));
    // Believed or not, it proves nobody.
    assert_eq!(opened.evidence, Evidence::None, "{}", opened.proof);
    let expected = match expected {
        [] => Forged::Removed,
        kept => Forged::Kept(kept.iter().map(|id| (*id).to_owned()).collect()),
    };
    assert_eq!(
        forgery.find(&parse(letter.as_bytes())),
        expected,
        "{letter}"
    );
}

#[test]
fn what_comes_back_under_an_own_id_was_kept_and_nothing_else_was() {
    let own = "Authentication-Results: mx.home.example;";
    let same = |letter: String| letter;
    check(&["mx.home.example"], same, &["mx.home.example"]);
    check(
        &["mx.home.example", "*.mail.example"],
        same,
        &["mx.home.example", "mx.mail.example"],
    );
    // Folded, commented, in another case: it counts as before.
    check(
        &["mx.home.example"],
        |l| l.replace(own, "authentication-results: (a)\r\n MX.home.example 1;"),
        &["MX.home.example"],
    );
    // The provider's own word stays.
    let stamped = |l: String| format!("{own} auth=pass smtp.auth=bob@home.example\r\n{l}");
    check(&["mx.home.example"], stamped, &["mx.home.example"]);
    for (from, to) in [
        // Renamed, given to another id, made unreadable, or without what it says.
        (own, "X-Old-Authentication-Results: mx.home.example;"),
        (own, "Authentication-Results: unknown.example;"),
        (own, "Authentication-Results: mx.home.example (;"),
        (TOKEN, "other"),
    ] {
        check(&["mx.home.example"], |l| l.replace(from, to), &[]);
    }
    check(&[], same, &[]);
}
