//! What an agent keeps of letters that were set aside: rows beside its cursors, so that nothing that
//! was passed over is forgotten, and [`Watch::aside`](tradepost_post::imap::Watch::aside) for the next start.

use serde::{Deserialize, Serialize};
use tradepost_statements::Time;
use tradepost_trades::rows::{Row, Rows};

use tradepost_post::imap::{Aside, SetAside};

/// Letters that are kept one by one. A mailbox of more of them has another trouble, and its log tells
/// each.
const MOST: usize = 1000;

/// What a batch says of letters that were set aside: to be recorded with its cursor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AsideChange {
    /// The folder that all of them lie in.
    pub folder: String,
    /// The folder's UIDVALIDITY, which the UIDs in `set_aside` go by (RFC 9051 2.3.1.1).
    pub uid_validity: u32,
    /// Letters that can't be had, for the first time or once more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set_aside: Vec<SetAside>,
    /// UIDVALIDITY and UID of letters that came after all, or are there no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settled: Vec<(u32, u32)>,
    /// When that was learned, by the agent's clock.
    pub at: Time,
}

/// A letter that was set aside, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AsideRecord {
    /// The folder it lies in.
    pub folder: String,
    /// The folder's UIDVALIDITY then: under another one, `uid` means nothing.
    pub uid_validity: u32,
    /// Its UID under that UIDVALIDITY (RFC 9051 2.3.1.1).
    pub uid: u32,
    /// Why, in words for people.
    pub reason: String,
    /// It may come another time.
    pub again: bool,
    /// How often it was set aside.
    pub tries: u32,
    /// When it was set aside for the first time.
    pub since: Time,
}

impl From<AsideRecord> for Aside {
    fn from(kept: AsideRecord) -> Aside {
        Aside {
            folder: kept.folder,
            uid_validity: kept.uid_validity,
            uid: kept.uid,
            // What is over a limit is not tried again.
            tries: if kept.again { kept.tries } else { u32::MAX },
        }
    }
}

impl AsideChange {
    /// What is new by a batch: letters that were `set_aside`, and of those that are kept the ones that
    /// are `settled` now. None where nothing is.
    #[must_use]
    pub fn of(
        kept: &[AsideRecord],
        (folder, uid_validity): (&str, u32),
        set_aside: Vec<SetAside>,
        settled: &[u32],
        at: Time,
    ) -> Option<AsideChange> {
        // Of another UIDVALIDITY, UIDs mean nothing any more, and all of the folder is read anew.
        let is_settled =
            |k: &&AsideRecord| k.uid_validity != uid_validity || settled.contains(&k.uid);
        let settled: Vec<(u32, u32)> = kept
            .iter()
            .filter(|k| k.folder == folder)
            .filter(is_settled)
            .map(|k| (k.uid_validity, k.uid))
            .collect();
        (!set_aside.is_empty() || !settled.is_empty()).then(|| AsideChange {
            folder: folder.to_owned(),
            uid_validity,
            set_aside,
            settled,
            at,
        })
    }

    /// For a mailbox that is to be read from its beginning: nothing is set aside any more.
    pub fn all_settled(kept: &[AsideRecord], at: Time) -> impl Iterator<Item = AsideChange> {
        kept.iter().map(move |k| AsideChange {
            folder: k.folder.clone(),
            uid_validity: k.uid_validity,
            set_aside: Vec::new(),
            settled: vec![(k.uid_validity, k.uid)],
            at,
        })
    }

    /// The rows that it makes below `prefix`.
    #[must_use]
    pub fn rows(&self, rows: &dyn Rows, prefix: &str) -> Vec<Row> {
        let mut out = Vec::new();
        for (uid_validity, uid) in &self.settled {
            out.push(Row::delete(key(prefix, &self.folder, *uid_validity, *uid)));
        }
        let mut free = MOST.saturating_sub(kept(rows, prefix).len());
        for aside in &self.set_aside {
            let key = key(prefix, &self.folder, self.uid_validity, aside.uid);
            let known: Option<AsideRecord> = rows.get(key.as_bytes()).and_then(|v| read(&v));
            if known.is_none() && free == 0 {
                continue;
            }
            free = free.saturating_sub(usize::from(known.is_none()));
            let kept = AsideRecord {
                folder: self.folder.clone(),
                uid_validity: self.uid_validity,
                uid: aside.uid,
                reason: aside.reason.clone(),
                again: aside.again,
                tries: known.as_ref().map_or(0, |k| k.tries).saturating_add(1),
                since: known.map_or(self.at, |k| k.since),
            };
            // Plain data always has a JSON form.
            out.extend(serde_json::to_vec(&kept).map(|json| Row::put(key, json)));
        }
        out
    }
}

/// The letters that are kept below `prefix`.
#[must_use]
pub fn kept(rows: &dyn Rows, prefix: &str) -> Vec<AsideRecord> {
    let all = rows.scan(prefix.as_bytes()).into_iter();
    all.filter_map(|(_, value)| read(&value)).collect()
}

/// Letters that [`in_words`] names.
const NAMED: usize = 5;

/// What was set aside, for the doctor: how many, the first of them, and why. None where there is
/// nothing. Much of it are the server's own words: to be escaped.
#[must_use]
pub fn in_words(kept: &[AsideRecord]) -> Option<String> {
    let letters = match kept.len() {
        0 => return None,
        1 => "1 letter".to_owned(),
        n => format!("{n} letters"),
    };
    let name = |k: &AsideRecord| format!("letter {} in {} ({})", k.uid, k.folder, k.reason);
    let mut named: Vec<String> = kept.iter().take(NAMED).map(name).collect();
    if kept.len() > NAMED {
        named.push(format!("and {} more", kept.len() - NAMED));
    }
    Some(format!("{letters} could not be read: {}", named.join("; ")))
}

fn read(value: &[u8]) -> Option<AsideRecord> {
    serde_json::from_slice(value).ok()
}

fn key(prefix: &str, folder: &str, uid_validity: u32, uid: u32) -> String {
    format!("{prefix}{folder}/{uid_validity:08x}/{uid:08x}")
}
