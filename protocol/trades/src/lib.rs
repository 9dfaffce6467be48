//! What every party of a trade knows of it: how rows are read and written, how statuses fold into
//! one state (protocol 4), what is kept of a letter for its judgement, what has been paid, and which names look alike. Pure.
//!
//! What is done about a statement is decided above: by `tradepost-buyer` and `tradepost-parties`.

pub mod fold;
pub mod ids;
pub mod letter;
pub mod lookalike;
pub mod paid;
pub mod rows;
