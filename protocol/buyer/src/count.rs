//! What the tracks of a trade add up to (protocol 4, "Counting").

use std::collections::BTreeMap;

use tradepost_statements::progress::Progress;
use tradepost_statements::record::TradeRecord;
use tradepost_statements::status::{DeliveryStatus, OrderStatus, PaymentStatus};
use tradepost_statements::{Address, Amount, DeliveryState, OrderState, PaymentState, Time};
use tradepost_trades::paid::paid_so_far;

use super::filed::Filed;
use super::known::Agreed;
use super::records::RecordsOfTrade;
use super::state::{OrderNow, ParcelNow, ParcelStatus, PaymentNow, TradeOrigin, TradeState};
use super::terms::carriers;
use super::tracks::Tracks;

/// The state of a trade whose counting record is `current`.
pub(super) fn state(
    origin: TradeOrigin,
    letters: &[Filed],
    records: &RecordsOfTrade,
    current: usize,
    agreed: &Agreed,
    tracks: &Tracks,
) -> Option<TradeState> {
    let filed = letters.get(current)?;
    let record = filed.record()?;
    let order = tracks
        .order
        .and_then(|i| letters.get(i))
        .and_then(Filed::order_status);
    let told = ToldPayment::of(letters, tracks, agreed, record);
    let payment = told.now();
    let newest_carriers = carriers(record).collect();
    let parcels = Parcels {
        letters,
        tracks,
        newest_carriers: &newest_carriers,
        record,
    };
    let delivery = parcels.counted();
    let request = records
        .passed
        .iter()
        .filter_map(|i| letters.get(*i))
        .find_map(|f| f.decoded.statement.request.clone());

    let refunded = payment.is_some_and(|p| {
        matches!(
            p.state,
            PaymentState::PartlyRefunded | PaymentState::Refunded
        )
    });
    let order_state = order.map(|o| o.state);
    let delivered = is_complete(&delivery, order_state, |s| is_done(s, refunded));
    let not_undelivered = is_complete(&delivery, order_state, |s| {
        is_done(s, refunded) || s == DeliveryState::Returning
    });
    let called_off = matches!(
        order_state,
        Some(OrderState::Cancelled | OrderState::Returned)
    );
    let paid = told.paid();
    let unpaid = unpaid(record.total, paid, order_state, payment);
    let promised = promised(&delivery, order, |s| is_done(s, refunded));
    Some(TradeState {
        origin,
        request,
        record: filed.letter.no,
        version: record.version.number(),
        shop_name: record.shop_name.clone(),
        placed: record.placed,
        lines: record.lines.clone(),
        total: record.total,
        confirm_by: record.confirm_by,
        carriers: agreed.carriers.clone(),
        newest_carriers: newest_carriers.clone(),
        processor: record.payment.processor.clone(),
        order: order.map(|s| OrderNow {
            state: s.state,
            at: s.at,
            planned: s.ship.planned,
            actual: s.ship.actual,
        }),
        payment: payment.map(payment_now),
        delivered,
        undelivered: !not_undelivered && !called_off,
        paid_so_far: paid,
        unpaid,
        ended: ended(order_state, payment, paid, &delivery, delivered, refunded),
        promised,
        delivery,
    })
}

/// What is told of the payment.
struct ToldPayment<'t> {
    total: Amount,
    /// By the processor; or what the person accepted from somebody else, if that is later.
    present: Option<&'t PaymentStatus>,
    /// By whom another record, that counts no more, has paid: what counted stays.
    former: Vec<&'t PaymentStatus>,
}

impl<'t> ToldPayment<'t> {
    fn of(
        letters: &'t [Filed],
        tracks: &Tracks,
        agreed: &Agreed,
        record: &TradeRecord,
    ) -> ToldPayment<'t> {
        let (mut present, mut former) = (Vec::new(), Vec::new());
        for (sender, index) in &tracks.payment {
            let Some((filed, status)) = letters
                .get(*index)
                .and_then(|f| Some((f, f.payment_status()?)))
            else {
                continue;
            };
            if *sender == record.payment.processor || filed.letter.accepted_through >= 13 {
                present.push((status.at, filed.letter.no, status));
            } else if agreed.processors.contains(sender) {
                former.push(status);
            }
        }
        let latest = present.into_iter().max_by_key(|(at, no, _)| (*at, *no));
        ToldPayment {
            total: record.total,
            present: latest.map(|(.., status)| status),
            former,
        }
    }

    /// What shows: the processor's word, unless more is paid by the word of a former one.
    fn now(&self) -> Option<&'t PaymentStatus> {
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
        let shown = paid_so_far(now.state, now.paid, self.total);
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
    fn standing(&self, status: &PaymentStatus) -> Amount {
        let nothing = Amount::zero(self.total.currency());
        if matches!(status.state, PaymentState::Voided | PaymentState::Refunded) {
            return nothing;
        }
        let paid = paid_so_far(status.state, status.paid, self.total);
        match status.refunded {
            Some(refunded) => paid.minus(refunded).unwrap_or(nothing),
            None => paid,
        }
    }
}

struct Parcels<'p> {
    letters: &'p [Filed],
    tracks: &'p Tracks,
    newest_carriers: &'p std::collections::BTreeSet<Address>,
    record: &'p TradeRecord,
}

impl Parcels<'_> {
    /// Protocol 4: the parcels of a trade are those named by `shipped` and every other beyond
    /// `announced`; without `shipped`, those named by a record or a status. The parcels of a carrier
    /// that is not in the newest record count once they are beyond `announced`.
    fn counted(&self) -> Vec<ParcelNow> {
        let told: BTreeMap<&(Address, String), &DeliveryStatus> = self
            .tracks
            .delivery
            .iter()
            .filter_map(|(key, i)| Some((key, self.delivery_status(*i)?)))
            .collect();
        let shipped = self.named_by_shipped();
        let mut parcels: Vec<ParcelNow> = told
            .iter()
            .filter(|(key, status)| {
                let beyond = status.state != DeliveryState::Announced;
                let named = shipped.as_ref().is_some_and(|names| names.contains(&key.1));
                beyond || named || (shipped.is_none() && self.newest_carriers.contains(&key.0))
            })
            .map(|(key, status)| ParcelNow {
                carrier: Some(key.0.clone()),
                parcel: key.1.clone(),
                status: Some(parcel_status(status)),
            })
            .collect();
        let mut add = |carrier: Option<Address>, parcel: &String| {
            let is_told = parcels
                .iter()
                .any(|p| p.parcel == *parcel && (carrier.is_none() || p.carrier == carrier));
            if !is_told {
                parcels.push(ParcelNow {
                    carrier,
                    parcel: parcel.clone(),
                    status: None,
                });
            }
        };
        match &shipped {
            Some(names) => names
                .iter()
                .for_each(|name| add(self.carrier_of(name), name)),
            None => {
                for carrier in &self.record.delivery.carriers {
                    carrier
                        .parcels
                        .iter()
                        .flatten()
                        .for_each(|name| add(Some(carrier.address.clone()), name));
                }
            }
        }
        parcels.sort_by(|a, b| (&a.carrier, &a.parcel).cmp(&(&b.carrier, &b.parcel)));
        parcels
    }

    /// The parcels that the last applied `shipped` names; none when nothing said `shipped`.
    fn named_by_shipped(&self) -> Option<Vec<String>> {
        let applied = self
            .tracks
            .applied
            .iter()
            .filter_map(|i| self.letters.get(*i)?.order_status());
        let last = applied
            .filter(|s| s.state == OrderState::Shipped)
            .max_by_key(|s| s.sequence)?;
        let mut names = last.parcels.clone().unwrap_or_default();
        names.sort();
        names.dedup();
        Some(names)
    }

    fn carrier_of(&self, parcel: &str) -> Option<Address> {
        let named = self.record.delivery.carriers.iter();
        let mut named = named.filter(|c| c.parcels.iter().flatten().any(|p| p == parcel));
        let by_name = named.next().map(|c| c.address.clone());
        let only = match self.record.delivery.carriers.as_slice() {
            [only] => Some(only.address.clone()),
            _ => None,
        };
        let told = self
            .tracks
            .delivery
            .keys()
            .find(|(_, p)| p == parcel)
            .map(|(c, _)| c.clone());
        told.or(by_name).or(only)
    }

    fn delivery_status(&self, index: usize) -> Option<&DeliveryStatus> {
        self.letters.get(index)?.delivery_status()
    }
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

fn payment_now(s: &PaymentStatus) -> PaymentNow {
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

/// Whether nothing more is expected of a parcel: `lost` counts once money came back.
fn is_done(state: DeliveryState, refunded: bool) -> bool {
    matches!(
        state,
        DeliveryState::Delivered | DeliveryState::Returned | DeliveryState::Stopped
    ) || (state == DeliveryState::Lost && refunded)
}

fn is_complete(
    parcels: &[ParcelNow],
    order: Option<OrderState>,
    done: impl Fn(DeliveryState) -> bool,
) -> bool {
    !parcels.is_empty()
        && order != Some(OrderState::PartlyShipped)
        && parcels
            .iter()
            .all(|p| p.status.as_ref().is_some_and(|s| done(s.state)))
}

/// Protocol 4, "Unpaid".
fn unpaid(
    total: Amount,
    paid: Amount,
    order: Option<OrderState>,
    payment: Option<&PaymentStatus>,
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
    payment: Option<&PaymentStatus>,
    paid: Amount,
    parcels: &[ParcelNow],
    delivered: bool,
    refunded: bool,
) -> bool {
    let all_at_their_end = order.is_some_and(Progress::is_end)
        && payment.is_some_and(|p| p.state.is_end())
        && delivered;
    let no_parcel_incomplete = parcels.iter().all(|p| {
        p.status
            .as_ref()
            .is_some_and(|s| is_done(s.state, refunded))
    });
    let money_is_back = paid.is_zero()
        || payment
            .is_some_and(|p| matches!(p.state, PaymentState::Voided | PaymentState::Refunded));
    all_at_their_end
        || (order == Some(OrderState::Cancelled) && no_parcel_incomplete && money_is_back)
}

/// Protocol 4, "Promised": the earliest `planned_until` or `planned` of an incomplete parcel, else `ship.planned`.
fn promised(
    parcels: &[ParcelNow],
    order: Option<&OrderStatus>,
    done: impl Fn(DeliveryState) -> bool,
) -> Option<Time> {
    parcels
        .iter()
        .filter_map(|p| p.status.as_ref())
        .filter(|s| !done(s.state))
        .filter_map(|s| s.planned_until.or(s.planned))
        .min()
        .or_else(|| order.and_then(|o| o.ship.planned))
}
