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
#[must_use]
pub fn is_aligned(signer: &str, from_domain: &str) -> bool {
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
/// suffix, or a pattern for what large providers write in place of domain names: addresses
/// (`2002:a??:*`, Gmail) and names without a dot (`p*-icloudmta-*`, iCloud).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern(Hosts);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Exact(String),
    /// With the dot in front.
    Below(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Hosts {
    Named(Pattern),
    /// `*` is any number of characters, `?` one that is no colon. It covers no name with a dot, so
    /// never one that somebody can register.
    WithoutDot(String),
}

/// So many characters of a pattern without a dot are no wildcards, lest it cover everything.
const FEWEST_LITERALS: usize = 4;

/// Names in the form in which they are compared: without case, and in ASCII (RFC 5890) where they
/// are domain names.
fn folded(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    canonical(name).unwrap_or_else(|| name.to_lowercase())
}

impl Pattern {
    fn read(text: &str) -> Option<Pattern> {
        let text = text.trim();
        let is_name = |name: &str| {
            !name.is_empty()
                && !name.starts_with('.')
                && name
                    .chars()
                    .all(|c| !c.is_whitespace() && !c.is_control() && !"*?;\"()".contains(c))
        };
        if let Some(suffix) = text.strip_prefix("*.") {
            return is_name(suffix).then(|| Pattern::Below(format!(".{}", folded(suffix))));
        }
        is_name(text).then(|| Pattern::Exact(folded(text)))
    }

    fn covers(&self, name: &str) -> bool {
        let name = folded(name);
        match self {
            Pattern::Exact(own) => name == *own,
            Pattern::Below(suffix) => name.len() > suffix.len() && name.ends_with(suffix),
        }
    }
}

impl Hosts {
    fn read(text: &str) -> Option<Hosts> {
        let named = Pattern::read(text).map(Hosts::Named);
        named.or_else(|| Hosts::without_dot(&text.trim().to_ascii_lowercase()))
    }

    fn without_dot(text: &str) -> Option<Hosts> {
        let literals = text.chars().filter(|c| !"*?".contains(*c)).count();
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_:*?".contains(c);
        (literals >= FEWEST_LITERALS && text.chars().all(fits))
            .then(|| Hosts::WithoutDot(text.to_owned()))
    }

    fn covers(&self, host: &str) -> bool {
        match self {
            Hosts::Named(pattern) => pattern.covers(host),
            Hosts::WithoutDot(pattern) => {
                !host.contains('.')
                    && matches(pattern.as_bytes(), host.to_ascii_lowercase().as_bytes())
            }
        }
    }
}

/// Whether a text fits a pattern of `*` and `?`. After a mismatch only the last `*` takes one more
/// character, so it costs at most the product of both lengths.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star = None;
    loop {
        match (pattern.get(p), text.get(t)) {
            (Some(b'*'), _) => {
                star = Some((p, t));
                p += 1;
            }
            (None, None) => return true,
            (Some(b'?'), Some(c)) if *c != b':' => (p, t) = (p + 1, t + 1),
            (Some(wanted), Some(c)) if wanted == c => (p, t) = (p + 1, t + 1),
            (_, None) => return false,
            (_, Some(_)) => {
                let Some((at, taken)) = star else {
                    return false;
                };
                star = Some((at, taken + 1));
                (p, t) = (at + 1, taken + 1);
            }
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pattern::Exact(name) => f.pad(name),
            Pattern::Below(suffix) => f.pad(&format!("*{suffix}")),
        }
    }
}

impl fmt::Display for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hosts::Named(pattern) => pattern.fmt(f),
            Hosts::WithoutDot(pattern) => f.pad(pattern),
        }
    }
}

impl AuthservPattern {
    /// Whether the id is one of the provider's; ids are compared without case.
    #[must_use]
    pub fn covers(&self, authserv_id: &str) -> bool {
        self.0.covers(authserv_id)
    }

    /// An id that it covers.
    pub(crate) fn example(&self) -> String {
        match &self.0 {
            Pattern::Exact(name) => name.clone(),
            Pattern::Below(suffix) => format!("mx{suffix}"),
        }
    }

    /// Protocol 5, the default of the own hosts: the organizational domain of the authserv-id and
    /// everything below it; the id itself where it has none.
    pub(crate) fn own_hosts(&self) -> Vec<HostPattern> {
        let name = match &self.0 {
            Pattern::Exact(name) => name.as_str(),
            Pattern::Below(suffix) => suffix.trim_start_matches('.'),
        };
        let named = |pattern| HostPattern(Hosts::Named(pattern));
        match organizational_domain(name) {
            Some(domain) => vec![
                named(Pattern::Below(format!(".{domain}"))),
                named(Pattern::Exact(domain)),
            ],
            None => vec![named(self.0.clone())],
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
    ($name:ident, $inner:ident) => {
        impl FromStr for $name {
            type Err = BadPattern;
            fn from_str(text: &str) -> Result<Self, BadPattern> {
                $inner::read(text)
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
pattern_texts!(AuthservPattern, Pattern);
pattern_texts!(HostPattern, Hosts);

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
        assert!(covers("møx.example", "xn--mx-lka.example"));
        assert!(covers("*.xn--mx-lka.example", "a.MØX.example"));
        for bad in [
            "",
            "*",
            "*.",
            "a b",
            "a*.example",
            "*.*.example",
            "x;y",
            "2002:a05:*",
            "sloti*",
        ] {
            assert!(
                bad.parse::<AuthservPattern>().is_err(),
                "{bad:?} was accepted"
            );
        }
    }

    #[test]
    fn hosts_without_a_dot_have_wildcards() {
        for (pattern, host, covered) in [
            ("2002:a05:*", "2002:a05:6a10:1", true),
            ("2002:a??:*", "2002:A9A:5344:0:b0:273:3cac:c21d", true),
            ("2002:a??:*", "2002:a1:5344::", false),
            ("2002:a??:*", "2002:abcd:5344::", false),
            ("2002:a??:*", "2003:a05:6a10:1", false),
            ("sloti*", "sloti22d1t06", true),
            ("sloti*", "sloti.evil.example", false),
            ("sloti*", "asloti22", false),
            (
                "p*-icloudmta-*",
                "p00-icloudmta-smtpin-us-west-2a-100-percent-3",
                true,
            ),
            ("p*-icloudmta-*", "p00-icloudmta", false),
            ("p*-icloudmta-*", "q00-icloudmta-x", false),
            ("*aab*b", "aaaabab", true),
        ] {
            let own: HostPattern = pattern.parse().unwrap();
            assert_eq!(own.covers(host), covered, "{pattern} {host}");
            assert_eq!(own.to_string(), pattern);
        }
        for bad in [
            "*",
            "?",
            "a*",
            "a*.example",
            "*.*.example",
            "host *",
            "høst*",
        ] {
            assert!(bad.parse::<HostPattern>().is_err(), "{bad:?} was accepted");
        }
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
