//! The instructions to carrier and payment processor (E9, E10); to ourselves, where this server
//! plays those roles as well (E27): then nothing is mailed, and the book entry is made at once.

use tradepost_statements::instruction::{DeliveryInstruction, InstructedLine};
use tradepost_statements::postal::Recipient;
use tradepost_statements::record::TradeRecord;
use tradepost_statements::{Address, Body};

use super::charge;
use crate::carrier;
use crate::server::Desk;
use crate::server::book::{Instructed, Told, Trade};

/// Sends what carrier and payment processor need, unless that was done.
pub(super) fn instruct(desk: &mut Desk<'_>, trade: &mut Trade) {
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
    charge::with_the_others(desk, trade, reference);
    for carrier in &record.delivery.carriers {
        let parcels: Vec<Option<String>> = match &carrier.parcels {
            Some(named) if !named.is_empty() => named.iter().cloned().map(Some).collect(),
            Some(_) | None => vec![None],
        };
        for parcel in parcels {
            let Some(delivery) = delivery_instruction(trade, &record, parcel) else {
                continue;
            };
            if carrier.address == desk.settings.address {
                carrier::begin(desk, trade, &delivery, None);
            } else {
                let body = Body::DeliveryInstruction(Box::new(delivery));
                tell(desk, trade, &carrier.address, body);
            }
        }
    }
}

fn delivery_instruction(
    trade: &Trade,
    record: &TradeRecord,
    parcel: Option<String>,
) -> Option<DeliveryInstruction> {
    let lines = record
        .lines
        .iter()
        .zip(0..)
        .map(|(line, i)| InstructedLine {
            line: i,
            quantity: line.quantity,
            name: line.name.clone(),
        });
    Some(DeliveryInstruction {
        parcel,
        lines: lines.collect(),
        deliver_to: recipient(record)?,
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

/// Tells another server something until it answers, and remembers that it was told.
pub(super) fn tell(desk: &mut Desk<'_>, trade: &mut Trade, to: &Address, body: Body) {
    let kind = body.kind();
    let id = desk.say_until_answered(to, trade, body);
    if let Some(shop) = &mut trade.shop {
        let to = to.clone();
        shop.told.push(Told { id, kind, to });
    }
}
