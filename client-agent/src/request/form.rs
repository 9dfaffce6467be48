//! One answer in two forms: the JSON that programs are written against, and the same with what
//! tables for people need beyond it.

use serde::{Deserialize, Serialize};
use tradepost_buyer::view::{BuyerTradeView, ShowView, WarningView};
use tradepost_buyer::warning::OtherPayee;
use tradepost_statements::{Amount, Time};

/// Whom an answer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Form {
    /// Exactly the stable JSON.
    Programs,
    /// Reads back as the whole view.
    People,
}

/// An answer in one of the forms.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Formed<T, W> {
    Plain(T),
    Whole(W),
}

impl Form {
    pub(super) fn of<T: Whole>(self, answer: T) -> Formed<T, T::More> {
        match self {
            Form::Programs => Formed::Plain(answer),
            Form::People => Formed::Whole(answer.whole()),
        }
    }
}

/// A view whose JSON for programs leaves something out.
pub(super) trait Whole {
    /// The same, with everything.
    type More: Serialize;
    fn whole(self) -> Self::More;
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
    fn whole(self) -> Self::More {
        WholeTrade {
            promised: self.promised,
            unpaid: self.unpaid,
            undelivered: self.undelivered,
            apart: self.apart,
            trade: self,
        }
    }
}

impl Whole for ShowView {
    type More = WholeTrade<ShowView>;
    fn whole(self) -> Self::More {
        WholeTrade {
            promised: self.trade.promised,
            unpaid: self.trade.unpaid,
            undelivered: self.trade.undelivered,
            apart: self.trade.apart,
            trade: self,
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
    fn whole(self) -> Self::More {
        WholeWarning {
            payee: self.payee.clone(),
            proof: self.proof.clone(),
            more: self.more,
            warning: self,
        }
    }
}

impl<T: Whole> Whole for Vec<T> {
    type More = Vec<T::More>;
    fn whole(self) -> Self::More {
        self.into_iter().map(T::whole).collect()
    }
}
