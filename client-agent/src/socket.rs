//! What is said at the daemon's door (`tradepost_post::door`): lines of JSON, a [`Call`] for a
//! request, a [`Reply`] for its answer, as many as the caller wants.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tradepost_post::door::{self, Door, write_line};
use tradepost_post::stop::Stop;

use crate::office::Office;
use crate::request::Request;

/// No line is longer: an import sends letters of 10 MiB and more in base64.
const LONGEST_LINE: u64 = 256 * 1024 * 1024;

/// Program versions that do not know each other's requests do not talk.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A line to the daemon.
#[derive(Serialize, Deserialize)]
struct Call {
    version: String,
    request: Request,
}

/// A line from the daemon.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Reply {
    /// JSON, ready to be printed.
    Answer(String),
    /// In words.
    Refused(String),
}

/// Answers whoever comes, until asked to stop.
pub(crate) async fn serve(door: Door, office: Arc<Office>, stop: Stop) {
    door.let_in(stop, |stream| converse(stream, Arc::clone(&office)))
        .await;
}

async fn converse(stream: UnixStream, office: Arc<Office>) {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    // The caller's end is no fault: it may be gone before its answer is ready.
    while let Ok(Some(line)) = read_line(&mut read).await {
        let reply = match serde_json::from_str::<Call>(&line) {
            Ok(call) if call.version == VERSION => match office.ask(call.request).await {
                Ok(answer) => Reply::Answer(answer),
                Err(e) => Reply::Refused(e.to_string()),
            },
            _ => Reply::Refused(format!(
                "the daemon that runs is version {VERSION}; restart it, so that it is the version of this command"
            )),
        };
        if write_line(&mut write, &reply).await.is_err() {
            return;
        }
    }
}

/// The daemon ended before it answered; whether it did what was asked is not known.
#[derive(Debug, thiserror::Error)]
#[error("the daemon ended before it answered; look whether it was done, and try again")]
pub(crate) struct Ended;

/// A daemon that was found.
pub(crate) struct Daemon {
    read: BufReader<OwnedReadHalf>,
    write: OwnedWriteHalf,
}

impl Daemon {
    /// The daemon of a data folder; none when none runs.
    pub(crate) async fn find(data: &Path) -> io::Result<Option<Daemon>> {
        Ok(door::connect(data).await?.map(|stream| {
            let (read, write) = stream.into_split();
            Daemon {
                read: BufReader::new(read),
                write,
            }
        }))
    }

    /// Asks; the error is in words for the person. [`Ended`] when the daemon ended meanwhile.
    pub(crate) async fn ask(&mut self, request: Request) -> anyhow::Result<String> {
        let call = Call {
            version: VERSION.to_owned(),
            request,
        };
        // A daemon that ends cuts the conversation anywhere.
        let asked = write_line(&mut self.write, &call).await;
        asked.map_err(|_| Ended)?;
        let line = read_line(&mut self.read).await.ok().flatten();
        let line = line.ok_or(Ended)?;
        match serde_json::from_str(&line)? {
            Reply::Answer(answer) => Ok(answer),
            Reply::Refused(text) => Err(anyhow::anyhow!(text)),
        }
    }
}

async fn read_line(from: &mut BufReader<OwnedReadHalf>) -> io::Result<Option<String>> {
    let mut line = String::new();
    let read = from.take(LONGEST_LINE).read_line(&mut line).await?;
    match (read, line.pop()) {
        (0, _) => Ok(None),
        (_, Some('\n')) => Ok(Some(line)),
        _ => Err(io::Error::new(ErrorKind::InvalidData, "a line was cut off")),
    }
}
