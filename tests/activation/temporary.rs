//! Links for a while and for one boot. Clocks are set by the tests, and waited for is only what the watcher does.

use std::process::Child;

use crate::in_each_shell;
use crate::room::{Room, wait_until};

const NODE: &str = "pxelinux.cfg/0A000001";
const LOCALBOOT: &str = "../netboot-images/orbit/current/menus/localboot";

fn served(room: Room) -> Room {
    let room = room.with_links();
    room.image("orbit", "1");
    room.image("orbit", "2");
    room.write("etc/netboot-images.conf", "GRACE=1\n");
    room.ok("setup orbit 1");
    room.ok("link 10.0.0.1 localboot");
    room
}

/// Sets the helper's clock.
fn clock(room: &Room, now: u64) {
    let script = format!("[ \"$*\" = +%s ] && echo {now} || exec /bin/date \"$@\"");
    room.script("bin/date.new", &script);
    fs_err::rename(room.path("bin/date.new"), room.path("bin/date")).unwrap();
}

/// A watcher under the shell that is tested, which the links after it then do without starting one.
fn watcher(room: &Room) -> Child {
    room.write("var/lib/netboot-images/temporary/0B", "orbit/image - 0 0 0");
    let child = room.command(&["watch"]).spawn().unwrap();
    wait_until("the watcher looks", || {
        room.path("var/lib/netboot-images/watching").exists()
    });
    child
}

fn stop(room: &Room, mut watcher: Child) {
    room.run(&["unlink", "0B"]);
    assert!(
        watcher.wait().unwrap().success(),
        "it ends by itself when nothing is temporary"
    );
}

#[test]
fn a_link_for_some_seconds_falls_back_to_the_one_before() {
    in_each_shell(|room| {
        let room = served(room);
        let watcher = watcher(&room);
        room.ok("link 10.0.0.1 image --for 1");
        wait_until("the link expires", || {
            room.link(NODE).is_some_and(|target| target == LOCALBOOT)
        });
        stop(&room, watcher);
        room.ok("verify");
    });
}

#[test]
fn a_watcher_is_started_for_a_link_and_ends_with_it() {
    in_each_shell(|room| {
        let room = served(room);
        room.ok("link 10.0.0.2 image --for 1");
        wait_until("the link expires", || {
            room.link("pxelinux.cfg/0A000002").is_none()
        });
        wait_until("the watcher ends", || {
            !room.path("var/lib/netboot-images/watching").exists()
        });
        room.ok("verify");
    });
}

#[test]
fn systemd_is_asked_for_the_watcher_where_it_runs() {
    in_each_shell(|room| {
        let room = served(room);
        room.folder("run/systemd/system");
        let script = format!(
            "echo \"$*\" >>'{}'\n[ \"$1\" = start ] || exit 3\nsetsid '{}' watch >/dev/null 2>&1 </dev/null &",
            room.path("asked").display(),
            room.path("usr/sbin/netboot-images").display()
        );
        room.script("bin/systemctl", &script);
        room.ok("link 10.0.0.1 image --for 1");
        assert!(
            room.read("asked")
                .contains("start --no-block netboot-images.service\n")
        );
        wait_until("the link expires", || {
            room.link(NODE).is_some_and(|target| target == LOCALBOOT)
        });
    });
}

#[test]
fn a_link_for_one_boot_falls_off_after_its_file_was_read_once() {
    in_each_shell(|room| {
        let room = served(room);
        let watcher = watcher(&room);
        room.ok("link 10.0.0.1 image --once");
        assert_eq!(
            room.link(NODE),
            None,
            "a file of its own, so that reading it is this node's"
        );
        room.ok("status");
        room.ok("update");
        assert!(
            !room.ok("status").contains("which was read"),
            "the helper itself must not count"
        );
        let menu = fs_err::read_to_string(room.tftp(NODE)).unwrap();
        assert!(menu.contains("DEFAULT image"), "{menu}");
        wait_until("it falls off", || {
            room.link(NODE).is_some_and(|target| target == LOCALBOOT)
        });
        stop(&room, watcher);
    });
}

#[test]
fn reading_while_nobody_watched_counts_by_the_time_of_reading() {
    in_each_shell(|room| {
        let room = served(room);
        room.ok("link 10.0.0.1 image --once");
        let watching = room.read("var/lib/netboot-images/watching");
        let pid = rustix::process::Pid::from_raw(watching.trim().parse().unwrap()).unwrap();
        rustix::process::kill_process_group(pid, rustix::process::Signal::KILL).unwrap();
        let lock = room.path("var/lib/netboot-images/watch.lock");
        wait_until("the watcher is dead", || {
            fs_err::File::open(&lock).unwrap().file().try_lock().is_ok()
        });
        let file = fs_err::File::options()
            .append(true)
            .open(room.tftp(NODE))
            .unwrap();
        let times = std::fs::FileTimes::new().set_accessed(std::time::SystemTime::now());
        file.file().set_times(times).unwrap();
        room.ok("update");
        wait_until("it falls off", || {
            room.link(NODE).is_some_and(|target| target == LOCALBOOT)
        });
    });
}

#[test]
fn the_file_for_one_boot_follows_the_active_version() {
    in_each_shell(|room| {
        let room = served(room);
        room.write("etc/netboot-images.conf", "GRACE=600\n");
        room.ok("link 10.0.0.1 image --once");
        room.ok("activate orbit 2");
        let menu = fs_err::read_to_string(room.tftp(NODE)).unwrap();
        assert!(menu.contains("orbit/2/vmlinuz"), "{menu}");
    });
}

#[test]
fn a_clock_that_is_set_back_does_not_prolong_a_link_beyond_what_was_asked() {
    in_each_shell(|room| {
        let room = served(room);
        let state = "var/lib/netboot-images/temporary/0A000001";
        clock(&room, 1_000_000);
        room.ok("link 10.0.0.1 image --for 300");
        assert_eq!(room.read(state), "orbit/image - 1000000 300 0\n");
        clock(&room, 2_000);
        room.ok("update");
        assert_eq!(room.read(state), "orbit/image - 2000 300 0\n");
        clock(&room, 2_299);
        room.ok("update");
        assert!(room.path(state).exists());
        clock(&room, 2_300);
        room.ok("update");
        assert_eq!(room.link(NODE).unwrap(), LOCALBOOT);
    });
}

#[test]
fn unlink_and_a_link_for_good_end_what_was_temporary() {
    in_each_shell(|room| {
        let room = served(room);
        room.ok("link 10.0.0.1 image --for 600 --once");
        assert!(
            room.ok("status")
                .contains("0A000001 (10.0.0.1) boots orbit/image until ")
        );
        room.ok("link 10.0.0.1 localboot");
        assert_eq!(room.link(NODE).unwrap(), LOCALBOOT);
        room.ok("link 10.0.0.1 image --for 1h");
        room.ok("unlink 10.0.0.1");
        assert!(!room.tftp(NODE).exists());
        wait_until("the watcher ends", || {
            !room.path("var/lib/netboot-images/watching").exists()
        });
    });
}
