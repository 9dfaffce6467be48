//! `attach`: a statement for a mail that the shop's own system is about to send. What the mail carries
//! is recorded with the mail itself before it is given back, so that it is known when it comes
//! back, and that the buyer was told.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tradepost_agent::host::{HostError, fresh_ids};
use tradepost_agent::outbox::{self, Outcome, Tried};
use tradepost_agent::party::ComposeError;
use tradepost_agent::rpc::Reply;
use tradepost_agent::terminal::output;
use tradepost_letters::MOST_LETTER_OCTETS;
use tradepost_parties::emit::attach::Wanted;
use tradepost_parties::roles::lines::attach;

use crate::book::{BookHost, BookNotice, DecidedAbout};

/// What is asked: the mail in base64, since a mail may hold any octets.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AttachAsk {
    pub(crate) wanted: Wanted,
    mail: String,
}

impl AttachAsk {
    /// Reads the mail from a file, or from standard input where that is `-`.
    pub(crate) fn read(wanted: Wanted, file: &Path) -> anyhow::Result<AttachAsk> {
        let mut mail = Vec::new();
        // One octet more, so that too many are seen.
        let most = MOST_LETTER_OCTETS as u64 + 1;
        if file == Path::new("-") {
            std::io::stdin().lock().take(most).read_to_end(&mut mail)?;
        } else {
            let opened = std::fs::File::open(file);
            let opened = opened.with_context(|| format!("cannot read {}", file.display()))?;
            opened.take(most).read_to_end(&mut mail)?;
        }
        if mail.len() > MOST_LETTER_OCTETS {
            bail!("the mail has more than 10 MiB, more than a letter may have");
        }
        Ok(AttachAsk {
            wanted,
            mail: STANDARD.encode(mail),
        })
    }
}

/// Attaches, and records it. Once this returns, what the mail says is durable.
pub(crate) fn answer(host: &BookHost, ask: &AttachAsk) -> Result<Reply<Value>, HostError> {
    let Ok(mail) = STANDARD.decode(&ask.mail) else {
        return Ok(Reply::Refused("the mail is not in base64".to_owned()));
    };
    let now = host.now();
    // Texts for people: the journal says what was asked, and keeps the mail as a letter.
    let line = json!({ "attach": ask.wanted }).to_string();
    let book = host.party();
    let settings = &book.config.settings;
    host.write(|page| {
        let mut ids = fresh_ids()?;
        let attached = attach(settings, page.rows(), &ask.wanted, now, &mut ids);
        let sending = match attached.answer {
            Ok(sending) => sending,
            Err(why) => return Ok(Reply::Refused(why.to_string())),
        };
        // Before anything is recorded: a mail that cannot carry it changes nothing.
        let letter = match book.composer().attach(&sending, &mail, now) {
            Ok(letter) => letter,
            Err(ComposeError::Unattachable(why)) => return Ok(Reply::Refused(why.to_string())),
            Err(other) => return Err(other.into()),
        };
        let mail = STANDARD.encode(&letter.octets);
        let about = DecidedAbout::Line(&line);
        let decision = book.decision(about, attached.change, now, BookNotice::None);
        page.record(decision, &[], now, &mut ids)?;
        let (id, _item) = page.queue(letter, now)?;
        let reply = "attached to a mail of your own system, which sends it".to_owned();
        let left = Tried {
            id,
            at: now,
            outcome: Outcome::Accepted { reply },
            // What another system sends says nothing of our own way out.
            pause: outbox::pause(page.rows()),
        };
        page.tried(left, false)?;
        Ok(Reply::Answer(json!({ "mail": mail })))
    })
}

/// Writes the mail, as it is given to the mail server.
pub(crate) fn print(reply: &Value) -> anyhow::Result<()> {
    let mail = reply["mail"].as_str().map(|text| STANDARD.decode(text));
    let Some(Ok(mail)) = mail else {
        bail!("the server that runs gave no mail back; restart it after an upgrade");
    };
    output::octets(&mail).context(
        "the mail, which is recorded as sent, cannot be written to standard output: attach it again, it then \
         carries the same statement",
    )
}
