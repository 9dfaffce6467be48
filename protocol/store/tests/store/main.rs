//! The store as an agent sees it, through crashes, damage and other accidents.

#![allow(clippy::unwrap_used)]

mod checkpoints;
mod commits;
mod damage;
mod folder;
mod index;
mod killed;
mod shortened;
mod snapshot;
mod tally;
mod torn;
