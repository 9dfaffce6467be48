//! What is to be judged again because more has become known, or something else: letters that were
//! refused, and those that wait for something of ours. How far that has come is a row for each of what
//! is looked at; who looks is `look_again`.

use serde::{Deserialize, Serialize};
use tradepost_statements::TradeRef;
use tradepost_trades::rows::Rows;

use super::case::BuyerCase;
use super::keys;
use super::state::is_default;

/// What is looked at again, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub(super) enum LookAgain {
    /// Letters of a trade: its records, what passed, and then what was refused.
    Trade {
        #[serde(rename = "t")]
        trade: TradeRef,
        #[serde(rename = "r", default, skip_serializing_if = "is_default")]
        records: bool,
        /// Of what passed; none where that is not looked at.
        #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
        passed: Option<String>,
        /// Of what was refused.
        #[serde(rename = "a")]
        refused: String,
    },
    /// What waits for something of ours.
    Waiting {
        #[serde(rename = "w")]
        what: String,
        #[serde(rename = "k")]
        from: String,
    },
}

/// Which letters of a trade are looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// Those that lines 8 to 15 refused, but for the records that are walked.
    Refused,
    /// Those, and the records.
    RefusedAndRecords,
    /// Those, and what passed.
    RefusedAndPassed,
}

/// Has letters of a trade judged again.
pub(super) fn look_at_trade(case: &mut BuyerCase<'_>, trade: &TradeRef, which: Which) {
    let key = keys::look_again(&format!("t/{}", keys::trade_key(trade)));
    let known: Option<LookAgain> = case.get(&key);
    let (known_records, known_passed) = match known {
        Some(LookAgain::Trade {
            records, passed, ..
        }) => (records, passed.is_some()),
        Some(LookAgain::Waiting { .. }) | None => (false, false),
    };
    let all = known_passed || which == Which::RefusedAndPassed;
    let again = LookAgain::Trade {
        trade: trade.clone(),
        records: known_records || which == Which::RefusedAndRecords,
        passed: all.then(|| keys::history(trade)),
        refused: keys::set_aside(trade),
    };
    begin(case, key, &again);
}

/// Has the letters judged again that wait for something of ours.
pub(super) fn look_at_waiting(case: &mut BuyerCase<'_>, what: &str) {
    let again = LookAgain::Waiting {
        what: what.to_owned(),
        from: keys::waiting_for(what),
    };
    begin(case, keys::look_again(&format!("w/{what}")), &again);
}

fn begin(case: &mut BuyerCase<'_>, key: String, what: &LookAgain) {
    case.put(&key, what);
    case.look_again.push(key);
}

/// Whether something is left to look at.
pub(super) fn is_left(rows: &dyn Rows) -> bool {
    first(rows).is_some()
}

pub(super) fn first(rows: &dyn Rows) -> Option<String> {
    let prefix = keys::LOOK_AGAIN.as_bytes();
    let (key, _) = rows.scan_from(prefix, prefix, 1).pop()?;
    String::from_utf8(key).ok()
}
