//! Letters from files, judged exactly as if they had been fetched.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use tradepost_agent::arrival::{Arrival, FoundIn, Reader};
use tradepost_agent::incoming::take;
use tradepost_buyer::{self as buyer, Judgement, WarningKind};
use tradepost_proof::dkim::Unproven;
use tradepost_statements::{Kind, Time, TradeRef};

use super::{Answer, AskError};
use crate::ledger::LedgerHost;

/// A letter from a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LetterFile {
    /// The file, as it is to be named.
    pub(crate) file: String,
    /// Its octets, in base64: requests are JSON.
    pub(crate) octets: String,
}

impl LetterFile {
    /// A letter to be judged.
    pub(crate) fn new(file: String, octets: &[u8]) -> LetterFile {
        LetterFile {
            file,
            octets: STANDARD.encode(octets),
        }
    }
}

/// How a letter was judged, as `import --json` says it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct VerdictLine {
    pub(crate) file: String,
    pub(crate) message_id: Option<String>,
    pub(crate) verdict: ImportVerdict,
    pub(crate) kind: Option<Kind>,
    pub(crate) rule: Option<u8>,
    pub(crate) warning: Option<WarningKind>,
    pub(crate) trade: Option<TradeRef>,
}

/// The judgement's verdicts, and one for letters that it never sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum ImportVerdict {
    Judged(buyer::Verdict),
    /// Without a Tradepost part, or, in Sent, somebody else's.
    Other(NotJudged),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum NotJudged {
    /// No Tradepost part (protocol 5, line 1).
    NotOurs,
}

impl ImportVerdict {
    /// As it stands in JSON and in reports.
    pub(crate) fn word(self) -> &'static str {
        match self {
            ImportVerdict::Judged(verdict) => verdict.word(),
            ImportVerdict::Other(NotJudged::NotOurs) => "not-ours",
        }
    }
}

/// Letters from files, their senders as well proven as can be.
#[derive(Debug, Clone)]
pub(crate) struct Imported {
    files: Vec<String>,
    letters: Vec<Arrival>,
    found_in: FoundIn,
}

/// Has the senders of letters proven, which asks DNS.
pub(crate) async fn prove(
    reader: &Reader,
    letters: Vec<LetterFile>,
    sent: bool,
    now: Time,
) -> Imported {
    let found_in = if sent { FoundIn::Sent } else { FoundIn::Inbox };
    let decoded = letters.into_iter().map(|letter| {
        let unproven = Unproven {
            // What is no base64 was not written by our own command.
            octets: STANDARD.decode(&letter.octets).unwrap_or_default(),
            received_at: None,
        };
        (letter.file, unproven)
    });
    let (files, letters) = decoded.unzip();
    let letters = reader.read(letters, found_in, now).await;
    Imported {
        files,
        letters,
        found_in,
    }
}

/// Judges them, and says what became of each.
pub(super) fn judge(host: &LedgerHost, imported: Imported) -> Result<Answer, AskError> {
    let taken = take(host, &imported.letters, |_, _| Ok(()))?;
    let lines = imported.files.into_iter().zip(taken).map(|(file, taken)| {
        let mut line = VerdictLine {
            file,
            message_id: taken.message_id,
            verdict: ImportVerdict::Other(NotJudged::NotOurs),
            kind: None,
            rule: (imported.found_in == FoundIn::Inbox).then_some(1),
            warning: None,
            trade: None,
        };
        if let Some(judgement) = taken.verdict.flatten() {
            fill_in(&mut line, judgement);
        }
        line
    });
    Ok(Answer::Judged(lines.collect()))
}

fn fill_in(line: &mut VerdictLine, judgement: Judgement) {
    line.verdict = ImportVerdict::Judged(judgement.verdict);
    line.kind = judgement.kind;
    line.rule = judgement.rule;
    line.warning = judgement.warning;
    line.trade = judgement.trade;
}
