//! What an operator is shown of the book.

use serde::Serialize;
use tradepost_statements::{
    Address, Amount, DeliveryState, Kind, OrderState, PaymentState, RequestId, Time, TradeId, wire,
};
use tradepost_trades::rows::Rows;

use crate::kernel::book::{self, AwaitedAnswer, HeardState, PartyTrade};
use crate::shop;

/// A trade, as `tradepost-server trades` shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PartyTradeView {
    /// The shop's address, which may be another server's.
    pub shop: Address,
    /// The shop's id for it.
    pub id: TradeId,
    /// Where statuses go (E14).
    pub buyer: Address,
    /// The order's request; none for an order placed elsewhere.
    pub request: Option<RequestId>,
    /// When it was placed, as far as known here.
    pub placed: Option<Time>,
    /// Its total, as far as known here.
    pub total: Option<Amount>,
    /// The version of the record.
    pub version: Option<u32>,
    /// The version that the buyer confirmed.
    pub confirmed: Option<u32>,
    /// The order track, of a shop.
    pub order: Option<TrackStep<OrderState>>,
    /// Delivery tracks: this server's own, and what carriers told.
    pub delivery: Vec<DeliveryStep>,
    /// The payment track: this server's own, or what the payment processor told.
    pub payment: Option<TrackStep<PaymentState>>,
    /// The buyer wants goods back and waits for a decision.
    pub wants_back: bool,
}

/// The newest status of a track.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrackStep<State> {
    /// The newest state, be it one without rank.
    pub state: State,
    /// Its number in the sender's track, from 1 (protocol 4).
    pub sequence: u32,
    /// When its sender recorded it.
    pub at: Time,
    /// What was said for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// The newest status of a parcel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeliveryStep {
    /// This server, or the carrier that told the shop of it.
    pub carrier: Address,
    /// Its name; empty where parcels are not named.
    pub parcel: String,
    /// The newest state, be it one without rank.
    pub state: DeliveryState,
    /// Its number in the carrier's track of the parcel, from 1 (protocol 4).
    pub sequence: u32,
    /// When the carrier recorded it.
    pub at: Time,
    /// What was said for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// All trades, at most `limit`, in the order of shop and id.
#[must_use]
pub fn trades(rows: &dyn Rows, own: &Address, limit: usize) -> Vec<PartyTradeView> {
    let prefix = b"s/t/";
    rows.scan_from(prefix, prefix, limit)
        .iter()
        .map(|(_, value)| view(&book::from_row::<PartyTrade>(value), own))
        .collect()
}

/// A statement of this server that another server has not answered (protocol 7).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UnansweredStatement {
    /// What was said: `authorize`, an instruction, `refund` or `recall`.
    pub kind: Kind,
    /// Who is to answer.
    pub to: Address,
    /// The shop's id for the trade that it is about.
    pub trade: Option<TradeId>,
    /// When it left first.
    pub since: Time,
    /// How often it was sent again.
    pub again: u32,
    /// When it is sent again.
    pub due: Time,
    /// It has been unanswered for so long that the log said so.
    pub operator_told: bool,
    /// An order waits for it: it becomes a trade once its payment is authorized (E3).
    pub order_waits: bool,
}

/// What other servers have not answered, at most `limit`, the one that waits longest first.
#[must_use]
pub fn unanswered(rows: &dyn Rows, limit: usize) -> Vec<UnansweredStatement> {
    let prefix = book::UNANSWERED.as_bytes();
    let mut all: Vec<UnansweredStatement> = rows
        .scan_from(prefix, prefix, limit)
        .iter()
        .filter_map(|(_, value)| {
            let waiting: AwaitedAnswer = book::from_row(value);
            let statement = wire::decode(waiting.octets.as_bytes()).ok()?.statement;
            let trade = statement.trade.map(|t| t.id);
            let kind = statement.body.kind();
            let order_waits = kind == Kind::Authorize
                && trade.as_ref().is_some_and(|id| shop::order_waits(rows, id));
            Some(UnansweredStatement {
                kind,
                to: statement.to,
                trade,
                since: waiting.since,
                again: waiting.again,
                due: waiting.due,
                operator_told: waiting.operator_told,
                order_waits,
            })
        })
        .collect();
    all.sort_by_key(|u| u.since);
    all
}

/// One trade; `own` is this server's address, the carrier of its own parcels.
#[must_use]
pub fn view(trade: &PartyTrade, own: &Address) -> PartyTradeView {
    let shop = trade.shop.as_ref();
    PartyTradeView {
        shop: trade.trade.shop.clone(),
        id: trade.trade.id.clone(),
        buyer: trade.buyer_mail.clone(),
        request: shop.and_then(|s| s.request.clone()),
        placed: shop.map(|s| s.record.placed),
        total: trade.total(),
        version: shop.map(|s| s.record.version.number()),
        confirmed: shop.and_then(|s| s.confirmed).map(|v| v.number()),
        order: shop.and_then(|s| s.order.as_ref()).map(|t| TrackStep {
            state: t.last.state,
            sequence: t.last.sequence.number(),
            at: t.last.at,
            text: t.last.text.clone(),
        }),
        delivery: deliveries(trade, own),
        payment: payment(trade),
        wants_back: shop.is_some_and(|s| s.wants_back.is_some()),
    }
}

fn deliveries(trade: &PartyTrade, own: &Address) -> Vec<DeliveryStep> {
    let mut steps: Vec<DeliveryStep> = Vec::new();
    for (parcel, track) in trade.carrier.iter().flat_map(|c| &c.parcels) {
        steps.push(DeliveryStep {
            carrier: own.clone(),
            parcel: parcel.clone(),
            state: track.last.state,
            sequence: track.last.sequence.number(),
            at: track.last.at,
            text: track.last.text.clone(),
        });
    }
    for heard in trade.shop.iter().flat_map(|s| &s.heard) {
        if let HeardState::Delivery { parcel, state } = &heard.state {
            steps.push(DeliveryStep {
                carrier: heard.from.clone(),
                parcel: parcel.clone(),
                state: *state,
                sequence: heard.sequence.number(),
                at: heard.at,
                text: heard.text.clone(),
            });
        }
    }
    steps
}

fn payment(trade: &PartyTrade) -> Option<TrackStep<PaymentState>> {
    let own = trade.payment.as_ref().and_then(|p| p.track.as_ref());
    if let Some(track) = own {
        return Some(TrackStep {
            state: track.last.state,
            sequence: track.last.sequence.number(),
            at: track.last.at,
            text: track.last.text.clone(),
        });
    }
    let heard = trade.shop.iter().flat_map(|s| &s.heard);
    heard
        .filter_map(|h| match &h.state {
            HeardState::Payment { state, .. } => Some(TrackStep {
                state: *state,
                sequence: h.sequence.number(),
                at: h.at,
                text: h.text.clone(),
            }),
            HeardState::Delivery { .. } => None,
        })
        .next()
}
