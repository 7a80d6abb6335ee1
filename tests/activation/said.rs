//! What is said to whoever asks: of what is served, not of what was meant to be.

use crate::in_each_shell;
use crate::room::Room;

#[test]
fn a_root_that_is_not_there_is_named() {
    in_each_shell(|room| {
        assert_eq!(
            room.refused(2, "--root /nonexistent list"),
            "netboot-images: --root: there is no folder /nonexistent\n  hint: it is: netboot-images --root DIR COMMAND\n"
        );
    });
}

#[test]
fn what_keeps_a_server_from_being_used_is_said_once() {
    in_each_shell(|room| {
        let room = room.with_links();
        room.write("etc/dnsmasq.conf", "enable-tftp\n");
        let ran = room.run(&["status"]);
        assert_eq!(ran.code, 5, "{ran:?}");
        assert_eq!(
            ran.stdout,
            "server: none that can be used\n\
             problem: no TFTP server that can be used: dnsmasq: enable-tftp without tftp-root serves the whole file system; \
             say tftp-root=/srv/tftp; mend that, or set TFTP_ROOT= in /etc/netboot-images.conf; then: netboot-images update\n"
        );
        room.write("etc/dnsmasq.conf", "");
        let said = room.run(&["status"]).stdout;
        assert!(said.contains("say enable-tftp and tftp-root="), "{said}");
    });
}

#[test]
fn without_a_server_activation_is_recorded_and_ends_alike_for_a_version_and_the_newest() {
    in_each_shell(|room| {
        room.image("orbit", "1");
        for line in ["activate orbit 1", "activate orbit newest"] {
            assert!(room.refused(6, line).contains("no TFTP server is set up"));
        }
        let room = room.again().with_copies();
        room.ok("update");
        assert_eq!(room.link("netboot-images/orbit/current").unwrap(), "1");
    });
}

#[test]
fn a_node_is_shown_with_its_address() {
    in_each_shell(|room| {
        let room = room.with_links();
        room.image("orbit", "1");
        room.ok("setup orbit 1");
        let linked = room.ok("link 10.0.0.77 localboot");
        assert_eq!(linked, "0A00004D (10.0.0.77) boots orbit/localboot\n");
        let said = room.ok("status");
        assert!(said.contains("node: 0A00004D (10.0.0.77) boots"), "{said}");
        assert!(room.ok("unlink 0A00004D").contains("(10.0.0.77)"));
    });
}

#[test]
fn help_is_given_wherever_it_is_asked_for() {
    in_each_shell(|room| {
        let help = room.ok("--help");
        for line in ["link --help", "link 10.0.0.1 -h", "status --help"] {
            assert_eq!(room.ok(line), help);
        }
    });
}

#[test]
fn files_of_nodes_by_somebody_else_are_named_and_are_no_problem_where_nothing_is_linked() {
    in_each_shell(|room| {
        let room = room.with_links();
        room.image("orbit", "1");
        room.ok("setup orbit 1");
        room.write("srv/tftp/pxelinux.cfg/0A000001", "mine");
        let named = "node: 0A000001 (10.0.0.1) is not of netboot-images, and left as it is\n";
        assert_eq!(room.ok("verify"), named);
        assert!(room.ok("status").ends_with(named));
    });
}

/// What is done behind the helper's back, and what `status` says then: of the thing, and what the problem is.
type Behind<'a> = (fn(&Room), &'a str, &'a str);

const BEHIND: &[Behind<'_>] = &[
    (
        |room| {
            fs_err::remove_file(room.tftp("pxelinux.cfg/default")).unwrap();
            room.write("srv/tftp/pxelinux.cfg/default", "mine");
        },
        "node: default is to boot orbit/default (said by setup)\n",
        "problem: default does not boot orbit/default: /srv/tftp/pxelinux.cfg/default is not of netboot-images",
    ),
    (
        |room| fs_err::remove_file(room.tftp("pxelinux.cfg/default")).unwrap(),
        "node: default is to boot orbit/default (said by setup)\n",
        "problem: default does not boot orbit/default: /srv/tftp/pxelinux.cfg/default is gone",
    ),
    (
        |room| {
            room.refused(0, "retire orbit 1");
        },
        "image: orbit is set up, and no version of it is active\n",
        "problem: orbit has no complete version installed",
    ),
    (
        |room| room.write("etc/dnsmasq.conf", "enable-tftp\ntftp-root=/srv/tftpp\n"),
        "serves /srv/tftpp",
        "problem: the TFTP root /srv/tftpp is not there",
    ),
];

#[test]
fn status_says_what_is_served_and_not_what_was_recorded() {
    in_each_shell(|room| {
        let whole = room.with_links();
        whole.image("orbit", "1");
        whole.ok("setup orbit 1");
        assert!(
            whole
                .ok("status")
                .contains("node: default boots orbit/default")
        );
        for (done, said, problem) in BEHIND {
            let room = whole.again();
            done(&room);
            let ran = room.run(&["status"]);
            assert_eq!((ran.code, ran.stderr.as_str()), (5, ""), "{ran:?}");
            assert!(ran.stdout.contains(said), "{said}: {ran:?}");
            assert_eq!(ran.stdout.matches(problem).count(), 1, "{ran:?}");
            assert!(!ran.stdout.contains("default boots"), "{ran:?}");
            assert!(!ran.stdout.contains("node: default is not of"), "{ran:?}");
        }
    });
}

#[test]
fn a_root_that_is_no_absolute_path_is_refused_and_fails_no_package() {
    in_each_shell(|room| {
        let room = room.with_links();
        room.image("orbit", "1");
        room.write("etc/netboot-images.conf", "TFTP_ROOT=relative\n");
        let warned = room.refused(0, "setup orbit 1");
        assert!(warned.contains("must be an absolute path"), "{warned}");
        assert!(
            room.refused(6, "activate orbit 1")
                .contains("must be an absolute path")
        );
        assert!(!room.path("relative").exists());
    });
}
