//! What a README shows of a story, compared with what the story printed.

/// The lines of the second block of commands in `readme` were printed, one after the other; a line `...` stands
/// for any others between. Ids, times and folders are different every time: one stands for any.
pub(crate) fn is_shown_by(readme: &str, printed: &str) {
    let shown = readme.split("```console\n").nth(2);
    let shown = shown.and_then(|rest| rest.split("```").next());
    let shown = shown.unwrap_or_else(|| panic!("it shows nothing: {readme}"));
    let parts: Vec<Vec<String>> = shown
        .split("...\n")
        .map(plain_lines)
        .filter(|part| !part.is_empty())
        .collect();
    assert!(parts.len() > 2, "it shows nearly nothing: {shown}");
    let lines = plain_lines(printed);
    let mut from = 0;
    for part in parts {
        let found = lines[from..].windows(part.len()).position(|w| *w == part);
        let Some(found) = found else {
            panic!("this is not printed, or not here:\n{part:#?}\nin\n{printed}")
        };
        from += found + part.len();
    }
}

/// Without the widths of columns, and without what differs every time.
fn plain_lines(text: &str) -> Vec<String> {
    let plain = |line: &str| {
        let words: Vec<String> = line.split_whitespace().map(plain_word).collect();
        words.join(" ")
    };
    text.lines()
        .map(plain)
        .filter(|line| !line.is_empty())
        .collect()
}

fn plain_word(word: &str) -> String {
    if word.starts_with("/tmp/tradepost-") {
        return "FOLDER".to_owned();
    }
    if let Some(port) = word.strip_prefix("http://127.0.0.1:") {
        return format!(
            "http://{}",
            port.trim_start_matches(|c: char| c.is_ascii_digit())
        );
    }
    let time = word.trim_end_matches(':');
    if time.len() == 5 && time.get(2..3) == Some(":") {
        return "TIME".to_owned();
    }
    let is_part_of_a_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let mut plain = String::new();
    let mut rest = word;
    while let Some(start) = rest.find(is_part_of_a_name) {
        let (before, name) = rest.split_at(start);
        let end = name.find(|c| !is_part_of_a_name(c)).unwrap_or(name.len());
        let (name, after) = name.split_at(end);
        plain.push_str(before);
        plain.push_str(if differs_every_time(name) { "#" } else { name });
        rest = after;
    }
    plain + rest
}

/// A trade id as the shop makes them, a UUID, or a date.
fn differs_every_time(name: &str) -> bool {
    let made = name.strip_prefix("T-").is_some_and(|id| id.len() == 10);
    let uuid = name.len() == 36 && name.matches('-').count() == 4;
    let date = name.len() == 10 && name.starts_with("20") && name.matches('-').count() == 2;
    made || uuid || date
}

#[test]
fn what_is_shown_must_be_printed_in_this_order() {
    let readme = |shown: &str| format!("```console\n$ story\n```\n```console\n{shown}```\n");
    let printed = "a\nT-0WSHXXJJ4T  x at 2026-11-21\n\nb\nc\nd\n";
    is_shown_by(
        &readme("a\n...\nT-ABCDEFGH12 x at 2025-01-02\nb\n...\nd\n"),
        printed,
    );
    for wrong in [
        "a\n...\nT-ABCDEFGH12 y at 2025-01-02\nb\n...\nd\n",
        "a\n...\nT-ABCDEFGH12 x at 2025-01-02\n...\nd\n...\nb\n",
        "a\n...\nb\nd\n...\nd\n",
    ] {
        let readme = readme(wrong);
        let outcome = std::panic::catch_unwind(|| is_shown_by(&readme, printed));
        assert!(outcome.is_err(), "{wrong}");
    }
}
