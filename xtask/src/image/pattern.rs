//! Patterns of paths, the one language for them: `*`, `?`, `[a-z]`, `{a,b}` and `**`, as in `/usr/lib/agent/**`. Matching alone; what is matched,
//! and what a name without a slash means, is left to others.
//!
//! Our own matcher: a root is walked folder by folder, so one part of a pattern meets one name at a time, and the crates
//! for globs compile a regular expression for each.

use std::fmt;

use crate::failure::{Failure, Kind, Result};

/// Braces may stand for so many patterns.
const WAYS: usize = 256;

/// The longest pattern, in bytes: no path is longer (`PATH_MAX`).
const LONGEST: usize = 4096;

/// A pattern of paths. One with a slash is matched from the root; one without, against the last part of a path.
///
/// `*` stands for any characters within a part, also for none and for a leading dot; `?` for one; `[abc]`, `[a-z]` and `[!a-z]` for one of, or
/// none of, a set; `{one,two/three}` for one of these words, in which all but braces may stand; `**` as a whole part for any number of parts. There is
/// no escape: `[*]` is a plain asterisk. Matching takes time in proportion to the lengths of both, at worst to their product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    ways: Vec<Vec<Part>>,
}

/// One part of a pattern, between slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// `**`: any number of folders, also none.
    AnyDepth,
    /// This very name.
    Name(String),
    /// Names that a pattern fits.
    Like(Like),
}

/// A pattern of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Like(Vec<Atom>);

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`Kind::Recipe`] for an empty one, one with `..`, a set or braces without an end, one that is too long, and braces that stand for too much.
    pub fn new(text: &str) -> Result<Self> {
        let wrong = |(why, hint): Wrong| {
            let failure = Failure::new(Kind::Recipe, format!("{text:?} is no pattern: {why}"));
            match hint {
                "" => failure,
                hint => failure.hint(hint),
            }
        };
        let is_path = text.contains('/');
        let ways = ways(text).map_err(wrong)?;
        let ways = ways.iter().map(|way| parts(way, is_path));
        Ok(Self {
            text: text.to_owned(),
            ways: ways.collect::<Result<_, _>>().map_err(wrong)?,
        })
    }

    /// Its parts between slashes: once for each way to choose among the words in its braces.
    #[must_use]
    pub fn ways(&self) -> &[Vec<Part>] {
        &self.ways
    }

    /// Whether a path matches, with or without a leading slash.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        self.matches_names(&names)
    }

    /// Whether a path with these names from the root on matches.
    #[must_use]
    pub fn matches_names(&self, names: &[&str]) -> bool {
        let any = |part: &Part| *part == Part::AnyDepth;
        let one = |part: &Part, name: &&str| part.matches(name);
        let mut ways = self.ways.iter();
        ways.any(|parts| matches_sequence(parts, names, any, one))
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

impl Part {
    /// Whether a name matches.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::AnyDepth => true,
            Self::Name(this) => this == name,
            Self::Like(Like(atoms)) => {
                let name: Vec<char> = name.chars().collect();
                let one = |atom: &Atom, &letter: &char| atom.matches(letter);
                matches_sequence(atoms, &name, |atom| *atom == Atom::Any, one)
            }
        }
    }
}

/// Whether this is a pattern at all, not just a path.
#[must_use]
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

/// What is wrong with a pattern, and what to do about it.
type Wrong = (&'static str, &'static str);

/// The texts that a text with braces stands for; of one without, itself.
fn ways(text: &str) -> Result<Vec<String>, Wrong> {
    if text.len() > LONGEST {
        return Err(("it is longer than any path", ""));
    }
    let letters: Vec<char> = text.chars().collect();
    let mut ways = vec![String::new()];
    let mut at = 0;
    while at < letters.len() {
        let rest = &letters[at..];
        if rest[0] != '{' {
            let taken = element(rest);
            for way in &mut ways {
                way.extend(&rest[..taken]);
            }
            at += taken;
            continue;
        }
        let (words, taken) = words(rest)?;
        if ways.len() * words.len() > WAYS {
            let why = "its braces stand for more than 256 patterns";
            return Err((why, "write several patterns"));
        }
        let longer = ways.iter().flat_map(|way| {
            let with = |word: &&[char]| way.chars().chain(word.iter().copied()).collect();
            words.iter().map(with)
        });
        ways = longer.collect();
        at += taken;
    }
    Ok(ways)
}

/// The words of the braces at the beginning of `letters`, and how many of them these are.
fn words(letters: &[char]) -> Result<(Vec<&[char]>, usize), Wrong> {
    let mut words = Vec::new();
    let (mut from, mut at) = (1, 1);
    while let Some(letter) = letters.get(at) {
        match letter {
            '}' => {
                words.push(&letters[from..at]);
                return Ok((words, at + 1));
            }
            '{' => return Err(("there are braces within braces", "write all words out")),
            ',' => {
                words.push(&letters[from..at]);
                at += 1;
                from = at;
            }
            _ => at += element(&letters[at..]),
        }
    }
    Err(("a `{` has no `}`", "a plain brace is written `[{]`"))
}

/// How many letters at the beginning belong together: those of a set, or one.
fn element(letters: &[char]) -> usize {
    match letters[0] {
        '[' => set(letters).map_or(1, |(_, taken)| taken),
        _ => 1,
    }
}

fn parts(text: &str, is_path: bool) -> Result<Vec<Part>, Wrong> {
    let names = text.split('/').filter(|part| !matches!(*part, "" | "."));
    let mut parts = names.map(part).collect::<Result<Vec<Part>, Wrong>>()?;
    if parts.is_empty() {
        return Err(("it names nothing", ""));
    }
    if !is_path {
        parts.insert(0, Part::AnyDepth);
    }
    // `a/**/**/b` is `a/**/b`.
    parts.dedup_by(|one, other| *one == Part::AnyDepth && *other == Part::AnyDepth);
    Ok(parts)
}

fn part(text: &str) -> Result<Part, Wrong> {
    match text {
        ".." => Err(("`..` is not allowed", "")),
        "**" => Ok(Part::AnyDepth),
        name if !name.contains(['*', '?', '[']) => Ok(Part::Name(name.to_owned())),
        name => {
            let atoms = atoms(name);
            if atoms.contains(&Atom::Letter('[')) {
                return Err(("a `[` has no `]`", "a plain bracket is written `[[]`"));
            }
            Ok(Part::Like(Like(atoms)))
        }
    }
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
#[path = "pattern_tests.rs"]
mod tests;
