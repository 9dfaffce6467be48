//! The shapes of the JSON: their names and members are stable.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use tradepost_statements::link::Fingerprint;
use tradepost_statements::order::Line;
use tradepost_statements::postal::Recipient;
use tradepost_statements::progress::Track;
use tradepost_statements::{
    Address, Amount, DeliveryState, Evidence, Kind, OrderState, PaymentState, RequestId,
    StatementId, Time, TradeId, TradeRef,
};

use super::super::progress::TradeOrigin;
use super::super::warning::{OtherPayee, WarningKind, WarningState};

/// A trade, as `list` and `pending` give it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuyerTradeView {
    /// The shop's address; with `id` it names the trade.
    pub shop: Address,
    /// The shop's id for it.
    pub id: TradeId,
    /// The shop's name for people: the shop's word.
    pub shop_name: String,
    /// How it came to be in the ledger.
    pub origin: TradeOrigin,
    /// The order's request id; null where the order was placed elsewhere.
    pub request: Option<RequestId>,
    /// When the order was placed.
    pub placed: Time,
    /// What was bought, by the trade record that counts.
    pub lines: Vec<Line>,
    /// What all of it costs, by the trade record that counts.
    pub total: Amount,
    /// How far the shop's part has come (E11).
    pub order: OrderView,
    /// The parcels that count (protocol 4, "Counting"), by carrier and name.
    pub delivery: Vec<ParcelView>,
    /// How far the payment has come (E13).
    pub payment: PaymentView,
    /// The delivery is complete (protocol 4).
    pub delivered: bool,
    /// Nothing is unpaid (protocol 4).
    pub paid: bool,
    /// Nothing more is expected (protocol 4).
    pub ended: bool,
    /// A promise has passed (protocol 4).
    pub overdue: bool,
    /// How many warnings about it are open.
    pub warnings: u64,
    /// When what is missing was promised; used for sorting.
    #[serde(skip_serializing, default)]
    pub promised: Option<Time>,
    /// What is unpaid; used for totals.
    #[serde(skip_serializing, default)]
    pub unpaid: Option<Amount>,
    /// Whether something is still to come.
    #[serde(skip_serializing, default)]
    pub undelivered: bool,
    /// Adopted and not confirmed: counted apart.
    #[serde(skip_serializing, default)]
    pub apart: bool,
}

/// The order track of a trade.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderView {
    /// How far it has come.
    pub state: Option<OrderState>,
    /// When the shop recorded it.
    pub at: Option<Time>,
    /// When it is to ship.
    pub planned: Option<Time>,
    /// When it shipped, by the shop's word.
    pub actual: Option<Time>,
}

/// A parcel of a trade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParcelView {
    /// Who brings it; null while that is not known.
    pub carrier: Option<Address>,
    /// Its name; empty where parcels are not named.
    pub parcel: String,
    /// How far it has come.
    pub state: Option<DeliveryState>,
    /// When the carrier recorded it.
    pub at: Option<Time>,
    /// When the carrier expects it to arrive, or from when on.
    pub planned: Option<Time>,
    /// When it arrived, by the carrier's word.
    pub actual: Option<Time>,
    /// The carrier's number for it, where its present status gives one.
    pub tracking_number: Option<String>,
    /// Where it is, where its present status says so.
    pub place: Option<String>,
}

/// The payment track of a trade.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentView {
    /// How far it has come.
    pub state: Option<PaymentState>,
    /// When the payment processor recorded it.
    pub at: Option<Time>,
    /// The trade's total, as the payment status names it.
    pub amount: Option<Amount>,
    /// What was paid, where the processor says so.
    pub paid: Option<Amount>,
    /// What was paid back, where the processor says so.
    pub refunded: Option<Amount>,
    /// When it is to be settled.
    pub planned: Option<Time>,
    /// When it was settled, by the payment processor's word.
    pub actual: Option<Time>,
}

/// A trade with its parties and history, as `show` gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShowView {
    /// What `list` gives of it; its members stand beside the others here.
    #[serde(flatten)]
    pub trade: BuyerTradeView,
    /// Who may speak about it.
    pub parties: Parties,
    /// Its statuses, in the order of their arrival.
    pub history: Vec<HistoryView>,
    /// What the person asked to be undone, in the order in which they asked; there only where they did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undoing: Vec<UndoingView>,
}

/// A trade that is expected (protocol 9), as `expect --list` gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedView {
    /// The shop's address; with `id` it names the trade.
    pub shop: Address,
    /// The shop's id for it.
    pub id: TradeId,
    /// The most that it costs.
    pub total: Option<Amount>,
    /// The fingerprint of the shop's OpenPGP key.
    pub key: Option<Fingerprint>,
    /// When the person first said so; saying more of it later keeps that.
    pub since: Time,
    /// Whether it is in the ledger by now.
    pub come: bool,
    /// How many warnings about it are open.
    pub warnings: u64,
}

/// A cancellation or return that the person asked for (E7, E23).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoingView {
    /// The statement that asked.
    pub statement: StatementId,
    /// `cancel` or `return`.
    pub kind: Kind,
    /// When it was asked: the statement's `sent`.
    pub sent: Time,
    /// What is to go back; null: everything.
    pub lines: Option<Vec<LineView>>,
    /// What the person said to the shop.
    pub text: Option<String>,
    /// The shop has answered, if only with the present status.
    pub answered: bool,
    /// What the shop said last about it; null while it has decided nothing.
    pub decision: Option<DecisionView>,
}

/// Some of a line of a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineView {
    /// Its place in `lines`, from 0.
    pub line: u32,
    /// Pieces of that line.
    pub quantity: NonZeroU32,
}

/// The shop's decision of a return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionView {
    /// Whether the shop takes it back.
    pub accepted: bool,
    /// When it said so: the statement's `sent`.
    pub at: Time,
    /// What it says that it pays back; null where it names no sum.
    pub refund: Option<Amount>,
    /// Where the goods are to be sent.
    pub send_to: Option<Recipient>,
    /// The shop's word about it.
    pub text: Option<String>,
}

/// Who may speak about a trade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parties {
    /// About the order.
    pub shop: Address,
    /// About the delivery.
    pub carriers: Vec<Address>,
    /// About the payment.
    pub processor: Address,
}

/// One status in the history of a trade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryView {
    /// Whether it tells of the order, the delivery or the payment.
    pub track: Track,
    /// Who brings the parcel, for the delivery.
    pub carrier: Option<Address>,
    /// Which parcel, for the delivery.
    pub parcel: Option<String>,
    /// Its number in the track.
    pub sequence: u32,
    /// The state's word, of those of that track (protocol 4).
    pub state: String,
    /// When the sender recorded it.
    pub at: Time,
    /// When the letter was received.
    pub received_at: Time,
    /// Who says it: the statement's `from`.
    pub from: Address,
    /// How well the sender was proven.
    pub evidence: Evidence,
    /// How the sender was proven, in one sentence.
    #[serde(default)]
    pub proof: String,
    /// There only where it is true: a line refused the letter, and it counts because the person
    /// accepted it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accepted: bool,
    /// The letter's Message-ID, without angle brackets.
    pub message_id: Option<String>,
    /// What it came to, such as `applied`, `late`, `duplicate`; `warned` is of line 16.
    pub outcome: String,
}

/// A warning, as `warnings` gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WarningView {
    /// Its number, by which it is dismissed or accepted.
    pub id: u64,
    /// What it is about: its word in protocol 5.
    pub kind: WarningKind,
    /// The line of protocol 5; null for the ledger's own and for what stands beside the verdict.
    pub rule: Option<u8>,
    /// When it was first given; one that is opened again keeps that.
    pub at: Time,
    /// Whether it stands, or how it ended.
    pub state: WarningState,
    /// The trade that it is about.
    pub trade: Option<TradeRef>,
    /// What the letter says of itself.
    pub letter: LetterView,
    /// How the letter's sender was proven.
    pub evidence: Evidence,
    /// What came, in words for people; it may quote the letter, its links broken.
    pub received: String,
    /// What was expected, in words for people, written in the same way.
    pub expected: String,
    /// What it means and what to do.
    pub text: String,
    /// The letter's number in the ledger, for finding the letter itself.
    #[serde(skip_serializing, default)]
    pub letter_no: Option<u64>,
    /// Whom the letter would have paid in place of whom; for people. For programs, `received` and
    /// `expected` begin with it.
    #[serde(skip_serializing, default)]
    pub payee: Option<OtherPayee>,
    /// How the sender was proven or not, in one sentence; for people.
    #[serde(skip_serializing, default)]
    pub proof: String,
    /// How many more letters of its group came.
    #[serde(skip_serializing, default)]
    pub more: u64,
}

/// A letter that is held, as `held` gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldView {
    /// Its number in the ledger.
    pub letter: u64,
    /// The line of protocol 5 that holds it: 2 waits for DNS, 4 for the time that it bears.
    pub rule: u8,
    /// The From field as it stands there.
    pub from: Option<String>,
    /// The Subject field, decoded.
    pub subject: Option<String>,
    /// The Message-ID, without angle brackets.
    pub message_id: Option<String>,
    /// What it is, when it can be read.
    pub kind: Option<Kind>,
    /// The trade that it names.
    pub trade: Option<TradeRef>,
    /// When the own provider received it.
    pub received_at: Time,
    /// Since when it is held.
    pub since: Time,
    /// When it is looked at again.
    pub next_try: Time,
    /// How often DNS was asked again, in vain.
    pub tries: u32,
    /// How well the sender is proven so far.
    pub evidence: Evidence,
    /// Why it is held: how the sender is not proven yet, or that it is of a time to come.
    pub why: String,
}

/// What a letter says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterView {
    /// The Message-ID, without angle brackets.
    pub message_id: Option<String>,
    /// The From field as it stands there, links in it broken.
    pub from: Option<String>,
    /// The Subject field, decoded, links in it broken.
    pub subject: Option<String>,
    /// The Date field: the sender's word.
    pub date: Option<Time>,
}

/// Counts and totals (E19).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatsView {
    /// All trades but adopted ones.
    pub trades: u64,
    /// Of these, those with something still to come.
    pub undelivered: u64,
    /// Of these, those with something unpaid.
    pub unpaid: u64,
    /// What is unpaid, for each currency.
    pub unpaid_total: Vec<Amount>,
    /// Adopted trades that were not confirmed.
    pub adopted: u64,
    /// Open warnings.
    pub warnings: u64,
    /// Letters that wait for DNS, or for the time that they bear.
    #[serde(default)]
    pub held: u64,
}
