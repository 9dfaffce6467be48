//! How the merchant's own system is run (E8).

use std::time::Duration;

/// How the merchant's own system is told and asked.
#[derive(Debug, Clone)]
pub struct FulfilmentSettings {
    /// The shop has a fulfilment system that is told of its trades; none: the operator is told by
    /// nobody, and tells what happens.
    pub fulfilment: Option<Fulfilment>,
    /// Before a job that failed is run again.
    pub retry_first: Duration,
    /// The longest such wait; each is twice the one before.
    pub retry_longest: Duration,
}

/// How the fulfilment system is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fulfilment {
    /// It is asked for progress that often, until the trade has ended; none: it tells by itself.
    pub progress_every: Option<Duration>,
}

impl Default for FulfilmentSettings {
    fn default() -> FulfilmentSettings {
        FulfilmentSettings {
            fulfilment: None,
            retry_first: Duration::from_secs(60),
            retry_longest: Duration::from_secs(6 * 3600),
        }
    }
}
