//! The statuses of a trade, sorted into tracks (one for each sender, kind and parcel) and folded.

use std::collections::{BTreeMap, BTreeSet};

use tradepost_statements::progress::Progress;
use tradepost_statements::{Address, Time};
use tradepost_trades::fold::{self, FoldStep, TrackStatus};

use super::filed::{Filed, LetterOutcome};
use super::state::Fate;
use super::warning::{Finding, WarningKind};

/// Which letter gives the present state of each track.
#[derive(Default)]
pub(super) struct Tracks {
    pub(super) order: Option<usize>,
    pub(super) delivery: BTreeMap<(Address, String), usize>,
    pub(super) payment: BTreeMap<Address, usize>,
    /// All statuses that were applied, lowest sequence first within a track.
    pub(super) applied: BTreeSet<usize>,
}

/// What the fold needs of a status, whatever its track.
struct StatusRow {
    index: usize,
    sequence: u32,
    at: Time,
    content: String,
}

/// Folds the letters that passed lines 8 to 15, and adds what the fold says to their outcomes.
pub(super) fn walk(
    letters: &[Filed],
    passed: &[usize],
    outcomes: &mut BTreeMap<usize, LetterOutcome>,
) -> Tracks {
    let mut order = Vec::new();
    let mut delivery: BTreeMap<(Address, String), Vec<_>> = BTreeMap::new();
    let mut payment: BTreeMap<Address, Vec<_>> = BTreeMap::new();
    for &index in passed {
        let Some(filed) = letters.get(index) else {
            continue;
        };
        let row = |sequence: tradepost_statements::Sequence, at| StatusRow {
            index,
            sequence: sequence.number(),
            at,
            content: filed.content(),
        };
        let sender = filed.decoded.statement.from.clone();
        if let Some(s) = filed.order_status() {
            order.push((row(s.sequence, s.at), s.state));
        } else if let Some(s) = filed.delivery_status() {
            delivery
                .entry((sender, s.parcel.clone()))
                .or_default()
                .push((row(s.sequence, s.at), s.state));
        } else if let Some(s) = filed.payment_status() {
            payment
                .entry(sender)
                .or_default()
                .push((row(s.sequence, s.at), s.state));
        }
    }
    let mut applied = BTreeSet::new();
    let order = fold_track(letters, &order, outcomes, &mut applied);
    let mut tracks = Tracks {
        order,
        ..Tracks::default()
    };
    for (key, rows) in delivery {
        tracks
            .delivery
            .extend(fold_track(letters, &rows, outcomes, &mut applied).map(|state| (key, state)));
    }
    for (key, rows) in payment {
        tracks
            .payment
            .extend(fold_track(letters, &rows, outcomes, &mut applied).map(|state| (key, state)));
    }
    tracks.applied = applied;
    tracks
}

fn fold_track<S: Progress + std::fmt::Display>(
    letters: &[Filed],
    rows: &[(StatusRow, S)],
    outcomes: &mut BTreeMap<usize, LetterOutcome>,
    applied: &mut BTreeSet<usize>,
) -> Option<usize> {
    let statuses: Vec<TrackStatus<'_, S>> = rows
        .iter()
        .filter_map(|(row, state)| {
            let filed = letters.get(row.index)?;
            Some(TrackStatus {
                sequence: row.sequence,
                state: *state,
                at: row.at,
                statement: filed.decoded.statement.id,
                content: &row.content,
                accepted: filed.accepted(),
            })
        })
        .collect();
    let walked = fold::walk(&statuses);
    let state_name = walked
        .state
        .and_then(|i| statuses.get(i))
        .map(|s| s.state.to_string())
        .unwrap_or_default();
    let mut highest_before = 0;
    for (place, ((row, state), step)) in rows.iter().zip(&walked.steps).enumerate() {
        let Some(outcome) = outcomes.get_mut(&row.index) else {
            continue;
        };
        let sequence = row.sequence;
        match step {
            FoldStep::Applied => {
                applied.insert(row.index);
                let late = sequence < highest_before;
                outcome.fate = if late { Fate::Late } else { Fate::Applied };
            }
            FoldStep::Duplicate => outcome.fate = Fate::Duplicate,
            FoldStep::Outvoted => {}
            FoldStep::SteppedOver => outcome.add(Finding::new(
                16,
                WarningKind::ImpossibleStep,
                format!("{state} as step {sequence}"),
                format!("a step that can follow; the state is {state_name}"),
            )),
        }
        if walked.conflicting.contains(&place) {
            outcome.add(Finding::new(
                16,
                WarningKind::ConflictingStatus,
                format!("{state} as step {sequence}, which another letter tells otherwise"),
                format!("one status for step {sequence}"),
            ));
        }
        if walked.restarted.contains(&place) {
            outcome.add(Finding::new(
                16,
                WarningKind::SequenceRestarted,
                format!("step {sequence} at {}, later than a following step", row.at),
                "steps whose times grow with their numbers",
            ));
        }
        highest_before = highest_before.max(sequence);
    }
    walked
        .state
        .and_then(|place| rows.get(place))
        .map(|(row, _)| row.index)
}
