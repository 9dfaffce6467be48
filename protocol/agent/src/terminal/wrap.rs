//! Paragraphs that fit the terminal: what others wrote begins no line at the first column, where lines of
//! ours begin, and fills no more lines than it may. The text must be safe to print.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::output;

/// Paragraphs no wider than the terminal, each line indented.
#[must_use]
pub fn wrapped(text: &str, indent: &str) -> String {
    let width = output::width().saturating_sub(indent.len()).min(76);
    lines_of(text, width, indent).join("\n")
}

/// The same, but at most so many lines, and none longer than they may be: what does not fit is cut.
#[must_use]
pub fn clipped(text: &str, indent: &str, most: usize) -> String {
    const CUT: &str = " [...]";
    let width = output::width().min(78).saturating_sub(indent.len());
    let mut pieces = Vec::new();
    // Far more than fits need not be laid out.
    for word in text.split_whitespace().take(most * width) {
        pieces.extend(broken(word, width, most));
    }
    let mut lines = lines_of(&pieces.join(" "), width, indent);
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            let room = (indent.len() + width).saturating_sub(CUT.len());
            while UnicodeWidthStr::width(last.as_str()) > room {
                last.pop();
            }
            last.push_str(CUT);
        }
    }
    lines.join("\n")
}

/// A line that may go on in others, indented: each line of ours begins at the first column, and none of
/// what others wrote does.
#[must_use]
pub fn hanging(text: &str) -> String {
    clipped(text, "  ", 3).trim_start().to_owned()
}

/// A word in pieces that fit on a line; beyond the lines that there may be, no more of it.
fn broken(word: &str, width: usize, most: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for c in word.chars() {
        let wide = UnicodeWidthChar::width(c).unwrap_or(0);
        if used + wide > width {
            if pieces.len() > most {
                break;
            }
            pieces.push(String::new());
            used = 0;
        }
        used += wide;
        if let Some(last) = pieces.last_mut() {
            last.push(c);
        }
    }
    pieces
}

fn lines_of(text: &str, width: usize, indent: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let wide = UnicodeWidthStr::width(line.as_str()) + UnicodeWidthStr::width(word);
        if !line.is_empty() && wide + 1 > width {
            lines.push(format!("{indent}{line}"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(format!("{indent}{line}"));
    }
    lines
}
