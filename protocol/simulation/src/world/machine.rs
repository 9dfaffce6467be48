//! A server: its settings, its book, and as little around the decisions as there can be.

use serde_json::Value;
use tradepost_statements::{Evidence, Time, wire};
use tradepost_trades::emit::emit;
use tradepost_trades::rows::MemoryRows;
use tradepost_trades::server::{Change, Content, FreshIds, Received, Settings, due, receive};

use super::dice::Dice;
use super::post::{Arrival, Letter, Outgoing};

pub(super) struct Machine {
    pub(super) settings: Settings,
    pub(super) rows: MemoryRows,
}

impl Machine {
    pub(super) fn new(settings: Settings) -> Machine {
        Machine {
            settings,
            rows: MemoryRows::default(),
        }
    }

    pub(super) fn next_wake(&self) -> Option<Time> {
        due::next_wake(&self.rows)
    }

    pub(super) fn receives(
        &mut self,
        letter: &Letter,
        now: Time,
        dice: &mut Dice,
    ) -> Vec<Outgoing> {
        let change = self.decides(letter, now, dice);
        self.records(change, now, dice)
    }

    /// It dies before it has recorded what it decided.
    pub(super) fn decides_in_vain(&self, arrival: &Arrival, now: Time, dice: &mut Dice) {
        if let Arrival::Letter(letter) = arrival {
            let _ = self.decides(letter, now, dice);
        }
    }

    fn decides(&self, letter: &Letter, now: Time, dice: &mut Dice) -> Change {
        let received = Received {
            author: Some(letter.outgoing.statement.from.clone()),
            evidence: Evidence::Relay,
            undecided: None,
            proof: "the simulated provider says so".to_owned(),
            digest: letter.outgoing.message_id.clone(),
            content: Content::Statement(letter.outgoing.octets.clone()),
        };
        let mut ids = FreshIds::starting_with(dice.statement(now));
        receive(&self.settings, &self.rows, &received, now, &mut ids)
    }

    pub(super) fn tick(&mut self, now: Time, dice: &mut Dice) -> Vec<Outgoing> {
        let mut ids = FreshIds::starting_with(dice.statement(now));
        let jitter = dice.fraction();
        let change = due::tick(&self.settings, &self.rows, now, jitter, &mut ids);
        self.records(change, now, dice)
    }

    pub(super) fn emit(&mut self, line: &Value, now: Time, dice: &mut Dice) -> Vec<Outgoing> {
        let mut ids = FreshIds::starting_with(dice.statement(now));
        let text = line.to_string();
        let emitted = emit(&self.settings, &self.rows, text.as_bytes(), now, &mut ids);
        if let Err(refusal) = &emitted.answer {
            panic!("{line} was refused: {refusal}");
        }
        self.records(emitted.change, now, dice)
    }

    fn records(&mut self, change: Change, now: Time, dice: &mut Dice) -> Vec<Outgoing> {
        self.rows.apply(change.rows);
        let domain = self.settings.address.domain().to_owned();
        change
            .send
            .into_iter()
            .map(|sending| Outgoing {
                octets: match sending.octets {
                    Some(octets) => octets,
                    None => wire::encode(&sending.statement),
                },
                statement: sending.statement,
                message_id: format!("{}@{domain}", dice.uuid(now)),
            })
            .collect()
    }
}
