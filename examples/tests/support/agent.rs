//! One of the real programs: its configuration, its long-running process, and commands as a person types
//! them.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::wait;

/// A command that a person types answers sooner than that.
const PATIENCE: Duration = Duration::from_secs(90);
/// How much of a log is shown when a test fails.
const LOG_LINES: usize = 60;

/// A program with its configuration: what a person types goes through this.
#[derive(Clone)]
pub(crate) struct Commands {
    program: PathBuf,
    pub(crate) name: String,
    config: PathBuf,
    data: PathBuf,
    environment: Vec<(String, String)>,
    /// What the shell does before it becomes the program.
    first: String,
    /// All that commands have printed so far.
    heard: Arc<Mutex<String>>,
}

/// The same, with its long-running process.
pub(crate) struct Agent {
    commands: Commands,
    /// The command that runs until it is ended.
    runs_by: &'static str,
    log: PathBuf,
    running: Option<Child>,
}

impl Deref for Agent {
    type Target = Commands;

    fn deref(&self) -> &Commands {
        &self.commands
    }
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Agent {
    pub(crate) fn new(
        program: &str,
        runs_by: &'static str,
        name: &str,
        dir: &Path,
        config: &str,
    ) -> Agent {
        let home = dir.join(name);
        fs::create_dir(&home).unwrap();
        let file = home.join("config.toml");
        fs::write(&file, config).unwrap();
        let commands = Commands {
            program: beside_the_tests(program),
            name: name.to_owned(),
            config: file,
            data: home.join("data"),
            environment: Vec::new(),
            first: String::new(),
            heard: Arc::default(),
        };
        Agent {
            commands,
            runs_by,
            log: home.join("log"),
            running: None,
        }
    }

    /// With these variables in the environment of all its processes.
    pub(crate) fn with_environment(mut self, variables: Vec<(String, String)>) -> Agent {
        self.commands.environment = variables;
        self
    }

    /// With the shell doing this first, in the same process, e.g. `umask 000`.
    pub(crate) fn after(mut self, first: &str) -> Agent {
        first.clone_into(&mut self.commands.first);
        self
    }

    /// The long-running process.
    pub(crate) fn pid(&self) -> u32 {
        self.running.as_ref().map(Child::id).unwrap()
    }

    /// Waits until the long-running process has ended, which somebody else brought about.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let mut child = self.running.take().unwrap();
        wait::until("the process ends", || child.try_wait().unwrap())
    }

    /// Starts the long-running process; what it says goes to the log.
    pub(crate) fn start(&mut self) {
        assert!(self.running.is_none(), "{} runs already", self.name);
        let log = File::options()
            .append(true)
            .create(true)
            .open(&self.log)
            .unwrap();
        let child = self
            .command(&[self.runs_by])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.running = Some(child);
    }

    /// SIGKILL, by pid: the process has no chance to put anything in order.
    pub(crate) fn kill(&mut self) {
        let mut child = self
            .running
            .take()
            .unwrap_or_else(|| panic!("{} does not run", self.name));
        if let Some(status) = child.try_wait().unwrap() {
            panic!("{} had ended by itself: {status}", self.name);
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// To type commands elsewhere, e.g. in another thread.
    pub(crate) fn commands(&self) -> Commands {
        self.commands.clone()
    }
}

impl Commands {
    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with(arguments, "")
    }

    /// Runs a command with something to read.
    pub(crate) fn run_with(&self, arguments: &[&str], stdin: &str) -> Outcome {
        let outcome = finish(self.spawn(arguments), stdin, PATIENCE);
        let mut heard = self.heard.lock().unwrap();
        *heard = format!("{heard}{}{}", outcome.stdout, outcome.stderr);
        drop(heard);
        outcome
    }

    /// The folder with its ledger or book.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// All that its commands printed, on both streams.
    pub(crate) fn heard(&self) -> String {
        self.heard.lock().unwrap().clone()
    }

    /// Starts a command that the caller finishes, or kills.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// A command that must succeed; gives what it printed.
    pub(crate) fn say(&self, arguments: &[&str]) -> String {
        let outcome = self.run(arguments);
        assert!(
            outcome.status.success(),
            "{} {arguments:?}: {outcome:?}",
            self.name
        );
        outcome.stdout
    }

    /// A command that must succeed and print one JSON value.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let text = self.say(arguments);
        serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{} {arguments:?}: {error}:\n{text}", self.name))
    }

    /// What `tradepost-server emit` answered to these lines, in their order.
    pub(crate) fn emit(&self, lines: &[Value]) -> Vec<Value> {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let outcome = self.run_with(&["emit", "-"], &text);
        outcome
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Emits lines that must all be accepted.
    pub(crate) fn tell(&self, lines: &[Value]) {
        let answers = self.emit(lines);
        assert_eq!(answers.len(), lines.len(), "{answers:?}");
        for (answer, line) in answers.iter().zip(lines) {
            assert_eq!(answer["accepted"], true, "{answer} to {line}");
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = if self.first.is_empty() {
            Command::new(&self.program)
        } else {
            let mut shell = Command::new("/bin/sh");
            let script = format!("{} && exec \"$0\" \"$@\"", self.first);
            shell.arg("-c").arg(script).arg(&self.program);
            shell
        };
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TRADEPOST_") {
                command.env_remove(name);
            }
        }
        command
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .arg("--config")
            .arg(&self.config)
            .arg("--data")
            .arg(&self.data)
            .args(arguments);
        command
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Some(mut child) = self.running.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if thread::panicking() {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("--- the end of what {} said", self.name);
            for line in lines.iter().skip(lines.len().saturating_sub(LOG_LINES)) {
                eprintln!("{line}");
            }
        }
    }
}

/// Gives a process its input, and waits for its end; panics after `patience`.
pub(crate) fn finish(mut child: Child, stdin: &str, patience: Duration) -> Outcome {
    let mut input = child.stdin.take().unwrap();
    let stdin = stdin.to_owned();
    let writer = thread::spawn(move || {
        // A process that does not read to the end is judged by what it answers.
        let _ = input.write_all(stdin.as_bytes());
    });
    let stdout = read_aside(child.stdout.take().unwrap());
    let stderr = read_aside(child.stderr.take().unwrap());
    let deadline = Instant::now() + patience;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!(
                "a command did not end within {patience:?}: {}",
                stderr.join().unwrap()
            );
        }
        thread::sleep(Duration::from_millis(5));
    };
    writer.join().unwrap();
    Outcome {
        status,
        stdout: stdout.join().unwrap(),
        stderr: stderr.join().unwrap(),
    }
}

fn read_aside(mut stream: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// The programs lie in the folder above that of the test programs.
pub(crate) fn beside_the_tests(program: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let folder = tests.parent().and_then(Path::parent).unwrap();
    let path = folder.join(program);
    assert!(
        path.exists(),
        "{} is missing: `cargo build --workspace` makes it",
        path.display()
    );
    path
}
