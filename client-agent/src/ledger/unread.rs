//! Letters of the mailbox that could not be had: the person is warned of each until it comes.

use tradepost_agent::aside::{AsideChange, AsideRecord};
use tradepost_agent::journal::set_aside;
use tradepost_buyer as buyer;
use tradepost_trades::rows::Rows;

use super::entry::LedgerEntry;

/// Warnings about letters that could not be had, one for each; what is beyond is told of as more of
/// its folder.
const MOST_UNREAD: usize = 100;

/// What is entered of it: a letter that can't be had is told of, until it can be.
pub(super) fn entry(rows: &dyn Rows, news: &AsideChange) -> LedgerEntry {
    let folder = &news.folder;
    let place = |(validity, uid): (u32, u32)| format!("{folder}/{validity}/{uid}");
    let kept = set_aside(rows);
    let is_settled = |k: &AsideRecord| news.settled.contains(&(k.uid_validity, k.uid));
    let mut settled: Vec<String> = news.settled.iter().copied().map(place).collect();
    if kept.iter().filter(|k| k.folder == *folder).all(is_settled) {
        settled.push(folder.clone());
    }
    let letters = news.set_aside.iter().enumerate().map(|(n, aside)| {
        let is_known = kept.iter().any(|k| {
            k.folder == *folder && k.uid_validity == news.uid_validity && k.uid == aside.uid
        });
        if is_known || kept.len() + n < MOST_UNREAD {
            buyer::UnreadLetter {
                place: place((news.uid_validity, aside.uid)),
                text: format!("letter {} in {folder}: {}", aside.uid, aside.reason),
            }
        } else {
            buyer::UnreadLetter {
                place: folder.clone(),
                text: format!("more letters in {folder}: see the log"),
            }
        }
    });
    LedgerEntry::Unread {
        letters: letters.collect(),
        settled,
        now: news.at,
    }
}
