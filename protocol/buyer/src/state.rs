//! The rows of the ledger, as types.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tradepost_statements::order::Line;
use tradepost_statements::{
    Address, Amount, Currency, DeliveryState, Kind, OrderState, PaymentState, RequestId, Statement,
    StatementId, Time, TradeRef,
};
use tradepost_trades::letter::Received;
use tradepost_trades::rows::Rows;

use super::warning::WarningKind;

/// A letter that was received.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct FiledLetter {
    pub(super) no: u64,
    pub(super) received: Received,
    /// Lines of protocol 5 up to this one were passed by the person's own act; 0 for none.
    #[serde(default)]
    pub(super) accepted_through: u8,
    pub(super) fate: Fate,
    /// Since when it waits for DNS, if it ever did.
    #[serde(default)]
    pub(super) held_since: Option<Time>,
    /// How often DNS was asked again for it, in vain.
    #[serde(default)]
    pub(super) tries: u32,
    /// It stands in the group of letters below the minimum (protocol 5), and joins none again.
    #[serde(default)]
    pub(super) grouped: bool,
    /// How many more times it came.
    #[serde(default)]
    pub(super) copies: u64,
    /// Where it stands among the letters, when that is not where it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) moved: Option<LetterPlace>,
}

impl FiledLetter {
    /// Where it stands among the letters: where it came, that is, where the journal first has it; what
    /// was not believed or did not fit, where the person's trust or act let it in.
    pub(super) fn place(&self) -> LetterPlace {
        self.moved.unwrap_or(LetterPlace {
            after: self.no,
            nth: 0,
        })
    }
}

/// A place among the letters, in the order of their arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct LetterPlace {
    /// The number of the last letter that had come.
    pub(super) after: u64,
    /// Of those that were let in later, which; 0 for that letter itself.
    pub(super) nth: u64,
}

/// How a letter stands at present.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub(super) enum Fate {
    /// Just arrived, not yet judged.
    New,
    Applied,
    Adopted,
    Late,
    Duplicate,
    Held {
        until: Time,
        /// The line that holds it.
        rule: u8,
    },
    Warned {
        rule: u8,
        kind: WarningKind,
    },
}

/// What is known of one trade: its letters, and the state they give.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct BuyerTrade {
    pub(super) trade: TradeRef,
    /// Numbers of the letters that make its state, in the order of their arrival. What was
    /// refused is set aside (`keys::aside`), so that a flood of it costs nothing later.
    pub(super) letters: Vec<u64>,
    /// Those of them that are trade records.
    #[serde(default)]
    pub(super) records: Vec<u64>,
    /// Those that have counted, even if they do no more: what their parties said stays.
    #[serde(default)]
    pub(super) counted_records: BTreeSet<u64>,
    /// The person confirmed that it is theirs (protocol 9).
    #[serde(default)]
    pub(super) confirmed: bool,
    /// The number of the letter by which it was adopted; turning adoption off later takes nothing away.
    #[serde(default)]
    pub(super) adopted_by: Option<u64>,
    /// None while there are letters but no trade record that counts.
    pub(super) state: Option<TradeState>,
    /// What of it stands in the totals and lists.
    #[serde(default)]
    pub(super) counted: Option<CountedTrade>,
    /// The keys under which its parties are known.
    #[serde(default)]
    pub(super) listed: BTreeSet<String>,
}

/// What of a trade stands in the totals and lists; taken out again before it changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CountedTrade {
    /// Adopted and not confirmed: counted apart (protocol 9).
    pub(super) apart: bool,
    pub(super) undelivered: bool,
    pub(super) promised: Option<Time>,
    pub(super) unpaid: Amount,
    pub(super) due: Option<Time>,
}

tradepost_statements::words! {
    /// How a trade came to be in the ledger.
    pub enum TradeOrigin as "an origin of a trade" {
        /// Ordered with this program.
        Placed = "placed",
        /// Ordered elsewhere, and known beforehand (protocol 9).
        Expected = "expected",
        /// Ordered elsewhere, known from a trade record.
        Adopted = "adopted",
    }
}

/// What the letters of a trade add up to (protocol 4). Nothing in it depends on the present time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TradeState {
    pub(super) origin: TradeOrigin,
    pub(super) request: Option<RequestId>,
    /// The number of the letter with the trade record that counts.
    pub(super) record: u64,
    pub(super) version: u32,
    pub(super) shop_name: String,
    pub(super) placed: Time,
    pub(super) lines: Vec<Line>,
    pub(super) total: Amount,
    pub(super) confirm_by: Option<Time>,
    pub(super) carriers: BTreeSet<Address>,
    pub(super) newest_carriers: BTreeSet<Address>,
    pub(super) processor: Address,
    pub(super) order: Option<OrderNow>,
    pub(super) delivery: Vec<ParcelNow>,
    pub(super) payment: Option<PaymentNow>,
    pub(super) delivered: bool,
    pub(super) undelivered: bool,
    pub(super) paid_so_far: Amount,
    pub(super) unpaid: Amount,
    pub(super) ended: bool,
    pub(super) promised: Option<Time>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OrderNow {
    pub(super) state: OrderState,
    pub(super) at: Time,
    pub(super) planned: Option<Time>,
    pub(super) actual: Option<Time>,
}

/// A parcel; without state when it was only named so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ParcelNow {
    pub(super) carrier: Option<Address>,
    pub(super) parcel: String,
    pub(super) status: Option<ParcelStatus>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ParcelStatus {
    pub(super) state: DeliveryState,
    pub(super) at: Time,
    pub(super) planned: Option<Time>,
    pub(super) planned_until: Option<Time>,
    pub(super) actual: Option<Time>,
    pub(super) tracking_number: Option<String>,
    pub(super) place: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PaymentNow {
    pub(super) state: PaymentState,
    pub(super) at: Time,
    pub(super) amount: Amount,
    pub(super) paid: Option<Amount>,
    pub(super) refunded: Option<Amount>,
    pub(super) planned: Option<Time>,
    pub(super) actual: Option<Time>,
}

/// A statement of ours.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Own {
    pub(super) statement: Statement,
    /// The JSON octets, sent again as they are.
    pub(super) json: String,
    /// All the letters that carried it.
    pub(super) message_ids: BTreeSet<String>,
    /// It left from here, so it is sent again from here when nobody answers.
    pub(super) from_here: bool,
    pub(super) first_sent: Time,
    /// How often it was sent.
    pub(super) tries: u32,
    pub(super) progress: OwnProgress,
    /// When it was sent last.
    #[serde(default)]
    pub(super) last_sent: Option<Time>,
    /// The last bounce, if one came.
    #[serde(default)]
    pub(super) bounce: Option<String>,
    /// After which of the times that it was sent.
    #[serde(default)]
    pub(super) bounced_try: u32,
}

impl Own {
    /// Whether the letter that carried it last came back.
    pub(super) fn has_bounced(&self) -> bool {
        self.bounce.is_some() && self.bounced_try == self.tries
    }
}

/// Whether an own statement still waits for its answer (protocol 7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub(super) enum OwnProgress {
    Waiting {
        again: Time,
    },
    Answered {
        /// What answered first.
        by: Kind,
        #[serde(default)]
        at: Option<Time>,
        /// The letters that answered it, the first ones of them.
        #[serde(default)]
        letters: Vec<u64>,
    },
    /// Nobody answered for so long that it is not sent again.
    GivenUp,
    /// Another client of this mailbox sent it, and looks after it.
    Elsewhere,
}

/// A request of ours: what is known of the order and its answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct OwnRequest {
    pub(super) id: RequestId,
    pub(super) to: Address,
    /// The statement with the order.
    pub(super) order: Option<StatementId>,
    /// All statements of ours that bear this request id.
    pub(super) statements: Vec<StatementId>,
    /// The first answer counts (protocol 5, line 10).
    pub(super) answer: Option<RequestAnswer>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub(super) enum RequestAnswer {
    Record { trade: TradeRef },
    Rejected { letter: u64, reason: String },
}

/// Running totals (E19, E20).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Totals {
    pub(super) trades: u64,
    pub(super) adopted: u64,
    pub(super) undelivered: u64,
    pub(super) unpaid: u64,
    pub(super) unpaid_total: BTreeMap<Currency, Amount>,
    /// Currencies whose limit is reached, with the warning that says so.
    #[serde(default)]
    pub(super) over_limit: BTreeMap<Currency, u64>,
}

/// A row as its type. A row that cannot be read is one that this program never wrote.
pub(super) fn read<T: DeserializeOwned>(rows: &dyn Rows, key: &str) -> Option<T> {
    serde_json::from_slice(&rows.get(key.as_bytes())?).ok()
}
