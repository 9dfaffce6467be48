//! The buyer's machine: her settings, her ledger, and as little around the decisions as there can
//! be. What was entered is kept, as the client's journal keeps it, so that it can be replayed.

use std::collections::BTreeSet;

use tradepost_buyer::{
    self as buyer, Act, Back, BouncedLetter, BuyerChange, BuyerSettings, OwnHow, Saying, Subject,
    view,
};
use tradepost_statements::order::Order;
use tradepost_statements::{
    Address, Body, Evidence, RequestId, Statement, StatementId, Time, TradeRef, wire,
};
use tradepost_trades::letter::{Content, LetterFacts, Received};
use tradepost_trades::rows::MemoryRows;

use super::dice::Dice;
use super::post::{Bounce, Letter, Outgoing};
use super::settings;
use crate::play::Command;

pub(super) struct Buyer {
    pub(super) settings: BuyerSettings,
    pub(super) rows: MemoryRows,
    wake: Option<Time>,
    journal: Vec<(Time, Entry)>,
}

enum Entry {
    Letter(Box<Received>),
    Own { json: String, message_id: String },
    Bounced { message_id: String },
    Act(Act),
    Tick,
}

const BOUNCE: &str = "550 5.1.1 no such mailbox, says the simulated post";

impl Buyer {
    pub(super) fn new(settings: BuyerSettings) -> Buyer {
        Buyer {
            settings,
            rows: MemoryRows::default(),
            wake: None,
            journal: Vec::new(),
        }
    }

    /// How many things were entered.
    pub(super) fn entries(&self) -> usize {
        self.journal.len()
    }

    pub(super) fn wake(&self) -> Option<Time> {
        self.wake
    }

    pub(super) fn receives(
        &mut self,
        letter: &Letter,
        now: Time,
        dice: &mut Dice,
    ) -> Vec<Outgoing> {
        let outgoing = &letter.outgoing;
        let author = outgoing.statement.from.clone();
        let received = Received {
            letter: LetterFacts {
                message_id: Some(outgoing.message_id.clone()),
                from: Some(author.as_str().to_owned()),
                subject: Some(outgoing.statement.body.kind().to_string()),
                date: Some(outgoing.statement.sent),
                size: 1000,
            },
            author: Some(author),
            evidence: Evidence::Relay,
            undecided: None,
            proof: "the simulated provider says so".to_owned(),
            digest: outgoing.message_id.clone(),
            received_at: letter.received_at,
            content: Content::of_json(outgoing.octets.clone()),
        };
        self.enters(Entry::Letter(Box::new(received)), now, dice)
    }

    pub(super) fn bounced(&mut self, bounce: &Bounce, now: Time, dice: &mut Dice) -> Vec<Outgoing> {
        let message_id = bounce.message_id.clone();
        self.enters(Entry::Bounced { message_id }, now, dice)
    }

    pub(super) fn tick(&mut self, now: Time, dice: &mut Dice) -> Vec<Outgoing> {
        self.enters(Entry::Tick, now, dice)
    }

    /// Does what a command does. Gives the request id of an order.
    pub(super) fn does(
        &mut self,
        command: &Command,
        now: Time,
        dice: &mut Dice,
    ) -> (Option<String>, Vec<Outgoing>) {
        match command {
            Command::Order { form } => {
                let (to, order) = settings::order(form);
                self.orders(to, order, now, dice)
            }
            Command::Reorder { trade } => {
                let once = buyer::reorder(&self.rows, &self.trade(trade));
                let once = once.unwrap_or_else(|e| panic!("{trade}: {e}"));
                self.orders(once.to, once.order, now, dice)
            }
            Command::Confirm { trade } => {
                let trade = self.trade(trade);
                let known = view::trades(&self.rows, now);
                let is_apart =
                    |t: &view::BuyerTradeView| t.shop == trade.shop && t.id == trade.id && t.apart;
                let mut said = Vec::new();
                if known.iter().any(is_apart) {
                    let trade = trade.clone();
                    said.extend(self.enters(Entry::Act(Act::ConfirmAdopted { trade }), now, dice));
                }
                let wanted = buyer::confirm(&self.rows, &trade).expect("the trade is known");
                if let Some(saying) = wanted {
                    said.extend(self.says(saying, now, dice));
                }
                (None, said)
            }
            Command::Cancel { what } => {
                let wanted = match what.parse::<RequestId>() {
                    Ok(request) => buyer::cancel_request(&self.rows, &request, None),
                    Err(_) => buyer::cancel_trade(&self.rows, &self.trade(what), None),
                };
                let saying = wanted.unwrap_or_else(|e| panic!("{what}: {e}"));
                (None, self.says(saying, now, dice))
            }
            Command::Return { trade, lines } => {
                let trade = self.trade(trade);
                let lines: Vec<Back> = lines.iter().map(|line| settings::back(line)).collect();
                let wanted = buyer::return_goods(&self.rows, &trade, &lines, None);
                let saying = wanted.unwrap_or_else(|e| panic!("{trade}: {e}"));
                (None, self.says(saying, now, dice))
            }
            Command::Ask { what } => {
                let subject = match what.parse::<RequestId>() {
                    Ok(request) => Subject::Request(request),
                    Err(_) => Subject::Trade(self.trade(what)),
                };
                (None, self.asks(&subject, now, dice))
            }
            Command::Notify { trade, on } => {
                let trade = self.trade(trade);
                let wishes = settings::wishes(on);
                let wanted = buyer::wishes_for_trade(&self.rows, &trade, &wishes);
                let sayings = wanted.unwrap_or_else(|e| panic!("{trade}: {e}"));
                let mut said = Vec::new();
                for saying in sayings {
                    said.extend(self.says(saying, now, dice));
                }
                (None, said)
            }
            Command::Expect { link } => {
                let order = link.parse().unwrap_or_else(|e| panic!("{link}: {e}"));
                (
                    None,
                    self.enters(Entry::Act(Act::Expect { order }), now, dice),
                )
            }
        }
    }

    /// Gives the request id.
    fn orders(
        &mut self,
        to: Address,
        order: Order,
        now: Time,
        dice: &mut Dice,
    ) -> (Option<String>, Vec<Outgoing>) {
        let own = self.address();
        let request = RequestId::new(dice.uuid(now), own).expect("it is of version 7");
        let saying = Saying {
            to,
            trade: None,
            request: Some(request.clone()),
            body: Body::Order(Box::new(order)),
        };
        (Some(request.to_string()), self.says(saying, now, dice))
    }

    /// New questions, and those again that nobody has answered.
    fn asks(&mut self, subject: &Subject, now: Time, dice: &mut Dice) -> Vec<Outgoing> {
        let parties = BTreeSet::new();
        let asking = buyer::ask(&self.settings, &self.rows, subject, &parties, now);
        let asking = asking.unwrap_or_else(|e| panic!("{subject:?}: {e}"));
        let mut said = Vec::new();
        for saying in asking.say {
            said.extend(self.says(saying, now, dice));
        }
        for question in asking.again {
            said.extend(self.says_again(question.statement, now, dice));
        }
        said
    }

    /// Asks every party of every trade.
    pub(super) fn asks_for_everything(&mut self, now: Time, dice: &mut Dice) -> Vec<Outgoing> {
        let mut said = Vec::new();
        for trade in view::trades(&self.rows, now) {
            let (shop, id) = (trade.shop, trade.id);
            let subject = Subject::Trade(TradeRef { shop, id });
            said.extend(self.asks(&subject, now, dice));
        }
        said
    }

    fn trade(&self, name: &str) -> TradeRef {
        view::find(&self.rows, name).unwrap_or_else(|e| panic!("{e}"))
    }

    fn address(&self) -> Address {
        let own = self.settings.ours.iter().next();
        own.expect("a buyer has an address").clone()
    }

    /// Makes a statement, records it, and sends it (Q1).
    fn says(&mut self, saying: Saying, now: Time, dice: &mut Dice) -> Vec<Outgoing> {
        let speaker = saying.speaker(&self.rows);
        let statement = Statement {
            id: dice.statement(now),
            from: speaker.unwrap_or_else(|| self.address()),
            to: saying.to,
            sent: now,
            trade: saying.trade,
            request: saying.request,
            answers: None,
            body: saying.body,
        };
        let json = wire::encode(&statement);
        self.sends(statement, json, now, dice)
    }

    fn says_again(&mut self, id: StatementId, now: Time, dice: &mut Dice) -> Vec<Outgoing> {
        match view::own_statement(&self.rows, id) {
            Some((statement, json)) => self.sends(statement, json, now, dice),
            None => Vec::new(),
        }
    }

    fn sends(
        &mut self,
        statement: Statement,
        json: String,
        now: Time,
        dice: &mut Dice,
    ) -> Vec<Outgoing> {
        let message_id = format!("{}@{}", dice.uuid(now), statement.from.domain());
        let entry = Entry::Own {
            json: json.clone(),
            message_id: message_id.clone(),
        };
        let mut said = vec![Outgoing {
            statement,
            octets: json,
            message_id,
        }];
        said.extend(self.enters(entry, now, dice));
        said
    }

    fn enters(&mut self, entry: Entry, now: Time, dice: &mut Dice) -> Vec<Outgoing> {
        let change = decided(&self.settings, &self.rows, &entry, now);
        self.rows.apply(change.rows);
        // A schedule never spins, whatever is due.
        let least = now.plus(std::time::Duration::from_millis(20));
        self.wake = buyer::next_wake(&self.rows, now).map(|at| at.max(least));
        self.journal.push((now, entry));
        let mut said = Vec::new();
        for id in change.say_again {
            said.extend(self.says_again(id, now, dice));
        }
        for saying in change.say {
            said.extend(self.says(saying, now, dice));
        }
        said
    }

    /// The journal is the truth: replayed, it gives the very rows.
    pub(super) fn replay_gives_the_same_rows(&self) {
        let mut rows = MemoryRows::default();
        for (now, entry) in &self.journal {
            let change = decided(&self.settings, &rows, entry, *now);
            rows.apply(change.rows);
        }
        assert!(rows == self.rows, "a replay gives other rows");
    }
}

fn decided(settings: &BuyerSettings, rows: &MemoryRows, entry: &Entry, now: Time) -> BuyerChange {
    match entry {
        Entry::Letter(received) => buyer::receive(settings, rows, received, now),
        Entry::Own { json, message_id } => {
            let how = OwnHow::Sending;
            buyer::own(settings, rows, json, Some(message_id), how, now)
        }
        Entry::Bounced { message_id } => {
            let returned = BouncedLetter {
                message_ids: vec![message_id.clone()],
                text: BOUNCE.to_owned(),
                ..BouncedLetter::default()
            };
            buyer::bounced(settings, rows, &returned, now)
        }
        Entry::Act(act) => {
            let change = buyer::act(settings, rows, act, now);
            change.unwrap_or_else(|e| panic!("{act:?}: {e}"))
        }
        Entry::Tick => buyer::tick(settings, rows, now),
    }
}
