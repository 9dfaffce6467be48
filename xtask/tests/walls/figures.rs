//! The figures of the house, to see where it goes:
//! `cargo test -p xtask --test walls -- --nocapture figures`.

use crate::circles::circles;
use crate::house::HOUSE;
use crate::imports::imports;
use crate::modules::arrows;
use crate::sources::sources;

/// Figures of one crate, or of several together.
#[derive(Default)]
struct Figures {
    files: usize,
    lines: usize,
    /// Pairs of files of which one takes something from the other.
    imports: usize,
    /// The same between rooms.
    arrows: usize,
    /// The rooms that a circle goes through.
    in_circles: Vec<String>,
}

#[test]
fn the_figures_of_the_house() {
    let mut total = Figures::default();
    let mut table = format!("{:16}{}\n", "", Figures::HEAD);
    for member in HOUSE {
        let name = member.folder.trim_start_matches("protocol/");
        if !member.src().is_dir() {
            table += &format!("{name:16}  (is not there)\n");
            continue;
        }
        let figures = Figures::of(&member.src());
        table += &format!("{name:16}{}\n", figures.shown());
        total.add(figures);
    }
    table += &format!("{:16}{}\n", "all", total.counts());
    println!("{table}");
    assert!(
        total.files > 0 && total.imports > 0 && total.arrows > 0,
        "{table}"
    );
}

impl Figures {
    const HEAD: &str = " files  lines imports arrows  in circles";

    fn of(src: &std::path::Path) -> Figures {
        let sources = sources(src);
        let imports = imports(&sources);
        let arrows = arrows(&sources, &imports);
        let circles = circles(&arrows).into_iter();
        Figures {
            files: sources.len(),
            lines: sources.iter().map(|source| source.lines).sum(),
            imports: imports.len(),
            arrows: arrows.len(),
            in_circles: circles.flat_map(|circle| circle.members).collect(),
        }
    }

    fn add(&mut self, other: Figures) {
        self.files += other.files;
        self.lines += other.lines;
        self.imports += other.imports;
        self.arrows += other.arrows;
        self.in_circles.extend(other.in_circles);
    }

    fn shown(&self) -> String {
        let counts = self.counts();
        format!("{counts} {}", self.in_circles.join(" "))
            .trim_end()
            .to_owned()
    }

    fn counts(&self) -> String {
        format!(
            "{:6}{:7}{:8}{:7}{:4}",
            self.files,
            self.lines,
            self.imports,
            self.arrows,
            self.in_circles.len()
        )
    }
}
