//! `imaging-client`: what is written and sent, with udpcast's programs replaced by files; each failure has its status.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::{Ran, Room, rendered};

const CLIENT: &str = "orbit/usr/sbin/imaging-client";

/// Some megabytes that do not compress to nothing, and do not end with a block.
fn disk() -> Vec<u8> {
    (0..3_000_001_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect()
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A node whose disk is the file `disk`.
fn node(settings: &[(&str, &str)]) -> Room {
    let mut room = Room::new();
    let disk = room.path("disk").display().to_string();
    let settings = [&[("imaging-disk", &*disk)], settings].concat();
    let conf = rendered("orbit", "orbit/etc/node.conf.hbs", &settings);
    room.write("node.conf", conf);
    room.write("disk", "");
    room.set("NODE_CONF", &room.path("node.conf").display().to_string());
    room.program("udp-receiver", "echo \"$@\" >asked; cat stream");
    room.program("udp-sender", "echo \"$@\" >asked; cat >sent");
    room
}

fn ended(ran: &Ran) -> (i32, &str) {
    (ran.code, ran.stderr.lines().last().unwrap_or(""))
}

#[test]
fn what_is_received_is_on_the_disk() {
    let room = node(&[("imaging-group", "239.1.2.3"), ("imaging-wait", "7")]);
    room.write("stream", zipped(&disk()));
    let ran = room.run(CLIENT, &["receive"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.stdout, format!("{}\n", room.path("disk").display()));
    assert!(fs_err::read(room.path("disk")).unwrap() == disk());
    let asked = fs_err::read_to_string(room.path("asked")).unwrap();
    let options = "--nokbd --portbase 9000 --mcast-rdv-address 239.1.2.3 --start-timeout 7 --receive-timeout 60\n";
    assert_eq!(asked, options);
}

#[test]
fn what_is_on_the_disk_is_sent() {
    let room = node(&[("imaging", "save")]);
    room.write("disk", disk());
    let ran = room.run(CLIENT, &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let mut sent = Vec::new();
    let file = fs_err::File::open(room.path("sent")).unwrap();
    GzDecoder::new(file).read_to_end(&mut sent).unwrap();
    assert!(sent == disk());
}

#[test]
fn every_failure_has_its_status() {
    let cut = &zipped(&disk())[..100_000];
    let stream = |bytes: &[u8]| {
        let room = node(&[]);
        room.write("stream", bytes);
        room
    };
    let ran = stream(b"no image").run(CLIENT, &["receive"]);
    assert_eq!(ended(&ran).0, 5, "{}", ran.stderr);
    let ran = stream(cut).run(CLIENT, &["receive"]);
    assert_eq!(ended(&ran).0, 5, "{}", ran.stderr);

    let room = stream(&zipped(&disk()));
    room.program(
        "udp-receiver",
        "cat stream; printf 'bytes=1\\rbytes=2\\r\\nsender gone\\n' >&2; exit 1",
    );
    let ran = room.run(CLIENT, &["receive"]);
    let why = "imaging-client: nothing complete was received (status 1)";
    assert_eq!(ended(&ran), (4, why));
    assert!(ran.stderr.contains("sender gone"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("bytes=1"), "{}", ran.stderr);

    let room = node(&[
        ("imaging-disk", "/dev/full"),
        ("imaging-compression", "none"),
    ]);
    room.write("stream", disk());
    assert_eq!(ended(&room.run(CLIENT, &["receive"])).0, 6);

    let room = node(&[("imaging-disk", "/no/disk")]);
    let gone = (3, "imaging-client: there is no /no/disk");
    assert_eq!(ended(&room.run(CLIENT, &["receive"])), gone);
}

#[test]
fn what_cannot_be_meant_touches_nothing() {
    for (settings, arguments, why) in [
        (
            ("imaging", "off"),
            "recieve",
            "recieve is none of receive, save, off",
        ),
        (
            ("imaging-compression", "zip"),
            "receive",
            "the compression zip is none of gzip, xz, zstd, none",
        ),
        (
            ("imaging-compression", "xz"),
            "save",
            "xz is for receiving only",
        ),
    ] {
        let room = node(&[settings]);
        let ran = room.run(CLIENT, &[arguments]);
        assert_eq!(ended(&ran), (2, &*format!("imaging-client: {why}")));
        assert!(!room.path("asked").exists());
    }
    assert_eq!(node(&[]).run(CLIENT, &[]).code, 0);
}

#[test]
fn nothing_is_left_behind() {
    let room = node(&[]);
    room.write("stream", "no image");
    room.run(CLIENT, &["receive"]);
    let left = fs_err::read_dir(room.path("")).unwrap();
    let names: Vec<String> = left
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("imaging"))
        .collect();
    assert_eq!(names, Vec::<String>::new());
}
