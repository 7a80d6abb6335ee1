//! Looking at a repository as its clients do, without a lock: what is published is complete at every moment.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Publisher;
use crate::date;
use crate::failure::{Failure, Kind, Result};
use crate::repository::index;
use crate::repository::reader::{SHORT, Signed};

/// apt refuses what is dated further into the future, in seconds (`Acquire::Max-FutureTime`).
const FUTURE: i64 = 10;

/// What is said of a package's file that is not there.
const MISSING: &str = " is missing";

/// What helps then.
const PUT_BACK: &str = "`cargo xtask repo add NAME FILE` or `publish` puts a missing file back";

/// How often it is looked again when something was published in between.
const TRIES: usize = 5;

/// What was found to be in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Checked {
    /// The Release file's date, seconds since 1970-01-01 00:00:00 UTC.
    pub date: i64,
    /// How long clients believe it.
    pub valid_until: Option<i64>,
    /// Indexes.
    pub indexes: usize,
    /// Packages' files.
    pub packages: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Whether every one of these bytes was read.
    pub deep: bool,
}

/// What is published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Status {
    /// The place as a person knows it.
    pub place: String,
    /// The suite.
    pub suite: String,
    /// The Release file's date, seconds since 1970-01-01 00:00:00 UTC; nothing before anything was published.
    pub date: Option<i64>,
    /// How long clients believe it.
    pub valid_until: Option<i64>,
    /// How many packages each architecture has.
    pub architectures: BTreeMap<String, usize>,
    /// The packages, as people name them, sorted by their files.
    pub packages: Vec<String>,
    /// The snapshots.
    pub snapshots: Vec<Snapshot>,
    /// Files that are in no index any more and wait for the end of the grace time.
    pub left: usize,
    /// Whether a publishing has begun that has not ended. The next one ends it.
    pub unfinished: bool,
}

/// A snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Snapshot {
    /// Its name.
    pub name: String,
    /// The date of the Release file that it is.
    pub date: i64,
    /// Whether its indexes are those that are published.
    pub current: bool,
}

impl Publisher<'_> {
    /// Looks at the repository as a client does: the signatures, the dates, the suite, both forms of each index, and that every package is there with the right
    /// size. With `deep`, all packages are read and digested.
    ///
    /// # Errors
    /// [`Kind::Check`] with all that is wrong; also when nothing was published, or the place cannot be read.
    pub fn check(&self, deep: bool) -> Result<Checked> {
        let mut tries = TRIES;
        loop {
            let signed = self.published()?;
            let mut wrong = Vec::new();
            let checked = self.look(&signed, deep, &mut wrong)?;
            if wrong.is_empty() {
                return Ok(checked);
            }
            tries -= 1;
            let again = self.published()?;
            if tries == 0 || again.message == signed.message {
                let what = format!("{} would not serve its clients", self.place.describe());
                let lost = wrong
                    .iter()
                    .any(|one| one.starts_with("pool/") && one.ends_with(MISSING));
                let failure = wrong
                    .into_iter()
                    .fold(Failure::new(Kind::Check, what), Failure::note);
                return Err(if lost {
                    failure.hint(PUT_BACK)
                } else {
                    failure
                });
            }
        }
    }

    fn look(&self, signed: &Signed, deep: bool, wrong: &mut Vec<String>) -> Result<Checked> {
        let release = &signed.release;
        self.look_at_release(signed, wrong)?;
        let mut checked = Checked {
            date: release.date,
            valid_until: release.valid_until,
            deep,
            ..Checked::default()
        };
        let mut files = BTreeMap::new();
        for architecture in &release.architectures {
            let Some(sums) = self.reader().sums(release, architecture) else {
                wrong.push(format!("the Release file has no index of {architecture}"));
                continue;
            };
            match self.reader().checked_index(architecture, &sums) {
                Ok(text) => {
                    for entry in index::parse(&text)? {
                        let file = (entry.bytes(), entry.sha256().to_owned());
                        files.insert(entry.filename.to_owned(), file);
                    }
                    checked.indexes += 1;
                }
                Err(failure) => wrong.push(failure.to_string()),
            }
        }
        self.look_at_packages(&files, deep, wrong)?;
        checked.packages = files.len();
        checked.bytes = files.values().map(|(size, _)| size).sum();
        Ok(checked)
    }

    fn look_at_release(&self, signed: &Signed, wrong: &mut Vec<String>) -> Result<()> {
        let release = &signed.release;
        let now = self.clock.now();
        match self.signer.verified(&signed.message) {
            Err(failure) if failure.kind == Kind::Source => wrong.push(
                "InRelease is signed by a former key: `cargo xtask repo refresh` signs it by the present one"
                    .to_owned(),
            ),
            verified => _ = verified?,
        }
        if release.date > now + FUTURE {
            let date = date::iso8601(release.date);
            wrong.push(format!(
                "the Release file is dated {date}, which is in the future"
            ));
        }
        if let Some(until) = release.valid_until.filter(|until| *until < now) {
            let until = date::iso8601(until);
            wrong.push(format!(
                "the Release file was valid until {until} only: refresh it"
            ));
        }
        if let Err(failure) = self.check_same(Some(signed)) {
            wrong.push(failure.to_string());
        }
        if self.place.size(&self.names().journal())?.is_some() {
            // Somebody is between Release and InRelease, or was when they died: clients read InRelease.
            return Ok(());
        }
        let plain = self.place.read(&self.names().suite("Release"), SHORT)?;
        if plain.as_deref() != Some(signed.text.as_bytes()) {
            wrong.push("Release is not what InRelease signs".to_owned());
        }
        match self.place.read(&self.names().suite("Release.gpg"), SHORT)? {
            None => wrong.push("Release.gpg is missing".to_owned()),
            Some(signature) => match self.signer.believed_detached(&signed.text, &signature) {
                Err(failure) if failure.kind == Kind::Source => {
                    wrong.push(format!("Release.gpg does not sign Release: {failure}"));
                }
                other => other?,
            },
        }
        Ok(())
    }

    fn look_at_packages(
        &self,
        files: &BTreeMap<String, (u64, String)>,
        deep: bool,
        wrong: &mut Vec<String>,
    ) -> Result<()> {
        let there = self.place.list("pool")?;
        let there: BTreeMap<&str, u64> =
            there.iter().map(|file| (&*file.name, file.size)).collect();
        for (name, (size, sha256)) in files {
            match there.get(name.as_str()) {
                None => wrong.push(format!("{name}{MISSING}")),
                Some(other) if other != size => {
                    wrong.push(format!("{name} has {other} bytes in place of {size}"));
                }
                Some(_) if deep && self.digest(name, *size)? != *sha256 => {
                    wrong.push(format!("{name} has other bytes than the index says"));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// A file's digest, by reading it where the place cannot tell.
    fn digest(&self, name: &str, size: u64) -> Result<String> {
        crate::tool::check_interrupt()?;
        if let Some(digest) = self.place.digest(name)? {
            return Ok(digest.to_string());
        }
        let bytes = self.place.read(name, size)?.unwrap_or_default();
        Ok(crate::digest::Digest::of(bytes).to_string())
    }

    /// What is published, for people to look at. Nothing is checked but signatures and digests.
    ///
    /// # Errors
    /// When the place cannot be read, or the repository is broken.
    pub fn status(&self) -> Result<Status> {
        let signed = self.reader().release()?;
        let mut status = Status {
            place: self.place.describe(),
            suite: self.repository.suite.clone(),
            date: signed.as_ref().map(|signed| signed.release.date),
            valid_until: signed
                .as_ref()
                .and_then(|signed| signed.release.valid_until),
            architectures: BTreeMap::new(),
            packages: Vec::new(),
            snapshots: self.snapshots()?,
            left: self.state()?.left.len(),
            unfinished: self.place.size(&self.names().journal())?.is_some(),
        };
        let Some(signed) = signed else {
            return Ok(status);
        };
        let indexes = self.read_indexes(Some(&signed), &signed.release.architectures)?;
        let mut titles = BTreeMap::new();
        for (architecture, &at) in &indexes.of {
            let entries = index::parse(&indexes.texts[at])?;
            status
                .architectures
                .insert(architecture.clone(), entries.len());
            let title = entries
                .iter()
                .map(|entry| (entry.filename.to_owned(), entry.title()));
            titles.extend(title);
        }
        status.packages = titles.into_values().collect();
        Ok(status)
    }

    /// The snapshots, the newest first. One that was not signed by the repository's key is told of and left out.
    ///
    /// # Errors
    /// When the place cannot be read.
    pub fn snapshots(&self) -> Result<Vec<Snapshot>> {
        let published = self.reader().release()?;
        let folder = self.names().snapshots();
        let mut snapshots = Vec::new();
        for file in self.place.list(&folder)? {
            let name = file.name.strip_prefix(&format!("{folder}/"));
            let Some(name) = name.and_then(|name| name.strip_suffix("/InRelease")) else {
                continue;
            };
            match self.reader().snapshot(name) {
                Ok(Some(then)) => snapshots.push(Snapshot {
                    name: name.to_owned(),
                    date: then.release.date,
                    current: published
                        .as_ref()
                        .is_some_and(|now| now.release.files == then.release.files),
                }),
                Ok(None) => {}
                Err(failure) => self.listen.survived(&failure),
            }
        }
        snapshots.sort_by(|one, other| (other.date, &one.name).cmp(&(one.date, &other.name)));
        Ok(snapshots)
    }
}
