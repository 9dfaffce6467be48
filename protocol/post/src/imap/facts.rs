//! What a FETCH response tells of one letter, as far as it is of use here.

use async_imap::imap_proto::{AttributeValue, Response};
use tradepost_statements::Time;

use super::select::internal_date;

/// Everything that was not asked for is `None`.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) uid: Option<u32>,
    pub(super) size: Option<u64>,
    pub(super) internal_date: Option<Time>,
    /// Header fields.
    pub(super) header: Option<Vec<u8>>,
    /// The whole letter.
    pub(super) body: Option<Body>,
}

/// The whole letter, when it was asked for.
#[derive(Debug)]
pub(super) enum Body {
    Bytes(Vec<u8>),
    /// The server has the letter but not its text (`NIL`).
    Missing,
}

/// The facts of a FETCH response; `None` of any other.
pub(super) fn facts(response: &Response<'_>) -> Option<Facts> {
    let Response::Fetch(_, attributes) = response else {
        return None;
    };
    let mut facts = Facts::default();
    for attribute in attributes {
        if let AttributeValue::Uid(n) = attribute {
            facts.uid = Some(*n);
        } else if let AttributeValue::Rfc822Size(n) = attribute {
            facts.size = Some(u64::from(*n));
        } else if let AttributeValue::InternalDate(text) = attribute {
            facts.internal_date = internal_date(text);
        } else if let AttributeValue::BodySection { section, data, .. } = attribute {
            let bytes = data.as_deref().map(<[u8]>::to_vec);
            if section.is_some() {
                facts.header = Some(bytes.unwrap_or_default());
            } else {
                facts.body = Some(bytes.map_or(Body::Missing, Body::Bytes));
            }
        }
    }
    Some(facts)
}
