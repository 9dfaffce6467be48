//! Lines 1 to 7 of protocol 5: what a letter must pass before anybody asks what it is about.
//! They need only the letter and what came before it, and go by arrival.

use tradepost_statements::StatementId;
use tradepost_statements::rule::in_force;
use tradepost_statements::wire::{self, Decoded};
use tradepost_trades::letter::{Received, Unreadable};

use super::case::BuyerCase;
use super::evidence::{is_below, may_be_held, minimum_for};
use super::filed::{decode, judgement};
use super::settings::Rules;
use super::state::{Fate, FiledLetter};
use super::warning::{Finding, WarningKind};
use super::{Counted, Judgement, Verdict, answering, counted, file, held, keys};

/// Protocol 2: a statement this far ahead is held until then.
const AHEAD_IS_HELD: std::time::Duration = std::time::Duration::from_secs(10 * 60);
/// Protocol 2: and this far ahead it is unreadable.
const AHEAD_IS_UNREADABLE: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

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
        Some(known) if !tells_more && in_force("the same letter again") => {
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
    enter(case, &mut letter)
}

/// Judges a letter, new or known, from the first line that the person did not accept.
pub(super) fn enter(case: &mut BuyerCase<'_>, letter: &mut FiledLetter) -> Judgement {
    if let Fate::Held { until, .. } = letter.fate {
        case.delete(&keys::held(until, letter.no));
    }
    let was_held_for_dns = held::is_for_dns(letter);
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
    let door = lines_1_to_7(case, letter, &content);
    if was_refused && matches!(door, Admission::Enters | Admission::Held { .. }) {
        // Nobody takes a place beforehand by a letter that is not believed.
        letter.moved = Some(case.next_place());
    }
    match door {
        Admission::Enters => {
            let Ok(decoded) = content else {
                return judgement(Verdict::Warned, &content, None);
            };
            register(case, letter, &decoded);
            case.put_letter(letter);
            file::file(case, letter.no, &decoded.statement)
        }
        Admission::Held { until, rule } => {
            letter.fate = Fate::Held { until, rule };
            if rule == held::FOR_DNS {
                letter.held_since = Some(held::since(case, letter));
            }
            case.put_letter(letter);
            case.mark(&keys::held(until, letter.no));
            case.reconcile(letter, trade.as_ref(), &[]);
            Judgement {
                letter: Some(letter.no),
                ..judgement(Verdict::Held, &content, Some(rule))
            }
        }
        Admission::SaidBefore { first } => {
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
        Admission::Refused(finding) => {
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

/// What lines 1 to 7 make of a letter.
enum Admission {
    Enters,
    Held {
        until: tradepost_statements::Time,
        rule: u8,
    },
    SaidBefore {
        first: u64,
    },
    Refused(Finding),
}

/// Protocol 5, the first line that applies decides. Line 1 was decided by whoever gave us the letter.
fn lines_1_to_7(
    case: &BuyerCase<'_>,
    letter: &FiledLetter,
    content: &Result<Decoded, (Unreadable, String)>,
) -> Admission {
    let received = &letter.received;
    let asks = |line: u8| letter.accepted_through < line;
    let minimum = minimum_for(case, received);

    // Line 2: DNS may still lift the evidence.
    if asks(2)
        && in_force("line 2: held for DNS")
        && may_be_held(case, received)
        && let Some(until) = held::next_try(case, letter)
    {
        return Admission::Held {
            until,
            rule: held::FOR_DNS,
        };
    }
    // Line 3: nobody vouches for the sender.
    if asks(3) && received.evidence < minimum && in_force("line 3: the minimum") {
        return Admission::Refused(Finding::new(
            3,
            WarningKind::UnprovenSender,
            format!("{}; evidence: {}", received.proof, received.evidence),
            format!("evidence of at least {minimum} for the sender"),
        ));
    }
    // Line 4: the content cannot be read.
    let statement = match content {
        Ok(decoded) => &decoded.statement,
        Err((why, text)) => {
            let (kind, expected) = match why {
                Unreadable::Unreadable => (
                    WarningKind::UnreadableStatement,
                    "a statement as the Tradepost protocol defines it",
                ),
                Unreadable::Unsupported => (
                    WarningKind::UnsupportedStatement,
                    "a statement that this version knows",
                ),
                Unreadable::Undecryptable => (
                    WarningKind::Undecryptable,
                    "a letter encrypted for a key that is here",
                ),
            };
            return Admission::Refused(Finding::new(4, kind, text.as_str(), expected));
        }
    };
    if asks(4) {
        let ahead = statement.sent.since(case.now);
        if ahead > AHEAD_IS_UNREADABLE && in_force("line 4: a day ahead") {
            let what = format!("sent: {}, more than a day ahead", statement.sent);
            return Admission::Refused(Finding::new(
                4,
                WarningKind::UnreadableStatement,
                what,
                format!("a time up to {}", case.now),
            ));
        }
        if ahead > AHEAD_IS_HELD && in_force("line 4: held until it is sent") {
            return Admission::Held {
                until: statement.sent,
                rule: held::FOR_ITS_TIME,
            };
        }
    }
    // Line 5: the statement is somebody else's.
    let author = received.author.as_ref();
    if asks(5) && author != Some(&statement.from) && in_force("line 5: from is the author") {
        let said = author.map_or_else(|| "nobody".to_owned(), |a| a.as_str().to_owned());
        return Admission::Refused(Finding::new(
            5,
            WarningKind::WrongSender,
            format!(
                "a statement from {} in a letter from {said}",
                statement.from.as_str()
            ),
            format!("a statement from {said}"),
        ));
    }
    // Line 6: the statement is for somebody else.
    if asks(6) && !case.settings.ours.contains(&statement.to) && in_force("line 6: to is ours") {
        let ours: Vec<&str> = case.settings.ours.iter().map(|a| a.as_str()).collect();
        return Admission::Refused(Finding::new(
            6,
            WarningKind::WrongRecipient,
            format!("a statement to {}", statement.to.as_str()),
            format!("a statement to {}", ours.join(" or ")),
        ));
    }
    // Line 7: the sender said it before.
    if asks(7) {
        let first = case
            .get::<u64>(&keys::statement(&statement.from, statement.id))
            .filter(|no| *no != letter.no);
        if let Some(first) = first.and_then(|no| case.letter(no)) {
            let same = decode(&first.received.content)
                .is_ok_and(|d| content.as_ref().is_ok_and(|c| d.value == c.value));
            if same && in_force("line 7: said before") {
                return Admission::SaidBefore { first: first.no };
            }
            if !in_force("line 7: another content") {
                return Admission::Enters;
            }
            return Admission::Refused(Finding::new(
                7,
                WarningKind::ConflictingStatement,
                format!("another statement under the id {}", statement.id),
                format!(
                    "what came first under this id, in the letter {}",
                    first.received.letter.message_id.unwrap_or_default()
                ),
            ));
        }
    }
    Admission::Enters
}

/// Protocol 5: a copy of an own statement in another folder is not judged.
fn is_copy_of_our_own(case: &BuyerCase<'_>, decoded: &Decoded) -> bool {
    case.settings.ours.contains(&decoded.statement.from)
        && case
            .own(decoded.statement.id)
            .and_then(|own| wire::decode(own.json.as_bytes()).ok())
            .is_some_and(|own| own.value == decoded.value)
}

fn copy_of(id: StatementId) -> String {
    format!("o/{id}")
}

/// Copies of an own statement that came before it was known to be ours are no matter any more.
pub(super) fn recognise_copies(case: &mut BuyerCase<'_>, id: StatementId) {
    for no in file::waiting(case, &copy_of(id)) {
        let Some(mut letter) = case.letter(no) else {
            continue;
        };
        if decode(&letter.received.content).is_ok_and(|d| is_copy_of_our_own(case, &d)) {
            if let Fate::Held { until, .. } = letter.fate {
                case.delete(&keys::held(until, no));
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
    let may_yet = case.settings.rules == Rules::Second
        && matches!(known.fate, Fate::Warned { rule: 3, .. })
        && may_be_held(case, received)
        && !may_be_held(case, &known.received);
    let statement = decode(&received.content).ok().map(|d| d.statement);
    may_yet && held::has_room(case, received, statement.as_ref())
}

/// Whether a copy of a held letter has evidence that is better but not enough, and no signature: that
/// does not end the wait for DNS.
fn is_no_word_of_dns(case: &BuyerCase<'_>, received: &Received, known: &FiledLetter) -> bool {
    case.settings.rules == Rules::Second
        && held::is_for_dns(known)
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
    content: &Result<Decoded, (Unreadable, String)>,
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
fn register(case: &mut BuyerCase<'_>, letter: &FiledLetter, decoded: &Decoded) {
    let key = keys::statement(&decoded.statement.from, decoded.statement.id);
    if !case.has(&key) {
        case.put(&key, &letter.no);
    }
}
