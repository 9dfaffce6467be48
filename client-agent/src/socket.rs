//! The daemon's door for the commands: a Unix socket that only its owner can open, and lines of
//! JSON on it: a [`Call`] for a request, a [`Reply`] for its answer, as many as the caller wants.

use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tradepost_post::stop::Stop;

use crate::office::Office;
use crate::request::Request;

/// A socket's path must fit into `sockaddr_un`, on every system that has them.
const LONGEST_PATH: usize = 103;

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

/// Where the socket of a data folder is: in the folder, or, where that path is too long, in the
/// person's runtime folder under a name made from it.
pub(crate) fn path_for(data: &Path) -> io::Result<PathBuf> {
    let data = data.canonicalize().unwrap_or_else(|_| data.to_owned());
    let inside = data.join("socket");
    if inside.as_os_str().len() <= LONGEST_PATH {
        return Ok(inside);
    }
    let owner = std::fs::metadata(&data)?.uid();
    let runtime = std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|d| d.is_absolute());
    let folder = match runtime {
        Some(runtime) => runtime.join("tradepost"),
        None => std::env::temp_dir().join(format!("tradepost-{owner}")),
    };
    Ok(folder.join(format!(
        "{:016x}",
        fingerprint(data.as_os_str().as_encoded_bytes())
    )))
}

/// FNV-1a: the daemon and the commands need the same name for the same folder, nothing more.
fn fingerprint(octets: &[u8]) -> u64 {
    octets.iter().fold(0xcbf2_9ce4_8422_2325, |hash, b| {
        (hash ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Opens the door. The caller has the ledger's lock, so a socket that lies there is a dead one.
pub(crate) fn listen(data: &Path) -> io::Result<UnixListener> {
    let path = path_for(data)?;
    if let Some(folder) = path.parent().filter(|f| !f.exists()) {
        std::fs::DirBuilder::new()
            .mode(0o700)
            .recursive(true)
            .create(folder)?;
    }
    if let Some(folder) = path.parent() {
        let found = std::fs::metadata(folder)?;
        if found.mode() & 0o077 != 0 || found.uid() != std::fs::metadata(data)?.uid() {
            let text = format!("the folder {} is not yours alone", folder.display());
            return Err(io::Error::new(ErrorKind::PermissionDenied, text));
        }
    }
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    // The folder is private, so nobody comes in before the mode is set.
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers whoever comes, until asked to stop.
pub(crate) async fn serve(listener: UnixListener, office: Arc<Office>, mut stop: Stop) {
    loop {
        let caller = tokio::select! {
            caller = listener.accept() => caller,
            () = stop.stopped() => return,
        };
        match caller {
            Ok((stream, _)) => {
                tokio::spawn(converse(stream, Arc::clone(&office)));
            }
            Err(e) => {
                tracing::warn!("a command could not be answered: {e}");
                // Out of file descriptors: wait rather than spin.
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
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
        let path = match path_for(data) {
            Ok(path) => path,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        match UnixStream::connect(&path).await {
            Ok(stream) => {
                let (read, write) = stream.into_split();
                Ok(Some(Daemon {
                    read: BufReader::new(read),
                    write,
                }))
            }
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    /// Asks; the error is in words for the person. [`Ended`] when the daemon ended meanwhile.
    pub(crate) async fn ask(&mut self, request: Request) -> anyhow::Result<String> {
        let call = Call {
            version: VERSION.to_owned(),
            request,
        };
        write_line(&mut self.write, &call).await?;
        let line = read_line(&mut self.read).await?;
        let line =
            line.ok_or_else(|| anyhow::anyhow!("the daemon ended before it answered; try again"))?;
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

async fn write_line<T: Serialize>(to: &mut OwnedWriteHalf, value: &T) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    to.write_all(&line).await
}
