//! `SECURITY.md` states for each public corpus how many cases it has and how many come out as its authors expect.
//! The tests that run the corpora check here that it states what they saw, so that the two cannot drift.

const SECURITY: &str = include_str!("../../../../SECURITY.md");

/// A reason why cases come out otherwise than their authors expect, and how many they are. Only refusals: where we
/// are looser, the tests fail.
pub(crate) type Deviation<'a> = (&'a str, usize);

/// Checks the row of a corpus, and that its deviations stand below the table, each and no others.
#[track_caller]
pub(crate) fn stand_in_the_security_notes(
    corpus: &str,
    cases: usize,
    deviations: &[Deviation<'_>],
) {
    let stricter: usize = deviations.iter().map(|(_, count)| count).sum();
    let row = format!("| {corpus} | {cases} | {} | {stricter} |", cases - stricter);
    assert!(
        SECURITY.lines().any(|line| line == row),
        "SECURITY.md does not say {row}, deviations {deviations:#?}"
    );
    let mut stated: Vec<String> = bullets()
        .into_iter()
        .filter(|bullet| bullet.starts_with(&format!("{corpus}, ")))
        .collect();
    let mut seen: Vec<String> = deviations
        .iter()
        .map(|(reason, count)| format!("{corpus}, {count}: {reason}"))
        .collect();
    stated.sort();
    seen.sort();
    assert_eq!(stated, seen, "the deviations that SECURITY.md states");
}

/// The items of the lists in `SECURITY.md`, each on one line.
fn bullets() -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut is_open = false;
    for line in SECURITY.lines() {
        if let Some(text) = line.strip_prefix("- ") {
            found.push(text.to_owned());
            is_open = true;
        } else if let (true, Some(more), Some(last)) =
            (is_open, line.strip_prefix("  "), found.last_mut())
        {
            last.push(' ');
            last.push_str(more);
        } else {
            is_open = false;
        }
    }
    found
}
