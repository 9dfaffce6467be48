//! The text part, wrapped at 72.

use textwrap::{Options, WordSplitter, WrapAlgorithm};

use super::telling::LetterText;

const WIDTH: usize = 72;

/// The letter as plain text with LF line ends.
pub(super) fn plain(t: &LetterText) -> String {
    format!(
        "{}\n-- \n{}",
        plain_without_signature(t),
        wrapped(SIGNATURE, "", "")
    )
}

/// The same for a letter that has nothing for programs.
pub(super) fn plain_without_signature(t: &LetterText) -> String {
    let mut out = String::new();
    for paragraph in &t.happened {
        out += &wrapped(paragraph, "", "");
        out.push('\n');
    }
    goods(t, &mut out);
    facts(t, &mut out);
    for (what, url) in &t.links {
        // A link on a line of its own stays whole, however long it is.
        out += &format!("{what}:\n{}\n\n", crate::untrusted::show(url.as_str()));
    }
    if let Some((who, text)) = &t.said {
        out += &wrapped(&format!("{who} writes:"), "", "  ");
        for line in text.lines() {
            out += &wrapped(line, "> ", "> ");
        }
        out.push('\n');
    }
    if !t.next.is_empty() {
        out += "What comes next\n";
        for next in &t.next {
            out += &wrapped(next, "  ", "  ");
        }
        out.push('\n');
    }
    out += "Questions?\n";
    for ask in &t.ask {
        out += &wrapped(ask, "  ", "    ");
    }
    out
}

/// Under our text of a letter that carries a statement.
pub(super) const SIGNATURE: &str = "A program wrote this letter. The same facts are attached for programs that read Tradepost statements.";

fn goods(t: &LetterText, out: &mut String) {
    if t.goods.is_empty() && t.sums.is_empty() {
        return;
    }
    for line in &t.goods {
        let times = if line.quantity.is_empty() { "" } else { " x " };
        *out += &with_price(
            &format!("{}{times}{}", line.quantity, line.name),
            &line.price,
        );
    }
    for (what, sum) in &t.sums {
        *out += &with_price(what, sum);
    }
    out.push('\n');
}

/// The price at the right edge of the last line.
fn with_price(what: &str, price: &str) -> String {
    let room = WIDTH.saturating_sub(price.len() + 4).max(20);
    let mut lines = textwrap::wrap(
        what,
        options(room).initial_indent("  ").subsequent_indent("    "),
    );
    let last = lines.pop().unwrap_or_default();
    let mut out: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let pad = WIDTH
        .saturating_sub(textwrap::core::display_width(&last) + price.len())
        .max(2);
    let line = format!("{last}{}{price}", " ".repeat(pad));
    out += line.trim_end();
    out.push('\n');
    out
}

fn facts(t: &LetterText, out: &mut String) {
    let width = t
        .facts
        .iter()
        .map(|(what, _)| what.len())
        .max()
        .unwrap_or(0);
    for (what, value) in &t.facts {
        let label = format!("{what:width$}  ");
        *out += &wrapped(value, &label, &" ".repeat(label.len()));
    }
    if !t.facts.is_empty() {
        out.push('\n');
    }
}

fn options<'a>(width: usize) -> Options<'a> {
    Options::new(width)
        .wrap_algorithm(WrapAlgorithm::FirstFit)
        .word_splitter(WordSplitter::NoHyphenation)
}

fn wrapped(text: &str, first: &str, others: &str) -> String {
    let lines = textwrap::wrap(
        text,
        options(WIDTH)
            .initial_indent(first)
            .subsequent_indent(others),
    );
    lines
        .iter()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}
