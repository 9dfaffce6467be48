//! Signed letters, as others verify them: here mail-auth with its own parser.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use mail_auth::common::cache::NoCache;
use mail_auth::common::parse::TxtRecordParser;
use mail_auth::common::verify::DomainKey;
use mail_auth::hickory_resolver::config::{ResolverConfig, ResolverOpts};
use mail_auth::{
    AuthenticatedMessage, DkimResult, MessageAuthenticator, Parameters, ResolverCache, Txt,
};
use rsa::RsaPrivateKey;
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, LineEnding};
use secrecy::{ExposeSecret, SecretString};
use tradepost_letters::dkim::Algorithm;
use tradepost_proof::dkim::{
    OwnKey, PrivateKey, Published, SignError, Signer, Signing, TxtAnswer, make_key,
};
use tradepost_statements::{Address, Time};

const LETTER: &str = concat!(
    "From: \"Example Shop\" <orders@shop.example>\r\n",
    "To: ann@home.example\r\n",
    "Subject: Order T-1001: shipped, with a subject that is\r\n",
    " folded  here\r\n",
    "Date: Fri, 20 Nov 2026 10:15:00 +0000\r\n",
    "Message-ID: <01932c07-9a2e-7c11-8f54-0f6a1c0d9e22@shop.example>\r\n",
    "In-Reply-To: <one@shop.example>\r\n",
    "References: <one@shop.example>\r\n",
    " <two@shop.example>\r\n",
    "Auto-Submitted: auto-generated\r\n",
    "Tradepost: v=1; kind=order-status; trade=T-1001\r\n",
    "MIME-Version: 1.0\r\n",
    "Content-Type: multipart/alternative; boundary=\"b\"\r\n",
    "\r\n",
    "--b\r\n",
    "Content-Type: text/plain\r\n",
    "\r\n",
    "Two  blanks, and one at the end \r\n",
    "\r\n",
    "--b--\r\n",
);

const SIGNED_AT: i64 = 1_795_169_700;

fn rsa() -> &'static SecretString {
    static KEY: OnceLock<SecretString> = OnceLock::new();
    KEY.get_or_init(|| make_key(Algorithm::RsaSha256).unwrap())
}

fn ed25519() -> &'static SecretString {
    static KEY: OnceLock<SecretString> = OnceLock::new();
    KEY.get_or_init(|| make_key(Algorithm::Ed25519Sha256).unwrap())
}

fn own(selector: &str, domain: &str, pem: &SecretString) -> OwnKey {
    OwnKey {
        domain: domain.to_owned(),
        selector: selector.to_owned(),
        key: PrivateKey::from_pem(pem).unwrap(),
    }
}

fn both() -> Vec<OwnKey> {
    vec![
        own("s1", "shop.example", rsa()),
        own("s2", "shop.example", ed25519()),
    ]
}

fn shop() -> Address {
    "orders@shop.example".parse().unwrap()
}

fn try_sign(keys: Vec<OwnKey>, letter: &str) -> Result<String, SignError> {
    let signing = Signing::Here(Signer::new(keys));
    let now = Time::from_unix_millis(SIGNED_AT * 1000 + 999);
    let signed = signing.sign(letter.as_bytes().to_vec(), &shop(), now)?;
    Ok(String::from_utf8(signed).unwrap())
}

fn signed(keys: Vec<OwnKey>, letter: &str) -> String {
    try_sign(keys, letter).unwrap()
}

/// The keys that the verifier knows; it asks nobody.
struct Keys(HashMap<Box<str>, Txt>);

impl Keys {
    fn of(keys: &[OwnKey]) -> Keys {
        let entry = |own: &OwnKey| {
            let record = DomainKey::parse(own.key.record().as_bytes()).unwrap();
            let name = format!("{}.", own.name()).into_boxed_str();
            (name, Txt::DomainKey(Arc::new(record)))
        };
        Keys(keys.iter().map(entry).collect())
    }
}

impl ResolverCache<Box<str>, Txt> for Keys {
    fn get<Q>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.0.get(name).cloned()
    }
    fn remove<Q>(&self, _: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }
    fn insert(&self, _: Box<str>, _: Txt, _: Instant) {}
}

/// For each signature, whether it passes.
async fn passes(letter: &str) -> Vec<bool> {
    let config = ResolverConfig::from_parts(None, Vec::new(), Vec::new());
    let authenticator = MessageAuthenticator::new(config, ResolverOpts::default()).unwrap();
    let message = AuthenticatedMessage::parse(letter.as_bytes()).unwrap();
    let keys = Keys::of(&both());
    let parameters = Parameters {
        params: &message,
        cache_txt: Some(&keys),
        cache_mx: None::<&NoCache<_, _>>,
        cache_ptr: None::<&NoCache<_, _>>,
        cache_ipv4: None::<&NoCache<_, _>>,
        cache_ipv6: None::<&NoCache<_, _>>,
    };
    let outputs = authenticator.verify_dkim(parameters).await;
    let pass = |result: &DkimResult| *result == DkimResult::Pass;
    outputs.iter().map(|o| pass(o.result())).collect()
}

#[tokio::test]
async fn another_program_verifies_what_both_keys_signed() {
    let letter = signed(both(), LETTER);
    assert_eq!(passes(&letter).await, [true, true], "{letter}");
    // What honest relays put in front changes nothing.
    let relayed = format!(
        "Authentication-Results: mx.home.example; none\r\nReceived: from a by b; Fri, 20 Nov 2026 10:15:01 +0000\r\n{letter}"
    );
    assert_eq!(passes(&relayed).await, [true, true]);
}

#[tokio::test]
async fn nothing_that_is_signed_can_be_changed_and_no_second_field_be_added() {
    let letter = signed(both(), LETTER);
    assert_eq!(passes(&letter).await, [true, true]);
    for (from, to) in [
        ("Two", "Tvo"),
        ("--b--\r\n", "--b--\r\nmore\r\n"),
        ("Subject: Order T-1001", "Subject: Order T-1002"),
        ("In-Reply-To: <one@", "In-Reply-To: <two@"),
        (" <two@", " <six@"),
        ("auto-generated", "auto-replied"),
        ("\r\nMIME-Version: 1.0", ""),
    ] {
        assert!(letter.contains(from), "{from}");
        let changed = letter.replacen(from, to, 1);
        assert_eq!(passes(&changed).await, [false, false], "{from}");
    }
    for field in [
        "From: evil@evil.example",
        "To: bob@home.example",
        "Subject: Pay the duty",
        "Date: Fri, 20 Nov 2026 11:15:00 +0000",
        "Message-ID: <other@shop.example>",
        "MIME-Version: 1.0",
        "Content-Type: multipart/mixed; boundary=\"c\"",
        "Tradepost: v=1; kind=order-status; trade=T-2",
    ] {
        let above = format!("{field}\r\n{letter}");
        let below = letter.replacen("\r\n\r\n", &format!("\r\n{field}\r\n\r\n"), 1);
        for more in [above, below] {
            assert!(!passes(&more).await.contains(&true), "{field}");
        }
    }
}

#[tokio::test]
async fn a_field_that_the_letter_lacks_cannot_be_added_later() {
    // A notice for people has no field for programs, and no multipart.
    let notice = LETTER.replacen("Tradepost: v=1; kind=order-status; trade=T-1001\r\n", "", 1);
    let letter = signed(both(), &notice);
    assert_eq!(passes(&letter).await, [true, true]);
    let added = format!("Tradepost: v=1; kind=order-status; trade=T-1001\r\n{letter}");
    assert_eq!(passes(&added).await, [false, false]);
}

#[test]
fn the_field_is_folded_and_says_what_is_signed() {
    let letter = signed(both(), LETTER);
    let (fields, rest) = letter.split_at(letter.find("From: \"Example").unwrap());
    assert_eq!(rest, LETTER);
    assert_eq!(fields.matches("DKIM-Signature: v=1; a=").count(), 2);
    for line in fields.split_inclusive('\n') {
        assert!(line.ends_with("\r\n") && line.len() <= 76 + 2, "{line:?}");
        assert!(line.trim_end().len() > 1, "{fields}");
    }
    let unfolded = fields.replace("\r\n ", "").replace(' ', "");
    for has in [
        "a=rsa-sha256;c=relaxed/relaxed;d=shop.example;s=s1;t=1795169700;h=From:From:To:To:Subject:Subject:\
         Date:Date:Message-ID:Message-ID:MIME-Version:MIME-Version:Content-Type:Content-Type:\
         Tradepost:Tradepost:In-Reply-To:References:Auto-Submitted;bh=",
        "a=ed25519-sha256;c=relaxed/relaxed;d=shop.example;s=s2;t=1795169700;h=From:From:",
    ] {
        assert!(unfolded.contains(has), "{unfolded}");
    }
    assert!(!unfolded.contains("l=") && !unfolded.contains("x="));
}

#[test]
fn the_same_letter_key_and_time_give_the_same_octets() {
    assert_eq!(signed(both(), LETTER), signed(both(), LETTER));
    let other = signed(both(), &LETTER.replacen("1001", "1002", 1));
    assert_ne!(signed(both(), LETTER), other);
}

#[test]
fn only_keys_that_prove_the_sender_sign() {
    for (domain, signs) in [
        ("shop.example", 1),
        ("mail.shop.example", 0),
        ("other.example", 0),
        ("example", 0),
    ] {
        let letter = signed(vec![own("s1", domain, ed25519())], LETTER);
        assert_eq!(letter.matches("DKIM-Signature:").count(), signs, "{domain}");
    }
    let now = Time::from_unix_millis(0);
    let below: Address = "orders@eu.shop.example".parse().unwrap();
    let signer = Signer::new(vec![own("s1", "shop.example", ed25519())]);
    let letter = signer.sign(LETTER.into(), &below, now).unwrap();
    assert!(letter.starts_with(b"DKIM-Signature: "));
    for signing in [Signing::ByProvider, Signing::Unsigned] {
        let letter = signing.sign(LETTER.into(), &shop(), now).unwrap();
        assert_eq!(letter, LETTER.as_bytes());
    }
}

#[test]
fn what_receivers_read_differently_is_not_signed() {
    let keys = || vec![own("s1", "shop.example", ed25519())];
    assert!(try_sign(keys(), LETTER).is_ok());
    for more in ["\r\n", "\r\n\r\n", "x \r\n\r\n"] {
        assert!(try_sign(keys(), &format!("{LETTER}{more}")).is_ok());
    }
    for (letter, why) in [
        (format!("{LETTER} \r\n"), SignError::BlanksAtTheEnd),
        (format!("{LETTER}\r\n\t\r\n\r\n"), SignError::BlanksAtTheEnd),
        (format!("{LETTER}x\n"), SignError::LineEnd),
        (format!("{LETTER}x\ry\r\n"), SignError::LineEnd),
        (format!("{LETTER}x"), SignError::LineEnd),
        (LETTER.replacen("From:", "Sender:", 1), SignError::NoFrom),
        (format!(" {LETTER}"), SignError::NoHeader),
        (format!("no field\r\n{LETTER}"), SignError::NoHeader),
        ("From: a@shop.example\r\n".to_owned(), SignError::NoHeader),
    ] {
        assert_eq!(try_sign(keys(), &letter), Err(why), "{letter}");
    }
    // Nothing but blanks is a body whose hash differs as well.
    let (header, _) = LETTER.split_once("\r\n\r\n").unwrap();
    assert!(try_sign(keys(), &format!("{header}\r\n\r\n")).is_ok());
    assert_eq!(
        try_sign(keys(), &format!("{header}\r\n\r\n \r\n")),
        Err(SignError::BlanksAtTheEnd)
    );
}

#[test]
fn keys_are_read_as_common_programs_write_them_and_never_shown() {
    let from_pem = |pem: &str| PrivateKey::from_pem(&SecretString::from(pem));
    let rsa_key = RsaPrivateKey::from_pkcs8_pem(rsa().expose_secret()).unwrap();
    let pkcs1 = rsa_key.to_pkcs1_pem(LineEnding::LF).unwrap();
    let known = PrivateKey::from_pem(rsa()).unwrap();
    assert_eq!(from_pem(&pkcs1).unwrap().record(), known.record());
    assert!(
        known
            .record()
            .starts_with("v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A")
    );
    // RFC 8463 appendix A.
    let rfc = "-----BEGIN PRIVATE KEY-----\n\
               MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
               -----END PRIVATE KEY-----\n";
    let rfc = from_pem(rfc).unwrap();
    assert_eq!(rfc.algorithm(), Algorithm::Ed25519Sha256);
    let record = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    assert_eq!(rfc.record(), record);
    assert_eq!(format!("{rfc:?}"), "PrivateKey(ed25519 [redacted])");

    let mut rng = rsa::rand_core::OsRng;
    let short = RsaPrivateKey::new(&mut rng, 1024).unwrap();
    let short = short.to_pkcs8_pem(LineEnding::LF).unwrap();
    let elliptic = rcgen::KeyPair::generate().unwrap().serialize_pem();
    for (pem, says) in [
        (short.as_str(), "2048 to 4096 bits"),
        (&elliptic, "neither an RSA nor an Ed25519 key"),
        ("hunter2", "no private key in PEM"),
        ("", "no private key in PEM"),
    ] {
        let error = from_pem(pem).unwrap_err().to_string();
        assert!(
            error.contains(says) && !error.contains("hunter2"),
            "{error}"
        );
    }
}

#[test]
fn made_keys_differ_and_both_kinds_can_be_read() {
    let made = || make_key(Algorithm::Ed25519Sha256).unwrap();
    let (one, other) = (made(), made());
    assert_ne!(one.expose_secret(), other.expose_secret());
    let public = |pem| PrivateKey::from_pem(pem).unwrap().public().to_owned();
    assert_ne!(public(&one), public(&other));
    let algorithm = |pem| PrivateKey::from_pem(pem).unwrap().algorithm();
    assert_eq!(algorithm(rsa()), Algorithm::RsaSha256);
    assert_eq!(algorithm(&one), Algorithm::Ed25519Sha256);
}

#[test]
fn an_own_key_is_compared_with_what_others_find() {
    let key = own("s2", "shop.example", ed25519());
    let record = key.key.record();
    let public = key.key.public().to_owned();
    let other = own("s2", "shop.example", rsa()).key.record();
    let found = |texts: &[&str]| {
        let texts = texts.iter().map(|t| (*t).to_owned()).collect();
        key.published(&TxtAnswer::Found(texts))
    };
    let with = |more: &str| found(&[&format!("{record}{more}")]);
    assert_eq!(found(&[&record]), Published::Same);
    assert!(found(&[&record]).is_good());
    assert_eq!(
        key.published(&TxtAnswer::Fixed(record.clone())),
        Published::NamedHere
    );
    assert_eq!(found(&[&format!("k=ed25519;p={public}")]), Published::Same);
    assert_eq!(with("; s=*; h=sha1:sha256; t=s"), Published::Same);
    let (start, end) = record.split_at(30);
    assert_eq!(found(&[&format!("{start} \t{end} ;")]), Published::Same);
    for (published, expected) in [
        (found(&[&other]), Published::Another),
        (
            found(&[&format!("v=DKIM1; p={public}")]),
            Published::Another,
        ),
        (found(&["v=DKIM1; k=ed25519; p="]), Published::Revoked),
        (found(&["v=spf1 -all"]), Published::NoKey),
        (found(&[]), Published::NoKey),
        (found(&[&record, &other]), Published::AmongOthers),
        (with("; t=y:s"), Published::OnTrial),
        (with("; s=tlsrpt"), Published::ForOtherUses),
        (with("; h=sha1"), Published::ForOtherUses),
        (key.published(&TxtAnswer::Missing), Published::Missing),
        (
            key.published(&TxtAnswer::Unanswered("no route".to_owned())),
            Published::Unanswered("no route".to_owned()),
        ),
    ] {
        assert_eq!(published, expected);
        assert!(!published.is_good(), "{published:?}");
        assert!(published.remedy(&key).is_some(), "{published:?}");
    }
    let remedy = Published::Missing.remedy(&key).unwrap();
    assert!(
        remedy.contains("s2._domainkey.shop.example") && remedy.contains(&record),
        "{remedy}"
    );
}
