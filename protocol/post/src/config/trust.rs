//! `[trust]`: whom the agent believes (protocol 5).

use std::fmt::Display;
use std::str::FromStr;

use serde::Deserialize;
use toml::Spanned;
use tradepost_letters::RelayPolicy;
use tradepost_statements::Evidence;

use super::source::{ConfigError, Source};

/// The section `[trust]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustToml {
    /// The least evidence that counts; `relay` by default.
    pub minimum: Option<Spanned<Evidence>>,
    /// Whose Authentication-Results are believed: exact ids, or `*.suffix`.
    #[serde(default)]
    pub authserv_ids: Vec<Spanned<String>>,
    /// The receiving provider's own hosts; by default those of the ids' organizational domains.
    pub own_hosts: Option<Vec<Spanned<String>>>,
    /// What becomes of trades that were placed elsewhere (protocol 9).
    pub adopt: Option<AdoptToml>,
}

/// `adopt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AdoptToml {
    /// They are listed at once.
    List,
    /// The buyer is asked for each.
    Ask,
    /// They are not taken.
    Off,
}

impl TrustToml {
    /// The least evidence that counts.
    ///
    /// # Errors
    /// [`ConfigError::At`] for `none`.
    pub fn minimum(&self, source: &Source) -> Result<Evidence, ConfigError> {
        let Some(minimum) = &self.minimum else {
            return Ok(Evidence::Relay);
        };
        // `dkim` and `signed` are levels that this version does not establish: with them every
        // letter stays below the minimum, which is strict but not wrong; `doctor` says so.
        match minimum.get_ref() {
            Evidence::None => Err(source.wrong(
                minimum,
                "minimum: \"none\" would believe anybody; the least is \"relay\"",
            )),
            level @ (Evidence::Relay | Evidence::Dkim | Evidence::Signed) => Ok(*level),
        }
    }

    /// Whose Authentication-Results are believed.
    ///
    /// # Errors
    /// [`ConfigError::At`] for what is neither a name nor `*.suffix`.
    pub fn relay_policy(&self, source: &Source) -> Result<RelayPolicy, ConfigError> {
        let ids = patterns(source, &self.authserv_ids, "authserv_ids")?;
        let own_hosts = self.own_hosts.as_ref();
        let own_hosts = own_hosts
            .map(|hosts| patterns(source, hosts, "own_hosts"))
            .transpose()?;
        Ok(RelayPolicy::new(ids, own_hosts))
    }
}

fn patterns<T>(source: &Source, texts: &[Spanned<String>], key: &str) -> Result<Vec<T>, ConfigError>
where
    T: FromStr,
    T::Err: Display,
{
    let read = |text: &Spanned<String>| {
        text.get_ref()
            .parse()
            .map_err(|e| source.wrong(text, format!("{key}: {e}")))
    };
    texts.iter().map(read).collect()
}
