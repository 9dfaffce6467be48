//! The tracks of a trade (one for each sender, kind and parcel), each a window of steps that the fold
//! walks (protocol 4).
//!
//! A step has a row of its own; the row of the track says where the walk begins. What lies far back is
//! settled: a track never has more than [`MOST_STEPS`] steps, so that its next status costs what the
//! last one did. Of statuses that say the same of one step there is one row.

use std::fmt::Display;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tradepost_statements::progress::Progress;
use tradepost_statements::{StatementId, Time};
use tradepost_trades::fold::{self, FoldBase, FoldStep, FoldWalk, TrackStatus};
use tradepost_trades::rows::Rows;

use super::case::BuyerCase;
use super::filed::LetterOutcome;
use super::keys;
use super::state::{Fate, is_default};
use super::warning::{Finding, WarningKind};

/// A courier tells of ten or twenty steps, and what comes late is late by a few of them. When there are
/// more steps, however many statuses contradict each other in one of them, the lowest are settled.
const MOST_STEPS: usize = 32;
/// So many statuses that contradict each other are kept of one step: enough to show that they do, and
/// which of them counts.
const MOST_RIVALS: usize = 4;

/// Rows of a window: each step with its rivals, one step more before the lowest are settled, and as many again
/// where the person accepted several of one step.
const MOST_ROWS: usize = 2 * (MOST_STEPS + 1) * MOST_RIVALS;

/// A state that a track can have.
pub(super) trait TrackState: Progress + Display + Serialize + DeserializeOwned {}
impl<S: Progress + Display + Serialize + DeserializeOwned> TrackState for S {}

/// A status that enters its track.
pub(super) struct EnteringStatus<S> {
    /// The letter that tells it.
    pub(super) letter: u64,
    pub(super) sequence: u32,
    pub(super) state: S,
    pub(super) at: Time,
    pub(super) statement: StatementId,
    /// A digest: equal for two statuses that say the same.
    pub(super) content: String,
    /// The person wants it to count, whatever the rules say.
    pub(super) accepted: bool,
    /// It is part of the trade already, and judged again.
    pub(super) is_known: bool,
}

/// What a track has come to.
pub(super) struct TrackNow {
    /// The letter that gives the state; none where no status counts.
    pub(super) state_of: Option<u64>,
    /// The last applied letter whose state is marked.
    pub(super) marked: Option<u64>,
}

/// What a status means for its track, and for the letters that tell it.
pub(super) struct TrackTold {
    /// None where the status changes nothing.
    pub(super) now: Option<TrackNow>,
    /// The letters whose standing is another one than it was.
    pub(super) outcomes: Vec<(u64, LetterOutcome)>,
}

/// The row of a track.
#[derive(Serialize, Deserialize)]
#[serde(bound(deserialize = "S: serde::de::DeserializeOwned"))]
struct TrackRow<S> {
    /// What is settled, the state then with the letter that gave it, and the last that was marked.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    base: Option<FoldBase<S>>,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    base_state: Option<(S, u64)>,
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    base_marked: Option<u64>,
    /// The state at present, and the letter that gives it.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    state: Option<S>,
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    state_of: Option<u64>,
}

/// The row of a step; sequence and content are in its key.
#[derive(Clone, Serialize, Deserialize)]
struct StepRow<S> {
    #[serde(rename = "s")]
    state: S,
    #[serde(rename = "a")]
    at: Time,
    #[serde(rename = "i")]
    statement: StatementId,
    /// The letter that stands for all that say this.
    #[serde(rename = "n")]
    letter: u64,
    /// The first letter that said it, where that is another.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    first: Option<u64>,
    #[serde(rename = "x", default, skip_serializing_if = "is_default")]
    accepted: bool,
    #[serde(rename = "o", default, skip_serializing_if = "is_default")]
    standing: StepStanding,
}

/// How a step stands; the letter that tells it was judged by that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct StepStanding {
    #[serde(rename = "l", default, skip_serializing_if = "is_default")]
    late: bool,
    #[serde(rename = "s", default, skip_serializing_if = "is_default")]
    stepped_over: bool,
    #[serde(rename = "c", default, skip_serializing_if = "is_default")]
    conflicting: bool,
    #[serde(rename = "r", default, skip_serializing_if = "is_default")]
    restarted: bool,
}

struct Step<S> {
    sequence: u32,
    content: String,
    row: StepRow<S>,
    /// It has just come, or stands for the others only now.
    is_new: bool,
}

impl<S> Step<S> {
    /// Of two that contradict each other, or say the same, the lower one counts.
    fn precedence(&self) -> (bool, StatementId) {
        (!self.row.accepted, self.row.statement)
    }

    fn first(&self) -> u64 {
        self.row.first.unwrap_or(self.row.letter)
    }
}

/// A track that is worked on.
struct TrackWindow<'k, S> {
    key: &'k str,
    row: TrackRow<S>,
    base: FoldBase<S>,
    steps: Vec<Step<S>>,
    outcomes: Vec<(u64, LetterOutcome)>,
}

/// Enters a status. Of the states that `is_marked` picks, the last one applied is told.
pub(super) fn enter<S: TrackState>(
    case: &mut BuyerCase<'_>,
    track: &str,
    status: EnteringStatus<S>,
    is_marked: fn(S) -> bool,
) -> TrackTold {
    let mut window = TrackWindow::load(case, track);
    if status.sequence <= window.base.through {
        // Protocol 4: what comes so late is history; what was settled keeps the end that it had.
        if !status.is_known || status.accepted {
            let late = LetterOutcome::of(Fate::Late);
            window.outcomes.push((status.letter, late));
        }
        return window.unchanged();
    }
    window.add(case, status);
    window.walk(case, is_marked)
}

/// Takes a status out again whose letter is no part of the trade any more.
pub(super) fn take_out<S: TrackState>(
    case: &mut BuyerCase<'_>,
    track: &str,
    letter: u64,
    is_marked: fn(S) -> bool,
) -> TrackTold {
    let mut window: TrackWindow<'_, S> = TrackWindow::load(case, track);
    if let Some(place) = window.steps.iter().position(|s| s.row.letter == letter) {
        let step = window.steps.remove(place);
        case.delete(&keys::step(track, step.sequence, &step.content));
        return window.walk(case, is_marked);
    }
    window.unchanged()
}

impl<'k, S: TrackState> TrackWindow<'k, S> {
    fn load(case: &BuyerCase<'_>, key: &'k str) -> TrackWindow<'k, S> {
        let row: TrackRow<S> = case.get(key).unwrap_or(TrackRow {
            base: None,
            base_state: None,
            base_marked: None,
            state: None,
            state_of: None,
        });
        let prefix = keys::steps(key);
        let found = case
            .rows()
            .scan_from(prefix.as_bytes(), prefix.as_bytes(), MOST_ROWS);
        let steps = found.iter().filter_map(|(key, json)| {
            let rest = std::str::from_utf8(key.get(prefix.len()..)?).ok()?;
            let (sequence, content) = rest.split_once('/')?;
            Some(Step {
                sequence: u32::from_str_radix(sequence, 16).ok()?,
                content: content.to_owned(),
                row: serde_json::from_slice(json).ok()?,
                is_new: false,
            })
        });
        TrackWindow {
            key,
            base: row.base.unwrap_or_default(),
            steps: steps.collect(),
            row,
            outcomes: Vec::new(),
        }
    }

    fn unchanged(self) -> TrackTold {
        TrackTold {
            now: None,
            outcomes: self.outcomes,
        }
    }

    fn add(&mut self, case: &mut BuyerCase<'_>, status: EnteringStatus<S>) {
        let mut entering = Step {
            sequence: status.sequence,
            content: status.content,
            row: StepRow {
                state: status.state,
                at: status.at,
                statement: status.statement,
                letter: status.letter,
                first: None,
                accepted: status.accepted,
                standing: StepStanding::default(),
            },
            is_new: true,
        };
        let same = |s: &Step<S>| s.sequence == entering.sequence && s.content == entering.content;
        if let Some(place) = self.steps.iter().position(same) {
            let known = self.steps.remove(place);
            let first = known.first().min(entering.row.letter);
            let is_itself = known.row.letter == entering.row.letter;
            let (mut stands, other) = if is_itself || entering.precedence() < known.precedence() {
                (entering, known)
            } else {
                (known, entering)
            };
            if !is_itself {
                let duplicate = LetterOutcome::of(Fate::Duplicate);
                self.outcomes.push((other.row.letter, duplicate));
            }
            let first = (first != stands.row.letter).then_some(first);
            let is_changed = stands.is_new || stands.row.first != first;
            stands.row.first = first;
            if is_changed && !stands.is_new {
                case.put(
                    &keys::step(self.key, stands.sequence, &stands.content),
                    &stands.row,
                );
            }
            self.steps.insert(place, stands);
            return;
        }
        let rivals = self.steps.iter().enumerate();
        let rivals: Vec<usize> = rivals
            .filter(|(_, s)| s.sequence == entering.sequence)
            .map(|(place, _)| place)
            .collect();
        if rivals.len() >= MOST_RIVALS {
            let last = rivals
                .into_iter()
                .max_by_key(|place| self.steps.get(*place).map(Step::precedence));
            if let Some(place) = last {
                let keeps_its_place = self
                    .steps
                    .get(place)
                    .is_some_and(|s| s.row.accepted || s.precedence() < entering.precedence());
                if keeps_its_place && !entering.row.accepted {
                    entering.row.standing.conflicting = true;
                    let outcome = entering.outcome("");
                    self.outcomes.push((entering.row.letter, outcome));
                    return;
                }
                if !keeps_its_place {
                    // It stays warned as it is, and counts for nothing.
                    let step = self.steps.remove(place);
                    case.delete(&keys::step(self.key, step.sequence, &step.content));
                }
            }
        }
        let place = self
            .steps
            .iter()
            .position(|s| s.sequence > entering.sequence);
        self.steps
            .insert(place.unwrap_or(self.steps.len()), entering);
    }

    fn fold(&self, steps: &[Step<S>]) -> FoldWalk<S> {
        let statuses: Vec<TrackStatus<'_, S>> = steps
            .iter()
            .map(|step| TrackStatus {
                sequence: step.sequence,
                state: step.row.state,
                at: step.row.at,
                statement: step.row.statement,
                content: &step.content,
                accepted: step.row.accepted,
            })
            .collect();
        fold::walk(&self.base, &statuses)
    }

    /// Makes the walk, and tells the letters that stand otherwise than before.
    fn walk(mut self, case: &mut BuyerCase<'_>, is_marked: fn(S) -> bool) -> TrackTold {
        let walked = self.fold(&self.steps);
        let before = self.row.state;
        let state = walked.state.and_then(|place| self.steps.get(place));
        let (state, state_of) = state
            .map(|step| (step.row.state, step.row.letter))
            .or(self.row.base_state)
            .unzip();
        let word = state.map(|s| s.to_string()).unwrap_or_default();
        let words_changed = before != state;
        let marked = self.last_marked(&walked, self.steps.len(), is_marked);
        for place in 0..self.steps.len() {
            let standing = self.standing(&walked, place);
            let Some(step) = self.steps.get_mut(place) else {
                continue;
            };
            let is_changed = step.row.standing != standing;
            if step.is_new || is_changed {
                step.row.standing = standing;
                case.put(
                    &keys::step(self.key, step.sequence, &step.content),
                    &step.row,
                );
            }
            if step.is_new || is_changed || (standing.stepped_over && words_changed) {
                self.outcomes.push((step.row.letter, step.outcome(&word)));
            }
        }
        self.row.state = state;
        self.row.state_of = state_of;
        self.settle(case, is_marked);
        case.put_if_changed(self.key, &self.row);
        TrackTold {
            now: Some(TrackNow { state_of, marked }),
            outcomes: self.outcomes,
        }
    }

    fn standing(&self, walked: &FoldWalk<S>, place: usize) -> StepStanding {
        let Some(step) = self.steps.get(place) else {
            return StepStanding::default();
        };
        let applied = walked.steps.get(place) == Some(&FoldStep::Applied);
        let is_overtaken =
            |other: &Step<S>| other.sequence > step.sequence && other.first() < step.row.letter;
        StepStanding {
            late: applied && self.steps.iter().any(is_overtaken),
            stepped_over: walked.steps.get(place) == Some(&FoldStep::SteppedOver),
            conflicting: walked.conflicting.contains(&place),
            restarted: walked.restarted.contains(&place),
        }
    }

    /// The last of the first `steps` that is applied and marked, or that was when it was settled.
    fn last_marked(
        &self,
        walked: &FoldWalk<S>,
        steps: usize,
        is_marked: fn(S) -> bool,
    ) -> Option<u64> {
        let applied = self.steps.iter().zip(&walked.steps).take(steps);
        let last = applied
            .filter(|(step, how)| **how == FoldStep::Applied && is_marked(step.row.state))
            .last();
        last.map(|(step, _)| step.row.letter)
            .or(self.row.base_marked)
    }

    /// Settles the lowest steps of what has become too much.
    fn settle(&mut self, case: &mut BuyerCase<'_>, is_marked: fn(S) -> bool) {
        let mut sequences: Vec<u32> = self.steps.iter().map(|step| step.sequence).collect();
        sequences.dedup();
        let too_many = sequences.len().saturating_sub(MOST_STEPS);
        let Some(&through) = too_many.checked_sub(1).and_then(|n| sequences.get(n)) else {
            return;
        };
        let cut = self.steps.partition_point(|s| s.sequence <= through);
        let above = self.steps.split_off(cut);
        let walked = self.fold(&self.steps);
        self.row.base_marked = self.last_marked(&walked, cut, is_marked);
        let last = walked.state.and_then(|place| self.steps.get(place));
        if let Some(step) = last {
            self.row.base_state = Some((step.row.state, step.row.letter));
        }
        self.base = walked.base;
        self.row.base = Some(walked.base);
        for step in std::mem::replace(&mut self.steps, above) {
            case.delete(&keys::step(self.key, step.sequence, &step.content));
        }
    }
}

impl<S: TrackState> Step<S> {
    /// What the fold says of the letter that tells this step, where the state of the track is `now`.
    fn outcome(&self, now: &str) -> LetterOutcome {
        let (standing, state, sequence) = (self.row.standing, self.row.state, self.sequence);
        let fate = if standing.late {
            Fate::Late
        } else {
            Fate::Applied
        };
        let mut outcome = LetterOutcome::of(fate);
        if standing.stepped_over {
            outcome.add(Finding::new(
                16,
                WarningKind::ImpossibleStep,
                format!("{state} as step {sequence}"),
                format!("a step that can follow; the state is {now}"),
            ));
        }
        if standing.conflicting {
            outcome.add(Finding::new(
                16,
                WarningKind::ConflictingStatus,
                format!("{state} as step {sequence}, which another letter tells otherwise"),
                format!("one status for step {sequence}"),
            ));
        }
        if standing.restarted {
            outcome.add(Finding::new(
                16,
                WarningKind::SequenceRestarted,
                format!(
                    "step {sequence} at {}, later than a following step",
                    self.row.at
                ),
                "steps whose times grow with their numbers",
            ));
        }
        outcome
    }
}
