//! Where the ledger's rows are. Numbers and times are written so that keys sort as they do.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use tradepost_statements::{Address, RequestId, StatementId, Time, TradeRef};

pub(super) const LETTER_COUNTER: &str = "b/n/letter";
/// Of the letters that stand elsewhere than where they came.
pub(super) const PLACE_COUNTER: &str = "b/n/place";
pub(super) const OPEN_WARNING_COUNT: &str = "b/n/open";
pub(super) const HELD_COUNT: &str = "b/n/held";
pub(super) const WARNING_COUNTER: &str = "b/n/warning";
pub(super) const TOTALS: &str = "b/sum";
pub(super) const LETTERS: &str = "b/l/";
pub(super) const TRADES: &str = "b/t/";
pub(super) const OWN: &str = "b/o/";
pub(super) const REQUESTS: &str = "b/q/";
pub(super) const WARNINGS: &str = "b/w/";
pub(super) const OPEN_WARNINGS: &str = "b/v/";
pub(super) const UNDELIVERED: &str = "b/p/";
pub(super) const UNPAID: &str = "b/u/";
pub(super) const HELD: &str = "b/h/";
pub(super) const SAY_AGAIN: &str = "b/r/";
pub(super) const PLAN_COUNTER: &str = "b/n/plan";
pub(super) const PLANS: &str = "b/y/";
pub(super) const PLANS_DUE: &str = "b/yd/";
pub(super) const PLANS_WITHOUT_TIME: &str = "b/yn/";

fn number(n: u64) -> String {
    format!("{n:016x}")
}

/// Milliseconds since 1970, shifted so that earlier times sort first.
fn time(t: Option<Time>) -> String {
    t.map_or_else(
        || "z".to_owned(),
        |t| number(t.unix_millis().saturating_add(1 << 60).unsigned_abs()),
    )
}

/// `shop/id`: an id has no slash, so the last one divides.
pub(super) fn trade_key(t: &TradeRef) -> String {
    format!("{}/{}", t.shop.as_str(), t.id)
}

/// The trade in a key that [`trade_key`] made a part of.
pub(super) fn trade_in_key(text: &str) -> Option<TradeRef> {
    let (shop, id) = text.rsplit_once('/')?;
    Some(TradeRef {
        shop: shop.parse().ok()?,
        id: id.parse().ok()?,
    })
}

pub(super) fn letter(no: u64) -> String {
    format!("{LETTERS}{}", number(no))
}
/// What changes of a letter while it waits, or comes again.
pub(super) fn letter_counts(no: u64) -> String {
    format!("b/lc/{}", number(no))
}
/// How many more letters of the group of a warning came.
pub(super) fn more_of_warning(id: u64) -> String {
    format!("b/wm/{}", number(id))
}
pub(super) fn trade(t: &TradeRef) -> String {
    format!("{TRADES}{}", trade_key(t))
}
/// What a letter says: written once, however the letter fares.
pub(super) fn content(no: u64) -> String {
    format!("b/c/{}", number(no))
}
/// What the statuses of a trade come to.
pub(super) fn progress(t: &TradeRef) -> String {
    format!("b/tn/{}", trade_key(t))
}
/// The trade records of a trade that are walked.
pub(super) fn records(t: &TradeRef) -> String {
    format!("b/tr/{}", trade_key(t))
}
/// The letters that are part of a trade, the newest first.
pub(super) fn history(t: &TradeRef) -> String {
    format!("b/th/{}/", trade_key(t))
}
pub(super) fn in_history(t: &TradeRef, no: u64) -> String {
    format!("{}{}", history(t), number(u64::MAX - no))
}
/// The number in a key of [`in_history`].
pub(super) fn number_in_history(t: &TradeRef, key: &[u8]) -> Option<u64> {
    let hex = std::str::from_utf8(key.get(history(t).len()..)?).ok()?;
    Some(u64::MAX - u64::from_str_radix(hex, 16).ok()?)
}
/// The tracks of a trade; the steps of one follow behind its key and a slash.
pub(super) fn order_track(t: &TradeRef) -> String {
    format!("b/tk/{}/o", trade_key(t))
}
pub(super) fn payment_track(t: &TradeRef, sender: &Address) -> String {
    format!("b/tk/{}/p/{}", trade_key(t), sender.as_str())
}
pub(super) fn delivery_track(t: &TradeRef, parcel: &str, carrier: &Address) -> String {
    let (trade, parcel) = (trade_key(t), parcel_key(parcel));
    format!("b/tk/{trade}/d/{parcel}/{}", carrier.as_str())
}
pub(super) fn steps(track: &str) -> String {
    format!("{track}/")
}
pub(super) fn step(track: &str, sequence: u32, content: &str) -> String {
    format!("{track}/{sequence:08x}/{content}")
}
/// The parcels of a trade that were told of, by name and carrier.
pub(super) fn parcels(t: &TradeRef) -> String {
    format!("b/tp/{}/", trade_key(t))
}
pub(super) fn parcels_named(t: &TradeRef, parcel: &str) -> String {
    format!("{}{}/", parcels(t), parcel_key(parcel))
}
pub(super) fn parcel(t: &TradeRef, parcel: &str, carrier: &Address) -> String {
    format!("{}{}", parcels_named(t, parcel), carrier.as_str())
}
/// Parcels by when they are promised, in groups that are awaited or not together.
pub(super) fn promises(t: &TradeRef, group: &str) -> String {
    format!("b/tq/{}/{group}/", trade_key(t))
}
pub(super) fn promise(
    t: &TradeRef,
    group: &str,
    at: Time,
    parcel: &str,
    carrier: &Address,
) -> String {
    let (at, parcel) = (time(Some(at)), parcel_key(parcel));
    format!("{}{at}/{parcel}/{}", promises(t, group), carrier.as_str())
}
/// The parcels that the last `shipped` names.
pub(super) fn names_of_shipped(t: &TradeRef) -> String {
    format!("b/tm/{}/s/", trade_key(t))
}
pub(super) fn named_by_shipped(t: &TradeRef, parcel: &str) -> String {
    format!("{}{}", names_of_shipped(t), parcel_key(parcel))
}
/// The parcels that the newest record names for its carriers.
pub(super) fn names_of_record(t: &TradeRef) -> String {
    format!("b/tm/{}/r/", trade_key(t))
}
pub(super) fn named_by_record(t: &TradeRef, parcel: &str, carrier: &Address) -> String {
    let parcel = parcel_key(parcel);
    format!("{}{parcel}/{}", names_of_record(t), carrier.as_str())
}
/// A parcel's name as a part of keys: as it is where it is short and plain.
fn parcel_key(name: &str) -> String {
    const LONGEST: usize = 24;
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if name.len() <= LONGEST && name.bytes().all(is_plain) {
        format!("={name}")
    } else {
        format!("#{}", digest_of(name))
    }
}
/// The first half of a SHA-256, in hex.
pub(super) fn digest_of(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(16).fold(String::new(), |mut hex, b| {
        // Writing to a string does not fail.
        let _ = write!(hex, "{b:02x}");
        hex
    })
}
/// The shop's last decision about something that was asked to be undone.
pub(super) fn decision(asked: StatementId) -> String {
    format!("b/od/{asked}")
}
/// What is to be judged again, of which not all was looked at yet.
pub(super) const LOOK_AGAIN: &str = "b/z/";
pub(super) fn look_again(what: &str) -> String {
    format!("{LOOK_AGAIN}{what}")
}
/// Letters about a trade that lines 8 to 15 refused.
pub(super) fn set_aside(t: &TradeRef) -> String {
    format!("b/ta/{}/", trade_key(t))
}
pub(super) fn aside(t: &TradeRef, no: u64) -> String {
    format!("{}{}", set_aside(t), number(no))
}
/// All trades that have this id, whoever the shop is.
pub(super) fn trades_by_id(id: &str) -> String {
    format!("b/i/{id}/")
}
pub(super) fn trade_by_id(t: &TradeRef) -> String {
    format!("{}{}", trades_by_id(t.id.as_str()), t.shop.as_str())
}
pub(super) fn digest(hex: &str) -> String {
    format!("b/g/{hex}")
}
/// What was named as a trade with this id, but has no trade record that counts.
pub(super) fn no_trades_by_id(id: &str) -> String {
    format!("b/j/{id}/")
}
pub(super) fn no_trade_by_id(t: &TradeRef) -> String {
    format!("{}{}", no_trades_by_id(t.id.as_str()), t.shop.as_str())
}
/// Statements are told apart by (proven sender, statement id).
pub(super) fn statement(sender: &Address, id: StatementId) -> String {
    format!("b/s/{id}/{}", sender.as_str())
}
pub(super) fn own(id: StatementId) -> String {
    format!("{OWN}{id}")
}
pub(super) const EXPECTED: &str = "b/e/";
/// What is expected of a trade that was ordered elsewhere (protocol 9).
pub(super) fn expected(t: &TradeRef) -> String {
    format!("{EXPECTED}{}", trade_key(t))
}
/// Expected trades that have this id, whoever the shop is.
pub(super) fn all_expected_by_id(id: &str) -> String {
    format!("b/ei/{id}/")
}
pub(super) fn expected_by_id(t: &TradeRef) -> String {
    format!("{}{}", all_expected_by_id(t.id.as_str()), t.shop.as_str())
}
/// Cancellations and returns of ours that name a trade.
pub(super) fn undoings_of_trade(t: &TradeRef) -> String {
    format!("b/oa/{}/", trade_key(t))
}
pub(super) fn undoing_of_trade(t: &TradeRef, id: StatementId) -> String {
    format!("{}{id}", undoings_of_trade(t))
}
pub(super) fn own_by_message_id(id: &str) -> String {
    format!("b/m/{id}")
}
pub(super) fn request(id: &RequestId) -> String {
    format!("{REQUESTS}{}", id.key())
}
pub(super) fn warning(id: u64) -> String {
    format!("{WARNINGS}{}", number(id))
}
pub(super) fn open_warning(id: u64) -> String {
    format!("{OPEN_WARNINGS}{}", number(id))
}
pub(super) fn warnings_of_letter(no: u64) -> String {
    format!("b/wl/{}/", number(no))
}
pub(super) fn warning_of_letter(no: u64, id: u64) -> String {
    format!("{}{}", warnings_of_letter(no), number(id))
}
/// How many open warnings there are about a trade.
pub(super) fn warning_count_of_trade(t: &TradeRef) -> String {
    format!("b/wc/{}", trade_key(t))
}
/// The ledger's own warnings about a trade or statement, by what they are about.
pub(super) fn own_warning(kind: &str, about: &str) -> String {
    format!("b/wo/{kind}/{about}")
}
pub(super) fn undelivered(promised: Option<Time>, t: &TradeRef) -> String {
    format!("{UNDELIVERED}{}/{}", time(promised), trade_key(t))
}
pub(super) fn unpaid(due: Option<Time>, t: &TradeRef) -> String {
    format!("{UNPAID}{}/{}", time(due), trade_key(t))
}
pub(super) fn held(until: Time, no: u64) -> String {
    format!("{HELD}{}/{}", time(Some(until)), number(no))
}
pub(super) fn say_again(at: Time, id: StatementId) -> String {
    format!("{SAY_AGAIN}{}/{id}", time(Some(at)))
}
pub(super) fn plan(id: u64) -> String {
    format!("{PLANS}{}", number(id))
}
pub(super) fn plan_due(at: Time, id: u64) -> String {
    format!("{PLANS_DUE}{}/{}", time(Some(at)), number(id))
}
pub(super) fn plan_without_time(id: u64) -> String {
    format!("{PLANS_WITHOUT_TIME}{}", number(id))
}
pub(super) fn plans_of_trade(t: &TradeRef) -> String {
    format!("b/yt/{}/", trade_key(t))
}
pub(super) fn plan_of_trade(t: &TradeRef, id: u64) -> String {
    format!("{}{}", plans_of_trade(t), number(id))
}
/// The last question to a server, by what it was about.
pub(super) fn asked_about_trade(t: &TradeRef, to: &Address) -> String {
    format!("b/at/{}/{}", trade_key(t), to.as_str())
}
pub(super) fn asked_about_request(id: &RequestId, to: &Address) -> String {
    format!("b/ar/{}/{}", id.key(), to.as_str())
}
/// How far a queue of promises was looked at.
pub(super) fn looked_at(queue: &str) -> String {
    format!("b/n/looked-at/{queue}")
}
/// Where a queue by time begins that is due at `t`.
pub(super) fn due_from(queue: &str, t: Time) -> String {
    format!("{queue}{}", time(Some(t)))
}
/// Where a queue by time ends that is due at `t`.
pub(super) fn due_through(queue: &str, t: Time) -> String {
    format!("{queue}{}~", time(Some(t)))
}
/// The time in a key that [`held`], [`say_again`] and the like made.
pub(super) fn time_in(queue: &str, key: &[u8]) -> Option<Time> {
    let hex = key.get(queue.len()..queue.len() + 16)?;
    let shifted = u64::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()?;
    Some(Time::from_unix_millis(
        i64::try_from(shifted).ok()?.saturating_sub(1 << 60),
    ))
}
/// Letters that answer something of ours that is not known here (yet).
pub(super) fn waiting_for(what: &str) -> String {
    format!("b/x/{what}/")
}
pub(super) fn waits_for(what: &str, no: u64) -> String {
    format!("{}{}", waiting_for(what), number(no))
}
/// Parties of trades by what their domains look like, then by domain: those of trades that the
/// person placed or confirmed (0) first.
pub(super) fn parties_that_look_like(looks: &str) -> String {
    format!("b/k/{looks}/")
}
pub(super) fn parties_at(looks: &str, domain: &str) -> String {
    format!("{}{domain}/", parties_that_look_like(looks))
}
pub(super) fn settled_party(looks: &str, domain: &str) -> String {
    format!("{}0/", parties_at(looks, domain))
}
pub(super) fn party_of(looks: &str, domain: &str, settled: bool, t: &TradeRef) -> String {
    let apart = u8::from(!settled);
    format!("{}{apart}/{}", parties_at(looks, domain), trade_key(t))
}
/// Shops by what they call themselves.
pub(super) fn shops_named(name: &str) -> String {
    format!("b/kn/{name}/")
}
pub(super) fn shop_named(name: &str, domain: &str, t: &TradeRef) -> String {
    format!("{}{domain}/{}", shops_named(name), trade_key(t))
}
/// How many letters of a day were held for DNS, in a group and in all.
pub(super) fn held_of_group(
    day: i64,
    vouched: bool,
    trade: Option<&TradeRef>,
    sender: &str,
) -> String {
    let trade = trade.map(trade_key).unwrap_or_default();
    format!("b/hg/{day}/{}/{trade}/{sender}", u8::from(vouched))
}
pub(super) fn held_of_day(day: i64, parties: bool) -> String {
    format!("b/hd/{day}/{}", u8::from(parties))
}
/// Letters below the minimum: claimed sender, trade and day (protocol 5).
pub(super) fn group(sender: &str, trade: Option<&TradeRef>, day: i64) -> String {
    format!(
        "b/f/{day}/{}/{sender}",
        trade.map(trade_key).unwrap_or_default()
    )
}
