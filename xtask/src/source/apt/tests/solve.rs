//! apt's own solver on a tiny archive: from what a recipe asks for to what the lock says.

use super::archive::{Archive, SUITE};
use super::{fetcher, never, suites};
use crate::event::Deaf;
use crate::failure::{Failure, Kind, Result};
use crate::source::fetch::Missed;
use crate::source::lock::Lock;
use crate::source::refresh::{Look, Moved, Wanted};
use crate::source::resolve::recorded_sysroot;
use crate::source::spec::Policy;
use crate::source::sysroot::{Key, Package};
use std::time::Duration;

/// `tool` needs `lib` and either `any` or `virtual`, and recommends `docs`.
const PACKAGES: [&str; 8] = [
    "Package: tool\nVersion: 1:1.0+b1\nArchitecture: amd64\nSource: tools (1:1.0)\nDepends: lib (>= 2), one-of | virtual\nRecommends: docs",
    "Package: lib\nVersion: 2.1\nArchitecture: amd64\nDepends: data",
    "Package: lib\nVersion: 2.0\nArchitecture: amd64",
    "Package: data\nVersion: 1_2\nArchitecture: all\nMulti-Arch: foreign",
    "Package: provider\nVersion: 1\nArchitecture: amd64\nProvides: virtual",
    "Package: docs\nVersion: 1\nArchitecture: all",
    "Package: broken\nVersion: 1\nArchitecture: amd64\nDepends: lib (>= 3), nowhere",
    "Package: firmware\nVersion: 1\nArchitecture: all\nSection: extra/firmware",
];

fn key(packages: &[&str], without: &[&str]) -> Key {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let key = Key {
        suite: SUITE.to_owned(),
        arch: "amd64".to_owned(),
        components: owned(&["main"]),
        policy: Policy::Follow,
        packages: owned(packages),
        without: owned(without),
        recommends: false,
    };
    key.sorted()
}

fn archive() -> Archive {
    let packages = PACKAGES.map(|fields| fields.replace("1_2", "1.2"));
    Archive::with(&packages.each_ref().map(String::as_str))
}

fn solve(archive: &Archive, key: &Key) -> Result<Vec<Package>> {
    let root = archive.debian(&[]).root(&key.suite, &key.components)?;
    root.update(never)?;
    root.solve(key)
}

/// The names of the packages that these need.
fn names(archive: &Archive, key: &Key) -> Vec<String> {
    let packages = solve(archive, key).unwrap();
    packages
        .into_iter()
        .map(|package| package.package)
        .collect()
}

#[test]
fn what_is_asked_for_comes_with_all_that_it_depends_on_and_nothing_else() {
    let archive = archive();
    let packages = solve(&archive, &key(&["tool"], &[])).unwrap();
    let told: Vec<String> = packages
        .iter()
        .map(|it| {
            format!(
                "{} {} {} ({} {})",
                it.package, it.version, it.arch, it.source, it.source_version
            )
        })
        .collect();
    let expected = [
        "data 1.2 all (data 1.2)",
        "lib 2.1 amd64 (lib 2.1)",
        "provider 1 amd64 (provider 1)",
        "tool 1:1.0+b1 amd64 (tools 1:1.0)",
    ];
    assert_eq!(told, expected);
    let recommends = Key {
        recommends: true,
        ..key(&["tool"], &[])
    };
    assert_eq!(
        names(&archive, &recommends),
        ["data", "docs", "lib", "provider", "tool"]
    );
}

#[test]
fn what_is_done_without_is_left_out_with_what_it_depends_on() {
    let archive = archive();
    assert_eq!(
        names(&archive, &key(&["tool"], &["lib"])),
        ["provider", "tool"]
    );
    // It stands for what it provides, too.
    assert_eq!(
        names(&archive, &key(&["tool"], &["provider", "lib"])),
        ["tool"]
    );
    // And is not remembered for the next question.
    assert_eq!(names(&archive, &key(&["lib"], &[])), ["data", "lib"]);
    let failure = solve(&archive, &key(&["tool"], &["nowhere"])).unwrap_err();
    assert!(failure.what.contains("no package nowhere"), "{failure}");
}

fn said(failure: &Failure) -> String {
    format!("{failure}\n{}", failure.notes.join("\n"))
}

#[test]
fn a_set_that_cannot_be_is_explained_in_apts_words() {
    let archive = archive();
    let failure = solve(&archive, &key(&["broken", "tool"], &[])).unwrap_err();
    assert_eq!(failure.kind, Kind::Source);
    for words in [
        "broken : Depends: lib (>= 3)",
        "Depends: nowhere but it is not installable",
    ] {
        assert!(said(&failure).contains(words), "{}", said(&failure));
    }
    assert!(failure.hint.is_some());
    let failure = solve(&archive, &key(&["tool", "nosuch"], &[])).unwrap_err();
    assert!(
        said(&failure).contains("Unable to locate package nosuch"),
        "{}",
        said(&failure)
    );
    let failure = solve(&archive, &key(&["tooll"], &[])).unwrap_err();
    assert_eq!(
        failure.notes,
        ["Unable to locate package tooll; did you mean `tool`?"]
    );
}

#[test]
fn components_are_part_of_what_a_root_is() {
    let archive = archive();
    assert!(solve(&archive, &key(&["firmware"], &[])).is_err());
    let mut more = key(&["firmware"], &[]);
    more.components.push("extra".to_owned());
    assert_eq!(names(&archive, &more.clone().sorted()), ["firmware"]);
    let debian = archive.debian(&[]);
    let root = debian.root(SUITE, &["main".to_owned()]).unwrap();
    assert!(root.looked().is_some() && root.binary("firmware").is_err());
    more.components.push("main\nURIs: x".to_owned());
    assert_eq!(solve(&archive, &more).unwrap_err().kind, Kind::Recipe);
}

fn told(moved: &[Moved]) -> Vec<String> {
    let version = |version: &Option<String>| version.clone().unwrap_or_default();
    let told = |it: &Moved| format!("{}: {} -> {}", it.what, version(&it.from), version(&it.to));
    moved.iter().map(told).collect()
}

#[test]
fn a_sysroot_is_followed_pinned_fetched_and_moved_package_by_package() {
    let archive = archive();
    let (debian, folder) = (archive.debian(&[]), tempfile::tempdir().unwrap());
    let path = folder.path().join("sources.lock");
    let suites = suites(&debian, &path, &Deaf);
    let follow = key(&["tool"], &[]);
    let pin = follow.under(Policy::Pin);
    let item = |key: &Key| [Wanted::Sysroot(key.clone())].into();
    let hour = Look::After(Duration::from_secs(3600));

    let failure = suites.refresh(&item(&pin), hour).unwrap_err();
    assert!(
        failure
            .what
            .contains("the recipe pins the sysroot of test-suite for amd64"),
        "{failure}"
    );
    let (lock, moved) = suites.refresh(&item(&follow), hour).unwrap();
    assert_eq!(
        told(&moved),
        ["the sysroot of test-suite for amd64:  -> 4 packages"]
    );
    for (package, file) in recorded_sysroot(&follow, &lock).unwrap() {
        let to = folder.path().join(&file.name);
        fetcher(&debian, folder.path())
            .fetch(&file, &to)
            .map_err(Missed::into_failure)
            .unwrap();
        let control = crate::archive::control(&to).unwrap();
        assert!(
            control.starts_with(&format!("Package: {}\n", package.package)),
            "{control}"
        );
    }
    // A pin that was never recorded takes over what was followed; until then it reads it.
    assert_eq!(recorded_sysroot(&pin, &lock).unwrap().len(), 4);
    suites.refresh(&item(&pin), hour).unwrap();

    archive.add("Package: tool\nVersion: 1:2.0\nArchitecture: amd64\nDepends: lib, extras");
    archive.add("Package: extras\nVersion: 1\nArchitecture: all");
    archive.sign("");
    let both = [
        Wanted::Sysroot(follow.clone()),
        Wanted::Sysroot(pin.clone()),
    ]
    .into();
    assert_eq!(suites.refresh(&both, hour).unwrap().1, [], "fresh enough");
    let (lock, moved) = suites.refresh(&both, Look::After(Duration::ZERO)).unwrap();
    assert_eq!(
        told(&moved),
        [
            "extras in the sysroot of test-suite for amd64:  -> 1",
            "provider in the sysroot of test-suite for amd64: 1 -> ",
            "tool in the sysroot of test-suite for amd64: 1:1.0+b1 -> 1:2.0",
        ]
    );
    let version = |key: &Key| {
        recorded_sysroot(key, &lock)
            .unwrap()
            .pop()
            .unwrap()
            .0
            .version
    };
    assert_eq!(
        (version(&follow), version(&pin)),
        ("1:2.0".to_owned(), "1:1.0+b1".to_owned())
    );
    let (lock, _) = suites.refresh(&both, Look::Now).unwrap();
    assert_eq!(
        lock.sysroots[&pin].packages,
        lock.sysroots[&follow].packages
    );
    assert_eq!(Lock::load(&path, &path).unwrap(), lock);
}
