//! What commands only ask: answered by whoever has the book open, or from its files.

use std::collections::BTreeMap;

use serde_json::Value;
use tradepost_agent::host::HostError;
use tradepost_agent::journal::set_aside;
use tradepost_agent::outbox::{self, Filter};
use tradepost_agent::reading::StoreView;
use tradepost_agent::rpc::Reply;
use tradepost_parties::payment::authorizations;
use tradepost_parties::shop;
use tradepost_parties::view::{self, PartyTradeView};

use super::{find, to_reply};
use crate::arrivals::Arrivals;
use crate::book::arrivals;
use crate::config::Config;
use crate::jobs;
use crate::question::Ask;

/// Shown at once; a book of more is for programs that read it in parts.
const MOST_TRADES: usize = 100_000;
/// The same of wishes; there are more where nobody decides for years.
const MOST_WISHES: usize = 10_000;
/// The same of what others have not answered: more means that a server has been away for long.
const MOST_UNANSWERED: usize = 10_000;

/// The answer; none where it is not one that only asks.
pub(crate) fn read(
    of: StoreView<'_>,
    config: &Config,
    ask: &Ask,
) -> Option<Result<Reply<Value>, HostError>> {
    let rows = of.rows();
    let own = &config.settings.address;
    Some(Ok(match ask {
        Ask::Trades(id) => {
            let mut all = view::trades(rows, own, MOST_TRADES);
            let is_wanted = |t: &PartyTradeView| id.as_deref().is_none_or(|id| t.id.as_str() == id);
            all.retain(is_wanted);
            to_reply(&all)
        }
        Ask::Authorizations => to_reply(&authorizations(rows, MOST_TRADES)),
        // What other servers were told or asked, and have not answered (protocol 7).
        Ask::Unanswered => to_reply(&view::unanswered(rows, MOST_UNANSWERED)),
        Ask::Returns => to_reply(&shop::returns(rows, own, MOST_WISHES)),
        Ask::Outbox { all } => {
            let filter = if *all { Filter::All } else { Filter::Queued };
            let mut items = outbox::list(rows, filter, outbox::RECENT);
            if !all {
                items.extend(outbox::list(rows, Filter::Failed, outbox::RECENT));
            }
            to_reply(&items)
        }
        Ask::Letter(id) => match find(rows, id) {
            Ok(item) => {
                let letter = match of.letter(item.id) {
                    Ok(letter) => letter,
                    Err(e) => return Some(Err(e)),
                };
                let mut value = serde_json::to_value(&item).unwrap_or_default();
                if let Value::Object(object) = &mut value {
                    let text = String::from_utf8_lossy(&letter).into_owned();
                    object.insert("letter".to_owned(), Value::String(text));
                }
                Reply::Answer(value)
            }
            Err(text) => Reply::Refused(text),
        },
        Ask::SetAside => to_reply(&set_aside(rows)),
        Ask::Jobs => to_reply(&jobs::report::list(rows)),
        Ask::Arrivals => {
            let hooks = config.http.iter().flat_map(|http| http.hooks());
            let known: BTreeMap<&str, Arrivals> = hooks
                .filter_map(|hook| Some((hook.name(), arrivals(rows, hook.name())?)))
                .collect();
            to_reply(&known)
        }
        Ask::Emit | Ask::Decide(_) | Ask::Attach(_) | Ask::Retry(_) | Ask::RetryJob(_) => {
            return None;
        }
    }))
}
