//! What becomes of a delivery: a function of what it says, the book and the time.

use serde_json::Value;
use tradepost_parties::kernel;
use tradepost_parties::kernel::book;
use tradepost_statements::{Time, TradeId, TradeRef};
use tradepost_trades::rows::Rows;

use super::facts::Told;
use super::left::{Left, LeftReason};
use super::lines::{About, Lines, lines};
use super::{number, shopify, woocommerce};
use crate::config::{WebhookKind, WebhookSettings};

/// What is to be done.
pub(super) enum Decided {
    Record(Lines),
    /// It is about an order that was not told of. It may have been overtaken: the same delivery may be
    /// taken later.
    Unknown {
        /// What the order is remembered by.
        origin: String,
    },
}

/// Decides about one delivery, whose body is JSON of whatever kind.
pub(super) fn decide(
    hook: &WebhookSettings,
    server: &kernel::PartySettings,
    rows: &dyn Rows,
    topic: &str,
    body: &Value,
    now: Time,
) -> Decided {
    match facts_to_lines(hook, server, rows, topic, body, now) {
        Ok(decided) => decided,
        Err(left) => Decided::Record(Lines {
            lines: Vec::new(),
            left: vec![left],
        }),
    }
}

fn facts_to_lines(
    hook: &WebhookSettings,
    server: &kernel::PartySettings,
    rows: &dyn Rows,
    topic: &str,
    body: &Value,
    now: Time,
) -> Result<Decided, Left> {
    if !body.is_object() {
        let text = "the body is no order: a JSON object is expected";
        return Err(Left::new(LeftReason::Content, text));
    }
    let facts = match hook.kind() {
        WebhookKind::Woocommerce => woocommerce::read(topic, body),
        WebhookKind::Shopify => shopify::read(topic, body),
    };
    let facts = facts?.not_after(now);
    let shop = server.address.clone();
    let known = number::known(rows, hook.name(), &facts.name);
    let trade: TradeId = match (&known, &facts.placed) {
        (Some(id), _) => id.clone(),
        (None, Told::Nothing) => {
            let origin = facts.name.origin(hook.name());
            return Ok(Decided::Unknown { origin });
        }
        (None, Told::Is(_)) => number::free(rows, &shop, &hook.trade_prefix, &facts.name)?,
        // Nothing of it can be told, whatever it would be called.
        (None, Told::Unfit(left)) => return Err(left.clone()),
    };
    let name = TradeRef { shop, id: trade };
    let known = known.and_then(|_| book::load(rows, &name));
    let about = About {
        hook,
        server,
        trade: &name.id,
        known: known.as_ref(),
    };
    Ok(Decided::Record(lines(about, &facts)))
}
