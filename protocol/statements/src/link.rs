//! `tradepost:` links: what a shop tells at its checkout about a trade that was ordered there
//! (protocol 9).
//!
//! ```text
//! tradepost:orders@shop.example?trade=T-1001&total=98.00EUR&key=FINGERPRINT
//! ```
//!
//! Read strictly as RFC 3986 has it: what is not allowed in a URI stands percent-encoded, `+` is a
//! plus, and a part that says two things says nothing. Parts that are not known are passed over,
//! as unknown members of statements are (protocol 2).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::address::{Address, AddressError};
use crate::id::{IdError, TradeId, TradeRef};
use crate::money::{Amount, AmountError};
use crate::words::string_serde;

/// An OpenPGP key of some 10,000 octets, in base64 and percent-encoded; a QR code holds less.
const LONGEST: usize = 64 * 1024;

const SCHEME: &str = "tradepost";

/// An order that was placed elsewhere, and what was said about it there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedOrder {
    /// The shop, and its id for the trade.
    pub trade: TradeRef,
    /// The most that it costs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub total: Option<Amount>,
    /// The shop's OpenPGP key, by its fingerprint.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key: Option<Fingerprint>,
    /// That key itself, in base64.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pk: Option<PublicKey>,
}

/// The fingerprint of an OpenPGP key: 40 or 64 hexadecimal digits (RFC 9580 section 5.5.4).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint(String);

/// An OpenPGP key in base64 (RFC 4648 sections 4 and 5). What it holds is not looked into here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(String);

/// Why a text is no link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It starts with something else.
    #[error("a link starts with tradepost:, as tradepost:orders@shop.example?trade=T-1001")]
    OtherScheme,
    /// It has more than 65,536 octets.
    #[error("a link has at most {LONGEST} characters")]
    TooLong,
    /// RFC 3986 section 2 does not allow it there.
    #[error("{0:?} must not stand in a link as it is (RFC 3986); percent-encode it")]
    Character(char),
    /// `%` without two hexadecimal digits.
    #[error("in a link, % stands before two hexadecimal digits (RFC 3986 section 2.1)")]
    PercentEncoding,
    /// The octets are no UTF-8.
    #[error("what is percent-encoded in the link is not UTF-8")]
    NotUtf8,
    /// `tradepost://..` or `#..`.
    #[error("a link has no // and no #")]
    HasAuthorityOrFragment,
    /// A known part stands twice: which. Parts that are not known may.
    #[error("the link says {0} twice")]
    Twice(&'static str),
    /// There is no `trade=`; only `total`, `key` and `pk` may be missing (protocol 9).
    #[error("the link names no trade: trade=T-1001 is missing")]
    NoTrade,
    /// What stands before the `?` is no address.
    #[error("the shop's address: {0}")]
    Address(#[from] AddressError),
    /// `trade` is no trade id.
    #[error("trade: {0}")]
    Trade(#[from] IdError),
    /// `total` is no amount.
    #[error("total: {0}")]
    Total(#[from] AmountError),
    /// `key` is no fingerprint, or `pk` no base64.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Why a text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not 40 or 64 hexadecimal digits (RFC 9580 section 5.5.4).
    #[error("the fingerprint of an OpenPGP key has 40 or 64 hexadecimal digits")]
    Fingerprint,
    /// Not base64 (RFC 4648 sections 4 and 5).
    #[error("an OpenPGP key in a link is base64")]
    PublicKey,
}

impl FromStr for ExpectedOrder {
    type Err = LinkError;
    fn from_str(text: &str) -> Result<Self, LinkError> {
        if text.len() > LONGEST {
            return Err(LinkError::TooLong);
        }
        // RFC 3986 section 3.1: schemes are the same in upper and lower case.
        let (_, rest) = text
            .split_once(':')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(SCHEME))
            .ok_or(LinkError::OtherScheme)?;
        if rest.starts_with("//") || rest.contains('#') {
            return Err(LinkError::HasAuthorityOrFragment);
        }
        if let Some(stray) = rest.chars().find(|c| !may_stand(*c)) {
            return Err(LinkError::Character(stray));
        }
        let (shop, query) = rest.split_once('?').unwrap_or((rest, ""));
        let shop: Address = decoded(shop)?.parse()?;
        let (mut trade, mut total, mut key, mut pk) = (None, None, None, None);
        for part in query.split('&') {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (place, name) = match decoded(name)?.as_str() {
                "trade" => (&mut trade, "trade"),
                "total" => (&mut total, "total"),
                "key" => (&mut key, "key"),
                "pk" => (&mut pk, "pk"),
                _ => {
                    decoded(value)?;
                    continue;
                }
            };
            if place.replace(decoded(value)?).is_some() {
                return Err(LinkError::Twice(name));
            }
        }
        let id: TradeId = trade.ok_or(LinkError::NoTrade)?.parse()?;
        Ok(ExpectedOrder {
            trade: TradeRef { shop, id },
            total: total.map(|t| t.parse()).transpose()?,
            key: key.map(|k| k.parse()).transpose()?,
            pk: pk.map(|k| k.parse()).transpose()?,
        })
    }
}

/// RFC 3986 sections 2.2, 2.3, 3.3 and 3.4: `unreserved`, `sub-delims`, and what else a path or
/// query may hold.
fn may_stand(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/?%".contains(c)
}

/// RFC 3986 section 2.1.
fn decoded(text: &str) -> Result<String, LinkError> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        if octet != b'%' {
            octets.push(octet);
            continue;
        }
        let digit = |octet: Option<u8>| char::from(octet?).to_digit(16);
        let (high, low) = (digit(rest.next()), digit(rest.next()));
        let octet = high.zip(low).map(|(high, low)| high * 16 + low);
        let octet = octet.and_then(|octet| u8::try_from(octet).ok());
        octets.push(octet.ok_or(LinkError::PercentEncoding)?);
    }
    String::from_utf8(octets).map_err(|_| LinkError::NotUtf8)
}

/// The link that says it.
impl fmt::Display for ExpectedOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shop = self.trade.shop.as_written();
        write!(f, "{SCHEME}:{}?trade={}", Encoded(shop), self.trade.id)?;
        if let Some(total) = self.total {
            write!(f, "&total={}{}", total.decimal(), total.currency())?;
        }
        if let Some(key) = &self.key {
            write!(f, "&key={key}")?;
        }
        if let Some(pk) = &self.pk {
            write!(f, "&pk={}", Encoded(&pk.0))?;
        }
        Ok(())
    }
}

/// All but `unreserved` and `@` percent-encoded.
struct Encoded<'t>(&'t str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for octet in self.0.bytes() {
            let c = char::from(octet);
            if c.is_ascii_alphanumeric() || "-._~@".contains(c) {
                write!(f, "{c}")?;
            } else {
                write!(f, "%{octet:02X}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for Fingerprint {
    type Err = KeyError;
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let digits = text.bytes().all(|b| b.is_ascii_hexdigit());
        if digits && matches!(text.len(), 40 | 64) {
            Ok(Fingerprint(text.to_ascii_uppercase()))
        } else {
            Err(KeyError::Fingerprint)
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
string_serde!(Fingerprint);

impl FromStr for PublicKey {
    type Err = KeyError;
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let base64 = |c: char| c.is_ascii_alphanumeric() || "+/-_".contains(c);
        let data = text.trim_end_matches('=');
        if !data.is_empty() && text.len() - data.len() <= 2 && data.chars().all(base64) {
            Ok(PublicKey(text.to_owned()))
        } else {
            Err(KeyError::PublicKey)
        }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
string_serde!(PublicKey);
