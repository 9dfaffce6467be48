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
        plain.push_str(before);
        if let Some(length) = length_of_a_date(name) {
            plain.push('#');
            rest = &name[length..];
            continue;
        }
        let end = name.find(|c| !is_part_of_a_name(c)).unwrap_or(name.len());
        let (name, after) = name.split_at(end);
        plain.push_str(if differs_every_time(name) { "#" } else { name });
        rest = after;
    }
    plain + rest
}

/// How many octets of the beginning are a date, or a date with its time (RFC 3339 section 5.6).
fn length_of_a_date(text: &str) -> Option<usize> {
    let begins = |text: &str, form: &str| {
        let fits = |(c, wanted): (char, char)| match wanted {
            'd' => c.is_ascii_digit(),
            other => c == other,
        };
        text.len() >= form.len() && text.chars().zip(form.chars()).all(fits)
    };
    let date = "20dd-dd-dd";
    if !begins(text, date) {
        return None;
    }
    let time = &text[date.len()..];
    if !begins(time, "Tdd:dd") {
        return Some(date.len());
    }
    let belongs = |c: char| c.is_ascii_digit() || matches!(c, 'T' | ':' | '.' | '+' | '-' | 'Z');
    let end = time.find(|c| !belongs(c)).unwrap_or(time.len());
    Some(date.len() + end)
}

/// A trade id as the shop makes them, or a UUID.
fn differs_every_time(name: &str) -> bool {
    let made = name.strip_prefix("T-").is_some_and(|id| id.len() == 10);
    let uuid = name.len() == 36 && name.matches('-').count() == 4;
    made || uuid
}

#[test]
fn a_time_in_a_command_or_in_json_stands_for_any() {
    let readme = "```console\n$ story\n```\n```console\n$ ./tell.sh W-1 preparing 2026-11-24T12:00:00Z\n...\n\
                  {\"at\":\"2026-11-24T12:00:00.5+01:00\",\"n\":1}\n...\nx 2026-11-24,\n```\n";
    let printed = |n: u8| {
        format!(
            "$ ./tell.sh W-1 preparing 2029-02-10T12:00:00Z\n{{\"at\":\"2028-02-29T23:59:59Z\",\"n\":{n}}}\nx 2027-01-01,\n"
        )
    };
    is_shown_by(readme, &printed(1));
    let other = std::panic::catch_unwind(|| is_shown_by(readme, &printed(2)));
    assert!(other.is_err(), "only the times may differ");
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
