//! When `dmarc=pass` counts (protocol 5, `relay`).
#![allow(clippy::unwrap_used)]

use tradepost_letters::{RelayPolicy, open};
use tradepost_statements::Evidence;

const GENUINE: &str = include_str!("letters/genuine.eml");

/// What the genuine letter of track@carrier.example proves under these results of the provider's.
fn evidence(results: &str, takes_spf: bool) -> (Evidence, String) {
    let (_, rest) = GENUINE.split_once("Received: ").unwrap();
    let letter = format!("Authentication-Results: mx.home.example; {results}\r\nReceived: {rest}");
    let policy = RelayPolicy {
        takes_spf,
        ..RelayPolicy::new(vec!["mx.home.example".parse().unwrap()], None)
    };
    let opened = open(letter.as_bytes(), &policy);
    (opened.evidence, opened.proof)
}

const PASS: &str = "spf=pass smtp.mailfrom=carrier.example; dmarc=pass header.from=carrier.example";

#[test]
fn dmarc_counts_where_no_dkim_result_is_named_or_one_of_the_organization_passed() {
    for dkim in [
        "",
        "dkim=pass header.d=carrier.example; ",
        "dkim=fail header.d=carrier.example; dkim=pass header.d=carrier.example; ",
        // RFC 7489 section 3.1.1: what DMARC takes for the author's.
        "dkim=pass header.d=mail.carrier.example; ",
        "dkim=none; dkim=pass header.i=@news.Carrier.example; ",
        "x-dkim=fail header.d=carrier.example; ",
    ] {
        let (evidence, proof) = evidence(&format!("{dkim}{PASS}"), false);
        assert_eq!(evidence, Evidence::Relay, "{dkim}: {proof}");
    }
}

#[test]
fn beside_a_dkim_result_that_does_not_pass_for_the_sender_it_counts_only_where_spf_is_taken() {
    for dkim in [
        "dkim=none",
        "dkim=fail header.d=carrier.example",
        "dkim=neutral header.d=carrier.example",
        "dkim=policy header.d=carrier.example",
        "dkim=temperror header.d=carrier.example",
        "dkim=permerror header.d=carrier.example",
        "dkim=perm_fail header.d=carrier.example",
        "dkim=pass",
        "dkim=pass header.d=esp.example",
        "dkim=pass header.d=example",
        "dkim=pass header.d=notcarrier.example",
        "dkim=pass header.d=carrier.example header.d=esp.example",
        "dkim=pass header.d=carrier.example,x",
        "dkim=fail header.d=carrier.example; dkim=pass header.d=esp.example",
    ] {
        for results in [format!("{dkim}; {PASS}"), format!("{PASS}; {dkim}")] {
            let (strict, proof) = evidence(&results, false);
            assert_eq!(strict, Evidence::None, "{results}: {proof}");
            assert!(proof.contains("[trust] spf = true takes it"), "{proof}");
            let (taken, proof) = evidence(&results, true);
            assert_eq!(taken, Evidence::Relay, "{results}: {proof}");
        }
    }
}

#[test]
fn taking_spf_makes_nothing_else_a_proof() {
    for results in [
        "spf=pass smtp.mailfrom=carrier.example",
        "spf=pass smtp.mailfrom=track@carrier.example; dkim=none",
        "dkim=none; dmarc=fail header.from=carrier.example",
        "dkim=none; dmarc=pass header.from=evil.example",
        "dkim=none; dmarc=pass header.from=carrier.example; dmarc=fail header.from=carrier.example",
        "arc=pass (i=1 spf=pass dmarc=pass)",
    ] {
        let (evidence, proof) = evidence(results, true);
        assert_eq!(evidence, Evidence::None, "{results}: {proof}");
        assert!(!proof.contains("[trust] spf"), "{proof}");
    }
}
