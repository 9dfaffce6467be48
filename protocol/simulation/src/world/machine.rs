//! A server: its settings, its book, and as little around the decisions as there can be.

use serde_json::{Value, json};
use tradepost_parties::fulfilment;
use tradepost_parties::fulfilment::{Job, JobKind, JobResult, LetterEnd};
use tradepost_parties::kernel::{PartyChange, PartySettings};
use tradepost_parties::roles::lines::emit;
use tradepost_parties::roles::{due, jobs, receive};
use tradepost_statements::{Evidence, Time, wire};
use tradepost_trades::ids::FreshIds;
use tradepost_trades::letter::{Content, LetterFacts, Received};
use tradepost_trades::rows::MemoryRows;

use super::dice::Dice;
use super::post::{Arrival, Letter, Outgoing};

pub(super) struct Machine {
    pub(super) settings: PartySettings,
    pub(super) rows: MemoryRows,
}

impl Machine {
    pub(super) fn new(settings: PartySettings) -> Machine {
        Machine {
            settings,
            rows: MemoryRows::default(),
        }
    }

    pub(super) fn next_wake(&self) -> Option<Time> {
        let due = due::next_wake(&self.rows);
        due.into_iter()
            .chain(fulfilment::next_due(&self.rows))
            .min()
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

    fn decides(&self, letter: &Letter, now: Time, dice: &mut Dice) -> PartyChange {
        let received = Received {
            letter: LetterFacts {
                message_id: Some(letter.outgoing.message_id.clone()),
                ..LetterFacts::default()
            },
            author: Some(letter.outgoing.statement.from.clone()),
            evidence: Evidence::Relay,
            undecided: None,
            proof: "the simulated provider says so".to_owned(),
            digest: letter.outgoing.message_id.clone(),
            received_at: now,
            content: Content::of_json(letter.outgoing.octets.clone()),
        };
        let mut ids = FreshIds::starting_with(dice.statement(now));
        receive(&self.settings, &self.rows, &received, now, &mut ids)
    }

    pub(super) fn tick(&mut self, now: Time, dice: &mut Dice) -> Vec<Outgoing> {
        let mut ids = FreshIds::starting_with(dice.statement(now));
        let jitter = dice.fraction();
        if let Some(job) = fulfilment::due(&self.rows, now, 1).pop() {
            let result = self.merchant_does(&job);
            let (settings, rows) = (&self.settings, &self.rows);
            let change = jobs::done(settings, rows, &job.id, &result, now, jitter, &mut ids);
            return self.records(change, now, dice);
        }
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

    /// What the merchant's own system does: it gives goods, and says nothing by itself.
    fn merchant_does(&self, job: &Job) -> JobResult {
        let input = fulfilment::input_of(&self.rows, job);
        assert!(input.is_some(), "nobody could run {job:?}");
        let answer = match job.kind {
            JobKind::Goods => json!({ "access": "https://shop.example/goods/1" }).to_string(),
            JobKind::HandOver | JobKind::Changed | JobKind::Progress | JobKind::CalledOff => {
                String::new()
            }
        };
        JobResult::Answered(answer.into_bytes())
    }

    /// The provider has taken a letter: goods count as delivered then.
    pub(super) fn letter_was_accepted(
        &mut self,
        outgoing: &Outgoing,
        now: Time,
        dice: &mut Dice,
    ) -> Vec<Outgoing> {
        let mut ids = FreshIds::starting_with(dice.statement(now));
        let (id, end) = (outgoing.statement.id, LetterEnd::Accepted);
        let change = jobs::letter_ended(&self.settings, &self.rows, id, &end, now, &mut ids);
        match change {
            Some(change) => self.records(change, now, dice),
            None => Vec::new(),
        }
    }

    fn records(&mut self, change: PartyChange, now: Time, dice: &mut Dice) -> Vec<Outgoing> {
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
