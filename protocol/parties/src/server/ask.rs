//! What buyers ask any server: the present status (E15, E21), and other wishes (Q5 to Q7).

use tradepost_statements::order::{OrderRejected, RejectionReason};
use tradepost_statements::wish::Wishes;
use tradepost_statements::{Body, Kind, RequestId, Statement, TradeId, TradeRef};

use super::book::{self, KeptWishes, OrderRequest, PartyTrade};
use super::case::{Naming, OwnStatus, PartyCase, may_repeat};
use super::change::{Ignored, Occasion, PartyOutcome};
use crate::payment;
use crate::shop::{self, Authorizing};

/// What a statement that names a trade or a request is about.
pub(crate) enum AskedAbout {
    /// A trade of this buyer.
    Trade(Box<PartyTrade>),
    /// An order of this buyer that became no trade.
    Rejected(OrderRequest),
    /// An order of this buyer whose payment is being authorized (E3): there is nothing to tell yet.
    Authorizing(Box<Authorizing>),
    /// Nothing that this sender may know of: the same, whether it exists or not.
    Unknown,
}

/// Finds what a buyer asks about.
pub(crate) fn find(case: &PartyCase<'_>, statement: &Statement) -> AskedAbout {
    if let Some(trade) = &statement.trade {
        return match case.trade(trade) {
            Some(trade) if trade.buyer_mail == statement.from => AskedAbout::Trade(Box::new(trade)),
            Some(_) | None => AskedAbout::Unknown,
        };
    }
    let Some(request) = &statement.request else {
        return AskedAbout::Unknown;
    };
    if *request.buyer() != statement.from {
        return AskedAbout::Unknown;
    }
    find_request(case, request)
}

fn find_request(case: &PartyCase<'_>, request: &RequestId) -> AskedAbout {
    let Some(entry) = book::by_request(case.rows(), request) else {
        return AskedAbout::Unknown;
    };
    match own_trade(case, &entry) {
        Some(trade) => AskedAbout::Trade(Box::new(trade)),
        None if entry.answer.is_some() => AskedAbout::Rejected(entry),
        None => match shop::authorizing(case, &entry) {
            Some(waits) => AskedAbout::Authorizing(Box::new(waits)),
            None => AskedAbout::Unknown,
        },
    }
}

pub(crate) fn own_trade(case: &PartyCase<'_>, entry: &OrderRequest) -> Option<PartyTrade> {
    let id: TradeId = entry.trade.clone()?;
    let shop = case.settings.address.clone();
    case.trade(&TradeRef { shop, id })
}

/// The same, and a payment that was authorized has a track from now on.
fn find_or_begin(case: &mut PartyCase<'_>, statement: &Statement) -> AskedAbout {
    match find(case, statement) {
        AskedAbout::Unknown => match payment::begin_authorized(case, statement) {
            Some(trade) => AskedAbout::Trade(Box::new(trade)),
            None => AskedAbout::Unknown,
        },
        found @ (AskedAbout::Trade(_) | AskedAbout::Rejected(_) | AskedAbout::Authorizing(_)) => {
            found
        }
    }
}

/// `status-request`: the newest record and the present status of each track.
pub(crate) fn status_request(case: &mut PartyCase<'_>, statement: &Statement) -> PartyOutcome {
    match find_or_begin(case, statement) {
        AskedAbout::Trade(mut trade) => {
            shop::record_again(case, &trade, statement);
            shop::begin_track(case, &mut trade);
            say_present(case, &trade, statement);
            shop::decision_again(case, &trade);
            PartyOutcome::Answered(Kind::StatusRequest)
        }
        AskedAbout::Rejected(entry) => {
            reject_again(case, statement, entry);
            PartyOutcome::Answered(Kind::StatusRequest)
        }
        // Not `unknown-trade`, upon which the client would order again: any answer to the order is
        // an answer to this (protocol 3, "What answers what").
        AskedAbout::Authorizing(waits) => PartyOutcome::AuthorizationAwaited(waits.trade.id),
        AskedAbout::Unknown => unknown_trade(case, statement),
    }
}

/// By request id, a rejected order is answered by its rejection (Q4).
fn reject_again(case: &mut PartyCase<'_>, statement: &Statement, mut entry: OrderRequest) {
    let Some(request) = statement.request.clone() else {
        return;
    };
    if may_repeat(&mut entry.repeated, case.now)
        && let Some(octets) = &entry.answer
    {
        case.say_again(octets, Occasion::Answer);
        case.put(book::request_key(&request), &entry);
    }
}

/// The present status of each track that this server works on, as answers.
pub(crate) fn say_present(case: &mut PartyCase<'_>, trade: &PartyTrade, asking: &Statement) {
    for status in present(trade) {
        case.answer_buyer(trade, &status, asking);
    }
}

/// The present status of each track that this server works on in this trade.
pub(crate) fn present(trade: &PartyTrade) -> Vec<OwnStatus> {
    let order = trade.shop.iter().filter_map(|s| s.order.as_ref());
    let parcels = trade.carrier.iter().flat_map(|c| c.parcels.values());
    let payment = trade.payment.iter().filter_map(|p| p.track.as_ref());
    order
        .map(|t| OwnStatus::Order(t.last.clone()))
        .chain(parcels.map(|t| OwnStatus::Delivery(Box::new(t.last.clone()))))
        .chain(payment.map(|t| OwnStatus::Payment(t.last.clone())))
        .collect()
}

/// `notify`: replaces the wishes, unless later ones are known; answered by the present statuses.
pub(crate) fn notify(
    case: &mut PartyCase<'_>,
    statement: &Statement,
    wishes: &Wishes,
) -> PartyOutcome {
    match find_or_begin(case, statement) {
        AskedAbout::Trade(mut trade) => {
            let known = trade.wishes.as_ref();
            let changed = known.is_none_or(|k| k.sent <= statement.sent);
            if changed {
                trade.wishes = Some(KeptWishes {
                    wishes: wishes.clone(),
                    sent: statement.sent,
                });
                case.save(&mut trade);
            }
            say_present(case, &trade, statement);
            if changed {
                PartyOutcome::Done {
                    kind: Kind::Notify,
                    trade: trade.trade,
                }
            } else {
                PartyOutcome::Answered(Kind::Notify)
            }
        }
        AskedAbout::Rejected(entry) => {
            reject_again(case, statement, entry);
            PartyOutcome::Answered(Kind::Notify)
        }
        AskedAbout::Authorizing(waits) => shop::wish_early(case, *waits, wishes, statement.sent),
        AskedAbout::Unknown => match consented(case, statement) {
            Some(outcome) => outcome,
            None => unknown_trade(case, statement),
        },
    }
}

/// From the address named as `to`, a `notify` is only its consent (protocol 3, "Wishes").
fn consented(case: &mut PartyCase<'_>, statement: &Statement) -> Option<PartyOutcome> {
    let mut trade = match (&statement.trade, &statement.request) {
        (Some(trade), _) => case.trade(trade)?,
        (None, Some(request)) => own_trade(case, &book::by_request(case.rows(), request)?)?,
        (None, None) => return None,
    };
    let named = trade.wishes.as_ref().and_then(|w| w.wishes.to.as_ref());
    if named != Some(&statement.from) {
        return None;
    }
    trade.consents.insert(statement.from.clone());
    case.save(&mut trade);
    Some(PartyOutcome::ConsentNoted(statement.from.clone()))
}

/// The same answer whether no such trade exists or it is somebody else's.
pub(crate) fn unknown_trade(case: &mut PartyCase<'_>, statement: &Statement) -> PartyOutcome {
    let naming = Naming {
        trade: None,
        request: statement
            .request
            .clone()
            .filter(|r| *r.buyer() == statement.from),
        answers: Some(statement.id),
    };
    case.say(&statement.from, naming, Body::UnknownTrade, None);
    PartyOutcome::UnknownTrade(statement.from.clone())
}

/// The rejection of an order, as a new statement.
pub(crate) fn rejection(reason: RejectionReason, text: &str) -> Body {
    Body::OrderRejected(OrderRejected {
        reason,
        text: text.to_owned(),
    })
}

/// Where this server is not what the statement is for.
pub(crate) fn not_for_us(statement: &Statement) -> PartyOutcome {
    Ignored::NotForThisServer(statement.body.kind()).into()
}
