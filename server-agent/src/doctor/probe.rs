//! `doctor --probe`: does the provider remove results that others forge in its name (RFC 8601
//! section 5)? A letter from the mailbox to itself tells.

use std::time::Duration;

use tradepost_agent::forgery::{Found, send_and_wait};
use tradepost_agent::terminal::output::note;
use tradepost_letters::forgery::{Forged, Forgery};
use tradepost_letters::untrusted::show;
use tradepost_post::smtp::Submitter;
use tradepost_proof::dkim::Prover;
use tradepost_statements::Evidence;

use super::{Check, imap_settings, smtp_settings};
use crate::config::Config;

const FORGED: &str = "forged results";

/// Sends the letter, waits for it, and says what that means. Ctrl-C ends the wait.
pub(super) async fn checks(config: &Config, within: Duration) -> Vec<Check> {
    note(&format!(
        "Waiting up to {} s for a letter from the mailbox to itself.",
        within.as_secs()
    ));
    tokio::select! {
        done = probe(config, within) => done.unwrap_or_else(|check| vec![check]),
        _ = tokio::signal::ctrl_c() => vec![Check::doubtful(
            FORGED,
            "not known: you ended the wait; the letter may still come",
            "run it again; the letter may be deleted",
        )],
    }
}

async fn probe(config: &Config, within: Duration) -> Result<Vec<Check>, Check> {
    let bad = |e: &dyn std::fmt::Display| Check::bad(FORGED, show(&e.to_string()), "");
    let mailbox = imap_settings(config)?;
    let submitter = Submitter::new(smtp_settings(config)?).map_err(|e| bad(&e))?;
    let prover = Prover::new(config.keys.clone()).map_err(|e| bad(&e))?;
    let now = jiff::Timestamp::now().into();
    let token = uuid::Uuid::new_v4().simple().to_string();
    let forgery = Forgery {
        address: &config.settings.address,
        token: &token,
        policy: &config.policy,
        date: now,
    };
    // What it proves is to be what the agent's own letters prove.
    let letter = config
        .signing
        .sign(forgery.letter(), forgery.address, now)
        .map_err(|e| bad(&e))?;
    let folders: Vec<String> = config.imap.iter().flat_map(|i| i.watch().folders).collect();
    let found = send_and_wait(
        &forgery, &letter, &submitter, &prover, &mailbox, &folders, within,
    )
    .await;
    match found.map_err(|e| bad(&e))? {
        Found::NotTaken(text) => Err(Check::bad(
            FORGED,
            format!("not known: the letter was not taken: {}", show(&text)),
            "[trust] minimum = \"dkim\" does without the provider's results",
        )),
        Found::NeverCame => Err(Check::bad(
            FORGED,
            format!(
                "not known: the letter did not come within {} s",
                within.as_secs()
            ),
            "try --wait with a longer time; [trust] minimum = \"dkim\" does without the provider's results",
        )),
        Found::Back {
            forged,
            folder,
            evidence,
            proof,
        } => {
            note(&format!(
                "The letter lies in {}; it may be deleted.",
                show(&folder)
            ));
            let own = format!("such a letter has evidence {evidence}: {proof}");
            Ok(vec![
                verdict(config, &forged),
                Check::good("own letters", own),
            ])
        }
    }
}

fn verdict(config: &Config, forged: &Forged) -> Check {
    let settings = &config.settings;
    let rests_on_it = std::iter::once(&settings.minimum)
        .chain(settings.minimum_of.values())
        .any(|minimum| *minimum < Evidence::Dkim);
    match forged {
        Forged::Removed if config.policy.authserv_ids.is_empty() => Check::good(
            FORGED,
            "[trust] authserv_ids is empty: there is nothing to forge",
        ),
        Forged::Removed => Check::good(FORGED, "the provider removed those that bore its name"),
        Forged::Kept(ids) if rests_on_it => Check::bad(
            FORGED,
            format!(
                "the provider does not remove them: those of {} came back, so anybody can write letters that look proven",
                ids.join(", ")
            ),
            "write minimum = \"dkim\" under [trust]: then only signatures count, which are verified here",
        ),
        Forged::Kept(_) => Check::good(
            FORGED,
            "the provider does not remove them; with minimum = \"dkim\" nothing rests on them",
        ),
    }
}
