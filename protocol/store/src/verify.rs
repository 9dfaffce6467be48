//! Whether the rows say what the journal says.

use tradepost_trades::rows::{MemoryRows, Rows as _};

use super::opening::ReplayProgress;
use super::walk::{WalkedRecord, beginning, walk};
use super::{Store, StoreError};

/// What [`Store::verify`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Records in the journal, all of them whole.
    pub records: u64,
    /// Rows that they make.
    pub rows: u64,
    /// Keys of rows that are missing in the store, or too many, or different: at most
    /// [`Verified::SHOWN`] of them.
    pub differing: Vec<Vec<u8>>,
}

impl Verified {
    /// Enough to see what kind of row it is about.
    pub const SHOWN: usize = 20;
}

impl Store {
    /// Reads the whole journal, lays its rows over one another in memory, and compares them with what
    /// the store shows. Nothing can be written meanwhile.
    ///
    /// # Errors
    /// The journal is damaged or can't be read.
    pub fn verify(&self, progress: &mut dyn FnMut(ReplayProgress)) -> Result<Verified, StoreError> {
        let _still = self.lock();
        let end = self.end();
        let start = beginning(self.reader.salt());
        let total = self.reader.distance(start.end, end);
        let mut expected = MemoryRows::default();
        let mut records: u64 = 0;
        walk(&self.reader, start, end, &mut |step: WalkedRecord<'_>| {
            expected.apply(step.rows()?);
            records += u64::from(!step.frame.lost);
            if records.is_multiple_of(1_000) {
                let done = self.reader.distance(start.end, step.at);
                progress(ReplayProgress { done, total });
            }
            Ok(())
        })?;
        let expected = expected.scan(b"");
        let found = self.rows.scan(b"");
        self.sound()?;
        Ok(Verified {
            records,
            rows: expected.len() as u64,
            differing: differing(&expected, &found),
        })
    }
}

type Pair = (Vec<u8>, Vec<u8>);

fn differing(expected: &[Pair], found: &[Pair]) -> Vec<Vec<u8>> {
    let (mut expected, mut found) = (expected.iter().peekable(), found.iter().peekable());
    let mut differing = Vec::new();
    while differing.len() < Verified::SHOWN {
        let key = match (expected.peek(), found.peek()) {
            (None, None) => break,
            (Some((key, _)), None) | (None, Some((key, _))) => key.clone(),
            (Some((a, _)), Some((b, _))) => a.min(b).clone(),
        };
        let one = expected.next_if(|(k, _)| *k == key);
        let other = found.next_if(|(k, _)| *k == key);
        if one != other {
            differing.push(key);
        }
    }
    differing
}
