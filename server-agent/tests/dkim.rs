//! Keys are made, compared with what others find, and sign what leaves.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tradepost_letters::RelayPolicy;
use tradepost_mailroom::Fault;
use tradepost_proof::dkim::{KeySource, Prover, Unproven};
use tradepost_statements::Evidence;

use support::{ALL_ROLES, ANN, SHOP, Server, new_request, order, room};

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap()
}

fn make(server: &Server, more: &[&str]) -> Value {
    let arguments = ["dkim-key", "--domain", "shop.example", "--json"];
    server.json(&[&arguments[..], more].concat())
}

fn append(file: &Path, lines: &str) {
    let mut file = std::fs::OpenOptions::new().append(true).open(file).unwrap();
    file.write_all(lines.as_bytes()).unwrap();
}

/// What doctor says of DKIM: whether all is well, and the words.
fn dkim_checks(server: &Server) -> (bool, String) {
    let out = server.say(&["doctor", "--json"], "");
    let checks: Vec<Value> = serde_json::from_slice(&out.stdout).unwrap();
    let own: Vec<&Value> = checks.iter().filter(|c| c["name"] == "DKIM").collect();
    assert!(!own.is_empty(), "{checks:?}");
    let words = own
        .iter()
        .map(|c| format!("{} {}; ", c["found"], c["remedy"]));
    (own.iter().all(|c| c["ok"] == true), words.collect())
}

/// The evidence of each letter that Ann has, by the keys that were made and nothing else.
async fn evidence(letters: Vec<Vec<u8>>, keys: &[&Value]) -> Vec<Evidence> {
    let fixed = keys.iter().map(|k| {
        let (name, record) = (text(k, "name"), text(k, "record"));
        (name.to_owned(), record.to_owned())
    });
    let prover = Prover::new(KeySource {
        fixed: fixed.collect(),
        // Nobody is asked for the other key.
        resolver: Some(([127, 0, 0, 1], 1).into()),
        budget: Duration::from_millis(200),
        ..KeySource::default()
    });
    let unproven = letters.into_iter().map(|octets| Unproven {
        octets,
        received_at: None,
    });
    let nobody = RelayPolicy::new(Vec::new(), None);
    let prover = prover.unwrap();
    let proven = prover.prove(unproven.collect(), &nobody, support::now());
    let proven = proven.await;
    proven.iter().map(|p| p.opened.evidence).collect()
}

/// What was signed, with its signatures, but without what the mail server put in front.
fn from_the_signature(letter: &[u8]) -> &[u8] {
    let name = b"DKIM-Signature:";
    let at = letter.windows(name.len()).position(|w| w == name);
    &letter[at.unwrap()..]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_made_for_its_owner_alone_with_all_that_has_to_be_written() {
    let room = room().await;
    let shop = room.server(SHOP, ALL_ROLES);
    for (selector, algorithm) in [("s1", "rsa"), ("s2", "ed25519")] {
        let made = make(&shop, &["--selector", selector, "--algorithm", algorithm]);
        let file = Path::new(text(&made, "key_file"));
        assert_eq!(file, room.folder.path().join(format!("{selector}.pem")));
        let mode = std::fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let name = format!("{selector}._domainkey.shop.example");
        assert_eq!(text(&made, "name"), name);
        let record = text(&made, "record");
        let starts = format!("v=DKIM1; k={algorithm}; p=");
        assert!(record.starts_with(&starts), "{record}");

        let zone = text(&made, "zone");
        assert!(zone.starts_with(&format!("{name}. IN TXT (")), "{zone}");
        let strings: Vec<&str> = zone.split('"').skip(1).step_by(2).collect();
        assert_eq!(strings.concat(), record);
        assert!(strings.iter().all(|s| s.len() <= 255), "{zone}");

        let secret = std::fs::read_to_string(file).unwrap();
        let secret = secret.lines().nth(1).unwrap();
        assert!(!made.to_string().contains(secret));
        append(&shop.config, text(&made, "dkim"));
    }
    // Both sections work as they were printed.
    let (_, words) = dkim_checks(&shop);
    assert!(words.contains("s1._domainkey") && words.contains("s2._domainkey"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_is_overwritten_and_wrong_words_make_none() {
    let room = room().await;
    let shop = room.server(SHOP, ALL_ROLES);
    let at = |name: &str| room.folder.path().join(name);
    let arguments = |selector, domain| {
        [
            "dkim-key",
            "--selector",
            selector,
            "--domain",
            domain,
            "--algorithm",
            "ed25519",
        ]
    };
    let said = shop.say(&arguments("s1", "shop.example"), "");
    assert!(said.status.success(), "{said:?}");
    let words = String::from_utf8(said.stdout).unwrap();
    for has in [
        "s1._domainkey.shop.example. IN TXT (",
        "[[dkim]]\nselector = \"s1\"\ndomain = \"shop.example\"\nkey_file = \"s1.pem\"\n",
        "[trust.keys]\n\"s1._domainkey.shop.example\" = \"v=DKIM1; k=ed25519; p=",
    ] {
        assert!(words.contains(has), "{words}");
    }
    let key = std::fs::read(at("s1.pem")).unwrap();
    std::os::unix::fs::symlink(at("elsewhere.pem"), at("s3.pem")).unwrap();
    for (selector, domain, says) in [
        ("s1", "shop.example", "exists"),
        ("s3", "shop.example", "exists"),
        ("s_4", "shop.example", "--selector"),
        ("s4/../s1", "shop.example", "--selector"),
        ("s4", "example", "--domain"),
        ("s4", "shop example", "--domain"),
    ] {
        let said = shop.say(&arguments(selector, domain), "");
        let error = String::from_utf8(said.stderr).unwrap();
        assert_eq!(said.status.code(), Some(1), "{error}");
        assert!(error.contains(says), "{error}");
    }
    assert_eq!(std::fs::read(at("s1.pem")).unwrap(), key);
    assert!(!at("elsewhere.pem").exists() && !at("s4.pem").exists());
    let other = at("other.pem").display().to_string();
    let said = shop.say(
        &[&arguments("s1", "shop.example")[..], &["--out", &other]].concat(),
        "",
    );
    assert!(said.status.success() && at("other.pem").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_who_signs_and_what_others_find() {
    let room = room().await;
    let shop = room.server(SHOP, ALL_ROLES);
    let (is_well, words) = dkim_checks(&shop);
    assert!(!is_well && words.contains("leave unsigned"), "{words}");
    assert!(words.contains("dkim-key --selector s1 --domain shop.example"));
    let provider = room.server(SHOP, &format!("dkim = \"provider\"\n{ALL_ROLES}"));
    let (is_well, words) = dkim_checks(&provider);
    assert!(is_well, "{words}");

    let shop = room.server(SHOP, ALL_ROLES);
    let one = make(&shop, &["--selector", "s1", "--algorithm", "ed25519"]);
    let other = make(&shop, &["--selector", "s2", "--algorithm", "ed25519"]);
    append(&shop.config, text(&one, "dkim"));
    let without_keys = std::fs::read_to_string(&shop.config).unwrap();
    for (record, is_good, says) in [
        (text(&one, "record"), true, "[trust.keys]"),
        (text(&other, "record"), false, "another key"),
    ] {
        let keys = format!("[trust.keys]\n\"{}\" = \"{record}\"\n", text(&one, "name"));
        std::fs::write(&shop.config, format!("{without_keys}{keys}")).unwrap();
        let (is_well, words) = dkim_checks(&shop);
        assert_eq!(is_well, is_good, "{words}");
        assert!(words.contains(says), "{words}");
    }
    // Nothing listens there.
    let silent = without_keys.replace(
        "[trust]\n",
        "[trust]\nresolver = \"127.0.0.1:1\"\ndns_budget = \"200 ms\"\n",
    );
    assert_ne!(silent, without_keys);
    std::fs::write(&shop.config, silent).unwrap();
    let (is_well, words) = dkim_checks(&shop);
    assert!(!is_well && words.contains("did not answer"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_letter_is_signed_with_both_keys_and_each_alone_proves_it() {
    let room = room().await;
    let shop = room.server(SHOP, ALL_ROLES);
    let keys = [("s1", "rsa"), ("s2", "ed25519")]
        .map(|(s, a)| make(&shop, &["--selector", s, "--algorithm", a]));
    for key in &keys {
        append(&shop.config, text(key, "dkim"));
    }
    // Nobody hears that the first letter was taken: it leaves once more, with the same octets.
    let cut = Fault::LetterTakenThenCut;
    room.room.faults().once(cut.clone());
    let running = shop.run();
    assert!(!running.log().contains("unsigned"), "{}", running.log());
    room.deliver(&order(&new_request()));
    room.until(ANN, |s| s.len() >= 5).await;
    assert_eq!(room.room.faults().happened(&cut), 1);
    let letters: Vec<Vec<u8>> = room
        .room
        .letters(ANN, "INBOX")
        .into_iter()
        .map(|l| l.bytes.to_vec())
        .collect();
    let signed: BTreeSet<&[u8]> = letters.iter().map(|l| from_the_signature(l)).collect();
    assert_eq!(signed.len() + 1, letters.len());
    for key in &keys {
        let alone = evidence(letters.clone(), &[key]).await;
        assert!(alone.iter().all(|e| *e == Evidence::Dkim), "{alone:?}");
        let tampered = letters.iter().map(|l| {
            let text = String::from_utf8(l.clone()).unwrap();
            text.replace("Subject: ", "Subject: Re: ").into_bytes()
        });
        let changed = evidence(tampered.collect(), &[key]).await;
        assert!(changed.iter().all(|e| *e == Evidence::None), "{changed:?}");
    }
    let unsigned = room.server(SHOP, ALL_ROLES);
    drop(running);
    let running = unsigned.run();
    assert!(
        running.log().contains("letters leave unsigned"),
        "{}",
        running.log()
    );
    let line = json!({ "key": "1", "trade": shop.json(&["trades", "--json"])[0]["id"], "track": "order", "state": "shipped" });
    assert_eq!(unsigned.emit(&line)["accepted"], true);
    room.until(ANN, |s| s.len() > letters.len()).await;
    let last = room.room.letters(ANN, "INBOX").pop().unwrap().bytes;
    assert_eq!(
        evidence(vec![last.to_vec()], &[&keys[0], &keys[1]]).await,
        [Evidence::None]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_probe_is_signed_as_letters_are_so_that_it_tells_what_these_prove() {
    let room = room().await;
    let shop = room.server(SHOP, ALL_ROLES);
    let own_letters = || {
        let out = shop.say(&["doctor", "--probe", "--json"], "");
        let checks: Vec<Value> = serde_json::from_slice(&out.stdout).unwrap();
        let own = checks.iter().find(|c| c["name"] == "own letters");
        text(own.unwrap(), "found").to_owned()
    };
    let unsigned = own_letters();
    assert!(unsigned.contains("proven by relay"), "{unsigned}");
    let made = make(&shop, &["--selector", "s1", "--algorithm", "ed25519"]);
    append(&shop.config, text(&made, "dkim"));
    append(&shop.config, text(&made, "trust_keys"));
    let signed = own_letters();
    assert!(signed.contains("proven by dkim"), "{signed}");
}
