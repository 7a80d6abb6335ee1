//! Modes, owners and device nodes.

use super::Finding;
use super::facts::Facts;
use super::rules::{DEVICE, OWNER, SET_ID, SHADOW_MODE, WORLD_WRITABLE};
use crate::image::path::ImagePath;
use crate::image::tree::{DeviceKind, Entry, Node, Origin};

/// Devices that everybody writes to, on every Linux (`drivers/char/mem.c`, `drivers/tty/tty_io.c`).
const OPEN: [&str; 9] = [
    "full", "fuse", "net/tun", "null", "ptmx", "random", "tty", "urandom", "zero",
];

/// What Linux has under which name (Documentation/admin-guide/devices.txt): name up to its number, kind, major, minor of number 0.
const DEVICES: &[(&str, DeviceKind, u32, u32)] = &[
    ("mem", DeviceKind::Character, 1, 1),
    ("null", DeviceKind::Character, 1, 3),
    ("zero", DeviceKind::Character, 1, 5),
    ("full", DeviceKind::Character, 1, 7),
    ("random", DeviceKind::Character, 1, 8),
    ("urandom", DeviceKind::Character, 1, 9),
    ("kmsg", DeviceKind::Character, 1, 11),
    ("ram", DeviceKind::Block, 1, 0),
    ("ttyS", DeviceKind::Character, 4, 64),
    ("tty", DeviceKind::Character, 5, 0),
    ("console", DeviceKind::Character, 5, 1),
    ("ptmx", DeviceKind::Character, 5, 2),
    ("loop", DeviceKind::Block, 7, 0),
    ("fuse", DeviceKind::Character, 10, 229),
    ("net/tun", DeviceKind::Character, 10, 200),
    ("ttyAMA", DeviceKind::Character, 204, 64),
    ("hvc", DeviceKind::Character, 229, 0),
];

/// Virtual terminals share a name with the terminal that is none of them.
const TERMINALS: (&str, DeviceKind, u32, u32) = ("tty", DeviceKind::Character, 4, 0);

/// What gives away all memory, or all of a disk.
const NEVER: [&str; 3] = ["mem", "kmem", "port"];

pub(super) fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for (path, entry) in facts.subject.tree.iter() {
        findings.extend(set_id(path, entry));
        findings.extend(world_writable(path, entry));
        findings.extend(owner(path, entry));
        findings.extend(shadow(path, entry));
        findings.extend(device(path, entry));
    }
}

fn set_id(path: &ImagePath, entry: &Entry) -> Option<Finding> {
    let is_file = matches!(entry.node, Node::File(_));
    let who = match entry.mode & 0o6000 {
        0o4000 => format!("user {}", entry.uid),
        0o2000 => format!("group {}", entry.gid),
        0o6000 => format!("user {} and group {}", entry.uid, entry.gid),
        _ => return None,
    };
    is_file.then(|| {
        SET_ID.at(
            path,
            format!("{path} runs with the rights of {who}, whoever starts it"),
        )
    })
}

fn world_writable(path: &ImagePath, entry: &Entry) -> Option<Finding> {
    let is_open = entry.mode & 0o002 != 0;
    let is_meant = match &entry.node {
        Node::Symlink { .. } => true,
        Node::Directory => entry.mode & 0o1000 != 0,
        Node::Device { .. } => device_name(path).is_some_and(|name| OPEN.contains(&name)),
        Node::File(_) | Node::Fifo | Node::Socket => false,
    };
    (is_open && !is_meant).then(|| {
        let what = format!("everybody may write to {path} (mode {:04o})", entry.mode);
        WORLD_WRITABLE.at(path, what)
    })
}

fn owner(path: &ImagePath, entry: &Entry) -> Option<Finding> {
    // Groups of devices (tty, disk) are given for a purpose.
    let group = if matches!(entry.node, Node::Device { .. }) {
        0
    } else {
        entry.gid
    };
    ((entry.uid, group) != (0, 0)).then(|| {
        let what = format!("{path} belongs to {}:{}, not to root", entry.uid, entry.gid);
        OWNER.at(path, what)
    })
}

fn shadow(path: &ImagePath, entry: &Entry) -> Option<Finding> {
    let is_shadow = matches!(path.as_str(), "etc/shadow" | "etc/gshadow");
    (is_shadow && entry.mode & 0o004 != 0 && matches!(entry.node, Node::File(_))).then(|| {
        SHADOW_MODE.at(
            path,
            format!("everybody may read {path} (mode {:04o})", entry.mode),
        )
    })
}

fn device_name(path: &ImagePath) -> Option<&str> {
    path.as_str().strip_prefix("dev/")
}

fn device(path: &ImagePath, entry: &Entry) -> Option<Finding> {
    let Node::Device {
        device,
        major,
        minor,
    } = entry.node
    else {
        return None;
    };
    let Some(name) = device_name(path) else {
        return Some(DEVICE.at(path, format!("{path} is a device node outside of /dev")));
    };
    if NEVER.contains(&name) {
        return Some(DEVICE.at(path, format!("{path} gives away the machine's memory")));
    }
    let is_asked_for = matches!(entry.origin, Origin::Recipe { .. });
    match known(name) {
        Some(real) if real != (device, major, minor) => {
            let what = format!(
                "{path} is device {major}:{minor} ({device:?}), and Linux has {}:{} ({:?}) there",
                real.1, real.2, real.0
            );
            Some(
                DEVICE.at(
                    path,
                    what.replace("Character", "character")
                        .replace("Block", "block"),
                ),
            )
        }
        Some(_) => None,
        None if is_asked_for => None,
        None => Some(DEVICE.at(
            path,
            format!("nobody asked for the device node {path} ({major}:{minor})"),
        )),
    }
}

/// What Linux has under a name.
fn known(name: &str) -> Option<(DeviceKind, u32, u32)> {
    let base = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = &name[base.len()..];
    let row = if base == "tty" && !number.is_empty() {
        &TERMINALS
    } else {
        DEVICES.iter().find(|(known, ..)| *known == base)?
    };
    let number: u32 = if number.is_empty() {
        0
    } else {
        number.parse().ok()?
    };
    Some((row.1, row.2, row.3.checked_add(number)?))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{entries, ids, image};
    use super::*;

    fn node(device: DeviceKind, major: u32, minor: u32, mode: u32) -> Entry {
        let origin = Origin::Archive { segment: 1 };
        let node = Node::Device {
            device,
            major,
            minor,
        };
        Entry::new(node, mode, origin)
    }

    fn at(path: &str, entry: Entry) -> Vec<&'static str> {
        ids(&entries([(path, entry)]))
    }

    fn mode(path: &str, mode: u32) -> Entry {
        let tree = image(&[(path, "x")]);
        let path = path.parse().unwrap();
        Entry {
            mode,
            ..tree.get(&path).unwrap().clone()
        }
    }

    #[test]
    fn set_id_bits_are_found_on_files() {
        assert_eq!(at("/bin/su", mode("/bin/su", 0o4755)), ["set-id"]);
        assert_eq!(at("/bin/su", mode("/bin/su", 0o2755)), ["set-id"]);
        assert!(at("/bin/su", mode("/bin/su", 0o755)).is_empty());
        let folder = Entry::new(Node::Directory, 0o2755, Origin::Archive { segment: 1 });
        assert!(at("/var", folder).is_empty());
    }

    #[test]
    fn what_everybody_may_write_to_is_found() {
        let folder = |mode| Entry::new(Node::Directory, mode, Origin::Archive { segment: 1 });
        assert_eq!(at("/srv", folder(0o777)), ["world-writable"]);
        assert!(at("/tmp", folder(0o1777)).is_empty());
        assert_eq!(at("/etc/x", mode("/etc/x", 0o666)), ["world-writable"]);
        let disk = Entry {
            origin: Origin::Recipe {
                table: "image.devices".to_owned(),
            },
            ..node(DeviceKind::Block, 8, 0, 0o666)
        };
        assert_eq!(at("/dev/sda", disk), ["world-writable"]);
        assert!(at("/dev/null", node(DeviceKind::Character, 1, 3, 0o666)).is_empty());
    }

    #[test]
    fn owners_other_than_root_are_found() {
        let mine = Entry {
            uid: 1000,
            ..mode("/x", 0o644)
        };
        assert_eq!(at("/x", mine), ["owner"]);
        let terminal = Entry {
            gid: 5,
            ..node(DeviceKind::Character, 4, 1, 0o620)
        };
        assert!(at("/dev/tty1", terminal).is_empty());
    }

    #[test]
    fn a_shadow_that_everybody_may_read_is_found() {
        assert_eq!(
            at("/etc/shadow", mode("/etc/shadow", 0o644)),
            ["shadow-mode"]
        );
        assert!(at("/etc/shadow", mode("/etc/shadow", 0o640)).is_empty());
    }

    #[test]
    fn devices_that_are_not_what_their_name_says_are_found() {
        let character = |major, minor| node(DeviceKind::Character, major, minor, 0o600);
        for (path, entry) in [
            ("/dev/console", character(5, 1)),
            ("/dev/tty", character(5, 0)),
            ("/dev/tty12", character(4, 12)),
            ("/dev/ttyS1", character(4, 65)),
            ("/dev/loop0", node(DeviceKind::Block, 7, 0, 0o600)),
        ] {
            assert!(at(path, entry).is_empty(), "{path}");
        }
        for (path, entry) in [
            ("/dev/null", character(1, 5)),
            ("/dev/null", node(DeviceKind::Block, 1, 3, 0o600)),
            ("/etc/null", character(1, 3)),
            ("/dev/mem", character(1, 1)),
            ("/dev/sda", node(DeviceKind::Block, 8, 0, 0o600)),
        ] {
            assert_eq!(at(path, entry), ["device"], "{path}");
        }
    }

    #[test]
    fn a_device_that_the_recipe_names_is_expected() {
        let origin = Origin::Recipe {
            table: "image.devices".to_owned(),
        };
        let disk = Entry {
            origin,
            ..node(DeviceKind::Block, 8, 0, 0o600)
        };
        assert!(at("/dev/sda", disk).is_empty());
    }
}
