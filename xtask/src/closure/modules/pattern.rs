//! Patterns of module names and of paths below `lib/modules/RELEASE`.

use regex::Regex;

use crate::failure::{Doing, Result};

use super::info::{canonical, normalized};

/// Letters that make a text a pattern.
const WILD: [char; 4] = ['*', '?', '[', '{'];

/// What may follow the name of a module in the name of its file.
const SUFFIX: &str = r"(?:\.ko)?(?:\.xz|\.zst|\.gz)?";

/// Whether a text is a pattern: of paths when it has a slash, of names otherwise.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(WILD) || text.contains('/')
}

/// A pattern: `*` and `?` stand for letters of one component, `**` for any number of components, `[a-z]` for one letter of these, `{a,b}` for one of these words.
pub(super) struct Pattern {
    regex: Regex,
    /// Whether it is held against the path; the name otherwise.
    of_path: bool,
}

impl Pattern {
    /// Reads a pattern. One with a slash is of paths, with or without the `kernel/` at their beginning and the suffix at their end.
    ///
    /// # Errors
    /// When it is too large to be held in memory as an automaton.
    pub(super) fn new(text: &str) -> Result<Self> {
        let of_path = text.contains('/');
        let expression = if of_path {
            format!("^(?:kernel/)?{}{SUFFIX}$", expression(text))
        } else {
            // In brackets, a dash is a range.
            let text = normalized(text).unwrap_or_else(|| canonical(text));
            format!("^{}$", expression(&text))
        };
        let regex = Regex::new(&expression)
            .map_err(|error| std::io::Error::other(error.to_string()))
            .doing(|| format!("the pattern {text:?} cannot be used"))?;
        Ok(Self { regex, of_path })
    }

    /// Whether a module is meant: its name with underscores, its path below the release's folder.
    pub(super) fn fits(&self, name: &str, path: &str) -> bool {
        self.regex.is_match(if self.of_path { path } else { name })
    }
}

/// The regular expression of one component's pattern, for names of files.
pub(super) fn component(text: &str) -> Option<Regex> {
    Regex::new(&format!("^{}$", expression(text))).ok()
}

fn expression(pattern: &str) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(letter) = rest.chars().next() {
        let (said, length) = match letter {
            '*' if rest.starts_with("**/") => ("(?:.*/)?".to_owned(), 3),
            '*' if rest.starts_with("**") => (".*".to_owned(), 2),
            '*' => ("[^/]*".to_owned(), 1),
            '?' => ("[^/]".to_owned(), 1),
            '{' => words(rest).unwrap_or_else(|| (r"\{".to_owned(), 1)),
            '[' => set(rest).unwrap_or_else(|| (r"\[".to_owned(), 1)),
            other => (
                regex::escape(other.encode_utf8(&mut [0; 4])),
                other.len_utf8(),
            ),
        };
        out.push_str(&said);
        rest = &rest[length..];
    }
    out
}

/// Words in braces, which may not hold patterns, and how much of the pattern they take.
fn words(rest: &str) -> Option<(String, usize)> {
    let end = rest.find('}')?;
    let words: Vec<String> = rest[1..end].split(',').map(regex::escape).collect();
    Some((format!("(?:{})", words.join("|")), end + 1))
}

/// A set of letters and how much of the pattern it takes; none where the bracket is never closed, and stands for itself.
fn set(rest: &str) -> Option<(String, usize)> {
    let negated = rest[1..].starts_with(['!', '^']);
    let from = 1 + usize::from(negated);
    // A bracket that comes first is one of the set.
    let first = rest[from..].chars().next()?.len_utf8();
    let end = from + first + rest[from + first..].find(']')?;
    let mut out = String::from(if negated { "[^/" } else { "[" });
    for letter in rest[from..end].chars() {
        // Ranges are the same in both languages; everything else in a set means something else in a regular expression.
        if letter == '-' {
            out.push('-');
        } else {
            out.push_str(&regex::escape(letter.encode_utf8(&mut [0; 4])));
        }
    }
    out.push(']');
    Some((out, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, path: &str) -> bool {
        let name = path
            .rsplit('/')
            .next()
            .unwrap()
            .split(".ko")
            .next()
            .unwrap();
        Pattern::new(pattern)
            .unwrap()
            .fits(&name.replace('-', "_"), path)
    }

    #[test]
    fn a_star_stays_in_its_folder_and_two_do_not() {
        let path = "kernel/drivers/net/ethernet/intel/e1000/e1000.ko.xz";
        for pattern in [
            "drivers/net/**",
            "drivers/net/**/e1000",
            "**/e1000.ko",
            "kernel/drivers/net/ethernet/*/*/e1000.ko.xz",
            "e100?",
            "e1000",
            "**",
            "drivers/{net,block}/**",
        ] {
            assert!(fits(pattern, path), "{pattern}");
        }
        for pattern in ["drivers/net/*", "net/**", "e100", "drivers/net", "E1000"] {
            assert!(!fits(pattern, path), "{pattern}");
        }
    }

    #[test]
    fn names_are_the_same_with_dashes_and_underscores() {
        assert!(fits("virtio-*", "kernel/drivers/virtio/virtio_pci.ko"));
        assert!(fits("virtio_*", "kernel/drivers/virtio/virtio-pci.ko"));
    }

    #[test]
    fn sets_of_letters_are_those_of_a_shell() {
        assert!(fits("e[0-9]*", "updates/e1000.ko"));
        assert!(!fits("e[!0-9]*", "updates/e1000.ko"));
        assert!(fits("updates/[de]1000", "updates/e1000.ko"));
        for odd in [
            "[",
            "a[b",
            "[]",
            "[!",
            "[z-a]",
            "[[:alpha:]]",
            "[&&]",
            "[\\",
        ] {
            let _ = Pattern::new(odd);
        }
    }
}
