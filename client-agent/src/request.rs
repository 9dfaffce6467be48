//! What a command can ask of the ledger, and the answers. One function answers, whether the
//! daemon is asked through its socket or the command has opened the ledger itself.

mod acting;
pub(crate) mod asking;
mod expecting;
mod exporting;
mod form;
pub(crate) mod importing;
mod reordering;
mod saying;
mod unanswered;
mod undoing;
mod wishing;

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tradepost_agent::outbox::{self, Filter};
use tradepost_agent::terminal::json;
use tradepost_buyer::{Back, Party, view};
use tradepost_statements::StatementId;
use tradepost_statements::link::ExpectedOrder;
use tradepost_statements::wish::Wishes;
use tradepost_store::Position;

use crate::ledger::{Entered, Ledger, LedgerError, set_aside};
use crate::order_form::OrderForm;

pub(crate) use exporting::{Exported, Section};
pub(crate) use form::Form;
pub(crate) use importing::{Letter, VerdictLine};
pub(crate) use reordering::Preview;

/// A question or a task. Each is small enough to be answered in one piece: long work is cut
/// into several.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "ask")]
pub(crate) enum Request {
    /// All trades.
    Trades {
        /// For whom.
        form: Form,
    },
    /// Those that are not delivered, by promised date.
    Pending {
        /// For whom.
        form: Form,
    },
    /// One trade, by id or shop/id.
    Show {
        /// As the person wrote it.
        trade: String,
        /// For whom.
        form: Form,
    },
    /// The open warnings, or all.
    Warnings {
        /// All.
        all: bool,
        /// For whom.
        form: Form,
    },
    /// One warning.
    Warning {
        /// Its number.
        id: u64,
        /// For whom.
        form: Form,
    },
    /// The letter that a warning is about.
    LetterOfWarning {
        /// The warning's number.
        id: u64,
    },
    /// A warning needs no attention.
    Dismiss {
        /// Its number.
        id: u64,
    },
    /// The letter of a warning is to be judged on.
    Accept {
        /// Its number.
        id: u64,
    },
    /// The letters that wait to be sent.
    Outbox,
    /// The letters that are held.
    Held,
    /// Letters of the mailbox that could not be had.
    SetAside,
    /// Counts and totals.
    Stats,
    /// What was asked, and what became of it.
    Requests {
        /// What was settled long ago as well.
        all: bool,
    },
    /// What became of these statements of ours; waits so long until all are settled.
    Progress {
        /// Which.
        statements: Vec<StatementId>,
        /// How long to wait.
        within: Duration,
    },
    /// Ask for the present status.
    Ask {
        /// A trade or a request id, as the person wrote it.
        what: String,
        /// Whom; everybody where it is empty.
        parties: BTreeSet<AskedParty>,
    },
    /// Have something asked by itself.
    Schedule {
        /// What, whom and when.
        plan: asking::NewPlan,
    },
    /// What is asked by itself.
    Plans,
    /// Have something asked no more.
    Unschedule {
        /// The plan's number.
        plan: u64,
    },
    /// Order something.
    Order {
        /// What, and where.
        form: Box<OrderForm>,
    },
    /// Show the letter that an order would be.
    DryRun {
        /// What, and where.
        form: Box<OrderForm>,
    },
    /// Show what the shop would read.
    Preview {
        /// What, and where.
        form: Box<OrderForm>,
    },
    /// The order form of a trade, to order once more.
    Reorder {
        /// As the person wrote it.
        trade: String,
    },
    /// The order form of the last order.
    LastOrder,
    /// Agree to a trade record.
    Confirm {
        /// As the person wrote it.
        trade: String,
    },
    /// Cancel a trade or an order.
    Cancel {
        /// A trade, or a request id, as the person wrote it; none: the only open order.
        what: Option<String>,
        /// A word to the shop.
        text: Option<String>,
    },
    /// Return goods of a trade.
    Return {
        /// As the person wrote it.
        trade: String,
        /// What goes back; nothing: all that is left.
        lines: Vec<Back>,
        /// Why.
        reason: Option<String>,
    },
    /// Say what to be told of unasked.
    Wish {
        /// A trade, or a request id, as the person wrote it.
        what: String,
        /// Of what, and where.
        wishes: Wishes,
    },
    /// What is expected.
    Expected,
    /// Expect a trade that was ordered in the shop.
    Expect {
        /// What the shop said.
        order: Box<ExpectedOrder>,
    },
    /// Expect a trade no longer.
    Forget {
        /// As the person wrote it.
        trade: String,
    },
    /// Judge letters.
    Import {
        /// Some of them.
        letters: Vec<Letter>,
        /// They are copies of our own.
        sent: bool,
    },
    /// A part of everything.
    Export {
        /// Which part.
        section: Section,
    },
}

impl Request {
    /// What it does to the ledger.
    pub(crate) fn effect(&self) -> Effect {
        match self {
            Request::Order { .. }
            | Request::Confirm { .. }
            | Request::Cancel { .. }
            | Request::Return { .. }
            | Request::Wish { .. }
            | Request::Ask { .. } => Effect::Sends,
            Request::Dismiss { .. }
            | Request::Accept { .. }
            | Request::Expect { .. }
            | Request::Forget { .. }
            | Request::Import { .. }
            | Request::Schedule { .. }
            | Request::Unschedule { .. } => Effect::Writes,
            Request::Trades { .. }
            | Request::Pending { .. }
            | Request::Show { .. }
            | Request::Warnings { .. }
            | Request::Warning { .. }
            | Request::LetterOfWarning { .. }
            | Request::Held
            | Request::SetAside
            | Request::Outbox
            | Request::Stats
            | Request::Expected
            | Request::Requests { .. }
            | Request::Progress { .. }
            | Request::Plans
            | Request::DryRun { .. }
            | Request::Preview { .. }
            | Request::Reorder { .. }
            | Request::LastOrder
            | Request::Export { .. } => Effect::None,
        }
    }
}

/// What a request does to the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It only asks: asking again is harmless.
    None,
    /// Something is recorded.
    Writes,
    /// Something is recorded, and a letter leaves.
    Sends,
}

/// An answer, before it is known whether the letter that it speaks of has left.
pub(crate) struct Answer {
    /// JSON, ready to be printed.
    pub(crate) json: String,
    /// What was entered, if anything was.
    pub(crate) entered: Entered,
    /// The letters that were queued, and what to say about them once they left or did not.
    pub(crate) sendings: Option<Sendings>,
}

/// What a command sends: always one letter, or one to each of several parties. As JSON an object,
/// or a list of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Sendings {
    /// One letter.
    One(Box<Sending>),
    /// Any number.
    Each(Vec<Sending>),
}

impl Sendings {
    /// All of them.
    pub(crate) fn all(&self) -> &[Sending] {
        match self {
            Sendings::One(sending) => std::slice::from_ref(sending),
            Sendings::Each(sendings) => sendings,
        }
    }

    /// All of them.
    pub(crate) fn all_mut(&mut self) -> &mut [Sending] {
        match self {
            Sendings::One(sending) => std::slice::from_mut(sending),
            Sendings::Each(sendings) => sendings,
        }
    }
}

/// A letter that waits in the outbox, and what the person is told about it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Sending {
    /// `order`, `confirm`, `cancel`.
    pub(crate) kind: String,
    /// The request id of an order, or of what is cancelled.
    pub(crate) request: Option<String>,
    /// The statement; none where none had to be sent.
    pub(crate) statement: Option<StatementId>,
    /// The trade.
    pub(crate) trade: Option<tradepost_statements::TradeRef>,
    /// To whom.
    pub(crate) to: String,
    /// The letter's; none where none had to be sent.
    pub(crate) message_id: Option<String>,
    /// What became of it.
    pub(crate) state: SendState,
    /// What the mail server said, or why it waits.
    pub(crate) text: Option<String>,
    /// Where it is in the outbox.
    pub(crate) item: Option<Position>,
}

/// What became of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SendState {
    /// The mail server took it.
    Left,
    /// It waits, and will be tried again.
    Queued,
    /// The mail server refused it for good.
    Refused,
    /// Nothing had to be sent.
    Noted,
}

/// Why a request could not be answered, for the person.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// The ledger's own trouble or refusal.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// What was asked for is not there, or not clear.
    #[error("{0}")]
    NotFound(String),
    /// The answer has no JSON form.
    #[error("the answer could not be written: {0}")]
    Json(#[from] serde_json::Error),
    /// The daemon ends before it came to this; nothing was done.
    #[error("the daemon is stopping")]
    Stopping,
}

/// Answers. Blocking: call it off the async threads.
pub(crate) fn answer(ledger: &Ledger, request: Request) -> Result<Answer, AskError> {
    let now = ledger.now();
    match request {
        Request::Trades { form } => told(&form.of(ledger.view(|rows| view::trades(rows, now)))),
        Request::Pending { form } => told(&form.of(ledger.view(|rows| view::pending(rows, now)))),
        Request::Show { trade, form } => {
            let shown = ledger.view(|rows| {
                let trade = view::find(rows, &trade).map_err(|e| e.to_string())?;
                view::show(rows, &trade, now).ok_or(format!("there is no trade {trade}"))
            });
            told(&form.of(shown.map_err(AskError::NotFound)?))
        }
        Request::Warnings { all, form } => {
            told(&form.of(ledger.view(|rows| view::warnings(rows, all))))
        }
        Request::Warning { id, form } => match ledger.view(|rows| view::warning(rows, id)) {
            Some(warning) => told(&form.of(warning)),
            None => Err(no_such_warning(id)),
        },
        Request::LetterOfWarning { id } => acting::letter_of_warning(ledger, id),
        Request::Held => told(&ledger.view(view::held)),
        Request::SetAside => told(&ledger.view(set_aside)),
        Request::Outbox => told(&ledger.view(|rows| outbox::list(rows, Filter::Queued, 0))),
        Request::Stats => told(&ledger.view(|rows| view::stats(rows))),
        Request::Requests { all } => asking::requests(ledger, all),
        Request::Progress { statements, .. } => {
            told(&ledger.view(|rows| asking::progress(rows, &statements)))
        }
        Request::Ask { what, parties } => asking::ask(ledger, &what, &parties),
        Request::Schedule { plan } => asking::schedule(ledger, plan),
        Request::Plans => asking::plans(ledger),
        Request::Unschedule { plan } => asking::unschedule(ledger, plan),
        Request::Dismiss { id } => acting::dismiss(ledger, id),
        Request::Accept { id } => acting::accept(ledger, id),
        Request::Order { form } => acting::order(ledger, &form),
        Request::DryRun { form } => acting::dry_run(ledger, &form),
        Request::Preview { form } => reordering::preview(ledger, &form),
        Request::Reorder { trade } => reordering::reorder(ledger, &trade),
        Request::LastOrder => reordering::last(ledger),
        Request::Confirm { trade } => acting::confirm(ledger, &trade),
        Request::Cancel { what, text } => undoing::cancel(ledger, what.as_deref(), text),
        Request::Return {
            trade,
            lines,
            reason,
        } => undoing::give_back(ledger, &trade, &lines, reason),
        Request::Wish { what, wishes } => wishing::wish(ledger, &what, &wishes),
        Request::Expected => told(&ledger.view(view::expected)),
        Request::Expect { order } => expecting::expect(ledger, *order),
        Request::Forget { trade } => expecting::forget(ledger, &trade),
        // `Office::ask` takes letters in: their senders are proven first, which may take a while.
        Request::Import { .. } => Err(AskError::NotFound(
            "letters are imported by the office".to_owned(),
        )),
        Request::Export { section } => exporting::export(ledger, &section),
    }
}

fn told<T: Serialize>(value: &T) -> Result<Answer, AskError> {
    told_after(value, Entered::default())
}

fn told_after<T: Serialize>(value: &T, entered: Entered) -> Result<Answer, AskError> {
    Ok(Answer {
        json: json::pretty(value)?,
        entered,
        sendings: None,
    })
}

fn no_such_warning(id: u64) -> AskError {
    AskError::NotFound(format!(
        "there is no warning {id}; `tradepost warnings --all` lists them"
    ))
}
