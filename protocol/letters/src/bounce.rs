//! Delivery reports (RFC 3464): what became of a letter of ours.

use crate::guard::{RawHeader, lines};
use crate::header::Field;
use crate::parse::message_ids;
use crate::tree::{LeafKind, Tree};
use crate::untrusted::show;

/// What a report says. Anybody can write one: it may only be believed about a Message-ID that only
/// its sender and receiver know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounce {
    /// The Message-IDs of the returned letter, without the angle brackets; normally one.
    pub message_ids: Vec<String>,
    /// One for each recipient that the report is about, at most 50.
    pub recipients: Vec<BouncedRecipient>,
}

/// What became of a letter to one recipient.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BouncedRecipient {
    /// `Final-Recipient`, without its type.
    pub address: String,
    /// `Action`.
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
            format!("the letter to {} {what}{status}{why}", r.address)
        };
        show(
            &self
                .recipients
                .iter()
                .map(one)
                .collect::<Vec<_>>()
                .join("; "),
        )
    }
}

const MOST_RECIPIENTS: usize = 50;
const MOST_VALUE_OCTETS: usize = 1000;

/// Reads a `multipart/report` of the type `delivery-status`; None for every other letter.
pub(crate) fn bounce(raw: &[u8], tree: &Tree) -> Option<Bounce> {
    let root = tree.root.as_ref()?;
    let report_type = root.parameter("report-type").unwrap_or_default();
    if root.name != "multipart/report" || !report_type.eq_ignore_ascii_case(b"delivery-status") {
        return None;
    }
    let report = tree.leaves_of(LeafKind::DeliveryReport).next()?;
    let returned = tree.leaves_of(LeafKind::ReturnedLetter).next();
    Some(Bounce {
        message_ids: returned
            .and_then(|leaf| leaf.decode(raw).ok())
            .map(|letter| ids_of(&letter))
            .unwrap_or_default(),
        recipients: recipients(&report.decode(raw).ok()?),
    })
}

fn ids_of(letter: &[u8]) -> Vec<String> {
    let header = RawHeader::of_letter(letter);
    header
        .all(Field::MessageId)
        .take(2)
        .flat_map(|field| message_ids(&field.unfolded(letter)))
        .collect()
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
