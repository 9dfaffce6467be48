//! What a carrier does: it takes delivery instructions from its shops (E10), keeps a track for each
//! parcel (E12), and turns back what is recalled.
//!
//! ```text
//! delivery-instruction ─► announced ─► picked-up .. out-for-delivery ─► delivered   (`emit`)
//!            recall ─► stopped ◄┘            └─► returning ─► returned
//! ```

use std::collections::BTreeSet;
use std::time::Duration;

use tradepost_statements::instruction::{DeliveryInstruction, Recall};
use tradepost_statements::order::LineQuantity;
use tradepost_statements::progress::Progress;
use tradepost_statements::status::{DeliveryStatus, Window};
use tradepost_statements::{Address, DeliveryState, Kind, Statement, Time, TradeRef};

use crate::server::ask::not_for_us;
use crate::server::book::{self, CarrierPart, KeptWishes, Mark, MarkOf, Track, Trade};
use crate::server::desk::{AskedBy, Told};
use crate::server::track::{Standing, next_place};
use crate::server::{Desk, Ignored, Outcome};

/// How a carrier takes instructions.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The shops that may instruct it.
    pub shops: BTreeSet<Address>,
}

/// Protocol 3, "Overtaking".
const MARK_COUNTS_FOR: Duration = Duration::from_secs(30 * 24 * 3600);

/// The trade that a shop's instruction is about, and that it may say so.
pub(crate) fn instructed_trade(
    statement: &Statement,
    shops: &BTreeSet<Address>,
) -> Result<TradeRef, Ignored> {
    let Some(trade) = &statement.trade else {
        return Err(Ignored::NotForThisServer(statement.body.kind()));
    };
    let refused = |why| Ignored::SenderMayNotInstruct {
        from: statement.from.to_string(),
        trade: trade.to_string(),
        why,
    };
    if statement.from != trade.shop {
        return Err(refused("the trade is another shop's"));
    }
    if !shops.contains(&statement.from) {
        return Err(refused("it is not among the configured shops"));
    }
    Ok(trade.clone())
}

/// A book entry with the wishes that the shop passes on (Q7).
pub(crate) fn entry_for(
    desk: &Desk<'_>,
    name: TradeRef,
    buyer_mail: &Address,
    notify: Option<&tradepost_statements::wish::Wishes>,
    statement: &Statement,
) -> Trade {
    let mut trade = desk
        .trade(&name)
        .unwrap_or_else(|| Trade::new(name, buyer_mail.clone()));
    if let (None, Some(wishes)) = (&trade.wishes, notify) {
        trade.wishes = Some(KeptWishes {
            wishes: wishes.clone(),
            sent: statement.sent,
        });
    }
    trade
}

/// `delivery-instruction` of another server.
pub(crate) fn instructed(
    desk: &mut Desk<'_>,
    statement: &Statement,
    instruction: &DeliveryInstruction,
) -> Outcome {
    let Some(settings) = &desk.settings.carrier else {
        return not_for_us(statement);
    };
    let name = match instructed_trade(statement, &settings.shops) {
        Ok(name) => name,
        Err(why) => return why.into(),
    };
    let (mail, notify) = (&instruction.buyer_mail, instruction.notify.as_ref());
    let mut trade = entry_for(desk, name, mail, notify, statement);
    begin(desk, &mut trade, instruction, Some(statement));
    desk.save(&mut trade);
    Outcome::Done {
        kind: Kind::DeliveryInstruction,
        trade: trade.trade,
    }
}

/// Makes the book entry of a parcel and tells of it; a parcel that is known is told as it is.
/// The caller saves the trade.
pub(crate) fn begin(
    desk: &mut Desk<'_>,
    trade: &mut Trade,
    instruction: &DeliveryInstruction,
    asked: Option<&Statement>,
) {
    let parcel = instruction.parcel.clone().unwrap_or_default();
    let sent = asked.map_or(desk.now, |statement| statement.sent);
    let recalled = is_recalled(desk, &trade.trade, &parcel, sent);
    let part = trade.carrier.get_or_insert_with(CarrierPart::default);
    let known = part
        .instructions
        .iter_mut()
        .find(|i| i.parcel == instruction.parcel);
    match known {
        Some(known) => known.clone_from(instruction),
        None => part.instructions.push(instruction.clone()),
    }
    let is_new = !part.parcels.contains_key(&parcel);
    if is_new {
        let state = if recalled {
            DeliveryState::Stopped
        } else {
            DeliveryState::Announced
        };
        advance(part, &parcel, state, desk.now);
        if let Some(track) = part.parcels.get_mut(&parcel) {
            track.last.lines = lines_in_parcel(instruction);
        }
    }
    let track = trade.carrier.as_ref().and_then(|p| p.parcels.get(&parcel));
    let Some(status) = track.map(|t| t.last.clone()) else {
        return;
    };
    let status = Told::Delivery(Box::new(status));
    match asked {
        Some(statement) if is_new => {
            desk.tell(trade, &status, AskedBy::Shop(statement));
        }
        Some(statement) => desk.answer_shop(trade, &status, statement),
        None => {
            desk.tell(trade, &status, AskedBy::Nobody);
        }
    }
}

/// A named parcel says what is in it; an unnamed one holds everything.
fn lines_in_parcel(instruction: &DeliveryInstruction) -> Option<Vec<LineQuantity>> {
    instruction.parcel.as_ref()?;
    let lines = instruction.lines.iter().map(|l| LineQuantity {
        line: l.line,
        quantity: l.quantity,
    });
    Some(lines.collect())
}

fn is_recalled(desk: &Desk<'_>, trade: &TradeRef, parcel: &str, sent: Time) -> bool {
    [MarkOf::Recall(None), MarkOf::Recall(Some(parcel))]
        .into_iter()
        .filter_map(|of| desk.read::<Mark>(&book::mark_key(trade, of)))
        .filter(|mark| desk.now <= mark.until)
        .any(|mark| mark.sent_before.is_none_or(|recalled| sent <= recalled))
}

/// It overtook all instructions of the trade, or, where some are known, those still under way.
fn mark_recalled(
    desk: &mut Desk<'_>,
    trade: &TradeRef,
    statement: &Statement,
    parcel: Option<&str>,
    sent_before: Option<Time>,
) {
    let mark = Mark {
        until: desk.now.plus(MARK_COUNTS_FOR),
        sent_before,
        statement: statement.id,
    };
    desk.put(book::mark_key(trade, MarkOf::Recall(parcel)), &mark);
}

/// Moves a parcel's track on by the carrier's own decision.
fn advance(part: &mut CarrierPart, parcel: &str, state: DeliveryState, now: Time) -> bool {
    let last = part.parcels.get(parcel);
    let standing = last.map_or(Standing::start(), |t| t.standing);
    let place = next_place(last.map(|t| (t.last.sequence, t.last.at)), now);
    let (Ok(standing), Ok((sequence, at))) = (standing.step(state), place) else {
        return false;
    };
    let status = DeliveryStatus {
        sequence,
        parcel: parcel.to_owned(),
        state,
        at,
        delivery: Window::default(),
        place: None,
        tracking_number: last.and_then(|t| t.last.tracking_number.clone()),
        tracking_url: last.and_then(|t| t.last.tracking_url.clone()),
        access: None,
        lines: last.and_then(|t| t.last.lines.clone()),
        reason: None,
        text: None,
    };
    part.parcels.insert(
        parcel.to_owned(),
        Track {
            last: status,
            standing,
        },
    );
    true
}

/// `recall`: stop or turn back the delivery.
pub(crate) fn recalled(desk: &mut Desk<'_>, statement: &Statement, recall: &Recall) -> Outcome {
    let Some(settings) = &desk.settings.carrier else {
        return not_for_us(statement);
    };
    let name = match instructed_trade(statement, &settings.shops) {
        Ok(name) => name,
        Err(why) => return why.into(),
    };
    let known = desk.trade(&name).filter(|t| {
        t.carrier.as_ref().is_some_and(|c| match &recall.parcel {
            Some(parcel) => c.parcels.contains_key(parcel),
            None => true,
        })
    });
    let Some(mut trade) = known else {
        mark_recalled(desk, &name, statement, recall.parcel.as_deref(), None);
        return Outcome::Marked(Kind::Recall);
    };
    if recall.parcel.is_none() {
        mark_recalled(desk, &name, statement, None, Some(statement.sent));
    }
    let changed = turn_back(desk, &mut trade, recall.parcel.as_deref(), Some(statement));
    desk.save(&mut trade);
    Outcome::of(Kind::Recall, trade.trade, changed)
}

/// Stops what has not left yet, turns back what is under way, leaves what has arrived; tells of
/// each. The caller saves the trade.
pub(crate) fn turn_back(
    desk: &mut Desk<'_>,
    trade: &mut Trade,
    parcel: Option<&str>,
    asked: Option<&Statement>,
) -> bool {
    let Some(part) = &mut trade.carrier else {
        return false;
    };
    let meant: Vec<String> = part
        .parcels
        .keys()
        .filter(|name| parcel.is_none_or(|p| p == name.as_str()))
        .cloned()
        .collect();
    let mut statuses = Vec::new();
    let mut any = false;
    for name in &meant {
        let reached = part.parcels.get(name).and_then(|t| t.standing.highest);
        let next = match reached.and_then(Progress::rank) {
            None | Some(1) => Some(DeliveryState::Stopped),
            Some(2) => Some(DeliveryState::Returning),
            // Delivered, stopped, or on its way back already.
            Some(_) => None,
        };
        let changed = next.is_some_and(|state| advance(part, name, state, desk.now));
        any |= changed;
        if let Some(track) = part.parcels.get(name) {
            statuses.push((changed, track.last.clone()));
        }
    }
    for (changed, status) in statuses {
        let status = Told::Delivery(Box::new(status));
        match asked {
            Some(statement) if changed => {
                desk.tell(trade, &status, AskedBy::Shop(statement));
            }
            Some(statement) => desk.answer_shop(trade, &status, statement),
            None if changed => {
                desk.tell(trade, &status, AskedBy::Nobody);
            }
            None => {}
        }
    }
    any
}
