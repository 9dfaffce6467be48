//! Tables: columns set apart by blanks. Ids, dates, amounts and states are never broken; free text
//! wraps into the room that they leave.

use comfy_table::{ColumnConstraint, ContentArrangement, Width};
use unicode_width::UnicodeWidthStr;

use super::output;

/// A column's head, and how it takes its room.
#[derive(Debug, Clone, Copy)]
pub enum Column {
    /// As wide as its widest cell.
    Whole(&'static str),
    /// Wraps between words only.
    Words(&'static str),
    /// Wraps between words, or within one that is too long.
    Free(&'static str),
}

/// A free column is not made narrower than this, unless its content is.
const LEAST: usize = 9;
/// What would make a table unreadable is broken all the same: an id has up to 64 characters.
const MOST_WHOLE: usize = 32;
/// No cell is wider than this, even where nobody's terminal limits it: comfy-table counts columns in 16
/// bits.
const MOST: usize = 4000;
const BETWEEN: usize = 2;

/// A table in the making. Every cell must be safe to print.
#[derive(Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Without rows.
    #[must_use]
    pub fn new(columns: &[Column]) -> Table {
        Table {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row, a cell for each column. The first one names it: an id.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Whether it needs no more than the terminal's width.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.least() <= output::width()
    }

    /// The lines, without blanks at their ends, laid out for [`output::width`].
    #[must_use]
    pub fn print(self) -> String {
        self.laid_out(output::width())
    }

    /// The same where a terminal's width is known; else each row is one line, however long it is, for
    /// programs such as `grep`.
    #[must_use]
    pub fn print_unbroken(self) -> String {
        match output::known_width() {
            Some(width) => self.laid_out(width),
            None => {
                let widths = (0..self.columns.len()).map(|i| self.widest(i)).collect();
                self.with_widths(widths)
            }
        }
    }

    fn laid_out(mut self, width: usize) -> String {
        for first in self.rows.iter_mut().filter_map(|row| row.first_mut()) {
            *first = in_pieces(first);
        }
        let mut room = width.saturating_sub(self.least());
        let mut widths = Vec::new();
        for (index, column) in self.columns.iter().enumerate() {
            let least = self.least_of(index, *column);
            let more = match column {
                Column::Whole(_) => 0,
                Column::Words(_) | Column::Free(_) => (self.widest(index) - least).min(room),
            };
            room -= more;
            widths.push(least + more);
        }
        self.with_widths(widths)
    }

    fn least(&self) -> usize {
        let columns = self.columns.iter().enumerate();
        let least: usize = columns.map(|(i, column)| self.least_of(i, *column)).sum();
        least + BETWEEN * self.columns.len().saturating_sub(1)
    }

    fn least_of(&self, index: usize, column: Column) -> usize {
        match column {
            Column::Whole(_) => self.widest(index).min(MOST_WHOLE),
            Column::Words(_) => self.longest_word(index).min(MOST_WHOLE),
            Column::Free(_) => self.widest(index).min(LEAST),
        }
    }

    fn widest(&self, index: usize) -> usize {
        let lines = self.texts(index).flat_map(str::lines);
        lines.map(UnicodeWidthStr::width).max().unwrap_or(0)
    }

    fn longest_word(&self, index: usize) -> usize {
        let words = self.texts(index).flat_map(str::split_whitespace);
        words.map(UnicodeWidthStr::width).max().unwrap_or(0)
    }

    /// The head and the cells of a column.
    fn texts(&self, index: usize) -> impl Iterator<Item = &str> {
        let head = self.columns.get(index).map(|c| c.head());
        let cells = self.rows.iter().filter_map(move |row| row.get(index));
        head.into_iter().chain(cells.map(String::as_str))
    }

    fn with_widths(self, widths: Vec<usize>) -> String {
        let mut table = comfy_table::Table::new();
        table
            .load_style(comfy_table::presets::NOTHING)
            .force_no_tty()
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(u16::MAX)
            .set_header(self.columns.iter().map(|c| c.head()))
            .add_rows(self.rows);
        for (index, width) in widths.into_iter().enumerate() {
            if let Some(column) = table.column_mut(index) {
                column.set_padding((0, BETWEEN as u16));
                let width = u16::try_from(width.min(MOST) + BETWEEN).unwrap_or(u16::MAX);
                column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
            }
        }
        let lines: Vec<String> = table
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect();
        lines.join("\n")
    }
}

/// The first cell of a row in pieces no wider than a column may be, all but the first indented: where
/// the row goes on in another line, that is not to begin as a row does. Only ids stand there.
fn in_pieces(first: &str) -> String {
    let mut pieces = vec![String::new()];
    for c in first.chars() {
        if let Some(last) = pieces.last_mut()
            && last.chars().count() < MOST_WHOLE
        {
            last.push(c);
        } else {
            pieces.push(format!("  {c}"));
        }
    }
    pieces.join("\n")
}

impl Column {
    fn head(&self) -> &'static str {
        match self {
            Column::Whole(head) | Column::Words(head) | Column::Free(head) => head,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox() -> Table {
        let mut table = Table::new(&[
            Column::Whole("ID"),
            Column::Words("STATE"),
            Column::Free("WHY"),
        ]);
        table.row(
            [
                "1:2040",
                "waits until 2026-11-20 14:41",
                "451 try.again.later",
            ]
            .map(str::to_owned),
        );
        table
    }

    #[test]
    fn words_wrap_between_words_only_and_free_text_within_them_where_there_is_no_room() {
        assert_eq!(
            outbox().laid_out(40),
            "ID      STATE                  WHY\n\
             1:2040  waits until            451 try.a\n\
             \u{20}       2026-11-20 14:41       gain.late\n\
             \u{20}                              r"
        );
        let narrow = outbox().laid_out(1);
        assert!(narrow.contains(" 2026-11-20 "), "{narrow}");
    }

    #[test]
    fn where_nothing_limits_it_a_row_is_one_line() {
        let mut table = outbox();
        table.row(["i".repeat(64), String::new(), "why ".repeat(100)]);
        let widths = (0..3).map(|i| table.widest(i)).collect();
        let printed = table.with_widths(widths);
        assert_eq!(printed.lines().count(), 3, "{printed}");
    }

    #[test]
    fn an_id_that_is_broken_goes_on_indented() {
        let mut table = Table::new(&[Column::Whole("ID")]);
        table.row(["T-".repeat(32)]);
        let printed = table.laid_out(80);
        let starts: Vec<bool> = printed.lines().map(|l| l.starts_with("T-")).collect();
        assert_eq!(starts, [false, true, false, false], "{printed}");
    }
}
