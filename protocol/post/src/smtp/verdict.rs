//! Whose business a refusal is: this letter's, or that of all letters of the account.
//!
//! A limit of the account, a sender that it may not use, a login that is asked for: servers say these
//! with 5xx too, at any command, and a letter must not be lost to them. What speaks of this recipient
//! or of what is in this letter is final, and told at once. In doubt a letter is tried again: that is
//! bounded by its expiry.
//!
//! Pure. It is decided by the command that was answered, then by the status code (RFC 3463, RFC 5248,
//! and what vendors made of it), and by words last, with the addresses left out of them.

use super::cause::{Cause, SubmissionStep};
use super::words::ReplyText;

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReplyVerdict {
    /// This letter will never be taken.
    Final,
    /// This letter not now; the others may be.
    Later,
    /// None of the account's letters now.
    AllLater(Cause),
}

/// The verdict on an answer other than the expected one.
pub(super) fn verdict(step: SubmissionStep, code: u16, said: &str) -> ReplyVerdict {
    let status = status(code, said);
    let text = ReplyText::of(said);
    if let Some(cause) = session(code, status, &text) {
        return ReplyVerdict::AllLater(cause);
    }
    if !(500..600).contains(&code) {
        return passing(step, code, status, &text);
    }
    let cause = of_status(status, &text).or_else(|| text.cause());
    match step {
        // Nothing of the recipient and of the letter is known to the server yet.
        SubmissionStep::Opening | SubmissionStep::Sender => match status {
            Some((3, 4) | (6, 7 | 9)) => ReplyVerdict::Final,
            _ if text.is_too_large() => ReplyVerdict::Final,
            _ if step == SubmissionStep::Opening => {
                ReplyVerdict::AllLater(cause.unwrap_or(Cause::Trouble))
            }
            _ => ReplyVerdict::AllLater(cause.unwrap_or(Cause::Blocked)),
        },
        SubmissionStep::Recipient | SubmissionStep::Data | SubmissionStep::Text => {
            refused(step, code, status, &text)
        }
    }
}

/// A 5xx from RCPT on.
fn refused(
    step: SubmissionStep,
    code: u16,
    status: Option<EnhancedStatus>,
    text: &ReplyText,
) -> ReplyVerdict {
    if text.is_of_the_recipients_rate() {
        return ReplyVerdict::Later;
    }
    if let Some(cause) = of_status(status, text) {
        return ReplyVerdict::AllLater(cause);
    }
    let of_recipient = status.is_some_and(of_the_recipient);
    if of_recipient || status.is_some_and(of_the_letter) {
        // Some say "no such user" of the sender; the word "sender" gives it away.
        return match text.cause() {
            Some(cause @ (Cause::Sender | Cause::Limit)) if text.is_of_the_sender() => {
                ReplyVerdict::AllLater(cause)
            }
            _ => ReplyVerdict::Final,
        };
    }
    if let Some(cause) = text.strong_cause() {
        return ReplyVerdict::AllLater(cause);
    }
    // RFC 7504 section 5: the recipient's domain takes no mail.
    if text.is_of_the_recipient()
        || code == 556
        || (step == SubmissionStep::Recipient && text.is_of_a_full_mailbox())
    {
        return ReplyVerdict::Final;
    }
    if (step == SubmissionStep::Text && text.is_of_the_content()) || text.is_too_large() {
        return ReplyVerdict::Final;
    }
    if let Some(cause) = text.cause() {
        return ReplyVerdict::AllLater(cause);
    }
    // RFC 5321 section 4.2.3: after RCPT these say that there is no such mailbox, where nothing is said
    // of a policy.
    let plain = matches!(status, None | Some((0 | 1, 0)));
    if step == SubmissionStep::Recipient && matches!(code, 550 | 551) && plain && !text.is_vague() {
        return ReplyVerdict::Final;
    }
    ReplyVerdict::Later
}

/// 4xx, and whatever else was not expected.
fn passing(
    step: SubmissionStep,
    code: u16,
    status: Option<EnhancedStatus>,
    text: &ReplyText,
) -> ReplyVerdict {
    if text.is_of_the_recipients_rate() {
        return ReplyVerdict::Later;
    }
    let cause = of_status(status, text).or_else(|| text.strong_cause());
    match (cause, step) {
        (Some(cause), _) => ReplyVerdict::AllLater(cause),
        // RFC 5321 section 3.8: it closes the connection, whatever the command.
        (None, _) if code == 421 => ReplyVerdict::AllLater(Cause::Trouble),
        (None, SubmissionStep::Opening | SubmissionStep::Sender) => {
            ReplyVerdict::AllLater(Cause::Trouble)
        }
        (None, SubmissionStep::Recipient | SubmissionStep::Data | SubmissionStep::Text) => {
            ReplyVerdict::Later
        }
    }
}

/// Subject and detail of a status code (RFC 3463 section 2).
pub(crate) type EnhancedStatus = (u16, u16);

/// The status code at the beginning of the text, or, as qmail writes it, `(#5.1.1)` within. One that
/// belongs to another class than the reply says nothing.
pub(crate) fn status(code: u16, said: &str) -> Option<EnhancedStatus> {
    let class = code / 100;
    let first = said.split([' ', ':', '-']).find(|word| !word.is_empty());
    let within = || {
        let (_, rest) = said.split_once('#')?;
        rest.split(|c: char| !c.is_ascii_digit() && c != '.').next()
    };
    first
        .and_then(|word| read_status(word, class))
        .or_else(|| within().and_then(|word| read_status(word, class)))
}

fn read_status(word: &str, class: u16) -> Option<EnhancedStatus> {
    let word = word.trim_matches(|c: char| !c.is_ascii_digit());
    let mut numbers = word.split('.');
    let mut number = || numbers.next()?.parse::<u16>().ok();
    let (first, subject, detail) = (number()?, number()?, number()?);
    (first == class && number().is_none()).then_some((subject, detail))
}

/// Answers that speak of the login or of TLS, whichever command they come at (RFC 4954 section 6,
/// RFC 3207 section 4).
fn session(code: u16, status: Option<EnhancedStatus>, text: &ReplyText) -> Option<Cause> {
    match (code, status) {
        (530, _) if text.wants_tls() => Some(Cause::Tls),
        (538, _) | (523 | 550 | 554, Some((7, 10 | 11))) => Some(Cause::Tls),
        (530 | 534 | 535, _) | (_, Some((7, 8 | 12 | 13 | 14 | 57 | 139))) => Some(Cause::Login),
        (454, _) if !text.is_of_a_limit() => Some(Cause::Trouble),
        _ if text.wants_login() => Some(Cause::Login),
        _ if text.wants_tls() => Some(Cause::Tls),
        _ => None,
    }
}

/// What the status code says of the account; the server's own trouble may have a reason that lies in the account.
fn of_status(status: Option<EnhancedStatus>, text: &ReplyText) -> Option<Cause> {
    match status.and_then(of_all)? {
        Cause::Trouble => text.strong_cause().or(Some(Cause::Trouble)),
        cause @ (Cause::Limit
        | Cause::Sender
        | Cause::Login
        | Cause::Tls
        | Cause::Hello
        | Cause::Relay
        | Cause::Blocked) => Some(cause),
    }
}

/// Status codes that speak of the account or of its connection.
fn of_all(status: EnhancedStatus) -> Option<Cause> {
    match status {
        // RFC 3463 section 3.2: the sender's address. Microsoft's 5.1.90: its recipients a day.
        (1, 7 | 8) => Some(Cause::Sender),
        (1, 90) => Some(Cause::Limit),
        // Exchange: SendAsDenied.
        (2, 252) | (7, 60) => Some(Cause::Sender),
        // RFC 3463 section 3.4 and 3.5: congestion, too many recipients; RFC 5248: a flood.
        (4, 5) | (5, 3) | (7, 28) => Some(Cause::Limit),
        // Microsoft 365: limits of a tenant and of an account.
        (7, 232 | 233 | 500 | 508 | 700..=750) => Some(Cause::Limit),
        (7, 501..=503 | 511 | 513 | 600..=699) => Some(Cause::Blocked),
        (7, 64) => Some(Cause::Relay),
        // RFC 7372 and RFC 7505: signatures, SPF, reverse DNS, and a sender whose domain takes no mail.
        (7, 20..=24 | 26 | 27 | 509) => Some(Cause::Sender),
        (7, 25) => Some(Cause::Blocked),
        // RFC 3463 section 3.4 (mail system).
        (3, 1 | 2 | 5) => Some(Cause::Trouble),
        _ => None,
    }
}

/// Status codes that speak of the recipient (RFC 3463 sections 3.2 and 3.3, RFC 5248, RFC 7293,
/// RFC 7505; Microsoft's 5.4.310 and its lists of allowed senders).
fn of_the_recipient(status: EnhancedStatus) -> bool {
    matches!(
        status,
        (1, 1..=4 | 6 | 10) | (2, 1..=4) | (4, 4 | 310) | (7, 2 | 17 | 18 | 124..=136)
    )
}

/// Status codes that speak of what is in the letter.
fn of_the_letter(status: EnhancedStatus) -> bool {
    matches!(status, (3, 4) | (6, _))
}
