//! What is said before the login: greeting, TLS, capabilities, ID.
//!
//! Read line by line, not by the parser: that waits forever for a greeting that nobody reads, and keeps
//! plain text that was sent ahead of TLS.

use super::ImapSettings;
use super::capabilities::{Capabilities, capabilities_in};
use super::failure::closed;
use super::overheard::{CommandEnd, CommandStatus, Overheard};
use crate::net::lines::LineDialogue;
use crate::net::tls::TlsClient;
use crate::net::{ServerAddress, Tls};
use crate::trouble::{Error, TroubleKind, quoted};

/// A server to which the login may be said.
pub(super) struct Greeted {
    pub(super) lines: LineDialogue,
    /// The server's words behind `* OK`, on one line.
    pub(super) greeting: String,
    /// What it announces before the login, protected where TLS is wanted.
    pub(super) capabilities: Capabilities,
}

/// Only the program's name: the server has no use for more.
pub(super) const ID: &str = "ID (\"name\" \"Tradepost\")";

/// Connects, begins TLS, and names itself where the server wants that (RFC 2971): some want it before
/// anything else.
pub(super) async fn greet(settings: &ImapSettings, tls: &TlsClient) -> Result<Greeted, Error> {
    let lines = LineDialogue::connect(settings.server(), tls, settings.timeout).await?;
    let mut dialogue = Dialogue { lines, tag: 0 };
    let greeting = dialogue.greeting().await?;
    let mut known = capabilities_in(&greeting);
    if settings.tls == Tls::StartTls {
        dialogue = dialogue.start_tls(known, tls).await?;
        // What was said in plain text counts for nothing (RFC 3501 section 6.2.1).
        known = None;
    }
    let capabilities = match known {
        Some(known) => known,
        None => dialogue.capabilities().await?,
    };
    if capabilities.contains("ID") {
        dialogue.command(ID).await?;
    }
    Ok(Greeted {
        lines: dialogue.lines,
        greeting: quoted(greeting.get(4..).unwrap_or(&greeting)),
        capabilities,
    })
}

struct Dialogue {
    lines: LineDialogue,
    tag: u32,
}

impl Dialogue {
    async fn greeting(&mut self) -> Result<String, Error> {
        let doing = match self.lines.server.tls {
            Tls::Implicit => "greeting",
            Tls::StartTls | Tls::None => "greeting - is this the port for implicit TLS?",
        };
        let line = self.lines.line(doing).await?;
        let server = &self.lines.server;
        match word(&line, 1).as_str() {
            "OK" if line.starts_with('*') => Ok(line),
            // Logged in as somebody already: before TLS that may be anybody's doing, and after it
            // the mailbox is not the one of the configured user.
            "PREAUTH" => Err(Error::new(
                TroubleKind::Refused,
                format!(
                    "{server} says that we are logged in already (PREAUTH), which can't be trusted; not going on"
                ),
            )),
            "BYE" => Err(Error::new(
                TroubleKind::Busy,
                format!("{server} does not serve us now: {}", quoted(&line)),
            )),
            _ => Err(Error::new(
                TroubleKind::NotUnderstood,
                format!(
                    "{server} does not look like an IMAP server (it says: {}) - check `host` and `port` in [imap]",
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
        let refused = |why: &str, server: &ServerAddress| {
            Error::new(
                TroubleKind::Tls,
                format!(
                    "{server} offers no STARTTLS{why}; refusing to go on in plain text - try port 993 with `tls` = \
                     \"implicit\" in [imap]"
                ),
            )
        };
        if !known.contains("STARTTLS") {
            return Err(refused("", &self.lines.server));
        }
        let (end, _) = self.command("STARTTLS").await?;
        if end.status != CommandStatus::Ok {
            let why = format!(" after all ({})", quoted(&end.text));
            return Err(refused(&why, &self.lines.server));
        }
        let lines = self.lines.protect(tls).await?;
        Ok(Dialogue { lines, ..self })
    }

    async fn capabilities(&mut self) -> Result<Capabilities, Error> {
        let (_, untagged) = self.command("CAPABILITY").await?;
        let listed = untagged.iter().find_map(|l| capabilities_in(l));
        Ok(listed.unwrap_or_default())
    }

    /// Sends a command and follows it to its tagged answer; also gives the `*` lines before it.
    async fn command(&mut self, text: &str) -> Result<(CommandEnd, Vec<String>), Error> {
        self.tag += 1;
        let tag = format!("a{}", self.tag);
        let doing = text.split(' ').next().unwrap_or_default();
        let line = format!("{tag} {text}\r\n");
        self.lines.send(line.as_bytes(), doing).await?;
        let mut untagged = Vec::new();
        // Bounds a server that never ends.
        for _ in 0..Overheard::MOST {
            let line = self.lines.line(doing).await?;
            if line.starts_with('+') {
                // Nothing of ours goes on.
                self.lines.send(b"\r\n", doing).await?;
            } else if let Some(rest) = line.strip_prefix(&tag).and_then(|l| l.strip_prefix(' ')) {
                return Ok((CommandEnd::tagged(rest), untagged));
            } else if word(&line, 1) == "BYE" {
                return Err(closed(&self.lines.server, TroubleKind::Busy, &line));
            } else {
                untagged.push(line);
            }
        }
        Err(does_not_end(&self.lines.server, doing))
    }
}

/// A server that says ever more beside its answer.
pub(super) fn does_not_end(server: &ServerAddress, doing: &str) -> Error {
    Error::new(
        TroubleKind::NotUnderstood,
        format!("{server} does not end its answer to {doing}"),
    )
}

/// The n-th word, in upper case.
fn word(line: &str, n: usize) -> String {
    let word = line.split_ascii_whitespace().nth(n).unwrap_or_default();
    word.to_ascii_uppercase()
}
