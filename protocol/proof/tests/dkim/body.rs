//! The body, as it may and may not be changed on its way (RFC 6376 section 3.4).

use tradepost_letters::dkim::signatures;
use tradepost_letters::parse;

use crate::signing::{Key, Tags, accepts, genuine, received_at, refuses, signed};

fn with_body(c: &str, change: impl Fn(&str) -> String) -> String {
    let key = Key::ed25519();
    let letter = signed(genuine(), &Tags::good(key).with("c", c), key);
    let letter = String::from_utf8(letter).unwrap();
    let (header, body) = letter.split_once("\r\n\r\n").unwrap();
    format!("{header}\r\n\r\n{}", change(body))
}

#[tokio::test]
async fn blank_lines_at_the_end_are_nothing() {
    let key = Key::ed25519();
    for (end, relaxed, simple) in [
        ("", true, true),
        ("\r\n", true, true),
        ("\r\n\r\n\r\n", true, true),
        (" \r\n", true, false),
        ("\t\r\n  \r\n\r\n \t \r\n", true, false),
        ("   ", true, false),
        ("\r\n.\r\n", false, false),
    ] {
        for (c, proves) in [("relaxed/relaxed", relaxed), ("relaxed/simple", simple)] {
            let letter = with_body(c, |body| format!("{}\r\n{end}", body.trim_end()));
            match proves {
                true => accepts(key, letter).await,
                false => refuses(key, letter, "body was changed").await,
            }
        }
    }
    for c in ["relaxed/relaxed", "relaxed/simple"] {
        accepts(key, with_body(c, |body| body.trim_end().to_owned())).await;
    }
}

#[tokio::test]
async fn only_blanks_may_change_and_only_under_relaxed() {
    let key = Key::ed25519();
    let changes: [(&str, &str, bool); 6] = [
        ("The parcel", "The \t parcel", true),
        ("on its way.", "on its way. \t", true),
        ("on its way.", "on itsway.", false),
        ("on its way.", "on its way!", false),
        ("The parcel", "\r\nThe parcel", false),
        // Libraries leave such an octet out.
        ("The parcel", "The\r parcel", false),
    ];
    for (from, to, under_relaxed) in changes {
        for (c, proves) in [
            ("relaxed/relaxed", under_relaxed),
            ("relaxed/simple", false),
        ] {
            let letter = with_body(c, |body| {
                let changed = body.replacen(from, to, 1);
                assert_ne!(changed, body);
                changed
            });
            match proves {
                true => accepts(key, letter).await,
                false => refuses(key, letter, "body was changed").await,
            }
        }
    }
    for c in ["relaxed/relaxed", "relaxed/simple"] {
        accepts(key, with_body(c, str::to_owned)).await;
    }
}

#[tokio::test]
async fn header_fields_may_be_folded_anew_only_under_relaxed() {
    let key = Key::ed25519();
    for (from, to, under_relaxed) in [
        ("To: ann", "TO:   ann", true),
        ("Parcel for order", "Parcel\r\n\t for  order", true),
        ("in transit", "in transit \t", true),
        ("in transit", "in  transi", false),
        ("in transit", "in\r transit", false),
        ("in transit", "in\u{c} transit", false),
    ] {
        for (c, proves) in [
            ("relaxed/relaxed", under_relaxed),
            ("simple/relaxed", false),
        ] {
            let letter = signed(genuine(), &Tags::good(key).with("c", c), key);
            let letter = String::from_utf8(letter).unwrap();
            let changed = letter.replacen(from, to, 1);
            assert_ne!(changed, letter);
            match proves {
                true => accepts(key, changed).await,
                false => {
                    // Protocol 5: such a header proves nothing, whatever was signed.
                    let why = if to.contains("\r ") {
                        "mixes CRLF with other line ends"
                    } else {
                        "header fields were changed"
                    };
                    refuses(key, changed, why).await;
                }
            }
            accepts(key, letter).await;
        }
    }
}

#[tokio::test]
async fn a_letter_from_a_file_has_bare_line_feeds() {
    let key = Key::rsa(2048);
    for c in ["relaxed/relaxed", "simple/simple"] {
        let letter = signed(genuine(), &Tags::good(key).with("c", c), key);
        let mut stored = b"From track@carrier.example Fri Nov 20 10:15:00 2026\n".to_vec();
        stored.extend(letter.into_iter().filter(|b| *b != b'\r'));
        accepts(key, stored).await;
    }
}

#[test]
fn an_empty_body_has_the_hash_of_the_standard() {
    let key = Key::ed25519();
    let genuine = genuine();
    let (header, _) = genuine.split_once("\r\n\r\n").unwrap();
    // RFC 6376 sections 3.4.3 and 3.4.4.
    let simple = "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=";
    let relaxed = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    for body in ["", "\r\n", "\r\n\r\n", " \r\n"] {
        for (c, bh, fits) in [
            ("relaxed/simple", simple, body != " \r\n"),
            ("relaxed/relaxed", relaxed, true),
            ("relaxed/simple", relaxed, false),
            ("relaxed/relaxed", simple, false),
        ] {
            let tags = Tags::good(key).with("c", c).with("bh", bh);
            let letter = signed(format!("{header}\r\n\r\n{body}"), &tags, key);
            let found = signatures(&letter, &parse(&letter), received_at());
            assert_eq!(found.to_try.len(), usize::from(fits), "{body:?} {c} {bh}");
        }
    }
}
