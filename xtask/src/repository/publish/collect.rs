//! Which files nobody needs any more. Indexes and packages stay for the grace time after they have left the indexes, and as long as a snapshot or another suite
//! in the same place names them. What killed publishers left is found by looking through all files now and then.

use std::collections::HashSet;

use super::Publisher;
use super::plan::Plan;
use crate::debian::deb822;
use crate::failure::{Failure, Kind, Result};
use crate::repository::index;
use crate::repository::journal::may_go;
use crate::repository::packed::unpack;
use crate::repository::place::{Bytes, Nature, Put};
use crate::repository::reader::SHORT;
use crate::repository::release::{Indexed, Release};
use crate::repository::state::State;

/// What is still needed.
#[derive(Default)]
struct Needed {
    files: HashSet<String>,
    /// Indexes that were read, by the digest of their compressed form.
    read: HashSet<String>,
    /// Why it is not known of all packages whether they are needed.
    unknown: Option<Failure>,
}

impl Publisher<'_> {
    /// Notes what nobody needs, and returns what nobody has needed for longer than the grace time; that is forgotten.
    pub(super) fn collect(
        &self,
        state: &mut State,
        plan: &Plan<'_>,
        now: i64,
    ) -> Result<Vec<String>> {
        let sweep = state.sweep_is_due(now);
        let grace = i64::from(self.repository.grace_hours) * 3600;
        if !sweep && state.due(now, grace).next().is_none() {
            return Ok(Vec::new());
        }
        let needed = self.needed(plan)?;
        if let Some(failure) = &needed.unknown {
            self.listen.survived(failure);
        }
        if sweep {
            self.sweep(state, &needed, now)?;
        }
        state
            .left
            .retain(|name, _| !needed.files.contains(name) && may_go(name));
        let known = |name: &&str| needed.unknown.is_none() || !name.starts_with("pool/");
        let due = state.due(now, grace).filter(known).map(str::to_owned);
        let due: Vec<String> = due.collect();
        state.left.retain(|name, _| !due.contains(name));
        Ok(due)
    }

    /// Removes a snapshot's file, and notes what it alone has kept as left just now.
    pub(super) fn drop_snapshot(&self, file: &str, plan: &Plan<'_>) -> Result<()> {
        let mut state = self.state()?;
        // What left the indexes long ago was kept by it until now.
        let kept = self.needed(plan)?.files;
        state.left.retain(|name, _| !kept.contains(name));
        self.place.remove(&[file.to_owned()])?;
        let needed = self.needed(plan)?;
        self.sweep(&mut state, &needed, self.clock.now())?;
        let put = Put {
            name: self.names().state(),
            bytes: Bytes::Here(state.text()),
            nature: Nature::Changing,
        };
        self.place.write(&[put])
    }

    fn sweep(&self, state: &mut State, needed: &Needed, now: i64) -> Result<()> {
        let all = self.all()?.into_iter();
        state.leave(all.filter(|name| !needed.files.contains(name)), now);
        state.swept = now;
        Ok(())
    }

    /// All files of this suite and component that could go.
    fn all(&self) -> Result<Vec<String>> {
        let component = &self.repository.component;
        let folders = [
            format!("dists/{}", self.repository.suite),
            format!("pool/{component}"),
        ];
        let mut all = Vec::new();
        for folder in folders {
            let files = self.place.list(&folder)?.into_iter();
            all.extend(files.map(|file| file.name).filter(|name| may_go(name)));
        }
        Ok(all)
    }

    /// What clients of what is planned need, those of snapshots, and those of other suites in the same place.
    fn needed(&self, plan: &Plan<'_>) -> Result<Needed> {
        let mut needed = Needed::default();
        for (architecture, (packed, text)) in &plan.fresh {
            let digest = packed.sums.gzip.sha256;
            needed
                .files
                .insert(self.names().by_hash(architecture, &digest));
            needed.index(&digest.to_string(), Ok((*text).to_owned()));
        }
        let own = self.names().suite("");
        for (architecture, sums) in &plan.indexes {
            let name = format!("{own}{}.gz", self.names().index(architecture));
            self.need_index(&mut needed, &name, sums)?;
        }
        let releases = self.place.list("dists")?.into_iter().map(|file| file.name);
        let releases = releases.filter(|name| name.ends_with("/InRelease"));
        for name in releases.filter(|name| *name != self.names().suite("InRelease")) {
            self.need_release(&mut needed, &name)?;
        }
        Ok(needed)
    }

    /// Needs what a Release file names. Its signature is not looked at: it may be another's, and what it names is only kept.
    fn need_release(&self, needed: &mut Needed, name: &str) -> Result<()> {
        let bytes = self.place.read(name, SHORT)?.unwrap_or_default();
        let text = deb822::unsigned(&String::from_utf8_lossy(&bytes));
        let release = match Release::parse(&text) {
            Ok(release) => release,
            Err(failure) => {
                needed.fails(failure.while_doing(format!("{name} cannot be read")));
                return Ok(());
            }
        };
        let folder = name.trim_end_matches("InRelease");
        // A snapshot's indexes are those of its suite.
        let folder = folder
            .split_once("snapshots/")
            .map_or(folder, |(suite, _)| suite);
        let indexes = release
            .files
            .keys()
            .filter(|file| file.ends_with("/Packages"));
        for index in indexes {
            match release.index(index) {
                Some(sums) => self.need_index(needed, &format!("{folder}{index}.gz"), &sums)?,
                None => needed.fails(Failure::new(
                    Kind::Source,
                    format!("{folder}{index} is not compressed by gzip"),
                )),
            }
        }
        Ok(())
    }

    /// Needs an index by its digest, and what it names.
    fn need_index(&self, needed: &mut Needed, name: &str, sums: &Indexed) -> Result<()> {
        let digest = sums.gzip.sha256.to_string();
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
        let by_hash = format!("{folder}/by-hash/SHA256/{digest}");
        let known = needed.read.contains(&digest);
        if !known {
            let text = match self.place.read(&by_hash, sums.gzip.size)? {
                Some(bytes) => unpack(&by_hash, bytes, sums),
                None => match self.place.read(name, SHORT.max(sums.gzip.size))? {
                    Some(bytes) => unpack(name, bytes, sums),
                    None => Err(Failure::new(Kind::Source, format!("{by_hash} is missing"))),
                },
            };
            needed.index(&digest, text.map(|unpacked| unpacked.text));
        }
        needed.files.insert(by_hash);
        Ok(())
    }
}

impl Needed {
    /// Needs what an index names.
    fn index(&mut self, digest: &str, text: Result<String>) {
        self.read.insert(digest.to_owned());
        let text = match text {
            Ok(text) => text,
            Err(failure) => return self.fails(failure),
        };
        match index::parse(&text) {
            Ok(entries) => {
                let names = entries.iter().map(|entry| entry.filename.to_owned());
                self.files.extend(names);
            }
            Err(failure) => self.fails(failure),
        }
    }

    fn fails(&mut self, failure: Failure) {
        let doing =
            "no package is removed as long as not all indexes in the same place can be read";
        self.unknown.get_or_insert(failure.while_doing(doing));
    }
}
