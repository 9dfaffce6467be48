//! What is expected (protocol 9), in words. Shops are named in both forms: a link is the word of
//! whoever made it.

use tradepost_agent::terminal::time::local;
use tradepost_buyer::view::ExpectedView;
use tradepost_statements::link::ExpectedOrder;

use super::words::{count, named};

/// Nobody is to rely on a signature that nobody looks at.
const KEY_IS_NOTED: &str = "noted only: OpenPGP signatures are not checked yet";

/// What the person is to agree to.
pub(crate) fn to_expect(order: &ExpectedOrder) -> String {
    let mut lines = vec![
        format!("shop      {}", named(order.trade.shop.as_written())),
        format!("trade     {}", order.trade.id),
        match order.total {
            Some(total) => format!("total     at most {total}"),
            None => "total     any: the link does not say what it costs".to_owned(),
        },
    ];
    lines.extend(
        order
            .key
            .as_ref()
            .map(|key| format!("key       {key} ({KEY_IS_NOTED})")),
    );
    lines.join("\n")
}

/// After it was noted.
pub(crate) fn now_expected(e: &ExpectedView) -> String {
    let stands = match (e.come, usize::try_from(e.warnings).unwrap_or(usize::MAX)) {
        (true, 0) => "It is in the ledger.".to_owned(),
        (true, n) => format!("It is in the ledger, with {}.", warnings(n)),
        (false, 0) => "Its trade record has not come yet.".to_owned(),
        (false, n) => format!("No trade record fits so far; there is {}.", warnings(n)),
    };
    format!("{} is expected. {stands}", one(e))
}

fn warnings(n: usize) -> String {
    format!("{}: see `tradepost warnings`", count(n, "open warning"))
}

/// `expect --list`.
pub(crate) fn expected(all: &[ExpectedView]) -> String {
    if all.is_empty() {
        return "Nothing is expected. `tradepost expect --help` shows how to expect an order that \
                you placed in a shop."
            .to_owned();
    }
    let lines: Vec<String> = all.iter().map(listed).collect();
    lines.join("\n")
}

fn listed(e: &ExpectedView) -> String {
    let come = if e.come { "in the ledger" } else { "awaited" };
    let key = e
        .key
        .as_ref()
        .map(|key| format!("\n  key {key} ({KEY_IS_NOTED})"));
    format!(
        "{}: {come}, since {}{}",
        one(e),
        local(e.since),
        key.unwrap_or_default()
    )
}

/// Below `pending`.
pub(crate) fn awaited(all: &[&ExpectedView]) -> String {
    let lines = all.iter().map(|e| format!("  {}", one(e)));
    let lines: Vec<String> = lines.collect();
    format!(
        "Expected, no trade record yet (`tradepost expect --list`)\n{}",
        lines.join("\n")
    )
}

fn one(e: &ExpectedView) -> String {
    let most = e.total.map(|total| format!(", at most {total}"));
    format!(
        "{} of {}{}",
        e.id,
        named(e.shop.as_written()),
        most.unwrap_or_default()
    )
}
