//! How long a file may be.

use std::fs;

use crate::house::root;
use crate::sources::{files_under, shown};

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
        for file in files_under(&root().join(folder)) {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            if lines > 1000 {
                found.push(format!("{}: {lines} lines", shown(&file)));
            }
        }
    }
    assert!(
        found.is_empty(),
        "divide these files by what they are about:\n{}",
        found.join("\n")
    );
}
