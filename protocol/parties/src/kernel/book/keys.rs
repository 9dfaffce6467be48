//! Where the rows of the book are; `super` says what lies under each. Numbers and times are written so that
//! keys sort as they do.

use tradepost_statements::{Address, RequestId, StatementId, Time, TradeId, TradeRef};

/// The key of a trade.
#[must_use]
pub fn trade_key(trade: &TradeRef) -> String {
    format!("s/t/{}/{}", trade.shop.as_str(), trade.id)
}

pub(crate) fn name_prefix(id: &TradeId) -> String {
    format!("s/n/{id}/")
}

pub(crate) fn request_key(request: &RequestId) -> String {
    format!("s/b/{}", request.key())
}

pub(crate) fn seen_key(sender: &Address, id: StatementId) -> String {
    format!("s/i/{}/{id}", sender.as_str())
}

pub(crate) fn digest_key(digest: &str) -> String {
    format!("s/g/{digest}")
}

pub(crate) fn emit_key(key: &str) -> String {
    format!("s/k/{key}")
}

/// The key of an event that the merchant's own system told, from that of its row.
#[must_use]
pub fn key_of_emitted(row: &[u8]) -> Option<&str> {
    std::str::from_utf8(row).ok()?.strip_prefix("s/k/")
}

/// The trade that an order of the merchant's own system became.
pub(crate) fn origin_key(origin: &str) -> String {
    format!("s/x/{origin}")
}

pub(crate) const RETURNS: &str = "s/r/";

pub(crate) fn returns_key(trade: &TradeId) -> String {
    format!("{RETURNS}{trade}")
}

/// The decisions that were said about the wishes of a trade.
pub(crate) fn decisions_of(trade: &TradeId) -> String {
    format!("s/e/{trade}/")
}

pub(crate) fn decision_key(trade: &TradeId, wish: StatementId) -> String {
    format!("{}{wish}", decisions_of(trade))
}

pub(crate) fn authorizing_key(trade: &TradeId) -> String {
    format!("s/v/{trade}")
}

pub(crate) fn authorizations_of(id: &TradeId) -> String {
    format!("s/a/{id}/")
}

pub(crate) fn authorization_key(trade: &TradeRef) -> String {
    format!("{}{}", authorizations_of(&trade.id), trade.shop.as_str())
}

/// Authorizations that wait for the operator.
pub(crate) const ASKED: &str = "s/q/";

pub(crate) fn asked_key(trade: &TradeRef) -> String {
    format!("{ASKED}{}/{}", trade.id, trade.shop.as_str())
}

/// Of what the merchant's own mail tells: its statement's kind, and the parcel.
pub(crate) fn unmailed_key(trade: &TradeRef, what: &str) -> String {
    format!("s/l/{}/{}/{what}", trade.shop.as_str(), trade.id)
}

/// Own statements that await an answer.
pub(crate) const UNANSWERED: &str = "s/w/";

pub(crate) fn waiting_key(id: StatementId) -> String {
    format!("{UNANSWERED}{id}")
}

pub(crate) fn held_key(digest: &str) -> String {
    format!("s/h/{digest}")
}

pub(crate) fn waits_key(digest: &str) -> String {
    format!("{WAITS}{digest}")
}

/// Where the letters are that wait for DNS, by their digests.
pub(crate) const WAITS: &str = "s/u/";
/// How many wait, and of which domain.
pub(crate) const WAITING: &str = "s/o";

pub(crate) fn waiting_of_key(domain: &str) -> String {
    format!("{WAITING}/{domain}")
}

pub(crate) const PROOF: &str = "s/p/";

pub(crate) fn proof_due_key(at: Time, digest: &str) -> String {
    timed_key(PROOF, at, digest)
}

pub(crate) fn read_proof_due_key(key: &[u8]) -> Option<(Time, String)> {
    read_timed_key(PROOF, key)
}

/// The digest of a letter whose row that is, while it waits for DNS: whoever keeps the letters knows
/// by it when one may go.
#[must_use]
pub fn digest_of_waiting(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key).ok()?.strip_prefix(WAITS)
}

/// Where jobs are, and when they are run.
pub(crate) const JOBS: &str = "s/j/";
pub(crate) const JOB_DUE: &str = "s/jd/";

pub(crate) fn job_key(id: &str) -> String {
    format!("{JOBS}{id}")
}

pub(crate) fn job_done_key(id: &str) -> String {
    format!("s/jx/{id}")
}

pub(crate) fn job_changes_key(trade: &TradeId) -> String {
    format!("s/jl/{trade}")
}

pub(crate) fn job_due_key(at: Time, id: &str) -> String {
    timed_key(JOB_DUE, at, id)
}

pub(crate) fn read_job_due_key(key: &[u8]) -> Option<(Time, String)> {
    read_timed_key(JOB_DUE, key)
}

pub(crate) fn goods_letter_key(statement: StatementId) -> String {
    format!("s/jg/{statement}")
}

/// What a mark stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MarkOf<'p> {
    Refund,
    /// Of a parcel, or of all.
    Recall(Option<&'p str>),
}

pub(crate) fn mark_key(trade: &TradeRef, of: MarkOf<'_>) -> String {
    let (shop, id) = (trade.shop.as_str(), &trade.id);
    match of {
        MarkOf::Refund => format!("s/m/{shop}/{id}/refund"),
        MarkOf::Recall(None) => format!("s/m/{shop}/{id}/recall"),
        MarkOf::Recall(Some(parcel)) => format!("s/m/{shop}/{id}/recall/{parcel}"),
    }
}

pub(crate) const DUE: &str = "s/d/";

/// Ordered by time: 16 digits last until the year 318857. Rounded up to a whole millisecond: when
/// the row is due, so is what it names.
pub(crate) fn due_key(at: Time, what: &str) -> String {
    timed_key(DUE, at, what)
}

fn timed_key(list: &str, at: Time, what: &str) -> String {
    let down = at.unix_millis();
    let up = down.saturating_add(i64::from(Time::from_unix_millis(down) < at));
    format!("{list}{:016}/{what}", up.max(0))
}

/// When a row of the due list is due, and what it names.
pub(crate) fn read_due_key(key: &[u8]) -> Option<(Time, String)> {
    read_timed_key(DUE, key)
}

fn read_timed_key(list: &str, key: &[u8]) -> Option<(Time, String)> {
    let text = std::str::from_utf8(key).ok()?.strip_prefix(list)?;
    let (millis, what) = text.split_once('/')?;
    Some((
        Time::from_unix_millis(millis.parse().ok()?),
        what.to_owned(),
    ))
}
