//! `dkim`: who signs what leaves. `dkim = "provider"`, or a section `[[dkim]]` for each own key.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;
use tradepost_letters::dkim::MOST_SIGNATURES;
use tradepost_letters::organizational_domain;
use tradepost_statements::Address;

use super::private::read_private_file;
use super::source::{ConfigError, Source};
use tradepost_proof::dkim::{OwnKey, PrivateKey, Signer, Signing};

/// The value of `dkim`: `"provider"`, or sections `[[dkim]]`.
#[derive(Debug, Clone)]
pub enum DkimToml {
    /// The provider signs on the way out.
    Provider,
    /// This agent signs, with the keys of these sections; there is at least one.
    Keys(Vec<DkimKeyToml>),
}

/// A section `[[dkim]]`: a private key, and the name that DNS has its public half under.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DkimKeyToml {
    selector: Spanned<String>,
    /// The domain of the (first) address where it is absent.
    domain: Option<Spanned<String>>,
    key_file: Spanned<PathBuf>,
}

impl DkimToml {
    /// Who signs letters of these addresses. Reads the keys.
    ///
    /// # Errors
    /// [`ConfigError::At`] for keys that nobody could believe; never with a part of one in it.
    pub fn signing<'a>(
        &self,
        source: &Source,
        addresses: impl Iterator<Item = &'a Address> + Clone,
    ) -> Result<Signing, ConfigError> {
        let keys = match self {
            DkimToml::Provider => return Ok(Signing::ByProvider),
            DkimToml::Keys(keys) => keys,
        };
        if let Some(one_too_many) = keys.get(MOST_SIGNATURES) {
            let text = format!(
                "[[dkim]]: receivers try {MOST_SIGNATURES} signatures of a letter, so that more keys are of no use"
            );
            return Err(source.wrong(&one_too_many.selector, text));
        }
        let mut names = BTreeSet::new();
        let mut own_keys = Vec::new();
        for toml in keys {
            let own = toml.own_key(source, addresses.clone())?;
            if !names.insert(own.name()) {
                let text = format!(
                    "selector: {} is there already; each key needs a selector of its own",
                    own.name()
                );
                return Err(source.wrong(&toml.selector, text));
            }
            own_keys.push(own);
        }
        Ok(Signing::Here(Signer::new(own_keys)))
    }
}

impl DkimKeyToml {
    fn own_key<'a>(
        &self,
        source: &Source,
        mut addresses: impl Iterator<Item = &'a Address> + Clone,
    ) -> Result<OwnKey, ConfigError> {
        let selector = selector(self.selector.get_ref()).ok_or_else(|| {
            source.wrong(
                &self.selector,
                "selector: letters, digits and hyphens, such as \"s1\"",
            )
        })?;
        let domain = match &self.domain {
            Some(domain) => signing_domain(domain.get_ref())
                .ok_or_else(|| source.wrong(domain, "domain: give one such as \"shop.example\""))?,
            None => {
                let first = addresses.clone().next().map(Address::domain);
                first.and_then(signing_domain).ok_or_else(|| {
                    let text = "domain: the domain of your address is nobody's own (Public Suffix List), so \
                                nobody believes its signature";
                    source.wrong(&self.selector, text)
                })?
            }
        };
        let path = source.beside(self.key_file.get_ref());
        let pem = read_private_file(&path)
            .map_err(|e| source.wrong(&self.key_file, format!("key_file: {e}")))?;
        let key = PrivateKey::from_pem(&pem).map_err(|e| {
            let text = format!("key_file: {}: {e}", path.display());
            source.wrong(&self.key_file, text)
        })?;
        let own = OwnKey {
            domain,
            selector,
            key,
        };
        if addresses.any(|address| own.proves(address)) {
            return Ok(own);
        }
        let text = format!(
            "domain: a signature of {} proves none of your addresses: it has to be the domain behind the @, or \
             one above it that is registered",
            own.domain
        );
        Err(match &self.domain {
            Some(domain) => source.wrong(domain, text),
            None => source.wrong(&self.selector, text),
        })
    }
}

/// RFC 6376 section 3.1: labels of a domain. In lower case; none for what is no selector.
#[must_use]
pub fn selector(text: &str) -> Option<String> {
    let is_label = |label: &str| {
        let is_fitting = |c: char| c.is_ascii_alphanumeric() || c == '-';
        (1..=63).contains(&label.len())
            && label.chars().all(is_fitting)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let fits = text.len() <= 100 && text.split('.').all(is_label);
    fits.then(|| text.to_ascii_lowercase())
}

/// A domain that can sign: ASCII, in lower case, and no public suffix. None for anything else.
#[must_use]
pub fn signing_domain(text: &str) -> Option<String> {
    let address: Address = format!("x@{text}").parse().ok()?;
    let domain = address.domain().to_owned();
    organizational_domain(&domain).map(|_| domain)
}

impl<'de> Deserialize<'de> for DkimToml {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<DkimToml, D::Error> {
        d.deserialize_any(DkimVisitor)
    }
}

struct DkimVisitor;

/// For everything that is neither.
const EITHER: &str = "write dkim = \"provider\" where the provider signs your letters, or a section [[dkim]], in double \
                      brackets, with selector and key_file for each key of your own";

impl<'de> Visitor<'de> for DkimVisitor {
    type Value = DkimToml;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"provider\" or sections [[dkim]]")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<DkimToml, E> {
        match word {
            "provider" => Ok(DkimToml::Provider),
            _ => Err(E::custom(EITHER)),
        }
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<DkimToml, E> {
        Err(E::custom(EITHER))
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, _: A) -> Result<DkimToml, A::Error> {
        Err(A::Error::custom(EITHER))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut keys: A) -> Result<DkimToml, A::Error> {
        let mut all = Vec::new();
        while let Some(key) = keys.next_element()? {
            all.push(key);
        }
        if all.is_empty() {
            return Err(A::Error::custom(EITHER));
        }
        Ok(DkimToml::Keys(all))
    }
}
