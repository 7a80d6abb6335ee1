//! What archives may do, and what they may not: the hostile ones among them are written byte by byte.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use proptest::prelude::*;

use super::samples::{self, Tar};
use super::{Limits, Options, Unpacked, unpack_tar};
use crate::failure::{Failure, Kind, Result};

fn options() -> Options<'static> {
    Options::new("test.tar")
}

fn unpack(tar: &[u8], options: &Options) -> Result<(tempfile::TempDir, Unpacked)> {
    let around = tempfile::tempdir().unwrap();
    let done = unpack_tar(tar, &around.path().join("inside"), options);
    // Whatever happened, nothing came to lie outside.
    assert_eq!(fs::read_dir(around.path()).unwrap().count(), 1);
    done.map(|done| (around, done))
}

fn refused(tar: &[u8]) -> Failure {
    let failure = unpack(tar, &options()).expect_err("it has to be refused");
    assert_eq!(failure.kind, Kind::Source, "{failure}");
    assert!(failure.what.contains("test.tar"), "{failure}");
    failure
}

fn decent() -> Tar {
    Tar::default()
        .directory("top/")
        .file("top/run", "#!/bin/sh\n")
        .raw(b"top/deep/plain", b'0', b"", &samples::text(5000))
        .symlink("top/deep/link", "../run")
        .hard_link("top/same", "top/run")
}

#[test]
fn a_decent_archive_is_unpacked() {
    let mtime = Some(1_700_000_000);
    let options = Options {
        mtime,
        strip_components: 1,
        ..options()
    };
    for tar in [
        vec![decent().end()],
        samples::compressed(&decent().end()).into(),
    ]
    .concat()
    {
        let (around, done) = unpack(&tar, &options).unwrap();
        let inside = around.path().join("inside");
        assert_eq!(
            done,
            Unpacked {
                files: 4,
                bytes: 5010
            }
        );
        assert_eq!(fs::read(inside.join("same")).unwrap(), b"#!/bin/sh\n");
        assert_eq!(
            fs::read(inside.join("deep/plain")).unwrap(),
            samples::text(5000)
        );
        assert_eq!(
            fs::read_link(inside.join("deep/link")).unwrap(),
            Path::new("../run")
        );
        for path in ["run", "deep", "deep/plain", "deep/link", ""] {
            let meta = fs::symlink_metadata(inside.join(path)).unwrap();
            assert_eq!(meta.mtime(), 1_700_000_000, "{path}");
        }
    }
}

#[test]
fn modes_are_normalised_and_setuid_is_dropped() {
    let (around, _) = unpack(&decent().end(), &options()).unwrap();
    for path in ["top", "top/run", "top/deep"] {
        let meta = fs::metadata(around.path().join("inside").join(path)).unwrap();
        assert_eq!(meta.permissions().mode() & 0o7777, 0o755, "{path}");
    }
}

#[test]
fn a_filter_leaves_out_what_is_not_wanted() {
    let keep = |path: &Path| path.starts_with("top/deep");
    let options = Options {
        keep: Some(&keep),
        ..options()
    };
    let (around, done) =
        unpack(&decent().end(), &options).unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(done.files, 2);
    assert!(!around.path().join("inside/top/run").exists());
}

#[test]
fn whatever_leaves_the_folder_is_refused() {
    let tar = Tar::default;
    for (tar, reason) in [
        (tar().file("../out", "x"), "`..`"),
        (tar().file("a/../../out", "x"), "`..`"),
        (tar().file("/out", "x"), "absolute"),
        (tar().directory("../out"), "`..`"),
        (tar().symlink("a", "../out"), "leaves"),
        (tar().symlink("a", "/etc/passwd"), "absolute"),
        (tar().symlink("a", ""), "target"),
        (
            tar().symlink("b/up", "..").symlink("a", "b/up/../x"),
            "through another link",
        ),
        (
            tar().symlink("a", "b/up/../x").symlink("b/up", ".."),
            "through another link",
        ),
        (
            tar().symlink("d", "e").file("d/f", "x"),
            "through a symbolic link",
        ),
        (
            tar().directory("e").symlink("d", "e").directory("d"),
            "second time",
        ),
        (
            tar().directory("e").symlink("d", "e").symlink("d/f", "x"),
            "through a symbolic link",
        ),
        (tar().hard_link("a", "/etc/passwd"), "leaves"),
        (tar().hard_link("a", "../out"), "leaves"),
        (tar().hard_link("a", "b").file("b", "x"), "before it"),
        (tar().symlink("b", "c").hard_link("a", "b"), "before it"),
        (tar().raw(b"a", b'3', b"", b""), "device"),
        (tar().raw(b"a", b'4', b"", b""), "device"),
        (tar().raw(b"a", b'6', b"", b""), "pipe"),
        (tar().raw(b"a", b'z', b"", b""), "neither"),
        (tar().raw(b"a", b'2', b"b", b"contents"), "contents"),
        (tar().file("a", "x").file("a", "y"), "second time"),
        (tar().file("a", "x").file("./a", "y"), "second time"),
        (tar().file("a", "x").directory("a"), "second time"),
        (tar().file("a", "x").file("a/b", "y"), "below a file"),
        (tar().directory("a").file("a", "y"), "second time"),
        (tar().file("", "x"), "no name"),
        (
            tar()
                .raw(b"././@LongLink", b'L', b"", b"a\0../../b\0")
                .file("a", ""),
            "NUL",
        ),
        (
            tar()
                .raw(b"x", b'x', b"", b"19 path=../outside\n")
                .file("a", ""),
            "`..`",
        ),
        (
            tar().raw(b"x", b'x', b"", b"99 path=b\n").file("a", ""),
            "extended header",
        ),
        (
            tar()
                .raw(b"x", b'x', b"", b"22 GNU.sparse.major=1\n")
                .file("a", ""),
            "extended header",
        ),
        (
            tar().raw(b"g", b'g', b"", b"9 path=b\n").file("a", ""),
            "global header",
        ),
    ] {
        let failure = refused(&tar.end());
        assert!(failure.what.contains(reason), "{failure}, not {reason}");
    }
}

#[test]
fn names_too_long_for_a_file_system_are_the_archive_s_fault() {
    let name = "n".repeat(300);
    let tar = Tar::default().raw(b"././@LongLink", b'L', b"", name.as_bytes());
    let failure = refused(&tar.file("a", "").end());
    assert!(failure.what.contains("too long a name"), "{failure}");
}

#[test]
fn packages_may_hold_absolute_links_and_directories_twice() {
    let options = Options {
        absolute_links: true,
        ..options()
    };
    let tar = Tar::default()
        .directory("./")
        .directory("./etc/")
        .directory("./etc/")
        .symlink("./etc/x", "/usr/x")
        .raw(b"g", b'g', b"", b"13 comment=x\n");
    let (around, _) = unpack(&tar.end(), &options).unwrap();
    let link = fs::read_link(around.path().join("inside/etc/x")).unwrap();
    assert_eq!(link, Path::new("/usr/x"));
}

#[test]
fn an_archive_cut_anywhere_is_refused() {
    let whole = decent().end();
    for length in (0..whole.len()).step_by(128).chain([whole.len() - 1]) {
        let failure = refused(&whole[..length]);
        assert!(
            failure.what.contains("cut short") || failure.what.contains("damaged"),
            "{failure}"
        );
    }
}

#[test]
fn zeros_may_follow_the_end_mark_but_nothing_else() {
    let mut tar = decent().end();
    tar.resize(10240, 0);
    unpack(&tar, &options()).unwrap();
    tar.push(1);
    assert!(refused(&tar).to_string().contains("follows its end mark"));
}

#[test]
fn bombs_end_at_the_limits() {
    let bytes = 100_000;
    let limits = Limits {
        bytes,
        entries: 100,
    };
    let options = Options {
        limits,
        ..options()
    };
    let large = Tar::default().raw(b"a", b'0', b"", &vec![0; 1 << 20]).end();
    let name = Tar::default().raw(b"././@LongLink", b'L', b"", &vec![b'n'; 1 << 20]);
    let many = (0..101).fold(Tar::default(), |tar, n| tar.directory(&format!("d{n}")));
    for bomb in [large, name.file("a", "").end(), many.end()] {
        let [packed, ..] = samples::compressed(&bomb);
        let failure = unpack(&packed, &options).unwrap_err();
        assert_eq!(failure.kind, Kind::Source);
        assert!(failure.to_string().contains("than the"), "{failure}");
    }
}

#[test]
fn headers_do_not_fill_the_memory() {
    let name = vec![b'n'; 2 << 20];
    let tar = Tar::default().raw(b"././@LongLink", b'L', b"", &name);
    let failure = refused(&tar.file("a", "").end());
    assert!(failure.to_string().contains("headers"), "{failure}");
}

proptest! {
    #[test]
    fn random_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
        refused(&bytes);
    }

    #[test]
    fn damage_anywhere_does_no_harm(at in 0usize..9000, bit in 0u8..8, cut in 0usize..9000) {
        let mut tar = decent().end();
        let length = tar.len();
        tar[at % length] ^= 1 << bit;
        tar.truncate(length - cut % length / 8);
        // It may pass (a bit of a file's contents flipped), but it must not get out or panic.
        let _done = unpack(&tar, &options());
    }

    #[test]
    fn random_members_stay_inside(members in prop::collection::vec(
        ("[./ab]{1,6}", prop::sample::select(b"0125".to_vec()), "[./ab]{0,6}"), 1..8
    )) {
        let tar = members.iter().fold(Tar::default(), |tar, (name, kind, link)| {
            tar.raw(name.as_bytes(), *kind, link.as_bytes(), b"")
        });
        if let Ok((around, _)) = unpack(&tar.end(), &options()) {
            let inside = around.path().join("inside");
            for entry in walkdir::WalkDir::new(&inside) {
                let path = entry.unwrap().into_path();
                if let Ok(real) = path.canonicalize() {
                    prop_assert!(real.starts_with(&inside), "{path:?} leads to {real:?}");
                }
            }
        }
    }
}
