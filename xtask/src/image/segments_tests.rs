//! Archives of every kind are read as the kernel reads them, and hostile ones do no harm.

use std::io::{Read, Write};

use cpio::newc::Builder;
use proptest::prelude::*;

use super::compress::{Compression, Filter, Shape};
use super::problem::Problem;
use super::segments::{Archive, Limits, read};
use super::stream::Format;
use super::tree::{Node, Origin};
use crate::failure::{Kind, Result};
use crate::tool::Tool;

const FILE: u32 = 0o100_644;
const DIRECTORY: u32 = 0o040_755;
const LINK: u32 = 0o120_777;

/// Members as they are put into an archive, one after the other.
#[derive(Default)]
struct Made(Vec<u8>);

impl Made {
    fn with(self, name: &str, mode: u32, contents: &str) -> Self {
        self.built(Builder::new(name).mode(mode), contents)
    }

    fn built(mut self, builder: Builder, contents: &str) -> Self {
        let mut member = builder.write(&mut self.0, contents.len() as u32);
        member.write_all(contents.as_bytes()).unwrap();
        member.finish().unwrap();
        self
    }

    fn end(mut self) -> Vec<u8> {
        cpio::newc::trailer(&mut self.0).unwrap();
        self.0
    }
}

fn one(name: &str, contents: &str) -> Vec<u8> {
    Made::default().with(name, FILE, contents).end()
}

fn packed(compression: Compression, plain: &[u8]) -> Vec<u8> {
    let shape = Shape {
        level: None,
        length: plain.len() as u64,
        filter: Filter::None,
    };
    compression.encode(shape, plain, Vec::new()).unwrap()
}

fn opened(bytes: impl Into<Vec<u8>>) -> Result<Archive> {
    read("test", bytes.into(), Limits::default())
}

/// Paths with what is there, in a word: contents, `dir`, `-> target`.
fn listed(archive: &Archive) -> Vec<String> {
    let told = |node: &Node| match node {
        Node::File(content) => String::from_utf8(content.in_memory().unwrap().to_vec()).unwrap(),
        Node::Directory => "dir".to_owned(),
        Node::Symlink { target } => format!("-> {target}"),
        other => other.name().to_owned(),
    };
    let lines = archive.tree.iter();
    lines
        .map(|(path, entry)| format!("{} {}", path.as_str(), told(&entry.node)))
        .collect()
}

fn problems(archive: &Archive) -> Vec<Problem> {
    archive
        .all_problems()
        .map(|(_, problem)| problem.clone())
        .collect()
}

/// Compressions that recipes do not know.
fn bzip2(plain: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    bzip2::read::BzEncoder::new(plain, bzip2::Compression::best())
        .read_to_end(&mut packed)
        .unwrap();
    packed
}

fn lzma(plain: &[u8]) -> Vec<u8> {
    let options = xz2::stream::LzmaOptions::new_preset(6).unwrap();
    let stream = xz2::stream::Stream::new_lzma_encoder(&options).unwrap();
    let mut packed = Vec::new();
    xz2::bufread::XzEncoder::new_stream(plain, stream)
        .read_to_end(&mut packed)
        .unwrap();
    packed
}

#[test]
fn every_compression_is_read_behind_a_plain_archive() {
    let (early, main) = (one("early", "1"), one("main", "2"));
    let compressed = [
        (Format::Gzip, packed(Compression::Gzip, &main)),
        (Format::Xz, packed(Compression::Xz, &main)),
        (Format::Zstd, packed(Compression::Zstd, &main)),
        (Format::Lz4, packed(Compression::Lz4, &main)),
        (Format::Bzip2, bzip2(&main)),
        (Format::Lzma, lzma(&main)),
    ];
    for (format, packed) in compressed {
        let all = [&early[..], &[0; 512], &packed, &[0; 8], &one("late", "3")].concat();
        // The last one has to begin at a multiple of 4.
        let shift = (4 - (early.len() + 512 + packed.len() + 8) % 4) % 4;
        let mut all = all;
        all.splice(
            early.len() + 512 + packed.len()..early.len() + 512 + packed.len(),
            vec![0; shift],
        );
        let archive = opened(all).unwrap();
        assert_eq!(
            listed(&archive),
            ["early 1", "late 3", "main 2"],
            "{format:?}"
        );
        assert_eq!(problems(&archive), [], "{format:?}");
        let [first, second, third] = &archive.segments[..] else {
            panic!("{format:?}: {:#?}", archive.segments)
        };
        assert_eq!((first.offset, first.padding), (0, 512));
        assert_eq!((second.compression, second.entries), (Some(format), 1));
        assert_eq!(second.length, packed.len() as u64);
        assert_eq!(second.unpacked, main.len() as u64);
        assert_eq!(third.padding, 0);
        assert_eq!(second.symbols[0], format.kernel_symbol());
    }
}

#[test]
fn what_comes_later_replaces_what_is_there() {
    let first = Made::default()
        .with(".", 0o040_700, "")
        .with("./etc", DIRECTORY, "")
        .with("./etc/a", FILE, "old, and longer")
        .with("./etc/b", FILE, "b")
        .with("./etc/c", FILE, "c")
        .with("./empty", DIRECTORY, "")
        .with("./full", DIRECTORY, "")
        .with("./full/x", FILE, "x")
        .end();
    let second = Made::default()
        .with("/etc", 0o040_750, "")
        .with("etc/a", 0o100_600, "new")
        .with("etc/b", LINK, "a")
        .with("etc/c", DIRECTORY, "")
        .with("empty", FILE, "a file now")
        .with("full", FILE, "never")
        .end();
    let archive = opened([first, second].concat()).unwrap();
    assert_eq!(
        listed(&archive),
        [
            "empty a file now",
            "etc dir",
            "etc/a new",
            "etc/b -> a",
            "etc/c dir",
            "full dir",
            "full/x x"
        ]
    );
    let etc = archive.tree.get(&"etc".parse().unwrap()).unwrap();
    assert_eq!(
        (etc.mode, &etc.origin),
        (0o750, &Origin::Archive { segment: 2 })
    );
    assert_eq!(archive.top, Some(0o700));
    assert!(
        matches!(&problems(&archive)[..], [Problem::Dropped { name, .. }] if name == "full"),
        "{:?}",
        problems(&archive)
    );
}

#[test]
fn links_above_a_name_are_followed() {
    let archive = Made::default()
        .with("usr", DIRECTORY, "")
        .with("usr/bin", DIRECTORY, "")
        .with("bin", LINK, "usr/bin")
        .with("sbin", LINK, "/bin/../bin")
        .with("loop", LINK, "loop")
        .with("bin/a", FILE, "a")
        .with("sbin/b", FILE, "b")
        .with("loop/c", FILE, "c")
        .with("nowhere/d", FILE, "d")
        .with("dev/null", 0o020_666, "")
        .with("../../e", FILE, "e")
        .end();
    let archive = opened(archive).unwrap();
    assert_eq!(
        listed(&archive),
        [
            "bin -> usr/bin",
            "dev dir",
            "dev/null device node",
            "e e",
            "loop -> loop",
            "sbin -> /bin/../bin",
            "usr dir",
            "usr/bin dir",
            "usr/bin/a a",
            "usr/bin/b b"
        ]
    );
    assert_eq!(problems(&archive).len(), 2);
}

#[test]
fn hard_links_have_the_contents_of_the_last_one() {
    let named = |name: &str| Builder::new(name).mode(FILE).ino(7).nlink(2);
    let first = Made::default()
        .built(named("a"), "")
        .built(named("b"), "both")
        .end();
    let other = Made::default().built(named("c"), "another").end();
    let archive = opened([first, other].concat()).unwrap();
    assert_eq!(listed(&archive), ["a both", "b both", "c another"]);
    let detail = |path: &str| archive.details[path].linked.clone();
    assert_eq!(detail("b"), Some("a".parse().unwrap()));
    assert_eq!((detail("a"), detail("c")), (None, None));
}

#[test]
fn every_kind_of_node_is_read() {
    let archive = Made::default()
        .with("fifo", 0o010_644, "")
        .with("socket", 0o140_755, "")
        .built(
            Builder::new("disk")
                .mode(0o060_660)
                .rdev_major(8)
                .rdev_minor(1),
            "",
        )
        .with("strange", 0o150_000, "")
        .with("odd", DIRECTORY, "contents")
        .end();
    let archive = opened(archive).unwrap();
    assert_eq!(
        listed(&archive),
        ["disk device node", "fifo named pipe", "socket socket"]
    );
    assert_eq!(problems(&archive).len(), 2);
}

#[test]
fn where_the_kernel_stops_is_told() {
    let a = one("a", "1");
    let junk = [&a[..], b"\0\0\0\0junk"].concat();
    assert_eq!(
        problems(&opened(junk).unwrap()),
        [Problem::Garbage {
            offset: a.len() as u64 + 4,
            length: 4
        }]
    );
    let gzip = packed(Compression::Gzip, &a);
    let mut odd = gzip.clone();
    odd.resize(gzip.len().next_multiple_of(4) + 2, 0);
    let at = odd.len() as u64;
    odd.extend(&a);
    let archive = opened(odd).unwrap();
    assert_eq!(archive.segments.len(), 1);
    let length = a.len() as u64;
    let expected = [
        Problem::Unaligned { offset: at },
        Problem::Garbage { offset: at, length },
    ];
    assert_eq!(problems(&archive), expected);
    let within = packed(Compression::Gzip, &[&a[..], b"junk"].concat());
    let archive = opened([within, gzip].concat()).unwrap();
    assert!(problems(&archive)[0].stops_the_kernel());
    assert_eq!(archive.segments.len(), 1);
}

#[test]
fn what_is_looked_for_early_has_to_come_early() {
    const NAME: &str = "kernel/x86/microcode/GenuineIntel.bin";
    let parents = || {
        let made = Made::default().with("kernel", DIRECTORY, "");
        made.with("kernel/x86", DIRECTORY, "")
            .with("kernel/x86/microcode", DIRECTORY, "")
    };
    let good = parents().with(NAME, FILE, "code").end();
    let dotted = parents().with(&format!("./{NAME}"), FILE, "code").end();
    let main = packed(Compression::Gzip, &one("main", ""));
    let padded = |mut bytes: Vec<u8>| {
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    };
    let of = |bytes: Vec<u8>| problems(&opened(bytes).unwrap());
    assert_eq!(of([good.clone(), main.clone()].concat()), []);
    assert!(matches!(of(dotted)[..], [Problem::EarlyName { .. }]));
    let late = [padded(main), good.clone()].concat();
    assert!(matches!(of(late)[..], [Problem::EarlyTooLate { .. }]));
    let inside = packed(Compression::Gzip, &good);
    assert!(matches!(of(inside)[..], [Problem::EarlyCompressed { .. }]));
}

#[test]
fn archives_without_a_trailer_and_several_in_one_stream_are_read() {
    let open = Made::default().with("a", FILE, "1").0;
    let archive = opened([&open[..], &packed(Compression::Zstd, &one("b", "2"))].concat()).unwrap();
    assert_eq!(listed(&archive), ["a 1", "b 2"]);
    assert_eq!(problems(&archive), [Problem::NoTrailer]);
    let two = [one("a", "1"), vec![0; 8], one("b", "2")].concat();
    let archive = opened(packed(Compression::Xz, &two)).unwrap();
    assert_eq!(listed(&archive), ["a 1", "b 2"]);
    assert_eq!(problems(&archive), []);
}

#[test]
fn sums_are_checked_and_other_formats_named() {
    let mut summed = one("a", "1");
    summed[..6].copy_from_slice(b"070702");
    assert!(
        opened(summed.clone())
            .unwrap_err()
            .to_string()
            .contains("sum")
    );
    summed[102..110].copy_from_slice(b"00000031");
    assert_eq!(listed(&opened(summed).unwrap()), ["a 1"]);
    let failure = opened(*b"070707000000000000000000").unwrap_err();
    assert!(failure.to_string().contains("another format"), "{failure}");
    for unreadable in [&b"\x89LZO\0\r\n\x1a\n"[..], b"\x04\x22\x4d\x18\x64\x40"] {
        let failure = opened(unreadable).unwrap_err();
        assert!(failure.to_string().contains("lz"), "{failure}");
    }
    for nothing in [&b""[..], b"\0\0\0\0", b"#!/bin/sh\n"] {
        assert_eq!(opened(nothing).unwrap_err().kind, Kind::Source);
    }
}

#[test]
fn what_no_kernel_can_unpack_is_refused_with_what_to_do() {
    let a = one("a", "1");
    let joined = [packed(Compression::Lz4, &a), packed(Compression::Gzip, &a)].concat();
    let failure = opened(joined).unwrap_err();
    assert!(
        failure.hint.as_deref().unwrap().contains("eight zeros"),
        "{failure}"
    );
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.window_log(28).unwrap();
    encoder.write_all(&a).unwrap();
    let failure = opened(encoder.finish().unwrap()).unwrap_err();
    assert!(failure.to_string().contains("256 MiB"), "{failure}");
}

#[test]
fn bombs_are_refused() {
    let limits = Limits {
        bytes: 1 << 20,
        ..Limits::default()
    };
    let bomb = vec![0; 64 << 20];
    for compression in [Compression::Gzip, Compression::Zstd, Compression::Lz4] {
        let failure = read("test", packed(compression, &bomb), limits).unwrap_err();
        assert!(failure.what.contains("unpacks to more"), "{failure}");
    }
    // Each is small enough, both together are not.
    let half = packed(Compression::Gzip, &vec![0; 600 << 10]);
    assert!(read("test", [half.clone(), half].concat(), limits).is_err());
    let few = Limits {
        members: 1,
        ..Limits::default()
    };
    let two = Made::default()
        .with("a", FILE, "")
        .with("b", FILE, "")
        .end();
    assert!(read("test", two, few).is_err());
    let few = Limits {
        segments: 1,
        ..Limits::default()
    };
    assert!(read("test", [one("a", ""), one("b", "")].concat(), few).is_err());
}

#[test]
fn an_archive_cut_anywhere_is_refused_or_said_to_have_no_trailer() {
    let whole = Made::default()
        .with("a", FILE, "contents")
        .with("b", LINK, "a")
        .end();
    for length in 1..whole.len() - 3 {
        if let Ok(archive) = opened(&whole[..length]) {
            assert_eq!(problems(&archive), [Problem::NoTrailer], "{length}");
        }
    }
    for compression in [Compression::Gzip, Compression::Xz, Compression::Zstd] {
        let packed = packed(compression, &whole);
        for length in 2..packed.len() {
            assert_eq!(opened(&packed[..length]).unwrap_err().kind, Kind::Source);
        }
    }
}

#[test]
fn cpio_lists_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for path in ["a", "b", "ü"] {
        fs_err::write(folder.path().join(path), path).unwrap();
    }
    fs_err::hard_link(folder.path().join("a"), folder.path().join("z")).unwrap();
    fs_err::os::unix::fs::symlink("a", folder.path().join("link")).unwrap();
    let tool = |args: &[&str]| Tool::new("cpio").args(args).folder(folder.path());
    let names = b".\na\nb\nlink\nz\n\xc3\xbc\n";
    let out = tool(&["--quiet", "-o", "-H", "newc", "-O", "archive"]);
    out.stdin(*names).run().unwrap();
    let bytes = fs_err::read(folder.path().join("archive")).unwrap();
    let archive = opened(bytes).unwrap();
    assert_eq!(listed(&archive), ["a a", "b b", "link -> a", "z a", "ü ü"]);
    assert_eq!(problems(&archive), []);
    let names = tool(&["--quiet", "-it", "-I", "archive"]).read().unwrap();
    let ours: Vec<&str> = archive.tree.iter().map(|(path, _)| path.as_str()).collect();
    let theirs: std::collections::BTreeSet<&str> =
        names.lines().filter(|name| *name != ".").collect();
    assert_eq!(ours, theirs.into_iter().collect::<Vec<_>>());
}

fn mixture() -> Vec<u8> {
    let main = Made::default()
        .with(".", DIRECTORY, "")
        .with("d", DIRECTORY, "")
        .with("l", LINK, "d")
        .built(Builder::new("l/h").mode(FILE).ino(3).nlink(2), "")
        .built(Builder::new("h").mode(FILE).ino(3).nlink(2), "hard")
        .with("l/x", FILE, "x")
        .end();
    let early = one("early", "e");
    [
        &early[..],
        &main,
        &packed(Compression::Lz4, &main),
        &[0; 8],
        &packed(Compression::Gzip, &early),
    ]
    .concat()
}

proptest! {
    #[test]
    fn mutations_do_no_harm(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in any::<prop::sample::Index>()) {
        let mut bytes = mixture();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        opened(&bytes[..cut.index(bytes.len())]).ok();
        if let Ok(archive) = opened(bytes) {
            for (path, _) in archive.tree.iter() {
                prop_assert!(archive.details.contains_key(path));
                prop_assert!(path.ancestors().all(|above| archive.tree.get(&above).unwrap().node == Node::Directory));
            }
        }
    }

    #[test]
    fn headers_with_any_numbers_do_no_harm(numbers in prop::collection::vec(prop_oneof![0u32..20, any::<u32>()], 13), tail in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut bytes = b"070701".to_vec();
        for number in numbers {
            bytes.extend(format!("{number:08x}").bytes());
        }
        bytes.extend(tail);
        opened(bytes).ok();
    }
}
