//! Packages files: finding the few fields that matter in them, and merging stanzas into them. Pure.
//!
//! An index is thousands of stanzas of which one publishing changes a few. So a stanza stays the text it is, and is cut out and put in as a whole;
//! only the fields that decide where are looked at. Stanzas are sorted by `Filename`, as apt-ftparchive sorts them.

use std::collections::HashMap;
use std::sync::LazyLock;

use memchr::memchr;
use memchr::memmem::Finder;

use crate::debian::version::Version;
use crate::failure::{Failure, Kind, Result};

/// The fields that are looked for, each from the end of the line before it. All but the last are in every stanza, mostly in this order.
static FIELDS: LazyLock<[Finder<'static>; 7]> = LazyLock::new(|| {
    [
        "\nPackage:",
        "\nVersion:",
        "\nArchitecture:",
        "\nFilename:",
        "\nSize:",
        "\nSHA256:",
        "\nSource:",
    ]
    .map(Finder::new)
});

/// A stanza of an index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    /// All of it, without the line feeds at its end.
    pub(super) text: &'a str,
    /// The binary package.
    pub(super) package: &'a str,
    /// Its version.
    pub(super) version: &'a str,
    /// Its architecture, or `all`.
    pub(super) architecture: &'a str,
    /// Where the package's file is, relative to the place. Nobody has looked whether it leads outside: places do, when they are asked for it.
    pub(super) filename: &'a str,
    /// The file's SHA-256, as it is written.
    pub(super) sha256: &'a str,
    /// The field `Size`: the file's bytes.
    pub(super) size: &'a str,
}

impl<'a> Entry<'a> {
    /// Reads a stanza.
    ///
    /// # Errors
    /// What is wrong with it, in a few words.
    pub(super) fn parse(text: &'a str) -> Result<Self, String> {
        let [package, version, architecture, filename, size, sha256, _] = &*FIELDS;
        let mut at = 0;
        let mut next = |field| value(text, field, &mut at);
        let entry = Self {
            text,
            package: next(package),
            version: next(version),
            architecture: next(architecture),
            filename: next(filename),
            size: next(size),
            sha256: next(sha256),
        };
        let needed = [
            ("Package", entry.package),
            ("Version", entry.version),
            ("Architecture", entry.architecture),
            ("Filename", entry.filename),
            ("SHA256", entry.sha256),
            ("Size", entry.size),
        ];
        for (name, value) in needed {
            if value.is_empty() {
                let first = text.lines().next().unwrap_or_default();
                return Err(format!(
                    "the stanza that begins with {first:?} has no {name}"
                ));
            }
        }
        Ok(entry)
    }

    /// The source package's name and version (Debian Policy 5.6.1): those of the package itself, unless it says others. It is looked for here: most stanzas
    /// have no such field, and most publishings do not ask.
    #[must_use]
    pub(super) fn source(&self) -> (&'a str, &'a str) {
        let [.., source] = &*FIELDS;
        let mut words = value(self.text, source, &mut 0).split_whitespace();
        let name = words.next().unwrap_or(self.package);
        let own = words.next().map(|word| word.trim_matches(['(', ')']));
        (name, own.unwrap_or(self.version))
    }

    /// The file's bytes; as many as there cannot be when that is no number.
    #[must_use]
    pub(super) fn bytes(&self) -> u64 {
        self.size.parse().unwrap_or(u64::MAX)
    }

    /// Name, version and architecture, for people.
    #[must_use]
    pub(super) fn title(&self) -> String {
        format!("{} {} ({})", self.package, self.version, self.architecture)
    }
}

/// The first line of a field's value; empty when there is no such field. It is looked for behind `at` first, which becomes where it was found. (Not each line is
/// looked at: indexes have very many.)
fn value<'a>(stanza: &'a str, field: &Finder<'_>, at: &mut usize) -> &'a str {
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

/// The stanzas of an index.
///
/// # Errors
/// [`Kind::Source`], with the first stanza that is none.
pub(super) fn parse(text: &str) -> Result<Vec<Entry<'_>>> {
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
        entries.push(Entry::parse(stanza).map_err(|wrong| {
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
    let same = new.filename == old.filename
        || (new.architecture == old.architecture && same_version(new.version, old.version));
    if !same {
        return Ok(false);
    }
    if new.sha256 == old.sha256 && new.architecture == old.architecture {
        return Ok(true);
    }
    let what = format!(
        "{} is in the repository already, with other bytes",
        old.title()
    );
    Err(Failure::new(Kind::Check, what)
        .note(format!("there: {}, SHA-256 {}", old.filename, old.sha256))
        .note(format!("new: {}, SHA-256 {}", new.title(), new.sha256))
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
