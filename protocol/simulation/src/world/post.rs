//! The simulated post: letters on their way, and what becomes of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tradepost_statements::{Address, Statement, Time};

use super::dice::Dice;
use super::fault::Faults;

/// A statement that leaves.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    pub(super) statement: Statement,
    /// Its JSON, octet for octet.
    pub(super) octets: String,
    pub(super) message_id: String,
}

/// A letter as it was fetched.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    pub(super) outgoing: Outgoing,
    /// When it was put into the mailbox.
    pub(super) received_at: Time,
}

/// News of a letter that could not be brought.
#[derive(Debug, Clone)]
pub(super) struct Bounce {
    pub(super) to: Address,
    pub(super) message_id: String,
}

/// What lies in a mailbox.
#[derive(Debug, Clone)]
pub(super) enum Arrival {
    Letter(Box<Letter>),
    Bounce(Bounce),
}

impl Arrival {
    pub(super) fn to(&self) -> &Address {
        match self {
            Arrival::Letter(letter) => &letter.outgoing.statement.to,
            Arrival::Bounce(bounce) => &bounce.to,
        }
    }
}

pub(super) struct Post {
    faults: Faults,
    /// By time, and within it by the order in which they were sent.
    under_way: BTreeMap<(Time, u64), Arrival>,
    sent: u64,
    lost_to: BTreeSet<Address>,
    bounced_to: BTreeSet<Address>,
    /// Something was lost or came back because the story says so.
    kept_back: bool,
    /// How many letters between two addresses were lost one after another.
    in_a_row: BTreeMap<(Address, Address), u32>,
}

/// Honest mail takes so long.
const USUAL: Duration = Duration::from_secs(2);
/// Nobody can repair what gets lost for ever: of so many letters in a row between two mailboxes
/// one arrives.
const MOST_IN_A_ROW: u32 = 3;

impl Post {
    pub(super) fn new(faults: Faults) -> Post {
        Post {
            faults,
            under_way: BTreeMap::new(),
            sent: 0,
            lost_to: BTreeSet::new(),
            bounced_to: BTreeSet::new(),
            kept_back: false,
            in_a_row: BTreeMap::new(),
        }
    }

    pub(super) fn sent(&self) -> usize {
        usize::try_from(self.sent).unwrap_or(usize::MAX)
    }

    pub(super) fn loses_all_to(&mut self, address: Address) {
        self.lost_to.insert(address);
    }

    pub(super) fn bounces_all_to(&mut self, address: Address) {
        self.bounced_to.insert(address);
    }

    pub(super) fn has_kept_back(&self) -> bool {
        self.kept_back
    }

    pub(super) fn carries_again(&mut self) {
        self.lost_to.clear();
        self.bounced_to.clear();
        self.kept_back = false;
    }

    /// The next arrival at one of the mailboxes that somebody reads.
    pub(super) fn next_for(&self, reads: impl Fn(&Address) -> bool) -> Option<Time> {
        let mut all = self.under_way.iter();
        all.find(|(_, arrival)| reads(arrival.to()))
            .map(|((at, _), _)| *at)
    }

    /// Takes out of a mailbox what has arrived by now.
    pub(super) fn take(&mut self, now: Time, awake: &BTreeSet<Address>) -> Option<Arrival> {
        let mut all = self.under_way.iter();
        let (key, _) = all.find(|((at, _), arrival)| *at <= now && awake.contains(arrival.to()))?;
        let key = *key;
        self.under_way.remove(&key)
    }

    /// It is still in the mailbox when the machine starts again.
    pub(super) fn put_back(&mut self, now: Time, arrival: Arrival) {
        self.arrives_at(now.plus(Duration::from_secs(30)), arrival);
    }

    /// Takes a letter from its sender.
    pub(super) fn carry(&mut self, now: Time, outgoing: Outgoing, dice: &mut Dice) {
        self.sent += 1;
        let (from, to) = (&outgoing.statement.from, &outgoing.statement.to);
        let in_a_row = self.in_a_row.entry((from.clone(), to.clone())).or_default();
        let all_come_back = self.bounced_to.contains(to);
        let is_kept_back = self.lost_to.contains(to) || all_come_back;
        let comes_back = dice.strikes(self.faults.bounced) || all_come_back;
        let is_lost = dice.strikes(self.faults.lost) || comes_back;
        self.kept_back |= is_kept_back;
        if is_kept_back || (is_lost && *in_a_row < MOST_IN_A_ROW) {
            *in_a_row += 1;
            if comes_back {
                let bounce = Bounce {
                    to: from.clone(),
                    message_id: outgoing.message_id,
                };
                let at = now.plus(self.takes(dice));
                self.arrives_at(at, Arrival::Bounce(bounce));
            }
            return;
        }
        *in_a_row = 0;
        let copies = if dice.strikes(self.faults.twice) {
            2
        } else {
            1
        };
        for _ in 0..copies {
            let received_at = now.plus(self.takes(dice));
            let letter = Letter {
                outgoing: outgoing.clone(),
                received_at,
            };
            self.arrives_at(received_at, Arrival::Letter(Box::new(letter)));
        }
    }

    fn takes(&self, dice: &mut Dice) -> Duration {
        if dice.strikes(self.faults.late) {
            USUAL + self.faults.latest.mul_f64(dice.fraction())
        } else {
            USUAL
        }
    }

    fn arrives_at(&mut self, at: Time, arrival: Arrival) {
        let last = self.under_way.keys().map(|(_, number)| *number).max();
        let number = last.map_or(0, |last| last + 1);
        self.under_way.insert((at, number), arrival);
    }
}
