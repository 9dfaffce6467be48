//! What it means that a server refuses a login. Servers say the same for a wrong password, for too many
//! connections and for a directory that is down, as often as not without a code; and to take a limit
//! for a wrong password is to send a person to look for what is not there.
//!
//! Pure: texts in, one of five meanings out. What the standards' codes mean is decided where they are
//! read ([`of_imap`] for RFC 5530, [`of_smtp`] for RFC 4954 and RFC 5248); the words come last.

mod words;

use crate::net::ServerAddress;
use crate::trouble::{Error, TroubleKind, quoted};
use words::{by_words, of_credentials};

/// Why a login was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoginRefusal {
    /// User or password.
    Password,
    /// A limit, or a trouble of the server's own: it passes by itself.
    Passing,
    /// This account, whatever its password.
    Account,
    /// The connection is not protected enough.
    NeedsTls,
    /// It takes no passwords, only OAuth2.
    NeedsOAuth2,
}

/// An answer to IMAP's LOGIN or AUTHENTICATE: its text from behind `NO`, with the code in brackets, and
/// what the server said beside it.
pub(crate) fn of_imap(said: &str, beside: &[String]) -> LoginRefusal {
    let code = said
        .trim_start()
        .strip_prefix('[')
        .and_then(|s| s.split([']', ' ']).next())
        .map(str::to_ascii_uppercase);
    let text = said.to_lowercase();
    // RFC 5530 section 3, and codes that are in use without a standard.
    match code.as_deref() {
        Some(
            "UNAVAILABLE" | "INUSE" | "LIMIT" | "SERVERBUG" | "OVERQUOTA" | "THROTTLED"
            | "CORRUPTION",
        ) => LoginRefusal::Passing,
        Some("PRIVACYREQUIRED") => LoginRefusal::NeedsTls,
        Some("AUTHORIZATIONFAILED" | "CONTACTADMIN" | "NOPERM" | "WEBALERT") => {
            LoginRefusal::Account
        }
        Some("EXPIRED") => LoginRefusal::Password,
        Some("AUTHENTICATIONFAILED") => of_credentials(&text),
        Some(_) | None => {
            let beside = beside.iter().filter(|line| is_status(line));
            let all = beside.map(|line| line.to_lowercase());
            let said_first = by_words(&text);
            said_first
                .filter(|r| *r != LoginRefusal::Password)
                .or_else(|| all.filter_map(|line| by_words(&line)).next())
                .or(said_first)
                .unwrap_or(LoginRefusal::Password)
        }
    }
}

/// `* NO`, `* BAD` and `* OK`: words for people, which some servers say ahead of the answer proper.
fn is_status(line: &str) -> bool {
    let mut words = line.split_ascii_whitespace();
    let status = words.nth(1).unwrap_or_default().to_ascii_uppercase();
    line.starts_with('*') && matches!(status.as_str(), "NO" | "BAD" | "OK")
}

/// A BYE while logging in: a server that has no time, unless it speaks of the password itself.
pub(crate) fn of_bye(said: &str) -> LoginRefusal {
    match by_words(&said.to_lowercase()) {
        Some(LoginRefusal::Account) => LoginRefusal::Account,
        Some(LoginRefusal::NeedsTls) => LoginRefusal::NeedsTls,
        Some(LoginRefusal::NeedsOAuth2) => LoginRefusal::NeedsOAuth2,
        Some(LoginRefusal::Password) => LoginRefusal::Password,
        Some(LoginRefusal::Passing) | None => LoginRefusal::Passing,
    }
}

/// An answer to SMTP's AUTH.
pub(crate) fn of_smtp(code: u16, status: Option<(u16, u16)>, said: &str) -> LoginRefusal {
    // RFC 4954 section 6: 4xx is a passing trouble of the server.
    if code < 500 {
        return LoginRefusal::Passing;
    }
    let by_words = by_words(&said.to_lowercase());
    match (code, status) {
        // RFC 5248, and Microsoft's own.
        (530 | 538, _) | (_, Some((7, 10 | 11))) => LoginRefusal::NeedsTls,
        (_, Some((7, 139))) => by_words
            .filter(|r| *r == LoginRefusal::Account)
            .unwrap_or(LoginRefusal::NeedsOAuth2),
        (_, Some((7, 8))) => of_credentials(&said.to_lowercase()),
        (_, Some((7, 12))) => LoginRefusal::Password,
        (_, Some((7, 13))) => LoginRefusal::Account,
        // Not understood, or no such mechanism.
        (500..=504, _) => by_words.unwrap_or(LoginRefusal::Account),
        _ => by_words.unwrap_or(LoginRefusal::Password),
    }
}

/// Who wanted to log in where.
pub(crate) struct Login<'a> {
    pub(crate) server: &'a ServerAddress,
    pub(crate) user: &'a str,
    /// The key of the configuration that the password is from.
    pub(crate) key: &'a str,
    pub(crate) offers_oauth2: bool,
}

/// What a person can do about it.
const OAUTH2_HELP: &str = "OAuth2, which Tradepost does not have yet: what helps is a program on this \
    computer that logs in with OAuth2 in its place (email-oauth2-proxy is one), an app password where the provider \
    still gives one, or another provider";

impl Login<'_> {
    /// The words for it. `said` is the server's, untrimmed.
    pub(crate) fn refused(&self, refusal: LoginRefusal, said: &str) -> Error {
        let Login {
            server, user, key, ..
        } = self;
        let section = server.section;
        let said = quoted(said);
        let refusal = match refusal {
            LoginRefusal::Password if takes_oauth2_only(&server.host) => LoginRefusal::NeedsOAuth2,
            LoginRefusal::Password
            | LoginRefusal::Passing
            | LoginRefusal::Account
            | LoginRefusal::NeedsTls
            | LoginRefusal::NeedsOAuth2 => refusal,
        };
        let (kind, text) = match refusal {
            LoginRefusal::Password => {
                let perhaps = if self.offers_oauth2 {
                    format!(
                        "; if this provider takes no passwords any more, it wants {OAUTH2_HELP}"
                    )
                } else {
                    String::new()
                };
                (
                    TroubleKind::WrongPassword,
                    format!(
                        "the server refused the password for {user} at {server} - check `user` and {key} in {section} \
                         (it says: {said}){perhaps}"
                    ),
                )
            }
            LoginRefusal::Passing => (
                TroubleKind::Busy,
                format!("{server} does not let {user} in for now, which passes by itself: {said}"),
            ),
            LoginRefusal::Account => (
                TroubleKind::LoginRefused,
                format!(
                    "{server} does not let {user} in, whatever the password - see to the account at the provider, or \
                     check `user` in {section} (it says: {said})"
                ),
            ),
            LoginRefusal::NeedsTls => (
                TroubleKind::Tls,
                format!(
                    "{server} takes a password on a protected connection only - check `tls` in {section} (it says: \
                     {said})"
                ),
            ),
            LoginRefusal::NeedsOAuth2 => (
                TroubleKind::LoginRefused,
                format!("{server} takes no passwords, but wants {OAUTH2_HELP} (it says: {said})"),
            ),
        };
        Error::new(kind, text)
    }
}

/// Hosts whose mailboxes take OAuth2 only, as their providers say.
fn takes_oauth2_only(host: &str) -> bool {
    const HOSTS: [&str; 7] = [
        "outlook.office365.com",
        "smtp.office365.com",
        "imap-mail.outlook.com",
        "smtp-mail.outlook.com",
        "outlook.live.com",
        "imap.outlook.com",
        "smtp.outlook.com",
    ];
    let host = host.strip_suffix('.').unwrap_or(host);
    HOSTS.iter().any(|h| h.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_imap_refusal_is_what_its_code_or_its_words_say() {
        use LoginRefusal::{Account, NeedsOAuth2, NeedsTls, Passing, Password};
        for (said, expected) in [
            // Gmail
            (
                "[ALERT] Too many simultaneous connections. (Failure)",
                Passing,
            ),
            (
                "[OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)",
                Passing,
            ),
            ("[THROTTLED] Account is over the limit", Passing),
            (
                "[AUTHENTICATIONFAILED] Invalid credentials (Failure)",
                Password,
            ),
            ("[ALERT] Invalid credentials (Failure)", Password),
            (
                "[ALERT] Application-specific password required: https://support.google.com/ (Failure)",
                Password,
            ),
            (
                "[WEBALERT https://accounts.google.com/x] Web login required. (Failure)",
                Account,
            ),
            (
                "[ALERT] Your account is not enabled for IMAP use. Please visit your Gmail settings page.",
                Account,
            ),
            (
                "[UNAVAILABLE] Temporary System Error. Please try again later.",
                Passing,
            ),
            // Exchange, Microsoft 365
            ("Server Unavailable. 15", Passing),
            ("AUTHENTICATE failed.", Password),
            ("LOGIN failed.", Password),
            ("User is authenticated but not connected.", Passing),
            ("AUTHENTICATE failed. BasicAuthBlocked", NeedsOAuth2),
            // Yahoo, AOL
            ("[LIMIT] LOGIN Rate limit hit.", Passing),
            ("[AUTHENTICATIONFAILED] LOGIN Invalid credentials", Password),
            (
                "[AUTHENTICATIONFAILED] (#AUTH012) Too many login failures",
                Passing,
            ),
            // Dovecot, Courier, Cyrus, Zimbra, hMailServer
            ("[AUTHENTICATIONFAILED] Authentication failed.", Password),
            (
                "[UNAVAILABLE] Temporary authentication failure. [mx:2026]",
                Passing,
            ),
            (
                "[ALERT] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
                Passing,
            ),
            (
                "[PRIVACYREQUIRED] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.",
                NeedsTls,
            ),
            ("[AUTHORIZATIONFAILED] Master user not allowed", Account),
            ("[CONTACTADMIN] The mailbox is locked", Account),
            ("[EXPIRED] The password has expired", Password),
            ("[INUSE] The mailbox is in use", Passing),
            (
                "[SERVERBUG] Internal error occurred. Refer to server log",
                Passing,
            ),
            ("[NOPERM] Not allowed", Account),
            ("LOGIN failed", Password),
            ("Login failed.", Password),
            (
                "user not found or password invalid, please try again",
                Password,
            ),
            ("Invalid user name or password. Please try again.", Password),
            // GMX, WEB.DE, QQ, 163
            ("authentication failed", Password),
            ("LOGIN Login error or password error", Password),
            ("system busy, please wait", Passing),
            ("no", Password),
            ("", Password),
        ] {
            assert_eq!(of_imap(said, &[]), expected, "{said}");
        }
    }

    #[test]
    fn what_is_said_beside_a_bare_refusal_explains_it() {
        let alert = ["* NO [ALERT] Too many simultaneous connections".to_owned()];
        assert_eq!(of_imap("LOGIN failed", &alert), LoginRefusal::Passing);
        assert_eq!(of_imap("LOGIN failed", &[]), LoginRefusal::Password);
        // A code decides, whatever stands beside it; and so does no other line.
        let code = "[AUTHENTICATIONFAILED] no";
        assert_eq!(of_imap(code, &alert), LoginRefusal::Password);
        let other = ["* CAPABILITY IMAP4rev1 X-TOO MANY".to_owned()];
        assert_eq!(of_imap("LOGIN failed", &other), LoginRefusal::Password);
    }

    #[test]
    fn an_smtp_refusal_is_what_its_code_or_its_words_say() {
        use LoginRefusal::{Account, NeedsOAuth2, NeedsTls, Passing, Password};
        for (code, status, said, expected) in [
            (
                535,
                Some((7, 8)),
                "Username and Password not accepted",
                Password,
            ),
            (
                535,
                Some((7, 8)),
                "Error: authentication failed: ",
                Password,
            ),
            (535, None, "told to say so", Password),
            (
                535,
                Some((7, 8)),
                "Error: authentication failed: (reason unavailable)",
                Password,
            ),
            (
                535,
                None,
                "Error: authentication failed: (reason unavailable)",
                Password,
            ),
            (
                535,
                Some((7, 8)),
                "Error: authentication failed: Connection lost to authentication server",
                Passing,
            ),
            (
                534,
                Some((7, 9)),
                "Application-specific password required",
                Password,
            ),
            (
                454,
                Some((7, 0)),
                "Temporary authentication failure",
                Passing,
            ),
            (421, None, "Too many connections", Passing),
            (
                535,
                Some((7, 0)),
                "(#AUTH005) Too many bad auth attempts.",
                Passing,
            ),
            (
                535,
                Some((7, 3)),
                "Authentication unsuccessful [X.prod.outlook.com]",
                Password,
            ),
            (
                535,
                Some((7, 139)),
                "Authentication unsuccessful, basic authentication is disabled.",
                NeedsOAuth2,
            ),
            (
                535,
                Some((7, 139)),
                "Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.",
                Account,
            ),
            (538, Some((7, 11)), "Encryption required", NeedsTls),
            (
                530,
                Some((7, 0)),
                "Must issue a STARTTLS command first",
                NeedsTls,
            ),
            (525, Some((7, 13)), "User account disabled", Account),
            (
                504,
                Some((5, 4)),
                "Unrecognized authentication type",
                Account,
            ),
            (
                550,
                None,
                "Too many failed logins, try again later",
                Passing,
            ),
        ] {
            assert_eq!(of_smtp(code, status, said), expected, "{code} {said}");
        }
    }

    #[test]
    fn hosts_that_take_oauth2_only_are_known() {
        let words = |host: &str, offers_oauth2| {
            let server = ServerAddress {
                host: host.to_owned(),
                port: 993,
                tls: crate::net::Tls::Implicit,
                section: "[imap]",
            };
            let login = Login {
                server: &server,
                user: "ann",
                key: "`password_file`",
                offers_oauth2,
            };
            let e = login.refused(LoginRefusal::Password, "LOGIN failed.");
            (e.kind, e.text.contains("OAuth2"))
        };
        let outlook = words("Outlook.Office365.com", false);
        assert_eq!(outlook, (TroubleKind::LoginRefused, true));
        // Gmail offers it too, and takes app passwords.
        let gmail = words("imap.gmail.com", true);
        assert_eq!(gmail, (TroubleKind::WrongPassword, true));
        let own = words("imap.home.example", false);
        assert_eq!(own, (TroubleKind::WrongPassword, false));
    }

    #[test]
    fn a_goodbye_while_logging_in_passes_unless_it_speaks_of_the_account() {
        assert_eq!(of_bye("* BYE going down"), LoginRefusal::Passing);
        assert_eq!(of_bye("* BYE Too many connections"), LoginRefusal::Passing);
        assert_eq!(of_bye("* BYE Invalid credentials"), LoginRefusal::Password);
        assert_eq!(of_bye("* BYE account suspended"), LoginRefusal::Account);
    }
}
