//! Waiting for news of the open folder.

use std::time::Duration;

use tokio::time::Instant;

use super::failure::{CommandFailure, unless_denied};
use super::session::Session;

/// Why the wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    /// Letters came.
    News,
    Elapsed,
    /// The server announces IDLE and refuses it: poll.
    NoIdle,
}

/// Idles at most that long. What was announced before IDLE began counts too.
pub(super) async fn idle(
    session: &mut Session,
    at_most: Duration,
) -> Result<Woken, CommandFailure> {
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

/// So many connections in a row that ended soon after IDLE began, and it is IDLE that is at fault.
const BREAKS: u32 = 3;

/// So long the server is asked now and then instead; afterwards IDLE is tried again, since the server
/// may only have been restarting.
const REST: Duration = Duration::from_secs(60 * 60);

/// How a server takes IDLE: one that ends the connection each time is better asked now and then.
#[derive(Debug, Default)]
pub(super) struct Idling {
    breaks: u32,
    rests_until: Option<Instant>,
}

impl Idling {
    /// Whether IDLE is left alone for the present.
    pub(super) fn rests(&self, now: Instant) -> bool {
        self.rests_until.is_some_and(|until| now < until)
    }

    /// An IDLE ended after that long; true when it is left alone from now on.
    pub(super) fn ended(
        &mut self,
        woken: &Result<Woken, CommandFailure>,
        after: Duration,
        lived: Duration,
        now: Instant,
    ) -> bool {
        match woken {
            Err(CommandFailure::Broken(_)) if after < lived => self.breaks += 1,
            // That letters were announced says nothing: the server may end the next one.
            Ok(Woken::News) if after < lived => {}
            Ok(_) | Err(_) => self.breaks = 0,
        }
        if self.breaks < BREAKS {
            return false;
        }
        // One more, after the rest, is enough then.
        self.breaks = BREAKS - 1;
        self.rests_until = Some(now + REST);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trouble::{Error, TroubleKind};

    const LIVED: Duration = Duration::from_secs(60);

    fn bye() -> Result<Woken, CommandFailure> {
        Err(CommandFailure::Broken(Error::new(TroubleKind::Lost, "bye")))
    }

    #[test]
    fn idle_is_left_alone_after_three_breaks_in_a_row_and_tried_again_later() {
        let (soon, late) = (Duration::from_secs(1), Duration::from_secs(300));
        let start = Instant::now();
        let mut idling = Idling::default();
        let mut ended = |woken, after, now| idling.ended(&woken, after, LIVED, now);
        assert!(!ended(bye(), soon, start));
        assert!(!ended(bye(), soon, start));
        // One that lived: servers end an IDLE after half an hour, and networks break.
        assert!(!ended(bye(), late, start));
        assert!(!ended(bye(), soon, start));
        assert!(!ended(Ok(Woken::News), soon, start));
        assert!(!ended(bye(), soon, start));
        assert!(ended(bye(), soon, start));
        assert!(idling.rests(start) && idling.rests(start + REST / 2));
        let after = start + REST;
        assert!(!idling.rests(after));
        assert!(idling.ended(&bye(), soon, LIVED, after));
        assert!(idling.rests(after));
        assert!(!idling.ended(&Ok(Woken::Elapsed), late, LIVED, after + REST));
        assert!(!idling.ended(&bye(), soon, LIVED, after + REST));
    }
}
