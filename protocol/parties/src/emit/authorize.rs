//! A line that answers `authorize` (E3): the operator's own decision, where the configuration leaves
//! it to the operator.

use serde_json::{Map, Value, json};
use tradepost_statements::instruction::Authorization;
use tradepost_statements::{Address, Body, StatementId, Time, TradeId, wire, words};

use super::members::{as_in_the_line, only, optional, required};
use super::refusal::LineRefusal;
use crate::kernel::PartyCase;
use crate::payment::{self, AskedAuthorization};

const KNOWN: [&str; 7] = ["key", "shop", "trade", "authorize", "code", "text", "until"];

words! {
    /// What the operator decides.
    enum Word as "an answer to authorize" {
        Approve = "approve",
        Decline = "decline",
    }
}

pub(super) fn authorize(
    case: &mut PartyCase<'_>,
    object: &Map<String, Value>,
) -> Result<StatementId, LineRefusal> {
    if case.settings.payment.is_none() {
        return Err(LineRefusal::RoleIsMissing {
            role: "payment processor",
            track: "payment",
        });
    }
    only(object, &KNOWN, "of a line that answers authorize")?;
    let word: Word = required(object, "authorize")?;
    let id: TradeId = required(object, "trade")?;
    let shop: Option<Address> = optional(object, "shop")?;
    let asked = the_one(case, &id, shop.as_ref())?;
    if asked.called_off {
        return Err(LineRefusal::AuthorizationWasCalledOff(
            asked.trade.to_string(),
        ));
    }
    if let Some(decision) = &asked.decision {
        return Err(LineRefusal::AuthorizationWasDecided {
            trade: asked.trade.to_string(),
            how: if decision.answer.approved {
                "approved"
            } else {
                "declined"
            },
            at: decision.at,
        });
    }
    let answer = read(case, object, &asked, word)?;
    Ok(payment::settle_authorization(case, asked, &answer))
}

/// `shop` may be left out where only one shop asked about that id.
fn the_one(
    case: &PartyCase<'_>,
    id: &TradeId,
    shop: Option<&Address>,
) -> Result<AskedAuthorization, LineRefusal> {
    // Two are enough to know that it is ambiguous; a few more make the message useful.
    let mut found = payment::find_authorization(case.rows(), id, 8);
    if let Some(shop) = shop {
        found.retain(|a| a.trade.shop == *shop);
    }
    if found.len() > 1 {
        let waits = |a: &AskedAuthorization| a.decision.is_none();
        if found.iter().filter(|a| waits(a)).count() == 1 {
            found.retain(waits);
        }
    }
    let shops: Vec<String> = found.iter().map(|a| a.trade.shop.to_string()).collect();
    match (found.pop(), shops.as_slice()) {
        (Some(asked), [_]) => Ok(asked),
        (None, _) => Err(LineRefusal::NobodyAskedToAuthorize(id.to_string())),
        (Some(_), _) => Err(LineRefusal::SeveralShopsHaveThatTrade {
            id: id.to_string(),
            shops: shops.join(", "),
        }),
    }
}

/// The body by the wire's own rules.
fn read(
    case: &PartyCase<'_>,
    object: &Map<String, Value>,
    asked: &AskedAuthorization,
    word: Word,
) -> Result<Authorization, LineRefusal> {
    let approved = match word {
        Word::Approve => true,
        Word::Decline => false,
    };
    let mut body = json!({ "kind": "authorization", "approved": approved });
    for name in ["code", "text", "until"] {
        if let (Some(value), Value::Object(body)) = (object.get(name), &mut body)
            && !value.is_null()
        {
            body.insert(name.to_owned(), value.clone());
        }
    }
    let statement = json!({
        "tradepost": wire::VERSION,
        "id": "01932c07-9a2e-7c11-8f54-0f6a1c0d9e22",
        "answers": "01932c07-9a2e-7c11-8f54-0f6a1c0d9e23",
        "from": case.settings.address,
        "to": asked.trade.shop,
        "sent": case.now,
        "trade": asked.trade,
        "body": body,
    });
    let read = wire::from_value(&statement).map_err(|e| as_in_the_line(e, "", ""))?;
    let Body::Authorization(answer) = read.body else {
        return Err(LineRefusal::IsNotAnObject);
    };
    let until: Option<Time> = answer.until;
    let problem = match until {
        Some(_) if !approved => "says how long an approval holds",
        Some(until) if until <= case.now => "lies in the past",
        Some(_) | None => return Ok(answer),
    };
    Err(LineRefusal::Member {
        name: "until".to_owned(),
        problem: problem.to_owned(),
    })
}
