//! Versions come, are active, and go, as maintainer scripts say it.

use crate::in_each_shell;
use crate::node::{boots, loader};
use crate::room::Room;

/// The tests below for servers that follow links, and for those that cannot.
fn with_each_server(test: impl Fn(Room)) {
    in_each_shell(|room| test(room.with_links()));
    in_each_shell(|room| test(room.with_copies()));
}

fn active(room: &Room) -> String {
    room.link("netboot-images/orbit/current").unwrap()
}

#[test]
fn an_upgrade_flips_and_the_version_before_stays_until_its_package_goes() {
    with_each_server(|room| {
        room.image("orbit", "1");
        room.ok("setup orbit 1");
        assert_eq!(boots(&room.tftp("")).unwrap(), "kernel of orbit 1");
        assert_eq!(loader(&room.tftp("")).unwrap(), "pxelinux 6.04");
        room.image_with("orbit", "2", "pxelinux 6.05", &["default", "image"]);
        room.ok("update");
        assert_eq!(
            active(&room),
            "1",
            "the server's package has not said so yet"
        );
        assert_eq!(
            room.ok("setup orbit 2"),
            "orbit: 1 was active; 2 is active now\n"
        );
        assert_eq!(boots(&room.tftp("")).unwrap(), "kernel of orbit 2");
        assert_eq!(loader(&room.tftp("")).unwrap(), "pxelinux 6.05");
        assert!(room.tftp("netboot-images/orbit/1/vmlinuz").exists());
        room.ok("verify");
        room.ok("retire orbit 1");
        room.remove("usr/lib/netboot-images/orbit/1");
        room.ok("update");
        assert!(fs_err::symlink_metadata(room.tftp("netboot-images/orbit/1")).is_err());
        let left = fs_err::read_dir(room.tftp("netboot-images/orbit")).unwrap();
        assert!(left.count() <= 3);
        room.ok("verify");
    });
}

#[test]
fn an_image_that_is_booted_without_menus_is_served_as_others_are() {
    with_each_server(|room| {
        let script = |version: &str| {
            let script = format!("\\ power {version}\n");
            room.image_of(
                "power",
                version,
                &[("openfirmware/image".to_owned(), script)],
            );
            let link = room.path(&format!("usr/lib/netboot-images/power/{version}/bootme"));
            fs_err::os::unix::fs::symlink("openfirmware/image", link).unwrap();
        };
        let found = || {
            let bootme = room.tftp("netboot-images/power/current/bootme");
            fs_err::read_to_string(bootme).unwrap()
        };
        script("1");
        assert_eq!(room.ok("setup power 1"), "power: 1 is active now\n");
        assert_eq!(found(), "\\ power 1\n");
        room.ok("verify");
        assert_eq!(room.ok("list"), "power 1 active -\n");
        for menu in ["power/image", "image"] {
            let refused = room.refused(3, &format!("link default {menu}"));
            assert!(refused.contains("DHCP says what"), "{refused}");
        }
        script("2");
        room.ok("setup power 2");
        assert_eq!(found(), "\\ power 2\n");
        room.ok("retire power 1");
        room.remove("usr/lib/netboot-images/power/1");
        room.ok("update");
        room.ok("verify");
    });
}

#[test]
fn a_downgrade_follows_the_servers_package_and_a_pin_does_not() {
    with_each_server(|room| {
        room.image("orbit", "9");
        room.image("orbit", "10");
        room.ok("setup orbit 10");
        room.ok("setup orbit 9");
        assert_eq!(active(&room), "9");
        assert_eq!(
            room.ok("activate orbit newest"),
            "orbit: 9 was active; 10 is active now\norbit: 10 is active\n"
        );
        room.ok("activate orbit 9");
        assert!(room.ok("setup orbit 10").contains("stays pinned to 9"));
        assert_eq!(active(&room), "9");
        assert!(room.ok("list").contains("orbit 9 active pinned"));
    });
}

#[test]
fn the_newest_is_the_newest_by_debians_order() {
    in_each_shell(|room| {
        let room = room.with_links();
        for version in ["0.9", "0.10", "0.10~rc1", "0.10-1"] {
            room.image("orbit", version);
        }
        room.ok("activate orbit newest");
        assert_eq!(active(&room), "0.10-1");
    });
}

#[test]
fn removing_the_active_version_flips_to_the_newest_other_first_and_to_none_when_there_is_none() {
    with_each_server(|room| {
        for version in ["1", "2", "3"] {
            room.image("orbit", version);
        }
        room.ok("setup orbit 3");
        room.ok("activate orbit 3");
        let said = room.ok("retire orbit 3");
        assert_eq!(
            said,
            "orbit was pinned to 3, which is being removed\norbit: 3 was active; 2 is active now\n"
        );
        room.ok("update");
        assert_eq!(
            boots(&room.tftp("")).unwrap(),
            "kernel of orbit 2",
            "its files are still there, and yet it is leaving"
        );
        room.ok("retire orbit 1");
        let ran = room.run(&["retire", "orbit", "2"]);
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (0, "orbit: 2 is no longer served\n")
        );
        assert!(
            ran.stderr
                .contains("orbit has no complete version installed"),
            "{ran:?}"
        );
        assert_eq!(boots(&room.tftp("")), None);
        assert_eq!(room.link("pxelinux.cfg/default"), None);
        // Installed again.
        room.remove("usr/lib/netboot-images/orbit/2");
        room.image("orbit", "2");
        room.ok("update");
        assert_eq!(boots(&room.tftp("")).unwrap(), "kernel of orbit 2");
    });
}

#[test]
fn a_version_that_is_being_unpacked_or_is_damaged_is_not_served() {
    with_each_server(|room| {
        room.image("orbit", "1");
        room.ok("activate orbit newest");
        room.image("orbit", "2");
        room.write("usr/lib/netboot-images/orbit/2/menus/image.dpkg-new", "");
        room.ok("update");
        assert_eq!(active(&room), "1");
        assert!(room.ok("list").contains("orbit 2 incomplete"));
        fs_err::remove_file(room.path("usr/lib/netboot-images/orbit/2/menus/image.dpkg-new"))
            .unwrap();
        room.write("usr/lib/netboot-images/orbit/2/vmlinuz", "kernel of or");
        room.ok("update");
        assert_eq!(active(&room), "1");
        assert!(
            room.refused(1, "activate orbit 2")
                .contains("apt reinstall")
        );
        room.image("orbit", "2");
        room.ok("update");
        assert_eq!(active(&room), "2");
    });
}

#[test]
fn unset_takes_all_away_and_what_an_administrator_linked_comes_back() {
    with_each_server(|room| {
        room.folder("var/www/html");
        room.image("orbit", "1");
        room.ok("setup orbit 1");
        room.ok("link 10.0.0.1 localboot");
        let http = room.path("var/www/html/netboot-images/orbit/1/vmlinuz");
        assert!(http.exists());
        room.ok("unset orbit");
        assert_eq!(fs_err::read_dir(room.tftp("")).unwrap().count(), 0);
        assert_eq!(
            fs_err::read_dir(room.path("var/www/html")).unwrap().count(),
            0
        );
        room.ok("setup orbit 1");
        assert!(room.link("pxelinux.cfg/0A000001").is_some());
        assert!(http.exists());
        room.ok("purge");
        assert_eq!(fs_err::read_dir(room.tftp("")).unwrap().count(), 0);
        assert!(!room.path("var/lib/netboot-images").exists());
    });
}

#[test]
fn purging_one_image_leaves_the_others() {
    with_each_server(|room| {
        room.image("orbit", "1");
        room.image("lava", "1");
        room.ok("setup lava 1");
        room.ok("setup orbit 1");
        room.ok("link 10.0.0.1 orbit/image");
        assert_eq!(
            boots(&room.tftp("")).unwrap(),
            "kernel of lava 1",
            "whoever was first"
        );
        room.ok("purge orbit");
        assert_eq!(room.link("pxelinux.cfg/0A000001"), None);
        assert!(!room.tftp("netboot-images/orbit").exists());
        assert_eq!(boots(&room.tftp("")).unwrap(), "kernel of lava 1");
        room.ok("verify");
    });
}

#[test]
fn a_server_that_serves_only_its_own_files_is_given_copies() {
    in_each_shell(|room| {
        let room = room.with_links();
        let me = std::env::var("USER").unwrap_or_else(|_| "root".to_owned());
        room.write(
            "etc/dnsmasq.conf",
            &format!("enable-tftp\ntftp-root=/srv/tftp\ntftp-secure\nuser={me}"),
        );
        room.image("orbit", "1");
        room.ok("setup orbit 1");
        assert!(
            room.link("netboot-images/orbit/1")
                .unwrap()
                .starts_with(".1.")
        );
        room.ok("verify");
    });
}

#[test]
fn two_helpers_at_once_both_have_their_way() {
    in_each_shell(|room| {
        let room = room.with_copies();
        room.image("orbit", "1");
        room.ok("setup orbit 1");
        let helpers: Vec<_> = (0..8)
            .map(|n| {
                room.command(&["link", &format!("10.0.0.{n}"), "image"])
                    .spawn()
                    .unwrap()
            })
            .collect();
        for mut helper in helpers {
            assert!(helper.wait().unwrap().success());
        }
        for n in 0..8 {
            assert!(room.link(&format!("pxelinux.cfg/0A00000{n}")).is_some());
        }
        room.ok("verify");
    });
}
