//! `emit`: lines of the merchant's own system go to whoever has the book, and each gets its answer.
//!
//! ```text
//! input ─► waiting ─► `run`, or the book itself ─► an answer ─► standard output ─► waits no more
//!             ▲                │
//!             └── it went away ┘   sent again: each line has its key, so that twice is once
//! ```
//!
//! The command counts itself: a line waits until its answer is written. What waits at the end is named,
//! and the status is not 0.

use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::io::{AsyncRead, AsyncWriteExt, BufReader};
use tokio::sync::mpsc::{self, error::TryRecvError};
use tradepost_agent::door::NoAnswer;
use tradepost_agent::rpc::{Caller, Unanswered};
use tradepost_agent::terminal::output::{self, note};

use crate::ask::{Finder, Holder};
use crate::book::BookHost;
use crate::config::Config;
use crate::intake::{self, EmitLine, LineAnswer, LineText, MOST_LINES};
use crate::question::{Ask, EmitReply, LineReader};

/// Lines that wait for their answers: enough that whoever has the book is never without.
const MOST_WAITING: usize = 4 * MOST_LINES;
/// And their octets, since a line may have a mebibyte.
const MOST_OCTETS: usize = 8 * 1024 * 1024;
/// Batches of lines that are read ahead.
const READ_AHEAD: usize = 2;
/// So long the command itself keeps the book, and so long it waits for more lines with the book in its
/// hands: `run` waits longer for it when it starts (`crate::book`).
const LONGEST_OWN: Duration = Duration::from_secs(5);
const LONGEST_IDLE: Duration = Duration::from_millis(200);
/// And so long it leaves the book to others then, who look for it more often.
const GIVE_WAY: Duration = Duration::from_millis(200);
/// So long a command that fails reads on, to be able to name the lines.
const LONGEST_LOOK: Duration = Duration::from_secs(2);
/// Octets that are given to `run` at once.
const SAID_AT_ONCE: usize = 64 * 1024;

/// Emits the lines of a file, or of standard input.
pub(crate) async fn emit(data: &Path, config: Config, file: &Path) -> anyhow::Result<ExitCode> {
    let mut emission = Emission::new(open(file).await?);
    let finder = Finder::new(data, config);
    let mut has_run = true;
    loop {
        let done = match finder.holder().await {
            Ok(Holder::Run(run)) => {
                has_run = true;
                emission.through(run, finder.patience()).await
            }
            Ok(Holder::Own(host)) => {
                has_run = false;
                emission.here(&host).await
            }
            Err(e) => Err(EmitFailure::ForGood(format!("{e:#}"))),
        };
        match done {
            Ok(EmitProgress::ToTheEnd) => break,
            Ok(EmitProgress::ToAPause) => tokio::time::sleep(GIVE_WAY).await,
            Err(EmitFailure::ByItsEnd(_)) if emission.may_go_on(finder.patience()) => {
                finder.pause().await;
            }
            Err(EmitFailure::ByItsEnd(why) | EmitFailure::ForGood(why)) => {
                bail!(emission.unanswered(&why).await)
            }
        }
        emission.await_lines().await;
    }
    if !has_run {
        note("`tradepost-server run` is not running: what is queued leaves when it starts");
    }
    if let Some(why) = emission.unread {
        bail!(
            "{} could not be read after line {}: {why}; the lines before have their answers",
            file.display(),
            emission.last
        );
    }
    Ok(if emission.all_accepted {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn open(file: &Path) -> anyhow::Result<Box<dyn AsyncRead + Unpin + Send>> {
    if file == Path::new("-") {
        let stdin = io::stdin().as_fd().try_clone_to_owned();
        let stdin = stdin.context("standard input cannot be read")?;
        return Ok(Box::new(tokio::fs::File::from_std(stdin.into())));
    }
    let opened = tokio::fs::File::open(file).await;
    Ok(Box::new(opened.with_context(|| {
        format!("cannot read {}", file.display())
    })?))
}

/// How far somebody came with the lines.
enum EmitProgress {
    ToTheEnd,
    /// Others may have the book now: `run` may want to start.
    ToAPause,
}

/// Why lines have no answers yet.
enum EmitFailure {
    /// Who had the book went away: somebody has it now, or will.
    ByItsEnd(String),
    /// Asking again would not help.
    ForGood(String),
}

struct Emission {
    input: mpsc::Receiver<io::Result<Vec<EmitLine>>>,
    has_ended: bool,
    /// Why the input ended early.
    unread: Option<String>,
    /// Lines without an answer, in their order.
    waiting: VecDeque<EmitLine>,
    /// The number of the last line that was read.
    last: u64,
    all_accepted: bool,
    /// When whoever had the book went away; none once a line was answered since.
    lost: Option<Instant>,
}

impl Emission {
    fn new(input: Box<dyn AsyncRead + Unpin + Send>) -> Emission {
        let (read, lines) = mpsc::channel(READ_AHEAD);
        tokio::spawn(async move {
            let mut lines = LineReader::new(BufReader::with_capacity(64 * 1024, input));
            loop {
                let batch = lines.batch().await;
                let is_last = batch.as_ref().map_or(true, Vec::is_empty);
                if batch.as_ref().is_ok_and(Vec::is_empty)
                    || read.send(batch).await.is_err()
                    || is_last
                {
                    return;
                }
            }
        });
        Emission {
            input: lines,
            has_ended: false,
            unread: None,
            waiting: VecDeque::new(),
            last: 0,
            all_accepted: true,
            lost: None,
        }
    }

    /// Has `run` take the lines, all that come.
    async fn through(
        &mut self,
        mut run: Caller,
        patience: Duration,
    ) -> Result<EmitProgress, EmitFailure> {
        run.ask::<_, serde_json::Value>(&Ask::Emit).await?;
        let (mut hearing, mut write) = run.into_parts();
        let mut said = SaidLines::default();
        let mut is_owed = false;
        loop {
            self.refuse_what_is_too_long(&mut said)?;
            said.take_up(&self.waiting);
            if self.has_ended && said.lines == self.waiting.len() && said.rest.is_empty() {
                // The end of the lines. Whether it arrives, the answers tell.
                let _ = write.shutdown().await;
                said.is_all = true;
            }
            let was_owed = std::mem::replace(&mut is_owed, said.is_all || said.lines > 0);
            if is_owed && !was_owed {
                hearing.await_from_now();
            }
            let has_room = self.has_room();
            tokio::select! {
                biased;
                told = hearing.answer(is_owed.then_some(patience)) => match told? {
                    EmitReply::Answer(answer) => {
                        said.answered += 1;
                        if answer.line != said.answered || said.lines == 0 {
                            return Err(NoAnswer::NotUnderstood.into());
                        }
                        said.lines -= 1;
                        self.answered(answer)?;
                    }
                    EmitReply::Done { answered } => {
                        let is_right = answered == said.answered;
                        return if is_right && said.is_all && self.waiting.is_empty() {
                            Ok(EmitProgress::ToTheEnd)
                        } else {
                            Err(NoAnswer::NotUnderstood.into())
                        };
                    }
                    EmitReply::Failed(why) => return Err(EmitFailure::ForGood(why)),
                    EmitReply::Stopping => return Err(EmitFailure::stopping()),
                },
                written = write.write(&said.rest), if said.has_listener && !said.rest.is_empty() => {
                    match written {
                        Ok(n) if n > 0 => drop(said.rest.drain(..n)),
                        // What it answered before it went is still heard.
                        Ok(_) | Err(_) => said.has_listener = false,
                    }
                }
                lines = self.input.recv(), if has_room => self.read(lines),
            }
        }
    }

    /// Takes the lines into the book, as long as they come.
    async fn here(&mut self, host: &Arc<BookHost>) -> Result<EmitProgress, EmitFailure> {
        let start = Instant::now();
        loop {
            self.read_what_is_there();
            if self.waiting.is_empty() {
                let more = tokio::time::timeout(LONGEST_IDLE, self.await_lines()).await;
                if self.waiting.is_empty() && self.has_ended {
                    return Ok(EmitProgress::ToTheEnd);
                }
                if more.is_err() {
                    return Ok(EmitProgress::ToAPause);
                }
            }
            if start.elapsed() > LONGEST_OWN {
                return Ok(EmitProgress::ToAPause);
            }
            let batch: Vec<EmitLine> = self.waiting.iter().take(MOST_LINES).cloned().collect();
            let answers = host.work(move |host| intake::take(host, &batch)).await;
            for answer in answers.map_err(|e| EmitFailure::ForGood(e.to_string()))? {
                self.answered(answer)?;
            }
        }
    }

    /// Waits until there is something to say, or nothing more comes.
    async fn await_lines(&mut self) {
        if self.waiting.is_empty() && !self.has_ended {
            let lines = self.input.recv().await;
            self.read(lines);
        }
    }

    /// Reads what is there of the input, without waiting.
    fn read_what_is_there(&mut self) {
        while self.has_room() {
            match self.input.try_recv() {
                Ok(lines) => self.read(Some(lines)),
                Err(TryRecvError::Disconnected) => self.read(None),
                Err(TryRecvError::Empty) => return,
            }
        }
    }

    fn has_room(&self) -> bool {
        let octets = |line: &EmitLine| match &line.text {
            LineText::Octets(octets) => octets.len(),
            LineText::TooLong => 0,
        };
        !self.has_ended
            && self.waiting.len() < MOST_WAITING
            && self.waiting.iter().map(octets).sum::<usize>() < MOST_OCTETS
    }

    fn read(&mut self, lines: Option<io::Result<Vec<EmitLine>>>) {
        match lines {
            Some(Ok(lines)) => {
                self.last = lines.last().map_or(self.last, |line| line.number);
                self.waiting.extend(lines);
            }
            Some(Err(e)) => {
                self.unread = Some(e.to_string());
                self.has_ended = true;
            }
            None => self.has_ended = true,
        }
    }

    /// `run` is not sent what it would refuse unread.
    fn refuse_what_is_too_long(&mut self, said: &mut SaidLines) -> Result<(), EmitFailure> {
        while let Some(line) = self.waiting.front()
            && matches!(line.text, LineText::TooLong)
        {
            said.lines = said.lines.saturating_sub(1);
            self.answered(LineAnswer::too_long(line.number))?;
        }
        Ok(())
    }

    /// Passes on the answer to the line that has waited longest.
    fn answered(&mut self, answer: LineAnswer) -> Result<(), EmitFailure> {
        let Some(line) = self.waiting.front() else {
            return Err(NoAnswer::NotUnderstood.into());
        };
        let answer = LineAnswer {
            line: line.number,
            ..answer
        };
        let written = serde_json::to_string(&answer)
            .map_err(io::Error::from)
            .and_then(|text| output::answer(&text));
        if let Err(e) = written {
            let text = format!("the answers cannot be written to standard output: {e}");
            return Err(EmitFailure::ForGood(text));
        }
        self.waiting.pop_front();
        self.all_accepted &= answer.accepted;
        self.lost = None;
        Ok(())
    }

    /// Whether somebody else may have the book soon: not for ever, where nothing is ever answered.
    fn may_go_on(&mut self, patience: Duration) -> bool {
        self.lost.get_or_insert_with(Instant::now).elapsed() < patience
    }

    /// What is said at the end of a command that could not go on.
    async fn unanswered(&mut self, why: &str) -> String {
        let rest = async {
            while self.has_room() {
                let lines = self.input.recv().await;
                self.read(lines);
            }
        };
        // Lines that are named are lines that were read; who writes more of them is not waited for.
        let _ = tokio::time::timeout(LONGEST_LOOK, rest).await;
        let numbers: Vec<u64> = self.waiting.iter().map(|line| line.number).collect();
        let mut which = ranges(&numbers);
        if !self.has_ended {
            if !which.is_empty() {
                which.push_str(", and ");
            }
            which.push_str(&format!("all lines after line {}", self.last));
        }
        if which.is_empty() {
            return format!(
                "{why}. Every line has its answer, but it was not said that these are all: to be sure, send the \
                 same lines again, with the same keys"
            );
        }
        format!(
            "{why}. Without an answer: {which}; nothing is known about them. Send the same lines again, with the \
             same keys: what was recorded is answered the same, and does nothing twice"
        )
    }
}

/// What one `run` was told of the lines that wait.
struct SaidLines {
    /// How many of them: the first ones.
    lines: usize,
    /// What is still to be written.
    rest: Vec<u8>,
    /// It still reads.
    has_listener: bool,
    /// It was told that no more come.
    is_all: bool,
    /// How many it has answered.
    answered: u64,
}

impl Default for SaidLines {
    fn default() -> SaidLines {
        SaidLines {
            lines: 0,
            rest: Vec::new(),
            has_listener: true,
            is_all: false,
            answered: 0,
        }
    }
}

impl SaidLines {
    fn take_up(&mut self, waiting: &VecDeque<EmitLine>) {
        while self.rest.len() < SAID_AT_ONCE
            && let Some(line) = waiting.get(self.lines)
        {
            // Of what is too long it hears nothing: see `refuse_what_is_too_long`.
            if let LineText::Octets(octets) = &line.text {
                self.rest.extend_from_slice(octets);
                self.rest.push(b'\n');
            }
            self.lines += 1;
        }
    }
}

impl EmitFailure {
    fn stopping() -> EmitFailure {
        EmitFailure::ByItsEnd("`tradepost-server run` is stopping".to_owned())
    }
}

impl From<Unanswered> for EmitFailure {
    fn from(why: Unanswered) -> EmitFailure {
        match why {
            Unanswered::Refused(why) | Unanswered::Failed(why) => EmitFailure::ForGood(why),
            Unanswered::Stopping => EmitFailure::stopping(),
            Unanswered::NoAnswer(why) => why.into(),
            Unanswered::Unsayable(why) => EmitFailure::ForGood(why.to_string()),
        }
    }
}

impl From<NoAnswer> for EmitFailure {
    fn from(why: NoAnswer) -> EmitFailure {
        let is_gone = why.is_gone();
        let text = format!("`tradepost-server run` did not answer all lines: {why}");
        if is_gone {
            EmitFailure::ByItsEnd(text)
        } else {
            EmitFailure::ForGood(text)
        }
    }
}

/// `line 3`, `lines 3-40`, `lines 3, 5-40`; empty where there are none.
fn ranges(numbers: &[u64]) -> String {
    /// Blank lines divide them; whoever has more looks at the first.
    const MOST: usize = 20;
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    let shown = ranges.iter().take(MOST).map(|(first, last)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        }
    });
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if let Some((_, last)) = ranges.last().filter(|_| ranges.len() > MOST) {
        text.push_str(&format!(", and others up to {last}"));
    }
    match numbers {
        [] => String::new(),
        [_] => format!("line {text}"),
        _ => format!("lines {text} ({} lines)", numbers.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_without_an_answer_are_named_in_short() {
        let rows: [(&[u64], &str); 4] = [
            (&[], ""),
            (&[3], "line 3"),
            (&[3, 4, 5], "lines 3-5 (3 lines)"),
            (&[3, 5, 6, 9], "lines 3, 5-6, 9 (4 lines)"),
        ];
        for (numbers, text) in rows {
            assert_eq!(ranges(numbers), text);
        }
        let odd: Vec<u64> = (0..100).map(|n| 2 * n + 1).collect();
        let text = ranges(&odd);
        assert!(text.contains("37, 39, and others up to 199"), "{text}");
    }
}
