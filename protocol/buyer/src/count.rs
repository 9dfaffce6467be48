//! What a trade comes to (protocol 4, "Counting"): from what its records say, and what is kept up of its
//! statuses. Nothing is looked up here, and nothing counted anew.

use std::collections::BTreeSet;

use tradepost_statements::progress::Progress;
use tradepost_statements::status::{OrderStatus, PaymentStatus};
use tradepost_statements::{Address, Amount, OrderState, PaymentState};
use tradepost_trades::paid::paid_so_far;

use super::progress::{OrderNow, ParcelTally, PaymentNow, TradeProgress, TradeState, TradeTerms};

/// The state of a trade of which a record counts.
pub(super) fn state(terms: &TradeTerms, progress: &TradeProgress) -> TradeState {
    let told = ToldPayment::of(terms, progress);
    let payment = told.now();
    let order = progress.order.as_ref();
    let order_state = order.map(|o| o.state);
    let parcels = Parcels {
        progress,
        terms,
        money_came_back: payment.is_some_and(|p| has_come_back(p.state)),
    };
    let delivered = parcels.are_complete(order_state, parcels.awaited());
    let not_undelivered = parcels.are_complete(
        order_state,
        parcels.awaited().saturating_sub(progress.tally.returning),
    );
    let called_off = matches!(
        order_state,
        Some(OrderState::Cancelled | OrderState::Returned)
    );
    let paid = told.paid();
    TradeState {
        origin: terms.origin,
        request: terms.request.clone(),
        record: terms.record,
        version: terms.version,
        shop_name: terms.shop_name.clone(),
        placed: terms.placed,
        lines: terms.lines.clone(),
        total: terms.total,
        confirm_by: terms.confirm_by,
        carriers: terms.carriers.clone(),
        newest_carriers: terms.newest_carriers.clone(),
        bringing: parcels.bringing(),
        processor: terms.processor.clone(),
        order: progress.order.clone(),
        payment: payment.cloned(),
        delivered,
        undelivered: !not_undelivered && !called_off,
        unpaid: unpaid(terms.total, paid, order_state, payment),
        ended: ended(
            order_state,
            payment,
            (paid, terms.total),
            &parcels,
            delivered,
        ),
        promised: progress.promised.or_else(|| order.and_then(|o| o.planned)),
    }
}

/// Whether of what was paid something was given back.
pub(super) fn money_came_back(terms: &TradeTerms, progress: &TradeProgress) -> bool {
    let told = ToldPayment::of(terms, progress);
    told.now().is_some_and(|p| has_come_back(p.state))
}

fn has_come_back(state: PaymentState) -> bool {
    matches!(state, PaymentState::PartlyRefunded | PaymentState::Refunded)
}

/// What is told of the payment.
struct ToldPayment<'t> {
    total: Amount,
    /// By the processor; or what the person accepted from somebody else, if that is later.
    present: Option<&'t PaymentNow>,
    /// By whom another record, that counts no more, has paid: what counted stays.
    former: Vec<&'t PaymentNow>,
}

impl<'t> ToldPayment<'t> {
    fn of(terms: &TradeTerms, progress: &'t TradeProgress) -> ToldPayment<'t> {
        let (mut present, mut former) = (Vec::new(), Vec::new());
        for (sender, said) in &progress.payments {
            if *sender == terms.processor || said.accepted {
                present.push((said.told.at, said.letter, &said.told));
            } else if terms.processors.contains(sender) {
                former.push(&said.told);
            }
        }
        let latest = present.into_iter().max_by_key(|(at, no, _)| (*at, *no));
        ToldPayment {
            total: terms.total,
            present: latest.map(|(.., told)| told),
            former,
        }
    }

    /// What shows: the processor's word, unless more is paid by the word of a former one.
    fn now(&self) -> Option<&'t PaymentNow> {
        let most = self
            .former
            .iter()
            .max_by_key(|s| (self.standing(s).minor(), s.at));
        let former = most.copied();
        match self.present {
            Some(present) => former
                .filter(|s| self.standing(s).is_more_than(self.standing(present)))
                .or(Some(present)),
            None => former,
        }
    }

    /// Paid so far, by all words together; never more than the total because of a former one.
    fn paid(&self) -> Amount {
        let Some(now) = self.now() else {
            return Amount::zero(self.total.currency());
        };
        let shown = paid_so_far(now.state, now.paid, now.amount);
        let others = self.present.iter().chain(&self.former);
        others
            .filter(|s| !std::ptr::eq(**s, now))
            .fold(shown, |paid, other| {
                match paid.plus(self.standing(other)) {
                    Ok(sum) if sum.is_more_than(self.total) && self.total.is_more_than(paid) => {
                        self.total
                    }
                    Ok(sum) if sum.is_more_than(self.total) => paid,
                    Ok(sum) => sum,
                    // An accepted status may speak of another currency.
                    Err(_) => paid,
                }
            })
    }

    /// What is paid and was not given back.
    fn standing(&self, told: &PaymentNow) -> Amount {
        let nothing = Amount::zero(self.total.currency());
        if matches!(told.state, PaymentState::Voided | PaymentState::Refunded) {
            return nothing;
        }
        let paid = paid_so_far(told.state, told.paid, told.amount);
        match told.refunded {
            Some(refunded) => paid.minus(refunded).unwrap_or(nothing),
            None => paid,
        }
    }
}

/// The parcels of a trade, as numbers.
struct Parcels<'p> {
    progress: &'p TradeProgress,
    terms: &'p TradeTerms,
    money_came_back: bool,
}

impl Parcels<'_> {
    /// Of those that are only announced, those that count.
    fn announced(&self) -> u64 {
        let tally = self.tally();
        if self.progress.is_cancelled() {
            return 0;
        }
        if self.progress.named_by.is_some() {
            return tally.announced_and_named;
        }
        let newest = self.terms.newest_carriers.iter();
        newest
            .filter_map(|c| tally.by_carrier.get(c))
            .map(|c| c.announced)
            .sum()
    }

    /// Named, and told of by nobody.
    fn untold(&self) -> u64 {
        if self.progress.named_by.is_some() {
            self.tally().untold_of_shipped
        } else if self.progress.is_cancelled() {
            0
        } else {
            self.tally().untold_of_record
        }
    }

    fn tally(&self) -> &ParcelTally {
        &self.progress.tally
    }

    fn all(&self) -> u64 {
        let t = self.tally();
        t.done + t.lost + t.returning + t.under_way + self.announced() + self.untold()
    }

    /// Those of which more is expected: `lost` counts as through once money came back.
    fn awaited(&self) -> u64 {
        let lost = if self.money_came_back {
            0
        } else {
            self.tally().lost
        };
        let t = self.tally();
        t.under_way + t.returning + lost + self.announced() + self.untold()
    }

    fn are_complete(&self, order: Option<OrderState>, awaited: u64) -> bool {
        self.all() > 0 && order != Some(OrderState::PartlyShipped) && awaited == 0
    }

    fn bringing(&self) -> BTreeSet<Address> {
        let told = self.tally().by_carrier.iter();
        let counts = self.progress.counts_announced();
        told.filter(|(carrier, told)| {
            let announced = counts && self.terms.newest_carriers.contains(*carrier);
            told.beyond > 0 || (announced && told.announced > 0)
        })
        .map(|(carrier, _)| carrier.clone())
        .collect()
    }
}

/// What an order status comes to.
pub(super) fn order_now(s: &OrderStatus) -> OrderNow {
    OrderNow {
        state: s.state,
        at: s.at,
        planned: s.ship.planned,
        actual: s.ship.actual,
    }
}

/// What a payment status comes to.
pub(super) fn payment_now(s: &PaymentStatus) -> PaymentNow {
    PaymentNow {
        state: s.state,
        at: s.at,
        amount: s.amount,
        paid: s.paid,
        refunded: s.refunded,
        planned: s.settle.planned,
        actual: s.settle.actual,
    }
}

/// Protocol 4, "Unpaid".
fn unpaid(
    total: Amount,
    paid: Amount,
    order: Option<OrderState>,
    payment: Option<&PaymentNow>,
) -> Amount {
    let nothing = Amount::zero(total.currency());
    let called_off = order == Some(OrderState::Cancelled)
        || payment
            .is_some_and(|p| matches!(p.state, PaymentState::Voided | PaymentState::Refunded));
    if called_off {
        nothing
    } else {
        total.minus(paid).unwrap_or(nothing)
    }
}

/// Protocol 4, "Ended".
fn ended(
    order: Option<OrderState>,
    payment: Option<&PaymentNow>,
    (paid, total): (Amount, Amount),
    parcels: &Parcels<'_>,
    delivered: bool,
) -> bool {
    let all_at_their_end = order.is_some_and(Progress::is_end)
        && payment.is_some_and(|p| p.state.is_end() && !was_settled_for_less(p, total))
        && delivered;
    let money_is_back = paid.is_zero()
        || payment
            .is_some_and(|p| matches!(p.state, PaymentState::Voided | PaymentState::Refunded));
    all_at_their_end
        || (order == Some(OrderState::Cancelled) && parcels.awaited() == 0 && money_is_back)
}

/// A newer version of the record has a higher total: the rest is to be paid yet.
fn was_settled_for_less(payment: &PaymentNow, total: Amount) -> bool {
    payment.state.rank() == PaymentState::Settled.rank() && total.is_more_than(payment.amount)
}
