//! Making our own statements and their letters. What is made here waits for the kernel, which records it and
//! brings it into the outbox in one write.

use tradepost_agent::outbox::{self, Due, NewItem};
use tradepost_agent::party::{ComposeError, Composed, Made};
use tradepost_buyer::{self as buyer, BuyerSettings, OwnHow, Saying, view};
use tradepost_letters::{AutoSubmitted, Composition, Story, compose};
use tradepost_statements::{
    Address, Body, Kind, RequestId, Statement, StatementId, Time, TradeRef, wire,
};
use tradepost_store::Position;
use tradepost_trades::ids::FreshIds;
use tradepost_trades::rows::Rows;
use uuid::Uuid;

use super::Ledger;
use super::entry::put;

const NEWEST: &str = "c/newest/";

/// Something that is to be said.
#[derive(Debug, Clone)]
pub(crate) enum Say {
    /// What the person, or the ledger itself, wants said, by the address that speaks about it.
    New(Box<Saying>),
    /// The same statement in a new letter (protocol 6 and 7).
    Again(StatementId),
    /// An order, by the address that the person chose.
    Order {
        /// One of the mailbox's addresses.
        from: Address,
        /// The shop.
        to: Address,
        /// Its name (Q2).
        request: RequestId,
        /// Always a [`Body::Order`].
        body: Box<Body>,
    },
}

/// The request id of a new order of `buyer` (Q2).
pub(crate) fn request_id(buyer: &Address) -> Result<RequestId, ComposeError> {
    Ok(RequestId::new(Uuid::now_v7(), buyer.clone())?)
}

impl Ledger {
    /// The letter of it; none where a statement is not known any more, or its letter has not left yet.
    pub(super) fn letter(
        &self,
        rows: &dyn Rows,
        say: Say,
        now: Time,
        ids: &mut FreshIds,
    ) -> Result<Option<Composed>, ComposeError> {
        let (statement, json) = match say {
            Say::Again(id) => {
                if waits_to_leave(rows, id) {
                    // Another one would only follow it.
                    return Ok(None);
                }
                // Protocol 7: the same JSON octets in a new letter.
                match view::own_statement(rows, id) {
                    Some(known) => known,
                    None => return Ok(None),
                }
            }
            Say::New(saying) => {
                let from = speaker_of(self, rows, &saying);
                let about = (saying.trade, saying.request);
                said(from, saying.to, about, saying.body, now, ids)?
            }
            Say::Order {
                from,
                to,
                request,
                body,
            } => said(from, to, (None, Some(request)), *body, now, ids)?,
        };
        let message_id = format!("{}@{}", Uuid::now_v7(), statement.from.domain());
        let octets = letter(rows, &statement, &json, &message_id, now);
        // Once, before it is recorded: another try to submit it sends the same octets.
        let octets = self.signing.sign(octets, &statement.from, now)?;
        Ok(Some(Composed {
            to: statement.to.clone(),
            statement,
            json: Some(json),
            message_id,
            octets,
        }))
    }
}

/// The address of ours that speaks about it.
fn speaker_of(ledger: &Ledger, rows: &dyn Rows, saying: &Saying) -> Address {
    let speaker = saying.speaker(rows).filter(|a| ledger.is_ours(a));
    speaker.unwrap_or_else(|| ledger.first_address().clone())
}

/// A new statement of ours, and its octets.
fn said(
    from: Address,
    to: Address,
    (trade, request): (Option<TradeRef>, Option<RequestId>),
    body: Body,
    now: Time,
    ids: &mut FreshIds,
) -> Result<(Statement, String), ComposeError> {
    let statement = Statement {
        id: ids.statement(),
        from,
        to,
        sent: now,
        trade,
        request,
        answers: None,
        body,
    };
    // Nothing leaves that a reader would refuse.
    let json = wire::encode(&statement);
    wire::decode(json.as_bytes())?;
    Ok((statement, json))
}

/// What a letter of ours makes once it waits in the outbox.
pub(super) fn sent(
    settings: &BuyerSettings,
    rows: &dyn Rows,
    at: Position,
    item: &NewItem,
    json: Option<&str>,
) -> Made<Ledger> {
    let mut made = Made::default();
    if let Some(json) = json {
        let id = Some(item.message_id.as_str());
        let change = buyer::own(settings, rows, json, id, OwnHow::Sending, item.queued_at);
        made.rows = change.rows;
        made.notices = change.notices;
    }
    made.rows.extend(put(newest_key(item.statement), &at));
    made
}

fn newest_key(statement: StatementId) -> String {
    format!("{NEWEST}{statement}")
}

/// Whether the letter that carries a statement of ours last still waits to leave.
pub(crate) fn waits_to_leave(rows: &dyn Rows, statement: StatementId) -> bool {
    let at = rows.get(newest_key(statement).as_bytes());
    let at: Option<Position> = at.and_then(|json| serde_json::from_slice(&json).ok());
    let item = at.and_then(|at| outbox::item(rows, at));
    item.is_some_and(|i| matches!(i.state, outbox::State::Queued { .. }))
}

/// What may leave. A letter that was never tried is tried once, whatever the others wait for: somebody
/// has just asked for it.
pub(super) fn may_leave(rows: &dyn Rows, now: Time, n: usize) -> Due {
    /// So many of those that wait are looked at for it.
    const LOOKED_AT: usize = 256;
    let due = Due::read(rows, now, n);
    if !due.is_paused(now) {
        return due;
    }
    let mut new = Due::read(rows, now, LOOKED_AT.max(n));
    new.items.retain(|item| item.attempts == 0);
    new.items.truncate(n);
    if new.items.is_empty() {
        return due;
    }
    if let Some(pause) = &mut new.pause {
        pause.until = now;
    }
    new
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
