//! From TOML text to a tree with places. Goes on after a mistake as far as it can, and tells whether what comes out is
//! worth looking at.

use std::ops::Range;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use crate::failure::Diagnostic;
use crate::recipe::document::{Entry, Node, Place, Value};
use crate::text::{Text, boundary};

/// What parsing a text led to.
pub struct Parsed {
    /// What could be made of the text.
    pub root: Node,
    /// What is no TOML in it, one complaint a line.
    pub problems: Vec<Diagnostic>,
    /// Whether the tables and keys are those that were meant, so that it makes sense to look further.
    pub sound: bool,
}

/// Parses a whole file; goes on after a mistake as far as it can.
#[must_use]
pub fn parse(file: &Arc<Text>) -> Parsed {
    let (table, errors) = DeTable::parse_recoverable(&file.text);
    let mut parser = Parser {
        file,
        errors: errors
            .iter()
            .map(|error| (clamp(error.span(), &file.text), error.message()))
            .collect(),
        explained: Vec::new(),
    };
    let value = parser.table(table.get_ref());
    let place = parser.place(beginning(&file.text));
    let sound = parser
        .errors
        .iter()
        .enumerate()
        .all(|(index, (_, message))| {
            *message == "duplicate key" || parser.explained.contains(&index)
        });
    Parsed {
        root: Node { value, place },
        problems: parser.problems(),
        sound,
    }
}

struct Parser<'f> {
    file: &'f Arc<Text>,
    errors: Vec<(Range<usize>, &'f str)>,
    /// Indices of errors that are about one scalar value, the tree around it being sound.
    explained: Vec<usize>,
}

impl Parser<'_> {
    fn place(&self, span: Range<usize>) -> Place {
        Place {
            file: Arc::clone(self.file),
            span,
        }
    }

    fn table(&mut self, table: &DeTable<'_>) -> Value {
        let entries = table.iter().map(|(key, value)| {
            let entry = Entry {
                key: self.place(key.span()),
                node: self.node(value),
            };
            (key.get_ref().to_string(), entry)
        });
        Value::Table(entries.collect())
    }

    fn node(&mut self, value: &toml::Spanned<DeValue<'_>>) -> Node {
        let span = value.span();
        let value = match value.get_ref() {
            DeValue::Table(table) => self.table(table),
            DeValue::Array(array) => Value::Array(array.iter().map(|v| self.node(v)).collect()),
            scalar => self.scalar(scalar, &span),
        };
        Node {
            value,
            place: self.place(span),
        }
    }

    fn scalar(&mut self, value: &DeValue<'_>, span: &Range<usize>) -> Value {
        // An empty span at the end is about what should have come after the value.
        let within = |error: &Range<usize>| {
            let inside = span.start <= error.start && error.end <= span.end;
            error == span || (inside && (!error.is_empty() || error.end < span.end))
        };
        let known = self.explained.len();
        let about_it = self.errors.iter().enumerate();
        let about_it = about_it.filter(|(_, (error, _))| within(error));
        self.explained.extend(about_it.map(|(index, _)| index));
        if self.explained.len() > known {
            return Value::Broken;
        }
        let number = match value {
            DeValue::String(text) => return Value::String(text.to_string()),
            DeValue::Boolean(truth) => return Value::Boolean(*truth),
            DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix())
                .ok()
                .map(Value::Integer),
            DeValue::Float(number) => number.as_str().parse().ok().map(Value::Float),
            _ => return Value::Datetime,
        };
        number.unwrap_or_else(|| {
            self.explained.push(self.errors.len());
            self.errors.push((span.clone(), "this number is too large"));
            Value::Broken
        })
    }

    /// One mistake makes the parser stumble several times; the first in a line is the one to mend.
    fn problems(&mut self) -> Vec<Diagnostic> {
        self.errors.sort_by_key(|(span, _)| span.start);
        let line = |at: usize| {
            self.file.text.as_bytes()[..at]
                .iter()
                .filter(|&&b| b == b'\n')
                .count()
        };
        let mut last = None;
        self.errors
            .iter()
            .filter(|(span, _)| last.replace(line(span.start)) != Some(line(span.start)))
            .map(|(span, message)| syntax_error(&self.place(span.clone()), message))
            .collect()
    }
}

/// The parser takes a bare word for a misspelt boolean or the like; a person who wrote one forgot the quotes.
fn syntax_error(place: &Place, message: &str) -> Diagnostic {
    let word = place.text();
    let is_word = word.starts_with(|c: char| c.is_alphabetic() || "/.~$".contains(c));
    match message {
        "string values must be quoted, expected literal string" if word.is_empty() => {
            place.wrong("a value is missing here", "", None)
        }
        _ if is_word && (message.contains("quoted") || message.starts_with("invalid boolean")) => {
            place.wrong("text needs quotes", "", Some(format!("{word:?}")))
        }
        _ => place.wrong(format!("this is no TOML: {message}"), "", None),
    }
}

/// A span inside the text, its beginning where there is none. What is missing at the end is missing after the last
/// visible character.
fn clamp(span: Option<Range<usize>>, text: &str) -> Range<usize> {
    let inside = |at: usize| boundary(text, at);
    let span = span.unwrap_or(0..0);
    let (start, end) = (inside(span.start), inside(span.end.max(span.start)));
    if start == text.len() {
        let visible = text.trim_end().len();
        return visible..visible;
    }
    start..end
}

/// The first byte that is not comment or white space: what stands for a file as a whole.
fn beginning(text: &str) -> Range<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_start_matches(['\u{feff}', ' ', '\t']);
        if !content.trim_end().is_empty() && !content.starts_with('#') {
            let start = at + line.len() - content.len();
            return start..start;
        }
        at += line.len();
    }
    0..0
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn file(path: &str, text: &str) -> Arc<Text> {
        Arc::new(Text::new(path.as_ref(), text))
    }

    pub(crate) fn parsed(text: &str) -> Parsed {
        parse(&file("a.toml", text))
    }

    fn complaints(text: &str) -> Vec<String> {
        let show = |d: &Diagnostic| {
            let (line, column) = d.line_column();
            format!("{line}:{column} {}", d.message)
        };
        parsed(text).problems.iter().map(show).collect()
    }

    #[test]
    fn several_broken_values_are_all_found_and_leave_the_tree_sound() {
        let text =
            "a = foo\nb = \nc = 1\nd = \"\\q\"\ne = 999999999999999999999999999999999999999999\n";
        assert_eq!(
            complaints(text),
            [
                "1:5 text needs quotes",
                "2:5 a value is missing here",
                "4:7 this is no TOML: missing escaped value, expected `b`, `e`, `f`, `n`, `r`, `\\`, `\"`, `x`, `u`, `U`",
                "5:5 this is no TOML: this number is too large",
            ]
        );
        assert!(parsed(text).sound);
    }

    #[test]
    fn an_open_bracket_leaves_the_tree_unsound() {
        for text in ["[x\ny = 1\n", "a = [1, 2\n", "a = {b = 1\n", "= 1\n", "a\n"] {
            assert!(!parsed(text).sound, "{text}");
            assert_eq!(complaints(text).len(), 1, "{text}: {:?}", complaints(text));
        }
    }

    #[test]
    fn depth_is_limited() {
        let deep = [
            format!("a = {}", "[".repeat(100_000)),
            format!("a = {}", "{a=".repeat(100_000)),
            format!("{} = 1", vec!["a"; 100_000].join(".")),
            format!("[{}]", vec!["a"; 100_000].join(".")),
        ];
        for text in deep {
            let parsed = parsed(&text);
            assert!(!parsed.problems.is_empty() && !parsed.sound);
        }
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "[\\[\\]{}=.,\"'#a-c0-9é\u{0}\t\r\n -]{0,80}") {
            for problem in parsed(&text).problems {
                proptest::prop_assert!(text.get(problem.span).is_some());
            }
        }
    }
}
