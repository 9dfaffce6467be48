//! SEARCH and UID SEARCH.

use std::io;

use imap_codec::imap_types::core::{AString, Charset, Vec1};
use imap_codec::imap_types::datetime::NaiveDate;
use imap_codec::imap_types::search::SearchKey;
use jiff::civil::Date;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;

use super::session::{Done, Known, Session};
use super::view::{Picked, View, contains, ranges};
use crate::boxes::Letter;
use crate::faults::Fault;
use crate::header;

/// How deep `NOT` and `OR` may nest.
const DEPTH_LIMIT: usize = 32;

impl Session {
    pub(super) async fn search(
        &mut self,
        known: &Known,
        view: &View,
        charset: Option<Charset<'_>>,
        criteria: &Vec1<SearchKey<'_>>,
        by_uid: bool,
    ) -> io::Result<Done> {
        let spoken = |charset: &Charset<'_>| {
            let name: &str = charset.as_ref();
            name.eq_ignore_ascii_case("UTF-8") || name.eq_ignore_ascii_case("US-ASCII")
        };
        if !charset.as_ref().is_none_or(spoken) {
            return Ok(Done::no("[BADCHARSET (US-ASCII UTF-8)] not spoken here"));
        }
        if criteria
            .as_ref()
            .iter()
            .any(|key| is_too_deep(key, DEPTH_LIMIT))
        {
            return Ok(Done::bad("nested too deeply"));
        }
        let mut found = Vec::new();
        if criteria.as_ref().iter().any(asks_for_header) {
            let user = self.wire.user.as_deref();
            if self
                .office
                .faults
                .strikes(user, &Fault::HeaderSearchRefused)
            {
                return Ok(Done::no("told to say so"));
            }
            if self
                .office
                .faults
                .strikes(user, &Fault::HeaderSearchFindsNothing)
            {
                self.untagged("SEARCH").await?;
                return Ok(Done::ok("searched"));
            }
        }
        known.mailbox.look(&view.folder, |folder| {
            let last = Last {
                sequence: u32::try_from(view.uids.len()).unwrap_or(u32::MAX),
                uid: view.uids.last().copied().unwrap_or(0),
            };
            for picked in view.picked() {
                let Some(letter) = folder.letter(picked.uid) else {
                    continue;
                };
                let candidate = Candidate {
                    letter,
                    picked,
                    last,
                };
                if criteria.as_ref().iter().all(|key| candidate.fits(key)) {
                    found.push(if by_uid {
                        picked.uid.to_string()
                    } else {
                        picked.sequence.to_string()
                    });
                }
            }
        });
        found.insert(0, "SEARCH".to_owned());
        self.untagged(found.join(" ")).await?;
        Ok(Done::ok("searched"))
    }
}

#[derive(Clone, Copy)]
struct Last {
    sequence: u32,
    uid: u32,
}

#[derive(Clone, Copy)]
struct Candidate<'a> {
    letter: &'a Letter,
    picked: Picked,
    last: Last,
}

impl Candidate<'_> {
    fn fits(&self, key: &SearchKey<'_>) -> bool {
        let size = u32::try_from(self.letter.bytes.len()).unwrap_or(u32::MAX);
        match key {
            SearchKey::And(keys) => keys.as_ref().iter().all(|key| self.fits(key)),
            SearchKey::Or(one, other) => self.fits(one) || self.fits(other),
            SearchKey::Not(key) => !self.fits(key),
            SearchKey::All | SearchKey::Old => true,
            SearchKey::New | SearchKey::Recent => false,
            SearchKey::SequenceSet(set) => {
                let number = u32::try_from(self.picked.sequence).unwrap_or(u32::MAX);
                contains(&ranges(set, self.last.sequence), number)
            }
            SearchKey::Uid(set) => contains(&ranges(set, self.last.uid), self.picked.uid),
            SearchKey::Larger(octets) => size > *octets,
            SearchKey::Smaller(octets) => size < *octets,
            SearchKey::Answered => self.has("\\Answered"),
            SearchKey::Unanswered => !self.has("\\Answered"),
            SearchKey::Deleted => self.has("\\Deleted"),
            SearchKey::Undeleted => !self.has("\\Deleted"),
            SearchKey::Draft => self.has("\\Draft"),
            SearchKey::Undraft => !self.has("\\Draft"),
            SearchKey::Flagged => self.has("\\Flagged"),
            SearchKey::Unflagged => !self.has("\\Flagged"),
            SearchKey::Seen => self.has("\\Seen"),
            SearchKey::Unseen => !self.has("\\Seen"),
            SearchKey::Keyword(word) => self.has(word.as_ref()),
            SearchKey::Unkeyword(word) => !self.has(word.as_ref()),
            SearchKey::Before(date) => self.filed().is_some_and(|on| Some(on) < day(date)),
            SearchKey::On(date) => self.filed() == day(date),
            SearchKey::Since(date) => self.filed() >= day(date),
            SearchKey::SentBefore(date) => self.sent().is_some_and(|on| Some(on) < day(date)),
            SearchKey::SentOn(date) => self.sent().is_some() && self.sent() == day(date),
            SearchKey::SentSince(date) => self.sent().is_some() && self.sent() >= day(date),
            SearchKey::From(text) => self.field_has(b"From", text),
            SearchKey::To(text) => self.field_has(b"To", text),
            SearchKey::Cc(text) => self.field_has(b"Cc", text),
            SearchKey::Bcc(text) => self.field_has(b"Bcc", text),
            SearchKey::Subject(text) => self.field_has(b"Subject", text),
            SearchKey::Header(name, text) => self.field_has(name.as_ref(), text),
            SearchKey::Body(text) => has_text(header::split(&self.letter.bytes).1, text),
            SearchKey::Text(text) => has_text(&self.letter.bytes, text),
        }
    }

    fn has(&self, flag: &str) -> bool {
        self.letter
            .flags
            .iter()
            .any(|set| set.eq_ignore_ascii_case(flag))
    }

    /// An empty text asks whether there is such a field (RFC 3501 section 6.4.4).
    fn field_has(&self, name: &[u8], text: &AString<'_>) -> bool {
        header::fields(&self.letter.bytes)
            .iter()
            .filter(|field| field.name.eq_ignore_ascii_case(name))
            .any(|field| has_text(field.unfolded().as_bytes(), text))
    }

    fn filed(&self) -> Option<Date> {
        Some(self.letter.internal_date.to_zoned(TimeZone::UTC).date())
    }

    fn sent(&self) -> Option<Date> {
        let fields = header::fields(&self.letter.bytes);
        let date = fields.iter().find(|field| field.is_named("Date"))?;
        rfc2822::parse(&date.unfolded())
            .ok()
            .map(|zoned| zoned.date())
    }
}

fn day(date: &NaiveDate) -> Option<Date> {
    date.as_ref().to_string().parse().ok()
}

fn has_text(octets: &[u8], text: &AString<'_>) -> bool {
    let wanted = text.as_ref();
    wanted.is_empty()
        || octets
            .windows(wanted.len())
            .any(|window| window.eq_ignore_ascii_case(wanted))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "only three hold other keys")]
fn asks_for_header(key: &SearchKey<'_>) -> bool {
    match key {
        SearchKey::And(keys) => keys.as_ref().iter().any(asks_for_header),
        SearchKey::Or(one, other) => asks_for_header(one) || asks_for_header(other),
        SearchKey::Not(key) => asks_for_header(key),
        key => matches!(key, SearchKey::Header(..)),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "only three hold other keys")]
fn is_too_deep(key: &SearchKey<'_>, levels: usize) -> bool {
    let Some(below) = levels.checked_sub(1) else {
        return true;
    };
    match key {
        SearchKey::And(keys) => keys.as_ref().iter().any(|key| is_too_deep(key, below)),
        SearchKey::Or(one, other) => is_too_deep(one, below) || is_too_deep(other, below),
        SearchKey::Not(key) => is_too_deep(key, below),
        _ => false,
    }
}
