//! What a person sends is signed with the keys of their own domain, where they have some.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use serde_json::Value;
use support::Home;
use support::letters::{ANN, ORDER};
use support::world::{World, wait};
use tradepost_letters::RelayPolicy;
use tradepost_proof::dkim::{KeySource, Prover, Unproven};
use tradepost_statements::{Evidence, Time};

/// RFC 8463 appendix A.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
                   MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
                   -----END PRIVATE KEY-----\n";
const NAME: &str = "s1._domainkey.home.example";
const RECORD: &str = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
const SECTION: &str = "[[dkim]]\nselector = \"s1\"\nkey_file = \"s1.pem\"\n";

fn with_key(home: &Home) {
    home.write("s1.pem", KEY.as_bytes());
    home.write("order.toml", ORDER.as_bytes());
}

fn evidence(letter: &[u8]) -> Evidence {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let prover = Prover::new(KeySource {
        fixed: [(NAME.to_owned(), RECORD.to_owned())].into(),
        resolver: Some(([127, 0, 0, 1], 1).into()),
        budget: Duration::from_millis(200),
        ..KeySource::default()
    })
    .unwrap();
    let letter = Unproven {
        octets: letter.to_vec(),
        received_at: None,
    };
    let now: Time = jiff::Timestamp::now().into();
    let nobody = RelayPolicy::new(Vec::new(), None);
    let proven = runtime.block_on(prover.prove(vec![letter], &nobody, now));
    proven[0].opened.evidence
}

#[test]
fn an_order_is_signed_once_and_its_copy_is_the_same_letter() {
    let world = World::with(|config| config + SECTION);
    let home = &world.home;
    with_key(home);
    home.run(&["order", "order.toml"]).ok();
    let daemon = world.daemon();
    home.run(&["order", "order.toml"]).ok();
    let at_shop = world.room.letters("orders@shop.example", "INBOX");
    assert_eq!(at_shop.len(), 2);
    let sent = || world.room.letters(ANN, "Sent");
    wait(|| sent().len() == 2, || format!("{} copies", sent().len()));
    for letter in &at_shop {
        assert_eq!(evidence(&letter.bytes), Evidence::Dkim);
        let is_copy = |copy: &[u8]| copy.starts_with(b"DKIM-") && letter.bytes.ends_with(copy);
        assert!(sent().iter().any(|copy| is_copy(&copy.bytes)));
    }
    daemon.end();
}

#[test]
fn a_dry_run_shows_the_signed_letter_or_says_that_it_is_not_signed() {
    let home = Home::new();
    with_key(&home);
    let plain = home.run(&["order", "--dry-run", "order.toml"]);
    assert!(plain.stdout.starts_with("From: "), "{}", plain.stdout);
    assert!(plain.stderr.contains("does not sign"), "{}", plain.stderr);
    plain.ok();
    let config = format!("{}{SECTION}", support::CONFIG);
    home.write("config.toml", config.as_bytes());
    let signed = home.run(&["order", "--dry-run", "order.toml"]);
    assert!(!signed.stderr.contains("sign"), "{}", signed.stderr);
    let letter = signed.ok().replace('\n', "\r\n");
    assert!(letter.starts_with("DKIM-Signature: v=1;"), "{letter}");
    assert_eq!(evidence(letter.as_bytes()), Evidence::Dkim);
}

#[test]
fn the_doctor_says_who_signs_and_what_others_find() {
    let home = Home::new();
    with_key(&home);
    let checks = |top: &str, more: &str| -> Vec<(bool, String)> {
        let config = support::CONFIG.replace("[trust]\n", &format!("{SECTION}{more}[trust]\n"));
        let config = if top.is_empty() {
            config
        } else {
            format!("{top}{}", support::CONFIG)
        };
        home.write("config.toml", config.as_bytes());
        let out = home.run(&["doctor", "--json"]);
        let all: Vec<Value> = serde_json::from_str(&out.stdout).unwrap();
        let own = all.iter().filter(|c| c["name"] == "DKIM");
        own.map(|c| (c["ok"] == true, c["found"].as_str().unwrap().to_owned()))
            .collect()
    };
    let of = |top: &str, more: &str, is_well: bool, says: &str| {
        let found = checks(top, more);
        let fits = |(ok, text): &(bool, String)| *ok == is_well && text.contains(says);
        assert!(found.iter().any(fits), "{says}: {found:?}");
    };
    let keys = |record: &str| format!("[trust.keys]\n\"{NAME}\" = \"{record}\"\n");
    of("dkim = \"provider\"\n", "", true, "your provider signs");
    of("# nothing\n", "", true, "does not sign");
    of("", &keys(RECORD), true, "[trust.keys]");
    of(
        "",
        &keys(&RECORD.replace("=11q", "=12q")),
        false,
        "another key",
    );
    let (one, two) = (
        "address = \"ann@home.example\"\n",
        "addresses = [\"ann@home.example\", \"a@work.example\"]\n",
    );
    let config = format!("{two}{SECTION}{}[trust]\n", keys(RECORD));
    assert!(support::CONFIG.starts_with(one));
    home.write("config.toml", config.as_bytes());
    let out = home.run(&["doctor"]).stdout;
    assert!(out.contains("a@work.example has no key"), "{out}");
    assert!(!out.contains("ann@home.example has no key"), "{out}");
}
