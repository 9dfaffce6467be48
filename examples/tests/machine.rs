//! What the agents leave on the machine belongs to their owner alone: files, folders, and the socket.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use support::agent::Agent;
use support::purchase::{Cast, order_and_confirm, order_reaches};
use support::{SHOP, World};

#[test]
fn every_file_of_the_agents_is_their_owners_alone_whatever_the_umask() {
    let world = World::in_a_mailroom();
    let Cast {
        ann,
        shop,
        carrier,
        processor,
    } = Cast::of(&world);
    let permissive = |agent: Agent| agent.after("umask 000");
    let mut cast = Cast {
        ann: permissive(ann),
        shop: permissive(shop),
        carrier: permissive(carrier),
        processor: permissive(processor),
    };
    cast.start();
    let trade = order_and_confirm(&world, &cast.ann);
    let id = trade["id"].as_str().unwrap();
    cast.shop.tell(&[
        json!({"key": "s1", "shop": SHOP, "trade": id, "track": "order", "state": "preparing"}),
    ]);
    order_reaches(&cast.ann, id, "preparing");

    for agent in cast.all() {
        let found = all_in(agent.data());
        let files = found.iter().filter(|path| path.is_file()).count();
        assert!(files >= 3, "{}: {found:#?}", agent.name);
        assert!(found.iter().any(|path| is_socket(path)), "{found:#?}");
        for path in found.iter().filter(|path| !path.is_symlink()) {
            let wanted = if path.is_dir() { 0o700 } else { 0o600 };
            let mode = fs::symlink_metadata(path).unwrap().mode() & 0o777;
            assert_eq!(mode, wanted, "{}: {mode:o}", path.display());
        }
    }
    // The umask was what it was said to be: the shell that set it left it to another program.
    let made = world.dir().join("made-by-others");
    let others = Command::new("/bin/sh")
        .args(["-c", "umask 000 && exec \"$0\" \"$@\"", "touch"])
        .arg(&made)
        .status();
    assert!(others.unwrap().success());
    assert_eq!(fs::metadata(&made).unwrap().mode() & 0o777, 0o666);
}

#[test]
fn the_socket_lets_in_its_owner_and_no_other_user() {
    // Root, to become somebody else.
    if tradepost_mailbed::require().is_none() {
        return;
    }
    let world = World::in_a_mailroom();
    open_to_all(world.dir());
    // Somebody else gets as far as to sockets in this folder.
    let open = world.dir().join("open");
    let _listener = UnixListener::bind(&open).unwrap();
    fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
    assert_eq!(knock_as("nobody", &open), Ok(()));

    let mut cast = Cast::of(&world);
    for agent in [&mut cast.ann, &mut cast.shop] {
        agent.start();
        let socket = agent.data().join("socket");
        support::wait::until("the socket is there", || socket.exists().then_some(()));
        assert_eq!(knock_as("root", &socket), Ok(()), "{}", agent.name);
        let refused = Err("Permission denied".to_owned());
        assert_eq!(knock_as("nobody", &socket), refused, "{}", agent.name);
        // Nor would they, had the owner opened the folder.
        open_to_all(agent.data());
        assert_eq!(knock_as("nobody", &socket), refused, "{}", agent.name);
        assert_eq!(knock_as("root", &socket), Ok(()), "{}", agent.name);
    }
}

#[test]
fn a_password_is_read_from_a_private_file_and_through_no_link() {
    let world = World::in_a_mailroom();
    let (password, elsewhere) = (world.dir().join("password"), world.dir().join("elsewhere"));
    for agent in [world.buyer(), world.shop()] {
        let doctor = || {
            let outcome = agent.run(&["doctor"]);
            format!("{}{}", outcome.stdout, outcome.stderr)
        };
        let well = doctor();
        assert!(!well.contains("password_file"), "{well}");

        fs::set_permissions(&password, Permissions::from_mode(0o640)).unwrap();
        assert!(doctor().contains("chmod 600"), "{}", agent.name);
        fs::set_permissions(&password, Permissions::from_mode(0o600)).unwrap();

        fs::rename(&password, &elsewhere).unwrap();
        symlink(&elsewhere, &password).unwrap();
        let linked = doctor();
        assert!(
            linked.contains("password_file") && linked.contains("link"),
            "{linked}"
        );
        fs::remove_file(&password).unwrap();
        fs::rename(&elsewhere, &password).unwrap();
        assert_eq!(doctor(), well);
    }
}

/// A folder and all that is in it, links included.
fn all_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_path_buf()];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(all_in(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn is_socket(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

fn open_to_all(folder: &Path) {
    fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
}

/// Connects to a socket as another user; the system's word where that is refused.
fn knock_as(user: &str, socket: &Path) -> Result<(), String> {
    // Perl is on every Debian, and needs nothing of the folder that this test was built in.
    let script = "socket(S, PF_UNIX, SOCK_STREAM, 0) or die; \
                  connect(S, sockaddr_un($ARGV[0])) or print $!;";
    let group = if user == "root" { "root" } else { "nogroup" };
    let output = Command::new("setpriv")
        .arg(format!("--reuid={user}"))
        .arg(format!("--regid={group}"))
        .args(["--clear-groups", "perl", "-MSocket", "-e", script])
        .arg(socket)
        .current_dir("/")
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    match String::from_utf8(output.stdout).unwrap() {
        said if said.is_empty() => Ok(()),
        said => Err(said),
    }
}
