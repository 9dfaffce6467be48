//! What carrier and payment processor have in common: a shop's instruction names the trade, and where its
//! statuses go.

use tradepost_statements::wish::Wishes;
use tradepost_statements::{Address, Statement, TradeRef};

use super::book::{KeptWishes, PartyTrade};
use super::case::PartyCase;
use super::change::Ignored;
use super::readdress::readdress;

/// The trade that a shop's instruction is about. That it may say so, the judgement has found
/// (`rules`), or nobody need prove: the shop is a role of this very server (E27).
pub(crate) fn instructed_trade(statement: &Statement) -> Result<TradeRef, Ignored> {
    let trade = statement.trade.clone();
    trade.ok_or_else(|| Ignored::NotForThisServer(statement.body.kind()))
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
