//! Texts that people write: places in them that diagnostics point at, and the name that somebody
//! probably meant. Pure; what the texts mean is left to the rooms that read them.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::failure::Diagnostic;

/// A text that a person wrote, with the file it is from.
#[derive(Clone, Debug)]
pub struct Text {
    /// The file as the user knows it (relative to the checkout).
    pub file: PathBuf,
    /// The whole text.
    pub text: Arc<str>,
}

/// One line of a [`Text`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its number, counted from 1.
    pub number: usize,
    /// Byte offset of its beginning.
    pub start: usize,
    /// What it says, without the line's end.
    pub text: &'a str,
}

impl Line<'_> {
    /// The byte range of the line without white space around it (empty at its beginning for a blank line).
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.span_of(self.text.trim())
    }

    /// The byte range of a part of this line. `part` has to be a slice of it; any other text stands
    /// for the line's beginning.
    #[must_use]
    pub fn span_of(&self, part: &str) -> Range<usize> {
        let offset = (part.as_ptr() as usize).wrapping_sub(self.text.as_ptr() as usize);
        match offset.checked_add(part.len()) {
            Some(end) if end <= self.text.len() => self.start + offset..self.start + end,
            _ => self.start..self.start,
        }
    }
}

impl Text {
    /// The text of this file.
    #[must_use]
    pub fn new(file: &Path, text: &str) -> Self {
        Self {
            file: file.to_owned(),
            text: text.into(),
        }
    }

    /// Its lines.
    pub fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let mut start = 0;
        self.text
            .split_inclusive('\n')
            .zip(1..)
            .map(move |(line, number)| {
                let here = start;
                start += line.len();
                let text = line.strip_suffix('\n').unwrap_or(line);
                Line {
                    number,
                    start: here,
                    text: text.strip_suffix('\r').unwrap_or(text),
                }
            })
    }

    /// The byte offset of a line and column, both counted from 1, columns in characters. What lies
    /// outside the text stands for the nearest place inside it.
    #[must_use]
    pub fn offset(&self, line: usize, column: usize) -> usize {
        let Some(found) = self.lines().nth(line.saturating_sub(1)) else {
            return self.text.len();
        };
        let within = found.text.char_indices().nth(column.saturating_sub(1));
        found.start + within.map_or(found.text.len(), |(offset, _)| offset)
    }

    /// A diagnostic that underlines `span`.
    #[must_use]
    pub fn wrong(
        &self,
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<Option<String>>,
    ) -> Diagnostic {
        Diagnostic {
            file: self.file.clone(),
            text: Arc::clone(&self.text),
            span,
            message: message.into(),
            label: label.into(),
            help: help.into(),
        }
    }
}

/// The last place between two characters of a text that is not behind `at`.
#[must_use]
pub fn boundary(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at)
        .rev()
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(0)
}

/// A number of things, in words: `1 file`, `2 files`.
#[must_use]
pub fn counted(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

/// Of `names`, the one that `word` most probably is a slip of: at most one letter in three is missing, too many,
/// another, or swapped with its neighbour; letter case, and `_` for `-`, aside. None when none is near.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = |word: &str| word.to_lowercase().replace('_', "-");
    let letters = |word: &str| word.chars().count();
    let allowed = (letters(word) / 3).clamp(1, 4);
    names
        .into_iter()
        .filter(|name| name.len().abs_diff(word.len()) <= 4 * allowed)
        .map(|name| {
            (
                strsim::damerau_levenshtein(&folded(word), &folded(name)),
                name,
            )
        })
        // Of two letters any other word of two is one slip away.
        .filter(|&(distance, name)| {
            distance <= allowed && distance < letters(word).min(letters(name))
        })
        .min()
        .map(|(_, name)| name)
}

/// A text as it may stand in a message: in backquotes, on one line, and not longer than a line.
#[must_use]
pub fn quoted(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut quoted = "`".to_owned();
    for (index, c) in text.chars().enumerate() {
        match c {
            _ if index == LONGEST => {
                quoted.push('…');
                break;
            }
            c if c.is_control() => quoted.extend(c.escape_debug()),
            c => quoted.push(c),
        }
    }
    quoted.push('`');
    quoted
}

/// Words in backquotes, with commas and a conjunction: "`a`, `b` or `c`".
#[must_use]
pub fn listing<S: AsRef<str>>(words: impl IntoIterator<Item = S>, conjunction: &str) -> String {
    let words: Vec<String> = words
        .into_iter()
        .map(|word| format!("`{}`", word.as_ref()))
        .collect();
    match words.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} {conjunction} {last}", others.join(", ")),
    }
}

/// Bytes as a person reads them: `812 B`, `1.2 kB`, `34.5 MB`.
#[must_use]
pub fn bytes(count: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB")];
    let unit = UNITS.iter().find(|(size, _)| count >= *size);
    unit.map_or_else(
        || format!("{count} B"),
        |(size, name)| {
            let tenths = (u128::from(count) * 10 + u128::from(*size) / 2) / u128::from(*size);
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Text {
        Text::new(Path::new("a"), text)
    }

    #[test]
    fn offsets_follow_characters_and_stay_inside() {
        let text = text("é=1\r\nb\n");
        assert_eq!(text.offset(1, 2), 2);
        assert_eq!(text.offset(2, 1), 6);
        assert_eq!(text.offset(2, 99), 7);
        assert_eq!(text.offset(99, 1), 8);
    }

    #[test]
    fn a_part_of_a_line_knows_where_it_is() {
        let text = text("a\n  key = value \n");
        let line = text.lines().nth(1).unwrap();
        assert_eq!(&text.text[line.span()], "key = value");
        let value = line.text.split('=').nth(1).unwrap().trim();
        assert_eq!(&text.text[line.span_of(value)], "value");
        assert_eq!(line.span_of("elsewhere"), 2..2);
    }

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let names = ["kernel", "initramfs", "console"];
        assert_eq!(nearest("kernl", names), Some("kernel"));
        assert_eq!(nearest("Console", names), Some("console"));
        assert_eq!(nearest("bogomips", names), None);
        assert_eq!(
            nearest("follow_after", ["follow-after"]),
            Some("follow-after")
        );
        assert_eq!(nearest("xzz", ["xz", "none"]), Some("xz"));
        assert_eq!(nearest("x", ["y"]), None);
        assert_eq!(nearest("", ["y"]), None);
        assert_eq!(nearest(&"a".repeat(1 << 20), ["aaaa"]), None);
    }

    #[test]
    fn quoted_texts_stay_on_their_line() {
        assert_eq!(quoted("a\n\u{1b}[31m\"é"), "`a\\n\\u{1b}[31m\"é`");
        assert_eq!(quoted(&"é".repeat(1000)).chars().count(), 83);
    }

    #[test]
    fn listings_read_as_a_sentence() {
        let none: [&str; 0] = [];
        assert_eq!(listing(none, "or"), "");
        assert_eq!(listing(["a"], "or"), "`a`");
        assert_eq!(listing(["a", "b", "c"], "and"), "`a`, `b` and `c`");
    }

    #[test]
    fn one_is_no_plural() {
        let said = [0, 1, 2].map(|number| counted(number, "file"));
        assert_eq!(said, ["0 files", "1 file", "2 files"]);
    }

    #[test]
    fn figures_are_readable() {
        let said = [0, 999, 1000, 1949, 1_250_000, 3_000_000_000].map(bytes);
        assert_eq!(
            said,
            ["0 B", "999 B", "1.0 kB", "1.9 kB", "1.3 MB", "3.0 GB"]
        );
    }
}
