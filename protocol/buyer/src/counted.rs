//! Letters that are not judged by themselves, only counted: what came before, and what comes below the
//! minimum when enough of its group is kept. A flood of them fills no disk.

use tradepost_trades::letter::Received;

use super::case::BuyerCase;
use super::filed::ReadContent;
use super::warning::WarningKind;
use super::{Counted, Judgement, Verdict, evidence, filed, held, keys};

/// Protocol 5: of the letters below the minimum of one claimed sender, trade and day, so many are kept.
const KEPT_OF_A_GROUP: u64 = 20;

/// Protocol 5, last but two paragraphs: a flood of letters that nobody vouches for fills no disk.
pub(super) fn in_its_group(
    case: &mut BuyerCase<'_>,
    received: &Received,
    content: &ReadContent,
) -> Option<Judgement> {
    if !evidence::is_below(case, received) {
        return None;
    }
    let last = join_group(case, received, content)?;
    case.counted = Some(Counted::InGroup(last));
    count(case, Counted::InGroup(last));
    Some(Judgement {
        warning: Some(WarningKind::UnprovenSender),
        warning_id: Some(last),
        ..filed::judgement(Verdict::Warned, content, Some(3))
    })
}

/// Takes a place in the group of letters of its kind. Where there is none left: the number of the
/// warning that counts the rest.
pub(super) fn join_group(
    case: &mut BuyerCase<'_>,
    received: &Received,
    content: &ReadContent,
) -> Option<u64> {
    let statement = content.as_ref().ok().map(|d| &d.statement);
    let claimed = received
        .author
        .as_ref()
        .or(statement.map(|s| &s.from))
        .map_or("", |a| a.as_str());
    let key = keys::group(
        claimed,
        statement.and_then(|s| s.trade.as_ref()),
        held::day(received),
    );
    let (letters, last): (u64, u64) = case.get(&key).unwrap_or((0, 0));
    if letters >= KEPT_OF_A_GROUP {
        return Some(last);
    }
    let upcoming = case.get::<u64>(keys::WARNING_COUNTER).unwrap_or(0) + 1;
    case.put(&key, &(letters + 1, upcoming));
    None
}

/// Counts a letter that is not judged by itself: some tens of octets, however long the letter is that they
/// are counted at.
pub(super) fn count(case: &mut BuyerCase<'_>, counted: Counted) {
    match counted {
        Counted::InGroup(warning) => {
            let key = keys::more_of_warning(warning);
            let more: u64 = case.get(&key).unwrap_or(0);
            case.put(&key, &more.saturating_add(1));
        }
        Counted::Again(no) => {
            if let Some(mut letter) = case.letter(no) {
                letter.copies += 1;
                case.put_letter(&letter);
            }
        }
    }
}
