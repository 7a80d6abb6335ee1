//! Writing, in the order in which clients never miss anything: packages, indexes by their digest, the journal, indexes by their names, `Release` and its
//! signature, and `InRelease` last. Whoever finds a journal begins behind it.

use std::collections::BTreeMap;
use std::time::Instant;

use super::plan::Plan;
use super::{Published, Publisher};
use crate::date;
use crate::event::Event;
use crate::failure::{Doing, Failure, Kind, Result};
use crate::repository::index::Entry;
use crate::repository::journal::Journal;
use crate::repository::packed::{Packed, unpack};
use crate::repository::place::{Bytes, Held, Nature, Put};
use crate::repository::reader::{SHORT, Signed};
use crate::repository::release::{Release, Sum, next_date};
use crate::repository::state::State;
use crate::text::{bytes, counted};

/// For as many seconds it is waited that a Release file would not be dated into the future.
const PATIENCE: i64 = 120;

/// No clock that is right is earlier than this: 2024-01-01 00:00:00 UTC.
const EARLIEST: i64 = 1_704_067_200;

impl Publisher<'_> {
    /// Locks the place, and ends what a killed publisher began.
    pub(super) fn begin(&self) -> Result<Box<dyn Held>> {
        let held = self.place.lock(self.listen)?;
        self.roll_forward(&*held)?;
        Ok(held)
    }

    /// Publishes what was planned.
    pub(super) fn publish(
        &self,
        held: &dyn Held,
        before: Option<&Signed>,
        plan: &Plan<'_>,
        mut done: Published,
    ) -> Result<Published> {
        let date = self.date(before, plan.redate)?;
        let release = Release::new(self.repository, date, self.files(plan));
        if let Some(name) = &plan.snapshot {
            self.check_snapshot(name, &release)?;
        }
        // Signing comes first: a signer that cannot leaves nothing behind.
        let (signed, release_gpg) = self.sign(&release)?;
        let mut state = self.state()?;
        let now = self.clock.now();
        state.leave_now(self.leaving(before, plan), now);
        let remove = self.collect(&mut state, plan, now)?;
        if !plan.packages.is_empty() {
            self.told("upload", &upload(plan), || self.place.write(&plan.packages))?;
        }
        self.place.write(&self.by_hash(plan)?)?;
        self.told("check", "read back what clients will read", || {
            self.check_written(&signed, plan)
        })?;
        let journal = Journal {
            in_release: as_text(&signed.message)?,
            release_gpg: as_text(&release_gpg)?,
            indexes: plan.indexes.keys().cloned().collect(),
            snapshot: plan.snapshot.clone(),
            state,
            remove,
        };
        let text = journal
            .text()
            .map_err(|error| Failure::bug(error.to_string()))?;
        held.check()?;
        self.place
            .write(&[changing(self.names().journal(), text)])?;
        let packed = plan
            .fresh
            .iter()
            .map(|(name, (packed, _))| (name.as_str(), *packed));
        done.removed = self.commit(held, &journal, &signed, &packed.collect())?;
        done.date = date;
        done.valid_until = release.valid_until;
        done.snapshot.clone_from(&plan.snapshot);
        done.changed = true;
        Ok(done)
    }

    /// Does something that may take long, which those who wait are told of.
    fn told<T>(&self, step: &str, title: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let (step, begun) = (step.to_owned(), Instant::now());
        self.listen.hear(Event::Started {
            step: step.clone(),
            title: title.to_owned(),
            log: None,
        });
        let done = work()?;
        let took = begun.elapsed();
        self.listen.hear(Event::Finished { step, took });
        Ok(done)
    }

    /// The date of the next Release file. Where as many were published that it would lie in the future, that is waited for. With `redate`, one far in the future
    /// counts for nothing.
    fn date(&self, before: Option<&Signed>, redate: bool) -> Result<i64> {
        let now = self.clock.now();
        let before = before.map(|before| before.release.date);
        let wrong = |what: String| {
            Failure::new(Kind::Host, what).hint("set this machine's clock, then publish again")
        };
        if now < EARLIEST {
            return Err(wrong(format!("it cannot be {} now", date::iso8601(now))));
        }
        let ahead = before.filter(|before| self.is_ahead(*before));
        if let Some(ahead) = ahead.filter(|_| !redate) {
            return Err(wrong(format!(
                "the repository was last published at {}, and it is {} now: clients would not take what is older",
                date::iso8601(ahead),
                date::iso8601(now)
            ))
            .hint("set this machine's clock, then publish again; where it is that date which is wrong, `cargo xtask repo refresh --despite-date` leaves it"));
        }
        let date = next_date(now, before.filter(|_| ahead.is_none()));
        self.clock.wait_until(date)?;
        Ok(date)
    }

    /// Whether a date is so far in the future that nobody waits for it.
    fn is_ahead(&self, date: i64) -> bool {
        date >= self.clock.now().saturating_add(PATIENCE)
    }

    fn files(&self, plan: &Plan<'_>) -> BTreeMap<String, Sum> {
        let mut files = BTreeMap::new();
        for (architecture, sums) in &plan.indexes {
            let name = self.names().index(architecture);
            files.insert(format!("{name}.gz"), sums.gzip);
            files.insert(name, sums.plain);
        }
        files
    }

    /// Signs a Release file, and sees that the signature is one that clients believe.
    fn sign(&self, release: &Release) -> Result<(Signed, Vec<u8>)> {
        let text = release.text();
        let message = self.signer.clearsign(&text)?;
        let detached = self.signer.detach(&text)?;
        let signed = self
            .reader()
            .verify(message)
            .doing(|| "what was signed just now does not verify".to_owned())?;
        if signed.text != text || signed.release != *release {
            return Err(Failure::bug("the signer signed another text"));
        }
        Ok((signed, detached))
    }

    pub(super) fn state(&self) -> Result<State> {
        let bytes = self.place.read(&self.names().state(), SHORT)?;
        Ok(State::read(bytes.as_deref()))
    }

    /// The files that nobody needs any more when this is published.
    fn leaving(&self, before: Option<&Signed>, plan: &Plan<'_>) -> Vec<String> {
        let mut leaving: Vec<String> = plan.left.iter().cloned().collect();
        let Some(before) = before else {
            return leaving;
        };
        for architecture in &before.release.architectures {
            let old = self.reader().sums(&before.release, architecture);
            let gone = old.filter(|old| plan.indexes.get(architecture) != Some(old));
            leaving.extend(gone.map(|old| self.names().by_hash(architecture, &old.gzip.sha256)));
        }
        leaving
    }

    /// Indexes by their digest: the new ones, and those that somebody else's repository has by their names only.
    fn by_hash(&self, plan: &Plan<'_>) -> Result<Vec<Put>> {
        let mut puts = Vec::new();
        for (architecture, sums) in &plan.indexes {
            let name = self.names().by_hash(architecture, &sums.gzip.sha256);
            let bytes = match plan.fresh.get(architecture) {
                Some((packed, _)) => Some(packed.bytes.clone()),
                None if self.place.size(&name)? == Some(sums.gzip.size) => None,
                None => Some(self.compressed(architecture, plan)?),
            };
            puts.extend(bytes.map(|bytes| Put {
                name,
                bytes: Bytes::Here(bytes),
                nature: Nature::Immutable,
            }));
        }
        Ok(puts)
    }

    fn compressed(&self, architecture: &str, plan: &Plan<'_>) -> Result<Vec<u8>> {
        let name = self.names().packed(architecture);
        let bytes = self
            .place
            .read(&name, SHORT.max(plan.indexes[architecture].gzip.size))?;
        let bytes = bytes.ok_or_else(|| missing(&name))?;
        unpack(&name, bytes.clone(), &plan.indexes[architecture])?;
        Ok(bytes)
    }

    /// Looks at what was written as a client that reads this Release file will.
    fn check_written(&self, signed: &Signed, plan: &Plan<'_>) -> Result<()> {
        let doing = || format!("{} does not keep what was written", self.place.describe());
        for (architecture, (packed, _)) in &plan.fresh {
            let sums = self.reader().sums(&signed.release, architecture);
            let sums = sums.ok_or_else(|| Failure::bug("an index is not in the Release file"))?;
            let name = self.names().by_hash(architecture, &sums.gzip.sha256);
            let bytes = self.place.read(&name, sums.gzip.size).doing(doing)?;
            let bytes = bytes.ok_or_else(|| missing(&name)).doing(doing)?;
            // What was packed was unpacked then, member for member, and digested: these bytes need no more than to be the same.
            if sums != packed.sums || bytes != packed.bytes {
                return Err(Failure::new(Kind::Host, doing()).note(name));
            }
        }
        self.check_packages(&plan.entries)
    }

    /// Goes on with what a killed publisher had written a journal of.
    fn roll_forward(&self, held: &dyn Held) -> Result<()> {
        let name = self.names().journal();
        let Some(bytes) = self.place.read(&name, SHORT)? else {
            return Ok(());
        };
        match self.usable(&bytes) {
            Ok((journal, signed)) => {
                let place = self.place.describe();
                self.listen.hear(Event::Note(format!(
                    "going on with what was interrupted before in {place}"
                )));
                self.commit(held, &journal, &signed, &BTreeMap::new())
                    .map(drop)
            }
            Err(failure) if failure.kind == Kind::Source => {
                self.listen.survived(&failure.while_doing(format!(
                    "{name} is of no use and was removed; what is published is as it was"
                )));
                self.place.remove(&[name])
            }
            Err(failure) => Err(failure),
        }
    }

    /// A journal that is signed, not older than what is published, and whose indexes are there.
    fn usable(&self, bytes: &[u8]) -> Result<(Journal, Signed)> {
        let unusable = |what: &str| Failure::new(Kind::Source, what);
        let journal: Journal =
            serde_json::from_slice(bytes).map_err(|error| unusable(&error.to_string()))?;
        let signed = self
            .reader()
            .believe(journal.in_release.clone().into_bytes())?;
        self.check_same(Some(&signed))
            .map_err(|failure| failure.kind(Kind::Source))?;
        let published = self.reader().release()?;
        // What is dated into the future is older than nothing: it may be what was being dated anew.
        let newer = |date: i64| date > signed.release.date && !self.is_ahead(date);
        if published.is_some_and(|published| newer(published.release.date)) {
            return Err(unusable("it is older than what is published"));
        }
        for architecture in &journal.indexes {
            let sums = self.reader().sums(&signed.release, architecture);
            let sums = sums.ok_or_else(|| unusable("it names indexes that are not signed"))?;
            self.reader().index(architecture, &sums)?;
        }
        Ok((journal, signed))
    }

    /// Everything behind the journal. Can be done any number of times.
    fn commit(
        &self,
        held: &dyn Held,
        journal: &Journal,
        signed: &Signed,
        packed: &BTreeMap<&str, &Packed>,
    ) -> Result<Vec<String>> {
        let names = self.names();
        let mut indexes = Vec::new();
        for architecture in &journal.indexes {
            let bytes = match packed.get(architecture.as_str()) {
                Some(packed) => packed.bytes.clone(),
                None => self.by_digest(architecture, signed)?,
            };
            indexes.push(changing(names.packed(architecture), bytes));
        }
        self.place.write(&indexes)?;
        self.place.write(&[
            changing(names.suite("Release"), signed.text.clone().into_bytes()),
            changing(
                names.suite("Release.gpg"),
                journal.release_gpg.clone().into_bytes(),
            ),
        ])?;
        held.check()?;
        let in_release = names.suite("InRelease");
        self.place
            .write(&[changing(in_release.clone(), signed.message.clone())])?;
        if self.place.read(&in_release, SHORT)?.as_deref() != Some(&*signed.message) {
            let what = format!("{} does not keep what was written", self.place.describe());
            return Err(Failure::new(Kind::Host, what).note(in_release));
        }
        self.follow_up(journal, signed).doing(|| {
            format!(
                "it is published to {}, but what follows failed, and is left to the next publishing",
                self.place.describe()
            )
        })
    }

    /// What clients do not wait for. Returns what was removed.
    fn follow_up(&self, journal: &Journal, signed: &Signed) -> Result<Vec<String>> {
        let names = self.names();
        let snapshot = journal.snapshot.iter();
        let mut last: Vec<Put> = snapshot
            .map(|name| self.snapshot_put(name, &signed.message))
            .collect();
        last.push(changing(names.state(), journal.state.text()));
        self.place.write(&last)?;
        let remove = journal.removable();
        self.place.remove(&remove)?;
        self.place.finish(self.listen)?;
        self.place.remove(&[names.journal()])?;
        Ok(remove)
    }

    fn by_digest(&self, architecture: &str, signed: &Signed) -> Result<Vec<u8>> {
        let sums = self.reader().sums(&signed.release, architecture);
        let sums = sums.ok_or_else(|| Failure::bug("an index is not in the Release file"))?;
        let name = self.names().by_hash(architecture, &sums.gzip.sha256);
        let bytes = self.place.read(&name, sums.gzip.size)?;
        bytes.ok_or_else(|| missing(&name))
    }
}

/// What is to be uploaded, for those who wait for it.
fn upload(plan: &Plan<'_>) -> String {
    let size = plan.entries.iter().map(Entry::bytes).sum();
    let packages = counted(plan.packages.len(), "package");
    format!("{packages}, {}", bytes(size))
}

fn missing(name: &str) -> Failure {
    Failure::new(Kind::Source, format!("{name} is missing"))
}

fn changing(name: String, bytes: Vec<u8>) -> Put {
    Put {
        name,
        bytes: Bytes::Here(bytes),
        nature: Nature::Changing,
    }
}

fn as_text(bytes: &[u8]) -> Result<String> {
    String::from_utf8(bytes.to_owned())
        .map_err(|_| Failure::bug("the signer's messages are armoured text"))
}
