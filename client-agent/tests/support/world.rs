//! A home whose mailbox is in a mailroom, and a daemon that runs there.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tradepost_mailroom::{Mailroom, Options};

use super::Home;
use super::letters::{ORDER, SHOP, Said, record};

/// Nothing in a test takes so long unless it never comes.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct World {
    pub home: Home,
    pub room: Mailroom,
    runtime: tokio::runtime::Runtime,
}

impl World {
    pub fn new() -> World {
        World::with(|config| config)
    }

    /// With the configuration changed.
    pub fn with(change: impl FnOnce(String) -> String) -> World {
        World::make(Options::default(), change)
    }

    /// Ann orders; gives the statement that reached the shop.
    pub fn ordered(&self) -> Value {
        self.home.write("order.toml", ORDER.as_bytes());
        self.home.run(&["order", "order.toml"]).ok();
        let said = statements(self, SHOP);
        let order = said.into_iter().find(|s| s["body"]["kind"] == "order");
        order.unwrap()
    }

    /// Ann has ordered, and the shop has made the trade T-1001.
    pub fn bought(self) -> World {
        let order = self.ordered();
        self.deliver(
            &record()
                .with("/request", order["request"].clone())
                .with("/answers", order["id"].clone()),
        );
        self.home.run(&["daemon", "--once"]).ok();
        assert_eq!(self.home.json(&["list"])[0]["origin"], "placed");
        self
    }

    /// At another provider.
    pub fn at(options: Options) -> World {
        World::make(options, |config| config)
    }

    fn make(options: Options, change: impl FnOnce(String) -> String) -> World {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let room = runtime.block_on(Mailroom::start(options)).unwrap();
        let home = Home::new();
        home.write("password", b"room\n");
        home.write("ca.pem", room.ca_pem().as_bytes());
        let config = change(config(room.imaps_port(), room.smtp_port()));
        home.write("config.toml", config.as_bytes());
        World {
            home,
            room,
            runtime,
        }
    }

    /// Runs something beside the mailroom, and has it run on.
    pub fn block_on<F: Future>(&self, work: F) -> F::Output {
        self.runtime.block_on(work)
    }

    /// A letter from outside, as the provider stamps it.
    pub fn deliver(&self, said: &Said) {
        let from = said.0["from"].as_str().unwrap();
        let (_, domain) = from.rsplit_once('@').unwrap();
        let results = format!("dkim=pass header.d={domain}");
        let letter = said.raw();
        self.room
            .deliver_from_outside(from, "ann@home.example", &letter, Some(&results))
            .unwrap();
    }

    pub fn daemon(&self) -> Daemon {
        let mut child = self
            .home
            .command(&["daemon"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (lines, copy) = (
            BufReader::new(child.stderr.take().unwrap()),
            Arc::clone(&log),
        );
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let mut log = copy.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        let daemon = Daemon { child, log };
        daemon.wait_for("attached to");
        daemon
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.runtime.block_on(async {});
    }
}

fn config(imaps: u16, smtp: u16) -> String {
    format!(
        r#"address = "ann@home.example"
[imap]
host = "localhost"
port = {imaps}
password_file = "password"
ca_file = "ca.pem"
retry_first = "50 ms"
[smtp]
host = "localhost"
port = {smtp}
tls = "starttls"
password_file = "password"
ca_file = "ca.pem"
[trust]
authserv_ids = ["mx.mailroom.example"]
"#
    )
}

/// The statements that lie in somebody's inbox.
pub fn statements(world: &World, whose: &str) -> Vec<Value> {
    let policy = tradepost_letters::RelayPolicy::new(Vec::new(), None);
    let letters = world.room.letters(whose, "INBOX");
    let said =
        letters.iter().filter_map(
            |l| match tradepost_letters::open(&l.bytes, &policy).content {
                tradepost_letters::LetterContent::Statement(decoded) => Some(decoded.value),
                tradepost_letters::LetterContent::NotOurs
                | tradepost_letters::LetterContent::Unreadable { .. } => None,
            },
        );
    said.collect()
}

/// A daemon that is killed when the test forgets it.
pub struct Daemon {
    child: Child,
    log: Arc<Mutex<String>>,
}

impl Daemon {
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        wait(
            || self.log().contains(text),
            || format!("{text:?} is not in the log: {}", self.log()),
        );
    }

    /// As `kill PID` does.
    #[track_caller]
    pub fn end(mut self) {
        let pid = self.child.id().to_string();
        let killed = std::process::Command::new("kill")
            .arg(&pid)
            .status()
            .unwrap();
        assert!(killed.success());
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}: {}", self.log());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something holds.
#[track_caller]
pub fn wait(mut holds: impl FnMut() -> bool, otherwise: impl Fn() -> String) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{}", otherwise());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Waits until a command's JSON is as wanted.
#[track_caller]
pub fn wait_json(home: &Home, args: &[&str], wanted: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    let start = Instant::now();
    loop {
        last.clone_from(&home.json(args));
        if wanted(&last) {
            return last;
        }
        assert!(start.elapsed() < PATIENCE, "{args:?}: {last}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
