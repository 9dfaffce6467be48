//! What the crates may depend on, read from `cargo metadata`: what their manifests name, and what they reach.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::house::{Crate, HOUSE, root};

/// Libraries that only these crates may name, not counting what they name for their tests.
const OWNED: [(&str, &str); 5] = [
    (
        "sled sqlx postgres tokio-postgres rusqlite",
        "tradepost-store",
    ),
    ("lettre async-imap", "tradepost-post"),
    ("mail-auth pgp", "tradepost-proof"),
    // Bars and spinners go to standard error by themselves.
    ("indicatif", "tradepost-agent"),
    (
        "clap clap_complete clap_mangen",
        "tradepost-client tradepost-server xtask examples",
    ),
];

/// What a crate must not reach, at any depth, with the dependencies that its users get too.
const WALLS: &[(&str, &str)] = &[
    (
        "tradepost-statements",
        "tradepost-letters tradepost-trades tradepost-post mail-parser lettre async-imap tokio sled rand",
    ),
    (
        "tradepost-letters",
        "tradepost-trades tradepost-post lettre async-imap tokio sled rand",
    ),
    (
        "tradepost-trades",
        "tradepost-letters tradepost-post mail-parser lettre async-imap tokio sled rand",
    ),
    (
        "tradepost-buyer",
        "tradepost-parties tradepost-letters tradepost-post mail-parser lettre async-imap tokio sled rand",
    ),
    (
        "tradepost-parties",
        "tradepost-buyer tradepost-letters tradepost-post mail-parser lettre async-imap tokio sled rand",
    ),
    (
        "tradepost-store",
        "tradepost-post tradepost-proof tokio lettre async-imap mail-auth clap",
    ),
    (
        "tradepost-proof",
        "tradepost-store tradepost-post lettre async-imap sled clap",
    ),
    (
        "tradepost-post",
        "tradepost-store tradepost-proof mail-auth sled clap tradepost-mailroom tradepost-mailbed tradepost-simulation",
    ),
    (
        "tradepost-agent",
        "tradepost-buyer tradepost-parties tradepost-mailroom tradepost-mailbed tradepost-simulation clap",
    ),
    (
        "tradepost-simulation",
        "tradepost-letters tradepost-post mail-parser lettre async-imap tokio sled rand",
    ),
    ("tradepost-mailroom", "tradepost-post lettre async-imap"),
    (
        "tradepost-server",
        "tradepost-mailroom tradepost-mailbed tradepost-simulation tradepost-client tradepost-buyer",
    ),
    (
        "tradepost-client",
        "tradepost-mailroom tradepost-mailbed tradepost-simulation tradepost-server tradepost-parties",
    ),
    (
        "xtask",
        "tradepost-statements tradepost-post tokio clap serde",
    ),
];

/// One TLS (rustls with ring) and one async runtime (tokio) in the whole tree, tests and build scripts included.
const NOWHERE: [&str; 6] = [
    "aws-lc-rs",
    "aws-lc-sys",
    "openssl",
    "openssl-sys",
    "native-tls",
    "async-std",
];

#[test]
fn every_manifest_names_what_it_may() {
    let manifests = manifests(&metadata());
    let found: Vec<String> = HOUSE
        .iter()
        .flat_map(|member| stretches(member, &manifests))
        .collect();
    assert_eq!(
        found, [""; 0],
        "the table in xtask/tests/walls/house.rs says what a manifest may name"
    );
}

#[test]
fn every_library_is_named_by_its_owners_only() {
    let manifests = manifests(&metadata());
    assert_eq!(trespasses(&manifests), [""; 0]);
    for (library, owner) in [
        ("sled", "tradepost-store"),
        ("lettre", "tradepost-post"),
        ("async-imap", "tradepost-post"),
        ("mail-auth", "tradepost-proof"),
        ("clap", "tradepost-client"),
        ("clap", "tradepost-server"),
    ] {
        assert!(
            manifests
                .get(owner)
                .is_some_and(|names| names.contains(library)),
            "{owner} no longer names {library}: say in the table who owns it"
        );
    }
}

/// What each member of the workspace names, neither for its tests nor for its build script.
type Manifests = BTreeMap<String, BTreeSet<String>>;

fn manifests(metadata: &Value) -> Manifests {
    let members = metadata["workspace_members"].as_array().unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let ours = packages.filter(|package| members.contains(&package["id"]));
    let named = ours.map(|package| {
        let all = package["dependencies"].as_array().unwrap().iter();
        let normal = all.filter(|dependency| dependency["kind"].is_null());
        let names = normal.map(|dependency| dependency["name"].as_str().unwrap().to_owned());
        (
            package["name"].as_str().unwrap().to_owned(),
            names.collect(),
        )
    });
    named.collect()
}

/// The crates of ours that a manifest names and may not.
fn stretches(member: &Crate, manifests: &Manifests) -> Vec<String> {
    let Some(named) = manifests.get(member.package) else {
        return vec![format!(
            "{} is not a member of the workspace",
            member.package
        )];
    };
    let ours = named.iter().filter(|name| manifests.contains_key(*name));
    let wrong = ours.filter(|name| !member.may_name.split(' ').any(|may| may == *name));
    wrong
        .map(|name| format!("{} names {name}", member.package))
        .collect()
}

/// The libraries that are named by a crate that does not own them.
fn trespasses(manifests: &Manifests) -> Vec<String> {
    let mut found = Vec::new();
    for (package, named) in manifests {
        for (libraries, owners) in OWNED {
            let owns = owners.split(' ').any(|owner| owner == package);
            let named = libraries
                .split(' ')
                .filter(|library| named.contains(*library));
            found.extend(
                named
                    .filter(|_| !owns)
                    .map(|library| format!("{package} names {library}, which {owners} may")),
            );
        }
    }
    found
}

#[test]
fn a_manifest_that_names_too_much_is_found() {
    let manifests = |package: &str, named: &str| -> Manifests {
        let named = named.split(' ').map(str::to_owned).collect();
        let mut manifests: Manifests = HOUSE
            .iter()
            .map(|member| (member.package.to_owned(), BTreeSet::new()))
            .collect();
        manifests.insert(package.to_owned(), named);
        manifests
    };
    let member = |package: &str| {
        HOUSE
            .iter()
            .find(|member| member.package == package)
            .unwrap()
    };
    for (package, named, wrong) in [
        ("tradepost-buyer", "serde tradepost-trades", &[][..]),
        (
            "tradepost-buyer",
            "tradepost-letters tradepost-parties",
            &[
                "tradepost-buyer names tradepost-letters",
                "tradepost-buyer names tradepost-parties",
            ],
        ),
        (
            "tradepost-statements",
            "tradepost-trades",
            &["tradepost-statements names tradepost-trades"],
        ),
        ("tradepost-client", "tradepost-buyer tradepost-agent", &[]),
    ] {
        assert_eq!(
            stretches(member(package), &manifests(package, named)),
            wrong
        );
    }
    assert_eq!(
        stretches(member("tradepost-buyer"), &Manifests::new()),
        ["tradepost-buyer is not a member of the workspace"]
    );
    assert_eq!(
        trespasses(&manifests("tradepost-store", "sled serde")),
        [""; 0]
    );
    assert_eq!(trespasses(&manifests("xtask", "clap serde")), [""; 0]);
    assert_eq!(
        trespasses(&manifests("tradepost-agent", "sled clap")),
        [
            "tradepost-agent names sled, which tradepost-store may",
            "tradepost-agent names clap, which tradepost-client tradepost-server xtask examples may",
        ]
    );
}

#[test]
fn nothing_in_the_tree_brings_another_tls_or_another_runtime() {
    let graph = Graph::of_the_workspace();
    let found: Vec<&str> = NOWHERE
        .into_iter()
        .filter(|name| graph.names.contains(*name))
        .collect();
    assert_eq!(found, [""; 0], "`cargo tree -i NAME` says who brings it");
    assert!(graph.names.contains("rustls"), "the graph was read");
}

#[test]
fn every_crate_stays_behind_its_wall() {
    let graph = Graph::of_the_workspace();
    for (from, forbidden) in WALLS {
        let reached = graph.reach(from);
        assert!(
            !reached.is_empty(),
            "{from} is not a member of the workspace"
        );
        let through: Vec<&str> = forbidden
            .split(' ')
            .filter(|name| reached.contains(*name))
            .collect();
        assert!(
            through.is_empty(),
            "{from} reaches {through:?}; `cargo tree -e normal -p {from} -i NAME` says how"
        );
    }
}

#[test]
fn the_walls_are_seen_through_where_there_is_none() {
    let graph = Graph::of_the_workspace();
    assert!(graph.reach("tradepost-post").contains("tokio"));
    assert!(
        graph
            .reach("tradepost-client")
            .contains("tradepost-statements")
    );
    // Only its tests use it.
    assert!(!graph.reach("tradepost-client").contains("tempfile"));
}

/// Which resolved packages depend on which. Names only: two versions of one package count as one.
struct Graph {
    names: BTreeSet<String>,
    /// Dependencies that users of the package get too: neither for its tests nor for its build script.
    normal: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    fn of_the_workspace() -> Graph {
        let metadata = metadata();
        let name_of: BTreeMap<&str, &str> = metadata["packages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|package| {
                (
                    package["id"].as_str().unwrap(),
                    package["name"].as_str().unwrap(),
                )
            })
            .collect();
        let mut graph = Graph {
            names: BTreeSet::new(),
            normal: BTreeMap::new(),
        };
        for node in metadata["resolve"]["nodes"].as_array().unwrap() {
            let name = name_of[node["id"].as_str().unwrap()];
            graph.names.insert(name.to_owned());
            let edges = graph.normal.entry(name.to_owned()).or_default();
            for dependency in node["deps"].as_array().unwrap() {
                let kinds = dependency["dep_kinds"].as_array().unwrap();
                if kinds.iter().any(|kind| kind["kind"].is_null()) {
                    edges.insert(name_of[dependency["pkg"].as_str().unwrap()].to_owned());
                }
            }
        }
        graph
    }

    /// `from` and everything it reaches; empty when there is no such package.
    fn reach(&self, from: &str) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        let mut open = vec![from.to_owned()];
        while let Some(name) = open.pop() {
            let Some(next) = self.normal.get(&name) else {
                continue;
            };
            if reached.insert(name) {
                open.extend(next.iter().cloned());
            }
        }
        reached
    }
}

fn metadata() -> Value {
    // What was compiled for this system is there: nothing is fetched, whatever the network and the clock.
    let platform = format!("--filter-platform={}", host());
    let output = cargo()
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .arg(platform)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    // With a moved clock: cargo goes by the age of files, and rustc hangs under libfaketime in some zones.
    cargo.env_remove("LD_PRELOAD");
    cargo
}

/// The platform that cargo runs on.
fn host() -> String {
    let version = cargo().arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.expect("cargo -vV names it").to_owned()
}
