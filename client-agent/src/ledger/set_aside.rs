//! Letters of the mailbox that could not be had: kept until they come, and warned of.

use tradepost_buyer::{self as buyer, BuyerChange, BuyerSettings};
use tradepost_post::imap::aside;
use tradepost_trades::rows::{Row, Rows};

const ASIDE: &str = "c/aside/";

/// Letters of the mailbox that could not be had.
pub(crate) fn set_aside(rows: &dyn Rows) -> Vec<aside::AsideRecord> {
    aside::kept(rows, ASIDE)
}

/// What is kept of them.
pub(super) fn rows(rows: &dyn Rows, news: &aside::AsideChange) -> Vec<Row> {
    news.rows(rows, ASIDE)
}

/// Warnings about letters that could not be had, one for each; what is beyond is told of as more of
/// its folder.
const MOST_UNREAD: usize = 100;

/// A letter that can't be had is told of, until it can be.
pub(super) fn decide(settings: &BuyerSettings, rows: &dyn Rows, news: &aside::News) -> BuyerChange {
    let folder = &news.folder;
    let place = |(validity, uid): (u32, u32)| format!("{folder}/{validity}/{uid}");
    let kept = set_aside(rows);
    let is_settled = |k: &aside::AsideRecord| news.settled.contains(&(k.uid_validity, k.uid));
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
    let letters: Vec<buyer::UnreadLetter> = letters.collect();
    buyer::unread(settings, rows, &letters, &settled, news.at)
}
