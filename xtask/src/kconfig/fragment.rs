//! Fragments: the part of a configuration that somebody wrote down because it matters.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use super::config::{Assignment, PREFIX, assignment, is_symbol};
use crate::failure::{Diagnostic, Failure, Kind, Result};
use crate::text::{Line, Text};

/// A fragment: what it requests, and where.
#[derive(Clone, Debug)]
pub struct Fragment {
    /// The file and its text.
    pub text: Text,
    /// What it requests, in its order; a symbol that is given twice (with the same value) comes once.
    pub requests: Vec<Request>,
}

/// One line of a fragment that sets a symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What it sets.
    pub assignment: Assignment,
    /// Byte range of the line.
    pub span: Range<usize>,
}

impl Fragment {
    /// Reads a fragment: `CONFIG_X=y|m|n|number|"string"`, `# CONFIG_X is not set`, comments, blank lines.
    /// `file` is what diagnostics call it.
    ///
    /// # Errors
    /// [`Kind::Recipe`] with a diagnostic for each line that is none of these, and for each
    /// symbol that is given two values.
    pub fn parse(file: &Path, text: &str) -> Result<Self> {
        let text = Text::new(file, text);
        let mut requests: Vec<Request> = Vec::new();
        let mut wrong = Vec::new();
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        for line in text.lines() {
            match read(&text, line) {
                Ok(None) => {}
                Ok(Some(request)) => match known.get(&request.assignment.symbol) {
                    Some(&before) => wrong.extend(repeated(&text, &requests[before], &request)),
                    None => {
                        known.insert(request.assignment.symbol.clone(), requests.len());
                        requests.push(request);
                    }
                },
                Err(mistake) => wrong.push(*mistake),
            }
        }
        if wrong.is_empty() {
            return Ok(Self { text, requests });
        }
        let what = format!("the fragment {} is wrong", file.display());
        Err(Failure::new(Kind::Recipe, what).diagnostics(wrong))
    }
}

/// What all fragments together request: of a symbol that several name, the last one's value. In the order in
/// which the symbols first appear.
#[must_use]
pub fn merged(fragments: &[Fragment]) -> Vec<Assignment> {
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut merged: Vec<Assignment> = Vec::new();
    for request in fragments.iter().flat_map(|fragment| &fragment.requests) {
        let assignment = &request.assignment;
        match places.get(&*assignment.symbol) {
            Some(&place) => merged[place] = assignment.clone(),
            None => {
                places.insert(&assignment.symbol, merged.len());
                merged.push(assignment.clone());
            }
        }
    }
    merged
}

fn repeated(text: &Text, before: &Request, again: &Request) -> Option<Diagnostic> {
    let (first, second) = (&before.assignment, &again.assignment);
    (first.value != second.value).then(|| {
        let line = text.text[..before.span.start].matches('\n').count() + 1;
        text.wrong(
            again.span.clone(),
            format!("{PREFIX}{} is given two values", second.symbol),
            format!("line {line} says `{first}`"),
            None,
        )
    })
}

fn read(text: &Text, line: Line<'_>) -> Result<Option<Request>, Box<Diagnostic>> {
    let wrong = |part: &str, message: String, help: Option<String>| {
        Box::new(text.wrong(line.span_of(part), message, "", help))
    };
    match assignment(line.text) {
        Some((symbol, Ok(value))) => Ok(Some(Request {
            assignment: Assignment {
                symbol: symbol.to_owned(),
                value,
            },
            span: line.span(),
        })),
        Some((_, Err(why))) => {
            let value = line
                .text
                .split_once('=')
                .map_or("", |(_, value)| value.trim_end());
            let lower = value.to_lowercase();
            let help = match &*lower {
                "y" | "m" | "n" => Some(format!("did you mean `{lower}`?")),
                "yes" | "no" => Some(format!("did you mean `{}`?", &lower[..1])),
                _ => None,
            };
            Err(wrong(value, why, help))
        }
        None => {
            let said = line.text.trim();
            match almost(said) {
                Some(meant) => Err(wrong(said, "this line sets nothing".to_owned(), Some(format!("did you mean `{meant}`?")))),
                None if said.is_empty() || said.starts_with('#') => Ok(None),
                None => Err(wrong(
                    said,
                    "this is neither a setting nor a comment".to_owned(),
                    Some("lines are `CONFIG_X=y` (or m, n, a number, a \"string\"), `# CONFIG_X is not set`, or `# comment`".to_owned()),
                )),
            }
        }
    }
}

/// The line that was probably meant: spaces that do not belong there, or a prefix that is missing.
fn almost(said: &str) -> Option<String> {
    if let Some(unset) = said.strip_prefix('#') {
        let words: Vec<&str> = unset.split_whitespace().collect();
        let [name, "is", "not", "set"] = words[..] else {
            return None;
        };
        let symbol = name
            .strip_prefix(PREFIX)
            .filter(|symbol| is_symbol(symbol))?;
        return Some(format!("# {PREFIX}{symbol} is not set"));
    }
    let (name, value) = said.split_once('=')?;
    let name = name.trim();
    let symbol = name.strip_prefix(PREFIX).unwrap_or(name);
    is_symbol(symbol).then(|| format!("{PREFIX}{symbol}={}", value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragment(text: &str) -> Result<Fragment> {
        Fragment::parse(Path::new("a.config"), text)
    }

    #[test]
    fn settings_and_comments() {
        let text = "# a comment\n\nCONFIG_A=y \n# CONFIG_B is not set\nCONFIG_C=\"x # y\"\r\nCONFIG_A=y\n# CONFIG_D=y\n#CONFIG_E\n";
        let read = fragment(text).unwrap();
        let lines: Vec<String> = read
            .requests
            .iter()
            .map(|r| r.assignment.to_string())
            .collect();
        assert_eq!(
            lines,
            ["CONFIG_A=y", "# CONFIG_B is not set", "CONFIG_C=\"x # y\""]
        );
        assert_eq!(&text[read.requests[2].span.clone()], "CONFIG_C=\"x # y\"");
    }

    #[test]
    fn mistakes_have_a_place_and_help() {
        for (line, place, help) in [
            ("CONFIG_A=Y", (2, 10), "did you mean `y`?"),
            ("CONFIG_A=yes", (2, 10), "did you mean `y`?"),
            ("CONFIG_A = y", (2, 1), "did you mean `CONFIG_A=y`?"),
            (" CONFIG_A=y", (2, 2), "did you mean `CONFIG_A=y`?"),
            ("NET=y", (2, 1), "did you mean `CONFIG_NET=y`?"),
            (
                "#CONFIG_A is not set",
                (2, 1),
                "did you mean `# CONFIG_A is not set`?",
            ),
            ("CONFIG_A", (2, 1), "lines are `CONFIG_X=y`"),
            ("CONFIG_A-B=y", (2, 1), "lines are"),
        ] {
            let failure = fragment(&format!("# é\n{line}\nCONFIG_Z=y\n")).unwrap_err();
            let [one] = &failure.diagnostics[..] else {
                panic!("{line}: {failure:?}")
            };
            assert_eq!(one.line_column(), place, "{line}");
            assert!(
                one.help.as_deref().unwrap().starts_with(help),
                "{line}: {one:?}"
            );
        }
        assert_eq!(
            fragment("CONFIG_A=\"x\nCONFIG_B=\n")
                .unwrap_err()
                .diagnostics
                .len(),
            2
        );
    }

    #[test]
    fn two_values_for_one_symbol_are_a_mistake() {
        let failure = fragment("CONFIG_A=y\n\n# CONFIG_A is not set\n").unwrap_err();
        assert_eq!(failure.diagnostics[0].line_column(), (3, 1));
        assert_eq!(failure.diagnostics[0].label, "line 1 says `CONFIG_A=y`");
    }

    #[test]
    fn of_several_fragments_the_last_wins() {
        let fragments = ["CONFIG_A=y\nCONFIG_B=m\n", "CONFIG_C=y\nCONFIG_A=n\n"]
            .map(|text| fragment(text).unwrap());
        let lines: Vec<String> = merged(&fragments).iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["# CONFIG_A is not set", "CONFIG_B=m", "CONFIG_C=y"]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "(CONFIG_|A|=|y|\"|\\\\|#| is not set| |\n|é|0x){0,20}") {
            fragment(&text).ok();
        }
    }
}
