//! No answer is never success: what commands say and do when the daemon ends, hangs or speaks nonsense while
//! they wait for it, so that nobody orders twice by accident.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use serde_json::{Value, json};
use support::letters::{ORDER, record};
use support::world::{World, wait};
use support::{CONFIG, Home};

/// Commands are given up after so long: a test waits so long for each.
const IMPATIENT: &str = "[timers]\ncommand_patience = \"300 ms\"\n";

/// What one who is no daemon does with a caller.
type Script = fn(&mut BufReader<UnixStream>) -> Then;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Goes,
    Hangs,
    /// And takes its door away.
    Closes,
}

/// Listens at the door of a home, with the ledger in hands or without, until it is dropped.
struct Scripted {
    socket: std::path::PathBuf,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    _lock: Option<File>,
}

impl Scripted {
    fn start(home: &Home, has_ledger: bool, script: Script) -> Scripted {
        let data = home.path().join("data");
        let lock = has_ledger.then(|| {
            let lock = File::create(data.join("lock")).unwrap();
            lock.lock().unwrap();
            lock
        });
        let socket = data.join("socket");
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let (ended, door) = (Arc::clone(&is_over), socket.clone());
        let thread = std::thread::spawn(move || {
            let mut hanging = Vec::new();
            for caller in listener.incoming() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let mut caller = BufReader::new(caller.unwrap());
                match script(&mut caller) {
                    Then::Goes => {}
                    Then::Hangs => hanging.push(caller),
                    Then::Closes => {
                        std::fs::remove_file(&door).unwrap();
                        return;
                    }
                }
            }
        });
        Scripted {
            socket,
            is_over,
            thread: Some(thread),
            _lock: lock,
        }
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        let _ = UnixStream::connect(&self.socket);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn hear(caller: &mut BufReader<UnixStream>) {
    let mut line = String::new();
    let _ = caller.read_line(&mut line);
}

fn say(caller: &mut BufReader<UnixStream>, text: &str) {
    let _ = caller.get_mut().write_all(text.as_bytes());
}

/// Commands that ask the daemon, and what they say when they have no answer.
const ASKING: [(&[&str], &str); 27] = [
    (&["pending"], "nothing was changed; try again"),
    (&["list"], "nothing was changed; try again"),
    (&["list", "--json"], "nothing was changed; try again"),
    (&["show", "T-1001"], "nothing was changed; try again"),
    (&["warnings"], "nothing was changed; try again"),
    (&["warnings", "show", "1"], "nothing was changed; try again"),
    (&["held"], "nothing was changed; try again"),
    (&["stats"], "nothing was changed; try again"),
    (&["requests"], "nothing was changed; try again"),
    (&["export"], "nothing was changed; try again"),
    (&["expect", "--list"], "nothing was changed; try again"),
    (&["schedule", "list"], "nothing was changed; try again"),
    (&["order", "order.toml", "--dry-run"], "nothing was changed"),
    (&["reorder", "T-1001", "--yes"], "nothing was changed"),
    (
        &["order", "order.toml"],
        "order again only if the order is not there",
    ),
    (&["confirm", "T-1001"], "tradepost requests"),
    (&["cancel", "T-1001"], "tradepost requests"),
    (&["return", "T-1001"], "tradepost requests"),
    (&["notify", "T-1001", "--all"], "tradepost requests"),
    (&["ask", "T-1001"], "tradepost requests"),
    (&["ask", "T-1001", "--wait", "1h"], "tradepost requests"),
    (&["warnings", "dismiss", "1"], "tradepost warnings --all"),
    (&["warnings", "accept", "1"], "tradepost warnings --all"),
    (
        &["schedule", "add", "all-pending", "--at", "08:00"],
        "tradepost schedule list",
    ),
    (&["schedule", "remove", "1"], "tradepost schedule list"),
    (
        &["expect", "tradepost:orders@shop.example?trade=T-7", "--yes"],
        "tradepost expect --list",
    ),
    (&["import", "letter.eml"], "import the same again"),
];

fn home() -> Home {
    let home = Home::with(&format!(
        "{CONFIG}[smtp]\nhost = \"127.0.0.1\"\nport = 1\ntls = \"none\"\npassword_env = \"HOME\"\n\
         {IMPATIENT}wait_to_send = \"1 ms\"\n"
    ));
    home.write("order.toml", ORDER.as_bytes());
    home.write("letter.eml", &record().letter());
    home.work().ok();
    home
}

#[test]
fn no_command_takes_the_end_of_the_daemon_for_an_answer() {
    let rows: [(&str, Script); 6] = [
        ("goes", |_| Then::Goes),
        ("goes once it is asked", |caller| {
            hear(caller);
            Then::Goes
        }),
        ("goes after a sign of life", |caller| {
            hear(caller);
            say(caller, "\n\n");
            Then::Goes
        }),
        ("cuts its answer", |caller| {
            hear(caller);
            say(caller, "{\"answer\":{\"trades\":[]}}");
            Then::Goes
        }),
        ("speaks nonsense", |caller| {
            hear(caller);
            say(caller, "{\"answered\":\"[]\"}\n");
            Then::Goes
        }),
        ("hangs", |_| Then::Hangs),
    ];
    let check = |(name, script): (&str, Script)| {
        let home = home();
        let _daemon = Scripted::start(&home, true, script);
        for (command, words) in ASKING {
            let done = home.run(command);
            assert!(!done.stderr.contains("os error"), "{name}: {done:?}");
            assert!(done.stdout.is_empty(), "{name}: {done:?}");
            assert!(done.stderr.contains("did not answer"), "{name}: {done:?}");
            done.fails(1, words);
        }
    };
    std::thread::scope(|scope| {
        for row in rows {
            let check = &check;
            scope.spawn(move || check(row));
        }
    });
    let home = home();
    let _daemon = Scripted::start(&home, true, |caller| {
        hear(caller);
        say(caller, "\n{\"answer\":{\"trades\":[]}}\n");
        Then::Goes
    });
    assert_eq!(home.json(&["list"]), json!([]));
}

#[test]
fn what_may_have_been_done_is_not_done_again_by_itself() {
    let home = home();
    // It goes away, and the ledger is free: the command could do it itself.
    let gone = Scripted::start(&home, false, |caller| {
        hear(caller);
        Then::Goes
    });
    home.run(&["order", "order.toml"])
        .fails(1, "whether it was ordered is not known");
    home.run(&["schedule", "add", "all-pending", "--at", "08:00"])
        .fails(1, "whether the plan was made is not known");
    drop(gone);
    assert_eq!(home.json(&["requests"]), json!([]));
    assert_eq!(home.json(&["schedule", "list"]), json!([]));
    // What a daemon that stops has not begun is done by the command: once its door is closed.
    let stopping = Scripted::start(&home, false, |caller| {
        hear(caller);
        say(caller, "\"stopping\"\n");
        Then::Closes
    });
    assert_eq!(home.json(&["order", "order.toml"])["state"], "queued");
    drop(stopping);
    assert_eq!(home.json(&["requests"]).as_array().unwrap().len(), 1);
}

/// The daemon of a world, by its process id.
fn signal(daemon: &support::world::Daemon, name: &str) {
    let kill = std::process::Command::new("kill")
        .args(["-s", name, &daemon.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
}

#[test]
fn a_daemon_that_is_frozen_is_given_up_with_words_and_asked_again_once_it_goes_on() {
    let world = World::new();
    let home = &world.home;
    let patient = std::fs::read_to_string(home.path().join("config.toml")).unwrap();
    let daemon = world.daemon();
    signal(&daemon, "STOP");
    home.write("config.toml", format!("{patient}{IMPATIENT}").as_bytes());
    let done = home.run(&["list"]);
    assert!(done.stderr.contains("nothing was heard"), "{done:?}");
    done.fails(1, "[timers] command_patience");
    home.write("config.toml", patient.as_bytes());
    signal(&daemon, "CONT");
    home.run(&["list"]).ok();
    daemon.end();
}

#[test]
fn a_wait_for_answers_outlives_the_patience_and_ends_with_the_daemon() {
    let world = World::with(|config| format!("{config}{IMPATIENT}")).bought();
    let home = &world.home;
    let daemon = world.daemon();
    // Much longer than a command is patient, since the daemon is heard to work.
    home.run(&["ask", "T-1001", "--wait", "1s", "--shop"])
        .fails(1, "not answered within");
    let asking = home
        .command(&["ask", "T-1001", "--wait", "1h", "--carrier"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let asked = || {
        let requests = home.json(&["requests"]);
        let all = requests.as_array().unwrap().clone();
        all.iter().filter(|r| r["kind"] == "status-request").count()
    };
    wait(|| asked() == 2, || "nothing more is asked".to_owned());
    daemon.end();
    let done = asking.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains("`tradepost requests` shows"), "{said}");
    assert_eq!(asked(), 2);
}

#[test]
fn an_answer_that_cannot_be_written_fails_the_command_and_says_that_it_is_done() {
    let home = home();
    let commands: [&[&str]; 5] = [
        &["--help"],
        &["import", "letter.eml"],
        &["import", "--json", "letter.eml"],
        &["list"],
        &["schedule", "add", "all-pending", "--at", "08:00"],
    ];
    for command in commands {
        for (place, is_written) in [("/dev/full", false), ("/dev/null", true)] {
            let place = OpenOptions::new().write(true).open(place).unwrap();
            let done = home.command(command).stdout(place).output().unwrap();
            let said = String::from_utf8_lossy(&done.stderr).into_owned();
            assert_eq!(done.status.success(), is_written, "{command:?}: {said}");
            let says = said.contains("standard output") && said.contains("is done all the same");
            assert_eq!(says, !is_written, "{command:?}: {said}");
        }
    }
    let plans: Value = home.json(&["schedule", "list"]);
    assert_eq!(plans.as_array().unwrap().len(), 2);
    assert_eq!(home.json(&["list"])[0]["id"], "T-1001");
}
