//! The real apt on a tiny archive.

mod archive;
mod solve;

use super::*;
use crate::event::{Deaf, Event, Listen};
use crate::source::fetch::{Fetcher, Limits, Missed};
use crate::source::lock::Lock;
use crate::source::refresh::{Look, Suites, Wanted};
use crate::source::resolve::recorded;
use crate::source::spec::{Policy, Source, main_component};
use archive::{Archive, SUITE};
use std::collections::BTreeSet;
use std::sync::Mutex;

fn never(_: SystemTime) -> bool {
    false
}

/// The archive is refused, and the failure says so in these words.
fn refused(archive: &Archive, words: &str) {
    let root = archive.debian(&[]).root(SUITE, &main_component()).unwrap();
    let failure = root.update(never).unwrap_err();
    assert_eq!(failure.kind, Kind::Source);
    let text = format!("{failure} {}", failure.hint.as_deref().unwrap_or(""));
    assert!(text.contains(words), "{text}");
    assert_eq!(root.looked(), None);
    assert!(root.binary("two").is_err(), "nothing of it may be used");
}

#[test]
fn the_newest_versions_of_a_signed_archive() {
    let archive = Archive::signed();
    let root = archive.debian(&[]).root(SUITE, &main_component()).unwrap();
    root.update(never).unwrap();
    assert_eq!(root.binary("two").unwrap().version.to_string(), "1.10");
    let source = root.source("one").unwrap();
    assert_eq!(source.files[0].path, "pool/one_1.0-1.dsc");
    for (package, answer) in [
        ("nosuch", root.binary("nosuch")),
        ("two", root.source("two")),
    ] {
        let failure = answer.unwrap_err();
        assert!(failure.what.contains(package), "{failure}");
    }
}

#[test]
fn an_archive_that_nobody_signed_is_refused() {
    let archive = Archive::new();
    archive.release("");
    refused(&archive, "did not sign");
}

#[test]
fn an_archive_that_somebody_else_signed_is_refused() {
    let (archive, other) = (Archive::signed(), Archive::signed());
    fs_err::copy(other.keyring(), archive.keyring()).unwrap();
    refused(&archive, "did not sign");
}

#[test]
fn an_archive_that_was_changed_after_signing_is_refused() {
    let archive = Archive::signed();
    archive.alter(
        &format!("dists/{SUITE}/InRelease"),
        "Origin: Test",
        "Origin: Fest",
    );
    refused(&archive, "did not sign");
}

#[test]
fn an_index_that_was_changed_after_signing_is_refused() {
    let archive = Archive::signed();
    archive.alter(
        &format!("dists/{SUITE}/main/binary-amd64/Packages"),
        "1.10",
        "1.11",
    );
    refused(&archive, "try again");
}

#[test]
fn an_archive_that_stands_still_is_refused() {
    let archive = Archive::new();
    archive.sign("Valid-Until: Tue, 02 Jan 2024 00:00:00 UTC\n");
    refused(&archive, "clock");
}

#[test]
fn an_archive_from_the_future_is_refused() {
    let archive = Archive::new();
    archive.release("");
    archive.alter(&format!("dists/{SUITE}/Release"), "2024", "2124");
    archive.clearsign();
    refused(&archive, "clock");
}

#[test]
fn the_next_mirror_is_asked_when_the_first_is_of_no_use() {
    let (archive, other) = (Archive::signed(), Archive::new());
    other.release("");
    let root = archive
        .debian(&[Path::new("/nonexistent"), &other.path("")])
        .root(SUITE, &main_component())
        .unwrap();
    root.update(never).unwrap();
    assert!(root.looked().is_some());
    assert_eq!(root.binary("two").unwrap().version.to_string(), "1.10");
}

#[test]
fn two_builds_at_once_look_once() {
    let archive = Archive::signed();
    let debian = archive.debian(&[]);
    let asked = SystemTime::now();
    let looks = Mutex::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let root = debian.root(SUITE, &main_component()).unwrap();
                let enough = |looked: SystemTime| {
                    // A stamp has whole seconds.
                    let fresh = looked + Duration::from_secs(1) >= asked;
                    *looks.lock().unwrap() += usize::from(fresh);
                    fresh
                };
                root.update(enough).unwrap();
            });
        }
    });
    assert_eq!(
        *looks.lock().unwrap(),
        2,
        "the second and third found it done"
    );
}

fn source(policy: Policy) -> Source {
    Source::DebianBinary {
        package: "two".into(),
        suite: SUITE.into(),
        policy,
        member: None,
    }
}

fn wanted(sources: &[Source]) -> BTreeSet<Wanted> {
    Wanted::sources(sources, "amd64")
}

fn suites<'a>(debian: &'a Debian, lock: &'a Path, listen: &'a dyn Listen) -> Suites<'a> {
    Suites {
        debian,
        lock,
        name: Path::new("recipes/sources.lock"),
        listen,
    }
}

#[test]
fn a_suite_is_followed_recorded_fetched_and_pinned() {
    let archive = Archive::signed();
    let (debian, folder) = (archive.debian(&[]), tempfile::tempdir().unwrap());
    let path = folder.path().join("sources.lock");
    let suites = suites(&debian, &path, &Deaf);
    assert_eq!(
        recorded(&source(Policy::Follow), "amd64", &Lock::default()),
        None
    );
    let failure = suites
        .refresh(&wanted(&[source(Policy::Pin)]), Look::After(Duration::MAX))
        .unwrap_err();
    assert!(
        failure
            .hint
            .as_ref()
            .unwrap()
            .contains("cargo xtask update")
    );

    let (lock, moved) = suites
        .refresh(
            &wanted(&[source(Policy::Follow)]),
            Look::After(Duration::MAX),
        )
        .unwrap();
    assert_eq!(
        (moved[0].from.as_deref(), moved[0].to.as_deref()),
        (None, Some("1.10"))
    );
    let resolved = recorded(&source(Policy::Follow), "amd64", &lock).unwrap();
    let fetcher = fetcher(&debian, folder.path());
    fetcher
        .fetch(&resolved.files[0], &folder.path().join("deb"))
        .map_err(Missed::into_failure)
        .unwrap();
    let deb = folder.path().join("deb");
    assert!(!deb.is_symlink());
    assert_eq!(fs_err::read_to_string(deb).unwrap(), "two 1.10");

    // Pinning freezes what was followed.
    let (lock, _) = suites
        .refresh(&wanted(&[source(Policy::Pin)]), Look::After(Duration::MAX))
        .unwrap();
    assert_eq!(lock.sources.len(), 2);
    assert!(recorded(&source(Policy::Pin), "amd64", &lock).is_some());
}

fn fetcher<'a>(debian: &'a Debian, folder: &Path) -> Fetcher<'a> {
    Fetcher {
        partial: folder.join("partial"),
        debian,
        limits: Limits::default(),
        unreachable: Box::leak(Box::default()),
        step: "step",
        listen: &Deaf,
    }
}

#[test]
fn following_moves_on_and_a_pin_that_is_gone_says_so() {
    let archive = Archive::signed();
    let (debian, folder) = (archive.debian(&[]), tempfile::tempdir().unwrap());
    let path = folder.path().join("sources.lock");
    let suites = suites(&debian, &path, &Deaf);
    let both = [source(Policy::Follow), source(Policy::Pin)];
    let both = wanted(&both);
    suites.refresh(&both, Look::Now).unwrap();

    archive.alter(
        &format!("dists/{SUITE}/main/binary-amd64/Packages"),
        "Version: 1.10",
        "Version: 1.08",
    );
    fs_err::remove_file(archive.path("pool/two_1.10_all.deb")).unwrap();
    archive.sign("");
    // Fresh enough: nothing is looked at.
    let (lock, moved) = suites
        .refresh(&both, Look::After(Duration::from_secs(3600)))
        .unwrap();
    assert!(moved.is_empty());
    let fetcher = fetcher(&debian, folder.path());
    let gone = |policy| {
        let file = &recorded(&source(policy), "amd64", &lock).unwrap().files[0];
        match fetcher.fetch(file, &folder.path().join("deb")) {
            Err(Missed::Gone(failure)) => failure,
            other => panic!("{other:?}"),
        }
    };
    let pinned = gone(Policy::Pin);
    assert!(
        pinned.what.contains("is pinned")
            && pinned
                .hint
                .as_ref()
                .unwrap()
                .contains("`cargo xtask update`")
    );
    assert!(
        gone(Policy::Follow)
            .hint
            .as_ref()
            .unwrap()
            .contains("same command again")
    );
    // And so it does: the next run looks, and only what follows moves.
    let (lock, moved) = suites
        .refresh(&both, Look::After(Duration::from_secs(3600)))
        .unwrap();
    assert_eq!(moved.len(), 1);
    assert_eq!(
        recorded(&source(Policy::Follow), "amd64", &lock)
            .unwrap()
            .version
            .unwrap(),
        "1.9"
    );
    assert_eq!(
        recorded(&source(Policy::Pin), "amd64", &lock)
            .unwrap()
            .version
            .unwrap(),
        "1.10"
    );
}

/// Remembers warnings.
#[derive(Default)]
struct Ear(Mutex<Vec<String>>);

impl Listen for Ear {
    fn hear(&self, event: Event) {
        if let Event::Warning(text) = event {
            self.0.lock().unwrap().push(text);
        }
    }
}

#[test]
fn without_a_mirror_what_is_recorded_goes_on_with_one_warning() {
    let archive = Archive::signed();
    let (debian, folder, ear) = (
        archive.debian(&[]),
        tempfile::tempdir().unwrap(),
        Ear::default(),
    );
    let path = folder.path().join("sources.lock");
    let suites = suites(&debian, &path, &ear);
    let source = source(Policy::Follow);
    let wanted = wanted(std::slice::from_ref(&source));
    suites.refresh(&wanted, Look::Now).unwrap();
    fs_err::remove_dir_all(archive.path("dists")).unwrap();
    let (lock, _) = suites
        .refresh(&wanted, Look::After(Duration::ZERO))
        .unwrap();
    assert!(recorded(&source, "amd64", &lock).is_some());
    assert_eq!(ear.0.lock().unwrap().len(), 1);
    assert!(
        suites.refresh(&wanted, Look::Now).is_err(),
        "update has to say that it could not"
    );
}

#[test]
fn a_file_that_was_changed_on_the_mirror_is_refused() {
    let archive = Archive::signed();
    let (debian, folder) = (archive.debian(&[]), tempfile::tempdir().unwrap());
    let path = folder.path().join("sources.lock");
    let source = source(Policy::Follow);
    let (lock, _) = suites(&debian, &path, &Deaf)
        .refresh(&wanted(std::slice::from_ref(&source)), Look::Now)
        .unwrap();
    archive.alter("pool/two_1.10_all.deb", "two", "tw0");
    let file = &recorded(&source, "amd64", &lock).unwrap().files[0];
    let answer = fetcher(&debian, folder.path()).fetch(file, &folder.path().join("deb"));
    let Err(Missed::Failed(failure)) = answer else {
        panic!("{answer:?}")
    };
    assert!(failure.notes[0].contains("Hash Sum mismatch"), "{failure}");
    assert!(!folder.path().join("deb").exists());
}
