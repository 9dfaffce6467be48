//! The path of a letter in, top to bottom. Read this first.
//!
//! A letter is fetched as octets ([`prove_ahead`]), or read from a file. A [`Reader`] opens it and has its
//! sender proven ([`crate::arrival`]); [`take`] has the party decide about it, and records input, outcome
//! and answers together with the cursor of its folder in one durable write ([`crate::host`]). Only with
//! that does the cursor move.
//!
//! Nothing is dropped on the way: what is not ours is passed over by name, everything else is decided about.

use std::time::Duration;

use tokio::sync::mpsc;
use tradepost_letters::untrusted;
use tradepost_post::imap::{Cursor, MailEvent, SetAside};
use tradepost_proof::dkim::Unproven;
use tradepost_statements::Time;

use crate::arrival::{Arrival, Brings, FoundIn, Reader};
use crate::aside::AsideChange;
use crate::clock::Clock;
use crate::host::{ENOUGH, Host, HostError, Page, fresh_ids};
use crate::journal::set_aside;
use crate::outbox::OutboxSignal;
use crate::party::{Input, Party};

/// What comes out of [`prove_ahead`].
#[derive(Debug)]
pub enum Mail {
    /// Letters, their senders as well proven as can be.
    Letters(MailBatch),
    /// What the watch tells beside letters; never a [`MailEvent::Batch`].
    Told(MailEvent),
}

/// What the mailbox gave at once.
#[derive(Debug)]
pub struct MailBatch {
    folder: String,
    letters: Vec<Arrival>,
    set_aside: Vec<SetAside>,
    /// UIDs of letters that came, or are there no more.
    settled: Vec<u32>,
    cursor: Cursor,
}

/// So long a report of a mail system waits for the answer by which that system took the letter: longer than
/// its way here, shorter than anybody would wait for the letters behind it.
const ANSWER_OF_SUBMISSION: Duration = Duration::from_secs(30);

/// Proves the senders of what comes, in its order, ahead of the loop: while DNS is waited for, commands
/// are answered and letters leave. A report about a letter under way waits until its end is recorded.
pub async fn prove_ahead(
    reader: Reader,
    clock: impl Clock,
    outbox: OutboxSignal,
    mut from: mpsc::Receiver<MailEvent>,
    to: mpsc::Sender<Mail>,
) {
    while let Some(event) = from.recv().await {
        let mail = match event {
            MailEvent::Batch {
                folder,
                sent,
                uid_validity,
                mails,
                set_aside,
                gone,
                up_to,
            } => {
                let settled = mails.iter().map(|m| m.uid).chain(gone).collect();
                let letters = mails.into_iter().map(|mail| Unproven {
                    octets: mail.bytes,
                    received_at: mail.internal_date,
                });
                let found_in = if sent { FoundIn::Sent } else { FoundIn::Inbox };
                let letters = reader.read(letters.collect(), found_in, clock.now()).await;
                let reported = letters.iter().flat_map(|letter| match &letter.brings {
                    Brings::Report(returned) => returned.message_ids.as_slice(),
                    Brings::Nothing | Brings::Statement(_) | Brings::OwnStatement { .. } => &[],
                });
                let reported: Vec<String> = reported.cloned().collect();
                outbox.until_recorded(&reported, ANSWER_OF_SUBMISSION).await;
                Mail::Letters(MailBatch {
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
            told @ (MailEvent::Connected { .. }
            | MailEvent::Progress { .. }
            | MailEvent::CaughtUp { .. }
            | MailEvent::Trouble(_)) => Mail::Told(told),
        };
        if to.send(mail).await.is_err() {
            return;
        }
    }
}

/// What became of a letter.
#[derive(Debug, Clone)]
pub struct TakenLetter<V> {
    /// Its Message-ID, to name it by.
    pub message_id: Option<String>,
    /// How it was judged; none where it brought no statement.
    pub verdict: Option<V>,
}

/// Takes a batch of the mailbox. Once this returns, it is durable.
///
/// # Errors
/// [`HostError`].
pub fn take_batch<P: Party>(
    host: &Host<P>,
    batch: MailBatch,
) -> Result<Vec<TakenLetter<P::Verdict>>, HostError> {
    let MailBatch {
        folder,
        letters,
        set_aside: aside,
        settled,
        cursor,
    } = batch;
    for one in &aside {
        let text = format!(
            "letter {} of {folder} was set aside: {}",
            one.uid, one.reason
        );
        tracing::warn!("{}", untrusted::show(&text));
    }
    take(host, &letters, |page, now| {
        let kept = set_aside(page.rows());
        let place = (folder.as_str(), cursor.uid_validity);
        if let Some(news) = AsideChange::of(&kept, place, aside, &settled, now) {
            page.set_aside(news, now)?;
        }
        page.read_up_to(&folder, cursor)
    })
}

/// Takes letters, in their order, and in the last write what belongs to them, such as the cursor of their
/// folder. Once this returns, all of it is durable.
///
/// # Errors
/// [`HostError`]. A letter that cannot be taken, such as one whose answer cannot be signed, is logged, and
/// stops nobody behind it.
pub fn take<P: Party>(
    host: &Host<P>,
    letters: &[Arrival],
    with: impl FnOnce(&mut Page<'_, '_, P>, Time) -> Result<(), HostError>,
) -> Result<Vec<TakenLetter<P::Verdict>>, HostError> {
    let mut with = Some(with);
    let mut taken = Vec::new();
    let mut rest = letters;
    loop {
        let now = host.now();
        let some = host.write(|page| {
            let mut some = Vec::new();
            for letter in rest {
                some.push(take_one(host.party(), page, letter, now)?);
                if page.written() > ENOUGH {
                    break;
                }
            }
            if some.len() == rest.len()
                && let Some(with) = with.take()
            {
                with(page, now)?;
            }
            Ok::<_, HostError>(some)
        })?;
        rest = rest.get(some.len()..).unwrap_or_default();
        taken.extend(some);
        if rest.is_empty() {
            return Ok(taken);
        }
    }
}

fn take_one<P: Party>(
    party: &P,
    page: &mut Page<'_, '_, P>,
    letter: &Arrival,
    now: Time,
) -> Result<TakenLetter<P::Verdict>, HostError> {
    let message_id = letter.message_id.clone();
    let input = match &letter.brings {
        Brings::Nothing => {
            let verdict = None;
            return Ok(TakenLetter {
                message_id,
                verdict,
            });
        }
        Brings::Statement(received) => Input::Letter(received),
        Brings::OwnStatement { from, json } => Input::FoundInSent {
            from,
            json,
            message_id: message_id.as_deref(),
        },
        Brings::Report(returned) => Input::CameBack(returned),
    };
    let mut ids = fresh_ids()?;
    let decision = party.decide(page.rows(), input, now, &mut ids);
    let verdict = match page.record(decision, &letter.octets, now, &mut ids) {
        Ok(recorded) => Some(recorded.verdict),
        Err(e) if e.is_of_the_decision() => {
            let id = message_id.as_deref().unwrap_or_default();
            tracing::error!("the letter {}: {e}", untrusted::show(id));
            None
        }
        Err(e) => return Err(e),
    };
    Ok(TakenLetter {
        message_id,
        verdict,
    })
}
