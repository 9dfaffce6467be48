//! `[fulfilment]`: the merchant's own system, as commands (E8).

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use tradepost_agent::command::{Environment, Program};
use tradepost_agent::config::{ConfigError, EnvironmentToml, Source, Span, Spanned};
use tradepost_parties::kernel::settings::{Fulfilment, FulfilmentSettings};
use tradepost_statements::order::DeliveryMethod;

use super::Role;

/// What is run for jobs.
#[derive(Debug, Clone)]
pub(crate) struct Commands {
    /// What takes trades over and tells how far they are.
    pub(crate) fulfilment: Option<Program>,
    /// What makes the goods of a delivery method.
    pub(crate) goods: BTreeMap<DeliveryMethod, Program>,
    /// How long one may take.
    pub(crate) timeout: Duration,
    /// So many may run at once.
    pub(crate) at_once: usize,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FulfilmentToml {
    command: Option<Spanned<Vec<String>>>,
    /// Whether it is asked how far its trades are.
    progress: Option<bool>,
    progress_every: Option<Spanned<Span>>,
    timeout: Option<Spanned<Span>>,
    retry_first: Option<Span>,
    retry_longest: Option<Span>,
    at_once: Option<Spanned<usize>>,
    env_clear: Option<Spanned<bool>>,
    env: Option<Spanned<Vec<String>>>,
}

/// A command that answers at all does so soon.
const TIMEOUT: Duration = Duration::from_secs(60);
const PROGRESS_EVERY: Duration = Duration::from_secs(30 * 60);
/// One that hangs does not keep the others waiting.
const AT_ONCE: usize = 4;
/// More would only wait for one another on most machines.
const MOST_AT_ONCE: usize = 64;

impl FulfilmentToml {
    pub(super) fn settings(
        &self,
        source: &Source,
        roles: &[Role],
    ) -> Result<FulfilmentSettings, ConfigError> {
        let usual = FulfilmentSettings::default();
        if let Some(command) = &self.command
            && !roles.contains(&Role::Shop)
        {
            let text = "[fulfilment] command: trades are handed over by the shop; add \"shop\" to roles, or leave it out";
            return Err(source.wrong(command, text));
        }
        if let Some(every) = &self.progress_every
            && every.get_ref().duration().is_zero()
        {
            let text = "[fulfilment] progress_every: must be longer than nothing; `progress = false` asks never";
            return Err(source.wrong(every, text));
        }
        let every = self.progress_every.as_ref();
        let every = every.map_or(PROGRESS_EVERY, |span| span.get_ref().duration());
        Ok(FulfilmentSettings {
            fulfilment: self.command.as_ref().map(|_| Fulfilment {
                progress_every: self.progress.unwrap_or(true).then_some(every),
            }),
            retry_first: self.retry_first.map_or(usual.retry_first, Span::duration),
            retry_longest: self
                .retry_longest
                .map_or(usual.retry_longest, Span::duration),
        })
    }

    pub(super) fn commands(
        &self,
        source: &Source,
        goods: BTreeMap<DeliveryMethod, Program>,
    ) -> Result<Commands, ConfigError> {
        let environment = EnvironmentToml {
            env_clear: self.env_clear.clone(),
            env: self.env.clone(),
        };
        let fulfilment = match &self.command {
            Some(command) if command.get_ref().first().is_none_or(String::is_empty) => {
                let text = "[fulfilment] command: name a program, as in [\"/usr/local/bin/fulfil\", \"--json\"]";
                return Err(source.wrong(command, text));
            }
            Some(command) => {
                let environment = environment.environment(source)?;
                Some(program(source, command.get_ref(), environment))
            }
            None => {
                environment.check_without(source, "[fulfilment] command")?;
                None
            }
        };
        let timeout = match &self.timeout {
            Some(span) if span.get_ref().duration().is_zero() => {
                let text = "[fulfilment] timeout: no command ends in no time";
                return Err(source.wrong(span, text));
            }
            Some(span) => span.get_ref().duration(),
            None => TIMEOUT,
        };
        let at_once = match &self.at_once {
            Some(n) if !(1..=MOST_AT_ONCE).contains(n.get_ref()) => {
                let text = format!("[fulfilment] at_once: from 1 to {MOST_AT_ONCE}");
                return Err(source.wrong(n, text));
            }
            Some(n) => *n.get_ref(),
            None => AT_ONCE,
        };
        Ok(Commands {
            fulfilment,
            goods,
            timeout,
            at_once,
        })
    }
}

/// A program that is named by a path is looked for beside the configuration, one by a mere name
/// where the system looks for programs.
pub(super) fn program(source: &Source, words: &[String], environment: Environment) -> Program {
    let mut words = words.to_vec();
    if let Some(program) = words.first_mut().filter(|p| p.contains('/')) {
        *program = source.beside(Path::new(program)).display().to_string();
    }
    Program { words, environment }
}
