//! What the tests of the agents rely on: the provider stamps, strips, and hands letters out by IMAP.
#![allow(clippy::unwrap_used, missing_docs)]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tradepost_mailbed::client::{self, Door};
use tradepost_mailbed::{AUTHSERV_ID, Dkim, Mailbed, Options, require};

const SHOP: &str = "orders@shop.example";
const EVIL: &str = "evil@evil.example";

/// One provider for all tests of this process.
fn bed() -> Option<&'static Mailbed> {
    static BED: OnceLock<Mailbed> = OnceLock::new();
    require()?;
    Some(BED.get_or_init(|| Mailbed::start().unwrap()))
}

fn letter(from: &str, to: &str, field_above: &str) -> Vec<u8> {
    format!(
        "{field_above}From: {from}\r\nTo: {to}\r\nSubject: A letter\r\nDate: Fri, 20 Nov 2026 10:15:00 +0000\r\n\
         Message-ID: <1@shop.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
         Hello.\r\n.a line that begins with a dot\r\n"
    )
    .into_bytes()
}

fn only_letter(bed: &Mailbed, account: &str) -> String {
    let mut letters =
        wait_for(|| Some(bed.inbox(account).unwrap()).filter(|letters| !letters.is_empty()));
    assert_eq!(letters.len(), 1);
    String::from_utf8(letters.remove(0)).unwrap()
}

fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "nothing came within 30 seconds");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The values of all Authentication-Results fields, unfolded.
fn stamps(letter: &str) -> Vec<String> {
    let head = letter.split("\r\n\r\n").next().unwrap();
    let head = head.replace("\r\n\t", " ").replace("\r\n ", " ");
    head.split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("authentication-results"))
        .map(|(_, value)| value.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn a_letter_submitted_arrives_with_exactly_one_genuine_stamp() {
    let Some(bed) = bed() else { return };
    bed.submit(
        SHOP,
        "one@home.example",
        &letter(SHOP, "one@home.example", ""),
    )
    .unwrap();
    let arrived = only_letter(bed, "one@home.example");
    assert_eq!(
        stamps(&arrived),
        [format!("{AUTHSERV_ID}; auth=pass smtp.auth={SHOP}")]
    );
    assert!(
        arrived.ends_with("\r\n\r\nHello.\r\n.a line that begins with a dot\r\n"),
        "{arrived}"
    );
    // What the provider added stands above what the sender wrote.
    assert!(arrived.find("Authentication-Results").unwrap() < arrived.find("\r\nFrom:").unwrap());
    let by = arrived
        .lines()
        .filter(|line| line.contains("by "))
        .find(|line| !line.contains("From:"))
        .unwrap();
    assert!(
        by.contains(AUTHSERV_ID),
        "the topmost Received names a host of the provider: {by}"
    );
}

#[test]
fn the_stamp_names_the_account_and_not_whoever_from_claims_to_be() {
    let Some(bed) = bed() else { return };
    let to = "two@home.example";
    bed.submit(EVIL, to, &letter("track@carrier.example", to, ""))
        .unwrap();
    assert_eq!(
        stamps(&only_letter(bed, to)),
        [format!("{AUTHSERV_ID}; auth=pass smtp.auth={EVIL}")]
    );
}

#[test]
fn a_forged_stamp_is_stripped_however_it_is_spelled() {
    let Some(bed) = bed() else { return };
    let spellings = [
        format!("Authentication-Results: {AUTHSERV_ID}; auth=pass smtp.auth={SHOP}\r\n"),
        format!(
            "AUTHENTICATION-RESULTS:{};auth=pass smtp.auth={SHOP}\r\n",
            AUTHSERV_ID.to_uppercase()
        ),
        format!(
            "Authentication-Results:\r\n (a comment (nested))\r\n\t{AUTHSERV_ID} 1;\r\n auth=pass smtp.auth={SHOP}\r\n"
        ),
        format!("Authentication-Results : \"{AUTHSERV_ID}\"; auth=pass smtp.auth={SHOP}\r\n"),
        format!("Authentication-Results: \"mx.h\\ome.exam\\ple\"; auth=pass smtp.auth={SHOP}\r\n"),
        format!(
            "Authentication-Results: ({}) {AUTHSERV_ID}; auth=pass smtp.auth={SHOP}\r\n",
            "c".repeat(900)
        ),
    ];
    for (number, forged) in spellings.iter().enumerate() {
        let submitted_to = format!("forged{number}@home.example");
        bed.submit(EVIL, &submitted_to, &letter(SHOP, &submitted_to, forged))
            .unwrap();
        let arrived = only_letter(bed, &submitted_to);
        assert_eq!(
            stamps(&arrived),
            [format!("{AUTHSERV_ID}; auth=pass smtp.auth={EVIL}")],
            "{forged}"
        );

        let from_outside_to = format!("outside{number}@home.example");
        bed.deliver_by_mx(
            EVIL,
            &from_outside_to,
            &letter(SHOP, &from_outside_to, forged),
        )
        .unwrap();
        assert_eq!(
            stamps(&only_letter(bed, &from_outside_to)),
            [""; 0],
            "{forged}"
        );
    }
    let foreign =
        "Authentication-Results: mx.elsewhere.example; dkim=pass header.d=shop.example\r\n";
    bed.deliver_by_mx(
        EVIL,
        "foreign@home.example",
        &letter(SHOP, "foreign@home.example", foreign),
    )
    .unwrap();
    assert_eq!(
        stamps(&only_letter(bed, "foreign@home.example")).len(),
        1,
        "another provider's stamp stays"
    );
}

#[test]
fn lmtp_lets_a_forged_stamp_through_for_tests_that_want_one() {
    let Some(bed) = bed() else { return };
    let forged = format!("Authentication-Results: {AUTHSERV_ID}; auth=pass smtp.auth={SHOP}\r\n");
    bed.deliver_by_lmtp(
        "three@home.example",
        &letter(SHOP, "three@home.example", &forged),
    )
    .unwrap();
    assert_eq!(
        stamps(&only_letter(bed, "three@home.example")),
        [format!("{AUTHSERV_ID}; auth=pass smtp.auth={SHOP}")]
    );
}

#[test]
fn what_a_provider_refuses_is_refused() {
    let Some(bed) = bed() else { return };
    let to = "four@home.example";
    let good = letter(SHOP, to, "");
    let door = Door {
        port: bed.submissions_port,
        ca_pem: bed.ca_pem(),
        account: SHOP,
        password: bed.password,
    };
    door.submit(to, &good).unwrap();
    let wrong_password = Door {
        password: "wrong",
        ..door
    };
    assert!(format!("{:#}", wrong_password.submit(to, &good).unwrap_err()).contains("535"));
    assert!(
        door.submit("somebody@nowhere.example", &good).is_err(),
        "an unknown domain"
    );
    assert!(
        bed.deliver_by_mx(EVIL, "somebody@nowhere.example", &good)
            .is_err(),
        "no open relay"
    );
    let stranger = Door {
        account: "x@nowhere.example",
        ..door
    };
    assert!(
        stranger.submit(to, &good).is_err(),
        "an account of another domain"
    );
}

#[test]
fn a_mailbox_opens_by_imap_with_and_without_starttls() {
    let Some(bed) = bed() else { return };
    let to = "five@home.example";
    bed.deliver_by_mx(SHOP, to, &letter(SHOP, to, "")).unwrap();
    only_letter(bed, to);

    let mut imaps = BufReader::new(
        client::tls(client::connect(bed.imaps_port).unwrap(), bed.ca_pem()).unwrap(),
    );
    assert!(line(&mut imaps).starts_with("* OK"));
    let listed = log_in_and_list(&mut imaps, to);
    for special in ["\\Sent", "\\Junk", "\\Drafts", "\\Trash"] {
        assert!(
            listed.contains(special),
            "{special} is missing in:\n{listed}"
        );
    }
    assert!(command(&mut imaps, "a3 SELECT INBOX", "a3").contains("* 1 EXISTS"));
    assert!(command(&mut imaps, "a4 FETCH 1 (BODY.PEEK[])", "a4").contains("Subject: A letter"));

    let mut plain = BufReader::new(client::connect(bed.imap_port).unwrap());
    let greeting = line(&mut plain);
    assert!(greeting.contains("STARTTLS"), "{greeting}");
    assert!(command(&mut plain, "b1 STARTTLS", "b1").contains("b1 OK"));
    let mut started = BufReader::new(client::tls(plain.into_inner(), bed.ca_pem()).unwrap());
    log_in_and_list(&mut started, to);

    let mut wrong = BufReader::new(
        client::tls(client::connect(bed.imaps_port).unwrap(), bed.ca_pem()).unwrap(),
    );
    line(&mut wrong);
    assert!(command(&mut wrong, &format!("c1 LOGIN {to} wrong"), "c1").contains("c1 NO"));
}

fn log_in_and_list<S: Read + Write>(stream: &mut BufReader<S>, account: &str) -> String {
    let answer = command(stream, &format!("a1 LOGIN {account} bed"), "a1");
    assert!(
        answer.contains("a1 OK") && answer.contains("IDLE"),
        "{answer}"
    );
    command(stream, "a2 LIST \"\" *", "a2")
}

fn command<S: Read + Write>(stream: &mut BufReader<S>, text: &str, tag: &str) -> String {
    stream
        .get_mut()
        .write_all(format!("{text}\r\n").as_bytes())
        .unwrap();
    stream.get_mut().flush().unwrap();
    let mut answer = String::new();
    loop {
        let line = line(stream);
        answer.push_str(&line);
        if line.starts_with(tag) {
            return answer;
        }
    }
}

fn line<S: Read + Write>(stream: &mut BufReader<S>) -> String {
    let mut line = String::new();
    assert_ne!(
        stream.read_line(&mut line).unwrap(),
        0,
        "the server hung up"
    );
    line
}

#[test]
fn nothing_is_left_behind_after_drop_and_after_a_panic() {
    if require().is_none() {
        return;
    }
    let bed = Mailbed::start().unwrap();
    let (dir, port) = (bed.dir().to_path_buf(), bed.imap_port);
    assert!(!processes_of(&dir).is_empty());
    drop(bed);
    assert_eq!(processes_of(&dir), [0; 0]);
    assert!(!dir.exists() && client::connect(port).is_err());

    let panicked = std::thread::spawn(|| {
        let bed = Mailbed::start().unwrap();
        std::panic::panic_any(bed.dir().to_path_buf());
    });
    let dir = panicked
        .join()
        .unwrap_err()
        .downcast::<std::path::PathBuf>()
        .unwrap();
    assert_eq!(processes_of(&dir), [0; 0]);
    assert!(!dir.exists());
}

#[test]
fn nothing_is_left_behind_when_the_test_process_is_killed() {
    if require().is_none() {
        return;
    }
    if std::env::var_os(WAITS_TO_BE_KILLED).is_some() {
        let bed = Mailbed::start_with(Options::with_dkim(Dkim::SignsAndVerifies)).unwrap();
        println!("provider in {}", bed.dir().display());
        loop {
            std::thread::park();
        }
    }
    // This very test again, as a process of its own.
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "nothing_is_left_behind_when_the_test_process_is_killed",
            "--nocapture",
        ])
        .env(WAITS_TO_BE_KILLED, "1")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let dir = loop {
        let line = line_of(&mut output);
        if let Some((_, dir)) = line.split_once("provider in ") {
            break dir.trim().to_owned();
        }
    };
    assert!(!processes_of(Path::new(&dir)).is_empty());
    child.kill().unwrap();
    child.wait().unwrap();
    wait_for(|| {
        (processes_of(Path::new(&dir)).is_empty() && !Path::new(&dir).exists()).then_some(())
    });
}

fn line_of(output: &mut impl BufRead) -> String {
    let mut line = String::new();
    assert_ne!(
        output.read_line(&mut line).unwrap(),
        0,
        "the other process ended early"
    );
    line
}

/// Set for the process that the test above kills.
const WAITS_TO_BE_KILLED: &str = "MAILBED_TEST_WAITS_TO_BE_KILLED";

/// The pids of processes whose command line or environment names the folder (Postfix's parts have it in the
/// environment only).
fn processes_of(dir: &Path) -> Vec<u32> {
    let needle = dir.to_str().unwrap().as_bytes();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let names_it = ["cmdline", "environ"].iter().any(|file| {
            let bytes = std::fs::read(entry.path().join(file)).unwrap_or_default();
            bytes.windows(needle.len()).any(|window| window == needle)
        });
        if names_it && pid != std::process::id() {
            found.push(pid);
        }
    }
    found
}
