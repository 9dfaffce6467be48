//! At which step a letter was refused, and for which cause: the words in which verdicts are told.

use super::Whose;
use crate::net::ServerAddress;

/// How far a letter had come. Before `Text`, the server has nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SubmissionStep {
    /// Greeting and EHLO: no letter is meant yet.
    Opening,
    Sender,
    Recipient,
    Data,
    Text,
}

/// Why none of the account's letters is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// A limit of the provider: letters a day, connections, storage of the sender.
    Limit,
    /// The account may not send as this sender, or the sender's domain is not set up for it.
    Sender,
    /// A login is wanted, or another one.
    Login,
    /// TLS is wanted.
    Tls,
    /// The name that this computer gives in EHLO.
    Hello,
    /// The server carries no letters to others for us.
    Relay,
    /// This computer or the account is blocked.
    Blocked,
    /// A trouble of the server's own, or one that it does not explain.
    Trouble,
}

impl Cause {
    pub(super) fn whose(self) -> Whose {
        match self {
            Cause::Limit
            | Cause::Sender
            | Cause::Login
            | Cause::Tls
            | Cause::Hello
            | Cause::Relay
            | Cause::Blocked => Whose::Account,
            Cause::Trouble => Whose::Server,
        }
    }

    /// What happened, and what to do about it.
    pub(super) fn text(
        self,
        server: &ServerAddress,
        (user, from): (&str, &str),
        code: u16,
        said: &str,
    ) -> String {
        let section = server.section;
        let account = if user.is_empty() {
            "this computer".to_owned()
        } else {
            user.to_owned()
        };
        match self {
            Cause::Limit => format!(
                "{server} takes no letters of {account} for now, by a limit of the provider: they wait and leave by \
                 themselves ({code} {said})"
            ),
            Cause::Sender => format!(
                "{server} does not let {account} send as {from} - check `address`, and `user` in {section}, and that \
                 the account may use that address; the letters wait for it ({code} {said})"
            ),
            Cause::Login => format!(
                "{server} wants another login or TLS ({code} {said}) - check `tls`, `user` and the password in {section}"
            ),
            Cause::Tls => format!(
                "{server} wants a protected connection first - check `tls` and `port` in {section} ({code} {said})"
            ),
            Cause::Hello => format!(
                "{server} does not take the name by which this computer greets it (HELO, EHLO), which is its address: \
                 use the provider's port for submission with a login (465 or 587) in {section}, or ask the provider \
                 ({code} {said})"
            ),
            Cause::Relay => format!(
                "{server} carries no letters of {account} to others - check `host`, `port` and `user` in {section}: it \
                 has to be the provider's server for submission, with a login ({code} {said})"
            ),
            Cause::Blocked => format!(
                "{server} takes nothing from {account} or from this computer's address - ask the provider; the letters \
                 wait ({code} {said})"
            ),
            Cause::Trouble => format!("{server} does not serve us now: {code} {said}"),
        }
    }
}
