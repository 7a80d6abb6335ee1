//! The Release file: what a suite is, when it was written, and the digests of its indexes. Pure; signing it is `sign`'s.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::spec::Repository;
use crate::date;
use crate::debian::deb822::{self, Stanza};
use crate::digest::Digest;
use crate::failure::{Failure, Kind, Result};

/// Release files are dated back by as many seconds: clients whose clocks are behind take them all the same (apt refuses what is more than ten
/// seconds in the future), and as many can be published at once without one being dated into the future.
const BACK: i64 = 60;

const DAY: i64 = 86_400;

/// The digest and the size of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sum {
    /// SHA-256.
    pub(super) sha256: Digest,
    /// Bytes.
    pub(super) size: u64,
}

impl Sum {
    /// That of these bytes.
    #[must_use]
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self {
            sha256: Digest::of(bytes),
            size: bytes.len() as u64,
        }
    }
}

/// What a Release file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Release {
    /// Who publishes it.
    pub(super) origin: String,
    /// The same, as far as we are concerned; clients refuse it when it changes.
    pub(super) label: String,
    /// The suite.
    pub(super) suite: String,
    /// The suite's other name; ours have one.
    pub(super) codename: String,
    /// When it was written, seconds since 1970-01-01 00:00:00 UTC.
    pub(super) date: i64,
    /// How long clients believe it; for ever when it is not said.
    pub(super) valid_until: Option<i64>,
    /// Architectures that have an index.
    pub(super) architectures: Vec<String>,
    /// Components that there are.
    pub(super) components: Vec<String>,
    /// What it is for.
    pub(super) description: String,
    /// Its indexes, by their names relative to it.
    pub(super) files: BTreeMap<String, Sum>,
}

impl Release {
    /// The Release file of a repository at this time, with these indexes.
    #[must_use]
    pub(super) fn new(repository: &Repository, date: i64, files: BTreeMap<String, Sum>) -> Self {
        let valid = repository.valid_days.map(|days| i64::from(days) * DAY);
        Self {
            origin: repository.origin.clone(),
            label: repository.origin.clone(),
            suite: repository.suite.clone(),
            codename: repository.suite.clone(),
            date,
            valid_until: valid.map(|valid| date + valid),
            architectures: repository.architectures.clone(),
            components: vec![repository.component.clone()],
            description: repository.description.clone(),
            files,
        }
    }

    /// Its text.
    #[must_use]
    pub(super) fn text(&self) -> String {
        let mut files = String::new();
        for (name, Sum { sha256, size }) in &self.files {
            files.push_str(&format!("\n{sha256} {size} {name}"));
        }
        Stanza::default()
            .with("Origin", &self.origin)
            .with("Label", &self.label)
            .with("Suite", &self.suite)
            .with("Codename", &self.codename)
            .with("Date", date::rfc2822(self.date))
            .with(
                "Valid-Until",
                self.valid_until.map(date::rfc2822).unwrap_or_default(),
            )
            .with("Acquire-By-Hash", "yes")
            // Packages for all architectures are in each index.
            .with("No-Support-for-Architecture-all", "Packages")
            .with("Architectures", self.architectures.join(" "))
            .with("Components", self.components.join(" "))
            .with("Description", &self.description)
            .with("SHA256", files)
            .to_string()
    }

    /// Reads its text. Whether it was signed has to be known before.
    ///
    /// # Errors
    /// [`Kind::Source`], when it is none.
    pub(super) fn parse(text: &str) -> Result<Self> {
        read(text).map_err(|wrong| {
            Failure::new(
                Kind::Source,
                format!("the Release file cannot be read: {wrong}"),
            )
        })
    }

    /// The sums of an index, plain and compressed.
    #[must_use]
    pub(super) fn index(&self, name: &str) -> Option<Indexed> {
        Some(Indexed {
            plain: *self.files.get(name)?,
            gzip: *self.files.get(&format!("{name}.gz"))?,
        })
    }

    /// Refuses what clients would refuse: a repository that becomes another one.
    ///
    /// # Errors
    /// [`Kind::Recipe`], with what changed.
    pub(super) fn same_as(&self, next: &Self) -> Result<()> {
        let fields = [
            ("Origin", &self.origin, &next.origin),
            ("Label", &self.label, &next.label),
            ("Suite", &self.suite, &next.suite),
            ("Codename", &self.codename, &next.codename),
        ];
        let changed = fields.iter().find(|(_, old, new)| old != new);
        changed.map_or(Ok(()), |(field, old, new)| {
            let what = format!(
                "the repository's {field} is {old:?} and cannot become {new:?}: its clients would refuse it"
            );
            Err(Failure::new(Kind::Recipe, what)
                .hint("keep it as it is, or publish somewhere else under the new name"))
        })
    }
}

/// The sums of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Indexed {
    /// As it is read.
    pub(super) plain: Sum,
    /// As it is kept, compressed by gzip.
    pub(super) gzip: Sum,
}

fn read(text: &str) -> Result<Release, String> {
    let stanzas = deb822::parse(text).map_err(|line| format!("line {line} is no field"))?;
    let [stanza] = stanzas.as_slice() else {
        return Err(format!("it has {} stanzas", stanzas.len()));
    };
    let owned = |name: &str| stanza.get(name).unwrap_or_default().to_owned();
    let moment = |name: &str| stanza.get(name).map(|date| moment(name, date)).transpose();
    let words = |name: &str| stanza.words(name).map(str::to_owned).collect();
    Ok(Release {
        origin: owned("Origin"),
        label: owned("Label"),
        suite: owned("Suite"),
        codename: owned("Codename"),
        date: moment("Date")?.ok_or("it has no Date")?,
        valid_until: moment("Valid-Until")?,
        architectures: words("Architectures"),
        components: words("Components"),
        description: owned("Description"),
        files: stanza.lines("SHA256").map(file).collect::<Result<_, _>>()?,
    })
}

/// Others write `UTC` for the zone.
fn moment(field: &str, text: &str) -> Result<i64, String> {
    let text = text
        .trim()
        .replace(" UTC", " +0000")
        .replace(" GMT", " +0000");
    date::parse_rfc2822(&text).map_err(|wrong| format!("{field}: {wrong}"))
}

fn file(line: &str) -> Result<(String, Sum), String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [sha256, size, name] = words[..] else {
        return Err(format!("{line:?} is not a digest, a size and a name"));
    };
    let sum = Sum {
        sha256: sha256
            .parse()
            .map_err(|failure: Failure| failure.what.clone())?,
        size: size.parse().map_err(|_| format!("{size:?} is no size"))?,
    };
    Ok((name.to_owned(), sum))
}

/// The date of the next Release file. It is never that of the one before or earlier: clients that have that one would keep it and say nothing.
#[must_use]
pub(super) fn next_date(now: i64, before: Option<i64>) -> i64 {
    let dated_back = now - BACK;
    before.map_or(dated_back, |before| dated_back.max(before + 1))
}

#[cfg(test)]
#[path = "release_tests.rs"]
mod tests;
