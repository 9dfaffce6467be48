//! Letters from files, judged exactly as if they had been fetched.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use tradepost_buyer::{self as buyer, Judgement, WarningKind};
use tradepost_proof::dkim::Unproven;
use tradepost_statements::{Kind, TradeRef};

use crate::receive::{Lay, Taken};

/// A letter from a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Letter {
    /// The file, as it is to be named.
    pub(crate) file: String,
    /// Its octets, in base64: requests are JSON.
    pub(crate) octets: String,
}

impl Letter {
    /// A letter to be judged.
    pub(crate) fn new(file: String, octets: &[u8]) -> Letter {
        Letter {
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
    pub(crate) verdict: Verdict,
    pub(crate) kind: Option<Kind>,
    pub(crate) rule: Option<u8>,
    pub(crate) warning: Option<WarningKind>,
    pub(crate) trade: Option<TradeRef>,
}

/// The judgement's verdicts, and one for letters that it never sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Verdict {
    /// Judged.
    Judged(buyer::Verdict),
    /// Without a Tradepost part, or, in Sent, somebody else's.
    Other(NotJudged),
}

/// Why nothing was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum NotJudged {
    /// No Tradepost part (protocol 5, line 1).
    NotOurs,
}

impl Verdict {
    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Verdict::Judged(verdict) => verdict.word(),
            Verdict::Other(NotJudged::NotOurs) => "not-ours",
        }
    }
}

/// The names of the files, and their letters.
pub(crate) fn decode(letters: Vec<Letter>) -> (Vec<String>, Vec<Unproven>) {
    let decoded = letters.into_iter().map(|letter| {
        let unproven = Unproven {
            // What is no base64 was not written by our own command.
            octets: STANDARD.decode(&letter.octets).unwrap_or_default(),
            received_at: None,
        };
        (letter.file, unproven)
    });
    decoded.unzip()
}

/// What became of each.
pub(crate) fn lines(files: Vec<String>, taken: Vec<Taken>, lay: Lay) -> Vec<VerdictLine> {
    let lines = files.into_iter().zip(taken).map(|(file, taken)| {
        let mut line = VerdictLine {
            file,
            message_id: taken.message_id,
            verdict: Verdict::Other(NotJudged::NotOurs),
            kind: None,
            rule: (lay == Lay::Inbox).then_some(1),
            warning: None,
            trade: None,
        };
        if let Some(judgement) = taken.judgement {
            fill_in(&mut line, judgement);
        }
        line
    });
    lines.collect()
}

fn fill_in(line: &mut VerdictLine, judgement: Judgement) {
    line.verdict = Verdict::Judged(judgement.verdict);
    line.kind = judgement.kind;
    line.rule = judgement.rule;
    line.warning = judgement.warning;
    line.trade = judgement.trade;
}
