//! Logging in by SASL (RFC 9051 section 6.2.2): what is said to whom, whatever the mechanism.

use async_imap::Authenticator;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

/// A mechanism in which this side says one thing, and nothing more. Also XOAUTH2 and OAUTHBEARER are of
/// that sort: with another name and another response.
pub(super) struct Sasl {
    pub(super) name: &'static str,
    /// None once it was sent.
    response: Option<SecretString>,
}

impl Sasl {
    /// PLAIN (RFC 4616): takes any user name and password.
    pub(super) fn plain(user: &str, password: &SecretString) -> Sasl {
        let response = format!("\0{user}\0{}", password.expose_secret());
        Sasl {
            name: "PLAIN",
            response: Some(SecretString::from(response)),
        }
    }

    /// What stands behind AUTHENTICATE: the mechanism, and where the server takes it at once (SASL-IR,
    /// RFC 4959) the response as well.
    pub(super) fn argument(&mut self, at_once: bool) -> String {
        match self.response.take_if(|_| at_once) {
            Some(response) => {
                format!(
                    "{} {}",
                    self.name,
                    STANDARD.encode(response.expose_secret())
                )
            }
            None => self.name.to_owned(),
        }
    }
}

impl Authenticator for Sasl {
    type Response = String;

    /// A second challenge is the server's explanation of a refusal: it is answered with an empty line, and
    /// never gets the secret again.
    fn process(&mut self, _challenge: &[u8]) -> String {
        let response = self.response.take();
        response.map_or_else(String::new, |r| r.expose_secret().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Sasl {
        Sasl::plain("ann", &SecretString::from("secret".to_owned()))
    }

    #[test]
    fn the_secret_is_said_once() {
        let mut later = plain();
        assert_eq!(later.argument(false), "PLAIN");
        assert_eq!(later.process(b""), "\0ann\0secret");
        assert_eq!(later.process(b"{\"status\":\"400\"}"), "");

        let mut at_once = plain();
        assert_eq!(at_once.argument(true), "PLAIN AGFubgBzZWNyZXQ=");
        assert_eq!(at_once.process(b""), "");
    }
}
