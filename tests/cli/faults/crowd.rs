//! Many at once: builds of one recipe, checkouts that share a cache, collections and verifications beside builds, an editor.

use std::process::{Child, Output, Stdio};

use super::{build, published, recovers};
use crate::support::{Tiny, fingerprint};

/// A checkout whose kernel and busybox say in a file outside that they are made.
fn counting() -> (Tiny, std::path::PathBuf) {
    let tiny = Tiny::quick();
    let made = tiny.cache().with_file_name("made");
    count(&tiny, &made);
    (tiny, made)
}

fn count(tiny: &Tiny, made: &std::path::Path) {
    for (makefile, target) in [("linux", "\nbzImage:\n"), ("busybox", "\nbusybox:\n")] {
        let counted = format!("{target}\techo {makefile} >> {}\n", made.display());
        tiny.replace(&format!("sources/{makefile}/Makefile"), target, &counted);
    }
}

fn start(tiny: &Tiny, words: &str) -> Child {
    let mut command = tiny.command(words.split(' '));
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn well(child: Child) -> Output {
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    output
}

#[test]
fn a_crowd_makes_each_step_once() {
    for crowd in [2, 8, 16] {
        let (tiny, made) = counting();
        let builds: Vec<Child> = (0..crowd).map(|_| start(&tiny, "build tiny")).collect();
        builds.into_iter().for_each(|build| drop(well(build)));
        let mut lines: Vec<String> = fs_err::read_to_string(&made)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect();
        lines.sort();
        assert_eq!(lines, ["busybox", "linux"], "{crowd} at once");
        let alone = Tiny::quick();
        count(&alone, &made);
        assert_eq!(build(&tiny), build(&alone));
    }
}

#[test]
fn checkouts_that_share_a_cache_share_the_work() {
    let (one, made) = counting();
    let other = one.neighbour();
    count(&other, &made);
    let builds: Vec<Child> = (0..8)
        .map(|number| start(if number % 2 == 0 { &one } else { &other }, "build tiny"))
        .collect();
    builds.into_iter().for_each(|build| drop(well(build)));
    assert_eq!(fs_err::read_to_string(made).unwrap().lines().count(), 2);
    assert_eq!(build(&one), build(&other));
    assert_eq!(one.json("store stat")["results"], 9);
    assert!(one.ok("store verify").contains("all whole"));
}

#[test]
fn looking_after_the_store_beside_builds_disturbs_none() {
    for round in 0..6 {
        let tiny = Tiny::quick();
        let other = tiny.neighbour();
        // Another kernel, with the same modules: none.
        other.write("kernel-configs/net.config", "CONFIG_NET=y\n");
        let mut builds = [start(&tiny, "build tiny"), start(&other, "build tiny")];
        let running = |builds: &mut [Child]| {
            builds
                .iter_mut()
                .any(|build| build.try_wait().unwrap().is_none())
        };
        while running(&mut builds) {
            tiny.ok(["store gc", "store verify"][round % 2]);
        }
        builds.into_iter().for_each(|build| drop(well(build)));
        recovers(&tiny);
        build(&other);
    }
}

/// An edit while the kernel is built: what is edited, and how.
const EDITS: &[(&str, &str, &str)] = &[
    ("overlays/base/etc/inittab", "/bin/true", "/bin/false"),
    (
        "overlays/base/sbin/image-info.hbs",
        "{{name}} ",
        "{{name}}: ",
    ),
    ("sources/linux/Makefile", "echo 'kernel ", "echo 'KERNEL "),
    ("kernel-configs/net.config", "# Networking.", "# Network."),
    ("debian/changelog", "12:00:00", "13:00:00"),
    ("recipes/tiny.toml", "quiet", "verbose"),
];

#[test]
fn an_edit_during_the_build_is_never_half_in_the_bundle() {
    for (path, old, new) in EDITS {
        let tiny = Tiny::quick();
        let gate = tiny.cache().with_file_name("gate");
        let wait = format!("while test -e {};", gate.display());
        tiny.replace("sources/linux/Makefile", "while test -e wait;", &wait);
        let clean = |edited: bool| {
            let clean = Tiny::quick();
            clean.replace("sources/linux/Makefile", "while test -e wait;", &wait);
            if edited {
                clean.replace(path, old, new);
            }
            build(&clean)
        };
        let before = clean(false);
        fs_err::write(&gate, "").unwrap();
        let building = start(&tiny, "build tiny");
        let work = tiny.cache().join("store/v1/work");
        let begun = || {
            let mut paths = walkdir::WalkDir::new(&work).into_iter().flatten();
            paths.any(|entry| entry.path().ends_with("arch/x86/boot"))
        };
        while !begun() {
            std::thread::yield_now();
        }
        tiny.replace(path, old, new);
        fs_err::remove_file(&gate).unwrap();
        let output = building.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.success() {
            published(&tiny);
            assert_eq!(
                fingerprint(&tiny.path("out/tiny/current/")),
                before,
                "{path}"
            );
        } else {
            assert_eq!(output.status.code(), Some(10), "{said}");
            assert!(
                said.contains("changed while it was being built from"),
                "{said}"
            );
            assert!(published(&tiny).is_empty());
        }
        assert_eq!(build(&tiny), clean(true), "{path}");
        assert_ne!(before, clean(true), "{path}");
    }
}
