//! What is known of a trade when a letter about it is judged.

use std::collections::BTreeSet;

use tradepost_statements::order::Line;
use tradepost_statements::{Address, Amount, TradeRef};

use super::terms::Terms;
use super::trade::BuyerTrade;

/// What is known of the trade when a letter is judged.
#[derive(Clone, Copy)]
pub(super) struct KnownTrade<'k> {
    /// The trade that the letters are filed with; none for a letter that names none.
    pub(super) trade: Option<&'k TradeRef>,
    /// The trade was adopted by this very letter.
    pub(super) adopted: bool,
    /// What its trade records say, when there is one that counts.
    pub(super) agreed: Option<&'k Agreed>,
    /// What a trade record is compared with (protocol 4).
    pub(super) terms: Terms<'k>,
}

/// What the trade records that count say.
#[derive(Default)]
pub(super) struct Agreed {
    /// Every carrier that any version names.
    pub(super) carriers: BTreeSet<Address>,
    /// Every processor that one of them names; one, unless the person accepted another.
    pub(super) processors: BTreeSet<Address>,
    /// The total of each, the present one last.
    pub(super) totals: Vec<Amount>,
    /// The lines of each, the present ones last.
    pub(super) lines: Vec<Vec<Line>>,
}

/// A trade of which no record counts yet.
pub(super) fn nothing_known(trade: &BuyerTrade) -> KnownTrade<'_> {
    KnownTrade {
        trade: Some(&trade.trade),
        adopted: false,
        agreed: None,
        terms: Terms::default(),
    }
}
