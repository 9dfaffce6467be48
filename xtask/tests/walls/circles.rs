//! Circles in a graph.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Nodes that all reach each other.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Circle {
    pub(crate) members: BTreeSet<String>,
    /// For each member one of the shortest ways around through it, shorter ones first; the last of a way leads to its
    /// first again.
    pub(crate) ways: Vec<Vec<String>>,
}

/// An arrow from a node to itself makes no circle.
pub(crate) fn circles(arrows: &BTreeSet<(String, String)>) -> Vec<Circle> {
    let mut next = Next::new();
    for (from, to) in arrows.iter().filter(|(from, to)| from != to) {
        next.entry(from).or_default().push(to);
    }
    let mut found: Vec<Circle> = Vec::new();
    for node in next.keys() {
        let Some(way) = shortest_way_around(&next, node) else {
            continue;
        };
        match found
            .iter_mut()
            .find(|circle| circle.members.contains(*node))
        {
            Some(circle) if circle.ways.contains(&way) => {}
            Some(circle) => circle.ways.push(way),
            None => {
                let mut members = reached_from(&next, node);
                members.retain(|other| reached_from(&next, other).contains(node));
                found.push(Circle {
                    members: members.into_iter().map(str::to_owned).collect(),
                    ways: vec![way],
                });
            }
        }
    }
    for circle in &mut found {
        circle.ways.sort_by_key(Vec::len);
    }
    found
}

type Next<'a> = BTreeMap<&'a str, Vec<&'a str>>;

fn reached_from<'a>(next: &Next<'a>, start: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![start];
    while let Some(node) = open.pop() {
        for to in next.get(node).into_iter().flatten() {
            if reached.insert(*to) {
                open.push(to);
            }
        }
    }
    reached
}

/// Through `start`; it begins with the first of its nodes in the order of their names, to be known again.
fn shortest_way_around(next: &Next<'_>, start: &str) -> Option<Vec<String>> {
    let mut seen = BTreeSet::new();
    let mut open = VecDeque::from([vec![start]]);
    while let Some(mut way) = open.pop_front() {
        for to in next.get(way.last()?).into_iter().flatten() {
            if *to == start {
                let first = (0..way.len()).min_by_key(|at| way[*at])?;
                way.rotate_left(first);
                return Some(way.into_iter().map(str::to_owned).collect());
            }
            if seen.insert(*to) {
                let mut longer = way.clone();
                longer.push(to);
                open.push_back(longer);
            }
        }
    }
    None
}

#[test]
fn circles_are_found_with_the_ways_around() {
    let found = |arrows: &str| -> Vec<String> {
        let arrows = arrows.split(' ').map(|arrow| {
            let (from, to) = arrow.split_once('>').unwrap();
            (from.to_owned(), to.to_owned())
        });
        let circles = circles(&arrows.collect());
        let shown = circles.iter().map(|circle| {
            let members: String = circle.members.iter().map(String::as_str).collect();
            let ways: Vec<String> = circle.ways.iter().map(|way| way.concat()).collect();
            format!("{members}: {}", ways.join(" "))
        });
        shown.collect()
    };
    assert_eq!(found("a>b b>c a>c c>d a>a"), [""; 0]);
    assert_eq!(found("a>b b>a"), ["ab: ab"]);
    assert_eq!(found("a>b b>c c>d d>a d>c d>e e>f"), ["abcd: cd abcd"]);
    assert_eq!(found("a>b b>a b>c c>d d>e e>c"), ["ab: ab", "cde: cde"]);
}
