//! What is printed: data and pages on standard output, lines for people on standard error. Whatever
//! was forgotten on its way here, nothing leaves that drives a terminal. A reader that has seen enough
//! (`| head -1`) closes the pipe: that ends the output, it is no fault.

use std::io::{self, ErrorKind, IsTerminal, Write};

use tradepost_letters::untrusted;

/// Writes JSON, or another text for programs, and ends the line; says whether anybody still reads.
/// Most commands have done what they were to do by then, and the error says so.
pub(crate) fn data(text: &str) -> io::Result<Reader> {
    write(&untrusted::json(text))
}

/// The same for people.
pub(crate) fn page(text: &str) -> io::Result<Reader> {
    write(&untrusted::page(text, known_width()))
}

fn write(text: &str) -> io::Result<Reader> {
    let mut out = io::stdout().lock();
    let written = out
        .write_all(text.as_bytes())
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush());
    match written {
        Ok(()) => Ok(Reader::Listens),
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(Reader::HasGone),
        Err(e) => {
            let text = format!(
                "standard output cannot be written: {e}; what the command was to do is done all the same"
            );
            Err(io::Error::new(e.kind(), text))
        }
    }
}

/// Writes a line for people to standard error, if anybody is there to see it.
pub(crate) fn note(text: &str) {
    // Nobody is left to be told that this failed.
    let columns = known_width().filter(|_| io::stderr().is_terminal());
    let _ = writeln!(io::stderr().lock(), "{}", untrusted::page(text, columns));
}

/// Whether somebody still reads what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Yes.
    Listens,
    /// The pipe is closed.
    HasGone,
}

/// The columns of the terminal that standard output is, or 80: what tables are laid out for.
pub(crate) fn width() -> usize {
    known_width().unwrap_or(80)
}

/// The same, none where standard output is no terminal, and `COLUMNS` does not say it either.
fn known_width() -> Option<usize> {
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
