//! Servers repeat what they did not understand: `500 unknown command: AUTH PLAIN AGFubgBzZWNyZXQ=`. What
//! they say is shown and logged, so the login is cut out of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

/// What stands instead.
const REDACTED: &str = "[redacted]";

/// A word that is part of a secret is cut from this length on: servers shorten what they repeat.
const TELLING: usize = 8;

/// What was said, without the password in any form in which it is sent. Of a very short password only whole
/// words are cut, lest half of every sentence be.
pub(crate) fn without_login(said: &str, user: &str, password: &SecretString) -> String {
    const SHORT: usize = 6;
    let password = password.expose_secret();
    if password.is_empty() {
        return said.to_owned();
    }
    let quoted = password.replace('\\', "\\\\").replace('"', "\\\"");
    // AUTH LOGIN, and AUTH PLAIN (RFC 4616) with and without the identity to act as.
    let mut forms = [
        STANDARD.encode(format!("\0{user}\0{password}")),
        STANDARD.encode(format!("{user}\0{user}\0{password}")),
        STANDARD.encode(password),
        quoted,
        password.to_owned(),
    ];
    // The longest first: a password that is a part of another form must not break it up.
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    let mut text = said.to_owned();
    for form in forms.iter().filter(|form| form.len() >= SHORT) {
        text = text.replace(form.as_str(), REDACTED);
    }
    let words = text.split(' ').map(|word| {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric() && !"+/=".contains(c));
        let is_secret = forms.iter().any(|form| form == bare)
            || (bare.len() >= TELLING && forms.iter().any(|form| form.contains(bare)));
        if is_secret && bare != user {
            REDACTED
        } else {
            word
        }
    });
    words.collect::<Vec<&str>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(said: &str, password: &str) -> String {
        without_login(
            said,
            "ann@home.example",
            &SecretString::from(password.to_owned()),
        )
    }

    #[test]
    fn a_login_that_a_server_repeats_is_cut_out() {
        let plain = STANDARD.encode("\0ann@home.example\0correct horse");
        for (said, expected) in [
            (
                format!("unknown command: AUTH PLAIN {plain}"),
                "unknown command: AUTH PLAIN [redacted]",
            ),
            (
                // Cut short, with dots.
                format!("unknown command: AUTH PLAIN {}...", &plain[..20]),
                "unknown command: AUTH PLAIN [redacted]",
            ),
            (
                "BAD in LOGIN \"ann@home.example\" \"correct horse\"".to_owned(),
                "BAD in LOGIN \"ann@home.example\" \"[redacted]\"",
            ),
            (
                format!("what is {}?", STANDARD.encode("correct horse")),
                "what is [redacted]?",
            ),
            (
                "[AUTHENTICATIONFAILED] Invalid credentials for ann@home.example".to_owned(),
                "[AUTHENTICATIONFAILED] Invalid credentials for ann@home.example",
            ),
        ] {
            assert_eq!(shown(&said, "correct horse"), expected);
        }
    }

    #[test]
    fn a_short_password_does_not_eat_the_sentence() {
        assert_eq!(shown("no a: at all", "a"), "no [redacted] at all");
        assert_eq!(shown("535 go away", ""), "535 go away");
        assert_eq!(shown(r#"LOGIN ann "q\"x""#, "q\"x"), "LOGIN ann [redacted]");
    }
}
