//! Key records (RFC 6376 section 3.6.1, RFC 8463 section 4): the TXT record that has a signer's
//! public key.

use super::Algorithm;
use super::tags::{BadTags, Tags, base64, entries};

/// A public key as a signer's DNS publishes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// `k=` and the octets of `p=`.
    pub key: DkimPublicKey,
    /// `t=s`: only the domain itself, none below it.
    pub is_for_the_exact_domain: bool,
    /// `t=y`: the signer tries DKIM out, and wants its letters treated as unsigned.
    pub is_a_test: bool,
}

/// The octets of a key; whether they are one is found out by who uses them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DkimPublicKey {
    /// SubjectPublicKeyInfo or RSAPublicKey, in DER.
    Rsa(Vec<u8>),
    /// RFC 8032.
    Ed25519([u8; 32]),
}

/// Why a record has no key to verify with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRecord {
    /// RFC 6376 section 3.2.
    #[error("the record is no key: {0}")]
    Tags(#[from] BadTags),
    /// `v=` is not DKIM1, or not the first tag.
    #[error("the record does not begin with v=DKIM1")]
    UnknownVersion,
    /// Without `p=`.
    #[error("the record has no key (p=)")]
    NoKey,
    /// `p=` is empty.
    #[error("the key was revoked")]
    Revoked,
    /// `k=` is neither rsa nor ed25519.
    #[error("the record has a key of an unknown kind (k=)")]
    UnknownKind,
    /// `p=` is not what `k=` says.
    #[error("the record's key cannot be read")]
    BadKey,
    /// `h=` without sha256.
    #[error("the record does not allow SHA-256 (h=)")]
    NotForSha256,
    /// `s=` without email.
    #[error("the record's key is not for e-mail (s=)")]
    NotForMail,
}

impl KeyRecord {
    /// Reads the text of a TXT record, its strings put together.
    ///
    /// # Errors
    /// [`BadRecord`]
    pub fn read(text: &str) -> Result<KeyRecord, BadRecord> {
        let tags = Tags::read(text.as_bytes())?;
        // RFC 6376 section 3.6.1: where it is there, it is the first one.
        if let Some(version) = tags.value("v")
            && (version != "DKIM1" || tags.position("v") != Some(0))
        {
            return Err(BadRecord::UnknownVersion);
        }
        let lists = |tag, word| {
            let value = tags.value(tag);
            value.is_none_or(|value| entries(value).any(|e| e == word || e == "*"))
        };
        let p = tags.value("p").ok_or(BadRecord::NoKey)?;
        if p.is_empty() {
            return Err(BadRecord::Revoked);
        }
        let octets = base64(p).ok_or(BadRecord::BadKey)?;
        let key = match tags.value("k").unwrap_or("rsa") {
            "rsa" => DkimPublicKey::Rsa(octets),
            "ed25519" => DkimPublicKey::Ed25519(octets.try_into().map_err(|_| BadRecord::BadKey)?),
            _ => return Err(BadRecord::UnknownKind),
        };
        let hash = tags.value("h");
        if !hash.is_none_or(|value| entries(value).any(|e| e == "sha256")) {
            return Err(BadRecord::NotForSha256);
        }
        if !lists("s", "email") {
            return Err(BadRecord::NotForMail);
        }
        let flag = |flag| {
            tags.value("t")
                .is_some_and(|t| entries(t).any(|e| e == flag))
        };
        Ok(KeyRecord {
            key,
            is_for_the_exact_domain: flag("s"),
            is_a_test: flag("y"),
        })
    }
}

impl DkimPublicKey {
    /// Whether signatures of this kind are made with such keys.
    #[must_use]
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        matches!(
            (self, algorithm),
            (DkimPublicKey::Rsa(_), Algorithm::RsaSha256)
                | (DkimPublicKey::Ed25519(_), Algorithm::Ed25519Sha256)
        )
    }
}
