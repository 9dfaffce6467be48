//! The three statuses: snapshots of a track, sent by the party that works on it (E11 to E13).

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::Sequence;
use crate::money::Amount;
use crate::order::LineQuantity;
use crate::progress::{DeliveryState, OrderState, PaymentState};
use crate::time::Time;
use crate::words::string_serde;

/// `order-status` (E11).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderStatus {
    /// Grows with each change of the track.
    pub sequence: Sequence,
    /// How far it has come.
    pub state: OrderState,
    /// When the shop recorded the change.
    pub at: Time,
    /// When it ships or shipped.
    pub ship: When,
    /// With `shipped`, where parcels are named: all of them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parcels: Option<Vec<String>>,
    /// Why, as one word.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<Reason>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<String>,
}

/// `delivery-status` (E12).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryStatus {
    /// Grows with each change of the track.
    pub sequence: Sequence,
    /// Which parcel; the empty name where parcels are not named.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub parcel: String,
    /// How far it has come.
    pub state: DeliveryState,
    /// When the carrier recorded the change.
    pub at: Time,
    /// When it arrives or arrived.
    pub delivery: Window,
    /// Where it is, for people.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub place: Option<String>,
    /// The carrier's number for it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tracking_number: Option<String>,
    /// The carrier's page about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tracking_url: Option<HttpsUrl>,
    /// Where electronic goods are.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub access: Option<HttpsUrl>,
    /// What is in the parcel.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lines: Option<Vec<LineQuantity>>,
    /// Why, as one word.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<Reason>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<String>,
}

/// `payment-status` (E13).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentStatus {
    /// Grows with each change of the track.
    pub sequence: Sequence,
    /// How far it has come.
    pub state: PaymentState,
    /// When the payment processor recorded the change.
    pub at: Time,
    /// Always the trade's total.
    pub amount: Amount,
    /// What was paid so far.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub paid: Option<Amount>,
    /// What was paid back so far.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refunded: Option<Amount>,
    /// When it is or was settled.
    pub settle: When,
    /// Why, as one word.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<Reason>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<String>,
}

/// Planned or actual time of a track's goal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct When {
    /// The sender's promise; `scheduled` requires it (protocol 4).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub planned: Option<Time>,
    /// When it happened; `shipped` and `settled` require it (protocol 4).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub actual: Option<Time>,
}

/// Planned window or actual time of a delivery.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// When it is expected, or from when on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub planned: Option<Time>,
    /// Until when it is expected.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub planned_until: Option<Time>,
    /// When it happened; `delivered` requires it (protocol 4).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub actual: Option<Time>,
}

/// A reason: a prefix that says whose it is, and one word (protocol 4), e.g. `recipient-absent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(String);

/// Protocol 4.
const REASON_PREFIXES: [&str; 6] = [
    "merchant-",
    "carrier-",
    "recipient-",
    "customs-",
    "weather-",
    "payment-",
];

/// A text that is no reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a reason is a word after merchant-, carrier-, recipient-, customs-, weather- or payment-, such as recipient-absent"
)]
pub struct NotAReason;

impl Reason {
    /// The whole word, with its prefix.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Reason {
    type Err = NotAReason;
    fn from_str(text: &str) -> Result<Self, NotAReason> {
        let word = REASON_PREFIXES
            .iter()
            .find_map(|p| text.strip_prefix(p))
            .ok_or(NotAReason)?;
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !word.is_empty() && word.bytes().all(fits) {
            Ok(Reason(text.to_owned()))
        } else {
            Err(NotAReason)
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}
string_serde!(Reason);

/// A URL with the scheme https (protocol 3, `delivery-status`). Never fetched by a reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpsUrl(String);

/// A text that is no https URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a link is an https:// URL of RFC 3986, without blanks or non-ASCII characters")]
pub struct NotAnHttpsUrl;

impl HttpsUrl {
    /// As it was written: the scheme may be in upper case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HttpsUrl {
    type Err = NotAnHttpsUrl;
    fn from_str(text: &str) -> Result<Self, NotAnHttpsUrl> {
        let rest = text
            .split_at_checked(8)
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("https://"))
            .map(|(_, rest)| rest)
            .ok_or(NotAnHttpsUrl)?;
        // RFC 3986 section 2: reserved, unreserved and percent-encoded; 3.2.2: https has a host.
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b);
        if rest.is_empty() || rest.starts_with(['/', '?', '#', ':']) || !rest.bytes().all(fits) {
            return Err(NotAnHttpsUrl);
        }
        Ok(HttpsUrl(text.to_owned()))
    }
}

impl std::fmt::Display for HttpsUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}
string_serde!(HttpsUrl);
