//! What images say of themselves: the LAVA master's stamp, and the judgement over programs that do not start.

use crate::{Room, project, rendered};

#[test]
fn the_stamp_is_the_date_of_the_version() {
    let room = Room::new();
    let file = "lava/sbin/lava-master-image-info.hbs";
    room.write("info", rendered("demo", file, &[]));
    let script = room.path("info").display().to_string();
    let ran = room.run(&script, &[]);
    assert_eq!((ran.code, &*ran.stdout), (0, "2026.11.20-09.08.07\n"));
}

/// What `self-test` says last about programs with these lines, in a folder that has some of them.
fn judged(lines: &str) -> (i32, String) {
    let room = Room::new();
    room.program("fine", "echo \"fine $*\"; exit 3");
    room.program("fallen", "kill -SEGV $$");
    room.program(
        "bare",
        "echo 'bare: error while loading shared libraries: libx.so.1: cannot open' >&2; exit 2",
    );
    room.program("busybox", "echo I can do everything");
    std::os::unix::fs::symlink("busybox", room.path("bin/applet")).unwrap();
    room.write("programs", lines);
    let ran = room.run("self-test/usr/sbin/self-test", &["programs"]);
    (ran.code, ran.stdout.lines().last().unwrap_or("").to_owned())
}

#[test]
fn a_program_that_says_something_starts() {
    let lines = "# a comment\n\nfine --version\nfine -V\n";
    let all = "self-test: 2 programs, all start".to_owned();
    assert_eq!(judged(lines), (0, all));
}

#[test]
fn what_does_not_start_is_named() {
    let lines = "fine\nmissing -V\nfallen\nbare\napplet\nfine\n";
    let four = "self-test: 4 of 6 do not start: missing fallen bare applet";
    assert_eq!(judged(lines), (1, four.to_owned()));
}

#[test]
fn an_empty_list_proves_nothing() {
    assert_eq!(judged("# nothing\n").0, 1);
}

#[test]
fn every_program_of_a_list_is_copied_by_its_recipe() {
    for (recipe, overlay) in [("lava-master", "lava"), ("orbit", "orbit")] {
        let list = format!("overlays/{overlay}/usr/share/self-test/programs");
        let list = fs_err::read_to_string(project().join(list)).unwrap();
        let recipe = project().join(format!("recipes/{recipe}.toml"));
        let recipe = fs_err::read_to_string(recipe).unwrap();
        let programs = list.lines().filter(|line| !line.starts_with('#'));
        for program in programs.filter_map(|line| line.split(' ').next()) {
            assert!(recipe.contains(&format!("/{program}\"")), "{program}");
        }
    }
}
