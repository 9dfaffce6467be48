//! The table of protocol/README.md that says where each requirement is made and tested: every path and every test
//! in it is there, and no requirement of the trade between buyer and servers is left out.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::Path;

/// Encrypting comes with OpenPGP, and all of H with the hub.
const LATER: [&str; 1] = ["E25"];

#[test]
fn every_requirement_names_files_and_tests_that_are_there() {
    let specification = specification();
    let rows = rows(&specification);
    for row in &rows {
        assert_eq!(faults(row), [""; 0], "{}", row.id);
    }
    let stated = stated(&specification);
    assert!(stated.len() > 30, "{stated:?}");
    let listed: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(listed, stated);
}

#[test]
fn a_row_with_a_wrong_path_or_a_wrong_test_is_found() {
    let row = |made: &str, tested: &str| Row {
        id: "E1".to_owned(),
        made: quoted(made),
        tested: quoted(tested),
    };
    let (made, test) = (
        "`xtask/src/main.rs`",
        "`a_row_with_a_wrong_path_or_a_wrong_test_is_found`",
    );
    let tests = format!("`xtask/tests/requirements.rs`: {test}");
    assert_eq!(faults(&row(made, &tests)), [""; 0]);
    for wrong in [
        row("`xtask/src/mean.rs`", &tests),
        row("", &tests),
        row(made, "`xtask/tests/requirements.rs`"),
        row(made, &format!("`xtask/tests/usage.rs`: {test}")),
        row(made, &format!("{test} in `xtask/tests/requirements.rs`")),
        row(made, "`xtask/tests/requirements.rs`: `faults`"),
        row(made, ""),
    ] {
        assert_eq!(faults(&wrong).len(), 1, "{wrong:?}");
    }
}

#[derive(Debug)]
struct Row {
    id: String,
    /// What stands in backquotes.
    made: Vec<String>,
    tested: Vec<String>,
}

/// What is wrong with a row.
fn faults(row: &Row) -> Vec<String> {
    let mut found: Vec<String> = row
        .made
        .iter()
        .filter(|path| !root().join(path).is_file())
        .map(|path| format!("there is no {path}"))
        .collect();
    if row.made.is_empty() {
        found.push("it is made nowhere".to_owned());
    }
    let mut file: Option<(&str, String)> = None;
    let mut tests = 0;
    for name in &row.tested {
        if name.contains('/') {
            match fs::read_to_string(root().join(name)) {
                Ok(text) => file = Some((name, text)),
                Err(_) => found.push(format!("there is no {name}")),
            }
            continue;
        }
        tests += 1;
        match &file {
            Some((_, text)) if is_a_test(text, name) => {}
            Some((path, _)) => found.push(format!("{path} has no test {name}")),
            None => found.push(format!("{name} is in no file")),
        }
    }
    if tests == 0 && found.is_empty() {
        found.push("nothing tests it".to_owned());
    }
    found
}

/// A function with that name, and the attribute of a test above it.
fn is_a_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let start = format!("fn {name}(");
    let Some(at) = lines
        .iter()
        .position(|line| line.trim_start_matches("async ").starts_with(&start))
    else {
        return false;
    };
    let above = lines[..at].iter().rev();
    let attributes = above.take_while(|line| line.starts_with("#[") || line.starts_with("//"));
    attributes
        .into_iter()
        .any(|line| line.starts_with("#[test") || line.starts_with("#[tokio::test"))
}

fn rows(specification: &str) -> Vec<Row> {
    let (_, table) = specification
        .split_once("### Where each is made and tested")
        .unwrap();
    let table = table.split("\n## ").next().unwrap();
    let lines = table.lines().filter(|line| is_a_row(line));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            assert_eq!(cells.len(), 5, "{line}");
            Row {
                id: cells[1].to_owned(),
                made: quoted(cells[2]),
                tested: quoted(cells[3]),
            }
        })
        .collect()
}

/// The requirements of the trade between buyer and servers, as they are stated.
fn stated(specification: &str) -> Vec<&str> {
    let (_, stated) = specification.split_once("## 12. Requirements").unwrap();
    let (stated, _) = stated.split_once("### H:").unwrap();
    let rows = stated.lines().filter(|line| is_a_row(line));
    rows.map(|line| line.split('|').nth(1).unwrap().trim())
        .filter(|id| !LATER.contains(id))
        .collect()
}

fn is_a_row(line: &str) -> bool {
    let id = line
        .strip_prefix("| ")
        .and_then(|rest| rest.split(' ').next());
    id.is_some_and(|id| {
        let number = id.strip_prefix(['E', 'Q', 'H']);
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    })
}

fn quoted(cell: &str) -> Vec<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

fn specification() -> String {
    fs::read_to_string(root().join("protocol/README.md")).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
