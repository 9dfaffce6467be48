//! Views as they go from the daemon to a command: with what tables for people need beyond the stable JSON that
//! programs are written against.

use serde::{Serialize, Serializer};
use tradepost_buyer::view::{BuyerTradeView, ShowView, WarningView};
use tradepost_buyer::warning::OtherPayee;
use tradepost_statements::{Amount, Time};

/// Writes a view with all that is in it (`#[serde(serialize_with)]`).
pub(super) fn whole<T: Whole, S: Serializer>(view: &T, to: S) -> Result<S::Ok, S::Error> {
    view.whole().serialize(to)
}

/// A view whose JSON for programs leaves something out.
pub(super) trait Whole {
    /// The same, with everything.
    type More: Serialize;
    fn whole(&self) -> Self::More;
}

#[derive(Serialize)]
pub(super) struct WholeTrade<T> {
    #[serde(flatten)]
    trade: T,
    promised: Option<Time>,
    unpaid: Option<Amount>,
    undelivered: bool,
    apart: bool,
}

impl Whole for BuyerTradeView {
    type More = WholeTrade<BuyerTradeView>;
    fn whole(&self) -> Self::More {
        WholeTrade {
            promised: self.promised,
            unpaid: self.unpaid,
            undelivered: self.undelivered,
            apart: self.apart,
            trade: self.clone(),
        }
    }
}

impl Whole for ShowView {
    type More = WholeTrade<ShowView>;
    fn whole(&self) -> Self::More {
        WholeTrade {
            promised: self.trade.promised,
            unpaid: self.trade.unpaid,
            undelivered: self.trade.undelivered,
            apart: self.trade.apart,
            trade: self.clone(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct WholeWarning {
    #[serde(flatten)]
    warning: WarningView,
    payee: Option<OtherPayee>,
    proof: String,
    more: u64,
}

impl Whole for WarningView {
    type More = WholeWarning;
    fn whole(&self) -> Self::More {
        WholeWarning {
            payee: self.payee.clone(),
            proof: self.proof.clone(),
            more: self.more,
            warning: self.clone(),
        }
    }
}

impl<T: Whole> Whole for Vec<T> {
    type More = Vec<T::More>;
    fn whole(&self) -> Self::More {
        self.iter().map(T::whole).collect()
    }
}

impl<T: Whole> Whole for Box<T> {
    type More = T::More;
    fn whole(&self) -> Self::More {
        (**self).whole()
    }
}
