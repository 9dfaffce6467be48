//! A DKIM-Signature field (RFC 6376 section 3.5): what it states, read strictly.

use std::time::Duration;

use tradepost_statements::Time;

use super::Algorithm;
use super::canonical::Canonicalization;
use super::flaw::Flaw;
use super::tags::{Tags, base64, entries};
use crate::domain;

pub(super) const NAME: &[u8] = b"dkim-signature";

/// Of a field whose tags could be read.
pub(super) struct Signature<'a> {
    value: &'a [u8],
    tags: Tags<'a>,
    /// `d=`, as addresses write their domains.
    pub(super) domain: String,
}

/// What a field states that meets the conditions that concern it alone.
pub(super) struct Stated {
    pub(super) selector: String,
    pub(super) algorithm: Algorithm,
    pub(super) identity_domain: String,
    pub(super) signature: Vec<u8>,
    pub(super) body_hash: Vec<u8>,
    pub(super) header: Canonicalization,
    pub(super) body: Canonicalization,
    /// The names in `h=`, in lower case.
    pub(super) covered: Vec<String>,
    /// The field's value with an empty `b=`.
    pub(super) without_signature: Vec<u8>,
}

/// Clocks differ: a signature may be made so much later than the letter was received.
const SKEW: Duration = Duration::from_secs(10 * 60);
/// A time has at most twelve digits (RFC 6376 section 3.5).
const MOST_DIGITS: usize = 12;
/// Honest fields have two kilobytes at most; what they are taken apart into is many times larger.
const MOST_OCTETS: usize = 64 * 1024;
/// RFC 1035 section 2.3.4.
const MOST_NAME_OCTETS: usize = 253;
const MOST_LABEL_OCTETS: usize = 63;

impl<'a> Signature<'a> {
    /// Reads a field's value as far as to whom it belongs.
    pub(super) fn read(value: &'a [u8]) -> Result<Signature<'a>, Flaw> {
        if value.len() > MOST_OCTETS {
            return Err(Flaw::TooLong);
        }
        let tags = Tags::read(value)?;
        let stated = tags.value("d").ok_or(Flaw::Lacks("d"))?;
        let domain = host(stated).ok_or(Flaw::BadDomain)?;
        Ok(Signature {
            value,
            tags,
            domain,
        })
    }

    /// Reads the rest, and judges what concerns the field alone.
    pub(super) fn stated(&self, received_at: Time) -> Result<Stated, Flaw> {
        let need = |tag: &'static str| self.tags.value(tag).ok_or(Flaw::Lacks(tag));
        if need("v")? != "1" {
            return Err(Flaw::UnknownVersion);
        }
        // RFC 8301 section 3.1: rsa-sha1 is no signature.
        let algorithm = match need("a")? {
            "rsa-sha256" => Algorithm::RsaSha256,
            "ed25519-sha256" => Algorithm::Ed25519Sha256,
            _ => return Err(Flaw::UnknownAlgorithm),
        };
        // Protocol 5: the whole body.
        if self.tags.value("l").is_some() {
            return Err(Flaw::OnlyPartOfTheBody);
        }
        self.times(received_at)?;
        let selector = self.selector()?;
        let identity_domain = self.identity_domain()?;
        // RFC 6376 section 3.5: the only way to a key is DNS.
        if let Some(q) = self.tags.value("q")
            && !entries(q).any(|way| way == "dns/txt")
        {
            return Err(Flaw::UnknownQuery);
        }
        let (header, body) = self.canonicalizations()?;
        let signature = base64(need("b")?).filter(|b| !b.is_empty());
        let body_hash = base64(need("bh")?).filter(|b| !b.is_empty());
        let covered: Vec<String> = entries(need("h")?).map(str::to_ascii_lowercase).collect();
        let is_name =
            |name: &String| !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic());
        if !covered.iter().all(is_name) {
            return Err(Flaw::BadList);
        }
        Ok(Stated {
            selector,
            algorithm,
            identity_domain,
            signature: signature.ok_or(Flaw::BadBase64)?,
            body_hash: body_hash.ok_or(Flaw::BadBase64)?,
            header,
            body,
            covered,
            without_signature: self.without_signature(),
        })
    }

    /// Protocol 5: `t=` and `x=` sane at the time of receipt.
    fn times(&self, received_at: Time) -> Result<(), Flaw> {
        let made = self.time("t")?;
        let expires = self.time("x")?;
        if let Some(made) = made
            && made > received_at.plus(SKEW)
        {
            return Err(Flaw::FromTheFuture(made));
        }
        if let (Some(made), Some(expires)) = (made, expires)
            && expires <= made
        {
            return Err(Flaw::ExpiredWhenMade);
        }
        match expires {
            Some(at) if at <= received_at => Err(Flaw::Expired(at)),
            Some(_) | None => Ok(()),
        }
    }

    fn time(&self, tag: &'static str) -> Result<Option<Time>, Flaw> {
        let Some(text) = self.tags.value(tag) else {
            return Ok(None);
        };
        let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !is_number || text.len() > MOST_DIGITS {
            return Err(Flaw::BadTime(tag));
        }
        let seconds: i64 = text.parse().map_err(|_| Flaw::BadTime(tag))?;
        Ok(Some(Time::from_unix_millis(seconds.saturating_mul(1000))))
    }

    fn selector(&self) -> Result<String, Flaw> {
        let selector = self.tags.value("s").ok_or(Flaw::Lacks("s"))?;
        let selector = selector.to_ascii_lowercase();
        let fits = is_host(&selector)
            && selector.len() + "._domainkey.".len() + self.domain.len() <= MOST_NAME_OCTETS;
        fits.then_some(selector).ok_or(Flaw::BadSelector)
    }

    /// RFC 6376 section 3.5: `i=` is in `d=`.
    fn identity_domain(&self) -> Result<String, Flaw> {
        let Some(identity) = self.tags.value("i") else {
            return Ok(self.domain.clone());
        };
        let (_, stated) = identity.rsplit_once('@').ok_or(Flaw::ForeignIdentity)?;
        let stated = host(stated).ok_or(Flaw::ForeignIdentity)?;
        let is_below = || {
            stated
                .strip_suffix(self.domain.as_str())
                .is_some_and(|sub| sub.ends_with('.'))
        };
        if stated == self.domain || is_below() {
            Ok(stated)
        } else {
            Err(Flaw::ForeignIdentity)
        }
    }

    fn canonicalizations(&self) -> Result<(Canonicalization, Canonicalization), Flaw> {
        let stated = self.tags.value("c").unwrap_or("simple/simple");
        let (header, body) = stated.split_once('/').unwrap_or((stated, "simple"));
        match (Canonicalization::read(header), Canonicalization::read(body)) {
            (Some(header), Some(body)) => Ok((header, body)),
            _ => Err(Flaw::UnknownCanonicalization),
        }
    }

    /// RFC 6376 section 3.7: the value of `b=` with all blanks around it is deleted.
    fn without_signature(&self) -> Vec<u8> {
        let span = self.tags.span("b").unwrap_or(0..0);
        let mut value = self.value.get(..span.start).unwrap_or_default().to_vec();
        value.extend_from_slice(self.value.get(span.end..).unwrap_or_default());
        value
    }
}

/// A host name as addresses write their domains.
fn host(stated: &str) -> Option<String> {
    // What is read here is what was written: no quotes, no comments, no blanks within.
    let is_plain = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || "-_.".contains(c);
    let domain = stated
        .chars()
        .all(is_plain)
        .then(|| domain::canonical(stated))??;
    is_host(&domain).then_some(domain)
}

fn is_host(name: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= MOST_LABEL_OCTETS
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    name.len() <= MOST_NAME_OCTETS && name.split('.').all(is_label)
}
