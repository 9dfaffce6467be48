//! Passwords: from a file that only its owner can read, from the environment, or from a command;
//! never from the configuration itself.

use std::path::PathBuf;

use toml::Spanned;
use tradepost_post::{Password, PasswordSource as _};

use super::environment::EnvironmentToml;
use super::password::Configured;
use super::private::check_private_file;
use super::source::{ConfigError, Source};

/// The keys of a section that say where its password comes from: exactly one is needed.
#[derive(Debug, Clone, Default)]
pub struct SecretToml {
    /// A file; its first line counts.
    pub password_file: Option<Spanned<PathBuf>>,
    /// The name of an environment variable; the first line of its value counts.
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

    /// The password. A file and a variable are read at once; a command, which may ask somebody, runs
    /// before the first login: that it fails then is a trouble that may pass.
    ///
    /// # Errors
    /// [`ConfigError::At`] when there is none to be had; never with the password in it.
    pub fn password(&self, source: &Source, section: Section<'_>) -> Result<Password, ConfigError> {
        self.check(source, section)?;
        let (configured, at) = if let Some(file) = &self.password_file {
            (Configured::File(source.beside(file.get_ref())), file.span())
        } else if let Some(name) = &self.password_env {
            (Configured::Environment(name.get_ref().clone()), name.span())
        } else if let Some(command) = &self.password_command {
            let environment = self.environment.environment(source)?;
            (
                Configured::Command(command.get_ref().clone(), environment),
                command.span(),
            )
        } else {
            return Err(section.wrong(source, "has no password"));
        };
        let read = configured.read_at_start().map_err(|why| {
            let key = configured.key().trim_matches('`');
            source.wrong(&Spanned::new(at, ()), format!("{key}: {why}"))
        })?;
        Ok(Password::new(Box::new(configured), section.name, read))
    }
}
