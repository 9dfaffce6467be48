//! The versions of a trade record (protocol 4): each is compared with what was agreed before, in the
//! order of their arrival. The record that arrived first is what the others are held to, unless the
//! person accepted another; the highest version that keeps to it counts.

use std::collections::{BTreeMap, BTreeSet};

use tradepost_statements::order::Order;
use tradepost_statements::record::TradeRecord;
use tradepost_statements::rule::in_force;
use tradepost_statements::{Address, Body};

use super::desk::Desk;
use super::evaluate::{Filed, nothing_known};
use super::expecting;
use super::judge::{Agreed, Known, lines_8_to_15};
use super::state::Trade;
use super::terms::{HeldTo, Terms, conflict};
use super::warning::Finding;

/// What became of the trade records of a trade, by their place among its letters.
#[derive(Default)]
pub(super) struct Records {
    /// What is wrong with them; they do not count.
    pub(super) refused: BTreeMap<usize, Finding>,
    /// They say what another one says.
    pub(super) duplicates: BTreeSet<usize>,
    /// They disagree with one that arrived before.
    pub(super) conflicting: BTreeMap<usize, Finding>,
    /// Lower versions that came after a higher one.
    pub(super) late: BTreeSet<usize>,
    /// All that passed lines 8 to 15, in the order of their arrival, whether they count or not.
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

impl Records {
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

pub(super) fn carriers(record: &TradeRecord) -> impl Iterator<Item = Address> {
    record.delivery.carriers.iter().map(|c| c.address.clone())
}

type Arrived<'l> = (usize, &'l Filed, &'l TradeRecord);

/// Judges and walks the trade records among a trade's letters.
pub(super) fn walk(desk: &Desk<'_>, trade: &Trade, letters: &[Filed]) -> Records {
    let mut arrived: Vec<Arrived<'_>> = letters
        .iter()
        .enumerate()
        .filter_map(|(i, f)| f.record().map(|r| (i, f, r)))
        .collect();
    arrived.sort_by_key(|(_, f, _)| f.letter.place());
    let known = nothing_known(trade);
    let order = order_of(desk, &known, &arrived);
    // What was ordered here is judged by that order alone.
    let expected = match order {
        Some(_) => None,
        None => expecting::of_trade(desk.rows(), &trade.trade),
    };
    let terms = Terms {
        order: order.as_ref(),
        expected: expected.as_ref().map(|e| &e.order),
        held_to: None,
    };
    let alone = Walk::through(desk, trade, &known, terms, &arrived);
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
    let known = Known {
        agreed: Some(&agreed),
        ..known
    };
    Walk::through(desk, trade, &known, terms, &arrived)
}

/// The order that the records answer, when one of them answers one of ours.
fn order_of(desk: &Desk<'_>, known: &Known<'_>, records: &[Arrived<'_>]) -> Option<Order> {
    records.iter().find_map(|(_, filed, _)| {
        let statement = &filed.decoded.statement;
        let request = desk.request(statement.request.as_ref()?)?;
        let no_terms = Known {
            terms: Terms::default(),
            ..*known
        };
        // Lines 8 to 10 alone: the order is what line 11 compares with.
        let finding = lines_8_to_15(desk, statement, filed.letter.accepted_through, &no_terms);
        if finding.is_some_and(|f| f.rule <= 10) {
            return None;
        }
        if let Body::Order(order) = desk.own(request.order?)?.statement.body {
            Some(*order)
        } else {
            None
        }
    })
}

/// A walk through the records in the order of their arrival.
struct Walk<'w> {
    desk: &'w Desk<'w>,
    known: Known<'w>,
    terms: Terms<'w>,
    trade: &'w Trade,
    /// What the person accepted, by version: the others that say the same are duplicates.
    accepted: BTreeSet<(u32, String)>,
    held_to: Option<HeldTo<'w>>,
    highest: u32,
    /// The first that counted of each version.
    first_of: BTreeMap<u32, &'w TradeRecord>,
    /// What was told, by version, whether it counts or not.
    told: BTreeSet<(u32, String)>,
    records: Records,
}

impl<'w> Walk<'w> {
    fn through(
        desk: &'w Desk<'w>,
        trade: &'w Trade,
        known: &Known<'w>,
        terms: Terms<'w>,
        arrived: &[Arrived<'w>],
    ) -> Records {
        let accepted = arrived
            .iter()
            .filter(|(_, f, _)| f.is_accepted_offer())
            .map(|(_, f, r)| (r.version.number(), f.body()))
            .collect();
        let mut walk = Walk {
            desk,
            known: *known,
            terms,
            trade,
            accepted,
            held_to: None,
            highest: 0,
            first_of: BTreeMap::new(),
            told: BTreeSet::new(),
            records: Records::default(),
        };
        for record in arrived {
            walk.step(*record);
        }
        walk.records
    }

    fn step(&mut self, (index, filed, record): Arrived<'w>) {
        let told = (record.version.number(), filed.body());
        let says_again = !filed.is_accepted_offer()
            && (self.told.contains(&told) || self.accepted.contains(&told));
        let terms = if says_again {
            Terms::default()
        } else {
            Terms {
                held_to: self.held_to.as_ref(),
                ..self.terms
            }
        };
        if let Some(finding) = self.refusal(filed, terms) {
            if self.has_counted(filed) && self.refusal(filed, self.terms).is_none() {
                self.records.counted_once.push(index);
            }
            self.records.refused.insert(index, finding);
            return;
        }
        self.records.passed.push(index);
        if says_again {
            if self.has_counted(filed) && !self.told.contains(&told) {
                // The one that is accepted counts in its place.
                self.records.counted_once.push(index);
            }
            self.records.duplicates.insert(index);
            return;
        }
        self.told.insert(told);
        self.place(index, filed, record);
    }

    /// Lines 8 to 15.
    fn refusal(&self, filed: &Filed, terms: Terms<'_>) -> Option<Finding> {
        let known = Known {
            trade: self.known.trade,
            adopted: self.trade.adopted_by == Some(filed.letter.no),
            agreed: self.known.agreed,
            terms,
        };
        let statement = &filed.decoded.statement;
        lines_8_to_15(self.desk, statement, filed.letter.accepted_through, &known)
    }

    fn has_counted(&self, filed: &Filed) -> bool {
        self.trade.counted_records.contains(&filed.letter.no)
    }

    /// Protocol 4, "Versions": what one that kept to line 11 is beside those that arrived before it.
    fn place(&mut self, index: usize, filed: &Filed, record: &'w TradeRecord) {
        let version = record.version.number();
        let (Some(held_to), false) = (&mut self.held_to, filed.is_accepted_offer()) else {
            // The first; or what the person accepted, which counts whole from now on.
            self.held_to = Some(HeldTo::new(record, filed.is_accepted_offer()));
            self.highest = version;
            self.first_of.insert(version, record);
            self.records.counting.push(index);
            self.records.current = Some(index);
            return;
        };
        let first = self.first_of.get(&version).copied();
        let payee = held_to.other_payee(record);
        if first.is_some() || payee.is_some() {
            if in_force("line 16: one record for each version") {
                let finding = conflict(record, first.unwrap_or(held_to.record()), payee);
                self.records.conflicting.insert(index, finding);
            } else {
                self.records.late.insert(index);
            }
            if self.has_counted(filed) {
                self.records.counted_once.push(index);
            }
            return;
        }
        self.first_of.insert(version, record);
        self.records.counting.push(index);
        if version < self.highest {
            self.records.late.insert(index);
            if !held_to.changes_in(record, &self.terms).is_empty() {
                self.records.outdated.insert(index);
            }
        } else {
            held_to.learn(record);
            self.highest = version;
            self.records.current = Some(index);
        }
    }
}
