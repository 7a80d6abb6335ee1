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

/// Of `names`, the one that `word` most probably is a slip of; none when none is near.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = word.to_lowercase();
    let allowed = (word.chars().count() / 3).clamp(1, 4);
    names
        .into_iter()
        .filter(|name| name.len().abs_diff(word.len()) <= 4 * allowed)
        .map(|name| {
            (
                strsim::damerau_levenshtein(&folded, &name.to_lowercase()),
                name,
            )
        })
        .filter(|&(distance, _)| distance <= allowed)
        .min()
        .map(|(_, name)| name)
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
    }
}
