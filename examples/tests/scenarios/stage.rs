//! A stage for scenarios on which the players are the real programs: what the buyer does is typed, what
//! servers tell goes through `emit`, and what is seen is what the commands print.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use toml::Table;
use tradepost_mailroom::Fault;
use tradepost_simulation::Scenario;
use tradepost_simulation::facts::Look;
use tradepost_simulation::play::{Command, Stage};
use tradepost_simulation::scenario::{address_of, lay_over, span};

use crate::support::agent::Agent;
use crate::support::provider::Provider;
use crate::support::{World, wait};

/// Far longer than anything takes on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(120);
/// A look starts several processes.
const BETWEEN_LOOKS: Duration = Duration::from_millis(150);

/// Nobody can turn these programs' clocks: they wait for answers so much less long.
const QUICK: &str = r#"
    answer_first = "1500 ms"
    answer_longest = "4 s"
"#;

pub(crate) struct Programs<'w> {
    world: &'w World,
    ann: Agent,
    servers: BTreeMap<String, Agent>,
    asleep: Vec<String>,
    deadline: Instant,
    orders: usize,
    /// Letters to this address come back.
    bounces: Option<&'static str>,
    came_back: BTreeSet<String>,
    /// So many milliseconds stand for a day of the story, where it has to pass.
    day: Option<i64>,
}

impl<'w> Programs<'w> {
    /// All players of the scenario, started.
    pub(crate) fn of(world: &'w World, scenario: &Scenario) -> Programs<'w> {
        let player = |name: &str, table: &Table| {
            let mut config = Table::new();
            config.insert("timers".to_owned(), QUICK.parse::<Table>().unwrap().into());
            lay_over(&mut config, table);
            if let Some(real) = scenario.real.get(name).and_then(|real| real.as_table()) {
                lay_over(&mut config, real);
            }
            let mut agent = player(world, name, &config);
            agent.start();
            agent
        };
        let servers = scenario.servers.iter();
        Programs {
            ann: player("ann", &scenario.buyer),
            servers: servers
                .map(|(name, table)| (name.clone(), player(name, table)))
                .collect(),
            world,
            asleep: Vec::new(),
            deadline: Instant::now() + PATIENCE,
            orders: 0,
            bounces: None,
            came_back: BTreeSet::new(),
            day: scenario.real.get("day").map(|day| {
                let day = span(day.as_str().unwrap()).unwrap();
                i64::try_from(day.as_millis()).unwrap()
            }),
        }
    }

    fn agent(&mut self, who: &str) -> &mut Agent {
        if who == "ann" {
            return &mut self.ann;
        }
        let server = self.servers.get_mut(who);
        server.unwrap_or_else(|| panic!("there is no {who}"))
    }

    fn room(&self) -> &tradepost_mailroom::Mailroom {
        match &self.world.provider {
            Provider::Room(room, _) => room,
            Provider::Bed(_) => panic!("only the mailroom loses letters when it is told to"),
        }
    }

    /// What the buyer has sent to the address that bounces comes back from her provider (RFC 3464).
    fn lets_come_back(&mut self) {
        let Some(bounces) = self.bounces else {
            return;
        };
        for letter in self.room().letters(address_of("ann"), "Sent") {
            let text = String::from_utf8_lossy(&letter.bytes).into_owned();
            let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
            let Some(id) = field("Message-ID: ").filter(|_| field("To: ") == Some(bounces)) else {
                continue;
            };
            if self.came_back.insert(id.to_owned()) {
                let report = report(bounces, id);
                let ann = address_of("ann");
                self.room().deliver(ann, report.as_bytes()).unwrap();
            }
        }
    }

    /// Types a command that sends something; gives the request id that it prints.
    fn types(&self, arguments: &[&str]) -> Option<String> {
        let mut all = arguments.to_vec();
        all.push("--json");
        let said = self.ann.json(&all);
        said["request"].as_str().map(str::to_owned)
    }
}

fn report(failed: &str, id: &str) -> String {
    let ann = address_of("ann");
    format!(
        "Return-Path: <>\r\nFrom: Mail Delivery System <mailer-daemon@mx.home.example>\r\nTo: {ann}\r\n\
         Subject: Undelivered Mail Returned to Sender\r\nDate: Fri, 20 Nov 2026 10:15:05 +0000\r\n\
         Message-ID: <came-back.{}\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"=b\"\r\n\r\n\
         --=b\r\nContent-Type: text/plain\r\n\r\nIt could not be delivered.\r\n\
         --=b\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mx.home.example\r\n\r\nFinal-Recipient: rfc822; {failed}\r\nAction: failed\r\n\
         Status: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n\
         --=b\r\nContent-Type: text/rfc822-headers\r\n\r\nFrom: {ann}\r\nTo: {failed}\r\nMessage-ID: {id}\r\n\
         --=b--\r\n",
        id.trim_start_matches('<')
    )
}

/// A program that is configured as the scenario says, and for the mail and trust of this world.
fn player(world: &World, name: &str, rest: &Table) -> Agent {
    let address = address_of(name);
    let mut config: Table = world.mail_sections(address).parse().unwrap();
    config.insert("address".to_owned(), address.into());
    lay_over(&mut config, rest);
    let config = toml::to_string(&config).unwrap();
    let (program, runs_by) = match name {
        "ann" => ("tradepost", "daemon"),
        _ => ("tradepost-server", "run"),
    };
    world.agent(program, runs_by, name, address, &config)
}

impl Stage for Programs<'_> {
    fn ann(&mut self, command: &Command) -> Option<String> {
        match command {
            Command::Order { form } => {
                self.orders += 1;
                let name = format!("order-{}.toml", self.orders);
                let file = self.world.file(&name, &toml::to_string(form).unwrap());
                self.types(&["order", file.to_str().unwrap()])
            }
            Command::Reorder { trade } => self.types(&["reorder", trade, "--yes"]),
            Command::Confirm { trade } => self.types(&["confirm", trade]),
            Command::Cancel { what } => self.types(&["cancel", what]),
            Command::Return { trade, lines } => {
                let lines = lines.iter().flat_map(|line| ["--line", line]);
                let all: Vec<&str> = ["return", trade].into_iter().chain(lines).collect();
                self.types(&all)
            }
            Command::Expect { link } => {
                self.ann.say(&["expect", link, "--yes"]);
                None
            }
            Command::Ask { what } => self.types(&["ask", what]),
            Command::Notify { trade, on } => {
                let on = on.iter().flat_map(|wish| ["--on", wish]);
                let all: Vec<&str> = ["notify", trade].into_iter().chain(on).collect();
                self.types(&all)
            }
        }
    }

    fn emit(&mut self, server: &str, line: &Value) {
        self.agent(server).tell(std::slice::from_ref(line));
    }

    fn book(&mut self, server: &str) -> Vec<Value> {
        let trades = self.agent(server).json(&["trades", "--json"]);
        trades.as_array().unwrap().clone()
    }

    fn look(&mut self) -> Rc<Look> {
        let list = |arguments: &[&str]| -> Vec<Value> {
            self.ann.json(arguments).as_array().unwrap().clone()
        };
        let trades = list(&["list", "--json"]).into_iter().map(|trade| {
            let name = format!("{}/{}", trade["shop"], trade["id"]).replace('"', "");
            self.ann.json(&["show", &name, "--json"])
        });
        Rc::new(Look {
            trades: trades.collect(),
            requests: list(&["requests", "--json"]),
            warnings: list(&["warnings", "--json"]),
            stats: json!(null),
        })
    }

    fn moment(&self, milliseconds: i64) -> String {
        const DAY: i64 = 24 * 3_600_000;
        let scaled = self
            .day
            .map_or(milliseconds, |day| milliseconds * day / DAY);
        (Timestamp::now() + SignedDuration::from_millis(scaled)).to_string()
    }

    fn sleeps(&mut self, who: &str) {
        self.asleep.push(who.to_owned());
        self.agent(who).kill();
    }

    fn wakes(&mut self, who: &str) {
        self.asleep.retain(|asleep| asleep != who);
        self.agent(who).start();
    }

    /// What time brings about is waited for where it is seen; configurations make it come soon.
    fn passes(&mut self, _time: Duration) {}

    fn loses_all_to(&mut self, who: &str) {
        let faults = self.room().faults();
        faults.for_user(address_of(who)).always(Fault::LetterLost);
    }

    fn bounces_all_to(&mut self, who: &str) {
        self.loses_all_to(who);
        self.bounces = Some(address_of(who));
    }

    fn carries_again(&mut self) {
        wait::until("a letter is lost", || {
            (self.room().faults().happened(&Fault::LetterLost) > 0).then_some(())
        });
        self.room().faults().clear();
        self.bounces = None;
    }

    fn begins_to_wait(&mut self) {
        self.deadline = Instant::now() + PATIENCE;
    }

    fn waits(&mut self) -> bool {
        self.lets_come_back();
        thread::sleep(BETWEEN_LOOKS);
        Instant::now() < self.deadline
    }

    fn ends(&mut self, end: &mut dyn FnMut(&Look) -> Result<(), String>) {
        // Nothing that was still under way makes it another end.
        if let Err(is) = end(&self.look()) {
            panic!("it ended as it should, but later: {is}");
        }
    }
}
