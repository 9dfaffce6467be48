//! Points in time (RFC 3339) and dates.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;

use crate::words::string_serde;

/// A point in time: RFC 3339 with offset, sub-seconds allowed (protocol 1). Two times are equal
/// when they name the same instant, whatever their offsets. Written in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(Timestamp);

/// Why a text is not a time or date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// RFC 3339 section 5.6.
    #[error("a time looks like 2026-11-20T10:15:00Z or 2026-11-20T11:15:00+01:00 (RFC 3339)")]
    Time,
    /// Protocol 1, "Date".
    #[error("a date looks like 2026-11-20")]
    Date,
}

impl Time {
    /// The time so many milliseconds after 1970-01-01T00:00:00Z; out-of-range values are
    /// moved to the nearest time that can be written.
    #[must_use]
    pub fn from_unix_millis(millis: i64) -> Time {
        Timestamp::from_millisecond(millis)
            .unwrap_or(if millis < 0 {
                Timestamp::MIN
            } else {
                Timestamp::MAX
            })
            .into()
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn unix_millis(self) -> i64 {
        self.0.as_millisecond()
    }

    /// That much later, or the last time that can be written.
    #[must_use]
    pub fn plus(self, d: Duration) -> Time {
        Time(self.0.saturating_add(d).unwrap_or(Timestamp::MAX))
    }

    /// That much earlier, or the first time that can be written.
    #[must_use]
    pub fn minus(self, d: Duration) -> Time {
        self.0.saturating_sub(d).unwrap_or(Timestamp::MIN).into()
    }

    /// How much later this is than `earlier`; zero when it is not later.
    #[must_use]
    pub fn since(self, earlier: Time) -> Duration {
        let d = self.0.duration_since(earlier.0);
        Duration::try_from(d).unwrap_or_default()
    }

    /// For formatting in a time zone.
    #[must_use]
    pub fn timestamp(self) -> Timestamp {
        self.0
    }
}

/// 0000-01-01T00:00:00Z: RFC 3339 has no years before it.
const FIRST_SECOND: i64 = -62_167_219_200;

/// A time before the year 0 becomes the first one that can be written.
impl From<Timestamp> for Time {
    fn from(t: Timestamp) -> Time {
        Time(Timestamp::from_second(FIRST_SECOND).map_or(t, |first| t.max(first)))
    }
}

impl FromStr for Time {
    type Err = TimeError;
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let text = with_nine_decimals_at_most(text).ok_or(TimeError::Time)?;
        match text.parse::<Timestamp>() {
            Ok(t) if t.as_second() >= FIRST_SECOND => Ok(Time(t)),
            Ok(_) | Err(_) => Err(TimeError::Time),
        }
    }
}

/// The library reads all of ISO 8601, the protocol only RFC 3339; and finer fractions than
/// nanoseconds are cut, not refused. None when it is not of RFC 3339's form.
fn with_nine_decimals_at_most(text: &str) -> Option<String> {
    if !text.is_ascii() || text.len() > 64 {
        return None;
    }
    let (date_time, rest) = text.split_at_checked(19)?;
    let form = b"dddd-dd-ddTdd:dd:dd";
    let fits = date_time.bytes().zip(form).all(|(b, f)| match f {
        b'd' => b.is_ascii_digit(),
        b'T' => b == b'T' || b == b't',
        other => b == *other,
    });
    let (fraction, offset) = match rest.strip_prefix('.') {
        Some(r) => {
            let digits = r.bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 {
                return None;
            }
            r.split_at_checked(digits)?
        }
        None => ("", rest),
    };
    let offset_fits = match offset.as_bytes() {
        [b'Z' | b'z'] => true,
        // time-hour is 00 to 23; the library takes a little more.
        [
            b'+' | b'-',
            h @ (b'0' | b'1' | b'2'),
            h2,
            b':',
            b'0'..=b'5',
            m2,
        ] => (*h < b'2' || *h2 < b'4') && h2.is_ascii_digit() && m2.is_ascii_digit(),
        _ => false,
    };
    if !fits || !offset_fits {
        return None;
    }
    let fraction = fraction.get(..9).unwrap_or(fraction);
    let dot = if fraction.is_empty() { "" } else { "." };
    Some(format!("{date_time}{dot}{fraction}{offset}").to_ascii_uppercase())
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}
string_serde!(Time);

/// A calendar date, `YYYY-MM-DD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(jiff::civil::Date);

impl Date {
    /// For reckoning with days; it has no time zone.
    #[must_use]
    pub fn civil(self) -> jiff::civil::Date {
        self.0
    }
}

impl From<jiff::civil::Date> for Date {
    fn from(d: jiff::civil::Date) -> Date {
        Date(d)
    }
}

impl FromStr for Date {
    type Err = TimeError;
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let form = b"dddd-dd-dd";
        let fits = text.len() == form.len()
            && text.bytes().zip(form).all(|(b, f)| {
                if *f == b'd' {
                    b.is_ascii_digit()
                } else {
                    b == *f
                }
            });
        if !fits {
            return Err(TimeError::Date);
        }
        text.parse().map(Date).map_err(|_| TimeError::Date)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}
string_serde!(Date);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn offsets_name_the_same_instant() {
        let a: Time = "2026-11-20T10:15:00Z".parse().unwrap();
        assert_eq!(a, "2026-11-20T11:15:00+01:00".parse().unwrap());
        assert_eq!(a, "2026-11-20t10:15:00.0000000000001z".parse().unwrap());
        assert_eq!(a.to_string(), "2026-11-20T10:15:00Z");
        assert_eq!(a.unix_millis(), 1_795_169_700_000);
    }

    #[test]
    fn every_time_that_can_be_reckoned_can_be_read_back() {
        for t in [
            Time::from_unix_millis(i64::MIN),
            Time::from_unix_millis(i64::MAX),
            Time::from_unix_millis(0).minus(Duration::MAX),
            Time::from_unix_millis(0).plus(Duration::MAX),
            "2016-12-31T23:59:60Z".parse().unwrap(),
            "2026-11-20T10:15:00-00:00".parse().unwrap(),
            "2026-11-20T10:15:00.123456789+23:59".parse().unwrap(),
        ] {
            assert_eq!(t.to_string().parse(), Ok(t));
        }
    }

    #[test]
    fn what_rfc_3339_does_not_know_is_refused() {
        assert!("2026-11-20T10:15:00.5+00:00".parse::<Time>().is_ok());
        for bad in [
            "2026-11-20",
            "2026-11-20T10:15:00",
            "2026-11-20 10:15:00Z",
            "20261120T101500Z",
            "2026-11-20T10:15Z",
            "2026-13-20T10:15:00Z",
            "2026-11-20T25:15:00Z",
            "2026-11-20T10:15:00.Z",
            "2026-11-20T10:15:00+1",
            "2026-11-20T10:15:00+24:00",
            "2026-11-20T10:15:00+01:60",
            "2026-11-20T24:00:00Z",
            "0000-01-01T00:00:00+00:01",
            "2026-11-20T10:15:00Z[UTC]",
            "",
            "+002026-11-20T10:15:00Z",
        ] {
            assert!(bad.parse::<Time>().is_err(), "{bad:?} was accepted");
        }
        assert!("2026-02-28".parse::<Date>().is_ok());
        assert!("2026-02-30".parse::<Date>().is_err());
        assert!("2026-2-3".parse::<Date>().is_err());
    }
}
