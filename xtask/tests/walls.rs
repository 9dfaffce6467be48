//! The walls between the crates: who may depend on what, read from `cargo metadata`; and that the pure crates
//! do not reach for the clock, the disk or the network through the standard library either.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What a crate must not reach, at any depth, with the dependencies that its users get too.
const WALLS: &[(&str, &str)] = &[
    (
        "tradepost-statements",
        "tradepost-letters tradepost-trades mail-parser lettre async-imap tokio sled rand",
    ),
    (
        "tradepost-letters",
        "tradepost-trades lettre async-imap tokio sled rand",
    ),
    (
        "tradepost-trades",
        "tradepost-letters mail-parser lettre async-imap tokio sled rand",
    ),
    (
        "tradepost-buyer",
        "tradepost-parties tradepost-letters mail-parser lettre async-imap tokio sled rand",
    ),
    (
        "tradepost-parties",
        "tradepost-buyer tradepost-letters mail-parser lettre async-imap tokio sled rand",
    ),
    ("tradepost-store", "tradepost-post tradepost-proof tokio"),
    ("tradepost-proof", "tradepost-store tradepost-post sled"),
    ("tradepost-post", "tradepost-store tradepost-proof sled"),
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
        "tradepost-mailroom tradepost-mailbed tradepost-simulation tradepost-client",
    ),
    (
        "tradepost-client",
        "tradepost-mailroom tradepost-mailbed tradepost-simulation tradepost-server",
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
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
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

/// What a pure crate never says outside its tests.
const IMPURE: [&str; 13] = [
    "std::fs",
    "std::net",
    "std::process",
    "std::env",
    "std::thread",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "now_v7",
    "new_v4",
    "RandomState",
    "println!",
];

#[test]
fn the_pure_crates_have_no_clock_no_randomness_and_touch_nothing_outside() {
    let mut found = Vec::new();
    for name in ["statements", "letters", "trades", "buyer", "parties"] {
        let sources = sources_under(&root().join("protocol").join(name).join("src"));
        assert!(!sources.is_empty());
        for file in sources {
            // Compiled with the feature `mutants` only, which no program is built with.
            if file.ends_with("statements/src/rule/removed.rs") {
                continue;
            }
            let text = fs::read_to_string(&file).unwrap();
            let before_tests = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            for (number, line) in before_tests.lines().enumerate() {
                let code = line.split("//").next().unwrap();
                if IMPURE.iter().any(|word| code.contains(word)) {
                    found.push(format!(
                        "{}:{}: {}",
                        file.display(),
                        number + 1,
                        line.trim()
                    ));
                }
            }
        }
    }
    assert!(
        found.is_empty(),
        "time, ids and bytes are arguments in the pure crates:\n{}",
        found.join("\n")
    );
}

#[test]
fn agents_start_programs_in_the_one_place_that_withholds_secrets() {
    let place = root().join("protocol/agent/src/command/environment.rs");
    let starts = |file: &PathBuf| {
        let text = fs::read_to_string(file).unwrap();
        let before_tests = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        before_tests.contains("Command::new(")
    };
    let sources = [
        "protocol/store/src",
        "protocol/proof/src",
        "protocol/post/src",
        "protocol/agent/src",
        "client-agent/src",
        "server-agent/src",
    ]
    .map(|folder| sources_under(&root().join(folder)))
    .concat();
    let found: Vec<&PathBuf> = sources.iter().filter(|file| starts(file)).collect();
    assert_eq!(
        found,
        [&place],
        "have `Environment::command` make it, or no command at all"
    );
}

#[test]
fn no_source_file_outgrows_a_thousand_lines() {
    let mut found = Vec::new();
    for folder in [
        "protocol",
        "server-agent",
        "client-agent",
        "examples",
        "xtask",
    ] {
        for file in sources_under(&root().join(folder)) {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            if lines > 1000 {
                found.push(format!("{}: {lines} lines", file.display()));
            }
        }
    }
    assert!(
        found.is_empty(),
        "divide these files by what they are about:\n{}",
        found.join("\n")
    );
}

fn sources_under(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources_under(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
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

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}
