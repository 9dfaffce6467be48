//! Whether others can verify what this server signs.

use tradepost_proof::dkim::{Prover, Signing};

use super::Check;
use crate::config::Config;

const WHAT: &str = "DKIM";

/// One check for each key, or one that says who signs.
pub(super) async fn signing(config: &Config) -> Vec<Check> {
    let domain = config.settings.address.domain();
    let keys = match &config.signing {
        Signing::ByProvider => {
            let found = "the provider signs, says the configuration; this server does not";
            return vec![Check::good(WHAT, found)];
        }
        Signing::Unsigned => {
            let remedy = format!(
                "tradepost-server dkim-key --selector s1 --domain {domain} makes a key and says what to do with it; \
                 where your provider signs, write dkim = \"provider\" at the top of the configuration"
            );
            let found =
                "letters leave unsigned: buyers at many providers cannot prove that they are yours";
            return vec![Check::bad(WHAT, found, &remedy)];
        }
        Signing::Here(_) => config.signing.keys(),
    };
    let prover = match Prover::new(config.keys.clone()) {
        Ok(prover) => prover,
        Err(e) => return vec![Check::bad(WHAT, e.to_string(), "")],
    };
    let mut checks = Vec::new();
    for own in keys {
        let name = own.name();
        let published = own.published(&prover.txt(&name).await);
        let found = format!("{name}: {}", published.found());
        checks.push(match published.remedy(own) {
            None => Check::good(WHAT, found),
            Some(remedy) => Check::bad(WHAT, found, &remedy),
        });
    }
    checks
}
