//! What carriers and payment processor tell the shop about its trades.

use tradepost_statements::status::{DeliveryStatus, PaymentStatus};
use tradepost_statements::{Kind, Sequence, Statement, Time};

use super::{authorize, charge, is_under_way, shortened, total};
use crate::kernel::answers::not_for_us;
use crate::kernel::book::{self, HeardState, HeardStatus, PartyTrade, ShopPart};
use crate::kernel::{Ignored, PartyCase, PartyOutcome};

pub(crate) fn heard_of_delivery(
    case: &mut PartyCase<'_>,
    statement: &Statement,
    status: &DeliveryStatus,
) -> PartyOutcome {
    let heard = HeardNews {
        sequence: status.sequence,
        at: status.at,
        state: HeardState::Delivery {
            parcel: status.parcel.clone(),
            state: status.state,
        },
        text: status.text.as_deref().map(shortened),
    };
    hear(case, statement, heard)
}

pub(crate) fn heard_of_payment(
    case: &mut PartyCase<'_>,
    statement: &Statement,
    status: &PaymentStatus,
) -> PartyOutcome {
    let heard = HeardNews {
        sequence: status.sequence,
        at: status.at,
        state: HeardState::Payment {
            state: status.state,
            amount: status.amount,
            paid: status.paid,
        },
        text: status.text.as_deref().map(shortened),
    };
    hear(case, statement, heard)
}

struct HeardNews {
    sequence: Sequence,
    at: Time,
    state: HeardState,
    text: Option<String>,
}

/// Takes a status of a carrier or payment processor whose word it is (protocol 5, `rules`).
fn hear(case: &mut PartyCase<'_>, statement: &Statement, news: HeardNews) -> PartyOutcome {
    let kind = statement.body.kind();
    if case.settings.shop.is_none() {
        return not_for_us(statement);
    }
    let Some(name) = &statement.trade else {
        return not_for_us(statement);
    };
    let mut trade = match case.trade(name) {
        Some(trade) if trade.shop.is_some() => trade,
        Some(_) | None => {
            return authorize::voided(case, statement)
                .unwrap_or_else(|| Ignored::NoSuchTrade(name.to_string()).into());
        }
    };
    let Some(shop) = &mut trade.shop else {
        return Ignored::NoSuchTrade(name.to_string()).into();
    };
    if case.hears_itself() {
        // Whoever said it wrote it into this very entry (E27).
        super::moved_on(case, &mut trade);
        return save_and_name(case, &mut trade, statement, kind);
    }
    if let Some(answered) = statement.answers {
        // Protocol 7: it has answered; it is not asked again.
        case.delete(book::waiting_key(answered));
    }
    let too_late = what_is_too_late(shop, statement, &news);
    match keep_newest(shop, statement, news) {
        Ok(()) => {
            total::pay_back_what_crossed(case, &mut trade);
            super::moved_on(case, &mut trade);
            let heard = save_and_name(case, &mut trade, statement, kind);
            match too_late {
                Some(text) => PartyOutcome::OperatorActs {
                    trade: trade.trade,
                    text,
                },
                None => heard,
            }
        }
        Err(why) => {
            // A status that comes late tells as well that goods have left.
            charge::once_shipped(case, &mut trade);
            case.save(&mut trade);
            why.into()
        }
    }
}

fn save_and_name(
    case: &mut PartyCase<'_>,
    trade: &mut PartyTrade,
    statement: &Statement,
    kind: Kind,
) -> PartyOutcome {
    case.save(trade);
    PartyOutcome::Heard {
        kind,
        from: statement.from.clone(),
        trade: trade.trade.clone(),
    }
}

/// A carrier or payment processor says in words what it cannot do any more of a recall or refund.
fn what_is_too_late(shop: &ShopPart, statement: &Statement, news: &HeardNews) -> Option<String> {
    let text = news.text.as_deref()?;
    let told = shop.told.iter();
    let asked = told
        .filter(|t| matches!(t.kind, Kind::Recall | Kind::Refund))
        .find(|t| Some(t.id) == statement.answers)?;
    Some(format!(
        "{} answers the {}: {text}",
        statement.from, asked.kind
    ))
}

/// Tracks of one sender in one trade: a trade is one entry of the book, written whole.
const MOST_PARCELS: usize = 200;

/// Keeps what counts; a status that came late still tells that goods were under way.
fn keep_newest(shop: &mut ShopPart, statement: &Statement, news: HeardNews) -> Result<(), Ignored> {
    let was_under_way = match &news.state {
        HeardState::Delivery { state, .. } => is_under_way(*state),
        HeardState::Payment { .. } => false,
    };
    let same_track = |h: &HeardStatus| {
        h.from == statement.from
            && match (&h.state, &news.state) {
                (
                    HeardState::Delivery { parcel: a, .. },
                    HeardState::Delivery { parcel: b, .. },
                ) => a == b,
                (HeardState::Payment { .. }, HeardState::Payment { .. }) => true,
                (HeardState::Delivery { .. }, HeardState::Payment { .. })
                | (HeardState::Payment { .. }, HeardState::Delivery { .. }) => false,
            }
    };
    let mut heard = HeardStatus {
        was_under_way,
        from: statement.from.clone(),
        sequence: news.sequence,
        state: news.state.clone(),
        at: news.at,
        text: news.text,
    };
    let of_sender = shop.heard.iter().filter(|h| h.from == statement.from);
    let tracks = of_sender.count();
    match shop.heard.iter_mut().find(|h| same_track(h)) {
        Some(known) if known.sequence >= heard.sequence => {
            known.was_under_way |= was_under_way;
            Err(Ignored::StatusIsOld)
        }
        Some(known) => {
            heard.was_under_way |= known.was_under_way;
            *known = heard;
            Ok(())
        }
        None if tracks >= MOST_PARCELS => Err(Ignored::TooManyParcels),
        None => {
            shop.heard.push(heard);
            Ok(())
        }
    }
}
