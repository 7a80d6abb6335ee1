//! Addresses inside a TOML document: `kernel.fragments[2]`. What they lead to is `document`'s knowledge.

use std::fmt;

/// One step down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Into a table.
    Key(String),
    /// Into a list, counted from 0.
    Index(usize),
}

/// The way from the top of a document to a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(Vec<Segment>);

impl Path {
    /// The top of a document.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// The way through these keys.
    #[must_use]
    pub fn of(keys: &[&str]) -> Self {
        keys.iter().fold(Self::root(), |path, key| path.key(*key))
    }

    /// One key further down.
    #[must_use]
    pub fn key(&self, key: impl Into<String>) -> Self {
        self.with(Segment::Key(key.into()))
    }

    /// One list element further down.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.with(Segment::Index(index))
    }

    fn with(&self, segment: Segment) -> Self {
        let mut segments = self.0.clone();
        segments.push(segment);
        Self(segments)
    }

    /// The way to what this is in; the top is in itself.
    #[must_use]
    pub fn parent(&self) -> Self {
        let around = self.0.len().saturating_sub(1);
        Self(self.0[..around].to_vec())
    }

    /// The steps from the top.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// Whether the other is this path, or leads to something that this one is in.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// The last key with the indices after it, as a person names the value: `fragments[2]`.
    #[must_use]
    pub fn leaf(&self) -> String {
        let key = |segment: &Segment| matches!(segment, Segment::Key(_));
        let start = self.0.iter().rposition(key).unwrap_or(0);
        Self(self.0[start..].to_vec()).to_string()
    }

    /// How the table at this path begins in TOML: `[kernel]`, `[[node]]`; the top has no header.
    #[must_use]
    pub fn header(&self) -> Option<String> {
        let keys: Vec<String> = self
            .0
            .iter()
            .filter_map(|segment| match segment {
                Segment::Key(key) => Some(quoted(key)),
                Segment::Index(_) => None,
            })
            .collect();
        match self.0.last()? {
            Segment::Key(_) => Some(format!("[{}]", keys.join("."))),
            Segment::Index(_) => Some(format!("[[{}]]", keys.join("."))),
        }
    }
}

/// A key as TOML writes it: quoted unless it is a bare key.
fn quoted(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !key.is_empty() && key.chars().all(bare) {
        key.to_owned()
    } else {
        format!("{key:?}")
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .enumerate()
            .try_for_each(|(position, segment)| match segment {
                Segment::Key(key) if position == 0 => f.write_str(&quoted(key)),
                Segment::Key(key) => write!(f, ".{}", quoted(key)),
                Segment::Index(index) => write!(f, "[{index}]"),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_toml_does() {
        let path = Path::of(&["image", "devices", "/dev/null"]).key("mode");
        assert_eq!(path.to_string(), "image.devices.\"/dev/null\".mode");
        let path = Path::of(&["kernel", "fragments"]).index(2);
        assert_eq!(path.to_string(), "kernel.fragments[2]");
        assert_eq!(path.leaf(), "fragments[2]");
    }

    #[test]
    fn headers_tell_tables_from_lists_of_tables() {
        assert_eq!(Path::root().header(), None);
        assert_eq!(
            Path::of(&["image", "console"]).header().unwrap(),
            "[image.console]"
        );
        assert_eq!(Path::of(&["node"]).index(0).header().unwrap(), "[[node]]");
    }
}
