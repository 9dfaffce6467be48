//! What buyers ask any server: the present status (E15, E21), and other wishes (Q5 to Q7).

use tradepost_statements::wish::Wishes;
use tradepost_statements::{Kind, Statement};

use crate::kernel::answers::unknown_trade;
use crate::kernel::book::{self, KeptWishes, OrderRequest, PartyTrade};
use crate::kernel::case::may_repeat;
use crate::kernel::own_status::present;
use crate::kernel::{Occasion, PartyCase, PartyOutcome};
use crate::shop::{AskedAbout, find, own_trade};
use crate::{payment, shop};

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
            shop::decisions_again(case, &trade);
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
