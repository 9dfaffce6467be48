//! The tests of this tree as they stand in its files, and the requirements (protocol 12) that they show. A test
//! names them in a comment directly above its attribute:
//!
//! ```text
//! // Requirements: E7, E23
//! #[test]
//! fn a_cancellation_before_shipping_stops_the_trade() {
//! ```
//!
//! What the compiler sees is not asked: a file is read line by line.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const MARKER: &str = "// Requirements: ";
const ATTRIBUTES: [&str; 2] = ["#[test]", "#[tokio::test"];

/// A test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeTest {
    /// Its file, from the top of the tree.
    pub file: String,
    /// Its function.
    pub name: String,
    /// The ids in its marker, as they stand there.
    pub requirements: Vec<String>,
    /// It is not run unless it is asked for.
    pub is_ignored: bool,
}

/// The tests of some files.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TreeTests {
    /// By file, in the order in which they stand there.
    pub tests: Vec<TreeTest>,
    /// Markers that stand above no test, name no id, or are written in another way: file and line.
    pub astray: Vec<String>,
}

impl TreeTests {
    /// All tests below the top of a tree.
    ///
    /// # Errors
    /// A folder or a source file that can't be read.
    pub fn read(top: &Path) -> io::Result<TreeTests> {
        let mut all = TreeTests::default();
        for file in source_files(top)? {
            let text = fs::read_to_string(&file)
                .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", file.display())))?;
            let shown = file.strip_prefix(top).unwrap_or(&file);
            let found = tests_in(&shown.to_string_lossy(), &text);
            all.tests.extend(found.tests);
            all.astray.extend(found.astray);
        }
        Ok(all)
    }

    /// The tests that show a requirement.
    pub fn showing<'t>(&'t self, id: &'t str) -> impl Iterator<Item = &'t TreeTest> {
        let shows = move |test: &&TreeTest| test.requirements.iter().any(|shown| shown == id);
        self.tests.iter().filter(shows)
    }
}

/// The tests in the text of a file.
#[must_use]
pub fn tests_in(file: &str, text: &str) -> TreeTests {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut found = TreeTests::default();
    for (at, line) in lines.iter().enumerate() {
        let below = lines.get(at + 1).copied().unwrap_or_default();
        if is_meant_as_a_marker(line) && (ids_of(line).is_empty() || !is_of_a_test(below)) {
            found.astray.push(format!("{file}:{}", at + 1));
        }
        if !is_of_a_test(line) {
            continue;
        }
        let above = lines[..at].iter().rev();
        let is_with_it = |line: &&&str| line.starts_with("#[") || line.starts_with("//");
        let attributes = above.take_while(is_with_it);
        let Some(name) = lines[at..].iter().find_map(|line| name_of(line)) else {
            continue;
        };
        let behind = lines[at..]
            .iter()
            .take_while(|line| name_of(line).is_none());
        let marker = at.checked_sub(1).and_then(|above| lines.get(above));
        found.tests.push(TreeTest {
            file: file.to_owned(),
            name: name.to_owned(),
            requirements: marker.map_or_else(Vec::new, |line| ids_of(line)),
            is_ignored: attributes
                .chain(behind)
                .any(|line| line.starts_with("#[ignore")),
        });
    }
    found
}

/// The ids of a marker; none for any other line.
fn ids_of(line: &str) -> Vec<String> {
    let ids = line.strip_prefix(MARKER).unwrap_or_default().split(',');
    ids.map(|id| id.trim().to_owned())
        .filter(|id| !id.is_empty())
        .collect()
}

/// A comment that begins with the word, in whatever form.
fn is_meant_as_a_marker(line: &str) -> bool {
    let Some(comment) = line.strip_prefix("//") else {
        return false;
    };
    let words = comment.trim_start_matches('/').trim_start();
    let (word, _) = words.split_once(':').unwrap_or_default();
    ["requirement", "requirements"].contains(&word.to_ascii_lowercase().as_str())
}

fn is_of_a_test(line: &str) -> bool {
    ATTRIBUTES.iter().any(|start| line.starts_with(start))
}

fn name_of(line: &str) -> Option<&str> {
    let (before, behind) = line.split_once("fn ")?;
    let is_a_start = before
        .split_whitespace()
        .all(|word| ["async", "pub", "const"].contains(&word) || word.starts_with("#["));
    let (name, _) = behind.split_once(['(', '<'])?;
    is_a_start.then_some(name)
}

/// Every `.rs` file, but what cargo builds and what is hidden.
fn source_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        paths.push(entry?.path());
    }
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || name == "target" {
            continue;
        }
        if path.is_dir() {
            files.extend(source_files(&path)?);
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
    Ok(files)
}
