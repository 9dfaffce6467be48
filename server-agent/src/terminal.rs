//! What an operator types and sees: the command line, and answers in words.

pub(crate) mod cli;
pub(crate) mod commands;

mod dkim_key;
mod report;
