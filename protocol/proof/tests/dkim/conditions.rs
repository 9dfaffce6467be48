//! The conditions of protocol 5 on the signature itself, each beside the letter that keeps it.

use crate::signing::{
    COVERED, Key, SENT, Tags, accepts, genuine, prove, prover_with, refuses, signature, signed,
};
use tradepost_statements::Evidence;

#[tokio::test]
async fn a_good_signature_proves_its_domain_however_it_is_made() {
    for key in [Key::ed25519(), Key::rsa(2048), Key::rsa(1024)] {
        for c in [
            "relaxed/relaxed",
            "relaxed/simple",
            "simple/relaxed",
            "simple/simple",
        ] {
            let tags = Tags::good(key).with("c", c);
            accepts(key, signed(genuine(), &tags, key)).await;
        }
        // RFC 6376 section 3.5: relaxed/simple, and simple/simple.
        let tags = Tags::good(key).with("c", "relaxed");
        accepts(key, signed(genuine(), &tags, key)).await;
        let tags = Tags::good(key).without("c");
        accepts(key, signed(genuine(), &tags, key)).await;
    }
}

#[tokio::test]
async fn the_proof_names_the_signer_and_its_key() {
    let key = Key::ed25519();
    let letter = signed(genuine(), &Tags::good(key), key);
    let proven = prove(&crate::signing::prover(&key.record()), &letter).await;
    assert_eq!(
        proven.opened.proof,
        "DKIM, verified here: signed by carrier.example with the key s1 (ed25519-sha256)"
    );
}

#[tokio::test]
async fn from_to_subject_and_date_are_signed() {
    let key = Key::ed25519();
    accepts(key, signed(genuine(), &Tags::good(key), key)).await;
    for field in ["From", "To", "Subject", "Date"] {
        let names: Vec<&str> = COVERED.split(':').filter(|n| *n != field).collect();
        let tags = Tags::good(key).with("h", names.join(":"));
        refuses(
            key,
            signed(genuine(), &tags, key),
            &format!("does not cover {field}"),
        )
        .await;
    }
}

#[tokio::test]
async fn the_whole_body_is_signed() {
    let key = Key::ed25519();
    for l in ["0", "1", "99999999", "x", ""] {
        let tags = Tags::good(key).with("l", l);
        refuses(key, signed(genuine(), &tags, key), "only a part").await;
    }
    let tags = Tags::good(key).with("z", "l=1");
    // An equals sign within a value is no tag.
    accepts(key, signed(genuine(), &tags, key)).await;
}

#[tokio::test]
async fn times_are_judged_at_the_time_of_receipt() {
    let key = Key::ed25519();
    let received = SENT + 3;
    for (t, x, fault) in [
        (None, None, None),
        (Some(SENT), None, None),
        (Some(received + 600), None, None),
        (
            Some(received + 601),
            None,
            Some("after the letter was received"),
        ),
        (Some(SENT), Some(received + 1), None),
        (Some(SENT), Some(received), Some("expired at")),
        (None, Some(received - 1), Some("expired at")),
        (
            Some(received + 60),
            Some(received + 60),
            Some("expired when it was made"),
        ),
        (Some(received + 60), Some(received + 61), None),
        (Some(0), Some(999_999_999_999), None),
        (Some(1_000_000_000_000), None, Some("no time")),
    ] {
        let mut tags = Tags::good(key);
        for (tag, time) in [("t", t), ("x", x)] {
            if let Some(time) = time {
                tags = tags.with(tag, time);
            }
        }
        let letter = signed(genuine(), &tags, key);
        match fault {
            None => accepts(key, letter).await,
            Some(why) => refuses(key, letter, why).await,
        }
    }
    for bad in ["-1", "1e9", "now", "1 2", ""] {
        let tags = Tags::good(key).with("t", bad);
        refuses(key, signed(genuine(), &tags, key), "no time").await;
    }
}

#[tokio::test]
async fn the_signer_is_the_from_domain_or_above_it_in_the_same_organization() {
    let key = Key::ed25519();
    for (from, d, proves) in [
        ("carrier.example", "carrier.example", true),
        ("carrier.example", "CARRIER.Example", true),
        ("mail.carrier.example", "carrier.example", true),
        ("carrier.example", "mail.carrier.example", false),
        ("a.carrier.example", "b.carrier.example", false),
        ("carrier.example", "evil.example", false),
        ("carrier.example", "example", false),
        ("carrier.co.uk", "co.uk", false),
        ("carrier.co.uk", "carrier.co.uk", true),
        ("carrier.github.io", "github.io", false),
        ("carrier.example", "carrier.example.evil.example", false),
    ] {
        let letter = genuine().replace("carrier.example>", &format!("{from}>"));
        let letter = signed(letter, &Tags::good(key).with("d", d), key);
        let name = format!("s1._domainkey.{}", d.to_lowercase());
        let prover = prover_with(&[(&name, &key.record())]);
        let proven = prove(&prover, &letter).await;
        let is_proven = proven.opened.evidence == Evidence::Dkim;
        assert_eq!(is_proven, proves, "{d} for {from}: {}", proven.opened.proof);
        assert_eq!(proven.undecided, None);
    }
}

#[tokio::test]
async fn the_identity_is_within_the_domain() {
    let key = Key::ed25519();
    for (i, proves) in [
        ("@carrier.example", true),
        ("track@carrier.example", true),
        ("@mail.Carrier.example", true),
        ("@evil.example", false),
        ("@example", false),
        ("@notcarrier.example", false),
        ("carrier.example", false),
        ("", false),
    ] {
        let letter = signed(genuine(), &Tags::good(key).with("i", i), key);
        match proves {
            true => accepts(key, letter).await,
            false => refuses(key, letter, "another domain").await,
        }
    }
}

#[tokio::test]
async fn what_is_not_written_as_the_standard_says_does_not_count() {
    let key = Key::ed25519();
    let good = || Tags::good(key);
    let rows = [
        (good().with("v", "2"), "version"),
        (good().without("v"), "no v="),
        (good().without("s"), "no s="),
        (good().without("h"), "no h="),
        (good().without("a"), "no a="),
        (
            good().with("a", "rsa-sha1"),
            "only rsa-sha256 and ed25519-sha256",
        ),
        (
            good().with("a", "none"),
            "only rsa-sha256 and ed25519-sha256",
        ),
        (good().with("c", "nofws"), "canonicalization"),
        (good().with("c", "relaxed/"), "canonicalization"),
        (good().with("q", "http"), "by DNS"),
        (good().with("bh", "?"), "base64"),
        (good().with("bh", ""), "base64"),
        (
            good().with("h", "From:To:Subject:Date::Content-Type"),
            "list of header fields",
        ),
        (good().with("s", "s1\0"), "list of tags"),
        (good().with("s", "s1\u{7}"), "list of tags"),
        (good().with("s", "\"s1\""), "name of a key"),
        (good().with("s", "s1(x)"), "name of a key"),
        (good().with("s", "s 1"), "name of a key"),
        (good().with("s", "s1."), "name of a key"),
        (good().with("s", ".."), "name of a key"),
        (good().with("s", "x".repeat(64)), "name of a key"),
        (good().with("d", "carrier.example (shop)"), "no domain name"),
        (good().with("d", "\"carrier.example\""), "no domain name"),
        (
            good().with("d", "carrier.example\0.evil.example"),
            "list of tags",
        ),
        (good().with("d", "carrier.example\0"), "list of tags"),
        (good().with("d", "carrier. example"), "no domain name"),
        (good().with("d", ""), "no domain name"),
        (good().without("d"), "no d="),
        (good().with("1x", "y"), "list of tags"),
        (good().with("x-y", "z"), "list of tags"),
        (good().with("", "z"), "list of tags"),
        (good().with("n", "\u{9b}"), "list of tags"),
        (good().with("n", "a\rb"), "mixes CRLF with other line ends"),
    ];
    for (tags, why) in rows {
        refuses(key, signed(genuine(), &tags, key), why).await;
    }
    for tags in [
        good(),
        good().with("q", "dns/txt"),
        good().with("q", "http : dns/txt"),
        good().with("n", "a note, with \"quotes\" (and brackets)"),
        good().with("n", "gr\u{fc}n"),
        good().with("unknown_1", ""),
        good().with("h", COVERED.replace(':', " :\r\n\t")),
    ] {
        accepts(key, signed(genuine(), &tags, key)).await;
    }
}

#[tokio::test]
async fn a_tag_stands_once() {
    let key = Key::ed25519();
    let letter = genuine();
    let signature = signature(letter.as_bytes(), &Tags::good(key), key);
    accepts(key, format!("{signature}{letter}")).await;
    for (once, twice) in [
        ("v=1;", "v=1; v=1;"),
        ("d=carrier.example;", "d=evil.example; d=carrier.example;"),
        ("s=s1;", "s=s1; s=s2;"),
        ("v=1;", "v=1;;"),
        ("v=1;", "v=1; nothing;"),
    ] {
        let broken = signature.replacen(once, twice, 1);
        assert_ne!(broken, signature);
        let why = if twice.contains(";;") || twice.contains("nothing") {
            "list of tags"
        } else {
            "twice"
        };
        refuses(key, format!("{broken}{letter}"), why).await;
    }
    // RFC 6376 section 3.2: one semicolon at the end is part of the grammar.
    let mut ended = Tags::good(key);
    ended.0.insert("b".to_owned(), String::new());
    let closed = signature.trim_end().to_owned() + " ;\r\n";
    // What stands after the value of b= was not signed.
    refuses(key, format!("{closed}{letter}"), "changed after").await;
}

#[tokio::test]
async fn at_most_five_signatures_of_the_domain_are_tried() {
    let key = Key::ed25519();
    let letter = genuine();
    let good = signature(letter.as_bytes(), &Tags::good(key), key);
    let bad = signature(b"From: x\r\n\r\n", &Tags::good(key), key);
    let foreign = signature(
        letter.as_bytes(),
        &Tags::good(key).with("d", "list.example"),
        key,
    );
    let unreadable = "DKIM-Signature: v=1; d\r\n";
    accepts(key, format!("{}{good}{letter}", bad.repeat(4))).await;
    refuses(
        key,
        format!("{}{good}{letter}", bad.repeat(5)),
        "only the first 5",
    )
    .await;
    // Those of others take nobody's place.
    accepts(
        key,
        format!("{}{unreadable}{good}{letter}", foreign.repeat(20)),
    )
    .await;
    // A thousand of them cost little, and prove nothing.
    refuses(
        key,
        format!("{}{letter}", bad.repeat(1000)),
        "only the first 5",
    )
    .await;
}

#[tokio::test]
async fn one_good_signature_among_bad_ones_is_enough() {
    let (ed, rsa) = (Key::ed25519(), Key::rsa(2048));
    let letter = genuine();
    let tags = Tags::good(rsa).with("s", "s2");
    let both = format!(
        "{}{}",
        signature(letter.as_bytes(), &Tags::good(ed), ed),
        signature(letter.as_bytes(), &tags, rsa)
    );
    let (ed, rsa) = (ed.record(), rsa.record());
    for (s1, s2, proves) in [
        (ed.as_str(), rsa.as_str(), true),
        ("p=", rsa.as_str(), true),
        (ed.as_str(), "p=", true),
        ("p=", "p=", false),
        (rsa.as_str(), ed.as_str(), false),
    ] {
        let prover = prover_with(&[
            ("s1._domainkey.carrier.example", s1),
            ("s2._domainkey.carrier.example", s2),
        ]);
        let proven = prove(&prover, format!("{both}{letter}").as_bytes()).await;
        assert_eq!(
            proven.opened.evidence == Evidence::Dkim,
            proves,
            "{}",
            proven.opened.proof
        );
    }
}

#[tokio::test]
async fn a_second_field_in_front_takes_the_proof_away() {
    let key = Key::ed25519();
    let letter = signed(genuine(), &Tags::good(key), key);
    accepts(key, &letter).await;
    for field in [
        "From: evil@evil.example",
        "To: x@y.example",
        "Subject: x",
        "Content-Type: text/plain",
    ] {
        let mut attacked = format!("{field}\r\n").into_bytes();
        attacked.extend_from_slice(&letter);
        refuses(key, attacked, "more than one").await;
    }
    let mut relayed = b"Received: from a by b; x\r\nX-Other: y\r\n".to_vec();
    relayed.extend_from_slice(&letter);
    accepts(key, relayed).await;
}
