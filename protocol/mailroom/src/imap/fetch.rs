//! FETCH and UID FETCH.

use std::io;

use imap_codec::imap_types::core::AString;
use imap_codec::imap_types::fetch::{
    MacroOrMessageDataItemNames, MessageDataItemName as Item, Section,
};

use super::session::{Done, Known, Session};
use super::syntax::{date_time, put_literal};
use super::view::{Picked, View};
use crate::boxes::Letter;
use crate::header;

/// Letters looked up at a time, so that the mailbox isn't locked for long.
const LOOKED_UP_AT_ONCE: usize = 64;

impl Session {
    pub(super) async fn fetch(
        &mut self,
        known: &Known,
        view: &View,
        wanted: &[Picked],
        items: &MacroOrMessageDataItemNames<'_>,
        by_uid: bool,
    ) -> io::Result<Done> {
        let mut items = match items {
            MacroOrMessageDataItemNames::Macro(name) => name.expand(),
            MacroOrMessageDataItemNames::MessageDataItemNames(names) => names.clone(),
        };
        if let Some(unknown) = items.iter().find(|item| !is_served(item)) {
            tracing::debug!(?unknown, "asked for what the mailroom does not make");
            return Ok(Done::no(
                "[CANNOT] this server does not make one of these items",
            ));
        }
        if by_uid && !items.contains(&Item::Uid) {
            items.insert(0, Item::Uid);
        }
        let marks_seen = !view.read_only && items.iter().any(sets_seen);
        for some in wanted.chunks(LOOKED_UP_AT_ONCE) {
            if marks_seen {
                mark_seen(known, view, some);
            }
            for (sequence, letter) in look_up(known, view, some) {
                let answer = answer(sequence, &letter, &items, marks_seen);
                self.untagged(answer).await?;
            }
        }
        Ok(Done::ok("fetched"))
    }
}

/// The letters that are still there.
fn look_up(known: &Known, view: &View, wanted: &[Picked]) -> Vec<(usize, Letter)> {
    let found = known.mailbox.look(&view.folder, |folder| {
        let one = |picked: &Picked| Some((picked.sequence, folder.letter(picked.uid)?.clone()));
        wanted.iter().filter_map(one).collect()
    });
    found.unwrap_or_default()
}

fn mark_seen(known: &Known, view: &View, wanted: &[Picked]) {
    known.mailbox.change(&view.folder, |folder| {
        for picked in wanted {
            if let Some(letter) = folder.letter_mut(picked.uid) {
                letter.flags.insert("\\Seen".to_owned());
            }
        }
    });
}

fn answer(sequence: usize, letter: &Letter, items: &[Item<'_>], flags_changed: bool) -> Vec<u8> {
    let mut answer = format!("{sequence} FETCH (").into_bytes();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            answer.push(b' ');
        }
        put_item(&mut answer, letter, item);
    }
    if flags_changed && !items.contains(&Item::Flags) {
        answer.push(b' ');
        put_item(&mut answer, letter, &Item::Flags);
    }
    answer.push(b')');
    answer
}

fn put_item(answer: &mut Vec<u8>, letter: &Letter, item: &Item<'_>) {
    let bytes: &[u8] = &letter.bytes;
    let mut text = |text: String| answer.extend_from_slice(text.as_bytes());
    match item {
        Item::Uid => text(format!("UID {}", letter.uid)),
        Item::Flags => text(flags(letter)),
        Item::InternalDate => text(format!("INTERNALDATE {}", date_time(letter.internal_date))),
        Item::Rfc822Size => text(format!("RFC822.SIZE {}", bytes.len())),
        Item::Rfc822 => {
            text("RFC822 ".to_owned());
            put_literal(answer, bytes);
        }
        Item::Rfc822Header => {
            text("RFC822.HEADER ".to_owned());
            put_literal(answer, header::split(bytes).0);
        }
        Item::Rfc822Text => {
            text("RFC822.TEXT ".to_owned());
            put_literal(answer, header::split(bytes).1);
        }
        Item::BodyExt {
            section, partial, ..
        } => {
            let (name, octets) = body_section(bytes, section.as_ref());
            let partial = partial.map(|(from, count)| (from, count.get()));
            let origin = partial.map_or_else(String::new, |(from, _)| format!("<{from}>"));
            text(format!("BODY[{name}]{origin} "));
            put_literal(answer, part_of(&octets, partial));
        }
        // `is_served` has refused the command.
        Item::Body
        | Item::BodyStructure
        | Item::Envelope
        | Item::Binary { .. }
        | Item::BinarySize { .. } => text("UID 0".to_owned()),
    }
}

pub(super) fn flags(letter: &Letter) -> String {
    let flags: Vec<&str> = letter.flags.iter().map(String::as_str).collect();
    format!("FLAGS ({})", flags.join(" "))
}

/// A section's name as the answer repeats it, and its octets.
fn body_section(letter: &[u8], section: Option<&Section<'_>>) -> (String, Vec<u8>) {
    match section {
        Some(Section::Header(_)) => ("HEADER".to_owned(), header::split(letter).0.to_vec()),
        Some(Section::Text(_)) => ("TEXT".to_owned(), header::split(letter).1.to_vec()),
        Some(Section::HeaderFields(_, names)) => (
            format!("HEADER.FIELDS ({})", joined(names.as_ref())),
            some_fields(letter, names.as_ref(), true),
        ),
        Some(Section::HeaderFieldsNot(_, names)) => (
            format!("HEADER.FIELDS.NOT ({})", joined(names.as_ref())),
            some_fields(letter, names.as_ref(), false),
        ),
        // `is_served` has refused parts.
        Some(Section::Part(_) | Section::Mime(_)) | None => (String::new(), letter.to_vec()),
    }
}

fn some_fields(letter: &[u8], names: &[AString<'_>], named: bool) -> Vec<u8> {
    let is_named = |field: &header::Field<'_>| {
        let name = field.name;
        names
            .iter()
            .any(|wanted| name.eq_ignore_ascii_case(wanted.as_ref()))
    };
    let mut octets = Vec::new();
    for field in header::fields(letter) {
        if is_named(&field) == named {
            octets.extend_from_slice(field.raw);
        }
    }
    octets.extend_from_slice(b"\r\n");
    octets
}

fn joined(names: &[AString<'_>]) -> String {
    let upper = |name: &AString<'_>| String::from_utf8_lossy(name.as_ref()).to_ascii_uppercase();
    names.iter().map(upper).collect::<Vec<_>>().join(" ")
}

/// Octets from an offset on; beyond the end there are none (RFC 3501 section 6.4.5).
fn part_of(octets: &[u8], partial: Option<(u32, u32)>) -> &[u8] {
    let Some((from, count)) = partial else {
        return octets;
    };
    let from = usize::try_from(from).unwrap_or(usize::MAX);
    let rest = octets.get(from..).unwrap_or_default();
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    rest.get(..count).unwrap_or(rest)
}

fn is_served(item: &Item<'_>) -> bool {
    match item {
        Item::Uid
        | Item::Flags
        | Item::InternalDate
        | Item::Rfc822Size
        | Item::Rfc822
        | Item::Rfc822Header
        | Item::Rfc822Text => true,
        Item::BodyExt { section, .. } => match section {
            None => true,
            Some(Section::Header(part) | Section::Text(part)) => part.is_none(),
            Some(Section::HeaderFields(part, _) | Section::HeaderFieldsNot(part, _)) => {
                part.is_none()
            }
            Some(Section::Part(_) | Section::Mime(_)) => false,
        },
        Item::Body
        | Item::BodyStructure
        | Item::Envelope
        | Item::Binary { .. }
        | Item::BinarySize { .. } => false,
    }
}

fn sets_seen(item: &Item<'_>) -> bool {
    matches!(
        item,
        Item::BodyExt { peek: false, .. } | Item::Rfc822 | Item::Rfc822Text
    )
}
