//! `doctor --probe`: does the provider remove results that others forge in its name
//! (RFC 8601 section 5)? A letter from the mailbox to itself tells.

use std::time::Duration;

use tradepost_letters::forgery::{Forged, Forgery, IdSpelling, KeptForgery};
use tradepost_letters::untrusted::show;
use tradepost_post::smtp::Submitter;
use tradepost_proof::dkim::Prover;
use tradepost_statements::Evidence;

use super::mail::{failed, imap_settings, smtp_settings};
use super::{Check, MailSetup};
use crate::clock::{Clock as _, SystemClock};
use crate::forgery::{ForgeryFound, send_and_wait};
use crate::terminal::{output, progress};

const FORGED: &str = "forged results";
const OWN: &str = "own letters";

/// Sends the letter, waits for it, and says what that means. Ctrl-C ends the wait.
pub(super) async fn checks(setup: &MailSetup<'_>, within: Duration) -> Vec<Check> {
    let bar = progress::spinner("waiting for a letter from you to yourself (Ctrl-C: no longer)");
    let checks = tokio::select! {
        done = probe(setup, within) => done.unwrap_or_else(|check| vec![check]),
        _ = tokio::signal::ctrl_c() => vec![Check::doubtful(
            FORGED,
            "not known: you ended the wait; the letter may still come",
            "run it again; the letter may be deleted",
        )],
    };
    bar.finish_and_clear();
    checks
}

async fn probe(setup: &MailSetup<'_>, within: Duration) -> Result<Vec<Check>, Check> {
    let mailbox = imap_settings(setup)?;
    let way_out = smtp_settings(setup)?;
    let submitter = Submitter::new(way_out).map_err(|e| failed(FORGED, &e))?;
    let prover = Prover::new(setup.keys.clone())
        .map_err(|e| Check::failed(FORGED, e.to_string(), "set resolver under [trust]"))?;
    let now = SystemClock.now();
    let token = uuid::Uuid::now_v7().simple().to_string();
    let forgery = Forgery {
        address: setup.address,
        token: &token,
        policy: setup.policy,
        date: now,
    };
    // What it proves is to be what the agent's own letters prove.
    let letter = setup
        .signing
        .sign(forgery.letter(), forgery.address, now)
        .map_err(|e| Check::failed(FORGED, e.to_string(), "see the check DKIM"))?;
    let folders: Vec<String> = setup.imap.iter().flat_map(|i| i.watch().folders).collect();
    let found = send_and_wait(
        &forgery, &letter, &submitter, &prover, &mailbox, &folders, within,
    )
    .await;
    match found.map_err(|e| failed(FORGED, &e))? {
        ForgeryFound::NotTaken(text) => Err(Check::failed(
            FORGED,
            format!("not known: the letter was not taken: {text}"),
            "if the provider refuses such letters from you, that says nothing about letters of others: \
             minimum = \"dkim\" under [trust] does without its results",
        )),
        ForgeryFound::NeverCame => Err(Check::failed(
            FORGED,
            format!(
                "not known: the letter did not come within {} s, neither into {} nor among the junk",
                within.as_secs(),
                folders.join(", ")
            ),
            "try --wait with a longer time; or set minimum = \"dkim\" under [trust]: that does without \
             the provider's results",
        )),
        ForgeryFound::Back {
            forged,
            folder,
            evidence,
            proof,
        } => {
            output::note(&format!(
                "The letter lies in {}; you may delete it.",
                show(&folder)
            ));
            Ok(vec![verdict(setup, &forged), own_letters(evidence, &proof)])
        }
    }
}

fn verdict(setup: &MailSetup<'_>, forged: &Forged) -> Check {
    let rests_on_it = std::iter::once(&setup.minimum)
        .chain(setup.minimum_of.values())
        .any(|minimum| *minimum < Evidence::Dkim);
    match forged {
        Forged::Removed if setup.policy.authserv_ids.is_empty() => Check::ok(
            FORGED,
            "no authserv_ids are configured, so there is nothing to forge",
        ),
        Forged::Removed => Check::ok(
            FORGED,
            "your provider removed Authentication-Results that were forged in its name",
        ),
        Forged::Kept(kept) if !kept.iter().any(|k| k.counts) => Check::ok(
            FORGED,
            format!(
                "your provider removed Authentication-Results that were forged in its name, but for those \
                 that have its id {}; in this spelling they count for nothing",
                spellings(kept, |_| true)
            ),
        ),
        Forged::Kept(kept) if rests_on_it => Check::failed(
            FORGED,
            format!(
                "your provider does not remove Authentication-Results that others forge in its name: \
                 those of {}{} came back, so anybody can write you letters that look proven",
                ids(kept),
                in_which_spellings(kept)
            ),
            format!(
                "write minimum = \"dkim\" under [trust] in {}: then only signatures count, which are \
                 verified here",
                setup.source.path().display()
            ),
        ),
        Forged::Kept(_) => Check::ok(
            FORGED,
            "your provider does not remove them; with minimum = \"dkim\" nothing rests on them",
        ),
    }
}

/// The ids of those that are believed, each once.
fn ids(kept: &[KeptForgery]) -> String {
    let mut ids: Vec<String> = Vec::new();
    for k in kept.iter().filter(|k| k.counts) {
        let id = k.id.to_lowercase();
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids.join(", ")
}

/// Nothing where the plain spelling came back: who keeps that one removes none.
fn in_which_spellings(kept: &[KeptForgery]) -> String {
    let has_plain = kept.iter().any(|k| k.spelling == IdSpelling::Plain);
    if has_plain {
        return String::new();
    }
    format!(" (the id {})", spellings(kept, |k| k.counts))
}

fn spellings(kept: &[KeptForgery], is_told: impl Fn(&KeptForgery) -> bool) -> String {
    let is_kept = |spelling: &IdSpelling| {
        let mut told = kept.iter().filter(|k| is_told(k));
        told.any(|k| k.spelling == *spelling)
    };
    let texts = IdSpelling::ALL.into_iter().filter(is_kept);
    texts.map(|s| s.to_string()).collect::<Vec<_>>().join(", ")
}

/// What is known of letters that are submitted to the own provider: shops on it write such ones.
fn own_letters(evidence: Evidence, proof: &str) -> Check {
    match evidence {
        Evidence::None => Check::ok(
            OWN,
            format!(
                "letters from addresses of your own provider, such as this one, are not proven: {proof}"
            ),
        ),
        Evidence::Relay | Evidence::Dkim | Evidence::Signed => Check::ok(
            OWN,
            format!(
                "letters from addresses of your own provider, such as this one, are proven by {evidence}: {proof}"
            ),
        ),
    }
}
