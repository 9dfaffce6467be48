//! Rows that are newer than what lies under them, in order: those that the index does not have yet.
//!
//! The journal has them already, so the index may wait for many of them. While they are written to it
//! they stay here, and what is here counts: a reader sees the same before, meanwhile and afterwards.

use std::collections::BTreeMap;

use tradepost_trades::rows::Row;

use super::known::Known;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Memtable {
    rows: BTreeMap<Vec<u8>, Unwritten>,
    /// How far the rows go; none while there never were any.
    known: Option<Known>,
    /// Of keys and values.
    octets: usize,
    /// Counts the batches, and those of them that the index has.
    batch: u64,
    written: u64,
}

#[derive(Debug)]
struct Unwritten {
    /// None: the row is deleted.
    value: Option<Vec<u8>>,
    batch: u64,
}

/// What is to be written to the index with one call.
pub(super) struct WriteOut {
    pub(super) rows: Vec<Row>,
    pub(super) known: Known,
    through: u64,
}

/// A row that counts before the one under it.
pub(super) struct Newer<'r> {
    pub(super) key: &'r [u8],
    /// None: the row is deleted.
    pub(super) value: Option<&'r [u8]>,
}

impl Memtable {
    /// Takes the rows of a batch, which lies in the journal up to `known`.
    pub(super) fn apply(&mut self, rows: Vec<Row>, known: Known) {
        self.batch += 1;
        self.known = Some(known);
        for Row { key, value } in rows {
            let batch = self.batch;
            let (key_octets, new) = (key.len(), octets(value.as_ref()));
            match self.rows.insert(key, Unwritten { value, batch }) {
                None => self.octets += key_octets + new,
                Some(old) => self.octets = self.octets + new - octets(old.value.as_ref()),
            }
        }
    }

    pub(super) fn octets(&self) -> usize {
        self.octets
    }

    /// Whether something waits to be written.
    pub(super) fn is_due(&self) -> bool {
        self.known.is_some() && self.written < self.batch
    }

    /// All rows; none where nothing waits. A batch without rows has its place at least.
    pub(super) fn due(&self) -> Option<WriteOut> {
        let known = self.known.filter(|_| self.written < self.batch)?;
        let rows = self.rows.iter().map(|(key, waiting)| Row {
            key: key.clone(),
            value: waiting.value.clone(),
        });
        Some(WriteOut {
            rows: rows.collect(),
            known,
            through: self.batch,
        })
    }

    /// The index has them now; what was written since stays.
    pub(super) fn forget(&mut self, due: &WriteOut) {
        self.written = due.through;
        self.rows.retain(|_, waiting| waiting.batch > due.through);
        let of =
            |(key, waiting): (&Vec<u8>, &Unwritten)| key.len() + octets(waiting.value.as_ref());
        self.octets = self.rows.iter().map(of).sum();
    }

    /// The newest value of a key: none where nothing is newer than what lies under it.
    pub(super) fn get(&self, key: &[u8]) -> Option<Option<Vec<u8>>> {
        self.rows.get(key).map(|waiting| waiting.value.clone())
    }

    /// Rows from a key on.
    pub(super) fn from(&self, key: &[u8]) -> impl Iterator<Item = Newer<'_>> {
        self.rows.range(key.to_vec()..).map(|(key, waiting)| Newer {
            key,
            value: waiting.value.as_deref(),
        })
    }
}

fn octets(value: Option<&Vec<u8>>) -> usize {
    value.map_or(0, Vec::len)
}

/// Lays rows over others: at most `limit` rows whose keys start with `prefix`. Both come in order, from
/// where the scan starts; no more of them is read than is needed.
pub(super) fn merged<'r>(
    newer: impl Iterator<Item = Newer<'r>>,
    base: impl Iterator<Item = (Vec<u8>, Vec<u8>)>,
    prefix: &[u8],
    limit: usize,
) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut newer = newer.take_while(|n| n.key.starts_with(prefix)).peekable();
    let mut base = base.take_while(|(k, _)| k.starts_with(prefix)).peekable();
    let mut rows = Vec::new();
    while rows.len() < limit {
        let is_first = match (newer.peek(), base.peek()) {
            (None, None) => break,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(n), Some((key, _))) => n.key <= key.as_slice(),
        };
        if !is_first {
            rows.extend(base.next());
            continue;
        }
        let Some(Newer { key, value }) = newer.next() else {
            break;
        };
        base.next_if(|(k, _)| k == key);
        rows.extend(value.map(|value| (key.to_vec(), value.to_vec())));
    }
    rows
}
