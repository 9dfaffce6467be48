//! What is printed: data and pages on standard output, lines for people on standard error. Whatever
//! was forgotten on its way here, nothing leaves that drives a terminal. A reader that has seen enough
//! (`| head -1`) closes the pipe: that ends the output, it is no fault.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

use tradepost_letters::untrusted;

/// Whether somebody still reads what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pipe {
    /// What was written was taken, so that more may be written.
    Open,
    /// Nobody reads any more; what follows need not be written.
    Closed,
}

/// Writes JSON, or another text for programs, and ends the line.
///
/// # Errors
/// The disk is full, say. Most commands have done what they were to do by then, and the error says so.
pub fn data(text: &str) -> io::Result<Pipe> {
    write(&untrusted::json(text))
}

/// The same for people: a line that is wider than the terminal goes on indented.
///
/// # Errors
/// As of [`data`].
pub fn page(text: &str) -> io::Result<Pipe> {
    write(&untrusted::page(text, known_width()))
}

fn write(text: &str) -> io::Result<Pipe> {
    match write_octets(&[text.as_bytes(), b"\n"]) {
        Ok(()) => Ok(Pipe::Open),
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(Pipe::Closed),
        Err(e) => {
            let text = format!(
                "standard output cannot be written: {e}; what the command was to do is done all the same"
            );
            Err(io::Error::new(e.kind(), text))
        }
    }
}

/// Writes a line of JSON that somebody waits for.
///
/// # Errors
/// It did not leave: unlike with [`data`], a closed pipe is a fault.
pub fn answer(text: &str) -> io::Result<()> {
    write_octets(&[untrusted::json(text).as_bytes(), b"\n"])
}

/// Writes octets as they are, such as a mail that another program sends on. They are the one output that
/// is not escaped: whoever asks for them takes them for what they are.
///
/// # Errors
/// They did not leave: unlike with [`data`], a closed pipe is a fault.
pub fn octets(octets: &[u8]) -> io::Result<()> {
    write_octets(&[octets])
}

fn write_octets(pieces: &[&[u8]]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for piece in pieces {
        out.write_all(piece)?;
    }
    out.flush()
}

/// Writes a line for people to standard error, if anybody is there to see it.
pub fn note(text: &str) {
    // Nobody is left to be told that this failed.
    let columns = known_width().filter(|_| io::stderr().is_terminal());
    let _ = writeln!(io::stderr().lock(), "{}", untrusted::page(text, columns));
}

/// Begins a line on standard error that a person goes on with.
pub(super) fn question(text: &str) -> io::Result<()> {
    let mut err = io::stderr().lock();
    write!(err, "{text}")?;
    err.flush()
}

/// Prints what somebody asked for who wants to know what the program can do, such as its help.
#[must_use]
pub fn help(program: &str, text: &str) -> ExitCode {
    match data(text.trim_end()) {
        Ok(Pipe::Open | Pipe::Closed) => ExitCode::SUCCESS,
        Err(e) => failed(program, &e),
    }
}

/// Says what is wrong with the command line: exit status 2.
#[must_use]
pub fn wrong_use(text: &str) -> ExitCode {
    note(text.trim_end());
    ExitCode::from(2)
}

/// Says why the program failed: exit status 1. What is quoted may come from a letter or a server.
#[must_use]
pub fn failed(program: &str, why: &dyn Display) -> ExitCode {
    let text = untrusted::message(&format!("{why:#}"));
    note(&format!("{program}: {text}"));
    ExitCode::FAILURE
}

/// The columns of the terminal that standard output is, or 80: what tables and paragraphs are laid out
/// for.
#[must_use]
pub fn width() -> usize {
    known_width().unwrap_or(80)
}

/// The same, none where standard output is no terminal, and `COLUMNS` does not say it either.
#[must_use]
pub fn known_width() -> Option<usize> {
    let asked = std::env::var("COLUMNS")
        .ok()
        .and_then(|c| c.parse().ok())
        .filter(|columns| *columns > 0);
    let found = if io::stdout().is_terminal() {
        comfy_table::Table::new().width().map(usize::from)
    } else {
        None
    };
    let known = asked.or(found.filter(|columns| *columns > 0));
    known.map(|columns| columns.clamp(40, 200))
}
