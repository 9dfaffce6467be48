//! `[imap]` and `[smtp]`: the mailbox, and the way out.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::duration::Span;
use super::environment::EnvironmentToml;
use super::secret::{SecretToml, Section};
use super::source::{ConfigError, Source};
use tradepost_post::imap::{self, SentFolder, Watch};
use tradepost_post::net::{Tls, is_loopback};
use tradepost_post::smtp;

/// The section `[imap]`: the mailbox, its login, what of it is read, and how patiently.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImapToml {
    host: Spanned<String>,
    port: Option<Spanned<u16>>,
    tls: Option<Spanned<Tls>>,
    user: Option<String>,
    password_file: Option<Spanned<PathBuf>>,
    password_env: Option<Spanned<String>>,
    password_command: Option<Spanned<String>>,
    env_clear: Option<Spanned<bool>>,
    env: Option<Spanned<Vec<String>>>,
    ca_file: Option<Spanned<PathBuf>>,
    folders: Option<Spanned<Vec<String>>>,
    sent: Option<Spanned<String>>,
    since: Option<Span>,
    poll: Option<Span>,
    timeout: Option<Span>,
    retry_first: Option<Span>,
    retry_longest: Option<Span>,
}

/// The section `[smtp]`: the submission server, its login, and how much goes to it at once.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpToml {
    host: Spanned<String>,
    port: Option<Spanned<u16>>,
    tls: Option<Spanned<Tls>>,
    user: Option<String>,
    password_file: Option<Spanned<PathBuf>>,
    password_env: Option<Spanned<String>>,
    password_command: Option<Spanned<String>>,
    env_clear: Option<Spanned<bool>>,
    env: Option<Spanned<Vec<String>>>,
    ca_file: Option<Spanned<PathBuf>>,
    timeout: Option<Span>,
    send_timeout: Option<Span>,
    connections: Option<Spanned<usize>>,
}

/// The first scan of a mailbox goes back so far.
const SINCE: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// More connections than this help nobody, and providers close them.
const MOST_CONNECTIONS: usize = 64;

impl ImapToml {
    /// Refuses what cannot work, without asking for the password.
    ///
    /// # Errors
    /// [`ConfigError::At`].
    pub fn check(&self, source: &Source) -> Result<(), ConfigError> {
        self.server().check(source)?;
        if let Some(folders) = &self.folders
            && (folders.get_ref().is_empty() || folders.get_ref().iter().any(String::is_empty))
        {
            return Err(source.wrong(
                folders,
                "folders: name at least one, such as [\"INBOX\"], or leave it out",
            ));
        }
        match &self.sent {
            Some(sent) if sent.get_ref().is_empty() => Err(source.wrong(
                sent,
                "sent: give the folder's name, or \"auto\", or \"off\"",
            )),
            _ => Ok(()),
        }
    }

    /// How to get at the mailbox. Reads the password where that asks nobody ([`SecretToml::password`]).
    ///
    /// # Errors
    /// [`ConfigError::At`].
    pub fn settings(
        &self,
        source: &Source,
        default_user: &str,
    ) -> Result<imap::ImapSettings, ConfigError> {
        self.check(source)?;
        let server = self.server();
        let user = self.user.as_deref().unwrap_or(default_user);
        let password = server.secret.password(source, server.section())?;
        let mut settings = imap::ImapSettings::new(
            self.host.get_ref(),
            server.port(),
            server.tls(),
            user,
            password,
        );
        settings.ca_file = server.ca_file(source);
        if let Some(timeout) = self.timeout {
            settings.timeout = timeout.duration();
        }
        Ok(settings)
    }

    /// What to read there, and how patiently; cursors, `since` and `once` are the caller's.
    #[must_use]
    pub fn watch(&self) -> Watch {
        let mut watch = Watch::default();
        if let Some(folders) = &self.folders {
            watch.folders.clone_from(folders.get_ref());
        }
        watch.sent = match self.sent.as_ref().map(|s| s.get_ref().as_str()) {
            None | Some("auto") => SentFolder::Auto,
            Some("off") => SentFolder::Off,
            Some(name) => SentFolder::Named(name.to_owned()),
        };
        for (wanted, span) in [
            (&mut watch.poll, self.poll),
            (&mut watch.retry_first, self.retry_first),
            (&mut watch.retry_longest, self.retry_longest),
        ] {
            *wanted = span.map_or(*wanted, Span::duration);
        }
        watch
    }

    /// How far the first scan goes back.
    #[must_use]
    pub fn since(&self) -> Duration {
        self.since.map_or(SINCE, Span::duration)
    }

    fn server(&self) -> Server<'_> {
        Server {
            section: "[imap]",
            host: &self.host,
            port: self.port.as_ref(),
            usual_ports: [993, 143],
            tls: self.tls.as_ref(),
            ca_file: self.ca_file.as_ref(),
            secret: SecretToml {
                password_file: self.password_file.clone(),
                password_env: self.password_env.clone(),
                password_command: self.password_command.clone(),
                environment: EnvironmentToml {
                    env_clear: self.env_clear.clone(),
                    env: self.env.clone(),
                },
            },
        }
    }
}

impl SmtpToml {
    /// Refuses what cannot work, without asking for the password.
    ///
    /// # Errors
    /// [`ConfigError::At`].
    pub fn check(&self, source: &Source) -> Result<(), ConfigError> {
        self.server().check(source)?;
        match &self.connections {
            Some(n) if !(1..=MOST_CONNECTIONS).contains(n.get_ref()) => Err(source.wrong(
                n,
                format!("connections: a number from 1 to {MOST_CONNECTIONS}"),
            )),
            _ => Ok(()),
        }
    }

    /// How to submit letters. Reads the password where that asks nobody ([`SecretToml::password`]).
    ///
    /// # Errors
    /// [`ConfigError::At`].
    pub fn settings(
        &self,
        source: &Source,
        default_user: &str,
    ) -> Result<smtp::SmtpSettings, ConfigError> {
        self.check(source)?;
        let server = self.server();
        let user = self.user.as_deref().unwrap_or(default_user);
        let password = server.secret.password(source, server.section())?;
        let mut settings = smtp::SmtpSettings::new(
            self.host.get_ref(),
            server.port(),
            server.tls(),
            user,
            password,
        );
        settings.ca_file = server.ca_file(source);
        if let Some(timeout) = self.timeout {
            settings.timeout = timeout.duration();
        }
        if let Some(timeout) = self.send_timeout {
            settings.send_timeout = timeout.duration();
        }
        if let Some(connections) = &self.connections {
            settings.connections = *connections.get_ref();
        }
        Ok(settings)
    }

    fn server(&self) -> Server<'_> {
        Server {
            section: "[smtp]",
            host: &self.host,
            port: self.port.as_ref(),
            usual_ports: [465, 587],
            tls: self.tls.as_ref(),
            ca_file: self.ca_file.as_ref(),
            secret: SecretToml {
                password_file: self.password_file.clone(),
                password_env: self.password_env.clone(),
                password_command: self.password_command.clone(),
                environment: EnvironmentToml {
                    env_clear: self.env_clear.clone(),
                    env: self.env.clone(),
                },
            },
        }
    }
}

/// What both sections say of a server.
struct Server<'t> {
    section: &'static str,
    host: &'t Spanned<String>,
    port: Option<&'t Spanned<u16>>,
    /// Within TLS from the start, and without.
    usual_ports: [u16; 2],
    tls: Option<&'t Spanned<Tls>>,
    ca_file: Option<&'t Spanned<PathBuf>>,
    secret: SecretToml,
}

impl Server<'_> {
    fn section(&self) -> Section<'_> {
        Section {
            name: self.section,
            host: self.host,
        }
    }

    fn tls(&self) -> Tls {
        self.tls.map_or(Tls::Implicit, |tls| *tls.get_ref())
    }

    fn port(&self) -> u16 {
        let [implicit, other] = self.usual_ports;
        let usual = if self.tls() == Tls::Implicit {
            implicit
        } else {
            other
        };
        self.port.map_or(usual, |port| *port.get_ref())
    }

    fn ca_file(&self, source: &Source) -> Option<PathBuf> {
        self.ca_file.map(|file| source.beside(file.get_ref()))
    }

    fn check(&self, source: &Source) -> Result<(), ConfigError> {
        let host = self.host.get_ref();
        let fits = |c: char| !c.is_whitespace() && !c.is_control() && !"/@<>".contains(c);
        if host.is_empty() || !host.chars().all(fits) {
            return Err(source.wrong(
                self.host,
                "host: give the server's name, such as \"imap.home.example\"",
            ));
        }
        if let Some(port) = self.port.filter(|p| *p.get_ref() == 0) {
            return Err(source.wrong(port, "port: a number from 1 to 65535"));
        }
        if let Some(tls) = self.tls
            && *tls.get_ref() == Tls::None
            && !is_loopback(host)
        {
            return Err(source.wrong(
                tls,
                format!(
                    "tls = \"none\" would send the password and your letters to {host} in plain text; \
                     it is allowed to this computer only: use \"implicit\" or \"starttls\""
                ),
            ));
        }
        if let Some(file) = self.ca_file {
            let path = source.beside(file.get_ref());
            if let Err(e) = std::fs::File::open(&path) {
                return Err(source.wrong(file, format!("ca_file: {}: {e}", path.display())));
            }
        }
        self.secret.check(source, self.section())
    }
}
