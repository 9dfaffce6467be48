//! What commands that the buyer's agent runs get of its environment: all but secrets and its own
//! variables, or what the configuration lists.
#![allow(clippy::unwrap_used)]

mod support;

use std::os::unix::fs::PermissionsExt;

use support::Home;
use support::letters::{delivered, record};
use support::world::{World, wait};

/// Both programs that ask for a password, the one that is told what happens, and the editor note
/// what they see under their own names, in the folder `seen`.
const NOTE: &str = r#"#!/bin/sh
seen="$(dirname "$0")/seen/$1"
tr '\0' '\n' < /proc/$$/environ > "$seen.new"
ls -l /proc/$$/fd > "$seen.fds"
mv "$seen.new" "$seen"
"#;

/// The mailbox's password is a variable, the other one a command's; `more` stands in each section
/// that names a command.
fn world(more: &str) -> World {
    let world = World::new();
    let home = &world.home;
    let note = home.write("note", NOTE.as_bytes());
    std::fs::set_permissions(&note, std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::create_dir(home.path().join("seen")).unwrap();
    let note = note.display();
    let config = std::fs::read_to_string(home.path().join("config.toml")).unwrap();
    let (imap, smtp) = config.split_once("[smtp]").unwrap();
    let imap = imap.replace(
        "password_file = \"password\"",
        "password_env = \"MAIL SECRET\"",
    );
    let command = format!("password_command = \"{note} password; echo room\"\n{more}");
    let smtp = smtp.replace("password_file = \"password\"\n", &command);
    let notify = format!("[notify]\ncommand = [\"{note}\", \"notify\"]\n{more}");
    home.write(
        "config.toml",
        format!("{imap}[smtp]{smtp}{notify}").as_bytes(),
    );
    world
}

/// Runs a command with the password and others' variables in the environment.
fn run(home: &Home, args: &[&str]) {
    let note = home.path().join("note");
    let done = home
        .command(args)
        .env("MAIL SECRET", "room")
        .env("TRADEPOST_LOG", "info")
        .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
        .env("VISUAL", format!("'{}' editor", note.display()))
        .output()
        .unwrap();
    assert!(done.status.success(), "{args:?}: {done:?}");
}

fn seen(home: &Home, by: &str) -> Vec<String> {
    let file = home.path().join("seen").join(by);
    wait(|| file.exists(), || format!("{by} was not run"));
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Has each of the commands run.
fn run_all(world: &World) {
    let home = &world.home;
    world.deliver(&record());
    world.deliver(&delivered(1));
    run(home, &["daemon", "--once"]);
    run(home, &["reorder", "T-1001", "--edit", "--yes"]);
}

#[test]
fn no_command_gets_a_password_or_a_variable_of_the_agents_own() {
    let world = world("");
    let home = &world.home;
    run_all(&world);
    for by in ["password", "notify", "editor"] {
        let seen = seen(home, by);
        let has = |start: &str| seen.iter().any(|line| line.starts_with(start));
        assert!(!has("MAIL SECRET"), "{by}: {seen:?}");
        assert!(!has("TRADEPOST_"), "{by}: {seen:?}");
        assert!(
            !seen.iter().any(|line| line.contains("=room")),
            "{by}: {seen:?}"
        );
        assert!(
            has("DBUS_SESSION_BUS_ADDRESS=unix:path=/nowhere"),
            "{by}: {seen:?}"
        );
        assert!(has("PATH=") && has("TZ=UTC"), "{by}: {seen:?}");
    }
}

#[test]
fn no_command_inherits_the_mailbox_or_the_ledger() {
    let world = world("");
    let home = &world.home;
    run_all(&world);
    for by in ["password", "notify", "editor"] {
        let open = std::fs::read_to_string(home.path().join(format!("seen/{by}.fds"))).unwrap();
        let data = home.path().join("data");
        assert!(open.contains(" 0 -> "), "its own are listed: {open}");
        assert!(
            !open.contains("socket:") && !open.contains(data.to_str().unwrap()),
            "{by}: {open}"
        );
    }
}

#[test]
fn a_cleared_environment_has_what_is_listed_and_nothing_else() {
    let world = world("env_clear = true\nenv = [\"PATH\", \"TZ\", \"NOT_SET\"]\n");
    let home = &world.home;
    run_all(&world);
    for by in ["password", "notify"] {
        let seen = seen(home, by);
        let name = |line: &String| line.split('=').next().unwrap().to_owned();
        let mut names: Vec<String> = seen.iter().map(name).collect();
        names.sort();
        // The last ones are those that a shell sets for itself.
        names.retain(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(&name.as_str()));
        assert_eq!(names, ["PATH", "TZ"], "{by}");
    }
}

#[test]
fn a_list_that_cannot_be_had_is_refused_with_its_line() {
    let world = world("");
    let home = &world.home;
    let config = std::fs::read_to_string(home.path().join("config.toml")).unwrap();
    home.run(&["list"]).ok();
    for (more, says) in [
        (
            "env_clear = true\nenv = [\"MAIL SECRET\"]",
            "holds a secret",
        ),
        (
            "env_clear = true\nenv = [\"TRADEPOST_DATA\"]",
            "Tradepost's own",
        ),
        ("env = [\"HOME\"]", "needs env_clear = true"),
    ] {
        home.write("config.toml", format!("{config}{more}\n").as_bytes());
        home.run(&["list"]).fails(1, says);
    }
    let without = config.replace("command = [\"", "desktop = false #");
    home.write(
        "config.toml",
        format!("{without}env_clear = true\n").as_bytes(),
    );
    home.run(&["list"])
        .fails(1, "nothing is run here without command");
}
