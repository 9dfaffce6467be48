//! A letter that came: opened, its sender proven as well as can be, and what it is to us. Needs no store, and
//! asks nobody but DNS.

mod bounce;

use tradepost_letters::{
    Letter, LetterContent, OpenedLetter, RelayPolicy, StatementPart, UnreadableKind,
};
use tradepost_proof::blocking;
use tradepost_proof::dkim::{KeySource, NoProver, Proven, Prover, Unproven};
use tradepost_statements::{Address, Time};
use tradepost_trades::letter::{Content, LetterFacts, ReadStatement, Received, Unreadable};

pub use bounce::Returned;

/// Where a letter was found, which decides whose word it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundIn {
    /// In a folder that receives: the letter is judged.
    Inbox,
    /// Among the letters that were sent from this mailbox: it is our own word (protocol 5).
    Sent,
}

/// A letter that came, opened, its sender as well proven as can be.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Its Message-ID, to name it by.
    pub message_id: Option<String>,
    /// What it is to us.
    pub brings: Brings,
    /// The whole letter as it came, for the journal where the party has it kept.
    pub octets: Vec<u8>,
}

/// What a letter is to us.
#[derive(Debug, Clone)]
pub enum Brings {
    /// Nothing: it has no Tradepost part (protocol 5, line 1).
    Nothing,
    /// A statement, or what should have been one.
    Statement(Box<Received>),
    /// A statement of our own: a copy of what was sent from this mailbox.
    OwnStatement {
        /// The `from` of the statement, whatever the letter's own From says.
        from: Address,
        /// The statement's JSON, octet for octet.
        json: String,
    },
    /// A report that letters of ours came back.
    Report(Box<Returned>),
}

/// Opens letters and has their senders proven. Needs no store.
#[derive(Clone)]
pub struct Reader {
    prover: Prover,
    policy: RelayPolicy,
}

impl Reader {
    /// Reads letters by these keys, and these words of a provider.
    ///
    /// # Errors
    /// There is no way to ask DNS.
    pub fn new(keys: KeySource, policy: RelayPolicy) -> Result<Reader, NoProver> {
        Ok(Reader {
            prover: Prover::new(keys)?,
            policy,
        })
    }

    /// What letters are to us, in their order.
    pub async fn read(&self, letters: Vec<Unproven>, found_in: FoundIn, now: Time) -> Vec<Arrival> {
        match found_in {
            FoundIn::Inbox => {
                let proven = self.prover.prove(letters, &self.policy, now).await;
                proven.into_iter().map(received).collect()
            }
            // "Letters in Sent need no evidence", so nobody is asked for keys.
            FoundIn::Sent => {
                blocking(move || letters.into_iter().map(|l| sent(l, now)).collect()).await
            }
        }
    }
}

fn received(proven: Proven) -> Arrival {
    let message_id = proven.opened.letter.message_id.clone();
    let brings = match bounce::read(&proven) {
        Some(report) => Brings::Report(Box::new(report)),
        None => match content(&proven.opened) {
            Some(content) => Brings::Statement(Box::new(as_received(&proven, content))),
            None => Brings::Nothing,
        },
    };
    Arrival {
        message_id,
        brings,
        octets: proven.octets,
    }
}

/// What a judgement needs of a letter.
fn as_received(proven: &Proven, content: Content) -> Received {
    let letter = &proven.opened.letter;
    Received {
        letter: facts(letter),
        author: letter.author.as_ref().ok().cloned(),
        evidence: proven.opened.evidence,
        undecided: proven.undecided,
        proof: proven.opened.proof.clone(),
        digest: letter.digest_hex(),
        received_at: proven.received_at,
        content,
    }
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

/// The Tradepost part as a judgement takes it; none where there is none.
#[must_use]
pub fn content(opened: &OpenedLetter) -> Option<Content> {
    let unreadable = |why, text: &str| Content::Unreadable {
        why,
        text: text.to_owned(),
    };
    match &opened.content {
        LetterContent::NotOurs => None,
        LetterContent::Statement(decoded) => Some(match json_of(&opened.letter) {
            Some(json) => Content::Statement(ReadStatement::of((**decoded).clone(), json)),
            None => unreadable(Unreadable::Unreadable, "the statement is not UTF-8"),
        }),
        LetterContent::Unreadable { why, text } => {
            let why = match why {
                UnreadableKind::Unreadable => Unreadable::Unreadable,
                UnreadableKind::Unsupported => Unreadable::Unsupported,
                UnreadableKind::Undecryptable => Unreadable::Undecryptable,
            };
            Some(unreadable(why, text))
        }
    }
}

fn json_of(letter: &Letter) -> Option<String> {
    match &letter.statement {
        StatementPart::Part(octets) => String::from_utf8(octets.clone()).ok(),
        StatementPart::None | StatementPart::Encrypted | StatementPart::Unreadable(_) => None,
    }
}

/// Of a copy of one of our own letters: whoever put it into Sent had the password of the mailbox.
fn sent(letter: Unproven, now: Time) -> Arrival {
    let opened = tradepost_letters::open(&letter.octets, &RelayPolicy::default());
    let message_id = opened.letter.message_id.clone();
    let proven = Proven {
        octets: letter.octets,
        received_at: letter.received_at.unwrap_or(now),
        opened,
        undecided: None,
    };
    let brings = match (bounce::read(&proven), &proven.opened.content) {
        (Some(report), _) => Brings::Report(Box::new(report)),
        (None, LetterContent::Statement(decoded)) => match json_of(&proven.opened.letter) {
            Some(json) => Brings::OwnStatement {
                from: decoded.statement.from.clone(),
                json,
            },
            None => Brings::Nothing,
        },
        (None, LetterContent::NotOurs | LetterContent::Unreadable { .. }) => Brings::Nothing,
    };
    Arrival {
        message_id,
        brings,
        octets: proven.octets,
    }
}
