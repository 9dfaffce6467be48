//! What FETCH responses tell of letters, as far as it is of use here.

use std::collections::BTreeMap;

use async_imap::imap_proto::{AttributeValue, Response};
use tradepost_statements::Time;

use super::dates::internal_date;
use super::mend::CUT;

/// Everything that was not asked for is `None`.
#[derive(Debug, Default)]
pub(super) struct FetchedItems {
    pub(super) uid: Option<u32>,
    pub(super) size: Option<u64>,
    pub(super) internal_date: Option<Time>,
    /// Those fields of the header that were asked for.
    pub(super) header: Option<Vec<u8>>,
    /// The server sent more of them than was kept.
    pub(super) header_is_cut: bool,
    pub(super) body: Option<FetchedBody>,
}

/// The whole letter, when it was asked for.
#[derive(Debug)]
pub(super) enum FetchedBody {
    Bytes(Vec<u8>),
    /// Its beginning: the server sent more than was kept.
    Cut,
    /// The server has the letter but not its text (`NIL`, or nothing).
    Missing,
}

/// Responses about letters, put together by their sequence numbers.
#[derive(Debug, Default)]
pub(super) struct FetchResponses {
    open: BTreeMap<u32, FetchedItems>,
    done: Vec<FetchedItems>,
}

impl FetchResponses {
    /// Takes what the server says while a FETCH goes on.
    pub(super) fn take(&mut self, response: &Response<'_>) {
        if let Response::Expunge(number) = response {
            self.expunged(*number);
        } else if let Some((number, facts)) = facts(response) {
            let known = self.open.entry(number).or_default();
            let is_another = known.uid.zip(facts.uid).is_some_and(|(a, b)| a != b);
            if is_another {
                self.done.push(std::mem::take(known));
            }
            known.add(facts);
        }
    }

    /// RFC 9051 section 7.5.1: those behind it move up. What has no UID yet will not get one.
    fn expunged(&mut self, number: u32) {
        self.done.extend(self.open.remove(&number));
        let behind = self.open.split_off(&number);
        let moved = behind.into_iter().map(|(n, f)| (n.saturating_sub(1), f));
        self.open.extend(moved);
    }

    /// Those with a UID, in no order.
    pub(super) fn all(self) -> Vec<FetchedItems> {
        let open = self.open.into_values();
        open.chain(self.done).filter(|f| f.uid.is_some()).collect()
    }
}

impl FetchedItems {
    fn add(&mut self, other: FetchedItems) {
        self.uid = other.uid.or(self.uid);
        self.size = other.size.or(self.size);
        self.internal_date = other.internal_date.or(self.internal_date);
        self.header_is_cut |= other.header_is_cut;
        self.header = other.header.or(self.header.take());
        self.body = other.body.or(self.body.take());
    }
}

/// The facts of a FETCH response, and its sequence number; `None` of any other.
fn facts(response: &Response<'_>) -> Option<(u32, FetchedItems)> {
    let Response::Fetch(number, attributes) = response else {
        return None;
    };
    let mut facts = FetchedItems::default();
    for attribute in attributes {
        if let AttributeValue::Uid(n) = attribute {
            facts.uid = Some(*n);
        } else if let AttributeValue::Rfc822Size(n) = attribute {
            facts.size = Some(u64::from(*n));
        } else if let AttributeValue::InternalDate(text) = attribute {
            facts.internal_date = internal_date(text);
        } else if let AttributeValue::BodySection {
            section,
            data,
            index,
        } = attribute
        {
            let is_cut = *index == Some(CUT);
            let bytes = data.as_deref().unwrap_or_default();
            if section.is_some() {
                facts.header_is_cut |= is_cut;
                // Fields that were asked for one by one come one by one.
                facts.header.get_or_insert_default().extend(bytes);
            } else {
                facts.body = Some(match bytes {
                    _ if is_cut => FetchedBody::Cut,
                    [] => FetchedBody::Missing,
                    bytes => FetchedBody::Bytes(bytes.to_vec()),
                });
            }
        }
    }
    Some((*number, facts))
}
