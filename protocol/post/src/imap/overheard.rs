//! What async-imap keeps to itself of the commands that it follows on its own: words of a refusal, what was
//! said beside the answer, BYE. The mender takes it down on its way ([`super::mend`]).

/// The end of a command, and what was said before it.
#[derive(Debug, Default)]
pub(super) struct Overheard {
    /// The `*` lines before the end.
    pub(super) untagged: Vec<String>,
    /// None while there is none.
    pub(super) end: Option<CommandEnd>,
}

/// The answer to a command, or the end of the connection in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CommandEnd {
    pub(super) status: CommandStatus,
    /// What stands behind OK, NO or BAD; of BYE the whole line.
    pub(super) text: String,
}

impl Overheard {
    /// Lines beside an answer that are taken down; a server that says more of them does not end.
    pub(super) const MOST: usize = 1000;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CommandStatus {
    Ok,
    No,
    Bad,
    /// It ended the connection instead.
    Bye,
}

impl CommandEnd {
    /// Of a tagged line, its tag cut off.
    pub(super) fn tagged(rest: &str) -> CommandEnd {
        let (status, text) = rest.split_once(' ').unwrap_or((rest, ""));
        let status = match status.to_ascii_uppercase().as_str() {
            "OK" => CommandStatus::Ok,
            "NO" => CommandStatus::No,
            // Whatever it may mean, the command was not obeyed.
            _ => CommandStatus::Bad,
        };
        CommandEnd {
            status,
            text: text.to_owned(),
        }
    }

    pub(super) fn bye(line: String) -> CommandEnd {
        CommandEnd {
            status: CommandStatus::Bye,
            text: line,
        }
    }
}
