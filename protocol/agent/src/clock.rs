//! Where the time of day comes from: the system, or a test.

use std::fmt::Debug;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tradepost_statements::Time;

/// A source of the present time.
pub trait Clock: Send + Sync + Debug {
    /// The present time; it may go back where the clock is set.
    fn now(&self) -> Time;
}

/// The computer's clock, to the millisecond.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        let millis = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            // A computer whose clock was never set stands before 1970.
            Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
        };
        Time::from_unix_millis(millis)
    }
}

/// A clock that stands still until it is moved, for tests.
#[derive(Debug)]
pub struct ManualClock(Mutex<Time>);

impl ManualClock {
    /// A clock that shows `time`.
    #[must_use]
    pub fn new(time: Time) -> ManualClock {
        ManualClock(Mutex::new(time))
    }

    /// Shows `time` from now on.
    pub fn set(&self, time: Time) {
        *self.lock() = time;
    }

    /// Moves the clock on, by whole milliseconds.
    pub fn advance(&self, by: Duration) {
        let mut time = self.lock();
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        *time = Time::from_unix_millis(time.unix_millis().saturating_add(by));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Time> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        *self.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = ManualClock::new(Time::from_unix_millis(1_000));
        assert_eq!(clock.now().unix_millis(), 1_000);
        clock.advance(Duration::from_millis(250));
        assert_eq!(clock.now().unix_millis(), 1_250);
        clock.set(Time::from_unix_millis(5));
        assert_eq!(clock.now().unix_millis(), 5);
    }
}
