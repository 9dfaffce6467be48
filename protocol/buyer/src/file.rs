//! Where a letter goes that passed the door: to its trade, or, when it names none, to the request
//! that it answers.

use std::collections::BTreeSet;

use tradepost_statements::{Body, Kind, Statement, TradeRef};

use super::case::{BuyerCase, numbers_after};
use super::evaluate::{self, Filed, LetterOutcome, reconsider};
use super::judge::{KnownTrade, lines_8_to_15};
use super::settings::Rules;
use super::state::{BuyerTrade, Fate, FiledLetter, OwnProgress, OwnRequest, RequestAnswer};
use super::terms::Terms;
use super::warning::WarningKind;
use super::{Judgement, Notice, Verdict, keys};

/// Files a letter and judges what it is about.
pub(super) fn file(case: &mut BuyerCase<'_>, no: u64, statement: &Statement) -> Judgement {
    for what in waits(statement) {
        case.mark(&keys::waits_for(&what, no));
    }
    match belongs_to(statement) {
        Some(trade) => {
            add_to_trade(case, trade, no, statement);
        }
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

/// Files a letter with its trade. One that lines 8 to 15 refuse is set aside and moves nothing
/// else; so does one that is known already, when it is judged again.
fn add_to_trade(case: &mut BuyerCase<'_>, trade_ref: &TradeRef, no: u64, statement: &Statement) {
    let mut trade = case.trade(trade_ref).unwrap_or_else(|| {
        case.mark(&keys::no_trade_by_id(trade_ref));
        BuyerTrade {
            trade: trade_ref.clone(),
            letters: Vec::new(),
            records: Vec::new(),
            counted_records: BTreeSet::new(),
            confirmed: false,
            adopted_by: None,
            state: None,
            counted: None,
            listed: BTreeSet::new(),
        }
    });
    let is_known = trade.letters.contains(&no);
    if !is_known && evaluate::set_aside(case, &trade, no) {
        case.put(&keys::trade(trade_ref), &trade);
        return;
    }
    case.delete(&keys::aside(trade_ref, no));
    let is_record = statement.body.kind() == Kind::TradeRecord;
    if !is_known {
        trade.letters.push(no);
        trade.letters.sort_unstable();
        trade.records.extend(is_record.then_some(no));
    }
    case.put(&keys::trade(trade_ref), &trade);
    if is_record {
        reconsider(case, trade_ref);
    } else {
        // What was set aside goes by the trade records, which this does not change.
        evaluate::fold_again(case, trade_ref);
    }
}

/// Judges a letter that belongs to no trade.
pub(super) fn judge_alone(case: &mut BuyerCase<'_>, no: u64) {
    let Some(mut filed) = Filed::load(case, no) else {
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

/// A letter answers once, when it first counts: not what was asked after it came.
pub(super) fn note_new_answer(
    case: &mut BuyerCase<'_>,
    before: &Fate,
    letter: &FiledLetter,
    statement: &Statement,
) {
    if counts_as_answer(&letter.fate) && !counts_as_answer(before) {
        note_answer(case, letter, statement);
        if let (Some(trade), Body::ReturnDecision(decision)) = (&statement.trade, &statement.body) {
            case.notices.push(Notice::ReturnDecided {
                trade: trade.clone(),
                accepted: decision.accepted,
            });
        }
    }
}

/// A letter that lines 3 to 15 refused answers nothing.
pub(super) fn counts_as_answer(fate: &Fate) -> bool {
    match fate {
        Fate::Applied | Fate::Adopted | Fate::Late | Fate::Duplicate => true,
        // What line 11 refused is an answer all the same, if not the one hoped for.
        Fate::Warned { rule, .. } => *rule == 16 || *rule == 11,
        Fate::New | Fate::Held { .. } => false,
    }
}

/// So many letters that answered a statement are remembered with it: a server has a few tracks.
const MOST_ANSWERS: usize = 8;

/// Protocol 3: what was asked by request id counts as answered by any statement with that request.
pub(super) fn note_answer(case: &mut BuyerCase<'_>, letter: &FiledLetter, statement: &Statement) {
    let by_request = statement
        .request
        .as_ref()
        .and_then(|id| case.request(id))
        .map(|r| r.statements)
        .unwrap_or_default();
    for id in by_request.into_iter().chain(statement.answers) {
        let Some(mut own) = case.own(id) else {
            continue;
        };
        // A record that crossed the cancellation of its order says nothing about that: the
        // cancellation may be lost, and is sent again.
        let crossed = case.settings.rules == Rules::Second
            && own.statement.body.kind() == Kind::Cancel
            && statement.body.kind() == Kind::TradeRecord
            && statement.answers != Some(id);
        if crossed {
            continue;
        }
        // What a refused letter says is not shown as the answer.
        let is_refused = match letter.fate {
            Fate::Warned { rule: 11, .. } => true,
            Fate::Warned { rule: 16, .. } => statement.body.kind() == Kind::TradeRecord,
            Fate::Warned { .. }
            | Fate::New
            | Fate::Applied
            | Fate::Adopted
            | Fate::Late
            | Fate::Duplicate
            | Fate::Held { .. } => false,
        };
        match &mut own.progress {
            OwnProgress::Answered { letters, at, .. } => {
                // A server answers with a letter for each of its tracks.
                let has_room = letters.len() < MOST_ANSWERS && !letters.contains(&letter.no);
                if has_room && !is_refused {
                    letters.push(letter.no);
                    at.get_or_insert(letter.received.received_at);
                    case.put(&keys::own(id), &own);
                }
                continue;
            }
            OwnProgress::Waiting { again } => case.delete(&keys::say_again(*again, id)),
            OwnProgress::GivenUp | OwnProgress::Elsewhere => {}
        }
        own.progress = OwnProgress::Answered {
            by: statement.body.kind(),
            at: (!is_refused).then_some(letter.received.received_at),
            letters: if is_refused {
                Vec::new()
            } else {
                vec![letter.no]
            },
        };
        case.put(&keys::own(id), &own);
        for kind in [WarningKind::NoAnswer, WarningKind::Undeliverable] {
            case.resolve_own(kind.word(), &id.to_string());
        }
    }
}

/// The numbers of the letters that wait for something, in the order of their arrival.
pub(super) fn waiting(case: &BuyerCase<'_>, what: &str) -> Vec<u64> {
    numbers_after(case.rows(), &keys::waiting_for(what))
}

/// Judges again the letters that speak of something of ours that has just turned up.
pub(super) fn judge_waiting(case: &mut BuyerCase<'_>, what: &str) {
    let mut done = BTreeSet::new();
    for no in waiting(case, what) {
        let Some(filed) = Filed::load(case, no) else {
            continue;
        };
        match belongs_to(&filed.decoded.statement) {
            // Once for all the letters of a trade; in the order of their first letters (line 10).
            Some(trade) if done.insert(trade.clone()) => reconsider(case, trade),
            Some(_) => {}
            None => judge_alone(case, no),
        }
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
