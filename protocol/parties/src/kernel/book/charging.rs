//! What is kept of how a trade is charged (E9), and of an authorization before that (E3).

use serde::{Deserialize, Serialize};
use tradepost_statements::Time;
use tradepost_statements::order::Reference;

/// Whether the payment-instruction of a trade left.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Charging {
    /// It leaves, or left, with the other instructions.
    #[default]
    WithTheOthers,
    /// It leaves once something has shipped; the token of the payment is kept until then.
    OnceShipped {
        /// The buyer's token for the payment processor; none: the order has none.
        reference: Option<Reference>,
    },
    /// It left, once something had shipped.
    Told,
    /// It never will: cancelled before.
    Never,
}

/// The payment processor authorized the payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approved {
    /// How long that holds; none: it did not say.
    pub until: Option<Time>,
}
