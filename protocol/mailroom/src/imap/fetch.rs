//! FETCH and UID FETCH.

use std::borrow::Cow;
use std::io;

use imap_codec::imap_types::core::AString;
use imap_codec::imap_types::fetch::{
    MacroOrMessageDataItemNames, MessageDataItemName as Item, Section,
};

use super::session::{Done, Known, Session};
use super::syntax::{date_time, put_literal};
use super::view::{Picked, View};
use crate::boxes::Letter;
use crate::faults::Fault;
use crate::header;

/// Letters looked up at a time, so that the mailbox isn't locked for long.
const LOOKED_UP_AT_ONCE: usize = 64;

/// What this server makes of a letter.
#[derive(Clone, PartialEq, Eq)]
enum Wanted<'a> {
    Uid,
    Flags,
    InternalDate,
    Size,
    /// Octets, under the name that the answer gives them.
    Octets {
        name: String,
        octets: Octets<'a>,
        partial: Option<(u32, u32)>,
        sets_seen: bool,
    },
}

/// Which octets of a letter.
#[derive(Clone, PartialEq, Eq)]
enum Octets<'a> {
    All,
    Header,
    Text,
    /// The named fields, or all but these.
    Fields {
        names: &'a [AString<'a>],
        named: bool,
    },
}

impl Session {
    pub(super) async fn fetch(
        &mut self,
        known: &Known,
        view: &View,
        picked: &[Picked],
        items: &MacroOrMessageDataItemNames<'_>,
        by_uid: bool,
    ) -> io::Result<Done> {
        let items = match items {
            MacroOrMessageDataItemNames::Macro(name) => name.expand(),
            MacroOrMessageDataItemNames::MessageDataItemNames(names) => names.clone(),
        };
        let wanted: Option<Vec<Wanted<'_>>> = items.iter().map(wanted).collect();
        let Some(mut wanted) = wanted else {
            return Ok(Done::no(
                "[CANNOT] this server does not make one of these items",
            ));
        };
        if by_uid && !wanted.contains(&Wanted::Uid) {
            wanted.insert(0, Wanted::Uid);
        }
        let sets_seen = |wanted: &Wanted<'_>| {
            matches!(
                wanted,
                Wanted::Octets {
                    sets_seen: true,
                    ..
                }
            )
        };
        let marks_seen = !view.read_only && wanted.iter().any(sets_seen);
        if marks_seen && !wanted.contains(&Wanted::Flags) {
            wanted.push(Wanted::Flags);
        }
        let size_reported = self.size_reported();
        for some in picked.chunks(LOOKED_UP_AT_ONCE) {
            if marks_seen {
                mark_seen(known, view, some);
            }
            for (sequence, letter) in look_up(known, view, some) {
                let answer = answer(sequence, &letter, &wanted, size_reported);
                self.untagged(answer).await?;
            }
        }
        Ok(Done::ok("fetched"))
    }

    fn size_reported(&self) -> Option<u32> {
        let faults = &self.office.faults;
        faults.take(self.wire.user.as_deref(), |fault| {
            if let Fault::SizeReported(size) = fault {
                Some(*size)
            } else {
                None
            }
        })
    }
}

/// None where this server does not make it: MIME structure, and parts by number.
fn wanted<'a>(item: &'a Item<'a>) -> Option<Wanted<'a>> {
    let octets = |name: &str, octets, sets_seen| Wanted::Octets {
        name: name.to_owned(),
        octets,
        partial: None,
        sets_seen,
    };
    match item {
        Item::Uid => Some(Wanted::Uid),
        Item::Flags => Some(Wanted::Flags),
        Item::InternalDate => Some(Wanted::InternalDate),
        Item::Rfc822Size => Some(Wanted::Size),
        Item::Rfc822 => Some(octets("RFC822", Octets::All, true)),
        Item::Rfc822Header => Some(octets("RFC822.HEADER", Octets::Header, false)),
        Item::Rfc822Text => Some(octets("RFC822.TEXT", Octets::Text, true)),
        Item::BodyExt {
            section,
            partial,
            peek,
        } => {
            let (section, octets) = body_section(section.as_ref())?;
            let partial = partial.map(|(from, count)| (from, count.get()));
            let origin = partial.map_or_else(String::new, |(from, _)| format!("<{from}>"));
            Some(Wanted::Octets {
                name: format!("BODY[{section}]{origin}"),
                octets,
                partial,
                sets_seen: !peek,
            })
        }
        Item::Body
        | Item::BodyStructure
        | Item::Envelope
        | Item::Binary { .. }
        | Item::BinarySize { .. } => None,
    }
}

/// A section's name as the answer repeats it, and what it holds.
fn body_section<'a>(section: Option<&'a Section<'a>>) -> Option<(String, Octets<'a>)> {
    match section {
        None => Some((String::new(), Octets::All)),
        Some(Section::Header(None)) => Some(("HEADER".to_owned(), Octets::Header)),
        Some(Section::Text(None)) => Some(("TEXT".to_owned(), Octets::Text)),
        Some(Section::HeaderFields(None, names)) => Some((
            format!("HEADER.FIELDS ({})", joined(names.as_ref())),
            Octets::Fields {
                names: names.as_ref(),
                named: true,
            },
        )),
        Some(Section::HeaderFieldsNot(None, names)) => Some((
            format!("HEADER.FIELDS.NOT ({})", joined(names.as_ref())),
            Octets::Fields {
                names: names.as_ref(),
                named: false,
            },
        )),
        Some(
            Section::Part(_)
            | Section::Mime(_)
            | Section::Header(Some(_))
            | Section::Text(Some(_))
            | Section::HeaderFields(Some(_), _)
            | Section::HeaderFieldsNot(Some(_), _),
        ) => None,
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

fn answer(
    sequence: usize,
    letter: &Letter,
    wanted: &[Wanted<'_>],
    size_reported: Option<u32>,
) -> Vec<u8> {
    let mut answer = format!("{sequence} FETCH (").into_bytes();
    for (index, wanted) in wanted.iter().enumerate() {
        if index > 0 {
            answer.push(b' ');
        }
        let size = size_reported.map_or_else(|| letter.bytes.len().to_string(), |n| n.to_string());
        match wanted {
            Wanted::Uid => answer.extend(format!("UID {}", letter.uid).bytes()),
            Wanted::Flags => answer.extend(flags(letter).bytes()),
            Wanted::InternalDate => {
                let date = date_time(letter.internal_date);
                answer.extend(format!("INTERNALDATE {date}").bytes());
            }
            Wanted::Size => answer.extend(format!("RFC822.SIZE {size}").bytes()),
            Wanted::Octets {
                name,
                octets,
                partial,
                ..
            } => {
                answer.extend(format!("{name} ").bytes());
                let octets = octets_of(&letter.bytes, octets);
                put_literal(&mut answer, part_of(&octets, *partial));
            }
        }
    }
    answer.push(b')');
    answer
}

fn octets_of<'a>(letter: &'a [u8], wanted: &Octets<'_>) -> Cow<'a, [u8]> {
    match wanted {
        Octets::All => letter.into(),
        Octets::Header => header::split(letter).0.into(),
        Octets::Text => header::split(letter).1.into(),
        Octets::Fields { names, named } => some_fields(letter, names, *named).into(),
    }
}

pub(super) fn flags(letter: &Letter) -> String {
    let flags: Vec<&str> = letter.flags.iter().map(String::as_str).collect();
    format!("FLAGS ({})", flags.join(" "))
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
