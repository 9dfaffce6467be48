//! What buyers ask any server: the present status (E15, E21), and other wishes (Q5 to Q7).

use tradepost_statements::order::{OrderRejected, RejectionReason};
use tradepost_statements::wish::Wishes;
use tradepost_statements::{Body, Kind, RequestId, Statement, TradeId, TradeRef};

use super::book::{self, KeptWishes, Request, Trade};
use super::change::{Ignored, Occasion, Outcome};
use super::desk::{Desk, Naming, Told, may_repeat};
use crate::payment;
use crate::shop::{self, Authorizing};

/// What a statement that names a trade or a request is about.
pub(crate) enum Asked {
    /// A trade of this buyer.
    Trade(Box<Trade>),
    /// An order of this buyer that became no trade.
    Rejected(Request),
    /// An order of this buyer whose payment is being authorized (E3): there is nothing to tell yet.
    Authorizing(Box<Authorizing>),
    /// Nothing that this sender may know of: the same, whether it exists or not.
    Unknown,
}

/// Finds what a buyer asks about.
pub(crate) fn find(desk: &Desk<'_>, statement: &Statement) -> Asked {
    if let Some(trade) = &statement.trade {
        return match desk.trade(trade) {
            Some(trade) if trade.buyer_mail == statement.from => Asked::Trade(Box::new(trade)),
            Some(_) | None => Asked::Unknown,
        };
    }
    let Some(request) = &statement.request else {
        return Asked::Unknown;
    };
    if *request.buyer() != statement.from {
        return Asked::Unknown;
    }
    find_request(desk, request)
}

fn find_request(desk: &Desk<'_>, request: &RequestId) -> Asked {
    let Some(entry) = book::by_request(desk.rows(), request) else {
        return Asked::Unknown;
    };
    match own_trade(desk, &entry) {
        Some(trade) => Asked::Trade(Box::new(trade)),
        None if entry.answer.is_some() => Asked::Rejected(entry),
        None => match shop::authorizing(desk, &entry) {
            Some(waits) => Asked::Authorizing(Box::new(waits)),
            None => Asked::Unknown,
        },
    }
}

pub(crate) fn own_trade(desk: &Desk<'_>, entry: &Request) -> Option<Trade> {
    let id: TradeId = entry.trade.clone()?;
    let shop = desk.settings.address.clone();
    desk.trade(&TradeRef { shop, id })
}

/// The same, and a payment that was authorized has a track from now on.
fn find_or_begin(desk: &mut Desk<'_>, statement: &Statement) -> Asked {
    match find(desk, statement) {
        Asked::Unknown => match payment::begin_authorized(desk, statement) {
            Some(trade) => Asked::Trade(Box::new(trade)),
            None => Asked::Unknown,
        },
        found @ (Asked::Trade(_) | Asked::Rejected(_) | Asked::Authorizing(_)) => found,
    }
}

/// `status-request`: the newest record and the present status of each track.
pub(crate) fn status_request(desk: &mut Desk<'_>, statement: &Statement) -> Outcome {
    match find_or_begin(desk, statement) {
        Asked::Trade(mut trade) => {
            shop::record_again(desk, &trade, statement);
            shop::begin_track(desk, &mut trade);
            say_present(desk, &trade, statement);
            shop::decision_again(desk, &trade);
            Outcome::Answered(Kind::StatusRequest)
        }
        Asked::Rejected(entry) => {
            reject_again(desk, statement, entry);
            Outcome::Answered(Kind::StatusRequest)
        }
        // Not `unknown-trade`, upon which the client would order again: any answer to the order is
        // an answer to this (protocol 3, "What answers what").
        Asked::Authorizing(waits) => Outcome::AuthorizationAwaited(waits.trade.id),
        Asked::Unknown => unknown_trade(desk, statement),
    }
}

/// By request id, a rejected order is answered by its rejection (Q4).
fn reject_again(desk: &mut Desk<'_>, statement: &Statement, mut entry: Request) {
    let Some(request) = statement.request.clone() else {
        return;
    };
    if may_repeat(&mut entry.repeated, desk.now)
        && let Some(octets) = &entry.answer
    {
        desk.say_again(octets, Occasion::Answer);
        desk.put(book::request_key(&request), &entry);
    }
}

/// The present status of each track that this server works on, as answers.
pub(crate) fn say_present(desk: &mut Desk<'_>, trade: &Trade, asking: &Statement) {
    for status in present(trade) {
        desk.answer_buyer(trade, &status, asking);
    }
}

/// The present status of each track that this server works on in this trade.
pub(crate) fn present(trade: &Trade) -> Vec<Told> {
    let order = trade.shop.iter().filter_map(|s| s.order.as_ref());
    let parcels = trade.carrier.iter().flat_map(|c| c.parcels.values());
    let payment = trade.payment.iter().filter_map(|p| p.track.as_ref());
    order
        .map(|t| Told::Order(t.last.clone()))
        .chain(parcels.map(|t| Told::Delivery(Box::new(t.last.clone()))))
        .chain(payment.map(|t| Told::Payment(t.last.clone())))
        .collect()
}

/// `notify`: replaces the wishes, unless later ones are known; answered by the present statuses.
pub(crate) fn notify(desk: &mut Desk<'_>, statement: &Statement, wishes: &Wishes) -> Outcome {
    match find_or_begin(desk, statement) {
        Asked::Trade(mut trade) => {
            let known = trade.wishes.as_ref();
            let changed = known.is_none_or(|k| k.sent <= statement.sent);
            if changed {
                trade.wishes = Some(KeptWishes {
                    wishes: wishes.clone(),
                    sent: statement.sent,
                });
                desk.save(&mut trade);
            }
            say_present(desk, &trade, statement);
            if changed {
                Outcome::Done {
                    kind: Kind::Notify,
                    trade: trade.trade,
                }
            } else {
                Outcome::Answered(Kind::Notify)
            }
        }
        Asked::Rejected(entry) => {
            reject_again(desk, statement, entry);
            Outcome::Answered(Kind::Notify)
        }
        Asked::Authorizing(waits) => shop::wish_early(desk, *waits, wishes, statement.sent),
        Asked::Unknown => match consented(desk, statement) {
            Some(outcome) => outcome,
            None => unknown_trade(desk, statement),
        },
    }
}

/// From the address named as `to`, a `notify` is only its consent (protocol 3, "Wishes").
fn consented(desk: &mut Desk<'_>, statement: &Statement) -> Option<Outcome> {
    let mut trade = match (&statement.trade, &statement.request) {
        (Some(trade), _) => desk.trade(trade)?,
        (None, Some(request)) => own_trade(desk, &book::by_request(desk.rows(), request)?)?,
        (None, None) => return None,
    };
    let named = trade.wishes.as_ref().and_then(|w| w.wishes.to.as_ref());
    if named != Some(&statement.from) {
        return None;
    }
    trade.consents.insert(statement.from.clone());
    desk.save(&mut trade);
    Some(Outcome::ConsentNoted(statement.from.clone()))
}

/// The same answer whether no such trade exists or it is somebody else's.
pub(crate) fn unknown_trade(desk: &mut Desk<'_>, statement: &Statement) -> Outcome {
    let naming = Naming {
        trade: None,
        request: statement
            .request
            .clone()
            .filter(|r| *r.buyer() == statement.from),
        answers: Some(statement.id),
    };
    desk.say(&statement.from, naming, Body::UnknownTrade, None);
    Outcome::UnknownTrade(statement.from.clone())
}

/// The rejection of an order, as a new statement.
pub(crate) fn rejection(reason: RejectionReason, text: &str) -> Body {
    Body::OrderRejected(OrderRejected {
        reason,
        text: text.to_owned(),
    })
}

/// Where this server is not what the statement is for.
pub(crate) fn not_for_us(statement: &Statement) -> Outcome {
    Ignored::NotForThisServer(statement.body.kind()).into()
}
