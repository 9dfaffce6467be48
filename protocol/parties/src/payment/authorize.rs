//! `authorize` (E3): approved, declined, or put before the operator, who answers with an `emit` line.
//!
//! The question makes no trade: its row says what was asked and decided, and a `payment-instruction`
//! that comes while an approval holds begins its track as `authorized`.

use serde::{Deserialize, Serialize};
use tradepost_statements::instruction::{Authorization, Authorize, PaymentInstruction};
use tradepost_statements::{
    Address, Amount, Body, Kind, PaymentState, Statement, StatementId, Time, TradeId, TradeRef,
    wire,
};
use tradepost_trades::rows::Rows;

use super::{PaymentStep, advance};
use crate::kernel::book::{self, EarlyUndoing, MarkOf, PartyTrade, PaymentPart};
use crate::kernel::case::Naming;
use crate::kernel::instructed::instructed_trade;
use crate::kernel::settings::AuthorizeAnswer;
use crate::kernel::{Occasion, PartyCase, PartyOutcome};

/// What a shop asked, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct AskedAuthorization {
    pub(crate) trade: TradeRef,
    /// The statement that asked last: the answer names it.
    statement: StatementId,
    wanted: Authorize,
    since: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) decision: Option<AuthorizationDecision>,
    /// The shop does not want it any more.
    #[serde(default)]
    pub(crate) called_off: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct AuthorizationDecision {
    pub(crate) answer: Authorization,
    pub(crate) at: Time,
    /// The statement that says so, octet for octet, where one was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    octets: Option<String>,
}

/// An authorization that waits for the operator.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WaitingAuthorization {
    /// The shop that asks; with `id` it names the trade.
    pub shop: Address,
    /// The shop's id for it.
    pub id: TradeId,
    /// When this was asked first, by this server's clock.
    pub since: Time,
    /// What is asked: how much, how, by whom.
    pub wanted: Authorize,
}

/// Authorizations that wait for the operator, at most `limit`, in the order of trade ids and shops.
#[must_use]
pub fn waiting(rows: &dyn Rows, limit: usize) -> Vec<WaitingAuthorization> {
    rows.scan_from(book::ASKED.as_bytes(), book::ASKED.as_bytes(), limit)
        .iter()
        .filter_map(|(_, value)| {
            let trade: TradeRef = book::from_row(value);
            let asked: AskedAuthorization = book::read(rows, &book::authorization_key(&trade))?;
            Some(WaitingAuthorization {
                shop: asked.trade.shop,
                id: asked.trade.id,
                since: asked.since,
                wanted: asked.wanted,
            })
        })
        .collect()
}

/// What was asked about trades of this id.
pub(crate) fn find(rows: &dyn Rows, id: &TradeId, limit: usize) -> Vec<AskedAuthorization> {
    let prefix = book::authorizations_of(id);
    rows.scan_from(prefix.as_bytes(), prefix.as_bytes(), limit)
        .iter()
        .map(|(_, value)| book::from_row(value))
        .collect()
}

/// `authorize` (E3), of another server or of this one's own shop (E27).
pub(crate) fn authorize(
    case: &mut PartyCase<'_>,
    statement: &Statement,
    wanted: &Authorize,
) -> PartyOutcome {
    let name = match instructed_trade(statement) {
        Ok(name) => name,
        Err(why) => return why.into(),
    };
    let known = known(case, &name, wanted);
    if let Some(decision) = known.as_ref().and_then(|k| k.decision.as_ref()) {
        let is_the_question = known.as_ref().is_some_and(|k| k.statement == statement.id);
        if let (true, Some(octets)) = (is_the_question, &decision.octets) {
            case.say_again(octets, Occasion::Answer);
            return PartyOutcome::AnswerRepeated;
        }
    }
    let is_news = known.is_none();
    let mut asked = match known {
        Some(known) => AskedAuthorization {
            statement: statement.id,
            ..known
        },
        None => AskedAuthorization {
            trade: name.clone(),
            statement: statement.id,
            wanted: wanted.clone(),
            since: case.now,
            decision: None,
            called_off: false,
        },
    };
    let answer = match asked.decision.take() {
        Some(decision) => Some(decision.answer),
        None => answer_at_once(case, &name, wanted.amount),
    };
    match answer {
        Some(answer) => {
            settle(case, asked, &answer);
            PartyOutcome::of(Kind::Authorize, name, is_news)
        }
        None => ask(case, &asked),
    }
}

/// The same question, unless its approval has run out or was called off: then it is asked anew.
fn known(case: &PartyCase<'_>, name: &TradeRef, wanted: &Authorize) -> Option<AskedAuthorization> {
    let known = case.read::<AskedAuthorization>(&book::authorization_key(name))?;
    let what = |w: &Authorize| (w.amount, w.method, w.reference.clone());
    let is_over = known.decision.as_ref().is_some_and(|d| {
        let has_run_out = d.answer.until.is_some_and(|until| until <= case.now);
        has_run_out || (d.answer.approved && known.called_off)
    });
    (what(&known.wanted) == what(wanted) && !is_over).then_some(known)
}

/// None: the operator is to say.
fn answer_at_once(case: &PartyCase<'_>, name: &TradeRef, amount: Amount) -> Option<Authorization> {
    let mark = case.read::<EarlyUndoing>(&book::mark_key(name, MarkOf::Refund));
    if mark.is_some_and(|m| case.now <= m.until) {
        // Protocol 3, "Overtaking": what comes later starts nothing.
        return Some(declined("The shop called this payment off."));
    }
    let how = case.settings.payment.as_ref().map(|p| p.authorize);
    match how.unwrap_or_default() {
        AuthorizeAnswer::Decline => Some(declined(
            "This payment processor authorizes nothing by itself.",
        )),
        AuthorizeAnswer::Approve => Some(approved()),
        AuthorizeAnswer::ApproveUpTo(most)
            if amount.currency() == most.currency() && !amount.is_more_than(most) =>
        {
            Some(approved())
        }
        AuthorizeAnswer::ApproveUpTo(_) | AuthorizeAnswer::Ask => None,
    }
}

fn approved() -> Authorization {
    Authorization {
        approved: true,
        code: None,
        text: None,
        until: None,
    }
}

fn declined(text: &str) -> Authorization {
    Authorization {
        approved: false,
        code: None,
        text: Some(text.to_owned()),
        until: None,
    }
}

fn ask(case: &mut PartyCase<'_>, asked: &AskedAuthorization) -> PartyOutcome {
    case.put(book::authorization_key(&asked.trade), asked);
    case.put(book::asked_key(&asked.trade), &asked.trade);
    PartyOutcome::AuthorizationAsked {
        trade: asked.trade.clone(),
        amount: asked.wanted.amount,
    }
}

/// Says and records the answer; gives the statement's id.
pub(crate) fn settle(
    case: &mut PartyCase<'_>,
    mut asked: AskedAuthorization,
    answer: &Authorization,
) -> StatementId {
    let naming = Naming {
        trade: Some(asked.trade.clone()),
        request: None,
        answers: Some(asked.statement),
    };
    let shop = asked.trade.shop.clone();
    let said = case.say_to_role(&shop, naming, Body::Authorization(answer.clone()), None);
    asked.decision = Some(AuthorizationDecision {
        answer: answer.clone(),
        at: case.now,
        octets: Some(wire::encode(&said)),
    });
    case.delete(book::asked_key(&asked.trade));
    case.put(book::authorization_key(&asked.trade), &asked);
    said.id
}

/// Whether the payment of a trade is authorized up to this amount.
pub(super) fn holds(case: &PartyCase<'_>, name: &TradeRef, amount: Amount) -> bool {
    let Some(asked) = case.read::<AskedAuthorization>(&book::authorization_key(name)) else {
        return false;
    };
    let most = asked.wanted.amount;
    let is_approved = asked
        .decision
        .as_ref()
        .is_some_and(|d| d.answer.approved && d.answer.until.is_none_or(|until| case.now < until));
    let fits = amount.currency() == most.currency() && !amount.is_more_than(most);
    is_approved && fits && !asked.called_off
}

/// The shop wants no payment after all: what waits for the operator is declined. Gives what had been
/// asked.
///
/// # Errors
/// The amount that was asked, where it is another.
pub(crate) fn call_off(
    case: &mut PartyCase<'_>,
    name: &TradeRef,
    amount: Amount,
) -> Result<Option<Authorize>, Amount> {
    let Some(mut asked) = case.read::<AskedAuthorization>(&book::authorization_key(name)) else {
        return Ok(None);
    };
    // What our own shop's record comes to may have changed since (E27).
    if asked.wanted.amount != amount && !case.hears_itself() {
        return Err(asked.wanted.amount);
    }
    let wanted = asked.wanted.clone();
    asked.called_off = true;
    if asked.decision.is_none() {
        settle(case, asked, &declined("The shop called this payment off."));
    } else {
        case.put(book::authorization_key(name), &asked);
    }
    Ok(Some(wanted))
}

/// What is known of a payment before its instruction.
pub(super) fn as_instruction(wanted: &Authorize) -> PaymentInstruction {
    PaymentInstruction {
        amount: wanted.amount,
        method: wanted.method,
        reference: wanted.reference.clone(),
        buyer_mail: wanted.buyer_mail.clone(),
        notify: None,
        due: None,
    }
}

/// A buyer asks about a payment that was authorized and not instructed yet: there is a track from
/// now on (E15).
pub(crate) fn begin_authorized(
    case: &mut PartyCase<'_>,
    statement: &Statement,
) -> Option<PartyTrade> {
    let name = statement.trade.as_ref()?;
    let asked = case.read::<AskedAuthorization>(&book::authorization_key(name))?;
    // A trade of our own shop begins with its record.
    let is_unbegun = name.shop != case.settings.address && case.trade(name).is_none();
    let is_the_buyer = asked.wanted.buyer_mail == statement.from;
    if !is_unbegun || !is_the_buyer || !holds(case, name, asked.wanted.amount) {
        return None;
    }
    let mut trade = PartyTrade::new(name.clone(), statement.from.clone());
    let mut part = PaymentPart::of(as_instruction(&asked.wanted));
    advance(
        &mut part,
        PaymentStep::to(PaymentState::Authorized),
        case.now,
    );
    trade.payment = Some(part);
    case.save(&mut trade);
    Some(trade)
}
