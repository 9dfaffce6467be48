//! What an operator types and sees: the command line, and answers in words.

pub(crate) mod report;
