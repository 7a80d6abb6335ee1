//! A small repository of a test's own, with a key of its own, published by ours and served on loopback.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicI64, Ordering};

use tempfile::TempDir;
use xtask::debian::deb::{Compression, Deb};
use xtask::debian::deb822::Stanza;
use xtask::event::Deaf;
use xtask::failure::Result;
use xtask::image::tree::{Entry, FileTree, Origin};
use xtask::repository::clock::{Clock, SystemClock};
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

    /// A key made for the test.
    pub(crate) fn key(&self) -> Gpg {
        let make = [
            "--batch",
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

/// A clock that shows what it is told.
pub(crate) struct At(AtomicI64);

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
}

impl Shop {
    /// With nothing in it.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new();
        let signer = home.key();
        let public_key = signer.public_key().unwrap();
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
        let clock = At(AtomicI64::new(SystemClock.now() + seconds));
        self.try_publish(package, version, &clock).unwrap()
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

    fn deb(&self, package: &str, version: &str) -> PathBuf {
        let deb = self.folder.path().join(format!("{package}_{version}.deb"));
        write(&deb, package, version);
        deb
    }

    fn try_publish_all(&self, debs: &[PathBuf], clock: &dyn Clock) -> Result<Published> {
        let publisher = Publisher {
            repository: &self.repository,
            place: &Directory::new(self.path("")),
            signer: &self.signer,
            listen: &Deaf,
            clock,
        };
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

/// Writes a package with one file, whose text is its version.
fn write(to: &Path, package: &str, version: &str) {
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
        .add(path.parse().unwrap(), Entry::file(version, false, origin))
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
