//! Whose business a server's refusal is: answers as mail servers and providers give them, each at the
//! command where it comes, and what becomes of the letter.
#![allow(clippy::unwrap_used)]

mod support;

use support::{Peer, Scripted, within};
use tradepost_post::SecretString;
use tradepost_post::net::Tls;
use tradepost_post::smtp::{SmtpSettings, Submission, Submitter, Whose};

const LETTER: &[u8] = b"From: ann@home.example\r\n\r\nhello\r\n";

/// The command that is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Greeting,
    Ehlo,
    Mail,
    Rcpt,
    Data,
    Text,
}
use At::{Data, Ehlo, Greeting, Mail, Rcpt, Text};

/// What becomes of the letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Becomes {
    Refused,
    /// It waits by itself.
    Waits,
    /// It waits, and all others with it.
    AllWait,
    /// The same, for a server in trouble.
    ServerWaits,
    Accepted,
}
use Becomes::{Accepted, AllWait, Refused, ServerWaits, Waits};

/// Takes a letter, but for one answer; a "\n" in it begins another line of the reply.
async fn serve(mut p: Peer, at: At, answer: &'static str) {
    let mut text = Vec::new();
    let lines: Vec<&str> = answer.split('\n').collect();
    for (n, line) in lines.iter().enumerate() {
        let mut line = (*line).to_owned();
        if n + 1 < lines.len() {
            line.replace_range(3..4, "-");
        }
        text.extend(format!("{line}\r\n").into_bytes());
    }
    let steps = [
        (Greeting, "220 smtp.home.example ESMTP"),
        (Ehlo, "250-hello\r\n250 AUTH PLAIN"),
        (Data, "235 welcome"), // its own step has no part in this
        (Mail, "250 ok"),
        (Rcpt, "250 ok"),
        (Data, "354 go ahead"),
        (Text, "250 queued"),
    ];
    for (n, (step, usual)) in steps.into_iter().enumerate() {
        if n > 0 && p.line().await.is_none() {
            return;
        }
        if step == Text {
            while p.line().await.is_some_and(|line| line != ".") {}
        }
        if step == at && n != 2 && !answer.starts_with('2') {
            p.raw(&text).await;
            p.line().await;
            return p.say("221 bye").await;
        }
        p.say(usual).await;
    }
    p.gone().await;
}

async fn submission(at: At, answer: &'static str) -> Submission {
    let server = Scripted::start(move |p| serve(p, at, answer)).await;
    let password = SecretString::from("secret".to_owned());
    let settings = SmtpSettings::new("127.0.0.1", server.port, Tls::None, "ann", password);
    let submitter = Submitter::new(settings).unwrap();
    within(submitter.submit("ann@home.example", "daily@shop.example", LETTER)).await
}

async fn check(rows: &[(At, &'static str, Becomes)]) {
    let mut wrong = Vec::new();
    for (at, answer, expected) in rows {
        let submission = submission(*at, answer).await;
        let (became, text) = match submission {
            Submission::Accepted { reply } => (Accepted, reply),
            Submission::Refused { text, .. } => (Refused, text),
            Submission::TryAgain { text, whose } => match whose {
                Whose::Letter => (Waits, text),
                Whose::Account => (AllWait, text),
                Whose::Server => (ServerWaits, text),
            },
        };
        if became != *expected {
            wrong.push(format!(
                "{at:?} {answer}: {became:?}, not {expected:?} ({text})"
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn what_is_said_of_this_recipient_ends_the_letter_at_once() {
    check(&[
        (Rcpt, "250 ok", Accepted),
        (Rcpt, "550 5.1.1 <daily@shop.example>: Recipient address rejected: User unknown in virtual mailbox table", Refused),
        (Rcpt, "550 5.1.1 <daily@shop.example>... User unknown", Refused),
        (Rcpt, "550 5.1.1 The email account that you tried to reach does not exist. Please try\n550 5.1.1 double-checking the recipient's email address for typos or unnecessary spaces.", Refused),
        (Rcpt, "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", Refused),
        (Rcpt, "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)", Refused),
        (Rcpt, "550 5.1.2 <daily@shop.example>: Recipient address rejected: Domain not found", Refused),
        (Rcpt, "501 5.1.3 Bad recipient address syntax", Refused),
        (Rcpt, "550 5.1.6 Recipient no longer on server", Refused),
        (Rcpt, "556 5.1.10 Recipient address has null MX", Refused),
        (Rcpt, "556 domain does not accept mail", Refused),
        (Rcpt, "550 5.2.1 The email account that you tried to reach is disabled.", Refused),
        (Rcpt, "552 5.2.2 The email account that you tried to reach is over quota", Refused),
        (Text, "552 5.2.2 <daily@shop.example> Quota exceeded (mailbox for user is full)", Refused),
        (Rcpt, "550 5.1.0 Address rejected.", Refused),
        (Rcpt, "553 5.3.0 <daily@shop.example>... Addressee unknown, relay=[192.0.2.1]", Refused),
        (Rcpt, "554 5.7.1 <daily@shop.example>: Recipient address rejected: Access denied", Refused),
        (Rcpt, "550 Requested action not taken: mailbox unavailable", Refused),
        (Rcpt, "550 Unrouteable address", Refused),
        (Rcpt, "550 No such user here", Refused),
        (Rcpt, "550 no", Refused),
        (Rcpt, "551 User not local", Refused),
        (Rcpt, "554 delivery error: dd This user doesn't have a yahoo.com account (daily@shop.example)", Refused),
        (Rcpt, "550 sorry, no mailbox here by that name (#5.1.1)", Refused),
        (Text, "550 5.1.1 no such user", Refused),
        (Text, "554 5.4.4 Unable to route", Refused),
        (Rcpt, "550 5.7.129 RESOLVER.RST.RestrictedToRecipientsPermission; not authorized to send to the recipient", Refused),
        (Rcpt, "550 5.7.17 The mailbox has changed its owner", Refused),
    ])
    .await;
}

#[tokio::test]
async fn what_is_said_of_what_is_in_the_letter_ends_it_at_once() {
    check(&[
        (Text, "250 ok", Accepted),
        (Text, "552 5.3.4 Message size exceeds fixed limit", Refused),
        (Mail, "552 5.3.4 Message size exceeds fixed maximum message size", Refused),
        (Text, "552 message size exceeds maximum permitted", Refused),
        (Text, "552 5.2.3 Message too large for this mailbox", Refused),
        (Text, "552 5.3.4 Your message exceeded Google's message size limits.", Refused),
        (Text, "550 5.7.1 Our system has detected that this message is\n550 5.7.1 likely unsolicited mail. To reduce the amount of spam sent to Gmail,\n550 5.7.1 this message has been blocked.", Refused),
        (Text, "552 5.7.0 This message was blocked because its content presents a potential\n552 5.7.0 security issue.", Refused),
        (Text, "554 5.7.1 Spam message rejected", Refused),
        (Text, "554 5.7.0 Reject, id=12345-01 - SPAM", Refused),
        (Text, "550 High probability of spam", Refused),
        (Text, "554 5.7.1 virus Eicar-Test-Signature found", Refused),
        (Text, "554 5.6.0 Reject, id=12345-01 - BAD_HEADER", Refused),
        (Text, "550 5.6.0 Invalid message content", Refused),
        (Text, "550 maximum allowed line length is 998 octets, got 1200", Refused),
        (Rcpt, "550 5.6.7 SMTPUTF8 is not supported for that recipient", Refused),
    ])
    .await;
}

#[tokio::test]
async fn a_limit_of_the_account_keeps_all_its_letters() {
    check(&[
        // Gmail
        (Text, "550 5.4.5 Daily user sending limit exceeded. For more information\n550 5.4.5 see help - gsmtp", AllWait),
        (Rcpt, "550 5.4.5 Daily sending quota exceeded.", AllWait),
        (Data, "550 5.4.5 Daily SMTP relay limit exceeded for customer.", AllWait),
        (Mail, "550 5.4.5 Daily user sending limit exceeded", AllWait),
        (Text, "550 5.7.1 Daily quota exceeded", AllWait),
        (Mail, "550 5.7.0 Daily quota exceeded", AllWait),
        (Text, "421 4.7.28 Our system has detected an unusual rate of unsolicited mail", AllWait),
        (Text, "550 5.7.28 Our system has detected an unusual rate of unsolicited mail", AllWait),
        // Microsoft 365, Outlook.com
        (Rcpt, "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients", AllWait),
        (Text, "550 5.7.705 Access denied, tenant has exceeded threshold", AllWait),
        (Text, "550 5.7.233 Your message can't be sent because your tenant exceeded its daily limit", AllWait),
        (Text, "550 5.7.508 Access denied, [192.0.2.1] has exceeded permitted limits within the last hour", AllWait),
        (Mail, "432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending", AllWait),
        (Text, "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; the sender's submission quota was exceeded", AllWait),
        (Text, "550 5.7.501 Access denied, spam abuse detected", AllWait),
        // Yahoo, GMX, iCloud, Fastmail, Zoho
        (Text, "554 5.7.9 You have exceeded the daily limit of messages", AllWait),
        (Rcpt, "450 Requested mail action not taken: mailbox unavailable Mail send limit exceeded.", AllWait),
        (Rcpt, "550 5.7.1 You've reached your daily sending limit", AllWait),
        (Text, "452 4.3.1 You have exceeded your sending quota", AllWait),
        (Text, "550 5.4.6 Unusual sending activity detected. Please try after sometime", AllWait),
        (Text, "550 5.4.6 Email sending limit exceeded: too many messages per hour", AllWait),
        (Mail, "554 5.7.1 Email Outgoing Blocked: account temporarily suspended", AllWait),
        // Amazon SES, SendGrid, cPanel, Postfix policies
        (Text, "454 Throttling failure: Maximum sending rate exceeded.", AllWait),
        (Text, "454 Throttling failure: Daily message quota exceeded.", AllWait),
        (Text, "554 Message rejected: Sending suspended for this account.", AllWait),
        (Text, "451 You've exceeded your messaging limits", AllWait),
        (Rcpt, "550 Domain shop.example has exceeded the max emails per hour (150/150 (100%)) allowed. Message discarded.", AllWait),
        (Rcpt, "554 5.7.1 <daily@shop.example>: Recipient address rejected: Message rate limit exceeded", AllWait),
        (Rcpt, "452 4.5.3 Error: too many recipients", AllWait),
        (Rcpt, "550 5.5.3 Too many recipients this day", AllWait),
        (Text, "554 5.7.1 rate limit exceeded", AllWait),
        // The storage of the sender.
        (Mail, "552 5.2.2 Your mailbox is full", AllWait),
        (Text, "552 5.2.2 Your mailbox is full, delete something first", AllWait),
        (Mail, "552 Requested mail action aborted: exceeded your storage allocation", AllWait),
        (Mail, "452 4.2.2 sender's mailbox is over quota", AllWait),
    ])
    .await;
}

#[tokio::test]
async fn a_sender_that_the_account_may_not_use_keeps_all_its_letters() {
    check(&[
        // Postfix, at MAIL or put off to RCPT
        (Mail, "553 5.7.1 <ann@home.example>: Sender address rejected: not owned by user ann", AllWait),
        (Rcpt, "553 5.7.1 <ann@home.example>: Sender address rejected: not owned by user ann", AllWait),
        (Data, "553 5.7.1 <ann@home.example>: Sender address rejected: not owned by user ann", AllWait),
        (Rcpt, "553 5.7.1 <ann@home.example>: Sender address rejected: not logged in", AllWait),
        (Rcpt, "550 5.1.0 <ann@home.example>: Sender address rejected: User unknown in virtual mailbox table", AllWait),
        (Rcpt, "550 5.1.8 <ann@home.example>: Sender address rejected: Domain not found", AllWait),
        (Mail, "501 5.1.7 Bad sender address syntax", AllWait),
        (Rcpt, "504 5.5.2 <ann>: Sender address rejected: need fully-qualified address", AllWait),
        // Exchange, Microsoft 365
        (Mail, "550 5.7.60 SMTP; Client does not have permissions to send as this sender", AllWait),
        (Text, "550 5.7.60 SMTP; Client does not have permissions to send as this sender", AllWait),
        (Text, "554 5.2.252 SendAsDenied; ann@home.example not allowed to send as orders@shop.example", AllWait),
        (Text, "554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied", AllWait),
        (Text, "550 5.1.8 Access denied, bad outbound sender", AllWait),
        // Gmail, Yahoo, GMX, Fastmail, Zoho, SES, SendGrid, Exim, Sendmail
        (Text, "550 5.7.26 This mail has been blocked because the sender is unauthenticated.", AllWait),
        (Mail, "553 From: address not verified; see http://help.yahoo.com/", AllWait),
        (Mail, "550 Requested action not taken: mailbox unavailable Sender address is not allowed.", AllWait),
        (Rcpt, "550 Requested action not taken: mailbox unavailable Sender address is not allowed.", AllWait),
        (Text, "551 5.7.1 Not authorised to send from this header address", AllWait),
        (Rcpt, "553 5.7.1 Relaying disallowed as ann@home.example", AllWait),
        (Text, "554 Message rejected: Email address is not verified. The following identities failed the check", AllWait),
        (Text, "550 The from address does not match a verified Sender Identity.", AllWait),
        (Rcpt, "550 Sender verify failed", AllWait),
        (Mail, "553 5.5.4 <ann>... Domain name required for sender address ann", AllWait),
        (Mail, "550 5.7.1 Sender not allowed", AllWait),
        (Mail, "550 5.1.1 unknown user", AllWait),
        (Mail, "550 what", AllWait),
    ])
    .await;
}

#[tokio::test]
async fn a_login_tls_or_another_name_is_asked_for_at_any_command_and_costs_no_letter() {
    check(&[
        (
            Mail,
            "530 5.7.0 Must issue a STARTTLS command first",
            AllWait,
        ),
        (Mail, "530 5.7.0 Authentication required", AllWait),
        (Rcpt, "530 5.5.1 Authentication Required.", AllWait),
        (
            Text,
            "530 5.7.57 Client not authenticated to send mail",
            AllWait,
        ),
        (
            Mail,
            "530 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM",
            AllWait,
        ),
        (Rcpt, "535 5.7.8 Error: authentication failed", AllWait),
        (Text, "535 5.7.8 Error: authentication failed", AllWait),
        (Data, "538 5.7.11 Encryption required", AllWait),
        (
            Rcpt,
            "550 relay not permitted, authentication required",
            AllWait,
        ),
        (Rcpt, "503 AUTH first (#5.5.1)", AllWait),
        (
            Rcpt,
            "550 5.7.1 <daily@shop.example>... Relaying denied. Proper authentication required.",
            AllWait,
        ),
        (
            Rcpt,
            "554 5.7.1 <daily@shop.example>: Relay access denied",
            AllWait,
        ),
        (
            Rcpt,
            "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
            AllWait,
        ),
        (
            Rcpt,
            "550 5.7.64 TenantAttribution; Relay Access Denied",
            AllWait,
        ),
        (
            Ehlo,
            "550 Access denied - Invalid HELO name (See RFC2821 4.1.1.1)",
            AllWait,
        ),
        (
            Mail,
            "550 Access denied - Invalid HELO name (See RFC2821 4.1.1.1)",
            AllWait,
        ),
        (
            Rcpt,
            "550 Access denied - Invalid HELO name (See RFC2821 4.1.1.1)",
            AllWait,
        ),
        (
            Rcpt,
            "504 5.5.2 <[127.0.0.1]>: Helo command rejected: need fully-qualified hostname",
            AllWait,
        ),
        (
            Rcpt,
            "554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied",
            AllWait,
        ),
        (
            Rcpt,
            "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
            AllWait,
        ),
        (
            Text,
            "550 5.7.1 [192.0.2.1] Messages from your IP address were blocked",
            AllWait,
        ),
        (Greeting, "554 5.7.1 No SMTP service here", AllWait),
        (Greeting, "220 smtp.home.example ESMTP", Accepted),
    ])
    .await;
}

#[tokio::test]
async fn a_server_in_trouble_keeps_all_letters_for_a_moment() {
    check(&[
        (Greeting, "421 4.3.2 Service not available", ServerWaits),
        (
            Greeting,
            "421 4.7.0 Too many connections from your IP",
            ServerWaits,
        ),
        (
            Ehlo,
            "421 4.3.0 Temporary System Problem. Try again later",
            ServerWaits,
        ),
        (
            Mail,
            "421 4.7.0 Try again later, closing connection.",
            ServerWaits,
        ),
        (Mail, "451 4.3.0 Temporary lookup failure", ServerWaits),
        (Mail, "452 4.3.1 Insufficient system resources", ServerWaits),
        (Rcpt, "452 4.3.1 Mail system full", ServerWaits),
        (Text, "451 4.3.2 Please try again later", ServerWaits),
        (Text, "421 4.4.2 Timeout", ServerWaits),
        (
            Mail,
            "550 5.3.2 System not accepting network messages",
            ServerWaits,
        ),
        (Mail, "450 what", ServerWaits),
    ])
    .await;
}

#[tokio::test]
async fn what_concerns_one_letter_for_now_or_leaves_doubt_makes_it_wait_alone() {
    check(&[
        (Rcpt, "450 4.2.1 The user you are trying to contact is receiving mail too quickly.", Waits),
        (Rcpt, "550 5.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages", Waits),
        (Rcpt, "550 5.2.121 Recipient's per hour message receive limit exceeded", Waits),
        (Rcpt, "450 4.7.1 <daily@shop.example>: Recipient address rejected: Greylisted", Waits),
        (Rcpt, "450 4.1.1 <daily@shop.example>: Recipient address rejected: unverified address", Waits),
        (Rcpt, "452 4.2.2 The email account that you tried to reach is over quota", Waits),
        (Rcpt, "450 4.2.0 mailbox busy", Waits),
        (Text, "451 4.7.1 Please try again", Waits),
        (Text, "554 no", Waits),
        (Text, "554 5.7.1 Message rejected due to local policy", Waits),
        (Text, "554 Message not allowed - [PH01] Email not accepted for policy reasons.", Waits),
        (Text, "550 Administrative prohibition", Waits),
        (Rcpt, "550 Administrative prohibition", Waits),
        (Rcpt, "550 5.7.1 Access denied", Waits),
        (Rcpt, "554 transaction failed", Waits),
        (Rcpt, "552 exceeded storage allocation", Waits),
        (Rcpt, "500 5.5.2 Syntax error", Waits),
        (Data, "503 5.5.1 Bad sequence", Waits),
        (Data, "554 no", Waits),
        (Text, "554 5.4.6 Too many hops", Waits),
        // A code that belongs to another class than the reply.
        (Rcpt, "550 4.1.1 try again", Waits),
    ])
    .await;
}

#[tokio::test]
async fn the_words_say_what_is_to_be_mended() {
    for (at, answer, expected) in [
        (
            Text,
            "550 5.4.5 Daily user sending limit exceeded",
            "a limit of the provider: they wait and leave by themselves",
        ),
        (
            Rcpt,
            "553 5.7.1 Sender address rejected: not owned by user ann",
            "does not let ann send as ann@home.example - check `address`, and `user` in [smtp]",
        ),
        (
            Mail,
            "530 5.7.0 Authentication required",
            "check `tls`, `user` and the password in [smtp]",
        ),
        (
            Mail,
            "530 5.7.0 Must issue a STARTTLS command first",
            "check `tls` and `port` in [smtp]",
        ),
        (
            Ehlo,
            "550 Access denied - Invalid HELO name",
            "the name by which this computer greets it (HELO, EHLO)",
        ),
        (
            Rcpt,
            "554 5.7.1 Relay access denied",
            "carries no letters of ann to others",
        ),
        (Text, "554 no", "it is tried again (554 no)"),
    ] {
        let Submission::TryAgain { text, .. } = submission(at, answer).await else {
            panic!("{answer} cost the letter");
        };
        assert!(text.contains(expected), "{text}");
        assert!(text.contains(answer), "{text}");
    }
}
