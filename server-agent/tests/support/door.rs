//! Somebody at the door of a data folder who is not `run`: says what a test wants, and goes or hangs when it
//! wants.
#![allow(clippy::unwrap_used, dead_code)]

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// A caller, as the one at the door sees it.
pub(crate) struct Caller(BufReader<UnixStream>);

impl Caller {
    /// The next line of the caller; empty where it says no more.
    pub(crate) fn hear(&mut self) -> String {
        let mut line = String::new();
        let _ = self.0.read_line(&mut line);
        line
    }

    /// Says something. The caller may be gone.
    pub(crate) fn say(&mut self, text: &str) {
        let _ = self.0.get_mut().write_all(text.as_bytes());
    }

    /// Welcomes somebody who emits.
    pub(crate) fn welcome(&mut self) {
        self.hear();
        self.say("{\"answer\":null}\n");
    }

    /// Accepts the lines with these numbers, as each comes.
    pub(crate) fn accept(&mut self, numbers: std::ops::RangeInclusive<u64>) {
        for number in numbers {
            self.hear();
            self.say(&format!("{}\n", accepted(number)));
        }
    }
}

pub(crate) fn accepted(number: u64) -> String {
    format!(
        "{{\"answer\":{{\"line\":{number},\"accepted\":true,\"statement\":\"01932c07-9a2e-7c11-8f54-0f6a1c0d9e22\"}}}}"
    )
}

/// What becomes of a conversation when the script has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    Goes,
    Hangs,
}

/// Whether the one at the door has the book as well.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Book {
    /// Nobody else can open it.
    Held,
    /// Whoever comes next can.
    Free,
}

/// Listens at a door until it is dropped.
pub(crate) struct Scripted {
    socket: PathBuf,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    _lock: Option<File>,
}

impl Scripted {
    /// Has each conversation go by the script, which gets its number, from 0.
    pub(crate) fn start(
        data: &Path,
        book: Book,
        mut script: impl FnMut(usize, &mut Caller) -> Then + Send + 'static,
    ) -> Scripted {
        let lock = (book == Book::Held).then(|| {
            let lock = File::create(data.join("lock")).unwrap();
            lock.lock().unwrap();
            lock
        });
        let socket = data.join("socket");
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&is_over);
        let thread = std::thread::spawn(move || {
            let mut hanging = Vec::new();
            for (number, caller) in listener.incoming().enumerate() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let mut caller = Caller(BufReader::new(caller.unwrap()));
                if script(number, &mut caller) == Then::Hangs {
                    hanging.push(caller);
                }
            }
        });
        Scripted {
            socket,
            is_over,
            thread: Some(thread),
            _lock: lock,
        }
    }

    /// As one that was killed: its socket lies there, and nobody listens.
    pub(crate) fn end(mut self) {
        self.leave();
    }

    fn leave(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        let _ = UnixStream::connect(&self.socket);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.leave();
    }
}
