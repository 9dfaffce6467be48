//! Tables: columns set apart by blanks, wrapped to the width of the terminal.

use comfy_table::{ColumnConstraint, ContentArrangement, Width};

use crate::output;

/// A third of a narrow terminal.
const LONGEST_WHOLE: u16 = 24;

/// A table in the making. Every cell must be safe to print.
pub(super) struct Table(comfy_table::Table);

impl Table {
    pub(super) fn new(header: &[&str]) -> Table {
        let mut table = comfy_table::Table::new();
        table
            .load_style(comfy_table::presets::NOTHING)
            .force_no_tty()
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(u16::try_from(output::width()).unwrap_or(80))
            .set_header(header.iter().copied());
        // No column gets so narrow that its head is cut.
        for (index, head) in header.iter().enumerate() {
            if let Some(column) = table.column_mut(index) {
                column.set_padding((0, 2));
                let least = u16::try_from(head.len() + 2).unwrap_or(2);
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
            }
        }
        Table(table)
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.0.add_row(cells.into_iter().collect::<Vec<_>>());
    }

    /// What is short and is looked for first keeps its width, whatever the others need.
    pub(super) fn keep_whole(&mut self, columns: &[usize]) {
        let widths = self.0.column_max_content_widths();
        for &index in columns {
            let short = widths
                .get(index)
                .is_some_and(|width| *width <= LONGEST_WHOLE);
            if let (true, Some(column)) = (short, self.0.column_mut(index)) {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
    }

    /// The lines, without blanks at their ends.
    pub(super) fn print(self) -> String {
        let lines: Vec<String> = self
            .0
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect();
        lines.join("\n")
    }
}
