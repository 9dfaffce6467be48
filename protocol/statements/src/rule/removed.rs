//! The rule that a run of the tests does without; only in builds with the feature `mutants`.

use std::sync::OnceLock;

static REMOVED: OnceLock<Option<String>> = OnceLock::new();

pub(super) fn is(name: &str) -> bool {
    REMOVED
        .get_or_init(|| std::env::var("TRADEPOST_MUTANT").ok())
        .as_deref()
        == Some(name)
}
