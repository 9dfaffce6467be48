//! What an operator decides: which roles a server has, and how it plays them.

mod carrier;
mod fulfilment;
mod payment;
mod shop;

pub use carrier::CarrierSettings;
pub use fulfilment::{Fulfilment, FulfilmentSettings};
pub use payment::{AuthorizeAnswer, PaymentSettings};
pub use shop::{Article, Catalogue, Charge, DeliveryProcedure, PaymentProcedure, ShopSettings};

use std::collections::BTreeMap;
use std::time::Duration;

use tradepost_statements::{Address, Evidence};

/// A server's configuration, as far as decisions need it.
#[derive(Debug, Clone)]
pub struct PartySettings {
    /// Where its statements come from, and whom statements must be for (protocol 5, line 6).
    pub address: Address,
    /// Its name for people, in From of its letters and as the shop's in its records.
    pub name: String,
    /// The least evidence of a letter that counts.
    pub minimum: Evidence,
    /// The same for single parties.
    pub minimum_of: BTreeMap<Address, Evidence>,
    /// How it takes orders; none: it is no shop.
    pub shop: Option<ShopSettings>,
    /// How it delivers; none: it is no carrier.
    pub carrier: Option<CarrierSettings>,
    /// How it takes payments; none: it is no payment processor.
    pub payment: Option<PaymentSettings>,
    /// How the merchant's own system is told and asked (E8).
    pub jobs: FulfilmentSettings,
    /// How long it waits, for answers and before it tells the operator.
    pub timers: PartyTimers,
}

impl PartySettings {
    /// The least evidence that a letter of this author needs.
    pub(super) fn minimum_for(&self, author: Option<&Address>) -> Evidence {
        author
            .and_then(|a| self.minimum_of.get(a))
            .copied()
            .unwrap_or(self.minimum)
    }
}

/// How long a server waits (protocol 7).
#[derive(Debug, Clone)]
pub struct PartyTimers {
    /// Before a statement without answer is sent again.
    pub answer_first: Duration,
    /// The longest such wait; each is twice the one before.
    pub answer_longest: Duration,
    /// When the operator is told that an answer is missing.
    pub tell_operator: Duration,
    /// When an order whose payment nobody authorized is rejected.
    pub authorization: Duration,
    /// How long a statement waits for a mail of the merchant's own system that carries it.
    pub attach_within: Duration,
    /// When an unanswered statement is sent no more.
    pub give_up: Duration,
    /// How long after a payment's due date it is said to be past due.
    pub past_due: Duration,
    /// Before a letter that DNS has not decided is tried again.
    pub held_first: Duration,
    /// The longest such wait; each is twice the one before.
    pub held_longest: Duration,
    /// After which it is judged as it is (protocol 5).
    pub held_patience: Duration,
}

impl Default for PartyTimers {
    fn default() -> Self {
        const MINUTE: u64 = 60;
        const DAY: u64 = 24 * 3600;
        PartyTimers {
            answer_first: Duration::from_secs(5 * MINUTE),
            answer_longest: Duration::from_secs(6 * 3600),
            tell_operator: Duration::from_secs(DAY),
            authorization: Duration::from_secs(DAY),
            attach_within: Duration::from_secs(60 * MINUTE),
            give_up: Duration::from_secs(30 * DAY),
            // A due date ends with its day in UTC; in most of the Americas the day goes on.
            past_due: Duration::from_secs(DAY),
            held_first: Duration::from_secs(MINUTE),
            held_longest: Duration::from_secs(60 * MINUTE),
            held_patience: Duration::from_secs(7 * DAY),
        }
    }
}
