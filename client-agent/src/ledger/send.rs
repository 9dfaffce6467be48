//! Making our own statements and their letters. What is made here waits for
//! [`super::Ledger::enter`], which records it and brings it into the outbox in one write.

use tradepost_agent::outbox::NewItem;
use tradepost_buyer::{Saying, view};
use tradepost_letters::{AutoSubmitted, Composition, Story, compose};
use tradepost_proof::dkim::{SignError, Signing};
use tradepost_statements::{
    Address, Body, Kind, RequestId, Statement, StatementId, Time, TradeRef, wire,
};
use tradepost_trades::rows::Rows;
use uuid::Uuid;

use super::entry::{Entry, Input};
use super::{Ledger, LedgerError};

/// A statement of ours with its letter.
pub(crate) struct Outgoing {
    /// What is said.
    pub(crate) statement: Statement,
    /// Its octets.
    json: String,
    /// For the outbox.
    item: NewItem,
    /// The letter.
    pub(crate) letter: Vec<u8>,
}

/// Why a letter cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// The statement breaks the protocol.
    #[error("this cannot be said: {0}")]
    Forbidden(#[from] wire::DecodeError),
    /// It cannot be signed.
    #[error("the letter could not be signed: {0}")]
    Unsigned(#[from] SignError),
    /// The clock or the random numbers of this computer are unusable.
    #[error("this computer made an id that is none: {0}")]
    Id(#[from] tradepost_statements::id::IdError),
}

impl Ledger {
    /// What the person, or the ledger itself, wants said, as a letter of the address that speaks
    /// about it.
    pub(crate) fn letter_of(
        &self,
        rows: &dyn Rows,
        saying: Saying,
    ) -> Result<Outgoing, LedgerError> {
        let speaker = saying.speaker(rows).filter(|a| self.is_ours(a));
        let from = speaker.as_ref().unwrap_or_else(|| self.first_address());
        let about = About {
            trade: saying.trade,
            request: saying.request,
        };
        Ok(self.pen(rows).say(from, &saying.to, about, saying.body)?)
    }
}

/// What a new statement is about.
#[derive(Debug, Clone, Default)]
pub(crate) struct About {
    /// The trade.
    pub(crate) trade: Option<TradeRef>,
    /// The request.
    pub(crate) request: Option<RequestId>,
}

/// What letters are written with.
pub(crate) struct Pen<'p> {
    /// What is known of trades.
    pub(super) rows: &'p dyn Rows,
    /// Who signs them.
    pub(super) signing: &'p Signing,
    /// When they are written.
    pub(super) now: Time,
}

impl Pen<'_> {
    /// A new statement of ours.
    pub(crate) fn say(
        &self,
        from: &Address,
        to: &Address,
        about: About,
        body: Body,
    ) -> Result<Outgoing, SendError> {
        let statement = Statement {
            id: StatementId::new(Uuid::now_v7())?,
            from: from.clone(),
            to: to.clone(),
            sent: self.now,
            trade: about.trade,
            request: about.request,
            answers: None,
            body,
        };
        // Nothing leaves that a reader would refuse.
        let json = wire::encode(&statement);
        wire::decode(json.as_bytes())?;
        self.outgoing(statement, json)
    }

    /// The same statement in a new letter (protocol 6 and 7); none when it is not known any more.
    pub(crate) fn again(&self, id: StatementId) -> Result<Option<Outgoing>, SendError> {
        view::own_statement(self.rows, id)
            .map(|(statement, json)| self.outgoing(statement, json))
            .transpose()
    }

    fn outgoing(&self, statement: Statement, json: String) -> Result<Outgoing, SendError> {
        let message_id = format!("{}@{}", Uuid::now_v7(), statement.from.domain());
        let letter = letter(self.rows, &statement, &json, &message_id, self.now);
        // Once, before it is recorded: another try to submit it sends the same octets.
        let letter = self.signing.sign(letter, &statement.from, self.now)?;
        let item = NewItem {
            from: statement.from.clone(),
            to: statement.to.clone(),
            message_id,
            statement: statement.id,
            kind: statement.body.kind(),
            trade: statement.trade.clone(),
            request: statement.request.clone(),
            queued_at: self.now,
        };
        Ok(Outgoing {
            statement,
            json,
            item,
            letter,
        })
    }
}

/// The request id of a new order of `buyer` (Q2).
pub(crate) fn request_id(buyer: &Address) -> Result<RequestId, SendError> {
    Ok(RequestId::new(Uuid::now_v7(), buyer.clone())?)
}

impl Outgoing {
    /// The letter's Message-ID.
    pub(crate) fn message_id(&self) -> &str {
        &self.item.message_id
    }

    /// What is to be entered for it to be sent.
    pub(crate) fn into_input(self) -> Input {
        Input {
            entry: Entry::Sending {
                json: self.json,
                item: self.item,
            },
            letter: self.letter,
        }
    }
}

fn letter(
    rows: &dyn Rows,
    statement: &Statement,
    json: &str,
    message_id: &str,
    now: Time,
) -> Vec<u8> {
    let trade = statement
        .trade
        .as_ref()
        .and_then(|t| view::show(rows, t, now));
    let trade = trade.as_ref().map(|show| &show.trade);
    let story = Story {
        shop_name: trade.map(|t| t.shop_name.as_str()),
        lines: trade.map(|t| t.lines.as_slice()),
        total: trade.map(|t| t.total),
        placed: trade.map(|t| t.placed),
        ..Story::default()
    };
    let from_name = if let Body::Order(order) = &statement.body {
        order.buyer.as_ref().map(|b| b.name.as_str())
    } else {
        None
    };
    compose(&Composition {
        statement,
        json: Some(json),
        message_id,
        date: now,
        from_name,
        story,
        in_reply_to: None,
        references: &[],
        auto: AutoSubmitted::Generated,
        // Protocol 6: requests may leave out the HTML.
        with_html: false,
    })
}

/// The word for what a letter asks.
pub(crate) fn what(kind: Kind) -> &'static str {
    match kind {
        Kind::Order => "order",
        Kind::Confirm => "confirmation",
        Kind::Cancel => "cancellation",
        Kind::Notify => "wish for notices",
        Kind::TradeRecord
        | Kind::OrderRejected
        | Kind::Return
        | Kind::ReturnDecision
        | Kind::StatusRequest
        | Kind::UnknownTrade
        | Kind::OrderStatus
        | Kind::DeliveryStatus
        | Kind::PaymentStatus
        | Kind::Authorize
        | Kind::Authorization
        | Kind::PaymentInstruction
        | Kind::DeliveryInstruction
        | Kind::Refund
        | Kind::Recall => kind.word(),
    }
}
