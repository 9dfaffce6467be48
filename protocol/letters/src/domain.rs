//! Domains: comparing them, their organizational domains, and the patterns of the configuration.

use std::fmt;
use std::str::FromStr;

use tradepost_statements::Address;

/// The domain that an organization registered (Public Suffix List): `shop.example` of
/// `mail.shop.example`. None for a public suffix itself and for what is no domain name.
#[must_use]
pub fn organizational_domain(domain: &str) -> Option<String> {
    let domain = canonical(domain)?;
    psl::domain_str(&domain).map(str::to_owned)
}

/// In ASCII and lower case, or None when it is no domain name. One rule for all: that of addresses.
pub(crate) fn canonical(domain: &str) -> Option<String> {
    let address: Address = format!("x@{domain}").parse().ok()?;
    Some(address.domain().to_owned())
}

/// Protocol 5: `signer` is the From domain, or a parent of it within the same organizational domain.
pub(crate) fn is_aligned(signer: &str, from_domain: &str) -> bool {
    let Some(signer) = canonical(signer) else {
        return false;
    };
    let is_parent = || {
        from_domain
            .strip_suffix(signer.as_str())
            .is_some_and(|sub| sub.ends_with('.'))
            && organizational_domain(&signer).is_some()
            && organizational_domain(&signer) == organizational_domain(from_domain)
    };
    signer == from_domain || is_parent()
}

/// A text that is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a host name such as mx.home.example, nor a pattern such as *.home.example")]
pub struct BadPattern(String);

/// Which authserv-ids are the user's own provider's (RFC 8601 section 2.5): a name, or `*.suffix`
/// for every name below the suffix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthservPattern(Pattern);

/// Which hosts belong to the user's own provider: a name, `*.suffix` for every name below the
/// suffix, or `2002:a05:*` for the addresses that Gmail writes in place of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern(Pattern);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Exact(String),
    /// With the dot in front.
    Below(String),
    /// With the colon at the end.
    AddressPrefix(String),
}

impl Pattern {
    fn read(text: &str) -> Option<Pattern> {
        let text = text.trim().to_ascii_lowercase();
        let is_name = |name: &str| {
            !name.is_empty()
                && !name.starts_with('.')
                && name
                    .chars()
                    .all(|c| !c.is_whitespace() && !c.is_control() && !"*;\"()".contains(c))
        };
        if let Some(suffix) = text.strip_prefix("*.") {
            return is_name(suffix).then(|| Pattern::Below(format!(".{suffix}")));
        }
        if let Some(prefix) = text.strip_suffix('*') {
            let is_prefix = prefix.ends_with(':') && is_name(prefix);
            return is_prefix.then(|| Pattern::AddressPrefix(prefix.to_owned()));
        }
        is_name(&text).then_some(Pattern::Exact(text))
    }

    fn covers(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        match self {
            Pattern::Exact(own) => name == *own,
            Pattern::Below(suffix) => name.len() > suffix.len() && name.ends_with(suffix),
            Pattern::AddressPrefix(prefix) => name.starts_with(prefix),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pattern::Exact(name) => f.pad(name),
            Pattern::Below(suffix) => f.pad(&format!("*{suffix}")),
            Pattern::AddressPrefix(prefix) => f.pad(&format!("{prefix}*")),
        }
    }
}

impl AuthservPattern {
    /// Whether the id is one of the provider's; ids are compared without case.
    #[must_use]
    pub fn covers(&self, authserv_id: &str) -> bool {
        self.0.covers(authserv_id)
    }

    /// Protocol 5, the default of the own hosts: the organizational domain of the authserv-id and
    /// everything below it; the id itself where it has none.
    pub(crate) fn own_hosts(&self) -> Vec<HostPattern> {
        let name = match &self.0 {
            Pattern::Exact(name) | Pattern::AddressPrefix(name) => name.as_str(),
            Pattern::Below(suffix) => suffix.trim_start_matches('.'),
        };
        match organizational_domain(name) {
            Some(domain) => vec![
                HostPattern(Pattern::Below(format!(".{domain}"))),
                HostPattern(Pattern::Exact(domain)),
            ],
            None => vec![HostPattern(self.0.clone())],
        }
    }
}

impl HostPattern {
    /// Whether the host is one of the provider's; a dot at its end does not matter.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        self.0.covers(host.strip_suffix('.').unwrap_or(host))
    }
}

macro_rules! pattern_texts {
    ($name:ident) => {
        impl FromStr for $name {
            type Err = BadPattern;
            fn from_str(text: &str) -> Result<Self, BadPattern> {
                Pattern::read(text)
                    .map($name)
                    .ok_or_else(|| BadPattern(text.chars().take(100).collect()))
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}
pattern_texts!(AuthservPattern);
pattern_texts!(HostPattern);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_signer_is_aligned_up_to_the_organizational_domain() {
        for (signer, from, aligned) in [
            ("shop.example", "shop.example", true),
            ("SHOP.example", "shop.example", true),
            ("shop.example", "mail.shop.example", true),
            ("b.shop.co.uk", "a.b.shop.co.uk", true),
            ("mail.shop.example", "shop.example", false),
            ("other.shop.example", "mail.shop.example", false),
            ("example", "shop.example", false),
            ("co.uk", "shop.co.uk", false),
            ("op.example", "shop.example", false),
            ("github.io", "shop.github.io", false),
            ("evil.example", "shop.example", false),
            ("shop.example.", "shop.example", false),
            ("", "shop.example", false),
            ("bücher.example", "xn--bcher-kva.example", true),
        ] {
            assert_eq!(is_aligned(signer, from), aligned, "{signer} for {from}");
        }
    }

    #[test]
    fn a_pattern_is_a_name_or_everything_below_a_suffix() {
        let covers = |p: &str, name: &str| p.parse::<AuthservPattern>().unwrap().covers(name);
        assert!(covers("mx.home.example", "MX.home.example"));
        assert!(!covers("mx.home.example", "mx.home.example."));
        assert!(!covers("mx.home.example", "amx.home.example"));
        assert!(covers("*.home.example", "a.b.home.example"));
        assert!(!covers("*.home.example", "home.example"));
        assert!(!covers("*.home.example", "evilhome.example"));
        for bad in ["", "*", "*.", "a b", "a*.example", "*.*.example", "x;y"] {
            assert!(
                bad.parse::<AuthservPattern>().is_err(),
                "{bad:?} was accepted"
            );
        }
        assert!(
            "2002:a05:*"
                .parse::<HostPattern>()
                .unwrap()
                .covers("2002:a05:6a10:1")
        );
    }

    #[test]
    fn own_hosts_default_to_the_organizational_domain() {
        let own = |id: &str, host: &str| {
            let hosts = id.parse::<AuthservPattern>().unwrap().own_hosts();
            hosts.iter().any(|h| h.covers(host))
        };
        assert!(own("mx.home.example", "home.example"));
        assert!(own("mx.home.example", "imap.home.example."));
        assert!(own("*.mail.home.example", "a.home.example"));
        assert!(!own("mx.home.example", "home.example.evil.example"));
        assert!(own("mailhost", "mailhost"));
        assert!(!own("mailhost", "x.mailhost"));
    }
}
