//! Questions that only ask: answered by whoever has the ledger open, or from its files.

use tradepost_agent::journal::set_aside;
use tradepost_agent::outbox::{self, Filter};
use tradepost_agent::reading::StoreView;
use tradepost_buyer::view;

use super::answer::Overview;
use super::{Answer, AskError, Question, asking, exporting, no_such_warning};
use crate::ledger::kept_letter;

/// The answer; none where the question is not one that only asks.
pub(super) fn answer(of: StoreView<'_>, question: &Question) -> Option<Result<Answer, AskError>> {
    let (rows, now) = (of.rows(), of.now());
    Some(Ok(match question {
        Question::Trades => Answer::Trades(view::trades(rows, now)),
        Question::Pending => Answer::Trades(view::pending(rows, now)),
        Question::Overview => Answer::Overview(Overview {
            trades: view::pending(rows, now),
            stats: view::stats(rows),
            expected: view::expected(rows),
        }),
        Question::Show { trade } => return Some(show(of, trade)),
        Question::Warnings { all } => Answer::Warnings(view::warnings(rows, *all)),
        Question::Warning { id } => match view::warning(rows, *id) {
            Some(warning) => Answer::Warning(Box::new(warning)),
            None => return Some(Err(no_such_warning(*id))),
        },
        Question::LetterOfWarning { id } => return Some(letter_of_warning(of, *id)),
        Question::Held => Answer::Held(view::held(rows)),
        Question::SetAside => Answer::SetAside(set_aside(rows)),
        Question::Outbox => Answer::Outbox(outbox::list(rows, Filter::Queued, 0)),
        Question::Stats => Answer::Stats(view::stats(rows)),
        Question::Requests { all } => Answer::Requests(asking::requests(rows, now, *all)),
        Question::Progress { statements, .. } => {
            Answer::Requests(asking::progress(rows, statements))
        }
        Question::Plans => Answer::Plans(view::plans(rows)),
        Question::Expected => Answer::Expected(view::expected(rows)),
        Question::Export { part } => return Some(exporting::export(of, part)),
        Question::Ask { .. }
        | Question::Schedule { .. }
        | Question::Unschedule { .. }
        | Question::Dismiss { .. }
        | Question::Accept { .. }
        | Question::Order { .. }
        | Question::DryRun { .. }
        | Question::Preview { .. }
        | Question::Reorder { .. }
        | Question::LastOrder
        | Question::Confirm { .. }
        | Question::Cancel { .. }
        | Question::Return { .. }
        | Question::Wish { .. }
        | Question::Expect { .. }
        | Question::Forget { .. }
        | Question::Import { .. }
        | Question::Judge(_) => return None,
    }))
}

fn show(of: StoreView<'_>, name: &str) -> Result<Answer, AskError> {
    let shown = view::find(of.rows(), name)
        .map_err(|e| e.to_string())
        .and_then(|trade| {
            let shown = view::show(of.rows(), &trade, of.now());
            shown.ok_or_else(|| format!("there is no trade {trade}"))
        });
    Ok(Answer::Show(Box::new(shown.map_err(AskError::NotFound)?)))
}

/// The letter that a warning is about, where it was kept.
fn letter_of_warning(of: StoreView<'_>, id: u64) -> Result<Answer, AskError> {
    let letter = view::warning(of.rows(), id).and_then(|warning| warning.letter_no);
    match letter.and_then(|no| kept_letter(of.rows(), no)) {
        Some(at) => {
            let letter = of.letter(at)?;
            Ok(Answer::Letter(
                String::from_utf8_lossy(&letter).into_owned(),
            ))
        }
        None => Err(AskError::NotFound(format!(
            "the letter of warning {id} was not kept; `tradepost warnings show {id}` says what is known of it"
        ))),
    }
}
