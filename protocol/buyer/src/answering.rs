//! Which letters answer what this program said, and what follows of that (protocol 7).

use tradepost_statements::{Body, Kind, Statement};

use super::case::BuyerCase;
use super::state::{Fate, FiledLetter, OwnProgress};
use super::warning::WarningKind;
use super::{Notice, keys};

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
        let crossed = own.statement.body.kind() == Kind::Cancel
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
