//! A password that can change while a program runs: kept as long as logins succeed with it, and read
//! again from its source after one was refused.
//!
//! It is not read before each login, since a source may have to ask the person for it; and after a
//! refusal it is read once, at once, so that a password that was changed in time costs no wait.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tokio::time::sleep;

use crate::trouble::{Error, TroubleKind};

/// How often a source is read that costs nothing to read, after its password was refused.
const LOOK: Duration = Duration::from_secs(2);

/// Where a password comes from. Prints without it.
pub trait PasswordSource: fmt::Debug + Send + Sync {
    /// The key of the configuration that names it, such as `password_file`, for messages.
    fn key(&self) -> &'static str;

    /// Whether it may give another password later.
    fn rereading(&self) -> Rereading;

    /// Reads it.
    ///
    /// # Errors
    /// Why it can't be had now, in words; never with the password in it.
    fn read(&self) -> PasswordReading<'_>;
}

/// A password that is being read.
pub type PasswordReading<'s> =
    Pin<Box<dyn Future<Output = Result<SecretString, String>> + Send + 's>>;

/// Whether a source may give another password later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rereading {
    /// It stays what it is while the program runs.
    Never,
    /// It may, and reading it may ask somebody: only for the next login.
    AtLogin,
    /// It may, and reading it costs nothing.
    AtAnyTime,
}

/// A password and where it comes from. Clones share what was read. Prints as its source.
#[derive(Clone)]
pub struct Password(Arc<Inner>);

struct Inner {
    source: Box<dyn PasswordSource>,
    /// The section of the configuration that names it, such as `[imap]`.
    section: &'static str,
    current: Mutex<Current>,
}

#[derive(Default)]
struct Current {
    secret: Option<SecretString>,
    /// A login with it was refused: it is read again before the next.
    refused: bool,
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Password([redacted] by {:?})", self.0.source)
    }
}

/// A password that the program was given.
#[derive(Debug)]
struct Given;

impl PasswordSource for Given {
    fn key(&self) -> &'static str {
        "the password"
    }

    fn rereading(&self) -> Rereading {
        Rereading::Never
    }

    fn read(&self) -> PasswordReading<'_> {
        Box::pin(async { Err("is not there".to_owned()) })
    }
}

impl From<SecretString> for Password {
    fn from(secret: SecretString) -> Password {
        Password::new(Box::new(Given), "", Some(secret))
    }
}

impl Password {
    /// A password of this source, which a section of the configuration such as `[imap]` names; and the
    /// password itself where it was read already.
    #[must_use]
    pub fn new(
        source: Box<dyn PasswordSource>,
        section: &'static str,
        secret: Option<SecretString>,
    ) -> Password {
        let current = Current {
            secret,
            refused: false,
        };
        Password(Arc::new(Inner {
            source,
            section,
            current: Mutex::new(current),
        }))
    }

    /// The key of the configuration that says where it comes from, for messages.
    #[must_use]
    pub fn key(&self) -> &'static str {
        self.0.source.key()
    }

    /// The password; read now, if it was not read before or was refused.
    ///
    /// # Errors
    /// [`TroubleKind::NoPassword`]: it can't be had at present. Never with the password in it.
    pub async fn secret(&self) -> Result<SecretString, Error> {
        Ok(self.current().await?.0)
    }

    /// And whether it was read just now.
    async fn current(&self) -> Result<(SecretString, bool), Error> {
        let mut kept = self.0.current.lock().await;
        if let Some(secret) = kept.secret.as_ref().filter(|_| !kept.refused) {
            return Ok((secret.clone(), false));
        }
        let secret = self.read().await?;
        kept.secret = Some(secret.clone());
        kept.refused = false;
        Ok((secret, true))
    }

    /// Logs in with the password; where that is refused and by now there is another one, with that.
    pub(crate) async fn log_in<T, F>(
        &self,
        mut with: impl FnMut(SecretString) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let (secret, is_fresh) = self.current().await?;
        let refused = match with(secret.clone()).await {
            Err(e) if e.kind == TroubleKind::WrongPassword => e,
            done => return done,
        };
        match self.another_than(&secret, is_fresh).await {
            Some(other) => {
                let done = with(other.clone()).await;
                if matches!(&done, Err(e) if e.kind == TroubleKind::WrongPassword) {
                    self.another_than(&other, true).await;
                }
                done
            }
            None => Err(refused),
        }
    }

    /// Notes that this one was refused. One that was not read just now is read again, at once.
    async fn another_than(&self, refused: &SecretString, is_fresh: bool) -> Option<SecretString> {
        let mut kept = self.0.current.lock().await;
        let is = |secret: &SecretString| secret.expose_secret() == refused.expose_secret();
        // Another login has read it meanwhile.
        if let Some(other) = kept.secret.as_ref().filter(|s| !is(s) && !kept.refused) {
            return Some(other.clone());
        }
        if self.0.source.rereading() == Rereading::Never {
            return None;
        }
        kept.refused = true;
        if is_fresh {
            return None;
        }
        // What cannot be read now is told at the next login; this one was refused.
        let other = self.read().await.ok().filter(|s| !is(s))?;
        kept.secret = Some(other.clone());
        kept.refused = false;
        Some(other)
    }

    /// Comes back once the source holds another password than the one that was refused; never where
    /// reading it may ask somebody, or cannot give another.
    pub(crate) async fn changed(&self) {
        if self.0.source.rereading() != Rereading::AtAnyTime {
            return std::future::pending().await;
        }
        loop {
            sleep(LOOK).await;
            if let Ok(now) = self.read().await {
                let kept = self.0.current.lock().await;
                let same = |s: &SecretString| s.expose_secret() == now.expose_secret();
                if !kept.secret.as_ref().is_some_and(same) {
                    return;
                }
            }
        }
    }

    async fn read(&self) -> Result<SecretString, Error> {
        self.0.source.read().await.map_err(|why| {
            let (key, section) = (self.key(), self.0.section);
            let text = format!("the password can't be had now - {key} in {section}: {why}");
            Error::new(TroubleKind::NoPassword, text)
        })
    }
}
