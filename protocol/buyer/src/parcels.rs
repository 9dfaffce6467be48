//! The parcels of a trade (protocol 4, "Counting"): each has a row of its own, and what they come to is
//! kept up with each, never counted anew.
//!
//! The parcels of a trade are those named by `shipped` and every other beyond `announced`; without
//! `shipped`, those named by the newest record or a status. Those of a carrier that is not in the newest record
//! count once they are beyond `announced`. So a parcel that is only announced counts by what its name
//! and its carrier are; these are tallied apart, and added up in `count`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tradepost_statements::record::TradeRecord;
use tradepost_statements::status::{DeliveryStatus, OrderStatus};
use tradepost_statements::{Address, DeliveryState, Time, TradeRef};
use tradepost_trades::rows::Rows;

use super::case::BuyerCase;
use super::count;
use super::filed::{self, Filed, statement_of};
use super::keys;
use super::pages::pages;
use super::progress::{ParcelNow, ParcelStatus, ParcelTally, TradeProgress, TradeTerms};
use super::state::is_default;
use super::trade::BuyerTrade;

/// One name is told of by a few carriers at most: a record names no more than 32 (protocol 3).
const MOST_CARRIERS_OF_A_PARCEL: usize = 64;

/// A parcel that was told of.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct ParcelRow {
    #[serde(rename = "c")]
    carrier: Address,
    #[serde(rename = "n")]
    name: String,
    #[serde(rename = "t")]
    status: ParcelStatus,
    /// The last `shipped` names it.
    #[serde(rename = "m", default, skip_serializing_if = "is_default")]
    is_named: bool,
}

/// A name of a parcel, in what a `shipped` or a record lists.
#[derive(Debug, Serialize, Deserialize)]
struct NameRow {
    #[serde(rename = "n")]
    name: String,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    carrier: Option<Address>,
    /// Some carrier has told of it.
    #[serde(rename = "t", default, skip_serializing_if = "is_default")]
    is_told: bool,
}

/// Groups of parcels by which they are awaited together.
const UNDER_WAY: &str = "o";
const LOST: &str = "l";
const RETURNING: &str = "r";
const ANNOUNCED_AND_NAMED: &str = "n";

fn announced_by(carrier: &Address) -> String {
    format!("a/{}", carrier.as_str())
}

impl ParcelRow {
    fn group(&self) -> Option<String> {
        match self.status.state {
            DeliveryState::Delivered | DeliveryState::Returned | DeliveryState::Stopped => None,
            DeliveryState::Lost => Some(LOST.to_owned()),
            DeliveryState::Returning => Some(RETURNING.to_owned()),
            DeliveryState::Announced => Some(announced_by(&self.carrier)),
            DeliveryState::PickedUp
            | DeliveryState::AtTerminal
            | DeliveryState::Sorted
            | DeliveryState::InTransit
            | DeliveryState::OutForDelivery
            | DeliveryState::AttemptFailed
            | DeliveryState::ReadyForPickup
            | DeliveryState::OnHold
            | DeliveryState::Exception => Some(UNDER_WAY.to_owned()),
        }
    }

    fn is_announced(&self) -> bool {
        self.status.state == DeliveryState::Announced
    }

    /// The keys under which its promise is found.
    fn promises(&self, trade: &TradeRef) -> BTreeSet<String> {
        let Some(at) = self.status.planned_until.or(self.status.planned) else {
            return BTreeSet::new();
        };
        let named = (self.is_named && self.is_announced()).then(|| ANNOUNCED_AND_NAMED.to_owned());
        let groups = self.group().into_iter().chain(named);
        groups
            .map(|group| keys::promise(trade, &group, at, &self.name, &self.carrier))
            .collect()
    }

    fn count(&self, tally: &mut ParcelTally, change: fn(&mut u64)) {
        match self.status.state {
            DeliveryState::Announced => {}
            DeliveryState::Delivered | DeliveryState::Returned | DeliveryState::Stopped => {
                change(&mut tally.done);
            }
            DeliveryState::Lost => change(&mut tally.lost),
            DeliveryState::Returning => change(&mut tally.returning),
            DeliveryState::PickedUp
            | DeliveryState::AtTerminal
            | DeliveryState::Sorted
            | DeliveryState::InTransit
            | DeliveryState::OutForDelivery
            | DeliveryState::AttemptFailed
            | DeliveryState::ReadyForPickup
            | DeliveryState::OnHold
            | DeliveryState::Exception => change(&mut tally.under_way),
        }
        if self.is_announced() && self.is_named {
            change(&mut tally.announced_and_named);
        }
        let mut of_carrier = tally.by_carrier.remove(&self.carrier).unwrap_or_default();
        if self.is_announced() {
            change(&mut of_carrier.announced);
        } else {
            change(&mut of_carrier.beyond);
        }
        if !is_default(&of_carrier) {
            tally.by_carrier.insert(self.carrier.clone(), of_carrier);
        }
    }
}

fn one_more(n: &mut u64) {
    *n += 1;
}

fn one_less(n: &mut u64) {
    *n = n.saturating_sub(1);
}

/// Takes down what a carrier says of a parcel at present; none when nothing it said counts.
pub(super) fn tell(
    case: &mut BuyerCase<'_>,
    trade: &mut BuyerTrade,
    (carrier, name): (&Address, &str),
    status: Option<&DeliveryStatus>,
) {
    let key = keys::parcel(&trade.trade, name, carrier);
    let before: Option<ParcelRow> = case.get(&key);
    let is_named = match &before {
        Some(before) => before.is_named,
        None => case.has(&keys::named_by_shipped(&trade.trade, name)),
    };
    let now = status.map(|status| ParcelRow {
        carrier: carrier.clone(),
        name: name.to_owned(),
        status: parcel_status(status),
        is_named,
    });
    replace(case, trade, &key, before.as_ref(), now.as_ref());
    if before.is_some() == now.is_some() {
        return;
    }
    let is_told = now.is_some() || is_told_by_any(case, &trade.trade, name);
    let by_shipped = keys::named_by_shipped(&trade.trade, name);
    if let Some(change) = note_told(case, &by_shipped, is_told) {
        change(&mut trade.progress.tally.untold_of_shipped);
    }
    let by_record = keys::named_by_record(&trade.trade, name, carrier);
    if let Some(change) = note_told(case, &by_record, now.is_some()) {
        change(&mut trade.progress.tally.untold_of_record);
    }
}

/// How the number of the names that nobody tells of changes with this one.
fn note_told(case: &mut BuyerCase<'_>, key: &str, is_told: bool) -> Option<fn(&mut u64)> {
    let mut row: NameRow = case.get(key)?;
    if row.is_told == is_told {
        return None;
    }
    row.is_told = is_told;
    case.put(key, &row);
    Some(if is_told { one_less } else { one_more })
}

fn replace(
    case: &mut BuyerCase<'_>,
    trade: &mut BuyerTrade,
    key: &str,
    before: Option<&ParcelRow>,
    now: Option<&ParcelRow>,
) {
    let tally = &mut trade.progress.tally;
    let (mut gone, mut come) = (BTreeSet::new(), BTreeSet::new());
    if let Some(before) = before {
        before.count(tally, one_less);
        gone = before.promises(&trade.trade);
    }
    if let Some(now) = now {
        now.count(tally, one_more);
        come = now.promises(&trade.trade);
    }
    gone.difference(&come).for_each(|key| case.delete(key));
    come.difference(&gone).for_each(|key| case.mark(key));
    match now {
        Some(now) => case.put(key, now),
        None => case.delete(key),
    }
}

fn is_told_by_any(case: &BuyerCase<'_>, trade: &TradeRef, name: &str) -> bool {
    let prefix = keys::parcels_named(trade, name);
    let found = case
        .rows()
        .scan_from(prefix.as_bytes(), prefix.as_bytes(), 1);
    !found.is_empty()
}

/// Takes down that another letter than before is the last `shipped` that counts.
pub(super) fn name_by_shipped(case: &mut BuyerCase<'_>, trade: &mut BuyerTrade, now: Option<u64>) {
    let before = std::mem::replace(&mut trade.progress.named_by, now);
    if before == now {
        return;
    }
    let (before, now) = (shipped_names(case, before), shipped_names(case, now));
    for name in before.difference(&now) {
        let key = keys::named_by_shipped(&trade.trade, name);
        let row: Option<NameRow> = case.get(&key);
        if row.is_some_and(|row| !row.is_told) {
            one_less(&mut trade.progress.tally.untold_of_shipped);
        }
        case.delete(&key);
        mark_named(case, trade, name, false);
    }
    for name in now.difference(&before) {
        let is_told = is_told_by_any(case, &trade.trade, name);
        let row = NameRow {
            name: name.clone(),
            carrier: None,
            is_told,
        };
        if !is_told {
            one_more(&mut trade.progress.tally.untold_of_shipped);
        }
        case.put(&keys::named_by_shipped(&trade.trade, name), &row);
        mark_named(case, trade, name, true);
    }
}

fn shipped_names(case: &BuyerCase<'_>, letter: Option<u64>) -> BTreeSet<String> {
    let filed = letter.and_then(|no| case.filed(no));
    let status = filed.as_ref().and_then(Filed::order_status);
    let names = status.and_then(|s: &OrderStatus| s.parcels.clone());
    names.unwrap_or_default().into_iter().collect()
}

fn mark_named(case: &mut BuyerCase<'_>, trade: &mut BuyerTrade, name: &str, is_named: bool) {
    let prefix = keys::parcels_named(&trade.trade, name);
    let (prefix, limit) = (prefix.as_bytes(), MOST_CARRIERS_OF_A_PARCEL);
    for (_, json) in case.rows().scan_from(prefix, prefix, limit) {
        let Ok(before) = serde_json::from_slice::<ParcelRow>(&json) else {
            continue;
        };
        let now = ParcelRow {
            is_named,
            ..before.clone()
        };
        let key = keys::parcel(&trade.trade, name, &before.carrier);
        replace(case, trade, &key, Some(&before), Some(&now));
    }
}

/// Takes down that another record than before is the one that counts.
pub(super) fn name_by_record(
    case: &mut BuyerCase<'_>,
    trade: &mut BuyerTrade,
    (before, now): (Option<u64>, Option<u64>),
) {
    if before == now {
        return;
    }
    let (before, now) = (record_names(case, before), record_names(case, now));
    for (carrier, name) in before.difference(&now) {
        let key = keys::named_by_record(&trade.trade, name, carrier);
        let row: Option<NameRow> = case.get(&key);
        if row.is_some_and(|row| !row.is_told) {
            one_less(&mut trade.progress.tally.untold_of_record);
        }
        case.delete(&key);
    }
    for (carrier, name) in now.difference(&before) {
        let is_told = case.has(&keys::parcel(&trade.trade, name, carrier));
        let row = NameRow {
            name: name.clone(),
            carrier: Some(carrier.clone()),
            is_told,
        };
        if !is_told {
            one_more(&mut trade.progress.tally.untold_of_record);
        }
        case.put(&keys::named_by_record(&trade.trade, name, carrier), &row);
    }
}

fn record_names(case: &BuyerCase<'_>, letter: Option<u64>) -> BTreeSet<(Address, String)> {
    let filed = letter.and_then(|no| case.filed(no));
    let record = filed.as_ref().and_then(Filed::record);
    let carriers = record.into_iter().flat_map(|r| &r.delivery.carriers);
    carriers
        .flat_map(|c| {
            c.parcels
                .iter()
                .flatten()
                .map(|name| (c.address.clone(), name.clone()))
        })
        .collect()
}

/// The earliest promise of a parcel that is awaited.
pub(super) fn promised(rows: &dyn Rows, trade: &BuyerTrade) -> Option<Time> {
    let terms = trade.terms.as_ref()?;
    let mut groups = vec![UNDER_WAY.to_owned(), RETURNING.to_owned()];
    if !count::money_came_back(terms, &trade.progress) {
        groups.push(LOST.to_owned());
    }
    if trade.progress.named_by.is_some() && !trade.progress.is_cancelled() {
        groups.push(ANNOUNCED_AND_NAMED.to_owned());
    } else if trade.progress.counts_announced() {
        let newest = terms.newest_carriers.iter();
        let announce = |c: &&Address| {
            trade
                .progress
                .tally
                .by_carrier
                .get(*c)
                .is_some_and(|t| t.announced > 0)
        };
        groups.extend(newest.filter(announce).map(announced_by));
    }
    groups
        .iter()
        .filter_map(|group| {
            let prefix = keys::promises(&trade.trade, group);
            let first = rows.scan_from(prefix.as_bytes(), prefix.as_bytes(), 1);
            keys::time_in(&prefix, &first.first()?.0)
        })
        .min()
}

/// Whether what a carrier says of a parcel counts, however far that has come.
fn counts(parcel: &ParcelRow, progress: &TradeProgress, terms: &TradeTerms) -> bool {
    let is_named = parcel.is_named && !progress.is_cancelled();
    !parcel.is_announced()
        || is_named
        || (progress.counts_announced() && terms.newest_carriers.contains(&parcel.carrier))
}

/// What a carrier says of a parcel at present, where it counts.
pub(super) fn present(
    rows: &dyn Rows,
    trade: &BuyerTrade,
    (carrier, name): (&Address, &str),
) -> Option<ParcelStatus> {
    let row: ParcelRow = super::state::read(rows, &keys::parcel(&trade.trade, name, carrier))?;
    let terms = trade.terms.as_ref()?;
    counts(&row, &trade.progress, terms).then_some(row.status)
}

/// The parcels of a trade, by carrier and name; `limit` of them at most.
pub(super) fn all(rows: &dyn Rows, trade: &BuyerTrade, limit: usize) -> Vec<ParcelNow> {
    let Some(terms) = &trade.terms else {
        return Vec::new();
    };
    let told = pages(rows, &keys::parcels(&trade.trade))
        .filter_map(|(_, json)| serde_json::from_slice::<ParcelRow>(&json).ok())
        .filter(|parcel| counts(parcel, &trade.progress, terms))
        .map(|parcel| ParcelNow {
            carrier: Some(parcel.carrier),
            parcel: parcel.name,
            status: Some(parcel.status),
        });
    let mut parcels: Vec<ParcelNow> = told.take(limit).collect();
    let is_shipped = trade.progress.named_by.is_some();
    let names = if is_shipped {
        keys::names_of_shipped(&trade.trade)
    } else {
        keys::names_of_record(&trade.trade)
    };
    let record = is_shipped
        .then(|| statement_of(rows, terms.record))
        .flatten();
    let record = record
        .as_ref()
        .and_then(|read| filed::record(&read.statement));
    let untold = pages(rows, &names)
        .filter(|_| is_shipped || !trade.progress.is_cancelled())
        .filter_map(|(_, json)| serde_json::from_slice::<NameRow>(&json).ok())
        .filter(|name| !name.is_told)
        .map(|name| ParcelNow {
            carrier: name.carrier.or_else(|| carrier_of(record?, &name.name)),
            parcel: name.name,
            status: None,
        });
    let room = limit.saturating_sub(parcels.len());
    parcels.extend(untold.take(room));
    parcels.sort_by(|a, b| (&a.carrier, &a.parcel).cmp(&(&b.carrier, &b.parcel)));
    parcels
}

/// Who brings a parcel of which nobody has told: whom the record names for it, or its only carrier.
fn carrier_of(record: &TradeRecord, parcel: &str) -> Option<Address> {
    let mut named = record.delivery.carriers.iter();
    let by_name = named.find(|c| c.parcels.iter().flatten().any(|p| p == parcel));
    let only = match record.delivery.carriers.as_slice() {
        [only] => Some(only),
        _ => None,
    };
    by_name.or(only).map(|c| c.address.clone())
}

fn parcel_status(s: &DeliveryStatus) -> ParcelStatus {
    ParcelStatus {
        state: s.state,
        at: s.at,
        planned: s.delivery.planned,
        planned_until: s.delivery.planned_until,
        actual: s.delivery.actual,
        tracking_number: s.tracking_number.clone(),
        place: s.place.clone(),
    }
}
