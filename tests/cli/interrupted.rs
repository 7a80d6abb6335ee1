//! Kills, Ctrl-C, two builds at once: nothing is left that the next run trips over.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::executable::executable;
use crate::support::Tiny;

/// A build whose kernel waits until the file `release` is there.
fn waiting() -> (Tiny, impl Fn(&Tiny) -> Child) {
    let tiny = Tiny::new();
    let gate = tiny.path("release").display().to_string();
    tiny.replace(
        "sources/linux/Makefile",
        "while test -e wait;",
        &format!("while ! test -e {gate};"),
    );
    let start = |tiny: &Tiny| {
        let mut command = tiny.command(["build", "tiny"]);
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    (tiny, start)
}

/// Waits until the kernel's step is in its work folder.
fn until_it_works(tiny: &Tiny) {
    let work = tiny.cache().join("store/v1/work");
    let there = || {
        walkdir::WalkDir::new(&work).into_iter().any(|entry| {
            entry.is_ok_and(|entry| {
                entry.file_name() == "bzImage" || entry.path().ends_with("arch/x86/boot")
            })
        })
    };
    while !there() {
        std::thread::park_timeout(std::time::Duration::from_millis(10));
    }
}

#[test]
fn a_killed_build_is_taken_up_again() {
    let (tiny, start) = waiting();
    let mut build = start(&tiny);
    until_it_works(&tiny);
    build.kill().unwrap();
    build.wait().unwrap();
    assert!(!tiny.path("out").exists(), "nothing half-done is published");
    tiny.write("release", "");
    tiny.ok("build tiny");
    assert!(tiny.ok("store verify").contains("all whole"));
}

#[test]
fn ctrl_c_ends_what_runs_and_says_so() {
    let (tiny, start) = waiting();
    let build = start(&tiny);
    until_it_works(&tiny);
    kill_process(Pid::from_child(&build), Signal::INT).unwrap();
    let output = build.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(
        said.contains("interrupted") && said.contains("finished steps are kept"),
        "{said}"
    );
    let work = tiny.cache().join("store/v1/work");
    assert_eq!(
        fs_err::read_dir(work).unwrap().count(),
        0,
        "work folders are removed"
    );
}

#[test]
fn ctrl_c_while_apt_is_asked_says_nothing_but_that() {
    let tiny = Tiny::new();
    tiny.write(
        "recipes/ready.toml",
        "description = \"x\"\nextends = [\"tiny\"]\n[sysroot]\nsuite = \"test-suite\"\npackages = [\"tool\"]\n",
    );
    tiny.write("site.toml", "[mirrors]\ndebian = [\"file:///nothing\"]\n");
    // An apt that has its lists at once and never finds an answer.
    let asked = tiny.path("asked").display().to_string();
    let fake = tiny.path("fake");
    fs_err::create_dir_all(&fake).unwrap();
    executable(
        &fake.join("apt-get"),
        &format!("#!/bin/sh\ncase \"$*\" in install*) : > '{asked}'; sleep 1000 ;; esac\n"),
    );
    let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", fake.display());
    let mut command = tiny.command(["build", "ready"]);
    command.env("CORDWAINER_PATH", path);
    let mut build = command.stderr(Stdio::piped()).spawn().unwrap();
    while !tiny.path("asked").exists() {
        assert_eq!(build.try_wait().unwrap(), None, "it waits for apt");
        std::thread::park_timeout(std::time::Duration::from_millis(10));
    }
    kill_process(Pid::from_child(&build), Signal::INT).unwrap();
    let output = build.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let said = String::from_utf8_lossy(&output.stderr);
    let told: Vec<&str> = said
        .lines()
        .filter(|line| !line.starts_with("warning: "))
        .collect();
    assert!(
        matches!(told[..], ["error: interrupted", hint] if hint.starts_with("hint: ")),
        "{said}"
    );
}

#[test]
fn two_builds_at_once_do_the_work_once() {
    let (tiny, start) = waiting();
    let one = start(&tiny);
    until_it_works(&tiny);
    let other = start(&tiny);
    tiny.write("release", "");
    for build in [one, other] {
        let output = build.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert_eq!(tiny.json("store stat")["results"], 9);
}

#[test]
fn who_waits_for_a_build_says_for_which() {
    let (tiny, start) = waiting();
    let build = start(&tiny);
    until_it_works(&tiny);
    let mut command = tiny.command(["store", "verify"]);
    let mut verify = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut said = BufReader::new(verify.stderr.take().unwrap());
    said.read_line(&mut line).unwrap();
    let wait = |who: &str| format!("note waiting for {who} to be done with the store\n");
    // Some file systems have other numbers for the kernel than for us.
    let known = [
        wait(&format!("process {}", build.id())),
        wait("another process"),
    ];
    assert!(known.contains(&line.trim_start().to_owned()), "{line}");
    tiny.write("release", "");
    assert!(build.wait_with_output().unwrap().status.success());
    assert!(verify.wait().unwrap().success());
}
