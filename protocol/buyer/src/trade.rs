//! A trade in the ledger: two rows, one that its records make and one that its statuses make.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tradepost_statements::TradeRef;
use tradepost_trades::rows::Rows;

use super::progress::{CountedTrade, TradeProgress, TradeState, TradeTerms};
use super::state::{is_default, read};
use super::{count, keys};

/// What is known of one trade. Its letters, the steps of its tracks and its parcels have rows of their own, so
/// that what is read and written for a letter does not grow with what came before it.
#[derive(Debug, Clone)]
pub(super) struct BuyerTrade {
    pub(super) trade: TradeRef,
    /// The person confirmed that it is theirs (protocol 9).
    pub(super) confirmed: bool,
    /// The number of the letter by which it was adopted; turning adoption off later takes nothing away.
    pub(super) adopted_by: Option<u64>,
    /// The keys under which its parties are known.
    pub(super) listed: BTreeSet<String>,
    /// What its trade records say; none while there are letters but no trade record that counts.
    pub(super) terms: Option<TradeTerms>,
    /// What its statuses say, whether or not a trade record counts.
    pub(super) progress: TradeProgress,
    /// What both come to; none without terms.
    pub(super) state: Option<TradeState>,
    /// What of it stands in the totals and lists.
    pub(super) counted: Option<CountedTrade>,
}

impl BuyerTrade {
    /// One of which nothing is known.
    pub(super) fn named(trade: &TradeRef) -> BuyerTrade {
        BuyerTrade {
            trade: trade.clone(),
            confirmed: false,
            adopted_by: None,
            listed: BTreeSet::new(),
            terms: None,
            progress: TradeProgress::default(),
            state: None,
            counted: None,
        }
    }

    pub(super) fn load(rows: &dyn Rows, trade: &TradeRef) -> Option<BuyerTrade> {
        let (terms, progress) = (keys::trade(trade), keys::progress(trade));
        Some(BuyerTrade::of(read(rows, &terms)?, read(rows, &progress)))
    }

    pub(super) fn of(terms: TermsRow, progress: Option<ProgressRow>) -> BuyerTrade {
        let (progress, counted) = progress
            .map(|p| (p.progress, p.counted))
            .unwrap_or_default();
        let mut trade = BuyerTrade {
            trade: terms.trade,
            confirmed: terms.confirmed,
            adopted_by: terms.adopted_by,
            listed: terms.listed,
            terms: terms.terms,
            progress,
            state: None,
            counted,
        };
        trade.add_up();
        trade
    }

    /// Brings the state up to what terms and progress say.
    pub(super) fn add_up(&mut self) {
        let terms = self.terms.as_ref();
        self.state = terms.map(|terms| count::state(terms, &self.progress));
    }

    pub(super) fn terms_row(&self) -> TermsRow {
        TermsRow {
            trade: self.trade.clone(),
            confirmed: self.confirmed,
            adopted_by: self.adopted_by,
            listed: self.listed.clone(),
            terms: self.terms.clone(),
        }
    }

    /// None where no status has come to anything yet.
    pub(super) fn progress_row(&self) -> Option<ProgressRow> {
        let row = ProgressRow {
            progress: self.progress.clone(),
            counted: self.counted.clone(),
        };
        (!is_default(&row)).then_some(row)
    }
}

/// The row of a trade that its records make.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TermsRow {
    trade: TradeRef,
    #[serde(default, skip_serializing_if = "is_default")]
    confirmed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    adopted_by: Option<u64>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    listed: BTreeSet<String>,
    #[serde(rename = "state")]
    pub(super) terms: Option<TradeTerms>,
}

/// The row of a trade that its statuses make.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProgressRow {
    #[serde(rename = "g")]
    progress: TradeProgress,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    counted: Option<CountedTrade>,
}
