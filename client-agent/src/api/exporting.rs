//! Everything in the ledger, part by part: what it knows at present, then the journal that it
//! all follows from.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tradepost_agent::host::HostError;
use tradepost_agent::reading::StoreView;
use tradepost_buyer::view;
use tradepost_store::Position;

use super::{Answer, AskError};

/// A part of the export.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ExportPart {
    /// Trades, warnings, requests.
    Present,
    /// The journal, after this position.
    Journal {
        /// None: from its beginning.
        after: Option<Position>,
    },
}

/// Some lines of the export, and what comes after them.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Exported {
    /// Each is printed as one line.
    pub(crate) lines: Vec<Value>,
    /// The next part, if there is one.
    pub(crate) next: Option<ExportPart>,
}

/// So much of the journal goes into one answer: enough to be quick, little enough for a socket.
const OCTETS: usize = 8 * 1024 * 1024;

pub(super) fn export(of: StoreView<'_>, part: &ExportPart) -> Result<Answer, AskError> {
    match part {
        ExportPart::Present => Ok(Answer::Exported(present(of)?)),
        ExportPart::Journal { after } => Ok(Answer::Exported(journal(of, *after)?)),
    }
}

fn present(of: StoreView<'_>) -> Result<Exported, AskError> {
    let (rows, now) = (of.rows(), of.now());
    let mut lines = vec![json!({
        "type": "export", "format": 1, "at": now, "program": env!("CARGO_PKG_VERSION"),
    })];
    let trades = view::trades(rows, now)
        .into_iter()
        .filter_map(|t| view::find(rows, &format!("{}/{}", t.shop, t.id)).ok())
        .filter_map(|trade| view::show(rows, &trade, now));
    for trade in trades {
        lines.push(typed("trade", &trade)?);
    }
    for warning in &view::warnings(rows, true) {
        lines.push(typed("warning", warning)?);
    }
    for request in &view::requests(rows) {
        lines.push(typed("request", request)?);
    }
    Ok(Exported {
        lines,
        next: Some(ExportPart::Journal { after: None }),
    })
}

fn journal(of: StoreView<'_>, after: Option<Position>) -> Result<Exported, AskError> {
    let mut exported = Exported {
        lines: Vec::new(),
        next: None,
    };
    let mut size = 0;
    for record in of.records_behind(after)? {
        let (at, record) = record.map_err(HostError::from)?;
        let entry: Value = serde_json::from_slice(&record.head)?;
        let letter = (!record.blob.is_empty()).then(|| String::from_utf8_lossy(&record.blob));
        size += record.head.len() + record.blob.len();
        exported.lines.push(json!({
            "type": "journal", "position": at, "entry": entry, "letter": letter,
        }));
        if size >= OCTETS {
            exported.next = Some(ExportPart::Journal { after: Some(at) });
            break;
        }
    }
    Ok(exported)
}

fn typed<T: Serialize>(kind: &str, value: &T) -> Result<Value, AskError> {
    let mut value = serde_json::to_value(value)?;
    if let Value::Object(object) = &mut value {
        object.insert("type".to_owned(), Value::from(kind));
    }
    Ok(value)
}
