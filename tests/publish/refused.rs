//! A host that refuses: folders that cannot be written to, file systems that are too small, limits. What is published stays, the failure has
//! its words, and the next publishing needs nobody.

use std::path::{Path, PathBuf};
use std::process::Command;

use xtask::repository::place::directory::Directory;
use xtask::repository::spec::Where;

use crate::everywhere::packages;
use crate::support::program::{Checkout, Ended, run};
use crate::support::shop::Shop;
use crate::support::{copy, in_all_or, tell};

const OLD: [&str; 1] = ["tea 1.0 (all)"];
const NEW: [&str; 2] = ["cake 1 (all)", "tea 1.0 (all)"];

/// A shop, and what publishes a large package to a place that begins as a copy of it.
struct Refusing {
    shop: Shop,
    folder: tempfile::TempDir,
}

impl Refusing {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shop = Shop::open();
        Self { shop, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A copy in the folder of this name.
    fn copy(&self, name: &str) {
        copy(self.shop.path(""), self.path(name));
    }

    /// A script in namespaces of its own, in which it may mount: `$@` publishes, to `place`.
    fn apart(&self, text: &str) -> Ended {
        let apart = ["unshare", "--user", "--map-root-user", "--mount"];
        let shell = ["sh", "-c", text, "sh"];
        self.with(&[&apart[..], &shell].concat(), |_| {})
    }

    fn with(&self, words: &[&str], how: impl FnOnce(&mut Command)) -> Ended {
        let path = self.path("place");
        let checkout = Checkout::new(&self.shop, Where::Directory { path });
        let mut command = checkout.add(words, &[self.shop.large("cake", "1")], &[]);
        command
            .env("top", self.folder.path())
            .env("first", self.shop.path(""));
        how(&mut command);
        run(&mut command)
    }

    fn packages(&self, name: &str) -> Vec<String> {
        packages(&self.shop, &Directory::new(self.path(name)))
    }

    /// Without anybody's help.
    fn recovers(&self) {
        let ran = self.with(&[], |_| {});
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(self.packages("place"), NEW);
        assert_eq!(leftovers(&self.path("place")), Vec::<PathBuf>::new());
    }
}

/// Files that are not finished, and what failed writers leave.
fn leftovers(folder: &Path) -> Vec<PathBuf> {
    let entries = walkdir::WalkDir::new(folder)
        .into_iter()
        .map(Result::unwrap);
    let left = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        name.starts_with(".new-") && entry.path().is_file() || name.ends_with(".journal")
    };
    entries
        .filter(left)
        .map(walkdir::DirEntry::into_path)
        .collect()
}

/// Publishes where there is too little room; what is there then, and what is there when there was room, is kept.
const SMALL: &str = r#"
cd $top && mkdir place && mount -t tmpfs -o $limit none place && cp -a $first/. place || exit 90
"$@" 2> report
code=$?
cp -a place then
mount -o remount,size=0,nr_inodes=0 place || exit 92
"$@" >&2 || exit 93
cp -a place now
cat report >&2
exit $code
"#;

#[test]
fn a_full_file_system_loses_nothing() {
    let bytes = (15..90).map(|pages| format!("size={}k", pages * 4));
    let inodes = (24..34).map(|inodes| format!("size=0,nr_inodes={inodes}"));
    let all: Vec<String> = bytes.chain(inodes).collect();
    let mut full = 0;
    for limit in all.iter().step_by(in_all_or(1, 12) as usize) {
        let refusing = Refusing::new();
        let ended = refusing.apart(&format!("limit={limit}\n{SMALL}"));
        let said = ended.said.contains("No space left on device");
        assert_eq!(
            ended.code,
            Some(if said { 9 } else { 0 }),
            "{limit}: {ended:?}"
        );
        full += u32::from(said);
        let then = refusing.packages("then");
        let published = !said || ended.said.contains("it is published to");
        assert_eq!(then == NEW, published, "{limit}: {ended:?}");
        assert!(then == NEW || then == OLD, "{limit}: {then:?}");
        assert_eq!(refusing.packages("now"), NEW, "{limit}");
        assert_eq!(leftovers(&refusing.path("now")), Vec::<PathBuf>::new());
    }
    tell(&format!(
        "{full} of {} file systems were too small",
        all.len()
    ));
    assert!(full > 0);
}

/// Limits of setrlimit(2).
const LIMITS: &[&str] = &[
    "--fsize=100000",
    "--fsize=600",
    "--fsize=1",
    "--nofile=16",
    "--nofile=12",
    "--nofile=9",
];

#[test]
fn a_limit_that_is_too_small_is_named_and_loses_nothing() {
    let mut failures = 0;
    for limit in &LIMITS[..in_all_or(LIMITS.len() as u32, 3) as usize] {
        let refusing = Refusing::new();
        refusing.copy("place");
        let ended = refusing.with(&["prlimit", limit, "--core=0"], |_| {});
        let failed = ended.said.contains("error: ");
        assert_eq!(ended.code == Some(0), !failed, "{limit}: {ended:?}");
        assert_eq!(refusing.packages("place") == OLD, failed, "{limit}");
        failures += u32::from(failed);
        refusing.recovers();
    }
    assert!(failures > 1);
}

/// What is in the way: a command that puts it there, in the repository; and what is said of it.
const IN_THE_WAY: &[(&str, &str)] = &[
    (
        "mount --bind . . && mount -o remount,ro,bind . && cd $PWD",
        "Read-only file system",
    ),
    ("mount --bind dists dists", "one file system"),
    ("mount -t tmpfs none pool", "one file system"),
];

#[test]
fn what_cannot_be_written_to_is_named_and_nothing_is_lost() {
    for (put, said) in IN_THE_WAY {
        let refusing = Refusing::new();
        refusing.copy("place");
        let ended = refusing.apart(&format!("cd $top/place && {put} && \"$@\""));
        assert!(
            ended.code != Some(0) && ended.said.contains("error: "),
            "{put}: {ended:?}"
        );
        assert!(ended.said.contains(said), "{put}: {ended:?}");
        assert_eq!(refusing.packages("place"), OLD, "{put}");
        refusing.recovers();
    }
}
