//! Asking the person at a terminal: plain lines, so that it works on every terminal, and for those
//! who listen instead of looking. Questions go to standard error, since standard output is data.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::{Context, bail};
use tradepost_letters::untrusted;

/// A person who reads and writes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Person(());

impl Person {
    /// Who sits at the terminal, if anybody does.
    pub(crate) fn here() -> Option<Person> {
        (io::stdin().is_terminal() && io::stderr().is_terminal()).then_some(Person(()))
    }

    /// Tells something.
    pub(crate) fn tell(self, text: &str) {
        crate::output::note(text);
    }

    /// Asks for a line; `usual` is what an empty one means.
    pub(crate) fn ask(self, question: &str, usual: Option<&str>) -> anyhow::Result<String> {
        let usual = usual.unwrap_or_default();
        let shown = match usual {
            "" => String::new(),
            usual => format!(" [{}]", untrusted::show(usual)),
        };
        let mut err = io::stderr().lock();
        write!(err, "{question}{shown}: ")
            .and_then(|()| err.flush())
            .context("the question could not be written")?;
        drop(err);
        let mut line = String::new();
        let read = io::stdin()
            .lock()
            .read_line(&mut line)
            .context("standard input")?;
        if read == 0 {
            crate::output::note("");
            bail!("the input ended before everything was answered; nothing was done");
        }
        let said = line.trim();
        Ok(if said.is_empty() { usual } else { said }.to_owned())
    }

    /// Asks until the answer can be read.
    pub(crate) fn ask_for<T>(
        self,
        question: &str,
        usual: Option<&str>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> anyhow::Result<T> {
        loop {
            match read(&self.ask(question, usual)?) {
                Ok(value) => return Ok(value),
                Err(what) => self.tell(&format!("  {}", untrusted::show(&what))),
            }
        }
    }

    /// Asks for a yes; anything but a yes is a no.
    pub(crate) fn agrees(self, question: &str) -> anyhow::Result<bool> {
        let said = self.ask(&format!("{question} [y/N]"), None)?;
        Ok(matches!(said.to_lowercase().as_str(), "y" | "yes"))
    }
}
