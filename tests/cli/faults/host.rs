//! A host that refuses: folders that cannot be written, something else where a folder should be, full disks, limits.

use std::process::Command;

use super::{EXPECTED, documented, published, recovers};
use crate::support::{Tiny, fingerprint};

/// A shell script in namespaces of its own, in which it may mount; `$xtask` is the program under test.
fn apart(tiny: &Tiny, script: &str) -> Command {
    let apart = ["--user", "--map-root-user", "--mount", "sh", "-c", script];
    let mut command = tiny.other("unshare", apart);
    command
        .env("xtask", env!("CARGO_BIN_EXE_xtask"))
        .env("cache", tiny.cache());
    command
}

/// What is in the way: how it gets there, which exit code it has, what is said of it, and how it is taken away.
const IN_THE_WAY: &[(&str, i32, &str, &str)] = &[
    (
        "mount --bind $cache $cache && mount -o remount,ro,bind $cache",
        10,
        "Read-only file system",
        "",
    ),
    (
        "mount --bind . . && mount -o remount,ro,bind . && cd $PWD",
        10,
        "Read-only file system",
        "",
    ),
    ("rmdir $cache; > $cache", 10, "[ROOT]/cache", "rm $cache"),
    (
        "> $cache/store",
        10,
        "[ROOT]/cache/store",
        "rm $cache/store",
    ),
    (
        "ln -s gone $cache/store",
        10,
        "[ROOT]/cache/store",
        "rm $cache/store",
    ),
    ("> out", 10, "[ROOT]/checkout/out", "rm out"),
    ("ln -s gone out", 10, "[ROOT]/checkout/out", "rm out"),
    (
        "mkdir out; > out/tiny",
        10,
        "[ROOT]/checkout/out/tiny",
        "rm out/tiny",
    ),
    (
        "mkdir -p out/tiny/current/full",
        10,
        "out/tiny/current",
        "rm -r out/tiny/current",
    ),
];

#[test]
fn what_is_in_the_way_is_named_and_nothing_else_is_needed_than_taking_it_away() {
    for (put, code, said, take) in IN_THE_WAY {
        let tiny = Tiny::quick();
        fs_err::create_dir(tiny.cache()).unwrap();
        let ran = tiny.finish(&mut apart(&tiny, &format!("{put} && $xtask build tiny")));
        assert_eq!(ran.code, Some(*code), "{put}: {ran:#?}");
        assert!(ran.stderr.contains(said), "{put}: {ran:#?}");
        published(&tiny);
        let ran = tiny.finish(&mut apart(&tiny, take));
        assert_eq!(ran.code, Some(0), "{take}: {ran:#?}");
        recovers(&tiny);
    }
}

/// What stands in the place of a bundle, and is replaced by it.
const IN_ITS_PLACE: &[&str] = &[
    "mkdir -p out/tiny; > out/tiny/2.0-1",
    "mkdir -p out/tiny; ln -s /nonexistent out/tiny/2.0-1",
    "mkdir -p out/tiny; ln -s ../../recipes out/tiny/2.0-1",
    "mkdir -p out/tiny/2.0-1; mkfifo out/tiny/2.0-1/manifest.json",
    "mkdir -p out/tiny/2.0-1; ln -s /etc/passwd out/tiny/2.0-1/SHA256SUMS",
    "mkdir -p out/tiny; > out/tiny/current",
    "mkdir -p out/tiny; ln -s ../../.. out/tiny/current",
    "mkdir -p out/tiny; ln -s current out/tiny/current",
    "mkdir -p out/tiny/.new-2.0-1; ln -s /etc/passwd out/tiny/.new-2.0-1/SHA256SUMS",
];

#[test]
fn what_is_in_the_place_of_a_bundle_is_replaced() {
    for put in IN_ITS_PLACE {
        let tiny = Tiny::quick();
        let passwd = fs_err::read("/etc/passwd").unwrap();
        let ran = tiny.finish(&mut apart(&tiny, put));
        assert_eq!(ran.code, Some(0), "{put}: {ran:#?}");
        recovers(&tiny);
        assert!(tiny.path("recipes/tiny.toml").is_file(), "{put}");
        assert_eq!(fs_err::read("/etc/passwd").unwrap(), passwd, "{put}");
    }
}

/// Builds where a file system is too small, and again when it has room; both must leave what is right.
const SMALL: &str = r#"
mkdir -p $place && mount -t tmpfs -o $limit none $place || exit 90
$xtask build tiny 2> $report
code=$?
for bundle in out/tiny/[0-9]*; do
    test ! -e $bundle || (cd $bundle && sha256sum --check --quiet SHA256SUMS) || exit 91
done
mount -o remount,size=0,nr_inodes=0 $place || exit 92
$xtask build tiny >&2 || exit 93
$xtask store verify >&2 || exit 94
(cd out/tiny/current/ && sha256sum --check --quiet SHA256SUMS && sha256sum SHA256SUMS) || exit 95
exit $code
"#;

fn too_small(place: &str) {
    let sizes = [1, 2, 5, 8, 16, 24, 48, 96, 192];
    let bytes = sizes.map(|pages| format!("size={}k", pages * 4));
    let inodes = sizes.map(|inodes| format!("size=0,nr_inodes={}", inodes + 1));
    let sums = EXPECTED.iter().find(|file| file.0.ends_with("SHA256SUMS"));
    let limits: Vec<String> = bytes.into_iter().chain(inodes).collect();
    let mut full = 0;
    for limit in &limits {
        let tiny = Tiny::quick();
        let report = tiny.cache().with_file_name("report");
        let mut command = apart(&tiny, SMALL);
        command.env("limit", limit).env("report", &report);
        command.env("place", tiny.cache().with_file_name(place));
        let mut ran = tiny.finish(&mut command);
        ran.stderr += &fs_err::read_to_string(&report).unwrap_or_default();
        assert!([Some(0), Some(9)].contains(&ran.code), "{limit}: {ran:#?}");
        documented(&ran, limit);
        let said = ran.stderr.contains("No space left on device");
        assert_eq!(said, ran.code == Some(9), "{limit}: {ran:#?}");
        full += i32::from(said);
        let sum = ran.stdout.lines().last().unwrap_or_default();
        assert!(sum.starts_with(&sums.unwrap().1), "{limit}: {ran:#?}");
    }
    assert!(full > 3, "no file system was too small");
}

#[test]
fn a_full_cache_loses_nothing() {
    too_small("cache");
}

#[test]
fn a_full_disk_under_what_is_published_loses_nothing() {
    too_small("checkout/out");
}

/// Limits of setrlimit(2) that are too small.
const LIMITS: &[&str] = &[
    "--nofile=4",
    "--nofile=8",
    "--nofile=12",
    "--nofile=16",
    "--nofile=20",
    "--nofile=24",
    "--nofile=28",
    "--nofile=36",
    "--fsize=1",
    "--fsize=300",
    "--fsize=1500",
    "--fsize=6000",
];

#[test]
fn a_limit_that_is_too_small_is_named_and_loses_nothing() {
    for limit in LIMITS {
        let tiny = Tiny::quick();
        let args = [
            limit,
            "--core=0",
            env!("CARGO_BIN_EXE_xtask"),
            "build",
            "tiny",
        ];
        let ran = tiny.finish(&mut tiny.other("prlimit", args));
        documented(&ran, limit);
        if !published(&tiny).is_empty() {
            let bundle = fingerprint(&tiny.path("out/tiny/2.0-1"));
            assert_eq!(bundle, *EXPECTED, "{limit}");
        }
        recovers(&tiny);
    }
}
