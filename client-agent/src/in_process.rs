//! The agent without disk, process or mailbox, for tests that try letters by the thousand: letters come in by the path
//! that every letter takes, and a copy of the ledger costs as good as nothing. No command uses this.
//!
//! What is kept are the rows, as the records of a journal would hold them.

use std::sync::Arc;

use anyhow::Context;
use tokio::runtime::Runtime;
use tradepost_agent::arrival::{Arrival, Brings, FoundIn, Reader};
use tradepost_agent::config::Source;
use tradepost_agent::host::fresh_ids;
use tradepost_agent::journal::decided_rows;
use tradepost_agent::party::{Input, Party as _};
use tradepost_buyer::Judgement;
use tradepost_proof::dkim::Unproven;
use tradepost_statements::Time;
use tradepost_store::Position;
use tradepost_trades::rows::MemoryRows;

use crate::config::Config;
use crate::ledger::Ledger;

/// A ledger in memory, and the agent that reads letters for it. A clone is a copy of the ledger.
#[derive(Clone)]
pub struct InProcessAgent {
    rows: MemoryRows,
    entries: u64,
    person: Arc<Person>,
}

struct Person {
    ledger: Ledger,
    reader: Reader,
    runtime: Runtime,
}

/// A letter as the mailbox gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrivedLetter {
    /// The whole letter, header and body.
    pub octets: Vec<u8>,
    /// When the provider received it (INTERNALDATE).
    pub received_at: Option<Time>,
}

impl InProcessAgent {
    /// An empty ledger. `config` is the text of a configuration.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn new(config: &str) -> anyhow::Result<InProcessAgent> {
        let config = Config::check(Source::from_text("config.toml", config))?;
        let ledger = Ledger::of(&config);
        let reader = config.reader()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("the agent could not start")?;
        Ok(InProcessAgent {
            rows: MemoryRows::default(),
            entries: 0,
            person: Arc::new(Person {
                ledger,
                reader,
                runtime,
            }),
        })
    }

    /// Takes letters that came into the inbox, in their order: one judgement for each, none for
    /// what is not ours.
    ///
    /// # Errors
    /// The clock or the random numbers of this computer are unusable.
    pub fn receive(
        &mut self,
        letters: Vec<ArrivedLetter>,
        now: Time,
    ) -> anyhow::Result<Vec<Option<Judgement>>> {
        self.take(letters, FoundIn::Inbox, now)
    }

    /// Takes letters that were found among those sent from this mailbox.
    ///
    /// # Errors
    /// The clock or the random numbers of this computer are unusable.
    pub fn find_in_sent(&mut self, letters: Vec<ArrivedLetter>, now: Time) -> anyhow::Result<()> {
        self.take(letters, FoundIn::Sent, now).map(drop)
    }

    fn take(
        &mut self,
        letters: Vec<ArrivedLetter>,
        found_in: FoundIn,
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
        let arrivals: Vec<Arrival> = person
            .runtime
            .block_on(person.reader.read(letters, found_in, now));
        let mut judgements = Vec::new();
        for arrival in arrivals {
            let id = arrival.message_id.as_deref();
            let input = match &arrival.brings {
                Brings::Nothing => None,
                Brings::Statement(received) => Some(Input::Letter(received)),
                Brings::OwnStatement { from, json } => Some(Input::FoundInSent {
                    from,
                    json,
                    message_id: id,
                }),
                Brings::Report(returned) => Some(Input::CameBack(returned)),
            };
            judgements.push(match input {
                Some(input) => self.decide(input, now)?,
                None => None,
            });
        }
        Ok(judgements)
    }

    /// Does what time has made due.
    ///
    /// # Errors
    /// The clock or the random numbers of this computer are unusable.
    pub fn tick(&mut self, now: Time) -> anyhow::Result<()> {
        self.decide(Input::Due { jitter: 0.0 }, now).map(drop)
    }

    /// The rows of the ledger, which the views of `tradepost-buyer` are made of.
    #[must_use]
    pub fn rows(&self) -> &MemoryRows {
        &self.rows
    }

    fn decide(&mut self, input: Input<'_>, now: Time) -> anyhow::Result<Option<Judgement>> {
        let ledger = &self.person.ledger;
        let decision = ledger.decide(&self.rows, input, now, &mut fresh_ids()?);
        if let Some(entry) = decision.entry {
            self.entries += 1;
            let at = Position::from_u64(self.entries);
            let rows = decided_rows(&self.rows, at, entry, decision.made);
            self.rows.apply(rows);
        }
        Ok(decision.verdict)
    }
}
