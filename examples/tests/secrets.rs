//! Passwords and keys stay where they were put: the whole main job, under faults of the provider and with
//! everything logged, and then a search for each of them wherever a program could have left it.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tradepost_mailroom::{Fault, Faults, ImapCommand, Options, SmtpStage};

use support::agent::Agent;
use support::provider::Provider;
use support::purchase::{Cast, from_order_to_doorstep};
use support::secrets::{Secrets, base64, ed25519_seed, pem_body, rsa_numbers};
use support::{ANN, CARRIER, PROCESSOR, SHOP, World};

/// Nothing else on the machine contains it, nor half of it.
const PASSWORD: &str = "kAnarienvogel.Zitronengelb.8Q5";

#[test]
fn no_password_or_key_is_anywhere_but_where_it_was_put() {
    let (world, secrets) = a_world_that_logs_everything();
    let mut cast = Cast::of(&world);
    let Provider::Room(room, _) = &world.provider else {
        panic!("faults are the mailroom's");
    };

    for agent in cast.all() {
        a_login_is_refused(room.faults(), agent);
    }
    cast.start();
    while_the_provider_misbehaves(room.faults(), || {
        from_order_to_doorstep(&world, &cast, "dkim");
    });
    for agent in cast.all() {
        assert_eq!(secrets.command_lines(), [[""; 0]; 0], "{}", agent.name);
        the_memory_is_the_processs_own(agent.pid());
        agent.run(&["doctor"]);
    }
    let of_ann: [&[&str]; 5] = [
        &["list"],
        &["warnings"],
        &["held"],
        &["stats", "--json"],
        &["pending"],
    ];
    for arguments in of_ann {
        cast.ann.run(arguments);
    }
    for agent in cast.all() {
        faults_of_ones_own(agent);
        ends_in_a_fault(agent);
        reads_a_damaged_index(agent);
    }

    // Only where they were put: this also shows that the search finds them there.
    let put: Vec<_> = secrets.files_in(world.dir());
    let names: Vec<String> = put
        .iter()
        .map(|(file, _)| {
            file.strip_prefix(world.dir())
                .unwrap()
                .display()
                .to_string()
        })
        .collect();
    assert_eq!(
        names,
        [
            "password",
            "s1.carrier.example.pem",
            "s1.home.example.pem",
            "s1.pay.example.pem",
            "s1.shop.example.pem",
            "s2.shop.example.pem",
        ],
        "{put:#?}"
    );
    let raw_numbers = ["d", "p", "q"].map(|number| format!("{number} of s2 of {SHOP} (in base64)"));
    let of_rsa = put.last().map(|(_, found)| found.clone()).unwrap();
    assert!(
        raw_numbers.iter().all(|number| of_rsa.contains(number)),
        "{of_rsa:?}"
    );
    for agent in cast.all() {
        let heard = agent.heard();
        assert!(!heard.is_empty(), "{}", agent.name);
        assert_eq!(
            secrets.found_in(heard.as_bytes()),
            [""; 0],
            "{}",
            agent.name
        );
        // The log is one of the files above: much was logged, but not what the libraries for
        // IMAP and SMTP read and write.
        let log = fs::read_to_string(world.dir().join(&agent.name).join("log")).unwrap();
        assert!(
            log.contains("TRACE") && log.contains("DEBUG"),
            "{}: nothing was logged at the lowest levels",
            agent.name
        );
        assert!(!log.contains("Tradepost: v=1"), "{}: a letter", agent.name);
    }
}

#[test]
fn the_search_finds_a_secret_in_whatever_form_it_is_written() {
    let mut secrets = Secrets::none();
    secrets.add("the password", PASSWORD.as_bytes());
    let written = |text: &[u8]| !secrets.found_in(text).is_empty();
    for user in ["a", "ab", "abc", ANN] {
        let plain = format!("\0{user}\0{PASSWORD}");
        let plain = base64(plain.as_bytes());
        assert!(written(&[b"AUTH PLAIN ", plain.as_slice()].concat()));
        // Cut off in the middle.
        assert!(written(&plain[..plain.len() - 12]));
    }
    assert!(written(&base64(PASSWORD.as_bytes())), "AUTH LOGIN");
    assert!(written(format!("LOGIN ann \"{PASSWORD}\"").as_bytes()));
    assert!(written(format!("{:?}", PASSWORD.as_bytes()).as_bytes()));
    assert!(written(format!("{PASSWORD:?}").as_bytes()));
    assert!(written(&PASSWORD.as_bytes()[..20]));
    assert!(!written(b"AUTH PLAIN [redacted]"));
    assert!(!written(&base64(b"\0ann@home.example\0another password")));
}

fn a_world_that_logs_everything() -> (World, Secrets) {
    let mut secrets = Secrets::none();
    secrets.add("the password", PASSWORD.as_bytes());
    let mut world = World::with(Provider::mailroom_with(Options {
        password: PASSWORD.to_owned(),
        ..Options::default()
    }));
    let scratch = world.dir().join("scratch");
    fs::create_dir(&scratch).unwrap();
    let scratch = scratch.to_str().unwrap().to_owned();
    let file = world.dir().join("password");
    let customs = &mut world.customs;
    customs.environment = [
        // The last ones are more exact than any filter for whole libraries.
        (
            "TRADEPOST_LOG",
            "trace,async_imap::imap_stream=trace,lettre::transport::smtp::client=trace",
        ),
        ("RUST_BACKTRACE", "1"),
        ("SHOP_MAIL_PASSWORD", PASSWORD),
        ("TMPDIR", &scratch),
        ("HOME", &scratch),
        ("XDG_RUNTIME_DIR", &scratch),
        ("XDG_STATE_HOME", &scratch),
        ("XDG_CACHE_HOME", &scratch),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    // All three ways in which a password gets to an agent; the fourth party has the usual file.
    customs
        .passwords
        .insert(SHOP, "password_env = \"SHOP_MAIL_PASSWORD\"".to_owned());
    customs.passwords.insert(
        CARRIER,
        format!("password_command = \"cat '{}'\"", file.display()),
    );
    customs.imap =
        "timeout = \"2 s\"\nretry_first = \"50 ms\"\nretry_longest = \"200 ms\"\npoll = \"200 ms\"\n".to_owned();
    customs.smtp = "timeout = \"2 s\"\nsend_timeout = \"1 s\"\n".to_owned();
    let submissions = "[timers]\nsubmit_first = \"50 ms\"\nsubmit_longest = \"200 ms\"\n";
    customs.sections.insert(ANN, submissions.to_owned());
    for server in [SHOP, CARRIER, PROCESSOR] {
        let timers = "[timers]\nsmtp_first = \"50 ms\"\nsmtp_longest = \"200 ms\"\n";
        customs.sections.insert(server, timers.to_owned());
    }
    make_keys(&mut world, &mut secrets);
    (world, secrets)
}

/// The private keys of everybody, and what they consist of; the agents know the public ones.
fn make_keys(world: &mut World, secrets: &mut Secrets) {
    let mut known = String::from("[trust.keys]\n");
    for (address, selector, algorithm) in [
        (ANN, "s1", "ed25519"),
        (CARRIER, "s1", "ed25519"),
        (PROCESSOR, "s1", "ed25519"),
        (SHOP, "s1", "ed25519"),
        (SHOP, "s2", "rsa"),
    ] {
        let key = world.key(address, selector, algorithm);
        known.push_str(&format!("\"{}\" = \"{}\"\n", key.name, key.record));
        let name = format!("{selector} of {address}");
        let pkcs8 = pem_body(&key.pem);
        if algorithm == "rsa" {
            let names = ["d", "p", "q", "d mod p-1", "d mod q-1", "1/q mod p"];
            let numbers = rsa_numbers(&pkcs8);
            assert_eq!(numbers.len(), names.len());
            for (what, number) in names.iter().zip(numbers) {
                secrets.add(&format!("{what} of {name}"), &number);
            }
        } else {
            secrets.add(&format!("the seed of {name}"), ed25519_seed(&pkcs8));
        }
    }
    let id = world.provider.authserv_id();
    world.customs.trust = Some(format!(
        "minimum = \"dkim\"\nauthserv_ids = [\"{id}\"]\n{known}"
    ));
}

/// A mailbox and a submission server that refuse this agent once, and say so.
fn a_login_is_refused(faults: &Faults, agent: &Agent) {
    faults.once(Fault::ImapNo(ImapCommand::Authenticate));
    faults.once(Fault::SmtpReply(SmtpStage::Auth, 535));
    let outcome = agent.run(&["doctor"]);
    faults.clear();
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    let refused = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(refused.contains("refused the password"), "{said}");
}

/// One fault after the other, each when the one before has happened, as long as `story` takes.
fn while_the_provider_misbehaves(faults: &Faults, story: impl FnOnce()) {
    let script = [
        Fault::ImapNo(ImapCommand::Authenticate),
        Fault::SmtpReply(SmtpStage::Auth, 535),
        Fault::LetterTakenThenCut,
        // Not understood: the password goes again, by LOGIN.
        Fault::ImapBad(ImapCommand::Authenticate),
        Fault::SmtpCut(SmtpStage::Auth),
        Fault::ImapNo(ImapCommand::UidFetch),
        Fault::LetterTakenSilently,
        Fault::ImapCutAfter(150),
        Fault::SmtpReply(SmtpStage::Auth, 454),
        Fault::ImapBye(ImapCommand::Authenticate),
        Fault::SmtpSilent(SmtpStage::Data),
        Fault::ImapSilent(ImapCommand::Authenticate),
        Fault::SmtpReply(SmtpStage::Letter, 451),
        Fault::ImapPartial(ImapCommand::UidFetch, 0),
        Fault::SmtpCutAfter(200),
        Fault::ImapByeGreeting,
    ];
    // New connections, to which most of the faults happen, are rare where all goes well.
    let cut = Fault::ImapCutAfter(0);
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for fault in script.iter().cycle() {
                let before = faults.happened(fault);
                faults.once(cut.clone());
                faults.once(fault.clone());
                while faults.happened(fault) == before {
                    if ended.load(Ordering::Relaxed) {
                        return;
                    }
                    thread::sleep(Duration::from_millis(20));
                }
            }
        });
        // Also when the story fails.
        let _ended = SetOnDrop(&ended);
        story();
    });
    faults.clear();
    for fault in &script[..8] {
        assert!(faults.happened(fault) > 0, "{fault:?} did not happen");
    }
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What a person does wrong: the agent says so, and not with a password in it.
fn faults_of_ones_own(agent: &Agent) {
    for arguments in [
        &["show", "no-such-trade"][..],
        &["order", "/nowhere"],
        &["emit", "/nowhere"],
        &["--frobnicate"],
    ] {
        assert!(!agent.run(arguments).status.success(), "{arguments:?}");
    }
}

/// A fault of the program ends it, and leaves no core.
fn ends_in_a_fault(agent: &mut Agent) {
    let killed = Command::new("kill")
        .args(["-ABRT", &agent.pid().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    let status = agent.ended();
    assert_eq!(status.signal(), Some(6), "{}", agent.name);
    assert!(!status.core_dumped(), "{}", agent.name);
}

/// The program makes a damaged index anew; what it says about that is looked through as well.
fn reads_a_damaged_index(agent: &Agent) {
    let list = if agent.name == "ann" {
        "list"
    } else {
        "trades"
    };
    let index = agent.data().join("index/sled");
    let well = agent.say(&[list]);
    for file in ["db", "conf"] {
        let mut octets = fs::read(index.join(file)).unwrap();
        for octet in octets.iter_mut().step_by(7) {
            *octet ^= 0x5a;
        }
        fs::write(index.join(file), octets).unwrap();
        // What only asks opens no index; the doctor does.
        agent.run(&["doctor"]);
        let anew = fs::read_dir(agent.data()).unwrap().any(|entry| {
            let name = entry.unwrap().file_name();
            name.to_string_lossy().starts_with("index.aside-")
        });
        assert!(anew, "{}: {file}", agent.name);
        assert_eq!(agent.say(&[list]), well, "{}: {file}", agent.name);
    }
}

/// No core file, whatever the user allows.
fn the_memory_is_the_processs_own(pid: u32) {
    let core = |pid: &str| {
        let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        let line = limits
            .lines()
            .find_map(|line| line.strip_prefix("Max core file size"));
        let words: Vec<String> = line
            .unwrap()
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        words[..2].to_vec()
    };
    assert_eq!(core(&pid.to_string()), ["0", "0"]);
    assert_ne!(
        core("self"),
        ["0", "0"],
        "nor is it forbidden to everybody here"
    );
}
