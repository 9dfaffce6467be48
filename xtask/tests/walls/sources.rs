//! The source files of a crate, without its tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::house::root;
use crate::tokens::{Token, tokens, without_tests};

pub(crate) struct Source {
    /// From the top of the tree.
    pub(crate) path: String,
    /// The path of the module; empty for `lib.rs` and `main.rs`.
    pub(crate) module: Vec<String>,
    /// With the tests in the file.
    pub(crate) lines: usize,
    /// Without them.
    pub(crate) code: Vec<Token>,
}

/// What is compiled for tests only is left out: `tests.rs`, folders `tests`, and modules that say so.
pub(crate) fn sources(src: &Path) -> Vec<Source> {
    let mut only_for_tests = BTreeSet::new();
    let mut found = Vec::new();
    for file in files_under(src) {
        let text = fs::read_to_string(&file).unwrap();
        let module = module_of(file.strip_prefix(src).unwrap());
        let (code, modules) = without_tests(&tokens(&text));
        for name in modules {
            only_for_tests.insert([&module[..], &[name]].concat());
        }
        found.push(Source {
            path: shown(&file),
            module,
            lines: text.lines().count(),
            code,
        });
    }
    found.retain(|source| {
        let mut above = (0..=source.module.len()).map(|length| &source.module[..length]);
        let is_a_test = above.any(|module| only_for_tests.contains(module));
        !is_a_test && !source.module.iter().any(|name| name == "tests")
    });
    found
}

/// Every `.rs` file in the folder and below, in the order of their names.
pub(crate) fn files_under(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(files_under(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The path of a file from the top of the tree.
pub(crate) fn shown(file: &Path) -> String {
    let from_the_top = file.strip_prefix(root()).unwrap_or(file);
    from_the_top.to_string_lossy().into_owned()
}

fn module_of(file: &Path) -> Vec<String> {
    let path = file.with_extension("");
    let names = path
        .components()
        .map(|name| name.as_os_str().to_string_lossy());
    let mut names: Vec<String> = names.map(|name| name.into_owned()).collect();
    let is_named_by_its_folder = names.last().is_some_and(|name| name == "mod");
    if is_named_by_its_folder || names == ["lib"] || names == ["main"] {
        names.pop();
    }
    names
}

#[test]
fn a_file_is_the_module_that_it_is_named_after() {
    for (file, module) in [
        ("lib.rs", &[][..]),
        ("main.rs", &[]),
        ("ledger.rs", &["ledger"]),
        ("imap/mod.rs", &["imap"]),
        ("http/main.rs", &["http", "main"]),
        ("http/hooks/left.rs", &["http", "hooks", "left"]),
    ] {
        assert_eq!(module_of(Path::new(file)), module, "{file}");
    }
}

#[test]
fn the_sources_of_this_test_are_found() {
    let found = sources(&root().join("xtask/tests/walls"));
    let this = found.iter().find(|source| source.module == ["sources"]);
    let this = this.unwrap();
    assert_eq!(this.path, "xtask/tests/walls/sources.rs");
    assert!(this.lines > 50);
    assert!(this.code.iter().any(|token| token.text == "module_of"));
}
