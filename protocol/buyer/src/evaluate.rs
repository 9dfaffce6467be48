//! A trade judged anew from all its letters: lines 8 to 16 of protocol 5 and the fold of
//! protocol 4. Run after each new letter, own statement or act of the person that could matter,
//! so that the state depends on which letters came, not on their order or number; but for the order of
//! the trade records among themselves (`records`).

use std::collections::BTreeMap;

use tradepost_statements::TradeRef;

use super::case::BuyerCase;
use super::filed::{Filed, LetterOutcome};
use super::judge::lines_8_to_15;
use super::known::{Agreed, KnownTrade, nothing_known};
use super::records::{self, RecordsOfTrade};
use super::state::{BuyerTrade, Fate, RequestAnswer, TradeOrigin, TradeState};
use super::terms::Terms;
use super::{Notice, answering, count, expected, keys, lookalikes, schedule, totals, tracks};

/// Judges a trade anew from all that was ever said of it, and writes what has changed.
pub(super) fn reconsider(case: &mut BuyerCase<'_>, trade_ref: &TradeRef) {
    let aside = case.set_aside(trade_ref);
    judge_anew(case, trade_ref, &aside);
}

/// The same, when nothing has come that could matter to what was set aside.
pub(super) fn fold_again(case: &mut BuyerCase<'_>, trade_ref: &TradeRef) {
    judge_anew(case, trade_ref, &[]);
}

/// Sets a letter aside that lines 8 to 15 refuse by what the trade records say; says whether.
pub(super) fn set_aside(case: &mut BuyerCase<'_>, trade: &BuyerTrade, no: u64) -> bool {
    let Some(mut filed) = Filed::load(case.rows(), no) else {
        return false;
    };
    let (statement, accepted) = (&filed.decoded.statement, filed.letter.accepted_through);
    let nothing_known = nothing_known(trade);
    let finding = if filed.record().is_some() {
        lines_8_to_15(case, statement, accepted, &nothing_known).filter(|f| f.rule <= 9)
    } else {
        let records: Vec<Filed> = load(case, trade.records.iter());
        let walked = records::walk(case, trade, &records);
        let agreed = walked.agreed(&records);
        let known = KnownTrade {
            agreed: agreed.as_ref(),
            ..nothing_known
        };
        lines_8_to_15(case, statement, accepted, &known)
    };
    let Some(finding) = finding else {
        return false;
    };
    case.mark(&keys::aside(&trade.trade, no));
    let outcome = LetterOutcome::refused(finding);
    filed.letter.fate = outcome.fate;
    case.put_letter(&filed.letter);
    case.reconcile(&filed.letter, Some(&trade.trade), &outcome.findings);
    true
}

fn load<'n>(case: &BuyerCase<'_>, numbers: impl Iterator<Item = &'n u64>) -> Vec<Filed> {
    let mut letters: Vec<Filed> = numbers
        .filter_map(|no| Filed::load(case.rows(), *no))
        .collect();
    letters.sort_by_key(|f| f.letter.no);
    letters
}

/// Only what passed, and the records that may still count, make a trade's state.
/// `aside` is sorted, as its keys are.
fn sort_aside(
    case: &mut BuyerCase<'_>,
    trade: &mut BuyerTrade,
    letters: &[Filed],
    outcomes: &BTreeMap<usize, LetterOutcome>,
    aside: &[u64],
) {
    trade.letters.clear();
    trade.records.clear();
    for (index, filed) in letters.iter().enumerate() {
        let last_line_of_refusal = if filed.record().is_some() { 9 } else { 15 };
        let is_refused = outcomes.get(&index).is_some_and(
            |o| matches!(o.fate, Fate::Warned { rule, .. } if rule <= last_line_of_refusal),
        );
        let no = filed.letter.no;
        if is_refused {
            if aside.binary_search(&no).is_err() {
                case.mark(&keys::aside(&trade.trade, no));
            }
            continue;
        }
        if aside.binary_search(&no).is_ok() {
            case.delete(&keys::aside(&trade.trade, no));
        }
        trade.letters.push(no);
        trade.records.extend(filed.record().map(|_| no));
    }
}

fn judge_anew(case: &mut BuyerCase<'_>, trade_ref: &TradeRef, aside: &[u64]) {
    let Some(mut trade) = case.trade(trade_ref) else {
        return;
    };
    let mut letters = load(case, trade.letters.iter().chain(aside));
    let nothing_known = nothing_known(&trade);
    claim_requests(case, trade_ref, &nothing_known, &letters);
    let records = records::walk(case, &trade, &letters);
    let agreed = records.agreed(&letters);
    let origin = origin(case, trade_ref, &letters, &records);
    let mut outcomes = record_outcomes(&letters, &records, origin);
    let passed = judge_others(case, trade_ref, agreed.as_ref(), &letters, &mut outcomes);
    let tracks = tracks::walk(&letters, &passed, &mut outcomes);

    sort_aside(case, &mut trade, &letters, &outcomes, aside);
    let counting = records.counting.iter().filter_map(|i| letters.get(*i));
    trade.counted_records.extend(counting.map(|f| f.letter.no));
    let before = trade.state.take();
    trade.state = records.current.zip(agreed).and_then(|(current, agreed)| {
        count::state(origin, &letters, &records, current, &agreed, &tracks)
    });
    if trade.adopted_by.is_none()
        && let Some(state) = &trade.state
        && state.origin == TradeOrigin::Adopted
    {
        let first = records.counting.first().and_then(|i| letters.get(*i));
        trade.adopted_by = first.map(|f| f.letter.no);
    }
    for (filed, outcome) in letters
        .iter_mut()
        .zip((0..).map_while(|i| outcomes.remove(&i)))
    {
        let before = std::mem::replace(&mut filed.letter.fate, outcome.fate);
        if filed.letter.fate != before {
            case.put_letter(&filed.letter);
            answering::note_new_answer(case, &before, &filed.letter, &filed.decoded.statement);
        }
        // What is not warned, and was not, has no open warnings.
        if filed.letter.fate != before || !outcome.findings.is_empty() {
            case.reconcile(&filed.letter, Some(trade_ref), &outcome.findings);
        }
    }
    if trade.state.is_some() != before.is_some() {
        list_by_id(case, &trade);
    }
    totals::count(case, &mut trade);
    schedule::end_what_is_through(case, &trade);
    lookalikes::list_parties(case, &mut trade);
    case.put(&keys::trade(trade_ref), &trade);
    tell(case, trade_ref, before.as_ref(), trade.state.as_ref());
    if parties(before.as_ref()) != parties(trade.state.as_ref()) {
        // Line 12 asks whether a sender is a party of a trade with the same id.
        for namesake in case.waiting_namesakes(trade_ref) {
            reconsider(case, &namesake);
        }
    }
}

fn list_by_id(case: &mut BuyerCase<'_>, trade: &BuyerTrade) {
    let (is, was) = (
        keys::trade_by_id(&trade.trade),
        keys::no_trade_by_id(&trade.trade),
    );
    let (mark, delete) = if trade.state.is_some() {
        (is, was)
    } else {
        (was, is)
    };
    case.mark(&mark);
    case.delete(&delete);
}

/// Line 10 goes by arrival: the first record from the address that was asked is the answer.
fn claim_requests(
    case: &mut BuyerCase<'_>,
    trade: &TradeRef,
    nothing_known: &KnownTrade<'_>,
    letters: &[Filed],
) {
    for filed in letters.iter().filter(|f| f.record().is_some()) {
        let statement = &filed.decoded.statement;
        let Some(mut request) = statement.request.as_ref().and_then(|id| case.request(id)) else {
            continue;
        };
        // What lines 8 and 9 refuse is no answer.
        let speaks_for_the_shop = lines_8_to_15(
            case,
            statement,
            filed.letter.accepted_through,
            nothing_known,
        )
        .is_none_or(|f| f.rule > 9);
        if request.answer.is_none()
            && request.to == statement.from
            && trade.shop == statement.from
            && speaks_for_the_shop
        {
            request.answer = Some(RequestAnswer::Record {
                trade: trade.clone(),
            });
            case.put(&keys::request(&request.id.clone()), &request);
        }
    }
}

fn origin(
    case: &BuyerCase<'_>,
    trade: &TradeRef,
    letters: &[Filed],
    records: &RecordsOfTrade,
) -> TradeOrigin {
    let answers_an_order = records
        .passed
        .iter()
        .filter_map(|i| letters.get(*i))
        .any(|f| {
            let request = f
                .decoded
                .statement
                .request
                .as_ref()
                .and_then(|id| case.request(id));
            request.is_some_and(|r| r.order.is_some())
        });
    if answers_an_order {
        TradeOrigin::Placed
    } else if expected::of_trade(case.rows(), trade).is_some() {
        TradeOrigin::Expected
    } else {
        TradeOrigin::Adopted
    }
}

fn record_outcomes(
    letters: &[Filed],
    records: &RecordsOfTrade,
    origin: TradeOrigin,
) -> BTreeMap<usize, LetterOutcome> {
    let mut outcomes = BTreeMap::new();
    for (index, _) in letters
        .iter()
        .enumerate()
        .filter(|(_, f)| f.record().is_some())
    {
        let outcome = if let Some(finding) = records.refused.get(&index) {
            LetterOutcome::refused(finding.clone())
        } else if let Some(finding) = records.conflicting.get(&index) {
            LetterOutcome::refused(finding.clone())
        } else if records.duplicates.contains(&index) {
            LetterOutcome::of(Fate::Duplicate)
        } else if records.late.contains(&index) {
            LetterOutcome::of(Fate::Late)
        } else if origin == TradeOrigin::Adopted && records.counting.first() == Some(&index) {
            LetterOutcome::of(Fate::Adopted)
        } else {
            LetterOutcome::of(Fate::Applied)
        };
        outcomes.insert(index, outcome);
    }
    outcomes
}

/// Lines 8 to 15 for all but the trade records. Returns the letters that may be folded.
fn judge_others(
    case: &BuyerCase<'_>,
    trade: &TradeRef,
    agreed: Option<&Agreed>,
    letters: &[Filed],
    outcomes: &mut BTreeMap<usize, LetterOutcome>,
) -> Vec<usize> {
    let known = KnownTrade {
        trade: Some(trade),
        adopted: false,
        agreed,
        terms: Terms::default(),
    };
    let mut passed = Vec::new();
    for (index, filed) in letters
        .iter()
        .enumerate()
        .filter(|(_, f)| f.record().is_none())
    {
        match lines_8_to_15(
            case,
            &filed.decoded.statement,
            filed.letter.accepted_through,
            &known,
        ) {
            Some(finding) => {
                outcomes.insert(index, LetterOutcome::refused(finding));
            }
            None => {
                outcomes.insert(index, LetterOutcome::of(Fate::Applied));
                passed.push(index);
            }
        }
    }
    passed
}

fn parties(
    state: Option<&TradeState>,
) -> Option<(
    &std::collections::BTreeSet<tradepost_statements::Address>,
    &tradepost_statements::Address,
)> {
    state.map(|s| (&s.carriers, &s.processor))
}

/// What a person would want to know of the change.
fn tell(
    case: &mut BuyerCase<'_>,
    trade: &TradeRef,
    before: Option<&TradeState>,
    now: Option<&TradeState>,
) {
    let Some(now) = now else { return };
    let Some(before) = before else {
        case.notices.push(Notice::NewTrade {
            trade: trade.clone(),
            adopted: now.origin == TradeOrigin::Adopted,
        });
        return;
    };
    if before.newest_carriers != now.newest_carriers {
        case.notices.push(Notice::OtherCarriers {
            trade: trade.clone(),
        });
    }
    let mut parts = Vec::new();
    if before.order != now.order {
        parts.extend(now.order.as_ref().map(|o| format!("order {}", o.state)));
    }
    if before.delivery != now.delivery {
        let changed = now.delivery.iter().filter(|p| !before.delivery.contains(p));
        parts.extend(
            changed
                .filter_map(|p| p.status.as_ref())
                .map(|s| format!("delivery {}", s.state)),
        );
    }
    if before.payment != now.payment {
        parts.extend(now.payment.as_ref().map(|p| format!("payment {}", p.state)));
    }
    if !parts.is_empty() {
        case.notices.push(Notice::Progress {
            trade: trade.clone(),
            text: parts.join(", "),
        });
    }
}
