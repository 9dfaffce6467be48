//! The catalogue: a TOML file of what a shop sells.
//!
//! ```toml
//! [[item]]
//! sku = "K-1"
//! name = "Kettle"
//! price = "49.00 EUR"
//! in_stock = false      # orders for it are rejected; true where it is left out
//! ```
//!
//! The list may have any name, and an article may be a table named after its number:
//! `[K-1]` with `name` and `price`.

use std::path::Path;

use toml::de::{DeTable, DeValue};
use tradepost_agent::config::{ConfigError, Source, Spanned};
use tradepost_parties::kernel::settings::{Article, Catalogue};
use tradepost_statements::Amount;

pub(crate) fn read(path: &Path) -> Result<Catalogue, ConfigError> {
    let source = Source::read(path)?;
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable {
        path: path.to_owned(),
        error,
    })?;
    parse(&source, &text)
}

fn parse(source: &Source, text: &str) -> Result<Catalogue, ConfigError> {
    let table = DeTable::parse(text).map_err(|e| {
        let at = Spanned::new(e.span().unwrap_or(0..0), ());
        source.wrong(&at, e.message())
    })?;
    let mut items = Vec::new();
    for (name, value) in table.get_ref() {
        if let DeValue::Array(list) = value.get_ref() {
            for entry in list.iter() {
                items.push(item(source, entry, None)?);
            }
        } else if let DeValue::Table(_) = value.get_ref() {
            let sku = name.get_ref().to_string();
            items.push(item(source, value, Some(sku))?);
        } else {
            let text = "a catalogue holds articles: [[item]] with sku, name and price";
            return Err(source.wrong(value, text));
        }
    }
    if items.is_empty() {
        return Err(source.lacks(
            "the catalogue is empty, so every order would be rejected: add [[item]] with sku, name and price, \
             or leave out `catalogue` to accept what is asked",
        ));
    }
    Ok(Catalogue::new(items))
}

fn item(
    source: &Source,
    entry: &Spanned<DeValue<'_>>,
    named: Option<String>,
) -> Result<Article, ConfigError> {
    let DeValue::Table(table) = entry.get_ref() else {
        return Err(source.wrong(entry, "an article is a table with sku, name and price"));
    };
    let (mut sku, mut name, mut price) = (named, None, None);
    let mut in_stock = true;
    for (key, value) in table.iter() {
        match key.get_ref().as_ref() {
            "sku" => sku = Some(text(source, value, "sku")?),
            "name" => name = Some(text(source, value, "name")?),
            "price" => price = Some(amount(source, value)?),
            "in_stock" => {
                in_stock = value
                    .get_ref()
                    .as_bool()
                    .ok_or_else(|| source.wrong(value, "in_stock: true or false"))?;
            }
            other => {
                let text =
                    format!("unknown key {other:?}: an article has sku, name, price and in_stock");
                return Err(source.wrong(key, text));
            }
        }
    }
    match (name, price) {
        (Some(name), Some(price)) => Ok(Article {
            sku,
            name,
            price,
            in_stock,
        }),
        (None, _) => Err(source.wrong(entry, "this article has no name")),
        (Some(_), None) => Err(source.wrong(entry, "this article has no price")),
    }
}

fn text(source: &Source, value: &Spanned<DeValue<'_>>, key: &str) -> Result<String, ConfigError> {
    match value.get_ref().as_str() {
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        Some(_) | None => Err(source.wrong(value, format!("{key}: a text in quotes"))),
    }
}

/// `"49.00 EUR"`, or as in a statement: `{ amount = "49.00", currency = "EUR" }`.
fn amount(source: &Source, value: &Spanned<DeValue<'_>>) -> Result<Amount, ConfigError> {
    let written = if let DeValue::Table(table) = value.get_ref() {
        let part = |key: &str| table.get(key).and_then(|v| v.get_ref().as_str());
        format!(
            "{} {}",
            part("amount").unwrap_or_default(),
            part("currency").unwrap_or_default()
        )
    } else {
        value.get_ref().as_str().unwrap_or_default().to_owned()
    };
    written
        .parse()
        .map_err(|e| source.wrong(value, format!("price: {e}; write \"49.00 EUR\"")))
}
