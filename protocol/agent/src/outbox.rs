//! Letters that wait to be submitted: what is known of each, when it is tried next, how it ended.
//!
//! ```text
//!            ┌── later ──┐
//!            ▼           │
//! queue ─► queued ─► (submit) ─► accepted
//!            ▲           ├─────► refused ──┐
//!            │           └─────► expired ──┤
//!            └────────── retry ────────────┘
//! ```
//!
//! What was accepted can still come back; then it counts as failed, and may be retried.
//!
//! A limit of the account, or a server that is down, is no matter of one letter: then all of them wait
//! ([`Pause`]), and one at a time tries whether it has passed.
//!
//! Rows and pure decisions; [`send`] is the loop that acts on them. The bytes of a letter lie in
//! the journal, as the blob of the record that queued it, and every try sends the same bytes
//! (protocol 6). A letter that was under way when the process ended goes again: the receiver
//! drops the duplicate (protocol 5, line 7). No item is ever removed: its end stays on record.
//!
//! What happened is an [`OutboxEntry`], which the agent puts into its journal; [`apply`] makes rows of
//! it.

mod list;
mod pause;
mod rows;
mod send;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tradepost_statements::{Address, Kind, RequestId, StatementId, Time, TradeRef};

use tradepost_post::schedule;
use tradepost_post::smtp::Submission;
use tradepost_store::Position;

pub use list::{Filter, RECENT, RetryRefused, Waiting, list, retry_all_now, retry_now};
pub use pause::Pause;
pub(crate) use rows::queued_in;
pub use rows::{Due, apply, due, item, next_wake, pause};
pub use send::{Carriage, Failure, OutboxSignal, Pace, send};

/// What happened to the outbox, as the agent's journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outbox", rename_all = "kebab-case")]
#[expect(
    clippy::large_enum_variant,
    reason = "entries are written and read one at a time, never kept in number"
)]
pub enum OutboxEntry {
    /// A letter waits. The record's blob is the letter, and the record's position the item's id.
    Queued(NewItem),
    /// A letter was tried, or given up while all wait.
    Tried(Tried),
    /// The operator wants a letter to be tried at once, one that has failed for good too.
    RetryNow {
        /// The item of the letter.
        id: Position,
        /// When that was said.
        at: Time,
    },
    /// A letter that was accepted has come back.
    CameBack {
        /// The item of the letter.
        id: Position,
        /// When that was learned.
        at: Time,
        /// Why, in words for people.
        text: String,
    },
}

/// A letter to be queued: one recipient (protocol 6, one statement per letter).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewItem {
    /// The sender, for the letter's envelope.
    pub from: Address,
    /// The recipient, for the letter's envelope.
    pub to: Address,
    /// The letter's Message-ID, without angle brackets.
    pub message_id: String,
    /// The statement that it carries, or that a notice for people is about.
    pub statement: StatementId,
    /// The kind of that statement, by which the log names the letter.
    pub kind: Kind,
    /// The trade that it is about.
    #[serde(default)]
    pub trade: Option<TradeRef>,
    /// The request that it is about.
    #[serde(default)]
    pub request: Option<RequestId>,
    /// When it was queued; it expires that much later.
    pub queued_at: Time,
}

/// A letter in the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its name, and where its bytes are: the record of the journal that queued it.
    pub id: Position,
    /// The sender on the envelope.
    pub from: Address,
    /// The recipient on the envelope.
    pub to: Address,
    /// The letter's Message-ID, without angle brackets.
    pub message_id: String,
    /// The statement that it carries, or that a notice for people is about.
    pub statement: StatementId,
    /// The kind of that statement, by which the log names the letter.
    pub kind: Kind,
    /// The trade that it is about; none where the statement names none.
    pub trade: Option<TradeRef>,
    /// The request that it is about; none where the statement names none.
    pub request: Option<RequestId>,
    /// When it was queued; a retry does not change it.
    pub queued_at: Time,
    /// How often it was tried.
    pub attempts: u32,
    /// How often in a row it has failed, since it was queued or retried after its end.
    pub failures: u32,
    /// Since when: from then on the time until it expires is counted.
    pub waiting_since: Time,
    /// That it came back, after the submission server had accepted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub came_back: Option<CameBack>,
    /// Where it stands; as [`item()`] gives it, a pause of all letters counts.
    #[serde(flatten)]
    pub state: State,
}

/// A letter was accepted, and did not arrive (RFC 3464).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CameBack {
    /// When that was learned.
    pub at: Time,
    /// Why, in words for people.
    pub text: String,
}

/// Where a letter stands: it waits, or has come to an end that only a retry undoes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// It waits to be tried, for the first time or once more.
    Queued {
        /// When it is tried next.
        next_try: Time,
        /// Why it was not accepted the last time.
        last_error: Option<String>,
    },
    /// The submission server has it. Whether it arrives is that server's business.
    Accepted {
        /// When the answer came.
        at: Time,
        /// The server's words, at most 1,000 characters. Untrusted: escape them before they are shown.
        reply: String,
    },
    /// The submission server will not have it.
    Refused {
        /// When the answer came, or this side refused it.
        at: Time,
        /// The server's code; none when this side found that it can't be sent.
        code: Option<u16>,
        /// Why, in words for people.
        text: String,
    },
    /// It could not be handed over in all the time that there was.
    Expired {
        /// When it was given up.
        at: Time,
        /// Why it was not accepted the last time.
        last_error: String,
    },
}

/// A try and what it means for the letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// The item of the letter.
    pub id: Position,
    /// When the try had ended, or the letter was given up without one.
    pub at: Time,
    /// What the try means for this letter.
    pub outcome: Outcome,
    /// How long all letters wait for it now; none where it was this letter's own matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
}

impl Tried {
    /// When it is tried again, where it is; it may have to wait with all others.
    #[must_use]
    pub fn next_try(&self) -> Option<Time> {
        let Outcome::Later { next_try, .. } = &self.outcome else {
            return None;
        };
        let paused = self.pause.as_ref().map(|pause| pause.until);
        Some(paused.map_or(*next_try, |until| until.max(*next_try)))
    }
}

/// What becomes of a letter after a try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// It ends as [`State::Accepted`].
    Accepted {
        /// The server's words, at most 1,000 characters. Untrusted: escape them before they are shown.
        reply: String,
    },
    /// It ends as [`State::Refused`].
    Refused {
        /// The server's code; none when this side found that it can't be sent.
        code: Option<u16>,
        /// Why, in words for people.
        text: String,
    },
    /// It ends as [`State::Expired`].
    Expired {
        /// Why it was not accepted the last time.
        text: String,
    },
    /// It stays [`State::Queued`].
    Later {
        /// When it is tried next, unless all letters wait for longer ([`Tried::next_try`]).
        next_try: Time,
        /// Why it was not accepted.
        text: String,
    },
}

/// How long a letter is tried, and how often (protocol 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The wait after the first failure; it doubles with each.
    pub first: Duration,
    /// The wait does not double beyond this.
    pub longest: Duration,
    /// After so long without success it is expired.
    pub give_up_after: Duration,
}

impl Default for Policy {
    /// Protocol 7: 5 minutes, growing to 1 hour, for 5 days.
    fn default() -> Policy {
        Policy {
            first: Duration::from_secs(5 * 60),
            longest: Duration::from_secs(60 * 60),
            give_up_after: Duration::from_secs(5 * 24 * 60 * 60),
        }
    }
}

/// Servers' answers are kept to that many characters: enough for the longest that makes sense.
const LONGEST_TEXT: usize = 1_000;

/// Decides what a try means for a letter, and for all others: `pause` is what they waited for up to now.
/// `jitter`, from 0 to 1, spreads the waits.
#[must_use]
pub fn tried(
    item: &Item,
    submission: &Submission,
    pause: Option<&Pause>,
    now: Time,
    jitter: f64,
    policy: &Policy,
) -> Tried {
    let short = |text: &str| text.chars().take(LONGEST_TEXT).collect::<String>();
    let mut longer = None;
    let outcome = match submission {
        Submission::Accepted { reply } => Outcome::Accepted {
            reply: short(reply),
        },
        Submission::Refused { code, text } => Outcome::Refused {
            code: *code,
            text: short(text),
        },
        Submission::TryAgain { text, whose } => {
            let text = short(text);
            longer = Pause::after(pause, *whose, &text, now, jitter, policy);
            let end = item.ends(policy);
            if now >= end {
                Outcome::Expired { text }
            } else {
                let failures = item.failures.saturating_add(1);
                let wait = schedule::next_try(failures, policy.first, policy.longest, jitter);
                // The last try is at the very end, not a wait before it. And a wait of nothing
                // would never end.
                let wait = wait.max(Duration::from_millis(1));
                let next_try = now.plus(wait).min(end);
                Outcome::Later { next_try, text }
            }
        }
    };
    Tried {
        id: item.id,
        at: now,
        outcome,
        pause: longer,
    }
}

/// A letter whose time has ended while all wait: it is expired without another try, since what they
/// wait for would refuse it too.
#[must_use]
pub(crate) fn over(item: &Item, pause: &Pause, now: Time, policy: &Policy) -> Option<Tried> {
    (now >= item.ends(policy)).then(|| Tried {
        id: item.id,
        at: now,
        outcome: Outcome::Expired {
            text: pause.text.clone(),
        },
        pause: Some(pause.clone()),
    })
}

impl Item {
    fn ends(&self, policy: &Policy) -> Time {
        self.waiting_since.plus(policy.give_up_after)
    }
}
