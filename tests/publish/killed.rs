//! The program is killed while it publishes: what clients see is what was published or what was to be, whole, and the next publishing needs nobody.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use xtask::repository::client::apt::Client;
use xtask::repository::clock::{Clock, SystemClock};
use xtask::repository::place::directory::Directory;
use xtask::repository::spec::Where;

use crate::clients::complaints;
use crate::support::apt::Apt;
use crate::support::program::{Checkout, kill, run, start};
use crate::support::shop::{At, Shop};
use crate::support::{copy, in_all_or, tell};

const DAY: i64 = 86_400;

/// What clients see before and after.
const OLD: [&str; 2] = ["ale 2 (all)", "bun 1 (all)"];
const NEW: [&str; 3] = ["ale 2 (all)", "bun 2 (all)", "cake 1 (all)"];

/// A repository in which something left the index long ago, and what is to be added.
struct Base {
    shop: Shop,
    debs: Vec<PathBuf>,
    /// The names of all files after nothing went wrong.
    end: Vec<PathBuf>,
    /// How long it takes.
    took: Duration,
}

/// A copy that somebody is killed in.
struct Copy<'a> {
    base: &'a Base,
    folder: TempDir,
}

impl Base {
    fn new() -> Self {
        let mut shop = Shop::new();
        shop.repository.retain = Some(1);
        let clock = At::new(SystemClock.now() - 3 * DAY);
        for (package, version) in [("ale", "1"), ("bun", "1"), ("ale", "2")] {
            shop.try_publish(package, version, &clock).unwrap();
            clock.pass(3600);
        }
        let debs =
            [("bun", "2"), ("cake", "1")].map(|(package, version)| shop.deb(package, version));
        let base = Self {
            shop,
            debs: debs.to_vec(),
            end: Vec::new(),
            took: Duration::ZERO,
        };
        let undisturbed = base.copy();
        let since = Instant::now();
        undisturbed.succeeds();
        let (end, took) = (undisturbed.names(), since.elapsed());
        drop(undisturbed);
        Self { end, took, ..base }
    }

    fn copy(&self) -> Copy<'_> {
        let folder = tempfile::tempdir().unwrap();
        copy(self.shop.path(""), folder.path().join("served"));
        Copy { base: self, folder }
    }
}

impl Copy<'_> {
    fn path(&self) -> PathBuf {
        self.folder.path().join("served")
    }

    fn checkout(&self) -> Checkout<'_> {
        Checkout::new(&self.base.shop, Where::Directory { path: self.path() })
    }

    /// Every file, and folders of unfinished ones.
    fn names(&self) -> Vec<PathBuf> {
        let files = walkdir::WalkDir::new(self.path()).sort_by_file_name();
        let files = files.into_iter().map(Result::unwrap);
        let files = files.filter(|entry| !entry.file_type().is_dir());
        let name = |path: &Path| path.strip_prefix(self.path()).unwrap().to_owned();
        files.map(|entry| name(entry.path())).collect()
    }

    /// What a client finds, who looks at every byte.
    fn packages(&self) -> Vec<String> {
        let (shop, place) = (&self.base.shop, Directory::new(self.path()));
        let publisher = shop.publisher(&place, &shop.signer, &SystemClock);
        publisher.check(true).unwrap();
        publisher.status().unwrap().packages
    }

    /// What apt finds, without a warning.
    fn update(&self) {
        let address = format!("copy:{}", self.path().display());
        let shop = &self.base.shop;
        let client = Client::new(&shop.repository, &shop.public_key, &address, "amd64").unwrap();
        let ran = Apt::Here.run(&client, &["apt-get", "update"]);
        assert!(ran.good && complaints(&ran.said).is_empty(), "{ran:?}");
    }

    /// The next publishing.
    fn succeeds(&self) {
        let ran = run(&mut self
            .checkout()
            .add(&[], &self.base.debs, &["--snapshot", "then"]));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(self.packages(), NEW);
    }

    /// After a kill: all is old or all is new, and the next one ends as if nothing had been. Returns whether it was new.
    fn recovers(&self) -> bool {
        let found = self.packages();
        assert!(found == OLD || found == NEW, "{found:?}");
        self.succeeds();
        assert_eq!(self.names(), self.base.end);
        found == NEW
    }
}

/// Kills it, or a program that it started, as that is about to do its so-manyeth call of these; nothing when it has not that many.
fn kill_at(base: &Base, calls: &str, number: u32) -> Option<bool> {
    let copy = base.copy();
    let inject = format!("inject={calls}:signal=KILL:when={number}");
    let trace = format!("trace={calls}");
    let strace = [
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        &trace,
        "-e",
        &inject,
    ];
    let checkout = copy.checkout();
    let mut command = checkout.add(&strace, &base.debs, &["--snapshot", "then"]);
    if command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap()
        .success()
    {
        return None;
    }
    copy.update();
    Some(copy.recovers())
}

/// Kills it at each of these calls, or at every so-manyeth; returns how many kills there were, and after how many it was published.
fn kill_at_all(base: &Base, calls: &str, step: u32) -> (u32, u32) {
    let (mut kills, mut news) = (0, 0);
    while let Some(new) = kill_at(base, calls, 1 + kills * step) {
        kills += 1;
        news += u32::from(new);
    }
    tell(&format!("{kills} kills at {calls}: new after {news}"));
    (kills, news)
}

#[test]
fn a_kill_at_any_rename_leaves_what_was_or_what_was_to_be() {
    let base = Base::new();
    let (kills, news) = kill_at_all(&base, "rename,renameat,renameat2", 1);
    assert!(kills >= 12 && news > 0 && news < kills, "{kills}, {news}");
}

/// System calls that change something, or begin something; of those that there are many of, every so-manyeth is one to die at.
const CALLS: &[(&str, u32)] = &[
    ("unlink,unlinkat", 1),
    ("fsync,syncfs", 1),
    ("rmdir", 1),
    ("mkdir", 1),
    ("fchmod", 1),
    ("utimensat", 1),
    ("copy_file_range", 1),
    ("flock", 1),
    ("link", 1),
    ("execve", 1),
    ("write", 5),
    ("openat", 20),
];

#[test]
fn a_kill_at_any_other_change_does_no_harm() {
    let base = Base::new();
    for (calls, step) in &CALLS[..in_all_or(CALLS.len() as u32, 2) as usize] {
        let (kills, _) = kill_at_all(&base, calls, step * in_all_or(1, 5));
        assert!(kills > 0, "{calls}");
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the fault is a kill at a moment that nothing announces"
)]
fn a_kill_at_any_moment_does_no_harm() {
    let base = Base::new();
    let (kills, mut news) = (in_all_or(200, 8), 0);
    for number in 0..kills {
        // The golden ratio's multiples, without their whole part, spread over the duration evenly in any order.
        let part = (f64::from(number) * 0.618_034).fract();
        let copy = base.copy();
        let checkout = copy.checkout();
        let child = start(&mut checkout.add(&[], &base.debs, &["--snapshot", "then"]));
        std::thread::sleep(base.took.mul_f64(part));
        kill(child);
        if number % 4 == 0 {
            copy.update();
        }
        news += u32::from(copy.recovers());
    }
    tell(&format!(
        "{kills} kills within {:?}: new after {news}",
        base.took
    ));
}
