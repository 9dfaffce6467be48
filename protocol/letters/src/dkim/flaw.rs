//! Why a signature does not count.

use std::fmt;

use tradepost_statements::Time;

use super::tags::BadTags;
use crate::header::Field;
use crate::untrusted::show;

/// Why a signature does not count, whatever its key says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// RFC 6376 section 3.2.
    #[error("{0}")]
    Tags(#[from] BadTags),
    /// It is far longer than any honest one.
    #[error("it is too long to be read")]
    TooLong,
    /// RFC 6376 section 3.5: a tag that must be there.
    #[error("it has no {0}=")]
    Lacks(&'static str),
    /// `d=` is no domain name.
    #[error("its d= is no domain name")]
    BadDomain,
    /// `s=` is no name.
    #[error("its s= is no name of a key")]
    BadSelector,
    /// `v=` is not 1.
    #[error("its version is not 1")]
    UnknownVersion,
    /// Neither rsa-sha256 nor ed25519-sha256 (RFC 8301, RFC 8463).
    #[error("it is made in a way that does not count: only rsa-sha256 and ed25519-sha256 do")]
    UnknownAlgorithm,
    /// `c=` names something else than simple and relaxed (RFC 6376 section 3.4).
    #[error("its canonicalization is not known")]
    UnknownCanonicalization,
    /// `q=` does not name `dns/txt`, the only way there is (RFC 6376 section 3.5).
    #[error("its key is not to be found by DNS")]
    UnknownQuery,
    /// `h=` is no list of names.
    #[error("its h= is no list of header fields")]
    BadList,
    /// `b=` or `bh=` is empty, or no base64.
    #[error("it is not valid base64")]
    BadBase64,
    /// `t=` or `x=`, named here, is no number of at most twelve digits (RFC 6376 section 3.5).
    #[error("its {0}= is no time")]
    BadTime(&'static str),
    /// `i=` is not in `d=`.
    #[error("it is made in the name of another domain")]
    ForeignIdentity,
    /// `l=` is there, whatever it says: protocol 5 wants the whole body signed.
    #[error("it covers only a part of the letter (l=)")]
    OnlyPartOfTheBody,
    /// `t=` is later than the receipt.
    #[error("it was made at {0}, after the letter was received")]
    FromTheFuture(Time),
    /// `x=` is not later than the receipt.
    #[error("it expired at {0}, before the letter was received")]
    Expired(Time),
    /// `x=` is not later than `t=`.
    #[error("it expired when it was made")]
    ExpiredWhenMade,
    /// Protocol 5: From, To, Subject and Date are signed.
    #[error("it does not cover {0}")]
    DoesNotCover(Field),
    /// Content-Type is not signed, and the body could be read in more than one way.
    #[error("it does not cover Content-Type, so other parts could be shown than were signed")]
    PartsCouldBeOthers,
    /// Content-Transfer-Encoding is neither signed nor one that changes nothing.
    #[error("it does not cover Content-Transfer-Encoding, so the letter could be read differently")]
    EncodingCouldBeAnother,
    /// The body is not the one that was signed.
    #[error("the letter's body was changed after it was signed")]
    BodyWasChanged,
}

/// An aligned signature that does not count, or one that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// `d=`, where it could be read.
    pub domain: Option<String>,
    /// Why it does not count.
    pub flaw: Flaw,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flaw = show(&self.flaw.to_string());
        match &self.domain {
            Some(domain) => write!(f, "the signature of {domain} does not count: {flaw}"),
            None => write!(f, "a signature does not count: {flaw}"),
        }
    }
}
