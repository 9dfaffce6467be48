//! Work that blocks or computes, off the async threads.

use std::future::pending;
use std::panic::resume_unwind;

use tokio::task::{JoinError, spawn_blocking};

/// Does blocking work and waits for it. A panic in it is the caller's.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    joined(spawn_blocking(work)).await
}

/// What a task makes; a panic in it is the caller's. Never comes back where the task was cancelled: the
/// runtime ends then, and whoever waits ends with it.
pub async fn joined<T>(task: impl Future<Output = Result<T, JoinError>>) -> T {
    match task.await {
        Ok(done) => done,
        Err(broken) => match broken.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_cancelled) => pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test]
    async fn a_panic_is_the_callers_and_a_cancelled_task_panics_nobody() {
        assert_eq!(blocking(|| 7).await, 7);
        let task = tokio::spawn(async { blocking(|| resume_unwind(Box::new("broken"))).await });
        let broken = task.await.err().and_then(|e| e.try_into_panic().ok());
        assert!(broken.is_some_and(|panic| panic.is::<&str>()));
        let cancelled = tokio::spawn(pending::<()>());
        cancelled.abort();
        let waiting = timeout(Duration::from_millis(50), joined(cancelled));
        assert!(waiting.await.is_err());
    }
}
