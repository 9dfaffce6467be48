//! The map of the house, ARCHITECTURE.md: the files and the walls that it names are there, and what it tells of the
//! path of a letter goes through no file twice.

use std::collections::BTreeSet;
use std::fs;

use crate::house::root;
use crate::sources::files_under;
use crate::tokens::{end_of_group, texts, tokens};

const PATHS: [&str; 2] = ["The path of a letter in", "The path of an event out"];

#[test]
fn the_paths_of_a_letter_and_of_an_event_go_through_files_that_are_there() {
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
fn the_path_of_a_letter_in_goes_through_no_file_twice() {
    let map = map();
    let section = section(&map, PATHS[0]).unwrap();
    assert_eq!(named_again(&files(section)), [""; 0]);
}

#[test]
fn every_wall_on_the_map_is_a_test() {
    let map = map();
    let tests = tests_here();
    let walls = walls(section(&map, "Walls").unwrap());
    assert!(walls.len() > 2, "{walls:?}");
    for (wall, names) in walls {
        assert!(!names.is_empty(), "no test is named: {wall}");
        for name in names {
            assert!(tests.contains(&name), "there is no test {name}: {wall}");
        }
    }
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

fn named_again<'a>(files: &[&'a str]) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    let again = files.iter().filter(|file| !seen.insert(**file));
    again.copied().collect()
}

/// The items of the list, each with the tests in the parenthesis at its end.
fn walls(section: &str) -> Vec<(String, Vec<String>)> {
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

/// The tests of xtask.
fn tests_here() -> BTreeSet<String> {
    let files = files_under(&root().join("xtask/tests")).into_iter();
    files
        .flat_map(|file| tests_in(&fs::read_to_string(file).unwrap()))
        .collect()
}

fn tests_in(text: &str) -> Vec<String> {
    let code = tokens(text);
    let mut found = Vec::new();
    for at in 0..code.len() {
        if !texts(&code[at..], &["#", "[", "test", "]"]) {
            continue;
        }
        let mut at = at;
        while texts(&code[at..], &["#", "["]) {
            at = end_of_group(&code, at + 1);
        }
        if let [word, name, ..] = &code[at..]
            && word.text == "fn"
        {
            found.push(name.text.clone());
        }
    }
    found
}

fn map() -> String {
    fs::read_to_string(root().join("ARCHITECTURE.md"))
        .unwrap_or_else(|e| panic!("ARCHITECTURE.md: {e}"))
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
    let walls = walls(section(map, "Walls").unwrap());
    let names: Vec<String> = walls.iter().map(|(_, names)| names.join(" ")).collect();
    assert_eq!(names, ["no_circle none_at_all", "", "d"]);
    assert_eq!(walls[1].0, "Nothing (really)");
    let text = "#[test]\n#[ignore]\nfn a() {}\nfn b() {}\n// #[test] fn c() {}\n#[test] fn d() {}";
    assert_eq!(tests_in(text), ["a", "d"]);
    assert!(tests_here().contains("a_map_is_read_and_its_faults_are_seen"));
}
