//! JSON text to a value, as RFC 7493 (I-JSON) and protocol 2 bound it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Protocol 2: at most 256 KiB.
pub const MOST_OCTETS: usize = 256 * 1024;
/// Protocol 2: at most 16 levels deep; the object itself is the first.
pub const MOST_DEPTH: usize = 16;
/// Protocol 2: any single string at most 16 KiB, member names too.
pub const MOST_STRING_OCTETS: usize = 16 * 1024;

/// Why octets are not JSON as the protocol wants it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// More than [`MOST_OCTETS`].
    #[error("the statement has {0} octets, more than the {MOST_OCTETS} allowed")]
    TooLarge(usize),
    /// RFC 7493 section 2.1.
    #[error("the statement is not UTF-8 (at octet {0})")]
    NotUtf8(usize),
    /// A byte order mark in front.
    #[error("the statement starts with a byte order mark")]
    ByteOrderMark,
    /// RFC 7493 section 2.1: an escaped surrogate without its other half.
    #[error("a string holds half of a surrogate pair ({0})")]
    LoneSurrogate(Place),
    /// RFC 7493 section 2.1: code points such as U+FFFE.
    #[error("a string holds U+{0:04X}, which is not a character ({1})")]
    Noncharacter(u32, Place),
    /// RFC 7493 section 2.3.
    #[error("the member {0:?} occurs twice in one object ({1})")]
    DuplicateMember(String, Place),
    /// More than [`MOST_DEPTH`] levels.
    #[error("the statement is more than {MOST_DEPTH} levels deep ({0})")]
    TooDeep(Place),
    /// More than [`MOST_STRING_OCTETS`].
    #[error("a string has more than {MOST_STRING_OCTETS} octets ({0})")]
    StringTooLong(Place),
    /// A number that RFC 7493 section 2.2 does not allow.
    #[error("a number is too large ({0})")]
    NumberOutOfRange(Place),
    /// Something but white space after the object.
    #[error("something follows the statement ({0})")]
    TrailingOctets(Place),
    /// Not JSON at all: the parser's words, cut to 200 characters.
    #[error("the statement is not JSON: {0}")]
    Syntax(String),
}

/// Where in the text the reader was, just behind what is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// In octets, from 1.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Reads one JSON value that is all there is.
///
/// # Errors
/// [`JsonError`].
pub fn parse(octets: &[u8]) -> Result<Value, JsonError> {
    if octets.len() > MOST_OCTETS {
        return Err(JsonError::TooLarge(octets.len()));
    }
    if octets.starts_with(b"\xEF\xBB\xBF") {
        return Err(JsonError::ByteOrderMark);
    }
    let text = std::str::from_utf8(octets).map_err(|e| JsonError::NotUtf8(e.valid_up_to()))?;
    let mut fault = None;
    let mut reader = serde_json::Deserializer::from_str(text);
    let strict = Strict {
        depth: 0,
        fault: &mut fault,
    };
    match strict.deserialize(&mut reader) {
        Ok(value) => match reader.end() {
            Ok(()) => Ok(value),
            Err(e) => Err(JsonError::TrailingOctets(place(&e))),
        },
        Err(e) => Err(match fault {
            Some(fault) => fault.at(place(&e)),
            None => syntax(&e),
        }),
    }
}

fn place(e: &serde_json::Error) -> Place {
    Place {
        line: e.line(),
        column: e.column(),
    }
}

fn syntax(e: &serde_json::Error) -> JsonError {
    let text = e.to_string();
    // serde_json has no error codes; a test pins these texts.
    if text.contains("surrogate") || text.contains("unexpected end of hex escape") {
        JsonError::LoneSurrogate(place(e))
    } else if text.contains("number out of range") {
        JsonError::NumberOutOfRange(place(e))
    } else {
        JsonError::Syntax(text.chars().take(200).collect())
    }
}

/// A rule that [`Strict`] found broken; where, only the reader of the text knows.
#[derive(Debug)]
enum Fault {
    Noncharacter(u32),
    DuplicateMember(String),
    TooDeep,
    StringTooLong,
}

impl Fault {
    fn at(self, place: Place) -> JsonError {
        match self {
            Fault::Noncharacter(c) => JsonError::Noncharacter(c, place),
            Fault::DuplicateMember(name) => JsonError::DuplicateMember(name, place),
            Fault::TooDeep => JsonError::TooDeep(place),
            Fault::StringTooLong => JsonError::StringTooLong(place),
        }
    }
}

/// Builds a value and remembers which rule was broken, since serde's errors are only texts.
struct Strict<'f> {
    depth: usize,
    fault: &'f mut Option<Fault>,
}

impl Strict<'_> {
    fn refuse<E: Error>(&mut self, fault: Fault) -> E {
        self.fault.get_or_insert(fault);
        E::custom("refused")
    }

    fn check_string<E: Error>(&mut self, text: &str) -> Result<(), E> {
        if text.len() > MOST_STRING_OCTETS {
            return Err(self.refuse(Fault::StringTooLong));
        }
        let noncharacter =
            |c: char| matches!(u32::from(c), 0xFDD0..=0xFDEF) || u32::from(c) & 0xFFFE == 0xFFFE;
        match text.chars().find(|c| noncharacter(*c)) {
            Some(c) => Err(self.refuse(Fault::Noncharacter(u32::from(c)))),
            None => Ok(()),
        }
    }

    fn deeper<E: Error>(&mut self) -> Result<Strict<'_>, E> {
        if self.depth >= MOST_DEPTH {
            return Err(self.refuse(Fault::TooDeep));
        }
        Ok(Strict {
            depth: self.depth + 1,
            fault: self.fault,
        })
    }

    fn same(&mut self) -> Strict<'_> {
        Strict {
            depth: self.depth,
            fault: self.fault,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E: Error>(self, b: bool) -> Result<Value, E> {
        Ok(Value::Bool(b))
    }
    fn visit_i64<E: Error>(self, n: i64) -> Result<Value, E> {
        Ok(Value::from(n))
    }
    fn visit_u64<E: Error>(self, n: u64) -> Result<Value, E> {
        Ok(Value::from(n))
    }
    fn visit_f64<E: Error>(self, n: f64) -> Result<Value, E> {
        // 3.0 and 3 are one JSON number; whole ones are kept as whole, so that they compare equal.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if n.fract() == 0.0 && n.abs() <= EXACT {
            #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
            let whole = n as i64;
            return Ok(Value::from(whole));
        }
        Ok(Number::from_f64(n).map_or(Value::Null, Value::Number))
    }
    fn visit_str<E: Error>(mut self, text: &str) -> Result<Value, E> {
        self.check_string(text)?;
        Ok(Value::from(text))
    }
    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Value, A::Error> {
        let mut inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(inner.same())? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }
    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Value, A::Error> {
        let mut inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            inner.check_string(&name)?;
            if object.contains_key(&name) {
                return Err(inner.refuse(Fault::DuplicateMember(name.chars().take(64).collect())));
            }
            let value = map.next_value_seed(inner.same())?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}
