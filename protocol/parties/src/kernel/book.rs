//! A server's book: what it keeps about its trades, and under which keys.
//!
//! ```text
//! s/t/<shop>/<trade id>         Trade, all roles of this server in one entry
//! s/n/<trade id>/<shop>         finds the shops of a trade id
//! s/b/<request id>              Request: the stored answer to an order (Q8), or a mark
//! s/i/<sender>/<statement id>   Seen: what was said under this id, and the answers to it
//! s/g/<digest>                  the evidence of a letter that was judged
//! s/k/<key>                     EmitKey: what became of a line of the merchant's own system
//! s/x/<origin>                  the trade that an order of the merchant's own system became
//! s/r/<trade id>                a wish to give goods back waits for the operator (E23)
//! s/e/<trade id>/<statement id> SaidDecision: the newest decision about that wish
//! s/v/<trade id>                Authorizing: an order whose payment is being authorized (E3)
//! s/l/<shop>/<trade id>/<what> a statement that a mail of the merchant's own system carries
//! s/w/<statement id>            Waiting: an own statement that awaits its answer
//! s/h/<digest>                  a letter that is held until the time it bears
//! s/u/<digest>                  Waits: a letter that is held until DNS answers
//! s/p/<time>/<digest>           when such a letter is tried again
//! s/o, s/o/<domain>             how many of them there are
//! s/a/<trade id>/<shop>         what was asked by `authorize`, and answered
//! s/q/<trade id>/<shop>         those of them that wait for the operator
//! s/m/<sender>/<shop>/<id>/..   Mark: a refund or recall that overtook its instruction
//! s/d/<time>/<what>             what is due when; stale ones do nothing
//! s/j/<id>                      Job: what the merchant's own system is to be told or asked
//! s/jd/<time>/<id>              when a job is run
//! s/jx/<id>                     a job that was done, or is wanted no longer
//! s/jl/<trade id>               what the merchant's own system was told of cancelled lines
//! s/jg/<statement id>           a letter that brings electronic goods, and its job
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tradepost_statements::instruction::{DeliveryInstruction, PaymentInstruction};
use tradepost_statements::order::{Line, LineQuantity, Reference};
use tradepost_statements::record::{TradeRecord, Version};
use tradepost_statements::status::{DeliveryStatus, OrderStatus, PaymentStatus};
use tradepost_statements::wish::Wishes;
use tradepost_statements::{
    Address, Amount, DeliveryState, Kind, OrderState, PaymentState, RequestId, Sequence,
    StatementId, Time, TradeId, TradeRef,
};

mod charging;
mod keys;
mod returning;

pub use charging::{Approved, Charging};
pub(crate) use keys::*;
pub use keys::{digest_of_waiting, key_of_emitted, trade_key};
pub(crate) use returning::SaidDecision;
pub use returning::{DecidedReturn, ReturnChoice};

use tradepost_trades::rows::{Row, Rows};

use super::settings::Charge;
use super::track::Standing;

/// One trade, with all that this server does about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartyTrade {
    /// The shop and its id for the trade; both together name it (protocol 1).
    pub trade: TradeRef,
    /// Counts the changes of this entry, so that two processes cannot overwrite one another.
    pub revision: u64,
    /// Where statuses go (E14).
    pub buyer_mail: Address,
    /// Where they went before the shop corrected the address (protocol 9): nothing more goes there.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub former: BTreeSet<Address>,
    /// When the instruction was sent that named `buyer_mail`; none where this server is the shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail_named: Option<Time>,
    /// What the buyer wants to be told of (Q7); none: everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wishes: Option<KeptWishes>,
    /// Addresses that agreed to notices.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub consents: BTreeSet<Address>,
    /// Where this server is the trade's shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shop: Option<ShopPart>,
    /// Once there is a delivery track here: by an instruction, or by `emit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<CarrierPart>,
    /// Once there is a payment track here: by an instruction, an authorization or `emit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<PaymentPart>,
}

/// The buyer's wishes and when they were stated: the later ones count (protocol 3, `notify`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptWishes {
    /// `on` and `to`, as the buyer stated them.
    pub wishes: Wishes,
    /// `sent` of the statement that wished it: later ones replace it.
    pub sent: Time,
}

/// The shop's part of a trade.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShopPart {
    /// The order's request; none for an order placed elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
    /// The newest version of the record.
    pub record: TradeRecord,
    /// The statement that carried it first.
    pub record_statement: StatementId,
    /// The totals of former versions, where they were others: a status may still tell of one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former_totals: Vec<Amount>,
    /// Since when the order is as the record says, as far as the merchant's own system told it: what
    /// it says of an earlier time comes too late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Time>,
    /// The version that the buyer agreed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<Version>,
    /// Whether carrier and payment processor were instructed.
    pub instructed: Instructed,
    /// What was told to carriers and payment processor, so that their answers can be told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<SentToParty>,
    /// How far the shop's part has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<PartyTrack<OrderStatus, OrderState>>,
    /// The newest statuses of carriers and payment processor.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heard: Vec<HeardStatus>,
    /// The buyer wants to give goods back; the operator decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wants_back: Option<GiveBack>,
    /// When the payment is charged, as the procedure said when the trade was made.
    #[serde(default)]
    pub charge: Charge,
    /// Whether the payment-instruction left, which may be later than the others (E9).
    #[serde(default)]
    pub charging: Charging,
    /// The total that the payment processor was told to take last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Amount>,
    /// The sum of all that is paid back so far (E23).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunded: Option<Amount>,
    /// What was cancelled before it shipped, or taken back (E23).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given_back: Vec<LineQuantity>,
    /// What became of the last wish to give goods back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<DecidedReturn>,
    /// The payment was authorized (E3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Approved>,
}

/// Whether the instructions of a trade left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Instructed {
    /// They wait for the buyer's `confirm`; the token of the payment is kept until then.
    AfterConfirm {
        /// The buyer's token for the payment processor; none: the order has none.
        reference: Option<Reference>,
    },
    /// They left with the trade record, or with the confirmation.
    Yes,
    /// They never will: placed elsewhere, or cancelled before.
    Never,
}

/// A statement of the shop to a carrier or payment processor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SentToParty {
    /// What an answer to it names in `answers`.
    pub id: StatementId,
    /// An instruction, `authorize`, `refund` or `recall`.
    pub kind: Kind,
    /// Its receiver: an answer from elsewhere does not count (protocol 5, line 8).
    pub to: Address,
}

/// The newest status of another server's track.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeardStatus {
    /// The carrier or payment processor whose track it is.
    pub from: Address,
    /// Its place in the sender's track (protocol 3): lower ones come too late.
    pub sequence: Sequence,
    /// The state that it tells; a carrier's is of one parcel.
    pub state: HeardState,
    /// When it was recorded there.
    pub at: Time,
    /// Whether any status of this track said that goods were under way.
    #[serde(default)]
    pub was_under_way: bool,
    /// What was said for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A state of another server's track.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeardState {
    /// Of one parcel, as its carrier says.
    Delivery {
        /// Its name; empty where parcels are not named.
        parcel: String,
        /// The newest state, by `sequence`.
        state: DeliveryState,
    },
    /// Of the payment, as its processor says.
    Payment {
        /// The newest state, by `sequence`.
        state: PaymentState,
        /// The total that it is told of.
        amount: Amount,
        /// How much of it is paid, where the processor says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        paid: Option<Amount>,
    },
}

/// The buyer's wish to give goods back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GiveBack {
    /// The statement that said so.
    pub statement: StatementId,
    /// Which goods; none: all.
    pub lines: Option<Vec<LineQuantity>>,
    /// Why, in the buyer's words.
    pub text: Option<String>,
    /// When the first of the wishes that are joined here came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
}

/// The carrier's part of a trade.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CarrierPart {
    /// What the shop instructed, one for each parcel; a change that came too late is not in it.
    pub instructions: Vec<DeliveryInstruction>,
    /// How far each parcel has come.
    pub parcels: BTreeMap<String, PartyTrack<DeliveryStatus, DeliveryState>>,
}

/// The payment processor's part of a trade.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaymentPart {
    /// What the shop instructed, or what its record or `authorize` says in place of that.
    pub instruction: PaymentInstruction,
    /// When that was sent, where the shop sent it: one that was sent earlier says nothing new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Time>,
    /// The totals that the shop has told: a refund may name any of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub totals: Vec<Amount>,
    /// How far the payment has come.
    pub track: Option<PartyTrack<PaymentStatus, PaymentState>>,
    /// The sum of all refunds that the shop asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted_back: Option<Amount>,
    /// When the due list says that its due date has passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watched: Option<Time>,
    /// The due date that was said to have passed: it is said once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub past_due: Option<Time>,
}

impl PaymentPart {
    /// A payment of which nothing was told yet.
    #[must_use]
    pub fn of(instruction: PaymentInstruction) -> PaymentPart {
        PaymentPart {
            totals: vec![instruction.amount],
            sent: None,
            instruction,
            track: None,
            wanted_back: None,
            watched: None,
            past_due: None,
        }
    }
}

/// A track: its newest status, and how far it has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartyTrack<Status, State> {
    /// The newest status, which whoever asks is told.
    pub last: Status,
    /// How far it has come by rank, which says what may follow (protocol 4).
    pub standing: Standing<State>,
}

/// What became of an order, by its request id (Q8). Kept for good: more than the 60 days asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderRequest {
    /// The stored answer, octet for octet; none: only a mark stands here.
    pub answer: Option<String>,
    /// The trade that it became.
    pub trade: Option<TradeId>,
    /// The trade that it becomes once its payment is authorized (E3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorizing: Option<TradeId>,
    /// A `cancel` came; it counts against an order until then (protocol 3, "Overtaking").
    pub cancelled_until: Option<Time>,
    /// When the answer was repeated within the last hour.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repeated: Vec<Time>,
}

/// A statement that was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeenStatement {
    /// SHA-256 of its canonical JSON.
    pub content: String,
    /// What was answered, octet for octet.
    pub answers: Vec<String>,
    /// When the answers were repeated within the last hour.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repeated: Vec<Time>,
}

/// A line of the merchant's own system that was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EmitKey {
    /// SHA-256 of its canonical JSON.
    pub content: String,
    /// The statement that it made.
    pub statement: StatementId,
}

/// An own statement that awaits an answer (protocol 7).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AwaitedAnswer {
    /// The statement, octet for octet.
    pub octets: String,
    /// When it left first.
    pub since: Time,
    /// How often it was sent again.
    pub again: u32,
    /// When it is sent again.
    pub due: Time,
    /// Whether the operator was told.
    pub operator_told: bool,
}

/// How long what overtook its cause counts (protocol 3, "Overtaking").
pub(crate) const MARK_COUNTS_FOR: Duration = Duration::from_secs(30 * 24 * 3600);

/// A `refund` or `recall` that came before its instruction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EarlyUndoing {
    /// 30 days after it came; it counts until then (protocol 3, "Overtaking").
    pub until: Time,
    /// Counts only against what was sent before; none: against all that comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_before: Option<Time>,
    /// The statement that made it.
    pub statement: StatementId,
}

/// What a record or an instruction says there is, to compare lines with.
#[derive(Debug, Clone, Copy)]
pub enum StatedLines<'t> {
    /// Of the shop's own record, where a line's place is its index.
    Record(&'t [Line]),
    /// Of a carrier's instructions, which hold only the lines in its parcels.
    Instructions(&'t [DeliveryInstruction]),
}

impl StatedLines<'_> {
    /// How many of a line there are; none: there is no such line.
    #[must_use]
    pub fn quantity(&self, line: u32) -> Option<NonZeroU32> {
        match self {
            StatedLines::Record(lines) => usize::try_from(line)
                .ok()
                .and_then(|i| lines.get(i))
                .map(|l| l.quantity),
            StatedLines::Instructions(all) => all
                .iter()
                .flat_map(|i| &i.lines)
                .filter(|l| l.line == line)
                .map(|l| l.quantity)
                .max(),
        }
    }
}

/// Totals of versions of one record that are kept, as buyers keep them (protocol 4).
const MOST_TOTALS: usize = 32;

/// Notes one more total; of too many the oldest goes.
pub(crate) fn note_total(totals: &mut Vec<Amount>, total: Amount) {
    totals.retain(|known| *known != total);
    totals.push(total);
    totals.drain(..totals.len().saturating_sub(MOST_TOTALS));
}

impl ShopPart {
    /// A record of which nothing is known but itself: it instructs nobody.
    #[must_use]
    pub fn new(record: TradeRecord, record_statement: StatementId) -> ShopPart {
        ShopPart {
            request: None,
            record,
            record_statement,
            former_totals: Vec::new(),
            as_of: None,
            confirmed: None,
            instructed: Instructed::Never,
            told: Vec::new(),
            order: None,
            heard: Vec::new(),
            wants_back: None,
            charge: Charge::default(),
            charging: Charging::default(),
            asked: None,
            refunded: None,
            given_back: Vec::new(),
            decided: None,
            authorization: None,
        }
    }
}

impl ShopPart {
    /// Whether a version of the record has, or had, that total.
    #[must_use]
    pub fn had_total(&self, total: Amount) -> bool {
        self.record.total == total || self.former_totals.contains(&total)
    }
}

impl PartyTrade {
    /// An entry without any part yet.
    #[must_use]
    pub fn new(trade: TradeRef, buyer_mail: Address) -> PartyTrade {
        PartyTrade {
            trade,
            revision: 0,
            buyer_mail,
            former: BTreeSet::new(),
            mail_named: None,
            wishes: None,
            consents: BTreeSet::new(),
            shop: None,
            carrier: None,
            payment: None,
        }
    }

    /// The trade's total, as far as this server knows it.
    #[must_use]
    pub fn total(&self) -> Option<Amount> {
        let recorded = self.shop.as_ref().map(|s| s.record.total);
        recorded.or(self.payment.as_ref().map(|p| p.instruction.amount))
    }

    /// The shop's name, as far as this server knows it.
    #[must_use]
    pub fn shop_name(&self) -> Option<&str> {
        self.shop.as_ref().map(|s| s.record.shop_name.as_str())
    }
}

/// Reads a row that this module wrote.
pub(crate) fn read<T: DeserializeOwned>(rows: &dyn Rows, key: &str) -> Option<T> {
    rows.get(key.as_bytes()).map(|value| from_row(&value))
}

pub(crate) fn from_row<T: DeserializeOwned>(value: &[u8]) -> T {
    // The store checks what it reads, and is rebuilt when this format changes.
    serde_json::from_slice(value).expect("a row of the book was written by this program")
}

pub(crate) fn put<T: Serialize>(key: String, value: &T) -> Row {
    let value = serde_json::to_vec(value).expect("a row of the book always has a JSON form");
    Row::put(key, value)
}

/// A trade of the book.
#[must_use]
pub fn load(rows: &dyn Rows, trade: &TradeRef) -> Option<PartyTrade> {
    read(rows, &trade_key(trade))
}

/// What became of the order with this request id.
#[must_use]
pub fn by_request(rows: &dyn Rows, request: &RequestId) -> Option<OrderRequest> {
    read(rows, &request_key(request))
}

/// The trade that an order of the merchant's own system became (`origin` in the line of its record).
#[must_use]
pub fn by_origin(rows: &dyn Rows, origin: &str) -> Option<TradeId> {
    read(rows, &origin_key(origin))
}

/// The shops that have a trade of this id.
#[must_use]
pub fn shops_with(rows: &dyn Rows, id: &TradeId, limit: usize) -> Vec<TradeRef> {
    let prefix = name_prefix(id);
    rows.scan_from(prefix.as_bytes(), prefix.as_bytes(), limit)
        .iter()
        .map(|(_, value)| from_row(value))
        .collect()
}
