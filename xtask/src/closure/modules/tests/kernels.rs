use std::io::Write;
use std::os::unix::fs::symlink;

use super::{Elf, RELEASE, Root, sample};
use crate::closure::modules::{releases, scan};
use crate::failure::Kind;

#[test]
fn a_kernel_is_found_in_lib_or_usr_lib() {
    let root = sample();
    assert_eq!(root.kernel().below, format!("usr/lib/modules/{RELEASE}"));
    symlink("usr/lib", root.path().join("lib")).unwrap();
    assert_eq!(root.kernel().release, RELEASE);
    fs_err::remove_file(root.path().join("lib")).unwrap();
    fs_err::rename(root.path().join("usr/lib"), root.path().join("lib")).unwrap();
    assert_eq!(root.kernel().below, format!("lib/modules/{RELEASE}"));
}

#[test]
fn several_kernels_have_to_be_told_apart() {
    let root = sample();
    fs_err::create_dir_all(root.path().join("lib/modules/6.6.0")).unwrap();
    let failure = scan(root.path(), None).unwrap_err();
    assert!(failure.notes[0].contains("lib/modules/6.6.0"), "{failure}");
    assert_eq!(scan(root.path(), Some(RELEASE)).unwrap().modules.len(), 10);
    assert_eq!(scan(root.path(), Some("5")).unwrap_err().kind, Kind::Source);
    assert_eq!(releases(root.path()).unwrap().len(), 2);
}

#[test]
fn a_link_in_the_place_of_a_folder_leads_nowhere() {
    let (root, outside) = (Root::new(), sample());
    fs_err::remove_dir_all(root.path().join("usr")).unwrap();
    symlink(outside.path().join("usr"), root.path().join("usr")).unwrap();
    assert_eq!(scan(root.path(), None).unwrap_err().kind, Kind::Source);
}

#[test]
fn links_to_modules_count_only_inside_the_folder() {
    let root = sample();
    fs_err::create_dir_all(root.modules.join("weak-updates")).unwrap();
    symlink(
        "../extra/own-thing.ko",
        root.modules.join("weak-updates/alias.ko"),
    )
    .unwrap();
    symlink("/bin/true", root.modules.join("weak-updates/outside.ko")).unwrap();
    symlink("/nowhere", root.modules.join("build")).unwrap();
    let kernel = root.kernel();
    assert!(kernel.find("alias").is_some() && kernel.find("outside").is_none());
    assert_eq!(kernel.notes.len(), 1, "{:?}", kernel.notes);
}

#[test]
fn of_two_modules_with_one_name_updates_count() {
    for (first, other) in [
        ("updates/a/z.ko.xz", "kernel/z.ko"),
        ("updates/z.ko", "extra/z.ko"),
        ("extra/z.ko", "kernel/z.ko"),
        ("kernel/z.ko", "weak-updates/z.ko"),
    ] {
        let root = Root::new().module(first, &[]).module(other, &[]);
        let kernel = root.kernel();
        assert_eq!(kernel.modules.len(), 1);
        assert_eq!(kernel.modules[0].path, first);
        assert_eq!(kernel.find("z"), Some(0));
    }
}

#[test]
fn compressed_modules_are_read_like_others() {
    let plain = Elf::new(&["alias=a-b"]).exports(&["one"]).write();
    let mut xz = xz2::write::XzEncoder::new(Vec::new(), 1);
    xz.write_all(&plain).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).unwrap();
    let packed = [
        ("x", xz.finish().unwrap()),
        ("g", gzip.finish().unwrap()),
        ("z", zstd::encode_all(&plain[..], 1).unwrap()),
    ];
    for ((name, bytes), suffix) in packed.iter().zip(["xz", "gz", "zst"]) {
        let root = Root::new().list("modules.order", &format!("other\nkernel/{name}.ko\n"));
        root.write(&format!("kernel/{name}.ko.{suffix}"), bytes);
        let kernel = root.kernel();
        assert_eq!(kernel.modules[0].name, *name);
        assert_eq!(kernel.info(0).unwrap().aliases, ["a-b"]);
        assert_eq!(kernel.symbols(0).unwrap(), ["one"]);
        assert_eq!(kernel.size(0).unwrap(), bytes.len() as u64);
        assert_eq!(kernel.ranks(&[0]), [1]);
    }
}

#[test]
fn every_class_and_byte_order_is_read() {
    for (wide, little) in [(true, true), (true, false), (false, true), (false, false)] {
        let root = Root::new();
        let elf = Elf {
            wide,
            little,
            ..Elf::new(&["alias=x"]).exports(&["one", "two"])
        };
        root.write("kernel/a.ko", elf.write());
        let kernel = root.kernel();
        assert_eq!(kernel.info(0).unwrap().aliases, ["x"]);
        assert_eq!(kernel.symbols(0).unwrap(), ["one", "two"]);
    }
}

#[test]
fn exports_are_known_however_they_are_marked() {
    for mark in [Some("__crc_"), Some("__ksymtab_"), None] {
        let root = Root::new();
        root.write(
            "kernel/a.ko",
            Elf {
                mark,
                ..Elf::new(&[]).exports(&["one", "two"])
            }
            .write(),
        );
        assert_eq!(
            root.kernel().symbols(0).unwrap(),
            ["one", "two"],
            "{mark:?}"
        );
    }
}
