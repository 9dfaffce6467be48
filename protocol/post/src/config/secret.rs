//! Passwords: from a file that only its owner can read, from the environment, or from a command;
//! never from the configuration itself.

use std::path::PathBuf;
use std::process::Stdio;

use secrecy::{ExposeSecret, SecretString};
use toml::Spanned;

use super::environment::EnvironmentToml;
use super::private::{check_private_file, read_private_file};
use super::source::{ConfigError, Source};

/// The keys of a section that say where its password comes from: exactly one is needed.
#[derive(Debug, Clone, Default)]
pub struct SecretToml {
    /// A file; its first line counts.
    pub password_file: Option<Spanned<PathBuf>>,
    /// An environment variable.
    pub password_env: Option<Spanned<String>>,
    /// A command for the shell; the first line that it prints counts.
    pub password_command: Option<Spanned<String>>,
    /// What the command gets of the environment.
    pub environment: EnvironmentToml,
}

/// A section of the file, for faults of what is not in it.
#[derive(Debug, Clone, Copy)]
pub struct Section<'t> {
    /// As it is written: `[imap]`.
    pub name: &'static str,
    /// A value that stands in it.
    pub host: &'t Spanned<String>,
}

impl Section<'_> {
    fn wrong(self, source: &Source, what: &str) -> ConfigError {
        source.wrong(self.host, format!("{} {what}", self.name))
    }
}

impl SecretToml {
    /// Refuses none or several sources, and a file that others can read; reads no password yet,
    /// so that commands that need none do not ask for one.
    ///
    /// # Errors
    /// [`ConfigError::At`].
    pub fn check(&self, source: &Source, section: Section<'_>) -> Result<(), ConfigError> {
        if self.password_command.is_some() {
            self.environment.environment(source)?;
        } else {
            self.environment.check_without(source, "password_command")?;
        }
        match (
            &self.password_file,
            &self.password_env,
            &self.password_command,
        ) {
            (Some(file), None, None) => check_private_file(&source.beside(file.get_ref()))
                .map_err(|e| source.wrong(file, format!("password_file: {e}"))),
            (None, Some(_), None) | (None, None, Some(_)) => Ok(()),
            (None, None, None) => Err(section.wrong(
                source,
                "needs one of password_file, password_env and password_command",
            )),
            _ => Err(section.wrong(
                source,
                "has more than one of password_file, password_env and password_command",
            )),
        }
    }
}

/// Gets the password; runs the command where there is one, so call it off the async threads.
///
/// # Errors
/// [`ConfigError::At`] when there is none to be had; never with the password in it.
pub fn load_secret(
    secret: &SecretToml,
    source: &Source,
    section: Section<'_>,
) -> Result<SecretString, ConfigError> {
    secret.check(source, section)?;
    if let Some(file) = &secret.password_file {
        let path = source.beside(file.get_ref());
        let text = read_private_file(&path)
            .map_err(|e| source.wrong(file, format!("password_file: {e}")))?;
        return first_line(text.expose_secret()).ok_or_else(|| {
            source.wrong(file, format!("password_file: {} is empty", path.display()))
        });
    }
    if let Some(name) = &secret.password_env {
        let value = std::env::var(name.get_ref()).unwrap_or_default();
        return first_line(&value).ok_or_else(|| {
            let text = format!(
                "password_env: the environment variable {} is not set",
                name.get_ref()
            );
            source.wrong(name, text)
        });
    }
    match &secret.password_command {
        Some(command) => from_command(command, source, &secret.environment),
        None => Err(section.wrong(source, "has no password")),
    }
}

fn from_command(
    command: &Spanned<String>,
    source: &Source,
    environment: &EnvironmentToml,
) -> Result<SecretString, ConfigError> {
    let failed = |why: String| {
        source.wrong(
            command,
            format!("password_command: {:?} {why}", command.get_ref()),
        )
    };
    let output = environment
        .environment(source)?
        .command("/bin/sh")
        .arg("-c")
        .arg(command.get_ref())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| failed(format!("could not be run: {e}")))?;
    if !output.status.success() {
        return Err(failed(format!("failed: {}", output.status)));
    }
    first_line(&String::from_utf8_lossy(&output.stdout))
        .ok_or_else(|| failed("printed no password".to_owned()))
}

fn first_line(text: &str) -> Option<SecretString> {
    let line = text.lines().next().unwrap_or_default();
    (!line.is_empty()).then(|| SecretString::from(line.to_owned()))
}
