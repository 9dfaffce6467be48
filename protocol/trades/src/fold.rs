//! The fold (protocol 4): the state of a track as a function of the set of its statuses, not of
//! their arrival.
//!
//! [`walk`] sorts the statuses by sequence and walks up. It knows nothing of letters, senders or
//! warnings' words: each status gets a [`FoldStep`], and whoever asked makes of it what it needs.
//!
//! A walk needs the statuses of a track that may still be joined by others. What lies far back can be
//! [`FoldBase`]: all that walking on from there needs of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tradepost_statements::progress::Progress;
use tradepost_statements::{StatementId, Time};

/// One status of a track, as far as the walk needs it.
#[derive(Debug, Clone)]
pub struct TrackStatus<'c, S> {
    /// Its number in the track.
    pub sequence: u32,
    /// The state that it tells, whether the walk applies it or not.
    pub state: S,
    /// When the sender recorded the change.
    pub at: Time,
    /// Tells statuses with one sequence apart: the lowest counts.
    pub statement: StatementId,
    /// Two statuses with one sequence are the same when these are equal.
    pub content: &'c str,
    /// The person wants it to count, whatever the rules say.
    pub accepted: bool,
}

/// What the walk makes of one status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoldStep {
    /// It counts; the last one that does is the track's state.
    Applied,
    /// Another status with this sequence and content stands for it.
    Duplicate,
    /// Another status with this sequence, but other content, counts.
    Outvoted,
    /// Its rank is below the highest applied, or it is another end (`impossible-step`).
    SteppedOver,
}

/// Where a walk begins: what the statuses below came to, which are settled and not looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoldBase<S> {
    /// The highest sequence that is settled; 0 before the first.
    #[serde(rename = "t")]
    pub through: u32,
    /// The state of the highest rank that was applied, and its sequence.
    #[serde(rename = "h")]
    pub highest: Option<(S, u32)>,
    /// How many sequences are known above that one, up to the settled one.
    #[serde(rename = "k")]
    pub known_above: u32,
}

impl<S> Default for FoldBase<S> {
    fn default() -> FoldBase<S> {
        FoldBase {
            through: 0,
            highest: None,
            known_above: 0,
        }
    }
}

/// What the walk found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoldWalk<S> {
    /// For each status given, in the order given.
    pub steps: Vec<FoldStep>,
    /// Statuses that disagree with another of the same sequence (`conflicting-status`).
    pub conflicting: BTreeSet<usize>,
    /// Statuses whose `at` is later than that of a higher sequence (`sequence-restarted`).
    pub restarted: BTreeSet<usize>,
    /// The status that is the track's state: the last one applied; none when none of them was.
    pub state: Option<usize>,
    /// Where a walk begins for which all of these are settled.
    pub base: FoldBase<S>,
}

/// Walks up the statuses of one track from what is settled; all of them are above that.
#[must_use]
pub fn walk<S: Progress>(base: &FoldBase<S>, statuses: &[TrackStatus<'_, S>]) -> FoldWalk<S> {
    let mut result = FoldWalk {
        steps: vec![FoldStep::Duplicate; statuses.len()],
        conflicting: BTreeSet::new(),
        restarted: BTreeSet::new(),
        state: None,
        base: *base,
    };
    let by_sequence = choose(statuses, &mut result);
    let mut highest: Option<Highest<S>> = base.highest.and_then(|(state, sequence)| {
        let rank = state.rank()?;
        Some(Highest {
            rank,
            state,
            sequence,
            known_above: base.known_above,
        })
    });
    for (&sequence, &index) in &by_sequence {
        let Some(status) = statuses.get(index) else {
            continue;
        };
        let follows = match &highest {
            None => true,
            Some(h) => h.may_be_followed_by(status.state, sequence, &by_sequence),
        };
        let step = if follows || status.accepted {
            FoldStep::Applied
        } else {
            FoldStep::SteppedOver
        };
        if step == FoldStep::Applied {
            result.state = Some(index);
            if let Some(rank) = status.state.rank() {
                // An accepted status may lead back below the highest rank; that one stays.
                if highest.as_ref().is_none_or(|h| rank >= h.rank) {
                    highest = Some(Highest {
                        rank,
                        state: status.state,
                        sequence,
                        known_above: 0,
                    });
                }
            }
        }
        set(&mut result.steps, index, step);
    }
    mark_restarted(statuses, &by_sequence, &mut result.restarted);
    result.base = FoldBase {
        through: by_sequence
            .keys()
            .copied()
            .max()
            .unwrap_or(0)
            .max(base.through),
        highest: highest.as_ref().map(|h| (h.state, h.sequence)),
        known_above: highest
            .as_ref()
            .map_or(0, |h| h.known_below(u32::MAX, &by_sequence)),
    };
    result
}

/// The ranked state that the walk has come to.
struct Highest<S> {
    rank: u8,
    state: S,
    sequence: u32,
    /// How many sequences above it are known that are settled.
    known_above: u32,
}

impl<S: Progress> Highest<S> {
    fn may_be_followed_by(&self, state: S, sequence: u32, known: &BTreeMap<u32, usize>) -> bool {
        match state.rank() {
            Some(rank) if rank < self.rank => false,
            Some(rank) if rank > self.rank => true,
            Some(_) => {
                let is_another_end = self.state.is_end() && state.is_end() && state != self.state;
                !is_another_end || state.end_may_change_within_rank()
            }
            // Something that is not known yet may have led on from the end.
            None => !self.state.is_end() || self.misses_a_sequence_before(sequence, known),
        }
    }

    fn misses_a_sequence_before(&self, sequence: u32, known: &BTreeMap<u32, usize>) -> bool {
        let between = sequence.saturating_sub(self.sequence).saturating_sub(1);
        self.known_below(sequence, known) < between
    }

    /// How many sequences are known between this one and another.
    fn known_below(&self, sequence: u32, known: &BTreeMap<u32, usize>) -> u32 {
        let there = known
            .range(self.sequence.saturating_add(1)..sequence.max(self.sequence.saturating_add(1)));
        self.known_above
            .saturating_add(u32::try_from(there.count()).unwrap_or(u32::MAX))
    }
}

/// One status for each sequence; the others become duplicates or outvoted.
fn choose<S: Progress>(
    statuses: &[TrackStatus<'_, S>],
    result: &mut FoldWalk<S>,
) -> BTreeMap<u32, usize> {
    // sequence -> content -> (accepted first, lowest statement id): the content's representative
    let mut contents: BTreeMap<u32, BTreeMap<&str, usize>> = BTreeMap::new();
    let precedes = |a: usize, b: usize| match (statuses.get(a), statuses.get(b)) {
        (Some(a), Some(b)) => (!a.accepted, a.statement) < (!b.accepted, b.statement),
        _ => false,
    };
    for (index, status) in statuses.iter().enumerate() {
        let same = contents
            .entry(status.sequence)
            .or_default()
            .entry(status.content)
            .or_insert(index);
        if precedes(index, *same) {
            *same = index;
        }
    }
    let mut chosen = BTreeMap::new();
    for (sequence, rivals) in contents {
        let mut winner: Option<usize> = None;
        for &rival in rivals.values() {
            if winner.is_none_or(|w| precedes(rival, w)) {
                winner = Some(rival);
            }
        }
        if rivals.len() > 1 {
            for &rival in rivals.values() {
                set(&mut result.steps, rival, FoldStep::Outvoted);
                if !statuses.get(rival).is_some_and(|s| s.accepted) {
                    result.conflicting.insert(rival);
                }
            }
        }
        if let Some(winner) = winner {
            chosen.insert(sequence, winner);
        }
    }
    chosen
}

fn mark_restarted<S>(
    statuses: &[TrackStatus<'_, S>],
    chosen: &BTreeMap<u32, usize>,
    marked: &mut BTreeSet<usize>,
) {
    let mut earliest_above: Option<Time> = None;
    for &index in chosen.values().rev() {
        let Some(status) = statuses.get(index) else {
            continue;
        };
        if earliest_above.is_some_and(|above| status.at > above) && !status.accepted {
            marked.insert(index);
        }
        earliest_above = Some(earliest_above.map_or(status.at, |e| e.min(status.at)));
    }
}

fn set(steps: &mut [FoldStep], index: usize, step: FoldStep) {
    if let Some(slot) = steps.get_mut(index) {
        *slot = step;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use FoldStep::{Applied, Duplicate, Outvoted, SteppedOver};
    use tradepost_statements::{DeliveryState as D, OrderState as O, PaymentState as P};

    /// Rows are (sequence, state, statement number, content, step expected).
    fn check<S: Progress>(rows: &[(u32, S, u8, &str, FoldStep)], state: Option<S>) {
        let statuses: Vec<TrackStatus<'_, S>> = rows
            .iter()
            .map(|(sequence, state, id, content, _)| TrackStatus {
                sequence: *sequence,
                state: *state,
                at: Time::from_unix_millis(i64::from(*sequence)),
                statement: format!("01932c07-9a2e-7c11-8f54-0000000000{id:02x}")
                    .parse()
                    .unwrap(),
                content,
                accepted: false,
            })
            .collect();
        let walked = walk(&FoldBase::default(), &statuses);
        // Wherever it is cut, walking on from what is settled comes to the same.
        for cut in 0..=statuses.iter().map(|s| s.sequence).max().unwrap_or(0) {
            let (below, above): (Vec<_>, Vec<_>) =
                statuses.iter().cloned().partition(|s| s.sequence <= cut);
            let settled = walk(&FoldBase::default(), &below);
            let on = walk(&settled.base, &above);
            assert_eq!(on.base.highest.is_some(), walked.base.highest.is_some());
            assert_eq!(on.base.through, walked.base.through);
            assert_eq!(on.base.known_above, walked.base.known_above);
            let (mut low, mut high) = (settled.steps.iter(), on.steps.iter());
            let whole = statuses.iter().map(|s| {
                if s.sequence <= cut {
                    low.next()
                } else {
                    high.next()
                }
            });
            assert!(whole.eq(walked.steps.iter().map(Some)));
        }
        let expected: Vec<FoldStep> = rows.iter().map(|r| r.4).collect();
        assert_eq!(walked.steps, expected);
        assert!(walked.state.map(|i| statuses[i].state) == state);
    }

    // Requirements: E17
    #[test]
    fn ranks_never_fall_and_ends_exclude_one_another() {
        check(
            &[
                (1, D::Announced, 1, "a", Applied),
                (2, D::InTransit, 2, "b", Applied),
                (3, D::Announced, 3, "c", SteppedOver),
            ],
            Some(D::InTransit),
        );
        check(
            &[
                (2, D::Delivered, 1, "a", Applied),
                (1, D::OutForDelivery, 2, "b", Applied),
            ],
            Some(D::Delivered),
        );
        check(
            &[
                (1, D::Delivered, 1, "a", Applied),
                (2, D::Stopped, 2, "b", SteppedOver),
            ],
            Some(D::Delivered),
        );
        check(
            &[
                (1, D::Delivered, 1, "a", Applied),
                (2, D::Delivered, 2, "b", Applied),
            ],
            Some(D::Delivered),
        );
        check(
            &[
                (1, D::Delivered, 1, "a", Applied),
                (2, D::Returning, 2, "b", Applied),
                (3, D::Exception, 3, "c", Applied),
                (4, D::Returned, 4, "d", Applied),
            ],
            Some(D::Returned),
        );
        check(
            &[
                (1, O::Shipped, 1, "a", Applied),
                (2, O::Cancelled, 2, "b", SteppedOver),
            ],
            Some(O::Shipped),
        );
        check(
            &[
                (1, O::Cancelled, 1, "a", Applied),
                (2, O::Returned, 2, "b", Applied),
            ],
            Some(O::Returned),
        );
        check(
            &[
                (1, P::Settled, 1, "a", Applied),
                (2, P::Disputed, 2, "b", Applied),
                (3, P::PartlyRefunded, 3, "c", Applied),
                (4, P::Settled, 4, "d", Applied),
            ],
            Some(P::Settled),
        );
        check(
            &[
                (1, P::Refunded, 1, "a", Applied),
                (2, P::Voided, 2, "b", SteppedOver),
            ],
            Some(P::Refunded),
        );
    }

    #[test]
    fn a_state_without_rank_after_an_end_needs_a_gap() {
        check(
            &[
                (1, D::Lost, 1, "a", Applied),
                (2, D::InTransit, 2, "b", Applied),
            ],
            Some(D::InTransit),
        );
        check(
            &[
                (1, D::Delivered, 1, "a", Applied),
                (2, D::Exception, 2, "b", SteppedOver),
            ],
            Some(D::Delivered),
        );
        check(
            &[
                (1, D::Delivered, 1, "a", Applied),
                (3, D::Exception, 2, "b", Applied),
            ],
            Some(D::Exception),
        );
        check(
            &[
                (1, D::Delivered, 1, "a", Applied),
                (3, D::Exception, 2, "b", SteppedOver),
                (2, D::Delivered, 3, "c", Applied),
            ],
            Some(D::Delivered),
        );
    }

    #[test]
    fn of_one_sequence_the_lower_statement_counts() {
        check(
            &[
                (1, D::InTransit, 9, "a", Outvoted),
                (1, D::Delivered, 3, "b", Applied),
            ],
            Some(D::Delivered),
        );
        check(
            &[
                (1, D::InTransit, 9, "a", Duplicate),
                (1, D::InTransit, 3, "a", Applied),
            ],
            Some(D::InTransit),
        );
        check::<D>(&[], None);
    }

    #[test]
    fn a_lower_sequence_with_a_later_time_is_restarted() {
        let at = |sequence: u32, millis: i64| TrackStatus {
            sequence,
            state: D::InTransit,
            at: Time::from_unix_millis(millis),
            statement: format!("01932c07-9a2e-7c11-8f54-0000000000{sequence:02x}")
                .parse()
                .unwrap(),
            content: "x",
            accepted: false,
        };
        assert_eq!(
            walk(&FoldBase::default(), &[at(1, 10), at(2, 20), at(3, 30)]).restarted,
            BTreeSet::new()
        );
        assert_eq!(
            walk(&FoldBase::default(), &[at(1, 10), at(2, 40), at(3, 30)]).restarted,
            BTreeSet::from([1])
        );
        assert_eq!(
            walk(&FoldBase::default(), &[at(1, 10), at(2, 10)]).restarted,
            BTreeSet::new()
        );
    }
}
