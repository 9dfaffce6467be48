//! The ledger as it is shown: serialized, these are the JSON that programs are written against.
//! Absent facts are null, lists are `[]`.

use serde::{Deserialize, Serialize};
use tradepost_statements::progress::Track;
use tradepost_statements::{Statement, StatementId, Time, TradeId, TradeRef};
use tradepost_trades::letter::LetterFacts;
use tradepost_trades::rows::Rows;

use super::expected::Expected;
use super::filed::Filed;
use super::pages::pages;
use super::progress::TradeState;
use super::state::{Fate, FiledLetter, Totals, letter, read};
use super::trade::BuyerTrade;
use super::warning::Warning;
use super::{filed, keys, parcels, plain, undoing};

mod plans;
mod requests;
mod shapes;
mod undone;

pub use super::progress::TradeOrigin;
pub use plans::{PlanView, plans};
pub use requests::{RequestState, RequestView, request, requests};
pub use shapes::{
    BuyerTradeView, DecisionView, ExpectedView, HeldView, HistoryView, LetterView, LineView,
    OrderView, ParcelView, Parties, PaymentView, ShowView, StatsView, UndoingView, WarningView,
};

/// Why a text names no single trade.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum FindError {
    /// No trade has that name: what was asked for.
    #[error("there is no trade {0:?}; `tradepost list` shows all")]
    None(String),
    /// Several shops have a trade with that id.
    #[error("several shops have a trade {id:?}; name it as shop/id: {}", .trades.join(", "))]
    Several {
        /// The id that was asked for, without a shop.
        id: String,
        /// The names that would do.
        trades: Vec<String>,
    },
}

/// All trades, by shop and id.
#[must_use]
pub fn trades(rows: &dyn Rows, now: Time) -> Vec<BuyerTradeView> {
    pages(rows, keys::TRADES)
        .filter_map(|(key, _)| {
            let trade = std::str::from_utf8(key.get(keys::TRADES.len()..)?).ok()?;
            view(
                rows,
                &BuyerTrade::load(rows, &keys::trade_in_key(trade)?)?,
                now,
            )
        })
        .collect()
}

/// The undelivered trades, by promised time; those without promise last.
#[must_use]
pub fn pending(rows: &dyn Rows, now: Time) -> Vec<BuyerTradeView> {
    pages(rows, keys::UNDELIVERED)
        .filter_map(|(key, _)| {
            let (_, trade) = std::str::from_utf8(&key)
                .ok()?
                .strip_prefix(keys::UNDELIVERED)?
                .split_once('/')?;
            view(
                rows,
                &BuyerTrade::load(rows, &keys::trade_in_key(trade)?)?,
                now,
            )
        })
        .collect()
}

/// The trade that a person names: its id, or `shop/id`.
///
/// # Errors
/// [`FindError`].
pub fn find(rows: &dyn Rows, name: &str) -> Result<TradeRef, FindError> {
    let exists = |t: &TradeRef| BuyerTrade::load(rows, t).is_some_and(|t| t.state.is_some());
    if let Some((shop, id)) = name.rsplit_once('/') {
        let trade = shop
            .parse()
            .ok()
            .zip(id.parse().ok())
            .map(|(shop, id)| TradeRef { shop, id });
        return trade
            .filter(exists)
            .ok_or_else(|| FindError::None(name.to_owned()));
    }
    let id: TradeId = name.parse().map_err(|_| FindError::None(name.to_owned()))?;
    let prefix = keys::trades_by_id(id.as_str());
    let mut found: Vec<TradeRef> = pages(rows, &prefix)
        .filter_map(|(key, _)| {
            std::str::from_utf8(key.get(prefix.len()..)?)
                .ok()?
                .parse()
                .ok()
        })
        .map(|shop| TradeRef {
            shop,
            id: id.clone(),
        })
        .filter(exists)
        .collect();
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(last), false) => {
            found.push(last);
            Err(FindError::Several {
                id: name.to_owned(),
                trades: found.iter().map(ToString::to_string).collect(),
            })
        }
        (None, _) => Err(FindError::None(name.to_owned())),
    }
}

/// So many letters of a trade are shown, the last ones; and so many of its parcels. Both are more than a
/// person reads.
const MOST_OF_A_HISTORY: usize = 1000;
const MOST_PARCELS: usize = 1000;

/// A trade with its parties and history.
#[must_use]
pub fn show(rows: &dyn Rows, trade: &TradeRef, now: Time) -> Option<ShowView> {
    let known = BuyerTrade::load(rows, trade)?;
    let state = known.state.as_ref()?;
    let mut letters: Vec<FiledLetter> = pages(rows, &keys::history(trade))
        .filter_map(|(key, _)| letter(rows, keys::number_in_history(trade, &key)?))
        .filter(is_part_of_the_history)
        .take(MOST_OF_A_HISTORY)
        .collect();
    letters.reverse();
    Some(ShowView {
        trade: view(rows, &known, now)?,
        parties: Parties {
            shop: known.trade.shop.clone(),
            carriers: state.carriers.iter().cloned().collect(),
            processor: state.processor.clone(),
        },
        history: letters.into_iter().filter_map(history).collect(),
        undoing: undoing::of_trade(rows, &known)
            .into_iter()
            .map(undone::view)
            .collect(),
    })
}

/// The warnings, oldest first: the open ones, or all.
#[must_use]
pub fn warnings(rows: &dyn Rows, all: bool) -> Vec<WarningView> {
    if all {
        return pages(rows, keys::WARNINGS)
            .filter_map(|(_, json)| Some(warning_view(rows, serde_json::from_slice(&json).ok()?)))
            .collect();
    }
    pages(rows, keys::OPEN_WARNINGS)
        .filter_map(|(key, _)| {
            let number = std::str::from_utf8(&key)
                .ok()?
                .strip_prefix(keys::OPEN_WARNINGS)?;
            Some(warning_view(
                rows,
                read(rows, &format!("{}{number}", keys::WARNINGS))?,
            ))
        })
        .collect()
}

/// What is expected (protocol 9), by shop and id.
#[must_use]
pub fn expected(rows: &dyn Rows) -> Vec<ExpectedView> {
    pages(rows, keys::EXPECTED)
        .filter_map(|(_, json)| Some(expected_view(rows, serde_json::from_slice(&json).ok()?)))
        .collect()
}

fn expected_view(rows: &dyn Rows, expected: Expected) -> ExpectedView {
    let trade = &expected.order.trade;
    let known = BuyerTrade::load(rows, trade);
    ExpectedView {
        warnings: count_of(rows, &keys::warning_count_of_trade(trade)),
        shop: expected.order.trade.shop,
        id: expected.order.trade.id,
        total: expected.order.total,
        key: expected.order.key,
        since: expected.since,
        come: known.is_some_and(|t| t.state.is_some()),
    }
}

/// A warning by its number, whatever its state.
#[must_use]
pub fn warning(rows: &dyn Rows, id: u64) -> Option<WarningView> {
    read(rows, &keys::warning(id)).map(|warning| warning_view(rows, warning))
}

/// Counts and totals (E19); trades that were adopted and not confirmed stand apart.
#[must_use]
pub fn stats(rows: &dyn Rows) -> StatsView {
    let totals: Totals = read(rows, keys::TOTALS).unwrap_or_default();
    StatsView {
        trades: totals.trades,
        undelivered: totals.undelivered,
        unpaid: totals.unpaid,
        unpaid_total: totals.unpaid_total.into_values().collect(),
        adopted: totals.adopted,
        warnings: count_of(rows, keys::OPEN_WARNING_COUNT),
        held: count_of(rows, keys::HELD_COUNT),
    }
}

fn count_of(rows: &dyn Rows, count: &str) -> u64 {
    read(rows, count).unwrap_or(0)
}

/// The letters that are held, by when they are looked at again.
#[must_use]
pub fn held(rows: &dyn Rows) -> Vec<HeldView> {
    pages(rows, keys::HELD)
        .filter_map(|(key, _)| {
            let (_, no) = std::str::from_utf8(&key).ok()?.rsplit_once('/')?;
            held_view(letter(rows, u64::from_str_radix(no, 16).ok()?)?)
        })
        .collect()
}

fn held_view(letter: FiledLetter) -> Option<HeldView> {
    let Fate::Held { until, rule } = letter.fate else {
        return None;
    };
    let received = letter.received;
    let statement = filed::decode(&received.content)
        .ok()
        .map(|d| d.statement.clone());
    let for_dns = rule == super::held::FOR_DNS;
    Some(HeldView {
        letter: letter.no,
        rule,
        from: received.letter.from,
        subject: received.letter.subject,
        message_id: received.letter.message_id,
        kind: statement.as_ref().map(|s| s.body.kind()),
        trade: statement.and_then(|s| s.trade),
        received_at: received.received_at,
        since: letter.held_since.unwrap_or(received.received_at),
        next_try: until,
        tries: letter.tries,
        evidence: received.evidence,
        why: if for_dns {
            received.proof
        } else {
            format!("it says that it was sent at {until}, which is still to come")
        },
    })
}

/// An own statement, and the JSON octets that are sent again as they are.
#[must_use]
pub fn own_statement(rows: &dyn Rows, id: StatementId) -> Option<(Statement, String)> {
    let own: super::state::Own = read(rows, &keys::own(id))?;
    Some((own.statement, own.json))
}

fn view(rows: &dyn Rows, trade: &BuyerTrade, now: Time) -> Option<BuyerTradeView> {
    let state = trade.state.as_ref()?;
    let counted = trade.counted.as_ref();
    Some(BuyerTradeView {
        shop: trade.trade.shop.clone(),
        id: trade.trade.id.clone(),
        shop_name: state.shop_name.clone(),
        origin: state.origin,
        request: state.request.clone(),
        placed: state.placed,
        lines: state.lines.clone(),
        total: state.total,
        order: state
            .order
            .as_ref()
            .map_or_else(OrderView::default, |o| OrderView {
                state: Some(o.state),
                at: Some(o.at),
                planned: o.planned,
                actual: o.actual,
            }),
        delivery: parcels_of(rows, trade),
        payment: payment(state),
        delivered: state.delivered,
        paid: state.unpaid.is_zero(),
        ended: state.ended,
        overdue: is_overdue(state, now),
        warnings: count_of(rows, &keys::warning_count_of_trade(&trade.trade)),
        promised: state.promised,
        unpaid: Some(state.unpaid),
        undelivered: state.undelivered,
        apart: counted.is_some_and(|c| c.apart),
    })
}

/// Protocol 4, "Overdue".
fn is_overdue(state: &TradeState, now: Time) -> bool {
    let parcel = state.undelivered && state.promised.is_some_and(|t| t < now);
    let due = state.payment.as_ref().and_then(|p| p.planned);
    parcel || (!state.unpaid.is_zero() && due.is_some_and(|t| t < now))
}

fn parcels_of(rows: &dyn Rows, trade: &BuyerTrade) -> Vec<ParcelView> {
    let all = parcels::all(rows, trade, MOST_PARCELS).into_iter();
    let shown = all.map(|p| {
        let status = p.status.as_ref();
        ParcelView {
            carrier: p.carrier.clone(),
            parcel: p.parcel.clone(),
            state: status.map(|s| s.state),
            at: status.map(|s| s.at),
            planned: status.and_then(|s| s.planned),
            actual: status.and_then(|s| s.actual),
            tracking_number: status.and_then(|s| s.tracking_number.clone()),
            place: status.and_then(|s| s.place.clone()),
        }
    });
    shown.collect()
}

fn payment(state: &TradeState) -> PaymentView {
    state
        .payment
        .as_ref()
        .map_or_else(PaymentView::default, |p| PaymentView {
            state: Some(p.state),
            at: Some(p.at),
            amount: Some(p.amount),
            paid: p.paid,
            refunded: p.refunded,
            planned: p.planned,
            actual: p.actual,
        })
}

/// What lines 3 to 15 refused is no part of the trade; it is shown as a warning.
fn is_part_of_the_history(letter: &FiledLetter) -> bool {
    !matches!(letter.fate, Fate::Warned { rule, .. } if rule < 16)
}

fn history(letter: FiledLetter) -> Option<HistoryView> {
    let decoded = filed::decode(&letter.received.content).ok()?;
    let filed = Filed { letter, decoded };
    let statement = &filed.decoded.statement;
    let (track, parcel, sequence, state, at) = if let Some(s) = filed.order_status() {
        (Track::Order, None, s.sequence, s.state.word(), s.at)
    } else if let Some(s) = filed.delivery_status() {
        (
            Track::Delivery,
            Some(s.parcel.clone()),
            s.sequence,
            s.state.word(),
            s.at,
        )
    } else if let Some(s) = filed.payment_status() {
        (Track::Payment, None, s.sequence, s.state.word(), s.at)
    } else {
        return None;
    };
    Some(HistoryView {
        track,
        carrier: (track == Track::Delivery).then(|| statement.from.clone()),
        parcel,
        sequence: sequence.number(),
        state: state.to_owned(),
        at,
        received_at: filed.letter.received.received_at,
        from: statement.from.clone(),
        evidence: filed.letter.received.evidence,
        proof: filed.letter.received.proof.clone(),
        accepted: filed.letter.accepted_through > 0,
        message_id: filed.letter.received.letter.message_id.clone(),
        outcome: outcome(&filed.letter.fate).to_owned(),
    })
}

fn outcome(fate: &Fate) -> &'static str {
    match fate {
        Fate::New | Fate::Applied => "applied",
        Fate::Adopted => "adopted",
        Fate::Late => "late",
        Fate::Duplicate => "duplicate",
        Fate::Held { .. } => "held",
        Fate::Warned { .. } => "warned",
    }
}

fn warning_view(rows: &dyn Rows, w: Warning) -> WarningView {
    let text = w.advice().to_owned();
    let LetterFacts {
        message_id,
        from,
        subject,
        date,
        ..
    } = w.facts;
    WarningView {
        id: w.id,
        kind: w.kind,
        rule: w.rule,
        at: w.at,
        state: w.state,
        trade: w.trade,
        letter: LetterView {
            message_id,
            from: from.as_deref().map(plain::without_links),
            subject: subject.as_deref().map(plain::without_links),
            date,
        },
        evidence: w.evidence,
        payee: w.payee,
        received: safe_to_read(&w.received),
        expected: safe_to_read(&w.expected),
        text,
        letter_no: w.letter,
        proof: safe_to_read(&w.proof),
        more: count_of(rows, &keys::more_of_warning(w.id)),
    }
}

/// What a warning says may quote the letter.
fn safe_to_read(text: &str) -> String {
    plain::with_both_forms(&plain::without_links(text))
}
