//! State as ordered rows of keys and values: what a decision reads, and what it returns to be
//! written. The shells keep the rows durably; tests and simulations keep them in memory.

use std::cell::RefCell;
use std::collections::BTreeMap;

/// A row to write or to delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where; rows are ordered by key.
    pub key: Vec<u8>,
    /// What; none deletes the row.
    pub value: Option<Vec<u8>>,
}

impl Row {
    /// Writes a value, in the place of one that is there.
    #[must_use]
    pub fn put(key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Row {
        Row {
            key: key.into(),
            value: Some(value.into()),
        }
    }

    /// Deletes a key, be it there or not.
    #[must_use]
    pub fn delete(key: impl Into<Vec<u8>>) -> Row {
        Row {
            key: key.into(),
            value: None,
        }
    }
}

/// Rows that can be read. Reading never fails here: a shell whose disk fails ends the process's
/// work with its own error, it does not decide on half of the state.
pub trait Rows {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Option<Vec<u8>>;

    /// At most `limit` rows whose keys start with `prefix` and are not below `from`, in order.
    fn scan_from(&self, prefix: &[u8], from: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)>;

    /// All rows whose keys start with `prefix`, in order.
    fn scan(&self, prefix: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.scan_from(prefix, prefix, usize::MAX)
    }
}

/// Rows in memory, for tests and simulations, and to compare the kept ones with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryRows(BTreeMap<Vec<u8>, Vec<u8>>);

impl MemoryRows {
    /// Writes rows, in their order.
    pub fn apply(&mut self, rows: impl IntoIterator<Item = Row>) {
        for row in rows {
            match row.value {
                Some(value) => self.0.insert(row.key, value),
                None => self.0.remove(&row.key),
            };
        }
    }
}

impl Rows for MemoryRows {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.get(key).cloned()
    }

    fn scan_from(&self, prefix: &[u8], from: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let start = if from < prefix { prefix } else { from };
        self.0
            .range(start.to_vec()..)
            .take_while(|(k, _)| k.starts_with(prefix))
            .take(limit)
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect()
    }
}

/// Rows with others laid over them that are not written yet: so that the decisions of one batch
/// see one another. What was got from below once is not got again.
pub struct Overlay<'b> {
    base: &'b dyn Rows,
    over: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    got: RefCell<BTreeMap<Vec<u8>, Option<Vec<u8>>>>,
}

impl<'b> Overlay<'b> {
    /// Nothing laid over `base` yet.
    #[must_use]
    pub fn new(base: &'b dyn Rows) -> Overlay<'b> {
        Overlay {
            base,
            over: BTreeMap::new(),
            got: RefCell::new(BTreeMap::new()),
        }
    }

    /// Lays rows over it, in their order.
    pub fn apply(&mut self, rows: impl IntoIterator<Item = Row>) {
        for row in rows {
            self.over.insert(row.key, row.value);
        }
    }

    /// What was laid over the base: one row for each key.
    #[must_use]
    pub fn into_rows(self) -> Vec<Row> {
        self.over
            .into_iter()
            .map(|(key, value)| Row { key, value })
            .collect()
    }
}

impl Rows for Overlay<'_> {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        match self.over.get(key) {
            Some(value) => value.clone(),
            None => {
                if let Some(known) = self.got.borrow().get(key) {
                    return known.clone();
                }
                let value = self.base.get(key);
                self.got.borrow_mut().insert(key.to_vec(), value.clone());
                value
            }
        }
    }

    fn scan_from(&self, prefix: &[u8], from: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let start = if from < prefix { prefix } else { from };
        let over: Vec<_> = self
            .over
            .range(start.to_vec()..)
            .take_while(|(k, _)| k.starts_with(prefix))
            .collect();
        // Deleted rows may have to be replaced by as many more of the base.
        let deleted = over.iter().filter(|(_, v)| v.is_none()).count();
        let base = self
            .base
            .scan_from(prefix, start, limit.saturating_add(deleted));
        let mut merged: BTreeMap<Vec<u8>, Vec<u8>> = base.into_iter().collect();
        for (key, value) in over {
            match value {
                Some(value) => merged.insert(key.clone(), value.clone()),
                None => merged.remove(key),
            };
        }
        merged.into_iter().take(limit).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overlay_reads_as_if_it_were_written() {
        let mut base = MemoryRows::default();
        base.apply([
            Row::put("a/1", "1"),
            Row::put("a/2", "2"),
            Row::put("a/4", "4"),
            Row::put("b", "b"),
        ]);
        let mut written = base.clone();
        let change = [
            Row::delete("a/2"),
            Row::put("a/3", "3"),
            Row::put("a/1", "one"),
        ];
        written.apply(change.clone());
        let mut overlay = Overlay::new(&base);
        overlay.apply(change);
        for limit in [0, 1, 2, 3, 9] {
            assert_eq!(
                overlay.scan_from(b"a/", b"a/", limit),
                written.scan_from(b"a/", b"a/", limit)
            );
        }
        assert_eq!(
            overlay.scan_from(b"a/", b"a/2", 1),
            vec![(b"a/3".to_vec(), b"3".to_vec())]
        );
        assert_eq!(overlay.get(b"a/2"), None);
        assert_eq!(overlay.get(b"b"), Some(b"b".to_vec()));
    }
}
