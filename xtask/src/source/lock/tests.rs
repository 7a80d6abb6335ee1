use super::*;

fn key(package: &str, policy: Policy) -> Key {
    Key {
        package: package.into(),
        suite: "bookworm".into(),
        arch: None,
        policy,
    }
}

fn entry(version: &str, day: &str) -> Entry {
    let path = format!("pool/main/a/a_{version}.dsc");
    Entry {
        version: version.into(),
        recorded: day.into(),
        files: vec![LockedFile::checked(&path, 3, Digest::of(version)).unwrap()],
    }
}

fn of<const N: usize>(sources: [(Key, Entry); N]) -> Lock {
    Lock {
        sources: sources.into(),
        ..Lock::default()
    }
}

fn parse(text: &str) -> Result<Lock> {
    Lock::parse(text, Path::new("recipes/sources.lock"))
}

#[test]
fn what_is_written_is_read_back() {
    let binary = Key {
        arch: Some("amd64".into()),
        ..key("g++", Policy::Pin)
    };
    let entries = [
        (
            key("aa", Policy::Follow),
            entry("1:2~rc1-3+b1", "2026-01-31"),
        ),
        (binary, entry("2", "2026-02-01")),
    ];
    let lock = of(entries);
    assert_eq!(parse(&lock.text()).unwrap(), lock);
    assert_eq!(parse("").unwrap(), Lock::default());
}

#[test]
fn mistakes_are_shown_where_they_are() {
    let good = of([(key("aa", Policy::Pin), entry("1", "2026-01-31"))]).text();
    let conflict = format!("<<<<<<< ours\n{good}");
    let mistakes = [
        good.replace("policy", "polizy"),
        good.replace("pool/main", "../../etc"),
        good.replace("\"1\"", "\"1; rm\""),
        good.replace("\"aa\"", "\"--help\""),
        good.replace("size = 3", "size = -3"),
        format!("{good}{good}"),
        good.replace("2026-01-31", "yesterday"),
        conflict,
    ];
    for text in mistakes {
        let failure = parse(&text).unwrap_err();
        assert_eq!(failure.kind, Kind::Recipe, "{text}");
        assert!(!failure.diagnostics[0].message.is_empty());
    }
    let failure = parse("[[source]]\npackage = 1\n").unwrap_err();
    assert_eq!(failure.diagnostics[0].line_column(), (2, 11));
}

#[test]
fn recording_the_same_bytes_again_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sources.lock");
    let record = |entry| {
        Lock::record(
            &path,
            Path::new("l"),
            of([(key("aa", Policy::Follow), entry)]),
        )
        .unwrap()
    };
    record(entry("1", "2026-01-31"));
    let text = fs_err::read_to_string(&path).unwrap();
    fs_err::write(&path, format!("{text}# a person's remark\n")).unwrap();
    record(entry("1", "2027-01-01"));
    assert!(fs_err::read_to_string(&path).unwrap().contains("remark"));
    let lock = record(entry("2", "2027-01-01"));
    assert_eq!(fs_err::read_to_string(&path).unwrap(), lock.text());
}

#[test]
fn concurrent_writers_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sources.lock");
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let path = &path;
            scope.spawn(move || {
                for n in 0..5 {
                    let key = key(&format!("p{writer}-{n}"), Policy::Follow);
                    Lock::record(path, Path::new("l"), of([(key, entry("1", "2026-01-31"))]))
                        .unwrap();
                    // Whoever reads in between sees a whole file.
                    assert!(!Lock::load(path, Path::new("l")).unwrap().sources.is_empty());
                }
            });
        }
    });
    assert_eq!(Lock::load(&path, Path::new("l")).unwrap().sources.len(), 40);
}

#[test]
fn what_a_killed_writer_left_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sources.lock");
    fs_err::write(folder.path().join(".new-x1"), "[[sou").unwrap();
    Lock::record(
        &path,
        Path::new("l"),
        of([(key("aa", Policy::Pin), entry("1", "2026-01-31"))]),
    )
    .unwrap();
    assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn only_debian_packages_have_entries() {
    let folder = Source::Directory { path: "x".into() };
    assert_eq!(Key::of(&folder, "amd64"), None);
}

fn sysroot(packages: &[&str]) -> (sysroot::Key, Solution) {
    let key = sysroot::Key {
        suite: "bookworm".into(),
        arch: "arm64".into(),
        components: vec!["main".into(), "non-free-firmware".into()],
        policy: Policy::Follow,
        packages: packages.iter().map(|&name| name.into()).collect(),
        without: vec!["perl-base".into()],
        recommends: false,
    };
    let package = |&name: &&str| sysroot::Package {
        package: name.into(),
        version: "1:2~rc1-3+b1".into(),
        arch: "all".into(),
        source: "source".into(),
        source_version: "1:2~rc1-3".into(),
        path: format!("pool/main/a/{name}_2%7erc1-3+b1_all.deb"),
        size: 3,
        sha256: Digest::of(name),
    };
    let solution = Solution {
        recorded: "2026-01-31".into(),
        packages: packages.iter().map(package).collect(),
    };
    (key, solution)
}

#[test]
fn sysroots_are_read_back_and_a_package_is_a_line() {
    let lock = Lock {
        sysroots: [sysroot(&["aa", "bb"]), sysroot(&["aa"])].into(),
        ..of([(key("aa", Policy::Pin), entry("1", "2026-01-31"))])
    };
    let text = lock.text();
    assert_eq!(parse(&text).unwrap(), lock);
    let line = |line: &&str| line.starts_with("    { package = \"bb\", ") && line.ends_with(" },");
    assert_eq!(text.lines().filter(line).count(), 1);
}

#[test]
fn mistakes_in_sysroots_are_refused() {
    let good = Lock {
        sysroots: [sysroot(&["aa", "bb"])].into(),
        ..Lock::default()
    };
    let good = good.text();
    for (from, to) in [
        ("pool/main/a/aa", "../../etc/aa"),
        ("_all.deb\"", "_all.exe\""),
        ("\"aa\", version", "\"--help\", version"),
        ("\"aa\", version", "\"bb\", version"),
        ("\"aa\", version", "\"zz\", version"),
        ("arch = \"all\"", "arch = \"amd64\""),
        ("\"1:2~rc1-3\"", "\"; rm\""),
        ("[\"main\"", "[\"main\\nURIs: x\""),
        ("[\"perl-base\"]", "[\"-o\"]"),
        ("recommends = false\n", ""),
        ("without", "with"),
        ("2026-01-31", "yesterday"),
    ] {
        assert!(good.contains(from), "{from}");
        let failure = parse(&good.replacen(from, to, 1)).unwrap_err();
        assert_eq!(failure.kind, Kind::Recipe, "{from} {to}");
    }
    let twice = good[good.find("\n[[").unwrap()..].to_owned();
    assert!(parse(&format!("{good}{twice}")).is_err());
}

#[test]
fn sysroots_that_nobody_wants_any_more_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let (path, name) = (folder.path().join("sources.lock"), Path::new("l"));
    let (kept, other) = (sysroot(&["aa"]), sysroot(&["aa", "bb"]));
    let lock = Lock {
        sysroots: [kept.clone(), other].into(),
        ..of([(key("aa", Policy::Pin), entry("1", "2026-01-31"))])
    };
    Lock::record(&path, name, lock).unwrap();
    let gone = Lock::forget(&path, name, &[kept.0.clone()].into()).unwrap();
    assert_eq!(
        gone.into_keys().collect::<Vec<_>>(),
        [sysroot(&["aa", "bb"]).0]
    );
    let lock = Lock::load(&path, name).unwrap();
    assert_eq!((lock.sources.len(), lock.sysroots.len()), (1, 1));
    assert_eq!(lock.sysroots[&kept.0], kept.1);
    // A pin that is not recorded yet takes over what was followed.
    let pin = kept.0.under(Policy::Pin);
    for wanted in [kept.0.under(Policy::Follow), pin] {
        let gone = Lock::forget(&path, name, &[wanted].into()).unwrap();
        assert!(gone.is_empty(), "{gone:?}");
    }
}
