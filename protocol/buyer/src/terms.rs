//! What a trade record is held to (protocol 4, "Versions"; 5, line 11): what was ordered or expected, and
//! what the shop said first; and how two records differ, the payee before all else.

use tradepost_statements::link::ExpectedOrder;
use tradepost_statements::order::{Line, Order};
use tradepost_statements::postal::{Buyer, Recipient};
use tradepost_statements::record::TradeRecord;
use tradepost_statements::{Address, Amount};

use super::warning::{Finding, Mismatch, OtherPayee, WarningKind};

/// What a trade record is compared with: the order, what the shop said at its checkout (protocol 9), and
/// what came before it.
#[derive(Clone, Copy, Default)]
pub(super) struct Terms<'t> {
    pub(super) order: Option<&'t Order>,
    pub(super) expected: Option<&'t ExpectedOrder>,
    pub(super) held_to: Option<&'t HeldTo<'t>>,
}

/// The record that the others are held to: the one that arrived first, or the one that the person
/// accepted last.
#[derive(Clone, Copy)]
pub(super) struct HeldTo<'r> {
    record: &'r TradeRecord,
    is_accepted: bool,
    /// It keeps to the order, which therefore binds the others in its place.
    is_ordered: bool,
    /// The first that were told, in it or in one that counts beside it.
    buyer: Option<&'r Buyer>,
    deliver_to: Option<&'r Recipient>,
}

impl<'r> HeldTo<'r> {
    pub(super) fn new(record: &'r TradeRecord, is_accepted: bool, is_ordered: bool) -> HeldTo<'r> {
        HeldTo {
            record,
            is_accepted,
            is_ordered,
            buyer: record.buyer.as_ref(),
            deliver_to: record.deliver_to.as_ref(),
        }
    }

    /// What it left out is known from now on, from a record that keeps to it.
    pub(super) fn learn(&mut self, record: &'r TradeRecord, is_ordered: bool) {
        self.is_ordered |= is_ordered;
        self.buyer = self.buyer.or(record.buyer.as_ref());
        self.deliver_to = self.deliver_to.or(record.deliver_to.as_ref());
    }

    pub(super) fn record(&self) -> &'r TradeRecord {
        self.record
    }

    /// Whom a record has paid in place of whom this one has.
    pub(super) fn other_payee(&self, record: &TradeRecord) -> Option<OtherPayee> {
        let (from, to) = (&self.record.payment.processor, &record.payment.processor);
        (from != to).then(|| OtherPayee {
            from: from.clone(),
            to: to.clone(),
        })
    }

    /// What another record says otherwise, the payee aside.
    pub(super) fn changes_in(&self, record: &TradeRecord, terms: &Terms<'_>) -> Vec<TermsDiffer> {
        let mut changes = methods_differ(record, self.record);
        let order = terms.order.filter(|_| self.is_ordered);
        // What was ordered or expected limits the total by itself.
        let limit = order.map(|o| o.total);
        let limit = limit.or_else(|| terms.expected.and_then(|e| e.total));
        let order = order.filter(|_| !self.is_accepted);
        let known = self.record.total;
        let fits = match limit {
            Some(_) if !self.is_accepted => true,
            Some(limit) => fits(record.total, known) || fits(record.total, limit),
            None => record.total == known,
        };
        if !fits {
            changes.push(totals_differ(record.total, known));
        }
        if order.is_none() {
            changes.extend(lines_differ(&record.lines, &self.record.lines));
        }
        // Protocol 8: an order that goes by a hub tells no buyer.
        if order.is_none_or(|o| o.buyer.is_none() && o.deliver_to.is_none()) {
            changes.extend(buyers_differ(record.buyer.as_ref(), self.buyer));
            changes.extend(destinations_differ(
                record.deliver_to.as_ref(),
                (self.deliver_to, self.buyer),
            ));
        }
        changes
    }
}

impl Terms<'_> {
    /// What a record changes of them (protocol 5, line 11).
    pub(super) fn changed_by(&self, record: &TradeRecord) -> TermsChanged {
        let mut changes: Vec<TermsDiffer> = not_the_sum(record).into_iter().collect();
        // What the person accepted stands in the place of what was ordered or expected.
        if self.held_to.is_none_or(|h| !h.is_accepted) {
            changes.extend(
                self.order
                    .into_iter()
                    .flat_map(|order| differ_from_order(record, order)),
            );
            changes.extend(self.expected.and_then(|e| exceeds(record, e)));
        }
        let payee = self.held_to.and_then(|h| h.other_payee(record));
        // Protocol 4: a lower version that comes later changes nothing, so nothing is asked of it here.
        let mut pays_another = false;
        if let Some(held_to) = self.held_to.filter(|h| record.version > h.record.version) {
            pays_another = payee.is_some();
            for change in held_to.changes_in(record, self) {
                if !changes.contains(&change) {
                    changes.push(change);
                }
            }
        }
        TermsChanged {
            payee,
            pays_another,
            changes,
        }
    }
}

/// What of a purchase a trade record may not change by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Term {
    /// That the total is the sum of what is charged.
    Sum,
    /// The total, held to the order.
    OrderedTotal,
    /// The total, held to what is expected (protocol 9).
    ExpectedTotal,
    /// The total, held to another record.
    KnownTotal,
    /// What is bought.
    Lines,
    /// How it is paid and delivered.
    Methods,
    /// Who buys.
    Buyer,
    /// Where it goes.
    Destination,
    /// Who is paid.
    Payee,
    /// Who brings it, which a later version may change.
    Carriers,
    /// What the shop calls itself, which a later version may change.
    ShopName,
    /// That there is one record of a version (protocol 4).
    Version,
}

/// What a record says otherwise than it may.
pub(super) struct TermsChanged {
    /// Whom it has paid in place of whom, if so.
    payee: Option<OtherPayee>,
    /// That alone is enough for it not to count.
    pays_another: bool,
    changes: Vec<TermsDiffer>,
}

impl TermsChanged {
    pub(super) fn has(&self, term: Term) -> bool {
        let differs = self.changes.iter().any(|c| c.term == term);
        differs || (term == Term::Payee && self.pays_another)
    }

    /// All of it, the payee before all else.
    pub(super) fn in_words(&self) -> Mismatch {
        in_words(self.payee.clone(), self.changes.clone())
    }
}

/// A record that cannot count beside the one that arrived first (protocol 4, "Versions").
pub(super) fn conflict(
    record: &TradeRecord,
    first: &TradeRecord,
    payee: Option<OtherPayee>,
) -> Finding {
    let (version, known) = (record.version.number(), first.version.number());
    let what = if version == known {
        TermsDiffer {
            term: Term::Version,
            received: format!("another trade record of version {version}"),
            expected: format!("the trade record of version {version} that came first"),
        }
    } else {
        TermsDiffer {
            term: Term::Version,
            received: format!("a trade record of version {version}"),
            expected: format!("what version {known} says, which came first"),
        }
    };
    let mut changes = vec![what];
    changes.extend(methods_differ(record, first));
    if record.total != first.total {
        changes.push(totals_differ(record.total, first.total));
    }
    changes.extend(lines_differ(&record.lines, &first.lines));
    changes.extend(buyers_differ(record.buyer.as_ref(), first.buyer.as_ref()));
    changes.extend(destinations_differ(
        record.deliver_to.as_ref(),
        (first.deliver_to.as_ref(), first.buyer.as_ref()),
    ));
    let named = |r: &TradeRecord| carriers(r).map(|c| c.to_string()).collect::<Vec<_>>();
    if named(record) != named(first) {
        changes.push(TermsDiffer {
            term: Term::Carriers,
            received: format!("carried by {}", named(record).join(", ")),
            expected: format!("carried by {}", named(first).join(", ")),
        });
    }
    if record.shop_name != first.shop_name {
        changes.push(TermsDiffer {
            term: Term::ShopName,
            received: format!("the shop's name {}", record.shop_name),
            expected: format!("the shop's name {}", first.shop_name),
        });
    }
    Finding::of(16, WarningKind::ConflictingStatus, in_words(payee, changes))
}

/// The payee before all else.
fn in_words(payee: Option<OtherPayee>, changes: Vec<TermsDiffer>) -> Mismatch {
    let paid = |to: &Address| format!("who is to be paid: {}", to.as_str());
    let first = payee.as_ref().map(|p| (paid(&p.to), paid(&p.from)));
    let (received, expected): (Vec<String>, Vec<String>) = first
        .into_iter()
        .chain(changes.into_iter().map(|c| (c.received, c.expected)))
        .unzip();
    Mismatch {
        payee,
        ..Mismatch::new(received.join("; "), expected.join("; "))
    }
}

/// What came and what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TermsDiffer {
    term: Term,
    received: String,
    expected: String,
}

/// Who brings the goods, as a record says.
pub(super) fn carriers(record: &TradeRecord) -> impl Iterator<Item = Address> {
    record.delivery.carriers.iter().map(|c| c.address.clone())
}

fn not_the_sum(record: &TradeRecord) -> Option<TermsDiffer> {
    let (received, expected) = match record.sum() {
        Ok(sum) if sum == record.total => return None,
        Ok(sum) => (
            format!("the total {}", record.total),
            format!("the sum {sum} of lines and charges less discounts"),
        ),
        Err(e) => (
            format!("a trade record without sum: {e}"),
            "a total that is the sum".to_owned(),
        ),
    };
    Some(TermsDiffer {
        term: Term::Sum,
        received,
        expected,
    })
}

/// Not more, and in the same currency.
fn fits(total: Amount, most: Amount) -> bool {
    total.currency() == most.currency() && !total.is_more_than(most)
}

fn totals_differ(received: Amount, expected: Amount) -> TermsDiffer {
    TermsDiffer {
        term: Term::KnownTotal,
        received: format!("the total {received}"),
        expected: format!("the total {expected}"),
    }
}

fn differ_from_order(record: &TradeRecord, order: &Order) -> Vec<TermsDiffer> {
    let mut changes = Vec::new();
    if !fits(record.total, order.total) {
        changes.push(TermsDiffer {
            term: Term::OrderedTotal,
            received: format!("the total {}", record.total),
            expected: format!("at most {}", order.total),
        });
    }
    changes.extend(lines_differ(&record.lines, &order.lines));
    changes.extend(differ(
        "payment by",
        record.payment.method,
        order.payment.method,
    ));
    changes.extend(differ(
        "delivery by",
        record.delivery.method,
        order.delivery.method,
    ));
    changes.extend(buyers_differ(record.buyer.as_ref(), order.buyer.as_ref()));
    changes.extend(destinations_differ(
        record.deliver_to.as_ref(),
        (order.deliver_to.as_ref(), order.buyer.as_ref()),
    ));
    changes
}

/// Protocol 9: at most this total.
fn exceeds(record: &TradeRecord, expected: &ExpectedOrder) -> Option<TermsDiffer> {
    let total = expected.total?;
    (!fits(record.total, total)).then(|| TermsDiffer {
        term: Term::ExpectedTotal,
        received: format!("the total {}", record.total),
        expected: format!("at most {total}, as you expect"),
    })
}

fn methods_differ(record: &TradeRecord, first: &TradeRecord) -> Vec<TermsDiffer> {
    let payment = differ("payment by", record.payment.method, first.payment.method);
    let delivery = differ("delivery by", record.delivery.method, first.delivery.method);
    payment.into_iter().chain(delivery).collect()
}

fn differ<T: PartialEq + std::fmt::Display>(
    what: &str,
    received: T,
    expected: T,
) -> Option<TermsDiffer> {
    (received != expected).then(|| TermsDiffer {
        term: Term::Methods,
        received: format!("{what} {received}"),
        expected: format!("{what} {expected}"),
    })
}

fn lines_differ(received: &[Line], expected: &[Line]) -> Option<TermsDiffer> {
    let same = |r: &Line, e: &Line| {
        let sku_as_far_as_known = match (&r.sku, &e.sku) {
            (Some(r), Some(e)) => r == e,
            (None, _) | (_, None) => true,
        };
        r.name == e.name && r.quantity == e.quantity && r.price == e.price && sku_as_far_as_known
    };
    let all_same =
        received.len() == expected.len() && received.iter().zip(expected).all(|(r, e)| same(r, e));
    if all_same {
        return None;
    }
    Some(TermsDiffer {
        term: Term::Lines,
        received: listed(received),
        expected: listed(expected),
    })
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

fn buyers_differ(received: Option<&Buyer>, expected: Option<&Buyer>) -> Option<TermsDiffer> {
    let (r, e) = (received?, expected?);
    let phone_differs = matches!((&r.phone, &e.phone), (Some(r), Some(e)) if r != e);
    let differs = r.name != e.name || r.address != e.address || phone_differs;
    differs.then(|| TermsDiffer {
        term: Term::Buyer,
        received: format!("the buyer {}", named(r)),
        expected: format!("the buyer {}", named(e)),
    })
}

/// Where it goes: `deliver_to`, and where that is left out, to the buyer. A record that leaves
/// it out although the order names one says nothing about it.
fn destinations_differ(
    to: Option<&Recipient>,
    expected: (Option<&Recipient>, Option<&Buyer>),
) -> Option<TermsDiffer> {
    let to = to?;
    let (name, address) = match expected {
        (Some(e), _) => (&e.name, &e.address),
        (None, Some(buyer)) => (&buyer.name, &buyer.address),
        (None, None) => return None,
    };
    let differs = to.name != *name || to.address != *address;
    differs.then(|| {
        let show = |name: &str, address| format!("delivery to {name}, {}", written(address));
        TermsDiffer {
            term: Term::Destination,
            received: show(&to.name, &to.address),
            expected: show(name, address),
        }
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
