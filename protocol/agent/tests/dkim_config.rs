//! `dkim` in a configuration file: what is understood, and what is told where it is wrong.
#![allow(clippy::unwrap_used, missing_docs)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tradepost_agent::config::{ConfigError, DkimToml, Source, make_private_file, selector};
use tradepost_letters::dkim::Algorithm;
use tradepost_proof::dkim::{Signing, make_key};
use tradepost_statements::Address;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    dkim: DkimToml,
}

fn read(folder: &Path, text: &str, addresses: &[&str]) -> Result<Signing, ConfigError> {
    let source = Source::from_text(folder.join("shop.toml"), text);
    let addresses: Vec<Address> = addresses.iter().map(|a| a.parse().unwrap()).collect();
    let file: File = source.parse()?;
    file.dkim.signing(&source, addresses.iter())
}

fn folder_with_key() -> (tempfile::TempDir, SecretString) {
    let folder = tempfile::tempdir().unwrap();
    let key = make_key(Algorithm::Ed25519Sha256).unwrap();
    make_private_file(&folder.path().join("s1.pem"), key.expose_secret()).unwrap();
    (folder, key)
}

const KEY: &str = "[[dkim]]\nselector = \"s1\"\ndomain = \"shop.example\"\nkey_file = \"s1.pem\"\n";
const SHOP: &[&str] = &["orders@shop.example"];

#[test]
fn own_keys_stand_beside_the_configuration() {
    let (folder, key) = folder_with_key();
    let second = KEY.replace("\"s1\"", "\"S2.eu\"");
    let signing = read(folder.path(), &format!("{KEY}{second}"), SHOP).unwrap();
    let names: Vec<String> = signing.keys().iter().map(|k| k.name()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "s1._domainkey.shop.example",
            "s2.eu._domainkey.shop.example"
        ]
    );
    // The domain of the address, where none is named; or one above it.
    let without = KEY.replace("domain = \"shop.example\"\n", "");
    let signing = read(folder.path(), &without, SHOP).unwrap();
    assert_eq!(signing.keys()[0].domain, "shop.example");
    let below = read(folder.path(), KEY, &["a@home.example", "b@eu.shop.example"]);
    assert_eq!(below.unwrap().keys().len(), 1);
    let shown = format!("{signing:?}");
    let base64 = key.expose_secret().lines().nth(1).unwrap().to_owned();
    assert!(
        shown.contains("[redacted]") && !shown.contains(&base64),
        "{shown}"
    );
}

#[test]
fn the_provider_can_be_told_to_sign() {
    let (folder, _) = folder_with_key();
    let signing = read(folder.path(), "dkim = \"provider\"\n", SHOP).unwrap();
    assert!(matches!(signing, Signing::ByProvider));
}

#[test]
fn each_fault_names_its_line_and_the_remedy() {
    let (folder, key) = folder_with_key();
    let base64 = key.expose_secret().lines().nth(1).unwrap().to_owned();
    let at = |name: &str| folder.path().join(name);
    std::fs::copy(at("s1.pem"), at("open.pem")).unwrap();
    std::fs::set_permissions(at("open.pem"), PermissionsExt::from_mode(0o644)).unwrap();
    std::os::unix::fs::symlink("s1.pem", at("link.pem")).unwrap();
    make_private_file(&at("broken.pem"), &format!("{base64}\n")).unwrap();
    assert!(read(folder.path(), KEY, SHOP).is_ok());

    let five = (2..7).map(|n| KEY.replace("\"s1\"", &format!("\"s{n}\"")));
    let six: String = std::iter::once(KEY.to_owned()).chain(five).collect();
    let changed = |from: &str, to: &str| {
        assert!(KEY.contains(from), "{from}");
        KEY.replace(from, to)
    };
    for (text, line, says) in [
        (
            "dkim = \"provided\"\n".to_owned(),
            1,
            "write dkim = \"provider\"",
        ),
        ("dkim = true\n".to_owned(), 1, "write dkim = \"provider\""),
        ("dkim = []\n".to_owned(), 1, "write dkim = \"provider\""),
        (changed("[[dkim]]", "[dkim]"), 1, "in double brackets"),
        (
            changed("selector", "selektor"),
            2,
            "did you mean \"selector\"",
        ),
        (changed("\"s1\"", "\"s_1\""), 2, "selector: letters"),
        (changed("\"s1\"", "\"\""), 2, "selector: letters"),
        (changed("shop.example", "a b"), 3, "domain: give one"),
        (changed("shop.example", "example"), 3, "domain: give one"),
        (
            changed("shop.example", "other.example"),
            3,
            "proves none of your addresses",
        ),
        (
            changed("shop.example", "eu.shop.example"),
            3,
            "proves none of your addresses",
        ),
        (changed("s1.pem", "none.pem"), 4, "there is no file"),
        (changed("s1.pem", "open.pem"), 4, "chmod 600"),
        (changed("s1.pem", "link.pem"), 4, "symbolic link"),
        (changed("s1.pem", "broken.pem"), 4, "no private key in PEM"),
        (format!("{KEY}{KEY}"), 6, "a selector of its own"),
        (six, 22, "try 5 signatures"),
    ] {
        let error = read(folder.path(), &text, SHOP).unwrap_err().to_string();
        let place = format!("shop.toml:{line}: ");
        assert!(
            error.contains(&place) && error.contains(says),
            "{text}{error}"
        );
        assert!(!error.contains(&base64), "{error}");
    }
}

#[test]
fn a_selector_is_made_of_labels() {
    for good in ["s1", "2026-11", "a.b", "S1"] {
        assert_eq!(selector(good), Some(good.to_ascii_lowercase()), "{good}");
    }
    let long = "a".repeat(64);
    for bad in [
        "", ".", "a.", "-a", "a-", "a b", "a;b", "a/b", "..", "ä", &long,
    ] {
        assert_eq!(selector(bad), None, "{bad}");
    }
}
