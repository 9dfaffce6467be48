//! Letters from files, judged exactly as if they had been fetched.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use tradepost_statements::{Kind, TradeRef};
use tradepost_trades::buyer::{self, Judgement, WarningKind};

use super::{Answer, AskError};
use crate::json;
use crate::ledger::Ledger;
use crate::receive::{Lay, read};

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

/// Judges letters in one durable write; the answer is a list of [`VerdictLine`]s.
pub(super) fn import(ledger: &Ledger, letters: &[Letter], sent: bool) -> Result<Answer, AskError> {
    let lay = if sent { Lay::Sent } else { Lay::Inbox };
    let now = ledger.now();
    let mut lines = Vec::new();
    let mut inputs = Vec::new();
    for letter in letters {
        // What is no base64 was not written by our own command.
        let octets = STANDARD.decode(&letter.octets).unwrap_or_default();
        let read = read(
            &octets,
            lay,
            ledger.policy(),
            &|a| ledger.is_ours(a),
            None,
            now,
        );
        lines.push(VerdictLine {
            file: letter.file.clone(),
            message_id: read.message_id,
            verdict: Verdict::Other(NotJudged::NotOurs),
            kind: None,
            rule: (!sent).then_some(1),
            warning: None,
            trade: None,
        });
        inputs.extend(read.input.map(|input| (lines.len() - 1, input)));
    }
    let (places, inputs): (Vec<usize>, Vec<_>) = inputs.into_iter().unzip();
    let mut entered = ledger.enter(inputs)?;
    for (place, judgement) in places
        .into_iter()
        .zip(std::mem::take(&mut entered.judgements))
    {
        if let (Some(line), Some(judgement)) = (lines.get_mut(place), judgement) {
            fill_in(line, judgement);
        }
    }
    Ok(Answer {
        json: json::line(&lines)?,
        entered,
        sending: None,
    })
}

fn fill_in(line: &mut VerdictLine, judgement: Judgement) {
    line.verdict = Verdict::Judged(judgement.verdict);
    line.kind = judgement.kind;
    line.rule = judgement.rule;
    line.warning = judgement.warning;
    line.trade = judgement.trade;
}
