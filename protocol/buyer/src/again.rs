//! Letters whose sender is not believed, judged again because the person's trust is another one
//! than it was (protocol 5, "a decision of the buyer"), or because DNS has answered.
//!
//! Whoever keeps the letters goes through [`unbelieved`], proves each anew, and enters what came
//! of it by [`proven_again`]. Nothing here takes anything back: evidence only grows, and what
//! counts goes on counting.

use serde::{Deserialize, Serialize};
use tradepost_statements::{Evidence, Time};
use tradepost_trades::letter::Received;
use tradepost_trades::rows::Rows;

use super::case::BuyerCase;
use super::settings::BuyerSettings;
use super::state::{Fate, FiledLetter, LetterRow, letter, read};
use super::{BuyerChange, Judgement, Verdict, door, evidence, filed, held, keys};

/// How a letter's sender is proven now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewProof {
    /// How well it is proven by now; where that is less than before, what was before stays.
    pub evidence: Evidence,
    /// What the evidence could still become when DNS answers (protocol 5, line 2).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub undecided: Option<Evidence>,
    /// How, or how not, in one sentence.
    pub proof: String,
}

/// The number of the letter that came last; 0 where none ever came.
#[must_use]
pub fn last_letter(rows: &dyn Rows) -> u64 {
    read(rows, keys::LETTER_COUNTER).unwrap_or(0)
}

/// The first `limit` letters, by number, from `from` on, whose sender is not believed: line 3 warned
/// of them, line 2 holds them, or they count only because the person said so.
#[must_use]
pub fn unbelieved(settings: &BuyerSettings, rows: &dyn Rows, from: u64, limit: usize) -> Vec<u64> {
    letters_where(rows, from, limit, |letter| is_unbelieved(settings, letter))
}

/// The first `limit` letters, by number, from `from` on, of which something is true.
pub(super) fn letters_where(
    rows: &dyn Rows,
    from: u64,
    limit: usize,
    is_true: impl Fn(&LetterRow) -> bool,
) -> Vec<u64> {
    const PAGE: usize = 64;
    let mut found = Vec::new();
    let mut next = keys::letter(from).into_bytes();
    loop {
        let page = rows.scan_from(keys::LETTERS.as_bytes(), &next, PAGE);
        let is_last = page.len() < PAGE;
        for (key, value) in page {
            next = key;
            next.push(0);
            let letter: Option<LetterRow> = serde_json::from_slice(&value).ok();
            if let Some(letter) = letter.filter(&is_true) {
                found.push(letter.no);
            }
            if found.len() == limit {
                return found;
            }
        }
        if is_last {
            return found;
        }
    }
}

fn is_unbelieved(settings: &BuyerSettings, letter: &LetterRow) -> bool {
    is_refused(&letter.fate)
        || held::is_for_dns(&letter.fate)
        || counts_as_accepted(settings, letter)
}

fn is_refused(fate: &Fate) -> bool {
    matches!(fate, Fate::Warned { rule: 3, .. })
}

fn counts_as_accepted(settings: &BuyerSettings, letter: &LetterRow) -> bool {
    letter.accepted_through >= 3 && letter.evidence < settings.minimum_for(letter.author.as_ref())
}

/// Judges a letter again by a new proof of its sender; without one, by the proof that there is, since
/// less may be asked for now. Changes nothing where the letter is no longer one of [`unbelieved`], or
/// waits for DNS and that was asked in vain.
pub fn proven_again(
    settings: &BuyerSettings,
    rows: &dyn Rows,
    no: u64,
    proof: Option<&NewProof>,
    now: Time,
) -> BuyerChange {
    let letter = letter(rows, no);
    let letter = letter.filter(|l| is_unbelieved(settings, &LetterRow::of(l)));
    // No letter is judged before it was received, whatever this computer's clock says.
    let received_at = letter.as_ref().map(|l| l.received.received_at);
    let mut case = BuyerCase::new(settings, rows, received_at.map_or(now, |at| at.max(now)));
    let judgement = letter.and_then(|letter| judge(&mut case, letter, proof));
    super::finish(case, judgement)
}

fn judge(
    case: &mut BuyerCase<'_>,
    mut letter: FiledLetter,
    proof: Option<&NewProof>,
) -> Option<Judgement> {
    if let Some(proof) = proof {
        let says_nothing_new = counts_as_accepted(case.settings, &LetterRow::of(&letter))
            && proof.evidence <= letter.received.evidence;
        if says_nothing_new {
            return None;
        }
        let mut known = letter.clone();
        letter.received = with(&letter, proof);
        if held::is_for_dns(&letter.fate)
            && evidence::may_be_held(case, &letter.received)
            && letter.received.evidence <= known.received.evidence
        {
            // Asked in vain: it waits on, farther away where it was due.
            return Some(match held::is_looked_at(case, &known.fate) {
                true => door::enter(case, &mut known),
                false => judged(&known, Verdict::Held, held::FOR_DNS),
            });
        }
    }
    Some(enter(case, letter))
}

/// Judges a letter again that is known by more than it was. One that was only counted stays that.
pub(super) fn enter(case: &mut BuyerCase<'_>, mut letter: FiledLetter) -> Judgement {
    if is_refused(&letter.fate) {
        // Where its group is full it has no warning of its own, and does not wait either.
        let is_only_counted = case.warnings_of_letter(letter.no).is_empty();
        if evidence::may_be_held(case, &letter.received) {
            if is_only_counted || !has_room(case, &letter) {
                letter.received = held::as_if_dns_had_said_no(&letter.received);
            } else {
                // As a letter does that has just come.
                letter.held_since = None;
                letter.tries = 0;
            }
        }
        if is_only_counted && evidence::is_below(case, &letter.received) {
            case.put_letter(&letter);
            return judged(&letter, Verdict::Warned, 3);
        }
    }
    door::enter(case, &mut letter)
}

fn judged(letter: &FiledLetter, verdict: Verdict, line: u8) -> Judgement {
    let content = filed::decode(&letter.received.content);
    Judgement {
        letter: Some(letter.no),
        ..filed::judgement(verdict, &content, Some(line))
    }
}

fn with(letter: &FiledLetter, proof: &NewProof) -> Received {
    let received = Received {
        evidence: proof.evidence,
        undecided: proof.undecided,
        proof: proof.proof.clone(),
        ..letter.received.clone()
    };
    door::with_the_better_evidence(&received, letter)
}

fn has_room(case: &mut BuyerCase<'_>, letter: &FiledLetter) -> bool {
    let content = filed::decode(&letter.received.content);
    let statement = content.as_ref().ok().map(|d| &d.statement);
    held::has_room(case, &letter.received, statement)
}
