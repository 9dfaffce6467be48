//! The command line of `tradepost expect`.

use clap::{ArgGroup, Args};
use tradepost_statements::link::{ExpectedOrder, Fingerprint};
use tradepost_statements::{Address, Amount, TradeId, TradeRef};

use super::Json;

/// `tradepost expect`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tradepost expect 'tradepost:orders@shop.example?trade=T-1001&total=98.00EUR'
  tradepost expect --shop orders@shop.example --trade T-1001 --total '98.00 EUR'
  tradepost expect --list
  tradepost expect --forget T-1001

A shop may show such a link at its checkout. From then on its letters are judged as if you had
ordered with this program: by this address, this id and at most this total. A trade of that name
that is in the ledger already is judged again. Compare what is shown with what the shop's page
says before you agree: whoever made the link chose what stands in it.")]
#[command(group(ArgGroup::new("what").required(true).args(["link", "shop", "list", "forget"])))]
pub(crate) struct ExpectArgs {
    /// The link that the shop shows; quote it, for the shell
    pub(crate) link: Option<ExpectedOrder>,
    /// The shop's address
    #[arg(long, value_name = "ADDRESS", requires = "trade")]
    pub(crate) shop: Option<Address>,
    /// The shop's id for the trade
    #[arg(long, value_name = "ID", requires = "shop")]
    pub(crate) trade: Option<TradeId>,
    /// The most that it costs, like 98.00EUR
    #[arg(long, value_name = "AMOUNT", requires = "shop")]
    pub(crate) total: Option<Amount>,
    /// The fingerprint of the shop's OpenPGP key; noted only, since signatures by it are not checked yet
    #[arg(long, value_name = "FINGERPRINT", requires = "shop")]
    pub(crate) key: Option<Fingerprint>,
    /// Show what is expected
    #[arg(long)]
    pub(crate) list: bool,
    /// Expect a trade no longer: its id, or shop/id
    #[arg(long, value_name = "TRADE")]
    pub(crate) forget: Option<String>,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// What `tradepost expect` is asked to do.
pub(crate) enum Expecting {
    Expect(Box<ExpectedOrder>),
    /// Expect a trade no longer.
    Forget(String),
    List,
}

impl ExpectArgs {
    /// What is wanted; the command line lets only one of them be said.
    pub(crate) fn what(&mut self) -> Expecting {
        let named = self.shop.take().zip(self.trade.take());
        let named = named.map(|(shop, id)| ExpectedOrder {
            trade: TradeRef { shop, id },
            total: self.total.take(),
            key: self.key.take(),
            pk: None,
        });
        match (self.link.take().or(named), self.forget.take()) {
            (Some(order), _) => Expecting::Expect(Box::new(order)),
            (None, Some(trade)) => Expecting::Forget(trade),
            (None, None) => Expecting::List,
        }
    }
}
