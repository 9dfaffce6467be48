//! The instructions to carrier and payment processor (E9, E10), be they another server or this one
//! (E27).

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use tradepost_statements::instruction::{DeliveryInstruction, InstructedLine, Recall};
use tradepost_statements::postal::Recipient;
use tradepost_statements::record::{RecordCarrier, TradeRecord};
use tradepost_statements::{Address, Body};

use super::{charge, goods};
use crate::kernel::PartyCase;
use crate::kernel::book::{Instructed, PartyTrade, SentToParty, ShopPart};

/// Sends what carrier and payment processor need, unless that was done.
pub(super) fn instruct(case: &mut PartyCase<'_>, trade: &mut PartyTrade) {
    let Some(shop) = &mut trade.shop else {
        return;
    };
    let Instructed::AfterConfirm { reference } = &shop.instructed else {
        return;
    };
    // The token is not kept once it is with the payment processor.
    let reference = reference.clone();
    shop.instructed = Instructed::Yes;
    let record = shop.record.clone();
    charge::with_the_others(case, trade, reference);
    for (carrier, parcel) in parcels(&record) {
        deliver(case, trade, &carrier, parcel);
    }
}

/// The parcels that a record names, with who brings each; none: one without a name.
pub(super) fn parcels(record: &TradeRecord) -> Vec<(Address, Option<String>)> {
    let of_carrier = |carrier: &RecordCarrier| -> Vec<(Address, Option<String>)> {
        let one = |parcel| (carrier.address.clone(), parcel);
        match &carrier.parcels {
            Some(named) if !named.is_empty() => {
                named.iter().map(|name| one(Some(name.clone()))).collect()
            }
            Some(_) | None => vec![one(None)],
        }
    };
    record
        .delivery
        .carriers
        .iter()
        .flat_map(of_carrier)
        .collect()
}

/// Has a parcel delivered. The caller saves the trade.
pub(super) fn deliver(
    case: &mut PartyCase<'_>,
    trade: &mut PartyTrade,
    carrier: &Address,
    parcel: Option<String>,
) {
    let instruction = trade
        .shop
        .as_ref()
        .and_then(|shop| delivery_instruction(trade, shop, parcel));
    let Some(instruction) = instruction else {
        return;
    };
    let body = Body::DeliveryInstruction(Box::new(instruction));
    tell(case, trade, carrier, body);
}

/// Some lines were cancelled: the carriers are told what is left. The caller saves the trade.
pub(super) fn rest(case: &mut PartyCase<'_>, trade: &mut PartyTrade) {
    let record = match &trade.shop {
        Some(shop) if shop.instructed == Instructed::Yes => shop.record.clone(),
        Some(_) | None => return,
    };
    for (carrier, parcel) in parcels(&record) {
        deliver(case, trade, &carrier, parcel);
    }
}

/// Another version of the record names other carriers or parcels, other goods or another place: the
/// old ones are recalled, the new ones instructed. The caller saves the trade.
pub(crate) fn deliver_otherwise(
    case: &mut PartyCase<'_>,
    trade: &mut PartyTrade,
    before: &TradeRecord,
) {
    let after = match &trade.shop {
        Some(shop) if shop.instructed == Instructed::Yes && !charge::is_cancelled(shop) => {
            shop.record.clone()
        }
        Some(_) | None => return,
    };
    let (old, new) = (parcels(before), parcels(&after));
    let mut dismissed: BTreeSet<&Address> = BTreeSet::new();
    for (carrier, parcel) in old.iter().filter(|known| !new.contains(known)) {
        if new.iter().any(|(stays, _)| stays == carrier) {
            // One of its parcels; one without a name is named by an empty one.
            recall(
                case,
                trade,
                carrier,
                Some(parcel.clone().unwrap_or_default()),
            );
        } else if dismissed.insert(carrier) {
            recall(case, trade, carrier, None);
        }
    }
    let is_same = before.lines == after.lines && recipient(before) == recipient(&after);
    for (carrier, parcel) in &new {
        if !is_same || !old.contains(&(carrier.clone(), parcel.clone())) {
            deliver(case, trade, carrier, parcel.clone());
        }
    }
}

/// Has a delivery stopped or turned back. The caller saves the trade.
pub(super) fn recall(
    case: &mut PartyCase<'_>,
    trade: &mut PartyTrade,
    carrier: &Address,
    parcel: Option<String>,
) {
    let recall = Recall { parcel, text: None };
    tell(case, trade, carrier, Body::Recall(recall));
}

fn delivery_instruction(
    trade: &PartyTrade,
    shop: &ShopPart,
    parcel: Option<String>,
) -> Option<DeliveryInstruction> {
    // What is given back is not brought.
    let left = goods::left(shop);
    let lines = shop.record.lines.iter().zip(0..).filter_map(|(line, i)| {
        Some(InstructedLine {
            line: i,
            quantity: NonZeroU32::new(*left.get(&i)?)?,
            name: line.name.clone(),
        })
    });
    let lines: Vec<InstructedLine> = lines.collect();
    if lines.is_empty() {
        return None;
    }
    Some(DeliveryInstruction {
        parcel,
        lines,
        deliver_to: recipient(&shop.record)?,
        buyer_mail: trade.buyer_mail.clone(),
        notify: trade.wishes.as_ref().map(|w| w.wishes.clone()),
        ready: None,
    })
}

/// Where the goods of a trade go.
fn recipient(record: &TradeRecord) -> Option<Recipient> {
    record.deliver_to.clone().or_else(|| {
        record.buyer.as_ref().map(|b| Recipient {
            name: b.name.clone(),
            address: b.address.clone(),
        })
    })
}

/// Tells a role something until it answers, and remembers that it was told.
pub(super) fn tell(case: &mut PartyCase<'_>, trade: &mut PartyTrade, to: &Address, body: Body) {
    let kind = body.kind();
    let id = case.say_until_answered(to, trade, body);
    if let Some(shop) = &mut trade.shop {
        let to = to.clone();
        shop.told.push(SentToParty { id, kind, to });
    }
}
