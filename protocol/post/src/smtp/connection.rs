//! One connection to the submission server: opening it up to the login, and one letter over it.

use lettre::address::Address;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Quit, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use secrecy::{ExposeSecret, SecretString};
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::Instant;

use super::cause::SubmissionStep;
use super::mend::{DsnOffer, SmtpMender};
use super::reply::{SendFailure, refused_us};
use super::verdict::status;
use super::{SmtpProbe, SmtpSettings};
use crate::net::filter::FilteredStream;
use crate::net::lines::LineDialogue;
use crate::net::tls::TlsClient;
use crate::net::wire::Wire;
use crate::net::{ServerAddress, Tls, silent};
use crate::refusal::{Login, LoginRefusal, of_smtp};
use crate::trouble::{Error, TroubleKind, quoted};

/// A letter, ready to go.
pub(super) struct EnvelopedLetter<'a> {
    pub(super) from: Address,
    pub(super) to: Address,
    pub(super) bytes: &'a [u8],
}

/// Logged in, with no letter under way.
pub(super) struct SmtpConnection {
    smtp: AsyncSmtpConnection,
    /// The server takes envelope ids (RFC 3461).
    dsn_offer: DsnOffer,
    pub(super) last_used: Instant,
}

/// Longest polite goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

impl SmtpConnection {
    /// Connects, begins TLS, logs in. A password that was changed meanwhile is read again, and tried
    /// at once.
    pub(super) async fn open(
        settings: &SmtpSettings,
        tls: &TlsClient,
    ) -> Result<(SmtpConnection, SmtpProbe), Error> {
        if settings.user.is_empty() {
            return SmtpConnection::open_with(settings, tls, None).await;
        }
        let with = |password| SmtpConnection::open_with(settings, tls, Some(password));
        settings.password.log_in(with).await
    }

    async fn open_with(
        settings: &SmtpSettings,
        tls: &TlsClient,
        password: Option<SecretString>,
    ) -> Result<(SmtpConnection, SmtpProbe), Error> {
        let server = settings.server();
        let (wire, greeting) = greet(settings, tls).await?;
        let probe = SmtpProbe {
            greeting,
            tls: wire.tls_version(),
        };
        let hello = hello(&wire);
        let stream = FilteredStream::new(wire, SmtpMender::default());
        let dsn_offer = stream.mender().dsn_offer();
        let begun = async {
            let mut smtp = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello)
                .await
                .map_err(|e| refused_us(&server, &settings.user, SendFailure::from(e)))?;
            if let Some(password) = &password {
                log_in(&mut smtp, settings, password, &server)
                    .await
                    .map_err(|e| e.without_login(&settings.user, password))?;
            }
            Ok(smtp)
        };
        let smtp = tokio::time::timeout(settings.timeout, begun)
            .await
            .map_err(|_| silent(&server, "logging in"))??;
        let connection = SmtpConnection {
            smtp,
            dsn_offer,
            last_used: Instant::now(),
        };
        Ok((connection, probe))
    }

    /// Sends one letter. `step` tells how far it came, also when this is dropped by a timeout.
    pub(super) async fn send(
        &mut self,
        letter: &EnvelopedLetter<'_>,
        step: &mut SubmissionStep,
    ) -> Result<String, SendFailure> {
        *step = SubmissionStep::Sender;
        let mut parameters = Vec::new();
        if needs_utf8(letter) {
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !letter.bytes.is_ascii() {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        if self.dsn_offer.is_made() {
            parameters.extend(envelope_id(letter.bytes));
        }
        let mail = Mail::new(Some(letter.from.clone()), parameters);
        self.smtp.command(mail).await?;
        *step = SubmissionStep::Recipient;
        let rcpt = Rcpt::new(letter.to.clone(), Vec::new());
        self.smtp.command(rcpt).await?;
        *step = SubmissionStep::Data;
        let go_ahead = self.smtp.command(Data).await?;
        if !go_ahead.has_code(354) {
            return Err(unexpected(&go_ahead));
        }
        *step = SubmissionStep::Text;
        // lettre ends the text with CRLF . CRLF: the letter's own last CRLF would become an empty line.
        let text = letter.bytes.strip_suffix(b"\r\n").unwrap_or(letter.bytes);
        let reply = self.smtp.message(text).await?;
        // RFC 5321 section 4.3.2: 250 is what says that the server took it.
        if !reply.has_code(250) {
            return Err(unexpected(&reply));
        }
        self.last_used = Instant::now();
        let words: Vec<&str> = reply.message().collect();
        Ok(quoted(&words.join(" ")))
    }

    /// What the server can't do that this letter needs.
    pub(super) fn lacks_for(&self, letter: &EnvelopedLetter<'_>) -> Option<&'static str> {
        let info = self.smtp.server_info();
        if needs_utf8(letter) && !info.supports_feature(Extension::SmtpUtfEight) {
            return Some(
                "SMTPUTF8 (RFC 6531), which an address with other than ASCII characters needs",
            );
        }
        if !letter.bytes.is_ascii() && !info.supports_feature(Extension::EightBitMime) {
            return Some("8BITMIME (RFC 6152), which the letter's bytes need");
        }
        None
    }

    /// Says goodbye, where it does not take long.
    pub(super) async fn quit(mut self) {
        let _ = tokio::time::timeout(GOODBYE, self.smtp.command(Quit)).await;
    }
}

/// RFC 3461 section 4.4: comes back in reports about the letter, also where these hold nothing of it.
/// It is the Message-ID, so that one name does for both.
fn envelope_id(letter: &[u8]) -> Option<MailParameter> {
    const LONGEST: usize = 100;
    let id = tradepost_letters::parse(letter).message_id?;
    // Other characters would be written as three.
    let is_plain = |b: u8| b.is_ascii_graphic() && b != b'+' && b != b'=';
    let fits = id.len() <= LONGEST && id.bytes().all(is_plain);
    fits.then(|| MailParameter::Other {
        keyword: "ENVID".to_owned(),
        value: Some(id),
    })
}

fn needs_utf8(letter: &EnvelopedLetter<'_>) -> bool {
    let ascii = |a: &Address| a.user().is_ascii() && a.domain().is_ascii();
    !(ascii(&letter.from) && ascii(&letter.to))
}

fn unexpected(reply: &lettre::transport::smtp::response::Response) -> SendFailure {
    let words: Vec<&str> = reply.message().collect();
    SendFailure::Code(u16::from(reply.code()), words.join(" "))
}

/// RFC 5321 section 4.1.4: a client without a name of its own gives its address.
fn hello(wire: &Wire) -> ClientId {
    match wire.local_addr().map(|a| a.ip()) {
        Ok(IpAddr::V4(ip)) => ClientId::Ipv4(ip),
        Ok(IpAddr::V6(ip)) => ClientId::Ipv6(ip),
        Err(_) => ClientId::Ipv4(std::net::Ipv4Addr::LOCALHOST),
    }
}

/// Reads the greeting, and begins TLS where `STARTTLS` is configured. lettre does neither here:
/// it would keep plain text that was sent ahead of TLS, and read it as the server's.
async fn greet(settings: &SmtpSettings, tls: &TlsClient) -> Result<(Wire, String), Error> {
    let mut lines = LineDialogue::connect(settings.server(), tls, settings.timeout).await?;
    let doing = match settings.tls {
        Tls::Implicit => "greeting",
        Tls::StartTls | Tls::None => "greeting - is this the port for implicit TLS?",
    };
    let user = &settings.user;
    let greeting = expect(&mut lines, 220, doing, user).await?;
    let greeting = quoted(&greeting.join(" "));
    if settings.tls == Tls::StartTls {
        lines.send(b"EHLO [127.0.0.1]\r\n", "EHLO").await?;
        let features = expect(&mut lines, 250, "EHLO", user).await?;
        if !features
            .iter()
            .any(|f| f.trim().eq_ignore_ascii_case("STARTTLS"))
        {
            return Err(Error::new(
                TroubleKind::Tls,
                format!(
                    "{} offers no STARTTLS; refusing to go on in plain text - try port 465 with `tls` = \"implicit\" \
                     in [smtp]",
                    lines.server
                ),
            ));
        }
        lines.send(b"STARTTLS\r\n", "STARTTLS").await?;
        expect(&mut lines, 220, "STARTTLS", user).await?;
        lines = lines.protect(tls).await?;
    }
    // lettre begins by reading a greeting; after STARTTLS there is no second one.
    Ok((lines.hand_over(b"220 ready\r\n"), greeting))
}

/// One answer of the server, of one or several lines (RFC 5321 section 4.2.1), with this code.
async fn expect(
    lines: &mut LineDialogue,
    code: u16,
    doing: &str,
    user: &str,
) -> Result<Vec<String>, Error> {
    let mut texts = Vec::new();
    loop {
        let line = lines.line(doing).await?;
        let (digits, text) = line.split_at_checked(3).unwrap_or((line.as_str(), ""));
        let came: Option<u16> = digits.parse().ok().filter(|c| (200..600).contains(c));
        let Some(came) = came else {
            return Err(Error::new(
                TroubleKind::NotUnderstood,
                format!(
                    "{} does not look like an SMTP server (it says: {}) - check `host` and `port` in [smtp]",
                    lines.server,
                    quoted(&line)
                ),
            ));
        };
        texts.push(text.get(1..).unwrap_or_default().to_owned());
        if text.starts_with('-') && texts.len() < 100 {
            continue;
        }
        if came == code {
            return Ok(texts);
        }
        let failure = SendFailure::Code(came, texts.join(" "));
        return Err(refused_us(&lines.server, user, failure));
    }
}

async fn log_in(
    smtp: &mut AsyncSmtpConnection,
    settings: &SmtpSettings,
    password: &SecretString,
    server: &ServerAddress,
) -> Result<(), Error> {
    let known = [Mechanism::Plain, Mechanism::Login];
    let offers_oauth2 = smtp
        .server_info()
        .supports_auth_mechanism(Mechanism::Xoauth2);
    let login = Login {
        server,
        user: &settings.user,
        key: settings.password.key(),
        offers_oauth2,
    };
    if smtp.server_info().get_auth_mechanism(&known).is_none() {
        if offers_oauth2 {
            return Err(login.refused(LoginRefusal::NeedsOAuth2, "it offers XOAUTH2"));
        }
        return Err(Error::new(
            TroubleKind::LoginRefused,
            format!(
                "{server} offers neither AUTH PLAIN nor AUTH LOGIN on this connection - check `tls` and `port` in [smtp]"
            ),
        ));
    }
    let secret = password.expose_secret().to_owned();
    let credentials = Credentials::new(settings.user.clone(), secret);
    let failure = match smtp.auth(&known, &credentials).await {
        Ok(reply) if reply.has_code(235) => return Ok(()),
        Ok(reply) => unexpected(&reply),
        Err(e) => SendFailure::from(e),
    };
    match failure {
        SendFailure::Code(code, said) => {
            let refusal = of_smtp(code, status(code, &said), &said);
            let said = format!("{code} {}", quoted(&said));
            Err(login.refused(refusal, &said))
        }
        broken @ SendFailure::NoAnswer(_) => Err(refused_us(server, &settings.user, broken)),
    }
}
