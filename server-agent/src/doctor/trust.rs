//! What senders are proven by: the provider's results, keys by DNS, keys of the configuration.

use tradepost_letters::untrusted;
use tradepost_post::dkim::{Prover, TxtAnswer};
use tradepost_post::imap::ImapProbe;
use tradepost_statements::Evidence;

use super::Check;
use crate::config::Config;

/// What counts, and whether DNS answers.
pub(super) async fn checks(config: &Config) -> Vec<Check> {
    vec![minimum(config), dns(config).await]
}

fn minimum(config: &Config) -> Check {
    let settings = &config.settings;
    let mut found = format!("minimum {}", settings.minimum);
    for (party, minimum) in &settings.minimum_of {
        found += &format!(", {minimum} of {party}");
    }
    let all = std::iter::once(&settings.minimum).chain(settings.minimum_of.values());
    if all.into_iter().any(|m| *m > Evidence::Dkim) {
        return Check::bad(
            "trust",
            found,
            "this version establishes no more than \"dkim\": letters that need more are ignored",
        );
    }
    found += "; DKIM signatures are verified here";
    if config.policy.authserv_ids.is_empty() {
        found += "; [trust] authserv_ids is empty, so the provider's own word counts for nothing";
    }
    Check::good("trust", found)
}

async fn dns(config: &Config) -> Check {
    let whom = match config.keys.resolver {
        Some(resolver) => format!("the resolver {resolver}"),
        None => "the system's resolver".to_owned(),
    };
    let keys = match config.keys.fixed.len() {
        0 => String::new(),
        n => format!("; never asked for the {n} of [trust.keys]"),
    };
    let prover = match Prover::new(config.keys.clone()) {
        Ok(prover) => prover,
        Err(e) => return Check::bad("DNS", e.to_string(), "set [trust] resolver"),
    };
    // Whatever it says about this name, it is an answer.
    let name = config.settings.address.domain();
    match prover.txt(name).await {
        TxtAnswer::Found(_) | TxtAnswer::Missing | TxtAnswer::Fixed(_) => {
            Check::good("DNS", format!("{whom} answers{keys}"))
        }
        TxtAnswer::Unanswered(why) => Check::doubtful(
            "DNS",
            format!("{whom} does not answer for {name}: {why}{keys}"),
            "letters that only DKIM could prove are held and tried again for 7 days: see that this machine \
             is online, or set [trust] resolver",
        ),
    }
}

/// Protocol 5: the provider's word rests on ids that the operator names; these are seen in recent mail.
pub(super) fn results(config: &Config, probe: &ImapProbe) -> Check {
    const WHAT: &str = "results";
    let ids = &config.policy.authserv_ids;
    let listed: Vec<String> = probe
        .authserv_ids
        .iter()
        .map(|(id, n)| format!("{} ({n} letters)", untrusted::show(id)))
        .collect();
    let listed = if listed.is_empty() {
        "none in recent mail".to_owned()
    } else {
        listed.join(", ")
    };
    if config.settings.minimum >= Evidence::Dkim {
        return Check::good(WHAT, "not needed with minimum = \"dkim\"");
    }
    if probe.authserv_ids.is_empty() && probe.nameless_results > 0 {
        return Check::bad(
            WHAT,
            format!(
                "those of {} recent letters name no id: anybody can have written them",
                probe.nameless_results
            ),
            "set [trust] minimum = \"dkim\", which proves nothing where the provider alters letters, as Microsoft's do",
        );
    }
    if ids.is_empty() {
        return Check::doubtful(
            WHAT,
            format!("seen: {listed}"),
            "set [trust] authserv_ids to the id of your own provider, if it is the one that is seen, and try \
             with --probe whether it removes foreign fields with that id (RFC 8601 section 5)",
        );
    }
    let known = |id: &str| ids.iter().any(|pattern| pattern.covers(id));
    if !probe.authserv_ids.is_empty() && !probe.authserv_ids.iter().any(|(id, _)| known(id)) {
        return Check::bad(
            WHAT,
            format!("seen: {listed}"),
            "none of [trust] authserv_ids occurs in recent mail: compare them",
        );
    }
    Check::good(WHAT, format!("seen: {listed}"))
}
