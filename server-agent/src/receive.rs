//! The path of letters in: fetched, their senders proven, opened, judged, decided, recorded with
//! their answers in one durable write; then the cursor has moved, and the answers may leave. What
//! DNS could not decide waits in the book, and comes by here again ([`crate::held`]).

use tokio::sync::mpsc;
use tradepost_agent::clock::Clock;
use tradepost_letters::{LetterContent as Read, RelayPolicy, UnreadableKind, untrusted};
use tradepost_parties::kernel::{FreshIds, Ignored, PartyChange, PartyOutcome};
use tradepost_parties::roles::receive;
use tradepost_post::imap::aside::News;
use tradepost_post::imap::{MailEvent, SetAside};
use tradepost_proof::dkim::{Proven, Prover, Unproven};
use tradepost_statements::Time;
use tradepost_trades::letter::{Content, LetterFacts, Received, Unreadable};

use crate::book::{BookError, Cursor, ENOUGH, Input, Page, set_aside, view};
use crate::bounce;
use crate::desk::{Desk, fresh_ids};

/// What the mailbox gave.
pub(crate) enum Mail {
    /// Letters, with all that is known of their senders.
    Letters(Batch),
    /// Anything else.
    Told(MailEvent),
}

/// What the mailbox gave at once.
pub(crate) struct Batch {
    pub(crate) folder: String,
    pub(crate) letters: Vec<Proven>,
    pub(crate) set_aside: Vec<SetAside>,
    /// UIDs of letters that came, or are there no more.
    pub(crate) settled: Vec<u32>,
    pub(crate) cursor: Cursor,
}

/// Proves the senders of what comes, in its order, ahead of the loop: while DNS is waited for,
/// commands are answered and letters leave.
pub(crate) async fn prove(
    prover: Prover,
    policy: RelayPolicy,
    clock: impl Clock,
    mut from: mpsc::Receiver<MailEvent>,
    to: mpsc::Sender<Mail>,
) {
    while let Some(event) = from.recv().await {
        let mail = match event {
            MailEvent::Batch {
                folder,
                uid_validity,
                mails,
                set_aside,
                gone,
                up_to,
                sent: _,
            } => {
                let settled = mails.iter().map(|m| m.uid).chain(gone).collect();
                let letters = mails.into_iter().map(|mail| Unproven {
                    octets: mail.bytes,
                    received_at: mail.internal_date,
                });
                let letters = prover.prove(letters.collect(), &policy, clock.now()).await;
                Mail::Letters(Batch {
                    folder,
                    letters,
                    set_aside,
                    settled,
                    cursor: Cursor {
                        uid_validity,
                        last_uid: up_to,
                    },
                })
            }
            other @ (MailEvent::Connected { .. }
            | MailEvent::Progress { .. }
            | MailEvent::CaughtUp { .. }
            | MailEvent::Trouble(_)) => Mail::Told(other),
        };
        if to.send(mail).await.is_err() {
            return;
        }
    }
}

/// Takes a batch. Once this returns, it is durable.
pub(crate) fn take(desk: &Desk, batch: Batch) -> Result<(), BookError> {
    for aside in &batch.set_aside {
        let (uid, reason) = (aside.uid, untrusted::show(&aside.reason));
        tracing::warn!("letter {uid} of {} was set aside: {reason}", batch.folder);
    }
    let mut letters = Vec::new();
    for proven in batch.letters {
        match bounce::read(&proven) {
            // Before the cursor moves on; when this ends between, the report is read again.
            Some(returned) => bounce::take(desk, &returned)?,
            None => letters.extend(read(proven)),
        }
    }
    let place = (batch.folder.as_str(), batch.cursor.uid_validity);
    let kept = view(&*desk.book, set_aside);
    let up_to = UpTo {
        folder: &batch.folder,
        cursor: batch.cursor,
        aside: AsideChange::of(&kept, place, batch.set_aside, &batch.settled, desk.now()),
    };
    decide(desk, &letters, Some(&up_to), &receive)
}

/// How far a folder was read, and what of it could not be had.
pub(crate) struct UpTo<'f> {
    folder: &'f str,
    cursor: Cursor,
    aside: Option<AsideChange>,
}

/// What is decided about a letter: a function of the trades.
pub(crate) type Decision = dyn Fn(
    &tradepost_parties::kernel::PartySettings,
    &dyn tradepost_trades::rows::Rows,
    &Received,
    Time,
    &mut FreshIds,
) -> PartyChange;

/// Decides about letters and records that, with the cursor of their folder in the last write.
pub(crate) fn decide(
    desk: &Desk,
    letters: &[Letter],
    up_to: Option<&UpTo<'_>>,
    decision: &Decision,
) -> Result<(), BookError> {
    let mut rest = letters;
    loop {
        let mut outcomes = Vec::new();
        desk.book.decide(&mut |page| {
            outcomes = take_some(desk, page, rest, decision)?;
            if let Some(up_to) = up_to
                && outcomes.len() == rest.len()
            {
                if let Some(news) = &up_to.aside {
                    page.record_aside(news.clone())?;
                }
                page.record_cursor(up_to.folder, up_to.cursor)?;
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
    decision: &Decision,
) -> Result<Vec<Result<PartyOutcome, BookError>>, BookError> {
    let now = desk.now();
    let mut outcomes = Vec::new();
    for letter in letters {
        let mut ids = letter.ids.clone();
        let settings = &desk.config.settings;
        let change = decision(settings, page.rows(), &letter.received, now, &mut ids);
        let outcome = change.outcome.clone();
        outcomes.push(match page.record(&letter.input, change, now) {
            Ok(()) => Ok(outcome),
            // It stops nobody behind it.
            Err(
                e @ (BookError::DecisionTooLarge(_)
                | BookError::Unsignable(_)
                | BookError::Unattachable(_)),
            ) => Err(e),
            Err(
                e @ (BookError::Store(_) | BookError::OfAnother { .. } | BookError::KeyFails(_)),
            ) => return Err(e),
        });
        if page.written() > ENOUGH {
            break;
        }
    }
    Ok(outcomes)
}

/// A letter with a Tradepost part.
pub(crate) struct Letter {
    input: Input,
    received: Received,
    from: String,
    ids: FreshIds,
}

impl Letter {
    pub(crate) fn new(
        received: Received,
        message_id: Option<String>,
        from: String,
        octets: Vec<u8>,
    ) -> Letter {
        Letter {
            input: Input::Letter {
                received: Box::new(received.clone()),
                message_id,
                octets,
            },
            received,
            from,
            ids: fresh_ids(),
        }
    }

    /// The letter, as the book has it already under this digest.
    pub(crate) fn kept_as(self, digest: String) -> Letter {
        let message_id = match self.input {
            Input::Letter { message_id, .. } => message_id,
            Input::Line(_) | Input::Time => None,
        };
        let received = Received {
            digest,
            ..self.received
        };
        Letter::new(received, message_id, self.from, Vec::new())
    }
}

/// What the judgement needs of a letter. None when it has no Tradepost part: not ours (protocol 5,
/// line 1).
pub(crate) fn read(proven: Proven) -> Option<Letter> {
    let Proven {
        octets,
        received_at,
        opened,
        undecided,
    } = proven;
    let letter = opened.letter;
    let content = match opened.content {
        Read::NotOurs => return None,
        Read::Statement(decoded) => Content::Statement(decoded.value.to_string()),
        Read::Unreadable { why, text } => Content::Unreadable {
            why: match why {
                UnreadableKind::Unreadable => Unreadable::Unreadable,
                UnreadableKind::Unsupported => Unreadable::Unsupported,
                UnreadableKind::Undecryptable => Unreadable::Undecryptable,
            },
            text,
        },
    };
    let received = Received {
        letter: LetterFacts {
            message_id: letter.message_id.clone(),
            from: letter.from_text.clone(),
            subject: letter.subject.clone(),
            date: letter.date,
            size: u64::try_from(octets.len()).unwrap_or(u64::MAX),
        },
        author: letter.author.clone().ok(),
        evidence: opened.evidence,
        undecided,
        proof: opened.proof,
        digest: letter.digest_hex(),
        received_at,
        content,
    };
    let from = letter.from_text.clone().unwrap_or_default();
    Some(Letter::new(received, letter.message_id, from, octets))
}

/// One line for the operator. What comes from a letter is escaped.
pub(crate) fn tell(from: &str, outcome: &PartyOutcome) {
    let text = untrusted::show(&outcome.to_string());
    let from = untrusted::show(from);
    match outcome {
        PartyOutcome::Ignored(Ignored::SameLetter | Ignored::NothingDue) => {
            tracing::debug!("letter of {from}: {text}");
        }
        PartyOutcome::Ignored(_) => tracing::warn!("ignored a letter of {from}: {text}"),
        PartyOutcome::OperatorDecides { .. }
        | PartyOutcome::AuthorizationAsked { .. }
        | PartyOutcome::OperatorTold { .. }
        | PartyOutcome::OperatorActs { .. }
        | PartyOutcome::JobFailed { .. }
        | PartyOutcome::JobFailsForLong { .. }
        | PartyOutcome::GoodsNotDelivered { .. } => tracing::warn!("letter of {from}: {text}"),
        PartyOutcome::TradeMade(_)
        | PartyOutcome::OrderRejected { .. }
        | PartyOutcome::AuthorizationAwaited(_)
        | PartyOutcome::Done { .. }
        | PartyOutcome::Answered(_)
        | PartyOutcome::Heard { .. }
        | PartyOutcome::UnknownTrade(_)
        | PartyOutcome::Marked(_)
        | PartyOutcome::AnswerRepeated
        | PartyOutcome::ConsentNoted(_)
        | PartyOutcome::Held(_)
        | PartyOutcome::HeldForProof { .. }
        | PartyOutcome::Emitted(_)
        | PartyOutcome::EmittedBefore(_)
        | PartyOutcome::WasDue(_)
        | PartyOutcome::JobDone(_)
        | PartyOutcome::GoodsDelivered(_) => tracing::info!("letter of {from}: {text}"),
    }
}
