//! Authentication-Results fields by the grammar of RFC 8601 section 2.2.
//!
//! ```text
//! Authentication-Results: mx.home.example 1; dkim/1=pass (good) reason="ok" header.d=shop.example
//!                         authserv-id     version  method  result           ptype.property=value
//! ```
//!
//! Comments, quoted strings and semicolons are told apart first, over the whole field: a field in
//! which one of them does not end says nothing. A single result that breaks the grammar says
//! nothing good either, and leaves the others alone. Two liberties that large providers take
//! change no meaning and are read: `action=none` without a type, and values that should be quoted.
//!
//! In two things this is stricter than the grammar (protocol 5, `relay`). The authserv-id is taken only
//! as the bare token that providers write, with nothing but folding white space before it: a provider
//! that looks for its own id to remove what others forged (RFC 8601 section 5) may miss one in quotes,
//! or behind a comment. And providers put the envelope's sender into their
//! comments as it came, and a quoted local part can hold what ends a comment:
//!
//! ```text
//! spf=pass (mx: domain of "x) ; dkim=pass header.d=shop.example (y"@evil.example designates ..)
//! ```
//!
//! So a comment that ends amid a quote makes the whole field say nothing.

use crate::guard::is_blank;
use crate::lexer::{BrokenToken, Lexer, is_control, is_token};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuthenticationResults {
    pub(crate) authserv_id: String,
    pub(crate) results: Vec<MethodResult>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MethodResult {
    /// In lower case.
    pub(crate) method: String,
    /// In lower case.
    pub(crate) result: String,
    properties: Vec<Property>,
    /// Whether all of it obeys the grammar; else it proves nothing.
    pub(crate) is_whole: bool,
}

/// `header.d=shop.example`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Property {
    /// `header.d`, in lower case.
    name: String,
    value: String,
}

impl MethodResult {
    /// The values of a property such as `header.d`.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.properties
            .iter()
            .filter(move |p| p.name == name)
            .map(|p| p.value.as_str())
    }
}

/// Why a field says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnreadField {
    /// It starts with a result: whose it is, it does not say.
    Nameless,
    /// It breaks the grammar.
    Broken,
}

impl From<BrokenToken> for UnreadField {
    fn from(_: BrokenToken) -> UnreadField {
        UnreadField::Broken
    }
}

/// RFC 8601 section 2.5: version 1 is the only one, and what an absent version means.
const VERSION: &[u8] = b"1";

impl AuthenticationResults {
    /// Reads the unfolded body of a field.
    pub(crate) fn read(body: &[u8]) -> Result<AuthenticationResults, UnreadField> {
        let mut sections = sections(body)?.into_iter();
        let first = sections.next().unwrap_or_default();
        let Ok(authserv_id) = identification(first) else {
            let is_result = method_result(first).is_some();
            return Err(if is_result {
                UnreadField::Nameless
            } else {
                UnreadField::Broken
            });
        };
        let mut results = Vec::new();
        let mut says_none = false;
        for section in sections {
            let mut lexer = Lexer::new(section);
            lexer.skip_cfws()?;
            if lexer.at_end() {
                continue;
            }
            says_none |= is_no_result(section);
            results.extend(method_result(section));
        }
        // `none` stands alone (no-result).
        if says_none && !results.is_empty() {
            return Err(UnreadField::Broken);
        }
        Ok(AuthenticationResults {
            authserv_id,
            results,
        })
    }
}

/// Whose results a field says it has; anybody can have written it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResultsOf {
    /// Of this authserv-id, in lower case. Untrusted text.
    Id(String),
    /// It names none, as those of Microsoft's servers: such results prove nothing.
    Nobody,
    /// It breaks the grammar of RFC 8601.
    Unreadable,
}

/// Reads whose results the unfolded body of an Authentication-Results field says it has, for
/// telling a person what to configure.
#[must_use]
pub fn results_of(body: &[u8]) -> ResultsOf {
    match AuthenticationResults::read(body) {
        Ok(read) => ResultsOf::Id(read.authserv_id.to_lowercase()),
        Err(UnreadField::Nameless) => ResultsOf::Nobody,
        Err(UnreadField::Broken) => ResultsOf::Unreadable,
    }
}

/// Splits at the semicolons that are in no comment and no quoted string.
fn sections(body: &[u8]) -> Result<Vec<&[u8]>, BrokenToken> {
    let mut sections = Vec::new();
    let mut rest = body;
    loop {
        let mut lexer = Lexer::new(rest);
        loop {
            lexer.skip_cfws()?;
            match lexer.peek() {
                Some(b'"') => {
                    lexer.quoted_raw()?;
                }
                Some(b';') | None => break,
                Some(b) if is_control(b) => return Err(BrokenToken),
                Some(_) => lexer.skip_one(),
            }
        }
        if lexer.passed_half_a_quote() {
            return Err(BrokenToken);
        }
        let (section, after) = rest.split_at_checked(lexer.position()).ok_or(BrokenToken)?;
        sections.push(section);
        match after.split_first() {
            Some((_, after)) => rest = after,
            None => return Ok(sections),
        }
    }
}

/// `[FWS] authserv-id [CFWS version]`, the id a bare token (protocol 5, `relay`).
fn identification(section: &[u8]) -> Result<String, BrokenToken> {
    let mut lexer = Lexer::new(section);
    lexer.run(is_blank);
    // RFC 6532: a name in UTF-8 is a token, too.
    let id = lexer.run(|b| is_token(b) || !b.is_ascii()).to_vec();
    let has_blank = lexer.skip_cfws()?;
    let version = lexer.run(|b| b.is_ascii_digit());
    lexer.skip_cfws()?;
    let is_version = version.is_empty() || (has_blank && version == VERSION);
    if id.is_empty() || !is_version || !lexer.at_end() {
        return Err(BrokenToken);
    }
    String::from_utf8(id).map_err(|_| BrokenToken)
}

fn is_no_result(section: &[u8]) -> bool {
    let mut lexer = Lexer::new(section);
    lexer.skip_cfws().is_ok()
        && lexer.run(is_keyword).eq_ignore_ascii_case(b"none")
        && lexer.skip_cfws().is_ok()
        && lexer.at_end()
}

/// `method [/ version] = result [reason = value] *(ptype.property = value)`; None where there is not
/// even a method, or one of another version than 1.
fn method_result(section: &[u8]) -> Option<MethodResult> {
    let mut lexer = Lexer::new(section);
    lexer.skip_cfws().ok()?;
    let method = keyword(&mut lexer)?;
    lexer.skip_cfws().ok()?;
    if lexer.eat(b'/') {
        lexer.skip_cfws().ok()?;
        let version = lexer.run(|b| b.is_ascii_digit());
        if version != VERSION {
            return None;
        }
        lexer.skip_cfws().ok()?;
    }
    if !lexer.eat(b'=') {
        return None;
    }
    lexer.skip_cfws().ok()?;
    let mut read = MethodResult {
        method,
        result: keyword(&mut lexer)?,
        properties: Vec::new(),
        is_whole: true,
    };
    read.is_whole = properties(&mut lexer, &mut read.properties).is_some();
    Some(read)
}

fn properties(lexer: &mut Lexer<'_>, into: &mut Vec<Property>) -> Option<()> {
    loop {
        let has_blank = lexer.skip_cfws().ok()?;
        if lexer.at_end() {
            return Some(());
        }
        if !has_blank {
            return None;
        }
        let ptype = keyword(lexer)?;
        lexer.skip_cfws().ok()?;
        let property = if lexer.eat(b'.') {
            lexer.skip_cfws().ok()?;
            let property = keyword(lexer)?;
            lexer.skip_cfws().ok()?;
            Some(property)
        } else {
            None
        };
        if !lexer.eat(b'=') {
            return None;
        }
        lexer.skip_cfws().ok()?;
        let value = value(lexer)?;
        // Without a type it is `reason`, or a provider's own remark such as `action=none`.
        if let Some(property) = property {
            into.push(Property {
                name: format!("{ptype}.{property}"),
                value,
            });
        }
    }
}

fn keyword(lexer: &mut Lexer<'_>) -> Option<String> {
    let word = lexer.run(is_keyword);
    (!word.is_empty()).then(|| String::from_utf8_lossy(word).to_ascii_lowercase())
}

/// RFC 5321 section 4.1.2, Keyword; and the underscore of some providers' own properties.
fn is_keyword(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'-' || b == b'_'
}

/// A token, a quoted string, or `local-part@domain` whose local part may be quoted.
fn value(lexer: &mut Lexer<'_>) -> Option<String> {
    // header.b is a piece of base64, smtp.remote-ip may be an IPv6 address: nobody quotes them.
    let fits = |b: u8| is_token(b) || !b.is_ascii() || b"@/:=?[]<>".contains(&b);
    let mut text = Vec::new();
    if lexer.peek() == Some(b'"') {
        let raw = lexer.quoted_raw().ok()?;
        if lexer.peek() == Some(b'@') {
            text.extend_from_slice(raw);
        } else {
            return String::from_utf8(Lexer::new(raw).quoted().ok()?).ok();
        }
    }
    text.extend_from_slice(lexer.run(fits));
    (!text.is_empty()).then_some(())?;
    String::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// `id | method=result name=value.. | ..`, or the fault.
    fn shown(body: &str) -> String {
        let read = match AuthenticationResults::read(body.as_bytes()) {
            Ok(read) => read,
            Err(UnreadField::Nameless) => return "nameless".to_owned(),
            Err(UnreadField::Broken) => return "broken".to_owned(),
        };
        let mut out = read.authserv_id;
        for r in read.results {
            out += &format!(" | {}={}", r.method, r.result);
            for p in r.properties {
                out += &format!(" {}={}", p.name, p.value);
            }
            out += if r.is_whole { "" } else { " (broken)" };
        }
        out
    }

    #[test]
    fn the_examples_of_rfc_8601_are_read() {
        for (body, expected) in [
            ("example.org 1; none", "example.org"),
            (
                "example.com; spf=pass smtp.mailfrom=example.net",
                "example.com | spf=pass smtp.mailfrom=example.net",
            ),
            (
                "example.com;\t   auth=pass (cram-md5) smtp.auth=sender@example.net;\tspf=pass smtp.mailfrom=example.net",
                "example.com | auth=pass smtp.auth=sender@example.net | spf=pass smtp.mailfrom=example.net",
            ),
            (
                "example.com; sender-id=fail header.from=example.com; dkim=pass (good signature) header.d=example.com",
                "example.com | sender-id=fail header.from=example.com | dkim=pass header.d=example.com",
            ),
            // Appendix B.6: comments everywhere.
            (
                "foo.example.net (foobar) 1 (baz); dkim (Because I like it) / 1 (One yay) = (wait for it) fail policy (A dot can go here) . (like that) expired (this surprised me) = (as I wasn't expecting it) 1362471462",
                "foo.example.net | dkim=fail policy.expired=1362471462",
            ),
        ] {
            assert_eq!(shown(body), expected);
        }
    }

    #[test]
    fn what_providers_write_is_read() {
        for (body, expected) in [
            (
                "mx.google.com; dkim=pass header.i=@shop.example header.s=s1 header.b=AbC/d+1=; dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=shop.example",
                "mx.google.com | dkim=pass header.i=@shop.example header.s=s1 header.b=AbC/d+1= | dmarc=pass header.from=shop.example",
            ),
            (
                "mx.ms.example; spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=shop.example; dmarc=pass action=none header.from=shop.example;compauth=pass reason=100",
                "mx.ms.example | spf=pass smtp.mailfrom=shop.example | dmarc=pass header.from=shop.example | compauth=pass",
            ),
            (
                "mx; iprev=pass policy.iprev=2001:db8::1; x-tls=pass smtp.version=TLSv1.3;",
                "mx | iprev=pass policy.iprev=2001:db8::1 | x-tls=pass smtp.version=TLSv1.3",
            ),
            (
                "mx; auth=pass smtp.auth=\"a b\"@home.example",
                "mx | auth=pass smtp.auth=\"a b\"@home.example",
            ),
            (
                "mx; auth=pass smtp.auth=\"ann@home.example\"",
                "mx | auth=pass smtp.auth=ann@home.example",
            ),
            (
                "mx; DKIM = PASS Header.D = Shop.example",
                "mx | dkim=pass header.d=Shop.example",
            ),
            (
                "mx; dkim=pass(good)header.d=shop.example",
                "mx | dkim=pass header.d=shop.example",
            ),
            (
                "møx.example; dkim=pass header.d=møx.example (xn--mx-lka.example)",
                "møx.example | dkim=pass header.d=møx.example",
            ),
        ] {
            assert_eq!(shown(body), expected);
        }
    }

    #[test]
    fn comments_and_quotes_hide_what_is_in_them() {
        for (body, expected) in [
            (
                "mx; spf=fail (; dkim=pass header.d=shop.example)",
                "mx | spf=fail",
            ),
            ("mx; spf=fail (a (b ; dkim=pass) \\) c)", "mx | spf=fail"),
            (
                "mx; spf=fail reason=\"; dkim=pass header.d=shop.example\"",
                "mx | spf=fail",
            ),
            (
                "mx; spf=fail reason=\"\\\"; dkim=pass header.d=shop.example\"",
                "mx | spf=fail",
            ),
            (
                "mx; spf=fail smtp.mailfrom=\"x; dkim=pass\"@evil.example",
                "mx | spf=fail smtp.mailfrom=\"x; dkim=pass\"@evil.example",
            ),
            ("mx; dkim=pass (header.d=shop.example)", "mx | dkim=pass"),
        ] {
            assert_eq!(shown(body), expected);
        }
    }

    #[test]
    fn the_id_is_a_bare_token_at_the_start_or_the_field_says_nothing() {
        for (before, id, after) in [
            ("", "mx.home.example", ""),
            ("  \t ", "mx.home.example", " "),
            ("", "MX.Home.example", " 1"),
            ("", "mx.home.example", "(c) 1 (d)"),
            ("", "møx.home.example", " (a (nested) one)"),
        ] {
            let read = shown(&format!("{before}{id}{after}; dkim=pass"));
            assert_eq!(read, format!("{id} | dkim=pass"));
            for refused in [
                format!("(c){before}{id}{after}; dkim=pass"),
                format!(" () {before}{id}{after}; dkim=pass"),
                format!("{before}(evil.example)(c) {id}{after}; dkim=pass"),
                format!("{before}\"{id}\"{after}; dkim=pass"),
                format!("{before}\"mx\\.home.example\"{after}; dkim=pass"),
                format!("{before}mx.\"home\".example{after}; dkim=pass"),
                format!("{before}mx.home(c).example{after}; dkim=pass"),
                format!("{before}mx.home .example{after}; dkim=pass"),
                format!("{before}\\{id}{after}; dkim=pass"),
                format!("{before}<{id}>{after}; dkim=pass"),
                format!("{before}@{id}{after}; dkim=pass"),
                format!("{before};{id}{after}; dkim=pass"),
            ] {
                assert_eq!(shown(&refused), "broken", "{refused}");
            }
        }
    }

    #[test]
    fn a_comment_that_ends_amid_a_quote_makes_the_field_say_nothing() {
        let honest = r#"mx; spf=pass (mx: domain of "x y"@evil.example designates it); dkim=none"#;
        assert_eq!(shown(honest), "mx | spf=pass | dkim=none");
        for local in [
            "x); dkim=pass header.d=shop.example (y",
            r#"x\"); dkim=pass header.d=shop.example (\"y"#,
            r#"x"."y); dkim=pass header.d=shop.example (z"#,
        ] {
            let forged = honest.replace("x y", local);
            assert_eq!(shown(&forged), "broken", "{forged}");
        }
    }

    #[test]
    fn a_field_that_starts_with_a_result_names_nobody() {
        for (body, expected) in [
            (
                "spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=shop.example; dkim=pass header.d=shop.example;dmarc=pass action=none header.from=shop.example;compauth=pass reason=100",
                "nameless",
            ),
            (
                "auth=pass smtp.auth=ann smtp.mailfrom=ann@home.example",
                "nameless",
            ),
            ("dkim/1=pass; mx.home.example", "nameless"),
            (
                "mx; auth=pass smtp.auth=ann@home.example",
                "mx | auth=pass smtp.auth=ann@home.example",
            ),
        ] {
            assert_eq!(shown(body), expected);
        }
    }

    #[test]
    fn what_breaks_the_grammar_proves_nothing() {
        for (body, expected) in [
            ("", "broken"),
            (";", "broken"),
            ("mx (; dkim=pass", "broken"),
            ("mx; dkim=pass \"header.d", "broken"),
            ("mx) ; dkim=pass", "broken"),
            ("mx 2; dkim=pass", "broken"),
            ("mx 1 1; dkim=pass", "broken"),
            ("mx.(x)home.example; dkim=pass", "broken"),
            ("mx home; dkim=pass", "broken"),
            ("mx; none; dkim=pass", "broken"),
            ("mx; dkim=pa\u{0}ss", "broken"),
            ("mx; dkim=pass (a\rb)", "broken"),
            ("mx", "mx"),
            ("mx;", "mx"),
            ("mx dkim=pass", "broken"),
            ("mx; dkim", "mx"),
            ("mx; dkim/2=pass header.d=shop.example", "mx"),
            (
                "mx; dkim=pass,dkim=pass header.d=shop.example",
                "mx | dkim=pass (broken)",
            ),
            ("mx; dkim=pass header.d", "mx | dkim=pass (broken)"),
            ("mx; dkim=pass header.d=", "mx | dkim=pass (broken)"),
            (
                "mx; dkim=pass header.d=a,b",
                "mx | dkim=pass header.d=a (broken)",
            ),
            (
                "mx; dkim=pass.header.d=shop.example",
                "mx | dkim=pass (broken)",
            ),
            (
                "mx; dkim=fail =pass header.d=shop.example",
                "mx | dkim=fail (broken)",
            ),
            ("mx; dkim=\"pass\" header.d=shop.example", "mx"),
        ] {
            assert_eq!(shown(body), expected, "{body}");
        }
    }

    #[test]
    fn deep_comments_and_many_results_cost_no_stack() {
        let deep = format!(
            "mx; spf=pass {}{}",
            "(".repeat(500_000),
            ")".repeat(500_000)
        );
        assert_eq!(shown(&deep), "mx | spf=pass");
        let many = format!("mx{}", "; x=y".repeat(100_000));
        assert_eq!(shown(&many).matches('|').count(), 100_000);
    }
}
