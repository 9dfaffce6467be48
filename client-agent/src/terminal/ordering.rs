//! Ordering at the terminal: the questions whose answers are an order. What was answered last time
//! is proposed again, and stands after an empty line.

use std::num::NonZeroU32;

use tradepost_agent::terminal::prompt::{Prompt, PromptError};
use tradepost_statements::order::{
    DeliveryMethod, Line, Order, OrderDelivery, OrderPayment, PaymentMethod, Reference,
};
use tradepost_statements::postal::{Buyer, Country, PostalAddress};
use tradepost_statements::wish::{Wish, Wishes};
use tradepost_statements::{Address, Amount};

use crate::order_form::OrderForm;

/// Leaves out what was there before.
const NONE: &str = "-";

/// Who is asked, and how the last order was.
pub(crate) struct Dialog {
    pub(crate) person: Prompt,
    /// Its answers are proposed again; none where nothing was ordered yet.
    pub(crate) last: Option<OrderForm>,
}

impl Dialog {
    /// Asks for an order; `from` goes before the address that ordered last.
    pub(crate) fn order(&self, from: Option<Address>) -> Result<OrderForm, PromptError> {
        let last = self.last.as_ref();
        self.person.tell(
            "An empty line takes what stands in brackets; - leaves out what may be left out.\n",
        );
        let shop = last.map(|l| l.to.as_written());
        let to: Address = self.parsed("The shop's address", shop)?;
        let lines = self.lines()?;
        let total = self.total(&lines)?;
        let payment = self.payment()?;
        let method = last.map_or(DeliveryMethod::Courier, |l| l.order.delivery.method);
        let method = self.parsed("Delivery: courier or electronic", Some(method.word()))?;
        let buyer = self.buyer()?;
        let notify = self.wishes()?;
        Ok(OrderForm {
            to,
            from: from.or_else(|| last.and_then(|l| l.from.clone())),
            order: Order {
                lines,
                total,
                payment,
                delivery: OrderDelivery { method },
                buyer: Some(buyer),
                deliver_to: None,
                notify,
                reorder_of: None,
                hub: None,
                region: None,
                details_hash: None,
            },
        })
    }

    fn lines(&self) -> Result<Vec<Line>, PromptError> {
        let mut lines: Vec<Line> = Vec::new();
        loop {
            let name = if lines.is_empty() {
                self.text("What do you order", None)?
            } else {
                match self.person.ask("What else (empty: nothing)", None)? {
                    name if name.is_empty() => return Ok(lines),
                    name => name,
                }
            };
            let sku = self.optional("  Its article number, if you know it", None)?;
            let quantity: NonZeroU32 = self.parsed("  How many", Some("1"))?;
            let currency = lines.first().map(|l| l.price.currency());
            let price = self
                .person
                .ask_for("  Price of one, like 49.00 EUR", None, |said| {
                    let price: Amount = said.parse().map_err(in_words)?;
                    match currency {
                        Some(currency) if currency != price.currency() => Err(format!(
                            "an order has one currency throughout, here {currency}"
                        )),
                        Some(_) | None => Ok(price),
                    }
                })?;
            lines.push(Line {
                name,
                sku,
                quantity,
                price,
            });
        }
    }

    /// The most that the person agrees to, with what the shop charges for shipping.
    fn total(&self, lines: &[Line]) -> Result<Amount, PromptError> {
        let mut prices = lines.iter().map(|l| l.price.times(l.quantity.get()));
        let first = prices.next();
        let sum = first.and_then(|first| prices.try_fold(first, |sum, p| sum.plus(p).ok()));
        let usual = sum.map(|sum| sum.to_string());
        let question = "The most you agree to pay, with shipping and all";
        self.person.ask_for(question, usual.as_deref(), |said| {
            let total: Amount = said.parse().map_err(in_words)?;
            match sum {
                Some(sum) if total.currency() != sum.currency() => {
                    Err(format!("the prices are in {}", sum.currency()))
                }
                Some(_) | None => Ok(total),
            }
        })
    }

    fn payment(&self) -> Result<OrderPayment, PromptError> {
        let last = self.last.as_ref().map(|l| &l.order.payment);
        let method = last.map_or(PaymentMethod::CreditCard, |p| p.method);
        let question = "Payment: credit-card, e-money or bank-transfer";
        let method = self.parsed(question, Some(method.word()))?;
        let usual = last
            .filter(|p| p.method == method)
            .and_then(|p| p.reference.as_ref());
        let question = "  The shop's or payment processor's token for it, never a card number";
        let usual = usual.map(Reference::as_str);
        let reference = self.person.ask_for(question, usual, |said| match said {
            "" | NONE => Ok(None),
            token => token.parse().map(Some).map_err(in_words),
        })?;
        Ok(OrderPayment { method, reference })
    }

    fn buyer(&self) -> Result<Buyer, PromptError> {
        let last = self.last.as_ref().and_then(|l| l.order.buyer.as_ref());
        let home = last.map(|b| &b.address);
        let name = self.text("Your name", last.map(|b| b.name.as_str()))?;
        let street = self.text("Street and number", home.map(|h| h.street.as_str()))?;
        let postal_code = home.and_then(|h| h.postal_code.as_deref());
        let postal_code = self.optional("Postal code", postal_code)?;
        let city = self.text("City", home.map(|h| h.city.as_str()))?;
        let region = home.and_then(|h| h.region.as_deref());
        let region = self.optional("State or province, if addresses have one", region)?;
        let usual = home.map(|h| h.country.code());
        let question = "Country, as two letters such as DE";
        let country: Country = self.person.ask_for(question, usual, |said| {
            said.to_uppercase().parse().map_err(in_words)
        })?;
        let phone = last.and_then(|b| b.phone.as_deref());
        let phone = self.optional("Telephone, for the carrier", phone)?;
        Ok(Buyer {
            name,
            address: PostalAddress {
                street,
                city,
                region,
                postal_code,
                country,
            },
            phone,
        })
    }

    fn wishes(&self) -> Result<Option<Wishes>, PromptError> {
        let question = "Tell me of (such as order, delivery.delivered; empty: of everything)";
        let on: Vec<Wish> = self.person.ask_for(question, None, |said| {
            said.split([',', ' '])
                .filter(|wish| !wish.is_empty())
                .map(|wish| wish.parse().map_err(in_words))
                .collect()
        })?;
        Ok((!on.is_empty()).then_some(Wishes { on, to: None }))
    }

    fn parsed<T>(&self, question: &str, usual: Option<&str>) -> Result<T, PromptError>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        self.person
            .ask_for(question, usual, |said| said.parse().map_err(in_words))
    }

    fn text(&self, question: &str, usual: Option<&str>) -> Result<String, PromptError> {
        self.person.ask_for(question, usual, |said| match said {
            "" => Err("this is needed".to_owned()),
            said => Ok(said.to_owned()),
        })
    }

    fn optional(&self, question: &str, usual: Option<&str>) -> Result<Option<String>, PromptError> {
        let said = self.person.ask(question, usual)?;
        Ok(Some(said).filter(|said| !said.is_empty() && said != NONE))
    }
}

fn in_words(what: impl std::fmt::Display) -> String {
    what.to_string()
}
