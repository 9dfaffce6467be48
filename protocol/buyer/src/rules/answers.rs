//! Lines 8 and 10: what answers something of ours, and only once.

use tradepost_statements::{Address, Kind, Statement};

use super::TradeQuestion;
use crate::keys;
use crate::state::{Own, OwnRequest, RequestAnswer, read};
use crate::warning::Mismatch;

pub(super) fn answers_nothing(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    let id = q.statement.answers?;
    let is_ours = q.answered().is_some();
    (!is_ours).then(|| {
        not_asked(format!(
            "an answer to the statement {id}, which is not ours"
        ))
    })
}

pub(super) fn another_answers(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    another_was_asked(q.statement, &q.answered()?.statement.to)
}

pub(super) fn requested_nothing(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    let id = q.statement.request.as_ref()?;
    let is_ours = q.request().is_some();
    (!is_ours).then(|| not_asked(format!("an answer to the request {id}, which is not ours")))
}

/// E6: a trade record counts only from the address that the order was sent to.
pub(super) fn another_fulfils(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    another_was_asked(q.statement, &q.request()?.to)
}

fn not_asked(received: String) -> Mismatch {
    Mismatch::new(received, "an answer to something that was asked from here")
}

fn another_was_asked(s: &Statement, to: &Address) -> Option<Mismatch> {
    (*to != s.from).then(|| {
        Mismatch::new(
            format!("an answer from {}", s.from.as_str()),
            format!("an answer from {}, who was asked", to.as_str()),
        )
    })
}

pub(super) fn second_trade(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    let (request, before) = q.answered_before(Kind::TradeRecord)?;
    let trade = q.statement.trade.as_ref()?;
    match before {
        RequestAnswer::Record { trade: first } if first != trade => Some(Mismatch::new(
            format!("the trade {} for the order {}", trade.id, request.id),
            format!("the trade {}, which came first", first.id),
        )),
        RequestAnswer::Record { .. } | RequestAnswer::Rejected { .. } => None,
    }
}

pub(super) fn record_after_rejection(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    let (request, before) = q.answered_before(Kind::TradeRecord)?;
    let trade = q.statement.trade.as_ref()?;
    match before {
        RequestAnswer::Rejected { reason, .. } => Some(Mismatch::new(
            format!("the trade {} for the order {}", trade.id, request.id),
            format!("nothing: the shop had rejected the order ({reason})"),
        )),
        RequestAnswer::Record { .. } => None,
    }
}

pub(super) fn rejection_after_record(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    let (request, before) = q.answered_before(Kind::OrderRejected)?;
    match before {
        RequestAnswer::Record { trade: first } => Some(Mismatch::new(
            format!("a rejection of the order {}", request.id),
            format!("the trade {}, which came first", first.id),
        )),
        RequestAnswer::Rejected { .. } => None,
    }
}

impl TradeQuestion<'_> {
    fn answered(&self) -> Option<&Own> {
        let find = || read(self.rows, &keys::own(self.statement.answers?));
        self.answered.get_or_init(find).as_ref()
    }

    fn request(&self) -> Option<&OwnRequest> {
        let find = || read(self.rows, &keys::request(self.statement.request.as_ref()?));
        self.requested.get_or_init(find).as_ref()
    }

    /// The request that a statement of this kind answers, and what answered it before.
    fn answered_before(&self, kind: Kind) -> Option<(&OwnRequest, &RequestAnswer)> {
        let request = self
            .request()
            .filter(|_| self.statement.body.kind() == kind)?;
        Some((request, request.answer.as_ref()?))
    }
}
