//! From the TCP connection to the logged-in session: greeting, TLS, login, capabilities.
//!
//! Read line by line, not by the parser: it waits forever for a greeting that nobody reads, gives
//! up on capability lines that some servers write, and keeps plain text that was sent ahead of TLS.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use super::names::quote;
use super::session::Session;
use super::{ImapSettings, TroubleKind};
use crate::net::Tls;
use crate::net::lines::LineDialogue;
use crate::net::tls::TlsClient;
use crate::refusal::{Login, LoginRefusal, of_bye, of_imap};
use crate::trouble::{Error, quoted};

/// Names in upper case, as in `IDLE` and `AUTH=PLAIN`.
pub(super) type Capabilities = BTreeSet<String>;

/// Connects and logs in. Also gives the server's greeting. A password that was changed meanwhile is
/// read again, and tried at once.
pub(super) async fn open(
    settings: &ImapSettings,
    tls: &TlsClient,
) -> Result<(Session, String), Error> {
    let with = |password| open_with(settings, tls, password);
    settings.password.log_in(with).await
}

async fn open_with(
    settings: &ImapSettings,
    tls: &TlsClient,
    password: SecretString,
) -> Result<(Session, String), Error> {
    let lines = LineDialogue::connect(settings.place(), tls, settings.timeout).await?;
    let mut dialogue = Dialogue { lines, tag: 0 };
    let greeting = dialogue.greeting().await?;
    let mut known = capabilities_in(&greeting);
    if settings.tls == Tls::StartTls {
        dialogue = dialogue.start_tls(known, tls).await?;
        // What was said in plain text counts for nothing (RFC 3501 section 6.2.1).
        known = None;
    }
    let before = match known {
        Some(known) => known,
        None => dialogue.capabilities().await?,
    };
    // RFC 2971; some servers want it before anything else, some after the login.
    dialogue.identify(&before).await?;
    let told = dialogue
        .log_in(settings, &password, &before)
        .await
        .map_err(|e| e.without_login(&settings.user, &password))?;
    let capabilities = match told {
        Some(capabilities) => capabilities,
        None => dialogue.capabilities().await?,
    };
    dialogue.identify(&capabilities).await?;
    let place = dialogue.lines.place.clone();
    let wire = dialogue.lines.hand_over(b"");
    let session = Session::new(wire, place, settings.timeout, capabilities);
    Ok((session, greeting_text(&greeting)))
}

struct Dialogue {
    lines: LineDialogue,
    tag: u32,
}

/// The end of a command.
struct Answer {
    status: Status,
    /// What stands behind OK, NO or BAD.
    text: String,
    /// The `*` lines before it.
    untagged: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Ok,
    No,
    Bad,
    /// It ended the connection instead.
    Bye,
}

impl Dialogue {
    async fn greeting(&mut self) -> Result<String, Error> {
        let doing = match self.lines.place.tls {
            Tls::Implicit => "greeting",
            Tls::StartTls | Tls::None => "greeting - is this the port for implicit TLS?",
        };
        let line = self.lines.line(doing).await?;
        let place = &self.lines.place;
        match word(&line, 1).as_str() {
            "OK" if line.starts_with('*') => Ok(line),
            // Logged in as somebody already: before TLS that may be anybody's doing, and after it
            // the mailbox is not the one of the configured user.
            "PREAUTH" => Err(Error::new(
                TroubleKind::Refused,
                format!(
                    "{place} says that we are logged in already (PREAUTH), which can't be trusted; not going on"
                ),
            )),
            "BYE" => Err(Error::new(
                TroubleKind::Busy,
                format!("{place} does not serve us now: {}", quoted(&line)),
            )),
            _ => Err(Error::new(
                TroubleKind::NotUnderstood,
                format!(
                    "{place} does not look like an IMAP server (it says: {}) - check `host` and `port` in [imap]",
                    quoted(&line)
                ),
            )),
        }
    }

    async fn start_tls(
        mut self,
        known: Option<Capabilities>,
        tls: &TlsClient,
    ) -> Result<Dialogue, Error> {
        let known = match known {
            Some(known) => known,
            None => self.capabilities().await?,
        };
        let refused = |why: &str, place: &crate::net::ServerAddress| {
            Error::new(
                TroubleKind::Tls,
                format!(
                    "{place} offers no STARTTLS{why}; refusing to go on in plain text - try port 993 with `tls` = \
                     \"implicit\" in [imap]"
                ),
            )
        };
        if !known.contains("STARTTLS") {
            return Err(refused("", &self.lines.place));
        }
        let answer = self.ordinary("STARTTLS").await?;
        if answer.status != Status::Ok {
            let why = format!(" after all ({})", quoted(&answer.text));
            return Err(refused(&why, &self.lines.place));
        }
        let lines = self.lines.protect(tls).await?;
        Ok(Dialogue { lines, ..self })
    }

    async fn capabilities(&mut self) -> Result<Capabilities, Error> {
        let answer = self.ordinary("CAPABILITY").await?;
        let listed = answer.untagged.iter().find_map(|l| capabilities_in(l));
        Ok(listed.unwrap_or_default())
    }

    async fn identify(&mut self, capabilities: &Capabilities) -> Result<(), Error> {
        if capabilities.contains("ID") {
            // Only the program's name: the server has no use for more.
            self.ordinary("ID (\"name\" \"Tradepost\")").await?;
        }
        Ok(())
    }

    /// Gives the capabilities, where the server told them on this occasion.
    async fn log_in(
        &mut self,
        settings: &ImapSettings,
        password: &SecretString,
        capabilities: &Capabilities,
    ) -> Result<Option<Capabilities>, Error> {
        let oauth2 = ["AUTH=XOAUTH2", "AUTH=OAUTHBEARER"].map(|name| capabilities.contains(name));
        let offers_oauth2 = oauth2.contains(&true);
        let may_log_in = !capabilities.contains("LOGINDISABLED");
        let answer = if capabilities.contains("AUTH=PLAIN") {
            let answer = self
                .authenticate_plain(&settings.user, password, capabilities)
                .await?;
            if answer.status == Status::Bad && may_log_in {
                self.login(&settings.user, password).await?
            } else {
                answer
            }
        } else if may_log_in {
            self.login(&settings.user, password).await?
        } else if offers_oauth2 {
            let refused = self.login_of(settings, true);
            return Err(refused.refused(LoginRefusal::NeedsOAuth2, "LOGINDISABLED"));
        } else {
            return Err(Error::new(
                TroubleKind::LoginRefused,
                format!(
                    "{} takes no password on this connection (LOGINDISABLED) - check `tls` in [imap]",
                    self.lines.place
                ),
            ));
        };
        if answer.status != Status::Ok {
            let refusal = match answer.status {
                Status::Bye => of_bye(&answer.text),
                Status::Ok | Status::No | Status::Bad => of_imap(&answer.text, &answer.untagged),
            };
            let login = self.login_of(settings, offers_oauth2);
            return Err(login.refused(refusal, &answer.text));
        }
        let told = capabilities_in(&answer.text);
        Ok(told.or_else(|| answer.untagged.iter().find_map(|l| capabilities_in(l))))
    }

    /// SASL PLAIN (RFC 4616): takes any user name and password.
    async fn authenticate_plain(
        &mut self,
        user: &str,
        password: &SecretString,
        capabilities: &Capabilities,
    ) -> Result<Answer, Error> {
        let token = STANDARD.encode(format!("\0{user}\0{}", password.expose_secret()));
        if capabilities.contains("SASL-IR") {
            self.command(&format!("AUTHENTICATE PLAIN {token}"), &[])
                .await
        } else {
            self.command("AUTHENTICATE PLAIN", &[token.as_bytes()])
                .await
        }
    }

    async fn login(&mut self, user: &str, password: &SecretString) -> Result<Answer, Error> {
        let password = password.expose_secret();
        match (quote(user), quote(password)) {
            (Some(user), Some(password)) => {
                self.command(&format!("LOGIN {user} {password}"), &[]).await
            }
            // What a quoted string can't hold goes as literals.
            _ => {
                let first = format!("LOGIN {{{}}}", user.len());
                let second = format!("{user} {{{}}}", password.len());
                self.command(&first, &[second.as_bytes(), password.as_bytes()])
                    .await
            }
        }
    }

    fn login_of<'a>(&'a self, settings: &'a ImapSettings, offers_oauth2: bool) -> Login<'a> {
        Login {
            place: &self.lines.place,
            user: &settings.user,
            key: settings.password.key(),
            offers_oauth2,
        }
    }

    /// A command that is no login: after a BYE nothing more comes.
    async fn ordinary(&mut self, text: &str) -> Result<Answer, Error> {
        let answer = self.command(text, &[]).await?;
        if answer.status == Status::Bye {
            let said = quoted(&answer.text);
            return Err(Error::new(
                TroubleKind::Busy,
                format!("{} closed the connection: {said}", self.lines.place),
            ));
        }
        Ok(answer)
    }

    /// Sends a command and follows it to its tagged answer. Each time the server asks for more, the
    /// next of `more` is sent, and when there is none, an empty line: a second challenge is the
    /// server's explanation of a refusal, and never gets the secret again.
    async fn command(&mut self, text: &str, more: &[&[u8]]) -> Result<Answer, Error> {
        self.tag += 1;
        let tag = format!("a{}", self.tag);
        // In messages only the command's name: the rest may be a password.
        let doing = text.split(' ').next().unwrap_or_default();
        let line = format!("{tag} {text}\r\n");
        self.lines.send(line.as_bytes(), doing).await?;
        let mut more = more.iter();
        let mut untagged = Vec::new();
        // Bounds a server that never ends.
        for _ in 0..1000 {
            let line = self.lines.line(doing).await?;
            if line.starts_with('+') {
                let next = more.next().copied().unwrap_or_default();
                self.lines.send(&[next, b"\r\n"].concat(), doing).await?;
            } else if let Some(rest) = line.strip_prefix(&tag).and_then(|l| l.strip_prefix(' ')) {
                let (status, text) = rest.split_once(' ').unwrap_or((rest, ""));
                let status = match status.to_ascii_uppercase().as_str() {
                    "OK" => Status::Ok,
                    "NO" => Status::No,
                    _ => Status::Bad,
                };
                return Ok(Answer {
                    status,
                    text: text.to_owned(),
                    untagged,
                });
            } else if word(&line, 1) == "BYE" {
                return Ok(Answer {
                    status: Status::Bye,
                    text: line,
                    untagged,
                });
            } else {
                untagged.push(line);
            }
        }
        Err(Error::new(
            TroubleKind::NotUnderstood,
            format!("{} does not end its answer to {doing}", self.lines.place),
        ))
    }
}

/// The n-th word, in upper case.
fn word(line: &str, n: usize) -> String {
    let word = line.split_ascii_whitespace().nth(n).unwrap_or_default();
    word.to_ascii_uppercase()
}

/// What stands behind CAPABILITY, in a line of its own or in brackets; whatever the words look like.
fn capabilities_in(line: &str) -> Option<Capabilities> {
    let upper = line.to_ascii_uppercase();
    let (before, list) = upper.split_once("CAPABILITY ")?;
    let list = if before.ends_with('[') {
        list.split(']').next().unwrap_or_default()
    } else if before.trim() == "*" {
        list
    } else {
        return None;
    };
    Some(list.split_ascii_whitespace().map(str::to_owned).collect())
}

fn greeting_text(line: &str) -> String {
    quoted(line.get(4..).unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_read_from_any_line_that_has_them() {
        let of =
            |line: &str| capabilities_in(line).map(|c| c.into_iter().collect::<Vec<_>>().join(" "));
        for (line, expected) in [
            ("* CAPABILITY IMAP4rev1 idle", Some("IDLE IMAP4REV1")),
            ("* OK [CAPABILITY IMAP4rev1 ID] ready", Some("ID IMAP4REV1")),
            // Lines that async-imap's parser gives up on.
            ("* CAPABILITY IDLE (broken \"{x", Some("\"{X (BROKEN IDLE")),
            ("* CAPABILITY  IDLE ", Some("IDLE")),
            ("* OK no CAPABILITY here", None),
            ("* OK ready", None),
        ] {
            assert_eq!(of(line).as_deref(), expected, "{line}");
        }
    }
}
