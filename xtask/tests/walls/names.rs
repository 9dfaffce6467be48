//! One name, one thing: no type has the name of another one in the product's crates.

use std::collections::{BTreeMap, BTreeSet};

use crate::house::HOUSE;
use crate::sources::sources;
use crate::tokens::{Token, tokens};

/// Names that still stand for several things. The list may only shrink.
#[rustfmt::skip]
const STILL_DOUBLED: &[&str] = &[
    "Cli", "Command", "Config", "File", "Json", "Places",
];

/// How long the list may be: what both programs have because clap stays above the kernel.
const MOST_DOUBLED: usize = 6;

#[test]
fn no_type_has_the_name_of_another() {
    let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in HOUSE.iter().flat_map(|member| sources(&member.src())) {
        for name in types(&source.code) {
            files.entry(name).or_default().push(source.path.clone());
        }
    }
    files.retain(|_, files| files.len() > 1);
    let faults = faults(&files, STILL_DOUBLED);
    assert!(
        faults.is_empty(),
        "one name, one thing:\n{}",
        faults.join("\n")
    );
}

#[test]
fn the_list_of_doubled_names_is_no_longer_than_it_may_be() {
    assert!(
        STILL_DOUBLED.len() <= MOST_DOUBLED,
        "{} doubled names are on the list, {MOST_DOUBLED} may be",
        STILL_DOUBLED.len()
    );
    assert!(STILL_DOUBLED.is_sorted(), "in the order of the alphabet");
}

/// The names of the types that the code defines; not those that belong to a trait.
fn types(code: &[Token]) -> Vec<String> {
    let mut found = Vec::new();
    // Whether each open brace is that of a trait or of an implementation.
    let mut open = Vec::new();
    let mut of_a_trait = false;
    for (at, token) in code.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| code[at].text.as_str());
        let next = code.get(at + 1).filter(|next| next.is_a_word());
        let begins = matches!(
            before,
            None | Some(";" | "{" | "}" | "]" | ")" | "pub" | "unsafe")
        );
        match token.text.as_str() {
            "{" => {
                open.push(of_a_trait);
                of_a_trait = false;
            }
            "}" => {
                open.pop();
            }
            ";" => of_a_trait = false,
            "impl" if begins => of_a_trait = true,
            word @ ("struct" | "enum" | "trait" | "type") if begins => {
                let belongs = word == "type" && open.last() == Some(&true);
                found.extend(next.filter(|_| !belongs).map(|next| next.text.clone()));
                of_a_trait = word == "trait";
            }
            _ => {}
        }
    }
    found
}

/// Names that are doubled and not on the list, and names on the list that are not doubled.
fn faults(doubled: &BTreeMap<String, Vec<String>>, list: &[&str]) -> Vec<String> {
    let list: BTreeSet<&str> = list.iter().copied().collect();
    let new = doubled
        .iter()
        .filter(|(name, _)| !list.contains(name.as_str()));
    let new = new.map(|(name, files)| format!("{name}: {}", files.join(", ")));
    let old = list.iter().filter(|name| !doubled.contains_key(**name));
    let old = old.map(|name| format!("{name} is no longer doubled: take it off the list"));
    new.chain(old).collect()
}

#[test]
fn types_are_seen_in_every_form() {
    for (text, names) in [
        ("pub(crate) struct A<B>(C); enum D { E }", &["A", "D"][..]),
        (
            "#[derive(X)] struct A; /// b\npub trait B: C { type D; fn e() { struct F; } } type G = H;",
            &["A", "B", "F", "G"],
        ),
        (
            "impl Iterator for A { type Item = B; fn next() -> impl C { d } } pub type E = F;",
            &["E"],
        ),
        (
            "unsafe impl A for B { type C = D; } fn f(a: impl B) -> impl C { type D = E; }",
            &["D"],
        ),
        (
            "macro_rules! a { ($b:ident) => { pub struct $b; } } r#type::struct_a",
            &[],
        ),
        ("// struct A;\n\"enum B {}\"", &[]),
    ] {
        assert_eq!(types(&tokens(text)), names, "{text}");
    }
}

#[test]
fn a_name_that_is_doubled_anew_or_no_longer_is_seen() {
    let doubled = |names: &[&str]| -> BTreeMap<String, Vec<String>> {
        let files = ["a.rs", "b.rs"].map(str::to_owned).to_vec();
        let names = names.iter().map(|name| ((*name).to_owned(), files.clone()));
        names.collect()
    };
    assert_eq!(faults(&doubled(&["A", "B"]), &["A", "B"]), [""; 0]);
    assert_eq!(faults(&doubled(&["A", "B"]), &["A"]), ["B: a.rs, b.rs"]);
    assert_eq!(
        faults(&doubled(&["A"]), &["A", "B"]),
        ["B is no longer doubled: take it off the list"]
    );
}
