//! Addresses as keys of mailboxes.

/// The one spelling under which an address is a mailbox: domain after IDNA ToASCII, local part
/// unquoted, both lower case (protocol 1). None where there is no local part or no domain.
pub(crate) fn canonical(address: &str) -> Option<String> {
    let (local, domain) = address.trim().rsplit_once('@')?;
    let domain = idna::domain_to_ascii(domain).ok()?;
    let local = unquote(local).to_ascii_lowercase();
    (!local.is_empty() && !domain.is_empty()).then(|| format!("{local}@{domain}"))
}

/// The domain of an address that [`canonical`] made.
pub(crate) fn domain_of(canonical: &str) -> &str {
    canonical.rsplit_once('@').map_or("", |(_, domain)| domain)
}

fn unquote(local: &str) -> String {
    let Some(inner) = local
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    else {
        return local.to_owned();
    };
    let mut plain = String::with_capacity(inner.len());
    let mut escaped = false;
    for character in inner.chars() {
        if character == '\\' && !escaped {
            escaped = true;
        } else {
            plain.push(character);
            escaped = false;
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_quotes_and_idna_are_folded_and_nothing_else() {
        for (written, key) in [
            ("Ann@Home.Example", Some("ann@home.example")),
            ("\"ann\"@home.example", Some("ann@home.example")),
            ("\"a\\\"b\"@home.example", Some("a\"b@home.example")),
            ("ann@BÜCHER.example", Some("ann@xn--bcher-kva.example")),
            ("a.nn+tag@home.example", Some("a.nn+tag@home.example")),
            ("ann", None),
            ("@home.example", None),
            ("ann@", None),
        ] {
            assert_eq!(canonical(written).as_deref(), key, "{written}");
        }
    }
}
