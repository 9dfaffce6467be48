//! The order form: a file in TOML or JSON that a person writes, and the order that it means.
//!
//! It is the body of the protocol's `order` with a `to`; what can be left out is filled in, and
//! amounts may be written as `"49.00 EUR"`. A whole `order` statement is understood as well.

mod written;

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tradepost_statements::money::AmountError;
use tradepost_statements::order::Order;
use tradepost_statements::{Address, Amount, wire};

pub(crate) use written::written;

/// What `tradepost order --help` says about the file.
pub(crate) const HELP: &str = r#"The file, in TOML:

  to = "orders@shop.example"                  # the shop

  [[lines]]                                   # once for each article
  name = "Kettle"
  sku = "K-1"                                 # may be left out
  quantity = 2                                # 1 when left out
  price = "49.00 EUR"                         # for one piece

  [payment]
  method = "credit-card"                      # or "e-money", "bank-transfer"
  reference = "tok_8Qx2"                      # a token, never a card number

  [delivery]
  method = "courier"                          # or "electronic"

  [buyer]
  name = "Ann Buyer"
  phone = "+49 30 1234567"                    # may be left out
  [buyer.address]
  street = "1 Main Street"
  city = "Berlin"
  postal_code = "10115"
  country = "DE"

May be added:
  total = "98.00 EUR"                         # the most you agree to; else the sum
  [deliver_to]                                # name and address, when not to the buyer
  [notify]
  on = ["order", "delivery.delivered"]        # what to be told of unasked; else everything
  reorder_of = { shop = "orders@shop.example", id = "T-1001" }

In JSON the same members; an amount may also be {"amount": "49.00", "currency": "EUR"}.

Examples:
  tradepost order kettle.toml
  tradepost order --dry-run kettle.toml       prints the letter, sends nothing
  tradepost order - < kettle.json"#;

/// An order, and whom it goes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OrderForm {
    /// The shop.
    pub(crate) to: Address,
    /// Which of the person's addresses orders, where the form says so.
    pub(crate) from: Option<Address>,
    pub(crate) order: Order,
}

/// What is wrong with an order form.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {what}")]
pub(crate) struct FormError {
    file: String,
    what: String,
}

/// Reads a form. `file` names it in errors.
pub(crate) fn read(text: &str, file: &Path) -> Result<OrderForm, FormError> {
    let fault = |what: String| FormError {
        file: file.display().to_string(),
        what,
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut form, keys) = if text.trim_start().starts_with('{') {
        let value = wire::parse_json(text.as_bytes()).map_err(|e| fault(e.to_string()))?;
        (object(value).map_err(fault)?, UnknownKeys::Ignored)
    } else {
        let table: toml::Table = text.parse().map_err(|e| fault(toml_fault(text, &e)))?;
        let value = serde_json::to_value(table).map_err(|e| fault(e.to_string()))?;
        (object(value).map_err(fault)?, UnknownKeys::Refused)
    };
    let envelope = unwrap_statement(&mut form).map_err(fault)?;
    fill_in(&mut form).map_err(fault)?;
    if keys == UnknownKeys::Refused {
        check_keys(&form).map_err(fault)?;
    }
    let order: Order = serde_path_to_error::deserialize(Value::Object(form)).map_err(|e| {
        let at = e.path().to_string();
        let what = in_words(&e.into_inner().to_string());
        fault(if at == "." {
            what
        } else {
            format!("{at}: {what}")
        })
    })?;
    Ok(OrderForm {
        to: envelope.to,
        from: envelope.from,
        order,
    })
}

/// In TOML, which people write, a key that is not known is a slip of the pen; in JSON, which
/// programs write, the protocol's rule holds (section 2: unknown members are ignored).
#[derive(PartialEq, Eq)]
enum UnknownKeys {
    Refused,
    Ignored,
}

struct Envelope {
    to: Address,
    from: Option<Address>,
}

fn object(value: Value) -> Result<Map<String, Value>, String> {
    match value {
        Value::Object(object) => Ok(object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err("an order is an object: see `tradepost order --help`".to_owned())
        }
    }
}

/// `toml` draws the line below its message; a person wants the line's number in front.
fn toml_fault(text: &str, e: &toml::de::Error) -> String {
    let at = e.span().map_or(0, |s| s.start);
    let line = 1 + text.bytes().take(at).filter(|b| *b == b'\n').count();
    format!("line {line}: {}", e.message())
}

/// Takes off what is not the body: `to` (or `shop`), `from`, `kind`, or a whole statement around.
fn unwrap_statement(form: &mut Map<String, Value>) -> Result<Envelope, String> {
    let to = form.remove("to").or_else(|| form.remove("shop"));
    let from = form.remove("from");
    if let Some(body) = form.remove("body") {
        *form = object(body)?;
    }
    match form.remove("kind") {
        None => {}
        Some(kind) if kind == "order" => {}
        Some(kind) => return Err(format!("kind: {kind} is not an order")),
    }
    Ok(Envelope {
        to: address(to.as_ref(), "to")?
            .ok_or("to: the shop's address is missing, such as to = \"orders@shop.example\"")?,
        from: address(from.as_ref(), "from")?,
    })
}

fn address(value: Option<&Value>, name: &str) -> Result<Option<Address>, String> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) => match text.parse() {
            Ok(address) => Ok(Some(address)),
            Err(e) => Err(format!("{name}: {text:?}: {e}")),
        },
        Some(other) => Err(format!("{name}: {other} is not an address")),
    }
}

/// Writes what may be written shorter as the protocol has it.
fn fill_in(form: &mut Map<String, Value>) -> Result<(), String> {
    let Some(Value::Array(lines)) = form.get_mut("lines") else {
        return Err(
            "lines: there is nothing ordered; add a [[lines]] with name and price".to_owned(),
        );
    };
    if lines.is_empty() {
        return Err(
            "lines: there is nothing ordered; add a [[lines]] with name and price".to_owned(),
        );
    }
    for (i, line) in lines.iter_mut().enumerate() {
        if let Value::Object(line) = line {
            line.entry("quantity").or_insert(Value::from(1));
            amount(line.get_mut("price"), &format!("lines[{i}].price"))?;
        }
    }
    amount(form.get_mut("total"), "total")?;
    if !form.contains_key("total")
        && let Some(total) = sum(form)?
    {
        let total = serde_json::to_value(total).map_err(|e| e.to_string())?;
        form.insert("total".to_owned(), total);
    }
    for name in ["payment", "delivery"] {
        match form.get_mut(name) {
            Some(method @ Value::String(_)) => {
                *method = Value::Object(Map::from_iter([("method".to_owned(), method.take())]));
            }
            Some(_) => {}
            None => return Err(format!("{name}: missing; add a [{name}] with its method")),
        }
    }
    if let Some(on @ Value::Array(_)) = form.get_mut("notify") {
        *on = Value::Object(Map::from_iter([("on".to_owned(), on.take())]));
    }
    if !form.contains_key("buyer") && !form.contains_key("hub") {
        return Err("buyer: missing; add a [buyer] with name and [buyer.address]".to_owned());
    }
    Ok(())
}

/// `"49.00 EUR"` for `{"amount": "49.00", "currency": "EUR"}`.
fn amount(value: Option<&mut Value>, at: &str) -> Result<(), String> {
    match value {
        Some(text @ Value::String(_)) => {
            let read: Amount = text.as_str().unwrap_or_default().parse().map_err(|e| {
                if let AmountError::NotAnAmount(_) = e {
                    format!("{at}: {e}")
                } else {
                    format!("{at}: {text}: {e}; write it like \"49.00 EUR\"")
                }
            })?;
            *text = serde_json::to_value(read).map_err(|e| e.to_string())?;
            Ok(())
        }
        Some(number @ Value::Number(_)) => Err(format!(
            "{at}: {number} has no currency, and a number may be rounded; write it like \"49.00 EUR\""
        )),
        _ => Ok(()),
    }
}

/// What the lines add up to; none where they cannot be read, which is told with its place later.
fn sum(form: &Map<String, Value>) -> Result<Option<Amount>, String> {
    let mut sum: Option<Amount> = None;
    for line in form
        .get("lines")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let price = line.get("price").map(Amount::deserialize);
        let quantity = line
            .get("quantity")
            .and_then(Value::as_u64)
            .map(u32::try_from);
        let (Some(Ok(price)), Some(Ok(quantity))) = (price, quantity) else {
            return Ok(None);
        };
        let line = price.times(quantity);
        sum = Some(match sum {
            None => line,
            Some(before) => before
                .plus(line)
                .map_err(|e| format!("lines: {e}: an order has one currency throughout"))?,
        });
    }
    Ok(sum)
}

/// Serde's word for a member that is missing is a field.
fn in_words(what: &str) -> String {
    match what
        .strip_prefix("missing field `")
        .and_then(|rest| rest.split_once('`'))
    {
        Some((name, _)) => format!("{name} is missing"),
        None => what.to_owned(),
    }
}

/// The keys of each part of the form; an empty name stands for the items of a list.
const KEYS: [(&str, &[&str]); 9] = [
    (
        "",
        &[
            "to",
            "from",
            "lines",
            "total",
            "payment",
            "delivery",
            "buyer",
            "deliver_to",
            "notify",
            "reorder_of",
            "hub",
            "region",
            "details_hash",
        ],
    ),
    ("lines", &["name", "sku", "quantity", "price"]),
    ("payment", &["method", "reference"]),
    ("delivery", &["method"]),
    ("buyer", &["name", "address", "phone"]),
    ("buyer.address", ADDRESS),
    ("deliver_to", &["name", "address"]),
    ("deliver_to.address", ADDRESS),
    ("notify", &["on", "to"]),
];
const ADDRESS: &[&str] = &["street", "city", "region", "postal_code", "country"];

fn check_keys(form: &Map<String, Value>) -> Result<(), String> {
    for (part, known) in KEYS {
        let mut at: Vec<&Value> = Vec::new();
        if part.is_empty() {
            check_keys_of(form, part, known)?;
            continue;
        }
        let found = part
            .split('.')
            .try_fold(None::<&Value>, |inside, name| match inside {
                None => form.get(name).map(Some),
                Some(value) => value.get(name).map(Some),
            });
        match found.flatten() {
            Some(Value::Array(items)) => at.extend(items),
            Some(value) => at.push(value),
            None => {}
        }
        for object in at.into_iter().filter_map(Value::as_object) {
            check_keys_of(object, part, known)?;
        }
    }
    Ok(())
}

fn check_keys_of(object: &Map<String, Value>, part: &str, known: &[&str]) -> Result<(), String> {
    let Some(key) = object.keys().find(|k| !known.contains(&k.as_str())) else {
        return Ok(());
    };
    let place = if part.is_empty() {
        String::new()
    } else {
        format!("{part}: ")
    };
    let near = known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(key, k), *k))
        .filter(|(distance, k)| *distance <= 1 + k.len() / 4)
        .min();
    Err(match near {
        Some((_, k)) => format!("{place}unknown key {key:?}: did you mean {k:?}?"),
        None => format!(
            "{place}unknown key {key:?}: the keys here are {}",
            known.join(", ")
        ),
    })
}
