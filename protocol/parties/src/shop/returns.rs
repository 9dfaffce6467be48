//! What the buyer wants to give back (E23).
//!
//! ```text
//! nothing shipped   all ──► cancelled          some lines ──► cancelled, paid back
//! something has     a wish that waits ──(the operator decides)──► return-decision, refund, recall
//! ```
//!
//! Wishes that come while one waits are joined with it: one decision answers all of them.

use tradepost_statements::order::{Cancel, Return, ReturnDecision};
use tradepost_statements::progress::Progress;
use tradepost_statements::{
    Address, Amount, Body, DeliveryState, Kind, OrderState, Statement, StatementId, Time,
};

use super::asked::{AskedAbout, find};
use super::goods::{self, Pieces};
use super::{
    advance, afterwards, answer_order, begin_track, charge, has_shipped, instruct, restate,
    tell_order,
};
use crate::kernel::answers::{not_for_us, unknown_trade};
use crate::kernel::book::{
    self, DecidedReturn, GiveBack, HeardState, Instructed, PartyTrade, ReturnChoice, SaidDecision,
    ShopPart,
};
use crate::kernel::case::{AskedBy, Naming};
use crate::kernel::{Occasion, PartyCase, PartyOutcome};

/// Why a decision is refused.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Undecidable {
    /// Nobody wants anything back, or that was decided before: whether accepted, and when.
    NothingWaits { before: Option<(bool, Time)> },
    /// Charges or discounts are in the total.
    RefundIsNotPlain,
    /// More than is left of the total.
    RefundIsMore { most: Amount },
}

/// `return`: while nothing has shipped it counts as `cancel`, of these lines.
pub(crate) fn give_back(
    case: &mut PartyCase<'_>,
    statement: &Statement,
    wish: &Return,
) -> PartyOutcome {
    if case.settings.shop.is_none() {
        return not_for_us(statement);
    }
    let trade = match find(case, statement) {
        AskedAbout::Trade(trade) if trade.shop.is_some() => trade,
        AskedAbout::Trade(_)
        | AskedAbout::Rejected(_)
        | AskedAbout::Authorizing(_)
        | AskedAbout::Unknown => {
            return unknown_trade(case, statement);
        }
    };
    let Some(shop) = &trade.shop else {
        return unknown_trade(case, statement);
    };
    let shipped = has_shipped(&trade);
    let wanted = match goods::meant(shop, wish.lines.as_deref()) {
        Ok(wanted) => wanted,
        Err(why) => return refuse(case, statement, *trade, why),
    };
    if !shipped && (wanted == goods::left(shop) || charge::is_cancelled(shop)) {
        let all = Cancel {
            text: wish.reason.clone(),
        };
        return afterwards::cancel(case, statement, &all);
    }
    if let (false, Some(refund)) = (shipped, goods::price(shop, &wanted)) {
        return cancel_lines(case, statement, *trade, &wanted, refund);
    }
    want_back(case, statement, *trade, &wanted, wish.reason.clone())
}

/// What the trade does not have, or no longer, needs no operator.
fn refuse(
    case: &mut PartyCase<'_>,
    statement: &Statement,
    mut trade: PartyTrade,
    why: String,
) -> PartyOutcome {
    begin_track(case, &mut trade);
    let decision = ReturnDecision {
        accepted: false,
        text: Some(why),
        refund: None,
        send_to: None,
    };
    say_decision(case, &trade, statement.id, decision);
    PartyOutcome::Answered(statement.body.kind())
}

fn say_decision(
    case: &mut PartyCase<'_>,
    trade: &PartyTrade,
    answers: StatementId,
    decision: ReturnDecision,
) -> StatementId {
    let naming = Naming {
        trade: Some(trade.trade.clone()),
        request: None,
        answers: Some(answers),
    };
    let to = trade.buyer_mail.clone();
    let said = case.say(&to, naming, Body::ReturnDecision(decision), Some(trade));
    remember_decision(case, trade, answers, said);
    said
}

/// A trade has a wish or two. Where a buyer sends ever more of them, a question is not answered by
/// ever more letters.
const MOST_DECISIONS: usize = 16;

/// Keeps the newest decision about a wish, to be said again (protocol 3, "Decisions").
fn remember_decision(
    case: &mut PartyCase<'_>,
    trade: &PartyTrade,
    wish: StatementId,
    said: StatementId,
) {
    let Some(octets) = case.said(said) else {
        return;
    };
    let id = &trade.trade.id;
    let at = case.now;
    case.put(book::decision_key(id, wish), &SaidDecision { at, octets });
    let mut kept = decisions(case, trade);
    let too_many = kept.len().saturating_sub(MOST_DECISIONS);
    for (key, _) in kept.drain(..too_many) {
        case.delete(key);
    }
}

/// What was decided about the wishes of a trade, in the order in which it was said.
fn decisions(case: &PartyCase<'_>, trade: &PartyTrade) -> Vec<(Vec<u8>, SaidDecision)> {
    let prefix = book::decisions_of(&trade.trade.id);
    let (prefix, limit) = (prefix.as_bytes(), MOST_DECISIONS + 1);
    let rows = case.rows().scan_from(prefix, prefix, limit);
    let mut kept: Vec<(Vec<u8>, SaidDecision)> = rows
        .into_iter()
        .map(|(key, value)| (key, book::from_row(&value)))
        .collect();
    kept.sort_by_key(|(_, decision)| decision.at);
    kept
}

/// Protocol 3, `return`: "while nothing has shipped it counts as `cancel` (of these lines)".
fn cancel_lines(
    case: &mut PartyCase<'_>,
    statement: &Statement,
    mut trade: PartyTrade,
    wanted: &Pieces,
    refund: Amount,
) -> PartyOutcome {
    begin_track(case, &mut trade);
    let decision = ReturnDecision {
        accepted: true,
        text: Some(
            "Nothing of it has shipped: it is cancelled. The rest is on its way.".to_owned(),
        ),
        refund: Some(refund),
        send_to: None,
    };
    say_decision(case, &trade, statement.id, decision);
    take(case, &mut trade, wanted, refund, None);
    instruct::rest(case, &mut trade);
    case.save(&mut trade);
    PartyOutcome::OperatorActs {
        text: format!(
            "the buyer cancelled {} before anything shipped; only the rest is to be shipped",
            in_words(&trade, wanted)
        ),
        trade: trade.trade,
    }
}

/// Books what is given back, and has it paid back where it is charged.
fn take(
    case: &mut PartyCase<'_>,
    trade: &mut PartyTrade,
    given: &Pieces,
    refund: Amount,
    text: Option<String>,
) {
    let Some(shop) = &mut trade.shop else {
        return;
    };
    let mut all = goods::pieces(&shop.given_back);
    for (line, quantity) in given {
        let of_line = all.entry(*line).or_default();
        *of_line = of_line.saturating_add(*quantity);
    }
    shop.given_back = goods::lines(&all);
    let before = shop.refunded.unwrap_or(Amount::zero(refund.currency()));
    let sum = before.plus(refund).unwrap_or(before);
    shop.refunded = Some(sum);
    let is_ours = charge::was_charged(shop) || trade.payment.is_some();
    if is_ours && !refund.is_zero() {
        charge::pay_back(case, trade, sum, text);
    }
}

fn in_words(trade: &PartyTrade, pieces: &Pieces) -> String {
    let record = trade.shop.as_ref().map(|s| &s.record.lines);
    let words: Vec<String> = pieces
        .iter()
        .map(|(line, quantity)| {
            let index = usize::try_from(*line).ok();
            let of_line = index.and_then(|i| record.and_then(|r| r.get(i)));
            let name = of_line.map_or(String::new(), |l| super::shortened(&l.name));
            format!("{quantity} of line {line} ({name})")
        })
        .collect();
    words.join(", ")
}

/// `cancel` of what has shipped: "later it counts as the wish to return everything".
pub(super) fn want_all_back(
    case: &mut PartyCase<'_>,
    statement: &Statement,
    trade: PartyTrade,
    text: Option<String>,
) -> PartyOutcome {
    let left = trade.shop.as_ref().map(goods::left).unwrap_or_default();
    want_back(case, statement, trade, &left, text)
}

/// Answered at once by the order's status, which says what is no longer possible; the operator
/// decides what becomes of the goods.
fn want_back(
    case: &mut PartyCase<'_>,
    statement: &Statement,
    mut trade: PartyTrade,
    wanted: &Pieces,
    text: Option<String>,
) -> PartyOutcome {
    begin_track(case, &mut trade);
    let kind = statement.body.kind();
    let Some(shop) = &mut trade.shop else {
        return unknown_trade(case, statement);
    };
    if wanted.is_empty() {
        answer_order(case, &trade, statement);
        return PartyOutcome::Answered(kind);
    }
    let before = shop.wants_back.take();
    let joined = match &before {
        // Everything.
        Some(GiveBack { lines: None, .. }) => goods::left(shop),
        Some(GiveBack {
            lines: Some(lines), ..
        }) => {
            let mut joined = goods::pieces(lines);
            for (line, quantity) in wanted {
                let most = joined.entry(*line).or_default();
                *most = (*most).max(*quantity);
            }
            joined
        }
        None => wanted.clone(),
    };
    let is_news = before
        .as_ref()
        .is_none_or(|b| b.lines.as_deref().map(goods::pieces) != Some(joined.clone()));
    shop.wants_back = Some(GiveBack {
        statement: statement.id,
        lines: Some(goods::lines(&joined)),
        text: text.or(before.as_ref().and_then(|b| b.text.clone())),
        since: Some(before.and_then(|b| b.since).unwrap_or(case.now)),
    });
    let says = match (kind == Kind::Cancel, has_shipped(&trade)) {
        (true, _) => {
            "It has shipped, so it can no longer be stopped. Your wish counts as one to return \
             everything; we decide about it and tell you."
        }
        (false, true) => "It has shipped. We decide about what you want to return, and tell you.",
        (false, false) => "We decide about what you want to cancel, and tell you.",
    };
    if is_news && restate(&mut trade, says, case.now) {
        tell_order(case, &trade, AskedBy::Buyer(statement));
    } else {
        answer_order(case, &trade, statement);
    }
    case.mark(&book::returns_key(&trade.trade.id));
    case.save(&mut trade);
    if is_news {
        PartyOutcome::OperatorDecides {
            kind,
            trade: trade.trade,
        }
    } else {
        PartyOutcome::Answered(kind)
    }
}

/// The operator decides: return-decision to the buyer, the refund to the payment processor, recall
/// of what is under way. The caller has found the trade.
pub(crate) fn decide(
    case: &mut PartyCase<'_>,
    mut trade: PartyTrade,
    decision: &ReturnChoice,
) -> Result<StatementId, Undecidable> {
    let Some(shop) = &mut trade.shop else {
        return Err(Undecidable::NothingWaits { before: None });
    };
    let Some(wish) = shop.wants_back.clone() else {
        return match &shop.decided {
            // Twice the same is once.
            Some(before) if before.decision == *decision => Ok(before.statement),
            before => Err(Undecidable::NothingWaits {
                before: before.as_ref().map(|b| (b.decision.accepted, b.at)),
            }),
        };
    };
    let wanted = wish.lines.as_deref().map(goods::pieces);
    let wanted = wanted.unwrap_or_else(|| goods::left(shop));
    let refund = if decision.accepted {
        let refund = decision.refund.or_else(|| goods::price(shop, &wanted));
        Some(refund.ok_or(Undecidable::RefundIsNotPlain)?)
    } else {
        None
    };
    if let Some(refund) = refund {
        let zero = Amount::zero(shop.record.total.currency());
        let most = goods::not_given_back(shop).unwrap_or(zero);
        if refund.currency() != most.currency() || refund.is_more_than(most) {
            return Err(Undecidable::RefundIsMore { most });
        }
    }
    let said = ReturnDecision {
        accepted: decision.accepted,
        text: decision.text.clone(),
        refund,
        send_to: decision.send_to.clone(),
    };
    shop.wants_back = None;
    case.delete(book::returns_key(&trade.trade.id));
    let statement = say_decision(case, &trade, wish.statement, said);
    if let Some(shop) = &mut trade.shop {
        shop.decided = Some(DecidedReturn {
            statement,
            decision: decision.clone(),
            at: case.now,
        });
    }
    if let Some(refund) = refund {
        take(case, &mut trade, &wanted, refund, decision.text.clone());
        ship_the_rest(case, &mut trade);
        turn_back(case, &mut trade);
        came_back(case, &mut trade);
    }
    case.save(&mut trade);
    Ok(statement)
}

/// Says again what was decided, after the present statuses: its letter may be lost (protocol 3,
/// "Decisions").
pub(crate) fn decisions_again(case: &mut PartyCase<'_>, trade: &PartyTrade) {
    if !case.is_own_shop(trade) {
        return;
    }
    for (_, decision) in decisions(case, trade) {
        case.say_again(&decision.octets, Occasion::Answer);
    }
}

/// Where a part is cancelled before anything shipped, the carriers bring only what is left.
fn ship_the_rest(case: &mut PartyCase<'_>, trade: &mut PartyTrade) {
    let is_left = trade
        .shop
        .as_ref()
        .is_some_and(|s| !goods::left(s).is_empty());
    if is_left && !has_shipped(trade) {
        instruct::rest(case, trade);
    }
}

/// Where everything is given back, what is still under way turns back.
fn turn_back(case: &mut PartyCase<'_>, trade: &mut PartyTrade) {
    let Some(shop) = &trade.shop else {
        return;
    };
    if !goods::left(shop).is_empty() {
        return;
    }
    let carriers: Vec<Address> = shop
        .record
        .delivery
        .carriers
        .iter()
        .filter(|_| shop.instructed == Instructed::Yes)
        .map(|c| c.address.clone())
        .filter(|a| *a != case.settings.address && !has_ended(shop, a))
        .collect();
    if trade.carrier.is_some() {
        let own = case.settings.address.clone();
        instruct::recall(case, trade, &own, None);
    }
    for carrier in carriers {
        instruct::recall(case, trade, &carrier, None);
    }
}

/// Whether all that a carrier told of has come to its end.
fn has_ended(shop: &ShopPart, carrier: &Address) -> bool {
    let mut states = states_of(shop, carrier).peekable();
    states.peek().is_some() && states.all(Progress::is_end)
}

fn states_of<'s>(
    shop: &'s ShopPart,
    carrier: &'s Address,
) -> impl Iterator<Item = DeliveryState> + 's {
    shop.heard
        .iter()
        .filter(move |h| h.from == *carrier)
        .filter_map(|h| match &h.state {
            HeardState::Delivery { state, .. } => Some(*state),
            HeardState::Payment { .. } => None,
        })
}

/// Ends the order where everything is given back and has come back. The caller saves the trade.
pub(super) fn came_back(case: &mut PartyCase<'_>, trade: &mut PartyTrade) {
    let shipped = has_shipped(trade);
    let Some(shop) = &trade.shop else {
        return;
    };
    let carriers = &shop.record.delivery.carriers;
    let heard = carriers.iter().flat_map(|c| states_of(shop, &c.address));
    let own = trade.carrier.iter().flat_map(|c| c.parcels.values());
    let states: Vec<DeliveryState> = heard.chain(own.map(|t| t.last.state)).collect();
    let is_back = |state: DeliveryState| match state {
        DeliveryState::Returned | DeliveryState::Stopped => true,
        DeliveryState::Announced
        | DeliveryState::PickedUp
        | DeliveryState::AtTerminal
        | DeliveryState::Sorted
        | DeliveryState::InTransit
        | DeliveryState::OutForDelivery
        | DeliveryState::AttemptFailed
        | DeliveryState::ReadyForPickup
        | DeliveryState::OnHold
        | DeliveryState::Exception
        | DeliveryState::Lost
        | DeliveryState::Delivered
        | DeliveryState::Returning => false,
    };
    let all_back = !states.is_empty() && states.into_iter().all(is_back);
    if !all_back || shop.given_back.is_empty() || !goods::left(shop).is_empty() {
        return;
    }
    // Protocol 4: senders say `returned` only after something shipped.
    let end = if shipped {
        OrderState::Returned
    } else {
        OrderState::Cancelled
    };
    let ended = shop.order.as_ref().map(|t| t.last.state) == Some(end);
    let moved = match &mut trade.shop {
        Some(shop) if !ended => advance(shop, end, None, case.now),
        Some(_) | None => false,
    };
    if moved {
        tell_order(case, trade, AskedBy::Nobody);
        charge::never(case, trade);
    }
}
