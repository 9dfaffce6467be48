//! What a web shop says about an order, in our words: the readers of the two kinds make it, and
//! [`super::lines`] makes lines of it.

use serde_json::{Value, json};
use tradepost_statements::order::PaymentMethod;
use tradepost_statements::{DeliveryState, OrderState, PaymentState, Time, TradeId};

use super::money::{Money, Sums};

/// What a delivery tells.
pub(super) enum Told {
    Facts(Box<Facts>),
    /// It is not for us: why.
    Nothing(&'static str),
}

/// Why an order of a web shop cannot be told, and what to do about it.
#[derive(Debug)]
pub(super) struct Unfit(pub(super) String);

/// The present state of an order.
pub(super) struct Facts {
    pub(super) trade: TradeId,
    /// Since when it is as it is.
    pub(super) modified: Time,
    /// None where only parcels are told of.
    pub(super) placed: Option<Placed>,
    pub(super) order: Option<OrderFact>,
    pub(super) payment: Option<PaymentFact>,
    pub(super) parcels: Vec<ParcelFact>,
}

/// What was ordered.
pub(super) struct Placed {
    pub(super) at: Time,
    pub(super) buyer_mail: String,
    pub(super) method: PaymentMethod,
    /// Something has to be sent.
    pub(super) is_shipped: bool,
    pub(super) sums: Sums,
    /// As in a trade record.
    pub(super) buyer: Value,
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

/// The web shop's number of an order as a trade id: what an id may not hold is left out.
pub(super) fn trade_id(prefix: &str, number: &str) -> Result<TradeId, Unfit> {
    let fits = |c: &char| c.is_ascii_alphanumeric() || "._-".contains(*c);
    let number: String = number.chars().filter(fits).collect();
    if number.is_empty() {
        return Err(Unfit("the order has no number".to_owned()));
    }
    let id = format!("{prefix}{number}");
    id.parse()
        .map_err(|e| Unfit(format!("the order's number {id}: {e}")))
}

/// A member that is a text with something in it.
pub(super) fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value[name]
        .as_str()
        .map(str::trim)
        .filter(|t| !t.is_empty())
}

/// An id, which some versions write as a number.
pub(super) fn id_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
    }
}

pub(super) fn items<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// First and last name, or the company.
fn person(address: &Value) -> Option<String> {
    let names = ["first_name", "last_name"];
    let parts: Vec<&str> = names.iter().filter_map(|n| text(address, n)).collect();
    if parts.is_empty() {
        return text(address, "name")
            .or(text(address, "company"))
            .map(str::to_owned);
    }
    Some(parts.join(" "))
}

/// How many pieces of a line.
pub(super) fn quantity(line: &Value) -> Result<u32, Unfit> {
    line["quantity"]
        .as_u64()
        .and_then(|q| u32::try_from(q).ok())
        .ok_or_else(|| Unfit("line_items: quantity is no whole number".to_owned()))
}

/// What a discount is called, by the codes that it was given for.
pub(super) fn discount(codes: &[Value]) -> String {
    let codes: Vec<&str> = codes.iter().filter_map(|c| text(c, "code")).collect();
    match codes.as_slice() {
        [] => "Discount".to_owned(),
        codes => format!("Discount ({})", codes.join(", ")),
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
    /// Name and address as a record has them; none where one of them is missing.
    pub(super) fn read(&self, address: &Value, phone: Option<&str>) -> Option<Value> {
        let [street, more] = self.street;
        let street = match (text(address, street), text(address, more)) {
            (Some(one), Some(two)) => format!("{one}, {two}"),
            (Some(one), None) => one.to_owned(),
            (None, _) => return None,
        };
        let mut to = json!({ "name": person(address)?, "address":
            { "street": street, "city": text(address, "city")?, "country": text(address, self.country)? } });
        for (name, theirs) in [("region", self.region), ("postal_code", self.postal_code)] {
            if let Some(value) = text(address, theirs) {
                to["address"][name] = json!(value);
            }
        }
        if let Some(phone) = phone {
            to["phone"] = json!(phone);
        }
        Some(to)
    }
}
