//! Tables: columns set apart by blanks. Ids, dates, amounts and states are never broken; free text
//! wraps into the room that they leave.

use comfy_table::{ColumnConstraint, ContentArrangement, Width};

use crate::output;

/// A column's head, and how it takes its room.
#[derive(Clone, Copy)]
pub(super) enum Column {
    /// As wide as its widest cell.
    Whole(&'static str),
    /// Wraps between words, or within one that is too long.
    Free(&'static str),
}

/// A free column is not made narrower than this, unless its content is.
const LEAST: usize = 9;
/// What would make a table unreadable is broken all the same: an id has up to 64 characters.
const MOST_WHOLE: usize = 32;
const BETWEEN: usize = 2;

/// A table in the making. Every cell must be safe to print.
pub(super) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(columns: &[Column]) -> Table {
        Table {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut cells: Vec<String> = cells.into_iter().collect();
        if let Some(first) = cells.first_mut() {
            *first = in_pieces(first);
        }
        self.rows.push(cells);
    }

    /// Whether it needs no more than the terminal's width.
    pub(super) fn fits(&self) -> bool {
        self.least() <= output::width()
    }

    fn least(&self) -> usize {
        let least = |index| match self.columns.get(index) {
            Some(Column::Free(_)) => self.widest(index).min(LEAST),
            Some(Column::Whole(_)) | None => self.widest(index).min(MOST_WHOLE),
        };
        let columns: usize = (0..self.columns.len()).map(least).sum();
        columns + BETWEEN * self.columns.len().saturating_sub(1)
    }

    fn widest(&self, index: usize) -> usize {
        let head = self.columns.get(index).map(|c| c.head());
        let cells = self
            .rows
            .iter()
            .filter_map(|row| row.get(index))
            .map(String::as_str);
        head.into_iter()
            .chain(cells)
            .flat_map(str::lines)
            .map(unicode_width::UnicodeWidthStr::width)
            .max()
            .unwrap_or(0)
    }

    /// The lines, without blanks at their ends.
    pub(super) fn print(self) -> String {
        let mut room = output::width().max(self.least()) - self.least();
        let mut table = comfy_table::Table::new();
        table
            .load_style(comfy_table::presets::NOTHING)
            .force_no_tty()
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(u16::MAX)
            .set_header(self.columns.iter().map(|c| c.head()))
            .add_rows(self.rows.iter().cloned());
        for (index, column) in self.columns.iter().enumerate() {
            let widest = self.widest(index);
            let width = match column {
                Column::Whole(_) => widest.min(MOST_WHOLE),
                Column::Free(_) => {
                    let more = (widest - widest.min(LEAST)).min(room);
                    room -= more;
                    widest.min(LEAST) + more
                }
            };
            if let Some(column) = table.column_mut(index) {
                column.set_padding((0, BETWEEN as u16));
                let width = u16::try_from(width + BETWEEN).unwrap_or(u16::MAX);
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
            Column::Whole(head) | Column::Free(head) => head,
        }
    }
}
