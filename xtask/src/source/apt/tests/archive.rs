//! A tiny Debian archive, signed with a key made for the test, and everything that can be wrong with one.

use std::path::{Path, PathBuf};

use super::super::Debian;
use crate::archive::samples::{self, Tar};
use crate::digest::Digest;
use crate::source::mirror::{DEBIAN, Host, Mirrors};
use crate::tool::Tool;
use tempfile::TempDir;

/// The suite it has; a name with a dash has neither updates nor security suites.
pub(super) const SUITE: &str = "test-suite";

/// The indexes that it can have.
const INDEXES: [&str; 3] = [
    "main/binary-amd64/Packages",
    "extra/binary-amd64/Packages",
    "main/source/Sources",
];

/// A key in a home of its own, whose agent ends with it.
struct Key(TempDir);

impl Key {
    fn new() -> Self {
        let key = Self(tempfile::tempdir().unwrap());
        let quick = [
            "--quick-gen-key",
            "Archive <a@example.org>",
            "ed25519",
            "sign",
            "never",
        ];
        key.gpg().args(quick).run().unwrap();
        key
    }

    fn gpg(&self) -> Tool {
        let always = [
            "--batch",
            "--yes",
            "--quiet",
            "--passphrase",
            "",
            "--pinentry-mode",
            "loopback",
        ];
        Tool::new("gpg")
            .env("GNUPGHOME", self.0.path())
            .args(always)
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        let end = Tool::new("gpgconf")
            .env("GNUPGHOME", self.0.path())
            .args(["--kill", "gpg-agent"]);
        assert!(end.succeeds());
    }
}

pub(super) struct Archive {
    folder: TempDir,
    key: Key,
}

impl Archive {
    /// With the source package `one` 1.0-1, and the binary package `two` in versions 1.9 and 1.10; not signed yet.
    pub(super) fn new() -> Self {
        let archive = Self {
            folder: tempfile::tempdir().unwrap(),
            key: Key::new(),
        };
        let mut packages = String::new();
        for version in ["1.10", "1.9"] {
            let path = format!("pool/two_{version}_all.deb");
            let (sha256, size) = archive.write(&path, format!("two {version}").as_bytes());
            packages.push_str(&format!("Package: two\nArchitecture: all\nVersion: {version}\nFilename: {path}\nSize: {size}\nSHA256: {sha256}\nMaintainer: x\nDescription: x\n\n"));
        }
        let (sha256, size) = archive.write("pool/one_1.0-1.dsc", b"one");
        let sources = format!(
            "Package: one\nBinary: two\nFormat: 3.0 (native)\nVersion: 1.0-1\nDirectory: pool\nFiles:\n 0 {size} one_1.0-1.dsc\nChecksums-Sha256:\n {sha256} {size} one_1.0-1.dsc\n\n"
        );
        archive.write(
            &format!("dists/{SUITE}/main/binary-amd64/Packages"),
            packages.as_bytes(),
        );
        archive.write(
            &format!("dists/{SUITE}/main/source/Sources"),
            sources.as_bytes(),
        );
        fs_err::write(archive.keyring(), "").unwrap();
        let export = archive
            .key
            .gpg()
            .arg("--output")
            .arg(archive.keyring())
            .arg("--export");
        export.run().unwrap();
        archive
    }

    /// With packages more, each these fields of its `control` file; those of the component `extra` name it as their section.
    pub(super) fn with(packages: &[&str]) -> Self {
        let archive = Self::new();
        for fields in packages {
            archive.add(fields);
        }
        archive.sign("");
        archive
    }

    /// Adds a package to its index; the archive has to be signed again.
    pub(super) fn add(&self, fields: &str) {
        let field = |name: &str| {
            let mut lines = fields.lines();
            lines
                .find_map(|line| line.strip_prefix(name))
                .unwrap()
                .trim()
        };
        let (name, version) = (field("Package:"), field("Version:"));
        let path = format!("pool/{name}_{version}_{}.deb", field("Architecture:"));
        let files = Tar::default().file(&format!("./usr/share/{name}"), version);
        let deb = samples::deb(&format!("{fields}\n"), files);
        let (sha256, size) = self.write(&path, &deb);
        let stanza = format!(
            "{fields}\nFilename: {path}\nSize: {size}\nSHA256: {sha256}\nMaintainer: x\nDescription: x\n\n"
        );
        let index = if fields.contains("Section: extra") {
            INDEXES[1]
        } else {
            INDEXES[0]
        };
        let index = format!("dists/{SUITE}/{index}");
        let before = fs_err::read_to_string(self.path(&index)).unwrap_or_default();
        self.write(&index, format!("{before}{stanza}").as_bytes());
    }

    pub(super) fn signed() -> Self {
        let archive = Self::new();
        archive.sign("");
        archive
    }

    /// Writes a release file with these fields more, and signs it.
    pub(super) fn sign(&self, fields: &str) {
        self.release(fields);
        self.clearsign();
    }

    /// Signs the release file as it is.
    pub(super) fn clearsign(&self) {
        let release = self.path("dists").join(SUITE).join("Release");
        let signature = self.path("dists").join(SUITE).join("InRelease");
        self.key
            .gpg()
            .arg("--output")
            .arg(signature)
            .arg("--clearsign")
            .arg(release)
            .run()
            .unwrap();
    }

    /// Writes a release file that nobody signed.
    pub(super) fn release(&self, fields: &str) {
        let mut text = format!(
            "Origin: Test\nSuite: {SUITE}\nCodename: {SUITE}\nDate: Mon, 01 Jan 2024 00:00:00 UTC\nArchitectures: amd64 all\nComponents: main extra\n{fields}SHA256:\n"
        );
        for name in INDEXES {
            let path = self.path("dists").join(SUITE).join(name);
            let Ok((sha256, size)) = Digest::of_file(&path) else {
                continue;
            };
            text.push_str(&format!(" {sha256} {size} {name}\n"));
        }
        self.write(&format!("dists/{SUITE}/Release"), text.as_bytes());
    }

    /// Replaces text in one of its files.
    pub(super) fn alter(&self, path: &str, from: &str, to: &str) {
        let path = self.path(path);
        let text = fs_err::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        fs_err::write(path, text.replace(from, to)).unwrap();
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join("archive").join(path)
    }

    pub(super) fn keyring(&self) -> PathBuf {
        self.folder.path().join("keyring.gpg")
    }

    fn write(&self, path: &str, bytes: &[u8]) -> (Digest, usize) {
        let path = self.path(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, bytes).unwrap();
        (Digest::of(bytes), bytes.len())
    }

    /// A host that knows these mirrors, and this one after them.
    pub(super) fn debian(&self, mirrors: &[&Path]) -> Debian {
        let address = |path: &Path| format!("file:{}", path.display());
        let mut mirrors: Vec<String> = mirrors.iter().map(|path| address(path)).collect();
        mirrors.push(address(&self.path("")));
        Debian {
            cache: self.folder.path().join("cache"),
            site: Mirrors([(DEBIAN.to_owned(), mirrors)].into()),
            host: Host::default(),
            keyring: self.keyring(),
            arch: "amd64".into(),
        }
    }
}
