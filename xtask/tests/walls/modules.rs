//! The rooms of a crate, its top-level modules: what they take from each other goes in no circle, and stays little.
//! The root of a crate (`lib.rs`, `main.rs`) is no room.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::circles::{Circle, circles};
use crate::house::HOUSE;
use crate::imports::{Imports, imports};
use crate::sources::{Source, sources};

/// Arrows between the rooms of a crate, at most.
const ARROWS: [(&str, usize); 1] = [("client-agent", 60)];

#[test]
fn no_circle_ties_rooms_together() {
    let mut found = String::new();
    for member in HOUSE.iter().filter(|member| member.has_rooms) {
        let sources = sources(&member.src());
        let imports = imports(&sources);
        for circle in circles(&arrows(&sources, &imports)) {
            writeln!(
                found,
                "{}",
                shown(member.folder, &circle, &sources, &imports)
            )
            .unwrap();
        }
    }
    assert!(
        found.is_empty(),
        "have one room stand on the other:\n{found}"
    );
}

#[test]
fn the_rooms_of_an_agent_take_little_from_each_other() {
    for (folder, most) in ARROWS {
        let member = HOUSE.iter().find(|member| member.folder == folder);
        let sources = sources(&member.unwrap().src());
        let arrows = arrows(&sources, &imports(&sources)).len();
        assert!(arrows > 0, "nothing of {folder} was read");
        assert!(
            arrows <= most,
            "{folder}: {arrows} arrows between its rooms, {most} at most"
        );
    }
}

/// Which room takes something from which.
pub(crate) fn arrows(sources: &[Source], imports: &Imports) -> BTreeSet<(String, String)> {
    let room = |at: usize| sources[at].module.first().cloned();
    let pairs = imports
        .keys()
        .filter_map(|&(from, to)| Some((room(from)?, room(to)?)));
    pairs.filter(|(from, to)| from != to).collect()
}

/// The circle, and for each arrow on its ways around which file takes what.
fn shown(folder: &str, circle: &Circle, sources: &[Source], imports: &Imports) -> String {
    let members: Vec<&str> = circle.members.iter().map(String::as_str).collect();
    let mut text = format!("{folder} ties together {}", members.join(", "));
    let takings = takings(sources, imports);
    for way in &circle.ways {
        let around: Vec<&str> = way.iter().chain(way.first()).map(String::as_str).collect();
        write!(text, "\n  {}", around.join(" -> ")).unwrap();
        for arrow in around.windows(2) {
            for line in takings.get(&(arrow[0], arrow[1])).into_iter().flatten() {
                write!(text, "\n    {line}").unwrap();
            }
        }
    }
    text
}

/// For each arrow between rooms, which file takes what from which.
fn takings<'a>(
    sources: &'a [Source],
    imports: &Imports,
) -> BTreeMap<(&'a str, &'a str), Vec<String>> {
    let mut found: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for ((from, to), names) in imports {
        let (from, to) = (&sources[*from], &sources[*to]);
        if let (Some(a), Some(b)) = (from.module.first(), to.module.first()) {
            let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
            // The module itself says nothing beside what is taken from it.
            if names.len() > 1 {
                names.retain(|name| *name != "self");
            }
            let line = format!("{} -> {}: {}", from.path, to.path, names.join(", "));
            found
                .entry((a.as_str(), b.as_str()))
                .or_default()
                .push(line);
        }
    }
    found
}

#[test]
fn a_circle_is_shown_with_the_files_and_the_names_that_make_it() {
    let source = |path: &str, code: &str| Source {
        path: format!("a/src/{path}.rs"),
        module: path.split('/').map(str::to_owned).collect(),
        lines: 1,
        code: crate::tokens::tokens(code),
    };
    let mut sources = vec![
        source("book/entry", "use crate::office::{Office, Left};"),
        source("office", "fn a(b: super::sending::Line) {}"),
        source(
            "sending",
            "use crate::{book::{self, entry::Entry}, office};",
        ),
        source("book", "use crate::book::entry;"),
    ];
    let read = imports(&sources);
    let found = circles(&arrows(&sources, &read));
    assert_eq!(found.len(), 1);
    assert_eq!(
        shown("a", &found[0], &sources, &read),
        "a ties together book, office, sending\n  \
           office -> sending -> office\n    \
             a/src/office.rs -> a/src/sending.rs: Line\n    \
             a/src/sending.rs -> a/src/office.rs: self\n  \
           book -> office -> sending -> book\n    \
             a/src/book/entry.rs -> a/src/office.rs: Left, Office\n    \
             a/src/office.rs -> a/src/sending.rs: Line\n    \
             a/src/sending.rs -> a/src/book/entry.rs: Entry\n    \
             a/src/sending.rs -> a/src/book.rs: self"
    );
    sources.remove(1);
    let read = imports(&sources);
    assert_eq!(circles(&arrows(&sources, &read)), []);
}
