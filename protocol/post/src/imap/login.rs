//! From the TCP connection to the logged-in session: by SASL where the server has that, else by LOGIN.

use async_imap::error::Error as ImapError;
use secrecy::{ExposeSecret, SecretString};

use super::capabilities::{Capabilities, capabilities_in};
use super::failure::broken;
use super::greeting::{Greeted, does_not_end, greet};
use super::mend::{ImapMender, TooMuch};
use super::overheard::{CommandEnd, CommandStatus, Overheard};
use super::sasl::Sasl;
use super::session::Session;
use super::{ImapSettings, TroubleKind};
use crate::net::filter::FilteredStream;
use crate::net::tls::TlsClient;
use crate::net::{ServerAddress, silent};
use crate::refusal::{Login, LoginRefusal, of_bye, of_imap};
use crate::trouble::Error;

type Client = async_imap::Client<FilteredStream<ImapMender>>;
type LoggedIn = async_imap::Session<FilteredStream<ImapMender>>;

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
    let Greeted {
        lines,
        greeting,
        capabilities,
    } = greet(settings, tls).await?;
    let stream = FilteredStream::new(lines.hand_over(b""), ImapMender::default());
    let attempt = Attempt {
        settings,
        server: settings.server(),
        password: &password,
        capabilities,
    };
    let (session, told) = attempt
        .log_in(Client::new(stream))
        .await
        .map_err(|e| e.without_login(&settings.user, &password))?;
    let mut session = Session::new(session, attempt.server, settings.timeout);
    session.introduce(told).await?;
    Ok((session, greeting))
}

/// One user, one password, one connection.
struct Attempt<'a> {
    settings: &'a ImapSettings,
    server: ServerAddress,
    password: &'a SecretString,
    /// What the server announces before the login.
    capabilities: Capabilities,
}

/// What the library made of it, and what the server said.
type LoginAnswer = (Result<LoggedIn, Client>, CommandEnd, Vec<String>);

impl Attempt<'_> {
    /// Also gives the capabilities, where the server told them on this occasion.
    async fn log_in(&self, client: Client) -> Result<(LoggedIn, Option<Capabilities>), Error> {
        let offers = |name: &str| self.capabilities.contains(name);
        let offers_oauth2 = offers("AUTH=XOAUTH2") || offers("AUTH=OAUTHBEARER");
        let may_log_in = !offers("LOGINDISABLED");
        let tried = if offers("AUTH=PLAIN") {
            let sasl = Sasl::plain(&self.settings.user, self.password);
            match self.authenticate(client, sasl).await? {
                (Err(client), end, _) if end.status == CommandStatus::Bad && may_log_in => {
                    self.login(client).await?
                }
                tried => tried,
            }
        } else if may_log_in {
            self.login(client).await?
        } else if offers_oauth2 {
            let refused = self.login_of(true);
            return Err(refused.refused(LoginRefusal::NeedsOAuth2, "LOGINDISABLED"));
        } else {
            return Err(Error::new(
                TroubleKind::LoginRefused,
                format!(
                    "{} takes no password on this connection (LOGINDISABLED) - check `tls` in [imap]",
                    self.server
                ),
            ));
        };
        let (session, end, untagged) = tried;
        match session {
            Ok(session) => {
                let told = capabilities_in(&end.text);
                let told = told.or_else(|| untagged.iter().find_map(|l| capabilities_in(l)));
                Ok((session, told))
            }
            Err(_) => {
                let refusal = match end.status {
                    CommandStatus::Bye => of_bye(&end.text),
                    CommandStatus::Ok | CommandStatus::No | CommandStatus::Bad => {
                        of_imap(&end.text, &untagged)
                    }
                };
                Err(self.login_of(offers_oauth2).refused(refusal, &end.text))
            }
        }
    }

    async fn authenticate(&self, mut client: Client, mut sasl: Sasl) -> Result<LoginAnswer, Error> {
        let argument = sasl.argument(self.capabilities.contains("SASL-IR"));
        client.get_mut().mender_mut().overhear();
        let done = client.authenticate(argument, sasl);
        self.follow("AUTHENTICATE", done).await
    }

    async fn login(&self, mut client: Client) -> Result<LoginAnswer, Error> {
        client.get_mut().mender_mut().overhear_login();
        let done = client.login(&self.settings.user, self.password.expose_secret());
        self.follow("LOGIN", done).await
    }

    async fn follow(
        &self,
        doing: &str,
        done: impl Future<Output = Result<LoggedIn, (ImapError, Client)>>,
    ) -> Result<LoginAnswer, Error> {
        let done = tokio::time::timeout(self.settings.timeout, done)
            .await
            .map_err(|_| silent(&self.server, doing))?;
        let (Overheard { untagged, end }, failure, done) = match done {
            Ok(mut session) => (overheard(session.get_mut()), None, Ok(session)),
            Err((e, mut client)) => (overheard(client.get_mut()), Some(e), Err(client)),
        };
        match (end, failure) {
            (Some(end), _) => Ok((done, end, untagged)),
            (None, Some(ImapError::Validate(_))) => Err(Error::new(
                TroubleKind::Configuration,
                "neither `user` nor the password in [imap] can hold the end of a line",
            )),
            (None, Some(ImapError::Io(e))) if e.get_ref().is_some_and(|e| e.is::<TooMuch>()) => {
                Err(does_not_end(&self.server, doing))
            }
            (None, failure) => Err(broken(
                &self.server,
                doing,
                &failure.unwrap_or(ImapError::ConnectionLost),
            )),
        }
    }

    fn login_of(&self, offers_oauth2: bool) -> Login<'_> {
        Login {
            server: &self.server,
            user: &self.settings.user,
            key: self.settings.password.key(),
            offers_oauth2,
        }
    }
}

fn overheard(stream: &mut FilteredStream<ImapMender>) -> Overheard {
    stream.mender_mut().overheard()
}
