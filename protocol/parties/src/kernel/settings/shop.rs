//! A shop's procedure table and catalogue (E2).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tradepost_statements::order::{DeliveryMethod, Line, PaymentMethod};
use tradepost_statements::{Address, Amount};

/// How a shop takes orders.
#[derive(Debug, Clone, Default)]
pub struct ShopSettings {
    /// What it sells; none: it accepts what is asked.
    pub catalogue: Option<Catalogue>,
    /// The payment methods it offers, and who works on each.
    pub payment: BTreeMap<PaymentMethod, PaymentProcedure>,
    /// The delivery methods it offers, and who works on each.
    pub delivery: BTreeMap<DeliveryMethod, DeliveryProcedure>,
    /// It instructs nobody before the buyer's `confirm`, and waits for that so long; none: it
    /// does not wait.
    pub confirm_within: Option<Duration>,
}

/// What is done for a payment method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentProcedure {
    /// Who takes the payment, as the trade record says it.
    pub processor: Address,
    /// Whether it is asked to authorize the payment before there is a trade (E3).
    pub authorize: bool,
    /// When it is told to take the payment (E9).
    pub charge: Charge,
}

/// When the payment-instruction leaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Charge {
    /// With the trade record, or once the buyer has confirmed it where the shop waits for that.
    #[default]
    OnConfirmation,
    /// Once the shop or a carrier says that something has shipped.
    OnShipping,
    /// As on confirmation, with a date until which the buyer may pay.
    OnInvoice {
        /// Counted from the time at which the trade was placed.
        due_within: Duration,
    },
}

/// What is done for a delivery method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryProcedure {
    /// Who delivers; none: the shop itself, without any delivery track (electronic goods).
    pub carrier: Option<Address>,
    /// The goods come from a command of the shop's own system, and leave by letter: the shop itself
    /// is the carrier.
    pub goods: bool,
}

impl PaymentProcedure {
    /// Without authorization, charged on confirmation.
    #[must_use]
    pub fn at(processor: Address) -> PaymentProcedure {
        PaymentProcedure {
            processor,
            authorize: false,
            charge: Charge::default(),
        }
    }
}

impl DeliveryProcedure {
    /// By this carrier; the goods are not made by a command.
    #[must_use]
    pub fn by(carrier: Address) -> DeliveryProcedure {
        DeliveryProcedure {
            carrier: Some(carrier),
            goods: false,
        }
    }
}

/// What a shop sells, and for how much.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    items: Vec<Article>,
    by_sku: BTreeMap<String, usize>,
    by_name: BTreeMap<String, usize>,
}

/// What a catalogue says of one thing that can be ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Article {
    /// The article number, by which lines that have one find it.
    pub sku: Option<String>,
    /// The name, by which lines without a number find it.
    pub name: String,
    /// For one piece; a line with another price is rejected.
    pub price: Amount,
    /// It can be had now.
    pub in_stock: bool,
}

impl Catalogue {
    /// A catalogue of these articles; the first of several with one number or name counts.
    #[must_use]
    pub fn new(items: Vec<Article>) -> Catalogue {
        let mut by_sku = BTreeMap::new();
        let mut by_name = BTreeMap::new();
        for (i, item) in items.iter().enumerate() {
            if let Some(sku) = &item.sku {
                by_sku.entry(sku.clone()).or_insert(i);
            }
            by_name.entry(item.name.clone()).or_insert(i);
        }
        Catalogue {
            items,
            by_sku,
            by_name,
        }
    }

    /// How many articles there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it has no article, so that every line is unknown.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The article that a line asks for: by number where the line has one, else by name.
    #[must_use]
    pub fn find(&self, line: &Line) -> Option<&Article> {
        let at = match &line.sku {
            Some(sku) => self.by_sku.get(sku),
            None => self.by_name.get(&line.name),
        };
        at.and_then(|i| self.items.get(*i))
    }
}
