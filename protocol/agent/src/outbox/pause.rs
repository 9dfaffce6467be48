//! What all letters of the account wait for: one trouble, told once, and tried by one letter at a time.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tradepost_statements::Time;

use super::Policy;
use tradepost_post::schedule::next_try;
use tradepost_post::smtp::Whose;

/// No letter is submitted until then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// When one letter tries whether it has passed.
    pub until: Time,
    /// How many such tries in a row have failed.
    pub failures: u32,
    /// Why, in words for people.
    pub text: String,
}

/// A server that is down, or a network, is tried again so soon: it costs nobody anything.
const SERVER_FIRST: Duration = Duration::from_secs(5);

impl Pause {
    /// After a letter that was not taken. None: that was this letter's own matter.
    #[must_use]
    pub(super) fn after(
        before: Option<&Pause>,
        whose: Whose,
        text: &str,
        now: Time,
        jitter: f64,
        policy: &Policy,
    ) -> Option<Pause> {
        let (first, longest) = match whose {
            Whose::Letter => return None,
            // Protocol 7.
            Whose::Account => (policy.first, policy.longest),
            // Other letters find out sooner than one letter may be tried again.
            Whose::Server => (policy.first.min(SERVER_FIRST), policy.first),
        };
        // Letters that were under way together fail together: that counts once.
        if let Some(before) = before.filter(|b| now < b.until) {
            return Some(before.clone());
        }
        let failures = before.map_or(0, |b| b.failures).saturating_add(1);
        let wait = next_try(failures, first, longest, jitter).max(Duration::from_millis(1));
        Some(Pause {
            until: now.plus(wait),
            failures,
            text: text.to_owned(),
        })
    }
}
