//! Runs a program of the person or the merchant, with JSON on its standard input: at most for a
//! while, with bounded output, with no secret in its environment, and with all that it started ended
//! with it.

mod environment;

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

pub use environment::{Environment, NotPassedOn};

/// A program that can be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its name or path, and its arguments. The configuration has checked that there is a name.
    pub words: Vec<String>,
    /// The variables that it gets.
    pub environment: Environment,
}

/// What a program may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandLimits {
    /// After so long it is ended, with all that it started.
    pub time: Duration,
    /// Octets of its standard output; one that says more is ended.
    pub output: usize,
}

/// A program that has ended.
#[derive(Debug)]
pub struct Ran {
    /// Its standard output, or why that does not count.
    pub output: Result<Vec<u8>, Failed>,
    /// The beginning of what it said on standard error. Untrusted: escape it before it is shown.
    pub errors: String,
}

/// Why a program's output does not count.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// There is no such program, or it may not be run.
    #[error("{program} could not be started: {error}")]
    NotStarted {
        /// As configured.
        program: String,
        /// The system's words.
        error: io::Error,
    },
    /// It says itself that it failed, or was ended from outside.
    #[error("it ended with {0}")]
    Status(ExitStatus),
    /// It ran for longer than [`CommandLimits::time`].
    #[error("it was ended after {0:?}, its timeout")]
    TimedOut(Duration),
    /// It wrote more to its standard output than [`CommandLimits::output`].
    #[error("it was ended because it wrote more than {0} octets")]
    TooMuchOutput(usize),
    /// Its output could not be read.
    #[error("its output could not be read: {0}")]
    Unreadable(io::Error),
}

/// Octets of standard error that are kept: some lines. The rest is read and thrown away, so that no
/// program stops because nobody reads it.
const ERRORS_KEPT: usize = 8 * 1024;

/// What a program started itself may hold its output open after its end; so long it is waited for.
const AFTERWARDS: Duration = Duration::from_secs(2);

/// Runs a program and its arguments, without a shell. Given up before its end, it is ended.
pub async fn run(program: &Program, input: &[u8], limits: CommandLimits) -> Ran {
    let mut output = Vec::new();
    let mut errors = Vec::new();
    let ended = match timeout(
        limits.time,
        converse(program, input, limits.output, &mut output, &mut errors),
    )
    .await
    {
        Ok(ended) => ended,
        Err(_) => Err(Failed::TimedOut(limits.time)),
    };
    Ran {
        output: ended.map(|()| output),
        errors: String::from_utf8_lossy(&errors).into_owned(),
    }
}

/// The process group that a program leads: ended when this is dropped, unless the program has ended
/// by itself; its number could be another's by then.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // One that is gone already is as good as ended.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

async fn converse(
    program: &Program,
    input: &[u8],
    most: usize,
    output: &mut Vec<u8>,
    errors: &mut Vec<u8>,
) -> Result<(), Failed> {
    let Program { words, environment } = program;
    let (program, arguments) = words.split_first().map_or(("", &[][..]), |(p, a)| (p, a));
    let not_started = |error| Failed::NotStarted {
        program: program.to_owned(),
        error,
    };
    let mut child = tokio::process::Command::from(environment.command(program))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(not_started)?;
    let leader = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
    let mut group = Group(leader);
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let talk = async {
        let say = async {
            if let Some(mut stdin) = stdin {
                // A program need not read what it is told.
                let _ = stdin.write_all(input).await;
            }
            Ok(())
        };
        let hear = listen(stdout, output, most);
        let complaints = drain(stderr, errors);
        tokio::try_join!(say, hear, complaints).map(|_| ())
    };
    tokio::pin!(talk);
    let status = tokio::select! {
        talked = &mut talk => {
            talked?;
            child.wait().await
        }
        status = child.wait() => {
            group.0 = None;
            // After that, what it said was read; others only keep the line open.
            if let Ok(talked) = timeout(AFTERWARDS, talk).await {
                talked?;
            }
            status
        }
    };
    group.0 = None;
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failed::Status(status)),
        Err(error) => Err(Failed::Unreadable(error)),
    }
}

async fn listen(
    from: Option<impl AsyncRead + Unpin>,
    into: &mut Vec<u8>,
    most: usize,
) -> Result<(), Failed> {
    let Some(from) = from else { return Ok(()) };
    let one_more = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let mut from = from.take(one_more);
    from.read_to_end(into).await.map_err(Failed::Unreadable)?;
    if into.len() > most {
        return Err(Failed::TooMuchOutput(most));
    }
    Ok(())
}

async fn drain(from: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>) -> Result<(), Failed> {
    let Some(mut from) = from else { return Ok(()) };
    let mut part = vec![0; 4096];
    loop {
        // What cannot be read of its complaints is no fault of its answer.
        let n = from.read(&mut part).await.unwrap_or(0);
        if n == 0 {
            return Ok(());
        }
        let room = ERRORS_KEPT.saturating_sub(into.len()).min(n);
        into.extend_from_slice(part.get(..room).unwrap_or_default());
    }
}
