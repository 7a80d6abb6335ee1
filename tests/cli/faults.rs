//! Faults: kills, crowds, damage, a host that refuses, hostile texts. After each of them there is a clear message with a documented
//! exit code, or the same bytes once the same command runs again; what is published is whole at every moment; the store verifies.

mod crowd;
mod damage;
mod host;
mod hostile;
mod kill;
mod surroundings;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::support::{Ran, Tiny, fingerprint};
use xtask::failure::Kind;

/// A bundle: path → digest.
type Files = Vec<(PathBuf, String)>;

/// What the fixture builds when nothing goes wrong.
static EXPECTED: LazyLock<Files> = LazyLock::new(|| build(&Tiny::quick()));

/// Builds, and returns the bundle.
fn build(tiny: &Tiny) -> Files {
    tiny.ok("build tiny");
    published(tiny);
    fingerprint(&tiny.path("out/tiny/current/"))
}

/// Every version that is published, each of them whole; `current` is one of them.
fn published(tiny: &Tiny) -> BTreeSet<String> {
    let shelf = tiny.path("out/tiny");
    let mut versions = BTreeSet::new();
    for entry in fs_err::read_dir(&shelf).into_iter().flatten() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() && !name.starts_with('.') && name != "current" {
            whole(tiny, &entry.path());
            versions.insert(name);
        }
    }
    if let Ok(current) = fs_err::read_link(shelf.join("current")) {
        assert!(versions.contains(current.to_str().unwrap()), "{current:?}");
    }
    versions
}

/// Asserts that a bundle has all its files, and no others, with the bytes that they should have.
fn whole(tiny: &Tiny, bundle: &Path) {
    let mut check = tiny.other("sha256sum", ["--check", "--quiet", "SHA256SUMS"]);
    let ran = tiny.finish(check.current_dir(bundle));
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let sums = fs_err::read_to_string(bundle.join("SHA256SUMS")).unwrap();
    let named = sums.lines().map(|line| line.split_once("  ").unwrap().1);
    let named: BTreeSet<PathBuf> = named.chain(["SHA256SUMS"]).map(PathBuf::from).collect();
    let there: BTreeSet<PathBuf> = fingerprint(bundle).into_iter().map(|file| file.0).collect();
    assert_eq!(named, there);
}

/// Asserts that the same command leads to the same bytes, and leaves a store that is whole.
fn recovers(tiny: &Tiny) {
    assert_eq!(build(tiny), *EXPECTED);
    let said = tiny.ok("store verify");
    assert!(said.contains("all whole"), "{said}");
}

/// Asserts that a run succeeded, or failed in a way that is documented, and said so.
fn documented(ran: &Ran, doing: &str) {
    let kinds = Kind::ALL.iter().filter(|kind| **kind != Kind::Bug);
    let mut codes = kinds.map(|kind| i32::from(kind.exit_code()));
    match ran.code {
        Some(0) => {}
        code => assert!(
            codes.any(|known| code == Some(known)) && ran.stderr.contains("error: "),
            "{doing}: {ran:#?}"
        ),
    }
}
