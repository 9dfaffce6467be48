//! DKIM (RFC 6376, RFC 8463), as far as it needs no key: which signatures of a letter could prove
//! its sender (protocol 5, the row `dkim`), what exactly was signed, and what it proves once a key
//! verified it.
//!
//! Where keys come from, and the cryptography, are left to others: nothing here asks DNS.

mod canonical;
mod coverage;
mod field;
mod flaw;
mod key;
mod proof;
mod raw;
mod tags;

use tradepost_statements::Time;

use self::canonical::Canonicalization;
use self::field::Signature;
use crate::domain::is_aligned;
use crate::parse::Letter;

pub use flaw::{Flaw, Refused};
pub use key::{BadRecord, DkimPublicKey, KeyRecord};
pub use proof::{Proof, Verification, proof};
pub use raw::RawLetter;
pub use tags::BadTags;

/// Protocol 5: at most the first so many aligned signatures are tried.
pub const MOST_SIGNATURES: usize = 5;

/// How a signature was made (RFC 6376 section 3.3, RFC 8463 section 3); sha1 is none (RFC 8301).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// PKCS #1 version 1.5 with SHA-256.
    RsaSha256,
    /// PureEdDSA over the SHA-256 of what is signed.
    Ed25519Sha256,
}

/// A signature that meets every condition of protocol 5 that needs no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// `d=`: ASCII, lower case.
    pub domain: String,
    /// `s=`: ASCII, lower case.
    pub selector: String,
    /// `a=`, which the key has to fit.
    pub algorithm: Algorithm,
    /// The domain of `i=`: the one of `d=` or below it.
    pub identity_domain: String,
    /// `b=`, its base64 undone.
    pub signature: Vec<u8>,
    /// The canonical header fields that the signature covers (RFC 6376 section 3.7).
    pub signed: Vec<u8>,
}

impl Candidate {
    /// Where DNS has the key: `s1._domainkey.shop.example`, without a dot at the end.
    #[must_use]
    pub fn key_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }
}

/// The signatures of a letter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signatures {
    /// Those that could prove the sender, in their order.
    pub to_try: Vec<Candidate>,
    /// Aligned ones that do not count, in their order.
    pub refused: Vec<Refused>,
    /// Who else signed the letter: some domains, none of them aligned.
    pub foreign: Vec<String>,
    /// One that cannot be read.
    pub unreadable: Option<Refused>,
    /// There are more than [`MOST_SIGNATURES`] aligned ones.
    pub is_cut_off: bool,
}

/// An alleged signature above these is not looked at: honest letters have three.
const MOST_LOOKED_AT: usize = 1000;
/// How many signatures of others are told.
const MOST_TOLD: usize = 3;

/// The signatures of a letter that was received at that time.
///
/// `raw` is the letter that `letter` was parsed from.
#[must_use]
pub fn signatures(raw: &[u8], letter: &Letter, received_at: Time) -> Signatures {
    let mut found = Signatures::default();
    // Protocol 5: a letter without an author proves nothing.
    let Ok(author) = &letter.author else {
        return found;
    };
    let raw = RawLetter::read(raw);
    let mut covering = Covering::of(&raw);
    let mut aligned = 0;
    let is_signature =
        |(_, (name, _)): &(usize, &(&[u8], &[u8]))| name.eq_ignore_ascii_case(field::NAME);
    let fields = raw.fields.iter().enumerate().filter(is_signature);
    for (at, (name, value)) in fields.take(MOST_LOOKED_AT) {
        let signature = match Signature::read(value) {
            Ok(signature) => signature,
            Err(flaw) => {
                if found.unreadable.is_none() {
                    found.unreadable = Some(Refused { domain: None, flaw });
                }
                continue;
            }
        };
        if !is_aligned(&signature.domain, author.domain()) {
            if found.foreign.len() < MOST_TOLD && !found.foreign.contains(&signature.domain) {
                found.foreign.push(signature.domain);
            }
            continue;
        }
        if aligned == MOST_SIGNATURES {
            found.is_cut_off = true;
            break;
        }
        aligned += 1;
        match candidate(&signature, letter, received_at, &mut covering, (at, name)) {
            Ok(candidate) => found.to_try.push(candidate),
            Err(flaw) => found.refused.push(Refused {
                domain: Some(signature.domain),
                flaw,
            }),
        }
    }
    found
}

fn candidate(
    signature: &Signature<'_>,
    letter: &Letter,
    received_at: Time,
    covering: &mut Covering<'_>,
    (at, name): (usize, &[u8]),
) -> Result<Candidate, Flaw> {
    let stated = signature.stated(received_at)?;
    coverage::check(&stated.covered, covering.raw, letter)?;
    if stated.body_hash != covering.body_hash(stated.body) {
        return Err(Flaw::BodyWasChanged);
    }
    let mut signed = covering.fields(&stated.covered, stated.header, at);
    stated
        .header
        .field(name, &stated.without_signature, &mut signed);
    Ok(Candidate {
        domain: signature.domain.clone(),
        selector: stated.selector,
        algorithm: stated.algorithm,
        identity_domain: stated.identity_domain,
        signature: stated.signature,
        signed,
    })
}

/// What several signatures cover, worked out once.
struct Covering<'a> {
    raw: &'a RawLetter<'a>,
    simple: Option<[u8; 32]>,
    relaxed: Option<[u8; 32]>,
}

impl<'a> Covering<'a> {
    fn of(raw: &'a RawLetter<'a>) -> Covering<'a> {
        Covering {
            raw,
            simple: None,
            relaxed: None,
        }
    }

    fn body_hash(&mut self, how: Canonicalization) -> [u8; 32] {
        let known = match how {
            Canonicalization::Simple => &mut self.simple,
            Canonicalization::Relaxed => &mut self.relaxed,
        };
        *known.get_or_insert_with(|| how.body_hash(self.raw.body))
    }

    /// RFC 6376 section 5.4.2: of fields with the same name, the lowest one first; for a name
    /// beyond the last of them, nothing. The signature itself is not among them.
    fn fields(&self, covered: &[String], how: Canonicalization, itself: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let mut rest = self.raw.places(covered, itself);
        for name in covered {
            let next = rest.get_mut(name.as_bytes()).and_then(Vec::pop);
            if let Some((name, value)) = next.and_then(|i| self.raw.fields.get(i)) {
                how.field(name, value, &mut out);
                out.extend_from_slice(b"\r\n");
            }
        }
        out
    }
}
