//! Electronic goods (E2): what the merchant's own system gives is sent to the buyer, and counts as
//! delivered once the mail server has accepted that very letter.
//!
//! The goods are the buyer's: no outcome, reason or notice holds them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tradepost_statements::progress::Progress as _;
use tradepost_statements::status::{DeliveryStatus, HttpsUrl, Window};
use tradepost_statements::{Body, DeliveryState, PaymentState, StatementId};

use super::done::{by_id, only};
use super::{Job, Stage, finish, put, take_out};
use crate::kernel::book::{self, HeardState, PartyTrack, PartyTrade, ShopPart};
use crate::kernel::case::{AskedBy, Naming};
use crate::kernel::own_status::OwnStatus;
use crate::kernel::settings::Charge;
use crate::kernel::track::{Standing, next_place};
use crate::kernel::{PartyCase, PartyOutcome};
use crate::shop;

/// Whether a command makes the goods of a trade, and this shop itself sends them.
pub(super) fn come_by_command(case: &PartyCase<'_>, shop: &ShopPart) -> bool {
    let delivery = &shop.record.delivery;
    let settings = case.settings.shop.as_ref();
    let procedure = settings.and_then(|s| s.delivery.get(&delivery.method));
    let own = &case.settings.address;
    procedure.is_some_and(|p| p.goods) && delivery.carriers.iter().any(|c| c.address == *own)
}

/// Whether they are neither sent nor stopped.
pub(super) fn wait_to_leave(trade: &PartyTrade) -> bool {
    let track = trade.carrier.as_ref().and_then(|c| c.parcels.get(""));
    track.is_some_and(|t| {
        let reached = t.standing.highest.and_then(|s| s.rank());
        reached.is_none_or(|rank| rank == FIRST)
    })
}

/// The rank of `announced` (protocol 4).
const FIRST: u8 = 1;

/// Goods that are a text cannot be taken back: where the payment is charged on confirmation, they
/// leave once it is authorized or settled. Where it is charged on shipping or by invoice, the shop
/// trusts the buyer (and the authorization, where its procedure asks for one), and they leave at once.
pub(super) fn may_leave(case: &PartyCase<'_>, trade: &PartyTrade, shop: &ShopPart) -> bool {
    let settings = case.settings.shop.as_ref();
    let procedure = settings.and_then(|s| s.payment.get(&shop.record.payment.method));
    match procedure.map(|p| p.charge) {
        Some(Charge::OnShipping | Charge::OnInvoice { .. }) => true,
        Some(Charge::OnConfirmation) | None => is_paid(trade, shop),
    }
}

fn is_paid(trade: &PartyTrade, shop: &ShopPart) -> bool {
    let own = trade.payment.as_ref().and_then(|p| p.track.as_ref());
    let own = own.map(|t| t.last.state);
    let heard = shop.heard.iter().find_map(|h| match h.state {
        HeardState::Payment { state, .. } => Some(state),
        HeardState::Delivery { .. } => None,
    });
    match own.or(heard) {
        Some(PaymentState::Authorized | PaymentState::Settled) => true,
        Some(
            PaymentState::Pending
            | PaymentState::Due
            | PaymentState::Declined
            | PaymentState::PartlyPaid
            | PaymentState::PastDue
            | PaymentState::Scheduled
            | PaymentState::Disputed
            | PaymentState::RefundPending
            | PaymentState::PartlyRefunded
            | PaymentState::Refunded
            | PaymentState::Voided,
        )
        | None => false,
    }
}

/// How the letter that brings goods ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LetterEnd {
    /// The mail server has it.
    Accepted,
    /// It was refused, or could not be handed over in time; why, for people.
    Failed(String),
}

/// What is kept of a letter that brings goods.
#[derive(Debug, Serialize, Deserialize)]
struct GoodsLetter {
    job: String,
}

/// Characters of a text of goods: a licence or a code, not a book; letters show people no more.
const LONGEST_TEXT: usize = 4000;

/// Sends the goods. They go to the buyer whatever is wished to be told (Q5): they are what was
/// bought, not news of it.
pub(super) fn send(
    case: &mut PartyCase<'_>,
    job: &Job,
    answer: &Map<String, Value>,
) -> Result<(), String> {
    only(answer, &["version", "access", "text"])?;
    // The reader's own words could quote the goods.
    let text_of = |name: &str| match answer.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.trim().to_owned()).filter(|t| !t.is_empty())),
        Some(_) => Err(format!("{name}: must be a string")),
    };
    let access = match text_of("access")? {
        Some(text) => match text.parse::<HttpsUrl>() {
            Ok(url) => Some(url),
            Err(_) => return Err("access: must be an https address".to_owned()),
        },
        None => None,
    };
    let text = text_of("text")?;
    if text
        .as_ref()
        .is_some_and(|t| t.chars().count() > LONGEST_TEXT)
    {
        return Err(format!("text: longer than {LONGEST_TEXT} characters"));
    }
    if access.is_none() && text.is_none() {
        return Err("the command gave no goods: access, text or both".to_owned());
    }
    let mut trade = case
        .trade(&job.trade)
        .ok_or_else(|| "its trade is not in the book".to_owned())?;
    let given = GivenGoods { access, text };
    let state = DeliveryState::ReadyForPickup;
    let Some(status) = advance(case, &mut trade, state, Some(given)) else {
        return Err("the delivery track has ended otherwise".to_owned());
    };
    let naming = Naming {
        trade: Some(trade.trade.clone()),
        ..Naming::default()
    };
    let body = Body::DeliveryStatus(Box::new(status));
    let to = trade.buyer_mail.clone();
    let statement = case.say(&to, naming, body, Some(&trade));
    take_out(case, job);
    let mut job = job.clone();
    job.stage = Stage::LetterIsOut { statement };
    job.attempts = job.attempts.saturating_add(1);
    job.last_error = None;
    let letter = GoodsLetter {
        job: job.id.clone(),
    };
    case.put(book::goods_letter_key(statement), &letter);
    put(case, &job);
    case.save(&mut trade);
    Ok(())
}

struct GivenGoods {
    access: Option<HttpsUrl>,
    text: Option<String>,
}

/// Moves the track of the goods on; goods that were given before stay in it, so that whoever asks is
/// told them again.
fn advance(
    case: &PartyCase<'_>,
    trade: &mut PartyTrade,
    state: DeliveryState,
    given: Option<GivenGoods>,
) -> Option<DeliveryStatus> {
    let part = trade.carrier.as_mut()?;
    let last = part.parcels.get("");
    let standing = last.map_or(Standing::start(), |t| t.standing);
    let standing = standing.step(state).ok()?;
    let place = next_place(last.map(|t| (t.last.sequence, t.last.at)), case.now);
    let (sequence, at) = place.ok()?;
    let goods = given.unwrap_or_else(|| GivenGoods {
        access: last.and_then(|t| t.last.access.clone()),
        text: last.and_then(|t| t.last.text.clone()),
    });
    let status = DeliveryStatus {
        sequence,
        parcel: String::new(),
        state,
        at,
        delivery: Window {
            actual: state.is_end().then_some(at),
            ..Window::default()
        },
        place: None,
        tracking_number: None,
        tracking_url: None,
        access: goods.access,
        lines: last.and_then(|t| t.last.lines.clone()),
        reason: None,
        text: goods.text,
    };
    let track = PartyTrack {
        last: status.clone(),
        standing,
    };
    part.parcels.insert(String::new(), track);
    Some(status)
}

/// What the end of a letter means: the goods in it are delivered, or they are not and the operator is
/// told. None: the letter brings no goods.
pub(crate) fn letter_ended(
    case: &mut PartyCase<'_>,
    statement: StatementId,
    end: &LetterEnd,
) -> Option<PartyOutcome> {
    let key = book::goods_letter_key(statement);
    let letter: GoodsLetter = case.read(&key)?;
    let mut job = by_id(case, &letter.job)?;
    match end {
        LetterEnd::Accepted => {
            case.delete(key);
            finish(case, &job);
            Some(delivered(case, &job))
        }
        LetterEnd::Failed(why) => {
            // The row stays: the operator may have the letter tried again.
            job.last_error = Some(why.clone());
            job.operator_told = true;
            put(case, &job);
            let trade = case.trade(&job.trade)?;
            Some(PartyOutcome::GoodsNotDelivered {
                to: trade.buyer_mail,
                trade: job.trade,
                why: why.clone(),
            })
        }
    }
}

fn delivered(case: &mut PartyCase<'_>, job: &Job) -> PartyOutcome {
    let over = || PartyOutcome::WasDue(format!("nothing: {} is over", job.id));
    let Some(mut trade) = case.trade(&job.trade) else {
        return over();
    };
    // The shop's part is done as soon as the goods have left (E11).
    shop::goods_left(case, &mut trade);
    let status = advance(case, &mut trade, DeliveryState::Delivered, None);
    if let Some(status) = &status {
        let told = OwnStatus::Delivery(Box::new(status.clone()));
        case.tell(&trade, &told, AskedBy::Nobody);
    }
    case.save(&mut trade);
    match status {
        Some(_) => PartyOutcome::GoodsDelivered(trade.trade),
        None => over(),
    }
}
