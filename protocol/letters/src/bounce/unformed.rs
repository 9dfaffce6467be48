//! Reports that are not as RFC 3464 has them: a text of a mail system, and below it the letter that
//! comes back, or its header. qmail, Exim, and old versions of others write such.

use super::{Action, Bounce, BouncedRecipient, MOST_VALUE_OCTETS, is_a_mail_system};
use crate::guard::{RawHeader, lines};
use crate::header::Field;
use crate::parse::message_ids;
use crate::transfer::TransferEncoding;

/// How much of a report is read: texts are short, and the header of what comes back follows them.
const MOST_OCTETS: usize = 256 * 1024;
/// What comes back bears one; a quoted one may stand before it.
const MOST_IDS: usize = 4;
/// In characters; longer reasons are cut.
const MOST_REASON: usize = 500;

pub(super) fn bounce(raw: &[u8], header: &RawHeader) -> Option<Bounce> {
    let unfolded = |field| {
        let body = header.first(field).map(|f| f.unfolded(raw))?;
        let body = body.get(..MOST_VALUE_OCTETS).unwrap_or(&body);
        Some(String::from_utf8_lossy(body).trim().to_owned())
    };
    let failed = unfolded(Field::FailedRecipients);
    let from = unfolded(Field::From).unwrap_or_default();
    if failed.is_none() && !is_a_mail_system(&from) {
        return None;
    }
    let body = body(raw, header)?;
    let text = String::from_utf8_lossy(&body);
    let returned = ReturnedHeader::find(&text)?;
    let subject = unfolded(Field::Subject).unwrap_or_default();
    let action = if is_a_delay(&subject) {
        Action::Delayed
    } else {
        Action::Failed
    };
    let told = text.get(..returned.at).unwrap_or_default();
    let named: Vec<String> = failed
        .iter()
        .flat_map(|list| list.split(','))
        .map(|a| a.trim().to_owned())
        .filter(|a| !a.is_empty())
        .chain(named_by_qmail(told))
        .take(super::MOST_RECIPIENTS)
        .collect();
    let recipient = |address: String| BouncedRecipient {
        diagnostic: reason(told, &address).or_else(|| Some(subject.clone())),
        address,
        action,
        ..BouncedRecipient::default()
    };
    let mut recipients: Vec<BouncedRecipient> = named.into_iter().map(recipient).collect();
    if recipients.is_empty() {
        recipients.push(recipient(String::new()));
    }
    Some(Bounce {
        message_ids: returned.message_ids,
        is_about_a_statement: returned.is_about_a_statement,
        recipients,
    })
}

fn body(raw: &[u8], header: &RawHeader) -> Option<Vec<u8>> {
    let body = raw.get(header.body_at..)?;
    let body = body.get(..MOST_OCTETS).unwrap_or(body);
    let encoding = header.first(Field::ContentTransferEncoding);
    let encoding = encoding.and_then(|f| TransferEncoding::read(&f.unfolded(raw)));
    let decoded = encoding.and_then(|e| e.decode(body));
    Some(decoded.unwrap_or_else(|| body.to_vec()))
}

/// The header of the letter that comes back.
struct ReturnedHeader {
    /// Where it is first seen.
    at: usize,
    message_ids: Vec<String>,
    is_about_a_statement: bool,
}

impl ReturnedHeader {
    fn find(text: &str) -> Option<ReturnedHeader> {
        let mut found: Option<ReturnedHeader> = None;
        let mut is_about_a_statement = false;
        let mut awaits_value = false;
        for line in lines(text.as_bytes(), 0) {
            let written = text.get(line.start..line.end).unwrap_or_default();
            // Some quote what they return.
            let field = written.trim_start_matches(['>', ' ', '\t', '|']);
            let value = if std::mem::take(&mut awaits_value) {
                Some(field)
            } else {
                value_of(field, "message-id:")
            };
            if value.is_some_and(|v| v.trim().is_empty()) {
                // Folded after the name, since it is long.
                awaits_value = true;
                continue;
            }
            is_about_a_statement |= value_of(field, "tradepost:").is_some();
            let ids = value.map(|v| message_ids(v.as_bytes())).unwrap_or_default();
            if ids.is_empty() {
                continue;
            }
            let returned = found.get_or_insert(ReturnedHeader {
                at: line.start,
                message_ids: Vec::new(),
                is_about_a_statement: false,
            });
            returned.message_ids.extend(ids);
            returned.message_ids.truncate(MOST_IDS);
        }
        let mut returned = found?;
        returned.is_about_a_statement = is_about_a_statement;
        Some(returned)
    }
}

fn value_of<'t>(line: &'t str, name: &str) -> Option<&'t str> {
    let (start, rest) = line.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then_some(rest)
}

/// A letter that is still tried is no bounce; the subject of such a report says so.
fn is_a_delay(subject: &str) -> bool {
    let subject = subject.to_ascii_lowercase();
    let is_said = |words: &[&str]| words.iter().any(|w| subject.contains(w));
    is_said(&["delay", "warning", "deferred"]) && !is_said(&["fail", "undeliver", "returned"])
}

/// qmail: `<orders@shop.example>:` on a line of its own.
fn named_by_qmail(told: &str) -> impl Iterator<Item = String> + '_ {
    told.lines().filter_map(|line| {
        let address = line.trim_end().strip_prefix('<')?.strip_suffix(">:")?;
        Some(address.to_owned()).filter(|a| a.contains('@') && a.len() <= 320)
    })
}

/// What is said about an address: from the line that names it to the end of the paragraph.
fn reason(told: &str, address: &str) -> Option<String> {
    let names_it = |line: &&str| !address.is_empty() && line.contains(address);
    let mut rest = told.lines().skip_while(|line| !names_it(line));
    let first = rest.next()?.trim();
    let of_the_address: &[_] = &['<', '>', ':'];
    let first = first.replace(address, "");
    let first = first.trim_matches(of_the_address).trim().to_owned();
    let more = rest.take_while(|line| !line.trim().is_empty());
    let words: Vec<String> = std::iter::once(first)
        .chain(more.map(|line| line.trim().to_owned()))
        .filter(|line| !line.is_empty())
        .collect();
    let text: String = words.join(" ").chars().take(MOST_REASON).collect();
    Some(text).filter(|t| !t.is_empty())
}
