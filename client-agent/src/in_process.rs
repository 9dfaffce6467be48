//! The agent without disk, process or mailbox, for tests that try letters by the thousand: letters come in by the path
//! that every letter takes, and a copy of the ledger costs as good as nothing. No command uses this.
//!
//! What is kept is what a replay of the journal makes: the rows. Each input goes through the form
//! that it would have in the journal.

use std::sync::Arc;

use anyhow::Context;
use tokio::runtime::Runtime;
use tradepost_agent::config::Source;
use tradepost_buyer::Judgement;
use tradepost_proof::dkim::Unproven;
use tradepost_statements::Time;
use tradepost_store::{Position, Record};
use tradepost_trades::rows::MemoryRows;

use crate::config::Config;
use crate::ledger::{Entry, Input, replay};
use crate::receive::{Lay, Reader};

/// A ledger in memory, and the agent that reads letters for it. A clone is a copy of the ledger.
#[derive(Clone)]
pub struct Agent {
    rows: MemoryRows,
    entries: u64,
    person: Arc<Person>,
}

struct Person {
    reader: Reader,
    runtime: Runtime,
}

/// A letter as the mailbox gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The letter.
    pub octets: Vec<u8>,
    /// When the provider received it (INTERNALDATE).
    pub received_at: Option<Time>,
}

impl Agent {
    /// An empty ledger. `config` is the text of a configuration.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn new(config: &str) -> anyhow::Result<Agent> {
        let config = Config::check(Source::from_text("config.toml", config))?;
        let settings = config.settings.clone();
        let reader = Reader::new(&config)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("the agent could not start")?;
        let mut agent = Agent {
            rows: MemoryRows::default(),
            entries: 0,
            person: Arc::new(Person { reader, runtime }),
        };
        agent.enter(Input::of(Entry::Settings { settings }))?;
        Ok(agent)
    }

    /// Takes letters that came into the inbox, in their order: one judgement for each, none for
    /// what is not ours.
    ///
    /// # Errors
    /// An entry of the journal could not be read back.
    pub fn receive(
        &mut self,
        letters: Vec<Arrival>,
        now: Time,
    ) -> anyhow::Result<Vec<Option<Judgement>>> {
        self.take(letters, Lay::Inbox, now)
    }

    /// Takes letters that were found among those sent from this mailbox.
    ///
    /// # Errors
    /// An entry of the journal could not be read back.
    pub fn find_in_sent(&mut self, letters: Vec<Arrival>, now: Time) -> anyhow::Result<()> {
        self.take(letters, Lay::Sent, now).map(drop)
    }

    fn take(
        &mut self,
        letters: Vec<Arrival>,
        lay: Lay,
        now: Time,
    ) -> anyhow::Result<Vec<Option<Judgement>>> {
        let person = Arc::clone(&self.person);
        let letters = letters
            .into_iter()
            .map(|l| Unproven {
                octets: l.octets,
                received_at: l.received_at,
            })
            .collect();
        let reads = person
            .runtime
            .block_on(person.reader.read(letters, lay, now));
        reads
            .into_iter()
            .map(|read| match read.input {
                Some(input) => self.enter(input),
                None => Ok(None),
            })
            .collect()
    }

    /// Does what time has made due.
    ///
    /// # Errors
    /// An entry of the journal could not be read back.
    pub fn tick(&mut self, now: Time) -> anyhow::Result<()> {
        self.enter(Input::of(Entry::Ticked { now })).map(drop)
    }

    /// What the ledger holds.
    #[must_use]
    pub fn rows(&self) -> &MemoryRows {
        &self.rows
    }

    fn enter(&mut self, input: Input) -> anyhow::Result<Option<Judgement>> {
        let record = Record::new(input.entry.to_head()?).with_blob(input.letter);
        self.entries += 1;
        let replayed = replay(&self.rows, Position::from_u64(self.entries), &record)?;
        self.rows.apply(replayed.rows);
        Ok(replayed.judgement)
    }
}
