//! `report-boot`: what the server hears and in which order, and that a boot ends without one. Under dash, and under busybox with busybox's
//! own programs, as in an image.

use crate::http::{gone, server};
use crate::{Room, Shell, project};

const REPORT: &str = "reporter/usr/sbin/report-boot";
const SHELLS: &[Shell] = &[&["dash"], &["busybox", "sh"]];
const OK: &[&str] = &["204 No Content", "204 No Content", "204 No Content"];

/// A machine with a lease, these kernel arguments, and this in its logs.
fn machine(arguments: &str, log: &str) -> Room {
    let mut room = Room::new();
    room.write("proc/cmdline", format!("quiet {arguments} x=y\n"));
    room.write("sys/class/net/eth1/address", "52:54:00:12:34:57\n");
    let lease = "DHCP_INTERFACE='eth1'\nDHCP_SIADDR='127.255.0.1'\nDHCP_SERVERID='127.255.0.2'\n";
    room.write("run/dhcp.env", lease);
    room.write("run/rcS.log", log);
    room.write("run/said.log", "cordwainer: step clock failed 50\n");
    room.program("dmesg", "echo '[    0.0] Linux'");
    room.set("REPORT_ROOT", &room.path("").display().to_string());
    room
}

fn path(what: &str) -> String {
    format!("/report/52:54:00:12:34:57/{what}")
}

#[test]
fn a_failure_is_its_log_its_code_and_its_state_in_this_order() {
    for shell in SHELLS {
        let (url, server) = server(OK);
        let room = machine(&format!("report={url}/"), "ntpd: bad address\n");
        let ran = room.run_in(shell, REPORT, &["clock", "50"]);
        assert_eq!((ran.code, &*ran.stderr), (0, ""), "{shell:?}");
        let requests = server.join().unwrap();
        let log = &requests[0].1;
        assert_eq!(requests[0].0, path("log"));
        assert!(log.starts_with("== kernel\n"), "{log}");
        let rest = "== commands\nntpd: bad address\n== steps\ncordwainer: step clock failed 50\n";
        assert!(log.ends_with(rest), "{log}");
        assert_eq!(requests[1], (path("code"), "50\n".to_owned()));
        assert_eq!(requests[2], (path("state"), "failed clock\n".to_owned()));
    }
}

#[test]
fn a_success_is_a_code_and_a_state() {
    for shell in SHELLS {
        let (url, server) = server(&OK[..2]);
        let ran = machine(&format!("report={url}"), "").run_in(shell, REPORT, &["ready", "0"]);
        assert_eq!((ran.code, &*ran.stderr), (0, ""), "{shell:?}");
        let told = [("code", "0\n"), ("state", "ready\n")];
        let told = told.map(|(what, text)| (path(what), text.to_owned()));
        assert_eq!(server.join().unwrap(), told);
    }
}

#[test]
fn a_log_that_is_too_long_is_cut_where_everybody_can_see_it() {
    let mut log: String = (0..40_000)
        .map(|number| format!("flood {number}\n"))
        .collect();
    log.push('\0');
    for shell in SHELLS {
        let (url, server) = server(OK);
        let room = machine(&format!("report={url}"), &log);
        assert_eq!(room.run_in(shell, REPORT, &["clock", "50"]).code, 0);
        let sent = server.join().unwrap().remove(0).1;
        let marker = sent.lines().find(|line| line.starts_with("[... ")).unwrap();
        let left_out = marker.split(' ').nth(1).unwrap().parse::<usize>().unwrap();
        assert_eq!(
            marker,
            format!("[... {left_out} bytes are left out here ...]")
        );
        assert!(left_out > 400_000 && !sent.contains('\0'), "{marker}");
        // What is left is exactly what a log may have.
        assert_eq!(sent.len() - marker.len() - 2, 65_536);
        assert!(sent.starts_with("== kernel\n") && sent.ends_with("failed 50\n"));
    }
}

#[test]
fn a_server_that_is_out_of_order_is_asked_again() {
    let (url, server) = server(&["503 Busy", "204 No Content", "204 No Content"]);
    let ran = machine(&format!("report={url}"), "").run_in(SHELLS[0], REPORT, &["ready", "0"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let paths: Vec<String> = server
        .join()
        .unwrap()
        .into_iter()
        .map(|(path, _)| path)
        .collect();
    assert_eq!(paths, [path("code"), path("code"), path("state")]);
}

#[test]
fn one_that_stays_away_is_given_up() {
    let url = gone();
    for shell in SHELLS {
        let room = machine(&format!("report={url} report_wait=1"), "");
        let ran = room.run_in(shell, REPORT, &["clock", "50"]);
        assert_eq!(ran.code, 1);
        let said = ["log", "code", "state"].map(|what| format!("{url} has not taken the {what}"));
        assert!(
            said.iter().all(|said| ran.stderr.contains(said)),
            "{}",
            ran.stderr
        );
    }
}

/// What `wget` is called with last, in place of which something stands that takes everything.
fn asked(arguments: &str, change: fn(&Room)) -> (i32, String, String) {
    let room = machine(arguments, "");
    room.program("wget", "for last; do :; done; echo \"$last\"");
    change(&room);
    let ran = room.run(REPORT, &["ready", "0"]);
    (ran.code, ran.stdout, ran.stderr)
}

#[test]
fn without_an_address_it_is_the_next_server_of_dhcp_or_dhcps_own() {
    let told = |server: &str| {
        let urls = ["code", "state"].map(|what| format!("http://{server}{}\n", path(what)));
        (0, urls.concat(), String::new())
    };
    assert_eq!(asked("", |_| ()), told("127.255.0.1"));
    assert_eq!(asked("report_wait=x", |_| ()), told("127.255.0.1"));
    let own = |room: &Room| {
        let lease = "DHCP_INTERFACE='eth1'\nDHCP_SERVERID='127.255.0.2'\n";
        room.write("run/dhcp.env", lease);
    };
    assert_eq!(asked("", own), told("127.255.0.2"));
}

#[test]
fn nothing_is_sent_where_it_is_switched_off_or_cannot_be() {
    assert_eq!(
        asked("report=off", |_| ()),
        (0, String::new(), String::new())
    );
    let no_lease: fn(&Room) = |room| fs_err::remove_file(room.path("run/dhcp.env")).unwrap();
    assert_eq!(asked("", no_lease), (0, String::new(), String::new()));
    let (code, sent, said) = asked("report=http://127.255.0.3", no_lease);
    assert_eq!((code, &*sent), (1, ""));
    assert!(said.contains("there is no lease"), "{said}");
    let (code, sent, said) = asked("report=ftp://127.255.0.3", |_| ());
    assert_eq!((code, &*sent), (1, ""));
    assert!(said.contains("neither off nor http://"), "{said}");
}

#[test]
fn the_demos_busybox_has_all_that_it_needs() {
    let config = |name: &str| {
        let path = project().join("busybox-configs").join(name);
        fs_err::read_to_string(path).unwrap()
    };
    let (needed, demo) = (config("reporter.config"), config("demo.config"));
    assert!(needed.contains("\nCONFIG_WGET=y\n"));
    for symbol in needed.lines().filter(|line| line.starts_with("CONFIG_")) {
        assert!(demo.lines().any(|line| line == symbol), "{symbol}");
    }
}
