//! Text that somebody else wrote, made safe to be shown to people.
//!
//! What cannot be seen becomes visible: a control character could drive a terminal, a bidirectional
//! control could make `gpj.exe` of `exe.jpg`, a zero-width character could make two names look the
//! same. They are shown as `\u{202e}`. Markup is the business of whoever writes HTML.

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
        Some((end, _)) => show(text.get(..end).unwrap_or_default()) + "...",
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

/// Whether a character drives the display or cannot be seen: controls, bidirectional controls
/// (UAX #9), zero-width and other invisible characters, line separators, tags, noncharacters.
///
/// The variation selectors U+FE00 to U+FE0F are left alone: they only choose between the forms of
/// the character before them, and almost every emoji has one.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0x00ad | 0x034f | 0x061c | 0x115f | 0x1160 | 0x17b4 | 0x17b5
            | 0x180b..=0x180f | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f
            | 0x2800 | 0x3164 | 0xfeff | 0xffa0 | 0xfff0..=0xfffb | 0x1bca0..=0x1bca3
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
}
