//! An answer: the same thing for a person and for a program.

use serde::Serialize;
use serde_json::Value;

/// What a verb answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    text: String,
    value: Value,
}

impl Answer {
    /// An answer in both forms. A last line without an end gets one.
    ///
    /// # Panics
    /// Never for the types of this crate: they have string keys.
    #[must_use]
    pub fn new(value: &impl Serialize, text: impl Into<String>) -> Self {
        let mut text = text.into();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        Self {
            text,
            value: serde_json::to_value(value).expect("answers have string keys"),
        }
    }

    /// For a person.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// For a program.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }
}

/// Lines in columns.
#[derive(Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Adds a row.
    pub fn row<C: Into<String>>(&mut self, cells: impl IntoIterator<Item = C>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// The rows, each column as wide as its widest cell, two spaces between.
    #[must_use]
    pub fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let line: Vec<String> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:width$}", width = *width))
                .collect();
            text.push_str(line.join("  ").trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_without_trailing_space() {
        let mut table = Table::default();
        table.row(["a", "long cell", "x"]);
        table.row(["bcd", "é"]);
        assert_eq!(table.render(), "a    long cell  x\nbcd  é\n");
    }
}
