//! Work that only computes, on all cores and off the async threads.

use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;

use crate::blocking::joined;

/// What `work` makes of each item, in their order.
pub(super) async fn on_all_cores<T, R>(
    items: Vec<T>,
    work: impl Fn(T) -> R + Send + Sync + 'static,
) -> Vec<R>
where
    T: Send + 'static,
    R: Send + 'static,
{
    let count = items.len();
    let cores = available_parallelism().map_or(1, NonZero::get);
    let queue = Arc::new(Mutex::new(items.into_iter().enumerate()));
    let work = Arc::new(work);
    let workers: Vec<_> = (0..cores.min(count))
        .map(|_| {
            let (queue, work) = (Arc::clone(&queue), Arc::clone(&work));
            tokio::task::spawn_blocking(move || {
                let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                let mut done = Vec::new();
                while let Some((at, item)) = next() {
                    done.push((at, work(item)));
                }
                done
            })
        })
        .collect();
    let mut results = Vec::with_capacity(count);
    for worker in workers {
        results.extend(joined(worker).await);
    }
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}
