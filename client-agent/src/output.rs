//! Standard output, where data goes. A reader that has seen enough (`| head -1`) closes the pipe:
//! that ends the output, it is no fault.

use std::io::{self, ErrorKind, IsTerminal, Write};

/// Writes a text and ends the line; says whether anybody still reads.
pub(crate) fn line(text: &str) -> io::Result<Reader> {
    let mut out = io::stdout().lock();
    let written = out
        .write_all(text.as_bytes())
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush());
    match written {
        Ok(()) => Ok(Reader::Listens),
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(Reader::HasGone),
        Err(e) => Err(e),
    }
}

/// Writes a line for people to standard error, if anybody is there to see it.
pub(crate) fn note(text: &str) {
    // Nobody is left to be told that this failed.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Whether somebody still reads what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Yes.
    Listens,
    /// The pipe is closed.
    HasGone,
}

/// The columns of the terminal that standard output is, or 80.
pub(crate) fn width() -> usize {
    let asked = std::env::var("COLUMNS")
        .ok()
        .and_then(|c| c.parse().ok())
        .filter(|columns| *columns > 0);
    let found = if io::stdout().is_terminal() {
        comfy_table::Table::new().width().map(usize::from)
    } else {
        None
    };
    asked.or(found).unwrap_or(80).clamp(40, 200)
}
