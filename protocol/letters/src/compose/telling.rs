//! What a letter tells people, before it is text or HTML.

use tradepost_statements::order::Line;
use tradepost_statements::postal::PostalAddress;
use tradepost_statements::record::{PriceItem, TradeRecord};
use tradepost_statements::status::HttpsUrl;
use tradepost_statements::{Address, Amount, Statement, Time};

use super::Story;
use crate::untrusted::{name, show, show_lines};

/// What a letter tells people. Whatever is put into it has been through `untrusted`.
#[derive(Debug, Default)]
pub(super) struct LetterText {
    pub(super) subject: String,
    /// What happened, each a paragraph.
    pub(super) happened: Vec<String>,
    /// What is known, with a word for each.
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) goods: Vec<GoodsLine>,
    /// Charges, discounts, total.
    pub(super) sums: Vec<(String, String)>,
    /// What the sender wrote for people, and who the sender is; may have several lines.
    pub(super) said: Option<(String, String)>,
    pub(super) links: Vec<(&'static str, HttpsUrl)>,
    /// What comes next.
    pub(super) next: Vec<String>,
    /// Whom to ask.
    pub(super) ask: Vec<String>,
}

/// A line of an order.
#[derive(Debug)]
pub(super) struct GoodsLine {
    pub(super) quantity: String,
    pub(super) name: String,
    pub(super) price: String,
}

/// How many lines are told; the statement has them all.
const MOST_LINES: usize = 200;
/// How much of somebody's text is told.
const MOST_SAID_CHARS: usize = 4000;

impl LetterText {
    pub(super) fn fact(&mut self, what: &'static str, value: impl AsRef<str>) {
        self.facts.push((what, show(value.as_ref())));
    }

    pub(super) fn fact_if(&mut self, what: &'static str, value: Option<impl AsRef<str>>) {
        if let Some(value) = value {
            self.fact(what, value);
        }
    }

    pub(super) fn time(&mut self, what: &'static str, at: Option<Time>) {
        self.fact_if(what, at.map(moment));
    }

    pub(super) fn goods(&mut self, lines: &[Line]) {
        for line in lines.iter().take(MOST_LINES) {
            let article = line
                .sku
                .as_ref()
                .map(|s| format!(" ({})", name(s)))
                .unwrap_or_default();
            self.goods.push(GoodsLine {
                quantity: line.quantity.to_string(),
                name: format!("{}{article}", name(&line.name)),
                price: line.price.times(line.quantity.get()).to_string(),
            });
        }
        if let Some(more) = lines.len().checked_sub(MOST_LINES).filter(|n| *n > 0) {
            self.goods.push(GoodsLine {
                quantity: String::new(),
                name: format!("and {more} more"),
                price: String::new(),
            });
        }
    }

    pub(super) fn total(&mut self, total: Amount) {
        self.sums.push(("Total".to_owned(), total.to_string()));
    }

    pub(super) fn record_sums(&mut self, record: &TradeRecord) {
        let mut items = |items: &Option<Vec<PriceItem>>, sign: &str| {
            for item in items.iter().flatten().take(MOST_LINES) {
                self.sums
                    .push((name(&item.name), format!("{sign}{}", item.price)));
            }
        };
        items(&record.charges, "");
        items(&record.discounts, "-");
        self.total(record.total);
    }

    /// What is known of the purchase beyond the statement.
    pub(super) fn purchase(&mut self, story: &Story<'_>) {
        if let Some(lines) = story.lines {
            self.goods(lines);
        }
        if let Some(total) = story.total {
            self.total(total);
        }
    }

    pub(super) fn said(&mut self, who: &str, text: Option<&String>) {
        if let Some(text) = text.map(|t| t.trim()).filter(|t| !t.is_empty()) {
            let cut: String = text.chars().take(MOST_SAID_CHARS).collect();
            self.said = Some((show(who), show_lines(&cut)));
        }
    }

    /// The parties of the trade that are known, each once.
    pub(super) fn ask_parties(&mut self, s: &Statement, story: &Story<'_>) {
        const MOST_CARRIERS: usize = 10;
        if let Some(trade) = &s.trade {
            self.ask_about("About the order", &trade.shop);
        }
        for carrier in story
            .carriers
            .unwrap_or_default()
            .iter()
            .take(MOST_CARRIERS)
        {
            self.ask_about("About the delivery", carrier);
        }
        if let Some(processor) = story.processor {
            self.ask_about("About the payment", processor);
        }
    }

    pub(super) fn ask_about(&mut self, what: &str, whom: &Address) {
        let ask = format!("{what}: {}", show(whom.as_written()));
        if !self.ask.contains(&ask) {
            self.ask.push(ask);
        }
    }
}

/// A moment for people: the reader's time zone is not known, so it is named.
pub(super) fn moment(at: Time) -> String {
    at.timestamp().strftime("%-d %B %Y, %H:%M UTC").to_string()
}

/// How the trade is called: `order T-1001 at Example Shop`.
pub(super) fn order_name(s: &Statement, story: &Story<'_>) -> String {
    match &s.trade {
        Some(trade) => format!("order {} at {}", trade.id, shop_name(s, story)),
        None => format!("order at {}", shop_name(s, story)),
    }
}

/// `order T-1001`, for subjects.
pub(super) fn order_id(s: &Statement) -> String {
    s.trade
        .as_ref()
        .map_or_else(|| "order".to_owned(), |t| format!("order {}", t.id))
}

/// The shop's name, or its address where the name is not known.
pub(super) fn shop_name(s: &Statement, story: &Story<'_>) -> String {
    match (story.shop_name, &s.trade) {
        (Some(shop), _) if !shop.trim().is_empty() => name(shop),
        (_, Some(trade)) => show(trade.shop.as_written()),
        (_, None) => "the shop".to_owned(),
    }
}

/// A parcel's name; none for the one parcel of a delivery that has no name.
pub(super) fn parcel(called: &str) -> Option<String> {
    Some(name(called)).filter(|name| !name.is_empty())
}

/// `T-1001`.
pub(super) fn trade_id(s: &Statement) -> String {
    s.trade
        .as_ref()
        .map_or_else(|| "an order".to_owned(), |t| t.id.to_string())
}

/// A word of the protocol in plain English: `bank-transfer` as `bank transfer`.
pub(super) fn plain_word(word: &str) -> String {
    if word == "e-money" {
        return word.to_owned();
    }
    word.replace('-', " ")
}

/// `customs-payment-due` as `payment due (customs)`.
pub(super) fn reason(word: &str) -> String {
    match word.split_once('-') {
        Some((whose, what)) => format!("{} ({whose})", what.replace('-', " ")),
        None => word.to_owned(),
    }
}

/// On one line.
pub(super) fn address_line(address: &PostalAddress) -> String {
    let town = match &address.postal_code {
        Some(code) => format!("{code} {}", address.city),
        None => address.city.clone(),
    };
    let mut parts = vec![address.street.clone(), town];
    parts.extend(address.region.clone());
    parts.push(address.country.code().to_owned());
    parts.join(", ")
}
