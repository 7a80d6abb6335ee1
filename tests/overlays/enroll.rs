//! `enroll`: what the server hears, and what becomes of one that does not answer.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

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

/// A server that answers one request after another with these statuses, and then has the bodies it was sent.
fn server(statuses: &'static [&'static str]) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/enroll", listener.local_addr().unwrap());
    let serve = move || {
        statuses
            .iter()
            .map(|status| answer(&listener.accept().unwrap().0, status))
            .collect()
    };
    (url, thread::spawn(serve))
}

/// Answers one request, and returns its body.
fn answer(mut stream: &TcpStream, status: &str) -> String {
    let mut request = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        request.read_line(&mut line).unwrap();
        let line = line.trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    request.read_exact(&mut body).unwrap();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    String::from_utf8(body).unwrap()
}

#[test]
fn the_server_hears_of_every_card_and_of_what_the_machine_is() {
    let (url, server) = server(&["200 OK"]);
    let ran = machine(&url).run(ENROLL, &[]);
    assert_eq!((ran.code, &*ran.stderr), (0, ""));
    let form = "image=orbit-0.1.0-1&mac=52:54:00:12:34:56&mac=52:54:00:12:34:57&boot=52:54:00:12:34:57&ip=192.0.2.7\
                &cpu=Some+%26+Co%28R%29+100%25+%40+3%2BGHz+%C3%A9&cpus=2&memory=245760";
    assert_eq!(server.join().unwrap(), [form]);
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
    // Nobody listens there any more.
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let url = format!("http://{gone}/");
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
