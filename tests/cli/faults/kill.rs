//! Kills: at any moment of a build, while a bundle is published, and what a dead owner leaves.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::{EXPECTED, build, published, recovers};
use crate::support::{Tiny, fingerprint};

/// Starts a build as the leader of a process group.
fn start(tiny: &Tiny) -> Child {
    let mut command = tiny.command(["build", "tiny"]);
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    command.process_group(0).spawn().unwrap()
}

fn kill(mut build: Child) {
    // It may have ended by itself.
    kill_process_group(Pid::from_child(&build), Signal::KILL).ok();
    build.wait().unwrap();
}

/// Whether something of this kind is below a folder.
fn leftovers(folder: &Path) -> usize {
    let left = |name: &str| name.starts_with(".new-");
    walkdir::WalkDir::new(folder)
        .into_iter()
        .filter(|entry| {
            let entry = entry.as_ref().unwrap();
            left(&entry.file_name().to_string_lossy())
                || entry.path().parent().is_some_and(|at| at.ends_with("work"))
        })
        .count()
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the fault is a kill at a moment that nothing announces"
)]
fn a_kill_at_any_moment_loses_nothing() {
    const KILLS: u32 = 40;
    let since = Instant::now();
    let _: usize = EXPECTED.len();
    let whole = since.elapsed();
    let one = |number: u32| {
        let tiny = Tiny::quick();
        // The golden ratio's multiples, without their whole part, spread over the duration evenly in any order.
        let part = (f64::from(number) * 0.618_034).fract();
        let build = start(&tiny);
        std::thread::sleep(whole.mul_f64(part).min(Duration::from_secs(1)));
        kill(build);
        published(&tiny);
        recovers(&tiny);
        tiny.ok("store gc");
        assert_eq!(leftovers(&tiny.cache()), 0);
        assert_eq!(leftovers(&tiny.path("out")), 0);
    };
    std::thread::scope(|scope| {
        for first in 0..4 {
            scope.spawn(move || (first..KILLS).step_by(4).for_each(one));
        }
    });
}

#[test]
fn a_kill_while_a_bundle_is_published_leaves_the_former_one() {
    let tiny = Tiny::quick();
    // Long enough to be caught in the act.
    let grow = "\thead -c 30000000 /dev/zero >> $(O)/arch/x86/boot/bzImage\n\nmodules:";
    tiny.replace("sources/linux/Makefile", "\nmodules:", grow);
    build(&tiny);
    let former = fingerprint(&tiny.path("out/tiny/2.0-1"));
    tiny.replace("debian/changelog", "1:2.0-1", "1:2.1-1");
    let unfinished = tiny.path("out/tiny/.new-2.1-1");
    let mut caught = 0;
    for files in 0..6 {
        let mut build = start(&tiny);
        let there = || fs_err::read_dir(&unfinished).map_or(0, Iterator::count);
        while there() <= files && build.try_wait().unwrap().is_none() {}
        kill(build);
        caught += u32::from(unfinished.exists());
        assert!(published(&tiny).contains("2.0-1"));
        assert_eq!(fingerprint(&tiny.path("out/tiny/2.0-1")), former);
        let current = fs_err::read_link(tiny.path("out/tiny/current")).unwrap();
        assert_eq!(
            current == Path::new("2.0-1"),
            !tiny.path("out/tiny/2.1-1").exists()
        );
        fs_err::remove_dir_all(tiny.path("out/tiny/2.1-1")).ok();
        tiny.ok("switch tiny 2.0-1");
    }
    assert!(caught > 0, "no kill fell into a publication");
    build(&tiny);
    assert_eq!(
        published(&tiny),
        ["2.0-1", "2.1-1"].map(String::from).into()
    );
    assert_eq!(leftovers(&tiny.path("out")), 0);
}

#[test]
fn what_a_dead_owner_leaves_is_no_obstacle() {
    let tiny = Tiny::quick();
    tiny.ok("build tiny");
    let store = tiny.cache().join("store/v1");
    for result in fs_err::read_dir(store.join("results")).unwrap() {
        fs_err::remove_dir_all(result.unwrap().path()).unwrap();
    }
    for lock in fs_err::read_dir(store.join("locks")).unwrap() {
        // As if each step had been half-way, with files where its own would go.
        let name = lock.unwrap().file_name();
        let work = store.join("work").join(name);
        fs_err::create_dir_all(work.join("out/tree/usr")).unwrap();
        for file in ["out/kernel", "out/tree/usr/Makefile", "in", ".config"] {
            fs_err::write(work.join(file), "half").unwrap();
        }
    }
    fs_err::create_dir(tiny.path("out/tiny/.new-2.0-1")).unwrap();
    fs_err::write(tiny.path("out/tiny/.new-2.0-1/half"), "half").unwrap();
    fs_err::remove_dir_all(tiny.path("out/tiny/2.0-1")).unwrap();
    for room in ["roots", "results/00", "objects/00"] {
        fs_err::create_dir_all(store.join(room)).unwrap();
        fs_err::write(store.join(room).join(".new-half"), "half").unwrap();
    }
    recovers(&tiny);
    tiny.ok("store gc");
    assert_eq!(leftovers(&tiny.cache()) + leftovers(&tiny.path("out")), 0);
}
