//! Programs of the person or the merchant (E8): what they say counts only when they end well, in time
//! and in bounds.
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::Duration;

use tradepost_agent::command::{CommandLimits, Failed, Program, Ran, run};
use tradepost_agent::config::Source;

const ROOM: usize = 1000;

async fn shell(script: &str, input: &[u8], time: Duration) -> Ran {
    let limits = CommandLimits { time, output: ROOM };
    run(&program(&["/bin/sh", "-c", script], ""), input, limits).await
}

/// A program as it is run by an agent with this configuration.
fn program(words: &[&str], config: &str) -> Program {
    Program {
        words: words.iter().map(|&word| word.to_owned()).collect(),
        environment: Source::from_text("s.toml", config).environment().unwrap(),
    }
}

/// Longer than any test may take.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test]
async fn a_program_hears_its_input_and_is_heard() {
    let ran = shell("cat; echo careful >&2", b"{\"a\":1}", PATIENCE).await;
    assert_eq!(ran.output.unwrap(), b"{\"a\":1}");
    assert_eq!(ran.errors, "careful\n");
}

#[tokio::test]
async fn a_program_need_not_hear_its_input_and_may_complain_at_length() {
    let much = vec![b'x'; 4 * 1024 * 1024];
    let script = "head -c 1000000 /dev/zero | tr '\\0' 'e' >&2; echo well";
    let ran = shell(script, &much, PATIENCE).await;
    assert_eq!(ran.output.unwrap(), b"well\n");
    assert!(ran.errors.len() < 10_000, "{}", ran.errors.len());
}

#[tokio::test]
async fn what_says_too_much_takes_too_long_or_fails_does_not_count() {
    let exactly = format!("head -c {ROOM} /dev/zero");
    let more = format!("head -c {} /dev/zero", ROOM + 1);
    assert_eq!(
        shell(&exactly, b"", PATIENCE).await.output.unwrap().len(),
        ROOM
    );
    let too_much = shell(&more, b"", PATIENCE).await.output;
    assert!(matches!(too_much, Err(Failed::TooMuchOutput(ROOM))));
    let soon = Duration::from_millis(50);
    let hung = shell("echo before; sleep 1000", b"", soon).await.output;
    assert!(matches!(hung, Err(Failed::TimedOut(_))));
    let status = shell("echo before; exit 7", b"", PATIENCE).await.output;
    assert!(matches!(status, Err(Failed::Status(s)) if s.code() == Some(7)));
    let limits = CommandLimits {
        time: PATIENCE,
        output: ROOM,
    };
    let missing = run(&program(&["/nowhere/program"], ""), b"", limits)
        .await
        .output;
    assert!(matches!(missing, Err(Failed::NotStarted { .. })));
    let none = run(&program(&[], ""), b"", limits).await.output;
    assert!(matches!(none, Err(Failed::NotStarted { .. })));
}

#[tokio::test]
async fn what_a_program_leaves_behind_keeps_nobody_waiting() {
    // The one that stays has the output open, and says its number there.
    let ran = shell("sleep 1000 & echo $!", b"", PATIENCE).await;
    let left = String::from_utf8(ran.output.unwrap()).unwrap();
    let ended = std::process::Command::new("kill").arg(left.trim()).status();
    assert!(
        ended.unwrap().success(),
        "it ran on, as a service may that it started"
    );
}

#[tokio::test]
async fn a_program_and_what_it_starts_get_the_environment_but_no_secret() {
    // Each variable of a process and of one that it starts; cargo sets these for every test.
    let script =
        "tr '\\0' '\\n' < /proc/$$/environ | grep ^CARGO_PKG; sh -c 'env | grep ^CARGO_PKG'";
    let names = |ran: Ran| {
        let text = String::from_utf8(ran.output.unwrap()).unwrap();
        let name = |line: &str| line.split('=').next().unwrap().to_owned();
        text.lines().map(name).collect::<Vec<_>>()
    };
    let limits = CommandLimits {
        time: PATIENCE,
        output: 100_000,
    };
    let words = ["/bin/sh", "-c", script];
    let all = names(run(&program(&words, ""), b"", limits).await);
    let secret = "CARGO_PKG_NAME";
    let times = |names: &[String]| names.iter().filter(|n| *n == secret).count();
    assert_eq!(times(&all), 2, "{all:?}");
    let config = format!("[imap]\npassword_env = \"{secret}\"");
    let most = names(run(&program(&words, &config), b"", limits).await);
    assert_eq!(times(&most), 0, "{most:?}");
    assert_eq!(most.len() + 2, all.len(), "all else is there: {most:?}");
}

#[tokio::test]
async fn a_program_inherits_nothing_that_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let _file = std::fs::File::create(&path).unwrap();
    let _listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let ran = shell("ls -l /proc/$$/fd", b"", PATIENCE).await;
    let open = String::from_utf8(ran.output.unwrap()).unwrap();
    assert!(open.contains("pipe:"), "its own are listed: {open}");
    assert!(
        !open.contains("socket:") && !open.contains(path.to_str().unwrap()),
        "{open}"
    );
}
