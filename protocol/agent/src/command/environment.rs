//! What a program that is run may see of the environment: all of it but secrets, or the variables
//! that the configuration lists.
//!
//! What an agent knows as a secret is its own. It keeps its environment to itself
//! ([`keep_memory_private`](crate::process::keep_memory_private)), but that of a child can be read by
//! every process of the same user, and whatever the child starts has it too.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};

/// The variables of an agent's own start so. None is passed on: with `TRADEPOST_DATA` a child that is
/// another `tradepost` would work on this one's folders by accident, and `TRADEPOST_LOG` is not meant
/// for it.
const OWN: &str = "TRADEPOST_";

/// Which variables a program gets. Made by
/// [`Source::environment`](crate::config::Source::environment), which knows the secrets of the
/// configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    secrets: BTreeSet<String>,
    only: Option<BTreeSet<String>>,
}

/// Why a list of variables cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotPassedOn {
    /// There can be no such variable.
    #[error("{0:?} is no name of a variable")]
    NoName(String),
    /// The configuration names it as a secret.
    #[error(
        "{0} holds a secret, as another key of this configuration says, and is passed on to no program"
    )]
    Secret(String),
    /// It is of this program's own.
    #[error(
        "{0} is a variable of Tradepost's own, and is passed on to no program; give the program arguments, such as \
         --config and --data"
    )]
    Own(String),
}

impl Environment {
    /// All but these variables, and but Tradepost's own.
    pub(crate) fn without(secrets: BTreeSet<String>) -> Environment {
        Environment {
            secrets,
            only: None,
        }
    }

    /// Only these variables, as far as they are set.
    ///
    /// # Errors
    /// [`NotPassedOn`] for one that no program gets.
    pub fn narrowed_to<'n>(
        &self,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<Environment, NotPassedOn> {
        let mut only = BTreeSet::new();
        for name in names {
            let owned = name.to_owned();
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(NotPassedOn::NoName(owned));
            }
            if self.secrets.contains(name) {
                return Err(NotPassedOn::Secret(owned));
            }
            if name.starts_with(OWN) {
                return Err(NotPassedOn::Own(owned));
            }
            only.insert(owned);
        }
        Ok(Environment {
            secrets: self.secrets.clone(),
            only: Some(only),
        })
    }

    /// Whether a program gets this variable.
    #[must_use]
    pub fn passes(&self, name: &OsStr) -> bool {
        let octets = name.as_encoded_bytes();
        let is = |one: &String| one.as_bytes() == octets;
        !octets.starts_with(OWN.as_bytes())
            && !self.secrets.iter().any(is)
            && self.only.as_ref().is_none_or(|only| only.iter().any(is))
    }

    /// A program that has not started yet, with these variables of this process and no others. The
    /// one place where either agent makes one.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> std::process::Command {
        let passed: Vec<(OsString, OsString)> = std::env::vars_os()
            .filter(|(name, _)| self.passes(name))
            .collect();
        let mut command = std::process::Command::new(program);
        command.env_clear().envs(passed);
        command
    }
}
