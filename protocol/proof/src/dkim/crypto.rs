//! Public keys, and whether a signature is one of theirs.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_auth::common::crypto::Algorithm as Library;
use mail_auth::common::parse::TxtRecordParser;
use mail_auth::common::verify::DomainKey;
use rsa::RsaPublicKey;
use rsa::pkcs1::{DecodeRsaPublicKey, EncodeRsaPublicKey};
use rsa::pkcs8::DecodePublicKey;
use rsa::traits::PublicKeyParts;
use tradepost_letters::dkim::{Algorithm, Candidate, DkimPublicKey, KeyRecord, Verification};

/// A key that signatures can be verified with, and the conditions of its record.
pub struct VerifyingKey {
    record: KeyRecord,
    key: DomainKey,
}

/// RFC 8301 section 3.2: shorter keys prove nothing.
const LEAST_BITS: usize = 1024;

impl VerifyingKey {
    /// Reads the text of a TXT record.
    ///
    /// # Errors
    /// Why no signature can be verified with it, for people.
    pub fn read(text: &str) -> Result<VerifyingKey, String> {
        let record = KeyRecord::read(text).map_err(|e| e.to_string())?;
        // The library reads records leniently, so it gets one that says nothing but the key.
        let (kind, octets) = match &record.key {
            DkimPublicKey::Rsa(der) => {
                let key = RsaPublicKey::from_public_key_der(der)
                    .or_else(|_| RsaPublicKey::from_pkcs1_der(der))
                    .map_err(|_| "the record's RSA key cannot be read".to_owned())?;
                let bits = key.n().bits();
                if bits < LEAST_BITS {
                    return Err(format!(
                        "the RSA key has {bits} bits: fewer than {LEAST_BITS} prove nothing"
                    ));
                }
                let der = key.to_pkcs1_der().map_err(|e| e.to_string())?;
                ("rsa", der.as_bytes().to_vec())
            }
            DkimPublicKey::Ed25519(octets) => ("ed25519", octets.to_vec()),
        };
        let text = format!("v=DKIM1; k={kind}; p={}", STANDARD.encode(octets));
        let key = DomainKey::parse(text.as_bytes()).map_err(|e| e.to_string())?;
        Ok(VerifyingKey { record, key })
    }

    /// Whether the signature was made with this key, over what the candidate says.
    #[must_use]
    pub fn verify(&self, candidate: &Candidate) -> Verification {
        let failed = |why: &str| Verification::Fail(why.to_owned());
        if self.record.is_a_test {
            return failed("its signer only tries DKIM out (t=y)");
        }
        let is_exact = candidate.identity_domain == candidate.domain;
        if self.record.is_for_the_exact_domain && !is_exact {
            return failed("its key is not for a domain below (t=s)");
        }
        if !self.record.key.fits(candidate.algorithm) {
            return failed("its key is of another kind");
        }
        let algorithm = match candidate.algorithm {
            Algorithm::RsaSha256 => Library::RsaSha256,
            Algorithm::Ed25519Sha256 => Library::Ed25519Sha256,
        };
        let (signed, signature) = (&candidate.signed, &candidate.signature);
        match self.key.p.verify_bytes(signed, signature, algorithm) {
            Ok(()) => Verification::Pass,
            Err(_) => failed(
                "header fields were changed after they were signed, or it was made with another key",
            ),
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VerifyingKey").field(&self.record).finish()
    }
}
