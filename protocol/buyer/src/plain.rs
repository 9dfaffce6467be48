//! What others wrote, and names of others, as a person may safely read them: no link that a
//! program makes clickable, and no domain of which only the looks are shown.
//!
//! Control and other hidden characters are the business of whoever writes to a terminal or a page.

/// The text with its links written so that no program takes them for one: `https[:]//shop.example`.
#[must_use]
pub fn without_links(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find([':', '.']) {
        let (before, from) = rest.split_at(at);
        let (mark, after) = from.split_at(1);
        out.push_str(before);
        let word = last_word(before);
        let is_link = match mark {
            ":" => after.starts_with("//") || is_scheme_without_slashes(word),
            _ => word.eq_ignore_ascii_case("www"),
        };
        if is_link {
            out.push_str(&format!("[{mark}]"));
        } else {
            out.push_str(mark);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

fn last_word(text: &str) -> &str {
    text.rsplit(|c: char| !c.is_ascii_alphanumeric())
        .next()
        .unwrap_or_default()
}

/// What programs open although no slashes follow (RFC 6068, RFC 2397, RFC 3966).
fn is_scheme_without_slashes(word: &str) -> bool {
    ["mailto", "javascript", "data", "tel", "sms", "magnet"]
        .iter()
        .any(|scheme| word.eq_ignore_ascii_case(scheme))
}

/// The text with every domain in it that is not ASCII in both forms, the one that is written there
/// first: `ѕhор.example (xn--...)`. Only the one in punycode tells what it is.
#[must_use]
pub fn with_both_forms(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut domain = String::new();
    for c in text.chars() {
        if is_of_a_domain(c) {
            domain.push(c);
        } else {
            push_both(&mut out, &domain);
            domain.clear();
            out.push(c);
        }
    }
    push_both(&mut out, &domain);
    out
}

fn is_of_a_domain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '.' || (!c.is_ascii() && !c.is_whitespace())
}

fn push_both(out: &mut String, word: &str) {
    out.push_str(word);
    // A dot that ends a sentence is no part of it.
    let domain = word.trim_matches('.');
    if !domain.contains('.') {
        return;
    }
    let other = if domain.is_ascii() {
        let (unicode, valid) = idna::domain_to_unicode(domain);
        valid.is_ok().then_some(unicode)
    } else {
        idna::domain_to_ascii(domain).ok()
    };
    if let Some(other) = other.filter(|other| !other.eq_ignore_ascii_case(domain)) {
        out.push_str(&format!(" ({other})"));
    }
}

/// The text with every domain in punycode only, where there is no room for both forms.
#[must_use]
pub fn in_punycode(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) if !domain.is_ascii() => match idna::domain_to_ascii(domain) {
            Ok(ascii) => format!("{local}@{ascii}"),
            Err(_) => address.to_owned(),
        },
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_link_is_left() {
        for (text, expected) in [
            (
                "pay https://evil.example/x now",
                "pay https[:]//evil.example/x now",
            ),
            ("HTTP://a.b:80/", "HTTP[:]//a.b:80/"),
            ("www.evil.example", "www[.]evil.example"),
            ("(WWW.evil.example)", "(WWW[.]evil.example)"),
            ("mailto:evil@evil.example", "mailto[:]evil@evil.example"),
            ("javascript:alert(1)", "javascript[:]alert(1)"),
            ("a://b://c", "a[:]//b[:]//c"),
            // What is no link stays.
            ("Re: your order 10:30", "Re: your order 10:30"),
            ("orders@shop.example", "orders@shop.example"),
            ("awww.example", "awww.example"),
            ("metadata: none", "metadata: none"),
            ("", ""),
        ] {
            assert_eq!(without_links(text), expected);
            assert_eq!(without_links(&without_links(text)), expected);
        }
    }

    #[test]
    fn a_domain_that_is_not_ascii_stands_in_both_forms() {
        for (text, expected) in [
            (
                "<orders@bücher.example>",
                "<orders@bücher.example (xn--bcher-kva.example)>",
            ),
            (
                "from xn--bcher-kva.example, not",
                "from xn--bcher-kva.example (bücher.example), not",
            ),
            (
                "by bücher.example.",
                "by bücher.example. (xn--bcher-kva.example)",
            ),
            ("orders@shop.example", "orders@shop.example"),
            ("Grüße", "Grüße"),
            ("xn--a.example", "xn--a.example"),
            ("..", ".."),
        ] {
            assert_eq!(with_both_forms(text), expected);
        }
        assert_eq!(in_punycode("a@bücher.example"), "a@xn--bcher-kva.example");
        assert_eq!(in_punycode("ü@shop.example"), "ü@shop.example");
    }
}
