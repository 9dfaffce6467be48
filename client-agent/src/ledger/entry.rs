//! What stands in the journal beside the kernel's own entries, and what each entry means for the rows.

use serde::{Deserialize, Serialize};
use tradepost_agent::outbox;
use tradepost_agent::party::{Input, Made};
use tradepost_buyer::{
    self as buyer, Act, BouncedLetter, BuyerChange, BuyerSettings, Counted, Judgement, NewProof,
    OwnHow, Verdict,
};
use tradepost_statements::Time;
use tradepost_store::Position;
use tradepost_trades::letter::{Content, Received};
use tradepost_trades::rows::{Row, Rows};

use super::events::{self, EventId};
use super::trust::{LettersLeft, Trust, left_to_prove};
use super::{Ledger, daily, unread, words};

/// An input to the ledger, as it stands in the journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "entry")]
pub(crate) enum LedgerEntry {
    /// Whose letters are believed from here on. Those up to a number, whose senders were not, are
    /// to be proven again.
    Trust {
        /// All of it, not only what has changed.
        trust: Trust,
        /// The number of the last letter that came before.
        through: u64,
    },
    /// Of the letters that are to be proven again, those up to here were.
    JudgedThrough {
        /// The number of the last of them.
        letter: u64,
    },
    /// What reads letters from here on. Those up to a number, whose statements were not understood,
    /// are to be read again.
    Reads {
        /// The program's version, and the kinds of statements that it knows.
        by: String,
        /// The last letter before.
        through: u64,
    },
    /// Of the letters that are to be read again, those up to here were.
    ReadThrough {
        /// The number of the last of them.
        letter: u64,
    },
    /// A letter was read again, and is understood now.
    ReadAgain {
        /// The letter's number.
        letter: u64,
        /// What it holds.
        content: Content,
        /// When.
        now: Time,
    },
    /// The sender of a letter was proven again, which was kept whole, or else judged again by the
    /// proof that there was.
    ProvenAgain {
        /// Its number in the ledger.
        letter: u64,
        /// How the sender is proven now; none where the letter was not kept.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        proof: Option<NewProof>,
        /// When the new proof was judged.
        now: Time,
    },
    /// A letter that is only counted: a flood of such letters fills no disk.
    Counted {
        /// The group or the earlier letter that it adds to.
        counted: Counted,
        /// When it was judged.
        now: Time,
    },
    /// A letter with a Tradepost part. The record's blob is the letter where it is kept.
    Received {
        /// What the judgement needs of it.
        received: Received,
        /// When it was judged.
        now: Time,
    },
    /// A copy of a letter of ours that was not sent from here, or is not known here any more.
    FoundInSent {
        /// The statement's octets.
        json: String,
        /// Of the letter.
        message_id: Option<String>,
        /// When it was found.
        now: Time,
    },
    /// Letters of ours came back, or never left.
    Bounced {
        /// Their Message-IDs, and why they came back.
        #[serde(flatten)]
        returned: BouncedLetter,
        /// When it was read.
        now: Time,
    },
    /// The person decided something, or a daily plan got its next time.
    Act {
        /// One that was refused is not recorded.
        act: Act,
        /// When it was done.
        now: Time,
    },
    /// Time passed, and something was due.
    Ticked {
        /// What was due by then was done.
        now: Time,
    },
    /// Letters could not be had from the mailbox, or could at last.
    Unread {
        /// Which could not.
        letters: Vec<buyer::UnreadLetter>,
        /// The places of those that could, or are there no more.
        settled: Vec<String>,
        /// When that was learned.
        now: Time,
    },
    /// From here on, events are kept for the person's own program, or are not any more.
    Notify {
        /// Whether they are kept.
        on: bool,
        /// Those that wait to be told stay although no more are kept.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        keeps_waiting: bool,
    },
    /// The person's own program has taken an event, or would not for too long.
    Told {
        /// It is told no more.
        event: EventId,
    },
}

impl LedgerEntry {
    /// When it was entered, of those that decide something.
    pub(super) fn time(&self) -> Option<Time> {
        match self {
            LedgerEntry::Received { now, .. }
            | LedgerEntry::ProvenAgain { now, .. }
            | LedgerEntry::ReadAgain { now, .. }
            | LedgerEntry::Counted { now, .. }
            | LedgerEntry::FoundInSent { now, .. }
            | LedgerEntry::Bounced { now, .. }
            | LedgerEntry::Act { now, .. }
            | LedgerEntry::Unread { now, .. }
            | LedgerEntry::Ticked { now } => Some(*now),
            LedgerEntry::Trust { .. }
            | LedgerEntry::JudgedThrough { .. }
            | LedgerEntry::Reads { .. }
            | LedgerEntry::ReadThrough { .. }
            | LedgerEntry::Notify { .. }
            | LedgerEntry::Told { .. } => None,
        }
    }
}

/// What is entered of what the kernel brings, and the size of the letter that came with it; none where there
/// is nothing to decide.
pub(super) fn of(
    ledger: &Ledger,
    rows: &dyn Rows,
    input: Input<'_>,
    now: Time,
) -> Option<(LedgerEntry, u64)> {
    let entry = match input {
        Input::Letter(received) => {
            let octets = received.letter.size;
            // No letter is judged before it was received: where this computer's clock is behind the
            // provider's, the provider's counts.
            let now = now.max(received.received_at);
            let received = received.clone();
            return Some((LedgerEntry::Received { received, now }, octets));
        }
        Input::FoundInSent {
            from,
            json,
            message_id,
        } => {
            if !ledger.is_ours(from) {
                return None;
            }
            LedgerEntry::FoundInSent {
                json: json.to_owned(),
                message_id: message_id.map(str::to_owned),
                now,
            }
        }
        Input::ProvenAgain { id, received } => LedgerEntry::ProvenAgain {
            letter: id.parse().ok()?,
            proof: received.map(|r| NewProof {
                evidence: r.evidence,
                undecided: r.undecided,
                proof: r.proof.clone(),
            }),
            now,
        },
        Input::CameBack(report) => LedgerEntry::Bounced {
            returned: BouncedLetter {
                message_ids: report.message_ids.clone(),
                text: report.text.clone(),
                doubt: report.doubt.clone(),
                claims_to_be_ours: report.claims_to_be_ours,
                letter: Some(report.letter.clone()),
            },
            now,
        },
        Input::Unread(news) => unread::entry(rows, news),
        // The person is to see that it did not go out, as if it had come back.
        Input::Tried { item, tried } => match &tried.outcome {
            outbox::Outcome::Accepted { .. } | outbox::Outcome::Later { .. } => return None,
            outbox::Outcome::Refused { text, .. } | outbox::Outcome::Expired { text } => {
                LedgerEntry::Bounced {
                    returned: BouncedLetter {
                        message_ids: vec![item.message_id.clone()],
                        text: text.clone(),
                        ..BouncedLetter::default()
                    },
                    now,
                }
            }
        },
        Input::Due { .. } => match buyer::without_time(rows).into_iter().next() {
            Some((plan, when)) => {
                let next = daily::next(&when, now);
                let act = Act::ScheduleNext { plan, next };
                LedgerEntry::Act { act, now }
            }
            None => LedgerEntry::Ticked { now },
        },
    };
    Some((entry, 0))
}

const TRUST: &[u8] = b"c/trust";
const LEFT: &[u8] = b"c/again";
const READS: &[u8] = b"c/reads";
const TO_READ_AGAIN: &[u8] = b"c/read-again";
const LETTERS: &str = "c/letter/";

/// What the trades' decisions say to an entry.
pub(super) fn decide(
    settings: &BuyerSettings,
    rows: &dyn Rows,
    entry: &LedgerEntry,
) -> Result<BuyerChange, buyer::ActRefusal> {
    Ok(match entry {
        LedgerEntry::Received { received, now } => buyer::receive(settings, rows, received, *now),
        LedgerEntry::FoundInSent {
            json,
            message_id,
            now,
        } => {
            let id = message_id.as_deref();
            buyer::own(settings, rows, json, id, OwnHow::FoundInSent, *now)
        }
        LedgerEntry::Bounced { returned, now } => buyer::bounced(settings, rows, returned, *now),
        LedgerEntry::Act { act, now } => buyer::act(settings, rows, act, *now)?,
        LedgerEntry::Ticked { now } => buyer::tick(settings, rows, *now),
        LedgerEntry::ProvenAgain { letter, proof, now } => {
            buyer::proven_again(settings, rows, *letter, proof.as_ref(), *now)
        }
        LedgerEntry::ReadAgain {
            letter,
            content,
            now,
        } => buyer::read_again(settings, rows, *letter, content, *now),
        LedgerEntry::Counted { counted, now } => buyer::count(settings, rows, *counted, *now),
        LedgerEntry::Unread {
            letters,
            settled,
            now,
        } => buyer::unread(settings, rows, letters, settled, *now),
        LedgerEntry::Trust { .. }
        | LedgerEntry::JudgedThrough { .. }
        | LedgerEntry::Reads { .. }
        | LedgerEntry::ReadThrough { .. }
        | LedgerEntry::Notify { .. }
        | LedgerEntry::Told { .. } => BuyerChange::default(),
    })
}

/// Whether an entry is recorded although the trades' decisions had nothing to write.
pub(super) fn has_rows_of_its_own(entry: &LedgerEntry) -> bool {
    match entry {
        LedgerEntry::Trust { .. }
        | LedgerEntry::JudgedThrough { .. }
        | LedgerEntry::Reads { .. }
        | LedgerEntry::ReadThrough { .. }
        | LedgerEntry::Notify { .. }
        | LedgerEntry::Told { .. } => true,
        LedgerEntry::Received { .. }
        | LedgerEntry::ProvenAgain { .. }
        | LedgerEntry::ReadAgain { .. }
        | LedgerEntry::Counted { .. }
        | LedgerEntry::FoundInSent { .. }
        | LedgerEntry::Bounced { .. }
        | LedgerEntry::Act { .. }
        | LedgerEntry::Unread { .. }
        | LedgerEntry::Ticked { .. } => false,
    }
}

/// Protocol 5: a letter that was warned, held or not understood is kept whole up to this
/// size; one that waits for DNS whatever its size, since it has to be proven again.
const KEPT_OCTETS: u64 = 256 * 1024;

/// Whether the letter is kept whole: one that was not simply believed.
pub(super) fn keeps_letter(
    entry: &LedgerEntry,
    judgement: Option<&Judgement>,
    octets: u64,
) -> bool {
    if !matches!(entry, LedgerEntry::Received { .. }) {
        return false;
    }
    // Protocol 5: what is only counted in its group is not kept.
    let doubtful = judgement.is_some_and(|j| {
        j.letter.is_some() && matches!(j.verdict, Verdict::Held | Verdict::Warned)
    });
    let waits_for_dns = judgement.is_some_and(|j| j.verdict == Verdict::Held && j.rule == Some(2));
    waits_for_dns || doubtful && octets <= KEPT_OCTETS
}

/// What an entry makes. `keeps`: its letter stands in the journal.
pub(super) fn made(
    rows: &dyn Rows,
    entry: &LedgerEntry,
    change: BuyerChange,
    keeps: bool,
) -> Made<Ledger> {
    let letter = change.judgement.as_ref().and_then(|j| j.letter);
    let letter = letter.filter(|_| keeps && matches!(entry, LedgerEntry::Received { .. }));
    let mut all = change.rows;
    all.extend(own_rows(rows, entry));
    Made {
        rows: all,
        letter_row: letter.map(letter_key),
        words: words::of(entry),
        notices: change.notices,
    }
}

/// The rows that are the client's own, beside those of the trades.
fn own_rows(rows: &dyn Rows, entry: &LedgerEntry) -> Vec<Row> {
    match entry {
        LedgerEntry::Trust { trust, through } => {
            let mut out = put(TRUST, trust);
            let left = LettersLeft {
                from: 1,
                through: *through,
            };
            out.extend(still(LEFT, left));
            out
        }
        LedgerEntry::Reads { by, through } => {
            let mut out = put(READS, by);
            let left = LettersLeft {
                from: 1,
                through: *through,
            };
            out.extend(still(TO_READ_AGAIN, left));
            out
        }
        LedgerEntry::ReadThrough { letter } => left_to_read(rows)
            .map(|left| {
                let from = letter.saturating_add(1);
                still(TO_READ_AGAIN, LettersLeft { from, ..left })
            })
            .unwrap_or_default(),
        LedgerEntry::JudgedThrough { letter } => left_to_prove(rows)
            .map(|left| {
                let from = letter.saturating_add(1);
                still(LEFT, LettersLeft { from, ..left })
            })
            .unwrap_or_default(),
        LedgerEntry::Notify { on, keeps_waiting } => events::switch(rows, *on, *keeps_waiting),
        LedgerEntry::Told { event } => events::told(*event),
        LedgerEntry::Received { .. }
        | LedgerEntry::ProvenAgain { .. }
        | LedgerEntry::ReadAgain { .. }
        | LedgerEntry::Counted { .. }
        | LedgerEntry::FoundInSent { .. }
        | LedgerEntry::Bounced { .. }
        | LedgerEntry::Act { .. }
        | LedgerEntry::Unread { .. }
        | LedgerEntry::Ticked { .. } => Vec::new(),
    }
}

fn still(key: &[u8], left: LettersLeft) -> Vec<Row> {
    if left.from <= left.through {
        put(key, &left)
    } else {
        vec![Row::delete(key)]
    }
}

/// What is put here is plain data with string keys: it always has a JSON form.
pub(super) fn put<T: Serialize>(key: impl Into<Vec<u8>>, value: &T) -> Vec<Row> {
    match serde_json::to_vec(value) {
        Ok(json) => vec![Row::put(key, json)],
        Err(_) => Vec::new(),
    }
}

fn letter_key(no: u64) -> String {
    format!("{LETTERS}{no:016x}")
}

/// The trust that the journal has noted last.
pub(super) fn trust(rows: &dyn Rows) -> Option<Trust> {
    serde_json::from_slice(&rows.get(TRUST)?).ok()
}

/// Which letters are still to be proven again.
pub(super) fn left(rows: &dyn Rows) -> Option<LettersLeft> {
    serde_json::from_slice(&rows.get(LEFT)?).ok()
}

/// What the journal has noted last to read letters.
pub(super) fn reads(rows: &dyn Rows) -> Option<String> {
    serde_json::from_slice(&rows.get(READS)?).ok()
}

/// Which letters are still to be read again.
pub(super) fn left_to_read(rows: &dyn Rows) -> Option<LettersLeft> {
    serde_json::from_slice(&rows.get(TO_READ_AGAIN)?).ok()
}

/// Where a letter is kept whole, by its number in the ledger.
pub(crate) fn kept_letter(rows: &dyn Rows, no: u64) -> Option<Position> {
    serde_json::from_slice(&rows.get(letter_key(no).as_bytes())?).ok()
}
