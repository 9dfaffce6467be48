//! Which trade an order of a web shop is (protocol 9): its number is written as a trade id, so that two
//! numbers never give one id; and the book remembers which order became which trade, so that two
//! orders never become one trade, and an order whose number changes never becomes two.
//!
//! | | key, for good | number, which people read |
//! |---|---|---|
//! | WooCommerce | `id`: plugins that number orders change `number` later | `number` |
//! | Shopify | `id` and `name`, which stays what it was; a fulfillment has `order_id` and `#1001.1` | `name` without its `#` |
//!
//! `order_number` of Shopify is `name` without what the shop puts around it; it decides nothing.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use tradepost_parties::kernel::book;
use tradepost_statements::{TradeId, TradeRef};
use tradepost_trades::rows::Rows;

use super::left::{Left, LeftReason};

/// An order, as its web shop names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OrderName {
    /// The same as long as it is the same order.
    pub(super) key: String,
    /// What people call it.
    pub(super) number: String,
}

/// Protocol 1.
const LONGEST_ID: usize = 64;
/// Of a hash in an id, in hex digits: 120 bits. With the longest prefix and its mark it fills an id.
const HASH_DIGITS: usize = 30;
/// Longer keys are told apart by their hash.
const LONGEST_KEY: usize = 128;

impl OrderName {
    /// What the book remembers the order by; a web shop of another name is another.
    pub(super) fn origin(&self, hook: &str) -> String {
        if self.key.len() > LONGEST_KEY || self.key.contains(char::is_control) {
            return format!("{hook}/sha256:{}", hash(&self.key));
        }
        format!("{hook}/{}", self.key)
    }
}

/// The trade of an order that the book knows; none: it was not told of.
pub(super) fn known(rows: &dyn Rows, hook: &str, name: &OrderName) -> Option<TradeId> {
    book::by_origin(rows, &name.origin(hook))
}

/// A trade id for an order that is new: by its number, unless another order's trade has that id.
pub(super) fn free(
    rows: &dyn Rows,
    shop: &tradepost_statements::Address,
    prefix: &str,
    name: &OrderName,
) -> Result<TradeId, Left> {
    let is_free = |id: &TradeId| {
        let name = TradeRef {
            shop: shop.clone(),
            id: id.clone(),
        };
        book::load(rows, &name).is_none()
    };
    let by_number = trade_id(prefix, &name.number)?;
    if is_free(&by_number) {
        return Ok(by_number);
    }
    let by_key = trade_id_of_another(prefix, name)?;
    if is_free(&by_key) {
        return Ok(by_key);
    }
    let text = format!(
        "the order {}: {by_number} and {by_key} are trades of other orders; give this [[webhook]] a trade_prefix of its own",
        name.number
    );
    Err(Left::new(LeftReason::Refused, text))
}

/// A number as a trade id: what cannot stand in one is `_` and two hex digits of each octet, `_` itself too.
pub(super) fn trade_id(prefix: &str, number: &str) -> Result<TradeId, Left> {
    if number.is_empty() {
        return Err(Left::new(LeftReason::Content, "the order has no number"));
    }
    let id = format!("{prefix}{}", written(number));
    if id.len() <= LONGEST_ID {
        return parsed(id);
    }
    // `h` is no hex digit: no number is written like this.
    parsed(format!("{prefix}_h{}", hash(number)))
}

/// The id of an order whose number another one has: nor is `i` a hex digit.
fn trade_id_of_another(prefix: &str, name: &OrderName) -> Result<TradeId, Left> {
    let (number, key) = (written(&name.number), written(&name.key));
    let id = format!("{prefix}{number}_i{key}");
    if id.len() <= LONGEST_ID {
        return parsed(id);
    }
    // The length tells where one ends and the other begins.
    let both = format!("{}:{}{}", name.number.len(), name.number, name.key);
    parsed(format!("{prefix}_j{}", hash(&both)))
}

fn parsed(id: String) -> Result<TradeId, Left> {
    let wrong = |e| Left::new(LeftReason::Content, format!("the order's number {id}: {e}"));
    id.parse().map_err(wrong)
}

fn written(number: &str) -> String {
    let mut id = String::with_capacity(number.len());
    for octet in number.bytes() {
        if octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-') {
            id.push(char::from(octet));
        } else {
            // Writing into a String does not fail.
            let _ = write!(id, "_{octet:02x}");
        }
    }
    id
}

fn hash(text: &str) -> String {
    let mut digits: String = Sha256::digest(text)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    digits.truncate(HASH_DIGITS);
    digits
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;

    use super::*;

    fn id(number: &str) -> String {
        trade_id("W-", number).unwrap().to_string()
    }

    #[test]
    fn a_number_is_written_so_that_people_recognize_it() {
        for (number, expected) in [
            ("8812", "W-8812"),
            ("2026/11/1", "W-2026_2f11_2f1"),
            ("2026/1/11", "W-2026_2f1_2f11"),
            ("A_1", "W-A_5f1"),
            ("EN-10.2", "W-EN-10.2"),
            ("№ 7", "W-_e2_84_96_207"),
            ("x y", "W-x_20y"),
        ] {
            assert_eq!(id(number), expected);
        }
        assert!(trade_id("W-", "").is_err());
    }

    /// Numbers that are near one another: every text of up to 4 signs of an alphabet with all that an id
    /// is written with, and long ones around the length where the hash begins.
    #[test]
    fn two_numbers_never_give_one_id() {
        let alphabet = ["_", "/", "2", "f", "5", "-", "h", "i", "#", "é", " ", "\0"];
        let mut numbers = vec![String::new()];
        for _ in 0..4 {
            let longer: Vec<String> = numbers
                .iter()
                .flat_map(|n| alphabet.iter().map(move |sign| format!("{n}{sign}")))
                .collect();
            numbers.extend(longer);
        }
        for length in 15..80 {
            for sign in ["1", "_", "/", "é"] {
                numbers.push(sign.repeat(length));
                numbers.push(format!("{}2", sign.repeat(length)));
            }
        }
        numbers.sort();
        numbers.dedup();
        let mut seen: BTreeMap<String, &str> = BTreeMap::new();
        for number in numbers.iter().filter(|n| !n.is_empty()) {
            let id = id(number);
            assert!(id.len() <= LONGEST_ID);
            // Nor does an order whose number is taken get the id of a number.
            let another = OrderName {
                key: "8813".to_owned(),
                number: number.clone(),
            };
            let another = trade_id_of_another("W-", &another).unwrap().to_string();
            for id in [id, another] {
                if let Some(other) = seen.insert(id.clone(), number) {
                    panic!("{number:?} and {other:?} are {id}");
                }
            }
        }
        assert!(seen.len() > 40_000, "{}", seen.len());
    }

    #[test]
    fn the_longest_prefix_leaves_room() {
        let prefix = "p".repeat(32);
        let id = trade_id(&prefix, &"/".repeat(500)).unwrap();
        assert_eq!(id.as_str().len(), LONGEST_ID);
        let name = OrderName {
            key: "k".repeat(500),
            number: "n".repeat(500),
        };
        assert_eq!(
            trade_id_of_another(&prefix, &name).unwrap().as_str().len(),
            LONGEST_ID
        );
        assert!(name.origin("woo").len() < 100);
    }
}
