//! How a statement becomes a letter (protocol 6).
//!
//! The same input gives the same octets: an outbox composes once and submits what it stored.
//! Everything that somebody else wrote passes through [`untrusted`](crate::untrusted) on its way
//! into a subject or a text, and no header field can be smuggled in by any of it.

mod attach;
mod by_kind;
mod encode;
mod field;
mod html;
mod instructions;
mod jsonld;
mod notice;
mod plain;
mod requests;
mod status_words;
mod telling;
mod to_buyer;

use sha2::{Digest, Sha256};
use tradepost_statements::order::Line;
use tradepost_statements::{Address, Amount, RequestId, Statement, Time, TradeRef, wire};

use crate::TRADEPOST_TYPE;
use crate::header::Field;

pub use attach::{AttachError, AttachedMail, Attachment, attach};
pub(crate) use encode::quoted_printable;
pub(crate) use field::HeaderText;
pub use notice::{NoticeParts, compose_notice};

/// What a letter is made of.
#[derive(Debug, Clone, Copy)]
pub struct Composition<'a> {
    /// What it says; its `from` and `to` are the letter's.
    pub statement: &'a Statement,
    /// The statement's octets, when it is sent again (protocol 6); else they are made here.
    pub json: Option<&'a str>,
    /// Made by the caller, new for each letter; with or without angle brackets.
    pub message_id: &'a str,
    /// Of the letter; the statement has its own.
    pub date: Time,
    /// The sender's name for people.
    pub from_name: Option<&'a str>,
    /// What is known beyond the statement.
    pub story: Story<'a>,
    /// The letter that this one answers, where it is known.
    pub in_reply_to: Option<&'a str>,
    /// Letters of the thread beyond its roots, which are always there.
    pub references: &'a [String],
    /// Whether it answers a letter.
    pub auto: AutoSubmitted,
    /// With the HTML part; letters between servers and requests may leave it out (protocol 6).
    pub with_html: bool,
}

/// What is known of a trade beyond the statement, for the texts that people read. All of it may be
/// missing; what is there is told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Story<'a> {
    /// As the trade record says; where it is missing or blank, the shop's address is told.
    pub shop_name: Option<&'a str>,
    /// Of the trade record, which a server that is not the shop does not have.
    pub lines: Option<&'a [Line]>,
    /// The trade's total, charges and discounts in it.
    pub total: Option<Amount>,
    /// When it was ordered: for the JSON-LD only.
    pub placed: Option<Time>,
    /// The payment processor of the trade.
    pub processor: Option<&'a Address>,
    /// The carriers of the trade.
    pub carriers: Option<&'a [Address]>,
    /// What was bought is a link or a text: there is no parcel.
    pub electronic: bool,
    /// Whom people can ask: an address, a telephone number, a sentence.
    pub contact: Option<&'a str>,
}

/// RFC 3834 section 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AutoSubmitted {
    /// Something happened.
    Generated,
    /// A letter was answered.
    Replied,
}

/// A reference that all letters of a trade share, so that mail programs show them as one thread.
/// Without angle brackets.
#[must_use]
pub fn thread_root_of_trade(trade: &TradeRef) -> String {
    root("trade", &trade.to_string(), &trade.shop)
}

/// The same for the letters of a request; those that name both join the two threads.
#[must_use]
pub fn thread_root_of_request(request: &RequestId) -> String {
    root("request", &request.key(), request.buyer())
}

fn root(what: &str, key: &str, whose: &Address) -> String {
    let hash = hex(&Sha256::digest(format!("{what} {key}")), 16);
    format!("tradepost-{what}-{hash}@{}", whose.domain())
}

fn hex(octets: &[u8], count: usize) -> String {
    octets
        .iter()
        .take(count)
        .map(|b| format!("{b:02x}"))
        .collect()
}

/// The letter: lines of at most 998 octets that end in CRLF, ready to be submitted.
#[must_use]
pub fn compose(c: &Composition<'_>) -> Vec<u8> {
    let made;
    let json = match c.json {
        Some(stored) => stored,
        None => {
            made = wire::encode(c.statement);
            &made
        }
    };
    let telling = by_kind::telling(c.statement, &c.story);
    let mut parts = vec![
        Part {
            content_type: "text/plain; charset=utf-8",
            encoding: "quoted-printable",
            octets: encode::quoted_printable(&plain::plain(&telling)),
        },
        Part {
            content_type: TRADEPOST_TYPE,
            encoding: "base64",
            octets: encode::base64_lines(json.as_bytes()),
        },
    ];
    if c.with_html {
        let facts = jsonld::jsonld(c.statement, &c.story);
        parts.push(Part {
            content_type: "text/html; charset=utf-8",
            encoding: "quoted-printable",
            octets: encode::quoted_printable(&html::html(&telling, facts.as_deref())),
        });
    }
    let boundary = boundary(c.message_id, json);
    let mut header = HeaderText::default();
    header.from(&c.statement.from, c.from_name);
    header.to(&c.statement.to);
    header.text(Field::Subject, &telling.subject);
    header.date(c.date);
    header.ids(Field::MessageId, &[c.message_id.to_owned()]);
    thread(&mut header, c);
    header.token(
        Field::AutoSubmitted,
        match c.auto {
            AutoSubmitted::Generated => "auto-generated",
            AutoSubmitted::Replied => "auto-replied",
        },
    );
    header.token(Field::Tradepost, &hint(c.statement));
    header.token(Field::MimeVersion, "1.0");
    header.multipart("alternative", &boundary);
    let mut letter = header.finish();
    for part in parts {
        part.write(&boundary, &mut letter);
    }
    letter.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    letter
}

/// What people read of the letter: its subject, and its text with LF line ends.
#[must_use]
pub fn as_read(statement: &Statement, story: &Story<'_>) -> (String, String) {
    let telling = by_kind::telling(statement, story);
    let text = plain::plain_without_signature(&telling);
    (telling.subject, text)
}

/// Protocol 6: all letters of a trade form one thread.
fn thread(header: &mut HeaderText, c: &Composition<'_>) {
    let mut references = Vec::new();
    references.extend(c.statement.request.as_ref().map(thread_root_of_request));
    references.extend(c.statement.trade.as_ref().map(thread_root_of_trade));
    let parent = c
        .in_reply_to
        .map(str::to_owned)
        .or_else(|| references.last().cloned());
    for known in c.references.iter().cloned().chain(parent.clone()) {
        if !references.contains(&known) {
            references.push(known);
        }
    }
    header.ids(Field::InReplyTo, parent.as_slice());
    header.ids(Field::References, &references);
}

/// `v=1; kind=delivery-status; trade=T-1001` (protocol 6).
fn hint(statement: &Statement) -> String {
    let mut hint = format!("v={}; kind={}", wire::VERSION, statement.body.kind());
    if let Some(trade) = &statement.trade {
        hint += &format!("; trade={}", trade.id);
    }
    hint
}

/// Not in any part: quoted-printable has no bare `=`, base64 no `_`.
fn boundary(message_id: &str, json: &str) -> String {
    let hash = Sha256::new()
        .chain_update(message_id)
        .chain_update([0])
        .chain_update(json)
        .finalize();
    format!("=_tradepost_{}", hex(&hash, 12))
}

struct Part {
    content_type: &'static str,
    encoding: &'static str,
    octets: Vec<u8>,
}

impl Part {
    fn write(&self, boundary: &str, letter: &mut Vec<u8>) {
        let header = format!(
            "--{boundary}\r\nContent-Type: {}\r\nContent-Transfer-Encoding: {}\r\n\r\n",
            self.content_type, self.encoding
        );
        letter.extend_from_slice(header.as_bytes());
        letter.extend_from_slice(&self.octets);
        letter.extend_from_slice(b"\r\n");
    }
}
