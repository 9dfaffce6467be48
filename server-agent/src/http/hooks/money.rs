//! Amounts of web shops: texts or numbers, with more decimals than the currency has or fewer, in
//! sums that were rounded somewhere. A trade record has exact ones, so what does not come out even is
//! a charge or discount of its own.

use serde_json::{Value, json};
use tradepost_statements::{Amount, Currency};

use super::left::{Left, LeftReason};

/// In the smallest unit of the currency; may be negative on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Money(pub(super) i64);

/// More is no price.
const MOST_DIGITS: usize = 12;

fn unfit(text: impl Into<String>) -> Left {
    Left::new(LeftReason::Content, text)
}

/// Whether an amount stands there.
pub(super) fn is_there(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => true,
    }
}

/// Reads `"12.345"`, `"-5"`, `12.5`; what is missing or empty is nothing.
pub(super) fn money(value: &Value, currency: Currency) -> Result<Money, Left> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
    };
    if !is_there(value) {
        return Ok(Money(0));
    }
    let wrong = || unfit(format!("{value} is no amount"));
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.as_str()),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > MOST_DIGITS || !all(whole) || !all(fraction) {
        return Err(wrong());
    }
    let decimals = usize::from(currency.decimals());
    let kept: String = fraction
        .chars()
        .chain(std::iter::repeat('0'))
        .take(decimals)
        .collect();
    let minor: i64 = format!("{whole}{kept}").parse().map_err(|_| wrong())?;
    // Half is rounded up, as shops do.
    let rounds_up = fraction
        .as_bytes()
        .get(decimals)
        .is_some_and(|d| *d >= b'5');
    Ok(Money(sign * (minor + i64::from(rounds_up))))
}

impl Money {
    pub(super) fn plus(self, other: Money) -> Money {
        Money(self.0.saturating_add(other.0))
    }

    pub(super) fn minus(self, other: Money) -> Money {
        Money(self.0.saturating_sub(other.0))
    }

    /// As an amount of a statement; none for a negative one.
    pub(super) fn amount(self, currency: Currency) -> Option<Amount> {
        let decimals = usize::from(currency.decimals());
        let digits = format!(
            "{:0>width$}",
            u64::try_from(self.0).ok()?,
            width = decimals + 1
        );
        let (whole, fraction) = digits.split_at(digits.len() - decimals);
        let text = if fraction.is_empty() {
            whole.to_owned()
        } else {
            format!("{whole}.{fraction}")
        };
        Amount::from_decimal(&text, currency).ok()
    }
}

/// How many pieces, or how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Quantity {
    /// So many; `2.0` is 2.
    Whole(u32),
    /// A part, as half a kilogram, or more than are counted: as it is written, for people.
    Part(String),
}

impl Quantity {
    /// None: it is no number.
    pub(super) fn read(text: &str) -> Option<Quantity> {
        let number: f64 = text.parse().ok().filter(|n: &f64| n.is_finite())?;
        let whole = match text.split_once('.') {
            Some((whole, fraction)) if fraction.bytes().all(|b| b == b'0') => whole,
            Some(_) | None => text,
        };
        Some(match whole.parse() {
            Ok(pieces) => Quantity::Whole(pieces),
            Err(_) => Quantity::Part(number.to_string()),
        })
    }

    /// What so much of something costs; a price for one of it.
    pub(super) fn times(&self, each: Money) -> Money {
        match self {
            Quantity::Whole(pieces) => Money(each.0.saturating_mul(i64::from(*pieces))),
            Quantity::Part(part) => {
                let part: f64 = part.parse().unwrap_or(1.0);
                // Amounts have at most 15 digits, which a double holds exactly; a cast saturates.
                #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
                Money((each.0 as f64 * part).round() as i64)
            }
        }
    }
}

/// Goods of one kind.
pub(super) struct Goods {
    pub(super) name: String,
    pub(super) sku: Option<String>,
    pub(super) quantity: Quantity,
    /// For all of them.
    pub(super) price: Money,
}

impl Goods {
    /// Its name, with the quantity where that cannot be counted.
    fn shown(&self) -> String {
        match &self.quantity {
            Quantity::Whole(_) => self.name.clone(),
            Quantity::Part(part) => format!("{part} x {}", self.name),
        }
    }

    /// As many lines of a record have; of a part there is one, of its price.
    fn pieces(&self) -> u32 {
        match self.quantity {
            Quantity::Whole(pieces) => pieces,
            Quantity::Part(_) => 1,
        }
    }
}

/// What an order is made of.
pub(super) struct Sums {
    pub(super) currency: Currency,
    pub(super) goods: Vec<Goods>,
    /// On top; a negative one goes off.
    pub(super) charges: Vec<(String, Money)>,
    pub(super) discounts: Vec<(String, Money)>,
    pub(super) total: Money,
}

impl Sums {
    /// The members `lines`, `charges`, `discounts` and `total` of a trade record, which come out even.
    /// A line of a negative price, as of a deposit or something traded in, goes off.
    pub(super) fn to_record(&self) -> Result<Vec<(&'static str, Value)>, Left> {
        let currency = self.currency;
        let amount = |money: Money| {
            let amount = money.amount(currency);
            amount.ok_or_else(|| unfit(format!("{} is no amount of {currency}", money.0)))
        };
        let (goods, taken_off): (Vec<&Goods>, Vec<&Goods>) = self
            .goods
            .iter()
            .filter(|g| g.pieces() > 0)
            .partition(|g| g.price >= Money(0));
        if goods.is_empty() {
            let text = "there are no lines: nothing was ordered yet";
            return Err(Left::new(LeftReason::Lines, text));
        }
        let mut lines = Vec::new();
        let mut sum = Money(0);
        for goods in goods {
            let pieces = i64::from(goods.pieces());
            let each = Money(goods.price.0.div_euclid(pieces));
            sum = sum.plus(Money(each.0.saturating_mul(pieces)));
            let mut line =
                json!({ "name": goods.shown(), "quantity": pieces, "price": amount(each)? });
            if let Some(sku) = &goods.sku {
                line["sku"] = json!(sku);
            }
            lines.push(line);
        }
        let mut on_top: Vec<(String, Money)> = Vec::new();
        let mut off: Vec<(String, Money)> = taken_off
            .into_iter()
            .map(|goods| (goods.shown(), Money(0).minus(goods.price)))
            .collect();
        for (name, money) in &self.charges {
            if *money < Money(0) {
                off.push((name.clone(), Money(0).minus(*money)));
            } else if *money > Money(0) {
                on_top.push((name.clone(), *money));
            }
        }
        let discounts = self.discounts.iter().filter(|(_, money)| *money > Money(0));
        off.extend(discounts.cloned());
        for (_, money) in &on_top {
            sum = sum.plus(*money);
        }
        for (_, money) in &off {
            sum = sum.minus(*money);
        }
        let rest = self.total.minus(sum);
        if rest > Money(0) {
            on_top.push(("Other charges and rounding".to_owned(), rest));
        } else if rest < Money(0) {
            off.push((
                "Other discounts and rounding".to_owned(),
                Money(0).minus(rest),
            ));
        }
        let items = |all: Vec<(String, Money)>| -> Result<Value, Left> {
            let items: Result<Vec<Value>, Left> = all
                .into_iter()
                .map(|(name, money)| Ok(json!({ "name": name, "price": amount(money)? })))
                .collect();
            Ok(Value::Array(items?))
        };
        let mut members = vec![
            ("lines", Value::Array(lines)),
            ("total", json!(amount(self.total)?)),
        ];
        if !on_top.is_empty() {
            members.push(("charges", items(on_top)?));
        }
        if !off.is_empty() {
            members.push(("discounts", items(off)?));
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn eur() -> Currency {
        "EUR".parse().unwrap()
    }

    #[test]
    fn amounts_are_read_however_they_are_written_and_nothing_else_is() {
        for (value, minor) in [
            (json!("49.00"), Some(4900)),
            (json!("49"), Some(4900)),
            (json!(49.5), Some(4950)),
            (json!("0.415"), Some(42)),
            (json!("0.4149"), Some(41)),
            (json!("-5.00"), Some(-500)),
            (json!(""), Some(0)),
            (json!(null), Some(0)),
            (json!("1,50"), None),
            (json!("1e3"), None),
            (json!("9999999999999.00"), None),
            (json!(true), None),
        ] {
            assert_eq!(money(&value, eur()).ok().map(|m| m.0), minor, "{value}");
        }
        let yen: Currency = "JPY".parse().unwrap();
        assert_eq!(
            money(&json!("1800.00"), yen)
                .unwrap()
                .amount(yen)
                .unwrap()
                .to_string(),
            "1800 JPY"
        );
    }

    #[test]
    fn quantities_are_read_however_they_are_written() {
        for (text, expected) in [
            ("2", Some(Quantity::Whole(2))),
            ("2.0", Some(Quantity::Whole(2))),
            ("2.000", Some(Quantity::Whole(2))),
            ("0", Some(Quantity::Whole(0))),
            ("0.5", Some(Quantity::Part("0.5".to_owned()))),
            ("1.50", Some(Quantity::Part("1.5".to_owned()))),
            ("-1", Some(Quantity::Part("-1".to_owned()))),
            ("5000000000", Some(Quantity::Part("5000000000".to_owned()))),
            ("two", None),
            ("", None),
            ("inf", None),
            ("NaN", None),
        ] {
            assert_eq!(Quantity::read(text), expected, "{text}");
        }
        let half = Quantity::Part("0.5".to_owned());
        assert_eq!(half.times(Money(499)), Money(250));
    }

    #[test]
    fn what_does_not_come_out_even_is_a_charge_or_a_discount() {
        for (price, shipping, discount, total) in [
            (1000, 499, 0, 1499),
            (1000, 499, 100, 1399),
            (1001, 0, 0, 1001),
            (1000, -5, 0, 995),
            (1000, 0, 0, 990),
        ] {
            let sums = Sums {
                currency: eur(),
                goods: vec![Goods {
                    name: "Cup".to_owned(),
                    sku: None,
                    quantity: Quantity::Whole(3),
                    price: Money(price),
                }],
                charges: vec![("Shipping".to_owned(), Money(shipping))],
                discounts: vec![("Code".to_owned(), Money(discount))],
                total: Money(total),
            };
            let members: serde_json::Map<String, Value> = sums
                .to_record()
                .unwrap()
                .into_iter()
                .map(|(n, v)| (n.to_owned(), v))
                .collect();
            let minor = |v: &Value| money(&v["price"]["amount"], eur()).unwrap().0;
            let all = |name: &str| {
                members
                    .get(name)
                    .and_then(Value::as_array)
                    .cloned()
                    .unwrap_or_default()
            };
            let lines: i64 = all("lines").iter().map(|l| minor(l) * 3).sum();
            let charges: i64 = all("charges").iter().map(minor).sum();
            let discounts: i64 = all("discounts").iter().map(minor).sum();
            assert_eq!(lines + charges - discounts, total);
            assert_eq!(money(&members["total"]["amount"], eur()).unwrap().0, total);
        }
    }
}
