//! Patterns of paths: `*`, `?`, `[a-z]` and `**`, as in `/usr/lib/agent/**`. Matching alone; who is matched is left to others.
//!
//! Our own matcher: a root is walked folder by folder, so one part of a pattern meets one name at a time, and the crates
//! for globs compile a regular expression for each.

use std::fmt;

use crate::failure::{Failure, Kind, Result};

/// What matches any number of folders, also none.
pub const ANY_DEPTH: &str = "**";

/// A pattern of paths. One with a slash is matched from the root; one without, against the last part of a path.
///
/// `*` stands for any characters within a part, also for none and for a leading dot; `?` for one; `[abc]`, `[a-z]` and `[!a-z]` for one of, or
/// none of, a set; `**` as a whole part for any number of parts. There is no escape: `[*]` is a plain asterisk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    parts: Vec<String>,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`Kind::Recipe`] for an empty one, one with `..`, and a set without an end.
    pub fn new(text: &str) -> Result<Self> {
        let mut parts: Vec<String> = text
            .split('/')
            .filter(|part| !matches!(*part, "" | "."))
            .map(str::to_owned)
            .collect();
        let wrong =
            |why: &str| Failure::new(Kind::Recipe, format!("{text:?} is no pattern: {why}"));
        if parts.is_empty() {
            return Err(wrong("it names nothing"));
        }
        if parts.iter().any(|part| part == "..") {
            return Err(wrong("`..` is not allowed"));
        }
        if parts.iter().any(|part| has_open_set(part)) {
            return Err(wrong("a `[` has no `]`").hint("a plain bracket is written `[[]`"));
        }
        if !text.contains('/') {
            parts.insert(0, ANY_DEPTH.to_owned());
        }
        // `a/**/**/b` is `a/**/b`.
        parts.dedup_by(|one, other| one == ANY_DEPTH && other == ANY_DEPTH);
        Ok(Self {
            text: text.to_owned(),
            parts,
        })
    }

    /// Its parts between slashes.
    #[must_use]
    pub fn parts(&self) -> &[String] {
        &self.parts
    }

    /// Whether a path matches, with or without a leading slash.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        let one = |part: &String, name: &&str| matches_name(part, name);
        matches_sequence(&self.parts, &names, |part| part == ANY_DEPTH, one)
    }

    /// Whether a path matches, or a folder that it is in.
    #[must_use]
    pub fn covers(&self, path: &str) -> bool {
        let path = path.trim_start_matches('/');
        let ends = path.match_indices('/').map(|(at, _)| at);
        ends.chain([path.len()])
            .any(|end| self.matches(&path[..end]))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether this is a pattern at all, not just a path.
#[must_use]
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// Whether one name matches one part of a pattern.
#[must_use]
pub fn matches_name(part: &str, name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let one = |atom: &Atom, &letter: &char| atom.matches(letter);
    matches_sequence(&atoms(part), &name, |atom| *atom == Atom::Any, one)
}

/// One element of a part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Atom {
    Any,
    One,
    Letter(char),
    Set {
        not: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Atom {
    fn matches(&self, letter: char) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Letter(one) => *one == letter,
            Self::Set { not, ranges } => {
                let within = |&(from, to): &(char, char)| (from..=to).contains(&letter);
                ranges.iter().any(within) != *not
            }
        }
    }
}

fn atoms(part: &str) -> Vec<Atom> {
    let letters: Vec<char> = part.chars().collect();
    let mut atoms = Vec::new();
    let mut at = 0;
    while let Some(&letter) = letters.get(at) {
        let (atom, taken) = match letter {
            '*' => (Atom::Any, 1),
            '?' => (Atom::One, 1),
            '[' => set(&letters[at..]).unwrap_or((Atom::Letter('['), 1)),
            letter => (Atom::Letter(letter), 1),
        };
        atoms.push(atom);
        at += taken;
    }
    atoms
}

/// The set at the beginning of `letters`, and how many of them it is. A `]` right at its beginning is one of its letters (glob(7)).
fn set(letters: &[char]) -> Option<(Atom, usize)> {
    let not = matches!(letters.get(1), Some('!' | '^'));
    let start = if not { 2 } else { 1 };
    let end = start + 1 + letters.get(start + 1..)?.iter().position(|&c| c == ']')?;
    let mut ranges = Vec::new();
    let mut at = start;
    while at < end {
        match letters[at..end] {
            [from, '-', to, ..] => {
                ranges.push((from, to));
                at += 3;
            }
            _ => {
                ranges.push((letters[at], letters[at]));
                at += 1;
            }
        }
    }
    Some((Atom::Set { not, ranges }, end + 1))
}

fn has_open_set(part: &str) -> bool {
    let open = |atom: &Atom| *atom == Atom::Letter('[');
    atoms(part).iter().any(open)
}

/// Whether a sequence matches one of elements, some of which match any number. Going back to the last of those alone is
/// enough, so time is at most the product of both lengths.
fn matches_sequence<P, T>(
    pattern: &[P],
    items: &[T],
    is_any: impl Fn(&P) -> bool,
    one: impl Fn(&P, &T) -> bool,
) -> bool {
    let (mut at, mut item) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while item < items.len() {
        match pattern.get(at) {
            Some(any) if is_any(any) => {
                back = Some((at, item));
                at += 1;
            }
            Some(this) if one(this, &items[item]) => {
                at += 1;
                item += 1;
            }
            _ => match &mut back {
                Some((any, from)) => {
                    *from += 1;
                    (at, item) = (*any + 1, *from);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(is_any)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        Pattern::new(pattern).unwrap().matches(path)
    }

    #[test]
    fn stars_stay_within_a_part() {
        assert!(matches("/usr/lib/*.so", "usr/lib/a.so"));
        assert!(matches("/usr/*/a.so", "/usr/lib/a.so"));
        assert!(!matches("/usr/*", "/usr/lib/a.so"));
        assert!(matches("/etc/*", "/etc/.hidden"));
    }

    #[test]
    fn two_stars_cross_folders_and_stand_for_none() {
        assert!(matches("/usr/**", "/usr/lib/a.so"));
        assert!(matches("/usr/**/a.so", "/usr/a.so"));
        assert!(matches("/usr/**/x/**/a.so", "/usr/1/x/2/x/3/a.so"));
        assert!(!matches("/usr/**/a.so", "/opt/a.so"));
    }

    #[test]
    fn without_a_slash_the_name_alone_counts() {
        assert!(matches("libcuda.so.*", "/usr/lib/libcuda.so.1"));
        assert!(!matches("lib", "/usr/lib/libcuda.so.1"));
        assert!(Pattern::new("lib").unwrap().covers("/usr/lib/a"));
    }

    #[test]
    fn sets_are_as_in_a_shell() {
        for (pattern, yes, no) in [
            ("[a-c]x", "bx", "dx"),
            ("[!a-c]x", "dx", "bx"),
            ("[^a]x", "bx", "ax"),
            ("[]a]x", "]x", "bx"),
            ("[a-]x", "-x", "bx"),
            ("[*]x", "*x", "ax"),
            ("[[]x", "[x", "]x"),
            ("é?", "éà", "é"),
        ] {
            assert!(matches(pattern, yes) && !matches(pattern, no), "{pattern}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["", "/", "a/../b", "a[b", "a[]", "[!]"] {
            assert!(Pattern::new(text).is_err(), "{text}");
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        let pattern = "a*".repeat(2000);
        assert!(!matches_name(&pattern, &"a".repeat(1999)));
        let deep = "/**/a".repeat(500);
        assert!(!matches(&deep, &"/b".repeat(2000)));
    }
}
