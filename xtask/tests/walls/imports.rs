//! What the files of a crate take from each other: by `use`, and by paths written where they are needed.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::Source;
use crate::tokens::{Token, texts};

/// The paths of one file, as they are written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Paths {
    /// What `use` takes: one path for each leaf of a tree. A `*` at the end takes everything.
    pub(crate) used: Vec<Vec<String>>,
    /// What is named without `use`; one word alone is no path.
    pub(crate) inline: Vec<Vec<String>>,
    /// The names that `use` gives, and what they stand for.
    names: BTreeMap<String, Vec<String>>,
}

pub(crate) fn paths(code: &[Token]) -> Paths {
    let mut found = Paths::default();
    let mut at = 0;
    while at < code.len() {
        let after_in = at > 1 && texts(&code[at - 2..], &["(", "in"]);
        if code[at].text == "use" && !texts(&code[at + 1..], &["<"]) {
            at = read_tree(code, at + 1, &[], &mut found);
        } else if code[at].is_a_word() && !continues(code, at) {
            let (path, end) = read_path(code, at);
            // `pub(in crate::x)` says who may see, and takes nothing.
            if path.len() > 1 && !after_in {
                found.inline.push(path);
            }
            at = end;
        } else {
            at += 1;
        }
    }
    found
}

/// A tree of `use` from here on; returns where it ends.
fn read_tree(code: &[Token], start: usize, above: &[String], found: &mut Paths) -> usize {
    // `use ::std::fs`
    let start = start + usize::from(texts(&code[start..], &["::"]));
    let mut path = above.to_vec();
    let mut at = start;
    while let Some(token) = code.get(at) {
        match token.text.as_str() {
            "::" => at += 1,
            "{" => {
                at += 1;
                while at < code.len() && code[at].text != "}" {
                    at = read_tree(code, at, &path, found);
                    at += usize::from(texts(&code[at..], &[","]));
                }
                return (at + 1).min(code.len());
            }
            "as" => {
                if let Some(name) = code.get(at + 1) {
                    found.used.push(path.clone());
                    found.names.insert(name.text.clone(), path);
                }
                return (at + 2).min(code.len());
            }
            "self" if !path.is_empty() => at += 1,
            "*" => {
                path.push("*".to_owned());
                at += 1;
            }
            word if token.is_a_word() => {
                path.push(word.to_owned());
                at += 1;
            }
            _ => break,
        }
    }
    if let Some(name) = path.last() {
        found.names.insert(name.clone(), path.clone());
        found.used.push(path);
    }
    // What is not understood is passed by, or reading would not end.
    if at == start { start + 1 } else { at }.min(code.len())
}

/// Whether the word belongs to a path or a value that began before it.
fn continues(code: &[Token], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).map(|at| &code[at]);
    match before(1).map(|token| token.text.as_str()) {
        Some(".") => before(2).is_none_or(|token| token.text != "."),
        Some("::") => before(2).is_some_and(|token| token.is_a_word() || token.text == ">"),
        _ => false,
    }
}

fn read_path(code: &[Token], start: usize) -> (Vec<String>, usize) {
    let mut path = vec![code[start].text.clone()];
    let mut at = start + 1;
    while texts(&code[at..], &["::"]) && code.get(at + 1).is_some_and(Token::is_a_word) {
        path.push(code[at + 1].text.clone());
        at += 2;
    }
    (path, at)
}

/// Which file takes what from which: positions in the sources, and the names taken.
pub(crate) type Imports = BTreeMap<(usize, usize), BTreeSet<String>>;

/// Among the files of one crate. What the root of the crate only passes on is taken from where it comes.
pub(crate) fn imports(sources: &[Source]) -> Imports {
    let place = Place::of(sources);
    let mut found = Imports::new();
    for (from, read) in place.read.iter().enumerate() {
        for path in read.used.iter().chain(&read.inline) {
            let Some((to, name)) = place.find(from, path) else {
                continue;
            };
            if to != from {
                found.entry((from, to)).or_default().insert(name);
            }
        }
    }
    found
}

/// The files of a crate by what they are called.
struct Place<'a> {
    sources: &'a [Source],
    read: Vec<Paths>,
    by_module: BTreeMap<&'a [String], usize>,
}

/// A name may stand for a name that stands for a name: more than in any crate.
const MOST_STEPS: usize = 8;

impl<'a> Place<'a> {
    fn of(sources: &'a [Source]) -> Place<'a> {
        let mut by_module = BTreeMap::new();
        for (at, source) in sources.iter().enumerate() {
            // The library before the program beside it.
            by_module.entry(&source.module[..]).or_insert(at);
        }
        let read = sources.iter().map(|source| paths(&source.code)).collect();
        Place {
            sources,
            read,
            by_module,
        }
    }

    /// The file that a path leads to, and the first name that it takes there; none outside the crate.
    fn find(&self, from: usize, path: &[String]) -> Option<(usize, String)> {
        let mut from = from;
        let mut path = path.to_vec();
        for _ in 0..MOST_STEPS {
            let full = self.seen_from_the_root(from, &path)?;
            let known = |length: &usize| self.by_module.contains_key(&full[..*length]);
            let length = (0..=full.len()).rev().find(known)?;
            let to = self.by_module[&full[..length]];
            let Some(name) = full.get(length) else {
                return Some((to, "self".to_owned()));
            };
            let Some(meant) = self.read[to].names.get(name).filter(|_| length == 0) else {
                return Some((to, name.clone()));
            };
            path = [&meant[..], &full[length + 1..]].concat();
            from = to;
        }
        None
    }

    /// The path as the root would write it; none where it leaves the crate.
    fn seen_from_the_root(&self, from: usize, path: &[String]) -> Option<Vec<String>> {
        let module = &self.sources[from].module;
        let mut path = path.to_vec();
        for _ in 0..MOST_STEPS {
            let first = path.first()?;
            match first.as_str() {
                "crate" => return Some(path[1..].to_vec()),
                "self" => return Some([module, &path[1..]].concat()),
                "super" => {
                    let up = path.iter().take_while(|name| *name == "super").count();
                    let above = module.len().checked_sub(up)?;
                    return Some([&module[..above], &path[up..]].concat());
                }
                _ => {}
            }
            let child = [&module[..], &path[..1]].concat();
            if self.by_module.contains_key(&child[..]) {
                return Some([module, &path[..]].concat());
            }
            let meant = self.read[from].names.get(first)?;
            path = [&meant[..], &path[1..]].concat();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::{tokens, without_tests};

    fn written(text: &str) -> (Vec<String>, Vec<String>) {
        let read = paths(&without_tests(&tokens(text)).0);
        let joined = |paths: &[Vec<String>]| paths.iter().map(|path| path.join("::")).collect();
        (joined(&read.used), joined(&read.inline))
    }

    #[test]
    fn paths_are_read_as_they_are_written() {
        for (text, used, inline) in [
            ("use crate::a::B;", &["crate::a::B"][..], &[][..]),
            (
                "use crate::{\n    a::{self, B as C, d::*},\n    // crate::no\n    e,\n};\nfn f() {}",
                &["crate::a", "crate::a::B", "crate::a::d::*", "crate::e"],
                &[],
            ),
            (
                "pub(crate) use super::super::a as b; c",
                &["super::super::a"],
                &[],
            ),
            (
                "use self::a::B; use ::std::fs;",
                &["self::a::B", "std::fs"],
                &[],
            ),
            ("use a::{b, c}; use d;", &["a::b", "a::c", "d"], &[]),
            (
                "f(crate::a::b(), super::c::D::E)",
                &[],
                &["crate::a::b", "super::c::D::E"],
            ),
            ("x::<crate::a::B>::c()", &[], &["crate::a::B"]),
            (
                "<B as super::A>::c(self.d::<e::F>())",
                &[],
                &["super::A", "e::F"],
            ),
            ("0..crate::a::MOST", &[], &["crate::a::MOST"]),
            ("pub(in crate::a) fn b() -> impl C + use<'_> {}", &[], &[]),
            (
                "// crate::a\n\"crate::b\" /* use crate::c; */ 'd'",
                &[],
                &[],
            ),
            (
                "#[cfg(test)] mod tests { use crate::a; crate::b::c() }",
                &[],
                &[],
            ),
        ] {
            let (found_used, found_inline) = written(text);
            assert_eq!(found_used, used, "{text}");
            assert_eq!(found_inline, inline, "{text}");
        }
        // No code; but reading ends.
        written("use ; use {}; use {,} use a as");
        written("use { ; use {a::{");
    }

    #[test]
    fn a_path_leads_to_the_file_that_has_the_name() {
        let crate_of = |files: &[(&str, &str)]| -> Vec<Source> {
            let read = files.iter().map(|(module, text)| Source {
                path: (*module).to_owned(),
                module: module.split_terminator('/').map(str::to_owned).collect(),
                lines: 1,
                code: tokens(text),
            });
            read.collect()
        };
        let sources = crate_of(&[
            (
                "",
                "mod ledger; pub use ledger::entry::Entry; use held as kept; struct Own;",
            ),
            (
                "ledger",
                "mod entry; use entry::Entry as E; use super::held::Held; E::new()",
            ),
            (
                "ledger/entry",
                "use std::fs; fs::read(); super::Ledger; use super::super::socket::{self, Call};",
            ),
            (
                "held",
                "use crate::{Entry, Own, kept::Held}; crate::ledger::Ledger",
            ),
            (
                "socket",
                "use crate::ledger; ledger::entry::Key; held::Held; std::held::Held",
            ),
        ]);
        let found: Vec<String> = imports(&sources)
            .iter()
            .map(|((from, to), names)| {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let (from, to) = (&sources[*from].path, &sources[*to].path);
                format!("{from} -> {to}: {}", names.join(" "))
            })
            .collect();
        assert_eq!(
            found,
            [
                " -> ledger/entry: Entry",
                " -> held: self",
                "ledger -> ledger/entry: Entry",
                "ledger -> held: Held",
                "ledger/entry -> ledger: Ledger",
                "ledger/entry -> socket: Call self",
                "held -> : Own",
                "held -> ledger: Ledger",
                "held -> ledger/entry: Entry",
                "socket -> ledger: self",
                "socket -> ledger/entry: Key",
            ]
        );
    }
}
