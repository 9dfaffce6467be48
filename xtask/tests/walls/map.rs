//! The map of the house, ARCHITECTURE.md: the files, the walls and the tests that it names are there, and no path that
//! it tells goes through a file twice.

use std::collections::BTreeSet;
use std::fs;

use xtask::tree_tests::{TreeTests, tests_in};

use crate::house::root;

const PATHS: [&str; 4] = [
    "The path of a letter in",
    "The path of an event out",
    "The path of a question",
    "The path of a timer",
];

#[test]
fn every_path_on_the_map_goes_through_files_that_are_there() {
    let map = map();
    for heading in PATHS {
        let files = files(section(&map, heading).unwrap_or_else(|| panic!("no section {heading}")));
        assert!(files.len() > 2, "{heading}: {files:?}");
        for file in files {
            assert!(root().join(file).is_file(), "{heading}: there is no {file}");
        }
    }
}

#[test]
fn no_path_on_the_map_goes_through_a_file_twice() {
    let map = map();
    for heading in PATHS {
        let section = section(&map, heading).unwrap();
        assert_eq!(named_again(&files(section)), [""; 0], "{heading}");
    }
}

#[test]
fn every_wall_on_the_map_is_a_test() {
    let map = map();
    let tests = tests_here();
    let walls = listed(section(&map, "Walls").unwrap());
    assert!(walls.len() > 2, "{walls:?}");
    for (wall, names) in walls {
        assert!(!names.is_empty(), "no test is named: {wall}");
        for name in names {
            let here = ("xtask/tests".to_owned(), name);
            assert!(is_there(&here, &tests), "there is no test {here:?}: {wall}");
        }
    }
}

#[test]
fn every_invariant_on_the_map_is_guarded_by_a_test() {
    let map = map();
    let tests = tests_here();
    let invariants = listed(section(&map, "Invariants").unwrap());
    assert!(invariants.len() >= 20, "{}", invariants.len());
    for (invariant, names) in invariants {
        let guards = guards(&names);
        assert!(!guards.is_empty(), "no test is named: {invariant}");
        for guard in guards {
            assert!(
                is_there(&guard, &tests),
                "{guard:?} is no test that is run: {invariant}"
            );
        }
    }
}

#[test]
fn every_file_and_folder_that_a_guide_names_is_there() {
    for (guide, at_least) in [
        ("ARCHITECTURE.md", 40),
        ("CONTRIBUTING.md", 20),
        ("protocol/docs/decisions.md", 10),
    ] {
        let text = read(guide);
        let named = paths(&text);
        assert!(named.len() >= at_least, "{guide}: {}", named.len());
        for path in named {
            assert!(root().join(path).exists(), "{guide}: there is no {path}");
        }
    }
}

#[test]
fn every_test_that_a_guide_names_is_run() {
    let tests = tests_here().tests;
    let run: BTreeSet<&str> = tests
        .iter()
        .filter(|test| !test.is_ignored)
        .map(|test| test.name.as_str())
        .collect();
    let mut seen = 0;
    for guide in [
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "protocol/docs/decisions.md",
    ] {
        for name in sentences(&read(guide)) {
            assert!(run.contains(name), "{guide}: no test {name} is run");
            seen += 1;
        }
    }
    assert!(seen > 60, "{seen}");
}

/// What stands below `## heading`, up to the next heading of this height.
fn section<'a>(map: &'a str, heading: &str) -> Option<&'a str> {
    let (_, below) = map.split_once(&format!("\n## {heading}\n"))?;
    below.split("\n## ").next()
}

/// What stands in backquotes and ends in `.rs`.
fn files(section: &str) -> Vec<&str> {
    let quoted = section.split('`').skip(1).step_by(2);
    quoted.filter(|name| name.ends_with(".rs")).collect()
}

/// What stands in backquotes and is a path from the top of the tree, without patterns.
fn paths(text: &str) -> Vec<&str> {
    const TOPS: [&str; 5] = [
        "protocol/",
        "client-agent/",
        "server-agent/",
        "examples/",
        "xtask/",
    ];
    let quoted = text.split('`').skip(1).step_by(2);
    let is_a_path = |name: &&str| {
        TOPS.iter().any(|top| name.starts_with(top)) && !name.contains([' ', '*', '{', '<', '\n'])
    };
    quoted.filter(is_a_path).collect()
}

/// What stands in backquotes and is the name of a test: words, which no other name has so many of.
fn sentences(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let is_a_sentence = |name: &&str| {
        let is_of_a_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        name.matches('_').count() >= 3 && name.chars().all(is_of_a_name)
    };
    quoted.filter(is_a_sentence).collect()
}

fn named_again<'a>(files: &[&'a str]) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    let again = files.iter().filter(|file| !seen.insert(**file));
    again.copied().collect()
}

/// The items of the list, each with the tests in the parenthesis at its end.
fn listed(section: &str) -> Vec<(String, Vec<String>)> {
    let list = format!("\n{section}");
    let items = list.split("\n- ").skip(1).map(|item| {
        let item = item.split("\n\n").next().unwrap_or_default();
        let item = item.split_whitespace().collect::<Vec<_>>().join(" ");
        let end = item.trim_end_matches(['.', ';']);
        let tests = end.strip_suffix(')').and_then(|rest| rest.rsplit_once('('));
        let names = tests
            .map_or("", |(_, tests)| tests)
            .split('`')
            .skip(1)
            .step_by(2);
        let names = names.map(str::to_owned).collect();
        (item, names)
    });
    items.collect()
}

/// Folder and test, by turns.
fn guards(names: &[String]) -> Vec<(String, String)> {
    let (pairs, rest) = names.as_chunks::<2>();
    assert!(
        rest.is_empty(),
        "a folder and a test belong together: {names:?}"
    );
    let pairs = pairs
        .iter()
        .map(|[folder, test]| (folder.clone(), test.clone()));
    pairs.collect()
}

fn is_there((folder, name): &(String, String), tests: &TreeTests) -> bool {
    let start = format!("{folder}/");
    let mut named = tests.tests.iter().filter(|test| test.name == *name);
    named.any(|test| test.file.starts_with(&start) && !test.is_ignored)
}

fn tests_here() -> TreeTests {
    TreeTests::read(root()).unwrap()
}

fn map() -> String {
    read("ARCHITECTURE.md")
}

fn read(guide: &str) -> String {
    fs::read_to_string(root().join(guide)).unwrap_or_else(|e| panic!("{guide}: {e}"))
}

#[test]
fn a_map_is_read_and_its_faults_are_seen() {
    let map = "# Map\n\n## The path of a letter in\n\n1. `a/b.rs` fetches (`Letter`).\n2. `c.rs`, then\n   `a/b.rs`.\n\n\
               ## Walls\n\nWhat holds:\n- No circle, in `a` (b)\n  or c (`no_circle`,\n  `none_at_all`).\n- Nothing (really)\n\n\
               And so on.\n\n### More\n- `c` (`d`)\n\n## Next\n- e (`f`)\n";
    let path = files(section(map, PATHS[0]).unwrap());
    assert_eq!(path, ["a/b.rs", "c.rs", "a/b.rs"]);
    assert_eq!(named_again(&path), ["a/b.rs"]);
    assert_eq!(named_again(&path[..2]), [""; 0]);
    assert_eq!(section(map, PATHS[1]), None);
    let text = "`protocol/a.rs` and `b/c`, `xtask/{d,e}.rs`,\n```\n$ ls protocol/\n```\nthen `examples/f` `g`";
    assert_eq!(paths(text), ["protocol/a.rs", "examples/f"]);
    let text = "`no_flag_changes_here`, `A_B_C_D` `sync_file_range` and `not this_is_a_name`";
    assert_eq!(sentences(text), ["no_flag_changes_here", "A_B_C_D"]);
    let walls = listed(section(map, "Walls").unwrap());
    let names: Vec<String> = walls.iter().map(|(_, names)| names.join(" ")).collect();
    assert_eq!(names, ["no_circle none_at_all", "", "d"]);
    assert_eq!(walls[1].0, "Nothing (really)");
}

#[test]
fn a_test_that_is_not_there_or_not_run_guards_nothing() {
    let text = "#[test]\n#[ignore]\nfn a() {}\nfn b() {}\n// #[test] fn c() {}\n#[test] fn d() {}\n\
                #[ignore = \"long\"]\n#[tokio::test]\nasync fn e() {}\n#[tokio::test]\nasync fn f() {}";
    let tests = tests_in("g/src/h.rs", text);
    let is_there =
        |folder: &str, name: &str| is_there(&(folder.to_owned(), name.to_owned()), &tests);
    for (name, guards) in [
        ("a", false),
        ("b", false),
        ("c", false),
        ("d", true),
        ("e", false),
        ("f", true),
    ] {
        assert_eq!(is_there("g", name), guards, "{name}");
    }
    assert!(!is_there("g/tests", "d"));
    assert!(!is_there("h", "d"));
    let names = ["g", "d", "g", "f"].map(str::to_owned);
    assert_eq!(guards(&names).len(), 2);
}
