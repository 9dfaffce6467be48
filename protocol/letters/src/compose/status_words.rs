//! The words for people of each state, and what schema.org calls it (protocol 4).

use tradepost_statements::{DeliveryState, OrderState, PaymentState};

pub(super) struct StatusWords {
    /// For a subject: `order T-1001: shipped`.
    pub(super) short: &'static str,
    /// What happened.
    pub(super) sentence: &'static str,
    /// What comes next, where there is something to say.
    pub(super) next: &'static str,
    /// The schema.org term.
    pub(super) schema: &'static str,
}

const fn words(
    short: &'static str,
    sentence: &'static str,
    next: &'static str,
    schema: &'static str,
) -> StatusWords {
    StatusWords {
        short,
        sentence,
        next,
        schema,
    }
}

/// Of what has no state.
pub(super) const NEWS: StatusWords = words(
    "there is news",
    "There is news of the order.",
    "",
    PROCESSING,
);

/// Digital goods that are a text.
pub(super) const READY: StatusWords = words(
    "ready",
    "What you bought is ready for you.",
    "",
    "OrderDelivered",
);

/// Digital goods behind a link.
pub(super) const DOWNLOAD: StatusWords = words(
    "ready to download",
    "What you bought is ready for you.",
    "",
    "OrderDelivered",
);

const PROCESSING: &str = "OrderProcessing";
const IN_TRANSIT: &str = "OrderInTransit";
const PROBLEM: &str = "OrderProblem";

#[rustfmt::skip]
pub(super) fn order(state: OrderState) -> StatusWords {
    use OrderState as S;
    match state {
        S::Received => words("received", "The shop has received the order.", "The shop checks the order and says when it ships.", PROCESSING),
        S::Confirmed => words("confirmed", "The order is confirmed.", "The shop prepares the goods.", PROCESSING),
        S::Preparing => words("being prepared", "The goods are being prepared.", "The shop says when they ship.", PROCESSING),
        S::AwaitingPayment => words("waiting for payment", "The shop is waiting for the payment.", "Once it is paid, the shop prepares the goods.", "OrderPaymentDue"),
        S::OnHold => words("on hold", "The order is on hold.", "The shop says when it goes on.", PROBLEM),
        S::PartlyShipped => words("partly shipped", "A part of the goods has been shipped.", "The carrier says where the parcel is; the rest follows.", IN_TRANSIT),
        S::Shipped => words("shipped", "All goods have been shipped.", "The carrier says where each parcel is.", IN_TRANSIT),
        S::Cancelled => words("cancelled", "The order is cancelled.", "Nothing more will be sent; what was paid is paid back.", "OrderCancelled"),
        S::Returned => words("returned", "The shop has the goods back.", "What is to be refunded is paid back.", "OrderReturned"),
    }
}

#[rustfmt::skip]
pub(super) fn delivery(state: DeliveryState) -> StatusWords {
    use DeliveryState as S;
    const ON_ITS_WAY: &str = "It goes on to the address it is for.";
    match state {
        S::Announced => words("announced", "The carrier expects the parcel.", "The carrier picks it up at the shop.", PROCESSING),
        S::PickedUp => words("picked up", "The carrier has picked up the parcel.", ON_ITS_WAY, IN_TRANSIT),
        S::AtTerminal => words("at a terminal", "The parcel is at a terminal of the carrier.", ON_ITS_WAY, IN_TRANSIT),
        S::Sorted => words("sorted", "The parcel has been sorted for its way on.", ON_ITS_WAY, IN_TRANSIT),
        S::InTransit => words("in transit", "The parcel is on its way.", ON_ITS_WAY, IN_TRANSIT),
        S::OutForDelivery => words("out for delivery", "The parcel is out for delivery.", "It should arrive within the day.", IN_TRANSIT),
        S::AttemptFailed => words("could not be delivered", "The carrier came with the parcel and could not hand it over.", "The carrier tries again, or says where it can be picked up.", PROBLEM),
        S::ReadyForPickup => words("ready for pickup", "The parcel can be picked up.", "It waits there for you.", "OrderPickupAvailable"),
        S::OnHold => words("held up", "The parcel is held up.", "The carrier says when it goes on.", PROBLEM),
        S::Exception => words("has a problem", "Something went wrong with the parcel.", "The carrier looks into it.", PROBLEM),
        S::Lost => words("lost", "The carrier cannot find the parcel.", "The shop says what it does about it.", PROBLEM),
        S::Delivered => words("delivered", "The parcel has been delivered.", "", "OrderDelivered"),
        S::Stopped => words("stopped", "The delivery was stopped on the shop's word.", "", "OrderCancelled"),
        S::Returning => words("on its way back", "The parcel is on its way back to the shop.", "The shop says when it has arrived there.", "OrderReturned"),
        S::Returned => words("returned", "The parcel is back at the shop.", "What is to be refunded is paid back.", "OrderReturned"),
    }
}

const DUE: &str = "PaymentDue";
const AUTOMATIC: &str = "PaymentAutomaticallyApplied";
const COMPLETE: &str = "PaymentComplete";

#[rustfmt::skip]
pub(super) fn payment(state: PaymentState) -> StatusWords {
    use PaymentState as S;
    match state {
        S::Pending => words("pending", "The payment has not begun yet.", "", DUE),
        S::Due => words("due", "The payment is due.", "Please pay in the way that was agreed on.", DUE),
        S::Declined => words("declined", "The payment was declined.", "Please ask the payment processor why, or the shop for another way to pay.", "PaymentDeclined"),
        S::PartlyPaid => words("partly paid", "A part has been paid.", "The rest is still due.", DUE),
        S::PastDue => words("past due", "The date to pay has passed.", "Please pay in the way that was agreed on.", "PaymentPastDue"),
        S::Authorized => words("authorized", "The payment is authorized.", "The money is taken later.", AUTOMATIC),
        S::Scheduled => words("scheduled", "The payment is scheduled.", "It is made by itself on the planned date.", AUTOMATIC),
        S::Settled => words("settled", "The payment is settled.", "", COMPLETE),
        S::Disputed => words("disputed", "The payment is disputed.", "The payment processor looks into it.", COMPLETE),
        S::RefundPending => words("refund pending", "Money is on its way back.", "The payment processor says when it is paid back.", COMPLETE),
        S::PartlyRefunded => words("partly refunded", "A part has been paid back.", "", COMPLETE),
        S::Refunded => words("refunded", "All has been paid back.", "", COMPLETE),
        S::Voided => words("voided", "The payment was never taken and will not be.", "", COMPLETE),
    }
}
