//! The ids of the protocol (section 1).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::address::Address;
use crate::words::string_serde;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Protocol 1, "Trade id".
    #[error("a trade id has 1 to 64 characters of A-Z a-z 0-9 . _ -")]
    TradeId,
    /// Protocol 1, "Statement id".
    #[error("a statement id is a UUID of version 7 in lower or upper case hex with hyphens")]
    StatementId,
    /// Protocol 1, "Request id".
    #[error("a request id is a UUID of version 7, a colon and the buyer's address")]
    RequestId,
    /// Protocol 4: 1 to 2^31-1.
    #[error("a sequence is a whole number from 1 to 2147483647")]
    Sequence,
    /// Protocol 3, `trade-record`: from 1.
    #[error("the version of a trade record is a whole number from 1 to 2147483647")]
    Version,
}

/// A trade's id, unique for its shop only: use [`TradeRef`] to name a trade.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TradeId(String);

impl TradeId {
    /// As the shop wrote it: upper and lower case are told apart.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TradeId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(TradeId(text.to_owned()))
        } else {
            Err(IdError::TradeId)
        }
    }
}

impl fmt::Display for TradeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
string_serde!(TradeId);

/// The name of a trade: its shop's address and the shop's id for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TradeRef {
    /// The shop that made the trade.
    pub shop: Address,
    /// The shop's id for it.
    pub id: TradeId,
}

impl fmt::Display for TradeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.shop.as_str(), self.id)
    }
}

/// A statement's id: a UUID of version 7, made by the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatementId(Uuid);

impl StatementId {
    /// Takes a UUID that the caller made; ids are made at the edge, never here.
    ///
    /// # Errors
    /// [`IdError::StatementId`] when it is not of version 7.
    pub fn new(uuid: Uuid) -> Result<Self, IdError> {
        if uuid.get_version_num() == 7 && uuid.get_variant() == uuid::Variant::RFC4122 {
            Ok(StatementId(uuid))
        } else {
            Err(IdError::StatementId)
        }
    }

    /// Always of version 7 (RFC 9562 section 5.7).
    #[must_use]
    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl FromStr for StatementId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        StatementId::new(parse_uuid(text).ok_or(IdError::StatementId)?)
    }
}

/// Only the form of RFC 9562 section 4, not the braces and URNs that the crate knows as well.
fn parse_uuid(text: &str) -> Option<Uuid> {
    if text.len() == 36 {
        Uuid::try_parse(text).ok()
    } else {
        None
    }
}

impl fmt::Display for StatementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}
string_serde!(StatementId);

/// A request's id, made and stored by the buyer's client before it sends (Q1, Q2).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId {
    uuid: StatementId,
    buyer: Address,
}

impl RequestId {
    /// The id of a new request of `buyer`, from a UUID of version 7.
    ///
    /// # Errors
    /// [`IdError::StatementId`] when the UUID is not of version 7.
    pub fn new(uuid: Uuid, buyer: Address) -> Result<Self, IdError> {
        Ok(RequestId {
            uuid: StatementId::new(uuid)?,
            buyer,
        })
    }

    /// The address in it, which must be the proven sender's in a statement from a buyer.
    #[must_use]
    pub fn buyer(&self) -> &Address {
        &self.buyer
    }

    /// The part before the colon: its random bits prove that a record answers this request (protocol 1).
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        self.uuid.uuid()
    }

    /// The canonical text: equal ids have equal keys.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}:{}", self.uuid, self.buyer.as_str())
    }
}

impl FromStr for RequestId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let (uuid, buyer) = text.split_once(':').ok_or(IdError::RequestId)?;
        Ok(RequestId {
            uuid: uuid.parse().map_err(|_| IdError::RequestId)?,
            buyer: buyer.parse().map_err(|_| IdError::RequestId)?,
        })
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}:{}", self.uuid, self.buyer.as_written()))
    }
}
string_serde!(RequestId);

/// The number of a status within its track: 1 to 2^31-1, growing with each change (protocol 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Sequence(u32);

impl Sequence {
    /// The first status of a track.
    pub const FIRST: Sequence = Sequence(1);

    /// From 1 to 2^31-1.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }

    /// The sequence of the next change; the last one has no next.
    #[must_use]
    pub fn next(self) -> Option<Sequence> {
        Sequence::try_from(u64::from(self.0) + 1).ok()
    }
}

impl TryFrom<u64> for Sequence {
    type Error = IdError;
    fn try_from(number: u64) -> Result<Self, IdError> {
        match u32::try_from(number) {
            Ok(n @ 1..=0x7fff_ffff) => Ok(Sequence(n)),
            _ => Err(IdError::Sequence),
        }
    }
}

impl From<Sequence> for u64 {
    fn from(s: Sequence) -> u64 {
        u64::from(s.0)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
