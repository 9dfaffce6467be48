//! `lookalike-sender` (protocol 5, "Other warnings"): beside the verdict, a letter about a known
//! trade, or in the name of a known shop, from a domain that resembles the party's.
//!
//! Compared is the domain of From with the domains of the parties whose name the letter borrows:
//! - all parties of the trade that it names, and of other shops' trades with the same id, which is
//!   all that a person may see of it;
//! - the party that its `from` or `trade.shop` names, and whom the request that it answers went to;
//! - for a trade record, every shop that calls itself as this one does;
//! - any party whose whole domain the sender's looks like, or contains.
//!
//! Above suspicion are the parties of trades that the person placed or confirmed, and who speaks
//! about a trade whose party it is; but the record that first names somebody does not vouch for
//! itself. Display names count for nothing.
//!
//! Whether a domain is known is asked of rows of their own, one for each party of each trade, so
//! that a letter costs the same whatever the ledger holds.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};
use tradepost_statements::{Address, Body, Statement, TradeRef};
use tradepost_trades::letter::Received;
use tradepost_trades::lookalike::{
    Resemblance, borrowed_looks, looks, looks_of_domain, organizational, resemblance,
};
use tradepost_trades::rows::Rows;

use super::case::BuyerCase;
use super::progress::TradeTerms;
use super::state::{Fate, FiledLetter};
use super::trade::{BuyerTrade, TermsRow};
use super::warning::{Finding, WarningKind};
use super::{filed, keys, namesakes};

/// Of each list that others can make long, so many are compared with.
const COMPARED: usize = 64;

/// Gives the letters that were judged the warnings that they deserve beside the verdict.
pub(super) fn warn_beside(case: &mut BuyerCase<'_>) {
    for no in std::mem::take(&mut case.judged) {
        let Some(letter) = case.letter(no) else {
            continue;
        };
        let content = filed::decode(&letter.received.content);
        let statement = content.as_ref().ok().map(|d| &d.statement);
        let finding = statement.and_then(|s| finding(case, &letter, s));
        let trade = statement.and_then(|s| s.trade.as_ref());
        case.reconcile_beside(&letter, trade, finding.as_ref());
    }
}

fn finding(case: &BuyerCase<'_>, letter: &FiledLetter, statement: &Statement) -> Option<Finding> {
    if !is_judged(&letter.fate) {
        return None;
    }
    let Received { author, .. } = &letter.received;
    let domain = author.as_ref()?.domain();
    let of_trade = statement
        .trade
        .as_ref()
        .map(|t| parties_of(case, t))
        .unwrap_or_default();
    if is_above_suspicion(case, statement, domain, &of_trade) {
        return None;
    }
    let (party, how) = borrowed(case, statement, domain, of_trade)
        .iter()
        .filter_map(|party| Some((party.clone(), resemblance(domain, party)?)))
        .min_by_key(|(_, how)| *how)?;
    let how = match how {
        Resemblance::Confusable => "looks the same as",
        Resemblance::OneEdit => "is one character away from",
        Resemblance::NameAsLabel => "contains the name of",
    };
    Some(Finding::beside(
        WarningKind::LookalikeSender,
        format!("a letter from {domain}, which {how} {party}"),
        format!("a letter from {party} itself"),
    ))
}

/// What is held, or said again, is not judged.
fn is_judged(fate: &Fate) -> bool {
    match fate {
        Fate::Applied | Fate::Adopted | Fate::Late | Fate::Warned { .. } => true,
        Fate::New | Fate::Duplicate | Fate::Held { .. } => false,
    }
}

fn is_above_suspicion(
    case: &BuyerCase<'_>,
    statement: &Statement,
    domain: &str,
    of_trade: &BTreeSet<String>,
) -> bool {
    let organization = organizational(domain);
    let is_record = matches!(statement.body, Body::TradeRecord(_));
    let speaks_as_a_party = !is_record && of_trade.contains(organization);
    speaks_as_a_party || is_listed(case, &keys::settled_party(&looks_key(domain), organization))
}

/// The organizational domains of the parties whose name a letter borrows.
fn borrowed(
    case: &BuyerCase<'_>,
    statement: &Statement,
    domain: &str,
    of_trade: BTreeSet<String>,
) -> BTreeSet<String> {
    let mut found = of_trade;
    if let Some(trade) = &statement.trade {
        for namesake in namesakes::made(case.rows(), trade) {
            found.extend(parties_of(case, &namesake));
        }
    }
    let shop = statement.trade.as_ref().map(|t| &t.shop);
    for named in std::iter::once(&statement.from).chain(shop) {
        let organization = organizational(named.domain());
        let key = keys::parties_at(&looks_key(named.domain()), organization);
        if is_listed(case, &key) {
            found.insert(organization.to_owned());
        }
    }
    found.extend(
        asked(case, statement)
            .iter()
            .map(|a| organizational(a.domain()).to_owned()),
    );
    if let Body::TradeRecord(record) = &statement.body
        && let Some(name) = name_key(&record.shop_name)
    {
        found.extend(listed(case, &keys::shops_named(&name)));
    }
    let whole = looks_key(domain);
    let parts = borrowed_looks(domain);
    for looks in std::iter::once(whole).chain(parts.iter().map(|p| slashless(p))) {
        found.extend(listed(case, &keys::parties_that_look_like(&looks)));
    }
    found
}

/// Whom of ours the letter claims to answer for.
fn asked(case: &BuyerCase<'_>, statement: &Statement) -> Vec<Address> {
    let request = statement.request.as_ref().and_then(|id| case.request(id));
    let answers = statement.answers.and_then(|id| case.own(id));
    request
        .map(|r| r.to)
        .into_iter()
        .chain(answers.map(|own| own.statement.to))
        .collect()
}

/// The organizational domains of the parties of a trade; none before a trade record counts.
fn parties_of(case: &BuyerCase<'_>, trade: &TradeRef) -> BTreeSet<String> {
    let row: Option<TermsRow> = case.get(&keys::trade(trade));
    parties(trade, row.and_then(|row| row.terms).as_ref())
}

fn parties(trade: &TradeRef, terms: Option<&TradeTerms>) -> BTreeSet<String> {
    let Some(terms) = terms else {
        return BTreeSet::new();
    };
    std::iter::once(&trade.shop)
        .chain(&terms.carriers)
        .chain(std::iter::once(&terms.processor))
        .map(|party| organizational(party.domain()).to_owned())
        .collect()
}

/// Lists the parties of a trade, so that they are known, in place of those listed before.
pub(super) fn list_parties(case: &mut BuyerCase<'_>, trade: &mut BuyerTrade) {
    let settled = trade.counted.as_ref().is_some_and(|c| !c.apart);
    let mut now = BTreeSet::new();
    for party in parties(&trade.trade, trade.terms.as_ref()) {
        now.insert(keys::party_of(
            &looks_key(&party),
            &party,
            settled,
            &trade.trade,
        ));
    }
    if let Some(name) = trade.state.as_ref().and_then(|s| name_key(&s.shop_name)) {
        let shop = organizational(trade.trade.shop.domain());
        now.insert(keys::shop_named(&name, shop, &trade.trade));
    }
    for gone in trade.listed.difference(&now) {
        case.delete(gone);
    }
    for new in now.difference(&trade.listed) {
        case.mark(new);
    }
    trade.listed = now;
}

fn looks_key(domain: &str) -> String {
    slashless(&looks_of_domain(organizational(domain)))
}

/// Keys are divided by slashes.
fn slashless(looks: &str) -> String {
    looks.replace('/', "_")
}

/// Equal for names that people take for one another; none for what is no name.
fn name_key(shop_name: &str) -> Option<String> {
    /// Shorter ones are borne by many.
    const SHORTEST: usize = 3;
    let name: String = looks(shop_name)
        .chars()
        .filter(|c| c.is_alphanumeric())
        .collect();
    (name.chars().count() >= SHORTEST).then(|| {
        let hash = Sha256::digest(name.as_bytes());
        hash.iter().take(16).map(|b| format!("{b:02x}")).collect()
    })
}

fn is_listed(case: &BuyerCase<'_>, prefix: &str) -> bool {
    !case
        .rows()
        .scan_from(prefix.as_bytes(), prefix.as_bytes(), 1)
        .is_empty()
}

/// The domains that stand next in the keys with a prefix. One look for each domain, however many
/// trades it has.
fn listed(case: &BuyerCase<'_>, prefix: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut from = prefix.to_owned();
    while found.len() < COMPARED {
        let next = case.rows().scan_from(prefix.as_bytes(), from.as_bytes(), 1);
        let domain = next
            .first()
            .and_then(|(key, _)| std::str::from_utf8(key.get(prefix.len()..)?).ok())
            .and_then(|rest| rest.split('/').next());
        let Some(domain) = domain else {
            break;
        };
        // What comes after the last key that starts with it: a slash is followed by a zero.
        from = format!("{prefix}{domain}0");
        found.insert(domain.to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_are_one_name() {
        let same = |a: &str, b: &str| name_key(a) == name_key(b);
        assert!(same("Example Shop", "EXAMPLE-SH0P"));
        assert!(same("Example Shop", " Еxample  Shop "));
        assert!(!same("Example Shop", "Example Shops"));
        assert_eq!(name_key("  - "), None);
        assert_eq!(name_key("ab"), None);
    }
}
