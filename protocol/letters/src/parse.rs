//! A letter from its octets. Nothing in it is believed here, and nothing fails: what is wrong with
//! a letter is part of it.

use sha2::{Digest, Sha256};
use tradepost_statements::{Address, Time};

use crate::authentication_results::{AuthenticationResults, UnreadField};
use crate::author::{self, BadAuthor};
use crate::bounce::{self, Bounce};
use crate::guard::{RawField, RawHeader, lines};
use crate::header::Field;
use crate::lexer::Lexer;
use crate::received::{ReceivedField, read_date};
use crate::tree::{StatementPart, Tree};

/// What is read of a letter. Its texts are untrusted: show them only through
/// [`untrusted`](crate::untrusted).
#[derive(Debug, Clone)]
pub struct Letter {
    /// The one mailbox in From, or why the letter can prove nothing (protocol 5).
    pub author: Result<Address, BadAuthor>,
    /// The From field as it stands, for showing who a letter claims to be from.
    pub from_text: Option<String>,
    /// Without the angle brackets.
    pub message_id: Option<String>,
    /// Decoded.
    pub subject: Option<String>,
    /// What the sender wrote: proves nothing about when it was.
    pub date: Option<Time>,
    /// The plain mailboxes in To, at most 100.
    pub to: Vec<Address>,
    /// Message-IDs without the angle brackets, at most 100.
    pub in_reply_to: Vec<String>,
    /// Message-IDs without the angle brackets, at most 100.
    pub references: Vec<String>,
    /// The `Tradepost` field (protocol 6): a hint, never more.
    pub hint: Option<String>,
    /// Whether a program wrote it by its own word (RFC 3834).
    pub auto_submitted: bool,
    /// Its Tradepost part, the transfer encoding undone; what it says is not read here.
    pub statement: StatementPart,
    /// SHA-256 of the octets from the first author field on, line ends as CRLF: the same letter has
    /// the same digest wherever it is found (protocol 5).
    pub digest: [u8; 32],
    /// In octets, as fetched.
    pub size: usize,
    /// What a report says about a letter that could not be delivered: as RFC 3464 has it, or in one
    /// of the common forms that are none.
    pub bounce: Option<Bounce>,
    /// Where reports about it go, as whoever put it into the mailbox wrote.
    pub return_path: Option<ReturnPath>,
    /// Fields of relays, top first, and whether each is above the first author field.
    pub(crate) stamps: Vec<(bool, Stamp)>,
    /// Where the line of the one Tradepost part's Content-Type starts.
    pub(crate) statement_type_at: Option<usize>,
    /// One of its parts is a letter, or a piece of one.
    pub(crate) has_letter_within: bool,
}

/// The first Return-Path field (RFC 5321 section 4.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReturnPath {
    /// `<>`: nobody is to be told, as with all reports (section 4.5.5).
    Null,
    /// Somebody, as it is written.
    To(String),
}

/// A field that a relay added, or that somebody wants to look so.
#[derive(Debug, Clone)]
pub(crate) enum Stamp {
    Received(ReceivedField),
    Results(AuthenticationResults),
    /// An Authentication-Results field that says nothing.
    UnreadResults(UnreadField),
}

impl Letter {
    /// The digest in lower-case hex.
    #[must_use]
    pub fn digest_hex(&self) -> String {
        self.digest.iter().map(|b| format!("{b:02x}")).collect()
    }
}

/// How many stamps are read, from the top, and how many octets of them: honest letters have twenty, of some
/// hundred octets each. Anybody can write any number below those of the own provider.
const MOST_STAMPS: usize = 1000;
const MOST_STAMP_OCTETS: usize = 256 * 1024;
/// How many addresses and Message-IDs of a list are read.
const MOST_LISTED: usize = 100;
/// How much of a field is kept for showing.
const MOST_SHOWN_OCTETS: usize = 4096;

/// Reads a letter: any octets, in time and space linear in their number.
#[must_use]
pub fn parse(raw: &[u8]) -> Letter {
    let header = RawHeader::of_letter(raw);
    let tree = Tree::walk(raw, &header);
    let unfolded = |field| header.first(field).map(|f| f.unfolded(raw));
    let ids = |field| {
        unfolded(field)
            .map(|body| message_ids(&body))
            .unwrap_or_default()
    };
    Letter {
        author: author::author(raw, &header),
        from_text: unfolded(Field::From).map(|body| excerpt(&body)),
        message_id: ids(Field::MessageId).into_iter().next(),
        subject: unfolded(Field::Subject).map(|body| decode_words(&body)),
        date: unfolded(Field::Date).and_then(|body| read_date(&body)),
        to: unfolded(Field::To)
            .map(|body| addresses(&body))
            .unwrap_or_default(),
        in_reply_to: ids(Field::InReplyTo),
        references: ids(Field::References),
        hint: unfolded(Field::Tradepost).map(|body| excerpt(&body)),
        auto_submitted: unfolded(Field::AutoSubmitted)
            .is_some_and(|body| !body.trim_ascii().eq_ignore_ascii_case(b"no")),
        statement: statement(raw, &header, &tree),
        digest: digest(raw, header.author_at().unwrap_or(0)),
        size: raw.len(),
        bounce: bounce::bounce(raw, &header, &tree),
        return_path: unfolded(Field::ReturnPath).map(|body| return_path(&body)),
        stamps: stamps(raw, &header),
        statement_type_at: tree.statement_type_at(),
        has_letter_within: tree.has_letter_within,
    }
}

fn statement(raw: &[u8], header: &RawHeader, tree: &Tree) -> StatementPart {
    let found = tree.statement(raw);
    // RFC 3156: what is in it shows only when it is decrypted; the hint says whether it is ours.
    let is_encrypted = tree
        .root
        .as_ref()
        .is_some_and(|root| root.name == "multipart/encrypted");
    if found == StatementPart::None && is_encrypted && header.first(Field::Tradepost).is_some() {
        return StatementPart::Encrypted;
    }
    found
}

fn digest(raw: &[u8], from: usize) -> [u8; 32] {
    let mut hash = Sha256::new();
    for line in lines(raw, from) {
        hash.update(raw.get(line.start..line.end).unwrap_or_default());
        if line.next > line.end {
            hash.update(b"\r\n");
        }
    }
    hash.finalize().into()
}

fn stamps(raw: &[u8], header: &RawHeader) -> Vec<(bool, Stamp)> {
    let author_at = header.author_at().unwrap_or(usize::MAX);
    let is_stamp =
        |f: &&RawField| matches!(f.field, Field::Received | Field::AuthenticationResults);
    let mut octets = 0;
    let is_within = |f: &&RawField| {
        octets += f.body(raw).len();
        octets <= MOST_STAMP_OCTETS
    };
    let read = |field: &RawField| {
        let body = field.unfolded(raw);
        let stamp = if field.field == Field::Received {
            Stamp::Received(ReceivedField::read(&body))
        } else {
            AuthenticationResults::read(&body).map_or_else(Stamp::UnreadResults, Stamp::Results)
        };
        (field.at < author_at, stamp)
    };
    header
        .fields
        .iter()
        .filter(is_stamp)
        .take(MOST_STAMPS)
        .take_while(is_within)
        .map(read)
        .collect()
}

fn return_path(body: &[u8]) -> ReturnPath {
    let text = excerpt(body);
    match text.trim_start_matches('<').trim_end_matches('>').trim() {
        "" => ReturnPath::Null,
        path => ReturnPath::To(path.to_owned()),
    }
}

fn excerpt(body: &[u8]) -> String {
    let body = body.get(..MOST_SHOWN_OCTETS).unwrap_or(body);
    String::from_utf8_lossy(body).trim().to_owned()
}

/// Decodes the encoded words of RFC 2047, in any charset.
fn decode_words(body: &[u8]) -> String {
    let body = body.get(..MOST_SHOWN_OCTETS).unwrap_or(body);
    // A header of this one field: nothing nested reaches the library.
    let mut header = b"Subject: ".to_vec();
    header.extend(
        body.iter()
            .map(|b| if *b == b'\r' || *b == b'\n' { b' ' } else { *b }),
    );
    header.extend_from_slice(b"\r\n\r\n");
    let decoded = mail_parser::MessageParser::default().parse(&header);
    let subject = decoded.as_ref().and_then(|m| m.subject());
    subject.map_or_else(|| excerpt(body), str::to_owned)
}

/// The ids in angle brackets (RFC 5322 section 3.6.4); without any, the text itself when it could
/// be one.
pub(crate) fn message_ids(body: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(body);
    let is_id = |id: &&str| {
        let fits = |c: char| !c.is_whitespace() && !c.is_control() && c != '<' && c != '>';
        !id.is_empty() && id.len() <= 998 && id.chars().all(fits)
    };
    let bracketed: Vec<String> = text
        .split('<')
        .skip(1)
        .filter_map(|piece| piece.split_once('>').map(|(id, _)| id))
        .filter(is_id)
        .take(MOST_LISTED)
        .map(str::to_owned)
        .collect();
    if !bracketed.is_empty() {
        return bracketed;
    }
    Some(text.trim())
        .filter(is_id)
        .map(str::to_owned)
        .into_iter()
        .collect()
}

/// The plain mailboxes of an address list; groups and what cannot be read are left out.
fn addresses(body: &[u8]) -> Vec<Address> {
    let mut found = Vec::new();
    let mut rest = body;
    while found.len() < MOST_LISTED {
        let mut lexer = Lexer::new(rest);
        loop {
            if lexer.skip_cfws().is_err() {
                return found;
            }
            match lexer.peek() {
                Some(b'"') if lexer.quoted_raw().is_err() => return found,
                Some(b'"') => {}
                Some(b',') | None => break,
                Some(_) => lexer.skip_one(),
            }
        }
        let Some((one, after)) = rest.split_at_checked(lexer.position()) else {
            break;
        };
        found.extend(author::mailbox(one).ok());
        match after.split_first() {
            Some((_, after)) => rest = after,
            None => break,
        }
    }
    found
}
