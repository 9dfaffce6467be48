//! The statuses that this server tells: those of the tracks it works on, whatever its roles.

use tradepost_statements::Body;
use tradepost_statements::status::{DeliveryStatus, OrderStatus, PaymentStatus};

use super::book::PartyTrade;

/// A status of one of this server's tracks.
pub(crate) enum OwnStatus {
    Order(OrderStatus),
    Delivery(Box<DeliveryStatus>),
    Payment(PaymentStatus),
}

impl OwnStatus {
    pub(crate) fn body(&self) -> Body {
        match self {
            OwnStatus::Order(status) => Body::OrderStatus(status.clone()),
            OwnStatus::Delivery(status) => Body::DeliveryStatus(status.clone()),
            OwnStatus::Payment(status) => Body::PaymentStatus(status.clone()),
        }
    }

    pub(super) fn is_for_the_shop(&self) -> bool {
        match self {
            OwnStatus::Order(_) => false,
            OwnStatus::Delivery(_) | OwnStatus::Payment(_) => true,
        }
    }

    /// Q7: without wishes, everything is told.
    pub(crate) fn is_wished(&self, trade: &PartyTrade) -> bool {
        let Some(kept) = &trade.wishes else {
            return true;
        };
        match self {
            OwnStatus::Order(status) => kept.wishes.want_order(status.state),
            OwnStatus::Delivery(status) => kept.wishes.want_delivery(status.state),
            OwnStatus::Payment(status) => kept.wishes.want_payment(status.state),
        }
    }
}

/// The present status of each track that this server works on in this trade.
pub(crate) fn present(trade: &PartyTrade) -> Vec<OwnStatus> {
    let order = trade.shop.iter().filter_map(|s| s.order.as_ref());
    let parcels = trade.carrier.iter().flat_map(|c| c.parcels.values());
    let payment = trade.payment.iter().filter_map(|p| p.track.as_ref());
    order
        .map(|t| OwnStatus::Order(t.last.clone()))
        .chain(parcels.map(|t| OwnStatus::Delivery(Box::new(t.last.clone()))))
        .chain(payment.map(|t| OwnStatus::Payment(t.last.clone())))
        .collect()
}
