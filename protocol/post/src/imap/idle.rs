//! Waiting for news of the open folder.

use std::time::Duration;

use super::failure::{Failure, unless_denied};
use super::session::Session;

/// Why the wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    /// Letters came.
    News,
    /// The time is up.
    Elapsed,
    /// The server announces IDLE and refuses it: poll.
    NoIdle,
}

/// Idles at most that long. What was announced before IDLE began counts too.
pub(super) async fn idle(session: &mut Session, at_most: Duration) -> Result<Woken, Failure> {
    if session.news {
        return Ok(Woken::News);
    }
    let Some(tag) = unless_denied(session.idle_begin().await)? else {
        return Ok(Woken::NoIdle);
    };
    let woken = match tokio::time::timeout(at_most, session.idle_wait()).await {
        Ok(news) => news.map(|()| Woken::News)?,
        Err(_) => Woken::Elapsed,
    };
    session.idle_end(&tag).await?;
    Ok(woken)
}
