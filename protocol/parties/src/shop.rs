//! What a shop does: it makes trades of orders (E2 to E5), instructs carrier and payment processor
//! (E9, E10), and stops a trade while nothing has shipped (E7).
//!
//! ```text
//! order ─(authorization)─► received ─(confirm)─► confirmed ─► preparing ─► partly-shipped ─► shipped
//!                              └───────────────(cancel)────────────► cancelled      `emit` moves it on
//! ```
//!
//! It takes no hub's orders yet (protocol 8).

mod afterwards;
mod asked;
mod authorize;
mod charge;
mod goods;
mod heard;
mod instruct;
mod order;
mod returns;
mod total;
mod wishes;

pub(crate) use afterwards::{call_off, cancel, cancel_unconfirmed, confirm};
pub(crate) use asked::{AskedAbout, find, own_trade};
pub use authorize::{WaitingOrder, waiting_orders};
pub(crate) use authorize::{authorization, not_authorized, order_waits, wish_early};
pub(crate) use charge::settle_what_costs_nothing;
pub(crate) use charge::{authorize_again, was_charged};
pub use goods::remaining_lines;
pub(crate) use heard::{heard_of_delivery, heard_of_payment};
pub(crate) use instruct::deliver_otherwise;
pub(crate) use order::order;
pub(crate) use returns::{Undecidable, decide, decisions_again, give_back};
pub(crate) use total::{check_total, follow_total};
pub use wishes::{ReturnLine, ReturnView, returns};

use tradepost_statements::progress::Progress;
use tradepost_statements::record::TradeRecord;
use tradepost_statements::status::{OrderStatus, Reason, When};
use tradepost_statements::{
    Address, Body, DeliveryState, OrderState, RequestId, Statement, StatementId, wire,
};

use crate::kernel::PartyCase;
use crate::kernel::book::{PartyTrack, PartyTrade, ShopPart};
use crate::kernel::case::{AskedBy, Naming};
use crate::kernel::own_status::OwnStatus;
use crate::kernel::track::{Standing, next_place};

/// Sends the newest trade record in answer to a question (same `version` and `body`).
pub(crate) fn record_again(case: &mut PartyCase<'_>, trade: &PartyTrade, asking: &Statement) {
    if let Some(shop) = &trade.shop {
        let to = trade.buyer_mail.clone();
        say_record(case, &to, trade, shop, Some(asking.id));
    }
}

/// Every version that belongs to an order carries its request (protocol 3, `trade-record`).
fn say_record(
    case: &mut PartyCase<'_>,
    to: &Address,
    trade: &PartyTrade,
    shop: &ShopPart,
    answers: Option<StatementId>,
) -> StatementId {
    let naming = Naming {
        trade: Some(trade.trade.clone()),
        request: shop.request.clone(),
        answers,
    };
    let body = Body::TradeRecord(Box::new(shop.record.clone()));
    case.say(to, naming, body, Some(trade))
}

/// Whether a record can be said: a statement longer than protocol 2 allows would be lost on any
/// reader.
pub(crate) fn fits(
    case: &PartyCase<'_>,
    to: &Address,
    request: Option<&RequestId>,
    record: &TradeRecord,
) -> bool {
    /// The name of the trade, and ids.
    const REST: usize = 1024;
    let body = Body::TradeRecord(Box::new(record.clone()));
    let value = wire::body_to_value(&body);
    let envelope = case.settings.address.as_written().len()
        + to.as_written().len()
        + request.map_or(0, |r| r.to_string().len());
    value.to_string().len() + envelope + REST <= wire::MOST_OCTETS
}

/// Sends the record of a trade that was placed elsewhere, or another version of any record.
pub(crate) fn announce_record(case: &mut PartyCase<'_>, trade: &PartyTrade) -> StatementId {
    match &trade.shop {
        Some(shop) => {
            let to = trade.buyer_mail.clone();
            say_record(case, &to, trade, shop, None)
        }
        None => case.fresh_id(),
    }
}

/// A shop's trade has an order track, even if nothing was told yet: placed elsewhere.
pub(crate) fn begin_track(case: &mut PartyCase<'_>, trade: &mut PartyTrade) {
    if let Some(shop) = &mut trade.shop
        && shop.order.is_none()
    {
        advance(shop, OrderState::Received, None, case.now);
        case.save(trade);
    }
}

/// Moves the order track on by the shop's own decision; a step that cannot follow changes nothing.
fn advance(
    shop: &mut ShopPart,
    state: OrderState,
    reason: Option<&str>,
    now: tradepost_statements::Time,
) -> bool {
    let last = shop.order.as_ref();
    let standing = last.map_or(Standing::start(), |t| t.standing);
    let place = next_place(last.map(|t| (t.last.sequence, t.last.at)), now);
    let (Ok(standing), Ok((sequence, at))) = (standing.step(state), place) else {
        return false;
    };
    let ship = match (state.is_end(), last) {
        (false, Some(track)) => track.last.ship,
        (true, _) | (_, None) => When::default(),
    };
    let status = OrderStatus {
        sequence,
        state,
        at,
        ship,
        parcels: None,
        reason: reason.and_then(|r| r.parse::<Reason>().ok()),
        text: None,
    };
    shop.order = Some(PartyTrack {
        last: status,
        standing,
    });
    true
}

/// Electronic goods have left: the shop's part is done (E11). The caller saves the trade.
pub(crate) fn goods_left(case: &mut PartyCase<'_>, trade: &mut PartyTrade) {
    let now = case.now;
    let Some(shop) = &mut trade.shop else {
        return;
    };
    if !advance(shop, OrderState::Shipped, None, now) {
        return;
    }
    if let Some(track) = &mut shop.order {
        track.last.ship.actual = Some(track.last.at);
    }
    tell_order(case, trade, AskedBy::Nobody);
}

/// Says something about the order as it stands; a step that cannot follow changes nothing.
fn restate(trade: &mut PartyTrade, text: &str, now: tradepost_statements::Time) -> bool {
    let Some(track) = trade.shop.as_mut().and_then(|s| s.order.as_mut()) else {
        return false;
    };
    let place = next_place(Some((track.last.sequence, track.last.at)), now);
    let (Ok(standing), Ok((sequence, at))) = (track.standing.step(track.last.state), place) else {
        return false;
    };
    track.standing = standing;
    track.last.sequence = sequence;
    track.last.at = at;
    track.last.text = Some(text.to_owned());
    true
}

/// Tells the present order status.
fn tell_order(case: &mut PartyCase<'_>, trade: &PartyTrade, asked: AskedBy<'_>) {
    let order = trade.shop.as_ref().and_then(|s| s.order.as_ref());
    if let Some(track) = order {
        case.tell(trade, &OwnStatus::Order(track.last.clone()), asked);
    }
}

/// Answers with the order status as it is: nothing changed, so nobody else is told.
fn answer_order(case: &mut PartyCase<'_>, trade: &PartyTrade, asking: &Statement) {
    let order = trade.shop.as_ref().and_then(|s| s.order.as_ref());
    if let Some(track) = order {
        case.answer_buyer(trade, &OwnStatus::Order(track.last.clone()), asking);
    }
}

/// Whether something has shipped, as far as the shop itself or a carrier said.
pub(crate) fn has_shipped(trade: &PartyTrade) -> bool {
    let Some(shop) = &trade.shop else {
        return false;
    };
    let said_so = shop
        .order
        .as_ref()
        .is_some_and(|t| match t.standing.highest {
            Some(OrderState::PartlyShipped | OrderState::Shipped | OrderState::Returned) => true,
            Some(
                OrderState::Received
                | OrderState::Confirmed
                | OrderState::Preparing
                | OrderState::AwaitingPayment
                | OrderState::OnHold
                | OrderState::Cancelled,
            )
            | None => false,
        });
    let heard = shop.heard.iter().any(|h| h.was_under_way);
    let own = trade
        .carrier
        .iter()
        .flat_map(|c| c.parcels.values())
        .any(|t| is_under_way(t.last.state) || t.standing.highest.is_some_and(is_under_way));
    said_so || heard || own
}

/// What follows of an own track that was moved on, by `emit` or by goods that were sent: call it
/// before the trade is saved.
pub(crate) fn moved_on(case: &mut PartyCase<'_>, trade: &mut PartyTrade) {
    charge::once_shipped(case, trade);
    returns::came_back(case, trade);
}

/// What is quoted from others must leave room in the answer (protocol 2: 16 KiB a string).
fn shortened(text: &str) -> String {
    const ENOUGH: usize = 200;
    match text.char_indices().nth(ENOUGH) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Whether a parcel in this state has left the shop.
fn is_under_way(state: DeliveryState) -> bool {
    use DeliveryState as D;
    match state {
        D::Announced | D::Stopped | D::OnHold | D::Exception => false,
        D::PickedUp
        | D::AtTerminal
        | D::Sorted
        | D::InTransit
        | D::OutForDelivery
        | D::AttemptFailed
        | D::ReadyForPickup
        | D::Lost
        | D::Delivered
        | D::Returning
        | D::Returned => true,
    }
}
