//! The versions of a trade record (protocol 4): each is compared with what was agreed before, in the
//! order of their arrival. The record that arrived first is what the others are held to, unless the
//! person accepted another; the highest version that keeps to it counts.
//!
//! Whenever a record comes, the walk is made again, so a trade lists no more than [`MOST_RECORDS`] for it. What
//! gives way is settled: what it brought stays, and it is not looked at again.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tradepost_statements::link::ExpectedOrder;
use tradepost_statements::order::Order;
use tradepost_statements::record::TradeRecord;
use tradepost_statements::{Address, Amount, Body, RequestId};

use super::case::BuyerCase;
use super::expected;
use super::filed::Filed;
use super::judge::lines_8_to_15;
use super::known::{Agreed, KnownTrade, nothing_known};
use super::progress::{TradeOrigin, TradeTerms};
use super::state::is_default;
use super::terms::{HeldTo, Terms, carriers, conflict};
use super::trade::BuyerTrade;
use super::warning::Finding;

/// What became of the trade records of a trade, by their place among its letters.
#[derive(Default)]
pub(super) struct RecordsOfTrade {
    /// What is wrong with them; they do not count.
    pub(super) refused: BTreeMap<usize, Finding>,
    /// They say what another one says.
    pub(super) duplicates: BTreeSet<usize>,
    /// They disagree with one that arrived before.
    pub(super) conflicting: BTreeMap<usize, Finding>,
    /// Lower versions that came after a higher one.
    pub(super) late: BTreeSet<usize>,
    /// All that count or say again what counts, in the order of their arrival.
    pub(super) passed: Vec<usize>,
    /// Those that count, in the order of their arrival.
    pub(super) counting: Vec<usize>,
    /// The version that counts.
    pub(super) current: Option<usize>,
    /// Of those that count, the late ones that tell another total or other lines: only the carriers that
    /// they name count.
    outdated: BTreeSet<usize>,
    /// They counted before a record that arrived earlier was believed, or another accepted: what
    /// their parties said stays.
    counted_once: Vec<usize>,
}

/// Shops make a version or two of a record, and one for each parcel where they name them so.
const MOST_RECORDS: usize = 24;
/// So many carriers, and totals, of versions that are settled stay known, and the lines of so many.
pub(super) const MOST_SETTLED: usize = 32;
pub(super) const MOST_SETTLED_LINES: usize = 16;

/// The trade records of a trade that are walked, and what is settled of others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ListedRecords {
    #[serde(rename = "l")]
    list: Vec<ListedRecord>,
    #[serde(rename = "b", default, skip_serializing_if = "is_default")]
    settled: SettledRecords,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ListedRecord {
    /// The number of its letter.
    #[serde(rename = "n")]
    no: u64,
    /// It has counted, even if it does no more: what its parties said stays.
    #[serde(rename = "c", default, skip_serializing_if = "is_default")]
    has_counted: bool,
}

/// What versions brought that are not looked at again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct SettledRecords {
    #[serde(rename = "v")]
    highest: u32,
    #[serde(rename = "q", default, skip_serializing_if = "Option::is_none")]
    request: Option<RequestId>,
    #[serde(rename = "c")]
    carriers: BTreeSet<Address>,
    #[serde(rename = "p")]
    processors: BTreeSet<Address>,
    #[serde(rename = "t")]
    totals: Vec<Amount>,
    #[serde(rename = "l")]
    lines_of: Vec<u64>,
}

impl ListedRecords {
    /// The numbers of their letters.
    pub(super) fn letters(&self) -> impl Iterator<Item = u64> {
        self.list.iter().map(|r| r.no)
    }

    pub(super) fn has(&self, no: u64) -> bool {
        self.list.iter().any(|r| r.no == no)
    }

    pub(super) fn add(&mut self, no: u64) {
        let has_counted = false;
        if !self.has(no) {
            self.list.push(ListedRecord { no, has_counted });
        }
    }

    pub(super) fn remove(&mut self, no: u64) {
        self.list.retain(|r| r.no != no);
    }

    fn has_counted(&self, no: u64) -> bool {
        self.list.iter().any(|r| r.no == no && r.has_counted)
    }

    /// Notes which have counted by now, and lets those give way that are too many: first what changes
    /// nothing, then what has been superseded longest.
    pub(super) fn note(&mut self, walked: &RecordsOfTrade, letters: &[Filed]) {
        let number = |i: &usize| letters.get(*i).map(|f| f.letter.no);
        let counting: BTreeSet<u64> = walked.counting.iter().filter_map(number).collect();
        for record in &mut self.list {
            record.has_counted |= counting.contains(&record.no);
        }
        let first = walked.counting.first().and_then(number);
        let current = walked.current.as_ref().and_then(number);
        while self.list.len() > MOST_RECORDS {
            let is_needed = |r: &ListedRecord| {
                let filed = letters.iter().find(|f| f.letter.no == r.no);
                Some(r.no) == first
                    || Some(r.no) == current
                    || filed.is_some_and(Filed::is_accepted_offer)
            };
            let idle = self
                .list
                .iter()
                .position(|r| !r.has_counted && !is_needed(r));
            let gives_way = idle.or_else(|| self.list.iter().position(|r| !is_needed(r)));
            let Some(place) = gives_way else { return };
            let gone = self.list.remove(place);
            let index = letters.iter().position(|f| f.letter.no == gone.no);
            if let Some(index) = index.filter(|_| gone.has_counted) {
                let is_outdated = walked.outdated.contains(&index);
                let open: Vec<&Filed> = letters.iter().filter(|f| self.has(f.letter.no)).collect();
                if let Some(filed) = letters.get(index) {
                    self.settled.take_over(filed, is_outdated, &open);
                }
            }
        }
    }
}

impl SettledRecords {
    /// Takes over what a version brought that no open one brings as well.
    fn take_over(&mut self, filed: &Filed, is_outdated: bool, open: &[&Filed]) {
        let Some(record) = filed.record() else { return };
        self.highest = self.highest.max(record.version.number());
        if self.request.is_none() {
            self.request.clone_from(&filed.decoded.statement.request);
        }
        for carrier in carriers(record) {
            if self.carriers.len() < MOST_SETTLED {
                self.carriers.insert(carrier);
            }
        }
        if self.processors.len() < MOST_SETTLED {
            self.processors.insert(record.payment.processor.clone());
        }
        if !is_outdated {
            add_last(&mut self.totals, record.total, MOST_SETTLED);
            let says_so = |f: &&Filed| f.record().is_some_and(|r| r.lines == record.lines);
            if !open.iter().any(says_so) {
                add_last(&mut self.lines_of, filed.letter.no, MOST_SETTLED_LINES);
            }
        }
    }
}

/// Puts something last, once, and lets the first ones go that are too many.
fn add_last<T: PartialEq>(list: &mut Vec<T>, new: T, most: usize) {
    list.retain(|known| *known != new);
    list.push(new);
    let too_many = list.len().saturating_sub(most);
    list.drain(..too_many);
}

impl RecordsOfTrade {
    /// What the versions that count say together.
    pub(super) fn terms(
        &self,
        listed: &ListedRecords,
        letters: &[Filed],
        origin: TradeOrigin,
    ) -> Option<TradeTerms> {
        let filed = |i: &usize| letters.get(*i);
        let current = filed(&self.current?)?;
        let record = current.record()?;
        let settled = &listed.settled;
        let (mut carried, mut processors) = (settled.carriers.clone(), settled.processors.clone());
        let (mut totals, mut lines_of) = (settled.totals.clone(), settled.lines_of.clone());
        let most = MOST_SETTLED + MOST_RECORDS;
        let mut lines = vec![&record.lines];
        for i in self.counting.iter().chain(&self.counted_once) {
            let Some((filed, record)) = filed(i).and_then(|f| Some((f, f.record()?))) else {
                continue;
            };
            carried.extend(carriers(record));
            processors.insert(record.payment.processor.clone());
            if !self.outdated.contains(i) {
                add_last(&mut totals, record.total, most);
                // Versions that say the same lines are one for line 15.
                if !lines.contains(&&record.lines) {
                    lines.push(&record.lines);
                    add_last(&mut lines_of, filed.letter.no, most);
                }
            }
        }
        // The present ones last.
        add_last(&mut totals, record.total, most);
        lines_of.retain(|no| *no != current.letter.no);
        Some(TradeTerms {
            origin,
            request: self.request(letters).or_else(|| settled.request.clone()),
            record: current.letter.no,
            version: record.version.number(),
            shop_name: record.shop_name.clone(),
            placed: record.placed,
            lines: record.lines.clone(),
            total: record.total,
            confirm_by: record.confirm_by,
            carriers: carried,
            newest_carriers: carriers(record).collect(),
            processor: record.payment.processor.clone(),
            processors,
            totals,
            lines_of,
        })
    }

    /// The request that the first of them bears that counts or says again what counts.
    fn request(&self, letters: &[Filed]) -> Option<RequestId> {
        let passed = self.passed.iter().filter_map(|i| letters.get(*i));
        passed
            .filter_map(|f| f.decoded.statement.request.clone())
            .next()
    }

    /// The requests that they bear.
    pub(super) fn requests<'r>(
        &self,
        listed: &'r ListedRecords,
        letters: &'r [Filed],
    ) -> impl Iterator<Item = &'r RequestId> {
        let passed: Vec<&Filed> = self.passed.iter().filter_map(|i| letters.get(*i)).collect();
        let borne = passed.into_iter();
        let borne = borne.filter_map(|f| f.decoded.statement.request.as_ref());
        borne.chain(&listed.settled.request)
    }
}

type Arrived<'l> = (usize, &'l Filed, &'l TradeRecord);

/// Judges and walks the trade records among a trade's letters.
pub(super) fn walk(
    case: &BuyerCase<'_>,
    trade: &BuyerTrade,
    listed: &ListedRecords,
    letters: &[Filed],
) -> RecordsOfTrade {
    let mut arrived: Vec<Arrived<'_>> = letters
        .iter()
        .enumerate()
        .filter_map(|(i, f)| f.record().map(|r| (i, f, r)))
        .collect();
    arrived.sort_by_key(|(_, f, _)| f.letter.place());
    let known = nothing_known(trade);
    let order = order_of(case, &known, &arrived);
    let expected = expected::of_trade(case.rows(), &trade.trade);
    let asked = AskedFor {
        order: order.as_ref().map(|(request, order)| (request, order)),
        expected: expected.as_ref().map(|e| &e.order),
    };
    let walked = (trade, listed);
    let alone = RecordWalk::through(case, walked, &known, asked, &arrived);
    let (Some(_), Some(first)) = (alone.current, alone.counting.first()) else {
        return alone;
    };
    // A trade that one record started is known to the others. Those that came before it and are let
    // in by it alone come after it.
    if let Some(place) = arrived.iter().position(|(i, ..)| i == first)
        && let Some(up_to_it) = arrived.get_mut(..=place)
    {
        up_to_it.rotate_right(1);
    }
    // Of a record nobody asks what statuses may say.
    let agreed = Agreed::default();
    let known = KnownTrade {
        agreed: Some(&agreed),
        ..known
    };
    RecordWalk::through(case, walked, &known, asked, &arrived)
}

/// What the buyer asked for: the order that records of the trade answer, or what is expected.
#[derive(Clone, Copy)]
struct AskedFor<'a> {
    order: Option<(&'a RequestId, &'a Order)>,
    expected: Option<&'a ExpectedOrder>,
}

/// The order that the records answer, when one of them answers one of ours.
fn order_of(
    case: &BuyerCase<'_>,
    known: &KnownTrade<'_>,
    records: &[Arrived<'_>],
) -> Option<(RequestId, Order)> {
    records.iter().find_map(|(_, filed, _)| {
        let statement = &filed.decoded.statement;
        let request = case.request(statement.request.as_ref()?)?;
        let no_terms = KnownTrade {
            terms: Terms::default(),
            ..*known
        };
        // Lines 8 to 10 alone: the order is what line 11 compares with.
        let finding = lines_8_to_15(case, statement, filed.letter.accepted_through, &no_terms);
        if finding.is_some_and(|f| f.rule <= 10) {
            return None;
        }
        if let Body::Order(order) = case.own(request.order?)?.statement.body {
            Some((request.id, *order))
        } else {
            None
        }
    })
}

/// A walk through the records in the order of their arrival.
struct RecordWalk<'w> {
    case: &'w BuyerCase<'w>,
    known: KnownTrade<'w>,
    asked: AskedFor<'w>,
    /// A record that counts answers the order, so those that come after it are held to it as well. None
    /// that came before is: nobody swaps what was agreed by answering another order with it.
    is_ordered: bool,
    trade: &'w BuyerTrade,
    listed: &'w ListedRecords,
    /// What the person accepted, by version: the others that say the same are duplicates.
    accepted: BTreeSet<(u32, String)>,
    held_to: Option<HeldTo<'w>>,
    highest: u32,
    /// The first that counted of each version.
    first_of: BTreeMap<u32, &'w TradeRecord>,
    /// What was told, by version, and whether it counts.
    told: BTreeMap<(u32, String), bool>,
    records: RecordsOfTrade,
}

impl<'w> RecordWalk<'w> {
    fn through(
        case: &'w BuyerCase<'w>,
        (trade, listed): (&'w BuyerTrade, &'w ListedRecords),
        known: &KnownTrade<'w>,
        asked: AskedFor<'w>,
        arrived: &[Arrived<'w>],
    ) -> RecordsOfTrade {
        let accepted = arrived
            .iter()
            .filter(|(_, f, _)| f.is_accepted_offer())
            .map(|(_, f, r)| (r.version.number(), f.body()))
            .collect();
        let mut walk = RecordWalk {
            case,
            known: *known,
            asked,
            is_ordered: false,
            trade,
            listed,
            accepted,
            held_to: None,
            highest: 0,
            first_of: BTreeMap::new(),
            told: BTreeMap::new(),
            records: RecordsOfTrade::default(),
        };
        for record in arrived {
            walk.step(*record);
        }
        walk.records
    }

    fn step(&mut self, (index, filed, record): Arrived<'w>) {
        let told = (record.version.number(), filed.body());
        let is_offer = filed.is_accepted_offer();
        let says_accepted = !is_offer && self.accepted.contains(&told);
        let said = self.told.get(&told).copied().filter(|_| !is_offer);
        let asked = self.terms_for(filed);
        let terms = if says_accepted {
            Terms::default()
        } else {
            Terms {
                held_to: self.held_to.as_ref().filter(|_| said.is_none()),
                ..asked
            }
        };
        if let Some(finding) = self.refusal(filed, terms) {
            if self.has_counted(filed) && self.refusal(filed, asked).is_none() {
                self.records.counted_once.push(index);
            }
            self.records.refused.insert(index, finding);
            return;
        }
        if said.is_some() || says_accepted {
            if said.is_none_or(|counts| counts) {
                self.records.passed.push(index);
                self.is_ordered |= self.answers_the_order(filed);
            }
            if self.has_counted(filed) && said.is_none() {
                // The one that is accepted counts in its place.
                self.records.counted_once.push(index);
            }
            self.records.duplicates.insert(index);
            return;
        }
        let counts = self.place(index, filed, record);
        self.told.insert(told, counts);
        if counts {
            self.records.passed.push(index);
            self.is_ordered |= self.answers_the_order(filed);
        }
    }

    /// What the buyer asked for, as far as it binds this record.
    fn terms_for(&self, filed: &Filed) -> Terms<'w> {
        let binds = self.is_ordered || self.answers_the_order(filed);
        let order = self.asked.order.filter(|_| binds).map(|(_, order)| order);
        Terms {
            order,
            // What was ordered here is judged by that order alone.
            expected: self.asked.expected.filter(|_| order.is_none()),
            held_to: None,
        }
    }

    fn answers_the_order(&self, filed: &Filed) -> bool {
        let request = filed.decoded.statement.request.as_ref();
        request.is_some() && request == self.asked.order.map(|(request, _)| request)
    }

    /// Lines 8 to 15.
    fn refusal(&self, filed: &Filed, terms: Terms<'_>) -> Option<Finding> {
        let known = KnownTrade {
            trade: self.known.trade,
            adopted: self.trade.adopted_by == Some(filed.letter.no),
            agreed: self.known.agreed,
            terms,
        };
        let statement = &filed.decoded.statement;
        lines_8_to_15(self.case, statement, filed.letter.accepted_through, &known)
    }

    fn has_counted(&self, filed: &Filed) -> bool {
        self.listed.has_counted(filed.letter.no)
    }

    /// Protocol 4, "Versions": what one that kept to line 11 is beside those that arrived before it. Says
    /// whether it counts.
    fn place(&mut self, index: usize, filed: &Filed, record: &'w TradeRecord) -> bool {
        let version = record.version.number();
        let terms = self.terms_for(filed);
        let settled = self.listed.settled.highest;
        let is_first = self.held_to.is_none();
        let has_counted = self.has_counted(filed);
        let (Some(held_to), false) = (&mut self.held_to, filed.is_accepted_offer()) else {
            // The first; or what the person accepted, which counts whole from now on.
            let is_ordered = terms.order.is_some();
            self.held_to = Some(HeldTo::new(record, filed.is_accepted_offer(), is_ordered));
            self.highest = if is_first {
                version.max(settled)
            } else {
                version
            };
            self.first_of.insert(version, record);
            self.records.counting.push(index);
            self.records.current = Some(index);
            return true;
        };
        let first = self.first_of.get(&version).copied();
        let payee = held_to.other_payee(record);
        if first.is_some() || payee.is_some() {
            let finding = conflict(record, first.unwrap_or(held_to.record()), payee);
            self.records.conflicting.insert(index, finding);
            if self.has_counted(filed) {
                self.records.counted_once.push(index);
            }
            return false;
        }
        if version <= settled && !has_counted {
            // What it could stand beside or against is settled.
            self.records.late.insert(index);
            return false;
        }
        self.first_of.insert(version, record);
        self.records.counting.push(index);
        if version < self.highest {
            self.records.late.insert(index);
            if !held_to.changes_in(record, &terms).is_empty() {
                self.records.outdated.insert(index);
            }
        } else {
            held_to.learn(record, terms.order.is_some());
            self.highest = version;
            self.records.current = Some(index);
        }
        true
    }
}
