//! What clients send to log in, by SMTP or IMAP: SASL PLAIN (RFC 4616), and lines of LOGIN.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A user name and password as a client gave them.
#[derive(PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) password: String,
}

/// Reads the response to PLAIN: authorization id, user, password, with NULs between. None where
/// it is no such thing, or asks to act for somebody else.
pub(crate) fn plain(response: &[u8]) -> Option<Credentials> {
    let text = std::str::from_utf8(response).ok()?;
    let mut parts = text.split('\0');
    let (acting_for, user, password) = (parts.next()?, parts.next()?, parts.next()?);
    let complete = parts.next().is_none() && !user.is_empty();
    (complete && (acting_for.is_empty() || acting_for == user)).then(|| Credentials {
        user: user.to_owned(),
        password: password.to_owned(),
    })
}

/// Decodes a response line; `=` alone is an empty one (RFC 4954 section 4).
pub(crate) fn decode(line: &str) -> Option<Vec<u8>> {
    match line.trim() {
        "=" => Some(Vec::new()),
        text => STANDARD.decode(text).ok(),
    }
}

/// Decodes a response line that must be text.
pub(crate) fn decode_text(line: &str) -> Option<String> {
    String::from_utf8(decode(line)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_takes_user_and_password_and_refuses_to_act_for_others() {
        let parts = |response: &[u8]| plain(response).map(|c| (c.user, c.password));
        let ann = Some(("ann".to_owned(), "pw".to_owned()));
        assert_eq!(parts(b"\0ann\0pw"), ann);
        assert_eq!(parts(b"ann\0ann\0pw"), ann);
        assert_eq!(parts(b"bob\0ann\0pw"), None);
        assert_eq!(parts(b"\0ann"), None);
        assert_eq!(parts(b"\0ann\0pw\0"), None);
        assert_eq!(parts(b"\0\0pw"), None);
    }
}
