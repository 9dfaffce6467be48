//! The book as a journal and the index made from it.

use std::path::Path;

use tradepost_agent::outbox::{self, Due, Entry, NewItem, Tried};
use tradepost_agent::trail::recall;
use tradepost_parties::kernel::{PartyChange, PartyOutcome, StatementToSend};
use tradepost_post::imap::aside;
use tradepost_statements::{Address, Time};
use tradepost_store::{Batch, Opened, Options, Position, Progress, Record, Store};
use tradepost_trades::rows::Rows;

use super::record::{FORMAT, Head, replay};
use super::{Book, BookError, Cursor, Input, OWNER_KEY, Page, in_turn};
use crate::arrivals::Arrivals;
use crate::office::{Composed, Composer};

/// The book of one process.
pub(crate) struct Journal {
    store: Store,
    composer: Composer,
}

impl Journal {
    /// Opens the folder; at most one process can.
    pub(crate) fn open(
        folder: &Path,
        address: &Address,
        composer: Composer,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(Journal, Opened), BookError> {
        let mut apply = |rows: &dyn Rows, at: Position, record: &_| replay(rows, at, record);
        let (store, opened) = Store::open(folder, &options(), &mut apply, progress)?;
        let journal = Journal { store, composer };
        journal.belongs_to(folder, address)?;
        Ok((journal, opened))
    }

    /// Two parties that write into one book would number their statuses twice.
    fn belongs_to(&self, folder: &Path, address: &Address) -> Result<(), BookError> {
        let known = self.store.view(|rows| rows.get(OWNER_KEY.as_bytes()));
        match known.and_then(|json| serde_json::from_slice::<Address>(&json).ok()) {
            Some(owner) if owner == *address => Ok(()),
            Some(owner) => Err(BookError::OfAnother {
                folder: folder.display().to_string(),
                owner: owner.to_string(),
                address: address.to_string(),
            }),
            None => self.store.write(|batch| {
                let mut page = Writing {
                    batch,
                    composer: &self.composer,
                    written: 0,
                };
                page.write(&Head::Owner(address.clone()), Vec::new())?;
                Ok(())
            }),
        }
    }

    /// Flushes and closes; what was recorded is durable without it.
    pub(crate) fn close(self) -> Result<(), BookError> {
        Ok(self.store.close()?)
    }
}

/// How the store of a book is opened, and repaired.
pub(crate) fn options() -> Options {
    Options::new(FORMAT, recall)
}

struct Writing<'p, 'b> {
    batch: &'p mut Batch<'b>,
    composer: &'p Composer,
    written: usize,
}

impl Writing<'_, '_> {
    fn write(&mut self, head: &Head, blob: Vec<u8>) -> Result<Position, BookError> {
        let record = head.to_record().with_blob(blob);
        if record.head.len() > Record::HEAD_LIMIT {
            return Err(BookError::DecisionTooLarge(record.head.len()));
        }
        self.written += record.head.len() + record.blob.len();
        let at = self.batch.record(&record)?;
        let rows = head.rows(&*self.batch, at);
        self.batch.put(rows);
        Ok(at)
    }

    fn queue(&mut self, letter: Composed, now: Time) -> Result<Position, BookError> {
        let statement = letter.statement;
        let item = NewItem {
            from: statement.from,
            to: letter.to,
            message_id: letter.message_id,
            statement: statement.id,
            kind: statement.body.kind(),
            trade: statement.trade,
            request: statement.request,
            queued_at: now,
        };
        self.write(&Head::Outbox(Entry::Queued(item)), letter.bytes)
    }
}

/// A letter that waits for DNS is kept whole, by its digest, so that it can be proven again.
fn letter_to_keep<'i>(input: &'i Input, outcome: &PartyOutcome) -> Option<(&'i str, &'i [u8])> {
    match (input, outcome) {
        (
            Input::Letter {
                received, octets, ..
            },
            PartyOutcome::HeldForProof { .. },
        ) => (!octets.is_empty()).then_some((received.digest.as_str(), octets.as_slice())),
        (Input::Letter { .. } | Input::Line(_) | Input::Time, _) => None,
    }
}

impl Page for Writing<'_, '_> {
    fn rows(&self) -> &dyn Rows {
        &*self.batch
    }

    fn record(&mut self, input: &Input, change: PartyChange, now: Time) -> Result<(), BookError> {
        let nothing = change.rows.is_empty() && change.send.is_empty();
        if nothing && change.notices.is_empty() {
            return Ok(());
        }
        let letters = self.composer.compose(input, &change, now)?;
        let kept = letter_to_keep(input, &change.outcome);
        let outcome = change.outcome.to_string();
        let head = Head::decided(
            input,
            &outcome,
            change.rows,
            kept.map(|(digest, _)| digest),
            now,
        );
        self.write(
            &head,
            kept.map(|(_, octets)| octets.to_vec()).unwrap_or_default(),
        )?;
        for letter in letters {
            self.queue(letter, now)?;
        }
        Ok(())
    }

    fn retire(&mut self, entry: Entry) -> Result<(), BookError> {
        self.write(&Head::Outbox(entry), Vec::new())?;
        Ok(())
    }

    fn record_attached(
        &mut self,
        input: &Input,
        change: PartyChange,
        sending: &StatementToSend,
        mail: &[u8],
        now: Time,
    ) -> Result<Vec<u8>, BookError> {
        // Before anything is written: a mail that cannot carry it changes nothing.
        let letter = self.composer.attach(sending, mail, now)?;
        let mail = letter.bytes.clone();
        self.record(input, change, now)?;
        let id = self.queue(letter, now)?;
        let reply = "attached to a mail of your own system, which sends it".to_owned();
        let outcome = outbox::Outcome::Accepted { reply };
        let left = Tried {
            id,
            at: now,
            outcome,
            // What another system sends says nothing of our own way out.
            pause: outbox::pause(&*self.batch),
        };
        self.write(&Head::Outbox(Entry::Tried(left)), Vec::new())?;
        Ok(mail)
    }

    fn record_bounce(&mut self, digest: &str, entry: Entry) -> Result<(), BookError> {
        let digest = digest.to_owned();
        self.write(&Head::Bounced { digest, entry }, Vec::new())?;
        Ok(())
    }

    fn written(&self) -> usize {
        self.written
    }

    fn record_arrivals(&mut self, webhook: &str, arrivals: &Arrivals) -> Result<(), BookError> {
        let head = Head::Arrivals {
            webhook: webhook.to_owned(),
            arrivals: arrivals.clone(),
        };
        self.write(&head, Vec::new())?;
        Ok(())
    }

    fn record_cursor(&mut self, folder: &str, cursor: Cursor) -> Result<(), BookError> {
        self.write(&Head::read(folder, cursor), Vec::new())?;
        Ok(())
    }

    fn record_aside(&mut self, news: aside::AsideChange) -> Result<(), BookError> {
        self.write(&Head::Aside(news), Vec::new())?;
        Ok(())
    }
}

impl Book for Journal {
    fn decide(
        &self,
        decide: &mut dyn FnMut(&mut dyn Page) -> Result<(), BookError>,
    ) -> Result<(), BookError> {
        self.store.write(|batch| {
            decide(&mut Writing {
                batch,
                composer: &self.composer,
                written: 0,
            })
        })
    }

    fn view(&self, read: &mut dyn FnMut(&dyn Rows)) {
        self.store.view(|rows| read(rows));
    }

    fn claim_outbox(&self, now: Time, n: usize) -> Due {
        // One process owns the folder: what it claims, nobody else can.
        let end_of_time = Time::from_unix_millis(i64::MAX);
        let waiting = self.store.view(|rows| Due::read(rows, end_of_time, n));
        in_turn(waiting, now)
    }

    fn letter(&self, id: Position) -> Result<Vec<u8>, BookError> {
        Ok(self.store.read(id)?.blob)
    }

    fn retire(&self, entries: Vec<Entry>) -> Result<(), BookError> {
        self.store.write(|batch| {
            let mut page = Writing {
                batch,
                composer: &self.composer,
                written: 0,
            };
            entries.into_iter().try_for_each(|entry| page.retire(entry))
        })
    }
}
