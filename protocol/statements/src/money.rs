//! Amounts of money (protocol 1): whole numbers of the currency's smallest unit, so that
//! nothing is ever rounded.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::words::string_serde;

/// A currency of ISO 4217 that has a number of decimals; metals and test codes have none.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

/// An amount of one currency, never negative.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "AmountOnTheWire", into = "AmountOnTheWire")]
pub struct Amount {
    minor: u128,
    currency: Currency,
}

/// Why something is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not a number and a currency.
    #[error("{0:?} is not an amount such as 49.00 EUR")]
    NotAnAmount(String),
    /// The currency is not known.
    #[error("{0:?} is not a currency code of ISO 4217 such as EUR")]
    Currency(String),
    /// Something else than digits with at most one point between them.
    #[error("an amount is a string of digits such as \"98.00\", without sign, blanks or exponent")]
    Digits,
    /// A wrong number of decimals for the currency.
    #[error("an amount of {currency} has exactly {expected} decimals")]
    Decimals {
        /// The currency that the amount names.
        currency: Currency,
        /// How many decimals ISO 4217 gives it.
        expected: u16,
    },
    /// Protocol 1: at most 15 digits.
    #[error("an amount has at most 15 digits")]
    TooManyDigits,
    /// Amounts of different currencies are never added.
    #[error("{0} and {1} cannot be added")]
    DifferentCurrencies(Currency, Currency),
}

/// Protocol 1: at most 15 digits.
const MOST_DIGITS: usize = 15;

/// More of what is no amount would not help.
const MOST_SHOWN: usize = 40;

#[derive(Serialize, Deserialize)]
#[serde(expecting = "an amount such as {\"amount\": \"49.00\", \"currency\": \"EUR\"}")]
struct AmountOnTheWire {
    amount: String,
    currency: String,
}

impl Currency {
    /// Three upper-case letters of ISO 4217, such as EUR.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimals an amount of it has.
    #[must_use]
    pub fn decimals(self) -> u16 {
        self.0.exponent().unwrap_or(0)
    }
}

impl FromStr for Currency {
    type Err = AmountError;
    fn from_str(code: &str) -> Result<Self, AmountError> {
        iso_currency::Currency::from_code(code)
            .filter(|c| c.exponent().is_some() && c.code() == code)
            .map(Currency)
            .ok_or_else(|| AmountError::Currency(code.chars().take(16).collect()))
    }
}

impl Amount {
    /// 0 of that currency, the start of a sum.
    #[must_use]
    pub fn zero(currency: Currency) -> Amount {
        Amount { minor: 0, currency }
    }

    /// So many of the currency's smallest unit, e.g. cents.
    #[must_use]
    pub fn from_minor(minor: u128, currency: Currency) -> Amount {
        Amount { minor, currency }
    }

    /// The amount in the currency's smallest unit.
    #[must_use]
    pub fn minor(self) -> u128 {
        self.minor
    }

    /// What it is an amount of; two currencies are never added.
    #[must_use]
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// Whether it is 0, of whatever currency.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// The sum.
    ///
    /// # Errors
    /// [`AmountError::DifferentCurrencies`].
    pub fn plus(self, other: Amount) -> Result<Amount, AmountError> {
        self.with_same_currency(other)?;
        Ok(Amount {
            minor: self.minor.saturating_add(other.minor),
            currency: self.currency,
        })
    }

    /// What is left of it, at least nothing.
    ///
    /// # Errors
    /// [`AmountError::DifferentCurrencies`].
    pub fn minus(self, other: Amount) -> Result<Amount, AmountError> {
        self.with_same_currency(other)?;
        Ok(Amount {
            minor: self.minor.saturating_sub(other.minor),
            currency: self.currency,
        })
    }

    /// That many times the amount.
    #[must_use]
    pub fn times(self, n: u32) -> Amount {
        Amount {
            minor: self.minor.saturating_mul(u128::from(n)),
            currency: self.currency,
        }
    }

    /// Whether it is of the same currency and more.
    #[must_use]
    pub fn is_more_than(self, other: Amount) -> bool {
        self.currency == other.currency && self.minor > other.minor
    }

    fn with_same_currency(self, other: Amount) -> Result<(), AmountError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(AmountError::DifferentCurrencies(
                self.currency,
                other.currency,
            ))
        }
    }

    /// The decimal string with exactly the currency's decimals, e.g. `98.00`.
    #[must_use]
    pub fn decimal(self) -> String {
        let decimals = usize::from(self.currency.decimals());
        let digits = format!("{:0>width$}", self.minor, width = decimals + 1);
        match digits.split_at_checked(digits.len().saturating_sub(decimals)) {
            Some((whole, fraction)) if !fraction.is_empty() => format!("{whole}.{fraction}"),
            _ => digits,
        }
    }

    /// Reads the decimal string of an amount of `currency`.
    ///
    /// # Errors
    /// [`AmountError`] when it is not exactly of that form.
    pub fn from_decimal(text: &str, currency: Currency) -> Result<Amount, AmountError> {
        let (whole, fraction) = match text.split_once('.') {
            Some((w, f)) if !f.is_empty() => (w, f),
            Some(_) => return Err(AmountError::Digits),
            None => (text, ""),
        };
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) {
            return Err(AmountError::Digits);
        }
        if whole.len() + fraction.len() > MOST_DIGITS {
            return Err(AmountError::TooManyDigits);
        }
        let expected = currency.decimals();
        if fraction.len() != usize::from(expected) {
            return Err(AmountError::Decimals { currency, expected });
        }
        let minor = format!("{whole}{fraction}")
            .parse()
            .map_err(|_| AmountError::TooManyDigits)?;
        Ok(Amount { minor, currency })
    }
}

impl TryFrom<AmountOnTheWire> for Amount {
    type Error = AmountError;
    fn try_from(wire: AmountOnTheWire) -> Result<Self, AmountError> {
        Amount::from_decimal(&wire.amount, wire.currency.parse()?)
    }
}

impl From<Amount> for AmountOnTheWire {
    fn from(a: Amount) -> Self {
        AmountOnTheWire {
            amount: a.decimal(),
            currency: a.currency.code().to_owned(),
        }
    }
}

/// `98.00 EUR`, as people write it in a configuration; `98.00EUR` is read as well (protocol 9).
impl FromStr for Amount {
    type Err = AmountError;
    fn from_str(text: &str) -> Result<Self, AmountError> {
        let text = text.trim();
        let at = text.len().checked_sub(3);
        let (number, code) = at
            .and_then(|at| text.split_at_checked(at))
            .filter(|(number, code)| {
                number.contains(|c: char| c.is_ascii_digit())
                    && !number.contains(char::is_alphabetic)
                    && code.chars().all(char::is_alphabetic)
            })
            .ok_or_else(|| AmountError::NotAnAmount(text.chars().take(MOST_SHOWN).collect()))?;
        Amount::from_decimal(number.trim_end(), code.parse()?)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} {}", self.decimal(), self.currency))
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// By code, so that maps keyed by currency have one order.
impl Ord for Currency {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.code().cmp(other.code())
    }
}
impl PartialOrd for Currency {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
string_serde!(Currency);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_amount_has_exactly_the_decimals_of_its_currency() {
        for (text, ok) in [
            ("98.00 EUR", true),
            ("98.0 EUR", false),
            ("98 EUR", false),
            ("98.000 EUR", false),
            ("500 JPY", true),
            ("500.00 JPY", false),
            ("1.250 BHD", true),
            ("1.25 BHD", false),
            ("-1.00 EUR", false),
            ("+1.00 EUR", false),
            ("1e2 EUR", false),
            ("1,00 EUR", false),
            (".50 EUR", false),
            ("1. EUR", false),
            ("98.00 XYZ", false),
            ("98.00 eur", false),
            ("9999999999999.99 EUR", true),
            ("10000000000000.00 EUR", false),
            ("", false),
            ("é", false),
        ] {
            assert_eq!(text.parse::<Amount>().is_ok(), ok, "{text}");
        }
        assert_eq!(
            "0.05 EUR".parse::<Amount>().unwrap().to_string(),
            "0.05 EUR"
        );
        assert_eq!("98.00EUR".parse::<Amount>().unwrap().minor(), 9800);
    }

    #[test]
    fn what_is_wrong_with_an_amount_is_said_of_all_of_it() {
        for (text, what) in [
            (
                "credit-card",
                "\"credit-card\" is not an amount such as 49.00 EUR",
            ),
            ("49.00", "\"49.00\" is not an amount such as 49.00 EUR"),
            ("", "\"\" is not an amount such as 49.00 EUR"),
            (
                "49.00 EUROS",
                "\"49.00 EUROS\" is not an amount such as 49.00 EUR",
            ),
            (
                "49.00 XYZ",
                "\"XYZ\" is not a currency code of ISO 4217 such as EUR",
            ),
            ("49.0 EUR", "an amount of EUR has exactly 2 decimals"),
        ] {
            assert_eq!(text.parse::<Amount>().unwrap_err().to_string(), what);
        }
        assert!("49.00 EUR".parse::<Amount>().is_ok());
    }

    #[test]
    fn currencies_are_never_added() {
        let e: Amount = "1.00 EUR".parse().unwrap();
        let u: Amount = "1.00 USD".parse().unwrap();
        assert_eq!(e.plus(e).unwrap().to_string(), "2.00 EUR");
        assert!(e.plus(u).is_err());
        assert!(!u.is_more_than(Amount::zero(e.currency())));
    }

    #[test]
    fn a_json_number_is_no_amount() {
        let read = serde_json::from_str::<Amount>;
        assert!(read(r#"{"amount":"1.00","currency":"EUR"}"#).is_ok());
        assert!(read(r#"{"amount":1.00,"currency":"EUR"}"#).is_err());
    }
}
