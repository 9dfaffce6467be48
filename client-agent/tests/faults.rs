//! What goes wrong around the program: places, files, servers, and people who press Ctrl-C.
#![allow(clippy::unwrap_used)]

mod support;

use std::os::unix::net::UnixListener;
use std::process::Stdio;

use support::letters::{ORDER, record, settled, shipped};
use support::world::{World, wait};
use support::{CONFIG, Home, verdicts};
use tradepost_mailroom::{Fault, SmtpStage};

#[test]
fn a_configuration_that_never_ends_is_refused() {
    let home = Home::new();
    home.run(&["list", "--config", "/dev/zero"])
        .fails(1, "/dev/zero: it is larger than 16 MiB");
    home.run(&["list"]).ok();
}

#[test]
fn an_empty_variable_is_as_good_as_none() {
    let home = Home::new();
    home.write(".config/tradepost/config.toml", CONFIG.as_bytes());
    let with = |home_folder: &std::path::Path, args: &[&str]| {
        let mut command = home.command(args);
        command
            .env("TRADEPOST_CONFIG", "")
            .env("TRADEPOST_DATA", "")
            .env("HOME", home_folder)
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_DATA_HOME");
        command.output().unwrap()
    };
    let list = ["list", "--json"];
    assert_eq!(with(home.path(), &list).stdout, b"[]\n");
    let import = ["import", &home.other_mail()];
    assert!(with(home.path(), &import).status.success());
    assert_eq!(with(home.path(), &list).stdout, b"[]\n");
    assert!(home.path().join(".local/share/tradepost/journal").is_dir());
    let empty = home.path().join("nobody");
    let done = with(&empty, &import);
    assert_eq!(done.status.code(), Some(1));
    assert!(
        !empty.exists(),
        "no folder is made for a ledger that nobody configured"
    );
}

#[test]
fn what_is_no_folder_is_said_to_be_none() {
    let home = Home::new();
    std::os::unix::fs::symlink("nowhere", home.path().join("link")).unwrap();
    for data in ["config.toml", "link"] {
        home.run(&["list", "--data", data])
            .fails(1, &format!("{data} is not a folder; move it away"));
    }
    home.run(&["import", "--data", "/proc/nowhere", &home.other_mail()])
        .fails(1, "/proc/nowhere cannot be made: ");
    home.run(&["list", "--data", "data"]).ok();
}

#[test]
fn usage_names_no_option_that_is_not_needed() {
    let home = Home::new();
    let done = home.run(&["show"]);
    assert!(!done.stderr.contains("--config <FILE>"), "{}", done.stderr);
    done.fails(2, "Usage: tradepost show");
}

#[test]
fn a_part_of_a_maildir_is_read_and_a_letter_that_cannot_be_read_is_named() {
    let home = Home::new();
    home.write("Maildir/cur/1.host:2,S", &record().letter());
    home.write("Maildir/new/2.host", &settled(1).letter());
    let got = support::lines(&home.run(&["import", "--json", "Maildir/cur"]).ok());
    assert_eq!(verdicts(&got), ["adopted"]);
    home.run(&["import", "Maildir"]).ok();
    std::os::unix::fs::symlink("nowhere", home.path().join("Maildir/cur/3.host:2,")).unwrap();
    home.run(&["import", "Maildir"])
        .fails(1, "Maildir/cur/3.host:2,: No such file");
}

#[test]
fn the_name_of_a_file_cannot_act_on_the_terminal() {
    let home = Home::new();
    let done = home.run(&["import", "a\u{1b}[31m\u{202e}b"]);
    assert!(!done.stderr.contains(['\u{1b}', '\u{202e}']), "{done:?}");
    done.fails(1, "\\u{1b}[31m");
}

#[test]
fn who_has_no_authserv_ids_is_told_why_nothing_is_proven() {
    let home = Home::with("address = \"ann@home.example\"\n");
    let file = home.write("a.eml", &record().letter());
    let done = home.run(&["import", &file.display().to_string()]);
    assert!(done.stderr.contains("no authserv_ids are configured"));
    assert!(done.ok().contains("warned  unproven-sender"));
    home.write("config.toml", CONFIG.as_bytes());
    let done = home.run(&["import", &file.display().to_string()]);
    assert!(!done.stderr.contains("authserv_ids"), "{}", done.stderr);
    done.ok();
}

#[test]
fn no_address_is_cut_at_80_columns() {
    let home = Home::new();
    home.import(&[record().letter(), shipped(1).letter(), settled(1).letter()]);
    let shown = home.run(&["show", "T-1001"]).ok();
    let (_, history) = shown.split_once("History").unwrap();
    assert!(history.contains("orders@shop.example"), "{history}");
    assert!(history.contains("billing@pay.example"), "{history}");
    assert!(shown.lines().all(|l| l.chars().count() <= 80), "{shown}");
}

#[test]
fn a_folder_that_is_not_there_fails_a_daemon_that_runs_once_after_the_others_are_read() {
    let world = World::new();
    world.deliver(&record());
    let good = std::fs::read_to_string(world.home.path().join("config.toml")).unwrap();
    let two = good.replace("[imap]", "[imap]\nfolders = [\"Nowhere\", \"INBOX\"]");
    world.home.write("config.toml", two.as_bytes());
    world
        .home
        .run(&["daemon", "--once"])
        .fails(1, "can't open the folder \"Nowhere\"");
    assert_eq!(world.home.json(&["list"]).as_array().unwrap().len(), 1);
    world.home.write("config.toml", good.as_bytes());
    world.home.run(&["daemon", "--once"]).ok();
}

#[test]
fn a_certificate_that_is_not_trusted_is_told_once_and_in_own_words() {
    let world = World::with(|config| config.replace("ca_file = \"ca.pem\"\n", ""));
    let done = world.home.run(&["daemon", "--once"]);
    assert!(!done.stderr.contains("UnknownIssuer"), "{}", done.stderr);
    done.fails(1, "`ca_file` in [imap]");
}

#[test]
fn ctrl_c_ends_a_daemon_that_runs_once_while_the_mail_server_is_silent() {
    let world = World::with(|config| {
        // However far the command that orders got, the daemon tries at once.
        let timers = "[timers]\nwait_to_send = \"1 ms\"\nsubmit_first = \"1 ms\"\nsubmit_longest = \"1 ms\"\n";
        config.replace("[trust]", &format!("{timers}[trust]"))
    });
    let home = &world.home;
    home.write("order.toml", ORDER.as_bytes());
    let silent = Fault::SmtpSilent(SmtpStage::Greeting);
    world.room.faults().always(silent.clone());
    assert_eq!(home.json(&["order", "order.toml"])["state"], "queued");
    let before = world.room.faults().happened(&silent);
    let mut daemon = home
        .command(&["daemon", "--once"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait(
        || world.room.faults().happened(&silent) > before,
        || "nothing was submitted".to_owned(),
    );
    let pid = daemon.id().to_string();
    let mut interrupt = std::process::Command::new("kill");
    assert!(interrupt.args(["-INT", &pid]).status().unwrap().success());
    assert!(daemon.wait().unwrap().success());
    world.room.faults().clear();
    home.run(&["daemon", "--once"]).ok();
    assert_eq!(world.room.letters("orders@shop.example", "INBOX").len(), 1);
}

#[test]
fn an_order_outlives_a_refusal_of_the_account_and_the_doctor_says_what_it_waits_for() {
    let world = World::with(|config| {
        let timers = "[timers]\nwait_to_send = \"1 ms\"\nsubmit_first = \"50 ms\"\nsubmit_longest = \"50 ms\"\n";
        config.replace("[trust]", &format!("{timers}[trust]"))
    });
    let home = &world.home;
    home.write("order.toml", ORDER.as_bytes());
    let found = || {
        let checks = home.json(&["doctor"]);
        let outbox = checks.as_array().unwrap().iter();
        let mut outbox = outbox.filter(|c| c["name"] == "outbox");
        outbox.next().unwrap()["found"].as_str().unwrap().to_owned()
    };
    assert_eq!(found(), "no letter waits because it was not taken");
    // At MAIL the server knows nothing of the recipient: it is the account that it refuses.
    let refused = Fault::SmtpReply(SmtpStage::Mail, 550);
    world.room.faults().always(refused.clone());
    assert_eq!(home.json(&["order", "order.toml"])["state"], "queued");
    wait(
        || world.room.faults().happened(&refused) > 0,
        || "nothing was submitted".to_owned(),
    );
    wait(
        || {
            home.run(&["daemon", "--once"]).ok();
            found().starts_with("1 waiting, the next try at ")
        },
        found,
    );
    assert!(found().contains("ask the provider"), "{}", found());
    assert_eq!(home.json(&["warnings"]), serde_json::json!([]));
    // With a daemon, which has the ledger, the same; and after the mending it leaves by itself.
    let daemon = world.daemon();
    wait(|| found().starts_with("1 waiting"), found);
    world.room.faults().clear();
    let at_shop = || world.room.letters("orders@shop.example", "INBOX").len();
    wait(|| at_shop() == 1, || daemon.log());
    daemon.end();
}

#[test]
fn a_password_that_is_mended_while_the_daemon_waits_is_taken() {
    let world =
        World::with(|config| config.replace("retry_first", "retry_longest = \"1 h\"\nretry_first"));
    let home = &world.home;
    world.deliver(&record());
    home.write("password", b"wrong\n");
    let log = home.path().join("log");
    let mut daemon = home
        .command(&["daemon"])
        .stdin(Stdio::null())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let told = |text: &str| {
        let told = || std::fs::read_to_string(&log).unwrap();
        wait(|| told().contains(text), told);
    };
    told("check `user` and `password_file` in [imap]");
    home.write("password", b"room\n");
    told("attached to");
    told("new trade orders@shop.example/T-1001");
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}

#[test]
fn a_password_command_that_fails_ends_no_daemon() {
    let world = World::with(|config| {
        let command = "password_command = \"test -f open && cat password\"";
        let config = config.replacen("password_file = \"password\"", command, 1);
        config.replace("retry_first", "retry_longest = \"100 ms\"\nretry_first")
    });
    let home = &world.home;
    world.deliver(&record());
    let log = home.path().join("log");
    let mut daemon = home
        .command(&["daemon"])
        .stdin(Stdio::null())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let told = |text: &str| {
        let told = || std::fs::read_to_string(&log).unwrap();
        wait(|| told().contains(text), told);
    };
    told("the password can't be had now - `password_command` in [imap]");
    home.write("open", b"");
    told("new trade orders@shop.example/T-1001");
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    // A file that is not there is a fault of the configuration, told at once.
    let other = World::with(|c| c.replacen("\"password\"", "\"nowhere\"", 1));
    let done = other.home.run(&["daemon"]);
    done.fails(1, "config.toml:");
}

#[test]
fn a_question_is_answered_although_the_daemon_ends_before_it_could() {
    let home = Home::new();
    home.import(&[record().letter()]);
    let path = home.path().join("data/socket");
    let dying = UnixListener::bind(&path).unwrap();
    let ends = std::thread::spawn(move || {
        let (caller, _) = dying.accept().unwrap();
        std::fs::remove_file(&path).unwrap();
        drop((dying, caller));
    });
    let listed = home.json(&["list"]);
    ends.join().unwrap();
    assert_eq!(listed[0]["id"], "T-1001");
}
