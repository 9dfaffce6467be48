//! Sending without the daemon: a command that orders tries for as long as a person waits.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::task::JoinHandle;
use tradepost_agent::outbox::{self, Failure, Pace};
use tradepost_post::imap;
use tradepost_post::smtp::Submitter;
use tradepost_post::stop::{self, Stopper};

use crate::carry::{Carrier, copy_what_left};
use crate::office::Office;

/// The outbox at work, for the time of one command.
pub(crate) struct Sender {
    office: Arc<Office>,
    stopper: Stopper,
    task: JoinHandle<Result<(), Failure>>,
}

/// The person has waited for what is still under way already.
const GRACE: Duration = Duration::from_secs(1);

/// The copy for the Sent folder may take so long; then it is left to the daemon.
const FOR_THE_COPY: Duration = Duration::from_secs(5);

impl Sender {
    /// Starts to send what waits.
    pub(crate) async fn start(office: &Arc<Office>) -> anyhow::Result<Sender> {
        let submitter = submitter(office).await?;
        submitter.prepare().await?;
        let (stopper, stop) = stop::channel();
        let carrier = Carrier {
            office: Arc::clone(office),
            submitter,
            copy: copies(office),
        };
        let bell = office.bell.clone();
        let task = tokio::spawn(outbox::send(
            Arc::new(carrier),
            Pace {
                grace: GRACE,
                ..pace(office)
            },
            bell,
            stop,
        ));
        Ok(Sender {
            office: Arc::clone(office),
            stopper,
            task,
        })
    }

    /// Ends when what is on its way has arrived, or it took too long; puts copies into Sent.
    pub(crate) async fn finish(self) {
        self.stopper.stop();
        // What failed stands in the answer, or stays in the outbox.
        let _ = self.task.await;
        let _ = tokio::time::timeout(FOR_THE_COPY, async {
            if let Some((settings, sent)) = mailbox(&self.office).await? {
                copy_what_left(&self.office, &settings, &sent).await?;
            }
            anyhow::Ok(())
        })
        .await;
    }
}

/// How fast letters leave.
pub(crate) fn pace(office: &Office) -> Pace {
    Pace {
        policy: office.config.submissions,
        ..Pace::default()
    }
}

/// Whether copies of what leaves belong into the Sent folder.
pub(crate) fn copies(office: &Office) -> bool {
    let imap = office.config.imap.as_ref();
    imap.is_some_and(|imap| !matches!(imap.watch().sent, imap::SentFolder::Off))
}

/// The way out, with its password.
pub(crate) async fn submitter(office: &Arc<Office>) -> anyhow::Result<Submitter> {
    office
        .work(|office| {
            let config = &office.config;
            let smtp = config.smtp.as_ref().with_context(|| {
                format!(
                    "{}: there is no [smtp] section, so nothing can be sent",
                    config.source.path().display()
                )
            })?;
            let settings = smtp.settings(&config.source, config.default_user())?;
            Ok(Submitter::new(settings)?)
        })
        .await
}

/// The mailbox, with its password; none where none is configured.
pub(crate) async fn mailbox(
    office: &Arc<Office>,
) -> anyhow::Result<Option<(imap::ImapSettings, imap::SentFolder)>> {
    office
        .work(|office| {
            let config = &office.config;
            let Some(imap) = config.imap.as_ref() else {
                return Ok(None);
            };
            let settings = imap.settings(&config.source, config.default_user())?;
            Ok(Some((settings, imap.watch().sent)))
        })
        .await
}
