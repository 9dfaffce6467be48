//! The path of a letter in, top to bottom. Read this first.
//!
//! A letter is fetched (or read from a file) as octets. [`take_in`] has its sender proven
//! ([`Reader`]), makes of it what the ledger takes, has it judged, and records input and outcome in one durable write
//! together with the mailbox cursor; [`crate::notify`] tells the person. What DNS could not decide
//! is held, and its sender proven again later ([`crate::held`]).
//!
//! Nothing is dropped on the way: what is not ours is counted, everything else becomes an entry.

use std::collections::BTreeSet;
use std::sync::Arc;

use tradepost_buyer::{self as buyer, Judgement};
use tradepost_letters::{
    Letter, LetterContent, OpenedLetter, RelayPolicy, StatementPart, UnreadableKind,
};
use tradepost_proof::blocking;
use tradepost_proof::dkim::{NoProver, Proven, Prover, Unproven};
use tradepost_statements::{Address, Time};
use tradepost_trades::letter::{self as trades, LetterFacts, Received};

use crate::config::Config;
use crate::ledger::{Entered, Entry, Input, LedgerError};
use crate::office::Office;

/// Where a letter lay, which decides whose word it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lay {
    /// In a folder that receives: the letter is judged.
    Inbox,
    /// Among the letters that were sent from this mailbox: it is our own word (protocol 5).
    Sent,
}

/// What became of a letter.
#[derive(Debug)]
pub(crate) struct Taken {
    /// Its Message-ID, to name it by.
    pub(crate) message_id: Option<String>,
    /// How it was judged; none where it is not ours, or brought no statement.
    pub(crate) judgement: Option<Judgement>,
}

/// Takes letters in, in their order, and what belongs to them, such as the cursor of their folder.
/// Once this returns, all of it is durable.
pub(crate) async fn take_in(
    office: &Arc<Office>,
    letters: Vec<Unproven>,
    lay: Lay,
    with: Vec<Input>,
) -> Result<(Vec<Taken>, Entered), LedgerError> {
    let read = office.reader.read(letters, lay, office.ledger.now()).await;
    let mut taken = Vec::new();
    let mut inputs = Vec::new();
    let mut places = Vec::new();
    for Read { message_id, input } in read {
        if let Some(input) = input {
            places.push(taken.len());
            inputs.push(input);
        }
        taken.push(Taken {
            message_id,
            judgement: None,
        });
    }
    inputs.extend(with);
    // Judged (protocol 5) and recorded, in one durable write.
    let entered = office.enter(inputs).await?;
    for (place, judgement) in places.into_iter().zip(&entered.judgements) {
        if let Some(taken) = taken.get_mut(place) {
            taken.judgement.clone_from(judgement);
        }
    }
    Ok((taken, entered))
}

/// Reads letters for the ledger. Needs no ledger itself.
pub(crate) struct Reader {
    prover: Prover,
    policy: RelayPolicy,
    ours: BTreeSet<Address>,
}

/// What a letter is to the ledger.
pub(crate) struct Read {
    /// Its Message-ID, to name it by.
    pub(crate) message_id: Option<String>,
    /// What is to be entered; none where the letter is not ours.
    pub(crate) input: Option<Input>,
}

impl Reader {
    /// Reads letters as a configuration says.
    pub(crate) fn new(config: &Config) -> Result<Reader, NoProver> {
        Ok(Reader {
            prover: Prover::new(config.keys.clone())?,
            policy: config.policy.clone(),
            ours: config.settings.ours.clone(),
        })
    }

    /// What letters are to the ledger, in their order.
    pub(crate) async fn read(&self, letters: Vec<Unproven>, lay: Lay, now: Time) -> Vec<Read> {
        match lay {
            Lay::Inbox => {
                let proven = self.prove(letters, now).await;
                proven.into_iter().map(|p| read_received(p, now)).collect()
            }
            // "Letters in Sent need no evidence", so nobody is asked for keys.
            Lay::Sent => {
                let ours = self.ours.clone();
                let read = move || {
                    letters
                        .into_iter()
                        .map(|l| read_sent(l, &ours, now))
                        .collect()
                };
                blocking(read).await
            }
        }
    }

    /// Opens letters and establishes their evidence (protocol 5, 6, 2): the only step that asks
    /// anybody, and it asks only DNS.
    pub(crate) async fn prove(&self, letters: Vec<Unproven>, now: Time) -> Vec<Proven> {
        self.prover.prove(letters, &self.policy, now).await
    }
}

/// Of a letter whose sender is as well proven as can be.
fn read_received(proven: Proven, now: Time) -> Read {
    let message_id = proven.opened.letter.message_id.clone();
    if let Some(bounce) = bounce(&proven.opened, now) {
        return Read {
            message_id,
            input: Some(bounce),
        };
    }
    Read {
        message_id,
        input: to_enter(proven, now),
    }
}

/// What is to be entered of a letter; none when it has no Tradepost part (protocol 5, line 1).
fn to_enter(proven: Proven, now: Time) -> Option<Input> {
    let received = received(&proven)?;
    // No letter is judged before it was received: where this computer's clock is behind the
    // provider's, the provider's counts.
    let now = now.max(proven.received_at);
    Some(Input {
        entry: Entry::Received { received, now },
        // The whole letter goes along; the ledger keeps it where the verdict asks for that.
        letter: proven.octets,
    })
}

/// What the judgement needs of a letter.
fn received(proven: &Proven) -> Option<Received> {
    let content = content(&proven.opened)?;
    let letter = &proven.opened.letter;
    Some(Received {
        letter: facts(letter),
        author: letter.author.as_ref().ok().cloned(),
        evidence: proven.opened.evidence,
        undecided: proven.undecided,
        proof: proven.opened.proof.clone(),
        digest: letter.digest_hex(),
        received_at: proven.received_at,
        content,
    })
}

/// What a letter says of itself.
fn facts(letter: &Letter) -> LetterFacts {
    LetterFacts {
        message_id: letter.message_id.clone(),
        from: letter.from_text.clone(),
        subject: letter.subject.clone(),
        date: letter.date,
        size: u64::try_from(letter.size).unwrap_or(u64::MAX),
    }
}

/// The Tradepost part as the judgement takes it.
pub(crate) fn content(opened: &OpenedLetter) -> Option<trades::Content> {
    match &opened.content {
        LetterContent::NotOurs => None,
        LetterContent::Statement(_) => Some(match json_of(&opened.letter) {
            Some(json) => trades::Content::Statement(json),
            None => trades::Content::Unreadable {
                why: trades::Unreadable::Unreadable,
                text: "the statement is not UTF-8".to_owned(),
            },
        }),
        LetterContent::Unreadable { why, text } => Some(trades::Content::Unreadable {
            why: match why {
                UnreadableKind::Unreadable => trades::Unreadable::Unreadable,
                UnreadableKind::Unsupported => trades::Unreadable::Unsupported,
                UnreadableKind::Undecryptable => trades::Unreadable::Undecryptable,
            },
            text: text.clone(),
        }),
    }
}

/// A bounce tells of a letter of ours; whatever it returns inside is not said anew. What says something
/// itself is a letter, however much it looks like a bounce: it is judged.
fn bounce(opened: &OpenedLetter, now: Time) -> Option<Input> {
    if !matches!(opened.content, LetterContent::NotOurs) {
        return None;
    }
    let bounce = opened.letter.bounce.as_ref().filter(|b| b.failed())?;
    let returned = buyer::BouncedLetter {
        message_ids: bounce.message_ids.clone(),
        text: bounce.text(),
        doubt: opened.bounce_doubt().map(str::to_owned),
        claims_to_be_ours: bounce.is_about_a_statement,
        letter: Some(facts(&opened.letter)),
    };
    Some(Input::of(Entry::Bounced { returned, now }))
}

/// Of a copy of one of our own letters: whoever put it into Sent had the password of the mailbox.
fn read_sent(letter: Unproven, ours: &BTreeSet<Address>, now: Time) -> Read {
    let opened = tradepost_letters::open(&letter.octets, &RelayPolicy::default());
    let message_id = opened.letter.message_id.clone();
    let input = bounce(&opened, now).or_else(|| {
        let entry = Entry::FoundInSent {
            json: own_statement(&opened, ours)?,
            message_id: message_id.clone(),
            now,
        };
        Some(Input {
            entry,
            letter: letter.octets,
        })
    });
    Read { message_id, input }
}

/// The JSON octets of the statement in a copy of one of our own letters.
fn own_statement(opened: &OpenedLetter, ours: &BTreeSet<Address>) -> Option<String> {
    let LetterContent::Statement(decoded) = &opened.content else {
        return None;
    };
    if ours.contains(&decoded.statement.from) {
        json_of(&opened.letter)
    } else {
        None
    }
}

fn json_of(letter: &Letter) -> Option<String> {
    match &letter.statement {
        StatementPart::Part(octets) => String::from_utf8(octets.clone()).ok(),
        StatementPart::None | StatementPart::Encrypted | StatementPart::Unreadable(_) => None,
    }
}
