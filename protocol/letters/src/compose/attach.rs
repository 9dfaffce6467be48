//! A statement in a mail that the sender's own system wrote (protocol 6): the mail keeps its texts,
//! pictures and attachments, and gets the part for programs and the JSON-LD, so that a customer gets
//! one mail instead of two.
//!
//! Where the parts go, by what the mail is:
//!
//! ```text
//! text/plain                 alternative(the text, statement, the text as a page)
//! text/html                  alternative(our text, statement, the page)
//! alternative(text, page)    alternative(text, statement, page)
//! related(page, pictures)    alternative(our text, statement, related(page, pictures))
//! mixed(any of these, files) mixed(that of these, files)
//! ```
//!
//! A mail that is signed already, in whatever way, is refused: every signature would break.

mod entity;
mod page;
mod weave;

use tradepost_statements::{Address, Statement, Time};

use super::field::HeaderText;
use super::{Story, by_kind, hint, jsonld, plain, thread_root_of_trade};
use crate::MOST_LETTER_OCTETS;
use crate::author;
use crate::evidence::RelayPolicy;
use crate::header::Field;
use crate::open::{LetterContent, open};
use entity::{Entity, EntityField};
use weave::Woven;

/// What is attached to a mail.
#[derive(Debug, Clone, Copy)]
pub struct Attachment<'a> {
    /// What is said; the mail's From and To must be its `from` and `to`.
    pub statement: &'a Statement,
    /// The statement's octets, as they are kept (protocol 6).
    pub json: &'a str,
    /// What is known beyond the statement, for the JSON-LD and the texts.
    pub story: Story<'a>,
    /// The mail's Message-ID, where it has none; without angle brackets.
    pub message_id: &'a str,
    /// The mail's Date, where it has none.
    pub date: Time,
}

/// A mail with its statement.
#[derive(Debug, Clone)]
pub struct AttachedMail {
    /// All of it; lines end in CRLF.
    pub letter: Vec<u8>,
    /// By which it is known if it comes back; without angle brackets.
    pub message_id: String,
}

/// Why a mail cannot carry a statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttachError {
    /// What came is nothing but white space.
    #[error("there is no mail: it is expected on standard input, header and body")]
    Empty,
    /// Protocol 6.
    #[error("the mail would have more than 10 MiB, more than a letter may have")]
    TooLarge,
    /// RFC 5322 section 2.2.
    #[error(
        "line {0} of a header of the mail is no header field; give it as it goes to the mail server"
    )]
    MalformedHeader(usize),
    /// The signature covers what is changed here.
    #[error(
        "the mail is signed already ({0}), and what is attached would break that: attach first, and sign afterwards \
         (the server signs with its own keys, if it has any)"
    )]
    SignedBefore(String),
    /// Encrypted, or signed by its author.
    #[error("the mail is {0}: nothing can be attached within it")]
    Sealed(String),
    /// One statement per letter (protocol 6).
    #[error("the mail carries a statement already; one mail has one")]
    CarriesOneAlready,
    /// Protocol 2: `from` is the letter's From.
    #[error(
        "the mail's From is {found}, and this server is {wanted}: a statement goes out under its own address only"
    )]
    FromIsAnother {
        /// As the mail has it.
        found: String,
        /// The server's address.
        wanted: String,
    },
    /// Protocol 2: `to` is who gets it.
    #[error(
        "the mail's To is {found}, and the buyer of that trade is {wanted}: the buyer's mail has that one address in To"
    )]
    ToIsAnother {
        /// As the mail has it.
        found: String,
        /// The statement's `to`, the buyer's address.
        wanted: String,
    },
    /// There is no text and no page to put the statement beside: what was found.
    #[error("the mail has neither a text nor an HTML page that people read ({0})")]
    NothingToRead(String),
    /// The page is not made of ASCII octets where its tags are.
    #[error("the mail's page is in {0}: send it in UTF-8")]
    Charset(String),
    /// A part that is not encoded as it says.
    #[error("a part of the mail is not encoded as it says (RFC 2045)")]
    BrokenEncoding,
    /// RFC 5322 section 2.1.1.
    #[error(
        "a line of the mail has more than 998 octets: encode that part as quoted-printable or base64"
    )]
    LineTooLong,
    /// Whoever reads it strictly could not use it.
    #[error("the mail is none that can be believed: {0}")]
    NotBelievable(String),
}

/// Attaches a statement to a mail.
///
/// # Errors
/// [`AttachError`]: what to do about the mail. Nothing is guessed at.
pub fn attach(mail: &[u8], a: &Attachment<'_>) -> Result<AttachedMail, AttachError> {
    if mail.trim_ascii().is_empty() {
        return Err(AttachError::Empty);
    }
    let whole = Entity::read(&with_crlf(without_envelope(mail)))?;
    check_sealed(&whole)?;
    check_addresses(&whole, a)?;
    let (own, content): (Vec<EntityField>, Vec<EntityField>) =
        whole.fields.into_iter().partition(|f| !f.is_content());
    let telling = by_kind::telling(a.statement, &a.story);
    let facts = jsonld::jsonld(a.statement, &a.story).map(|json| page::ascii(&json));
    let text = plain::plain(&telling);
    let woven = Woven {
        json: a.json,
        facts: facts.as_deref(),
        text: &text,
        salt: a.message_id,
    };
    let content = Entity {
        fields: content,
        body: whole.body,
    };
    let content = weave::weave(content, &woven, 0)?;
    let letter = [header(&own, a), content.write()].concat();
    check(&letter, a)
}

/// The mail's own fields as they are, and those that a letter has in addition.
fn header(own: &[EntityField], a: &Attachment<'_>) -> Vec<u8> {
    let has = |name: &str| own.iter().any(|f| f.is(name));
    let mut out = Vec::new();
    let root = a.statement.trade.as_ref().map(thread_root_of_trade);
    for field in own {
        if field.is("MIME-Version") {
            continue;
        }
        out.extend_from_slice(&field.octets);
        // Protocol 6: all letters of a trade form one thread.
        if let Some(root) = root.as_ref().filter(|_| field.is("References"))
            && !String::from_utf8_lossy(&field.octets).contains(root.as_str())
        {
            out.truncate(out.len().saturating_sub(2));
            out.extend_from_slice(format!("\r\n <{root}>\r\n").as_bytes());
        }
    }
    let mut more = HeaderText::default();
    if !has("Date") {
        more.date(a.date);
    }
    if !has("Message-ID") {
        more.ids(Field::MessageId, &[a.message_id.to_owned()]);
    }
    if let Some(root) = root.filter(|_| !has("References")) {
        if !has("In-Reply-To") {
            more.ids(Field::InReplyTo, std::slice::from_ref(&root));
        }
        more.ids(Field::References, &[root]);
    }
    if !has("Auto-Submitted") {
        more.token(Field::AutoSubmitted, "auto-generated");
    }
    more.token(Field::Tradepost, &hint(a.statement));
    more.token(Field::MimeVersion, "1.0");
    let more = more.finish();
    // Without the empty line: the fields of the content follow.
    out.extend_from_slice(more.strip_suffix(b"\r\n").unwrap_or(&more));
    out
}

/// Reads what came out as any reader does.
fn check(letter: &[u8], a: &Attachment<'_>) -> Result<AttachedMail, AttachError> {
    if letter.len() > MOST_LETTER_OCTETS {
        return Err(AttachError::TooLarge);
    }
    // RFC 5322 section 2.1.1.
    if letter.split(|b| *b == b'\n').any(|line| line.len() > 999) {
        return Err(AttachError::LineTooLong);
    }
    let opened = open(letter, &RelayPolicy::new(Vec::new(), None));
    let not = |why: String| AttachError::NotBelievable(why);
    if let Err(why) = &opened.letter.author {
        return Err(not(why.to_string()));
    }
    match opened.content {
        LetterContent::Statement(read) if read.statement == *a.statement => {}
        LetterContent::Statement(_) => return Err(AttachError::CarriesOneAlready),
        LetterContent::NotOurs => return Err(not("its parts cannot be told apart".to_owned())),
        LetterContent::Unreadable { text, .. } => return Err(not(text)),
    }
    let message_id = opened
        .letter
        .message_id
        .ok_or_else(|| not("its Message-ID is none".to_owned()))?;
    Ok(AttachedMail {
        letter: letter.to_vec(),
        message_id,
    })
}

fn check_sealed(whole: &Entity) -> Result<(), AttachError> {
    for signature in ["DKIM-Signature", "ARC-Seal", "DomainKey-Signature"] {
        if whole.fields.iter().any(|f| f.is(signature)) {
            return Err(AttachError::SignedBefore(signature.to_owned()));
        }
    }
    if whole.fields.iter().any(|f| f.is("Tradepost")) {
        return Err(AttachError::CarriesOneAlready);
    }
    Ok(())
}

fn check_addresses(whole: &Entity, a: &Attachment<'_>) -> Result<(), AttachError> {
    // As readers read From: one plain mailbox, in one field.
    let is_only = |name: &str, wanted: &Address| {
        let mut fields = whole.fields.iter().filter(|f| f.is(name));
        let first = fields.next().map(|f| author::mailbox(&f.value()));
        matches!(first, Some(Ok(found)) if found == *wanted) && fields.next().is_none()
    };
    let shown = |name: &str| {
        let fields = whole.fields.iter().filter(|f| f.is(name));
        let texts: Vec<String> = fields.map(EntityField::value_for_people).collect();
        if texts.is_empty() {
            "missing".to_owned()
        } else {
            texts.join(", ")
        }
    };
    let (from, to) = (&a.statement.from, &a.statement.to);
    if !is_only("From", from) {
        return Err(AttachError::FromIsAnother {
            found: shown("From"),
            wanted: from.to_string(),
        });
    }
    if !is_only("To", to) {
        return Err(AttachError::ToIsAnother {
            found: shown("To"),
            wanted: to.to_string(),
        });
    }
    Ok(())
}

/// What an mbox file has in front.
fn without_envelope(mail: &[u8]) -> &[u8] {
    if !mail.starts_with(b"From ") {
        return mail;
    }
    let end = mail
        .iter()
        .position(|b| *b == b'\n')
        .map_or(mail.len(), |i| i + 1);
    mail.get(end..).unwrap_or_default()
}

/// A mail in a file has the line ends of the system.
fn with_crlf(mail: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(mail.len() + mail.len() / 32);
    let mut last = 0;
    for b in mail.iter().copied() {
        if b == b'\n' && last != b'\r' {
            out.push(b'\r');
        }
        out.push(b);
        last = b;
    }
    if last != b'\n' {
        out.extend_from_slice(b"\r\n");
    }
    out
}
