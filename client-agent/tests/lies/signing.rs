//! Signs letters as DKIM says (RFC 6376), and as it does not say: written for these tests alone, and nothing of it
//! is shared with what verifies.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_auth::common::crypto::{Ed25519Key, HashAlgorithm, SigningKey};
use rsa::pkcs8::EncodePublicKey;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};

use crate::draft::is_named;
use crate::world::minute;

/// How a letter is signed.
#[derive(Clone)]
pub struct Signing {
    pub domain: String,
    pub selector: String,
    pub key: Key,
    /// The fields to sign, by name, as `h=` lists them.
    pub signed: Vec<&'static str>,
    /// `header/body`, each `relaxed` or `simple`.
    pub canonicalization: &'static str,
    /// So much of the body is hashed; all of it for none.
    pub body_length: Option<usize>,
    /// Tags besides, before `h=`; of one that is there already, this value instead.
    pub tags: Vec<(&'static str, String)>,
    /// Tags that are left out.
    pub left_out: Vec<&'static str>,
    /// The field as it is to be, made of the field as it would be, `b=` empty and last.
    pub reword: fn(String) -> String,
}

/// A key, and what it signs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Ed25519,
    /// With so many bits.
    Rsa(usize),
    RsaSha1,
}

/// As our own agents sign: each field once more than it occurs.
pub const SIGNED: [&str; 16] = [
    "From",
    "From",
    "To",
    "To",
    "Subject",
    "Subject",
    "Date",
    "Date",
    "Message-ID",
    "Message-ID",
    "MIME-Version",
    "MIME-Version",
    "Content-Type",
    "Content-Type",
    "Tradepost",
    "Tradepost",
];

impl Signing {
    /// As an honest domain signs.
    pub fn by(domain: &str) -> Signing {
        Signing {
            domain: domain.to_owned(),
            selector: "s1".to_owned(),
            key: Key::Ed25519,
            signed: SIGNED.to_vec(),
            canonicalization: "relaxed/relaxed",
            body_length: None,
            tags: vec![("t", (minute(-20).unix_millis() / 1000).to_string())],
            left_out: Vec::new(),
            reword: |field| field,
        }
    }

    pub fn key(mut self, selector: &str, key: Key) -> Signing {
        (self.selector, self.key) = (selector.to_owned(), key);
        self
    }

    pub fn tag(mut self, name: &'static str, value: impl Into<String>) -> Signing {
        self.tags.retain(|(n, _)| *n != name);
        self.tags.push((name, value.into()));
        self
    }

    /// Without a field among those signed, as often as it is named.
    pub fn not(mut self, field: &str) -> Signing {
        self.signed.retain(|f| *f != field);
        self
    }

    /// Without signing that nothing is added.
    pub fn once_each(mut self) -> Signing {
        self.signed.dedup();
        self
    }

    /// The field, with its line end, for a letter of these fields and this body.
    pub fn field(&self, fields: &[Vec<u8>], body: &[u8]) -> Vec<u8> {
        let (header_way, body_way) = self.canonicalization.split_once('/').unwrap();
        let canonical = body_in(body_way, body);
        let hashed = &canonical[..self
            .body_length
            .unwrap_or(canonical.len())
            .min(canonical.len())];
        let algorithm = match self.key {
            Key::Ed25519 => "ed25519-sha256",
            Key::Rsa(_) => "rsa-sha256",
            Key::RsaSha1 => "rsa-sha1",
        };
        let mut tags: Vec<(&str, String)> = vec![
            ("v", "1".to_owned()),
            ("a", algorithm.to_owned()),
            ("c", self.canonicalization.to_owned()),
            ("d", self.domain.clone()),
            ("s", self.selector.clone()),
            ("h", self.signed.join(":")),
            ("bh", STANDARD.encode(self.key.digest(hashed))),
        ];
        if let Some(length) = self.body_length {
            tags.insert(2, ("l", length.to_string()));
        }
        for (name, value) in &self.tags {
            match tags.iter_mut().find(|(n, _)| n == name) {
                Some(tag) => tag.1.clone_from(value),
                None => tags.insert(5, (name, value.clone())),
            }
        }
        tags.retain(|(name, _)| !self.left_out.contains(name));
        let tags: Vec<String> = tags.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let field = (self.reword)(format!("DKIM-Signature: {}; b=", tags.join("; ")));
        let mut input = Vec::new();
        let mut left: Vec<&Vec<u8>> = fields.iter().collect();
        for name in &self.signed {
            // RFC 6376 section 5.4.2: from the bottom up.
            if let Some(at) = left.iter().rposition(|f| is_named(f, name)) {
                input.extend(field_in(header_way, left.remove(at)));
            }
        }
        let own = field_in(header_way, format!("{field}\r\n").as_bytes());
        input.extend_from_slice(own.strip_suffix(b"\r\n").unwrap());
        let signature = STANDARD.encode(self.key.sign(&self.domain, &self.selector, &input));
        if self.left_out.contains(&"b") {
            return format!("{}\r\n", field.strip_suffix("; b=").unwrap()).into_bytes();
        }
        format!("{field}{signature}\r\n").into_bytes()
    }
}

/// RFC 6376 section 3.4.1 and 3.4.2.
fn field_in(way: &str, field: &[u8]) -> Vec<u8> {
    if way == "simple" {
        return field.to_vec();
    }
    let colon = field.iter().position(|b| *b == b':').unwrap();
    let name = field[..colon].trim_ascii_end().to_ascii_lowercase();
    [
        &name[..],
        b":",
        squeezed(&field[colon + 1..]).trim_ascii(),
        b"\r\n",
    ]
    .concat()
}

/// RFC 6376 section 3.4.3 and 3.4.4.
fn body_in(way: &str, body: &[u8]) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = body
        .split_inclusive(|b| *b == b'\n')
        .map(|line| line.strip_suffix(b"\r\n").unwrap_or(line))
        .map(|line| {
            if way == "simple" {
                line.to_vec()
            } else {
                squeezed(line).trim_ascii_end().to_vec()
            }
        })
        .collect();
    while lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    if lines.is_empty() {
        return if way == "simple" {
            b"\r\n".to_vec()
        } else {
            Vec::new()
        };
    }
    lines
        .iter()
        .flat_map(|line| [line, &b"\r\n"[..]].concat())
        .collect()
}

/// With one blank in place of several, and without line ends.
fn squeezed(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for b in text.iter().filter(|b| !matches!(b, b'\r' | b'\n')) {
        let blank = matches!(b, b' ' | b'\t');
        if !(blank && out.last() == Some(&b' ')) {
            out.push(if blank { b' ' } else { *b });
        }
    }
    out
}

impl Key {
    fn digest(self, octets: &[u8]) -> Vec<u8> {
        let algorithm = if self == Key::RsaSha1 {
            HashAlgorithm::Sha1
        } else {
            HashAlgorithm::Sha256
        };
        algorithm.hash(octets).as_ref().to_vec()
    }

    fn sign(self, domain: &str, selector: &str, input: &[u8]) -> Vec<u8> {
        let padding = match self {
            Key::Ed25519 => {
                return ed25519(&format!("{selector} {domain}"))
                    .sign(input)
                    .unwrap();
            }
            Key::Rsa(_) => padding(32, &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01]),
            Key::RsaSha1 => padding(20, &[0x2b, 0x0e, 0x03, 0x02, 0x1a]),
        };
        rsa(self).sign(padding, &self.digest(input)).unwrap()
    }

    /// What DNS says of it.
    pub fn record(self, domain: &str, selector: &str) -> String {
        match self {
            Key::Ed25519 => {
                let public = ed25519(&format!("{selector} {domain}")).public_key();
                format!("v=DKIM1; k=ed25519; p={}", STANDARD.encode(public))
            }
            Key::Rsa(_) | Key::RsaSha1 => {
                let public = rsa(self).to_public_key().to_public_key_der().unwrap();
                format!("v=DKIM1; k=rsa; p={}", STANDARD.encode(public.as_bytes()))
            }
        }
    }
}

/// DigestInfo of RFC 8017 section 9.2 for a hash of so many octets and this object identifier.
fn padding(octets: u8, identifier: &[u8]) -> Pkcs1v15Sign {
    let oid = u8::try_from(identifier.len()).unwrap();
    let mut prefix = vec![0x30, octets + oid + 8, 0x30, oid + 4, 0x06, oid];
    prefix.extend_from_slice(identifier);
    prefix.extend_from_slice(&[0x05, 0x00, 0x04, octets]);
    Pkcs1v15Sign {
        hash_len: Some(octets.into()),
        prefix: prefix.into(),
    }
}

/// Each name has a key of its own, the same in each run.
fn ed25519(name: &str) -> Ed25519Key {
    let seed = HashAlgorithm::Sha256.hash(name.as_bytes());
    // RFC 8410 section 7.
    let head = [
        0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
    ];
    Ed25519Key::from_pkcs8_maybe_unchecked_der(&[&head[..], seed.as_ref()].concat()).unwrap()
}

fn rsa(key: Key) -> &'static RsaPrivateKey {
    static KEYS: OnceLock<BTreeMap<usize, RsaPrivateKey>> = OnceLock::new();
    let made = |bits| {
        (
            bits,
            RsaPrivateKey::new(&mut rsa::rand_core::OsRng, bits).unwrap(),
        )
    };
    let keys = KEYS.get_or_init(|| [512, 1016, 1024].map(made).into());
    match key {
        Key::Rsa(bits) => &keys[&bits],
        Key::Ed25519 | Key::RsaSha1 => &keys[&1024],
    }
}

fn name(selector: &str, domain: &str) -> String {
    format!("{selector}._domainkey.{domain}")
}

/// The records of all who sign, for `[trust.keys]`.
pub fn records() -> BTreeMap<String, String> {
    let own = |domain: &&str| (name("s1", domain), Key::Ed25519.record(domain, "s1"));
    let mut records: BTreeMap<String, String> = DOMAINS.iter().map(own).collect();
    records.insert(name("r1024", SHOP), Key::Rsa(1024).record(SHOP, "r1024"));
    records
}

/// Records of the shop's that no configuration would take: what DNS says.
pub fn published() -> BTreeMap<String, String> {
    let good = |selector| Key::Ed25519.record(SHOP, selector);
    [
        ("r1016", Key::Rsa(1016).record(SHOP, "r1016")),
        ("r512", Key::Rsa(512).record(SHOP, "r512")),
        ("sha1", Key::RsaSha1.record(SHOP, "sha1")),
        ("revoked", "v=DKIM1; k=ed25519; p=".to_owned()),
        ("testing", good("testing").replace("; p=", "; t=y; p=")),
        ("strict", good("strict").replace("; p=", "; t=s; p=")),
        ("web", good("web").replace("; p=", "; s=web; p=")),
        ("hash", good("hash").replace("; p=", "; h=sha1; p=")),
        ("other", good("s1")),
        ("kind", good("kind").replace("k=ed25519", "k=rsa")),
        ("version", good("version").replace("DKIM1", "DKIM2")),
        ("good", good("good")),
    ]
    .map(|(selector, record)| (name(selector, SHOP), record))
    .into()
}

const SHOP: &str = "shop.example";

/// Who has a key.
const DOMAINS: [&str; 22] = [
    "shop.example",
    "mail.shop.example",
    "carrier.example",
    "pay.example",
    "eu.pay.example",
    "us.pay.example",
    "x.eu.pay.example",
    "other.example",
    "evil.example",
    "second.example",
    "courier.example",
    "shop.example.evil.example",
    "xn--shp-ted.example",
    "xn--n1ae5d4v.example",
    "shoq.example",
    "example",
    "evil-shop.example",
    "orders.shop.example",
    "carrier.example.evil.example",
    "shop-example.com",
    "notshop.example",
    "home.example",
];
