//! Letters, and a signer that signs whatever it is told to, however foolish. Canonicalization is that of
//! mail-auth, so that ours is compared with another one.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_auth::common::crypto::{Ed25519Key, HashAlgorithm, SigningKey as _};
use mail_auth::dkim::Canonicalization;
use rsa::pkcs1::EncodeRsaPublicKey;
use rsa::rand_core::OsRng;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use tradepost_letters::RelayPolicy;
use tradepost_proof::dkim::{KeySource, Proven, Prover, Unproven};
use tradepost_statements::{Evidence, Time};

/// The statement of a carrier, without what relays add, with CRLF.
pub(crate) fn genuine() -> String {
    let text = include_str!("../../../letters/tests/letters/genuine.eml");
    let from = text.find("From:").unwrap();
    text[from..].replace('\r', "").replace('\n', "\r\n")
}

/// When the letters of these tests are received.
pub(crate) fn received_at() -> Time {
    "2026-11-20T10:15:03Z".parse().unwrap()
}

/// 2026-11-20T10:15:00Z
pub(crate) const SENT: i64 = 1_795_169_700;

pub(crate) enum Key {
    Ed25519(Ed25519Key),
    Rsa(Box<RsaPrivateKey>),
}

impl Key {
    pub(crate) fn ed25519() -> &'static Key {
        static KEY: OnceLock<Key> = OnceLock::new();
        KEY.get_or_init(|| {
            let der = Ed25519Key::generate_pkcs8().unwrap();
            Key::Ed25519(Ed25519Key::from_pkcs8_der(&der).unwrap())
        })
    }

    /// Finding the primes takes its time.
    pub(crate) fn rsa(bits: usize) -> &'static Key {
        static KEYS: OnceLock<HashMap<usize, Key>> = OnceLock::new();
        let make = |bits| Key::Rsa(Box::new(RsaPrivateKey::new(&mut OsRng, bits).unwrap()));
        let keys = KEYS.get_or_init(|| [512, 1024, 2048].map(|b| (b, make(b))).into());
        &keys[&bits]
    }

    pub(crate) fn algorithm(&self) -> &'static str {
        match self {
            Key::Ed25519(_) => "ed25519-sha256",
            Key::Rsa(_) => "rsa-sha256",
        }
    }

    /// `p=`
    pub(crate) fn public(&self) -> String {
        STANDARD.encode(match self {
            Key::Ed25519(key) => key.public_key(),
            Key::Rsa(key) => key.to_public_key().to_pkcs1_der().unwrap().into_vec(),
        })
    }

    pub(crate) fn record(&self) -> String {
        let kind = match self {
            Key::Ed25519(_) => "ed25519",
            Key::Rsa(_) => "rsa",
        };
        format!("v=DKIM1; k={kind}; p={}", self.public())
    }

    fn sign(&self, octets: &[u8]) -> Vec<u8> {
        match self {
            Key::Ed25519(key) => key.sign(octets).unwrap(),
            Key::Rsa(key) => {
                let digest = HashAlgorithm::Sha256.hash(octets);
                // RFC 8017 section 9.2, note 1.
                let prefix =
                    b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";
                let scheme = Pkcs1v15Sign {
                    hash_len: Some(32),
                    prefix: prefix.to_vec().into(),
                };
                key.sign(scheme, digest.as_ref()).unwrap()
            }
        }
    }
}

/// What a signature says; each test changes what it is about.
#[derive(Clone)]
pub(crate) struct Tags(pub(crate) BTreeMap<String, String>);

/// Everything that protocol 5 asks for.
pub(crate) const COVERED: &str =
    "From:To:Subject:Date:Message-ID:MIME-Version:Content-Type:Tradepost";

impl Tags {
    pub(crate) fn good(key: &Key) -> Tags {
        let tags = [
            ("v", "1"),
            ("a", key.algorithm()),
            ("c", "relaxed/relaxed"),
            ("d", "carrier.example"),
            ("s", "s1"),
            ("h", COVERED),
        ];
        Tags(tags.map(|(k, v)| (k.to_owned(), v.to_owned())).into())
    }

    pub(crate) fn with(mut self, tag: &str, value: impl ToString) -> Tags {
        self.0.insert(tag.to_owned(), value.to_string());
        self
    }

    pub(crate) fn without(mut self, tag: &str) -> Tags {
        self.0.remove(tag);
        self
    }
}

/// The field that signs the letter, with its line end.
pub(crate) fn signature(letter: &[u8], tags: &Tags, key: &Key) -> String {
    let (fields, body) = split(letter);
    let c = tags.0.get("c").map_or("simple/simple", String::as_str);
    let (header, of_body) = c.split_once('/').unwrap_or((c, "simple"));
    let [header, of_body] = [header, of_body].map(|name| match name {
        "simple" => Canonicalization::Simple,
        _ => Canonicalization::Relaxed,
    });
    let hash = HashAlgorithm::Sha256.hash(of_body.canonical_body(body, 0));
    let mut text = String::from(" ");
    // `v` first, as is usual.
    let (v, others): (Vec<_>, Vec<_>) = tags.0.iter().partition(|(tag, _)| *tag == "v");
    for (tag, value) in v.into_iter().chain(others) {
        text += &format!("{tag}={value}; ");
    }
    if !tags.0.contains_key("bh") {
        text += &format!("bh={};\r\n\t", STANDARD.encode(hash.as_ref()));
    }
    text += "b=";
    let mut left = fields;
    let mut covered = Vec::new();
    for name in tags.0.get("h").map_or("", String::as_str).split(':') {
        let is_it = |(n, _): &(&[u8], &[u8])| n.eq_ignore_ascii_case(name.trim().as_bytes());
        if let Some(at) = left.iter().rposition(is_it) {
            covered.push(left.remove(at));
        }
    }
    covered.push((b"DKIM-Signature", text.as_bytes()));
    let mut octets = Vec::new();
    header.canonicalize_headers(covered.into_iter(), &mut octets);
    // The field that signs is covered without its line end.
    while octets.ends_with(b"\r\n") {
        octets.truncate(octets.len() - 2);
    }
    format!(
        "DKIM-Signature:{text}{}\r\n",
        STANDARD.encode(key.sign(&octets))
    )
}

/// The letter with the signature in front.
pub(crate) fn signed(letter: impl AsRef<[u8]>, tags: &Tags, key: &Key) -> Vec<u8> {
    let letter = letter.as_ref();
    let mut whole = signature(letter, tags, key).into_bytes();
    whole.extend_from_slice(letter);
    whole
}

/// Name and value with its line end.
type Field<'a> = (&'a [u8], &'a [u8]);

/// Header fields, and the body.
fn split(letter: &[u8]) -> (Vec<Field<'_>>, &[u8]) {
    let end = letter.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let (header, body) = (&letter[..end + 2], &letter[end + 4..]);
    let mut starts: Vec<usize> = vec![0];
    for (at, pair) in header.windows(3).enumerate() {
        if pair.starts_with(b"\r\n") && pair[2] != b' ' && pair[2] != b'\t' {
            starts.push(at + 2);
        }
    }
    starts.push(header.len());
    let field = |pair: &[usize]| {
        let field = &header[pair[0]..pair[1]];
        let colon = field.iter().position(|b| *b == b':').unwrap();
        (&field[..colon], &field[colon + 1..])
    };
    (starts.windows(2).map(field).collect(), body)
}

/// A prover that has the key at `s1._domainkey.carrier.example` and never asks DNS for others: its
/// resolver is a port where nobody listens.
pub(crate) fn prover(record: &str) -> Prover {
    prover_with(&[("s1._domainkey.carrier.example", record)])
}

pub(crate) fn prover_with(records: &[(&str, &str)]) -> Prover {
    let fixed = records
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    Prover::new(KeySource {
        fixed: fixed.collect(),
        resolver: Some("127.0.0.1:1".parse().unwrap()),
        budget: Duration::from_millis(500),
        ..KeySource::default()
    })
    .unwrap()
}

/// Proves one letter at the time of its receipt.
pub(crate) async fn prove(prover: &Prover, letter: &[u8]) -> Proven {
    let letter = Unproven {
        octets: letter.to_vec(),
        received_at: Some(received_at()),
    };
    let mut proven = prover
        .prove(vec![letter], &RelayPolicy::default(), received_at())
        .await;
    proven.pop().unwrap()
}

/// The letter proves its sender with this key; where it does not, the test fails with the reason.
pub(crate) async fn accepts(key: &Key, letter: impl AsRef<[u8]>) {
    let proven = prove(&prover(&key.record()), letter.as_ref()).await;
    assert_eq!(
        proven.opened.evidence,
        Evidence::Dkim,
        "{}",
        proven.opened.proof
    );
}

/// The letter proves nothing, not even when DNS answers one day, and says why.
pub(crate) async fn refuses(key: &Key, letter: impl AsRef<[u8]>, why: &str) {
    let proven = prove(&prover(&key.record()), letter.as_ref()).await;
    let proof = &proven.opened.proof;
    assert_eq!(proven.opened.evidence, Evidence::None, "{proof}");
    assert_eq!(proven.undecided, None, "{proof}");
    assert!(proof.contains(why), "{why:?} is not said in: {proof}");
}
