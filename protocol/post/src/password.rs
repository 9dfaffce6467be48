//! A password that can change while a program runs: kept as long as logins succeed with it, and read
//! again from where the configuration says after one was refused.
//!
//! It is not read before each login, since a command may have to ask the person for it; and after a
//! refusal it is read once, at once, so that a password that was changed in time costs no wait.

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::process::Command;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use crate::command::Environment;
use crate::config::read_private_file;
use crate::trouble::{Error, TroubleKind};

/// A person may have to type a passphrase meanwhile; a command that hangs must end all the same.
const FOR_A_COMMAND: Duration = Duration::from_secs(5 * 60);

/// More octets than this are no password.
const MOST_OCTETS: usize = 64 * 1024;

/// How often a file is looked at, whose password was refused: a small file costs nothing.
const LOOK: Duration = Duration::from_secs(2);

/// A password and where it comes from. Clones share what was read. Prints as its source.
#[derive(Clone)]
pub struct Password(Arc<Inner>);

struct Inner {
    origin: Origin,
    /// The section of the configuration that names it, such as `[imap]`.
    section: &'static str,
    kept: Mutex<Kept>,
}

/// Where a password comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The program was given it.
    Given,
    /// The first line of a file.
    File(PathBuf),
    /// An environment variable, which cannot change while the program runs.
    Environment(String),
    /// The first line that a command for the shell prints, and what it gets to know.
    Command(String, Environment),
}

#[derive(Default)]
struct Kept {
    secret: Option<SecretString>,
    /// A login with it was refused: it is read again before the next.
    refused: bool,
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Password([redacted] by {:?})", self.0.origin)
    }
}

impl From<SecretString> for Password {
    fn from(secret: SecretString) -> Password {
        Password::kept(Origin::Given, "", Some(secret))
    }
}

impl Password {
    pub(crate) fn new(origin: Origin, section: &'static str) -> Password {
        Password::kept(origin, section, None)
    }

    fn kept(origin: Origin, section: &'static str, secret: Option<SecretString>) -> Password {
        let kept = Kept {
            secret,
            refused: false,
        };
        Password(Arc::new(Inner {
            origin,
            section,
            kept: Mutex::new(kept),
        }))
    }

    /// The key of the configuration that says where it comes from, for messages.
    #[must_use]
    pub fn key(&self) -> &'static str {
        match &self.0.origin {
            Origin::Given => "the password",
            Origin::File(_) => "`password_file`",
            Origin::Environment(_) => "`password_env`",
            Origin::Command(..) => "`password_command`",
        }
    }

    /// The password; read now, if it was not read before or was refused.
    ///
    /// # Errors
    /// [`TroubleKind::NoPassword`]: it can't be had at present. Never with the password in it.
    pub async fn secret(&self) -> Result<SecretString, Error> {
        Ok(self.current().await?.0)
    }

    /// And whether it was read just now.
    async fn current(&self) -> Result<(SecretString, bool), Error> {
        let mut kept = self.0.kept.lock().await;
        if let Some(secret) = kept.secret.as_ref().filter(|_| !kept.refused) {
            return Ok((secret.clone(), false));
        }
        let secret = self.read().await?;
        kept.secret = Some(secret.clone());
        kept.refused = false;
        Ok((secret, true))
    }

    /// Logs in with the password; where that is refused and by now there is another one, with that.
    pub(crate) async fn log_in<T, F>(
        &self,
        mut with: impl FnMut(SecretString) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let (secret, is_fresh) = self.current().await?;
        let refused = match with(secret.clone()).await {
            Err(e) if e.kind == TroubleKind::WrongPassword => e,
            done => return done,
        };
        match self.another_than(&secret, is_fresh).await {
            Some(other) => {
                let done = with(other.clone()).await;
                if matches!(&done, Err(e) if e.kind == TroubleKind::WrongPassword) {
                    self.another_than(&other, true).await;
                }
                done
            }
            None => Err(refused),
        }
    }

    /// Notes that this one was refused. One that was not read just now is read again, at once.
    async fn another_than(&self, refused: &SecretString, is_fresh: bool) -> Option<SecretString> {
        let mut kept = self.0.kept.lock().await;
        let is = |secret: &SecretString| secret.expose_secret() == refused.expose_secret();
        // Another login has read it meanwhile.
        if let Some(other) = kept.secret.as_ref().filter(|s| !is(s) && !kept.refused) {
            return Some(other.clone());
        }
        match &self.0.origin {
            // It stays what it is.
            Origin::Given | Origin::Environment(_) => return None,
            Origin::File(_) | Origin::Command(..) => kept.refused = true,
        }
        if is_fresh {
            return None;
        }
        // What cannot be read now is told at the next login; this one was refused.
        let other = self.read().await.ok().filter(|s| !is(s))?;
        kept.secret = Some(other.clone());
        kept.refused = false;
        Some(other)
    }

    /// Comes back once the file holds another password than the one that was refused. Commands are
    /// not run for that, and environments don't change: then never.
    pub(crate) async fn changed(&self) {
        if !matches!(self.0.origin, Origin::File(_)) {
            return std::future::pending().await;
        }
        loop {
            sleep(LOOK).await;
            if let Ok(now) = self.read().await {
                let kept = self.0.kept.lock().await;
                let same = |s: &SecretString| s.expose_secret() == now.expose_secret();
                if !kept.secret.as_ref().is_some_and(same) {
                    return;
                }
            }
        }
    }

    /// Reads it where that can't ask anybody: files and environments.
    pub(crate) fn read_at_start(&self) -> Result<(), String> {
        let secret = match &self.0.origin {
            Origin::File(path) => from_file(path.clone())?,
            Origin::Environment(name) => from_environment(name)?,
            Origin::Given | Origin::Command(..) => return Ok(()),
        };
        if let Ok(mut kept) = self.0.kept.try_lock() {
            kept.secret = Some(secret);
        }
        Ok(())
    }

    async fn read(&self) -> Result<SecretString, Error> {
        let read = match &self.0.origin {
            Origin::Given => Err("is not there".to_owned()),
            Origin::File(path) => {
                let path = path.clone();
                let read = spawn_blocking(move || from_file(path)).await;
                read.unwrap_or_else(|e| Err(e.to_string()))
            }
            Origin::Environment(name) => from_environment(name),
            Origin::Command(command, environment) => from_command(command, environment).await,
        };
        read.map_err(|why| {
            let (key, section) = (self.key(), self.0.section);
            let text = format!("the password can't be had now - {key} in {section}: {why}");
            Error::new(TroubleKind::NoPassword, text)
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
