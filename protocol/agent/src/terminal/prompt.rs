//! Asking the person at a terminal: plain lines, so that it works on every terminal, and for those
//! who listen instead of looking. Questions go to standard error, since standard output is data.

use std::io::{self, BufRead, IsTerminal};

use tradepost_letters::untrusted;

use super::output;

/// The way to a person who reads and writes.
#[derive(Debug, Clone, Copy)]
pub struct Prompt(());

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// Standard error failed: nobody saw the question.
    #[error("the question could not be written: {0}")]
    Unwritten(io::Error),
    /// Standard input failed, which is not its end.
    #[error("standard input: {0}")]
    Unread(io::Error),
    /// The person ended the input.
    #[error("the input ended before everything was answered; nothing was done")]
    Ended,
}

impl Prompt {
    /// None where nobody sits at the terminal.
    #[must_use]
    pub fn here() -> Option<Prompt> {
        (io::stdin().is_terminal() && io::stderr().is_terminal()).then_some(Prompt(()))
    }

    /// Writes a text for the person to standard error, as [`output::note`] does.
    pub fn tell(self, text: &str) {
        output::note(text);
    }

    /// Asks for a line; `usual` is what an empty one means.
    ///
    /// # Errors
    /// [`PromptError`].
    pub fn ask(self, question: &str, usual: Option<&str>) -> Result<String, PromptError> {
        let usual = usual.unwrap_or_default();
        let shown = match usual {
            "" => String::new(),
            usual => format!(" [{}]", untrusted::show(usual)),
        };
        output::question(&format!("{question}{shown}: ")).map_err(PromptError::Unwritten)?;
        let mut line = String::new();
        let read = io::stdin()
            .lock()
            .read_line(&mut line)
            .map_err(PromptError::Unread)?;
        if read == 0 {
            output::note("");
            return Err(PromptError::Ended);
        }
        let said = line.trim();
        Ok(if said.is_empty() { usual } else { said }.to_owned())
    }

    /// Asks until the answer can be read.
    ///
    /// # Errors
    /// [`PromptError`].
    pub fn ask_for<T>(
        self,
        question: &str,
        usual: Option<&str>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, PromptError> {
        loop {
            match read(&self.ask(question, usual)?) {
                Ok(value) => return Ok(value),
                Err(what) => self.tell(&format!("  {}", untrusted::show(&what))),
            }
        }
    }

    /// Asks for a yes; anything but a yes is a no.
    ///
    /// # Errors
    /// [`PromptError`].
    pub fn agrees(self, question: &str) -> Result<bool, PromptError> {
        let said = self.ask(&format!("{question} [y/N]"), None)?;
        Ok(matches!(said.to_lowercase().as_str(), "y" | "yes"))
    }
}
