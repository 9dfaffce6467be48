//! Names and postal addresses of people.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::words::string_serde;

/// A person and where they live: `buyer` of an order and of a trade record (E1, E4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buyer {
    /// The person's name: the sender's word (protocol 1, "Name").
    pub name: String,
    /// Where goods go, unless `deliver_to` names another place.
    pub address: PostalAddress,
    /// A telephone number for the carrier.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub phone: Option<String>,
}

/// A name and a postal address: `deliver_to`, `send_to`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// Who receives it: the sender's word (protocol 1, "Name").
    pub name: String,
    /// Where the goods go; of `send_to`, where the buyer sends them back to.
    pub address: PostalAddress,
}

/// A postal address as its sender writes it: only the country is checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostalAddress {
    /// Street and number.
    pub street: String,
    /// Town, without the postal code.
    pub city: String,
    /// State, province or county, where the country uses one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub region: Option<String>,
    /// Postal code, where the country uses one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub postal_code: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Country,
}

/// Where goods would go, without saying to whom (protocol 8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// ISO 3166-1 alpha-2.
    pub country: Country,
    /// Postal code, where the country uses one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub postal_code: Option<String>,
}

/// A country code of ISO 3166-1 alpha-2, in upper case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

/// A text that is no country code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a country is two capital letters of ISO 3166-1 such as DE")]
pub struct UnknownCountry;

/// ISO 3166-1 alpha-2, all officially assigned codes, two letters each.
const ASSIGNED: &str = "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZ\
    CACCCDCFCGCHCICKCLCMCNCOCRCUCVCWCXCYCZDEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGN\
    GPGQGRGSGTGUGWGYHKHMHNHRHTHUIDIEILIMINIOIQIRISITJEJMJOJPKEKGKHKIKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULV\
    LYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONPNRNUNZOMPAPEPFPGPHPKPLPMPNPRPSPT\
    PWPYQARERORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUMUS\
    UYUZVAVCVEVGVIVNVUWFWSYEYTZAZMZW";

impl Country {
    /// Two upper-case letters, officially assigned (ISO 3166-1).
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Country {
    type Err = UnknownCountry;
    fn from_str(text: &str) -> Result<Self, UnknownCountry> {
        let code: [u8; 2] = text.as_bytes().try_into().map_err(|_| UnknownCountry)?;
        if ASSIGNED.as_bytes().chunks_exact(2).any(|c| c == code) {
            Ok(Country(code))
        } else {
            Err(UnknownCountry)
        }
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}
impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
string_serde!(Country);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_an_assigned_code() {
        assert_eq!(ASSIGNED.len(), 2 * 249);
        for (code, ok) in [
            ("DE", true),
            ("GB", true),
            ("de", false),
            ("UK", false),
            ("XX", false),
            ("D", false),
            ("DEU", false),
        ] {
            assert_eq!(code.parse::<Country>().is_ok(), ok, "{code}");
        }
    }
}
