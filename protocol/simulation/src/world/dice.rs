//! Chance that a seed repeats.

use tradepost_statements::{StatementId, Time};
use uuid::{Builder, Uuid};

/// Random numbers (splitmix64): good enough for a story, and the same everywhere.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    /// True so many times of a thousand.
    pub(super) fn strikes(&mut self, per_mille: u64) -> bool {
        per_mille > 0 && self.below(1000) < per_mille
    }

    /// From 0 to 1.
    pub(super) fn fraction(&mut self) -> f64 {
        f64::from(u32::try_from(self.below(1 << 24)).unwrap_or_default()) / f64::from(1 << 24)
    }

    /// A UUID of version 7.
    pub(super) fn uuid(&mut self, now: Time) -> Uuid {
        let mut random = [0; 10];
        let (high, low) = (self.next().to_be_bytes(), self.next().to_be_bytes());
        for (to, from) in random.iter_mut().zip(high.into_iter().chain(low)) {
            *to = from;
        }
        let millis = u64::try_from(now.unix_millis()).unwrap_or_default();
        Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    pub(super) fn statement(&mut self, now: Time) -> StatementId {
        StatementId::new(self.uuid(now)).expect("it was made of version 7")
    }
}
