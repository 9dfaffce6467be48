//! The bearer token (RFC 6750) that callers show.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Shorter ones can be guessed.
const SHORTEST: usize = 16;
/// Longer than any that makes sense, shorter than a header may be.
const LONGEST: usize = 1024;

/// Only its hash is kept: it is never printed, and all hashes are equally long.
pub(crate) struct BearerToken([u8; 32]);

impl std::fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BearerToken([redacted])")
    }
}

/// Why a text is no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadToken {
    #[error("the token on its first line has {0} characters; it needs {SHORTEST} to {LONGEST}")]
    Length(usize),
    #[error(
        "the token on its first line may have letters, digits and - . _ ~ + / = only (RFC 6750)"
    )]
    Characters,
}

impl BearerToken {
    /// RFC 6750 section 2.1: `b64token`.
    pub(crate) fn read(text: &str) -> Result<BearerToken, BadToken> {
        if !(SHORTEST..=LONGEST).contains(&text.len()) {
            return Err(BadToken::Length(text.chars().count()));
        }
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
        if !text.bytes().all(fits) {
            return Err(BadToken::Characters);
        }
        Ok(BearerToken(Sha256::digest(text).into()))
    }

    /// Whether a caller shows it, told in a time that says nothing about how much of it was right.
    pub(crate) fn is(&self, shown: &str) -> bool {
        let shown: [u8; 32] = Sha256::digest(shown).into();
        self.0.ct_eq(&shown).into()
    }
}
