//! What a person types and sees: the command line, the questions of an order, and answers in words.

pub(crate) mod cli;
pub(crate) mod commands;
pub(crate) mod report;

pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod rebuild;

mod ordering;
