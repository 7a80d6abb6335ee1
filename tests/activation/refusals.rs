//! What is not the helper's own stays as it is, and what is wrong is found.

use std::os::unix::fs::{PermissionsExt, symlink};

use crate::in_each_shell;
use crate::node::boots;

#[test]
fn a_nodes_file_of_somebody_else_is_not_replaced() {
    in_each_shell(|room| {
        let room = room.with_links();
        room.image("orbit", "1");
        room.write("srv/tftp/pxelinux.cfg/0A000001", "mine");
        room.write("srv/tftp/pxelinux.cfg/default", "mine, too");
        let warned = room.refused(0, "setup orbit 1");
        assert!(
            warned.contains("/srv/tftp/pxelinux.cfg/default is not of netboot-images"),
            "{warned}"
        );
        assert!(
            room.refused(4, "link 10.0.0.1 image")
                .contains("move it away")
        );
        assert!(
            room.refused(4, "link 10.0.0.1 image --for 60")
                .contains("move it away")
        );
        assert!(
            room.refused(4, "unlink 10.0.0.1")
                .contains("yours to remove")
        );
        assert!(
            room.run(&["verify"])
                .stdout
                .contains("default does not boot orbit/default")
        );
        room.run(&["purge"]);
        assert_eq!(room.read("srv/tftp/pxelinux.cfg/0A000001"), "mine");
        assert_eq!(room.read("srv/tftp/pxelinux.cfg/default"), "mine, too");
    });
}

#[test]
fn a_link_that_somebody_changed_since_is_theirs() {
    in_each_shell(|room| {
        let room = room.with_links();
        room.image("orbit", "1");
        room.ok("setup orbit 1");
        let default = room.tftp("pxelinux.cfg/default");
        fs_err::remove_file(&default).unwrap();
        symlink("elsewhere", &default).unwrap();
        assert_eq!(room.run(&["verify"]).code, 5);
        room.run(&["purge"]);
        assert_eq!(room.link("pxelinux.cfg/default").unwrap(), "elsewhere");
    });
}

#[test]
fn another_loader_is_left_whole() {
    in_each_shell(|room| {
        let room = room.with_links();
        room.image("orbit", "1");
        room.write("srv/tftp/pxelinux.0", "pxelinux 3.0");
        let warned = room.refused(0, "setup orbit 1");
        assert!(warned.contains("none of the loader is touched"), "{warned}");
        assert_eq!(room.read("srv/tftp/pxelinux.0"), "pxelinux 3.0");
        assert!(!room.tftp("ldlinux.c32").exists());
        fs_err::remove_file(room.tftp("pxelinux.0")).unwrap();
        room.ok("update");
        room.ok("verify");
    });
}

#[test]
fn a_folder_of_the_same_name_is_not_taken_over() {
    in_each_shell(|room| {
        let room = room.with_copies();
        room.image("orbit", "1");
        room.write("srv/tftp/netboot-images/README", "mine");
        let warned = room.refused(0, "setup orbit 1");
        assert!(
            warned.contains("/srv/tftp/netboot-images is not of netboot-images"),
            "{warned}"
        );
        assert_eq!(boots(&room.tftp("")), None);
        assert_eq!(
            fs_err::read_dir(room.tftp("netboot-images"))
                .unwrap()
                .count(),
            1
        );
    });
}

#[test]
fn the_web_servers_folder_of_somebody_else_stays() {
    in_each_shell(|room| {
        let room = room.with_copies();
        room.image("orbit", "1");
        room.write("var/www/html/netboot-images/index.html", "mine");
        room.refused(0, "setup orbit 1");
        room.run(&["purge"]);
        assert_eq!(room.read("var/www/html/netboot-images/index.html"), "mine");
    });
}

/// What somebody does to what is served, and what `verify` says of it.
#[test]
fn verify_finds_what_is_wrong() {
    let damages: &[(&str, &str)] = &[
        (
            "echo x >netboot-images/orbit/1/vmlinuz",
            "vmlinuz is not as it was packed",
        ),
        (
            "rm netboot-images/orbit/1/vmlinuz",
            "names netboot-images/orbit/1/vmlinuz, which is not there",
        ),
        (
            "echo x >>netboot-images/orbit/1/menus/image",
            "the menus that are served are not those",
        ),
        ("rm ldlinux.c32", "/srv/tftp/ldlinux.c32 is gone"),
        (
            "rm pxelinux.0; echo x >pxelinux.0",
            "/srv/tftp/pxelinux.0 was changed",
        ),
        (
            "rm pxelinux.cfg/default",
            "/srv/tftp/pxelinux.cfg/default is gone",
        ),
        (
            "ln -s nowhere pxelinux.cfg/0A000001",
            "/srv/tftp/pxelinux.cfg/0A000001 leads nowhere",
        ),
        (
            "chmod 600 netboot-images/orbit/1/vmlinuz",
            "cannot be read by the server",
        ),
        ("chmod 700 .", "/srv/tftp lets nobody in"),
        (
            "ln -sfn 2 netboot-images/orbit/current",
            "2 is active where 1 should be",
        ),
    ];
    in_each_shell(|room| {
        let whole = room.with_copies();
        whole.image("orbit", "1");
        whole.ok("setup orbit 1");
        whole.ok("verify");
        for (damage, finding) in damages {
            let room = whole.again();
            room.script(
                "bin/damage",
                &format!("cd '{}'\n{damage}", room.tftp("").display()),
            );
            run(&room.path("bin/damage"));
            let ran = room.run(&["verify"]);
            assert_eq!(ran.code, 5, "{damage}: {ran:?}");
            assert!(ran.stdout.contains(finding), "{damage}: {ran:?}");
        }
    });
}

#[expect(
    clippy::disallowed_methods,
    reason = "the damage is described in shell"
)]
fn run(script: &std::path::Path) {
    assert!(
        std::process::Command::new(script)
            .status()
            .unwrap()
            .success()
    );
}

#[test]
fn a_menu_that_the_active_version_lacks_is_a_problem_and_not_a_dangling_link() {
    in_each_shell(|room| {
        let room = room.with_links();
        room.image_with("orbit", "1", "pxelinux 6.04", &["default", "rescue"]);
        room.image("orbit", "2");
        room.ok("setup orbit 1");
        room.ok("link 10.0.0.1 rescue");
        let warned = room.refused(0, "setup orbit 2");
        assert!(
            warned.contains(
                "0A000001 is linked to orbit/rescue, which the active version does not have"
            ),
            "{warned}"
        );
        assert_eq!(room.link("pxelinux.cfg/0A000001"), None);
        room.ok("activate orbit 1");
        assert!(room.link("pxelinux.cfg/0A000001").is_some());
    });
}

#[test]
fn a_state_that_cannot_be_written_is_said() {
    in_each_shell(|room| {
        let room = room.with_links();
        room.image("orbit", "1");
        room.write("var/lib/netboot-images", "a file");
        assert!(
            room.refused(1, "activate orbit 1")
                .contains("run this as root")
        );
        let mode = std::fs::Permissions::from_mode(0o644);
        fs_err::set_permissions(room.path("var/lib/netboot-images"), mode).unwrap();
        assert!(!room.tftp("netboot-images").exists());
    });
}
