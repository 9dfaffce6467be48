//! How a letter comes in: it passes lines 2 to 7 of protocol 5 and is filed, or it waits, adds to one that
//! came before, or is refused. These lines need only the letter and what came before it, and go by
//! arrival. Line 1 was decided by whoever gave us the letter.

use tradepost_statements::StatementId;
use tradepost_statements::wire;
use tradepost_trades::letter::{ReadStatement, Received};

use super::case::{BuyerCase, numbers_after};
use super::evidence::{is_below, may_be_held, minimum_for};
use super::filed::{ReadContent, decode, judgement};
use super::judge::lines_2_to_7;
use super::rules::Stopped;
use super::state::{Fate, FiledLetter};
use super::{Counted, Judgement, Verdict, answering, counted, file, held, keys};

/// Judges a letter that arrives.
pub(super) fn take(case: &mut BuyerCase<'_>, received: &Received) -> Judgement {
    let content = decode(&received.content);
    if let Ok(decoded) = &content
        && is_copy_of_our_own(case, decoded)
    {
        return judgement(Verdict::Sent, &content, None);
    }
    let known = seen_before(case, received);
    let tells_more = known
        .as_ref()
        .is_some_and(|known| tells_more(case, received, known));
    let mut letter = match known {
        Some(known) if !tells_more => {
            case.counted = Some(Counted::Again(known.no));
            counted::count(case, Counted::Again(known.no));
            return Judgement {
                letter: Some(known.no),
                ..judgement(Verdict::Duplicate, &content, None)
            };
        }
        Some(known) => {
            let mut received = with_the_better_evidence(received, &known);
            if is_no_word_of_dns(case, &received, &known) {
                received.undecided = known.received.undecided;
            }
            let counts = counts(&known.fate);
            let letter = FiledLetter { received, ..known };
            if counts && letter.received.evidence < minimum_for(case, &letter.received) {
                return note_better_evidence(case, letter, &content);
            }
            letter
        }
        None => {
            let statement = content.as_ref().ok().map(|d| &d.statement);
            let crowded_out;
            let received =
                if may_be_held(case, received) && !held::has_room(case, received, statement) {
                    crowded_out = held::as_if_dns_had_said_no(received);
                    &crowded_out
                } else {
                    received
                };
            if let Some(judged) = counted::in_its_group(case, received, &content) {
                return judged;
            }
            let no = case.next_number(keys::LETTER_COUNTER);
            FiledLetter {
                no,
                received: received.clone(),
                grouped: is_below(case, received),
                accepted_through: 0,
                fate: Fate::New,
                held_since: None,
                tries: 0,
                copies: 0,
                moved: None,
            }
        }
    };
    case.put(&keys::digest(&received.digest), &letter.no);
    case.keep_content(letter.no, &letter.received.content);
    enter(case, &mut letter)
}

/// Judges a letter, new or known, from the first line that the person did not accept.
pub(super) fn enter(case: &mut BuyerCase<'_>, letter: &mut FiledLetter) -> Judgement {
    if let Fate::Held { until, .. } = letter.fate {
        case.release(until, letter.no);
    }
    let was_held_for_dns = held::is_for_dns(&letter.fate);
    let was_refused = matches!(letter.fate, Fate::Warned { rule: ..=7, .. });
    held::note_try(case, letter);
    let content = decode(&letter.received.content);
    let trade = content
        .as_ref()
        .ok()
        .and_then(|d| d.statement.trade.clone());
    if let Ok(decoded) = &content
        && case.settings.ours.contains(&decoded.statement.from)
    {
        case.mark(&keys::waits_for(&copy_of(decoded.statement.id), letter.no));
    }
    let stopped = lines_2_to_7(case, letter, &content);
    if was_refused && matches!(stopped, None | Some(Stopped::Held { .. })) {
        // Nobody takes a place beforehand by a letter that is not believed.
        letter.moved = Some(case.next_place());
    }
    match stopped {
        None => {
            let Ok(decoded) = content else {
                return judgement(Verdict::Warned, &content, None);
            };
            register(case, letter, &decoded);
            case.put_letter(letter);
            file::file(case, letter.no, &decoded.statement)
        }
        Some(Stopped::Held { until, line: rule }) => {
            letter.fate = Fate::Held { until, rule };
            if rule == held::FOR_DNS {
                letter.held_since = Some(held::since(case, letter.held_since));
            }
            case.put_letter(letter);
            case.hold(until, letter.no);
            case.reconcile(letter, trade.as_ref(), &[]);
            Judgement {
                letter: Some(letter.no),
                ..judgement(Verdict::Held, &content, Some(rule))
            }
        }
        Some(Stopped::SaidBefore { first }) => {
            letter.fate = Fate::Duplicate;
            case.put_letter(letter);
            case.reconcile(letter, trade.as_ref(), &[]);
            let said = judgement(Verdict::Duplicate, &content, Some(7));
            match case.letter(first) {
                Some(mut known) => {
                    // Counted at the first one, and judged together with it.
                    known.copies += 1;
                    known.received.evidence = known.received.evidence.max(letter.received.evidence);
                    let came_first = letter.place() < known.place() && known.accepted_through == 0;
                    if came_first {
                        // It waited for DNS while a copy of it passed.
                        known.moved = Some(letter.place());
                    }
                    case.put_letter(&known);
                    if came_first && let Ok(decoded) = &content {
                        file::file(case, first, &decoded.statement);
                    }
                    if let Ok(decoded) = &content
                        && answering::counts_as_answer(&known.fate)
                    {
                        // A stored answer, repeated, answers what asked for it again.
                        answering::note_answer(case, &known, &decoded.statement);
                    }
                    Judgement {
                        letter: Some(first),
                        ..said
                    }
                }
                None => said,
            }
        }
        Some(Stopped::Refused(finding)) => {
            letter.fate = Fate::Warned {
                rule: finding.rule,
                kind: finding.kind,
            };
            case.put_letter(letter);
            // What arrived below the minimum is in its group already.
            let full = if finding.rule == 3 && was_held_for_dns && !letter.grouped {
                letter.grouped = true;
                case.put_letter(letter);
                counted::join_group(case, &letter.received, &content)
            } else {
                None
            };
            if let Some(last) = full {
                counted::count(case, Counted::InGroup(last));
            }
            let id = full
                .or_else(|| case.reconcile(letter, trade.as_ref(), std::slice::from_ref(&finding)));
            Judgement {
                warning: Some(finding.kind),
                warning_id: id,
                letter: Some(letter.no),
                ..judgement(Verdict::Warned, &content, Some(finding.rule))
            }
        }
    }
}

/// Protocol 5: a copy of an own statement in another folder is not judged.
fn is_copy_of_our_own(case: &BuyerCase<'_>, decoded: &ReadStatement) -> bool {
    case.settings.ours.contains(&decoded.statement.from)
        && case
            .own(decoded.statement.id)
            .and_then(|own| wire::decode(own.json.as_bytes()).ok())
            .is_some_and(|own| own.value == decoded.value)
}

fn copy_of(id: StatementId) -> String {
    format!("o/{id}")
}

/// A provider shows a letter of ours in a few folders; nobody else can make copies of it that are the same.
const MOST_COPIES: usize = 64;

/// Copies of an own statement that came before it was known to be ours are no matter any more.
pub(super) fn recognise_copies(case: &mut BuyerCase<'_>, id: StatementId) {
    let prefix = keys::waiting_for(&copy_of(id));
    for no in numbers_after(case.rows(), &prefix, &prefix, MOST_COPIES) {
        let Some(mut letter) = case.letter(no) else {
            continue;
        };
        if decode(&letter.received.content).is_ok_and(|d| is_copy_of_our_own(case, &d)) {
            if let Fate::Held { until, .. } = letter.fate {
                case.release(until, no);
            }
            letter.fate = Fate::Duplicate;
            case.put_letter(&letter);
            case.reconcile(&letter, None, &[]);
        }
    }
}

fn seen_before(case: &BuyerCase<'_>, received: &Received) -> Option<FiledLetter> {
    case.get::<u64>(&keys::digest(&received.digest))
        .and_then(|no| case.letter(no))
}

/// Better evidence, or that DNS may yet give some of a letter whose first copy bore no signature. A
/// copy without either is no answer of DNS to what is held for want of one: its signature may have
/// got lost on another way, or somebody left it out.
fn tells_more(case: &mut BuyerCase<'_>, received: &Received, known: &FiledLetter) -> bool {
    if received.evidence > known.received.evidence {
        return true;
    }
    let may_yet = matches!(known.fate, Fate::Warned { rule: 3, .. })
        && may_be_held(case, received)
        && !may_be_held(case, &known.received);
    let content = decode(&received.content);
    let statement = content.as_ref().ok().map(|d| &d.statement);
    may_yet && held::has_room(case, received, statement)
}

/// Whether a copy of a held letter has evidence that is better but not enough, and no signature: that
/// does not end the wait for DNS.
fn is_no_word_of_dns(case: &BuyerCase<'_>, received: &Received, known: &FiledLetter) -> bool {
    held::is_for_dns(&known.fate)
        && received.undecided.is_none()
        && received.evidence < minimum_for(case, received)
}

/// Whether a letter has passed all lines.
fn counts(fate: &Fate) -> bool {
    match fate {
        Fate::Applied | Fate::Adopted | Fate::Late | Fate::Duplicate => true,
        Fate::Warned { rule, .. } => *rule == 16,
        Fate::New | Fate::Held { .. } => false,
    }
}

/// What counts goes on counting, although more is asked for now than when it was judged.
fn note_better_evidence(
    case: &mut BuyerCase<'_>,
    mut known: FiledLetter,
    content: &ReadContent,
) -> Judgement {
    known.copies += 1;
    case.put_letter(&known);
    Judgement {
        letter: Some(known.no),
        ..judgement(Verdict::Duplicate, content, None)
    }
}

/// What was once established is never taken back: an answer of DNS adds to it.
pub(super) fn with_the_better_evidence(received: &Received, known: &FiledLetter) -> Received {
    let before = &known.received;
    if received.evidence >= before.evidence {
        return received.clone();
    }
    Received {
        evidence: before.evidence,
        proof: before.proof.clone(),
        ..received.clone()
    }
}

/// From now on this sender's statement id is known (line 7).
fn register(case: &mut BuyerCase<'_>, letter: &FiledLetter, decoded: &ReadStatement) {
    let key = keys::statement(&decoded.statement.from, decoded.statement.id);
    if !case.has(&key) {
        case.put(&key, &letter.no);
    }
}
