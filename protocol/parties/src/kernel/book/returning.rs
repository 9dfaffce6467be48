//! What is kept of a decided wish to give goods back (E23).

use serde::{Deserialize, Serialize};
use tradepost_statements::postal::Recipient;
use tradepost_statements::{Amount, StatementId, Time};

/// What became of the last wish.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecidedReturn {
    /// The `return-decision` that told the buyer.
    pub statement: StatementId,
    /// What was decided, as it was said.
    pub decision: ReturnChoice,
    /// When the operator decided, by this server's clock.
    pub at: Time,
}

/// The newest decision about one wish, by the operator or the shop itself. It may come later than the
/// answer that ends the buyer's asking, so it is said again to whoever asks how the trade stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SaidDecision {
    /// When it was said, by this server's clock.
    pub(crate) at: Time,
    /// As it was said, octet for octet.
    pub(crate) octets: String,
}

/// What the operator decides about a wish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnChoice {
    /// Whether the shop takes it back.
    pub accepted: bool,
    /// What is paid back; none: what the goods cost.
    pub refund: Option<Amount>,
    /// The operator's words, for the buyer and in the refund.
    pub text: Option<String>,
    /// Where to send the goods.
    pub send_to: Option<Recipient>,
}
