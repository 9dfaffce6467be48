//! Judging again what the backlog names. Anybody who is believed can have many letters refused, so they
//! are looked at a few at a time: the first by the input that gave reason to, the others as time passes
//! ([`super::tick`]).

use tradepost_statements::TradeRef;
use tradepost_trades::rows::Rows;

use super::backlog::{LookAgain, first};
use super::case::{BuyerCase, numbers_after};
use super::evaluate::OpenTrade;
use super::state::read;
use super::{file, keys};

/// So many letters are looked at again by one input: more than an honest trade ever has of them.
const LOOKED_AT: usize = 64;

/// Looks at what this input gave reason to look at again.
pub(super) fn work(case: &mut BuyerCase<'_>) {
    let mut left = LOOKED_AT;
    // What comes of one may be a reason for the next.
    while left > 0 && !case.look_again.is_empty() {
        let key = case.look_again.remove(0);
        left = left.saturating_sub(work_on(case, &key, left).max(1));
    }
    case.look_again.clear();
}

/// Looks at what earlier inputs left.
pub(super) fn tick(case: &mut BuyerCase<'_>) {
    let mut left = LOOKED_AT;
    while left > 0
        && let Some(key) = first(case.rows())
    {
        left = left.saturating_sub(work_on(case, &key, left).max(1));
    }
    // What came of it meanwhile is for the next time.
    case.look_again.clear();
}

/// Looks at no more than `limit` letters, and says at how many.
fn work_on(case: &mut BuyerCase<'_>, key: &str, limit: usize) -> usize {
    let Some(what) = read::<LookAgain>(case.rows(), key) else {
        case.delete_if_there(key);
        return 0;
    };
    match what {
        LookAgain::Trade {
            trade,
            records,
            passed,
            refused,
        } => {
            let mut left = limit;
            let mut numbers = Vec::new();
            let still_passed = passed.and_then(|from| {
                let prefix = keys::history(&trade).into_bytes();
                let page = case.rows().scan_from(&prefix, from.as_bytes(), left);
                let found = page.iter();
                let found = found.filter_map(|(key, _)| keys::number_in_history(&trade, key));
                numbers.extend(found);
                let is_page = page.len() == left;
                left = left.saturating_sub(page.len());
                let last = numbers.last().filter(|_| is_page);
                last.map(|last| after(&keys::in_history(&trade, *last)))
            });
            let prefix = keys::set_aside(&trade);
            let page = numbers_after(case.rows(), &prefix, &refused, left);
            let is_through = page.len() < left;
            let refused = page
                .last()
                .map_or(refused, |last| after(&keys::aside(&trade, *last)));
            numbers.extend(page);
            if is_through && still_passed.is_none() {
                case.delete(key);
            } else {
                let rest = LookAgain::Trade {
                    trade: trade.clone(),
                    records: false,
                    passed: still_passed,
                    refused,
                };
                case.put(key, &rest);
            }
            judge(case, &trade, records, &numbers);
            numbers.len()
        }
        LookAgain::Waiting { what, from } => {
            let prefix = keys::waiting_for(&what);
            let numbers = numbers_after(case.rows(), &prefix, &from, limit);
            match numbers.last() {
                Some(last) if numbers.len() == limit => {
                    let from = after(&keys::waits_for(&what, *last));
                    case.put(key, &LookAgain::Waiting { what, from });
                }
                _ => case.delete(key),
            }
            file::judge_again(case, &numbers);
            numbers.len()
        }
    }
}

fn judge(case: &mut BuyerCase<'_>, trade: &TradeRef, records: bool, numbers: &[u64]) {
    let Some(mut open) = OpenTrade::known(case, trade) else {
        return;
    };
    if records {
        open.judge_records(case);
    }
    for no in numbers {
        open.judge(case, *no);
    }
    open.close(case);
}

/// The first key behind this one.
fn after(key: &str) -> String {
    format!("{key}\0")
}
