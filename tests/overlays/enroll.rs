//! `enroll`: what the server hears, and what becomes of one that does not answer.

use crate::http::{gone, server};
use crate::{Room, rendered};

const ENROLL: &str = "orbit/usr/sbin/enroll";

/// A machine with two cards, as its kernel describes it, and a site with this address.
fn machine(url: &str) -> Room {
    let mut room = Room::new();
    let conf = rendered("orbit", "orbit/etc/node.conf.hbs", &[("enroll-url", url)]);
    room.write("etc/node.conf", conf);
    room.write(".omf_imageid", "orbit-0.1.0-1\n");
    room.write("sys/class/net/lo/address", "00:00:00:00:00:00\n");
    for (card, mac) in [
        ("eth0", "52:54:00:12:34:56\n"),
        ("eth1", "52:54:00:12:34:57\n"),
    ] {
        room.write(&format!("sys/class/net/{card}/address"), mac);
        room.write(&format!("sys/class/net/{card}/device/vendor"), "");
    }
    room.write(
        "run/dhcp.env",
        "DHCP_INTERFACE='eth1'\nDHCP_IP='192.0.2.7'\n",
    );
    let cpu = "processor\t: 0\nmodel name\t: Some & Co(R) 100% @ 3+GHz é\nprocessor\t: 1\nmodel name\t: b\n";
    room.write("proc/cpuinfo", cpu);
    room.write(
        "proc/meminfo",
        "MemTotal:         245760 kB\nMemFree: 1 kB\n",
    );
    room.set("ENROLL_ROOT", &room.path("").display().to_string());
    room
}

#[test]
fn the_server_hears_of_every_card_and_of_what_the_machine_is() {
    let (url, server) = server(&["200 OK"]);
    let ran = machine(&format!("{url}/enroll")).run(ENROLL, &[]);
    assert_eq!((ran.code, &*ran.stderr), (0, ""));
    let form = "image=orbit-0.1.0-1&mac=52:54:00:12:34:56&mac=52:54:00:12:34:57&boot=52:54:00:12:34:57&ip=192.0.2.7\
                &cpu=Some+%26+Co%28R%29+100%25+%40+3%2BGHz+%C3%A9&cpus=2&memory=245760";
    assert_eq!(
        server.join().unwrap(),
        [("/enroll".to_owned(), form.to_owned())]
    );
}

#[test]
fn a_server_that_is_out_of_order_is_asked_again() {
    let (url, server) = server(&["500 Oops", "204 No Content"]);
    let ran = machine(&url).run(ENROLL, &[]);
    assert_eq!((ran.code, &*ran.stderr), (0, ""));
    assert_eq!(server.join().unwrap().len(), 2);
}

#[test]
fn one_that_stays_away_is_a_line_and_a_status() {
    let url = gone();
    let ran = machine("").run(ENROLL, &[&url, "1"]);
    assert_eq!(ran.code, 1);
    assert_eq!(ran.stderr, format!("enroll: no success from {url}\n"));
}

#[test]
fn without_an_address_nothing_is_said_nor_done() {
    let room = machine("");
    room.program("wget", "echo called >&2; exit 1");
    let ran = room.run(ENROLL, &[]);
    assert_eq!((ran.code, &*ran.stdout, &*ran.stderr), (0, "", ""));
}
