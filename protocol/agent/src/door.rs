//! The door of a running agent for its commands: a Unix socket that only its owner can open.
//!
//! What is said there is the agent's own; here is only where the socket lies, who may come, and
//! how callers are let in. Whoever listens has the lock of the data folder, so there is one door
//! for a folder, and a socket that lies there while nobody has the lock is a dead one.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use tradepost_post::stop::Stop;

pub use talk::{Hearing, NoAnswer, PATIENCE, ask, line_of, work_aloud};

mod talk;

/// A socket's path must fit into `sockaddr_un`, on every system that has them.
const LONGEST_PATH: usize = 103;

/// In the data folder: the socket, or, where that path would be too long, a symbolic link to it.
const NAME: &str = "socket";

/// An open door. Dropping it closes it and takes its socket away.
#[derive(Debug)]
pub struct Door {
    listener: UnixListener,
    /// The socket, and the link to it where there is one.
    paths: Vec<PathBuf>,
}

impl Door {
    /// Opens the door of a data folder. The caller has the folder's lock.
    ///
    /// # Errors
    /// Where no socket can be made, or the folder that it would lie in is not its owner's alone.
    pub fn open(data: &Path) -> io::Result<Door> {
        let data = data.canonicalize()?;
        let link = data.join(NAME);
        remove(&link)?;
        let path = socket_for(&data)?;
        private_for(&path, &data, Missing::Make)?;
        remove(&path)?;
        // The folder is private, so nobody comes in before the mode is set.
        let listener = UnixListener::bind(&path)?;
        let mut door = Door {
            listener,
            paths: vec![path.clone()],
        };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        if path != link {
            std::os::unix::fs::symlink(&path, &link)?;
            door.paths.push(link);
        }
        Ok(door)
    }

    /// Lets callers in, each in a task of its own, until asked to stop. Then those who have knocked
    /// already are let in too, and all are given a while to be told so: `converse` says it, and ends.
    pub async fn let_in<F>(mut self, mut stop: Stop, mut converse: impl FnMut(UnixStream) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        /// What was begun is answered; a caller who does not listen is not waited for.
        const LAST_WORDS: Duration = Duration::from_secs(10);
        let mut talks = JoinSet::new();
        loop {
            let caller = tokio::select! {
                caller = self.listener.accept() => caller,
                Some(_) = talks.join_next() => continue,
                () = stop.stopped() => break,
            };
            match caller {
                Ok((stream, _)) => {
                    talks.spawn(converse(stream));
                }
                Err(e) => {
                    tracing::warn!("a command could not be answered: {e}");
                    // Out of file descriptors: wait rather than spin.
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
        self.take_away();
        while let Poll::Ready(Ok((stream, _))) = self
            .listener
            .poll_accept(&mut Context::from_waker(Waker::noop()))
        {
            talks.spawn(converse(stream));
        }
        let all = async { while talks.join_next().await.is_some() {} };
        if timeout(LAST_WORDS, all).await.is_err() {
            tracing::warn!("commands that did not listen were not answered");
        }
    }

    /// Removes the paths to the socket, so that nobody comes any more.
    fn take_away(&mut self) {
        for path in self.paths.drain(..) {
            // A socket that is left behind is taken for a dead one; this is only tidier.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.take_away();
    }
}

/// Comes to the door of a data folder; none when nobody listens there.
///
/// # Errors
/// Where somebody may listen, but is not to be trusted or cannot be asked; or lets nobody in for so
/// long.
pub async fn connect(data: &Path, patience: Duration) -> io::Result<Option<UnixStream>> {
    let start = Instant::now();
    loop {
        match knock(data).await {
            // As many as may wait before the door do (listen(2)): it is busy, or hangs.
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                if start.elapsed() >= patience {
                    let text = NoAnswer::Silent(patience).to_string();
                    return Err(io::Error::new(ErrorKind::TimedOut, text));
                }
                sleep(Duration::from_millis(20)).await;
            }
            other => return other,
        }
    }
}

async fn knock(data: &Path) -> io::Result<Option<UnixStream>> {
    let inside = match data.canonicalize() {
        Ok(data) => data.join(NAME),
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let path = match std::fs::read_link(&inside) {
        Ok(path) => path,
        // No link: the socket itself, or nothing.
        Err(e) if e.kind() == ErrorKind::InvalidInput => inside,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    if !path.exists() {
        return Ok(None);
    }
    // In a folder of others, anybody could answer.
    match private_for(&path, data, Missing::Refuse) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        other => other?,
    }
    match UnixStream::connect(&path).await {
        Ok(stream) => Ok(Some(stream)),
        // Reset: it was let in by nobody, since who listened has just gone.
        Err(e)
            if matches!(
                e.kind(),
                ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset
            ) =>
        {
            Ok(None)
        }
        Err(e) => Err(e),
    }
}

/// Writes a value as a line of JSON.
///
/// # Errors
/// What the stream says.
pub async fn write_line<T: Serialize>(
    to: &mut (impl AsyncWrite + Unpin),
    value: &T,
) -> io::Result<()> {
    to.write_all(&line_of(value)?).await?;
    to.flush().await
}

/// In the folder, or, where that path is too long, in the owner's runtime folder or a folder of
/// the owner's among the temporary ones, under a name made from it.
fn socket_for(data: &Path) -> io::Result<PathBuf> {
    let name = format!("{:016x}", fingerprint(data.as_os_str().as_encoded_bytes()));
    let owner = std::fs::metadata(data)?.uid();
    let runtime = std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|d| d.is_absolute())
        .map(|d| d.join("tradepost").join(&name));
    let temporary = std::env::temp_dir().join(format!("tradepost-{owner}"));
    [Some(data.join(NAME)), runtime, Some(temporary.join(&name))]
        .into_iter()
        .flatten()
        .find(|path| path.as_os_str().len() <= LONGEST_PATH)
        .ok_or_else(|| {
            let text = format!(
                "no path for a socket is short enough; set TMPDIR to a folder with a short name, such as /tmp \
                 (it is {})",
                std::env::temp_dir().display()
            );
            io::Error::new(ErrorKind::InvalidInput, text)
        })
}

/// FNV-1a: a short name of its own for every data folder, nothing more.
fn fingerprint(octets: &[u8]) -> u64 {
    octets.iter().fold(0xcbf2_9ce4_8422_2325, |hash, b| {
        (hash ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3)
    })
}

enum Missing {
    Make,
    Refuse,
}

/// Refuses a folder for the socket that does not belong to the data folder's owner alone.
fn private_for(socket: &Path, data: &Path, missing: Missing) -> io::Result<()> {
    let Some(folder) = socket.parent() else {
        return Ok(());
    };
    if matches!(missing, Missing::Make) && !folder.exists() {
        std::fs::DirBuilder::new()
            .mode(0o700)
            .recursive(true)
            .create(folder)?;
    }
    let found = std::fs::symlink_metadata(folder)?;
    if found.is_dir() && found.mode() & 0o077 == 0 && found.uid() == std::fs::metadata(data)?.uid()
    {
        return Ok(());
    }
    let text = format!(
        "the folder {} with the socket is not yours alone; remove it, or run: chmod 700 '{}'",
        folder.display(),
        folder.display()
    );
    Err(io::Error::new(ErrorKind::PermissionDenied, text))
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn folder(name: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join(name);
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&data)
            .unwrap();
        (dir, data)
    }

    #[tokio::test]
    async fn a_door_is_found_until_it_is_closed_however_long_the_path() {
        for name in ["data".to_owned(), "d".repeat(200)] {
            let (_dir, data) = folder(&name);
            assert!(connect(&data, PATIENCE).await.unwrap().is_none());
            let door = Door::open(&data).unwrap();
            assert!(connect(&data, PATIENCE).await.unwrap().is_some());
            let paths = door.paths.clone();
            drop(door);
            assert!(connect(&data, PATIENCE).await.unwrap().is_none());
            assert!(paths.iter().all(|p| p.symlink_metadata().is_err()));
        }
    }

    #[tokio::test]
    async fn a_dead_socket_is_nobody_and_makes_room() {
        let (_dir, data) = folder("data");
        drop(std::os::unix::net::UnixListener::bind(data.join(NAME)).unwrap());
        assert!(connect(&data, PATIENCE).await.unwrap().is_none());
        let _door = Door::open(&data).unwrap();
        assert!(connect(&data, PATIENCE).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn who_has_knocked_is_told_that_the_door_closes() {
        let (_dir, data) = folder("data");
        let door = Door::open(&data).unwrap();
        let waits = connect(&data, PATIENCE).await.unwrap().unwrap();
        let (stopper, stop) = tradepost_post::stop::channel();
        stopper.stop();
        door.let_in(stop, |mut caller| async move {
            write_line(&mut caller, &"closed").await.unwrap();
        })
        .await;
        let answer: Result<String, _> = Hearing::new(waits, 64).answer(Some(PATIENCE)).await;
        assert_eq!(answer.unwrap(), "closed");
        assert!(connect(&data, PATIENCE).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_door_at_which_nobody_is_let_in_is_given_up() {
        let (_dir, data) = folder("data");
        let socket = tokio::net::UnixSocket::new_stream().unwrap();
        socket.bind(data.join(NAME)).unwrap();
        let _listener = socket.listen(1).unwrap();
        let mut waiting = Vec::new();
        let given_up = loop {
            match connect(&data, Duration::from_millis(1)).await {
                Ok(caller) => waiting.push(caller.unwrap()),
                Err(e) => break e,
            }
            assert!(waiting.len() < 100, "all are let in");
        };
        assert!(!waiting.is_empty(), "there is room for one");
        assert_eq!(given_up.kind(), ErrorKind::TimedOut, "{given_up}");
    }

    #[tokio::test]
    async fn a_socket_in_a_folder_that_others_can_write_is_not_trusted() {
        let (dir, data) = folder("data");
        let shared = dir.path().join("shared");
        std::fs::create_dir(&shared).unwrap();
        let socket = shared.join("x");
        let _listener = UnixListener::bind(&socket).unwrap();
        std::os::unix::fs::symlink(&socket, data.join(NAME)).unwrap();
        for (mode, trusted) in [(0o777, false), (0o700, true)] {
            std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(connect(&data, PATIENCE).await.is_ok(), trusted, "{mode:o}");
        }
    }
}
