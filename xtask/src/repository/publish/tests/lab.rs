//! A repository in memory, with a clock that is set and a signer that needs no program.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::archive::samples::{self, Tar};
use crate::digest::Digest;
use crate::event::{Event, Listen};
use crate::failure::{Failure, Kind, Result};
use crate::repository::clock::Clock;
use crate::repository::place::{Bytes, Held, Nature, Place, Put, There, checked};
use crate::repository::publish::{Published, Publisher};
use crate::repository::sign::Signer;
use crate::repository::spec::{Repository, Where};

/// Fri, 20 Nov 2026 06:30:00 +0000.
pub(super) const START: i64 = 1_795_156_200;

pub(super) const DAY: i64 = 86_400;

/// Files in memory. Operations can be counted, and fail from the one on that is named.
#[derive(Clone, Default)]
pub(super) struct Memory {
    pub(super) files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    /// Operations that were asked for; each file that is written or removed is one.
    pub(super) asked: Arc<AtomicUsize>,
    /// The first that fails, as do all after it.
    pub(super) dies_at: Option<usize>,
    /// Files whose names have this in them are said to be written, and are not.
    pub(super) loses: Option<&'static str>,
    /// How often it was told that all is there.
    pub(super) finished: Arc<AtomicUsize>,
}

struct Free;

impl Held for Free {
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

impl Memory {
    fn live(&self) -> Result<()> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        match self.dies_at {
            Some(dies) if asked >= dies => Err(Failure::new(Kind::Host, "dead")),
            _ => Ok(()),
        }
    }

    /// Another place with the same files, which lives.
    pub(super) fn copy(&self) -> Self {
        Self {
            files: Arc::new(Mutex::new(self.files.lock().unwrap().clone())),
            ..Self::default()
        }
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.files.lock().unwrap().keys().cloned().collect()
    }

    pub(super) fn get(&self, name: &str) -> Option<Vec<u8>> {
        self.files.lock().unwrap().get(name).cloned()
    }

    pub(super) fn set(&self, name: &str, bytes: &[u8]) {
        let mut files = self.files.lock().unwrap();
        files.insert(name.to_owned(), bytes.to_owned());
    }

    pub(super) fn lose(&self, name: &str) {
        assert!(self.files.lock().unwrap().remove(name).is_some(), "{name}");
    }
}

impl Place for Memory {
    fn describe(&self) -> String {
        "memory".to_owned()
    }

    fn lock(&self, _: &dyn Listen) -> Result<Box<dyn Held>> {
        self.live()?;
        Ok(Box::new(Free))
    }

    fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        self.live()?;
        let bytes = self.get(checked(name)?);
        if bytes
            .as_ref()
            .is_some_and(|bytes| bytes.len() as u64 > limit)
        {
            return Err(Failure::new(Kind::Source, format!("{name} is too long")));
        }
        Ok(bytes)
    }

    fn size(&self, name: &str) -> Result<Option<u64>> {
        self.live()?;
        Ok(self.get(checked(name)?).map(|bytes| bytes.len() as u64))
    }

    fn write(&self, puts: &[Put]) -> Result<()> {
        for put in puts {
            self.live()?;
            let bytes = match &put.bytes {
                Bytes::Here(bytes) => bytes.clone(),
                Bytes::Of(path) => fs_err::read(path)?,
            };
            let old = self.get(checked(&put.name)?);
            if put.nature == Nature::Immutable && old.is_some_and(|old| old != bytes) {
                return Err(Failure::new(Kind::Check, format!("{} differs", put.name)));
            }
            if self.loses.is_none_or(|lost| !put.name.contains(lost)) {
                self.set(&put.name, &bytes);
            }
        }
        Ok(())
    }

    fn list(&self, folder: &str) -> Result<Vec<There>> {
        self.live()?;
        let files = self.files.lock().unwrap();
        let below = format!("{}/", checked(folder)?);
        let below = files.iter().filter(|(name, _)| name.starts_with(&below));
        Ok(below
            .map(|(name, bytes)| There {
                name: name.clone(),
                size: bytes.len() as u64,
            })
            .collect())
    }

    fn remove(&self, names: &[String]) -> Result<()> {
        for name in names {
            self.live()?;
            self.files.lock().unwrap().remove(checked(name)?);
        }
        Ok(())
    }

    fn finish(&self, _: &dyn Listen) -> Result<()> {
        self.live()?;
        self.finished.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Signs with a digest of a secret and the text.
#[derive(Clone, Copy)]
pub(super) struct Notary(pub(super) &'static str);

const HEAD: &str = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n";
const SIGNATURE: &str = "\n-----BEGIN PGP SIGNATURE-----\n";

impl Signer for Notary {
    fn clearsign(&self, text: &str) -> Result<Vec<u8>> {
        let text = text.trim_end();
        let seal = Digest::of(format!("{}{text}", self.0));
        Ok(format!("{HEAD}{text}{SIGNATURE}{seal}\n").into_bytes())
    }

    fn detach(&self, text: &str) -> Result<Vec<u8>> {
        Ok(format!("{}\n", Digest::of(format!("{}{text}", self.0))).into_bytes())
    }

    fn verified(&self, message: &[u8]) -> Result<String> {
        let signed = || {
            let message = std::str::from_utf8(message).ok()?;
            let (text, _) = message.strip_prefix(HEAD)?.split_once(SIGNATURE)?;
            (self.clearsign(text).ok()? == message.as_bytes()).then(|| text.to_owned())
        };
        signed().ok_or_else(|| Failure::new(Kind::Source, "it was not signed by the key"))
    }

    fn believed_detached(&self, text: &str, signature: &[u8]) -> Result<()> {
        match self.detach(text)? == signature {
            true => Ok(()),
            false => Err(Failure::new(Kind::Source, "it is no signature by the key")),
        }
    }
}

/// A clock that stands still until somebody waits.
pub(super) struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    fn wait_until(&self, time: i64) -> Result<()> {
        self.0.fetch_max(time, Ordering::Relaxed);
        Ok(())
    }
}

/// Remembers warnings.
#[derive(Default)]
pub(super) struct Ear(pub(super) Mutex<Vec<String>>);

impl Listen for Ear {
    fn hear(&self, event: Event) {
        if let Event::Warning(text) | Event::Note(text) = event {
            self.0.lock().unwrap().push(text);
        }
    }
}

/// A repository with everything that publishing needs.
pub(super) struct Lab {
    pub(super) repository: Repository,
    pub(super) place: Memory,
    pub(super) notary: Notary,
    pub(super) clock: Hand,
    pub(super) ear: Ear,
    debs: Arc<tempfile::TempDir>,
}

impl Lab {
    pub(super) fn new() -> Self {
        Self::at(
            START,
            Memory::default(),
            Arc::new(tempfile::tempdir().unwrap()),
        )
    }

    fn at(now: i64, place: Memory, debs: Arc<tempfile::TempDir>) -> Self {
        Self {
            repository: repository(),
            place,
            notary: Notary("secret"),
            clock: Hand(AtomicI64::new(now)),
            ear: Ear::default(),
            debs,
        }
    }

    /// The same at the same time, with this place.
    pub(super) fn with(&self, place: Memory) -> Self {
        Self {
            repository: self.repository.clone(),
            ..Self::at(self.clock.now(), place, self.debs.clone())
        }
    }

    pub(super) fn publisher(&self) -> Publisher<'_> {
        Publisher {
            repository: &self.repository,
            place: &self.place,
            signer: &self.notary,
            listen: &self.ear,
            clock: &self.clock,
        }
    }

    /// A package of this name, version and architecture, with a control file that has these fields more.
    pub(super) fn deb(&self, package: &str, version: &str, fields: &str) -> PathBuf {
        let architecture = if fields.contains("Architecture:") {
            ""
        } else {
            "Architecture: all\n"
        };
        let control = format!("Package: {package}\nVersion: {version}\n{architecture}{fields}");
        let bytes = samples::deb(&control, Tar::default().file("./usr/share/x", &control));
        let path = self.debs.path().join(format!("{}.deb", Digest::of(&bytes)));
        fs_err::write(&path, bytes).unwrap();
        path
    }

    /// Adds packages, each `NAME VERSION`.
    pub(super) fn add(&self, packages: &[&str], snapshot: Option<&str>) -> Result<Published> {
        let debs = packages.iter().map(|package| {
            let (name, version) = package.split_once(' ').unwrap();
            self.deb(name, version, "")
        });
        self.publisher().add(&debs.collect::<Vec<_>>(), snapshot)
    }

    pub(super) fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::Relaxed);
    }

    /// What a client that reads everything finds: the packages.
    pub(super) fn client(&self) -> Vec<String> {
        self.publisher().check(true).unwrap();
        self.publisher().status().unwrap().packages
    }
}

/// A repository for two architectures.
pub(super) fn repository() -> Repository {
    Repository {
        description: "Images of this test".to_owned(),
        origin: "Test".to_owned(),
        suite: "stable".to_owned(),
        component: "main".to_owned(),
        architectures: vec!["amd64".to_owned(), "arm64".to_owned()],
        key: "A".repeat(40),
        former_keys: Vec::new(),
        place: Where::Directory {
            path: "nowhere".into(),
        },
        url: None,
        retain: None,
        grace_hours: 24,
        valid_days: None,
    }
}
