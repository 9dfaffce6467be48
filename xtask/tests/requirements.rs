//! Section 12 of protocol/README.md, and the tests that show what it demands: each requirement has a row, the files
//! and the telling test of the row are there, that test names the requirement in its marker, and no marker names
//! what is not demanded or not implemented.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use xtask::tree_tests::{TreeTest, TreeTests, tests_in};

/// What a row says instead of files and a test.
const LATER: &str = "Not implemented here yet.";

/// More files than these would send nobody anywhere.
const MOST_FILES: usize = 2;

#[test]
fn every_requirement_has_a_row_whose_files_and_telling_test_are_there() {
    let specification = specification();
    let tests = tests().tests;
    let mut listed = Vec::new();
    for row in rows(&specification) {
        assert_eq!(faults(&row, &tests), [""; 0], "{:?}", row.ids);
        listed.extend(row.ids);
    }
    let stated = stated(&specification);
    assert!(stated.len() > 40, "{stated:?}");
    assert_eq!(listed, stated);
}

#[test]
fn every_marker_stands_above_a_test_and_names_what_is_implemented() {
    let specification = specification();
    let tests = tests();
    assert_eq!(tests.astray, [""; 0]);
    let implemented = implemented(&specification);
    let marked = tests.tests.iter().filter(|t| !t.requirements.is_empty());
    assert!(marked.clone().count() > 150);
    for test in marked {
        assert_eq!(wrong_ids(test, &implemented), [""; 0], "{test:?}");
    }
}

#[test]
fn every_scenario_names_what_is_implemented() {
    let implemented = implemented(&specification());
    let mut named = 0;
    for entry in fs::read_dir(root().join("protocol/simulation/scenarios")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let rows = text.lines().find(|line| line.starts_with("rows = "));
        for id in rows.unwrap_or_default().split('"').skip(1).step_by(2) {
            assert!(implemented.contains(id), "{id}");
            named += 1;
        }
    }
    assert!(named > 30, "{named}");
}

#[test]
fn a_row_with_a_fault_is_found() {
    let tests = tests_in(
        "a/tests/b.rs",
        "// Requirements: E1\n#[test]\nfn shown() {}\n#[test]\nfn other() {}",
    )
    .tests
    .into_iter()
    .chain(
        tests_in(
            "c.rs",
            "// Requirements: E1\n#[test]\n#[ignore]\nfn idle() {}",
        )
        .tests,
    )
    .collect::<Vec<_>>();
    let row = |made: &str, shown: &str| Row {
        ids: vec!["E1".to_owned()],
        made: made.to_owned(),
        shown: shown.to_owned(),
    };
    let (made, shown) = ("`xtask/src/main.rs`", "`a/tests/b.rs`: `shown`");
    assert_eq!(faults(&row(made, shown), &tests), [""; 0]);
    assert_eq!(faults(&row(LATER, ""), &tests), [""; 0]);
    for wrong in [
        row("", shown),
        row("`xtask/src/mean.rs`", shown),
        row(
            "`xtask/src/main.rs`, `xtask/src/lib.rs`, `xtask/src/test.rs`",
            shown,
        ),
        row(made, ""),
        row(made, "`shown`"),
        row(made, "`c.rs`: `shown`"),
        row(made, "`a/tests/b.rs`: `unheard_of`"),
        row(made, "`a/tests/b.rs`: `other`"),
        row(made, "`a/tests/b.rs`: `shown`, `other`"),
        row(made, "`c.rs`: `idle`"),
        row(LATER, shown),
    ] {
        assert_eq!(faults(&wrong, &tests).len(), 1, "{wrong:?}");
    }
}

#[test]
fn a_marker_with_a_fault_is_found() {
    let implemented = BTreeSet::from(["E1".to_owned(), "E7".to_owned()]);
    for (text, ids, wrong, astray) in [
        (
            "// Requirements: E1, E7\n#[test]\nfn a() {}",
            "E1 E7",
            "",
            0,
        ),
        (
            "    // Requirements: E7\n    #[tokio::test(start_paused = true)]\n    async fn a() {}",
            "E7",
            "",
            0,
        ),
        (
            "/// E1: words.\n// Requirements: E1\n#[test]\n#[should_panic]\nfn a() {}",
            "E1",
            "",
            0,
        ),
        (
            "// Requirements: E1, E8\n#[test]\nfn a() {}",
            "E1 E8",
            "E8",
            0,
        ),
        (
            "// Requirements: E1, E1\n#[test]\nfn a() {}",
            "E1 E1",
            "E1",
            0,
        ),
        ("// Requirements: E1\n\n#[test]\nfn a() {}", "", "", 1),
        (
            "// Requirements: E1\nfn b() {}\n#[test]\nfn a() {}",
            "",
            "",
            1,
        ),
        ("// Requirements:\n#[test]\nfn a() {}", "", "", 1),
        ("/// Requirements: E1\n#[test]\nfn a() {}", "", "", 1),
        ("// requirement: E1\n#[test]\nfn a() {}", "", "", 1),
    ] {
        let found = tests_in("a.rs", text);
        let [test] = &found.tests[..] else {
            panic!("{text}: {found:?}");
        };
        assert_eq!(
            (test.name.as_str(), test.requirements.join(" ").as_str()),
            ("a", ids),
            "{text}"
        );
        assert_eq!(wrong_ids(test, &implemented).join(" "), wrong, "{text}");
        assert_eq!(found.astray.len(), astray, "{text}");
    }
}

#[test]
fn a_table_is_read_and_a_range_stands_for_its_ids() {
    let text = "## 12. Requirements\n\n| id | requirement |\n|----|----|\n| E1 | a |\n| H1 | b |\n| H2 | c |\n\n\
                ### Where each is made and tested\n\n| id | made in | shown by |\n|---|---|---|\n\
                | E1 | `a.rs` | `b.rs`: `c` |\n| H1 to H2 | Not implemented here yet. | |\n\n## 13. More\n| E9 | d | e |\n";
    assert_eq!(stated(text), ["E1", "H1", "H2"]);
    assert_eq!(implemented(text), BTreeSet::from(["E1".to_owned()]));
    let rows = rows(text);
    let ids: Vec<String> = rows.iter().map(|row| row.ids.join(" ")).collect();
    assert_eq!(ids, ["E1", "H1 H2"]);
    assert_eq!(rows[0].shown, "`b.rs`: `c`");
}

#[derive(Debug)]
struct Row {
    /// One, or those of a range.
    ids: Vec<String>,
    made: String,
    shown: String,
}

impl Row {
    fn is_for_later(&self) -> bool {
        self.made == LATER
    }
}

/// What is wrong with a row.
fn faults(row: &Row, tests: &[TreeTest]) -> Vec<String> {
    let mut found = Vec::new();
    if row.is_for_later() {
        if !row.shown.is_empty() {
            found.push("a test shows it, so it is implemented".to_owned());
        }
        return found;
    }
    let made = quoted(&row.made);
    if made.is_empty() || made.len() > MOST_FILES {
        found.push(format!("it is made in {} files", made.len()));
    }
    let missing = made
        .iter()
        .take(MOST_FILES)
        .filter(|path| !root().join(path).is_file());
    found.extend(missing.map(|path| format!("there is no {path}")));
    let shown = quoted(&row.shown);
    let [file, name] = &shown[..] else {
        found.push("one file and one test are to be named".to_owned());
        return found;
    };
    match tests.iter().find(|t| t.file == *file && t.name == *name) {
        None => found.push(format!("{file} has no test {name}")),
        Some(test) if test.is_ignored => found.push(format!("{name} is not run")),
        Some(test) => {
            let unmarked = row.ids.iter().filter(|id| !test.requirements.contains(id));
            found.extend(unmarked.map(|id| format!("the marker of {name} lacks {id}")));
        }
    }
    found
}

/// What a test names that nobody demands, that is not implemented, or that it names twice.
fn wrong_ids(test: &TreeTest, implemented: &BTreeSet<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let wrong = test
        .requirements
        .iter()
        .filter(|id| !implemented.contains(*id) || !seen.insert(*id));
    wrong.cloned().collect()
}

fn rows(specification: &str) -> Vec<Row> {
    let (_, table) = specification
        .split_once("### Where each is made and tested")
        .unwrap();
    let table = table.split("\n## ").next().unwrap();
    let lines = table.lines().filter_map(|line| Some((ids_of(line)?, line)));
    lines
        .map(|(ids, line)| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            assert_eq!(cells.len(), 5, "{line}");
            Row {
                ids,
                made: cells[2].to_owned(),
                shown: cells[3].to_owned(),
            }
        })
        .collect()
}

/// The ids of the requirements, in the order in which they are stated.
fn stated(specification: &str) -> Vec<String> {
    let (_, stated) = specification.split_once("## 12. Requirements").unwrap();
    let (stated, _) = stated.split_once("### Where each").unwrap();
    stated.lines().filter_map(ids_of).flatten().collect()
}

fn implemented(specification: &str) -> BTreeSet<String> {
    let rows = rows(specification).into_iter();
    rows.filter(|row| !row.is_for_later())
        .flat_map(|row| row.ids)
        .collect()
}

/// The ids in the first cell of a row: `E1`, or `H1 to H10`.
fn ids_of(line: &str) -> Option<Vec<String>> {
    let (cell, _) = line.strip_prefix("| ")?.split_once(" |")?;
    let (first, last) = cell.split_once(" to ").unwrap_or((cell, cell));
    let letter = first
        .get(..1)
        .filter(|letter| ["E", "Q", "H"].contains(letter))?;
    let number = |id: &str| id.strip_prefix(letter)?.parse::<u32>().ok();
    let ids = number(first)?..=number(last)?;
    Some(ids.map(|number| format!("{letter}{number}")).collect())
}

fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn tests() -> TreeTests {
    TreeTests::read(root()).unwrap()
}

fn specification() -> String {
    fs::read_to_string(root().join("protocol/README.md")).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
