//! Trades: what is still to come, all of them, one of them.

use tradepost_agent::terminal::table::Column::{Free, Whole};
use tradepost_agent::terminal::table::Table;
use tradepost_agent::terminal::time::{day, local};
use tradepost_agent::terminal::wrap::{clipped, hanging};
use tradepost_buyer::view::{BuyerTradeView, HistoryView, ShowView, StatsView, TradeOrigin};
use tradepost_statements::progress::Track;

use super::undone;
use super::words::{count, delivery, name, named, order, parcel, payment, safe, what_was_bought};
use crate::terminal::cli::Facet;

/// `pending`: by promised date, then counts and unpaid totals.
pub(crate) fn pending(trades: &[BuyerTradeView], stats: &StatsView) -> String {
    if trades.is_empty() && stats.unpaid == 0 {
        return "Nothing is pending: all that was ordered has been delivered and paid.\n\
                New trades appear here when `tradepost daemon` reads a shop's letter."
            .to_owned();
    }
    let (apart, counted): (Vec<_>, Vec<_>) = trades.iter().partition(|t| t.apart);
    let mut parts = Vec::new();
    if !counted.is_empty() {
        parts.push(pending_table(&counted));
    }
    if !apart.is_empty() {
        parts.push(format!(
            "Ordered elsewhere (terms never checked against an order; confirm with\n\
             `tradepost confirm TRADE`):\n{}",
            pending_table(&apart)
        ));
    }
    parts.push(pending_sum(&counted, stats, apart.len()));
    parts.join("\n\n")
}

fn pending_table(trades: &[&BuyerTradeView]) -> String {
    widest_that_fits(|extras| {
        let columns = [
            Some(Whole("TRADE")),
            extras.shop.then_some(Free("SHOP")),
            extras.what.then_some(Free("WHAT")),
            Some(Whole("PROMISED")),
            Some(Whole("DELIVERY")),
            Some(Whole("PAYMENT")),
            Some(Free("")),
        ];
        let mut table = Table::new(&columns.into_iter().flatten().collect::<Vec<_>>());
        for t in trades {
            let cells = [
                Some(t.id.to_string()),
                extras.shop.then(|| name(&t.shop_name)),
                extras.what.then(|| what_was_bought(&t.lines)),
                Some(t.promised.map_or_else(|| "-".to_owned(), day)),
                Some(delivery_or_order(t)),
                Some(payment(t)),
                Some(marks(t)),
            ];
            table.row(cells.into_iter().flatten());
        }
        table
    })
}

/// Before there is a parcel, the order's state says how far the delivery is.
fn delivery_or_order(t: &BuyerTradeView) -> String {
    if t.delivery.iter().any(|p| p.state.is_some()) {
        delivery(t)
    } else {
        order(t)
    }
}

fn marks(t: &BuyerTradeView) -> String {
    let mut marks = Vec::new();
    if t.overdue {
        marks.push("OVERDUE".to_owned());
    }
    if t.apart {
        marks.push("adopted".to_owned());
    }
    if let Ok(n @ 1..) = usize::try_from(t.warnings) {
        marks.push(count(n, "warning"));
    }
    marks.join(", ")
}

fn pending_sum(counted: &[&BuyerTradeView], stats: &StatsView, apart: usize) -> String {
    let overdue = counted.iter().filter(|t| t.overdue).count();
    let mut text = format!("{} undelivered", count(counted.len(), "trade"));
    if overdue > 0 {
        text.push_str(&format!(", {overdue} overdue"));
    }
    if apart > 0 {
        text.push_str(&format!("; {apart} adopted, counted apart"));
    }
    let totals: Vec<String> = stats.unpaid_total.iter().map(ToString::to_string).collect();
    text.push('\n');
    match usize::try_from(stats.unpaid) {
        Ok(n @ 1..) => text.push_str(&format!(
            "{} unpaid: {}",
            count(n, "trade"),
            totals.join(", ")
        )),
        _ => text.push_str("Nothing is unpaid."),
    }
    text
}

/// `list`: as sorted, in groups where wanted.
pub(crate) fn list(trades: &[BuyerTradeView], group_by: Option<Facet>, filtered: bool) -> String {
    if trades.is_empty() {
        return if filtered {
            "No trade is like that. `tradepost list` shows all.".to_owned()
        } else {
            "There are no trades yet. They appear when `tradepost daemon` reads a shop's letter;\n\
             `tradepost order --help` shows how to order, `tradepost import` reads old letters."
                .to_owned()
        };
    }
    let Some(facet) = group_by else {
        return format!(
            "{}\n\n{}",
            list_table(&trades.iter().collect::<Vec<_>>()),
            count(trades.len(), "trade")
        );
    };
    let mut groups: Vec<(String, Vec<&BuyerTradeView>)> = Vec::new();
    for trade in trades {
        let name = group(trade, facet);
        match groups.iter_mut().find(|(n, _)| *n == name) {
            Some((_, members)) => members.push(trade),
            None => groups.push((name, vec![trade])),
        }
    }
    let parts: Vec<String> = groups
        .into_iter()
        .map(|(name, members)| {
            let n = count(members.len(), "trade");
            let head = hanging(&format!("{name} ({n})"));
            format!("{head}\n{}", list_table(&members))
        })
        .collect();
    parts.join("\n\n")
}

/// What can be left out where the terminal is narrow.
#[derive(Clone, Copy)]
struct Extras {
    what: bool,
    ordered: bool,
    shop: bool,
}

/// From everything to what is needed most.
const EXTRAS: [Extras; 4] = [
    Extras {
        what: true,
        ordered: true,
        shop: true,
    },
    Extras {
        what: false,
        ordered: true,
        shop: true,
    },
    Extras {
        what: false,
        ordered: false,
        shop: true,
    },
    Extras {
        what: false,
        ordered: false,
        shop: false,
    },
];

fn widest_that_fits(table: impl Fn(Extras) -> Table) -> String {
    let [.., least] = EXTRAS;
    let fitting = EXTRAS.into_iter().map(&table).find(Table::fits);
    fitting.unwrap_or_else(|| table(least)).print()
}

fn list_table(trades: &[&BuyerTradeView]) -> String {
    widest_that_fits(|extras| {
        let columns = [
            Some(Whole("TRADE")),
            extras.ordered.then_some(Whole("ORDERED")),
            extras.shop.then_some(Free("SHOP")),
            extras.what.then_some(Free("WHAT")),
            Some(Whole("TOTAL")),
            Some(Whole("ORDER")),
            Some(Whole("DELIVERY")),
            Some(Whole("PAYMENT")),
            Some(Free("")),
        ];
        let mut table = Table::new(&columns.into_iter().flatten().collect::<Vec<_>>());
        for t in trades {
            let cells = [
                Some(t.id.to_string()),
                extras.ordered.then(|| day(t.placed)),
                extras.shop.then(|| name(&t.shop_name)),
                extras.what.then(|| what_was_bought(&t.lines)),
                Some(t.total.to_string()),
                Some(order(t)),
                Some(delivery(t)),
                Some(payment(t)),
                Some(marks(t)),
            ];
            table.row(cells.into_iter().flatten());
        }
        table
    })
}

fn group(t: &BuyerTradeView, facet: Facet) -> String {
    match facet {
        Facet::Order => format!("order: {}", order(t)),
        Facet::Delivery => format!("delivery: {}", delivery(t)),
        Facet::Payment => format!("payment: {}", payment(t)),
        Facet::Date => day(t.placed),
        Facet::Shop => format!("{} <{}>", name(&t.shop_name), named(t.shop.as_written())),
        Facet::Promised => t
            .promised
            .map_or_else(|| "no date promised".to_owned(), day),
    }
}

/// Sorts by a facet; what is equal in it stays in the order of placing.
pub(crate) fn sort(trades: &mut [BuyerTradeView], facet: Facet) {
    trades.sort_by(|a, b| a.placed.cmp(&b.placed).then_with(|| a.id.cmp(&b.id)));
    match facet {
        Facet::Order => trades.sort_by_key(|t| t.order.state),
        Facet::Delivery => {
            trades.sort_by_key(|t| {
                (
                    t.delivered,
                    t.delivery.iter().map(|p| p.state).min().flatten(),
                )
            });
        }
        Facet::Payment => trades.sort_by_key(|t| (t.paid, t.payment.state)),
        Facet::Date => {}
        Facet::Shop => trades.sort_by(|a, b| a.shop.cmp(&b.shop)),
        Facet::Promised => trades.sort_by_key(|t| (t.promised.is_none(), t.promised)),
    }
}

/// `show`: one trade with its parties and history.
pub(crate) fn show(show: &ShowView) -> String {
    let t = &show.trade;
    let mut out = vec![t.id.to_string()];
    let shop = format!("{} <{}>", name(&t.shop_name), named(t.shop.as_written()));
    out.push(hanging(&shop));
    let ordered = local(t.placed);
    out.push(match t.origin {
        TradeOrigin::Placed => format!("ordered {ordered}"),
        TradeOrigin::Expected => format!("ordered {ordered} in the shop; expected"),
        TradeOrigin::Adopted => {
            format!("ordered elsewhere {ordered}; terms never checked against an order")
        }
    });
    out.push(String::new());
    let mut lines = Table::new(&[Whole("LINE"), Whole(""), Free(""), Whole("EACH")]);
    for (number, line) in (1..).zip(&t.lines) {
        let sku = line
            .sku
            .as_ref()
            .map(|s| format!(" ({})", name(s)))
            .unwrap_or_default();
        lines.row([
            u64::to_string(&number),
            line.quantity.to_string(),
            format!("{}{sku}", name(&line.name)),
            line.price.to_string(),
        ]);
    }
    lines.row([
        String::new(),
        String::new(),
        "total, with charges and discounts".to_owned(),
        t.total.to_string(),
    ]);
    out.push(lines.print());
    out.push(String::new());
    out.push(tracks(show));
    let mut facts = Vec::new();
    facts.push(if t.delivered {
        "delivered"
    } else {
        "not delivered"
    });
    facts.push(if t.paid { "paid" } else { "not paid" });
    if t.ended {
        facts.push("ended");
    }
    if t.overdue {
        facts.push("OVERDUE");
    }
    out.push(String::new());
    out.push(facts.join(", "));
    if let Ok(n @ 1..) = usize::try_from(t.warnings) {
        out.push(format!(
            "{} open: see `tradepost warnings`",
            count(n, "warning")
        ));
    }
    if !show.undoing.is_empty() {
        out.push(format!("\n{}", undone::undoings(show)));
    }
    if !show.history.is_empty() {
        out.push(format!("\nHistory\n{}", history(&show.history)));
    }
    out.join("\n")
}

fn tracks(show: &ShowView) -> String {
    let t = &show.trade;
    let when = |planned: Option<_>, actual: Option<_>| match (actual, planned) {
        (Some(actual), _) => local(actual),
        (None, Some(planned)) => format!("planned {}", local(planned)),
        (None, None) => String::new(),
    };
    let mut table = Table::new(&[Whole("TRACK"), Free("STATE"), Whole("WHEN"), Whole("BY")]);
    table.row([
        "order".to_owned(),
        order(t),
        when(t.order.planned, t.order.actual),
        safe(show.parties.shop.as_written()),
    ]);
    for p in &t.delivery {
        let mut state = p
            .state
            .map_or_else(|| "expected".to_owned(), |s| s.to_string());
        for more in [&p.place, &p.tracking_number].into_iter().flatten() {
            state.push_str(", ");
            state.push_str(&safe(more));
        }
        let by = p
            .carrier
            .as_ref()
            .map(|c| safe(c.as_written()))
            .unwrap_or_default();
        table.row([parcel(p), state, when(p.planned, p.actual), by]);
    }
    let mut paid = payment(t);
    if let Some(unpaid) = t.unpaid.filter(|u| !u.is_zero()) {
        paid.push_str(&format!(", {unpaid} unpaid"));
    }
    if let Some(refunded) = t.payment.refunded.filter(|r| !r.is_zero()) {
        paid.push_str(&format!(", {refunded} paid back"));
    }
    table.row([
        "payment".to_owned(),
        paid,
        when(t.payment.planned, t.payment.actual),
        safe(show.parties.processor.as_written()),
    ]);
    table.print()
}

/// For every status, how its sender was proven.
fn history(history: &[HistoryView]) -> String {
    let blocks: Vec<String> = history.iter().map(status).collect();
    blocks.join("\n")
}

fn status(h: &HistoryView) -> String {
    const INDENT: &str = "                  ";
    let track = match (&h.track, h.parcel.as_deref()) {
        (Track::Delivery, Some(parcel)) if !parcel.is_empty() => {
            format!("delivery {}", name(parcel))
        }
        (track, _) => track.to_string(),
    };
    let said = format!(
        "{track} {}: {}, from {} ({})",
        h.sequence,
        safe(&h.state),
        named(h.from.as_written()),
        safe(&h.outcome)
    );
    // What counts by the person's own act must not look proven.
    let evidence = if h.accepted {
        format!("accepted by you, evidence {}", h.evidence)
    } else {
        h.evidence.to_string()
    };
    let proof = match h.proof.as_str() {
        "" => evidence,
        proof => format!("{evidence}: {}", named(proof)),
    };
    format!(
        "{}  {}\n{}",
        local(h.received_at),
        clipped(&said, INDENT, 4).trim_start(),
        clipped(&proof, INDENT, 4)
    )
}
