//! Reads the members that are known out of a JSON value, more strictly than serde reads a value by
//! itself: an object is never given as an array of its members, and a member that says nothing is
//! left out, never null.

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{
    DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Value};

use super::DecodeError;

/// Reads the value of the member `at`; an error names the place below it.
pub(super) fn read<T: DeserializeOwned>(at: &str, value: &Value) -> Result<T, DecodeError> {
    serde_path_to_error::deserialize(Member(value)).map_err(|e| {
        let below = e.path().to_string();
        // The path holds names that come from the letter where an object is a map.
        let place = match below.as_str() {
            "." => at.to_owned(),
            _ => format!("{at}.{}", below.escape_debug()),
        };
        let problem = e.into_inner().to_string();
        // serde_json has no error codes; a test pins this text.
        match problem.strip_prefix("missing field `") {
            Some(name) => super::member(
                &format!("{place}.{}", name.trim_end_matches('`')),
                "is missing",
            ),
            None => super::member(&place, &problem),
        }
    })
}

struct Member<'de>(&'de Value);

impl<'de> IntoDeserializer<'de, Error> for Member<'de> {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Member<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Object(object) => visitor.visit_map(MapDeserializer::new(
                object.iter().map(|(k, v)| (k.as_str(), Member(v))),
            )),
            Value::Array(items) => {
                visitor.visit_seq(SeqDeserializer::new(items.iter().map(Member)))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                self.0.deserialize_any(visitor)
            }
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let unexpected = match self.0 {
            Value::Object(_) => return self.deserialize_any(visitor),
            Value::Array(_) => Unexpected::Seq,
            Value::Null => Unexpected::Other("null"),
            Value::Bool(b) => Unexpected::Bool(*b),
            Value::Number(_) => Unexpected::Other("number"),
            Value::String(s) => Unexpected::Str(s),
        };
        Err(Error::invalid_type(unexpected, &visitor))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_null() {
            return Err(Error::custom("is null; what says nothing is left out"));
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map enum identifier
    }
}
