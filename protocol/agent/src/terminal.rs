//! What people and programs at a terminal see of an agent: all that it prints leaves through here.
//! Standard output is data, standard error is for people, and nothing drives a terminal.
//!
//! What is said is the agent's own affair.

pub mod json;
pub mod output;
pub mod progress;
pub mod prompt;
pub mod table;
pub mod time;
pub mod wrap;
