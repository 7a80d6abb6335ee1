//! A small repository of a test's own, with a key of its own, published by ours and served on loopback.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use tempfile::TempDir;
use xtask::debian::deb::{Compression, Deb};
use xtask::debian::deb822::Stanza;
use xtask::digest::Digest;
use xtask::event::Deaf;
use xtask::failure::Result;
use xtask::image::tree::{Entry, FileTree, Origin};
use xtask::repository::clock::{Clock, SystemClock};
use xtask::repository::place::Place;
use xtask::repository::place::directory::Directory;
use xtask::repository::sign::Signer;
use xtask::repository::sign::gpg::Gpg;
use xtask::repository::spec::{Repository, Where};
use xtask::repository::{Published, Publisher};

use super::http::Http;
use super::must;

/// A folder of GnuPG's, whose agent ends with it.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The fingerprint of its key.
    pub(crate) fn fingerprint(&self) -> String {
        let list = ["--with-colons", "--list-keys"];
        let said = must(
            Command::new("gpg")
                .env("GNUPGHOME", self.0.path())
                .args(list),
        );
        let said = String::from_utf8(said).unwrap();
        let line = said.lines().find(|line| line.starts_with("fpr:"));
        line.unwrap().split(':').nth(9).unwrap().to_owned()
    }

    /// A key made for the test.
    pub(crate) fn key(&self) -> Gpg {
        let make = [
            "--batch",
            "--yes",
            "--quiet",
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            "",
        ];
        let make = must(
            Command::new("gpg")
                .env("GNUPGHOME", self.0.path())
                .args(make)
                .args(["--status-fd", "1", "--quick-generate-key"])
                .args(["Test <a@example.org>", "ed25519", "sign", "never"]),
        );
        let said = String::from_utf8(make).unwrap();
        let fingerprint = said.split_whitespace().last().unwrap();
        Gpg::open(fingerprint, Some(self.0.path())).unwrap()
    }
}

impl Home {
    /// Takes the private keys away, or brings them back; the agent knows none then.
    pub(crate) fn lock(&self, locked: bool) {
        let names = ["private-keys-v1.d", "elsewhere"].map(|name| self.0.path().join(name));
        let [from, to] = if locked { [0, 1] } else { [1, 0] };
        fs_err::rename(&names[from], &names[to]).unwrap();
        self.forget();
    }

    fn forget(&self) {
        let mut end = Command::new("gpgconf");
        must(
            end.env("GNUPGHOME", self.0.path())
                .args(["--kill", "gpg-agent"]),
        );
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.forget();
    }
}

/// Signs each text once, so that many can publish the same.
pub(crate) struct Once<'a> {
    signer: &'a Gpg,
    made: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl<'a> Once<'a> {
    pub(crate) fn new(signer: &'a Gpg) -> Self {
        let made = Mutex::default();
        Self { signer, made }
    }

    fn once(&self, how: u8, of: &[u8], make: impl FnOnce() -> Result<Vec<u8>>) -> Result<Vec<u8>> {
        let key = [&[how], of].concat();
        let mut made = self.made.lock().unwrap();
        if let Some(made) = made.get(&key) {
            return Ok(made.clone());
        }
        let new = make()?;
        made.insert(key, new.clone());
        Ok(new)
    }
}

impl Signer for Once<'_> {
    fn clearsign(&self, text: &str) -> Result<Vec<u8>> {
        self.once(b'c', text.as_bytes(), || self.signer.clearsign(text))
    }

    fn detach(&self, text: &str) -> Result<Vec<u8>> {
        self.once(b'd', text.as_bytes(), || self.signer.detach(text))
    }

    fn verified(&self, message: &[u8]) -> Result<String> {
        let verified = || Ok(self.signer.verified(message)?.into_bytes());
        Ok(String::from_utf8(self.once(b'v', message, verified)?).unwrap())
    }

    fn believed_detached(&self, text: &str, signature: &[u8]) -> Result<()> {
        self.signer.believed_detached(text, signature)
    }
}

/// A clock that shows what it is told.
pub(crate) struct At(AtomicI64);

impl At {
    /// At this time, seconds since 1970.
    pub(crate) fn new(time: i64) -> Self {
        Self(AtomicI64::new(time))
    }

    /// So many seconds later.
    pub(crate) fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for At {
    fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    fn wait_until(&self, time: i64) -> Result<()> {
        self.0.fetch_max(time, Ordering::SeqCst);
        Ok(())
    }
}

/// The repository.
pub(crate) struct Shop {
    folder: TempDir,
    pub(crate) repository: Repository,
    pub(crate) signer: Gpg,
    pub(crate) public_key: String,
    pub(crate) http: Http,
    pub(crate) home: Home,
    /// A while ago, seconds since 1970.
    pub(crate) opened: i64,
}

impl Shop {
    /// With nothing in it.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new();
        let signer = home.key();
        let public_key = signer.public_key(None).unwrap();
        let path = folder.path().join("served");
        fs_err::create_dir(&path).unwrap();
        let http = Http::serve(&path);
        let repository = Repository {
            description: "a test".to_owned(),
            origin: "Test".to_owned(),
            suite: "stable".to_owned(),
            component: "main".to_owned(),
            architectures: vec!["amd64".to_owned(), "arm64".to_owned()],
            key: String::new(),
            former_keys: Vec::new(),
            place: Where::Directory { path },
            url: None,
            retain: None,
            grace_hours: 24,
            valid_days: Some(7),
        };
        Self {
            folder,
            repository,
            signer,
            public_key,
            http,
            home,
            opened: SystemClock.now() - 3600,
        }
    }

    /// With the package `tea` 1.0.
    pub(crate) fn open() -> Self {
        let shop = Self::new();
        shop.publish("tea", "1.0");
        shop
    }

    pub(crate) fn publish(&self, package: &str, version: &str) -> Published {
        self.try_publish(package, version, &SystemClock).unwrap()
    }

    /// Publishes as if it were so many seconds later.
    pub(crate) fn publish_later(&self, package: &str, version: &str, seconds: i64) -> Published {
        let clock = At::new(SystemClock.now() + seconds);
        self.try_publish(package, version, &clock).unwrap()
    }

    /// A package, which is in no repository yet.
    pub(crate) fn deb(&self, package: &str, version: &str) -> PathBuf {
        let deb = self.folder.path().join(format!("{package}_{version}.deb"));
        write(&deb, package, version, version);
        deb
    }

    /// One of 300 kB that no compressor makes smaller.
    pub(crate) fn large(&self, package: &str, version: &str) -> PathBuf {
        let deb = self.folder.path().join(format!("{package}_{version}.deb"));
        let digests = (0..6000_u32).map(|number| Digest::of(number.to_le_bytes()).to_string());
        write(&deb, package, version, &digests.collect::<String>());
        deb
    }

    /// One of the same name and version, with other bytes.
    pub(crate) fn changed(&self, package: &str, version: &str) -> PathBuf {
        let deb = self.folder.path().join("changed.deb");
        write(&deb, package, version, "changed");
        deb
    }

    /// What publishes to another place at this time.
    pub(crate) fn publisher<'a>(
        &'a self,
        place: &'a dyn Place,
        signer: &'a dyn Signer,
        clock: &'a dyn Clock,
    ) -> Publisher<'a> {
        Publisher {
            repository: &self.repository,
            place,
            signer,
            listen: &Deaf,
            clock,
        }
    }

    pub(crate) fn try_publish(
        &self,
        package: &str,
        version: &str,
        clock: &dyn Clock,
    ) -> Result<Published> {
        let deb = self.deb(package, version);
        self.try_publish_all(&[deb], clock)
    }

    /// Publishes so many packages at once: `many-0` and so on.
    pub(crate) fn publish_many(&self, number: u32) {
        let debs: Vec<PathBuf> = (0..number)
            .map(|at| self.deb(&format!("many-{at}"), "1.0"))
            .collect();
        self.try_publish_all(&debs, &SystemClock).unwrap();
    }

    fn try_publish_all(&self, debs: &[PathBuf], clock: &dyn Clock) -> Result<Published> {
        let place = Directory::new(self.path(""));
        let publisher = self.publisher(&place, &self.signer, clock);
        publisher.add(debs, None)
    }

    /// A file of what is served.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("served").join(name)
    }

    pub(crate) fn release(&self, name: &str) -> PathBuf {
        self.path("dists/stable").join(name)
    }

    /// Every file that is served, with its bytes.
    pub(crate) fn everything(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let files = walkdir::WalkDir::new(self.path("")).sort_by_file_name();
        let files = files.into_iter().map(std::result::Result::unwrap);
        let files = files.filter(|entry| entry.file_type().is_file());
        files
            .map(|entry| (entry.path().to_owned(), fs_err::read(entry.path()).unwrap()))
            .collect()
    }

    /// The text that is signed.
    pub(crate) fn text(&self) -> String {
        fs_err::read_to_string(self.release("Release")).unwrap()
    }

    /// Signs another text in its place.
    pub(crate) fn sign(&self, text: &str) {
        self.sign_as(&self.signer, text);
    }

    pub(crate) fn sign_as(&self, signer: &Gpg, text: &str) {
        fs_err::write(self.release("Release"), text).unwrap();
        fs_err::write(self.release("Release.gpg"), signer.detach(text).unwrap()).unwrap();
        fs_err::write(self.release("InRelease"), signer.clearsign(text).unwrap()).unwrap();
    }

    /// Changes every file below a folder whose name ends so.
    pub(crate) fn spoil(&self, folder: &str, end: &str, how: impl Fn(&mut Vec<u8>)) {
        let mut spoilt = 0;
        for entry in walkdir::WalkDir::new(self.path(folder)) {
            let entry = entry.unwrap();
            if !entry.file_type().is_file() || !entry.path().to_str().unwrap().ends_with(end) {
                continue;
            }
            let mut bytes = fs_err::read(entry.path()).unwrap();
            how(&mut bytes);
            fs_err::write(entry.path(), bytes).unwrap();
            spoilt += 1;
        }
        assert!(spoilt > 0, "nothing in {folder} ends in {end}");
    }
}

/// Writes a package with one file.
fn write(to: &Path, package: &str, version: &str, text: &str) {
    let control = Stanza::default()
        .with("Package", package)
        .with("Version", version)
        .with("Architecture", "all")
        .with("Maintainer", "A Person <a@example.org>")
        .with("Description", "a test");
    let mut files = FileTree::default();
    let origin = Origin::Generated {
        what: "test".to_owned(),
    };
    let path = format!("usr/share/{package}/version");
    files
        .add(path.parse().unwrap(), Entry::file(text, false, origin))
        .unwrap();
    let deb = Deb {
        control,
        scripts: BTreeMap::new(),
        files,
        mtime: 1_795_000_000,
        compression: Compression::default(),
    };
    deb.write(to).unwrap();
}
