//! The path of letters in: fetched, opened, judged, decided, recorded with their answers in one
//! durable write; then the cursor has moved, and the answers may leave.

use tradepost_letters::{Content as Read, Opened, RelayPolicy, open, untrusted};
use tradepost_post::imap::{RawMail, SetAside};
use tradepost_trades::server::{Content, Ignored, Outcome, Received, receive};

use crate::book::{BookError, Cursor, ENOUGH, Input, Page};
use crate::desk::{Desk, fresh_ids};

/// What the mailbox gave at once.
pub(crate) struct Batch {
    pub(crate) folder: String,
    pub(crate) mails: Vec<RawMail>,
    pub(crate) set_aside: Vec<SetAside>,
    pub(crate) cursor: Cursor,
}

/// Takes a batch. Once this returns, it is durable.
pub(crate) fn take(desk: &Desk, batch: &Batch) -> Result<(), BookError> {
    for aside in &batch.set_aside {
        let (uid, reason) = (aside.uid, untrusted::show(&aside.reason));
        tracing::warn!("letter {uid} of {} was set aside: {reason}", batch.folder);
    }
    let policy = &desk.config.policy;
    let letters: Vec<Letter> = batch
        .mails
        .iter()
        .filter_map(|mail| read(&mail.bytes, policy))
        .map(|(received, message_id, from)| Letter {
            input: Input::Letter {
                received: Box::new(received.clone()),
                message_id,
            },
            received,
            from,
            ids: fresh_ids(),
        })
        .collect();
    let mut rest = letters.as_slice();
    loop {
        let mut outcomes = Vec::new();
        desk.book.decide(&mut |page| {
            outcomes = take_some(desk, page, rest)?;
            if outcomes.len() == rest.len() {
                page.record_cursor(&batch.folder, batch.cursor)?;
            }
            Ok(())
        })?;
        for (letter, outcome) in rest.iter().zip(&outcomes) {
            match outcome {
                Ok(outcome) => tell(&letter.from, outcome),
                Err(e) => tracing::error!("letter of {}: {e}", untrusted::show(&letter.from)),
            }
        }
        rest = rest.get(outcomes.len()..).unwrap_or_default();
        if rest.is_empty() {
            break;
        }
    }
    if !letters.is_empty() {
        desk.bell.ring();
    }
    Ok(())
}

/// What became of letters, one after the other, until they are enough for one fence.
fn take_some(
    desk: &Desk,
    page: &mut dyn Page,
    letters: &[Letter],
) -> Result<Vec<Result<Outcome, BookError>>, BookError> {
    let now = desk.now();
    let mut outcomes = Vec::new();
    for letter in letters {
        let mut ids = letter.ids.clone();
        let settings = &desk.config.settings;
        let change = receive(settings, page.rows(), &letter.received, now, &mut ids);
        let outcome = change.outcome.clone();
        outcomes.push(match page.record(&letter.input, change, now) {
            Ok(()) => Ok(outcome),
            // It stops nobody behind it.
            Err(e @ BookError::DecisionTooLarge(_)) => Err(e),
            Err(e @ (BookError::Store(_) | BookError::OfAnother { .. })) => return Err(e),
        });
        if page.written() > ENOUGH {
            break;
        }
    }
    Ok(outcomes)
}

struct Letter {
    input: Input,
    received: Received,
    from: String,
    ids: tradepost_trades::server::FreshIds,
}

/// Opens a letter. None when it has no Tradepost part: not ours (protocol 5, line 1).
fn read(bytes: &[u8], policy: &RelayPolicy) -> Option<(Received, Option<String>, String)> {
    let Opened {
        letter,
        evidence,
        proof,
        content,
        ..
    } = open(bytes, policy);
    let from = letter.from_text.clone().unwrap_or_default();
    let content = match content {
        Read::NotOurs => {
            tell_of_a_bounce(&letter);
            return None;
        }
        Read::Statement(decoded) => Content::Statement(decoded.value.to_string()),
        Read::Unreadable { why, text } => Content::Unreadable(format!("{why}: {text}")),
    };
    let received = Received {
        author: letter.author.clone().ok(),
        evidence,
        undecided: None,
        proof,
        digest: letter.digest_hex(),
        content,
    };
    Some((received, letter.message_id, from))
}

/// A statement of ours came back: it counts like no answer (protocol 7); the operator sees why.
fn tell_of_a_bounce(letter: &tradepost_letters::Letter) {
    let failed = letter.bounce.as_ref().filter(|b| b.failed());
    if let Some(bounce) = failed {
        let text = untrusted::show(&bounce.text());
        tracing::warn!("a letter came back: {text}");
    }
}

/// One line for the operator. What comes from a letter is escaped.
pub(crate) fn tell(from: &str, outcome: &Outcome) {
    let text = untrusted::show(&outcome.to_string());
    let from = untrusted::show(from);
    match outcome {
        Outcome::Ignored(Ignored::SameLetter | Ignored::NothingDue) => {
            tracing::debug!("letter of {from}: {text}");
        }
        Outcome::Ignored(_) => tracing::warn!("ignored a letter of {from}: {text}"),
        Outcome::OperatorDecides { .. } | Outcome::OperatorTold { .. } => {
            tracing::warn!("letter of {from}: {text}");
        }
        Outcome::TradeMade(_)
        | Outcome::OrderRejected { .. }
        | Outcome::Done { .. }
        | Outcome::Answered(_)
        | Outcome::Heard { .. }
        | Outcome::UnknownTrade(_)
        | Outcome::Marked(_)
        | Outcome::AnswerRepeated
        | Outcome::ConsentNoted(_)
        | Outcome::Held(_)
        | Outcome::HeldForProof { .. }
        | Outcome::Emitted(_)
        | Outcome::EmittedBefore(_)
        | Outcome::WasDue(_) => tracing::info!("letter of {from}: {text}"),
    }
}
