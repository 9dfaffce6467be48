//! Where the configuration says that a password comes from, and how it is read there.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::process::Command;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tradepost_post::{PasswordReading, PasswordSource, Rereading};

use super::private::read_private_file;
use crate::command::Environment;

/// A person may have to type a passphrase meanwhile; a command that hangs must end all the same.
const FOR_A_COMMAND: Duration = Duration::from_secs(5 * 60);

/// More octets than this are no password.
const MOST_OCTETS: usize = 64 * 1024;

/// Where a password comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Configured {
    /// The first line of a file.
    File(PathBuf),
    /// An environment variable, which cannot change while the program runs.
    Environment(String),
    /// The first line that a command for the shell prints, and what it gets to know.
    Command(String, Environment),
}

impl Configured {
    /// Reads it where that can't ask anybody: files and variables. None of a command.
    pub(super) fn read_at_start(&self) -> Result<Option<SecretString>, String> {
        match self {
            Configured::File(path) => from_file(path.clone()).map(Some),
            Configured::Environment(name) => from_environment(name).map(Some),
            Configured::Command(..) => Ok(None),
        }
    }
}

impl PasswordSource for Configured {
    fn key(&self) -> &'static str {
        match self {
            Configured::File(_) => "`password_file`",
            Configured::Environment(_) => "`password_env`",
            Configured::Command(..) => "`password_command`",
        }
    }

    fn rereading(&self) -> Rereading {
        match self {
            Configured::File(_) => Rereading::AtAnyTime,
            Configured::Environment(_) => Rereading::Never,
            Configured::Command(..) => Rereading::AtLogin,
        }
    }

    fn read(&self) -> PasswordReading<'_> {
        Box::pin(async {
            match self {
                Configured::File(path) => {
                    let path = path.clone();
                    let read = spawn_blocking(move || from_file(path)).await;
                    read.unwrap_or_else(|e| Err(e.to_string()))
                }
                Configured::Environment(name) => from_environment(name),
                Configured::Command(command, environment) => {
                    from_command(command, environment).await
                }
            }
        })
    }
}

fn from_file(path: PathBuf) -> Result<SecretString, String> {
    let text = read_private_file(&path).map_err(|e| e.to_string())?;
    first_line(text.expose_secret()).ok_or_else(|| format!("{} is empty", path.display()))
}

fn from_environment(name: &str) -> Result<SecretString, String> {
    let value = std::env::var(name).unwrap_or_default();
    first_line(&value).ok_or_else(|| format!("the environment variable {name} is not set"))
}

async fn from_command(command: &str, environment: &Environment) -> Result<SecretString, String> {
    let failed = |why: String| format!("{command:?} {why}");
    let running = Command::from(environment.command("/bin/sh"))
        .arg("-c")
        .arg(command)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output();
    let output = timeout(FOR_A_COMMAND, running)
        .await
        .map_err(|_| failed(format!("did not end within {} s", FOR_A_COMMAND.as_secs())))?
        .map_err(|e| failed(format!("could not be run: {e}")))?;
    if !output.status.success() {
        return Err(failed(format!("failed: {}", output.status)));
    }
    let printed = output.stdout.get(..MOST_OCTETS).unwrap_or(&output.stdout);
    first_line(&String::from_utf8_lossy(printed))
        .ok_or_else(|| failed("printed no password".to_owned()))
}

fn first_line(text: &str) -> Option<SecretString> {
    let line = text.lines().next().unwrap_or_default();
    (!line.is_empty()).then(|| SecretString::from(line.to_owned()))
}
