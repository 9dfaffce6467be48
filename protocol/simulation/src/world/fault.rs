//! What goes wrong, and how often.

use std::time::Duration;

use super::dice::Dice;

/// How often things go wrong, of a thousand; all of it decided by the seed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// Decides which letters and machines are struck: the same seed, the same world.
    pub seed: u64,
    /// A letter is lost without a word.
    pub lost: u64,
    /// A letter does not arrive, and its sender is told.
    pub bounced: u64,
    /// A letter arrives twice, the second one whenever.
    pub twice: u64,
    /// A letter is late, by up to `latest`: others overtake it.
    pub late: u64,
    /// By how much at most.
    pub latest: Duration,
    /// A machine dies while it takes a letter in, and starts again.
    pub deaths: u64,
}

/// When a machine dies.
pub(super) enum Death {
    /// What it decided is gone; the letter is still in the mailbox.
    BeforeItRecords,
    /// What it decided is on disk; the letter is read again all the same.
    AfterItRecorded,
}

impl Faults {
    /// Nothing goes wrong.
    #[must_use]
    pub fn none() -> Faults {
        Faults::default()
    }

    /// A bad world: of four letters one is lost, and others are late, doubled or come back.
    #[must_use]
    pub fn many(seed: u64) -> Faults {
        Faults {
            seed,
            lost: 250,
            bounced: 50,
            twice: 200,
            late: 300,
            latest: Duration::from_secs(6 * 3600),
            deaths: 150,
        }
    }

    /// The same world, in which no letter is lost.
    #[must_use]
    pub fn without_loss(self) -> Faults {
        Faults {
            lost: 0,
            bounced: 0,
            ..self
        }
    }

    /// Whether anything can go wrong: whether one of the numbers is above zero.
    #[must_use]
    pub fn any(&self) -> bool {
        self.lost + self.bounced + self.twice + self.late + self.deaths > 0
    }

    pub(super) fn dies(&self, dice: &mut Dice) -> Option<Death> {
        if !dice.strikes(self.deaths) {
            return None;
        }
        Some(if dice.strikes(500) {
            Death::BeforeItRecords
        } else {
            Death::AfterItRecorded
        })
    }
}
