//! What a web shop says about an order, in our words: the readers of the two kinds make it, and
//! [`super::lines`] makes lines of it.
//!
//! Whatever a web shop lets people leave out, write otherwise or delete later, is missing here or read
//! as nothing; only without its name and a time nothing can be told of an order at all.

use serde_json::{Value, json};
use tradepost_statements::postal::Country;
use tradepost_statements::{Address, DeliveryState, OrderState, PaymentState, Time};

use super::left::{Left, LeftReason};
use super::money::{Money, Quantity, Sums};
use super::number::OrderName;

/// The present state of an order.
pub(super) struct Facts {
    pub(super) name: OrderName,
    /// Since when it is as it is.
    pub(super) modified: Time,
    pub(super) placed: Told<Placed>,
    pub(super) order: Option<OrderFact>,
    pub(super) payment: Option<PaymentFact>,
    pub(super) parcels: Vec<ParcelFact>,
}

/// What a delivery says of a part, or does not.
pub(super) enum Told<T> {
    Is(T),
    /// It is there, and cannot be told.
    Unfit(Left),
    /// Only parcels are told of.
    Nothing,
}

/// What was ordered.
pub(super) struct Placed {
    pub(super) at: Time,
    /// None where there is none, or none any more: customers may have their data erased.
    pub(super) buyer_mail: Option<Address>,
    /// As the web shop calls it; empty where nothing was paid.
    pub(super) gateway: String,
    /// Something has to be sent.
    pub(super) is_shipped: bool,
    pub(super) sums: Sums,
    /// As in a trade record; none as above.
    pub(super) buyer: Option<Value>,
    pub(super) deliver_to: Option<Value>,
}

pub(super) struct OrderFact {
    pub(super) state: OrderState,
    pub(super) reason: Option<&'static str>,
    /// When it shipped.
    pub(super) actual: Option<Time>,
}

pub(super) struct PaymentFact {
    pub(super) state: PaymentState,
    pub(super) paid: Option<Money>,
    pub(super) refunded: Option<Money>,
    pub(super) actual: Option<Time>,
}

pub(super) struct ParcelFact {
    pub(super) parcel: String,
    pub(super) state: DeliveryState,
    pub(super) at: Time,
    pub(super) carrier: Option<String>,
    pub(super) number: Option<String>,
    pub(super) url: Option<String>,
}

impl Facts {
    /// A web shop whose clock is ahead, or that takes its own time for UTC, tells what is, not what will
    /// be.
    pub(super) fn not_after(mut self, now: Time) -> Facts {
        let cap = |at: &mut Time| *at = (*at).min(now);
        cap(&mut self.modified);
        if let Told::Is(placed) = &mut self.placed {
            cap(&mut placed.at);
        }
        let order = self.order.iter_mut().flat_map(|o| &mut o.actual);
        let payment = self.payment.iter_mut().flat_map(|p| &mut p.actual);
        order.chain(payment).for_each(cap);
        self.parcels.iter_mut().for_each(|p| cap(&mut p.at));
        self
    }
}

/// A member that is a text with something in it.
pub(super) fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value[name]
        .as_str()
        .map(str::trim)
        .filter(|t| !t.is_empty())
}

/// Names of articles, streets, discounts: people read them on a line.
const LONGEST_NAME: usize = 300;

/// One line of a text for people: of any length, with anything in it.
pub(super) fn name(value: &Value, member: &str) -> Option<String> {
    text(value, member).map(|text| shortened(text, LONGEST_NAME))
}

/// At most so many characters, on one line, with a mark where something is left out.
pub(super) fn shortened(text: &str, most: usize) -> String {
    let one_line = |c: char| if c.is_control() { ' ' } else { c };
    match text.char_indices().nth(most) {
        Some((end, _)) => {
            let kept = text.get(..end).unwrap_or_default();
            format!("{}…", kept.chars().map(one_line).collect::<String>().trim())
        }
        None => text
            .chars()
            .map(one_line)
            .collect::<String>()
            .trim()
            .to_owned(),
    }
}

/// An id, which some versions write as a number.
pub(super) fn id_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|t| !t.trim().is_empty()),
        Value::Number(number) => {
            let text = number.to_string();
            Some(text.strip_suffix(".0").unwrap_or(&text).to_owned())
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A list. PHP writes one that has lost an entry as an object, by number.
pub(super) fn items<'v>(value: &'v Value, name: &str) -> Vec<&'v Value> {
    match &value[name] {
        Value::Array(items) => items.iter().collect(),
        Value::Object(items) => items.values().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// An address to mail to. What is none is as good as missing; and under `.invalid` (RFC 2606) nobody
/// is reached: WooCommerce writes `deleted@site.invalid` where a customer's data was erased.
pub(super) fn mail_address(value: &Value, name: &str) -> Option<Address> {
    let address: Address = text(value, name)?.parse().ok()?;
    let domain = address.domain().to_ascii_lowercase();
    let reaches_nobody = domain == "invalid" || domain.ends_with(".invalid");
    (!reaches_nobody).then_some(address)
}

/// First and last name, or the company.
fn person(address: &Value) -> Option<String> {
    let names = ["first_name", "last_name"];
    let parts: Vec<String> = names.iter().filter_map(|n| name(address, n)).collect();
    if parts.is_empty() {
        return name(address, "name").or(name(address, "company"));
    }
    Some(parts.join(" "))
}

/// How many pieces of a line: some shops sell by weight and write fractions, some plugins write
/// whole numbers as such. What says nothing is one.
pub(super) fn quantity(line: &Value) -> Result<Quantity, Left> {
    let text = match &line["quantity"] {
        Value::Null => return Ok(Quantity::Whole(1)),
        Value::String(text) if text.trim().is_empty() => return Ok(Quantity::Whole(1)),
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
    };
    Quantity::read(&text).ok_or_else(|| {
        Left::new(
            LeftReason::Content,
            format!("line_items: {} is no quantity", line["quantity"]),
        )
    })
}

/// What a discount is called, by the codes that it was given for.
pub(super) fn discount(codes: &[&Value]) -> String {
    let codes: Vec<String> = codes.iter().filter_map(|c| name(c, "code")).collect();
    match codes.as_slice() {
        [] => "Discount".to_owned(),
        codes => shortened(&format!("Discount ({})", codes.join(", ")), LONGEST_NAME),
    }
}

/// What a web shop calls the members of an address.
pub(super) struct AddressNames {
    pub(super) street: [&'static str; 2],
    pub(super) country: &'static str,
    pub(super) region: &'static str,
    pub(super) postal_code: &'static str,
}

impl AddressNames {
    /// Name and address as a record has them; none where one of them is missing. The name is that of
    /// the first of `people` who has one.
    pub(super) fn read(&self, address: &Value, people: &[&Value]) -> Option<Value> {
        let [street, more] = self.street;
        let street = match (name(address, street), name(address, more)) {
            (Some(one), Some(two)) => format!("{one}, {two}"),
            (Some(one), None) => one,
            (None, _) => return None,
        };
        let who = people.iter().find_map(|holder| person(holder))?;
        let country: Country = text(address, self.country)?.parse().ok()?;
        let mut to = json!({ "name": who, "address":
            { "street": street, "city": name(address, "city")?, "country": country } });
        for (member, theirs) in [("region", self.region), ("postal_code", self.postal_code)] {
            if let Some(value) = name(address, theirs) {
                to["address"][member] = json!(value);
            }
        }
        Some(to)
    }

    /// The buyer of a record, with the telephone number of the first who has one.
    pub(super) fn buyer(&self, address: &Value, people: &[&Value]) -> Option<Value> {
        let mut buyer = self.read(address, people)?;
        if let Some(phone) = people.iter().find_map(|holder| name(holder, "phone")) {
            buyer["phone"] = json!(phone);
        }
        Some(buyer)
    }
}
