//! The keys `env_clear` and `env` of a section that names a command, and the secrets that no command
//! gets.

use std::collections::BTreeSet;

use toml::{Spanned, Table, Value};

use super::source::{ConfigError, Source};
use crate::command::Environment;

/// The keys of a section that say what its command gets of the environment.
#[derive(Debug, Clone, Default)]
pub struct EnvironmentToml {
    /// Whether it gets only what [`EnvironmentToml::env`] names.
    pub env_clear: Option<Spanned<bool>>,
    /// Names of variables; a fault where `env_clear` is not true.
    pub env: Option<Spanned<Vec<String>>>,
}

impl EnvironmentToml {
    /// What the command of this section gets.
    ///
    /// # Errors
    /// [`ConfigError::At`] for a list without `env_clear = true`, and for a name in it that no command
    /// gets.
    pub fn environment(&self, source: &Source) -> Result<Environment, ConfigError> {
        let all = source.environment()?;
        if !self.env_clear.as_ref().is_some_and(|c| *c.get_ref()) {
            return match &self.env {
                None => Ok(all),
                Some(list) => Err(source.wrong(
                    list,
                    "env: a list of variables needs env_clear = true beside it; without, a command gets all but secrets",
                )),
            };
        }
        let names = self.env.as_ref().map(|list| list.get_ref().as_slice());
        all.narrowed_to(names.unwrap_or_default().iter().map(String::as_str))
            .map_err(|e| match &self.env {
                Some(list) => source.wrong(list, format!("env: {e}")),
                None => source.lacks(e),
            })
    }

    /// Refuses the keys in a section that names no command.
    ///
    /// # Errors
    /// [`ConfigError::At`].
    pub fn check_without(&self, source: &Source, command: &str) -> Result<(), ConfigError> {
        let why = |key: &str| format!("{key}: nothing is run here without {command}");
        match (&self.env_clear, &self.env) {
            (None, None) => Ok(()),
            (Some(clear), _) => Err(source.wrong(clear, why("env_clear"))),
            (None, Some(list)) => Err(source.wrong(list, why("env"))),
        }
    }
}

impl Source {
    /// What commands get of the environment: all but what any key of this file names as a secret. Such
    /// keys end in `_env`, wherever they stand, so that a new one cannot be forgotten here.
    ///
    /// # Errors
    /// [`ConfigError::At`] when the file is no TOML.
    pub fn environment(&self) -> Result<Environment, ConfigError> {
        let mut secrets = BTreeSet::new();
        let file: Table = self.parse()?;
        gather(&Value::Table(file), &mut secrets);
        Ok(Environment::without(secrets))
    }
}

/// The reader of TOML has limited how deep this goes.
fn gather(value: &Value, secrets: &mut BTreeSet<String>) {
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                if let Value::String(name) = value
                    && key.ends_with("_env")
                {
                    secrets.insert(name.clone());
                }
                gather(value, secrets);
            }
        }
        Value::Array(values) => values.iter().for_each(|v| gather(v, secrets)),
        Value::String(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_) => {}
    }
}
