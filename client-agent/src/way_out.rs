//! How letters leave, as the configuration says.

use std::sync::Arc;

use anyhow::Context;
use tradepost_agent::outbox::Pace;
use tradepost_agent::outgoing::{Mailer, SentCopies};
use tradepost_post::imap::SentFolder;
use tradepost_post::smtp::Submitter;
use tradepost_proof::blocking;

use crate::config::Config;
use crate::ledger::{Ledger, LedgerHost};

pub(crate) fn pace(config: &Config) -> Pace {
    Pace {
        policy: config.submissions,
        ..Pace::default()
    }
}

/// Whether copies of what leaves belong into the Sent folder.
fn has_copies(config: &Config) -> bool {
    let imap = config.imap.as_ref();
    imap.is_some_and(|imap| !matches!(imap.watch().sent, SentFolder::Off))
}

/// The way out, with its password.
pub(crate) async fn mailer(
    host: &Arc<LedgerHost>,
    config: &Config,
) -> anyhow::Result<Mailer<Ledger>> {
    let copy = has_copies(config);
    let waited_for = config.wait_to_send;
    let config = Config::clone(config);
    let submitter = blocking(move || {
        let smtp = config.smtp.as_ref().with_context(|| {
            format!(
                "{}: there is no [smtp] section, so nothing can be sent",
                config.source.path().display()
            )
        })?;
        let settings = smtp.settings(&config.source, config.default_user())?;
        anyhow::Ok(Submitter::new(settings)?)
    });
    Ok(Mailer {
        host: Arc::clone(host),
        submitter: submitter.await?,
        copy,
        waited_for,
    })
}

/// The mailbox whose Sent folder gets copies, with its password; none where there are to be none.
pub(crate) async fn sent_copies(config: &Config) -> anyhow::Result<Option<SentCopies>> {
    if !has_copies(config) {
        return Ok(None);
    }
    let config = Config::clone(config);
    blocking(move || {
        let Some(imap) = config.imap.as_ref() else {
            return Ok(None);
        };
        Ok(Some(SentCopies {
            settings: imap.settings(&config.source, config.default_user())?,
            folder: imap.watch().sent,
        }))
    })
    .await
}
