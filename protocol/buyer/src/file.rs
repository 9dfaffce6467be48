//! Where a letter goes that passed the door: to its trade, or, when it names none, to the request
//! that it answers.

use tradepost_statements::{Body, Kind, Statement, TradeRef};

use super::answering::note_new_answer;
use super::case::BuyerCase;
use super::evaluate::{self, OpenTrade};
use super::filed::LetterOutcome;
use super::judge::lines_8_to_15;
use super::known::KnownTrade;
use super::state::{Fate, OwnRequest, RequestAnswer};
use super::terms::Terms;
use super::{Judgement, Notice, Verdict, keys};

/// Files a letter and judges what it is about.
pub(super) fn file(case: &mut BuyerCase<'_>, no: u64, statement: &Statement) -> Judgement {
    for what in waits(statement) {
        case.mark(&keys::waits_for(&what, no));
    }
    match belongs_to(statement) {
        Some(trade) => evaluate::judge(case, trade, no),
        None => judge_alone(case, no),
    }
    let fate = case.letter(no).map_or(Fate::New, |l| l.fate);
    judgement(case, no, &fate, statement)
}

/// The trade that a letter is filed with. What rejects an order, or knows no trade, is about a
/// request of ours, whatever else it names.
fn belongs_to(statement: &Statement) -> Option<&TradeRef> {
    let about_a_request = matches!(
        statement.body.kind(),
        Kind::OrderRejected | Kind::UnknownTrade
    );
    if about_a_request {
        None
    } else {
        statement.trade.as_ref()
    }
}

/// What of ours a letter speaks of; when that turns up later, the letter is judged again.
fn waits(statement: &Statement) -> Vec<String> {
    let request = statement.request.as_ref().map(|r| format!("r/{}", r.key()));
    let answers = statement.answers.map(|a| format!("a/{a}"));
    request.into_iter().chain(answers).collect()
}

/// Judges a letter that belongs to no trade.
pub(super) fn judge_alone(case: &mut BuyerCase<'_>, no: u64) {
    let Some(mut filed) = case.filed(no) else {
        return;
    };
    let statement = &filed.decoded.statement;
    let known = KnownTrade {
        trade: None,
        adopted: false,
        agreed: None,
        terms: Terms::default(),
    };
    let outcome = match lines_8_to_15(case, statement, filed.letter.accepted_through, &known) {
        Some(finding) => LetterOutcome::refused(finding),
        None => {
            apply_alone(case, no, statement);
            LetterOutcome::of(Fate::Applied)
        }
    };
    let before = std::mem::replace(&mut filed.letter.fate, outcome.fate);
    case.put_letter(&filed.letter);
    note_new_answer(case, &before, &filed.letter, &filed.decoded.statement);
    case.reconcile(
        &filed.letter,
        filed.decoded.statement.trade.as_ref(),
        &outcome.findings,
    );
}

fn apply_alone(case: &mut BuyerCase<'_>, no: u64, statement: &Statement) {
    if let Body::OrderRejected(rejected) = &statement.body {
        let Some(mut request) = statement.request.as_ref().and_then(|id| case.request(id)) else {
            return;
        };
        if request.answer.is_some() {
            return;
        }
        let reason = rejected.reason.to_string();
        case.notices.push(Notice::OrderRejected {
            request: request.id.to_string(),
            reason: reason.clone(),
        });
        request.answer = Some(RequestAnswer::Rejected { letter: no, reason });
        case.put(&keys::request(&request.id.clone()), &request);
    } else if statement.body == Body::UnknownTrade {
        // Protocol 3, `status-request`: the shop never saw the order, so it is sent again.
        let asked = statement
            .answers
            .and_then(|id| case.own(id))
            .map(|own| own.statement);
        let by_request = asked
            .filter(|s| s.body == Body::StatusRequest && s.trade.is_none())
            .and_then(|s| case.request(s.request.as_ref()?));
        let is_wanted = |r: &OwnRequest| r.answer.is_none() && !is_called_off(case, r);
        if let Some(request) = by_request.filter(is_wanted) {
            case.say_again.extend(request.order);
        }
    }
}

/// What the person has cancelled since is not ordered again.
fn is_called_off(case: &BuyerCase<'_>, request: &OwnRequest) -> bool {
    let said = request.statements.iter().filter_map(|id| case.own(*id));
    said.into_iter()
        .any(|own| own.statement.body.kind() == Kind::Cancel)
}

/// Judges letters again whose statements speak of something that has just turned up.
pub(super) fn judge_again(case: &mut BuyerCase<'_>, numbers: &[u64]) {
    // Trades in the order of their first letters (line 10), each opened once.
    let mut trades: Vec<(TradeRef, Vec<u64>)> = Vec::new();
    for no in numbers {
        let Some(filed) = case.filed(*no) else {
            continue;
        };
        match belongs_to(&filed.decoded.statement) {
            Some(trade) => match trades.iter_mut().find(|(known, _)| known == trade) {
                Some((_, letters)) => letters.push(*no),
                None => trades.push((trade.clone(), vec![*no])),
            },
            None => judge_alone(case, *no),
        }
    }
    for (trade, letters) in trades {
        let Some(mut open) = OpenTrade::known(case, &trade) else {
            continue;
        };
        letters.iter().for_each(|no| open.judge(case, *no));
        open.close(case);
    }
}

fn judgement(case: &BuyerCase<'_>, no: u64, fate: &Fate, statement: &Statement) -> Judgement {
    let (verdict, rule, warning) = match fate {
        Fate::Applied | Fate::New => (Verdict::Applied, 16, None),
        Fate::Adopted => (Verdict::Adopted, 16, None),
        Fate::Late => (Verdict::Late, 16, None),
        Fate::Duplicate => (Verdict::Duplicate, 16, None),
        Fate::Held { rule, .. } => (Verdict::Held, *rule, None),
        Fate::Warned { rule, kind } => (Verdict::Warned, *rule, Some(*kind)),
    };
    let warning_id = warning.and_then(|kind| {
        case.warnings_of_letter(no)
            .into_iter()
            .find(|w| w.kind == kind && w.rule == Some(rule))
            .map(|w| w.id)
    });
    Judgement {
        verdict,
        kind: Some(statement.body.kind()),
        rule: Some(rule),
        warning,
        warning_id,
        trade: statement.trade.clone(),
        letter: Some(no),
    }
}
