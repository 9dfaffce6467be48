//! What a command can ask of the ledger, and the answers, both typed. One function answers, whether the
//! daemon is asked through its socket or the command has opened the ledger itself.

mod acting;
pub(crate) mod answer;
pub(crate) mod asking;
pub(crate) mod connection;
mod expecting;
mod exporting;
pub(crate) mod importing;
mod reading;
mod reordering;
mod saying;
mod unanswered;
mod undoing;
pub(crate) mod waiting;
mod whole;
mod wishing;

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tradepost_agent::host::HostError;
use tradepost_agent::reading::ReadStore;
use tradepost_agent::rpc::Reply;
use tradepost_agent::run::Answers;
use tradepost_buyer::{AskedParty, Back};
use tradepost_statements::link::ExpectedOrder;
use tradepost_statements::wish::Wishes;
use tradepost_statements::{StatementId, TradeRef};
use tradepost_store::Position;

use crate::ledger::{Ledger, LedgerError, LedgerHost};
use crate::order_form::OrderForm;

pub(crate) use answer::Answer;
pub(crate) use exporting::{ExportPart, Exported};
pub(crate) use importing::{Imported, LetterFile, VerdictLine};
pub(crate) use reordering::Preview;

/// A question or a task. Each is small enough to be answered in one piece: long work is cut
/// into several.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "ask")]
pub(crate) enum Question {
    /// Every trade, delivered or not, adopted ones too.
    Trades,
    /// Those that are not delivered, by promised date.
    Pending,
    /// The same, with counts and totals and what is expected.
    Overview,
    /// One trade, by id or shop/id.
    Show {
        /// As the person wrote it.
        trade: String,
    },
    /// The open warnings, or all.
    Warnings {
        /// Those too that are dismissed, accepted or resolved.
        all: bool,
    },
    /// A warning by its number, whatever its state.
    Warning {
        /// As `tradepost warnings` numbers them.
        id: u64,
    },
    /// The letter that a warning is about.
    LetterOfWarning {
        /// The warning's number.
        id: u64,
    },
    /// A warning needs no attention.
    Dismiss {
        /// Of a warning that is neither accepted nor resolved.
        id: u64,
    },
    /// The letter of a warning is to be judged on.
    Accept {
        /// Of a warning that is neither accepted nor resolved.
        id: u64,
    },
    /// The letters that wait to be sent.
    Outbox,
    /// The letters that are held.
    Held,
    /// Letters of the mailbox that could not be had.
    SetAside,
    /// How many trades, warnings and held letters there are, and what is unpaid in each currency.
    Stats,
    /// What was asked, and what became of it.
    Requests {
        /// What was settled long ago as well.
        all: bool,
    },
    /// What became of these statements of ours; waits so long until all are settled.
    Progress {
        /// In the order of the answer, which leaves out what is not known here.
        statements: Vec<StatementId>,
        /// After so long the answer comes all the same, settled or not.
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
        /// It has no number yet: the ledger gives it one.
        plan: asking::NewPlan,
    },
    /// What is asked by itself.
    Plans,
    /// Have something asked no more.
    Unschedule {
        /// As `tradepost schedule list` numbers them.
        plan: u64,
    },
    /// Make an order and queue its letter.
    Order {
        /// Where it names no `from`, the first address of the configuration orders.
        form: Box<OrderForm>,
    },
    /// Show the letter that an order would be.
    DryRun {
        /// As of [`Question::Order`]; nothing of it is recorded.
        form: Box<OrderForm>,
    },
    /// Show what the shop would read.
    Preview {
        /// As of [`Question::Order`]; nothing of it is recorded.
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
        /// For the shop, in the person's words.
        reason: Option<String>,
    },
    /// Say what to be told of unasked.
    Wish {
        /// A trade, or a request id, as the person wrote it.
        what: String,
        /// They replace those before; an empty `on`: nothing is told unasked.
        wishes: Wishes,
    },
    /// What is expected, whether it has come or not (protocol 9).
    Expected,
    /// Expect a trade that was ordered in the shop.
    Expect {
        /// From the shop's link, or from what stands for it on the command line (protocol 9).
        order: Box<ExpectedOrder>,
    },
    /// Expect a trade no longer.
    Forget {
        /// As the person wrote it.
        trade: String,
    },
    /// Judge letters from files, as if they had been fetched.
    Import {
        /// One batch: what is more goes into the next question.
        letters: Vec<LetterFile>,
        /// They are copies of our own.
        sent: bool,
    },
    /// The same letters, once their senders are proven as well as can be.
    #[serde(skip)]
    Judge(Imported),
    /// One part of the export: the answer names the next.
    Export {
        /// The first is [`ExportPart::Present`].
        part: ExportPart,
    },
}

/// What a question does to the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It only asks: asking again is harmless.
    None,
    /// Something is recorded, and no letter leaves.
    Writes,
    /// Something is recorded, and a letter leaves.
    Sends,
}

/// What a command sends: always one letter, or one to each of several parties. As JSON an object,
/// or a list of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Sendings {
    One(Box<Sending>),
    /// One for each of several parties; there may be none.
    Each(Vec<Sending>),
}

impl Sendings {
    pub(crate) fn all(&self) -> &[Sending] {
        match self {
            Sendings::One(sending) => std::slice::from_ref(sending),
            Sendings::Each(sendings) => sendings,
        }
    }

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
    /// The word for what is asked, such as `order`, `confirmation`, `cancellation`.
    pub(crate) kind: String,
    /// The request id of an order, or of what is cancelled.
    pub(crate) request: Option<String>,
    /// The statement; none where none had to be sent.
    pub(crate) statement: Option<StatementId>,
    /// None where it has no name yet, as for an order.
    pub(crate) trade: Option<TradeRef>,
    /// The address of the party, as written.
    pub(crate) to: String,
    /// The letter's; none where none had to be sent.
    pub(crate) message_id: Option<String>,
    pub(crate) state: SendState,
    /// What the mail server said, or why it waits.
    pub(crate) text: Option<String>,
    /// Where it is in the outbox: the ledger's own affair.
    #[serde(skip)]
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

/// Why a question could not be answered, for the person.
#[derive(Debug, thiserror::Error)]
enum AskError {
    /// The ledger's own trouble or refusal.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// What was asked for is not there, or not clear.
    #[error("{0}")]
    NotFound(String),
    /// The answer has no JSON form.
    #[error("the answer could not be written: {0}")]
    Json(#[from] serde_json::Error),
}

impl From<HostError> for AskError {
    fn from(e: HostError) -> AskError {
        AskError::Ledger(e.into())
    }
}

/// Answers from the files of the ledger, which nobody has to have open; none where the question is not one
/// that only asks.
pub(crate) fn read(
    ledger: &ReadStore,
    question: &Question,
) -> Result<Option<Reply<Answer>>, HostError> {
    let answer = ledger.reading(|of| reading::answer(of, question))?;
    answer.map(as_reply).transpose()
}

fn as_reply(answer: Result<Answer, AskError>) -> Result<Reply<Answer>, HostError> {
    match answer {
        Ok(answer) => Ok(Reply::Answer(answer)),
        Err(AskError::Ledger(LedgerError::Host(e))) if !e.is_of_the_decision() => Err(e),
        Err(e) => Ok(Reply::Refused(e.to_string())),
    }
}

impl Answers for Ledger {
    type Question = Question;
    type Answer = Answer;

    fn answer(host: &LedgerHost, question: Question) -> Result<Reply<Answer>, HostError> {
        as_reply(answered(host, question))
    }
}

fn answered(host: &LedgerHost, question: Question) -> Result<Answer, AskError> {
    let is_of_the_journal = matches!(
        question,
        Question::Export {
            part: ExportPart::Journal { .. }
        }
    );
    let answer = match is_of_the_journal {
        true => host.browsing(|of| reading::answer(of, &question)),
        false => host.reading(|of| reading::answer(of, &question)),
    };
    match answer {
        Some(answer) => answer,
        None => done(host, question),
    }
}

/// The answer to what does more than ask.
fn done(host: &LedgerHost, question: Question) -> Result<Answer, AskError> {
    Ok(match question {
        Question::Ask { what, parties } => asking::ask(host, &what, &parties)?,
        Question::Schedule { plan } => asking::schedule(host, plan)?,
        Question::Unschedule { plan } => asking::unschedule(host, plan)?,
        Question::Dismiss { id } => acting::dismiss(host, id)?,
        Question::Accept { id } => acting::accept(host, id)?,
        Question::Order { form } => acting::order(host, &form)?,
        Question::DryRun { form } => acting::dry_run(host, &form)?,
        Question::Preview { form } => reordering::preview(host, &form)?,
        Question::Reorder { trade } => reordering::reorder(host, &trade)?,
        Question::LastOrder => reordering::last(host),
        Question::Confirm { trade } => acting::confirm(host, &trade)?,
        Question::Cancel { what, text } => undoing::cancel(host, what.as_deref(), text)?,
        Question::Return {
            trade,
            lines,
            reason,
        } => undoing::give_back(host, &trade, &lines, reason)?,
        Question::Wish { what, wishes } => wishing::wish(host, &what, &wishes)?,
        Question::Expect { order } => expecting::expect(host, *order)?,
        Question::Forget { trade } => expecting::forget(host, &trade)?,
        Question::Judge(imported) => importing::judge(host, imported)?,
        Question::Trades
        | Question::Pending
        | Question::Overview
        | Question::Show { .. }
        | Question::Warnings { .. }
        | Question::Warning { .. }
        | Question::LetterOfWarning { .. }
        | Question::Held
        | Question::SetAside
        | Question::Outbox
        | Question::Stats
        | Question::Requests { .. }
        | Question::Progress { .. }
        | Question::Plans
        | Question::Expected
        | Question::Export { .. } => {
            return Err(AskError::NotFound(
                "this only asks, and does nothing".to_owned(),
            ));
        }
        // Their senders are proven first, which may take a while: whoever asks does that.
        Question::Import { .. } => {
            return Err(AskError::NotFound(
                "the senders of these letters are not proven yet".to_owned(),
            ));
        }
    })
}

fn no_such_warning(id: u64) -> AskError {
    AskError::NotFound(format!(
        "there is no warning {id}; `tradepost warnings --all` lists them"
    ))
}
