//! What was asked, and what became of it, as it is shown.

use serde::{Deserialize, Serialize};
use tradepost_statements::{
    Address, Body, Kind, RequestId, Statement, StatementId, Time, TradeRef, words,
};
use tradepost_trades::rows::Rows;

use crate::filed::Filed;
use crate::keys;
use crate::pages::pages;
use crate::state::{Own, OwnProgress, OwnRequest, RequestAnswer, read};

words! {
    /// How far a request of ours has come.
    pub enum RequestState as "a state of a request" {
        /// Its letter waits to leave. Said by whoever sends letters; here it is `sent`.
        Queued = "queued",
        /// It waits for its answer.
        Sent = "sent",
        /// Its last letter came back; it is sent again.
        Bounced = "bounced",
        /// It was answered, and not refused.
        Answered = "answered",
        /// It was answered with a refusal: an order was rejected, goods are not taken back.
        Refused = "refused",
        /// Another client of this mailbox sent it, and looks after it.
        Elsewhere = "elsewhere",
        /// Nobody answered for so long that it is not sent again.
        GivenUp = "given-up",
    }
}

impl RequestState {
    /// Whether something may still become of it.
    #[must_use]
    pub fn is_pending(self) -> bool {
        match self {
            RequestState::Queued | RequestState::Sent | RequestState::Bounced => true,
            RequestState::Answered
            | RequestState::Refused
            | RequestState::Elsewhere
            | RequestState::GivenUp => false,
        }
    }
}

/// A request of ours, as `requests` gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestView {
    /// The statement that was sent.
    pub statement: StatementId,
    /// What was asked: the statement's kind.
    pub kind: Kind,
    /// The server that it went to.
    pub to: Address,
    /// The request id, where it has one.
    pub request: Option<RequestId>,
    /// The trade that it is about, or that came of it.
    pub trade: Option<TradeRef>,
    /// When it was first sent.
    pub sent: Time,
    /// When it was sent last.
    pub last_sent: Time,
    /// How often it was sent from here.
    pub tries: u32,
    /// How far it has come.
    pub state: RequestState,
    /// The kind of the first answer.
    pub answer: Option<Kind>,
    /// When the first answer that counts was received; null where none has.
    pub answered: Option<Time>,
    /// What the answers said: a state, a version, a reason.
    pub answers: Vec<String>,
    /// Why it was refused: the word of the rejection, or the shop's text about a return.
    pub reason: Option<String>,
    /// When it is sent again.
    pub again: Option<Time>,
    /// Why it came back, the last time that it did.
    pub bounce: Option<String>,
}

/// Our requests, oldest first.
#[must_use]
pub fn requests(rows: &dyn Rows) -> Vec<RequestView> {
    pages(rows, keys::OWN)
        .filter_map(|(_, json)| Some(view(rows, serde_json::from_slice(&json).ok()?)))
        .collect()
}

/// One of them, by its statement.
#[must_use]
pub fn request(rows: &dyn Rows, statement: StatementId) -> Option<RequestView> {
    Some(view(rows, read(rows, &keys::own(statement))?))
}

fn view(rows: &dyn Rows, own: Own) -> RequestView {
    let is_bounced = own.has_bounced();
    let kind = own.statement.body.kind();
    let last_sent = own.last_sent.unwrap_or(own.first_sent);
    let statement = own.statement;
    let (trade, rejected) = trade_or_rejection(rows, &statement);
    let mut seen = RequestView {
        statement: statement.id,
        kind,
        to: statement.to,
        request: statement.request,
        trade: statement.trade.or(trade),
        sent: own.first_sent,
        last_sent,
        tries: own.tries,
        state: RequestState::Sent,
        answer: None,
        answered: None,
        answers: Vec::new(),
        reason: None,
        again: None,
        bounce: own.bounce,
    };
    match own.progress {
        OwnProgress::Answered { by, at, letters } => {
            let told = letters.iter().filter_map(|no| Filed::load(rows, *no));
            let told: Vec<Body> = told.map(|f| f.decoded.statement.body.clone()).collect();
            seen.answer = Some(by);
            seen.answered = at;
            for words in told.iter().map(in_words) {
                // A status that is said again says nothing new.
                if !seen.answers.contains(&words) {
                    seen.answers.push(words);
                }
            }
            seen.reason = if kind == Kind::Order {
                rejected
            } else {
                told.iter().find_map(refusal_of_a_return)
            };
            seen.state = if seen.reason.is_some() {
                RequestState::Refused
            } else {
                RequestState::Answered
            };
        }
        OwnProgress::Waiting { again } => {
            seen.again = Some(again);
            if is_bounced {
                seen.state = RequestState::Bounced;
            }
        }
        OwnProgress::Elsewhere => seen.state = RequestState::Elsewhere,
        OwnProgress::GivenUp => seen.state = RequestState::GivenUp,
    }
    seen
}

/// The trade that came of a request, or why none did.
fn trade_or_rejection(
    rows: &dyn Rows,
    statement: &Statement,
) -> (Option<TradeRef>, Option<String>) {
    let id = statement.request.as_ref();
    let request: Option<OwnRequest> = id.and_then(|id| read(rows, &keys::request(id)));
    match request.and_then(|r| r.answer) {
        Some(RequestAnswer::Record { trade }) => (Some(trade), None),
        Some(RequestAnswer::Rejected { reason, .. }) => (None, Some(reason)),
        None => (None, None),
    }
}

fn refusal_of_a_return(answer: &Body) -> Option<String> {
    let Body::ReturnDecision(decision) = answer else {
        return None;
    };
    let text = decision.text.clone();
    (!decision.accepted).then(|| text.unwrap_or_else(|| "the shop says no".to_owned()))
}

/// What an answer comes to, in a word or two.
fn in_words(answer: &Body) -> String {
    let kind = answer.kind();
    match answer {
        Body::TradeRecord(record) => format!("{kind} {}", record.version.number()),
        Body::OrderStatus(status) => format!("{kind} {}", status.state),
        Body::DeliveryStatus(status) if status.parcel.is_empty() => {
            format!("{kind} {}", status.state)
        }
        Body::DeliveryStatus(status) => format!("{kind} {} ({})", status.state, status.parcel),
        Body::PaymentStatus(status) => format!("{kind} {}", status.state),
        Body::OrderRejected(rejected) => format!("{kind} {}", rejected.reason),
        Body::ReturnDecision(decision) if decision.accepted => format!("{kind} accepted"),
        Body::ReturnDecision(_) => format!("{kind} refused"),
        Body::Order(_)
        | Body::Confirm(_)
        | Body::Cancel(_)
        | Body::Return(_)
        | Body::StatusRequest
        | Body::Notify(_)
        | Body::UnknownTrade
        | Body::Authorize(_)
        | Body::Authorization(_)
        | Body::PaymentInstruction(_)
        | Body::DeliveryInstruction(_)
        | Body::Refund(_)
        | Body::Recall(_) => kind.to_string(),
    }
}
