//! The process that stands between the test and the daemons, so that none is ever left behind.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

/// Far more than a start takes, also on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(30);
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// A script that runs daemons, and ends them when its standard input closes.
#[derive(Debug)]
pub(crate) struct Keeper {
    process: Child,
    /// Closing it is the sign to end. The system closes it when this process dies, however it dies.
    stdin: Option<ChildStdin>,
}

impl Keeper {
    /// Runs a script of the folder.
    pub(crate) fn start(dir: &Path, script: &str) -> Result<Keeper> {
        let log = File::options()
            .append(true)
            .create(true)
            .open(dir.join("log/start.log"))?;
        let mut process = Command::new("/bin/sh")
            .arg(dir.join(script))
            .arg(dir)
            .current_dir(dir)
            // A group of its own: Ctrl-C in the terminal reaches the test, not the script, which then ends
            // the daemons in order.
            .process_group(0)
            .stdin(std::process::Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot run /bin/sh")?;
        let stdin = process.stdin.take();
        Ok(Keeper { process, stdin })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // The script kills after 10 seconds what does not end by itself.
        let _ = self.process.wait();
    }
}

/// Holds the mail servers; see `templates/guard.sh`.
#[derive(Debug)]
pub(crate) struct Guard {
    keeper: Keeper,
    folder: TempDir,
}

impl Guard {
    /// Starts the daemons with the configuration in `folder`, which is removed at the end.
    pub(crate) fn start(folder: TempDir) -> Result<Guard> {
        let keeper = Keeper::start(folder.path(), "guard.sh")?;
        Ok(Guard { keeper, folder })
    }

    /// Waits until each port answers with its greeting.
    pub(crate) fn wait_for_greetings(&self, expected: &[(u16, &str)]) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        for (port, greeting) in expected {
            while !greets(*port, greeting) {
                if Instant::now() > deadline {
                    bail!(
                        "port {port} did not answer with `{greeting}`\n{}",
                        logs(self.folder.path())
                    );
                }
                thread::sleep(BETWEEN_LOOKS);
            }
        }
        Ok(())
    }

    /// Waits until somebody listens at a Unix socket of the folder.
    pub(crate) fn wait_for_socket(&self, path: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while UnixStream::connect(self.folder.path().join(path)).is_err() {
            if Instant::now() > deadline {
                bail!("nobody listens at {path}\n{}", logs(self.folder.path()));
            }
            thread::sleep(BETWEEN_LOOKS);
        }
        Ok(())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.keeper.process.id()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}", logs(self.folder.path()));
        }
    }
}

fn greets(port: u16, greeting: &str) -> bool {
    let Ok(stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else {
        return false;
    };
    if stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .is_err()
    {
        return false;
    }
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).is_ok() && line.starts_with(greeting)
}

/// The ends of all logs, for people.
fn logs(dir: &Path) -> String {
    const LINES: usize = 30;
    let mut text = String::new();
    for name in ["start.log", "dovecot.log", "postfix.log"] {
        let log = fs::read_to_string(dir.join("log").join(name)).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        text.push_str(&format!("--- {name}\n"));
        for line in lines.iter().skip(lines.len().saturating_sub(LINES)) {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}
