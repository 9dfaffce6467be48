//! DKIM (RFC 6376, RFC 8463), as far as it needs no key: which signatures of a letter could prove
//! its sender (protocol 5, the row `dkim`), what exactly was signed, and what it proves once a key
//! verified it.
//!
//! Where keys come from, and the cryptography, are left to others: nothing here asks DNS.

mod proof;

use tradepost_statements::Time;

use crate::parse::Letter;

pub use proof::{Proof, Verification, proof};

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
    /// `a=`.
    pub algorithm: Algorithm,
    /// The domain of `i=`: the one of `d=` or below it.
    pub identity_domain: String,
    /// `b=`.
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
    /// Why others could not, for people.
    pub refused: Vec<String>,
}

/// The signatures of a letter that was received at that time.
#[must_use]
pub fn signatures(raw: &[u8], letter: &Letter, received_at: Time) -> Signatures {
    let _ = (raw, letter, received_at);
    Signatures::default()
}
