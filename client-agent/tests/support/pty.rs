//! A person at a terminal: a command that runs on a pseudo-terminal, and what is typed there.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::Home;
use super::world::PATIENCE;

pub struct Terminal {
    keyboard: File,
    screen: Arc<Mutex<Vec<u8>>>,
    child: Child,
}

impl Terminal {
    /// Starts a command there.
    pub fn start(home: &Home, args: &[&str]) -> Terminal {
        Terminal::start_with(home, args, &[])
    }

    /// The same with variables in its environment.
    pub fn start_with(home: &Home, args: &[&str], variables: &[(&str, &str)]) -> Terminal {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap();
        let line = File::options()
            .read(true)
            .write(true)
            .open(name.to_str().unwrap())
            .unwrap();
        let io = || Stdio::from(line.try_clone().unwrap());
        let child = home
            .command(args)
            .envs(variables.iter().copied())
            .stdin(io())
            .stdout(io())
            .stderr(io())
            .spawn()
            .unwrap();
        let keyboard = File::from(keyboard);
        let screen = Arc::new(Mutex::new(Vec::new()));
        let (mut output, copy) = (keyboard.try_clone().unwrap(), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut some = [0; 4096];
            // The end of the command is an error here (EIO).
            while let Ok(n @ 1..) = output.read(&mut some) {
                copy.lock().unwrap().extend_from_slice(&some[..n]);
            }
        });
        Terminal {
            keyboard,
            screen,
            child,
        }
    }

    /// All that was shown, with what was typed.
    pub fn screen(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().unwrap()).replace("\r\n", "\n")
    }

    /// Waits for a question, and answers it.
    #[track_caller]
    pub fn answer(&mut self, question: &str, answer: &str) {
        self.wait_for(question);
        // The next question is another one, even if it has the same words.
        self.screen.lock().unwrap().clear();
        self.keyboard
            .write_all(format!("{answer}\n").as_bytes())
            .unwrap();
    }

    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        super::world::wait(
            || self.screen().contains(text),
            || format!("{text:?} is not on the screen: {}", self.screen()),
        );
    }

    /// Waits for the end: the exit status, and what is on the screen then.
    #[track_caller]
    pub fn end(mut self) -> (i32, String) {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(start.elapsed() < PATIENCE, "{}", self.screen());
            std::thread::sleep(Duration::from_millis(20));
        };
        (status.code().unwrap_or(-1), self.screen())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
