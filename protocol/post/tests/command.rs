//! Programs of the person or the merchant (E8): what they say counts only when they end well, in time
//! and in bounds.
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::Duration;

use tradepost_post::command::{Failed, Limits, Ran, run};

const ROOM: usize = 1000;

async fn shell(script: &str, input: &[u8], time: Duration) -> Ran {
    let words = ["/bin/sh", "-c", script].map(str::to_owned);
    let limits = Limits { time, output: ROOM };
    run(&words, input, limits).await
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
    let words = ["/nowhere/program".to_owned()];
    let limits = Limits {
        time: PATIENCE,
        output: ROOM,
    };
    let missing = run(&words, b"", limits).await.output;
    assert!(matches!(missing, Err(Failed::NotStarted { .. })));
    let none = run(&[], b"", limits).await.output;
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
