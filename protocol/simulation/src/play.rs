//! Plays a scenario on a stage: does what the lines say, waits for what they see, and compares the
//! end with the end that stands in the file.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use toml::Table;

use crate::facts::{Known, Look, text, track_facts};
use crate::scenario::{Deed, Line, Scenario, Whom, address_of};

/// Where a scenario is played.
pub trait Stage {
    /// The buyer does something. Gives the request id of an order.
    fn ann(&mut self, command: &Command) -> Option<String>;
    /// A line for a server's `emit`, which must be accepted.
    fn emit(&mut self, server: &str, line: &Value);
    /// The trades of a server's book, as `tradepost-server trades --json` has them.
    fn book(&mut self, server: &str) -> Vec<Value>;
    /// What the buyer sees now.
    fn look(&mut self) -> Rc<Look>;
    /// The time now, or so much later or (below zero) earlier, in RFC 3339.
    fn moment(&self, milliseconds: i64) -> String;
    /// A machine is switched off.
    fn sleeps(&mut self, who: &str);
    /// A machine is switched on.
    fn wakes(&mut self, who: &str);
    /// So much time passes, where clocks can be turned; elsewhere what is seen next is waited for.
    fn passes(&mut self, time: Duration);
    /// From now on no letter to this player arrives.
    fn loses_all_to(&mut self, who: &str);
    /// From now on every letter to this player comes back.
    fn bounces_all_to(&mut self, who: &str);
    /// From now on letters arrive again; something has been lost or has come back by then.
    fn carries_again(&mut self);
    /// What is waited for from now on gets the full patience.
    fn begins_to_wait(&mut self);
    /// Lets something happen. False when that was waited for long enough.
    fn waits(&mut self) -> bool;
    /// The story has been told, and has ended as it should.
    fn ends(&mut self, end: &mut dyn FnMut(&Look) -> Result<(), String>);
}

/// What the buyer's client is told to do.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // the commands of `tradepost`
pub enum Command {
    Order { form: Table },
    Reorder { trade: String },
    Confirm { trade: String },
    Cancel { what: String },
    Return { trade: String, lines: Vec<String> },
    Ask { what: String },
    Notify { trade: String, on: Vec<String> },
    Expect { link: String },
}

/// Plays it.
///
/// # Panics
/// Where something is not as the scenario says.
pub fn play(scenario: &Scenario, stage: &mut dyn Stage) {
    let mut told = Told {
        scenario,
        stage,
        known: BTreeMap::new(),
    };
    for line in &scenario.story {
        told.line(line);
    }
    told.end();
}

struct Told<'s> {
    scenario: &'s Scenario,
    stage: &'s mut dyn Stage,
    known: BTreeMap<String, Known>,
}

impl Told<'_> {
    fn line(&mut self, line: &Line) {
        match &line.deed {
            Deed::Orders { form, label } => {
                let form = self.scenario.orders.get(form);
                let form = form.unwrap_or_else(|| panic!("{}: which order?", self.at(line)));
                let request = self.stage.ann(&Command::Order { form: form.clone() });
                let known = Known {
                    request,
                    trade: None,
                };
                self.known.insert(label.clone(), known);
            }
            Deed::Reorders { old, label } => {
                let trade = self.named_by_ann(line, old);
                let request = self.stage.ann(&Command::Reorder { trade });
                let known = Known {
                    request,
                    trade: None,
                };
                self.known.insert(label.clone(), known);
            }
            Deed::Confirms { label } => {
                let trade = self.named_by_ann(line, label);
                self.stage.ann(&Command::Confirm { trade });
            }
            Deed::Cancels { what } => {
                let what = self.whom(line, what);
                self.stage.ann(&Command::Cancel { what });
            }
            Deed::Returns { label, lines } => {
                let trade = self.named_by_ann(line, label);
                let lines = lines.clone();
                self.stage.ann(&Command::Return { trade, lines });
            }
            Deed::Asks { what } => {
                let what = self.whom(line, what);
                self.stage.ann(&Command::Ask { what });
            }
            Deed::Wishes { label, on } => {
                let trade = self.named_by_ann(line, label);
                let on = on.clone();
                self.stage.ann(&Command::Notify { trade, on });
            }
            Deed::Expects { label, total } => {
                let (shop, id) = self.name_of(line, label);
                let link = format!("tradepost:{shop}?trade={id}&total={total}");
                self.stage.ann(&Command::Expect { link });
            }
            Deed::HasAllAnswers => self.wait_until(line, |stage| {
                let look = stage.look();
                let mut open = look.requests.iter();
                match open
                    .find(|request| ["queued", "sent", "bounced"].contains(&text(request, "state")))
                {
                    None => Ok(()),
                    Some(request) => Err(format!("{request} waits")),
                }
            }),
            Deed::Sees { who, label, facts } if who == "ann" => {
                let known = self.known(line, label);
                self.wait_until(line, |stage| {
                    let seen = stage.look().facts(&known);
                    contains_all(&seen, facts)
                });
            }
            Deed::Sees { who, label, facts } => {
                let known = self.known(line, label);
                self.wait_until(line, |stage| {
                    let trade = in_book(stage, who, &known);
                    let seen = trade.map(|trade| track_facts(&trade)).unwrap_or_default();
                    contains_all(&seen, facts)
                });
            }
            Deed::Warned { kinds } => self.wait_until(line, |stage| {
                let open = stage.look().warned();
                if open == *kinds {
                    Ok(())
                } else {
                    Err(format!("warned of {open:?}"))
                }
            }),
            Deed::Tells {
                server,
                label,
                track,
                parcel,
                state,
                more,
            } => {
                let (shop, id) = self.known_to(line, server, label);
                let mut told = json!({
                    "key": self.key(line),
                    "shop": shop, "trade": id, "track": track, "state": state,
                });
                if let (Some(object), Some(parcel)) = (told.as_object_mut(), parcel) {
                    object.insert("parcel".to_owned(), json!(parcel));
                }
                self.add_members(&mut told, more);
                self.stage.emit(server, &told);
            }
            Deed::Decides {
                server,
                label,
                members,
            } => {
                let (_, id) = self.known_to(line, server, label);
                let mut decided = json!({ "key": self.key(line), "trade": id });
                self.add_members(&mut decided, members);
                self.stage.emit(server, &decided);
            }
            Deed::Records {
                server,
                record,
                label,
            } => {
                let told = self.record(line, record);
                let id = text(&told, "trade").to_owned();
                let line = json!({ "key": self.key(line), "record": told });
                self.stage.emit(server, &line);
                let known = Known {
                    request: None,
                    trade: Some((address_of(server).to_owned(), id)),
                };
                self.known.insert(label.clone(), known);
            }
            Deed::RecordsAgain {
                server,
                record,
                label,
            } => {
                let (_, id) = self.known_to(line, server, label);
                let mut told = self.record(line, record);
                if let Some(object) = told.as_object_mut() {
                    object.insert("trade".to_owned(), json!(id));
                }
                let line = json!({ "key": self.key(line), "record": told });
                self.stage.emit(server, &line);
            }
            Deed::Sleeps { who } => self.stage.sleeps(who),
            Deed::Wakes { who } => self.stage.wakes(who),
            Deed::Passes { time } => self.stage.passes(*time),
            Deed::LosesAllTo { who } => self.stage.loses_all_to(who),
            Deed::BouncesAllTo { who } => self.stage.bounces_all_to(who),
            Deed::CarriesAgain => self.stage.carries_again(),
        }
    }

    fn record(&self, line: &Line, name: &str) -> Value {
        let record = self.scenario.records.get(name);
        let record = record.unwrap_or_else(|| panic!("{}: which?", self.at(line)));
        let mut told = json!({});
        self.add_members(&mut told, record);
        told
    }

    /// What a line to `emit` is called: the same line again is the same.
    fn key(&self, line: &Line) -> String {
        format!("{}-{}", self.scenario.name, line.number)
    }

    fn whom(&mut self, line: &Line, what: &Whom) -> String {
        match what {
            Whom::Trade(label) => self.named_by_ann(line, label),
            Whom::Order(label) => self.request_of(line, label),
        }
    }

    /// Shop and id of a trade, once a server knows it as well.
    fn known_to(&mut self, line: &Line, server: &str, label: &str) -> (String, String) {
        let (shop, id) = self.name_of(line, label);
        let known = self.known(line, label);
        self.wait_until(line, |stage| match in_book(stage, server, &known) {
            Some(_) => Ok(()),
            None => Err(format!("{server} does not know {id}")),
        });
        (shop, id)
    }

    fn add_members(&self, line: &mut Value, more: &Table) {
        let members: Map<String, Value> = more
            .iter()
            .map(|(name, value)| (name.clone(), json_of(&*self.stage, value)))
            .collect();
        if let Some(object) = line.as_object_mut() {
            object.extend(members);
        }
    }

    fn end(&mut self) {
        let end = &self.scenario.end;
        let known = &self.known;
        let warnings = &self.scenario.warnings;
        let mut as_it_should = |look: &Look| {
            for (label, should) in end {
                let known = known.get(label);
                let known = known.unwrap_or_else(|| panic!("the story has no {label}"));
                let is = look.facts(known).join(", ");
                if is != *should {
                    return Err(format!("{label}: {is}"));
                }
            }
            let open = look.warned();
            if open != *warnings {
                let all = json!(look.warnings);
                return Err(format!("warned of {open:?}: {all:#}"));
            }
            Ok(())
        };
        self.stage.begins_to_wait();
        loop {
            match as_it_should(&self.stage.look()) {
                Ok(()) => break,
                Err(is) if !self.stage.waits() => panic!(
                    "{}: it should end with {end:?}, warned of {warnings:?}, but {is}",
                    self.scenario.name
                ),
                Err(_) => {}
            }
        }
        self.stage.ends(&mut as_it_should);
    }

    fn wait_until(
        &mut self,
        line: &Line,
        mut is_so: impl FnMut(&mut dyn Stage) -> Result<(), String>,
    ) {
        self.stage.begins_to_wait();
        loop {
            match is_so(self.stage) {
                Ok(()) => return,
                Err(is) if !self.stage.waits() => panic!("{}, but {is}", self.at(line)),
                Err(_) => {}
            }
        }
    }

    fn at(&self, line: &Line) -> String {
        format!("{}, {:?}", self.scenario.name, line.text)
    }

    fn known(&self, line: &Line, label: &str) -> Known {
        let known = self.known.get(label);
        known
            .unwrap_or_else(|| panic!("{}: what is {label}?", self.at(line)))
            .clone()
    }

    /// Shop and id of a trade, once the buyer knows it.
    fn name_of(&mut self, line: &Line, label: &str) -> (String, String) {
        let mut known = self.known(line, label);
        if let Some(name) = known.trade {
            return name;
        }
        self.wait_until(line, |stage| match stage.look().trade(&known) {
            Some(trade) => {
                let (shop, id) = (text(trade, "shop"), text(trade, "id"));
                known.trade = Some((shop.to_owned(), id.to_owned()));
                Ok(())
            }
            None => Err(format!("there is no trade {label} yet")),
        });
        self.known.insert(label.to_owned(), known.clone());
        known.trade.unwrap_or_default()
    }

    fn named_by_ann(&mut self, line: &Line, label: &str) -> String {
        let (shop, id) = self.name_of(line, label);
        format!("{shop}/{id}")
    }

    fn request_of(&self, line: &Line, label: &str) -> String {
        let request = self.known(line, label).request;
        request.unwrap_or_else(|| panic!("{}: {label} was not ordered here", self.at(line)))
    }
}

fn contains_all(seen: &[String], facts: &[String]) -> Result<(), String> {
    let missing = facts.iter().find(|fact| !seen.contains(fact));
    match missing {
        None => Ok(()),
        Some(_) => Err(format!("what is seen is {}", seen.join(", "))),
    }
}

/// A trade of a server's book; the shop finds it by the order's request as well.
fn in_book(stage: &mut dyn Stage, server: &str, known: &Known) -> Option<Value> {
    let book = stage.book(server);
    book.into_iter().find(|trade| known.is(trade))
}

/// Members as a story writes them: `"5.00 EUR"` is an amount, `"in 2 days"` and `"2 days ago"` are
/// times, names of players are addresses.
fn json_of(stage: &dyn Stage, value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text_of(stage, text),
        toml::Value::Integer(number) => json!(number),
        toml::Value::Float(number) => json!(number),
        toml::Value::Boolean(yes) => json!(yes),
        toml::Value::Datetime(time) => json!(time.to_string()),
        toml::Value::Array(list) => list.iter().map(|value| json_of(stage, value)).collect(),
        toml::Value::Table(table) => table
            .iter()
            .map(|(name, value)| (name.clone(), json_of(stage, value)))
            .collect::<Map<String, Value>>()
            .into(),
    }
}

fn text_of(stage: &dyn Stage, text: &str) -> Value {
    let millis = |span: &str| {
        let span = crate::scenario::span(span)?;
        i64::try_from(span.as_millis()).ok()
    };
    if let Some(later) = text.strip_prefix("in ").and_then(millis) {
        return json!(stage.moment(later));
    }
    if let Some(earlier) = text.strip_suffix(" ago").and_then(millis) {
        return json!(stage.moment(-earlier));
    }
    if let Some(who) = text.strip_prefix('@') {
        return json!(address_of(who));
    }
    amount(text).unwrap_or_else(|| json!(text))
}

/// `5.00 EUR`
pub(crate) fn amount(text: &str) -> Option<Value> {
    let (amount, currency) = text.split_once(' ')?;
    let is_code = currency.len() == 3 && currency.chars().all(|c| c.is_ascii_uppercase());
    let is_number = amount.starts_with(|c: char| c.is_ascii_digit())
        && amount.chars().all(|c| c.is_ascii_digit() || c == '.');
    (is_code && is_number).then(|| json!({ "amount": amount, "currency": currency }))
}
