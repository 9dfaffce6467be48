//! Signs what leaves (RFC 6376 section 5): one DKIM-Signature field for each key, in front.
//!
//! The same letter, key and time give the same octets. The clock is not read here: a letter is
//! signed once, when it is composed, and an outbox submits what it stored.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_auth::common::crypto::HashAlgorithm;
use mail_auth::dkim::Canonicalization;
use tradepost_letters::dkim::Algorithm;
use tradepost_letters::is_aligned;
use tradepost_statements::{Address, Time};

use super::fold::Folded;
use super::private_key::PrivateKey;

/// Named in `h=` once more than they occur (RFC 6376 section 5.4.2): nobody can add another one, nor
/// the first one, without breaking the signature.
const SEALED: [&str; 8] = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "Tradepost",
];

/// Signed as often as they occur. Nothing is proven by them that a second one would change, and
/// relays add some of them in good faith.
const SIGNED_WHERE_PRESENT: [&str; 4] = [
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "Content-Transfer-Encoding",
];

/// Who signs what leaves.
#[derive(Debug, Clone, Default)]
pub enum Signing {
    /// Nobody said anything about it: letters leave as they are, and `doctor` says so.
    #[default]
    Unsigned,
    /// The provider, on the way out.
    ByProvider,
    /// This program, with its own keys.
    Here(Signer),
}

/// Signs with own keys. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Signer {
    keys: Arc<[OwnKey]>,
}

/// A key and its name in DNS.
#[derive(Debug)]
pub struct OwnKey {
    /// `d=`: ASCII, lower case.
    pub domain: String,
    /// `s=`: ASCII, lower case.
    pub selector: String,
    /// The private half; receivers find the public one at [`OwnKey::name`].
    pub key: PrivateKey,
}

/// Why a letter cannot be signed: it is not one that we may send, or the key fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// Header and body cannot be told apart, or a line of the header is none.
    #[error("the letter has no proper header")]
    NoHeader,
    /// RFC 6376 section 5.4: From is always signed.
    #[error("the letter has no From")]
    NoFrom,
    /// RFC 6376 section 5.3: what relays would change is not signed.
    #[error("the letter has a line that does not end in CRLF")]
    LineEnd,
    /// Some verifiers count these lines, others do not.
    #[error("the letter ends in lines of blanks, which not all receivers read alike")]
    BlanksAtTheEnd,
    /// The library could not sign with a key.
    #[error("the key {name} failed: {error}")]
    Key {
        /// Its [name](OwnKey::name) in DNS.
        name: String,
        /// Why, as the library says.
        error: String,
    },
}

impl Signing {
    /// The letter as it is to leave: signed here, or unchanged.
    ///
    /// # Errors
    /// [`SignError`].
    pub fn sign(&self, letter: Vec<u8>, from: &Address, now: Time) -> Result<Vec<u8>, SignError> {
        match self {
            Signing::Here(signer) => signer.sign(letter, from, now),
            Signing::ByProvider | Signing::Unsigned => Ok(letter),
        }
    }

    /// The keys that this program signs with; none where it does not sign.
    #[must_use]
    pub fn keys(&self) -> &[OwnKey] {
        match self {
            Signing::Here(signer) => &signer.keys,
            Signing::ByProvider | Signing::Unsigned => &[],
        }
    }
}

impl OwnKey {
    /// Where DNS has its public half: `s1._domainkey.shop.example`, without a dot at the end.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }

    /// Whether a signature with it proves this sender (protocol 5).
    #[must_use]
    pub fn proves(&self, from: &Address) -> bool {
        is_aligned(&self.domain, from.domain())
    }
}

impl Signer {
    /// Signs with all of these that prove the sender of a letter.
    #[must_use]
    pub fn new(keys: Vec<OwnKey>) -> Signer {
        Signer { keys: keys.into() }
    }

    /// The letter with one DKIM-Signature field in front for each key that proves `from`.
    ///
    /// # Errors
    /// [`SignError`].
    pub fn sign(&self, letter: Vec<u8>, from: &Address, now: Time) -> Result<Vec<u8>, SignError> {
        let content = SignedContent::read(&letter)?;
        let mut signed = Vec::new();
        for own in self.keys.iter().filter(|own| own.proves(from)) {
            signed.extend_from_slice(content.field(own, now)?.as_bytes());
        }
        signed.extend_from_slice(&letter);
        Ok(signed)
    }
}

/// What every signature of a letter covers.
struct SignedContent {
    /// Of `h=`.
    names: Vec<&'static str>,
    /// Of `bh=`.
    body_hash: String,
    /// The fields of `h=` in its order, canonical.
    header: Vec<u8>,
}

impl SignedContent {
    fn read(letter: &[u8]) -> Result<SignedContent, SignError> {
        if !lines_end_in_crlf(letter) {
            return Err(SignError::LineEnd);
        }
        let end = letter
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .ok_or(SignError::NoHeader)?;
        let (header, rest) = letter.split_at_checked(end + 2).unwrap_or((letter, &[]));
        let body = rest.get(2..).unwrap_or_default();
        if ends_in_blanks(body) {
            return Err(SignError::BlanksAtTheEnd);
        }
        let fields = fields(header).ok_or(SignError::NoHeader)?;
        let mut names = Vec::new();
        let mut covered = Vec::new();
        for (group, once_more) in [(&SEALED[..], true), (&SIGNED_WHERE_PRESENT[..], false)] {
            for name in group {
                // RFC 6376 section 5.4.2: of several, the last one is taken first.
                let found = fields.iter().rev().filter(|(n, _)| is_named(n, name));
                let before = covered.len();
                covered.extend(found.copied());
                let count = covered.len() - before + usize::from(once_more);
                names.extend(std::iter::repeat_n(*name, count));
            }
        }
        if !covered.iter().any(|(name, _)| is_named(name, "From")) {
            return Err(SignError::NoFrom);
        }
        let relaxed = Canonicalization::Relaxed;
        let mut header = Vec::new();
        relaxed.canonicalize_headers(covered.into_iter(), &mut header);
        // 0: no limit, so that nothing can be appended.
        let hash = HashAlgorithm::Sha256.hash(relaxed.canonical_body(body, 0));
        Ok(SignedContent {
            names,
            body_hash: STANDARD.encode(hash),
            header,
        })
    }

    /// The whole field, with its line end.
    fn field(&self, own: &OwnKey, now: Time) -> Result<String, SignError> {
        let mut field = Folded::new("DKIM-Signature:");
        let algorithm = match own.key.algorithm() {
            Algorithm::RsaSha256 => "rsa-sha256",
            Algorithm::Ed25519Sha256 => "ed25519-sha256",
        };
        field.word("v=1;");
        field.word(&format!("a={algorithm};"));
        field.word("c=relaxed/relaxed;");
        field.word(&format!("d={};", own.domain));
        field.word(&format!("s={};", own.selector));
        field.word(&format!("t={};", now.unix_millis() / 1000));
        for (i, name) in self.names.iter().enumerate() {
            let end = if i + 1 < self.names.len() { ":" } else { ";" };
            if i == 0 {
                field.word(&format!("h={name}{end}"));
            } else {
                field.piece(&format!("{name}{end}"));
            }
        }
        field.word(&format!("bh={};", self.body_hash));
        field.word("b=");
        // RFC 6376 section 3.7: the field itself comes last, without the value of b=.
        let mut octets = self.header.clone();
        let own_field = field.as_str();
        let (name, value) = own_field.split_once(':').unwrap_or((own_field, ""));
        Canonicalization::Relaxed.canonicalize_headers(
            std::iter::once((name.as_bytes(), value.as_bytes())),
            &mut octets,
        );
        let signature = own.key.sign(&octets).map_err(|error| SignError::Key {
            name: own.name(),
            error,
        })?;
        field.anywhere(&STANDARD.encode(signature));
        Ok(field.finish())
    }
}

fn is_named(name: &[u8], wanted: &str) -> bool {
    name.eq_ignore_ascii_case(wanted.as_bytes())
}

/// Names, and values with their line ends.
fn fields(header: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let mut starts = Vec::new();
    let mut at = 0;
    for line in header.split_inclusive(|b| *b == b'\n') {
        if !matches!(line.first(), Some(b' ' | b'\t')) {
            starts.push(at);
        }
        at += line.len();
    }
    if starts.first() != Some(&0) {
        return None;
    }
    let ends = starts.iter().skip(1).copied().chain([at]);
    let field = |(start, end): (&usize, usize)| {
        let field = header.get(*start..end)?;
        let colon = field.iter().position(|b| *b == b':')?;
        Some((field.get(..colon)?, field.get(colon + 1..)?))
    };
    starts.iter().zip(ends).map(field).collect()
}

fn lines_end_in_crlf(letter: &[u8]) -> bool {
    let mut before = 0;
    for b in letter {
        // A line end without its other half, on either side.
        if (*b == b'\n') != (before == b'\r') {
            return false;
        }
        before = *b;
    }
    before == b'\n'
}

/// Whether lines of blanks follow the last line with something in it.
fn ends_in_blanks(body: &[u8]) -> bool {
    let is_blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n');
    let text = body.iter().rposition(|b| !is_blank(b)).map_or(0, |n| n + 1);
    let tail = body.get(text..).unwrap_or_default();
    // Blanks at the end of the last line itself are everybody's.
    let own_line = if text == 0 {
        0
    } else {
        tail.iter().position(|b| *b == b'\n').unwrap_or(tail.len())
    };
    let rest = tail.get(own_line..).unwrap_or_default();
    rest.iter().any(|b| matches!(b, b' ' | b'\t'))
}
