//! Lines 8, 13 and 14: who may say this to this server, and about which trade.

use std::collections::BTreeSet;

use tradepost_statements::{Address, Body, Kind, TradeRef};

use super::PartyQuestion;
use crate::kernel::answers::is_a_request;
use crate::kernel::book::{self, ShopPart};
use crate::kernel::change::Ignored;

/// Protocol 3: a statement that has `answers` is never answered.
pub(super) fn a_request_that_answers(q: &PartyQuestion<'_>) -> Option<Ignored> {
    let statement = q.statement()?;
    let asks = is_a_request(statement.body.kind());
    (asks && statement.answers.is_some()).then_some(Ignored::AnswersNothing)
}

/// Of several that were said to its sender, it may answer any.
pub(super) fn answers_nothing(q: &PartyQuestion<'_>) -> Option<Ignored> {
    let (statement, shop) = (q.statement()?, q.own_shop()?);
    let id = statement.answers?;
    let was_said = |t: &book::SentToParty| t.id == id && t.to == statement.from;
    (!shop.told.iter().any(was_said)).then_some(Ignored::AnswersNothing)
}

pub(super) fn not_for_this_role(q: &PartyQuestion<'_>) -> Option<Ignored> {
    let kind = q.statement()?.body.kind();
    let shops = q.shops_that_instruct()?;
    shops.is_none().then_some(Ignored::NotForThisServer(kind))
}

/// Protocol 3: instructions come from `trade.shop` alone. This server's own shop names itself only where
/// it does that part itself (E27), and needs no letter for it.
pub(super) fn not_by_its_shop(q: &PartyQuestion<'_>) -> Option<Ignored> {
    q.shops_that_instruct()??;
    let from = &q.statement()?.from;
    let trade = q.trade()?;
    (*from != trade.shop).then(|| may_not_instruct(from, trade, "the trade is another shop's"))
}

pub(super) fn not_by_a_known_shop(q: &PartyQuestion<'_>) -> Option<Ignored> {
    let shops = q.shops_that_instruct()??;
    let from = &q.statement()?.from;
    let trade = q.trade()?;
    let why = "it is not among the configured shops";
    (!shops.contains(from)).then(|| may_not_instruct(from, trade, why))
}

fn may_not_instruct(from: &Address, trade: &TradeRef, why: &'static str) -> Ignored {
    Ignored::SenderMayNotInstruct {
        from: from.to_string(),
        trade: trade.to_string(),
        why,
    }
}

pub(super) fn no_carrier(q: &PartyQuestion<'_>) -> Option<Ignored> {
    let from = q.sender_of(Kind::DeliveryStatus)?;
    let shop = q.own_shop()?;
    let carriers = &shop.record.delivery.carriers;
    let is_party = carriers.iter().any(|c| c.address == *from)
        // A carrier of an earlier version stays a party (protocol 4, "Versions").
        || shop.told.iter().any(|t| t.to == *from && t.kind == Kind::DeliveryInstruction);
    (!is_party).then(|| no_party(from, q))?
}

pub(super) fn no_processor(q: &PartyQuestion<'_>) -> Option<Ignored> {
    let from = q.sender_of(Kind::PaymentStatus)?;
    let is_party = q.own_shop()?.record.payment.processor == *from;
    (!is_party).then(|| no_party(from, q))?
}

fn no_party(from: &Address, q: &PartyQuestion<'_>) -> Option<Ignored> {
    Some(Ignored::SenderIsNoPartyOfTheTrade {
        from: from.to_string(),
        trade: q.trade()?.to_string(),
    })
}

/// E17.
pub(super) fn not_the_total(q: &PartyQuestion<'_>) -> Option<Ignored> {
    let Body::PaymentStatus(status) = &q.statement()?.body else {
        return None;
    };
    let shop = q.own_shop()?;
    (!shop.had_total(status.amount)).then(|| Ignored::AmountIsNotTheTotal {
        stated: status.amount.to_string(),
        total: shop.record.total.to_string(),
    })
}

impl PartyQuestion<'_> {
    fn trade(&self) -> Option<&TradeRef> {
        self.statement()?.trade.as_ref()
    }

    fn sender_of(&self, kind: Kind) -> Option<&Address> {
        let statement = self.statement()?;
        (statement.body.kind() == kind).then_some(&statement.from)
    }

    /// Of an instruction: the shops that may give such, where this server plays that role.
    fn shops_that_instruct(&self) -> Option<Option<&BTreeSet<Address>>> {
        match self.statement()?.body.kind() {
            Kind::DeliveryInstruction | Kind::Recall => {
                Some(self.settings.carrier.as_ref().map(|s| &s.shops))
            }
            Kind::PaymentInstruction | Kind::Authorize | Kind::Refund => {
                Some(self.settings.payment.as_ref().map(|s| &s.shops))
            }
            Kind::Order
            | Kind::TradeRecord
            | Kind::OrderRejected
            | Kind::Confirm
            | Kind::Cancel
            | Kind::Return
            | Kind::ReturnDecision
            | Kind::StatusRequest
            | Kind::Notify
            | Kind::UnknownTrade
            | Kind::OrderStatus
            | Kind::DeliveryStatus
            | Kind::PaymentStatus
            | Kind::Authorization => None,
        }
    }

    /// Of a carrier's or payment processor's status: what this server knows as the shop of that trade.
    fn own_shop(&self) -> Option<&ShopPart> {
        let find = || {
            let statement = self.statement()?;
            let kind = statement.body.kind();
            let is_such = matches!(kind, Kind::DeliveryStatus | Kind::PaymentStatus);
            if !is_such || self.settings.shop.is_none() {
                return None;
            }
            book::load(self.rows, statement.trade.as_ref()?)?.shop
        };
        self.shop.get_or_init(find).as_ref()
    }
}
