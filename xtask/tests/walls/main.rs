//! The walls of the house: what each crate may name, what its rooms may take from each other, and where the world
//! outside is touched. Each wall is read from the tree as it lies there, by `cargo metadata` or from the source
//! text, and each reader is shown a fault of its own, so that a wall that sees nothing fails too.
//!
//! [`house`] has the table of the crates: a new crate, or a new dependency between ours, is a line there.
#![allow(clippy::unwrap_used, missing_docs)]

mod house;

mod crates;
mod figures;
mod map;
mod modules;
mod names;
mod printing;
mod purity;
mod size;

mod circles;
mod imports;
mod sources;
mod tokens;
