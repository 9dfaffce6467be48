//! Addresses: RFC 5321 mailboxes without display name (protocol 1).

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use crate::words::string_serde;

/// An e-mail address of a party.
///
/// Two addresses are equal when their domains are equal after IDNA ToASCII and lower-casing, and
/// their local parts, unquoted, are equal after ASCII lower-casing (protocol 1). Nothing else is
/// folded: no dots, no `+tag`. What was written is kept for submitting: a local part belongs to
/// its domain, which may tell case apart (RFC 5321 section 2.4).
#[derive(Clone)]
pub struct Address {
    written: String,
    canonical: String,
    /// Where the domain starts in `canonical`.
    domain_at: usize,
}

/// Why a text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// RFC 5321 section 4.5.3.1: 64 octets before the `@`, 254 in all.
    #[error("an address has at most 64 octets before the @ and 254 in all")]
    TooLong,
    /// There is no `@` outside quotes, or nothing on one side of it.
    #[error("an address has the form name@domain")]
    NoDomain,
    /// The local part is neither a dot-atom nor a quoted string (RFC 5321 section 4.1.2).
    #[error("the part before the @ is not a valid local part")]
    LocalPart,
    /// Not a domain name, or an address literal or source route, which are not addresses here.
    #[error("the part after the @ is not a domain name")]
    Domain,
}

impl Address {
    /// The canonical form: equal addresses have equal canonical forms.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.canonical
    }

    /// As it was written, for the envelope and the header of a letter.
    #[must_use]
    pub fn as_written(&self) -> &str {
        &self.written
    }

    /// The domain, in ASCII (punycode) and lower case.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.canonical.get(self.domain_at..).unwrap_or_default()
    }

    /// Whether a letter to it needs SMTPUTF8 (RFC 6531): the local part has non-ASCII characters.
    #[must_use]
    pub fn needs_smtputf8(&self) -> bool {
        !self.canonical.is_ascii()
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.len() > 254 {
            return Err(AddressError::TooLong);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::NoDomain)?;
        if local.is_empty() || domain.is_empty() {
            return Err(AddressError::NoDomain);
        }
        if local.len() > 64 {
            return Err(AddressError::TooLong);
        }
        let local = canonical_local_part(local)?;
        let domain = canonical_domain(domain)?;
        Ok(Address {
            written: text.to_owned(),
            domain_at: local.len() + 1,
            canonical: format!("{local}@{domain}"),
        })
    }
}

fn canonical_local_part(local: &str) -> Result<String, AddressError> {
    let unquoted = match local.strip_prefix('"') {
        Some(rest) => unquote(rest)?,
        None if is_dot_atom(local) => local.to_owned(),
        None => return Err(AddressError::LocalPart),
    };
    let folded = unquoted.to_ascii_lowercase();
    if is_dot_atom(&folded) {
        return Ok(folded);
    }
    // RFC 5321 section 4.1.2: only what a dot-atom cannot hold stays quoted.
    let escaped = folded.replace('\\', "\\\\").replace('"', "\\\"");
    Ok(format!("\"{escaped}\""))
}

fn unquote(rest: &str) -> Result<String, AddressError> {
    let inner = rest.strip_suffix('"').ok_or(AddressError::LocalPart)?;
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        let c = match c {
            '"' => return Err(AddressError::LocalPart),
            '\\' => chars.next().ok_or(AddressError::LocalPart)?,
            other => other,
        };
        if c.is_control() {
            return Err(AddressError::LocalPart);
        }
        out.push(c);
    }
    Ok(out)
}

fn is_dot_atom(text: &str) -> bool {
    // RFC 5322 atext, and RFC 6531's UTF8-non-ascii.
    let atext = |c: char| {
        c.is_ascii_alphanumeric()
            || "!#$%&'*+-/=?^_`{|}~".contains(c)
            || (!c.is_ascii() && !c.is_control() && !c.is_whitespace())
    };
    !text.is_empty()
        && text
            .split('.')
            .all(|atom| !atom.is_empty() && atom.chars().all(atext))
}

fn canonical_domain(domain: &str) -> Result<String, AddressError> {
    if domain.starts_with('.') || domain.ends_with('.') || domain.contains(char::is_control) {
        return Err(AddressError::Domain);
    }
    let ascii = idna::domain_to_ascii_strict(domain).map_err(|_| AddressError::Domain)?;
    if domain.is_ascii() || is_mapped_by_lower_casing_alone(domain, &ascii) {
        Ok(ascii)
    } else {
        Err(AddressError::Domain)
    }
}

/// The library maps as browsers do (UTS 46): full-width letters and dots become ASCII, soft hyphens
/// vanish. IDNA2008 has no such mapping (RFC 5891 section 5.3), and no mail server does it: two
/// domains that look alike would become the same address.
fn is_mapped_by_lower_casing_alone(domain: &str, ascii: &str) -> bool {
    let (unicode, _) = idna::domain_to_unicode(ascii);
    let mapped: Vec<(&str, &str)> = ascii.split('.').zip(unicode.split('.')).collect();
    let labels: Vec<&str> = domain.split('.').collect();
    labels.len() == mapped.len()
        && labels
            .iter()
            .zip(mapped)
            .all(|(label, (a_label, u_label))| {
                if label.is_ascii() {
                    label.eq_ignore_ascii_case(a_label)
                } else {
                    a_label.starts_with("xn--") && label.to_lowercase() == u_label
                }
            })
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.canonical == other.canonical
    }
}
impl Eq for Address {}
impl PartialOrd for Address {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Address {
    fn cmp(&self, other: &Self) -> Ordering {
        self.canonical.cmp(&other.canonical)
    }
}
impl Hash for Address {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.canonical.hash(state);
    }
}
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}
/// As written; compare addresses, not their texts.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.written)
    }
}
string_serde!(Address);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        a.parse::<Address>().unwrap() == b.parse::<Address>().unwrap()
    }

    #[test]
    fn case_quotes_and_idna_are_folded_and_nothing_else() {
        assert!(same("Ann@Home.Example", "ann@home.example"));
        assert!(same("\"ann\"@home.example", "ann@home.example"));
        assert!(same("\"a\\nn\"@home.example", "ann@home.example"));
        assert!(same("ann@bücher.example", "ann@xn--bcher-kva.example"));
        assert!(same("ann@BÜCHER.Example", "ann@XN--bcher-KVA.example"));
        assert!(same("ann@straße.example", "ann@xn--strae-oqa.example"));
        assert!(same("ann@bücher.xn--bcher-kva", "ann@xn--bcher-kva.bücher"));
        assert!(!same("a.nn@home.example", "ann@home.example"));
        assert!(!same("ann+x@home.example", "ann@home.example"));
        assert!(!same("\"a b\"@home.example", "\"ab\"@home.example"));
    }

    #[test]
    fn what_is_no_mailbox_is_refused() {
        assert!("orders@shop.example".parse::<Address>().is_ok());
        for bad in [
            "",
            "@",
            "a@",
            "@b.example",
            "a b@c.example",
            "a@[192.0.2.1]",
            "@r.example:a@b.example",
            "a..b@c.example",
            ".a@c.example",
            "a@b.example.",
            "a@-b.example",
            "a@b_c.example",
            "<a@b.example>",
            "a@b.example,c@d.example",
            "a\u{0}@b.example",
            "a@b\r\n.example",
            "\"a@b.example",
            "\"a\"b\"@c.example",
            "a(x)@b.example",
            "a@\u{ff53}hop.example",
            "a@sh\u{ad}op.example",
            "a@bü\u{200b}cher.example",
            "a@shop\u{3002}example",
            "a@bücher\u{ff0e}example",
            "a@xn--a.example",
        ] {
            assert!(bad.parse::<Address>().is_err(), "{bad:?} was accepted");
        }
        let long = format!("{}@b.example", "a".repeat(65));
        assert_eq!(long.parse::<Address>(), Err(AddressError::TooLong));
        assert!(
            format!("{}@b.example", "a".repeat(64))
                .parse::<Address>()
                .is_ok()
        );
    }

    #[test]
    fn the_written_form_is_kept_for_the_envelope() {
        let a: Address = "Ann@Home.Example".parse().unwrap();
        assert_eq!(a.as_written(), "Ann@Home.Example");
        assert_eq!(a.as_str(), "ann@home.example");
        assert_eq!(a.domain(), "home.example");
    }
}
