//! How a running task is asked to end: a flag that many may wait for.

use tokio::sync::watch;

/// Asks every [`Stop`] made with it to end. Dropping the last one asks the same.
#[derive(Debug, Clone)]
pub struct Stopper(watch::Sender<bool>);

/// Held by the task that shall end when asked to.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

/// A new pair, of which either half may be cloned.
#[must_use]
pub fn channel() -> (Stopper, Stop) {
    let (asked, wait) = watch::channel(false);
    (Stopper(asked), Stop(wait))
}

impl Stopper {
    /// Asks all holders of the [`Stop`] to end. Asking again changes nothing.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Comes back once the end was asked for; at once if it already was.
    pub async fn stopped(&mut self) {
        // An error means that every Stopper is gone, which asks for the end too.
        let _ = self.0.wait_for(|asked| *asked).await;
    }

    /// Whether the end was asked for.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn everyone_who_waits_is_told_to_stop() {
        let (stopper, mut first) = super::channel();
        let mut second = first.clone();
        assert!(!first.is_stopped());
        stopper.stop();
        first.stopped().await;
        second.stopped().await;
        assert!(second.is_stopped());
    }

    #[tokio::test]
    async fn a_forgotten_stopper_stops_too() {
        let (stopper, mut stop) = super::channel();
        drop(stopper);
        stop.stopped().await;
        assert!(stop.is_stopped());
    }
}
