//! Delivery reports: what became of a letter of ours, as RFC 3464 has it, or in one of the common
//! forms that are none (`unformed`).
//!
//! Nothing proves who wrote a report: mail systems write them without a sender, and many providers
//! stamp nothing on them. So two things are asked. A report counts only about a letter whose
//! Message-ID it bears, which is random, and known only to those who handled that letter. And it
//! must look like a mail system's: [`doubt`] says what speaks against that. Even one that counts
//! stops nothing, as it counts like no answer (protocol 7).

mod unformed;

use crate::evidence::{RelayPolicy, submitted_by};
use crate::guard::{RawHeader, lines};
use crate::header::Field;
use crate::parse::{Letter, ReturnPath, message_ids};
use crate::tree::{LeafKind, Tree};
use crate::untrusted::show;
use tradepost_statements::Address;

/// What a report says. Anybody can write one: it may only be believed about a Message-ID that only
/// its sender and receiver know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bounce {
    /// The Message-IDs of the returned letter, without the angle brackets, and the envelope id (RFC
    /// 3461), which is the Message-ID of what we submit; normally one.
    pub message_ids: Vec<String>,
    /// The returned letter says that it is a Tradepost letter.
    pub is_about_a_statement: bool,
    /// One for each recipient that the report is about, at most 50.
    pub recipients: Vec<BouncedRecipient>,
}

/// What became of a letter to one recipient.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BouncedRecipient {
    /// `Final-Recipient`, without its type.
    pub address: String,
    /// `Original-Recipient`, without its type: whom the letter was sent to, where it was forwarded.
    pub original: Option<String>,
    /// `Action`; of a report that is none of RFC 3464, what its subject tells.
    pub action: Action,
    /// `Status` (RFC 3463), e.g. `5.1.1`.
    pub status: Option<String>,
    /// `Diagnostic-Code`, without its type.
    pub diagnostic: Option<String>,
}

/// RFC 3464 section 2.3.3.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Action {
    /// It will not arrive.
    Failed,
    /// It is still tried.
    Delayed,
    /// It arrived.
    Delivered,
    /// It was handed on to a system that reports nothing.
    Relayed,
    /// It was handed on to several recipients.
    Expanded,
    /// Another word, or none.
    #[default]
    Unknown,
}

impl Bounce {
    /// Whether the letter will not arrive at some recipient; a delay is no failure.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.recipients.iter().any(|r| r.action == Action::Failed)
    }

    /// Whom the letter was sent to and did not reach, as far as the report says.
    #[must_use]
    pub fn failed_to(&self) -> Vec<Address> {
        let failed = self
            .recipients
            .iter()
            .filter(|r| r.action == Action::Failed);
        let addresses = failed.filter_map(|r| {
            let sent_to = r.original.as_deref().and_then(|a| a.parse().ok());
            sent_to.or_else(|| r.address.parse().ok())
        });
        addresses.collect()
    }

    /// What the report says, in one line for people.
    #[must_use]
    pub fn text(&self) -> String {
        let one = |r: &BouncedRecipient| {
            let what = match r.action {
                Action::Failed => "could not be delivered",
                Action::Delayed => "is not delivered yet",
                Action::Delivered => "was delivered",
                Action::Relayed | Action::Expanded => "was handed on",
                Action::Unknown => "met a problem",
            };
            let status = r
                .status
                .as_ref()
                .map(|s| format!(" ({s})"))
                .unwrap_or_default();
            let why = r
                .diagnostic
                .as_ref()
                .map(|d| format!(": {d}"))
                .unwrap_or_default();
            let to = if r.address.is_empty() {
                String::new()
            } else {
                format!(" to {}", r.address)
            };
            format!("the letter{to} {what}{status}{why}")
        };
        let all: Vec<String> = self.recipients.iter().map(one).collect();
        let text: String = all.join("; ").chars().take(MOST_TEXT).collect();
        show(&text)
    }
}

const MOST_RECIPIENTS: usize = 50;
const MOST_VALUE_OCTETS: usize = 1000;
/// People read no more, and whoever writes a report decides how much is kept of it.
const MOST_TEXT: usize = 2000;

/// Reads a report; None for every other letter.
pub(crate) fn bounce(raw: &[u8], header: &RawHeader, tree: &Tree) -> Option<Bounce> {
    if let Some(root) = &tree.root
        && root.name == "multipart/report"
    {
        let report_type = root.parameter("report-type").unwrap_or_default();
        // Others are about what became of a letter that arrived: read, or taken for spam.
        if !report_type.is_empty() && !report_type.eq_ignore_ascii_case(b"delivery-status") {
            return None;
        }
        if let Some(bounce) = formed(raw, tree) {
            return Some(bounce);
        }
    }
    unformed::bounce(raw, header)
}

/// RFC 3464.
fn formed(raw: &[u8], tree: &Tree) -> Option<Bounce> {
    let report = tree.leaves_of(LeafKind::DeliveryReport).next()?;
    let report = report.decode(raw).ok()?;
    let returned = tree.leaves_of(LeafKind::ReturnedLetter).next();
    let returned = returned.and_then(|leaf| leaf.decode(raw).ok());
    let header = returned.as_deref().map(RawHeader::of_letter);
    let mut message_ids = Vec::new();
    if let (Some(letter), Some(header)) = (&returned, &header) {
        let fields = header.all(Field::MessageId).take(2);
        message_ids.extend(fields.flat_map(|field| self::message_ids(&field.unfolded(letter))));
    }
    let envelope_id = envelope_id(&report);
    message_ids.extend(envelope_id.filter(|id| !message_ids.contains(id)));
    Some(Bounce {
        message_ids,
        is_about_a_statement: header.is_some_and(|h| h.first(Field::Tradepost).is_some()),
        recipients: recipients(&report),
    })
}

/// RFC 3464 section 2.2.1: what the submission gave as ENVID (RFC 3461), among the fields about the
/// message.
fn envelope_id(report: &[u8]) -> Option<String> {
    for line in lines(report, 0) {
        let text = report.get(line.start..line.end).unwrap_or_default();
        if text.trim_ascii().is_empty() {
            return None;
        }
        let text = String::from_utf8_lossy(text.get(..MOST_VALUE_OCTETS).unwrap_or(text));
        if let Some((name, value)) = text.split_once(':')
            && name.trim().eq_ignore_ascii_case("original-envelope-id")
        {
            return Some(value.trim().to_owned()).filter(|id| !id.is_empty());
        }
    }
    None
}

/// Who writes reports in the name of a mail system.
fn is_a_mail_system(from: &str) -> bool {
    const NAMES: [&str; 3] = ["mailer-daemon", "postmaster", "mail-daemon"];
    let from = from.to_ascii_lowercase();
    // The field's address, or a bare name: `MAILER-DAEMON (Mail Delivery System)`.
    let address = from.rsplit_once('<').map_or(from.as_str(), |(_, a)| a);
    NAMES.iter().any(|name| {
        let rest = address.trim_start().strip_prefix(name);
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '.'))
    })
}

/// Why it is not to be believed that a mail system wrote a report.
pub(crate) fn doubt(letter: &Letter, policy: &RelayPolicy) -> Option<String> {
    letter.bounce.as_ref()?;
    if let Some(ReturnPath::To(path)) = &letter.return_path {
        return Some(format!(
            "it has the Return-Path {}, and a mail system's report has none (RFC 5321 section 4.5.5)",
            show(path)
        ));
    }
    if let Some(account) = submitted_by(letter, policy) {
        return Some(format!(
            "it was submitted by {account}, not written by a mail system"
        ));
    }
    let from = letter.from_text.as_deref().unwrap_or_default();
    if letter.return_path.is_none() && !is_a_mail_system(from) {
        return Some(format!(
            "it is from {}, and nothing shows that this is a mail system",
            show(from)
        ));
    }
    None
}

/// RFC 3464 section 2.1: groups of fields; the first group is about the message, the others about
/// one recipient each.
fn recipients(report: &[u8]) -> Vec<BouncedRecipient> {
    let mut found = Vec::new();
    let mut current = BouncedRecipient::default();
    let mut field = Vec::new();
    for line in lines(report, 0) {
        let text = report.get(line.start..line.end).unwrap_or_default();
        if text.first().is_some_and(|b| *b == b' ' || *b == b'\t') {
            field.push(b' ');
            field.extend_from_slice(text.trim_ascii());
            continue;
        }
        current.take(&field);
        field = text.to_vec();
        if text.trim_ascii().is_empty() {
            found.extend(std::mem::take(&mut current).if_named());
            if found.len() >= MOST_RECIPIENTS {
                return found;
            }
        }
    }
    current.take(&field);
    found.extend(current.if_named());
    found
}

impl BouncedRecipient {
    fn take(&mut self, field: &[u8]) {
        let text = String::from_utf8_lossy(field.get(..MOST_VALUE_OCTETS).unwrap_or(field));
        let Some((name, value)) = text.split_once(':') else {
            return;
        };
        // `rfc822; ann@home.example`, `smtp; 550 ..`
        let untyped = || {
            value
                .split_once(';')
                .map_or(value, |(_, v)| v)
                .trim()
                .to_owned()
        };
        match name.trim().to_ascii_lowercase().as_str() {
            "final-recipient" => self.address = untyped(),
            "original-recipient" => self.original = Some(untyped()),
            "action" => self.action = Action::read(value),
            "status" => self.status = Some(value.trim().to_owned()),
            "diagnostic-code" => self.diagnostic = Some(untyped()),
            _ => {}
        }
    }

    fn if_named(self) -> Option<BouncedRecipient> {
        (!self.address.is_empty()).then_some(self)
    }
}

impl Action {
    fn read(value: &str) -> Action {
        // RFC 3464 section 2.1.3: a comment may follow.
        let word = value.split('(').next().unwrap_or_default().trim();
        match word.to_ascii_lowercase().as_str() {
            "failed" => Action::Failed,
            "delayed" => Action::Delayed,
            "delivered" => Action::Delivered,
            "relayed" => Action::Relayed,
            "expanded" => Action::Expanded,
            _ => Action::Unknown,
        }
    }
}
