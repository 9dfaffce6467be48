//! A line that tells the operator's decision about goods that the buyer wants to give back (E23).

use serde_json::{Map, Value};
use tradepost_statements::postal::Recipient;
use tradepost_statements::{Amount, StatementId, TradeId, TradeRef};

use super::members::{only, optional, required};
use super::refusal::LineRefusal;
use crate::kernel::PartyCase;
use crate::kernel::book::ReturnChoice;
use crate::shop::{self, Undecidable};

const KNOWN: [&str; 7] = [
    "key", "shop", "trade", "return", "refund", "text", "send_to",
];

pub(super) fn decision(
    case: &mut PartyCase<'_>,
    object: &Map<String, Value>,
) -> Result<StatementId, LineRefusal> {
    only(object, &KNOWN, "of a decision about a return")?;
    if case.settings.shop.is_none() {
        return Err(LineRefusal::RoleIsMissing {
            role: "shop",
            track: "order",
        });
    }
    let member = |name: &str, problem: &str| LineRefusal::Member {
        name: name.to_owned(),
        problem: problem.to_owned(),
    };
    let own = case.settings.address.clone();
    let shop = optional(object, "shop")?.unwrap_or(own.clone());
    if shop != own {
        return Err(member(
            "shop",
            "only this shop's own trades are decided here",
        ));
    }
    let id: TradeId = required(object, "trade")?;
    let name = TradeRef { shop, id };
    let word: String = required(object, "return")?;
    let accepted = match word.as_str() {
        "accept" => true,
        "refuse" => false,
        _ => return Err(member("return", "is neither \"accept\" nor \"refuse\"")),
    };
    let decision = ReturnChoice {
        accepted,
        refund: optional::<Amount>(object, "refund")?,
        text: text(object)?,
        send_to: optional::<Recipient>(object, "send_to")?,
    };
    if !accepted && (decision.refund.is_some() || decision.send_to.is_some()) {
        return Err(member(
            "return",
            "what is refused has no refund and no send_to",
        ));
    }
    let trade = case
        .trade(&name)
        .ok_or_else(|| LineRefusal::NoSuchTrade(name.to_string()))?;
    shop::decide(case, trade, &decision).map_err(|why| match why {
        Undecidable::NothingWaits { before } => LineRefusal::NothingToDecide {
            trade: name.to_string(),
            before: match before {
                Some((true, at)) => format!("the last wish was accepted at {at}"),
                Some((false, at)) => format!("the last wish was refused at {at}"),
                None => "the buyer wanted nothing back".to_owned(),
            },
        },
        Undecidable::RefundIsNotPlain => member(
            "refund",
            "is missing: the total has charges or discounts, so say how much is paid back",
        ),
        Undecidable::RefundIsMore { most } => member(
            "refund",
            &format!("at most {most} can still be paid back of this trade"),
        ),
    })
}

/// Protocol 2: a string of at most 16 KiB; a little less, so that the statement has room.
fn text(object: &Map<String, Value>) -> Result<Option<String>, LineRefusal> {
    const LONGEST: usize = 8 * 1024;
    let text: Option<String> = optional(object, "text")?;
    match text {
        Some(text) if text.len() > LONGEST => Err(LineRefusal::Member {
            name: "text".to_owned(),
            problem: format!("is longer than {LONGEST} octets"),
        }),
        text => Ok(text),
    }
}
