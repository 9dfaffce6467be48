//! A mailroom, and servers as processes on it.
#![allow(clippy::unwrap_used, dead_code)]

pub(crate) mod door;
pub(crate) mod http;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tradepost_letters::{AutoSubmitted, Composition, RelayPolicy, Story, compose, open};
use tradepost_mailroom::{Mailroom, Options};
use tradepost_statements::{Statement, Time, wire};

pub(crate) const ANN: &str = "ann@home.example";
pub(crate) const SHOP: &str = "orders@shop.example";
pub(crate) const CARRIER: &str = "track@carrier.example";
pub(crate) const PROCESSOR: &str = "billing@pay.example";

/// A machine that does eight things at once may be slow; a condition that holds is met at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const ALL_ROLES: &str = "roles = [\"shop\", \"carrier\", \"payment\"]\n";

pub(crate) const SHOP_TOML: &str = r#"
roles = ["shop"]
name = "Example Shop"
[shop.payment.credit-card]
processor = "billing@pay.example"
[shop.delivery.courier]
carrier = "track@carrier.example"
"#;

/// A mailroom with the mailboxes of the test.
pub(crate) struct Room {
    pub(crate) room: Mailroom,
    pub(crate) folder: TempDir,
}

pub(crate) async fn room() -> Room {
    room_at(Options::default()).await
}

/// At another provider.
pub(crate) async fn room_at(options: Options) -> Room {
    let room = Mailroom::start(options).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), room.ca_pem()).unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, format!("{}\n", room.options().password)).unwrap();
    std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o600)).unwrap();
    Room { room, folder }
}

impl Room {
    /// A server with these lines of configuration before the sections of mail.
    pub(crate) fn server(&self, address: &str, toml: &str) -> Server {
        let name = address.replace('@', "-at-");
        let config = self.folder.path().join(format!("{name}.toml"));
        let host = |port: u16| {
            format!(
                "host = \"localhost\"\nport = {port}\ntls = \"implicit\"\nuser = \"{address}\"\n\
                 password_file = \"secret\"\nca_file = \"ca.pem\"\n"
            )
        };
        let text = format!(
            "address = \"{address}\"\n{toml}\n[imap]\n{}[smtp]\n{}[trust]\nauthserv_ids = [\"{}\"]\n\
             [timers]\nsmtp_first = \"200 ms\"\n",
            host(self.room.imaps_port()),
            host(self.room.smtps_port()),
            self.room.options().authserv_id
        );
        std::fs::write(&config, text).unwrap();
        Server {
            config,
            data: self.folder.path().join(format!("{name}-data")),
        }
    }

    /// Puts a letter with a statement into a mailbox, as if its sender had submitted it here.
    pub(crate) fn deliver(&self, statement: &Value) {
        let from = statement["from"].as_str().unwrap().to_owned();
        self.deliver_proven(statement, Some(&format!("auth=pass smtp.auth={from}")));
    }

    pub(crate) fn deliver_proven(&self, statement: &Value, results: Option<&str>) {
        let decoded = wire::from_value(statement).unwrap();
        let letter = letter(statement);
        let (from, to) = (decoded.from.as_written(), decoded.to.as_written());
        self.room
            .deliver_from_outside(from, to, &letter, results)
            .unwrap();
    }

    /// What has arrived for somebody: the statements, in the order of arrival.
    pub(crate) fn statements(&self, user: &str) -> Vec<Statement> {
        let policy = RelayPolicy::new(Vec::new(), None);
        self.room
            .letters(user, "INBOX")
            .iter()
            .filter_map(|l| match open(&l.bytes, &policy).content {
                tradepost_letters::LetterContent::Statement(decoded) => Some(decoded.statement),
                tradepost_letters::LetterContent::NotOurs
                | tradepost_letters::LetterContent::Unreadable { .. } => None,
            })
            .collect()
    }

    /// Waits until what has arrived for somebody fits.
    pub(crate) async fn until(
        &self,
        user: &str,
        fits: impl Fn(&[Statement]) -> bool,
    ) -> Vec<Statement> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let there = self.statements(user);
            if fits(&there) {
                return there;
            }
            let kinds: Vec<_> = there.iter().map(|s| s.body.kind().word()).collect();
            assert!(Instant::now() < deadline, "{user} has only {kinds:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// As its sender submits it, without any stamp.
pub(crate) fn letter(statement: &Value) -> Vec<u8> {
    compose(&Composition {
        statement: &wire::from_value(statement).unwrap(),
        json: Some(&statement.to_string()),
        message_id: &format!("{}@client.example", uuid::Uuid::now_v7()),
        date: now(),
        from_name: None,
        story: Story::default(),
        in_reply_to: None,
        references: &[],
        auto: AutoSubmitted::Generated,
        with_html: false,
    })
}

pub(crate) fn stdout(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout).into_owned()
}

pub(crate) fn now() -> Time {
    jiff::Timestamp::now().into()
}

/// A server: its configuration and its data folder.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) config: PathBuf,
    pub(crate) data: PathBuf,
}

impl Server {
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tradepost-server"));
        command
            .args(["--config", self.config.to_str().unwrap()])
            .args(["--data", self.data.to_str().unwrap()])
            .args(arguments)
            .env_remove("TRADEPOST_LOG")
            .env_remove("XDG_RUNTIME_DIR");
        command
    }

    /// Starts `run` and waits until it is at work.
    pub(crate) fn run(&self) -> Running {
        self.run_by(self.command(&["run"]))
    }

    /// By a command of the test's own.
    pub(crate) fn run_by(&self, mut command: Command) -> Running {
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (ready, is_ready) = std::sync::mpsc::channel();
        let stderr = child.stderr.take().unwrap();
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if line.contains("is at work") {
                    let _ = ready.send(());
                }
                let mut kept = kept.lock().unwrap();
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        let running = Running { child, log };
        assert!(
            is_ready.recv_timeout(PATIENCE).is_ok(),
            "run does not start: {}",
            running.log()
        );
        running
    }

    /// Types a command, with this on its standard input.
    pub(crate) fn say(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that takes no input may be gone before it is written.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let out = self.say(arguments, "");
        assert!(out.status.success(), "{out:?}");
        serde_json::from_slice(&out.stdout).unwrap()
    }

    /// Emits one line.
    pub(crate) fn emit(&self, line: &Value) -> Value {
        let out = self.say(&["emit"], &format!("{line}\n"));
        serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{e}: {out:?}"))
    }
}

/// A `run` that ends with the test.
pub(crate) struct Running {
    pub(crate) child: Child,
    log: Arc<Mutex<String>>,
}

impl Running {
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; gives the exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").arg(&pid).status().unwrap().success());
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "it does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

pub(crate) fn statement(from: &str, to: &str, about: Value, body: Value) -> Value {
    let mut value = json!({ "tradepost": 1, "id": uuid::Uuid::now_v7(), "from": from, "to": to,
        "sent": now(), "body": body });
    value
        .as_object_mut()
        .unwrap()
        .extend(about.as_object().unwrap().clone());
    value
}

pub(crate) fn new_request() -> String {
    format!("{}:{ANN}", uuid::Uuid::now_v7())
}

pub(crate) fn order(request: &str) -> Value {
    let body = json!({
        "kind": "order",
        "lines": [{ "name": "Kettle", "quantity": 2, "price": eur("49.00") }],
        "total": eur("98.00"),
        "payment": { "method": "credit-card", "reference": "tok_1" },
        "delivery": { "method": "courier" },
        "buyer": { "name": "Ann Example", "address":
            { "street": "1 High Street", "city": "York", "postal_code": "YO1 1AA", "country": "GB" } },
    });
    statement(ANN, SHOP, json!({ "request": request }), body)
}

pub(crate) fn eur(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "EUR" })
}

pub(crate) fn private_folder(path: &Path) {
    std::fs::create_dir_all(path).unwrap();
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o700)).unwrap();
}
