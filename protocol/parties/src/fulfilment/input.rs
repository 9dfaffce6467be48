//! What the merchant's own system reads: one JSON object.

use serde_json::{Map, Value, json};
use tradepost_statements::{Body, wire};
use tradepost_trades::rows::Rows;

use super::{Job, JobKind};
use crate::kernel::book;
use crate::shop::remaining_lines;
use crate::view;

/// Raised when a member changes its meaning; new members may come at any time.
pub(super) const VERSION: u64 = 1;

/// What a job says, for the command's standard input. None: its trade is not there.
///
/// It holds what the buyer ordered and where it goes, and nothing about how the buyer pays but the
/// method: tokens are for the payment processor.
#[must_use]
pub fn input_of(rows: &dyn Rows, job: &Job) -> Option<Value> {
    let trade = book::load(rows, &job.trade)?;
    let shop = trade.shop.as_ref()?;
    let mut record = wire::body_to_value(&Body::TradeRecord(Box::new(shop.record.clone())));
    if let Value::Object(members) = &mut record {
        members.remove("kind");
    }
    let standing = view::view(&trade, &trade.trade.shop);
    let mut input = Map::new();
    let mut say = |name: &str, value: Value| input.insert(name.to_owned(), value);
    say("version", json!(VERSION));
    say("job", json!(job.name()));
    say("kind", json!(job.kind.word()));
    say("attempt", json!(job.attempts.saturating_add(1)));
    say("shop", json!(trade.trade.shop));
    say("trade", json!(trade.trade.id));
    say("buyer", json!(trade.buyer_mail));
    say("record", record);
    say("order", json!(standing.order));
    say("delivery", json!(standing.delivery));
    say("payment", json!(standing.payment));
    match job.kind {
        JobKind::HandOver | JobKind::Progress | JobKind::Changed | JobKind::CalledOff => {
            say("remaining", json!(remaining_lines(shop)));
            say("wants_back", json!(standing.wants_back));
        }
        JobKind::Goods => {}
    }
    Some(Value::Object(input))
}
