//! A TOML file as a tree in which every value and key knows its file and its bytes there. Reading it is
//! left to `parse`, what the values mean to `conform` and `check`, how files extend one another to `extend`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::failure::Diagnostic;
use crate::recipe::path::{Path, Segment};
use crate::text::Text;

/// Some bytes of a text.
#[derive(Clone, Debug)]
pub struct Place {
    /// The text.
    pub file: Arc<Text>,
    /// The bytes.
    pub span: Range<usize>,
}

impl Place {
    /// The bytes as text; empty when the span is none of the text's.
    #[must_use]
    pub fn text(&self) -> &str {
        self.file.text.get(self.span.clone()).unwrap_or_default()
    }

    /// File and line, as compilers write them.
    #[must_use]
    pub fn line(&self) -> String {
        let (line, _) = self.wrong("", "", None).line_column();
        format!("{}:{line}", self.file.file.display())
    }

    /// A diagnostic about this place.
    pub fn wrong(
        &self,
        message: impl Into<String>,
        label: impl Into<String>,
        help: Option<String>,
    ) -> Diagnostic {
        self.file.wrong(self.span.clone(), message, label, help)
    }
}

/// A value and where it stands. A table's place is its header.
#[derive(Clone, Debug)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it stands.
    pub place: Place,
}

/// A key's value, with where the key stands.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where the key stands.
    pub key: Place,
    /// Its value.
    pub node: Node,
}

/// TOML's values.
#[derive(Clone, Debug)]
pub enum Value {
    /// A string.
    String(String),
    /// A whole number.
    Integer(i128),
    /// A number with a fraction, or `inf`, or `nan`.
    Float(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// A date, a time, or both.
    Datetime,
    /// A list.
    Array(Vec<Node>),
    /// A table.
    Table(BTreeMap<String, Entry>),
    /// A value that is no TOML; it has been complained about.
    Broken,
}

impl Node {
    /// The entries of a table; none of anything else.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Table(entries) => entries.get(key),
            _ => None,
        }
    }

    /// What is at this path, if it was written.
    #[must_use]
    pub fn at(&self, path: &Path) -> Option<&Self> {
        path.segments().iter().try_fold(self, Self::step)
    }

    fn step<'n>(&'n self, segment: &Segment) -> Option<&'n Self> {
        match (&self.value, segment) {
            (Value::Table(entries), Segment::Key(key)) => entries.get(key).map(|entry| &entry.node),
            (Value::Array(nodes), Segment::Index(index)) => nodes.get(*index),
            _ => None,
        }
    }

    /// Where the value at this path stands or, if it was not written, the innermost table or list around it.
    #[must_use]
    pub fn place_of(&self, path: &Path) -> &Place {
        let mut node = self;
        for segment in path.segments() {
            match node.step(segment) {
                Some(inner) => node = inner,
                None => break,
            }
        }
        &node.place
    }

    /// Where the last key of this path stands; as [`Self::place_of`] if it was not written.
    #[must_use]
    pub fn key_place_of(&self, path: &Path) -> &Place {
        let Some((Segment::Key(key), around)) = path.segments().split_last() else {
            return self.place_of(path);
        };
        around
            .iter()
            .try_fold(self, Self::step)
            .and_then(|table| table.entry(key))
            .map_or_else(|| self.place_of(path), |entry| &entry.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::parse::tests::parsed;

    #[test]
    fn every_value_and_key_knows_its_place() {
        let root = parsed("# hello\na.b = 1\n[[n]]\nx = ['é', 2]\n").root;
        let x = Path::of(&["n"]).index(0).key("x");
        assert_eq!(root.place_of(&x).text(), "['é', 2]");
        assert_eq!(root.place_of(&x.index(1)).text(), "2");
        assert_eq!(root.key_place_of(&x).text(), "x");
        assert_eq!(root.place_of(&x.index(7).key("y")).text(), "['é', 2]");
        assert_eq!(
            root.place_of(&Path::of(&["n"]).index(0).key("no")).text(),
            "[[n]]"
        );
        assert_eq!(root.place.span, 8..8);
    }
}
