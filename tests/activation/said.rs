//! What is said to whoever asks: of what is served, not of what was meant to be.

use crate::in_each_shell;

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
