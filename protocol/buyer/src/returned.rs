//! Letters of ours that come back, or never left: `undeliverable`. Nobody proves who wrote such a
//! report, so it counts like no answer (protocol 7): the statement is sent again all the same. One
//! that no mail system can have written changes nothing, and the person is told of it.

use serde::{Deserialize, Serialize};
use tradepost_statements::{StatementId, Time};
use tradepost_trades::letter::LetterFacts;
use tradepost_trades::rows::Rows;

use super::case::{BuyerCase, own_warning};
use super::settings::BuyerSettings;
use super::state::{Own, OwnProgress};
use super::tick::asks_about_what_has_ended;
use super::warning::{Warning, WarningKind};
use super::{BuyerChange, keys};

/// What is said of letters of ours that came back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BouncedLetter {
    /// Their Message-IDs, without angle brackets; not all need be of ours.
    pub message_ids: Vec<String>,
    /// Why, in the words of whoever says so.
    pub text: String,
    /// Why it is not to be believed that a mail system says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
    /// What came back says that it is a Tradepost letter.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub claims_to_be_ours: bool,
    /// The letter that says so; none where the mail server said it when it was to take the letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub letter: Option<LetterFacts>,
}

/// Takes down that letters of ours came back. Message-IDs that are not ours are passed over, unless
/// what came back claims to be ours: then somebody made it up, or the ledger is not all there.
pub fn bounced(
    settings: &BuyerSettings,
    rows: &dyn Rows,
    returned: &BouncedLetter,
    now: Time,
) -> BuyerChange {
    let mut case = BuyerCase::new(settings, rows, now);
    let known: Vec<Own> = returned
        .message_ids
        .iter()
        .filter_map(|id| case.get::<StatementId>(&keys::own_by_message_id(id)))
        .filter_map(|id| case.own(id))
        .collect();
    if known.is_empty() && returned.claims_to_be_ours {
        let what = format!("a letter of yours came back: {}", returned.text);
        let expected = "a letter that was sent from here".to_owned();
        doubt(&mut case, returned, "none", what, expected);
    }
    for own in known {
        match &returned.doubt {
            None => came_back(&mut case, own, &returned.text),
            Some(why) => {
                let id = own.statement.id.to_string();
                let what = what_came_back(&own, &returned.text);
                let expected = format!("a report of a mail system, but {why}");
                doubt(&mut case, returned, &id, what, expected);
            }
        }
    }
    super::finish(case, None)
}

fn came_back(case: &mut BuyerCase<'_>, mut own: Own, text: &str) {
    own.bounce = Some(text.to_owned());
    own.bounced_try = own.tries;
    // Where another of its letters arrived, nothing is wrong: whichever came first. Nor where it asks
    // about what has ended by now: nobody wants to know any more.
    let is_over = match own.progress {
        OwnProgress::Answered { .. } => true,
        OwnProgress::GivenUp => asks_about_what_has_ended(case, &own),
        OwnProgress::Waiting { .. } | OwnProgress::Elsewhere => false,
    };
    if !is_over {
        let base = own_warning(WarningKind::Undeliverable, case);
        case.warn_of_own(
            &own.statement.id.to_string(),
            Warning {
                trade: own.statement.trade.clone(),
                received: what_came_back(&own, text),
                expected: "that it is accepted".to_owned(),
                ..base
            },
        );
    }
    case.put(&keys::own(own.statement.id), &own);
}

fn what_came_back(own: &Own, text: &str) -> String {
    let (kind, to) = (own.statement.body.kind(), own.statement.to.as_str());
    format!("the {kind} to {to} came back: {text}")
}

/// At most one open warning about a statement, however many such letters come.
fn doubt(
    case: &mut BuyerCase<'_>,
    returned: &BouncedLetter,
    about: &str,
    received: String,
    expected: String,
) {
    let base = own_warning(WarningKind::UnprovenSender, case);
    case.warn_of_own(
        about,
        Warning {
            facts: returned.letter.clone().unwrap_or_default(),
            proof: returned.doubt.clone().unwrap_or_default(),
            received,
            expected,
            ..base
        },
    );
}
