//! Lists and running totals, kept up with each change, so that asking costs what is returned
//! (E18 to E20).

use std::collections::BTreeMap;

use tradepost_statements::{Amount, Currency};

use super::case::{BuyerCase, own_warning};
use super::progress::{CountedTrade, TradeOrigin};
use super::state::Totals;
use super::trade::BuyerTrade;
use super::warning::{Warning, WarningKind};
use super::{keys, overdue};

/// Takes a trade's former share out of lists and totals and puts its present one in.
pub(super) fn count(case: &mut BuyerCase<'_>, trade: &mut BuyerTrade) {
    let now = trade.state.as_ref().map(|state| CountedTrade {
        apart: state.origin == TradeOrigin::Adopted && !trade.confirmed,
        undelivered: state.undelivered,
        promised: state.promised,
        unpaid: state.unpaid,
        due: state.payment.as_ref().and_then(|p| p.planned),
    });
    if now == trade.counted {
        return;
    }
    let mut totals = case.totals();
    if let Some(before) = trade.counted.take() {
        if before.undelivered {
            case.delete(&keys::undelivered(before.promised, &trade.trade));
        }
        if !before.unpaid.is_zero() {
            case.delete(&keys::unpaid(before.due, &trade.trade));
        }
        subtract(&mut totals, &before);
    }
    if let Some(now) = &now {
        if now.undelivered {
            case.mark(&keys::undelivered(now.promised, &trade.trade));
        }
        if !now.unpaid.is_zero() {
            case.mark(&keys::unpaid(now.due, &trade.trade));
        }
        add(&mut totals, now);
    }
    trade.counted = now;
    close_what_is_no_longer_overdue(case, trade);
    overdue::warn_if_overdue(case, trade);
    check_limits(case, &mut totals);
    case.put(keys::TOTALS, &totals);
}

fn add(totals: &mut Totals, c: &CountedTrade) {
    if c.apart {
        totals.adopted += 1;
        return;
    }
    totals.trades += 1;
    totals.undelivered += u64::from(c.undelivered);
    if !c.unpaid.is_zero() {
        totals.unpaid += 1;
        let currency = c.unpaid.currency();
        let sum = totals
            .unpaid_total
            .get(&currency)
            .and_then(|sum| sum.plus(c.unpaid).ok())
            .unwrap_or(c.unpaid);
        totals.unpaid_total.insert(currency, sum);
    }
}

fn subtract(totals: &mut Totals, c: &CountedTrade) {
    if c.apart {
        totals.adopted = totals.adopted.saturating_sub(1);
        return;
    }
    totals.trades = totals.trades.saturating_sub(1);
    totals.undelivered = totals.undelivered.saturating_sub(u64::from(c.undelivered));
    if !c.unpaid.is_zero() {
        totals.unpaid = totals.unpaid.saturating_sub(1);
        let currency = c.unpaid.currency();
        match totals
            .unpaid_total
            .get(&currency)
            .and_then(|sum| sum.minus(c.unpaid).ok())
        {
            Some(left) if !left.is_zero() => totals.unpaid_total.insert(currency, left),
            _ => totals.unpaid_total.remove(&currency),
        };
    }
}

fn close_what_is_no_longer_overdue(case: &mut BuyerCase<'_>, trade: &BuyerTrade) {
    let about = keys::trade_key(&trade.trade);
    let now = case.now;
    let counted = trade.counted.as_ref();
    let late_parcel = counted.is_some_and(|c| c.undelivered && c.promised.is_some_and(|p| p < now));
    let late_payment =
        counted.is_some_and(|c| !c.unpaid.is_zero() && c.due.is_some_and(|d| d < now));
    if !late_parcel {
        case.resolve_own(WarningKind::OverdueDelivery.word(), &about);
    }
    if !late_payment {
        case.resolve_own(WarningKind::OverduePayment.word(), &about);
    }
}

/// The limits may be others than they were.
pub(super) fn look_at_limits(case: &mut BuyerCase<'_>) {
    let mut totals = case.totals();
    let before = totals.clone();
    check_limits(case, &mut totals);
    if totals != before {
        case.put(keys::TOTALS, &totals);
    }
}

/// E20: once for each time that a limit is reached.
fn check_limits(case: &mut BuyerCase<'_>, totals: &mut Totals) {
    let mut limits: BTreeMap<Currency, Amount> = BTreeMap::new();
    for limit in &case.settings.unpaid_limits {
        let lowest = limits.entry(limit.currency()).or_insert(*limit);
        if lowest.is_more_than(*limit) {
            *lowest = *limit;
        }
    }
    let is_gone = |c: &&Currency| !limits.contains_key(c);
    let gone: Vec<Currency> = totals.over_limit.keys().filter(is_gone).copied().collect();
    for currency in gone {
        totals.over_limit.remove(&currency);
        case.resolve_own(WarningKind::UnpaidLimit.word(), currency.code());
    }
    for (currency, limit) in limits {
        let reached = totals
            .unpaid_total
            .get(&currency)
            .copied()
            .filter(|sum| sum.minor() >= limit.minor());
        match (reached, totals.over_limit.contains_key(&currency)) {
            (Some(sum), false) => {
                let id = case.warn_of_own(
                    currency.code(),
                    Warning {
                        received: format!("{sum} unpaid"),
                        expected: format!("less than {limit}"),
                        ..own_warning(WarningKind::UnpaidLimit, case)
                    },
                );
                totals.over_limit.insert(currency, id);
            }
            (None, true) => {
                totals.over_limit.remove(&currency);
                case.resolve_own(WarningKind::UnpaidLimit.word(), currency.code());
            }
            (Some(_), true) | (None, false) => {}
        }
    }
}
