//! Whether the index says what the journal says.

use tradepost_trades::rows::{MemoryRows, Rows as _};

use super::opening::{Apply, ReplayProgress};
use super::{Position, Store, StoreError, segment};

/// What [`Store::verify`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Records in the journal, all of them whole.
    pub records: u64,
    /// Rows that they make.
    pub rows: u64,
    /// Keys of rows that are missing in the index, or too many, or different: at most
    /// [`Verified::SHOWN`] of them.
    pub differing: Vec<Vec<u8>>,
}

impl Verified {
    /// Enough to see what kind of row it is about.
    pub const SHOWN: usize = 20;
}

impl Store {
    /// Reads the whole journal, makes the rows from it once more in memory, and compares them
    /// with the index. Nothing can be written meanwhile.
    ///
    /// # Errors
    /// The journal is damaged or can't be read, or `apply` fails.
    pub fn verify(
        &self,
        apply: &mut Apply<'_>,
        progress: &mut dyn FnMut(ReplayProgress),
    ) -> Result<Verified, StoreError> {
        let _still = self.lock();
        let end = self.end();
        let start = Position::new(1, segment::HEADER);
        let total = self.reader.distance(start, end);
        let mut expected = MemoryRows::default();
        let mut records = 0;
        for record in self.records() {
            let (at, record) = record?;
            let rows = apply(&expected, at, &record).map_err(|source| StoreError::Apply {
                file: self.reader.path(at),
                offset: u64::from(at.offset()),
                source,
            })?;
            expected.apply(rows);
            records += 1;
            if records % 1_000 == 0 {
                let done = self.reader.distance(start, at);
                progress(ReplayProgress { done, total });
            }
        }
        let expected = expected.scan(b"");
        let found = self.index.scan(b"");
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
