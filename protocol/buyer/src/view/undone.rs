//! What was asked to be undone, as `show` gives it.

use super::shapes::{DecisionView, LineView, UndoingView};
use crate::state::OwnProgress;
use crate::undoing::{Undo, Undoing};

pub(super) fn view(undoing: Undoing) -> UndoingView {
    let statement = undoing.own.statement;
    let (lines, text) = match undoing.wish {
        Undo::Return(back) => (back.lines, back.reason),
        Undo::Cancel(cancel) => (None, cancel.text),
    };
    let lines = lines.map(|lines| {
        let lines = lines.into_iter().map(|l| LineView {
            line: l.line,
            quantity: l.quantity,
        });
        lines.collect()
    });
    UndoingView {
        statement: statement.id,
        kind: statement.body.kind(),
        sent: statement.sent,
        lines,
        text,
        answered: matches!(undoing.own.progress, OwnProgress::Answered { .. }),
        decision: undoing.decision.map(|d| DecisionView {
            accepted: d.said.accepted,
            at: d.at,
            refund: d.said.refund,
            send_to: d.said.send_to,
            text: d.said.text,
        }),
    }
}
