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

use crate::mail::Mail;
use crate::part::{CA_FILE, PASSWORD_FILE, Part, Program};

/// Whatever a story waits for takes less than this, even on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where what the processes say goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logs {
    /// To the terminal as it happens, and to their files.
    Shown,
    /// To their files.
    Kept,
}

/// All that is there while a story is told. Dropping it ends the processes and removes the folder.
pub struct Stage {
    /// What carries the letters.
    pub mail: Mail,
    logs: Logs,
    parts: Vec<Part>,
    processes: Mutex<Vec<Child>>,
    folder: TempDir,
}

impl Stage {
    /// A stage with a mail server, and nobody on it.
    ///
    /// # Errors
    /// There is no temporary folder to be had.
    pub fn with(mail: Mail, title: &str, logs: Logs) -> Result<Stage> {
        // A short path: the agents have Unix sockets in their folders.
        let folder = tempfile::Builder::new()
            .prefix(&format!("tradepost-{title}-"))
            .tempdir_in("/tmp")
            .context("no temporary folder")?;
        Ok(Stage {
            mail,
            logs,
            parts: Vec::new(),
            processes: Mutex::default(),
            folder,
        })
    }

    /// Gives a part its home: configuration, password, and whatever files it has. It does not run yet.
    ///
    /// # Errors
    /// The disk refuses something.
    pub fn enter(&mut self, part: Part) -> Result<()> {
        let home = self.home(part.name);
        fs::create_dir(&home)?;
        if let Some(files) = &part.files {
            copy_files(files, &home)?;
        }
        let config = home.join(&part.config);
        let beside = config.parent().unwrap_or(&home);
        fs::create_dir_all(beside)?;
        fs::write(&config, &part.toml)?;
        fs::write(beside.join(CA_FILE), &self.mail.ca_pem)?;
        private_file(&beside.join(PASSWORD_FILE), &self.mail.password)?;
        self.write_script(&part)?;
        self.parts.push(part);
        Ok(())
    }

    /// A script that does in the name of a part what its arguments say; without arguments it is a shell.
    fn write_script(&self, part: &Part) -> Result<()> {
        let home = self.home(part.name);
        let programs = program(part.program)?;
        let programs = programs.parent().unwrap_or(Path::new("/"));
        let path = std::env::var("PATH").unwrap_or_default();
        let path = path.replace('\'', r"'\''");
        let script = format!(
            "#!/bin/sh\n\
             # What {name} types goes through this: {script} COMMAND ..\n\
             cd '{home}' || exit\n\
             unset XDG_CONFIG_HOME XDG_DATA_HOME TRADEPOST_CONFIG TRADEPOST_DATA\n\
             export HOME='{home}' PATH='{programs}:{path}'\n\
             export TRADEPOST_SERVER_CONFIG='{home}/{config}' TRADEPOST_SERVER_DATA='{home}/data'\n\
             [ $# -gt 0 ] || set -- \"${{SHELL:-/bin/sh}}\"\n\
             exec \"$@\"\n",
            name = part.name,
            script = self.script(part.name).display(),
            home = home.display(),
            config = part.config.display(),
            programs = programs.display(),
        );
        let file = self.script(part.name);
        fs::write(&file, script)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o700))?;
        Ok(())
    }

    /// Starts the process of a part that has entered.
    ///
    /// # Errors
    /// Nobody is called so, or the program is missing.
    pub fn start(&self, name: &str) -> Result<()> {
        let part = self.part(name)?;
        let log = fs::File::create(self.home(name).join("log"))?;
        let mut child = self
            .command(name, &[part.program.name(), part.program.runs_by()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        if let Some(stderr) = child.stderr.take() {
            keep_what_it_says(part.name, stderr, log, self.logs);
        }
        self.processes
            .lock()
            .map_err(|_| anyhow::anyhow!("a thread of the story failed"))?
            .push(child);
        Ok(())
    }

    /// Where all that belongs to the story is.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where all that belongs to a part is.
    pub fn home(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The script through which a person types in the name of a part.
    pub fn script(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("as-{name}"))
    }

    /// Who is on the stage, in the order in which they entered.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Who is called so.
    ///
    /// # Errors
    /// Nobody is.
    pub fn part(&self, name: &str) -> Result<&Part> {
        self.parts
            .iter()
            .find(|part| part.name == name)
            .with_context(|| format!("nobody is called {name}"))
    }

    fn command(&self, name: &str, words: &[&str]) -> Command {
        let mut command = Command::new(self.script(name));
        command.args(words);
        command
    }

    /// Has a part run a command of its program; gives what it printed.
    ///
    /// # Errors
    /// It does not end with success.
    pub fn ask(&self, name: &str, arguments: &[&str], stdin: &str) -> Result<String> {
        let program = self.part(name)?.program.name();
        self.run(name, &[&[program], arguments].concat(), stdin)
    }

    /// Has a part run any program; gives what it printed.
    ///
    /// # Errors
    /// It does not end with success.
    pub fn run(&self, name: &str, words: &[&str], stdin: &str) -> Result<String> {
        let mut child = self
            .command(name, words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", words.join(" ")))?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(stdin.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "{name}: {} failed: {stderr}",
            words.join(" ")
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The same with a command that prints JSON.
    ///
    /// # Errors
    /// It fails, or prints something else.
    pub fn ask_json(&self, name: &str, arguments: &[&str]) -> Result<Value> {
        let text = self.ask(name, arguments, "")?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} did not print JSON", arguments.join(" ")))
    }

    /// Waits until `look` sees what it looks for.
    ///
    /// # Errors
    /// It can't look, or what it looks for does not come.
    pub async fn wait_for<T>(
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
    pub fn print_logs(&self) {
        for part in &self.parts {
            eprintln!("--- {}\n{}", part.name, self.log(part.name));
        }
    }

    /// What the process of a part has said so far.
    pub fn log(&self, name: &str) -> String {
        fs::read_to_string(self.home(name).join("log")).unwrap_or_default()
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

/// Where a program is: they lie beside the one that tells the story.
///
/// # Errors
/// It was not built.
pub fn program(program: Program) -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(program.name());
    ensure!(
        path.exists(),
        "{} is missing; `cargo build --workspace` makes it",
        path.display()
    );
    Ok(path)
}

fn copy_files(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn private_file(path: &Path, content: &str) -> Result<()> {
    fs::write(path, format!("{content}\n"))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(())
}

/// What a process says goes into its log, and where it is to be shown, with its name in front.
fn keep_what_it_says(
    name: &'static str,
    stderr: impl std::io::Read + Send + 'static,
    mut log: fs::File,
    logs: Logs,
) {
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let _ = writeln!(log, "{line}");
            if logs == Logs::Shown {
                // A closed terminal must not stop the programs.
                let _ = writeln!(std::io::stdout().lock(), "    {name:>8} | {line}");
            }
        }
    });
}
