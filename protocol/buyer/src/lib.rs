//! The buyer's side: believing only the right sender about the right trade (protocol 5), and
//! keeping the ledger of every purchase (protocol 4).
//!
//! A letter's way: [`receive`] asks the lines that need only the letter itself (1 to 7), files it with
//! its trade, and judges it by what the records of the trade say together (lines 8 to 15); what passes enters its
//! track (line 16, `tracks`). Lines 2 to 15 are the rows of one table, [`RULES`]. A trade's state, and the open
//! warnings about it, are a function of the set of letters filed with it; only lines 7 and 10, and trade records
//! among themselves, go by arrival.
//!
//! Everything is a function of (settings, rows, input, now) and returns a [`BuyerChange`].

mod case;
mod counted;
mod door;
mod evidence;
mod filed;
mod judge;
mod known;
mod namesakes;
mod pages;
mod rules;

mod count;
mod evaluate;
mod expected;
mod expecting;
mod parcels;
mod records;
mod terms;
mod tracks;

mod act;
mod again;
mod answering;
mod asking;
mod backlog;
mod held;
mod look_again;
mod overdue;
mod own;
mod plan;
mod refusal;
mod reorder;
mod returned;
mod say;
mod saying;
mod schedule;
mod tick;
mod understood;
mod undoing;
mod unread;
mod wishes;

mod file;
mod keys;
mod lookalikes;
mod progress;
mod state;
mod totals;
mod trade;

pub mod plain;
pub mod settings;
pub mod view;
pub mod warning;

use serde::{Deserialize, Serialize};
use tradepost_statements::{Kind, StatementId, Time, TradeRef, words};
use tradepost_trades::letter::Received;
use tradepost_trades::rows::{Row, Rows};

pub use act::{Act, act};
pub use again::{NewProof, last_letter, proven_again, unbelieved};
pub use asking::{AskedQuestion, Asking, Subject, ask};
pub use held::{awaiting_proof, next_proof, received_at};
pub use own::{OwnHow, own};
pub use plan::{AskedParty, Plan, Planned, PlannedWhen, Until};
pub use refusal::ActRefusal;
pub use reorder::{OrderOnce, last_order, reorder};
pub use returned::{BouncedLetter, bounced};
pub use rules::{RULES, Rule};
pub use say::{cancel_request, cancel_trade, confirm};
pub use saying::Saying;
pub use schedule::without_time;
pub use settings::{Adopt, BuyerSettings, BuyerTimers};
pub use tick::{next_wake, tick};
pub use understood::{read_again, unsupported};
pub use undoing::{Back, return_goods};
pub use unread::{UnreadLetter, unread};
pub use warning::WarningKind;
pub use wishes::{wishes_for_order, wishes_for_trade};

/// What came of an input: rows to write, and what else is to be done. Nothing has happened until
/// the rows are durable.
#[must_use]
#[derive(Debug, Default)]
pub struct BuyerChange {
    /// To be written together.
    pub rows: Vec<Row>,
    /// Of a letter, how it was judged.
    pub judgement: Option<Judgement>,
    /// Own statements to be sent again now: the same JSON octets in a new letter.
    pub say_again: Vec<StatementId>,
    /// What the ledger itself wants said now, in new statements.
    pub say: Vec<Saying>,
    /// What a person would want to know.
    pub notices: Vec<Notice>,
    /// The letter only counts something up: this is recorded in its place.
    pub counted: Option<Counted>,
}

/// What a letter adds to that is not judged by itself: all that a journal needs of it, so that a
/// flood of such letters fills no disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counted {
    /// One more letter below the minimum, in a group of which enough are kept: the number of the
    /// warning that counts the rest.
    InGroup(u64),
    /// A letter that was judged before: its number.
    Again(u64),
}

words! {
    /// How a letter was judged.
    pub enum Verdict as "a verdict" {
        /// It changed what it speaks of.
        Applied = "applied",
        /// It made a trade that was ordered elsewhere (protocol 9).
        Adopted = "adopted",
        /// It tells of a change before the newest known; it is in the history.
        Late = "late",
        /// It was judged before, or says again what was said.
        Duplicate = "duplicate",
        /// It waits for DNS, or for the time it bears.
        Held = "held",
        /// It changed nothing, and there is a warning about it.
        Warned = "warned",
        /// It is a copy of an own statement.
        Sent = "sent",
    }
}

/// How a letter was judged, and by which line of protocol 5.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// Whether it counts, waits, or is warned of.
    pub verdict: Verdict,
    /// What the statement is, when it could be read.
    pub kind: Option<Kind>,
    /// The line that decided; none for a letter whose octets were judged before.
    pub rule: Option<u8>,
    /// When warned: of what.
    pub warning: Option<WarningKind>,
    /// When warned: the warning's number; none when it is only counted (protocol 5, groups).
    pub warning_id: Option<u64>,
    /// The trade that it names.
    pub trade: Option<TradeRef>,
    /// The letter's number in the ledger; none for a copy of an own statement.
    pub letter: Option<u64>,
}

/// Something that a person would want to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Notice {
    /// There is a new trade.
    NewTrade {
        /// As its shop named it.
        trade: TradeRef,
        /// Whether it was adopted (protocol 9).
        adopted: bool,
    },
    /// A trade's state is another one.
    Progress {
        /// The trade whose state it is.
        trade: TradeRef,
        /// What it is now, in words.
        text: String,
    },
    /// The shop named other carriers than before (protocol 5, line 11).
    OtherCarriers {
        /// The trade whose record names them.
        trade: TradeRef,
    },
    /// The shop made no trade of an order.
    OrderRejected {
        /// The order's request id, as it is written (protocol 1).
        request: String,
        /// Why: the reason's word.
        reason: String,
    },
    /// The shop decided about a return.
    ReturnDecided {
        /// The trade whose goods the person wants to give back.
        trade: TradeRef,
        /// Whether it takes the goods back.
        accepted: bool,
    },
    /// There is a new warning.
    Warned {
        /// Its number in the ledger, by which the person decides about it.
        warning: u64,
        /// What kind of contradiction it is about (protocol 5).
        kind: WarningKind,
        /// The trade that it is about; none where it is about no single one.
        trade: Option<TradeRef>,
    },
    /// A warning has become void.
    Resolved {
        /// Its number; it was open until now.
        warning: u64,
    },
}

impl std::fmt::Display for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Notice::NewTrade {
                trade,
                adopted: false,
            } => write!(f, "new trade {trade}"),
            Notice::NewTrade {
                trade,
                adopted: true,
            } => {
                write!(
                    f,
                    "new trade {trade}, ordered elsewhere: confirm it if it is yours"
                )
            }
            Notice::Progress { trade, text } => write!(f, "{trade}: {text}"),
            Notice::OtherCarriers { trade } => write!(f, "{trade}: the shop named other carriers"),
            Notice::OrderRejected { request, reason } => {
                write!(f, "the shop rejected the order {request}: {reason}")
            }
            Notice::ReturnDecided { trade, accepted } => {
                let decision = if *accepted { "accepts" } else { "declines" };
                write!(f, "{trade}: the shop {decision} the return")
            }
            Notice::Warned {
                warning,
                kind,
                trade: Some(trade),
            } => {
                write!(f, "warning {warning}, {kind}, about {trade}")
            }
            Notice::Warned {
                warning,
                kind,
                trade: None,
            } => write!(f, "warning {warning}, {kind}"),
            Notice::Resolved { warning } => write!(f, "warning {warning} is resolved"),
        }
    }
}

/// Judges a letter that has a Tradepost part (protocol 5).
pub fn receive(
    settings: &BuyerSettings,
    rows: &dyn Rows,
    letter: &Received,
    now: Time,
) -> BuyerChange {
    receive_by(RULES, settings, rows, letter, now)
}

/// Judges a letter by these rows of the table alone. Whoever believes letters takes all of [`RULES`], by
/// [`receive`]; this shows what each row is there for.
#[doc(hidden)]
pub fn receive_by(
    rules: &[Rule],
    settings: &BuyerSettings,
    rows: &dyn Rows,
    letter: &Received,
    now: Time,
) -> BuyerChange {
    let mut case = case::BuyerCase::judging_by(rules, settings, rows, now);
    let judgement = door::take(&mut case, letter);
    finish(case, Some(judgement))
}

/// Counts what [`BuyerChange::counted`] told of.
pub fn count(
    settings: &BuyerSettings,
    rows: &dyn Rows,
    counted: Counted,
    now: Time,
) -> BuyerChange {
    let mut case = case::BuyerCase::new(settings, rows, now);
    counted::count(&mut case, counted);
    finish(case, None)
}

/// Ends what is decided: once all else is known, the letters that were judged get the warnings that they
/// deserve beside the verdict.
fn finish(mut case: case::BuyerCase<'_>, judgement: Option<Judgement>) -> BuyerChange {
    look_again::work(&mut case);
    lookalikes::warn_beside(&mut case);
    case.finish(judgement)
}
