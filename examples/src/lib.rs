//! Stories told with the programs of Tradepost; the end-to-end tests are in `tests/`.
//!
//! Nothing here is part of the product: a story starts the real programs and types what a person
//! would type. What the demo and the stories have in common is here, from the top down: the [`show`] that a
//! program puts on, the [`scene`] in which lines are typed, the [`stage`] with the processes, the [`part`] that
//! each of them plays, and the [`mail`] server between them.

pub mod mail;
pub mod part;
pub mod scene;
pub mod show;
pub mod stage;
