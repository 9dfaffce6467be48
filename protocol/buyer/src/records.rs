//! The versions of a trade record (protocol 4): each is compared with what was agreed before, in the
//! order of their arrival. The record that arrived first is what the others are held to, unless the
//! person accepted another; the highest version that keeps to it counts.

use std::collections::{BTreeMap, BTreeSet};

use tradepost_statements::link::ExpectedOrder;
use tradepost_statements::order::Order;
use tradepost_statements::record::TradeRecord;
use tradepost_statements::{Body, RequestId};

use super::case::BuyerCase;
use super::expected;
use super::filed::Filed;
use super::judge::lines_8_to_15;
use super::known::{Agreed, KnownTrade, nothing_known};
use super::state::BuyerTrade;
use super::terms::{HeldTo, Terms, carriers, conflict};
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

impl RecordsOfTrade {
    /// What the versions that count say together.
    pub(super) fn agreed(&self, letters: &[Filed]) -> Option<Agreed> {
        let record = |i: &usize| letters.get(*i).and_then(Filed::record);
        let current = record(&self.current?)?;
        let all = self.counting.iter().chain(&self.counted_once);
        let parties: Vec<&TradeRecord> = all.clone().filter_map(record).collect();
        // The present ones last.
        let terms: Vec<&TradeRecord> = all
            .filter(|i| !self.outdated.contains(i))
            .filter_map(record)
            .chain(std::iter::once(current))
            .collect();
        Some(Agreed {
            carriers: parties.iter().flat_map(|r| carriers(r)).collect(),
            processors: parties
                .iter()
                .map(|r| r.payment.processor.clone())
                .collect(),
            totals: terms.iter().map(|r| r.total).collect(),
            lines: terms.iter().map(|r| r.lines.clone()).collect(),
        })
    }
}

type Arrived<'l> = (usize, &'l Filed, &'l TradeRecord);

/// Judges and walks the trade records among a trade's letters.
pub(super) fn walk(case: &BuyerCase<'_>, trade: &BuyerTrade, letters: &[Filed]) -> RecordsOfTrade {
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
    let alone = RecordWalk::through(case, trade, &known, asked, &arrived);
    let (Some(agreed), Some(first)) = (alone.agreed(letters), alone.counting.first()) else {
        return alone;
    };
    // A trade that one record started is known to the others. Those that came before it and are let
    // in by it alone come after it.
    if let Some(place) = arrived.iter().position(|(i, ..)| i == first)
        && let Some(up_to_it) = arrived.get_mut(..=place)
    {
        up_to_it.rotate_right(1);
    }
    let known = KnownTrade {
        agreed: Some(&agreed),
        ..known
    };
    RecordWalk::through(case, trade, &known, asked, &arrived)
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
        trade: &'w BuyerTrade,
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
        self.trade.counted_records.contains(&filed.letter.no)
    }

    /// Protocol 4, "Versions": what one that kept to line 11 is beside those that arrived before it. Says
    /// whether it counts.
    fn place(&mut self, index: usize, filed: &Filed, record: &'w TradeRecord) -> bool {
        let version = record.version.number();
        let terms = self.terms_for(filed);
        let (Some(held_to), false) = (&mut self.held_to, filed.is_accepted_offer()) else {
            // The first; or what the person accepted, which counts whole from now on.
            let is_ordered = terms.order.is_some();
            self.held_to = Some(HeldTo::new(record, filed.is_accepted_offer(), is_ordered));
            self.highest = version;
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
