//! Waiting for conditions, never for time.

use std::thread;
use std::time::{Duration, Instant};

/// Far longer than anything takes on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(120);
/// A look starts a process or two.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// Looks until `look` finds what it looks for. When that does not come, panics with `what`.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            Instant::now() < deadline,
            "waited {PATIENCE:?} in vain until {what}"
        );
        thread::sleep(BETWEEN_LOOKS);
    }
}
