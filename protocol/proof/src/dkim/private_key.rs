//! Private keys: made, read from PEM, never shown; and the DNS record of their public half.
//!
//! `rsa` only makes keys and writes down their public half: what is signed is signed by ring, whose
//! time tells nothing about the key.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_auth::common::crypto::{DkimKey, Ed25519Key, RsaKey, Sha256, SigningKey};
use rsa::pkcs1::DecodeRsaPublicKey;
use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding, ObjectIdentifier, PrivateKeyInfo};
use rsa::rand_core::{OsRng, RngCore};
use rsa::{RsaPrivateKey, RsaPublicKey};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use tradepost_letters::dkim::Algorithm;

/// A key that letters are signed with; `Debug` shows nothing of it.
pub struct PrivateKey {
    algorithm: Algorithm,
    key: DkimKey,
    /// As `p=` has it (RFC 6376 section 3.6.1, RFC 8463 section 4.2).
    public: String,
}

/// Why a text is no key, or none can be made.
#[derive(Debug, thiserror::Error)]
pub enum PrivateKeyError {
    /// There is no private key in PEM, or only one with a passphrase.
    #[error(
        "it holds no private key in PEM (-----BEGIN PRIVATE KEY-----); a key with a passphrase cannot be used"
    )]
    NotPem,
    /// Neither RSA nor Ed25519, such as a key for ECDSA.
    #[error("it is neither an RSA nor an Ed25519 key, the two that DKIM knows")]
    OtherKind,
    /// Too short for anybody to believe it, or broken.
    #[error("the RSA key cannot be used; it needs 2048 to 4096 bits ({0})")]
    Rsa(String),
    /// An Ed25519 key that is broken; why, as the library says.
    #[error("the Ed25519 key cannot be used ({0})")]
    Ed25519(String),
    /// The machine gives no random numbers.
    #[error("no key could be made: {0}")]
    NotMade(String),
}

/// RFC 8301 section 3.2: signers use at least 2048 bits. More would not fit into one string of DNS
/// twice over, and every receiver verifies these.
const RSA_BITS: usize = 2048;

/// RFC 8410 section 7: what stands before the 32 octets of an Ed25519 key in PKCS #8, version 1, the
/// one that all programs read.
const ED25519_PKCS8: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ID_ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Makes a new key, as PEM (PKCS #8). RSA takes a moment: call it off the async threads.
///
/// # Errors
/// [`PrivateKeyError::NotMade`].
pub fn make_key(algorithm: Algorithm) -> Result<SecretString, PrivateKeyError> {
    let not_made = |e: &dyn fmt::Display| PrivateKeyError::NotMade(e.to_string());
    match algorithm {
        Algorithm::RsaSha256 => {
            let key = RsaPrivateKey::new(&mut OsRng, RSA_BITS).map_err(|e| not_made(&e))?;
            let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(|e| not_made(&e))?;
            Ok(SecretString::from(pem.as_str()))
        }
        Algorithm::Ed25519Sha256 => {
            let mut der = vec![0; ED25519_PKCS8.len() + 32];
            let (prefix, seed) = der.split_at_mut(ED25519_PKCS8.len());
            prefix.copy_from_slice(&ED25519_PKCS8);
            OsRng.try_fill_bytes(seed).map_err(|e| not_made(&e))?;
            let der = SecretSlice::from(der);
            let base64 = SecretString::from(STANDARD.encode(der.expose_secret()));
            Ok(SecretString::from(format!(
                "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
                base64.expose_secret()
            )))
        }
    }
}

impl PrivateKey {
    /// Reads PEM: PKCS #8, or PKCS #1 as older programs write RSA keys.
    ///
    /// # Errors
    /// [`PrivateKeyError`], never with a part of the key in it.
    pub fn from_pem(pem: &SecretString) -> Result<PrivateKey, PrivateKeyError> {
        let der = PrivateKeyDer::from_pem_slice(pem.expose_secret().as_bytes())
            .map_err(|_| PrivateKeyError::NotPem)?;
        let algorithm = match &der {
            PrivateKeyDer::Pkcs1(_) => Algorithm::RsaSha256,
            PrivateKeyDer::Pkcs8(der) => {
                let info = PrivateKeyInfo::try_from(der.secret_pkcs8_der())
                    .map_err(|_| PrivateKeyError::NotPem)?;
                match info.algorithm.oid {
                    RSA_ENCRYPTION => Algorithm::RsaSha256,
                    ID_ED25519 => Algorithm::Ed25519Sha256,
                    _ => return Err(PrivateKeyError::OtherKind),
                }
            }
            PrivateKeyDer::Sec1(_) | _ => return Err(PrivateKeyError::OtherKind),
        };
        match algorithm {
            Algorithm::RsaSha256 => rsa(der),
            Algorithm::Ed25519Sha256 => ed25519(der.secret_der()),
        }
    }

    /// The algorithm of its signatures (`a=`).
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What `p=` holds in DNS.
    #[must_use]
    pub fn public(&self) -> &str {
        &self.public
    }

    /// The TXT record for DNS (RFC 6376 section 3.6.1).
    #[must_use]
    pub fn record(&self) -> String {
        let kind = kind(self.algorithm);
        format!("v=DKIM1; k={kind}; p={}", self.public)
    }

    pub(super) fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, String> {
        self.key.sign(octets).map_err(|e| e.to_string())
    }
}

/// As `k=` names it.
pub(super) fn kind(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::RsaSha256 => "rsa",
        Algorithm::Ed25519Sha256 => "ed25519",
    }
}

fn rsa(der: PrivateKeyDer<'_>) -> Result<PrivateKey, PrivateKeyError> {
    let key =
        RsaKey::<Sha256>::from_key_der(der).map_err(|e| PrivateKeyError::Rsa(e.to_string()))?;
    // RFC 6376 errata 3017: DNS has a SubjectPublicKeyInfo, which names the algorithm once more.
    let public = RsaPublicKey::from_pkcs1_der(&key.public_key())
        .map_err(|e| PrivateKeyError::Rsa(e.to_string()))?
        .to_public_key_der()
        .map_err(|e| PrivateKeyError::Rsa(e.to_string()))?;
    Ok(PrivateKey {
        algorithm: Algorithm::RsaSha256,
        public: STANDARD.encode(public.as_bytes()),
        key: DkimKey::Rsa(key),
    })
}

fn ed25519(der: &[u8]) -> Result<PrivateKey, PrivateKeyError> {
    // Version 1 of PKCS #8 has no public key to compare with.
    let key = Ed25519Key::from_pkcs8_maybe_unchecked_der(der)
        .map_err(|e| PrivateKeyError::Ed25519(e.to_string()))?;
    Ok(PrivateKey {
        algorithm: Algorithm::Ed25519Sha256,
        public: STANDARD.encode(key.public_key()),
        key: DkimKey::Ed25519(key),
    })
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({} [redacted])", kind(self.algorithm))
    }
}
