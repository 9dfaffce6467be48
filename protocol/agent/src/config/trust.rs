//! `[trust]`: whom the agent believes (protocol 5).

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;
use tradepost_letters::RelayPolicy;
use tradepost_statements::{Address, Evidence};

use super::duration::Span;
use super::source::{ConfigError, Source};
use tradepost_proof::dkim::{KeySource, VerifyingKey};

/// The section `[trust]`, as it is written: its methods check each value.
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
    /// Whether the provider's `dmarc=pass` counts where it rests on SPF alone (protocol 5, `relay`); not by
    /// default.
    #[serde(default)]
    pub spf: bool,
    /// What becomes of trades that were placed elsewhere (protocol 9).
    pub adopt: Option<AdoptToml>,
    /// `minimum` for single parties, by their addresses.
    #[serde(default)]
    pub minimum_of: BTreeMap<Spanned<String>, Spanned<Evidence>>,
    /// The name server to ask for keys, as `address:port`; the system's by default.
    pub resolver: Option<Spanned<String>>,
    /// How long DNS may take for one letter; 5 seconds by default.
    pub dns_budget: Option<Spanned<Span>>,
    /// Keys of DKIM signatures that are never looked up, by the name that DNS has them under.
    #[serde(default)]
    pub keys: BTreeMap<Spanned<String>, Spanned<String>>,
}

/// The value of `adopt`: what becomes of trades that were placed elsewhere (protocol 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AdoptToml {
    /// They are listed at once.
    List,
    /// The buyer is asked for each.
    Ask,
    /// None of them is adopted.
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
        believable(source, minimum, "minimum")
    }

    /// The same for single parties.
    ///
    /// # Errors
    /// [`ConfigError::At`] for what is no address, and for `none`.
    pub fn minimum_of(&self, source: &Source) -> Result<BTreeMap<Address, Evidence>, ConfigError> {
        let read = |(party, minimum): (&Spanned<String>, &Spanned<Evidence>)| {
            let address: Address = party
                .get_ref()
                .parse()
                .map_err(|e| source.wrong(party, format!("[trust.minimum_of]: {e}")))?;
            Ok((address, believable(source, minimum, "minimum_of")?))
        };
        self.minimum_of.iter().map(read).collect()
    }

    /// Where the keys of DKIM signatures come from.
    ///
    /// # Errors
    /// [`ConfigError::At`] for a resolver that is no address with a port, for a budget of no time, for a
    /// name that is not where a key would be, and for a record that has no key to verify with.
    pub fn key_source(&self, source: &Source) -> Result<KeySource, ConfigError> {
        let usual = KeySource::default();
        let resolver = self.resolver.as_ref().map(|text| {
            let address: Result<SocketAddr, _> = text.get_ref().parse();
            address.map_err(|_| {
                let what = format!(
                    "resolver = {:?}: give an IP address and a port, as \"127.0.0.1:53\"",
                    text.get_ref()
                );
                source.wrong(text, what)
            })
        });
        let fixed = self.keys.iter().map(|(name, record)| {
            let key = name.get_ref().trim_end_matches('.').to_ascii_lowercase();
            if !key.contains("._domainkey.") {
                let what = "[trust.keys]: a key's name is like \"s1._domainkey.shop.example\"";
                return Err(source.wrong(name, what));
            }
            // Signatures are looked up by the name in ASCII: another one would never be found.
            if !key.is_ascii() {
                let what =
                    "[trust.keys]: write the domain of a key in punycode, as xn--bcher-kva.example";
                return Err(source.wrong(name, what));
            }
            VerifyingKey::read(record.get_ref())
                .map_err(|e| source.wrong(record, format!("[trust.keys] {key}: {e}")))?;
            Ok((key, record.get_ref().clone()))
        });
        Ok(KeySource {
            fixed: fixed.collect::<Result<_, _>>()?,
            resolver: resolver.transpose()?,
            budget: self.budget(source)?.unwrap_or(usual.budget),
            ..usual
        })
    }

    /// With no time at all every letter would be held, and judged unproven after days.
    fn budget(&self, source: &Source) -> Result<Option<Duration>, ConfigError> {
        let budget = self.dns_budget.as_ref().map(|span| {
            let duration = span.get_ref().duration();
            if duration.is_zero() {
                let what = "dns_budget: DNS needs some time to answer; 5 s is the default";
                return Err(source.wrong(span, what));
            }
            Ok(duration)
        });
        budget.transpose()
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
        Ok(RelayPolicy {
            takes_spf: self.spf,
            ..RelayPolicy::new(ids, own_hosts)
        })
    }
}

fn believable(
    source: &Source,
    minimum: &Spanned<Evidence>,
    key: &str,
) -> Result<Evidence, ConfigError> {
    match minimum.get_ref() {
        Evidence::None => Err(source.wrong(
            minimum,
            format!("{key}: \"none\" would believe anybody; the least is \"relay\""),
        )),
        level @ (Evidence::Relay | Evidence::Dkim | Evidence::Signed) => Ok(*level),
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
