//! The buyer's daemon and the three servers are killed (SIGKILL) at random moments while statuses are pushed
//! through `emit` without pause. At the end every line that `emit` had answered with `accepted: true` stands in
//! the buyer's ledger exactly once. The check reads only what the programs print; it shares no code with them.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use jiff::{Span, Timestamp, Unit};
use serde_json::{Value, json};

use support::agent::{Agent, Commands, finish};
use support::{ORDER, SHOP, World, wait};

#[test]
fn what_emit_accepted_reaches_the_ledger_exactly_once_however_often_all_are_killed_in_a_mailroom() {
    kill_and_check(&World::in_a_mailroom());
}

// Requirements: E14
#[test]
fn what_emit_accepted_reaches_the_ledger_exactly_once_however_often_all_are_killed_on_real_servers()
{
    if let Some(world) = World::on_real_servers() {
        kill_and_check(&world);
    }
}

const ROUNDS: usize = 20;
const TRADES: usize = 3;
/// One call of `emit` reads so many lines.
const LINES_AT_ONCE: usize = 5;
/// A server that refuses a line for so long is not just being restarted.
const PATIENCE: Duration = Duration::from_secs(60);

/// The three tracks, with states that may follow each other in any order and end nothing.
const TRACKS: [(&str, [&str; 3]); 3] = [
    ("order", ["preparing", "awaiting-payment", "preparing"]),
    ("delivery", ["in-transit", "at-terminal", "sorted"]),
    ("payment", ["pending", "due", "authorized"]),
];

/// A line of `emit`. No two lines of a track have the same `at`, by which the ledger's history shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    trade: String,
    track: String,
    at: Timestamp,
    state: String,
}

impl Line {
    fn to_json(&self, key: &str) -> Value {
        json!({"key": key, "shop": SHOP, "trade": self.trade, "track": self.track,
               "state": self.state, "at": self.at.to_string()})
    }
}

/// A line with its key, and the statement that `emit` said it became.
struct Accepted {
    key: String,
    line: Line,
    statement: String,
}

fn kill_and_check(world: &World) {
    let mut dice = Dice::thrown();
    println!("seed {0}; to repeat: KILL_TEST_SEED={0}", dice.0);
    let mut ann = world.buyer();
    let mut servers = [world.shop(), world.carrier(), world.processor()];
    ann.start();
    servers.iter_mut().for_each(Agent::start);
    let trades = order_trades(world, &ann);
    for server in &servers {
        wait::until("every server knows every trade", || {
            let known = server.say(&["trades"]);
            trades
                .iter()
                .all(|id| known.contains(id.as_str()))
                .then_some(())
        });
    }

    let commands = [0, 1, 2].map(|index| servers[index].commands());
    let enough = AtomicBool::new(false);
    let accepted: Vec<Vec<Accepted>> = thread::scope(|scope| {
        let pushers: Vec<_> = commands
            .iter()
            .zip(TRACKS)
            .map(|(server, track)| {
                let dice = dice.another();
                let (trades, enough) = (&trades, &enough);
                scope.spawn(move || push_until_enough(server, track, trades, dice, enough))
            })
            .collect();
        // Also when a kill finds that a program has ended by itself, and panics.
        let stop_pushing = SetOnDrop(&enough);
        for round in 0..ROUNDS {
            let mut agents: Vec<&mut Agent> = servers.iter_mut().chain([&mut ann]).collect();
            kill_some(&mut dice, round, &mut agents);
        }
        drop(stop_pushing);
        pushers
            .into_iter()
            .map(|pusher| pusher.join().unwrap())
            .collect()
    });

    for (server, accepted) in commands.iter().zip(&accepted) {
        println!("{}: {} lines were accepted", server.name, accepted.len());
        assert!(accepted.len() >= LINES_AT_ONCE, "there was no load");
        the_same_keys_get_the_same_answers(server, accepted);
    }
    let lines: BTreeSet<Line> = accepted
        .into_iter()
        .flatten()
        .map(|accepted| accepted.line)
        .collect();
    every_line_is_in_the_ledger_once(&ann, &trades, &lines);
}

/// Gives the ids of the new trades.
fn order_trades(world: &World, ann: &Agent) -> Vec<String> {
    let order = world.file("order.toml", ORDER);
    for _ in 0..TRADES {
        ann.say(&["order", order.to_str().unwrap()]);
    }
    wait::until("the trade records arrive", || {
        let list = ann.json(&["list", "--json"]);
        let ids: Vec<String> = list
            .as_array()
            .unwrap()
            .iter()
            .map(|trade| trade["id"].as_str().unwrap().to_owned())
            .collect();
        (ids.len() == TRADES).then_some(ids)
    })
}

/// Waits a moment, kills one to four of the processes, and starts them again a moment later.
fn kill_some(dice: &mut Dice, round: usize, agents: &mut [&mut Agent]) {
    thread::sleep(Duration::from_millis(dice.below(800)));
    let always = dice.below(agents.len() as u64);
    let mut victims: Vec<&mut &mut Agent> = agents
        .iter_mut()
        .enumerate()
        .filter(|(index, _)| *index as u64 == always || dice.below(3) == 0)
        .map(|(_, agent)| agent)
        .collect();
    for victim in &mut victims {
        victim.kill();
    }
    let names: Vec<&str> = victims.iter().map(|victim| victim.name.as_str()).collect();
    println!("round {round}: killed {}", names.join(", "));
    // Meanwhile `emit` works on the store by itself.
    thread::sleep(Duration::from_millis(dice.below(300)));
    for victim in victims {
        victim.start();
    }
}

/// Emits lines, a few at a time, and goes on to the next when all of them are accepted.
fn push_until_enough(
    server: &Commands,
    (track, states): (&str, [&str; 3]),
    trades: &[String],
    mut dice: Dice,
    enough: &AtomicBool,
) -> Vec<Accepted> {
    let mut accepted = Vec::new();
    let mut at = Timestamp::now();
    let mut number = 0;
    while !enough.load(Ordering::Relaxed) {
        let mut open = BTreeMap::new();
        for _ in 0..LINES_AT_ONCE {
            // Later than the line before, and not in the future by more than a few milliseconds.
            at = (at + Span::new().milliseconds(1))
                .max(Timestamp::now().round(Unit::Millisecond).unwrap());
            let line = Line {
                trade: trades[number % TRADES].clone(),
                track: track.to_owned(),
                at,
                state: states[number % states.len()].to_owned(),
            };
            open.insert(format!("{track}-{number:06}"), line);
            number += 1;
        }
        accepted.extend(emit_until_accepted(server, open, &mut dice));
    }
    accepted
}

/// Emits these lines, and with the same keys again those that were not answered: the server may be down, and
/// `emit` itself is killed now and then.
fn emit_until_accepted(
    server: &Commands,
    mut open: BTreeMap<String, Line>,
    dice: &mut Dice,
) -> Vec<Accepted> {
    let deadline = Instant::now() + PATIENCE;
    let mut accepted = Vec::new();
    while !open.is_empty() {
        let keys: Vec<String> = open.keys().cloned().collect();
        let input: String = open
            .iter()
            .map(|(key, line)| format!("{}\n", line.to_json(key)))
            .collect();
        let mut emit = server.spawn(&["emit", "-"]);
        let is_killed = dice.below(5) == 0;
        let outcome = if is_killed {
            emit.stdin
                .as_mut()
                .unwrap()
                .write_all(input.as_bytes())
                .unwrap();
            thread::sleep(Duration::from_millis(dice.below(60)));
            emit.kill().unwrap();
            finish(emit, "", PATIENCE)
        } else {
            finish(emit, &input, PATIENCE)
        };
        // A last line without its end was cut off by the kill: not an answer yet.
        for answer in outcome
            .stdout
            .split_inclusive('\n')
            .filter(|answer| answer.ends_with('\n'))
        {
            let answer: Value = serde_json::from_str(answer).unwrap();
            let key = &keys[usize::try_from(answer["line"].as_u64().unwrap()).unwrap() - 1];
            if answer["accepted"] == true {
                let statement = answer["statement"].as_str().unwrap().to_owned();
                let line = open
                    .remove(key)
                    .unwrap_or_else(|| panic!("{key} was answered twice"));
                accepted.push(Accepted {
                    key: key.clone(),
                    line,
                    statement,
                });
            }
        }
        assert!(
            is_killed || !outcome.status.success() || open.is_empty(),
            "{}: it says that all is recorded, but {open:?} has no answer: {outcome:?}",
            server.name
        );
        assert!(
            Instant::now() < deadline,
            "{}: {open:?} in vain for {PATIENCE:?}: {outcome:?}",
            server.name
        );
    }
    accepted
}

fn the_same_keys_get_the_same_answers(server: &Commands, accepted: &[Accepted]) {
    let lines: Vec<Value> = accepted
        .iter()
        .map(|accepted| accepted.line.to_json(&accepted.key))
        .collect();
    let answers = server.emit(&lines);
    assert_eq!(answers.len(), accepted.len());
    for (answer, accepted) in answers.iter().zip(accepted) {
        assert_eq!(
            answer["statement"], accepted.statement,
            "{}: {answer}",
            accepted.key
        );
    }
}

/// Everything that was accepted, nothing twice, and no other line of ours either: all of them were accepted
/// in the end.
fn every_line_is_in_the_ledger_once(ann: &Agent, trades: &[String], lines: &BTreeSet<Line>) {
    let first = lines
        .first()
        .map(|line| line.at)
        .into_iter()
        .chain(lines.iter().map(|line| line.at))
        .min()
        .unwrap();
    let told = || -> Vec<Line> {
        trades
            .iter()
            .flat_map(|id| told_since(ann, id, first))
            .collect()
    };
    wait::until("every accepted line is in the ledger", || {
        let told: BTreeSet<Line> = told().into_iter().collect();
        lines.is_subset(&told).then_some(())
    });
    let mut twice_or_foreign = told();
    for line in lines {
        let index = twice_or_foreign
            .iter()
            .position(|told| told == line)
            .unwrap();
        twice_or_foreign.swap_remove(index);
    }
    assert!(twice_or_foreign.is_empty(), "{twice_or_foreign:#?}");
    let warnings = ann.json(&["warnings", "--json"]);
    assert_eq!(
        warnings,
        json!([]),
        "nothing was lost or repeated in a way that had to be warned"
    );
}

/// The statuses of a trade's history, but those that the servers made of themselves at the beginning.
fn told_since(ann: &Agent, id: &str, first: Timestamp) -> Vec<Line> {
    let shown = ann.json(&["show", id, "--json"]);
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    shown["history"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| TRACKS.iter().any(|(track, _)| entry["track"] == *track))
        .map(|entry| Line {
            trade: id.to_owned(),
            track: text(entry, "track"),
            at: text(entry, "at").parse().unwrap(),
            state: text(entry, "state"),
        })
        .filter(|line| line.at >= first)
        .collect()
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Random numbers that a seed repeats (xorshift64*).
struct Dice(u64);

impl Dice {
    fn thrown() -> Dice {
        let given = std::env::var("KILL_TEST_SEED")
            .ok()
            .map(|seed| seed.parse().unwrap());
        let seed = given.unwrap_or_else(|| {
            u64::try_from(Timestamp::now().as_nanosecond() & 0xffff_ffff).unwrap_or_default()
        });
        Dice(seed.max(1))
    }

    fn another(&mut self) -> Dice {
        Dice(self.next().max(1))
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }
}
