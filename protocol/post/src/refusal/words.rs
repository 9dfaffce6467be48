//! The words in which servers refuse a login: from what providers and mail servers publish, and what
//! people reported.

use super::LoginRefusal;

/// A limit, whatever else is said, and whatever code is beside it: nobody says these of a wrong password
/// alone.
const LIMIT: [&str; 19] = [
    "too many",
    "too much",
    "simultaneous",
    "concurrent",
    "maximum number",
    "connection limit",
    "connections exceeded",
    "rate limit",
    "limit exceeded",
    "limit reached",
    "exceeded",
    "bandwidth",
    "throttl",
    "temporar",
    "try again later",
    "try later",
    "later again",
    "overload",
    "connection lost",
];

/// A trouble of the server's own, where no code says that it is the password.
const TROUBLE: [&str; 17] = [
    "unavailable",
    "not available",
    "maintenance",
    "timed out",
    "timeout",
    "server error",
    "internal error",
    "system error",
    "backend",
    "shutting down",
    "not responding",
    "out of memory",
    "lookup failed",
    "lock failed",
    "unable to lock",
    "in use",
    "not connected",
];

/// The same, where nothing is said of a password.
const PERHAPS_PASSING: [&str; 7] = [
    "busy",
    "try again",
    "limit",
    "internal",
    "quota",
    "wait",
    "slow down",
];

const PASSWORD: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "credential",
    "authentication fail",
    "authentication unsuccessful",
    "login fail",
    "logon fail",
    "invalid login",
    "invalid user",
    "unknown user",
    "login error",
];

/// The provider has OAuth2 in mind.
const OAUTH2: [&str; 9] = [
    "oauth",
    "xoauth2",
    "bearer",
    "modern authentication",
    "modern auth",
    "basic authentication is disabled",
    "basic auth is disabled",
    "basicauthblocked",
    "basicauthenticationdisabled",
];

const TLS: [&str; 6] = [
    "starttls",
    "privacy required",
    "requires tls",
    "requires ssl",
    "encryption required",
    "plaintext authentication disallowed",
];

const ACCOUNT: [&str; 24] = [
    "not enabled for imap",
    "imap access is disabled",
    "imap is disabled",
    "imap disabled",
    "imap access disabled",
    "imap is not enabled",
    "imap access is not enabled",
    "enable imap",
    "imap service",
    "smtp access is disabled",
    "smtpclientauthentication is disabled",
    "smtp auth is disabled",
    "account is disabled",
    "account disabled",
    "account has been disabled",
    "account is locked",
    "account locked",
    "account has been locked",
    "account is blocked",
    "account blocked",
    "suspended",
    "deactivated",
    "not authorized to use",
    "web login required",
];

/// A code says that it is the password. It is sent with limits on wrong passwords too, which only time
/// helps against.
pub(super) fn of_credentials(text: &str) -> LoginRefusal {
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&OAUTH2) {
        LoginRefusal::NeedsOAuth2
    } else if has(&ACCOUNT) {
        LoginRefusal::Account
    } else if has(&LIMIT) {
        LoginRefusal::Passing
    } else {
        LoginRefusal::Password
    }
}

/// `text` in lower case. None: it says nothing that is known.
pub(super) fn by_words(text: &str) -> Option<LoginRefusal> {
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&OAUTH2) {
        Some(LoginRefusal::NeedsOAuth2)
    } else if has(&ACCOUNT) {
        Some(LoginRefusal::Account)
    } else if has(&TLS) {
        Some(LoginRefusal::NeedsTls)
    } else if has(&LIMIT) || has(&TROUBLE) && !text.contains("reason unavailable") {
        // Postfix says "(reason unavailable)" where Dovecot gave none: that is a wrong password.
        Some(LoginRefusal::Passing)
    } else if has(&PASSWORD) {
        Some(LoginRefusal::Password)
    } else if has(&PERHAPS_PASSING) {
        Some(LoginRefusal::Passing)
    } else {
        None
    }
}
