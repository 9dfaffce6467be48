//! Asking for the present status (E15, E21, Q4): whom, by which id, and what was asked lately.
//!
//! Of one server about one trade there is at most one open question from here: it is sent again
//! by itself until it is answered (protocol 7). Who asks anew meanwhile has that one sent again.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tradepost_statements::{Address, Body, RequestId, Statement, StatementId, Time, TradeRef};
use tradepost_trades::rows::Rows;

use super::case::BuyerCase;
use super::keys;
use super::plan::AskedParty;
use super::progress::TradeState;
use super::refusal::{ActRefusal, known_trade};
use super::saying::Saying;
use super::settings::BuyerSettings;
use super::state::{Own, OwnProgress, OwnRequest, RequestAnswer, read};
use super::trade::BuyerTrade;

/// What is asked about, by the id that is known (Q4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A trade, by its id.
    Trade(TradeRef),
    /// An order, by its request id: the answer to it may never have come (Q4).
    Request(RequestId),
}

/// What asking comes to: at most one question for each server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asking {
    /// Questions that do not wait for an answer already: to be said in new statements.
    pub say: Vec<Saying>,
    /// Questions that wait for their answer: to be sent again now.
    pub again: Vec<AskedQuestion>,
    /// Questions that were sent so lately that their servers need more time.
    pub too_soon: Vec<AskedQuestion>,
}

/// A question that was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedQuestion {
    /// The server that was asked.
    pub to: Address,
    /// The `status-request` that asks.
    pub statement: StatementId,
    /// When it was sent last.
    pub asked: Time,
}

/// Asks for the status of a trade, or of an order; of all who can be asked where `parties` is empty.
///
/// # Errors
/// [`ActRefusal`] when there is no such trade or request, or nobody to ask.
pub fn ask(
    settings: &BuyerSettings,
    rows: &dyn Rows,
    subject: &Subject,
    parties: &BTreeSet<AskedParty>,
    now: Time,
) -> Result<Asking, ActRefusal> {
    let mut asking = Asking::default();
    for saying in questions(rows, subject, parties)? {
        let last = asked(rows, &saying);
        let open = last.as_ref().filter(|a| is_open_here(rows, a.statement));
        match open.map(|a| a.to(&saying)) {
            Some(question) if is_recent(question.asked, settings.timers.ask_apart, now) => {
                asking.too_soon.push(question);
            }
            Some(question) => asking.again.push(question),
            None => asking.say.push(saying),
        }
    }
    Ok(asking)
}

/// What is to be asked about a trade that nobody has asked for just now: nothing of whom a question
/// waits for, or to whom the last one is not `apart` ago.
pub(super) fn what_is_not_asked_already(
    rows: &dyn Rows,
    trade: &BuyerTrade,
    parties: &BTreeSet<AskedParty>,
    apart: Duration,
    now: Time,
) -> Vec<Saying> {
    let Some(state) = &trade.state else {
        return Vec::new();
    };
    let mut questions = of_trade(&trade.trade, state, parties);
    questions.retain(|saying| {
        asked(rows, saying).is_none_or(|last| {
            !is_recent(last.at, apart, now) && !is_open_here(rows, last.statement)
        })
    });
    questions
}

/// A clock that ran ahead when it was asked asks no patience for years.
fn is_recent(asked: Time, apart: Duration, now: Time) -> bool {
    asked <= now && now < asked.plus(apart)
}

fn questions(
    rows: &dyn Rows,
    subject: &Subject,
    parties: &BTreeSet<AskedParty>,
) -> Result<Vec<Saying>, ActRefusal> {
    let trade = match subject {
        Subject::Trade(trade) => known_trade(rows, trade)?,
        Subject::Request(id) => {
            let request: OwnRequest = read(rows, &keys::request(id))
                .ok_or_else(|| ActRefusal::NoSuchRequest(id.clone()))?;
            match trade_of_order(rows, &request) {
                Some(trade) => trade,
                None if parties.is_empty() || parties.contains(&AskedParty::Shop) => {
                    return Ok(vec![Saying::of_request(request, Body::StatusRequest)]);
                }
                None => return Err(ActRefusal::OnlyTheShopIsKnown(id.clone())),
            }
        }
    };
    let state = trade.state.as_ref();
    let questions = state.map(|state| of_trade(&trade.trade, state, parties));
    questions
        .filter(|q| !q.is_empty())
        .ok_or(ActRefusal::NobodyToAsk(trade.trade))
}

/// The trade that an order became, where its record counts.
fn trade_of_order(rows: &dyn Rows, request: &OwnRequest) -> Option<BuyerTrade> {
    match &request.answer {
        Some(RequestAnswer::Record { trade }) => known_trade(rows, trade).ok(),
        Some(RequestAnswer::Rejected { .. }) | None => None,
    }
}

/// One question to each address: a server that is several parties (E27) answers for all its tracks
/// at once (protocol 3, `status-request`).
fn of_trade(trade: &TradeRef, state: &TradeState, parties: &BTreeSet<AskedParty>) -> Vec<Saying> {
    let is_asked = |party| parties.is_empty() || parties.contains(&party);
    let carriers: BTreeSet<&Address> = state.bringing.union(&state.newest_carriers).collect();
    let all = [(AskedParty::Shop, &trade.shop)]
        .into_iter()
        .chain(carriers.into_iter().map(|c| (AskedParty::Carrier, c)))
        .chain([(AskedParty::Payment, &state.processor)]);
    let mut known = BTreeSet::new();
    all.filter(|(party, _)| is_asked(*party))
        .filter(|(_, address)| known.insert(*address))
        .map(|(_, address)| Saying::of_trade(trade, address, Body::StatusRequest))
        .collect()
}

/// The last question to a server about a trade or an order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct LastQuestion {
    statement: StatementId,
    /// When it was sent last.
    at: Time,
}

impl LastQuestion {
    fn to(&self, saying: &Saying) -> AskedQuestion {
        AskedQuestion {
            to: saying.to.clone(),
            statement: self.statement,
            asked: self.at,
        }
    }
}

fn asked(rows: &dyn Rows, saying: &Saying) -> Option<LastQuestion> {
    read(
        rows,
        &key(&saying.to, saying.trade.as_ref(), saying.request.as_ref())?,
    )
}

/// Waits for an answer, and is sent again from here until one comes.
fn is_open_here(rows: &dyn Rows, statement: StatementId) -> bool {
    let own: Option<Own> = read(rows, &keys::own(statement));
    own.is_some_and(|own| matches!(own.progress, OwnProgress::Waiting { .. }))
}

/// Takes down that a question was sent.
pub(super) fn note(case: &mut BuyerCase<'_>, question: &Statement, at: Time) {
    let (trade, request) = (question.trade.as_ref(), question.request.as_ref());
    let Some(key) = key(&question.to, trade, request) else {
        return;
    };
    let last: Option<LastQuestion> = case.get(&key);
    // What a clock that ran ahead has noted is not the last question for years.
    let is_last =
        |last: LastQuestion| last.at <= at || last.at > case.now || last.statement == question.id;
    if last.is_none_or(is_last) {
        let statement = question.id;
        case.put(&key, &LastQuestion { statement, at });
    }
}

pub(super) fn key(
    to: &Address,
    trade: Option<&TradeRef>,
    request: Option<&RequestId>,
) -> Option<String> {
    match (trade, request) {
        (Some(trade), _) => Some(keys::asked_about_trade(trade, to)),
        (None, Some(request)) => Some(keys::asked_about_request(request, to)),
        (None, None) => None,
    }
}
