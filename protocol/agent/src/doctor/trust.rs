//! What senders are proven by: the provider's results, keys by DNS, keys of the configuration.

use tradepost_proof::dkim::{Prover, TxtAnswer};
use tradepost_statements::Evidence;

use super::{Check, MailSetup};

/// What counts, and whether DNS answers.
pub(super) async fn checks(setup: &MailSetup<'_>) -> Vec<Check> {
    vec![minimum(setup), dns(setup).await]
}

fn minimum(setup: &MailSetup<'_>) -> Check {
    const NAME: &str = "trust";
    let minimum = setup.minimum;
    let others: Vec<String> = setup
        .minimum_of
        .iter()
        .map(|(party, minimum)| format!("{minimum} of {party}"))
        .collect();
    let wanted = if others.is_empty() {
        format!("minimum {minimum}")
    } else {
        format!("minimum {minimum}, {}", others.join(", "))
    };
    let asks_for_too_much = |level: &Evidence| *level > Evidence::Dkim;
    if asks_for_too_much(&minimum) || setup.minimum_of.values().any(asks_for_too_much) {
        return Check::failed(
            NAME,
            format!(
                "{wanted}: this version cannot establish \"signed\", so such letters never count"
            ),
            "set it to \"dkim\" or \"relay\" under [trust]",
        );
    }
    let ids: Vec<String> = setup
        .policy
        .authserv_ids
        .iter()
        .map(ToString::to_string)
        .collect();
    Check::ok(
        NAME,
        if minimum == Evidence::Dkim {
            format!("{wanted}: DKIM signatures are verified here")
        } else if ids.is_empty() {
            format!(
                "{wanted}: DKIM signatures are verified here; no authserv_ids are configured, so your \
                 provider's own word counts for nothing"
            )
        } else {
            let spf = if setup.policy.takes_spf {
                "; spf = true takes dmarc=pass where it rests on SPF alone"
            } else {
                ""
            };
            format!(
                "{wanted}: DKIM signatures are verified here, or Authentication-Results of {} count, which \
                 your provider must remove from letters of others; --probe tries whether it does{spf}",
                ids.join(", ")
            )
        },
    )
}

async fn dns(setup: &MailSetup<'_>) -> Check {
    const NAME: &str = "DNS";
    let keys = match setup.keys.fixed.len() {
        0 => String::new(),
        1 => "; 1 key of [trust.keys] is never looked up".to_owned(),
        n => format!("; {n} keys of [trust.keys] are never looked up"),
    };
    let whom = match setup.keys.resolver {
        Some(resolver) => format!("the resolver {resolver}"),
        None => "the system's resolver".to_owned(),
    };
    let prover = match Prover::new(setup.keys.clone()) {
        Ok(prover) => prover,
        Err(e) => {
            return Check::failed(NAME, e.to_string(), "set resolver under [trust]");
        }
    };
    // Whatever it says about this name, it is an answer.
    let name = setup.address.domain();
    match prover.txt(name).await {
        TxtAnswer::Found(_) | TxtAnswer::Missing | TxtAnswer::Fixed(_) => {
            Check::ok(NAME, format!("{whom} answers{keys}"))
        }
        TxtAnswer::Unanswered(why) => Check::doubtful(
            NAME,
            format!("{whom} does not answer for {name}: {why}{keys}"),
            "letters that only DKIM could prove are held and tried again for 7 days; see that this \
             computer is online, or set resolver under [trust] (\"9.9.9.9:53\")",
        ),
    }
}
