//! The states of the three tracks, their ranks and ends (protocol 4).

use crate::words::words;

words! {
    /// One side of a trade's progress.
    pub enum Track as "a track" {
        /// The shop's part (E11).
        Order = "order",
        /// A carrier's part, one track for each carrier and parcel (E12).
        Delivery = "delivery",
        /// The payment processor's part (E13).
        Payment = "payment",
    }
}

words! {
    /// How far the shop's part of a trade has come (E11).
    pub enum OrderState as "an order state" {
        /// The shop has the order.
        Received = "received",
        /// The buyer agreed to the trade record.
        Confirmed = "confirmed",
        /// It is being made or picked.
        Preparing = "preparing",
        /// The shop waits for money.
        AwaitingPayment = "awaiting-payment",
        /// Something is in the way; `reason` says what.
        OnHold = "on-hold",
        /// Some parcels have left, not all: as long as it stands so, the delivery is not complete.
        PartlyShipped = "partly-shipped",
        /// All has left: the shop's part is done.
        Shipped = "shipped",
        /// The trade was stopped before it shipped.
        Cancelled = "cancelled",
        /// The goods came back.
        Returned = "returned",
    }
}

words! {
    /// How far a parcel has come (E12).
    pub enum DeliveryState as "a delivery state" {
        /// The carrier knows of it.
        Announced = "announced",
        /// The carrier has it.
        PickedUp = "picked-up",
        /// It is at a terminal.
        AtTerminal = "at-terminal",
        /// It was sorted for its way on.
        Sorted = "sorted",
        /// It is on its way.
        InTransit = "in-transit",
        /// It comes today.
        OutForDelivery = "out-for-delivery",
        /// The carrier came with it and could not hand it over.
        AttemptFailed = "attempt-failed",
        /// It waits for the buyer.
        ReadyForPickup = "ready-for-pickup",
        /// Held up, by customs or an open payment.
        OnHold = "on-hold",
        /// Something went wrong with it; `reason` may say what.
        Exception = "exception",
        /// It cannot be found; it counts as complete once money was paid back (protocol 4).
        Lost = "lost",
        /// The recipient has it.
        Delivered = "delivered",
        /// It was stopped on the shop's word.
        Stopped = "stopped",
        /// It is on its way back.
        Returning = "returning",
        /// The shop has it again.
        Returned = "returned",
    }
}

words! {
    /// How far the payment has come (E13).
    pub enum PaymentState as "a payment state" {
        /// Nothing has happened yet.
        Pending = "pending",
        /// The buyer is to pay.
        Due = "due",
        /// The payment was refused; no end, since another way to pay may follow.
        Declined = "declined",
        /// A part is paid; `paid` says how much.
        PartlyPaid = "partly-paid",
        /// The date to pay has passed.
        PastDue = "past-due",
        /// The money is reserved.
        Authorized = "authorized",
        /// It will be paid by itself, on a planned date.
        Scheduled = "scheduled",
        /// All is paid.
        Settled = "settled",
        /// The buyer or the bank objected.
        Disputed = "disputed",
        /// Money is on its way back.
        RefundPending = "refund-pending",
        /// A part was paid back.
        PartlyRefunded = "partly-refunded",
        /// All was paid back.
        Refunded = "refunded",
        /// It was never taken and never will be.
        Voided = "voided",
    }
}

/// What the fold needs to know of a state (protocol 4, the tables).
pub trait Progress: Copy + Eq {
    /// The state's rank; a state without rank changes none.
    fn rank(self) -> Option<u8>;
    /// Whether the track ends with it.
    fn is_end(self) -> bool;
    /// Whether another end state of the same rank may follow it (payment rank 2).
    fn end_may_change_within_rank(self) -> bool {
        false
    }
}

impl Progress for OrderState {
    fn rank(self) -> Option<u8> {
        match self {
            Self::Received | Self::Confirmed | Self::Preparing | Self::AwaitingPayment => Some(1),
            Self::OnHold => None,
            Self::PartlyShipped => Some(2),
            Self::Shipped | Self::Cancelled => Some(3),
            Self::Returned => Some(4),
        }
    }
    fn is_end(self) -> bool {
        match self {
            Self::Shipped | Self::Cancelled | Self::Returned => true,
            Self::Received
            | Self::Confirmed
            | Self::Preparing
            | Self::AwaitingPayment
            | Self::OnHold
            | Self::PartlyShipped => false,
        }
    }
}

impl Progress for DeliveryState {
    fn rank(self) -> Option<u8> {
        match self {
            Self::Announced => Some(1),
            Self::PickedUp
            | Self::AtTerminal
            | Self::Sorted
            | Self::InTransit
            | Self::OutForDelivery
            | Self::AttemptFailed
            | Self::ReadyForPickup => Some(2),
            Self::OnHold | Self::Exception | Self::Lost => None,
            Self::Delivered | Self::Stopped => Some(3),
            Self::Returning => Some(4),
            Self::Returned => Some(5),
        }
    }
    fn is_end(self) -> bool {
        match self {
            Self::Delivered | Self::Stopped | Self::Returned => true,
            Self::Announced
            | Self::PickedUp
            | Self::AtTerminal
            | Self::Sorted
            | Self::InTransit
            | Self::OutForDelivery
            | Self::AttemptFailed
            | Self::ReadyForPickup
            | Self::OnHold
            | Self::Exception
            | Self::Lost
            | Self::Returning => false,
        }
    }
}

impl Progress for PaymentState {
    fn rank(self) -> Option<u8> {
        match self {
            Self::Pending
            | Self::Due
            | Self::Declined
            | Self::PartlyPaid
            | Self::PastDue
            | Self::Authorized
            | Self::Scheduled => Some(1),
            Self::Settled | Self::Disputed | Self::RefundPending | Self::PartlyRefunded => Some(2),
            Self::Refunded | Self::Voided => Some(3),
        }
    }
    fn is_end(self) -> bool {
        match self {
            Self::Settled | Self::PartlyRefunded | Self::Refunded | Self::Voided => true,
            Self::Pending
            | Self::Due
            | Self::Declined
            | Self::PartlyPaid
            | Self::PastDue
            | Self::Authorized
            | Self::Scheduled
            | Self::Disputed
            | Self::RefundPending => false,
        }
    }
    fn end_may_change_within_rank(self) -> bool {
        self.rank() == Some(2)
    }
}
