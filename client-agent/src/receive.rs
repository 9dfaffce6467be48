//! The path of a letter in, top to bottom. Read this first.
//!
//! A letter is fetched (or read from a file) as octets. [`read`] makes of them what the ledger
//! takes; [`crate::ledger::Ledger::enter`] has it judged, records input and outcome in one durable
//! write together with the mailbox cursor; [`crate::notify`] tells the person.
//!
//! Nothing is dropped on the way: what is not ours is counted, everything else becomes an entry.

use tradepost_letters::{Content, Letter, Opened, RelayPolicy, StatementPart, UnreadableKind};
use tradepost_statements::{Address, Time};
use tradepost_trades::buyer;

use crate::ledger::{Entry, Input};

/// Where a letter lay, which decides whose word it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lay {
    /// In a folder that receives: the letter is judged.
    Inbox,
    /// Among the letters that were sent from this mailbox: it is our own word (protocol 5).
    Sent,
}

/// What a letter is to the ledger.
pub(crate) struct Read {
    /// Its Message-ID, to name it by.
    pub(crate) message_id: Option<String>,
    /// What is to be entered; none where the letter is not ours.
    pub(crate) input: Option<Input>,
}

/// Makes of a letter what the ledger takes. `received_at` is when the own provider received it.
pub(crate) fn read(
    octets: &[u8],
    lay: Lay,
    policy: &RelayPolicy,
    ours: &dyn Fn(&Address) -> bool,
    received_at: Option<Time>,
    now: Time,
) -> Read {
    // Guard and parse the letter, establish its evidence, decode the statement (protocol 5, 6, 2).
    let opened = tradepost_letters::open(octets, policy);
    let message_id = opened.letter.message_id.clone();

    // A bounce tells of a letter of ours; whatever it returns inside is not said anew.
    if let Some(bounce) = opened.letter.bounce.as_ref().filter(|b| b.failed()) {
        let message_ids = bounce.message_ids.clone();
        let text = bounce.text();
        let input = Input::of(Entry::Bounced {
            message_ids,
            text,
            now,
        });
        return Read {
            message_id,
            input: Some(input),
        };
    }

    let entry = match lay {
        Lay::Sent => own_statement(&opened, ours).map(|json| Entry::FoundInSent {
            json,
            message_id: message_id.clone(),
            now,
        }),
        Lay::Inbox => {
            let at = received_at
                .or_else(|| tradepost_letters::time_of_receipt(&opened.letter, policy))
                .unwrap_or(now);
            // No letter is judged before it was received: where this computer's clock is behind
            // the provider's, the provider's counts.
            let now = now.max(at);
            received(&opened, at).map(|received| Entry::Received { received, now })
        }
    };
    // The whole letter goes along; the ledger keeps it where the verdict asks for that.
    let input = entry.map(|entry| Input {
        entry,
        letter: octets.to_vec(),
    });
    Read { message_id, input }
}

/// What the judgement needs of a letter; none when it has no Tradepost part (protocol 5, line 1).
fn received(opened: &Opened, received_at: Time) -> Option<buyer::Received> {
    let content = content(opened)?;
    let letter = &opened.letter;
    Some(buyer::Received {
        letter: buyer::LetterFacts {
            message_id: letter.message_id.clone(),
            from: letter.from_text.clone(),
            subject: letter.subject.clone(),
            date: letter.date,
            size: u64::try_from(letter.size).unwrap_or(u64::MAX),
        },
        author: letter.author.as_ref().ok().cloned(),
        evidence: opened.evidence,
        // DKIM is not verified here yet, so nothing waits for DNS.
        undecided: None,
        proof: opened.proof.clone(),
        digest: letter.digest_hex(),
        received_at,
        content,
    })
}

/// The Tradepost part as the judgement takes it.
pub(crate) fn content(opened: &Opened) -> Option<buyer::Content> {
    match &opened.content {
        Content::NotOurs => None,
        Content::Statement(_) => Some(match json_of(&opened.letter) {
            Some(json) => buyer::Content::Statement(json),
            None => buyer::Content::Unreadable {
                why: buyer::Unreadable::Unreadable,
                text: "the statement is not UTF-8".to_owned(),
            },
        }),
        Content::Unreadable { why, text } => Some(buyer::Content::Unreadable {
            why: match why {
                UnreadableKind::Unreadable => buyer::Unreadable::Unreadable,
                UnreadableKind::Unsupported => buyer::Unreadable::Unsupported,
                UnreadableKind::Undecryptable => buyer::Unreadable::Undecryptable,
            },
            text: text.clone(),
        }),
    }
}

/// The JSON octets of the statement in a copy of one of our own letters.
fn own_statement(opened: &Opened, ours: &dyn Fn(&Address) -> bool) -> Option<String> {
    let Content::Statement(decoded) = &opened.content else {
        return None;
    };
    if ours(&decoded.statement.from) {
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
