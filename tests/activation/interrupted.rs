//! The helper is killed, and a node boots at that very moment: it finds the old or the new, and the next call completes what was begun.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::node::{boots, loader};
use crate::room::{BUSYBOX, DASH, Room};

/// Programs by which the helper changes anything.
const STEPS: [&str; 7] = ["mv", "ln", "rm", "mkdir", "cp", "chmod", "rmdir"];

/// Kills the helper before its step of a number, counted from 1.
fn arm(room: &mut Room, step: usize) {
    room.write("steps", "0\n");
    room.variables
        .insert("STEPS", room.path("steps").display().to_string());
    room.variables.insert("LAST", step.to_string());
    for program in STEPS {
        let script = format!(
            "read -r n <\"$STEPS\"\nn=$((n + 1))\necho $n >\"$STEPS\"\n[ $n != \"$LAST\" ] || kill -9 0\nexec /bin/{program} \"$@\""
        );
        room.script(&format!("bin/{program}"), &script);
    }
}

fn disarm(room: &Room) {
    room.remove("bin");
}

/// Kills a call at each of its steps, looks as a node would, and completes it.
fn at_each_step(room: &Room, line: &str, sound: impl Fn(&Room)) {
    for step in 1.. {
        let mut room = room.again();
        arm(&mut room, step);
        let ran = room.run(&line.split(' ').collect::<Vec<_>>());
        disarm(&room);
        sound(&room);
        room.ok("update");
        room.ok("verify");
        sound(&room);
        if ran.code == 0 {
            assert!(step > 10, "{line} has more steps than {step}");
            return;
        }
        assert_eq!(ran.code, 137, "{line}, step {step}: {ran:?}");
        room.ok(line);
        room.ok("verify");
    }
}

/// A room in which version 1 is active and 2 is installed.
fn upgrade(room: Room) -> Room {
    room.image("orbit", "1");
    room.ok("setup orbit 1");
    room.image_with(
        "orbit",
        "2",
        "pxelinux 6.05",
        &["default", "image", "localboot"],
    );
    room
}

fn old_or_new(room: &Room) {
    let kernel = boots(&room.tftp("")).unwrap();
    assert!(
        kernel == "kernel of orbit 1" || kernel == "kernel of orbit 2",
        "{kernel}"
    );
    assert!(loader(&room.tftp("")).is_some());
}

#[test]
fn an_upgrade_with_links_is_killed_at_each_step() {
    at_each_step(
        &upgrade(Room::new(DASH).with_links()),
        "setup orbit 2",
        old_or_new,
    );
}

#[test]
fn an_upgrade_with_copies_is_killed_at_each_step() {
    at_each_step(
        &upgrade(Room::new(BUSYBOX).with_copies()),
        "setup orbit 2",
        old_or_new,
    );
}

#[test]
fn a_removal_is_killed_at_each_step() {
    let room = upgrade(Room::new(DASH).with_copies());
    room.ok("setup orbit 2");
    at_each_step(&room, "retire orbit 2", old_or_new);
}

#[test]
fn a_first_setup_is_killed_at_each_step() {
    let room = Room::new(DASH).with_copies();
    room.image("orbit", "1");
    at_each_step(&room, "setup orbit 1", |room| {
        // A node that finds a menu finds the rest.
        if boots(&room.tftp("")).is_some() {
            assert!(loader(&room.tftp("")).is_some());
        }
    });
}

#[test]
fn a_node_that_boots_again_and_again_sees_the_old_or_the_new_while_helpers_are_killed_at_any_moment()
 {
    for make in [Room::with_links as fn(Room) -> Room, Room::with_copies] {
        let room = upgrade(make(Room::new(DASH)));
        for round in 0..60 {
            let version = if round % 2 == 0 { "2" } else { "1" };
            let mut helper = room
                .command(&["setup", "orbit", version])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            // How often the node looks before the kill differs from round to round; none at all in the first.
            for _ in 0..(round * 37) % 400 {
                old_or_new(&room);
            }
            let pid = Pid::from_raw(i32::try_from(helper.id()).unwrap()).unwrap();
            let _ = kill_process_group(pid, Signal::KILL);
            helper.wait().unwrap();
            old_or_new(&room);
        }
        room.ok("update");
        room.ok("verify");
    }
}
