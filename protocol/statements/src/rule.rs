//! Which rules of the protocol are in force: all of them.
//!
//! A rule that no test would miss is a rule that somebody removes by accident. So each condition
//! of protocol 5 asks [`in_force`] under a name of its own; `cargo xtask mutants` makes one build
//! with the feature `mutants`, takes away one rule after the other, and expects a test to fail each
//! time. Without the feature, which no program is built with, this is the constant `true`.

#[cfg(feature = "mutants")]
mod removed;

/// Whether the rule of this name is in force.
#[cfg(not(feature = "mutants"))]
#[must_use]
#[inline(always)]
pub const fn in_force(_name: &'static str) -> bool {
    true
}

/// Whether the rule of this name is in force: it is, unless `TRADEPOST_MUTANT` names it.
#[cfg(feature = "mutants")]
#[must_use]
pub fn in_force(name: &'static str) -> bool {
    !removed::is(name)
}
