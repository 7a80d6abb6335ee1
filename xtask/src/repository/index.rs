//! Packages files: finding the few fields that matter in them, and merging stanzas into them. Pure.
//!
//! An index is thousands of stanzas of which one publishing changes a few. So a stanza stays the text it is, and is cut out and put in as a whole;
//! only the fields that decide where are looked at ([`skim`]). Stanzas are sorted by `Filename`, as apt-ftparchive sorts them.

use std::collections::HashMap;
use std::sync::LazyLock;

use memchr::memchr;
use memchr::memmem::Finder;

use crate::debian::version::Version;
use crate::failure::{Failure, Kind, Result};

/// A field that is looked for, from the end of the line before it.
struct Field {
    name: &'static str,
    finder: Finder<'static>,
}

impl Field {
    fn new(line: &'static str) -> Self {
        Self {
            name: line.trim_matches(['\n', ':']),
            finder: Finder::new(line),
        }
    }
}

static PACKAGE: LazyLock<Field> = LazyLock::new(|| Field::new("\nPackage:"));
static VERSION: LazyLock<Field> = LazyLock::new(|| Field::new("\nVersion:"));
static ARCHITECTURE: LazyLock<Field> = LazyLock::new(|| Field::new("\nArchitecture:"));
static FILENAME: LazyLock<Field> = LazyLock::new(|| Field::new("\nFilename:"));
static SIZE: LazyLock<Field> = LazyLock::new(|| Field::new("\nSize:"));
static SHA256: LazyLock<Field> = LazyLock::new(|| Field::new("\nSHA256:"));
static SOURCE: LazyLock<Field> = LazyLock::new(|| Field::new("\nSource:"));

/// A stanza of an index. By what it is found and sorted is looked at once; everything else when somebody asks for it, which for nearly all stanzas nobody does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    /// All of it, without the line feeds at its end.
    pub(super) text: &'a str,
    /// The binary package.
    pub(super) package: &'a str,
    /// Where the package's file is, relative to the place. Nobody has looked whether it leads outside: places do, when they are asked for it.
    pub(super) filename: &'a str,
}

impl<'a> Entry<'a> {
    /// Reads a stanza, as far as it is sorted by.
    ///
    /// # Errors
    /// What is wrong with it, in a few words.
    fn skim(text: &'a str) -> Result<Self, String> {
        let mut at = 0;
        let package = value(text, &PACKAGE, &mut at);
        let filename = value(text, &FILENAME, &mut at);
        let entry = Self {
            text,
            package,
            filename,
        };
        if package.is_empty() {
            return Err(entry.lacks(&PACKAGE));
        }
        if filename.is_empty() {
            return Err(entry.lacks(&FILENAME));
        }
        Ok(entry)
    }

    /// Reads a stanza that has to have everything that clients need.
    ///
    /// # Errors
    /// What is wrong with it, in a few words.
    pub(super) fn parse(text: &'a str) -> Result<Self, String> {
        let entry = Self::skim(text)?;
        for field in [&VERSION, &ARCHITECTURE, &SIZE, &SHA256] {
            if entry.value(field).is_empty() {
                return Err(entry.lacks(field));
            }
        }
        Ok(entry)
    }

    fn lacks(&self, field: &Field) -> String {
        let first = self.text.lines().next().unwrap_or_default();
        format!(
            "the stanza that begins with {first:?} has no {}",
            field.name
        )
    }

    fn value(&self, field: &Field) -> &'a str {
        value(self.text, field, &mut 0)
    }

    /// Its version.
    #[must_use]
    pub(super) fn version(&self) -> &'a str {
        self.value(&VERSION)
    }

    /// Its architecture, or `all`.
    #[must_use]
    pub(super) fn architecture(&self) -> &'a str {
        self.value(&ARCHITECTURE)
    }

    /// The file's SHA-256, as it is written.
    #[must_use]
    pub(super) fn sha256(&self) -> &'a str {
        self.value(&SHA256)
    }

    /// The source package's name and version (Debian Policy 5.6.1): those of the package itself, unless it says others.
    #[must_use]
    pub(super) fn source(&self) -> (&'a str, &'a str) {
        let mut words = self.value(&SOURCE).split_whitespace();
        let name = words.next().unwrap_or(self.package);
        let own = words.next().map(|word| word.trim_matches(['(', ')']));
        (name, own.unwrap_or_else(|| self.version()))
    }

    /// The file's bytes; as many as there cannot be when that is no number.
    #[must_use]
    pub(super) fn bytes(&self) -> u64 {
        self.value(&SIZE).parse().unwrap_or(u64::MAX)
    }

    /// Name, version and architecture, for people.
    #[must_use]
    pub(super) fn title(&self) -> String {
        let (version, architecture) = (self.version(), self.architecture());
        format!("{} {version} ({architecture})", self.package)
    }
}

/// The first line of a field's value; empty when there is no such field. It is looked for behind `at` first, which becomes where it was found. (Not each line is
/// looked at: indexes have very many.)
fn value<'a>(stanza: &'a str, field: &Field, at: &mut usize) -> &'a str {
    let field = &field.finder;
    let (bytes, name) = (stanza.as_bytes(), field.needle());
    let behind = || Some(*at + field.find(&bytes[*at..])?);
    let begin = if bytes.starts_with(&name[1..]) {
        name.len() - 1
    } else if let Some(found) = behind().or_else(|| field.find(&bytes[..*at])) {
        found + name.len()
    } else {
        return "";
    };
    let rest = &bytes[begin..];
    let length = memchr(b'\n', rest).unwrap_or(rest.len());
    *at = begin;
    stanza[begin..begin + length].trim_ascii()
}

/// The stanzas of an index, as far as they are sorted by.
///
/// # Errors
/// [`Kind::Source`], with the first stanza that is none.
pub(super) fn skim(text: &str) -> Result<Vec<Entry<'_>>> {
    stanzas(text, Entry::skim)
}

/// The stanzas of an index, which have to have everything that clients need.
///
/// # Errors
/// [`Kind::Source`], with the first stanza that is none.
pub(super) fn parse(text: &str) -> Result<Vec<Entry<'_>>> {
    stanzas(text, Entry::parse)
}

fn stanzas<'a>(
    text: &'a str,
    read: fn(&'a str) -> Result<Entry<'a>, String>,
) -> Result<Vec<Entry<'a>>> {
    let finder = Finder::new(b"\n\n");
    let mut entries = Vec::with_capacity(text.len() / 512);
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest[0] == b'\n' {
            at += 1;
            continue;
        }
        let length = finder.find(rest).unwrap_or(rest.len());
        let stanza = text[at..at + length].trim_end_matches('\n');
        entries.push(read(stanza).map_err(|wrong| {
            Failure::new(Kind::Source, format!("the index cannot be read: {wrong}"))
        })?);
        at += length;
    }
    Ok(entries)
}

/// The text of an index.
#[must_use]
pub(super) fn render(entries: &[Entry<'_>]) -> String {
    let length = entries.iter().map(|entry| entry.text.len() + 2).sum();
    let mut text = String::with_capacity(length);
    for entry in entries {
        text.push_str(entry.text);
        text.push_str("\n\n");
    }
    text
}

/// An index that packages were added to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Merged<'a> {
    /// All of its stanzas, sorted.
    pub(super) entries: Vec<Entry<'a>>,
    /// Those that were not there before.
    pub(super) fresh: Vec<Entry<'a>>,
}

/// Adds packages to the stanzas of an index. Those that are there already with the same bytes are left as they are.
///
/// # Errors
/// [`Kind::Check`], when one is there with other bytes: clients tell packages apart by name, version and architecture.
pub(super) fn merge<'a>(there: &[Entry<'a>], new: &[Entry<'a>]) -> Result<Merged<'a>> {
    let mut by_name: HashMap<&str, Vec<(Entry<'a>, bool)>> = HashMap::with_capacity(new.len());
    for entry in new {
        let others = by_name.entry(entry.package).or_default();
        let mut twice = false;
        for (other, _) in &*others {
            twice |= is_there(entry, other)?;
        }
        if !twice {
            others.push((*entry, false));
        }
    }
    for old in there {
        for (entry, present) in by_name.get_mut(old.package).into_iter().flatten() {
            *present |= is_there(entry, old)?;
        }
    }
    let fresh = by_name
        .into_values()
        .flatten()
        .filter(|(_, present)| !present);
    let mut fresh: Vec<Entry<'a>> = fresh.map(|(entry, _)| entry).collect();
    let by_file = |one: &Entry<'_>, other: &Entry<'_>| one.filename.cmp(other.filename);
    fresh.sort_by(by_file);
    // The sort takes two sorted runs for what they are.
    let mut entries = [there, &fresh].concat();
    entries.sort_by(by_file);
    Ok(Merged { entries, fresh })
}

/// Whether a package is this one.
fn is_there(new: &Entry<'_>, old: &Entry<'_>) -> Result<bool> {
    let alike = new.architecture() == old.architecture();
    let same =
        new.filename == old.filename || (alike && same_version(new.version(), old.version()));
    if !same {
        return Ok(false);
    }
    if alike && new.sha256() == old.sha256() {
        return Ok(true);
    }
    let what = format!(
        "{} is in the repository already, with other bytes",
        old.title()
    );
    Err(Failure::new(Kind::Check, what)
        .note(format!("there: {}, SHA-256 {}", old.filename, old.sha256()))
        .note(format!("new: {}, SHA-256 {}", new.title(), new.sha256()))
        .hint("what was published never changes: give the new one a higher version"))
}

/// Versions that are written differently can be the same one.
fn same_version(one: &str, other: &str) -> bool {
    let parse = |text: &str| text.parse::<Version>().ok();
    one == other || parse(one).is_some_and(|one| Some(one) == parse(other))
}

#[cfg(test)]
#[path = "index_tests.rs"]
mod tests;
