//! A person's home for one test: configuration, data folder, and the commands as typed there;
//! and letters from shops and others.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

pub mod letters;
pub mod pty;
pub mod signed;
pub mod world;

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// Where one test's person lives.
pub struct Home {
    dir: tempfile::TempDir,
}

/// What a command did.
#[derive(Debug)]
pub struct Done {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        self.stdout
    }

    #[track_caller]
    pub fn fails(self, code: i32, with: &str) {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        assert!(
            self.stderr.contains(with),
            "{:?} is not in: {}",
            with,
            self.stderr
        );
    }
}

pub const CONFIG: &str = r#"address = "ann@home.example"
[trust]
authserv_ids = ["mx.mailroom.example"]
"#;

impl Home {
    pub fn new() -> Home {
        Home::with(CONFIG)
    }

    pub fn with(config: &str) -> Home {
        let dir = tempfile::Builder::new().prefix("tp").tempdir().unwrap();
        let home = Home { dir };
        home.write("config.toml", config.as_bytes());
        home
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file that nobody else can read.
    pub fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tradepost"));
        command
            .args(args)
            .current_dir(self.path())
            .env("TRADEPOST_CONFIG", self.path().join("config.toml"))
            .env("TRADEPOST_DATA", self.path().join("data"))
            .env("TZ", "UTC")
            .env_remove("TRADEPOST_LOG")
            .env_remove("COLUMNS");
        command
    }

    /// A command as a person types it.
    pub fn run(&self, args: &[&str]) -> Done {
        self.run_with(args, "")
    }

    pub fn run_with(&self, args: &[&str], stdin: &str) -> Done {
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that reads nothing closes the pipe.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let output = child.wait_with_output().unwrap();
        Done {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub fn json(&self, args: &[&str]) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        let out = self.run(&args).ok();
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}"))
    }

    /// A command that has the ledger open, and does what is left to do as the daemon would; it brings nothing
    /// itself.
    pub fn work(&self) -> Done {
        self.run(&["import", &self.other_mail()])
    }

    /// The file of a mail that is not ours.
    pub fn other_mail(&self) -> String {
        let mail = b"From: aunt@family.example\r\nSubject: hello\r\n\r\nhello\r\n";
        self.write("letters/other.eml", mail).display().to_string()
    }

    /// Imports letters, each from a file of its own; the verdict lines.
    #[track_caller]
    pub fn import(&self, letters: &[Vec<u8>]) -> Vec<Value> {
        let files: Vec<String> = letters
            .iter()
            .enumerate()
            .map(|(i, letter)| {
                let path = self.write(&format!("letters/{i:03}.eml"), letter);
                path.display().to_string()
            })
            .collect();
        let mut args = vec!["import", "--json"];
        args.extend(files.iter().map(String::as_str));
        lines(&self.run(&args).ok())
    }
}

/// JSON lines.
#[track_caller]
pub fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}")))
        .collect()
}

/// The verdicts of import lines.
pub fn verdicts(lines: &[Value]) -> Vec<&str> {
    lines
        .iter()
        .map(|l| l["verdict"].as_str().unwrap())
        .collect()
}
