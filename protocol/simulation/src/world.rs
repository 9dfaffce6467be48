//! The simulated world: one clock, one post, and the machines of all players. A machine has its
//! settings and its rows, nothing else: what it knows after a restart is all that it ever knows.
//!
//! All that happens by chance comes from one seed: the same seed gives the same world.

mod buyer;
mod dice;
mod fault;
mod machine;
mod post;
mod reading;
mod settings;
mod witness;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use tradepost_parties::view;
use tradepost_statements::{Address, Time};

use crate::facts::Look;
use crate::play::{Command, Stage};
use crate::scenario::{Scenario, address_of, name_of};

use buyer::Buyer;
use dice::Dice;
pub use fault::Faults;
use machine::Machine;
use post::{Arrival, Post};
use witness::Witness;

/// The world of one scenario.
pub struct World {
    now: Time,
    dice: Dice,
    faults: Faults,
    post: Post,
    ann: Buyer,
    servers: BTreeMap<String, Machine>,
    asleep: BTreeSet<String>,
    witness: Witness,
    /// Until when something is waited for.
    patience: Time,
    /// When the buyer asks for all that is missing, where mail gets lost.
    next_question: Time,
    /// What the buyer saw after so many entries.
    seen: Option<(usize, Rc<Look>)>,
}

/// Honest mail takes seconds: what did not happen within this time will not.
const PATIENCE: Duration = Duration::from_secs(20 * 60);
/// What mail is lost, timers and questions repair within days.
const PATIENCE_WITH_FAULTS: Duration = Duration::from_secs(8 * 24 * 3600);
/// A buyer who misses something asks twice a day.
const BETWEEN_QUESTIONS: Duration = Duration::from_secs(12 * 3600);
/// Nothing that time brings about comes later than this after a trade has ended.
const LONG_AFTER: Duration = Duration::from_secs(120 * 24 * 3600);
/// A world in which more happens than this goes round in circles.
const MOST_EVENTS: usize = 200_000;

impl World {
    /// The world in which a scenario begins.
    #[must_use]
    pub fn of(scenario: &Scenario, faults: Faults) -> World {
        let now = Time::from_unix_millis(1_795_000_000_000);
        let dice = Dice::new(faults.seed);
        let servers = scenario
            .servers
            .iter()
            .map(|(name, table)| {
                let settings = settings::server(address_of(name), table);
                (name.clone(), Machine::new(settings))
            })
            .collect();
        World {
            now,
            dice,
            post: Post::new(faults),
            faults,
            ann: Buyer::new(settings::buyer(address_of("ann"), &scenario.buyer)),
            servers,
            asleep: BTreeSet::new(),
            witness: Witness::new(&scenario.warns, faults.any()),
            patience: now,
            next_question: now,
            seen: None,
        }
    }

    /// How many letters were sent.
    #[must_use]
    pub fn letters(&self) -> usize {
        self.post.sent()
    }

    /// When something happens next, as things stand.
    fn next_event(&self) -> Option<Time> {
        let letters = self.post.next_for(|to| !self.sleeps_at(to));
        let ann = self.ann.wake().filter(|_| !self.asleep.contains("ann"));
        let servers = self
            .servers
            .iter()
            .filter(|(name, _)| !self.asleep.contains(*name))
            .filter_map(|(_, machine)| machine.next_wake());
        letters.into_iter().chain(ann).chain(servers).min()
    }

    fn sleeps_at(&self, address: &Address) -> bool {
        self.asleep.contains(name_of(address.as_str()))
    }

    /// Lets the next thing happen that happens before `end`; else it is then.
    fn step(&mut self, end: Time) -> bool {
        let Some(at) = self.next_event().filter(|at| *at <= end) else {
            self.now = self.now.max(end);
            return false;
        };
        self.now = self.now.max(at);
        self.witness.counts(MOST_EVENTS);
        let awake: BTreeSet<Address> = self.awake();
        if let Some(arrival) = self.post.take(self.now, &awake) {
            self.arrives(arrival);
            return true;
        }
        if self.ann.wake().is_some_and(|at| at <= self.now) && !self.asleep.contains("ann") {
            let said = self.ann.tick(self.now, &mut self.dice);
            self.ann_says(said);
            return true;
        }
        let due = self.servers.iter().find(|(name, machine)| {
            !self.asleep.contains(*name) && machine.next_wake().is_some_and(|at| at <= self.now)
        });
        if let Some(name) = due.map(|(name, _)| name.clone()) {
            self.at_server(&name, |machine, now, dice| machine.tick(now, dice));
        }
        true
    }

    fn awake(&self) -> BTreeSet<Address> {
        let players = self.servers.keys().map(String::as_str).chain(["ann"]);
        players
            .filter(|name| !self.asleep.contains(*name))
            .map(|name| address(address_of(name)))
            .collect()
    }

    /// A letter lies in a mailbox, and the machine of that mailbox takes it in: now and then it
    /// dies before it has recorded what it decided, or after that and before it knows that it did.
    fn arrives(&mut self, arrival: Arrival) {
        let to = name_of(arrival.to().as_str()).to_owned();
        let dies = self.faults.dies(&mut self.dice);
        match dies {
            Some(fault::Death::BeforeItRecords) => {
                if let Some(machine) = self.servers.get(&to) {
                    machine.decides_in_vain(&arrival, self.now, &mut self.dice);
                }
                self.post.put_back(self.now, arrival);
                return;
            }
            Some(fault::Death::AfterItRecorded) => self.post.put_back(self.now, arrival.clone()),
            None => {}
        }
        if to == "ann" {
            let said = match &arrival {
                Arrival::Letter(letter) => self.ann.receives(letter, self.now, &mut self.dice),
                Arrival::Bounce(bounce) => self.ann.bounced(bounce, self.now, &mut self.dice),
            };
            self.ann_says(said);
        } else if let Arrival::Letter(letter) = &arrival {
            self.at_server(&to, |machine, now, dice| {
                machine.receives(letter, now, dice)
            });
        }
    }

    fn at_server(
        &mut self,
        name: &str,
        does: impl FnOnce(&mut Machine, Time, &mut Dice) -> Vec<post::Outgoing>,
    ) {
        let Some(machine) = self.servers.get_mut(name) else {
            return;
        };
        let mut said = VecDeque::from(does(machine, self.now, &mut self.dice));
        while let Some(outgoing) = said.pop_front() {
            self.witness.hears(&outgoing);
            said.extend(machine.letter_was_accepted(&outgoing, self.now, &mut self.dice));
            self.post.carry(self.now, outgoing, &mut self.dice);
        }
    }

    fn ann_says(&mut self, said: Vec<post::Outgoing>) {
        for outgoing in said {
            self.witness.hears(&outgoing);
            self.post.carry(self.now, outgoing, &mut self.dice);
        }
        self.witness.looks_at(&self.ann, self.now);
    }

    /// A buyer whose mail gets lost asks for what is missing.
    fn asks_for_what_is_missing(&mut self) {
        if !self.faults.any() || self.now < self.next_question || self.asleep.contains("ann") {
            return;
        }
        self.next_question = self.now.plus(BETWEEN_QUESTIONS);
        let said = self.ann.asks_for_everything(self.now, &mut self.dice);
        self.ann_says(said);
    }

    /// Lets all happen that still happens, to the end of all timers.
    fn runs_out(&mut self) {
        let end = self.now.plus(LONG_AFTER);
        while self.step(end) {}
    }
}

impl Stage for World {
    fn ann(&mut self, command: &Command) -> Option<String> {
        let (request, said) = self.ann.does(command, self.now, &mut self.dice);
        self.ann_says(said);
        request
    }

    fn emit(&mut self, server: &str, line: &Value) {
        self.at_server(server, |machine, now, dice| machine.emit(line, now, dice));
        if self.faults.any() {
            // Whoever does not hear the answer says it again: the key makes it one.
            self.at_server(server, |machine, now, dice| machine.emit(line, now, dice));
        }
    }

    fn book(&mut self, server: &str) -> Vec<Value> {
        let machine = self.servers.get(server);
        let machine = machine.unwrap_or_else(|| panic!("there is no server {server}"));
        let own = &machine.settings.address;
        view::trades(&machine.rows, own, 1000)
            .iter()
            .map(|trade| json!(trade))
            .collect()
    }

    fn look(&mut self) -> Rc<Look> {
        let entries = self.ann.entries();
        if let Some((_, look)) = self.seen.as_ref().filter(|(then, _)| *then == entries) {
            return Rc::clone(look);
        }
        let look = Rc::new(reading::look(&self.ann.rows, self.now));
        self.seen = Some((entries, Rc::clone(&look)));
        look
    }

    fn moment(&self, milliseconds: i64) -> String {
        Time::from_unix_millis(self.now.unix_millis() + milliseconds).to_string()
    }

    fn sleeps(&mut self, who: &str) {
        self.asleep.insert(who.to_owned());
    }

    fn wakes(&mut self, who: &str) {
        assert!(self.asleep.remove(who), "{who} is awake");
    }

    fn passes(&mut self, time: Duration) {
        let end = self.now.plus(time);
        while self.step(end) {}
    }

    fn loses_all_to(&mut self, who: &str) {
        self.post.loses_all_to(address(address_of(who)));
    }

    fn bounces_all_to(&mut self, who: &str) {
        self.post.bounces_all_to(address(address_of(who)));
    }

    fn carries_again(&mut self) {
        self.patience = self.now.plus(PATIENCE);
        while !self.post.has_kept_back() && self.waits() {}
        self.post.carries_again();
    }

    fn begins_to_wait(&mut self) {
        let patience = if self.faults.any() {
            PATIENCE_WITH_FAULTS
        } else {
            PATIENCE
        };
        self.patience = self.now.plus(patience);
        self.next_question = self.now.plus(BETWEEN_QUESTIONS);
    }

    fn waits(&mut self) -> bool {
        if self.now >= self.patience {
            return false;
        }
        self.asks_for_what_is_missing();
        let end = if self.faults.any() {
            self.patience.min(self.next_question)
        } else {
            self.patience
        };
        self.step(end);
        true
    }

    fn ends(&mut self, end: &mut dyn FnMut(&Look) -> Result<(), String>) {
        self.runs_out();
        // Time alone may have made a difference.
        self.seen = None;
        if let Err(is) = end(&self.look()) {
            panic!("it ended as it should, but later: {is}");
        }
        self.witness
            .sees_that_all_is_silent(&self.ann, &self.servers, self.now);
        self.ann.replay_gives_the_same_rows();
    }
}

fn address(text: &str) -> Address {
    text.parse()
        .unwrap_or_else(|e| panic!("{text} is an address: {e}"))
}
