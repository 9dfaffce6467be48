//! A shop's procedure table and catalogue (E2).

use std::collections::BTreeMap;
use std::time::Duration;

use tradepost_statements::order::{DeliveryMethod, Line, PaymentMethod};
use tradepost_statements::{Address, Amount};

/// How a shop takes orders.
#[derive(Debug, Clone, Default)]
pub struct Settings {
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
    /// Who takes the payment.
    pub processor: Address,
}

/// What is done for a delivery method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryProcedure {
    /// Who delivers; none: the shop itself, without any delivery track (electronic goods).
    pub carrier: Option<Address>,
}

/// What a shop sells, and for how much.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    items: Vec<Item>,
    by_sku: BTreeMap<String, usize>,
    by_name: BTreeMap<String, usize>,
}

/// An article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The article number.
    pub sku: Option<String>,
    /// What it is called.
    pub name: String,
    /// For one piece.
    pub price: Amount,
}

impl Catalogue {
    /// A catalogue of these articles; the first of several with one number or name counts.
    #[must_use]
    pub fn new(items: Vec<Item>) -> Catalogue {
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

    /// Whether it is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The article that a line asks for: by number where the line has one, else by name.
    #[must_use]
    pub fn find(&self, line: &Line) -> Option<&Item> {
        let at = match &line.sku {
            Some(sku) => self.by_sku.get(sku),
            None => self.by_name.get(&line.name),
        };
        at.and_then(|i| self.items.get(*i))
    }
}
