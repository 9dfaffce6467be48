//! What servers say in words, as the last help where code and command leave open what is meant.
//! From what providers and mail servers publish and what people reported.

use super::cause::Cause;

/// What a server says, in lower case, without the addresses and names in it: people are called "daily"
/// and "spam" as well.
pub(super) struct ReplyText(String);

impl ReplyText {
    pub(super) fn of(said: &str) -> ReplyText {
        let mut text = String::new();
        let mut rest = said;
        while let Some((before, after)) = rest.split_once('<') {
            text.push_str(before);
            match after.split_once('>') {
                Some((_, after)) => rest = after,
                None => {
                    rest = after;
                    break;
                }
            }
        }
        text.push_str(rest);
        let text = text.to_lowercase();
        let words = text.split_whitespace().filter(|word| !word.contains('@'));
        ReplyText(words.collect::<Vec<&str>>().join(" "))
    }

    fn has(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.0.contains(word))
    }

    /// What can mean nothing else.
    pub(super) fn strong_cause(&self) -> Option<Cause> {
        if self.is_of_the_sender_address() {
            Some(Cause::Sender)
        } else if self.is_of_a_limit() {
            Some(Cause::Limit)
        } else if self.has(&["helo", "ehlo"]) {
            Some(Cause::Hello)
        } else {
            None
        }
    }

    pub(super) fn cause(&self) -> Option<Cause> {
        self.strong_cause().or_else(|| {
            if self.has(&["relay", "rcpthosts"]) {
                Some(Cause::Relay)
            } else if self.is_of_a_block() {
                Some(Cause::Blocked)
            } else {
                None
            }
        })
    }

    pub(super) fn wants_login(&self) -> bool {
        self.has(&[
            "authentication required",
            "authentication is required",
            "authentication needed",
            "requires authentication",
            "require authentication",
            "authenticate first",
            "must authenticate",
            "must be authenticated",
            "please authenticate",
            "not authenticated",
            "unauthenticated sender",
            "auth first",
            "must auth",
            "need to authenticate",
            "needs authentication",
            "not logged in",
            "log in first",
            "login first",
            "must log in",
            "must login",
            "smtp auth required",
            "smtp-auth",
        ])
    }

    pub(super) fn wants_tls(&self) -> bool {
        self.has(&[
            "starttls",
            "must use tls",
            "requires tls",
            "tls required",
            "tls is required",
            "tls encryption required",
            "encryption required",
            "encryption is required",
            "must use encryption",
            "ssl required",
        ])
    }

    fn is_of_the_sender_address(&self) -> bool {
        self.has(&[
            "sender address",
            "sender's address",
            "address of sender",
            "sender rejected",
            "sender denied",
            "sender not allowed",
            "sender is not allowed",
            "sender not authorized",
            "sender is not authorized",
            "unauthorized sender",
            "sender verify",
            "sender verification",
            "sender domain",
            "sender identity",
            "invalid sender",
            "bad sender",
            "unknown sender",
            "sender unknown",
            "domain of sender",
            "bad outbound sender",
            "envelope sender",
            "envelope from",
            "envelope-from",
            "mail from",
            "from address",
            "from: address",
            "header address",
            "return path",
            "return-path",
            "send as",
            "sendas",
            "send on behalf",
            "send from",
            "not owned by",
            "not allowed to send",
            "not permitted to send",
            "not authorized to send",
            "not authorised to send",
            "not allowed to use",
            "permissions to send",
            "permission to send",
            "address is not verified",
            "address not verified",
            "not a verified",
            "domain not verified",
            "domain is not verified",
            "dmarc",
            "spf",
        ])
    }

    pub(super) fn is_of_a_limit(&self) -> bool {
        // A letter that goes round in circles.
        let is_a_loop = self.has(&["hops", "received header"]);
        !is_a_loop
            && self.has(&[
                "sending limit",
                "send limit",
                "sending quota",
                "send quota",
                "sendquota",
                "submission quota",
                "submissionquota",
                "sending rate",
                "message limit",
                "message quota",
                "messages limit",
                "mail limit",
                "mails limit",
                "email limit",
                "emails limit",
                "recipient limit",
                "recipients limit",
                "outgoing limit",
                "outbound limit",
                "usage limit",
                "limit of messages",
                "limit of emails",
                "limit of mails",
                "limit on the number",
                "maximum number of",
                "max emails",
                "max messages",
                "max number",
                "messages per",
                "mails per",
                "emails per",
                "recipients per",
                "daily",
                "hourly",
                "per day",
                "per hour",
                "per minute",
                "per second",
                "in one day",
                "in 24 hours",
                "24 hour",
                "rate limit",
                "ratelimit",
                "rate-limit",
                "rate exceeded",
                "unusual rate",
                "unusual sending",
                "unusual activity",
                "suspicious activity",
                "throttl",
                "flood",
                "too many",
                "concurrent connection",
                "too much mail",
                "too fast",
                "too quickly",
                "slow down",
                "exceeded your",
                "exceeded its",
                "you have exceeded",
                "you've exceeded",
                "you have reached",
                "you've reached",
                "your limit",
                "your quota",
                "your sending",
                "your mailbox",
                "your storage",
                "your inbox",
                "sender's quota",
                "sender quota",
                "sender's mailbox",
                "sender mailbox",
                "sender's storage",
                "sender is over",
                "sender over",
                "sender has exceeded",
                "account limit",
                "account quota",
                "credits exceeded",
                "your account",
                "this account",
                "sending account",
                "sender's account",
                "sender account",
                "account suspended",
                "account has been suspended",
                "temporarily suspended",
                "sending suspended",
                "sending paused",
                "outgoing blocked",
                "outbound mail",
                "insufficient system storage",
                "insufficient storage",
            ])
    }

    fn is_of_a_block(&self) -> bool {
        self.has(&[
            "client host",
            "your ip",
            "your host",
            "your network",
            "sending ip",
            "ip address",
            "blacklist",
            "black list",
            "blocklist",
            "block list",
            "denylist",
            "dnsbl",
            "rbl",
            "spamhaus",
            "reverse dns",
            "rdns",
            "ptr record",
            "reputation",
        ])
    }

    pub(super) fn is_of_the_sender(&self) -> bool {
        self.has(&["sender", "your ", "you have", "you've"]) && !self.has(&["recipient"])
    }

    /// The recipient gets too much at present; neither end nor limit of ours.
    pub(super) fn is_of_the_recipients_rate(&self) -> bool {
        self.has(&[
            "receiving mail",
            "receive limit",
            "receiving limit",
            "receiving too",
            "recipient has exceeded",
            "recipient's per",
            "recipient rate",
        ])
    }

    pub(super) fn is_of_the_recipient(&self) -> bool {
        self.has(&[
            "recipient address rejected",
            "recipient rejected",
            "recipient not found",
            "recipient unknown",
            "recipient does not",
            "unknown recipient",
            "invalid recipient",
            "bad recipient",
            "no such recipient",
            "no such user",
            "no such mailbox",
            "no such address",
            "no such person",
            "no such account",
            "user unknown",
            "unknown user",
            "user not found",
            "user doesn't",
            "user does not",
            "user is unknown",
            "unknown local",
            "unknown address",
            "unknown mailbox",
            "address unknown",
            "addressee unknown",
            "mailbox unknown",
            "mailbox not found",
            "mailbox unavailable",
            "mailbox is unavailable",
            "mailbox does not",
            "mailbox disabled",
            "mailbox is disabled",
            "mailbox is inactive",
            "invalid mailbox",
            "not a valid mailbox",
            "not a valid recipient",
            "no mailbox",
            "no valid recipients",
            "does not exist",
            "doesn't exist",
            "not exist",
            "tried to reach",
            "unrouteable",
            "unroutable",
            "bad destination",
            "no longer available",
            "no longer valid",
            "no longer active",
            "no longer exist",
            "no longer accept",
            "not a known user",
            "address rejected",
        ])
    }

    /// After RCPT it is the recipient's.
    pub(super) fn is_of_a_full_mailbox(&self) -> bool {
        self.has(&["mailbox is full", "mailbox full"])
    }

    pub(super) fn is_of_the_content(&self) -> bool {
        self.has(&[
            "spam",
            "virus",
            "malware",
            "infected",
            "phish",
            "unsolicited",
            "content",
            "attachment",
            "executable",
            "message contains",
            "message was blocked",
            "message has been blocked",
            "malformed",
            "header",
            "rfc 5322",
            "rfc5322",
            "rfc 2822",
            "rfc2822",
            "line length",
            "line too long",
            "lines too long",
        ])
    }

    pub(super) fn is_too_large(&self) -> bool {
        self.has(&[
            "message size",
            "message is too",
            "message too",
            "size limit",
            "size exceeds",
            "exceeds size",
            "exceeds the size",
            "maximum size",
            "maximum message",
            "too large",
            "too big",
        ])
    }

    /// A policy, of whom nobody knows.
    pub(super) fn is_vague(&self) -> bool {
        self.has(&[
            "policy",
            "prohibit",
            "denied",
            "not allowed",
            "not permitted",
            "not authorized",
            "unauthorized",
            "blocked",
            "banned",
            "refused",
            "rejected",
            "later",
            "again",
            "temporar",
            "error",
            "failed",
            "failure",
            "verif",
        ])
    }
}
