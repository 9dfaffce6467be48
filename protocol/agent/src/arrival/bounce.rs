//! Letters that say that letters of our own came back (RFC 3464).

use tradepost_letters::LetterContent;
use tradepost_proof::dkim::Proven;
use tradepost_trades::letter::LetterFacts;

use super::facts;

/// A report that letters came back. Nobody proves who wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// SHA-256 of the report, in hex: the same report may come twice.
    pub digest: String,
    /// The Message-IDs of what came back, without angle brackets.
    pub message_ids: Vec<String>,
    /// Why, in the words of whoever says so.
    pub text: String,
    /// Why it is not to be believed that a mail system wrote it.
    pub doubt: Option<String>,
    /// What came back says that it is a Tradepost letter.
    pub claims_to_be_ours: bool,
    /// The facts of the report itself, not of what came back.
    pub letter: LetterFacts,
}

/// The report in a letter. What says something itself is a letter, however much it looks like a report;
/// whatever a report returns inside is not said anew; and a delay is no failure.
pub(super) fn read(proven: &Proven) -> Option<Returned> {
    let opened = &proven.opened;
    let bounce = opened.letter.bounce.as_ref().filter(|b| b.failed())?;
    matches!(opened.content, LetterContent::NotOurs).then(|| Returned {
        digest: opened.letter.digest_hex(),
        message_ids: bounce.message_ids.clone(),
        text: bounce.text(),
        doubt: opened.bounce_doubt().map(str::to_owned),
        claims_to_be_ours: bounce.is_about_a_statement,
        letter: facts(&opened.letter),
    })
}
