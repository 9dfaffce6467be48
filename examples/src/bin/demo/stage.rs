//! The temporary folder, the processes in it, and how commands are typed.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::cast::{self, Key, Part};
use crate::room::{self, Room};

/// Whatever the demo waits for takes less than this, even on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Stage {
    pub(crate) room: Room,
    parts: Vec<Part>,
    processes: Mutex<Vec<Child>>,
    folder: TempDir,
}

impl Stage {
    /// Starts everybody.
    pub(crate) async fn set() -> Result<Stage> {
        let room = room::start().await?;
        // A short path: the agents have Unix sockets in their folders.
        let folder = tempfile::Builder::new()
            .prefix("tradepost-demo-")
            .tempdir_in("/tmp")
            .context("no temporary folder")?;
        let path = folder.path();
        fs::write(path.join("ca.pem"), &room.ca_pem)?;
        private_file(&path.join("password"), &room.password)?;
        let keys: Result<Vec<Key>> = cast::SIGNERS
            .map(|(name, address)| make_key(path, name, address))
            .into_iter()
            .collect();
        let parts: Vec<Part> = cast::all(&room, path, &keys?).into();
        let stage = Stage {
            room,
            parts,
            processes: Mutex::new(Vec::new()),
            folder,
        };
        for part in &stage.parts {
            stage.start(part)?;
        }
        Ok(stage)
    }

    fn start(&self, part: &Part) -> Result<()> {
        let home = self.home(part.name);
        fs::create_dir(&home)?;
        fs::write(home.join("config.toml"), &part.config)?;
        let log = fs::File::create(home.join("log"))?;
        let mut child = self
            .command(part, &[part.runs_by])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| {
                format!(
                    "cannot start {}; `cargo build --workspace` makes it",
                    part.program
                )
            })?;
        if let Some(stderr) = child.stderr.take() {
            show_as_it_happens(part.name, stderr, log);
        }
        self.processes
            .lock()
            .map_err(|_| anyhow::anyhow!("a thread of the demo failed"))?
            .push(child);
        Ok(())
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn home(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command line that plays a part, as a person would type it.
    pub(crate) fn typed(&self, name: &str) -> Result<String> {
        let part = self.part(name)?;
        let home = self.home(name);
        Ok(format!(
            "{} --config {h}/config.toml --data {h}/data",
            program(part.program)?.display(),
            h = home.display()
        ))
    }

    fn part(&self, name: &str) -> Result<&Part> {
        self.parts
            .iter()
            .find(|p| p.name == name)
            .with_context(|| format!("nobody is called {name}"))
    }

    fn command(&self, part: &Part, arguments: &[&str]) -> Command {
        let home = self.home(part.name);
        let mut command =
            Command::new(program(part.program).unwrap_or_else(|_| part.program.into()));
        command
            .arg("--config")
            .arg(home.join("config.toml"))
            .arg("--data")
            .arg(home.join("data"))
            .args(arguments);
        command
    }

    /// Types a command and gives what it printed.
    pub(crate) fn ask(&self, name: &str, arguments: &[&str], stdin: &str) -> Result<String> {
        let part = self.part(name)?;
        let mut child = self
            .command(part, arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", part.program))?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(stdin.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "{} {} failed: {stderr}",
            part.program,
            arguments.join(" ")
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    pub(crate) fn ask_json(&self, name: &str, arguments: &[&str]) -> Result<Value> {
        let text = self.ask(name, arguments, "")?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} did not print JSON", arguments.join(" ")))
    }

    /// Waits until `look` sees what it looks for.
    pub(crate) async fn wait_for<T>(
        &self,
        what: &str,
        mut look: impl FnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(seen) = look()? {
                return Ok(seen);
            }
            if Instant::now() > deadline {
                bail!(
                    "{what} did not happen within {} seconds",
                    PATIENCE.as_secs()
                );
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// For the person who has to find out what went wrong.
    pub(crate) fn print_logs(&self) {
        for part in &self.parts {
            let log = fs::read_to_string(self.home(part.name).join("log")).unwrap_or_default();
            eprintln!("--- {}\n{log}", part.name);
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let Ok(mut processes) = self.processes.lock() else {
            return;
        };
        for child in processes.iter_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Makes a key as a merchant would.
fn make_key(folder: &Path, name: &str, address: &'static str) -> Result<Key> {
    let (_, domain) = address.split_once('@').context("an address has a domain")?;
    let output = Command::new(program("tradepost-server")?)
        .arg("--config")
        .arg(folder.join(name).join("config.toml"))
        .args([
            "dkim-key",
            "--json",
            "--selector",
            "demo",
            "--algorithm",
            "ed25519",
        ])
        .args(["--domain", domain])
        .arg("--out")
        .arg(folder.join(format!("{domain}.pem")))
        .output()
        .context("cannot start tradepost-server")?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "dkim-key failed: {stderr}");
    let made: Value = serde_json::from_slice(&output.stdout)?;
    let text = |name: &str| {
        let text = made.get(name).and_then(Value::as_str);
        text.map(str::to_owned)
            .with_context(|| format!("dkim-key did not say {name}"))
    };
    Ok(Key {
        address,
        name: text("name")?,
        record: text("record")?,
        section: text("dkim")?,
    })
}

/// The programs lie beside this one.
fn program(name: &str) -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    ensure!(
        path.exists(),
        "{} is missing; `cargo build --workspace` makes it",
        path.display()
    );
    Ok(path)
}

fn private_file(path: &Path, content: &str) -> Result<()> {
    fs::write(path, format!("{content}\n"))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(())
}

/// What a process says appears in the terminal with its name in front, and in its log.
fn show_as_it_happens(
    name: &'static str,
    stderr: impl std::io::Read + Send + 'static,
    mut log: fs::File,
) {
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let _ = writeln!(log, "{line}");
            // A closed terminal must not stop the programs.
            let _ = writeln!(std::io::stdout().lock(), "    {name:>8} | {line}");
        }
    });
}
