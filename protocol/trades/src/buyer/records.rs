//! The versions of a trade record (protocol 4): each is compared with what was agreed before,
//! and the highest that keeps to it counts.

use std::collections::{BTreeMap, BTreeSet};

use tradepost_statements::link::ExpectedOrder;
use tradepost_statements::order::{Line, Order};
use tradepost_statements::postal::{Buyer, Recipient};
use tradepost_statements::record::TradeRecord;
use tradepost_statements::rule::in_force;
use tradepost_statements::{Address, Body, Statement};

use super::desk::Desk;
use super::evaluate::Filed;
use super::expecting;
use super::judge::{Agreed, Known, lines_8_to_15};
use super::warning::{Finding, WarningKind};

/// What a trade record is compared with: the order, without one the lowest version known, and what
/// the shop said at its checkout (protocol 9).
#[derive(Clone, Copy, Default)]
pub(super) struct Terms<'t> {
    pub(super) order: Option<&'t Order>,
    pub(super) lowest: Option<&'t TradeRecord>,
    pub(super) expected: Option<&'t ExpectedOrder>,
}

/// What became of the trade records of a trade, by their place among its letters.
pub(super) struct Records {
    /// What is wrong with them; they do not count.
    pub(super) refused: BTreeMap<usize, Finding>,
    /// They say what another one says.
    pub(super) duplicates: BTreeSet<usize>,
    /// They disagree with another of the same version.
    pub(super) conflicting: BTreeMap<usize, Finding>,
    /// All that passed lines 8 to 15, lowest version first, whether they count or say it again.
    pub(super) passed: Vec<usize>,
    /// The one that counts for each version, lowest first.
    pub(super) versions: Vec<usize>,
}

impl Records {
    /// The version that counts.
    pub(super) fn current(&self) -> Option<usize> {
        self.versions.last().copied()
    }

    /// What the versions that count say together.
    pub(super) fn agreed(&self, letters: &[Filed]) -> Option<Agreed> {
        let records: Vec<&TradeRecord> = self
            .versions
            .iter()
            .filter_map(|i| letters.get(*i).and_then(Filed::record))
            .collect();
        let current = records.last()?;
        Some(Agreed {
            carriers: records.iter().flat_map(|r| carriers(r)).collect(),
            processors: records
                .iter()
                .map(|r| r.payment.processor.clone())
                .collect(),
            totals: records.iter().map(|r| r.total).collect(),
            lines: current.lines.clone(),
        })
    }
}

pub(super) fn carriers(record: &TradeRecord) -> impl Iterator<Item = Address> {
    record.delivery.carriers.iter().map(|c| c.address.clone())
}

/// Judges and walks the trade records among a trade's letters.
pub(super) fn walk(desk: &Desk<'_>, known: &Known<'_>, letters: &[Filed]) -> Records {
    let mut in_order: Vec<(usize, &Filed, &TradeRecord)> = letters
        .iter()
        .enumerate()
        .filter_map(|(i, f)| f.record().map(|r| (i, f, r)))
        .collect();
    in_order.sort_by_key(|(_, f, r)| (r.version, f.decoded.statement.id));
    let order = order_of(desk, known, &in_order);
    // What was ordered here is judged by that order alone.
    let expected = known.trade.filter(|_| order.is_none());
    let expected = expected.and_then(|trade| expecting::of_trade(desk.rows(), trade));
    let terms = Terms {
        order: order.as_ref(),
        lowest: None,
        expected: expected.as_ref().map(|e| &e.order),
    };
    let first = judge_all(desk, known, &in_order, terms, None);
    // A trade that one record started is known to the others, whatever their order.
    let agreed = first.agreed(letters);
    match &agreed {
        Some(agreed) => judge_all(desk, known, &in_order, terms, Some(agreed)),
        None => first,
    }
}

/// The order that the records answer, when one of them answers one of ours.
fn order_of(
    desk: &Desk<'_>,
    known: &Known<'_>,
    records: &[(usize, &Filed, &TradeRecord)],
) -> Option<Order> {
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

fn judge_all(
    desk: &Desk<'_>,
    known: &Known<'_>,
    in_order: &[(usize, &Filed, &TradeRecord)],
    terms: Terms<'_>,
    agreed: Option<&Agreed>,
) -> Records {
    let mut records = Records {
        refused: BTreeMap::new(),
        duplicates: BTreeSet::new(),
        conflicting: BTreeMap::new(),
        passed: Vec::new(),
        versions: Vec::new(),
    };
    let mut lowest: Option<&TradeRecord> = None;
    let mut passed: BTreeMap<u32, Vec<(usize, &Filed)>> = BTreeMap::new();
    for (index, filed, record) in in_order {
        let known = Known {
            trade: known.trade,
            adopted: known.adopted,
            agreed,
            terms: Terms { lowest, ..terms },
        };
        match lines_8_to_15(
            desk,
            &filed.decoded.statement,
            filed.letter.accepted_through,
            &known,
        ) {
            Some(finding) => {
                records.refused.insert(*index, finding);
            }
            None => {
                lowest.get_or_insert(record);
                records.passed.push(*index);
                passed
                    .entry(record.version.number())
                    .or_default()
                    .push((*index, filed));
            }
        }
    }
    for (version, same_version) in passed {
        records.choose(version, &same_version);
    }
    records
}

impl Records {
    /// Protocol 4, "Versions": the same body is a duplicate; of others the lower statement id
    /// counts, and both are warned. What the person accepted counts before all.
    fn choose(&mut self, version: u32, rivals: &[(usize, &Filed)]) {
        let mut contents: BTreeMap<String, Vec<(usize, &Filed)>> = BTreeMap::new();
        for rival in rivals {
            contents.entry(rival.1.body()).or_default().push(*rival);
        }
        let mut best: Vec<(usize, &Filed)> = Vec::new();
        for mut same in contents.into_values() {
            same.sort_by_key(|(_, f)| (!f.accepted(), f.decoded.statement.id));
            let mut same = same.into_iter();
            best.extend(same.next());
            self.duplicates.extend(same.map(|(i, _)| i));
        }
        best.sort_by_key(|(_, f)| (!f.accepted(), f.decoded.statement.id));
        if best.len() > 1 && in_force("line 16: one record for each version") {
            for (index, _) in best.iter().filter(|(_, f)| !f.accepted()) {
                let finding = Finding::new(
                    16,
                    WarningKind::ConflictingStatus,
                    format!("a trade record of version {version} that differs from another one"),
                    "one trade record for each version",
                );
                self.conflicting.insert(*index, finding);
            }
        }
        self.versions.extend(best.first().map(|(i, _)| *i));
    }
}

impl Terms<'_> {
    /// Protocol 5, line 11.
    pub(super) fn line_11_are_kept_by(&self, statement: &Statement) -> Option<Finding> {
        let Body::TradeRecord(record) = &statement.body else {
            return None;
        };
        let changed = |received: String, expected: String| {
            Some(Finding::new(
                11,
                WarningKind::ChangedContents,
                received,
                expected,
            ))
        };
        match record.sum() {
            _ if !in_force("line 11: the sum") => {}
            Ok(sum) if sum == record.total => {}
            Ok(sum) => {
                return changed(
                    format!("the total {}", record.total),
                    format!("the sum {sum} of lines and charges less discounts"),
                );
            }
            Err(e) => {
                return changed(
                    format!("a trade record without sum: {e}"),
                    "a total that is the sum".to_owned(),
                );
            }
        }
        let difference = match (self.order, self.lowest) {
            (Some(order), _) => differs_from_order(record, order),
            (None, Some(lowest)) => differs_from_record(record, lowest),
            (None, None) => None,
        };
        let difference = difference.or_else(|| exceeds(record, self.expected?));
        if let Some((received, expected)) = difference {
            return changed(received, expected);
        }
        // An order names no payment processor: the lowest version does, for all later ones.
        let processor = self.lowest.map(|l| &l.payment.processor);
        let differs =
            |p: &&Address| **p != record.payment.processor && in_force("line 11: the processor");
        match processor.filter(differs) {
            Some(p) => changed(
                format!("the payment processor {}", record.payment.processor),
                format!("the payment processor {p}"),
            ),
            None => None,
        }
    }
}

/// What came and what was expected.
type Difference = Option<(String, String)>;

fn differs_from_order(record: &TradeRecord, order: &Order) -> Difference {
    None.or_else(|| lines_differ(&record.lines, &order.lines))
        .or_else(|| {
            let more = record.total.currency() != order.total.currency()
                || record.total.is_more_than(order.total);
            (more && in_force("line 11: the total")).then(|| {
                (
                    format!("the total {}", record.total),
                    format!("at most {}", order.total),
                )
            })
        })
        .or_else(|| differ("payment by", record.payment.method, order.payment.method))
        .or_else(|| differ("delivery by", record.delivery.method, order.delivery.method))
        .or_else(|| buyers_differ(record.buyer.as_ref(), order.buyer.as_ref()))
        .or_else(|| {
            destinations_differ(
                (record.deliver_to.as_ref(), record.buyer.as_ref()),
                (order.deliver_to.as_ref(), order.buyer.as_ref()),
            )
        })
}

/// Protocol 9: at most this total.
fn exceeds(record: &TradeRecord, expected: &ExpectedOrder) -> Difference {
    let total = expected.total?;
    let more = record.total.currency() != total.currency() || record.total.is_more_than(total);
    (more && in_force("line 11: the expected total")).then(|| {
        (
            format!("the total {}", record.total),
            format!("at most {total}, as you expect"),
        )
    })
}

fn differs_from_record(record: &TradeRecord, lowest: &TradeRecord) -> Difference {
    None.or_else(|| lines_differ(&record.lines, &lowest.lines))
        .or_else(|| differ("payment by", record.payment.method, lowest.payment.method))
        .or_else(|| {
            differ(
                "delivery by",
                record.delivery.method,
                lowest.delivery.method,
            )
        })
        .or_else(|| buyers_differ(record.buyer.as_ref(), lowest.buyer.as_ref()))
        .or_else(|| {
            destinations_differ(
                (record.deliver_to.as_ref(), record.buyer.as_ref()),
                (lowest.deliver_to.as_ref(), lowest.buyer.as_ref()),
            )
        })
}

fn differ<T: PartialEq + std::fmt::Display>(what: &str, received: T, expected: T) -> Difference {
    (received != expected && in_force("line 11: the methods"))
        .then(|| (format!("{what} {received}"), format!("{what} {expected}")))
}

fn lines_differ(received: &[Line], expected: &[Line]) -> Difference {
    let same = |r: &Line, e: &Line| {
        let sku_as_far_as_known = match (&r.sku, &e.sku) {
            (Some(r), Some(e)) => r == e,
            (None, _) | (_, None) => true,
        };
        r.name == e.name && r.quantity == e.quantity && r.price == e.price && sku_as_far_as_known
    };
    let all_same =
        received.len() == expected.len() && received.iter().zip(expected).all(|(r, e)| same(r, e));
    if all_same || !in_force("line 11: the lines") {
        return None;
    }
    Some((listed(received), listed(expected)))
}

fn listed(lines: &[Line]) -> String {
    let shown: Vec<String> = lines
        .iter()
        .take(20)
        .map(|l| {
            let sku = l
                .sku
                .as_ref()
                .map(|s| format!(" [{s}]"))
                .unwrap_or_default();
            format!("{} x {}{sku} at {}", l.quantity, l.name, l.price)
        })
        .collect();
    shown.join(", ")
}

fn buyers_differ(received: Option<&Buyer>, expected: Option<&Buyer>) -> Difference {
    let (r, e) = (received?, expected?);
    let phone_differs = matches!((&r.phone, &e.phone), (Some(r), Some(e)) if r != e);
    let differs = r.name != e.name || r.address != e.address || phone_differs;
    (differs && in_force("line 11: the buyer")).then(|| {
        (
            format!("the buyer {}", named(r)),
            format!("the buyer {}", named(e)),
        )
    })
}

/// Where it goes: `deliver_to`, and where that is left out, to the buyer. A record that leaves
/// it out although the order names one says nothing about it.
fn destinations_differ(
    received: (Option<&Recipient>, Option<&Buyer>),
    expected: (Option<&Recipient>, Option<&Buyer>),
) -> Difference {
    let to = received.0?;
    let (name, address) = match expected {
        (Some(e), _) => (&e.name, &e.address),
        (None, Some(buyer)) => (&buyer.name, &buyer.address),
        (None, None) => return None,
    };
    let differs = to.name != *name || to.address != *address;
    (differs && in_force("line 11: deliver_to")).then(|| {
        let show = |name: &str, address| format!("delivery to {name}, {}", written(address));
        (show(&to.name, &to.address), show(name, address))
    })
}

fn named(buyer: &Buyer) -> String {
    let phone = buyer
        .phone
        .as_ref()
        .map(|p| format!(", {p}"))
        .unwrap_or_default();
    format!("{}, {}{phone}", buyer.name, written(&buyer.address))
}

fn written(a: &tradepost_statements::postal::PostalAddress) -> String {
    [
        Some(a.street.as_str()),
        a.postal_code.as_deref(),
        Some(a.city.as_str()),
        a.region.as_deref(),
        Some(a.country.code()),
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<_>>()
    .join(", ")
}
