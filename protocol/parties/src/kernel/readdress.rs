//! A trade that was placed elsewhere gets another buyer's address: its shop corrects the one that it
//! named first (protocol 9). Whoever had the old one may be a stranger to this trade, so nothing more
//! goes there, and nothing that came from there holds any longer.
//!
//! Who may do this, the callers decide: the shop's own system by `emit`, and at a carrier or payment
//! processor the trade's shop by an instruction; never a letter of a buyer.

use tradepost_statements::{Address, Kind, Statement};
use tradepost_trades::rows::Rows;

use super::book::{self, PartyTrade};
use super::case::{Naming, PartyCase};
use super::own_status::present;

/// Each correction leaves an address that nothing may go to any more, in an entry that is written
/// whole; more than a few are no corrections.
const MOST_CORRECTIONS: usize = 16;

/// The address was corrected so often that it is not taken any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CorrectedTooOften;

/// From now on this trade's letters go to `to`. The caller tells it how things stand, and saves the
/// trade.
pub(crate) fn readdress(
    case: &mut PartyCase<'_>,
    trade: &mut PartyTrade,
    to: &Address,
) -> Result<(), CorrectedTooOften> {
    if trade.former.len() >= MOST_CORRECTIONS {
        return Err(CorrectedTooOften);
    }
    let before = std::mem::replace(&mut trade.buyer_mail, to.clone());
    trade.former.insert(before);
    trade.former.remove(to);
    // The wishes of somebody else, and the addresses for people that they name.
    trade.wishes = None;
    trade.consents.clear();
    if let Some(shop) = &mut trade.shop {
        if shop.record.confirm_by.is_some_and(|by| case.now < by) {
            shop.confirmed = None;
        }
        shop.decided = None;
        let decisions = book::decisions_of(&trade.trade.id);
        for (key, _) in case.rows().scan(decisions.as_bytes()) {
            case.delete(key);
        }
        if shop.wants_back.take().is_some() {
            case.delete(book::returns_key(&trade.trade.id));
        }
    }
    let instructions = trade.carrier.iter_mut().flat_map(|c| &mut c.instructions);
    for instruction in instructions {
        instruction.buyer_mail = to.clone();
    }
    if let Some(part) = &mut trade.payment {
        part.instruction.buyer_mail = to.clone();
    }
    // What waits for a mail of the merchant's own is addressed to the old one.
    let unmailed = book::unmailed_key(&trade.trade, "");
    for (key, _) in case.rows().scan(unmailed.as_bytes()) {
        case.delete(key);
    }
    Ok(())
}

/// Tells the new address the present status of each track, as far as it is wished, except what this
/// decision told it already.
pub(crate) fn tell_how_it_stands(case: &mut PartyCase<'_>, trade: &PartyTrade) {
    for status in present(trade) {
        let body = status.body();
        if !status.is_wished(trade) || case.has_said(&trade.buyer_mail, &body) {
            continue;
        }
        let naming = Naming {
            trade: Some(trade.trade.clone()),
            ..Naming::default()
        };
        case.say(&trade.buyer_mail.clone(), naming, body, Some(trade));
    }
}

/// Whether a statement, or a letter that waits in the outbox, would tell a former address of the
/// trade. What is for the shop goes on, should it be the same address.
#[must_use]
pub fn is_for_a_former_address(rows: &dyn Rows, statement: &Addressed<'_>) -> bool {
    if !tells_the_buyer(statement.kind) {
        return false;
    }
    let trade = statement.trade.and_then(|name| book::load(rows, name));
    trade.is_some_and(|trade| {
        *statement.to != trade.trade.shop && trade.former.contains(statement.to)
    })
}

/// What a statement is about, and to whom it goes.
#[derive(Debug, Clone, Copy)]
pub struct Addressed<'s> {
    /// What it says: only kinds that tell a buyer of a trade matter.
    pub kind: Kind,
    /// Its receiver, which may be a former address of the trade.
    pub to: &'s Address,
    /// The trade that it names.
    pub trade: Option<&'s tradepost_statements::TradeRef>,
}

impl<'s> From<&'s Statement> for Addressed<'s> {
    fn from(statement: &'s Statement) -> Addressed<'s> {
        Addressed {
            kind: statement.body.kind(),
            to: &statement.to,
            trade: statement.trade.as_ref(),
        }
    }
}

/// The kinds that a server says to a buyer about a trade (protocol 3).
fn tells_the_buyer(kind: Kind) -> bool {
    match kind {
        Kind::TradeRecord
        | Kind::ReturnDecision
        | Kind::OrderStatus
        | Kind::DeliveryStatus
        | Kind::PaymentStatus => true,
        // It names no trade, and says nothing of one.
        Kind::UnknownTrade | Kind::OrderRejected => false,
        Kind::Order
        | Kind::Confirm
        | Kind::Cancel
        | Kind::Return
        | Kind::StatusRequest
        | Kind::Notify
        | Kind::Authorize
        | Kind::Authorization
        | Kind::PaymentInstruction
        | Kind::DeliveryInstruction
        | Kind::Refund
        | Kind::Recall => false,
    }
}
