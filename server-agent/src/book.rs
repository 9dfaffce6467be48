//! The book: the parties as a party of the kernel. What is decided stands in `tradepost-parties`; here is what
//! the journal keeps of it, and the rows that are the server's own.
//!
//! | key | value |
//! |---|---|
//! | `v/owner` | whose book it is |
//! | `v/k/<digest>` | the record that holds a letter that waits for DNS |
//! | `v/m/<Message-ID>` | the item of the outbox that bears it |
//! | `v/b`, `v/b/<digest>` | how many letters of ours came back, and the reports that said so |
//! | `v/w/<webhook>` | when its deliveries came |

mod entry;
mod notice;
mod opening;

use std::collections::BTreeMap;

use serde::Serialize;
use tradepost_agent::arrival::Returned;
use tradepost_agent::host::Host;
use tradepost_agent::outbox::{self, Due, Item, NewItem, Outcome, State, Tried};
use tradepost_agent::party::{AwaitingProof, ComposeError, Composed, Decision, Input, Made, Party};
use tradepost_parties::fulfilment::LetterEnd;
use tradepost_parties::kernel::readdress::{Addressed, is_for_a_former_address};
use tradepost_parties::kernel::{Ignored, PartyChange, PartyOutcome, held};
use tradepost_parties::roles::jobs::letter_ended;
use tradepost_parties::roles::{due, proven_again, receive};
use tradepost_statements::{Address, Evidence, Time, TradeRef};
use tradepost_store::Position;
use tradepost_trades::ids::FreshIds;
use tradepost_trades::letter::{Content, LetterFacts, Received, Unreadable};
use tradepost_trades::rows::{Row, Rows};

use crate::arrivals::Arrivals;
use crate::composing::{Composer, MailToSend};
use crate::config::Config;

pub(crate) use entry::{BookEntry, arrived};
pub(crate) use notice::BookNotice;
pub(crate) use opening::{files, open, open_now, record};

/// The parties of one server, and what it is configured to do.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) config: Config,
    composer: Composer,
}

/// The opened book.
pub(crate) type BookHost = Host<Book>;

/// What was decided about, as the journal keeps it beside the change.
#[derive(Debug, Clone, Copy)]
pub(crate) enum DecidedAbout<'a> {
    /// A letter that came.
    Letter(&'a Received),
    /// One that waited for DNS, and is kept already.
    LetterAgain(&'a Received),
    /// A line of the merchant's own system.
    Line(&'a str),
    /// Something was due, or has ended.
    Time,
}

impl Book {
    pub(crate) fn new(config: Config) -> Book {
        let composer = Composer::new(&config);
        Book { config, composer }
    }

    /// What letters are made with.
    pub(crate) fn composer(&self) -> &Composer {
        &self.composer
    }

    /// What a change wants done, as the kernel records it.
    pub(crate) fn decision(
        &self,
        about: DecidedAbout<'_>,
        change: PartyChange,
        now: Time,
        notice: BookNotice,
    ) -> Decision<Book> {
        let PartyChange {
            rows,
            send,
            notices,
            outcome,
        } = change;
        if rows.is_empty() && send.is_empty() && notices.is_empty() {
            let mut nothing = Decision::nothing(Some(outcome));
            nothing.made.notices.push(notice);
            return nothing;
        }
        let answered = match about {
            DecidedAbout::Letter(received) | DecidedAbout::LetterAgain(received) => {
                received.letter.message_id.clone()
            }
            DecidedAbout::Line(_) | DecidedAbout::Time => None,
        };
        let statements = send.into_iter().map(|sending| MailToSend::Statement {
            sending: Box::new(sending),
            answered: answered.clone(),
        });
        let people = notices.into_iter().map(|n| MailToSend::Notice(Box::new(n)));
        // A letter that waits for DNS is kept whole, by its digest, so that it can be proven again.
        let keeps = matches!(about, DecidedAbout::Letter(_))
            && matches!(outcome, PartyOutcome::HeldForProof { .. });
        let (entry, mut made) = entry::decided(about, &outcome, rows, now, keeps);
        made.notices.push(notice);
        Decision {
            entry: Some(entry),
            made,
            send: statements.chain(people).collect(),
            verdict: Some(outcome),
        }
    }

    fn came_back(&self, rows: &dyn Rows, report: &Returned, now: Time) -> Decision<Book> {
        let doubted = |why: &str| {
            let mut nothing = Decision::nothing(None);
            nothing.made.notices.push(BookNotice::DoubtedReport {
                from: report.letter.from.clone().unwrap_or_default(),
                text: report.text.clone(),
                why: why.to_owned(),
            });
            nothing
        };
        if is_known_bounce(rows, &report.digest) {
            let mut nothing = Decision::nothing(None);
            let from = report.letter.from.clone().unwrap_or_default();
            nothing.made.notices.push(BookNotice::KnownReport { from });
            return nothing;
        }
        // Only the two ends of a letter and the mail systems between know its Message-ID.
        let mut named = report.message_ids.iter();
        let Some(item) = named.find_map(|id| by_message_id(rows, id)) else {
            return doubted("it names no letter of ours");
        };
        if let Some(why) = &report.doubt {
            return doubted(why);
        }
        match item.state {
            State::Accepted { .. } if item.came_back.is_none() => {}
            State::Accepted { .. } => return doubted("that is known of this letter"),
            State::Queued { .. } | State::Refused { .. } | State::Expired { .. } => {
                return doubted("the letter that it names has not left");
            }
        }
        let entry = BookEntry::Bounced {
            digest: report.digest.clone(),
            outbox: outbox::OutboxEntry::CameBack {
                id: item.id,
                at: now,
                text: report.text.clone(),
            },
        };
        let mut made = Made::default();
        made.notices.push(BookNotice::CameBack {
            item: Box::new(item),
            text: report.text.clone(),
        });
        Decision {
            entry: Some(entry),
            made,
            send: Vec::new(),
            verdict: None,
        }
    }

    /// What follows from a letter's end: electronic goods count as delivered once their letter was accepted
    /// (E2).
    fn tried(
        &self,
        rows: &dyn Rows,
        item: &Item,
        tried: &Tried,
        now: Time,
        ids: &mut FreshIds,
    ) -> Decision<Book> {
        let end = match &tried.outcome {
            Outcome::Accepted { .. } => LetterEnd::Accepted,
            Outcome::Refused { text, .. } | Outcome::Expired { text } => {
                LetterEnd::Failed(text.clone())
            }
            Outcome::Later { .. } => return Decision::nothing(None),
        };
        let settings = &self.config.settings;
        match letter_ended(settings, rows, item.statement, &end, now, ids) {
            Some(change) => {
                let notice = BookNotice::Job(change.outcome.clone());
                self.decision(DecidedAbout::Time, change, now, notice)
            }
            None => Decision::nothing(None),
        }
    }
}

impl Party for Book {
    type Entry = BookEntry;
    type Verdict = Option<PartyOutcome>;
    type Sending = MailToSend;
    type Notice = BookNotice;

    /// Timers of the parties do not wait for DNS.
    const WAITS_FOR_PROOFS: bool = false;

    const FORMAT: u32 = 5;

    fn decide(
        &self,
        rows: &dyn Rows,
        input: Input<'_>,
        now: Time,
        ids: &mut FreshIds,
    ) -> Decision<Book> {
        let settings = &self.config.settings;
        match input {
            Input::Letter(received) => {
                let change = receive(settings, rows, received, now, ids);
                let notice = BookNotice::letter(received, &change.outcome);
                self.decision(DecidedAbout::Letter(received), change, now, notice)
            }
            Input::ProvenAgain { id, received } => {
                let received = match (received, held::held_letter(rows, id)) {
                    // Whatever a newer program makes of its octets, it is the letter that waits.
                    (Some(received), _) => Received {
                        digest: id.to_owned(),
                        ..received.clone()
                    },
                    (None, Some(waits)) => without_its_letter(id, &waits),
                    (None, None) => return Decision::nothing(None),
                };
                let change = proven_again(settings, rows, &received, now, ids);
                let notice = BookNotice::letter(&received, &change.outcome);
                self.decision(DecidedAbout::LetterAgain(&received), change, now, notice)
            }
            Input::CameBack(report) => self.came_back(rows, report, now),
            Input::Tried { item, tried } => self.tried(rows, item, tried, now, ids),
            Input::Due { jitter } => {
                let change = due::tick(settings, rows, now, jitter, ids);
                if change.outcome == PartyOutcome::Ignored(Ignored::NothingDue) {
                    return Decision::nothing(None);
                }
                let notice = BookNotice::Due(change.outcome.clone());
                self.decision(DecidedAbout::Time, change, now, notice)
            }
            // A server's own letters are in its book, and its doctor tells what could not be read.
            Input::FoundInSent { .. } | Input::Unread(_) => Decision::nothing(None),
        }
    }

    fn letters(
        &self,
        _rows: &dyn Rows,
        send: Vec<MailToSend>,
        now: Time,
        _ids: &mut FreshIds,
    ) -> Result<Vec<Composed>, ComposeError> {
        let mails = send.iter();
        mails.map(|mail| self.composer.compose(mail, now)).collect()
    }

    fn sent(
        &self,
        _rows: &dyn Rows,
        at: Position,
        item: &NewItem,
        _json: Option<&str>,
    ) -> Made<Book> {
        // Reports of letters that came back name them so.
        Made {
            rows: vec![put(message_id_key(&item.message_id), &at)],
            ..Made::default()
        }
    }

    fn rows_at(
        rows: &dyn Rows,
        at: Position,
        entry: Option<&BookEntry>,
        _made: &Made<Book>,
    ) -> Vec<Row> {
        match entry {
            Some(BookEntry::Bounced { digest, outbox }) => {
                let mut out = outbox::apply(rows, outbox, at);
                out.push(put(BOUNCES_KEY, &bounces(rows).saturating_add(1)));
                out.push(Row::put(bounce_key(digest), "null"));
                out
            }
            Some(BookEntry::Decided(_) | BookEntry::Arrivals { .. } | BookEntry::Owner { .. })
            | None => Vec::new(),
        }
    }

    fn next_wake(&self, rows: &dyn Rows, _now: Time) -> Option<Time> {
        due::next_wake(rows)
    }

    fn awaiting_proof(&self, rows: &dyn Rows, now: Time, most: usize) -> Vec<AwaitingProof> {
        let due = held::awaiting_proof(rows, now, most).into_iter();
        due.map(|(digest, waits)| AwaitingProof {
            at: kept_letter(rows, &digest),
            id: digest,
            received_at: waits.received_at,
        })
        .collect()
    }

    fn next_proof(&self, rows: &dyn Rows) -> Option<Time> {
        held::next_proof(rows)
    }

    fn may_leave(&self, rows: &dyn Rows, now: Time, most: usize) -> Due {
        /// Letters of one trade to one receiver leave one after the other: that many more are looked at
        /// to fill the connections.
        const LOOK_AHEAD: usize = 16;
        let end_of_time = Time::from_unix_millis(i64::MAX);
        in_turn(
            Due::read(rows, end_of_time, most.saturating_mul(LOOK_AHEAD)),
            now,
        )
    }

    fn must_stay(&self, rows: &dyn Rows, item: &Item) -> Option<&'static str> {
        // Written before the buyer's address was corrected (protocol 9).
        item.trade.as_ref()?;
        let statement = Addressed {
            kind: item.kind,
            to: &item.to,
            trade: item.trade.as_ref(),
        };
        is_for_a_former_address(rows, &statement).then_some(
            "not sent: the buyer's address was corrected, and nothing more goes to this one",
        )
    }

    fn tell(&self, notices: &[BookNotice]) {
        notices.iter().for_each(BookNotice::tell);
    }
}

/// What cannot be proven again is judged as it is.
fn without_its_letter(digest: &str, waits: &held::HeldLetter) -> Received {
    Received {
        letter: LetterFacts {
            from: Some(waits.author.to_string()),
            ..LetterFacts::default()
        },
        author: Some(waits.author.clone()),
        evidence: Evidence::None,
        undecided: None,
        proof: format!("{}; the letter can be read no more", waits.proof),
        digest: digest.to_owned(),
        received_at: waits.received_at,
        content: Content::Unreadable {
            why: Unreadable::Unreadable,
            text: "the letter can be read no more".to_owned(),
        },
    }
}

/// What of these waiting letters may leave now: of those about one trade to one receiver only the first,
/// and none while that one waits for another try. So a trade record is there before its first status.
fn in_turn(waiting: Due, now: Time) -> Due {
    let mut first: BTreeMap<(Address, Option<TradeRef>), Position> = BTreeMap::new();
    for item in &waiting.items {
        let turn = (item.to.clone(), item.trade.clone());
        let first = first.entry(turn).or_insert(item.id);
        *first = item.id.min(*first);
    }
    let mut next_wake = waiting.next_wake;
    let mut items = Vec::new();
    for item in waiting.items {
        let State::Queued { next_try, .. } = item.state else {
            continue;
        };
        // The outbox counts in whole milliseconds.
        if next_try.unix_millis() > now.unix_millis() {
            next_wake = Some(next_wake.map_or(next_try, |wake| wake.min(next_try)));
        } else if first.get(&(item.to.clone(), item.trade.clone())) == Some(&item.id) {
            items.push(item);
        }
    }
    Due {
        items,
        next_wake,
        pause: waiting.pause,
    }
}

fn put<T: Serialize>(key: impl Into<Vec<u8>>, value: &T) -> Row {
    let json = serde_json::to_vec(value).expect("plain data with string keys has a JSON form");
    Row::put(key, json)
}

/// Where the book says whose it is.
const OWNER_KEY: &str = "v/owner";

fn arrivals_key(webhook: &str) -> String {
    format!("v/w/{webhook}")
}

/// When the deliveries of a webhook came; none: none ever did.
pub(crate) fn arrivals(rows: &dyn Rows, webhook: &str) -> Option<Arrivals> {
    serde_json::from_slice(&rows.get(arrivals_key(webhook).as_bytes())?).ok()
}

/// How many letters of ours ever came back.
const BOUNCES_KEY: &str = "v/b";

/// A letter that told of a letter of ours that came back.
fn bounce_key(digest: &str) -> String {
    format!("{BOUNCES_KEY}/{digest}")
}

/// How many letters of ours ever came back.
pub(crate) fn bounces(rows: &dyn Rows) -> u64 {
    let count = rows.get(BOUNCES_KEY.as_bytes());
    count
        .and_then(|json| serde_json::from_slice(&json).ok())
        .unwrap_or(0)
}

/// Whether this report of a letter that came back was taken before.
fn is_known_bounce(rows: &dyn Rows, digest: &str) -> bool {
    rows.get(bounce_key(digest).as_bytes()).is_some()
}

fn message_id_key(message_id: &str) -> String {
    format!("v/m/{message_id}")
}

/// The letter of the outbox that bears this Message-ID.
fn by_message_id(rows: &dyn Rows, message_id: &str) -> Option<Item> {
    let id = rows.get(message_id_key(message_id).as_bytes())?;
    outbox::item(rows, serde_json::from_slice(&id).ok()?)
}

/// Where a letter is that waits for DNS, by its digest.
fn kept_letter(rows: &dyn Rows, digest: &str) -> Option<Position> {
    serde_json::from_slice(&rows.get(kept_key(digest).as_bytes())?).ok()
}

fn kept_key(digest: &str) -> String {
    format!("v/k/{digest}")
}
