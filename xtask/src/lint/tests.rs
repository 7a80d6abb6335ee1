//! What the tests of the rules share, and the tests of the whole.

use object::elf;

use super::{Bundle, Finding, Settings, Subject, check};
use crate::image::path::ImagePath;
use crate::image::tree::{DeviceKind, Entry, FileTree, Node, Origin};

fn origin() -> Origin {
    Origin::Archive { segment: 1 }
}

/// A tree of texts: `-> target` is a link, and a text that ends in `!` is executable.
pub(super) fn image(files: &[(&str, &str)]) -> FileTree {
    entries(files.iter().map(|&(path, text)| {
        let entry = match (text.strip_prefix("-> "), text.strip_suffix('!')) {
            (Some(target), _) => Entry::symlink(target, origin()),
            (None, Some(text)) => Entry::file(text, true, origin()),
            (None, None) => Entry::file(text, false, origin()),
        };
        (path, entry)
    }))
}

pub(super) fn entries<'p>(files: impl IntoIterator<Item = (&'p str, Entry)>) -> FileTree {
    let mut tree = FileTree::default();
    for (path, entry) in files {
        tree.add(path.parse().unwrap(), entry).unwrap();
    }
    tree.fill_parents(0o755);
    tree
}

pub(super) fn bundle(files: &[(&str, &str)]) -> Bundle {
    let files = files.iter();
    files
        .map(|&(path, text)| (path.to_owned(), text.into()))
        .collect()
}

/// Everything but the missing `/init`: hardly any test needs one.
fn of(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = check(subject).unwrap();
    findings.retain(|finding| finding.id != "no-init");
    findings
}

fn subject<'a>(tree: &'a FileTree, settings: &'a Settings) -> Subject<'a> {
    Subject {
        tree,
        symbols: &[],
        compressed: 100,
        segments: &[],
        bundle: None,
        config: None,
        release: None,
        settings,
    }
}

pub(super) fn findings(tree: &FileTree) -> Vec<Finding> {
    of(&subject(tree, &Settings::default()))
}

pub(super) fn with_bundle(tree: &FileTree, files: &Bundle) -> Vec<Finding> {
    of(&Subject {
        bundle: Some(files),
        ..subject(tree, &Settings::default())
    })
}

pub(super) fn ids(tree: &FileTree) -> Vec<&'static str> {
    ids_of(&findings(tree))
}

fn ids_of(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().map(|finding| finding.id).collect()
}

/// An ELF program of 64 bits for this machine: its interpreter, and dynamic entries with texts.
fn program(machine: elf::Machine, interpreter: &str, texts: &[(u64, &str)]) -> Vec<u8> {
    const HEADERS: u64 = 64 + 3 * 56;
    let mut strings = format!("{interpreter}\0").into_bytes();
    let mut dynamic: Vec<[u64; 2]> = Vec::new();
    for (tag, text) in texts {
        dynamic.push([*tag, strings.len() as u64]);
        strings.extend(text.bytes().chain([0]));
    }
    let table = HEADERS + strings.len() as u64;
    dynamic.extend([[5, HEADERS], [10, strings.len() as u64], [0, 0]]);
    let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let put = |bytes: &mut Vec<u8>, numbers: &[(u64, usize)]| {
        for (number, size) in numbers {
            bytes.extend(&number.to_le_bytes()[..*size]);
        }
    };
    put(
        &mut bytes,
        &[
            (3, 2),
            (u64::from(machine.0), 2),
            (1, 4),
            (0, 8),
            (64, 8),
            (0, 8),
            (0, 4),
        ],
    );
    put(
        &mut bytes,
        &[(64, 2), (56, 2), (3, 2), (0, 2), (0, 2), (0, 2)],
    );
    let size = dynamic.len() as u64 * 16;
    // Without an interpreter it is a library: the header counts for nothing (PT_NULL).
    let kind = if interpreter.is_empty() { 0 } else { 3 };
    for (kind, offset, size) in [
        (1, 0, table + size),
        (kind, HEADERS, interpreter.len() as u64 + 1),
        (2, table, size),
    ] {
        put(
            &mut bytes,
            &[
                (kind, 4),
                (4, 4),
                (offset, 8),
                (offset, 8),
                (offset, 8),
                (size, 8),
                (size, 8),
                (1, 8),
            ],
        );
    }
    bytes.extend(strings);
    for [tag, value] in dynamic {
        put(&mut bytes, &[(tag, 8), (value, 8)]);
    }
    bytes
}

const NEEDED: u64 = 1;
const RPATH: u64 = 15;
const RUNPATH: u64 = 29;

/// A path, its machine, its dynamic entries.
type Made<'a> = (&'a str, elf::Machine, &'a [(u64, &'a str)]);

fn elves(files: &[Made<'_>]) -> FileTree {
    entries(files.iter().map(|&(path, machine, texts)| {
        let bytes = program(machine, "/lib64/ld.so", texts);
        (path, Entry::file(bytes, true, origin()))
    }))
}

#[test]
fn libraries_are_looked_for_as_the_loader_does() {
    let x86 = elf::EM_X86_64;
    let loader = ("/lib64/ld.so", x86, &[][..]);
    for (library, texts) in [
        (
            "/usr/lib/x86_64-linux-gnu/libx.so",
            &[(NEEDED, "libx.so")][..],
        ),
        (
            "/opt/lib/libx.so",
            &[(RUNPATH, "$ORIGIN/../lib"), (NEEDED, "libx.so")],
        ),
        (
            "/opt/lib/libx.so",
            &[(RPATH, "/a:/opt/lib"), (NEEDED, "libx.so")],
        ),
        ("/opt/libx.so", &[(NEEDED, "/opt/libx.so")]),
    ] {
        let there = elves(&[loader, ("/opt/bin/a", x86, texts), (library, x86, &[])]);
        assert_eq!(ids(&there), Vec::<&str>::new(), "{library}");
        let gone = elves(&[loader, ("/opt/bin/a", x86, texts)]);
        assert_eq!(ids(&gone), ["missing-library"], "{library}");
    }
}

#[test]
fn what_a_program_has_loaded_is_not_looked_for_again() {
    let x86 = elf::EM_X86_64;
    let needs_both = [(RUNPATH, "/opt/lib"), (NEEDED, "a.so"), (NEEDED, "b.so")];
    let mut tree = elves(&[
        ("/lib64/ld.so", x86, &[]),
        ("/bin/a", x86, &needs_both),
        ("/opt/lib/b.so", x86, &[]),
    ]);
    // `a.so` itself does not say where `b.so` is.
    let library = program(x86, "", &[(NEEDED, "b.so")]);
    let entry = Entry::file(library, true, origin());
    tree.add("/opt/lib/a.so".parse().unwrap(), entry).unwrap();
    assert_eq!(ids(&tree), Vec::<&str>::new());
}

#[test]
fn a_library_for_another_machine_is_none() {
    let tree = elves(&[
        ("/lib64/ld.so", elf::EM_X86_64, &[]),
        ("/bin/sh", elf::EM_X86_64, &[(NEEDED, "libx.so")]),
        ("/lib/libx.so", elf::EM_AARCH64, &[]),
        ("/lib/firmware/dsp.elf", elf::EM_ARM, &[]),
    ]);
    assert_eq!(ids(&tree), ["missing-library", "wrong-machine"]);
}

#[test]
fn the_loaders_configuration_counts() {
    let mut tree = elves(&[
        ("/lib64/ld.so", elf::EM_X86_64, &[]),
        ("/bin/a", elf::EM_X86_64, &[(NEEDED, "libx.so")]),
        ("/opt/x/libx.so", elf::EM_X86_64, &[]),
    ]);
    let mut put = |path: &str, text: &str| {
        let entry = Entry::file(text, false, origin());
        tree.add(path.parse().unwrap(), entry).unwrap();
    };
    put(
        "/etc/ld.so.conf",
        "include /etc/ld.so.conf.d/*.conf\ninclude /etc/ld.so.conf\n",
    );
    put("/etc/ld.so.conf.d/x.conf", "# x\n/opt/x # y\n");
    tree.fill_parents(0o755);
    assert_eq!(ids(&tree), Vec::<&str>::new());
}

#[test]
fn interpreters_have_to_be_there() {
    let tree = elves(&[("/bin/a", elf::EM_X86_64, &[])]);
    assert_eq!(ids(&tree), ["missing-interpreter"]);
    for (script, count) in [
        ("#!/bin/sh\n!", 0),
        ("#! /bin/sh -e\n!", 0),
        ("#!/usr/bin/env -S A=b sh\n!", 0),
        ("#!/bin/bash\n!", 1),
        ("#!/bin/sh\r\n!", 1),
        ("#!/usr/bin/env perl\n!", 1),
        ("#!/bin/bash\n", 0),
        ("#!\n!", 0),
    ] {
        let tree = image(&[("/a", script), ("/bin/sh", "x!"), ("/usr/bin/env", "x!")]);
        assert_eq!(ids(&tree).len(), count, "{script:?}");
    }
}

#[test]
fn damaged_programs_are_named() {
    assert_eq!(
        ids(&image(&[("/bin/a", "\x7fELF\x02\x01!")])),
        ["damaged-program"]
    );
    assert!(ids(&image(&[("/lib/a", "\x7fELF\x02\x01")])).is_empty());
}

#[test]
fn the_kernel_has_to_find_something_to_start() {
    let settings = Settings::default();
    let all = |tree: &FileTree| ids_of(&check(&subject(tree, &settings)).unwrap());
    assert_eq!(all(&image(&[])), ["no-init"]);
    assert_eq!(all(&image(&[("/init", "x")])), ["no-init"]);
    assert!(all(&image(&[("/init", "-> sbin/init"), ("/sbin/init", "x!")])).is_empty());
    let files = bundle(&[("pxelinux.cfg/default", "APPEND rdinit=/bin/a")]);
    for (tree, count) in [
        (image(&[("/init", "x!")]), 1),
        (image(&[("/bin/a", "x!")]), 0),
    ] {
        let subject = Subject {
            bundle: Some(&files),
            ..subject(&tree, &settings)
        };
        assert_eq!(check(&subject).unwrap().len(), count);
    }
}

#[test]
fn size_and_segments_are_held_to_account() {
    let tree = image(&[]);
    let settings = |size| Settings {
        size: Some(size),
        ..Settings::default()
    };
    assert_eq!(ids_of(&of(&subject(&tree, &settings(99)))), ["size"]);
    assert!(of(&subject(&tree, &settings(100))).is_empty());
    let (settings, problems) = (settings(100), ["segment 2 begins at 3".to_owned()]);
    let broken = Subject {
        segments: &problems,
        ..subject(&tree, &settings)
    };
    assert_eq!(ids_of(&of(&broken)), ["segment"]);
}

#[test]
fn files_are_searched_for_keys_and_places() {
    let settings = Settings {
        places: vec!["/home/me/checkout".to_owned()],
        ..Settings::default()
    };
    let key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0\n";
    let tree = image(&[
        ("/a", "/home/me/checkout/x"),
        ("/etc/key.pem", key),
        ("/b", "c"),
    ]);
    let found = of(&subject(&tree, &settings));
    assert_eq!(ids_of(&found), ["private-key", "build-path"]);
}

const CONFIG: &str = "CONFIG_BLK_DEV_INITRD=y\nCONFIG_DEVTMPFS=y\nCONFIG_RD_XZ=y\nCONFIG_MODULES=y\n\
    CONFIG_SERIAL_8250_CONSOLE=y\nCONFIG_FW_LOADER=y\nCONFIG_MICROCODE=y\n";

fn with_kernel(tree: &FileTree, config: &str, release: Option<&str>) -> Vec<&'static str> {
    let files = bundle(&[("pxelinux.cfg/default", "APPEND console=ttyS0,9600")]);
    let settings = Settings::default();
    ids_of(&of(&Subject {
        symbols: &["RD_XZ"],
        bundle: Some(&files),
        config: Some(config),
        release,
        ..subject(tree, &settings)
    }))
}

fn modular() -> FileTree {
    let module = "\x7fELF..\0vermagic=6.1 SMP \0";
    image(&[
        ("/lib/modules/6.1/kernel/a.ko", module),
        ("/lib/firmware/a.bin", ""),
        ("/kernel/x86/microcode/GenuineIntel.bin", ""),
    ])
}

#[test]
fn each_option_that_is_needed_is_missed() {
    assert!(with_kernel(&modular(), CONFIG, Some("6.1")).is_empty());
    for line in CONFIG.lines() {
        let config = CONFIG.replace(line, "");
        assert_eq!(
            with_kernel(&modular(), &config, Some("6.1")),
            ["kernel-option"],
            "{line}"
        );
    }
}

#[test]
fn a_kernel_says_its_release() {
    let mut kernel = vec![0; 0x300];
    kernel[0x202..0x206].copy_from_slice(b"HdrS");
    kernel[0x20e] = 0x20;
    kernel[0x220..0x22a].copy_from_slice(b"6.1.0-9 (x");
    assert_eq!(super::release(&kernel).as_deref(), Some("6.1.0-9"));
    assert_eq!(super::release(&kernel[..0x210]), None);
    assert_eq!(super::release(&kernel[1..]), None);
    assert_eq!(super::release(b""), None);
}

#[test]
fn a_kernel_that_insists_on_signatures_loads_nothing_else() {
    let config = format!("{CONFIG}CONFIG_MODULE_SIG_FORCE=y\n");
    let module = program(elf::EM_X86_64, "", &[]);
    let mut signed = module.clone();
    signed.extend(b"~Module signature appended~\n");
    for (bytes, count) in [(module, 1), (signed, 0)] {
        let mut relocatable = bytes;
        relocatable[16] = 1;
        let tree = entries([(
            "/lib/modules/6.1/a.ko",
            Entry::file(relocatable, false, origin()),
        )]);
        assert_eq!(with_kernel(&tree, &config, Some("6.1")).len(), count);
    }
}

#[test]
fn modules_are_for_the_kernel_beside_them() {
    assert_eq!(
        with_kernel(&modular(), CONFIG, Some("6.2")),
        ["module-version"]
    );
    assert!(with_kernel(&modular(), CONFIG, None).is_empty());
    let mut bytes = program(elf::EM_X86_64, "", &[]);
    bytes[16] = 1;
    bytes.extend(b"\0vermagic=5.10 SMP \0");
    let tree = entries([("/lib/modules/6.1/a.ko", Entry::file(bytes, false, origin()))]);
    assert_eq!(ids(&tree), ["module-version"]);
    assert_eq!(with_kernel(&tree, CONFIG, Some("6.1")), ["module-version"]);
}

#[test]
fn hostile_trees_do_no_harm() {
    let table = "include /etc/ld.so.conf\ninclude /etc/**\n".repeat(1000);
    let script = format!("#!{}\n'\"`$(((", "x".repeat(100_000));
    let mut tree = image(&[
        ("/etc/ld.so.conf", &table),
        (
            "/etc/inittab",
            ":::::\n:respawn:\n::respawn:\u{0}\n::respawn:-\n::respawn:exec\n",
        ),
        ("/etc/passwd", ":\n::::::::\na:\n"),
        ("/init", &format!("{script}!")),
        ("/a", "-> a/a/a/a"),
    ]);
    let node = Node::Device {
        device: DeviceKind::Character,
        major: u32::MAX,
        minor: u32::MAX,
    };
    for name in ["dev/tty99999999999", "dev/ttyS4294967295", "dev/1"] {
        let path: ImagePath = name.parse().unwrap();
        tree.add(path, Entry::new(node.clone(), 0o7777, origin()))
            .unwrap();
    }
    let files = bundle(&[
        (
            "pxelinux.cfg/default",
            "INCLUDE pxelinux.cfg/default\nSERIAL\nSERIAL 0 x\nAPPEND initrd=,, console=, console=ttyS0,x\nDEFAULT\nUI\nLABEL\n",
        ),
        ("SHA256SUMS", "x\n  \n"),
        ("ldlinux.c32", "\x7fELF"),
        ("pxelinux.0", ""),
    ]);
    assert!(!with_bundle(&tree, &files).is_empty());
}
