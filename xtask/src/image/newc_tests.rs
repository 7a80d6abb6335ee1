//! Archives that are written are read back as they were meant; archives that are not proper are refused.

use proptest::prelude::*;

use super::newc::{length, write};
use super::newc_read::{Member, read};
use super::segments::{self, Limits};
use super::tree::{DeviceKind, Entry, FileTree, Node, Origin};
use crate::digest::Digest;
use crate::failure::Kind;

fn origin() -> Origin {
    Origin::Generated {
        what: "test".to_owned(),
    }
}

fn sample() -> FileTree {
    let mut tree = FileTree::default();
    let console = Node::Device {
        device: DeviceKind::Character,
        major: 5,
        minor: 1,
    };
    let mut private = Entry::file("secret", false, origin());
    (private.mode, private.uid, private.gid) = (0o4600, 7, 8);
    for (path, entry) in [
        ("/dev/console", Entry::new(console, 0o600, origin())),
        ("/bin/busybox", Entry::file("\u{7f}ELF", true, origin())),
        ("/bin/sh", Entry::symlink("busybox", origin())),
        ("/a-b", private),
        ("/a/b/c", Entry::file("", false, origin())),
    ] {
        tree.add(path.parse().unwrap(), entry).unwrap();
    }
    tree.fill_parents(0o755);
    tree
}

fn written(tree: &FileTree) -> Vec<u8> {
    let mut bytes = Vec::new();
    let length = write(tree, 1_700_000_000, &mut bytes).unwrap();
    assert_eq!(length, bytes.len() as u64);
    bytes
}

fn find<'a>(members: &'a [Member<'a>], name: &str) -> &'a Member<'a> {
    members.iter().find(|member| member.name == name).unwrap()
}

#[test]
fn the_bytes_are_pinned() {
    let digest = Digest::of(written(&sample())).to_string();
    assert_eq!(
        digest,
        "e693e380628cc898aa3275e9fcb676d3b8c7aad8c710ecd682b2450f3bfe4580"
    );
}

#[test]
fn members_are_sorted_numbered_and_dated() {
    let bytes = written(&sample());
    let members = read(&bytes).unwrap();
    let names: Vec<&str> = members.iter().map(|member| &*member.name).collect();
    let expected = [
        ".",
        "a",
        "a-b",
        "a/b",
        "a/b/c",
        "bin",
        "bin/busybox",
        "bin/sh",
        "dev",
        "dev/console",
    ];
    assert_eq!(names, expected);
    for (member, ino) in members.iter().zip(1..) {
        assert_eq!((member.ino, member.mtime), (ino, 1_700_000_000));
    }
    assert_eq!(bytes.len() % 512, 0);
}

#[test]
fn links_modes_owners_and_devices_are_right() {
    let bytes = written(&sample());
    let members = read(&bytes).unwrap();
    for (name, nlink, mode) in [
        (".", 5, 0o040_755),
        ("a", 3, 0o040_755),
        ("a/b", 2, 0o040_755),
        ("a-b", 1, 0o104_600),
        ("bin/busybox", 1, 0o100_755),
        ("bin/sh", 1, 0o120_777),
        ("dev/console", 1, 0o020_600),
    ] {
        let member = find(&members, name);
        assert_eq!((member.nlink, member.mode), (nlink, mode), "{name}");
    }
    let private = find(&members, "a-b");
    assert_eq!((private.uid, private.gid), (7, 8));
    assert_eq!(find(&members, "dev/console").rdev, (5, 1));
    assert_eq!(find(&members, "bin/sh").contents, b"busybox");
}

#[test]
fn what_the_kernel_cannot_take_is_refused() {
    let long = "n/".repeat(2049);
    let digest = Digest::of("");
    let huge = super::content::Content::File {
        path: "/nowhere".into(),
        size: 1 << 32,
        digest: super::content::known(digest),
    };
    for (path, entry) in [
        (long.as_str(), Entry::file("", false, origin())),
        ("x", Entry::symlink(&*long, origin())),
        ("TRAILER!!!", Entry::file("", false, origin())),
        ("x", Entry::file(huge, false, origin())),
    ] {
        let mut tree = FileTree::default();
        tree.add(path.parse().unwrap(), entry).unwrap();
        tree.fill_parents(0o755);
        let failure = write(&tree, 0, std::io::sink()).unwrap_err();
        assert_eq!(failure.kind, Kind::Recipe, "{failure}");
    }
}

#[test]
fn a_missing_parent_is_a_bug() {
    let mut tree = FileTree::default();
    tree.add("a/b".parse().unwrap(), Entry::file("", false, origin()))
        .unwrap();
    assert_eq!(
        write(&tree, 0, std::io::sink()).unwrap_err().kind,
        Kind::Bug
    );
}

#[test]
fn an_archive_cut_anywhere_is_refused() {
    let bytes = written(&sample());
    let end = bytes.iter().rposition(|&byte| byte != 0).unwrap();
    for length in 0..end {
        let failure = read(&bytes[..length]).unwrap_err();
        assert_eq!(failure.kind, Kind::Source, "{failure}");
    }
}

#[test]
fn names_that_leave_the_image_are_refused() {
    for name in ["../x", "/x", "a/../../x", "a//b", ""] {
        let mut bytes = Vec::new();
        cpio::newc::Builder::new(name)
            .mode(0o100_644)
            .write(&mut bytes, 0)
            .finish()
            .unwrap();
        cpio::newc::trailer(&mut bytes).unwrap();
        assert_eq!(read(&bytes).unwrap_err().kind, Kind::Source, "{name:?}");
    }
}

fn entries() -> impl Strategy<Value = Vec<(String, Entry)>> {
    let node = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| Node::File(bytes.into())),
        Just(Node::Directory),
        "[a-z/]{1,20}".prop_map(|target| Node::Symlink { target }),
        (0u32..4096, 0u32..1 << 20).prop_map(|(major, minor)| Node::Device {
            device: DeviceKind::Block,
            major,
            minor
        }),
    ];
    let entry =
        (node, 0u32..=0o7777, any::<u32>(), any::<u32>()).prop_map(|(node, mode, uid, gid)| {
            Entry {
                uid,
                gid,
                ..Entry::new(node, mode, origin())
            }
        });
    prop::collection::vec(("[a-c]{1,2}(/[a-cé]{1,3}){0,3}", entry), 0..20)
}

proptest! {
    #[test]
    fn every_tree_comes_back(entries in entries()) {
        let mut before = FileTree::default();
        for (path, entry) in entries {
            // Those that disagree with what is there already are left out.
            before.add(path.parse().unwrap(), entry).ok();
        }
        before.fill_parents(0o755);
        let bytes = written(&before);
        prop_assert_eq!(bytes.len() as u64, length(&before));
        let after = segments::read("test", bytes, Limits::default()).unwrap().tree;
        prop_assert_eq!(before.len(), after.len());
        for (path, entry) in before.iter() {
            let read = after.get(path).unwrap();
            prop_assert_eq!((&entry.node, entry.mode, entry.uid), (&read.node, read.mode, read.uid));
        }
    }

    #[test]
    fn random_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(read(&bytes).is_err());
    }

    #[test]
    fn damage_does_no_harm(at in 0usize..2000, byte in any::<u8>()) {
        let mut bytes = written(&sample());
        let length = bytes.len();
        bytes[at % length] = byte;
        read(&bytes).ok();
    }
}
