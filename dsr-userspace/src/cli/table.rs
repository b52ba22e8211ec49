//! Rows of plain text in aligned columns.

use std::fmt;

/// Rows of a table; the first one is its head.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<Vec<String>>,
    /// Columns that are aligned on their right side, for numbers.
    right: &'static [usize],
}

impl Table {
    /// A table with this head; the columns in `right` hold numbers.
    pub(super) fn new(head: &[&str], right: &'static [usize]) -> Self {
        Self { rows: vec![head.iter().map(|&name| name.to_owned()).collect()], right }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}

/// One line a row, without blanks at its end.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let cell = |(column, cell): (usize, &String)| {
                let width = widths[column];
                if self.right.contains(&column) { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
            };
            let line = row.iter().enumerate().map(cell).collect::<Vec<_>>().join("  ");
            writeln!(f, "  {}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["NAME", "SLOTS", "CAUSE"], &[1]);
        table.row(["web1".to_owned(), "340".to_owned(), String::new()]);
        table.row(["a-longer-name".to_owned(), "10000".to_owned(), "gone".to_owned()]);
        let expected = "  NAME           SLOTS  CAUSE\n  web1             340\n  a-longer-name  10000  gone\n";
        assert_eq!(table.to_string(), expected);
    }
}
