//! The order form as a person edits it: TOML that reads back as the same order.

use serde_json::{Map, Value};

use super::OrderForm;

const HEADER: &str = "\
# Change what is to change, save, and leave the editor. Nothing is sent before you have agreed.
# An empty file orders nothing. `tradepost order --help` says what may stand here.

";

/// The form in TOML, below lines that tell the person what to do with it.
pub(crate) fn written(form: &OrderForm) -> anyhow::Result<String> {
    let mut order = serde_json::to_value(&form.order)?;
    shorten_amounts(&mut order);
    let mut all = Map::new();
    all.insert("to".to_owned(), form.to.as_written().into());
    if let Some(from) = &form.from {
        all.insert("from".to_owned(), from.as_written().into());
    }
    if let Value::Object(order) = order {
        all.extend(order);
    }
    Ok(format!("{HEADER}{}", toml::to_string_pretty(&all)?))
}

/// `"49.00 EUR"` for `{"amount": "49.00", "currency": "EUR"}`.
fn shorten_amounts(value: &mut Value) {
    match value {
        Value::Object(object) => {
            let amount = object.get("amount").and_then(Value::as_str);
            let currency = object.get("currency").and_then(Value::as_str);
            if let (Some(amount), Some(currency), 2) = (amount, currency, object.len()) {
                *value = format!("{amount} {currency}").into();
            } else {
                object.values_mut().for_each(shorten_amounts);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(shorten_amounts),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
