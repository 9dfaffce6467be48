//! What carrier and payment processor have in common: a shop's instruction names the trade, and who
//! may give it.

use std::collections::BTreeSet;

use tradepost_statements::wish::Wishes;
use tradepost_statements::{Address, Statement, TradeRef};

use super::book::{KeptWishes, PartyTrade};
use super::case::PartyCase;
use super::change::Ignored;
use super::readdress::readdress;

/// The trade that a shop's instruction is about, and that it may say so: one of the shops that are
/// configured, if the role is; and this server's own shop, which names itself only where it does that
/// part itself (E27).
pub(crate) fn instructed_trade(
    case: &PartyCase<'_>,
    statement: &Statement,
    shops: Option<&BTreeSet<Address>>,
) -> Result<TradeRef, Ignored> {
    let not_for_us = || Ignored::NotForThisServer(statement.body.kind());
    let trade = statement.trade.as_ref().ok_or_else(not_for_us)?;
    if case.hears_itself() {
        return Ok(trade.clone());
    }
    let shops = shops.ok_or_else(not_for_us)?;
    let refused = |why| Ignored::SenderMayNotInstruct {
        from: statement.from.to_string(),
        trade: trade.to_string(),
        why,
    };
    if statement.from != trade.shop {
        return Err(refused("the trade is another shop's"));
    }
    if !shops.contains(&statement.from) {
        return Err(refused("it is not among the configured shops"));
    }
    Ok(trade.clone())
}

/// A book entry with the wishes that the shop passes on (Q7). Statuses go to the stored address
/// (E14), which its shop alone may correct, by an instruction that was sent later (protocol 9).
pub(crate) fn entry_for(
    case: &mut PartyCase<'_>,
    name: TradeRef,
    buyer_mail: &Address,
    notify: Option<&Wishes>,
    statement: &Statement,
) -> Result<PartyTrade, Ignored> {
    let mut trade = match case.trade(&name) {
        Some(known) => known,
        None => PartyTrade::new(name, buyer_mail.clone()),
    };
    if case.hears_itself() {
        // The shop's entry and ours are one.
        return Ok(trade);
    }
    let is_newer = trade.mail_named.is_none_or(|at| at < statement.sent);
    if is_newer && trade.buyer_mail != *buyer_mail {
        let before = trade.buyer_mail.clone();
        if readdress(case, &mut trade, buyer_mail).is_err() {
            return Err(Ignored::BuyerIsAnother {
                trade: trade.trade.to_string(),
                stated: buyer_mail.to_string(),
                known: before.to_string(),
            });
        }
    }
    if is_newer {
        trade.mail_named = Some(statement.sent);
    }
    if let (None, Some(wishes)) = (&trade.wishes, notify) {
        trade.wishes = Some(KeptWishes {
            wishes: wishes.clone(),
            sent: statement.sent,
        });
    }
    Ok(trade)
}
