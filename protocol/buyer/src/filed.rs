//! A letter in the ledger together with the statement in it, and what is decided about it.

use tradepost_statements::record::TradeRecord;
use tradepost_statements::status::{DeliveryStatus, OrderStatus, PaymentStatus};
use tradepost_statements::wire;
use tradepost_statements::{Body, Kind, Statement, TradeRef};
use tradepost_trades::letter::{Content, ReadStatement, Unreadable};
use tradepost_trades::rows::Rows;

use super::state::{Fate, FiledLetter};
use super::warning::Finding;
use super::{Judgement, Verdict, keys, state};

/// A letter that passed the door, with its statement.
pub(super) struct Filed {
    pub(super) letter: FiledLetter,
    pub(super) decoded: ReadStatement,
}

impl Filed {
    pub(super) fn load(rows: &dyn Rows, no: u64) -> Option<Filed> {
        Filed::of(state::letter(rows, no)?)
    }

    /// None where it cannot be read.
    pub(super) fn of(letter: FiledLetter) -> Option<Filed> {
        let decoded = decode(&letter.received.content).ok()?;
        Some(Filed { letter, decoded })
    }

    pub(super) fn record(&self) -> Option<&TradeRecord> {
        record(&self.decoded.statement)
    }

    pub(super) fn order_status(&self) -> Option<&OrderStatus> {
        if let Body::OrderStatus(status) = &self.decoded.statement.body {
            Some(status)
        } else {
            None
        }
    }

    pub(super) fn delivery_status(&self) -> Option<&DeliveryStatus> {
        if let Body::DeliveryStatus(status) = &self.decoded.statement.body {
            Some(status)
        } else {
            None
        }
    }

    pub(super) fn payment_status(&self) -> Option<&PaymentStatus> {
        if let Body::PaymentStatus(status) = &self.decoded.statement.body {
            Some(status)
        } else {
            None
        }
    }

    /// It made the trade what it is, or says again what did.
    pub(super) fn counts(&self) -> bool {
        self.letter.fate.counts()
    }

    /// A digest: equal for two statements that say the same about the same trade (protocol 2).
    pub(super) fn content(&self) -> String {
        let (trade, body) = wire::trade_and_body(&self.decoded.value);
        let text = |v: Option<&serde_json::Value>| v.map(ToString::to_string).unwrap_or_default();
        keys::digest_of(&format!("{}{}", text(trade), text(body)))
    }

    /// Equal for two versions of a trade record that say the same (protocol 4, "Versions").
    pub(super) fn body(&self) -> String {
        let (_, body) = wire::trade_and_body(&self.decoded.value);
        body.map(ToString::to_string).unwrap_or_default()
    }

    /// The person accepted a trade record although it is not what was agreed (lines 11, 12 and 16).
    pub(super) fn is_accepted_offer(&self) -> bool {
        self.letter.accepted_through >= 11
    }

    /// The person accepted it although it does not fit what else is known (line 16).
    pub(super) fn accepted(&self) -> bool {
        self.letter.accepted_through >= 16
    }
}

/// What becomes of one letter of a trade.
pub(super) struct LetterOutcome {
    pub(super) fate: Fate,
    pub(super) findings: Vec<Finding>,
}

impl LetterOutcome {
    pub(super) fn of(fate: Fate) -> LetterOutcome {
        LetterOutcome {
            fate,
            findings: Vec::new(),
        }
    }

    pub(super) fn refused(finding: Finding) -> LetterOutcome {
        LetterOutcome {
            fate: Fate::Warned {
                rule: finding.rule,
                kind: finding.kind,
            },
            findings: vec![finding],
        }
    }

    pub(super) fn add(&mut self, finding: Finding) {
        self.fate = Fate::Warned {
            rule: finding.rule,
            kind: finding.kind,
        };
        self.findings.push(finding);
    }
}

/// The statement that was read, or why it cannot be read.
pub(super) type ReadContent = Result<ReadStatement, (Unreadable, String)>;

/// What was read of a letter.
pub(super) fn decode(content: &Content) -> ReadContent {
    match content {
        Content::Statement(read) => Ok(read.clone()),
        Content::Unreadable { why, text } => Err((*why, text.clone())),
    }
}

/// The statement in a letter of this number.
pub(super) fn statement_of(rows: &dyn Rows, no: u64) -> Option<ReadStatement> {
    decode(&state::content(rows, no)?).ok()
}

/// The trade record that a statement is.
pub(super) fn record(statement: &Statement) -> Option<&TradeRecord> {
    if let Body::TradeRecord(record) = &statement.body {
        Some(record)
    } else {
        None
    }
}

/// How a letter is judged whose statement says this, as far as that is known by the verdict alone.
pub(super) fn judgement(verdict: Verdict, content: &ReadContent, rule: Option<u8>) -> Judgement {
    let statement = content.as_ref().ok().map(|d| &d.statement);
    let kind: Option<Kind> = statement.map(|s| s.body.kind());
    let trade: Option<TradeRef> = statement.and_then(|s| s.trade.clone());
    Judgement {
        verdict,
        kind,
        rule,
        warning: None,
        warning_id: None,
        trade,
        letter: None,
    }
}
