//! What is to be seen, in words: made of the JSON that `show`, `requests` and `warnings` print, and
//! of nothing else, so that the simulation and the real programs are read by the same eyes.

use serde_json::Value;

use crate::scenario::name_of;

/// What the buyer sees, as the commands print it.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// `show` of every trade.
    pub trades: Vec<Value>,
    /// `requests`, as `--json` prints them.
    pub requests: Vec<Value>,
    /// `warnings`: the open ones.
    pub warnings: Vec<Value>,
    /// `stats`; null on a stage that does not ask for them.
    pub stats: Value,
}

/// How the story calls something, and how it is known.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The order's request id; none of a trade that was placed elsewhere.
    pub request: Option<String>,
    /// The shop's address and the trade's id.
    pub trade: Option<(String, String)>,
}

impl Known {
    /// Whether this is the trade: by its name, or by the order's request id until that is known.
    #[must_use]
    pub fn is(&self, trade: &Value) -> bool {
        match &self.trade {
            Some((shop, id)) => text(trade, "shop") == shop && text(trade, "id") == id,
            None => self
                .request
                .as_ref()
                .is_some_and(|request| text(trade, "request") == request),
        }
    }
}

impl Look {
    /// The trade of that name, if there is one.
    #[must_use]
    pub fn trade(&self, known: &Known) -> Option<&Value> {
        self.trades.iter().find(|trade| known.is(trade))
    }

    /// What is to be seen of a trade, or of an order that became none.
    #[must_use]
    pub fn facts(&self, known: &Known) -> Vec<String> {
        match self.trade(known) {
            Some(trade) => trade_facts(trade),
            None => self.order_facts(known),
        }
    }

    fn order_facts(&self, known: &Known) -> Vec<String> {
        let of_order = |request: &&Value| {
            text(request, "kind") == "order"
                && known.request.as_deref() == Some(text(request, "request"))
        };
        let Some(request) = self.requests.iter().find(of_order) else {
            return vec!["unknown".to_owned()];
        };
        let state = text(request, "state");
        match text(request, "reason") {
            "" => vec![format!("order {state}")],
            reason => vec![format!("order {state}: {reason}")],
        }
    }

    /// The kinds of the open warnings.
    #[must_use]
    pub fn warned(&self) -> Vec<String> {
        let mut kinds: Vec<String> = self
            .warnings
            .iter()
            .map(|warning| text(warning, "kind").to_owned())
            .collect();
        kinds.sort();
        kinds
    }
}

/// All facts of a trade, in a fixed order.
fn trade_facts(trade: &Value) -> Vec<String> {
    let mut facts = track_facts(trade);
    for (member, yes, no) in [
        ("delivered", "delivered", "not delivered"),
        ("paid", "nothing unpaid", "something unpaid"),
        ("ended", "ended", "goes on"),
    ] {
        facts.push(if trade[member] == true { yes } else { no }.to_owned());
    }
    if trade["overdue"] == true {
        facts.push("overdue".to_owned());
    }
    if text(trade, "origin") != "placed" {
        facts.push(text(trade, "origin").to_owned());
    }
    facts
}

/// The states of the tracks, as the buyer or a server has them.
#[must_use]
pub fn track_facts(trade: &Value) -> Vec<String> {
    let mut facts = Vec::new();
    let mut fact = |name: String, track: &Value| {
        let state = track["state"].as_str().unwrap_or("unknown");
        facts.push(format!("{name} {state}"));
    };
    fact("order".to_owned(), &trade["order"]);
    let parcels = trade["delivery"].as_array();
    let mut parcels: Vec<(String, &Value)> = parcels
        .into_iter()
        .flatten()
        .map(|parcel| (parcel_name(parcel), parcel))
        .collect();
    parcels.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, parcel) in parcels {
        fact(name, parcel);
    }
    let payment = &trade["payment"];
    fact("payment".to_owned(), payment);
    for member in ["paid", "refunded"] {
        if let Some(amount) = payment[member]["amount"].as_str() {
            let currency = text(&payment[member], "currency");
            facts.push(format!("{member} {amount} {currency}"));
        }
    }
    if trade["wants_back"] == true {
        facts.push("wants back".to_owned());
    }
    for wish in trade["undoing"].as_array().into_iter().flatten() {
        // A cancellation that stopped the trade shows in its order; it needs no decision.
        if let Some(accepted) = wish["decision"]["accepted"].as_bool() {
            let decided = if accepted { "accepted" } else { "refused" };
            facts.push(format!("{} {decided}", text(wish, "kind")));
        }
    }
    facts
}

/// `delivery`, `delivery:A`, and `delivery by courier` of another carrier than the usual one.
fn parcel_name(parcel: &Value) -> String {
    let mut name = "delivery".to_owned();
    if !text(parcel, "parcel").is_empty() {
        name = format!("{name}:{}", text(parcel, "parcel"));
    }
    match name_of(text(parcel, "carrier")) {
        "carrier" | "shop" | "bakery" | "" => name,
        other => format!("{name} by {other}"),
    }
}

/// A text of an object; "" where there is none.
#[must_use]
pub fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value[member].as_str().unwrap_or_default()
}
