//! Where a record lies in the journal.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The place of a record in the journal: the number of its segment and the byte it starts at.
/// Later records have greater positions. Written `segment:byte`, as `1:2040`; a record keeps
/// its position for good, through repairs too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u64);

impl Position {
    /// From the number that [`Position::as_u64`] gave.
    #[must_use]
    pub fn from_u64(packed: u64) -> Position {
        Position(packed)
    }

    /// One number, ordered as the positions are: the segment in the upper half.
    #[must_use]
    pub fn as_u64(self) -> u64 {
        self.0
    }

    pub(super) fn new(segment: u32, offset: u32) -> Position {
        Position(u64::from(segment) << 32 | u64::from(offset))
    }

    pub(super) fn segment(self) -> u32 {
        (self.0 >> 32) as u32
    }

    pub(super) fn offset(self) -> u32 {
        (self.0 & 0xffff_ffff) as u32
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}:{}", self.segment(), self.offset()))
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Position({self})")
    }
}

/// The text is not a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this looks like 1:2040: the number of a segment, a colon, and a byte in it")]
pub struct PositionError;

impl FromStr for Position {
    type Err = PositionError;
    fn from_str(text: &str) -> Result<Position, PositionError> {
        let number = |digits: &str| -> Result<u32, PositionError> {
            if !digits.bytes().all(|b| b.is_ascii_digit()) {
                return Err(PositionError);
            }
            digits.parse().map_err(|_| PositionError)
        };
        let (segment, offset) = text.split_once(':').ok_or(PositionError)?;
        Ok(Position::new(number(segment)?, number(offset)?))
    }
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn positions_are_ordered_and_read_what_they_wrote() {
        let early = Position::new(1, u32::MAX);
        let late = Position::new(2, 0);
        assert!(early < late);
        for position in [early, late] {
            assert_eq!(position.to_string().parse(), Ok(position));
            assert_eq!(Position::from_u64(position.as_u64()), position);
            let json = serde_json::to_string(&position).unwrap();
            assert_eq!(serde_json::from_str::<Position>(&json).unwrap(), position);
        }
    }

    #[test]
    fn other_texts_are_no_positions() {
        assert_eq!("1:2040".parse(), Ok(Position::new(1, 2040)));
        for text in [
            "",
            ":",
            "1",
            "1:",
            ":1",
            "+1:2",
            "1:-2",
            "1:2:3",
            "1:4294967296",
        ] {
            assert_eq!(text.parse::<Position>(), Err(PositionError), "{text}");
        }
    }
}
