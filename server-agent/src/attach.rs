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
use tradepost_agent::terminal::output;
use tradepost_letters::MOST_LETTER_OCTETS;
use tradepost_parties::emit::attach::Wanted;
use tradepost_parties::roles::lines::attach;

use crate::book::{BookError, Input};
use crate::desk::{Desk, fresh_ids};
use crate::socket::Reply;

/// What is asked: the mail in base64, since a mail may hold any octets.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AttachAsk {
    pub(crate) wanted: Wanted,
    mail: String,
}

impl AttachAsk {
    /// Reads the mail.
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
pub(crate) fn answer(desk: &Desk, ask: &AttachAsk) -> Result<Reply, BookError> {
    let Ok(mail) = STANDARD.decode(&ask.mail) else {
        return Ok(Reply::Refused("the mail is not in base64".to_owned()));
    };
    let ids = fresh_ids();
    let now = desk.now();
    // Texts for people: the journal says what was asked, and keeps the mail as a letter.
    let input = Input::Line(json!({ "attach": ask.wanted }).to_string());
    let mut reply = Reply::Refused(String::new());
    desk.book.decide(&mut |page| {
        let settings = &desk.config.settings;
        let attached = attach(settings, page.rows(), &ask.wanted, now, &mut ids.clone());
        let sending = match attached.answer {
            Ok(sending) => sending,
            Err(why) => {
                reply = Reply::Refused(why.to_string());
                return Ok(());
            }
        };
        let recorded = page.record_attached(&input, attached.change, &sending, &mail, now);
        reply = match recorded {
            Ok(letter) => Reply::Answer(json!({ "mail": STANDARD.encode(letter) })),
            Err(BookError::Unattachable(why)) => Reply::Refused(why.to_string()),
            Err(other) => return Err(other),
        };
        Ok(())
    })?;
    Ok(reply)
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
