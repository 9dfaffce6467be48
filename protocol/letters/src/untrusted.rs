//! Text that somebody else wrote, made safe to be shown to people: the one escaper for all that the
//! programs print, log, mail and answer.
//!
//! What cannot be seen becomes visible: a control character could drive a terminal, a bidirectional
//! control could make `gpj.exe` of `exe.jpg`, a zero-width character could make two names look the
//! same. They are shown as `\u{202e}`; in JSON as `\u202e`, so that a program reads what was written.
//! A name is one line without any of them (protocol 1). Markup is the business of whoever writes HTML.

use textwrap::core::display_width;
use textwrap::{Options, WordSplitter, WrapAlgorithm};

/// The text on one line, with what is hidden in it made visible.
#[must_use]
pub fn show(text: &str) -> String {
    shown(text, |c| {
        if c == '\n' || c == '\t' {
            Some(' ')
        } else {
            None
        }
    })
}

/// The same for a text that anybody may have made long: so many characters of it at most.
#[must_use]
pub fn show_some(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => show(text.get(..end).unwrap_or_default()) + CUT,
        None => show(text),
    }
}

/// The same for a text of several lines: line ends stay.
#[must_use]
pub fn show_lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    shown(&text, |c| match c {
        '\n' => Some('\n'),
        '\t' => Some(' '),
        _ => None,
    })
}

/// A name of a shop, a carrier, an article, a parcel or a person, on one line (protocol 1): what is
/// hidden in it goes, white space and line ends are single blanks, and a long one is cut.
#[must_use]
pub fn name(text: &str) -> String {
    let mut out = String::new();
    let (mut characters, mut marks, mut blank) = (0, 0, false);
    for c in text.chars() {
        if c.is_whitespace() {
            blank = characters > 0;
            continue;
        }
        let is_mark = display_width(c.encode_utf8(&mut [0; 4])) == 0;
        marks = if is_mark { marks + 1 } else { 0 };
        if is_hidden(c) || marks > MOST_MARKS {
            continue;
        }
        if characters + usize::from(blank) >= LONGEST_NAME {
            out.push_str(CUT);
            break;
        }
        if std::mem::take(&mut blank) {
            out.push(' ');
            characters += 1;
        }
        out.push(c);
        characters += 1;
    }
    if out.is_empty() && !text.is_empty() {
        out.push('?');
    }
    out
}

/// Who sent a letter by its own word, as From has it: the name before the address as any [`name`], the
/// address with what is hidden in it made visible.
#[must_use]
pub fn sender(from: &str) -> String {
    match from.rsplit_once('<') {
        Some((called, address)) => {
            let (called, address) = (name(called), show_some(address, LONGEST_ID));
            format!("{called} <{address}").trim_start().to_owned()
        }
        None => show_some(from, LONGEST_ID),
    }
}

/// Characters of a name that are shown: what a shop calls an article fits, and three lines of
/// a narrow terminal hold it.
pub const LONGEST_NAME: usize = 120;
/// Marks on one character of a name. Scripts need three at most; more of them reach into the lines
/// above and below.
const MOST_MARKS: usize = 4;
/// Stands for the rest of a text that is too long.
const CUT: &str = "...";

/// A text of JSON that means the same, with nothing in it that drives a terminal or is hidden.
///
/// serde_json escapes what is below U+0020 only, and what [`is_hidden`] can stand in JSON only within
/// strings, so that no string has to be looked for.
#[must_use]
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // RFC 8259 section 2: these are white space between tokens.
        if matches!(c, '\n' | '\r' | '\t') || !is_hidden(c) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    }
    out
}

/// Characters of what is copied whole wherever it stands: a link, or a request id, which has an address
/// in it (RFC 5321 section 4.5.3.1). One word alone makes no line of ours.
const LONGEST_ID: usize = 320;

/// A message such as an error, which may quote others: its first line as it is, the others indented,
/// so that none looks like a message of its own.
#[must_use]
pub fn message(text: &str) -> String {
    show_lines(text).trim_end().replace('\n', "\n  ")
}

/// A letter as it came or leaves, each line marked: none of them is to be taken for one of ours.
#[must_use]
pub fn letter(raw: &str) -> String {
    let text = show_lines(raw);
    let lines = text
        .lines()
        .map(|line| format!("| {line}").trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

/// A page for people that is about to be printed: nothing hidden is left in it, and where the terminal's
/// columns are known, a line that is wider goes on indented. The terminal would go on at the first
/// column, where lines begin that the program means.
#[must_use]
pub fn page(text: &str, columns: Option<usize>) -> String {
    let text = show_lines(text);
    let Some(columns) = columns else { return text };
    let lines = text.split('\n').map(|line| folded(line, columns));
    lines.collect::<Vec<_>>().join("\n")
}

fn folded(line: &str, columns: usize) -> String {
    if display_width(line) <= columns {
        return line.to_owned();
    }
    let blanks = line.len() - line.trim_start_matches(' ').len();
    // Deeper than the line itself, as long as there is room for text.
    let indent = " ".repeat((blanks + 2).min(columns / 2));
    let is_no_id = |word: &str| word.chars().count() > LONGEST_ID;
    let options = Options::new(columns)
        .break_words(line.split(' ').any(is_no_id))
        .subsequent_indent(&indent)
        .wrap_algorithm(WrapAlgorithm::FirstFit)
        .word_splitter(WordSplitter::NoHyphenation);
    textwrap::wrap(line, options).join("\n")
}

fn shown(text: &str, stays_as: impl Fn(char) -> Option<char>) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match stays_as(c) {
            Some(blank) => out.push(blank),
            None if is_hidden(c) => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            None => out.push(c),
        }
    }
    out
}

/// Whether a character drives the display or cannot be seen: controls, format characters (Unicode's
/// category Cf, the bidirectional controls of UAX #9 among them), zero-width and other invisible
/// characters, line separators, tags, noncharacters.
///
/// The variation selectors U+FE00 to U+FE0F are left alone: they only choose between the forms of
/// the character before them, and almost every emoji has one.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0x00ad | 0x034f | 0x0600..=0x0605 | 0x061c | 0x06dd | 0x070f | 0x0890 | 0x0891 | 0x08e2 | 0x115f | 0x1160 | 0x17b4 | 0x17b5
            | 0x180b..=0x180f | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f
            | 0x2800 | 0x3164 | 0xfeff | 0xffa0 | 0xfff0..=0xfffb | 0x110bd | 0x110cd | 0x13430..=0x1343f | 0x1bca0..=0x1bca3
            | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff)
        || u32::from(c) & 0xfffe == 0xfffe
        || (0xfdd0..=0xfdef).contains(&u32::from(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_become_visible_and_others_stay() {
        for (text, shown) in [
            ("Grüße, 你好 שלום ❤\u{fe0f}", "Grüße, 你好 שלום ❤\u{fe0f}"),
            ("\u{1b}[2Jx", "\\u{1b}[2Jx"),
            ("exe.\u{202e}gpj", "exe.\\u{202e}gpj"),
            ("sh\u{200b}op", "sh\\u{200b}op"),
            ("a\u{9b}31m", "a\\u{9b}31m"),
            ("a\r\nb\tc", "a\\u{d} b c"),
            ("\u{feff}\u{e0041}\u{2066}", "\\u{feff}\\u{e0041}\\u{2066}"),
            ("\u{7f}\u{0}", "\\u{7f}\\u{0}"),
        ] {
            assert_eq!(show(text), shown);
        }
        assert_eq!(show_lines("a\r\nb\nc\u{7}"), "a\nb\nc\\u{7}");
        assert_eq!(show_some("a\u{7}b", 3), "a\\u{7}b");
        assert_eq!(show_some("äöü", 2), "äö...");
    }

    #[test]
    fn a_name_is_one_line_without_anything_hidden_and_not_long() {
        for (text, shown) in [
            ("Grüße, 你好 שלום ❤\u{fe0f}", "Grüße, 你好 שלום ❤\u{fe0f}"),
            ("Example\r\nShop\u{2028}Ltd\t ", "Example Shop Ltd"),
            ("\u{1b}[31mshop\u{202e}\u{200b}\u{9b}", "[31mshop"),
            ("a   b", "a b"),
            ("e\u{301}", "e\u{301}"),
            ("", ""),
            ("\u{200b}\u{7}", "?"),
        ] {
            assert_eq!(name(text), shown, "{text:?}");
        }
        let longest = "x".repeat(LONGEST_NAME);
        assert_eq!(name(&longest), longest);
        assert_eq!(name(&format!("{longest} y")), format!("{longest}..."));
        let stacked = format!("a{}b", "\u{301}".repeat(1000));
        assert_eq!(name(&stacked).chars().count(), 2 + MOST_MARKS);
    }

    #[test]
    fn a_sender_is_a_name_and_an_address_that_hides_nothing() {
        for (from, shown) in [
            (
                "\"Swift\u{200b}\r\n Parcels\" <track@carrier.example>",
                "\"Swift Parcels\" <track@carrier.example>",
            ),
            ("<track@carrier.example>", "<track@carrier.example>"),
            ("track@carrier.example", "track@carrier.example"),
            (
                "A <a@b.example> <tr\u{200b}ack@carrier.example>",
                "A <a@b.example> <tr\\u{200b}ack@carrier.example>",
            ),
            ("\u{202e}tr@c.example", "\\u{202e}tr@c.example"),
            ("", ""),
        ] {
            assert_eq!(sender(from), shown, "{from:?}");
        }
        // However long the name is, the address is there.
        let long = format!("{} <a@b.example>", "x".repeat(4000));
        assert_eq!(
            sender(&long),
            format!("{}... <a@b.example>", "x".repeat(LONGEST_NAME))
        );
        assert!(sender(&"x".repeat(4000)).ends_with(CUT));
    }

    #[test]
    fn json_means_the_same_and_hides_nothing() {
        let text = "Kettle \u{202e}\u{200b}\u{1b}[31m\u{9b}2J\u{7f}\u{85}\u{2028} \u{e0041} \\ ü 壺 \"q\"\n\t";
        for written in [
            serde_json::to_string(&[text]).unwrap_or_default(),
            serde_json::to_string_pretty(&[text]).unwrap_or_default(),
        ] {
            let escaped = json(&written);
            let hidden = escaped.chars().find(|c| *c != '\n' && is_hidden(*c));
            assert_eq!(hidden, None, "{escaped}");
            assert!(
                escaped.contains("ü 壺"),
                "what is harmless stays: {escaped}"
            );
            assert_eq!(
                serde_json::from_str::<[String; 1]>(&escaped).ok(),
                Some([text.to_owned()])
            );
        }
    }

    #[test]
    fn what_goes_on_in_another_line_is_indented() {
        assert_eq!(
            message("it says: a\r\nb\n\u{7}c\n"),
            "it says: a\n  b\n  \\u{7}c"
        );
        let long = "why  a text that is longer than a line of it";
        assert_eq!(page(long, None), long);
        assert_eq!(page("short\u{7}", Some(40)), "short\\u{7}");
        assert_eq!(
            page(&format!("  {long}\nnext"), Some(20)),
            "  why  a text that\n    is longer than a\n    line of it\nnext"
        );
        let word = page(&"x".repeat(10_000), Some(40));
        assert!(word.lines().skip(1).all(|l| l.starts_with("  x")), "{word}");
        assert!(word.lines().all(|l| l.len() <= 40), "{word}");
    }
}
